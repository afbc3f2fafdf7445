package controller

import (
	"context"
	"fmt"
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
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// PartnershipReconciler keeps the status of partnerships, carries out revocations and sends the mails to partners.
type PartnershipReconciler struct {
	base
	post       *post
	accept     *accept.Step
	tombstones *tombstone.Writer
	// pages are the ConfigMaps of the tombstones.
	pages       cache.Cache
	concurrency int
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
	return newController(mgr, "partnership", "Partnership", r.concurrency).
		For(&v1alpha1.Partnership{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, requested))).
		Watches(&v1alpha1.Program{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.PartnershipsIn)), changed).
		Watches(&v1alpha1.PartnerGroup{}, enqueue(r.base, programOfGroup, byName(r.Client, lookup.PartnershipsIn)), changed).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, rivalryOf, r.rivals), builder.WithPredicates(comesAndGoes)).
		Watches(&v1alpha1.PartnerInvite{}, handler.EnqueueRequestsFromMapFunc(inviting), builder.WithPredicates(invitationTurned)).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.PartnershipsJoining)), builder.WithPredicates(comesAndGoes)).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.PartnershipsOfTeam)), changed).
		WatchesMetadata(&corev1.ConfigMap{}, mailing, r.post.mattering()).
		WatchesRawSource(source.Kind[client.Object](r.pages, &corev1.ConfigMap{}, r.rewriting())).
		WatchesRawSource(onKeys(r.base, r.post.keys, keyring.MarksSecretName, r.all)).
		WatchesRawSource(r.post.routes.follow(mailing)).
		Complete(eachOf(r.base, r))
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

// Reconcile does what is due for one partnership, and remembers whose it is, whatever becomes of the rest.
func (r *PartnershipReconciler) Reconcile(ctx context.Context, p *v1alpha1.Partnership) (reconcile.Result, error) {
	result, err := r.act(ctx, p.DeepCopy())
	if err != nil && p.Status.State == "" && r.now().Sub(p.CreationTimestamp.Time) < firstLook {
		return result, err
	}
	if noted := r.remember(ctx, p); noted != nil && err == nil {
		return reconcile.Result{}, noted
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
	tenant, err := r.post.tenant(ctx, p.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	in, err := r.observe(ctx, p, tenant)
	if err != nil {
		return reconcile.Result{}, err
	}
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
	if d.Send != "" {
		return r.send(ctx, in, tenant)
	}
	if !equality.Semantic.DeepEqual(p.Status, d.Status) {
		after := p.DeepCopy()
		after.Status = d.Status
		if err = r.Status().Update(ctx, after); err == nil {
			r.tell(p.Status, after)
		}
	}
	if err == nil {
		err = r.sendOn(ctx, in)
	}
	return resultOf(d.RequeueAfter, err)
}

// sendOn puts an applicant whom the company sent on before the team, once.
func (r *PartnershipReconciler) sendOn(ctx context.Context, in partnership.Input) error {
	p := in.Partnership
	if in.JoinTeam == nil || p.Spec.Contact == nil || p.Spec.Revocation != nil || !in.JoinTeam.DeletionTimestamp.IsZero() {
		return nil
	}
	person := team.Applicant(p)
	if m := team.Member(in.JoinTeam, string(person.Email)); m != nil && (m.State == v1alpha1.MemberActive || team.ProposedFor(m, p.Name)) {
		return nil
	}
	_, err := r.accept.ChangeTeam(ctx, client.ObjectKeyFromObject(in.JoinTeam), string(in.JoinTeam.UID), func(t *v1alpha1.PartnerTeam) error {
		team.Propose(t, person)
		return nil
	})
	return client.IgnoreNotFound(err)
}

// remember notes whose partnership it is, for the time after its removal. Nothing waits for that to be written.
func (r *PartnershipReconciler) remember(ctx context.Context, p *v1alpha1.Partnership) error {
	var of v1alpha1.Program
	if err := r.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.ProgramRef.Name}, &of); err != nil {
		return client.IgnoreNotFound(err)
	}
	return r.tombstones.Note(ctx, &of, whose(p))
}

// whose is the partner of a partnership in one text. That of a team is no address, so it is nobody's.
func whose(p *v1alpha1.Partnership) string {
	if p.Spec.Contact != nil {
		return string(p.Spec.Contact.Email)
	}
	return "team " + p.Spec.TeamRef.Name
}

func (r *PartnershipReconciler) observe(ctx context.Context, p *v1alpha1.Partnership, tenant tenant) (partnership.Input, error) {
	in := partnership.Input{Partnership: p, HasStaff: len(tenant.NotifyStaff) > 0, MailerConfigured: tenant.configured(), Holds: r.post.holds(tenant), Now: r.now()}
	var err error
	if in.Catalog, err = lookup.Catalog(ctx, r.Client, p.Namespace); err != nil {
		return in, err
	}
	if in.Rivals, err = lookup.Rivals(ctx, r.Client, p); err != nil {
		return in, err
	}
	if err = r.observeInvite(ctx, &in); err != nil {
		return in, err
	}
	if of := in.Catalog.Programs[p.Spec.ProgramRef.Name]; p.Status.State == "" && of != nil {
		if in.Returning, err = r.tombstones.Has(ctx, of, whose(p)); err != nil {
			return in, err
		}
	}
	if in.Team, err = r.team(ctx, p.Namespace, p.Spec.TeamRef); err != nil {
		return in, err
	}
	if in.Team != nil {
		for _, leader := range team.Leaders(in.Team) {
			in.Leaders = append(in.Leaders, v1alpha1.TeamOwner{Email: leader.Email, FirstName: leader.FirstName, LastName: leader.LastName})
		}
	}
	if p.Spec.Approval == nil {
		return in, nil
	}
	in.JoinTeam, err = r.team(ctx, p.Namespace, p.Spec.Approval.JoinTeamRef)
	return in, err
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

// send makes a claim of the moment that the rate lets the mail leave, carries it out, and looks again: another mail may
// be due.
func (r *PartnershipReconciler) send(ctx context.Context, in partnership.Input, tenant tenant) (reconcile.Result, error) {
	if err := tenant.transport.sender.Ready(ctx); err != nil {
		return reconcile.Result{}, err
	}
	in.Now = r.now()
	d := partnership.Decide(in)
	if d.Send == "" {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	before := in.Partnership.Status
	claimed := in.Partnership.DeepCopy()
	claimed.Status = d.Status
	serial := partnership.Mail(&claimed.Status, d.Send, d.SendTo).Serial
	in.Partnership = claimed
	message, err := r.message(in, d.Send, d.SendTo, serial, tenant)
	if err != nil {
		return resultOf(retrySoon, err)
	}
	err = dispatch(ctx, r.post, claimOf[*v1alpha1.Partnership]{
		object: claimed,
		send:   r.sending(message, tenant),
		record: func(p *v1alpha1.Partnership, failure *delivery.Failure) bool {
			return partnership.Record(&p.Status, d.Send, d.SendTo, serial, failure)
		},
	})
	if err != nil {
		return resultOf(retrySoon, err)
	}
	r.tell(before, claimed)
	in.Now = r.now()
	next := partnership.Decide(in)
	if next.Send != "" {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, nil
}

// message is the mail of a claim. A link is made here and nowhere kept.
func (r *PartnershipReconciler) message(
	in partnership.Input, kind v1alpha1.MailKind, leader string, serial int64, tenant tenant,
) (mail.Message, error) {
	p := in.Partnership
	recipient := partnership.Recipient(in, leader)
	if recipient == nil {
		return mail.Message{}, errLost
	}
	to := string(recipient.Email)
	content := mail.Content{FirstName: string(recipient.FirstName), LastName: string(recipient.LastName)}
	if in.Team != nil {
		content.Team = string(in.Team.Spec.DisplayName)
	}
	switch kind {
	case v1alpha1.MailApproved:
		content.Programs = []mail.ProgramLine{mail.Line(in.Catalog, p.Spec.ProgramRef.Name, groupRef(p.Status.Group))}
		content.Link = tenant.portal.Login(p.Namespace)
	case v1alpha1.MailRejected:
		content.Programs = []mail.ProgramLine{mail.Line(in.Catalog, p.Spec.ProgramRef.Name, nil)}
		if p.Spec.Approval != nil {
			content.Reason = p.Spec.Approval.Note
		}
	case v1alpha1.MailRevoked:
		content.Programs = []mail.ProgramLine{mail.Line(in.Catalog, p.Spec.ProgramRef.Name, nil)}
		if p.Spec.Revocation != nil {
			content.Reason = p.Spec.Revocation.Reason
		}
	case v1alpha1.MailApplicationReceived:
		content = applicationContent(in)
	case v1alpha1.MailSignIn:
		text, err := r.post.keys.Current().Sign(token.PurposeSignIn, "", token.Subject{Namespace: p.Namespace, UID: string(p.UID), Serial: serial, Address: to})
		if err != nil {
			return mail.Message{}, err
		}
		content.Link, content.Minutes = tenant.portal.SignIn(p.Namespace, text), int(signin.LifetimeOf(p.Status.SignIn, serial).Minutes())
	default:
		return mail.Message{}, fmt.Errorf("%q is no mail to a partner", kind)
	}
	message, err := mail.Render(kind, tenant.Brand, content, tenant.templates[kind])
	if err != nil && tenant.templates[kind] != nil { // only what this one mail says makes it unusable
		message, err = mail.Render(kind, tenant.Brand, content, nil)
	}
	message.ID = partnership.MessageID(p, kind, leader, serial, tenant.MessageDomain())
	message.To = to
	return message, err
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
