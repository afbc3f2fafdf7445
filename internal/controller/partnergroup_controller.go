package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// PartnerGroupReconciler reports whether a group's program exists, and its mail can be used.
type PartnerGroupReconciler struct {
	base
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnergroups/status,verbs=update

func (r *PartnerGroupReconciler) setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(specChanged)
	limited := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.PartnerGroup), e.ObjectNew.(*v1alpha1.PartnerGroup)
		return join.LimitOf(before, r.now()).Reason != join.LimitOf(after, r.now()).Reason
	}}
	return newController(mgr, "partnergroup", "PartnerGroup", 1).
		For(&v1alpha1.PartnerGroup{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, limited))).
		Watches(&v1alpha1.Program{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.GroupsOf)), changed).
		Watches(&v1alpha1.Partnership{}, counting(inGroup, nil)).
		WatchesMetadata(&corev1.ConfigMap{}, enqueue(r.base, client.Object.GetNamespace, r.all), r.mattering()).
		WatchesRawSource(onKeys(r.base, r.keys, keyring.SecretName, func(ctx context.Context) ([]reconcile.Request, error) {
			var groups v1alpha1.PartnerGroupList // those with a join link show one that the newest key has signed
			err := r.List(ctx, &groups, client.UnsafeDisableDeepCopy)
			return requestsFor(groups.Items), err
		})).
		Complete(eachOf(r.base, "partnergroup", r))
}

// all finds the groups of a namespace.
func (r *PartnerGroupReconciler) all(ctx context.Context, namespace string) ([]reconcile.Request, error) {
	var groups v1alpha1.PartnerGroupList
	err := r.List(ctx, &groups, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	return requestsFor(groups.Items), err
}

// Reconcile writes the status of one group.
func (r *PartnerGroupReconciler) Reconcile(ctx context.Context, g *v1alpha1.PartnerGroup) (reconcile.Result, error) {
	if !g.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	catalog, err := lookup.Catalog(ctx, r.Client, g.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	template, err := r.courier.CheckTemplate(ctx, g.Namespace, g.Spec.Invites.TemplateRef)
	if err != nil {
		return reconcile.Result{}, err
	}
	partnerships, err := lookup.PartnershipsInGroup(ctx, r.Client, g.Namespace, g.Name)
	if err != nil {
		return reconcile.Result{}, err
	}
	status := program.GroupStatus(g, catalog, template, program.CountPartnerships(partnerships), r.now())
	join.Follow(&status, g)
	if status.JoinURL, err = r.joinURL(ctx, g, status.JoinLink.Serial, catalog); err != nil {
		return reconcile.Result{}, err
	}
	lookAgain := join.FollowLimit(&status, g, r.now())
	if equality.Semantic.DeepEqual(g.Status, status) {
		return reconcile.Result{RequeueAfter: lookAgain}, nil
	}
	before := g.Status
	g.Status = status
	if err := r.Status().Update(ctx, g); err != nil {
		return resultOf(lookAgain, err)
	}
	for _, e := range program.Unfollowed(before.Conditions, status.Conditions) {
		r.events.Eventf(g, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
	return reconcile.Result{RequeueAfter: lookAgain}, nil
}

// joinURL is the join link of a number. It is signed with the newest key, so that after a rotation of keys the status
// shows a link that outlives the old key; the link of before works as long as that one is kept.
func (r *PartnerGroupReconciler) joinURL(ctx context.Context, g *v1alpha1.PartnerGroup, serial int64, catalog program.Catalog) (string, error) {
	if !join.IsOpen(g) || catalog.Programs[g.Spec.ProgramRef.Name] == nil {
		return "", nil
	}
	tenant, err := r.courier.Tenant(ctx, g.Namespace)
	if err != nil {
		return "", err
	}
	text, err := r.keys.Current().Sign(token.PurposeJoin, "", token.Subject{Namespace: g.Namespace, UID: string(g.UID), Serial: serial})
	return tenant.Portal.Join(g.Namespace, g.Name, text), err
}
