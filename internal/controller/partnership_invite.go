package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// The operator makes the invites of partnerships with invitation Send.
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites,verbs=create;get

// comesAndGoes lets through that an object is there, is being deleted, or is gone.
var comesAndGoes = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetDeletionTimestamp().IsZero() && !e.ObjectNew.GetDeletionTimestamp().IsZero()
}}

// invitationTurned lets through what a partnership says about its invite: that it is there or gone, and that the person
// or somebody else has to do something.
var invitationTurned = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, after := e.ObjectOld.(*v1alpha1.PartnerInvite), e.ObjectNew.(*v1alpha1.PartnerInvite)
	return partnership.MadeForPartnership(after) && partnership.InviteNews(before) != partnership.InviteNews(after)
}}

// rivalry is who a partnership is for, and in which program.
type rivalry struct {
	client.ObjectKey // of the partnership

	email, team, program string
}

func rivalryOf(object client.Object) rivalry {
	p := object.(*v1alpha1.Partnership)
	of := rivalry{ObjectKey: client.ObjectKeyFromObject(p), program: p.Spec.ProgramRef.Name}
	if p.Spec.Contact != nil {
		of.email = string(p.Spec.Contact.Email)
	} else if p.Spec.TeamRef != nil {
		of.team = p.Spec.TeamRef.Name
	}
	return of
}

// heldBy finds the invites that a changed partnership may let go on, or stand in the way of.
func (r *PartnerInviteReconciler) heldBy(ctx context.Context, of rivalry) ([]reconcile.Request, error) {
	var invites []v1alpha1.PartnerInvite
	var err error
	if of.email != "" {
		invites, err = lookup.OpenInvitesOf(ctx, r.Client, of.Namespace, of.email)
	} else if of.team != "" {
		invites, err = lookup.InvitesOfTeam(ctx, r.Client, of.Namespace, of.team)
	}
	return requestsFor(invites), err
}

// rivals finds the other partnerships of the same partner in the same program: one that comes or goes decides which counts.
func (r *PartnershipReconciler) rivals(ctx context.Context, of rivalry) ([]reconcile.Request, error) {
	var found []v1alpha1.Partnership
	var err error
	if of.email != "" {
		found, err = lookup.PartnershipsOf(ctx, r.Client, of.Namespace, of.email)
	} else if of.team != "" {
		found, err = lookup.PartnershipsOfTeam(ctx, r.Client, of.Namespace, of.team)
	}
	return requestsFor(slices.DeleteFunc(found, func(p v1alpha1.Partnership) bool {
		return p.Name == of.Name || p.Spec.ProgramRef.Name != of.program
	})), err
}

// inviting is the partnership that an invite has the name for, be it made for that or not.
func inviting(_ context.Context, invite client.Object) []reconcile.Request {
	var requests []reconcile.Request
	for _, owner := range invite.GetOwnerReferences() {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: invite.GetNamespace(), Name: owner.Name}})
	}
	if name, ok := strings.CutSuffix(invite.GetName(), partnership.InvitationSuffix); ok && len(requests) == 0 {
		requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: invite.GetNamespace(), Name: name}})
	}
	return requests
}

// observeInvite finds the invite of a partnership that is to be accepted.
func (r *PartnershipReconciler) observeInvite(ctx context.Context, in *partnership.Input) error {
	p := in.Partnership
	if p.Spec.Invitation != v1alpha1.InvitationSend || p.Status.Acceptance != nil {
		return r.observeAcceptance(ctx, in)
	}
	key := types.NamespacedName{Namespace: p.Namespace, Name: partnership.InvitationName(p.Name)}
	invite := &v1alpha1.PartnerInvite{}
	err := r.Get(ctx, key, invite)
	if apierrors.IsNotFound(err) && p.Status.InviteRef != nil { // the cache may not have seen yet that it was made
		err = r.live.Get(ctx, key, invite)
	}
	switch {
	case err != nil:
		return client.IgnoreNotFound(err)
	case partnership.Invites(invite, p):
		in.Invite = invite
	case partnership.MadeForPartnership(invite):
		in.InviteLeftOver = true
	default:
		in.InviteTaken = fmt.Sprintf("PartnerInvite %q exists and was not made for this partnership; delete it", invite.Name)
	}
	return nil
}

// observeAcceptance finds when the person accepted the invite that made a new partnership.
func (r *PartnershipReconciler) observeAcceptance(ctx context.Context, in *partnership.Input) error {
	p := in.Partnership
	name := p.Labels[v1alpha1.InviteLabel]
	if p.Status.State != "" || p.Spec.Source != v1alpha1.SourceInvite || p.Spec.Contact == nil || name == "" {
		return nil
	}
	key, made := client.ObjectKey{Namespace: p.Namespace, Name: name}, &v1alpha1.PartnerInvite{}
	err := r.Get(ctx, key, made)
	if err == nil && made.Status.Acceptance == nil { // the cache may be behind the partnership
		err = r.live.Get(ctx, key, made)
	}
	if err == nil && made.Status.Acceptance != nil && address.Equal(string(made.Spec.Contact.Email), string(p.Spec.Contact.Email)) {
		in.AcceptedTime = &made.Status.Acceptance.Time
	}
	return client.IgnoreNotFound(err)
}

// The policies of config/policy ask for this verb whoever makes an invite.
// +kubebuilder:rbac:groups=partner-operator.io,resources=programs,verbs=invite

// invite makes the invite of a partnership. One that exists and that the cache has not seen yet is looked at when it has.
func (r *PartnershipReconciler) invite(ctx context.Context, p *v1alpha1.Partnership) (*v1alpha1.PartnerInvite, error) {
	invite := partnership.NewInvitation(p)
	err := r.Create(ctx, invite)
	if apierrors.IsAlreadyExists(err) {
		err = r.live.Get(ctx, client.ObjectKeyFromObject(invite), invite)
		if err == nil && !partnership.Invites(invite, p) {
			return nil, nil //nolint:nilnil // the next look finds whose it is
		}
	}
	if err != nil {
		return nil, err
	}
	return invite, nil
}
