package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

// PartnerLinkReconciler tells what links do, where they lead and what to share. The redirect itself does not wait for it.
type PartnerLinkReconciler struct {
	base
	post        *post
	concurrency int
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerlinks/status,verbs=update

func (r *PartnerLinkReconciler) setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	turned := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Partnership), e.ObjectNew.(*v1alpha1.Partnership)
		return before.Status.State != after.Status.State || before.Status.Group != after.Status.Group
	}}
	return newController(mgr, "partnerlink", "PartnerLink", r.concurrency).
		For(&v1alpha1.PartnerLink{}, changed).
		Watches(&v1alpha1.Partnership{}, handler.EnqueueRequestsFromMapFunc(r.sharedBy), builder.WithPredicates(predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, turned))).
		Watches(&v1alpha1.PartnerTeam{}, handler.EnqueueRequestsFromMapFunc(r.sharedIn), builder.WithPredicates(peopleTurned)).
		Watches(&v1alpha1.Program{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
			return r.following(ctx, o.GetNamespace(), o.GetName())
		}), changed).
		Watches(&v1alpha1.PartnerGroup{}, handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
			return r.following(ctx, o.GetNamespace(), o.(*v1alpha1.PartnerGroup).Spec.ProgramRef.Name)
		}), changed).
		WatchesMetadata(&corev1.ConfigMap{}, r.post.mattering(r.all)).
		Complete(eachOf(mgr.GetClient(), r))
}

// sharedBy are the links of a partnership.
func (r *PartnerLinkReconciler) sharedBy(ctx context.Context, p client.Object) []reconcile.Request {
	links, err := lookup.LinksOf(ctx, r.Client, p.GetNamespace(), p.GetName())
	if err != nil {
		return nil // only for a missing index
	}
	return requestsFor(links)
}

// sharedIn are the links of a team.
func (r *PartnerLinkReconciler) sharedIn(ctx context.Context, t client.Object) []reconcile.Request {
	partnerships, err := lookup.PartnershipsOfTeam(ctx, r.Client, t.GetNamespace(), t.GetName())
	if err != nil {
		return nil // only for a missing index
	}
	var requests []reconcile.Request
	for i := range partnerships {
		requests = append(requests, r.sharedBy(ctx, &partnerships[i])...)
	}
	return requests
}

// following are the links of a program: of its partnerships, and of those that were removed.
func (r *PartnerLinkReconciler) following(ctx context.Context, namespace, programName string) []reconcile.Request {
	left, err := lookup.LinksInto(ctx, r.Client, namespace, programName)
	if err != nil {
		return nil // only for a missing index
	}
	requests := requestsFor(left)
	partnerships, err := lookup.PartnershipsIn(ctx, r.Client, namespace, programName)
	if err != nil {
		return requests
	}
	for i := range partnerships {
		requests = append(requests, r.sharedBy(ctx, &partnerships[i])...)
	}
	return requests
}

// all are the links of a ConfigMap's namespace: its brand may give the portal another host.
func (r *PartnerLinkReconciler) all(ctx context.Context, configMap client.Object) []reconcile.Request {
	var links v1alpha1.PartnerLinkList
	if err := r.List(ctx, &links, client.InNamespace(configMap.GetNamespace()), client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	return requestsFor(links.Items)
}

// Reconcile writes the status of one link.
func (r *PartnerLinkReconciler) Reconcile(ctx context.Context, l *v1alpha1.PartnerLink) (reconcile.Result, error) {
	if !l.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	tenant, err := r.post.tenant(ctx, l.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	ground, err := lookup.Ground(ctx, r.Client, l)
	if err != nil {
		return reconcile.Result{}, err
	}
	ground.Portal, ground.Now = r.post.portal.Host(), r.now()
	status := link.Decide(ground, tenant.portal.Share(l.Namespace, l.Name))
	if equality.Semantic.DeepEqual(l.Status, status) {
		return reconcile.Result{}, nil
	}
	before := l.Status
	l.Status = status
	if err = r.Status().Update(ctx, l); err == nil {
		if e, changed := link.Transition(before, status); changed {
			r.events.Eventf(l, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
		}
	}
	return resultOf(0, err)
}

// The operator makes the default links of groups.
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerlinks,verbs=create;get

// makeLinks makes default links of a partnership. To make one that is there already does nothing.
func (r *PartnershipReconciler) makeLinks(ctx context.Context, p *v1alpha1.Partnership, wanted []v1alpha1.DefaultLink) error {
	for _, each := range wanted {
		name, other := link.DefaultName(p.Name, each.Suffix)
		made, err := r.makeLink(ctx, p, name, each.Destination)
		if err == nil && !made {
			made, err = r.makeLink(ctx, p, other, each.Destination)
		}
		if err != nil {
			return err
		}
		if !made {
			r.events.Eventf(p, nil, corev1.EventTypeWarning, v1alpha1.ReasonNameTaken, "MakeLink",
				"PartnerLinks %q and %q exist and are another partner's, so the default link was not made; create it under another name", name, other)
		}
	}
	return nil
}

// makeLink makes a link, unless there is one of that name. It is false if that is somebody else's.
func (r *PartnershipReconciler) makeLink(ctx context.Context, p *v1alpha1.Partnership, name string, destination v1alpha1.WebAddress) (bool, error) {
	made := &v1alpha1.PartnerLink{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: name, Labels: map[string]string{link.SourceLabel: link.SourceDefault}},
		Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: p.Name}, Destination: destination},
	}
	err := r.Create(ctx, made)
	if !apierrors.IsAlreadyExists(err) {
		return err == nil, err
	}
	there := &v1alpha1.PartnerLink{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(made), there); err != nil {
		return false, err // gone again: the next look makes it
	}
	return there.Spec.PartnershipRef == made.Spec.PartnershipRef && there.Spec.Member == nil, nil
}
