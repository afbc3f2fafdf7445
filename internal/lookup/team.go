package lookup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/team"
)

// addTeamIndexes makes the indexes by which teams, and what is about them, are found.
func addTeamIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		name   string
		values client.IndexerFunc
	}{
		{&v1alpha1.PartnerInvite{}, byTeam, func(o client.Object) []string {
			if name := o.(*v1alpha1.PartnerInvite).TeamName(); name != "" {
				return []string{name}
			}
			return nil
		}},
		{&v1alpha1.PartnerInvite{}, byPartnership, func(o client.Object) []string { return invite.PartnershipNames(o.(*v1alpha1.PartnerInvite)) }},
		{&v1alpha1.PartnerTeam{}, byUID, uid},
		{&v1alpha1.PartnerTeam{}, byAddress, func(o client.Object) []string {
			var known []string
			for _, email := range team.Addresses(o.(*v1alpha1.PartnerTeam)) {
				known = append(known, address.Normalize(email))
			}
			return known
		}},
		{&v1alpha1.PartnerTeam{}, mailing, func(o client.Object) []string {
			if len(o.(*v1alpha1.PartnerTeam).Status.Mails) > 0 {
				return []string{"true"}
			}
			return nil
		}},
	} {
		if err := indexer.IndexField(ctx, index.object, index.name, index.values); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", index.object, index.name, err)
		}
	}
	return nil
}

// InvitesOfTeam finds the invites that are about a team, a new or an existing one.
func InvitesOfTeam(ctx context.Context, cache client.Reader, namespace, team string) ([]v1alpha1.PartnerInvite, error) {
	var list v1alpha1.PartnerInviteList
	err := find(ctx, cache, &list, namespace, byTeam, team)
	return list.Items, err
}

// TeamInvited tells whether an open invite makes a team when the person accepts.
func TeamInvited(ctx context.Context, cache client.Reader, namespace, team string, now time.Time) (bool, error) {
	about, err := InvitesOfTeam(ctx, cache, namespace, team)
	return invite.MakesTeam(about, now), err
}

// PartnershipInvited tells whether an open invite makes a partnership of this name when the person accepts.
func PartnershipInvited(ctx context.Context, cache client.Reader, namespace, name string, now time.Time) (bool, error) {
	var list v1alpha1.PartnerInviteList
	err := share(ctx, cache, &list, namespace, byPartnership, name)
	return invite.MakesTeam(list.Items, now), err
}

// RivalsOf finds the invites of the partner that an invite is for, the given one too: of the person, or of the team.
// Invites of a person into a program of their own and into a team do not stand in each other's way.
func RivalsOf(ctx context.Context, cache client.Reader, i *v1alpha1.PartnerInvite) ([]v1alpha1.PartnerInvite, error) {
	if i.ForTeam() {
		of, err := InvitesOfTeam(ctx, cache, i.Namespace, i.TeamName())
		return slices.DeleteFunc(of, func(rival v1alpha1.PartnerInvite) bool {
			other := rival.ForTeammates() || (rival.Spec.Team == nil) != (i.Spec.Team == nil)
			return other || !address.Equal(string(rival.Spec.Contact.Email), string(i.Spec.Contact.Email))
		}), err
	}
	of, err := InvitesOf(ctx, cache, i.Namespace, string(i.Spec.Contact.Email))
	return slices.DeleteFunc(of, func(rival v1alpha1.PartnerInvite) bool { return rival.ForTeam() }), err
}

// PartnershipsFor finds the partnerships of the partner that an invite is for: of the person, or of the team.
func PartnershipsFor(ctx context.Context, cache client.Reader, i *v1alpha1.PartnerInvite) ([]v1alpha1.Partnership, error) {
	if i.ForTeam() {
		return PartnershipsOfTeam(ctx, cache, i.Namespace, i.TeamName())
	}
	return PartnershipsOf(ctx, cache, i.Namespace, string(i.Spec.Contact.Email))
}

// Team finds a team by its name; nil: there is none.
func Team(ctx context.Context, cache client.Reader, namespace, name string) (*v1alpha1.PartnerTeam, error) {
	found := &v1alpha1.PartnerTeam{}
	err := cache.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found)
	if err != nil || !found.DeletionTimestamp.IsZero() {
		return nil, client.IgnoreNotFound(err)
	}
	return found, nil
}

// TeamByUID finds a team; nil: there is none.
func TeamByUID(ctx context.Context, cache client.Reader, namespace, uid string) (*v1alpha1.PartnerTeam, error) {
	var list v1alpha1.PartnerTeamList
	if err := find(ctx, cache, &list, namespace, byUID, uid); err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

// TeamsKnowing finds the teams that know a person, in whatever state, whatever the case of the address; oldest first.
func TeamsKnowing(ctx context.Context, cache client.Reader, namespace, email string) ([]v1alpha1.PartnerTeam, error) {
	var list v1alpha1.PartnerTeamList
	err := find(ctx, cache, &list, namespace, byAddress, address.Normalize(email))
	slices.SortFunc(list.Items, func(a, b v1alpha1.PartnerTeam) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return list.Items, err
}

// TeamsOf finds the teams that a person is in.
func TeamsOf(ctx context.Context, cache client.Reader, namespace, email string) ([]v1alpha1.PartnerTeam, error) {
	teams, err := TeamsKnowing(ctx, cache, namespace, email)
	return slices.DeleteFunc(teams, func(t v1alpha1.PartnerTeam) bool { return !team.IsActive(&t, email) }), err
}

// TeamsWithMail finds the teams that have a mail which has not left.
func TeamsWithMail(ctx context.Context, cache client.Reader, namespace string) ([]v1alpha1.PartnerTeam, error) {
	var list v1alpha1.PartnerTeamList
	err := find(ctx, cache, &list, namespace, mailing, "true")
	return list.Items, err
}

// Memberships finds the teams that know a person, with their partnerships.
func Memberships(ctx context.Context, cache client.Reader, namespace, email string) ([]grant.Membership, error) {
	teams, err := TeamsKnowing(ctx, cache, namespace, email)
	if err != nil {
		return nil, err
	}
	found := make([]grant.Membership, 0, len(teams))
	for i := range teams {
		of, err := PartnershipsOfTeam(ctx, cache, namespace, teams[i].Name)
		if err != nil {
			return nil, err
		}
		found = append(found, grant.Membership{Team: &teams[i], Partnerships: of})
	}
	return found, nil
}

// WithdrawnFrom finds the PartnerInvites, by UID, that are gone while people whom they proposed to a team have yet to join. One
// that the cache does not know is asked of the API server. An invite that was restored has another UID, and its status.
func WithdrawnFrom(ctx context.Context, cache, live client.Reader, t *v1alpha1.PartnerTeam) (gone []string, err error) {
	for _, proposal := range team.Proposals(t) {
		there, err := stands(ctx, cache, t.Namespace, proposal)
		if err == nil && !there {
			there, err = stands(ctx, live, t.Namespace, proposal)
		}
		if err != nil {
			return nil, err
		}
		if !there {
			gone = append(gone, proposal.UID)
		}
	}
	return gone, nil
}

func stands(ctx context.Context, from client.Reader, namespace string, proposal v1alpha1.ProposalReference) (bool, error) {
	i := &v1alpha1.PartnerInvite{}
	if err := from.Get(ctx, client.ObjectKey{Namespace: namespace, Name: proposal.Name}, i); err != nil {
		return false, client.IgnoreNotFound(err)
	}
	return i.DeletionTimestamp.IsZero() && (string(i.UID) == proposal.UID || i.Status.Serial > 0), nil
}
