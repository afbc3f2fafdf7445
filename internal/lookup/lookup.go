// Package lookup finds objects in the cache by indexes, so that a request or a reconcile costs no scan.
package lookup

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/program"
)

// The indexes. They live in the cache only and are no field selectors of the API.
const (
	byUID     = "uid"
	byAddress = "address"
	byProgram = "program"
	byTeam    = "team"
	unissued  = "unissued"
)

// AddIndexes makes the indexes. Call it before the cache starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		name   string
		values client.IndexerFunc
	}{
		{&v1alpha1.PartnerInvite{}, byUID, uid},
		{&v1alpha1.PartnerInvite{}, unissued, func(o client.Object) []string {
			if o.(*v1alpha1.PartnerInvite).Status.Serial > 0 {
				return nil
			}
			return []string{"true"}
		}},
		{&v1alpha1.Partnership{}, byUID, uid},
		{&v1alpha1.Partnership{}, byAddress, func(o client.Object) []string {
			if contact := o.(*v1alpha1.Partnership).Spec.Contact; contact != nil {
				return []string{address.Normalize(string(contact.Email))}
			}
			return nil
		}},
		{&v1alpha1.Partnership{}, byProgram, func(o client.Object) []string {
			return []string{o.(*v1alpha1.Partnership).Spec.ProgramRef.Name}
		}},
		{&v1alpha1.Partnership{}, byTeam, func(o client.Object) []string {
			if team := o.(*v1alpha1.Partnership).Spec.TeamRef; team != nil {
				return []string{team.Name}
			}
			return nil
		}},
		{&v1alpha1.PartnerGroup{}, byProgram, func(o client.Object) []string {
			return []string{o.(*v1alpha1.PartnerGroup).Spec.ProgramRef.Name}
		}},
	} {
		if err := indexer.IndexField(ctx, index.object, index.name, index.values); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", index.object, index.name, err)
		}
	}
	return nil
}

func uid(o client.Object) []string { return []string{string(o.GetUID())} }

// Catalog is the programs and groups of a namespace. They are shared with the cache: do not change them.
func Catalog(ctx context.Context, cache client.Reader, namespace string) (program.Catalog, error) {
	var programs v1alpha1.ProgramList
	var groups v1alpha1.PartnerGroupList
	if err := cache.List(ctx, &programs, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return program.Catalog{}, err
	}
	if err := cache.List(ctx, &groups, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return program.Catalog{}, err
	}
	return program.NewCatalog(programs.Items, groups.Items), nil
}

// InviteByUID finds an invite; nil: there is none.
func InviteByUID(ctx context.Context, cache client.Reader, namespace, uid string) (*v1alpha1.PartnerInvite, error) {
	var list v1alpha1.PartnerInviteList
	if err := find(ctx, cache, &list, namespace, byUID, uid); err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

// UnissuedInvites finds the invites that wait for something.
func UnissuedInvites(ctx context.Context, cache client.Reader, namespace string) ([]v1alpha1.PartnerInvite, error) {
	var list v1alpha1.PartnerInviteList
	err := find(ctx, cache, &list, namespace, unissued, "true")
	return list.Items, err
}

// PartnershipByUID finds a partnership; nil: there is none.
func PartnershipByUID(ctx context.Context, cache client.Reader, namespace, uid string) (*v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	if err := find(ctx, cache, &list, namespace, byUID, uid); err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

// PartnershipsOf finds the partnerships of a person, whatever the case of the address.
func PartnershipsOf(ctx context.Context, cache client.Reader, namespace, email string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, namespace, byAddress, address.Normalize(email))
	return list.Items, err
}

// PartnershipsIn finds the partnerships of a program.
func PartnershipsIn(ctx context.Context, cache client.Reader, namespace, programName string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, namespace, byProgram, programName)
	return list.Items, err
}

// PartnershipsOfTeam finds the partnerships of a team.
func PartnershipsOfTeam(ctx context.Context, cache client.Reader, namespace, team string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, namespace, byTeam, team)
	return list.Items, err
}

// GroupsOf finds the groups of a program.
func GroupsOf(ctx context.Context, cache client.Reader, namespace, programName string) ([]v1alpha1.PartnerGroup, error) {
	var list v1alpha1.PartnerGroupList
	err := find(ctx, cache, &list, namespace, byProgram, programName)
	return list.Items, err
}

func find(ctx context.Context, cache client.Reader, list client.ObjectList, namespace, index, value string) error {
	return cache.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{index: value})
}
