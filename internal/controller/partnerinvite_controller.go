package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// PartnerInviteReconciler issues, mails and expires invites, and finishes what the portal could not.
type PartnerInviteReconciler struct {
	base
	post        *post
	accept      *accept.Step
	concurrency int
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites,verbs=get;list;watch
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites/status,verbs=update
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerships,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

func (r *PartnerInviteReconciler) setup(mgr ctrl.Manager) error {
	// Without the predicate the event of each of our own writes would wake a reconcile on a stale copy.
	answered := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.PartnerInvite), e.ObjectNew.(*v1alpha1.PartnerInvite)
		return (before.Status.Acceptance == nil) != (after.Status.Acceptance == nil)
	}}
	return ctrl.NewControllerManagedBy(mgr).
		Named("partnerinvite").
		For(&v1alpha1.PartnerInvite{}, builder.WithPredicates(predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, answered))).
		Watches(&v1alpha1.Program{}, handler.EnqueueRequestsFromMapFunc(r.waiting), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.PartnerGroup{}, handler.EnqueueRequestsFromMapFunc(r.waiting), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.concurrency}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// waiting are the invites that a new or changed program or group may let go on.
func (r *PartnerInviteReconciler) waiting(ctx context.Context, object client.Object) []reconcile.Request {
	invites, err := lookup.UnissuedInvites(ctx, r.Client, object.GetNamespace())
	if err != nil {
		return nil // only for a missing index
	}
	return requestsFor(invites)
}

// Reconcile does what is due for one invite.
func (r *PartnerInviteReconciler) Reconcile(ctx context.Context, i *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	if !i.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	catalog, err := lookup.Catalog(ctx, r.Client, i.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	d := invite.Decide(r.input(i, catalog))
	before := i.Status
	switch {
	case d.Action == invite.ActionSend:
		return r.send(ctx, i, d, catalog)
	case d.Action == invite.ActionFinish:
		err = r.accept.Finish(ctx, i.DeepCopy())
	case !equality.Semantic.DeepEqual(before, d.Status):
		after := i.DeepCopy()
		after.Status = d.Status
		if err = r.Status().Update(ctx, after); err == nil {
			r.tell(before, after)
		}
	}
	return resultOf(d.RequeueAfter, err)
}

func (r *PartnerInviteReconciler) input(i *v1alpha1.PartnerInvite, catalog program.Catalog) invite.Input {
	keys := r.post.keys.Current()
	return invite.Input{
		Invite:           i,
		Catalog:          catalog,
		MailerConfigured: r.post.configured(),
		HoldsKey:         keys.Holds,
		NewestKeyID:      keys.NewestKeyID(),
		MessageDomain:    r.post.messageDomain(),
		Now:              r.now(),
	}
}

// send carries out a claim.
func (r *PartnerInviteReconciler) send(ctx context.Context, i *v1alpha1.PartnerInvite, d invite.Decision, catalog program.Catalog) (reconcile.Result, error) {
	if err := r.post.sender.Ready(ctx); err != nil {
		return reconcile.Result{}, err
	}
	claimed := i.DeepCopy()
	claimed.Status = d.Status
	message, err := r.message(claimed, catalog)
	if err != nil {
		return reconcile.Result{}, err
	}
	before, id := i.Status, d.Status.MessageID
	err = dispatch(ctx, r.post, claimOf[*v1alpha1.PartnerInvite]{claimed, message, func(i *v1alpha1.PartnerInvite, failure *delivery.Failure) bool {
		if i.Status.MessageID != id || i.Status.SentTime != nil {
			return false
		}
		if failure == nil {
			invite.Delivered(&i.Status, r.now())
		} else {
			invite.NotDelivered(&i.Status, failure, r.now())
		}
		return true
	}})
	if err != nil {
		return resultOf(retrySoon, err)
	}
	r.tell(before, claimed)
	return reconcile.Result{RequeueAfter: invite.Decide(r.input(claimed, catalog)).RequeueAfter}, nil
}

// message is the mail of a claim. The link is made here and nowhere kept.
func (r *PartnerInviteReconciler) message(i *v1alpha1.PartnerInvite, catalog program.Catalog) (mail.Message, error) {
	text, err := r.post.keys.Current().Sign(token.PurposeInvite, i.Status.KeyID, token.Subject{
		Namespace: i.Namespace,
		UID:       string(i.UID),
		Serial:    i.Status.Serial,
		Address:   string(i.Spec.Contact.Email),
	})
	if err != nil {
		return mail.Message{}, err
	}
	content := mail.Content{
		FirstName:  string(i.Spec.Contact.FirstName),
		Company:    r.post.company,
		Link:       r.post.portal.Invite(i.Namespace, text),
		ExpiryTime: i.Status.ExpiryTime.Time,
	}
	for _, grant := range i.Status.Programs {
		content.Programs = append(content.Programs, programLine(grant.Name, grant.GroupRef, catalog))
	}
	message, err := mail.Render(v1alpha1.MailInvite, content)
	message.ID, message.To = i.Status.MessageID, string(i.Spec.Contact.Email)
	return message, err
}

// programLine is how a program and the group in it are called in a mail.
func programLine(name string, group *v1alpha1.GroupReference, catalog program.Catalog) mail.ProgramLine {
	line := mail.ProgramLine{Name: name}
	if p := catalog.Programs[name]; p != nil {
		line.Name, line.Description = string(p.Spec.DisplayName), p.Spec.Description
	}
	if inForce, _ := catalog.GroupInForce(name, group, ""); inForce != "" {
		line.Group = string(catalog.Groups[inForce].Spec.DisplayName)
	}
	return line
}

func (r *PartnerInviteReconciler) tell(before v1alpha1.PartnerInviteStatus, after *v1alpha1.PartnerInvite) {
	if e, ok := invite.Transition(before, after.Status, address.Mask(string(after.Spec.Contact.Email))); ok {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
}
