package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

// reconcileTeammates does what is due for an invite that proposes teammates to an existing team.
func (r *PartnerInviteReconciler) reconcileTeammates(ctx context.Context, i *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	of, err := lookup.Team(ctx, r.Client, i.Namespace, i.TeamName())
	if err != nil {
		return reconcile.Result{}, err
	}
	in := invite.Input{Invite: i, Team: of, Now: r.now()}
	if of == nil {
		if in.TeamInvited, err = r.teamInvited(ctx, i.Namespace, i.Spec.TeamRef); err != nil {
			return reconcile.Result{}, err
		}
	}
	if in.Catalog, err = lookup.Catalog(ctx, r.Client, i.Namespace); err != nil {
		return reconcile.Result{}, err
	}
	if in.Partnerships, err = lookup.PartnershipsOfTeam(ctx, r.Client, i.Namespace, i.TeamName()); err != nil {
		return reconcile.Result{}, err
	}
	d := invite.NextForTeammates(in)
	after := i.DeepCopy()
	if d.Action == invite.ActionPropose {
		if err := r.propose(ctx, in, after); apierrors.IsNotFound(err) {
			return reconcile.Result{RequeueAfter: retrySoon}, nil
		} else if err != nil {
			return resultOf(0, err)
		}
	} else {
		after.Status = d.Status
	}
	if equality.Semantic.DeepEqual(i.Status, after.Status) {
		return reconcile.Result{RequeueAfter: d.RequeueAfter}, nil
	}
	if err = r.Status().Update(ctx, after); err == nil {
		r.tell(ctx, i.Status, after)
	}
	return resultOf(d.RequeueAfter, err)
}

// propose puts the people of an invite before the team, and notes what came of it. If the process dies in between, the
// same people are found there, proposed by the same invite.
func (r *PartnerInviteReconciler) propose(ctx context.Context, in invite.Input, after *v1alpha1.PartnerInvite) error {
	var outcomes invite.Outcomes
	changed, err := r.accept.ChangeTeam(ctx, client.ObjectKeyFromObject(in.Team), string(in.Team.UID), func(t *v1alpha1.PartnerTeam) error {
		outcomes = invite.ProposeTo(t, in.Invite, r.now())
		return nil
	})
	if err != nil {
		return err
	}
	invite.ProposedNow(&after.Status, after, changed, outcomes, r.now())
	return nil
}
