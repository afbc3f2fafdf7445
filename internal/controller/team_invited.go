package controller

import (
	"context"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

// Objects may name a team, or a partnership of it, that an open invite makes when the person accepts. They wait for that
// person, so they have to look again when the invite is there, is answered, ends or goes.

// teamInvited tells whether an open invite makes the team of a reference, which does not exist.
func (b base) teamInvited(ctx context.Context, namespace string, ref *v1alpha1.TeamReference) (bool, error) {
	if ref == nil {
		return false, nil
	}
	return lookup.TeamInvited(ctx, b.Client, namespace, ref.Name, b.now())
}

// teamInviteTurned lets through that an invite that makes a team comes or goes, or enters another state.
var teamInviteTurned = predicate.And[client.Object](
	predicate.NewPredicateFuncs(func(o client.Object) bool { return o.(*v1alpha1.PartnerInvite).Spec.Team != nil }),
	predicate.Or[client.Object](comesAndGoes, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.(*v1alpha1.PartnerInvite).Status.State != e.ObjectNew.(*v1alpha1.PartnerInvite).Status.State
	}}),
)

// teamOfInvite is the key of the team that an invite is about.
func teamOfInvite(invite client.Object) client.ObjectKey {
	return client.ObjectKey{Namespace: invite.GetNamespace(), Name: invite.(*v1alpha1.PartnerInvite).TeamName()}
}

// awaitingTeam finds the partnerships that name a team.
func (r *PartnershipReconciler) awaitingTeam(ctx context.Context, team client.ObjectKey) ([]reconcile.Request, error) {
	of, err := lookup.PartnershipsOfTeam(ctx, r.Client, team.Namespace, team.Name)
	if err != nil {
		return nil, err
	}
	joining, err := lookup.PartnershipsJoining(ctx, r.Client, team.Namespace, team.Name)
	return append(requestsFor(of), requestsFor(joining)...), err
}

// invitedPartnerships are the partnerships that an invite to a new team makes.
type invitedPartnerships struct{ namespace, names string }

func partnershipsOfInvite(object client.Object) invitedPartnerships {
	return invitedPartnerships{object.GetNamespace(), strings.Join(invite.PartnershipNames(object.(*v1alpha1.PartnerInvite)), " ")}
}

// awaiting finds the links of partnerships.
func (r *PartnerLinkReconciler) awaiting(ctx context.Context, of invitedPartnerships) ([]reconcile.Request, error) {
	var requests []reconcile.Request
	for _, name := range strings.Fields(of.names) {
		links, err := lookup.LinksOf(ctx, r.Client, of.namespace, name)
		if err != nil {
			return nil, err
		}
		requests = append(requests, requestsFor(links)...)
	}
	return requests, nil
}
