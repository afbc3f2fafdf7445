package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
)

// teamController is the name of the controller.
const teamController = "partnerteam"

// PartnerTeamReconciler reports who is in a team and owns it, and sends the mails to its people.
type PartnerTeamReconciler struct {
	base

	accept *accept.Step
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerteams/status,verbs=update

// asked lets through that the company asks for people of a team to be signed out, or forgotten.
var asked = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
	return before[v1alpha1.SignOutAnnotation] != after[v1alpha1.SignOutAnnotation] || before[v1alpha1.ForgetMembersAnnotation] != after[v1alpha1.ForgetMembersAnnotation]
}}

// peopleTurned lets through that something happened to the people of a team, and not that a mail to them went on.
var peopleTurned = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return team.News(e.ObjectOld.(*v1alpha1.PartnerTeam)) != team.News(e.ObjectNew.(*v1alpha1.PartnerTeam))
}}

// inviteGone lets through that a PartnerInvite was deleted, or another one of its name took its place.
var inviteGone = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
	},
}

// teamOfTeammates is the key of the team that an invite proposes people to.
func teamOfTeammates(i client.Object) client.ObjectKey {
	return client.ObjectKey{Namespace: i.GetNamespace(), Name: i.(*v1alpha1.PartnerInvite).TeamName()}
}

// theTeam asks to look at the team of a key, if an invite is about one.
func theTeam(_ context.Context, key client.ObjectKey) ([]reconcile.Request, error) {
	if key.Name == "" {
		return nil, nil
	}
	return []reconcile.Request{{NamespacedName: key}}, nil
}

func (r *PartnerTeamReconciler) setup(mgr ctrl.Manager) error {
	// Those with a mail that has not left, which a mended brand may let go on.
	mailing := enqueue(r.base, client.Object.GetNamespace, within(r.Client, lookup.TeamsWithMail))
	return newController(mgr, teamController, "PartnerTeam", r.courier.Workers()).
		For(&v1alpha1.PartnerTeam{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, peopleTurned, asked, resendAsked))).
		Watches(&v1alpha1.PartnerInvite{}, enqueue(r.base, teamOfTeammates, theTeam), builder.WithPredicates(inviteGone)).
		WatchesMetadata(&corev1.ConfigMap{}, mailing, r.mattering()).
		WatchesRawSource(r.mailNews.follow(mailing)).
		WatchesRawSource(r.courier.Turns(teamController)).
		Complete(eachOf(r.base, teamController, r))
}

// Reconcile does what is due for one team.
func (r *PartnerTeamReconciler) Reconcile(ctx context.Context, t *v1alpha1.PartnerTeam) (reconcile.Result, error) {
	if !t.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	gone, err := lookup.WithdrawnFrom(ctx, r.Client, r.live, t)
	if err != nil {
		return reconcile.Result{}, err
	}
	if len(gone) > 0 { // with the events of what happened to people; the change wakes this again
		_, err = r.accept.ChangeTeam(ctx, client.ObjectKeyFromObject(t), string(t.UID), func(*v1alpha1.PartnerTeam) error { return nil })
		return reconcile.Result{RequeueAfter: retrySoon}, client.IgnoreNotFound(err)
	}
	tenant, err := r.courier.Tenant(ctx, t.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	taken, heard := r.courier.TakenBack(teamController, t)
	in := team.Input{Team: t, Holds: tenant.Holds, TakenBack: taken, Now: r.now()}
	if in.Open, err = r.open(ctx, t); err != nil {
		return reconcile.Result{}, err
	}
	d := team.Decide(in)
	if d.Send != nil {
		result, isLate, err := r.mailDue(ctx, in, *d.Send, tenant, heard)
		if err != nil || !isLate {
			return result, err
		}
		in.Holds = tenant.Waiting()
		d = team.Decide(in)
		d.RequeueAfter = sooner(d.RequeueAfter, result.RequeueAfter)
	}
	if !equality.Semantic.DeepEqual(t.Status, d.Status) {
		after := t.DeepCopy()
		after.Status = d.Status
		salted(after)
		if err = r.Status().Update(ctx, after); err == nil {
			r.tell(t.Status, after)
		}
	}
	if err == nil {
		heard()
	}
	return resultOf(d.RequeueAfter, err)
}

// salted gives a team the salt for the IDs of its people, with whatever else is written.
func salted(t *v1alpha1.PartnerTeam) {
	if t.Status.MemberSalt == "" {
		t.Status.MemberSalt = partnership.NewSalt()
	}
}

// open tells whether the people of a team can sign in.
func (r *PartnerTeamReconciler) open(ctx context.Context, t *v1alpha1.PartnerTeam) (bool, error) {
	catalog, err := lookup.Catalog(ctx, r.Client, t.Namespace)
	if err != nil {
		return false, err
	}
	of, err := lookup.PartnershipsOfTeam(ctx, r.Client, t.Namespace, t.Name)
	return team.Open(of, catalog, r.now()), err
}

// mailDue sends the mail that is due, and looks again: another may be due. It is late if others go first for long.
func (r *PartnerTeamReconciler) mailDue(
	ctx context.Context, in team.Input, key delivery.Key, tenant *courier.Tenant, heard func(),
) (_ reconcile.Result, isLate bool, err error) {
	before, claimed := in.Team.Status, in.Team.DeepCopy()
	result, err := courier.Send(ctx, r.courier, courier.Job[*v1alpha1.PartnerTeam]{
		Controller: teamController, Object: claimed, Tenant: tenant, Heard: heard,
		Key: key, Recipient: key.To, LastTry: lastTry(mailOf(in.Team.Status.Mails, key)),
		Claim: func(ctx context.Context, write func(context.Context) error) (courier.Parcel, error) {
			in.Now = r.now()
			d := team.Decide(in)
			if d.Send == nil || *d.Send != key {
				return courier.Parcel{}, courier.ErrLost
			}
			claimed.Status = d.Status
			salted(claimed)
			message, err := r.message(claimed, key, tenant)
			if err != nil {
				return courier.Parcel{}, err
			}
			return courier.Parcel{Mails: []mail.Message{message}}, write(ctx)
		},
		Record: func(t *v1alpha1.PartnerTeam, o delivery.Outcome) bool { return team.Record(t, key, o, r.now()) },
	})
	if err != nil || !result.Sent {
		again, err := resultOf(result.Again, err)
		return again, result.IsLate, err
	}
	r.tell(before, claimed)
	in.Team, in.TakenBack, in.Now = claimed, nil, r.now()
	next := team.Decide(in)
	if next.Send != nil {
		return reconcile.Result{RequeueAfter: retrySoon}, false, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, false, nil
}

// tell tells of the mails that failed. Whoever changes who is in a team tells of that.
func (r *PartnerTeamReconciler) tell(before v1alpha1.PartnerTeamStatus, after *v1alpha1.PartnerTeam) {
	for _, e := range delivery.Failures(before.Mails, after.Status.Mails) {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
}

// message is the mail of a claim. A link is made here and nowhere kept.
func (r *PartnerTeamReconciler) message(t *v1alpha1.PartnerTeam, key delivery.Key, tenant *courier.Tenant) (mail.Message, error) {
	content := mail.Content{Team: string(t.Spec.DisplayName)}
	to := team.Member(t, key.To)
	if to != nil {
		content.FirstName, content.LastName = string(to.FirstName), string(to.LastName)
	}
	var purpose token.Purpose
	page := tenant.Portal.SignIn
	switch key.Kind {
	case v1alpha1.MailTeammateApproval:
		purpose, page = token.PurposeTeamApproval, tenant.Portal.Approval
		content.Teammate = nameOf(team.AwaitingBySerial(t, key.Serial))
	case v1alpha1.MailTeammateInvite:
		purpose, page = token.PurposeTeamMember, tenant.Portal.Member
		if m := team.InvitedBySerial(t, key.Serial); m != nil && m.ExpiryTime != nil {
			content.ExpiryTime = m.ExpiryTime.Time
		}
	case v1alpha1.MailSignIn:
		purpose = token.PurposeSignIn
		if to != nil {
			content.Minutes = int(signin.LifetimeOf(to.SignIn, key.Serial).Minutes())
		}
	default:
		return mail.Message{}, fmt.Errorf("%q is no mail to somebody of a team", key.Kind)
	}
	text, err := r.keys.Current().Sign(purpose, "", token.Subject{Namespace: t.Namespace, UID: string(t.UID), Serial: key.Serial, Address: key.To})
	if err != nil {
		return mail.Message{}, err
	}
	content.Link = page(t.Namespace, text)
	return tenant.Render(key.Kind, content, team.MessageID(t, key, tenant.MessageDomain()), key.To)
}

// nameOf is how a person is called to somebody who is to decide about them.
func nameOf(m *v1alpha1.TeamMember) string {
	switch {
	case m == nil:
		return ""
	case m.FirstName == "" && m.LastName == "":
		return string(m.Email)
	case m.FirstName == "" || m.LastName == "":
		return fmt.Sprintf("%s%s (%s)", m.FirstName, m.LastName, m.Email)
	default:
		return fmt.Sprintf("%s %s (%s)", m.FirstName, m.LastName, m.Email)
	}
}
