package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/team"
)

// PartnerTeamReconciler reports whether a team can be a partner, and who owns it.
type PartnerTeamReconciler struct{ base }

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerteams,verbs=get;list;watch
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerteams/status,verbs=update

func (r *PartnerTeamReconciler) setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("partnerteam").
		For(&v1alpha1.PartnerTeam{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(reconcile.AsReconciler(mgr.GetClient(), r))
}

// Reconcile writes the status of one team.
func (r *PartnerTeamReconciler) Reconcile(ctx context.Context, t *v1alpha1.PartnerTeam) (reconcile.Result, error) {
	if !t.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	status := team.Status(t, r.now())
	if equality.Semantic.DeepEqual(t.Status, status) {
		return reconcile.Result{}, nil
	}
	t.Status = status
	return resultOf(0, r.Status().Update(ctx, t))
}
