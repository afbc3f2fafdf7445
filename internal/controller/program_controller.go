package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// ProgramReconciler reports whether a program's references fit, and whether its mail can leave.
type ProgramReconciler struct {
	base
	tombstones *tombstone.Writer
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=programs/status,verbs=update

func (r *ProgramReconciler) setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(specChanged)
	return newController(mgr, "program", "Program", 1).
		For(&v1alpha1.Program{}, changed).
		Watches(&v1alpha1.PartnerGroup{}, enqueue(r.base, groupIn, r.namedBy), changed).
		Watches(&v1alpha1.Partnership{}, counting(inProgram, nil)).
		Watches(&v1alpha1.PartnerInvite{}, counting(invitedInto, &mapper[string]{retries: r.retries, find: r.all, after: settleTime})).
		WatchesMetadata(&corev1.ConfigMap{}, enqueue(r.base, client.Object.GetNamespace, r.all), r.mattering()).
		WatchesRawSource(r.mailNews.followPrograms(&handler.EnqueueRequestForObject{})).
		WatchesRawSource(source.Func(func(_ context.Context, q requestQueue) error {
			r.tombstones.OnProblem(func(p client.ObjectKey) { q.Add(reconcile.Request{NamespacedName: p}) })
			return nil
		})).
		Complete(eachOf(r.base, "program", r))
}

// grouping is a group, and the program that it is in.
type grouping struct {
	client.ObjectKey // of the group

	program string
}

func groupIn(group client.Object) grouping {
	return grouping{client.ObjectKeyFromObject(group), programOfGroup(group).Name}
}

// namedBy finds the programs that a group is in, or whose default group it is.
func (r *ProgramReconciler) namedBy(ctx context.Context, group grouping) ([]reconcile.Request, error) {
	catalog, err := lookup.Catalog(ctx, r.Client, group.Namespace)
	var requests []reconcile.Request
	for _, p := range catalog.Programs {
		if p.Name == group.program || p.Spec.DefaultGroupRef != nil && p.Spec.DefaultGroupRef.Name == group.Name {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(p)})
		}
	}
	return requests, err
}

// all finds the programs of a namespace.
func (r *ProgramReconciler) all(ctx context.Context, namespace string) ([]reconcile.Request, error) {
	var programs v1alpha1.ProgramList
	err := r.List(ctx, &programs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	return requestsFor(programs.Items), err
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
	tenant, err := r.courier.Tenant(ctx, p.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	template, err := r.courier.CheckTemplate(ctx, p.Namespace, p.Spec.Invites.TemplateRef)
	if err != nil {
		return reconcile.Result{}, err
	}
	counts, err := r.count(ctx, p, catalog)
	if err != nil {
		return reconcile.Result{}, err
	}
	status := program.Status(p, catalog, template, tenant.Health, counts, r.now())
	program.SetRemembering(&status, program.Forgetting(r.tombstones.Problem(p)), r.now())
	if status.NameSalt == "" {
		status.NameSalt = partnership.NewSalt()
	}
	if equality.Semantic.DeepEqual(p.Status, status) {
		return reconcile.Result{}, nil
	}
	before := p.Status
	p.Status = status
	if err := r.Status().Update(ctx, p); err != nil {
		return resultOf(0, err)
	}
	for _, e := range program.Transitions(before, status) {
		r.events.Eventf(p, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
	return reconcile.Result{}, nil
}
