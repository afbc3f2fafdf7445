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
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
)

// PartnerTeamReconciler reports who is in a team and owns it, and sends the mails to its people.
type PartnerTeamReconciler struct {
	base
	post *post
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

func (r *PartnerTeamReconciler) setup(mgr ctrl.Manager) error {
	// Those with a mail that has not left, which a mended brand may let go on.
	mailing := enqueue(r.base, client.Object.GetNamespace, within(r.Client, lookup.TeamsWithMail))
	return newController(mgr, "partnerteam", "PartnerTeam", 1).
		For(&v1alpha1.PartnerTeam{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, peopleTurned, asked))).
		WatchesMetadata(&corev1.ConfigMap{}, mailing, r.post.mattering()).
		WatchesRawSource(r.post.routes.follow(mailing)).
		Complete(eachOf(r.base, r))
}

// Reconcile does what is due for one team.
func (r *PartnerTeamReconciler) Reconcile(ctx context.Context, t *v1alpha1.PartnerTeam) (reconcile.Result, error) {
	if !t.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	tenant, err := r.post.tenant(ctx, t.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	in := team.Input{Team: t, MailerConfigured: tenant.configured(), Holds: r.post.holds(tenant), Now: r.now()}
	if in.Open, err = r.open(ctx, t); err != nil {
		return reconcile.Result{}, err
	}
	d := team.Decide(in)
	if d.Send != nil {
		return r.send(ctx, in, tenant)
	}
	if !equality.Semantic.DeepEqual(t.Status, d.Status) {
		after := t.DeepCopy()
		after.Status = d.Status
		salted(after)
		err = r.Status().Update(ctx, after)
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
	return team.Open(of, catalog, nil, r.now()), err
}

// send makes a claim of the moment that the rate lets the mail leave, carries it out, and looks again: another mail may
// be due.
func (r *PartnerTeamReconciler) send(ctx context.Context, in team.Input, tenant tenant) (reconcile.Result, error) {
	if err := tenant.transport.sender.Ready(ctx); err != nil {
		return reconcile.Result{}, err
	}
	in.Now = r.now()
	d := team.Decide(in)
	if d.Send == nil {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	claimed := in.Team.DeepCopy()
	claimed.Status = d.Status
	salted(claimed)
	message, err := r.message(claimed, *d.Send, tenant)
	if err != nil {
		return reconcile.Result{}, err
	}
	err = dispatch(ctx, r.post, claimOf[*v1alpha1.PartnerTeam]{
		object: claimed,
		send:   tenant.transport.mail(message),
		record: func(t *v1alpha1.PartnerTeam, failure *delivery.Failure) bool {
			return team.Record(t, *d.Send, failure, r.now())
		},
	})
	if err != nil {
		return resultOf(retrySoon, err)
	}
	in.Team, in.Now = claimed, r.now()
	next := team.Decide(in)
	if next.Send != nil { // the cache may not have seen yet what was written
		return r.send(ctx, in, tenant)
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, nil
}

// message is the mail of a claim. A link is made here and nowhere kept.
func (r *PartnerTeamReconciler) message(t *v1alpha1.PartnerTeam, key team.Key, tenant tenant) (mail.Message, error) {
	content := mail.Content{Team: string(t.Spec.DisplayName)}
	to := team.Member(t, key.To)
	if to != nil {
		content.FirstName, content.LastName = string(to.FirstName), string(to.LastName)
	}
	var purpose token.Purpose
	page := tenant.portal.SignIn
	switch key.Kind {
	case v1alpha1.MailTeammateApproval:
		purpose, page = token.PurposeTeamApproval, tenant.portal.Approval
		content.Teammate = nameOf(team.AwaitingBySerial(t, key.Serial))
	case v1alpha1.MailTeammateInvite:
		purpose, page = token.PurposeTeamMember, tenant.portal.Member
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
	text, err := r.post.keys.Current().Sign(purpose, "", token.Subject{Namespace: t.Namespace, UID: string(t.UID), Serial: key.Serial, Address: key.To})
	if err != nil {
		return mail.Message{}, err
	}
	content.Link = page(t.Namespace, text)
	message, err := mail.Render(key.Kind, tenant.Brand, content, tenant.templates[key.Kind])
	if err != nil && tenant.templates[key.Kind] != nil { // only what this one mail says makes it unusable
		message, err = mail.Render(key.Kind, tenant.Brand, content, nil)
	}
	message.ID, message.To = team.MessageID(t, key, tenant.MessageDomain()), key.To
	return message, err
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
