package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// inviteController is the name of the controller.
const inviteController = "partnerinvite"

// PartnerInviteReconciler issues, mails and expires invites, and finishes what the portal could not.
type PartnerInviteReconciler struct {
	base
	accept *accept.Step
	links  *linkRights
	// people makes the claims for invites of one person take turns.
	people keylock.Keys
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites,verbs=get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

func (r *PartnerInviteReconciler) setup(mgr ctrl.Manager) error {
	// Without the predicate the event of each of our own writes would wake a reconcile on a stale copy.
	answered := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.PartnerInvite), e.ObjectNew.(*v1alpha1.PartnerInvite)
		return (before.Status.Acceptance == nil) != (after.Status.Acceptance == nil) || before.Status.Renewal == nil && after.Status.Renewal != nil ||
			repeats(before) != repeats(after)
	}}
	// Those that a new or changed program, group, template or brand may let go on, oldest first.
	waiting := enqueue(r.base, client.Object.GetNamespace, within(r.Client, lookup.WaitingInvites))
	return newController(mgr, inviteController, "PartnerInvite", r.courier.Workers()).
		For(&v1alpha1.PartnerInvite{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, predicate.AnnotationChangedPredicate{}, answered))).
		Watches(&v1alpha1.Program{}, waiting, builder.WithPredicates(specChanged)).
		Watches(&v1alpha1.PartnerGroup{}, waiting, builder.WithPredicates(specChanged)).
		Watches(&v1alpha1.Program{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.OpenInvitesInto)), builder.WithPredicates(opensOrCloses)).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, rivalryOf, r.heldBy), builder.WithPredicates(predicate.Or[client.Object](specChanged, stateChanged))).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.InvitesOfTeam)), builder.WithPredicates(peopleTurned)).
		Watches(&v1alpha1.PartnerInvite{}, enqueue(r.base, teamOfInvite, byName(r.Client, lookup.InvitesOfTeam)), builder.WithPredicates(teamInviteTurned)).
		WatchesMetadata(&corev1.ConfigMap{}, waiting, r.mattering()).
		WatchesRawSource(onKeys(r.base, r.keys, keyring.SecretName, r.keptLinks)).
		WatchesRawSource(r.mailNews.follow(waiting)).
		WatchesRawSource(r.courier.Turns(inviteController)).
		Complete(eachOf(r.base, inviteController, r))
}

// opensOrCloses lets through that a program comes, goes, or is suspended or no longer.
var opensOrCloses = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.(*v1alpha1.Program), e.ObjectNew.(*v1alpha1.Program)
	return before.Spec.Suspend != after.Spec.Suspend
}}

// stateChanged lets through that a partnership comes, goes, or is in another state, also where only time has passed.
var stateChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.(*v1alpha1.Partnership).Status.State != e.ObjectNew.(*v1alpha1.Partnership).Status.State
}}

// repeats counts how often the person asked for the mail of an invite once more.
func repeats(i *v1alpha1.PartnerInvite) int64 {
	if i.Status.Repeat == nil {
		return 0
	}
	return i.Status.Repeat.Serial
}

// keptLinks are the invites whose links are kept in Secrets.
func (r *PartnerInviteReconciler) keptLinks(ctx context.Context) ([]reconcile.Request, error) {
	var list v1alpha1.PartnerInviteList
	err := r.List(ctx, &list, client.UnsafeDisableDeepCopy)
	list.Items = slices.DeleteFunc(list.Items, func(i v1alpha1.PartnerInvite) bool { return i.Spec.Delivery != v1alpha1.DeliveryLink })
	return requestsFor(list.Items), err
}

// Reconcile does what is due for one invite.
func (r *PartnerInviteReconciler) Reconcile(ctx context.Context, i *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	if !i.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	if i.ForTeammates() {
		return r.reconcileTeammates(ctx, i)
	}
	tenant, err := r.courier.Tenant(ctx, i.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	taken, heard := r.courier.TakenBack(inviteController, i)
	in, err := r.observe(ctx, i, tenant, taken)
	if err != nil {
		return reconcile.Result{}, err
	}
	d := invite.Decide(in)
	before := i.Status
	switch {
	case d.Send != nil:
		return r.mailDue(ctx, in, *d.Send, tenant, heard)
	case d.Action == invite.ActionFinish:
		return r.finish(ctx, i)
	case d.Action == invite.ActionRenewLink:
		err = r.renewLink(ctx, i, d.Status, in.Team, tenant)
	case !equality.Semantic.DeepEqual(before, d.Status):
		after := i.DeepCopy()
		after.Status = d.Status
		if err = r.Status().Update(ctx, after); err == nil {
			r.tell(ctx, before, after)
		}
	}
	if err == nil {
		heard()
	}
	return resultOf(d.RequeueAfter, err)
}

// renewLink signs the link that is kept in a Secret with the newest key. The one of before works as long as its key is there.
func (r *PartnerInviteReconciler) renewLink(
	ctx context.Context, i *v1alpha1.PartnerInvite, status v1alpha1.PartnerInviteStatus, of *v1alpha1.PartnerTeam, tenant *courier.Tenant,
) error {
	after := i.DeepCopy()
	after.Status = status
	url, err := r.link(after, of, tenant.Portal)
	if err == nil {
		err = r.writeLink(ctx, after, url)
	}
	if err == nil {
		err = r.Status().Update(ctx, after)
	}
	return err
}

// saltAgain is how soon it is looked again for the salt of a program, which another controller is about to write.
const saltAgain = time.Second

// obstructedAgain is how often it is tried whether what is in the way of an accepted invite is gone.
const obstructedAgain = time.Minute

// finish carries out an answer of which whoever took it left something open. What the cache does not know of that would be
// done again: a partnership that was made and deleted since would come back.
func (r *PartnerInviteReconciler) finish(ctx context.Context, i *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	now := &v1alpha1.PartnerInvite{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(i), now); err != nil {
		return resultOf(0, client.IgnoreNotFound(err))
	}
	if now.UID != i.UID || now.Status.Acceptance == nil || len(now.Status.PartnershipRefs) > 0 {
		return reconcile.Result{}, nil
	}
	err := r.accept.Finish(ctx, now)
	var obstacle *accept.Obstacle
	switch {
	case errors.Is(err, lookup.ErrNoNameSalt):
		return reconcile.Result{RequeueAfter: saltAgain}, nil
	case !errors.As(err, &obstacle):
		return resultOf(0, err)
	}
	before := *now.Status.DeepCopy()
	now.Status.ObservedGeneration = now.Generation
	invite.Obstruct(&now.Status, obstacle.Unresolved, r.now())
	if equality.Semantic.DeepEqual(before, now.Status) {
		return reconcile.Result{RequeueAfter: obstructedAgain}, nil
	}
	if err = r.Status().Update(ctx, now); err == nil {
		r.tell(ctx, before, now)
	}
	return resultOf(obstructedAgain, err)
}

// observe gathers all that a decision depends on.
func (r *PartnerInviteReconciler) observe(
	ctx context.Context, i *v1alpha1.PartnerInvite, tenant *courier.Tenant, taken []delivery.Key,
) (in invite.Input, err error) {
	if in, err = r.accept.Observe(ctx, i); err != nil {
		return in, err
	}
	if in.Team == nil {
		if in.TeamInvited, err = r.teamInvited(ctx, i.Namespace, i.Spec.TeamRef); err != nil {
			return in, err
		}
	}
	in.TakenBack, in.Hold, in.Holds, in.LinkHold = taken, tenant.Hold, tenant.Holds, r.links.hold(i.Namespace)
	in.Keys, in.MessageDomain, in.Now = r.keys.Current().KeyIDs(), tenant.MessageDomain(), r.now()
	if in.Rivals, err = lookup.RivalsOf(ctx, r.Client, i); err != nil {
		return in, err
	}
	if !i.ForTeam() {
		if in.Teams, err = lookup.Memberships(ctx, r.Client, i.Namespace, string(i.Spec.Contact.Email)); err != nil {
			return in, err
		}
	}
	scope := invite.ScopeFor(in)
	if i.Spec.Delivery != v1alpha1.DeliveryLink {
		in.Quota = r.courier.Quota().Full(ctx, i.Namespace, scope, in.Catalog)
	}
	in.Template, err = r.templateProblem(ctx, in, scope, tenant)
	return in, err
}

// sampleToken stands for a token, and is as long as one can be.
var sampleToken = strings.Repeat("sample-", 17)

// templateProblem tells what is wrong with the mail into a scope; nil: nothing. It is tried with what the mail would say,
// but for the link, which is issued later.
func (r *PartnerInviteReconciler) templateProblem(
	ctx context.Context, in invite.Input, scope []v1alpha1.ProgramGrant, tenant *courier.Tenant,
) (*program.Unresolved, error) {
	invitation := brandbook.Invitation{Invite: in.Invite, Team: in.Team, Scope: scope, Catalog: in.Catalog, Brand: tenant.Brand}
	if scope == nil || invitation.IsBuiltIn() {
		return nil, nil
	}
	_, wrong, err := r.book.InviteMail(ctx, invitation, tenant.Portal.Invite(in.Invite.Namespace, sampleToken))
	return wrong, err
}

// appliedTogether is how young an invite is for which a brand or a program may have been applied a moment before it.
const appliedTogether = 10 * time.Second

// mailDue issues an invite, or tries its mail again, or sends it once more because the person asked for it.
func (r *PartnerInviteReconciler) mailDue(
	ctx context.Context, in invite.Input, key delivery.Key, tenant *courier.Tenant, heard func(),
) (reconcile.Result, error) {
	before, claimed := in.Invite.Status, in.Invite.DeepCopy()
	job := courier.Job[*v1alpha1.PartnerInvite]{
		Controller: inviteController, Object: claimed, Tenant: tenant, Heard: heard,
		Key: key, Recipient: string(invite.Recipient(in.Invite, in.Team).Email), LastTry: lastTryOf(in.Invite, key),
		Scope: invite.ScopeFor(in), Catalog: in.Catalog,
		Claim: func(ctx context.Context, write func(context.Context) error) (courier.Parcel, error) {
			return r.claim(ctx, in, key, claimed, tenant, write)
		},
		Record: func(i *v1alpha1.PartnerInvite, o delivery.Outcome) bool {
			prior := *i.Status.DeepCopy()
			recorded := invite.Record(i, key, o, r.now())
			if prior.Acceptance != nil || !recorded { // whoever wrote that has told of it
				before = prior
			}
			return recorded
		},
	}
	if in.Invite.Spec.Delivery == v1alpha1.DeliveryLink {
		job.Tenant, job.Scope = nil, nil
		if may, err := r.mayWriteLink(ctx, in.Invite); err != nil || !may {
			return reconcile.Result{RequeueAfter: retrySoon}, err
		}
	}
	if r.now().Sub(in.Invite.CreationTimestamp.Time) < appliedTogether {
		if same, err := r.confirm(ctx, in.Invite, in.Catalog); err != nil || !same {
			return reconcile.Result{RequeueAfter: retrySoon}, err
		}
	}
	result, err := courier.Send(ctx, r.courier, job)
	if err != nil || !result.Sent {
		return resultOf(result.Again, err)
	}
	r.tell(ctx, before, claimed)
	in.Invite, in.TakenBack, in.Now = claimed, nil, r.now()
	next := invite.Decide(in)
	if next.Send != nil || next.Action != invite.ActionNone || invite.Warning(in, next.Status) != "" { // what was observed before the mail may not hold any more
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, nil
}

// lastTryOf is when the mail of an invite was tried last; the zero time: never.
func lastTryOf(i *v1alpha1.PartnerInvite, key delivery.Key) time.Time {
	switch at := i.Status.LastAttemptTime; {
	case key.Repeat > 0:
		return lastTry(i.Status.Repeat)
	case at == nil || key.Serial != i.Status.Serial:
		return time.Time{}
	default:
		return at.Time
	}
}

// confirm asks the API server whether the caches knew all that was applied before an invite and decides what it says: the
// brand, and which programs there are, if it offers all of them and is issued for the first time.
func (r *PartnerInviteReconciler) confirm(ctx context.Context, i *v1alpha1.PartnerInvite, catalog program.Catalog) (bool, error) {
	if same, err := r.book.Confirm(ctx, i.Namespace); err != nil || !same {
		return false, err
	}
	if len(i.Spec.Programs) > 0 || len(i.Status.Programs) > 0 {
		return true, nil
	}
	return lookup.KnowsPrograms(ctx, r.live, i.Namespace, catalog)
}

// claim writes a claim unless another invite of the same person, as the API server has it now, goes first, and gives what
// it is about: a mail, or the Secret with the link. Who claims for one person takes turns. The others are looked for anew:
// one may have come since the decision, and have been issued a moment ago, which the cache need not have seen yet.
func (r *PartnerInviteReconciler) claim(
	ctx context.Context, in invite.Input, key delivery.Key, claimed *v1alpha1.PartnerInvite, tenant *courier.Tenant, write func(context.Context) error,
) (courier.Parcel, error) {
	defer r.people.Lock(claimed.Namespace + "/" + claimed.TeamName() + "/" + address.Normalize(string(claimed.Spec.Contact.Email)))()
	var err error
	if in.Rivals, err = r.freshRivals(ctx, claimed); err != nil {
		return courier.Parcel{}, err
	}
	in.Quota = nil // the place is taken, by this claim
	in.Now = r.now()
	d := invite.Decide(in)
	if d.Send == nil || *d.Send != key {
		return courier.Parcel{}, courier.ErrLost
	}
	claimed.Status = d.Status
	url, err := r.link(claimed, in.Team, tenant.Portal)
	if err != nil {
		return courier.Parcel{}, err
	}
	if claimed.Spec.Delivery == v1alpha1.DeliveryLink {
		return courier.Parcel{Other: func(ctx context.Context) delivery.Outcome { return r.provideLink(ctx, claimed, url) }}, write(ctx)
	}
	invitation := brandbook.Invitation{Invite: claimed, Team: in.Team, Scope: invite.Present(claimed.Status.Programs, in.Catalog), Catalog: in.Catalog, Brand: tenant.Brand}
	message, wrong, err := r.book.InviteMail(ctx, invitation, url)
	if wrong != nil { // the template was broken since the mail was decided on
		err = courier.ErrLost
	}
	if err != nil {
		return courier.Parcel{}, err
	}
	if key.Repeat > 0 {
		message.ID = invite.RepeatID(claimed.Status)
	}
	return courier.Parcel{Mails: []mail.Message{message}}, write(ctx)
}

// freshRivals are the other invites of the same person as the API server has them now.
func (r *PartnerInviteReconciler) freshRivals(ctx context.Context, of *v1alpha1.PartnerInvite) ([]v1alpha1.PartnerInvite, error) {
	rivals, err := lookup.RivalsOf(ctx, r.Client, of)
	if err != nil {
		return nil, err
	}
	fresh := make([]v1alpha1.PartnerInvite, 0, len(rivals))
	for i := range rivals {
		if rivals[i].UID == of.UID {
			continue
		}
		rival := v1alpha1.PartnerInvite{}
		err := r.live.Get(ctx, client.ObjectKeyFromObject(&rivals[i]), &rival)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil {
			fresh = append(fresh, rival)
		}
	}
	return fresh, nil
}

// provideLink writes the Secret with the link of an invite.
func (r *PartnerInviteReconciler) provideLink(ctx context.Context, i *v1alpha1.PartnerInvite, url string) delivery.Outcome {
	if err := r.writeLink(ctx, i, url); err != nil {
		return delivery.Outcome{Class: delivery.Temporary, Message: err.Error()}
	}
	return delivery.Outcome{Class: delivery.Accepted}
}

// link is the address of an invite's page. It is made here whenever it is needed, and nowhere kept.
func (r *PartnerInviteReconciler) link(i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam, portal link.Base) (string, error) {
	text, err := r.keys.Current().Sign(token.PurposeInvite, i.Status.KeyID, token.Subject{
		Namespace: i.Namespace,
		UID:       string(i.UID),
		Serial:    i.Status.Serial,
		Address:   string(invite.Recipient(i, of).Email),
	})
	return portal.Invite(i.Namespace, text), err
}

func (r *PartnerInviteReconciler) tell(ctx context.Context, before v1alpha1.PartnerInviteStatus, after *v1alpha1.PartnerInvite) {
	masked := address.Mask(string(after.Spec.Contact.Email))
	if after.Spec.TeamRef != nil {
		masked = "team " + after.Spec.TeamRef.Name
	}
	if e, ok := invite.Transition(before, after.Status, masked); ok {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
	if r.courier.Mode() == courier.ModeLog && before.State != v1alpha1.InviteHeld && after.Status.State == v1alpha1.InviteHeld {
		log.FromContext(ctx).Info("Would be sent with --mail-mode=send", "mail", after.Mail(), "address", masked)
	}
}
