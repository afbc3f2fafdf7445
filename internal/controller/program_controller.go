package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// ProgramReconciler reports whether a program's references fit, and whether its mail can leave.
type ProgramReconciler struct {
	base
	post *post
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=programs/status,verbs=update

func (r *ProgramReconciler) setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return newController(mgr, "program", "Program", 1).
		For(&v1alpha1.Program{}, changed).
		Watches(&v1alpha1.PartnerGroup{}, handler.EnqueueRequestsFromMapFunc(r.namedBy), changed).
		Watches(&v1alpha1.Partnership{}, counting(inProgram)).
		Watches(&v1alpha1.PartnerInvite{}, counting(r.invitedInto)).
		WatchesMetadata(&corev1.ConfigMap{}, r.post.mattering(r.all)).
		WatchesRawSource(r.post.routes.follow(&handler.EnqueueRequestForObject{})).
		Complete(eachOf(mgr.GetClient(), r))
}

// namedBy are the programs that a group is in, or whose default group it is.
func (r *ProgramReconciler) namedBy(ctx context.Context, group client.Object) []reconcile.Request {
	catalog, err := lookup.Catalog(ctx, r.Client, group.GetNamespace())
	if err != nil {
		return nil
	}
	var requests []reconcile.Request
	for _, p := range catalog.Programs {
		if p.Name == group.(*v1alpha1.PartnerGroup).Spec.ProgramRef.Name || p.Spec.DefaultGroupRef != nil && p.Spec.DefaultGroupRef.Name == group.GetName() {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(p)})
		}
	}
	return requests
}

// all are the programs of a ConfigMap's namespace.
func (r *ProgramReconciler) all(ctx context.Context, configMap client.Object) []reconcile.Request {
	var programs v1alpha1.ProgramList
	if err := r.List(ctx, &programs, client.InNamespace(configMap.GetNamespace())); err != nil {
		return nil
	}
	return requestsFor(programs.Items)
}

// count tells what is in a program.
func (r *ProgramReconciler) count(ctx context.Context, p *v1alpha1.Program, catalog program.Catalog) (program.Counts, error) {
	var counts program.Counts
	for _, group := range catalog.Groups {
		if group.Spec.ProgramRef.Name == p.Name {
			counts.Groups++
		}
	}
	partnerships, err := lookup.PartnershipsIn(ctx, r.Client, p.Namespace, p.Name)
	if err != nil {
		return counts, err
	}
	invites, err := lookup.InvitesInto(ctx, r.Client, p.Namespace, p.Name)
	counts.Partnerships, counts.Invites = program.CountPartnerships(partnerships), program.CountInvites(invites)
	return counts, err
}

// Reconcile writes the status of one program.
func (r *ProgramReconciler) Reconcile(ctx context.Context, p *v1alpha1.Program) (reconcile.Result, error) {
	if !p.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	catalog, err := lookup.Catalog(ctx, r.Client, p.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	tenant, err := r.post.tenant(ctx, p.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	template, err := r.post.checkTemplate(ctx, p.Namespace, p.Spec.Invites.TemplateRef)
	if err != nil {
		return reconcile.Result{}, err
	}
	counts, err := r.count(ctx, p, catalog)
	if err != nil {
		return reconcile.Result{}, err
	}
	status := program.Status(p, catalog, template, tenant.health(), counts, r.now())
	if status.NameSalt == "" {
		status.NameSalt = partnership.NewSalt()
	}
	if equality.Semantic.DeepEqual(p.Status, status) {
		return reconcile.Result{}, nil
	}
	before := p.Status
	p.Status = status
	err = r.Status().Update(ctx, p)
	if e, ok := program.Transition(before, status); ok && err == nil {
		r.events.Eventf(p, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
	return resultOf(0, err)
}
