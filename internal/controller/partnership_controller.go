package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// partnershipController is the name of the controller.
const partnershipController = "partnership"

// PartnershipReconciler keeps the status of partnerships, carries out revocations and sends the mails to partners.
type PartnershipReconciler struct {
	base
	accept     *accept.Step
	tombstones *tombstone.Writer
	// pages are the ConfigMaps of the tombstones.
	pages cache.Cache
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerships/status,verbs=update

func (r *PartnershipReconciler) setup(mgr ctrl.Manager) error {
	requested := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Partnership), e.ObjectNew.(*v1alpha1.Partnership)
		return before.Status.SignIn.Serial != after.Status.SignIn.Serial || before.Status.Acceptance == nil && after.Status.Acceptance != nil ||
			reapplications(before) != reapplications(after) || signin.SignOutText(before) != signin.SignOutText(after)
	}}
	changed := builder.WithPredicates(specChanged)
	// Those with a mail that has not left, which a mended brand may let go on.
	mailing := enqueue(r.base, client.Object.GetNamespace, within(r.Client, lookup.PartnershipsWithMail))
	return newController(mgr, partnershipController, "Partnership", r.courier.Workers()).
		For(&v1alpha1.Partnership{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, requested, resendAsked))).
		Watches(&v1alpha1.Program{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.PartnershipsIn)), changed).
		Watches(&v1alpha1.PartnerGroup{}, enqueue(r.base, programOfGroup, byName(r.Client, lookup.PartnershipsIn)), changed).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, rivalryOf, r.rivals), builder.WithPredicates(comesAndGoes)).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, contactOf, r.together), builder.WithPredicates(mailSettled)).
		Watches(&v1alpha1.PartnerInvite{}, handler.EnqueueRequestsFromMapFunc(inviting), builder.WithPredicates(invitationTurned)).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.PartnershipsJoining)), builder.WithPredicates(comesAndGoes)).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.PartnershipsOfTeam)), builder.WithPredicates(predicate.Or[client.Object](specChanged, peopleComeAndGo))).
		Watches(&v1alpha1.PartnerInvite{}, enqueue(r.base, teamOfInvite, r.awaitingTeam), builder.WithPredicates(teamInviteTurned)).
		Watches(&v1alpha1.PartnerLink{}, enqueue(r.base, partnershipOfLink, r.awaitingLinks), builder.WithPredicates(linkFollowed)).
		WatchesMetadata(&corev1.ConfigMap{}, mailing, r.mattering()).
		WatchesRawSource(source.Kind[client.Object](r.pages, &corev1.ConfigMap{}, r.rewriting())).
		WatchesRawSource(onKeys(r.base, r.keys, keyring.MarksSecretName, r.all)).
		WatchesRawSource(r.mailNews.follow(mailing)).
		WatchesRawSource(r.courier.Turns(partnershipController)).
		Complete(eachOf(r.base, partnershipController, r))
}

// peopleComeAndGo lets through that other people are in a team.
var peopleComeAndGo = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return !slices.Equal(team.Present(e.ObjectOld.(*v1alpha1.PartnerTeam)), team.Present(e.ObjectNew.(*v1alpha1.PartnerTeam)))
}}

// mailSettled lets through that a mail of a partnership has come to its end that those of others may wait for.
var mailSettled = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return partnership.MailSettled(e.ObjectOld.(*v1alpha1.Partnership), e.ObjectNew.(*v1alpha1.Partnership))
	},
}

// contact is a partnership, and whom it is with.
type contact struct {
	client.ObjectKey // of the partnership

	email string
}

func contactOf(object client.Object) contact {
	p := object.(*v1alpha1.Partnership)
	of := contact{ObjectKey: client.ObjectKeyFromObject(p)}
	if p.Spec.Contact != nil {
		of.email = string(p.Spec.Contact.Email)
	}
	return of
}

// together finds the other partnerships of the same contact, whose mails may be one with that of this one.
func (r *PartnershipReconciler) together(ctx context.Context, of contact) ([]reconcile.Request, error) {
	if of.email == "" {
		return nil, nil
	}
	found, err := lookup.PartnershipsOf(ctx, r.Client, of.Namespace, of.email)
	return requestsFor(slices.DeleteFunc(found, func(p v1alpha1.Partnership) bool { return p.Name == of.Name })), err
}

// programOfGroup is the key of the program that a group belongs to.
func programOfGroup(group client.Object) client.ObjectKey {
	return client.ObjectKey{Namespace: group.GetNamespace(), Name: group.(*v1alpha1.PartnerGroup).Spec.ProgramRef.Name}
}

// all are all partnerships.
func (r *PartnershipReconciler) all(ctx context.Context) ([]reconcile.Request, error) {
	var list v1alpha1.PartnershipList
	err := r.List(ctx, &list, client.UnsafeDisableDeepCopy)
	return requestsFor(list.Items), err
}

// Reconcile does what is due for one partnership, remembers whose it is, and sends an applicant on to a team. None of them
// waits for another, or is left out because another fails.
func (r *PartnershipReconciler) Reconcile(ctx context.Context, p *v1alpha1.Partnership) (reconcile.Result, error) {
	result, err := r.act(ctx, p.DeepCopy())
	if err != nil && p.Status.State == "" && r.now().Sub(p.CreationTimestamp.Time) < firstLook {
		return result, err
	}
	if owed := errors.Join(r.remember(ctx, p), r.sendOn(ctx, p)); owed != nil {
		return resultOf(0, errors.Join(err, owed))
	}
	return result, err
}

// firstLook is for how long a partnership that cannot be looked at is not remembered: once it is, the look would take it
// for one that comes after a removal.
const firstLook = time.Minute

// act carries out what is due for one partnership.
func (r *PartnershipReconciler) act(ctx context.Context, p *v1alpha1.Partnership) (reconcile.Result, error) {
	if !p.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	tenant, err := r.courier.Tenant(ctx, p.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	in, err := r.observe(ctx, p, tenant)
	if err != nil {
		return reconcile.Result{}, err
	}
	var heard func()
	in.TakenBack, heard = r.courier.TakenBack(partnershipController, p)
	d := partnership.Decide(in)
	if d.Invite {
		if in.Invite, err = r.invite(ctx, p); err != nil {
			return reconcile.Result{}, err
		}
		d = partnership.Decide(in)
	}
	if in.Unmade = r.makeLinks(ctx, p, d.Links); len(in.Unmade) > 0 {
		d = partnership.Decide(in)
	}
	if d.Send != nil {
		result, isLate, err := r.mailDue(ctx, in, *d.Send, tenant, heard)
		if err != nil || !isLate {
			return result, err
		}
		in.Holds = tenant.Waiting()
		d = partnership.Decide(in)
		d.RequeueAfter = sooner(d.RequeueAfter, result.RequeueAfter)
	}
	if !equality.Semantic.DeepEqual(p.Status, d.Status) {
		after := p.DeepCopy()
		after.Status = d.Status
		if err = r.Status().Update(ctx, after); err == nil {
			r.tell(p.Status, after)
		}
	}
	if err == nil {
		heard()
	}
	return resultOf(d.RequeueAfter, err)
}

// sendOn puts an applicant whom the company sent on before the team, once.
func (r *PartnershipReconciler) sendOn(ctx context.Context, p *v1alpha1.Partnership) error {
	if p.Spec.Approval == nil || p.Spec.Contact == nil || p.Spec.Revocation != nil || !p.DeletionTimestamp.IsZero() {
		return nil
	}
	to, err := r.team(ctx, p.Namespace, p.Spec.Approval.JoinTeamRef)
	if err != nil || to == nil || !to.DeletionTimestamp.IsZero() {
		return err
	}
	person := team.Applicant(p)
	if m := team.Member(to, string(person.Email)); m != nil && (m.State == v1alpha1.MemberActive || team.ProposedFor(m, p.Name)) {
		return nil
	}
	_, err = r.accept.ChangeTeam(ctx, client.ObjectKeyFromObject(to), string(to.UID), func(t *v1alpha1.PartnerTeam) error {
		team.Propose(t, person, r.now())
		return nil
	})
	return client.IgnoreNotFound(err)
}

func (r *PartnershipReconciler) observe(ctx context.Context, p *v1alpha1.Partnership, tenant *courier.Tenant) (partnership.Input, error) {
	in := partnership.Input{Partnership: p, HasStaff: len(tenant.NotifyStaff) > 0, Holds: tenant.Holds, Now: r.now()}
	var err error
	if in.Catalog, err = lookup.Catalog(ctx, r.Client, p.Namespace); err != nil {
		return in, err
	}
	if in.Rivals, err = lookup.Rivals(ctx, r.Client, p); err != nil {
		return in, err
	}
	if p.Spec.Contact != nil {
		if in.Others, err = lookup.PartnershipsOf(ctx, r.Client, p.Namespace, string(p.Spec.Contact.Email)); err != nil {
			return in, err
		}
		in.Others = slices.DeleteFunc(in.Others, func(other v1alpha1.Partnership) bool { return other.Name == p.Name })
	}
	if err = r.observeInvite(ctx, &in); err != nil {
		return in, err
	}
	if of := in.Catalog.Programs[p.Spec.ProgramRef.Name]; p.Status.State == "" && of != nil {
		if in.Returning, err = r.tombstones.Has(ctx, of, whose(p)); err != nil {
			return in, err
		}
	}
	if in.LinksBehind, err = r.linksBehind(ctx, p); err != nil {
		return in, err
	}
	err = r.observeTeams(ctx, &in)
	return in, err
}

// observeTeams finds the team of a partnership and the one that an applicant is to join, or that invites make them.
func (r *PartnershipReconciler) observeTeams(ctx context.Context, in *partnership.Input) (err error) {
	p := in.Partnership
	if in.Team, err = r.team(ctx, p.Namespace, p.Spec.TeamRef); err != nil {
		return err
	}
	in.Sharers = r.sharers(p, in.Team)
	if in.Team != nil {
		for _, leader := range team.Leaders(in.Team) {
			in.Leaders = append(in.Leaders, v1alpha1.TeamOwner{Email: leader.Email, FirstName: leader.FirstName, LastName: leader.LastName})
		}
	} else if in.TeamInvited, err = r.teamInvited(ctx, p.Namespace, p.Spec.TeamRef); err != nil {
		return err
	}
	if p.Spec.Approval == nil {
		return nil
	}
	if in.JoinTeam, err = r.team(ctx, p.Namespace, p.Spec.Approval.JoinTeamRef); in.JoinTeam == nil && err == nil {
		in.JoinTeamInvited, err = r.teamInvited(ctx, p.Namespace, p.Spec.Approval.JoinTeamRef)
	}
	return err
}

// team finds the team of a reference; nil: it names none, or the team does not exist.
func (r *PartnershipReconciler) team(ctx context.Context, namespace string, ref *v1alpha1.TeamReference) (*v1alpha1.PartnerTeam, error) {
	if ref == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	found := &v1alpha1.PartnerTeam{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, found); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return found, nil
}

func (r *PartnershipReconciler) tell(before v1alpha1.PartnershipStatus, after *v1alpha1.Partnership) {
	for _, e := range partnership.Transitions(before, after.Status) {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
}
