package controller

import (
	"context"
	"errors"
	"fmt"
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
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/quota"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
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

// rewriteAfter is when marks that somebody erased are written anew. Whoever erases that of a person has deleted their
// partnership, which has to be known by then.
const rewriteAfter = 2 * time.Second

// tombstonePage is whose marks a ConfigMap holds: those of a program, by its UID.
type tombstonePage struct{ namespace, program string }

func pageOf(configMap client.Object) tombstonePage {
	labels := configMap.GetLabels()
	return tombstonePage{labels[tombstone.NamespaceLabel], labels[tombstone.Label]}
}

// rewriting looks at the partnerships of a program when somebody has erased marks of it: those who are there are noted anew.
func (r *PartnershipReconciler) rewriting() handler.EventHandler {
	m := &mapper[tombstonePage]{retries: r.retries, find: r.remembered, after: rewriteAfter}
	look := func(ctx context.Context, before, after client.Object, q requestQueue) {
		if tombstone.Lost(before, after) {
			lookUp[tombstonePage]{m, q, pageOf(before)}.now(ctx, pageOf(before).namespace)
		}
	}
	return handler.Funcs{
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q requestQueue) { look(ctx, e.ObjectOld, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q requestQueue) { look(ctx, e.Object, nil, q) },
	}
}

// remembered are the partnerships of the program of a page.
func (r *PartnershipReconciler) remembered(ctx context.Context, page tombstonePage) ([]reconcile.Request, error) {
	var programs v1alpha1.ProgramList
	if err := r.List(ctx, &programs, client.InNamespace(page.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	for i := range programs.Items {
		if p := &programs.Items[i]; string(p.UID) == page.program {
			found, err := lookup.PartnershipsIn(ctx, r.Client, p.Namespace, p.Name)
			return requestsFor(found), err
		}
	}
	return nil, nil
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

// remember notes whose partnership it is, and who is in its team, for the time after its removal. Nothing waits for that to
// be written.
func (r *PartnershipReconciler) remember(ctx context.Context, p *v1alpha1.Partnership) error {
	var of v1alpha1.Program
	if err := r.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.ProgramRef.Name}, &of); err != nil {
		return client.IgnoreNotFound(err)
	}
	if err := r.tombstones.Note(ctx, &of, whose(p)); err != nil || !p.DeletionTimestamp.IsZero() {
		return err
	}
	t, err := r.team(ctx, p.Namespace, p.Spec.TeamRef)
	if err != nil || t == nil || !t.DeletionTimestamp.IsZero() {
		return err
	}
	var failed []error
	for _, email := range team.Addresses(t) {
		if grant.InTeam(p, team.Member(t, email), r.now()) {
			failed = append(failed, r.tombstones.NoteMember(ctx, &of, email))
		} else {
			failed = append(failed, r.release(ctx, &of, email))
		}
	}
	return errors.Join(failed...)
}

// release notes that somebody left, if they were noted to be in a team of a program and none says otherwise.
func (r *PartnershipReconciler) release(ctx context.Context, of *v1alpha1.Program, email string) error {
	noted, err := r.tombstones.HadMember(ctx, of, email)
	if err != nil || !noted {
		return err
	}
	teams, err := lookup.Memberships(ctx, r.Client, of.Namespace, email)
	if err != nil || !grant.Left(grant.Past{Program: of.Name, Address: email, Teams: teams, Now: r.now()}) {
		return err
	}
	return r.tombstones.ReleaseMember(ctx, of, email)
}

// whose is the partner of a partnership in one text. That of a team is no address, so it is nobody's.
func whose(p *v1alpha1.Partnership) string {
	if p.Spec.Contact != nil {
		return string(p.Spec.Contact.Email)
	}
	return "team " + p.Spec.TeamRef.Name
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

// mailDue sends the mail that is due, and looks again: another may be due. It is late if others go first for long.
func (r *PartnershipReconciler) mailDue(
	ctx context.Context, in partnership.Input, key delivery.Key, tenant *courier.Tenant, heard func(),
) (_ reconcile.Result, isLate bool, err error) {
	before, claimed := in.Partnership.Status, in.Partnership.DeepCopy()
	recipient := partnership.Recipient(in, key.To)
	if recipient == nil {
		return reconcile.Result{RequeueAfter: retrySoon}, false, nil
	}
	job := courier.Job[*v1alpha1.Partnership]{
		Controller: partnershipController, Object: claimed, Tenant: tenant, Heard: heard,
		Key: key, Recipient: mailbox(key.Kind, recipient, tenant), LastTry: lastTry(partnership.Mail(&before, key.Kind, key.To)),
		Scope: scopeOfMail(in, key), AlwaysLeaves: quota.Always(key.Kind),
		Claim: func(ctx context.Context, write func(context.Context) error) (courier.Parcel, error) {
			in.Now = r.now()
			d := partnership.Decide(in)
			if d.Send == nil || *d.Send != key {
				return courier.Parcel{}, courier.ErrLost
			}
			claimed.Status = d.Status
			in.Partnership = claimed
			mails, err := r.mails(in, key, tenant)
			if err != nil {
				return courier.Parcel{}, err
			}
			return courier.Parcel{Mails: mails}, write(ctx)
		},
		Record: func(p *v1alpha1.Partnership, o delivery.Outcome) bool { return partnership.Record(p, key, o, r.now()) },
	}
	if !job.AlwaysLeaves { // a limit to sign-in mails would lock the owner of the address out
		job.Scope = nil
	}
	result, err := courier.Send(ctx, r.courier, job)
	if err != nil || !result.Sent {
		again, err := resultOf(result.Again, err)
		return again, result.IsLate, err
	}
	r.tell(before, claimed)
	in.Partnership, in.TakenBack, in.Now = claimed, nil, r.now()
	next := partnership.Decide(in)
	if next.Send != nil {
		return reconcile.Result{RequeueAfter: retrySoon}, false, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, false, nil
}

// mailbox is the address by which refusals are told apart. The staff is told of many applicants at the same address: that
// it is refused each time must not look as if many were.
func mailbox(kind v1alpha1.MailKind, to *v1alpha1.TeamOwner, tenant *courier.Tenant) string {
	if kind == v1alpha1.MailApplicationReceived && len(tenant.NotifyStaff) > 0 {
		return tenant.NotifyStaff[0]
	}
	return string(to.Email)
}

// scopeOfMail are the programs that a mail about a partnership counts for: those that it tells of.
func scopeOfMail(in partnership.Input, key delivery.Key) []v1alpha1.ProgramGrant {
	programs, about := map[string]string{}, []string(nil)
	for i := range in.Others {
		programs[in.Others[i].Name] = in.Others[i].Spec.ProgramRef.Name
	}
	status := partnership.Decide(in).Status
	if m := partnership.Mail(&status, key.Kind, key.To); m != nil {
		about = m.About
	}
	return quota.Scope(in.Partnership.Spec.ProgramRef.Name, about, programs)
}

// mails are what a claim is about: a mail to the partner, or one to each of the company's staff.
func (r *PartnershipReconciler) mails(in partnership.Input, key delivery.Key, tenant *courier.Tenant) ([]mail.Message, error) {
	message, err := r.message(in, key, tenant)
	if err != nil || key.Kind != v1alpha1.MailApplicationReceived {
		return []mail.Message{message}, err
	}
	mails := make([]mail.Message, 0, len(tenant.NotifyStaff))
	for _, person := range tenant.NotifyStaff {
		message.To = person
		mails = append(mails, message)
	}
	return mails, nil
}

// message is the mail of a claim. A link is made here and nowhere kept.
func (r *PartnershipReconciler) message(in partnership.Input, key delivery.Key, tenant *courier.Tenant) (mail.Message, error) {
	p := in.Partnership
	recipient := partnership.Recipient(in, key.To)
	if recipient == nil {
		return mail.Message{}, courier.ErrLost
	}
	to := string(recipient.Email)
	content := mail.Content{FirstName: string(recipient.FirstName), LastName: string(recipient.LastName)}
	if in.Team != nil {
		content.Team = string(in.Team.Spec.DisplayName)
	}
	switch key.Kind {
	case v1alpha1.MailApproved, v1alpha1.MailRejected, v1alpha1.MailRevoked:
		told := partnership.Told(in, key)
		for _, each := range told {
			line := mail.Line(in.Catalog, each.Spec.ProgramRef.Name, nil)
			if key.Kind == v1alpha1.MailApproved {
				line = mail.Line(in.Catalog, each.Spec.ProgramRef.Name, groupRef(each.Status.Group))
			}
			line.Reason = partnership.Reason(each, key.Kind)
			content.Programs = append(content.Programs, line)
		}
		if key.Kind == v1alpha1.MailApproved {
			content.Link = tenant.Portal.Login(p.Namespace)
		}
	case v1alpha1.MailApplicationReceived:
		content = applicationContent(in)
	case v1alpha1.MailSignIn:
		text, err := r.keys.Current().Sign(token.PurposeSignIn, "", token.Subject{Namespace: p.Namespace, UID: string(p.UID), Serial: key.Serial, Address: to})
		if err != nil {
			return mail.Message{}, err
		}
		content.Link, content.Minutes = tenant.Portal.SignIn(p.Namespace, text), int(signin.LifetimeOf(p.Status.SignIn, key.Serial).Minutes())
	default:
		return mail.Message{}, fmt.Errorf("%q is no mail to a partner", key.Kind)
	}
	return tenant.Render(key.Kind, content, partnership.MessageID(p, key, tenant.MessageDomain()), to)
}

// groupRef names a group that may be none.
func groupRef(name string) *v1alpha1.GroupReference {
	if name == "" {
		return nil
	}
	return &v1alpha1.GroupReference{Name: name}
}

func (r *PartnershipReconciler) tell(before v1alpha1.PartnershipStatus, after *v1alpha1.Partnership) {
	for _, e := range partnership.Transitions(before, after.Status) {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
}
