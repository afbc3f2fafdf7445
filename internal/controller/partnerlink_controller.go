package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// PartnerLinkReconciler tells what links do, where they lead and what to share. The redirect itself does not wait for it.
type PartnerLinkReconciler struct {
	base
	concurrency int
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerlinks/status,verbs=update

func (r *PartnerLinkReconciler) setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(specChanged)
	turned := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Partnership), e.ObjectNew.(*v1alpha1.Partnership)
		return before.Status.State != after.Status.State || before.Status.Group != after.Status.Group
	}}
	return newController(mgr, "partnerlink", "PartnerLink", r.concurrency).
		For(&v1alpha1.PartnerLink{}, changed).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.LinksOf)), builder.WithPredicates(predicate.Or[client.Object](specChanged, turned))).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, r.sharedIn), builder.WithPredicates(peopleTurned)).
		Watches(&v1alpha1.Program{}, enqueue(r.base, client.ObjectKeyFromObject, r.following), changed).
		Watches(&v1alpha1.PartnerGroup{}, enqueue(r.base, programOfGroup, r.following), changed).
		WatchesMetadata(&corev1.ConfigMap{}, enqueue(r.base, client.Object.GetNamespace, r.all), r.mattering()).
		Complete(eachOf(r.base, "partnerlink", r))
}

// sharedIn finds the links of a team.
func (r *PartnerLinkReconciler) sharedIn(ctx context.Context, team client.ObjectKey) ([]reconcile.Request, error) {
	partnerships, err := lookup.PartnershipsOfTeam(ctx, r.Client, team.Namespace, team.Name)
	if err != nil {
		return nil, err
	}
	return r.sharedBy(ctx, partnerships)
}

// following finds the links of a program: of its partnerships, and of those that were removed.
func (r *PartnerLinkReconciler) following(ctx context.Context, program client.ObjectKey) ([]reconcile.Request, error) {
	left, err := lookup.LinksInto(ctx, r.Client, program.Namespace, program.Name)
	if err != nil {
		return nil, err
	}
	partnerships, err := lookup.PartnershipsIn(ctx, r.Client, program.Namespace, program.Name)
	if err != nil {
		return nil, err
	}
	shared, err := r.sharedBy(ctx, partnerships)
	return append(requestsFor(left), shared...), err
}

// sharedBy finds the links of partnerships.
func (r *PartnerLinkReconciler) sharedBy(ctx context.Context, partnerships []v1alpha1.Partnership) ([]reconcile.Request, error) {
	var requests []reconcile.Request
	for i := range partnerships {
		links, err := lookup.LinksOf(ctx, r.Client, partnerships[i].Namespace, partnerships[i].Name)
		if err != nil {
			return nil, err
		}
		requests = append(requests, requestsFor(links)...)
	}
	return requests, nil
}

// all finds the links of a ConfigMap's namespace: its brand may give the portal another host.
func (r *PartnerLinkReconciler) all(ctx context.Context, namespace string) ([]reconcile.Request, error) {
	var links v1alpha1.PartnerLinkList
	err := r.List(ctx, &links, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	return requestsFor(links.Items), err
}

// Reconcile writes the status of one link.
func (r *PartnerLinkReconciler) Reconcile(ctx context.Context, l *v1alpha1.PartnerLink) (reconcile.Result, error) {
	if !l.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	tenant, err := r.courier.Tenant(ctx, l.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	ground, err := lookup.Ground(ctx, r.Client, l)
	if err != nil {
		return reconcile.Result{}, err
	}
	ground.Portal, ground.Now = r.courier.Host(), r.now()
	status := link.Decide(ground, tenant.Portal.Share(l.Namespace, l.Name))
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

// makeLinks makes default links of a partnership, and tells which it could not make. To make one that is there already does
// nothing.
func (r *PartnershipReconciler) makeLinks(
	ctx context.Context, p *v1alpha1.Partnership, wanted []v1alpha1.DefaultLink,
) map[string]partnership.LinkObstacle {
	unmade := map[string]partnership.LinkObstacle{}
	for _, each := range wanted {
		name, other := link.DefaultName(p.Name, each.Suffix)
		made, err := r.makeLink(ctx, p, name, each.Destination)
		if err == nil && !made {
			made, err = r.makeLink(ctx, p, other, each.Destination)
		}
		switch {
		case err != nil:
			unmade[each.Suffix] = partnership.LinkObstacle{
				Reason: v1alpha1.ReasonWriteFailed, Message: fmt.Sprintf("PartnerLink %q, a default link, cannot be made: %s; it is tried again", name, err),
			}
		case !made:
			unmade[each.Suffix] = partnership.LinkObstacle{
				Reason:  v1alpha1.ReasonNameTaken,
				Message: fmt.Sprintf("PartnerLinks %q and %q, whose names a default link would have, are not of this partnership; delete one of them", name, other),
			}
		}
	}
	return unmade
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
