// Package lookup finds objects in the cache by indexes, so that a request or a reconcile costs no scan.
package lookup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/program"
)

// The indexes. They live in the cache only and are no field selectors of the API.
const (
	byUID         = "uid"
	byAddress     = "address"
	byProgram     = "program"
	byGroup       = "group"
	byTeam        = "team"
	joining       = "joining"
	waiting       = "waiting"
	mailing       = "mailing"
	byOwner       = "partnership"
	byPartnership = "makes"

	// everyProgram stands for the programs of an invite that names none. No Program can be called that.
	everyProgram = "*"
)

// The operator watches its own kinds; what has to be current is read by name where that is needed.
// +kubebuilder:rbac:groups=partner-operator.io,resources=programs;partnergroups;partnerteams;partnerinvites;partnerships;partnerlinks,verbs=list;watch

// AddIndexes makes the indexes. Call it before the cache starts.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		name   string
		values client.IndexerFunc
	}{
		{&v1alpha1.PartnerInvite{}, byUID, uid},
		{&v1alpha1.PartnerInvite{}, waiting, func(o client.Object) []string {
			if waits(o.(*v1alpha1.PartnerInvite)) {
				return []string{"true"}
			}
			return nil
		}},
		{&v1alpha1.PartnerInvite{}, byProgram, invitedInto},
		{&v1alpha1.PartnerInvite{}, byAddress, func(o client.Object) []string {
			if i := o.(*v1alpha1.PartnerInvite); i.Spec.Contact.Email != "" {
				return []string{address.Normalize(string(i.Spec.Contact.Email))}
			}
			return nil
		}},
		{&v1alpha1.Partnership{}, byUID, uid},
		{&v1alpha1.Partnership{}, byAddress, func(o client.Object) []string {
			if contact := o.(*v1alpha1.Partnership).Spec.Contact; contact != nil {
				return []string{address.Normalize(string(contact.Email))}
			}
			return nil
		}},
		{&v1alpha1.Partnership{}, mailing, func(o client.Object) []string {
			for _, mail := range o.(*v1alpha1.Partnership).Status.Mails {
				if mail.State == v1alpha1.DeliveryPending || mail.State == v1alpha1.DeliverySending {
					return []string{"true"}
				}
			}
			return nil
		}},
		{&v1alpha1.Partnership{}, byProgram, func(o client.Object) []string {
			return []string{o.(*v1alpha1.Partnership).Spec.ProgramRef.Name}
		}},
		{&v1alpha1.Partnership{}, byGroup, func(o client.Object) []string {
			if group := o.(*v1alpha1.Partnership).Status.Group; group != "" {
				return []string{group}
			}
			return nil
		}},
		{&v1alpha1.Partnership{}, byTeam, func(o client.Object) []string {
			if team := o.(*v1alpha1.Partnership).Spec.TeamRef; team != nil {
				return []string{team.Name}
			}
			return nil
		}},
		{&v1alpha1.Partnership{}, joining, teamToJoin},
		{&v1alpha1.PartnerGroup{}, byProgram, func(o client.Object) []string {
			return []string{o.(*v1alpha1.PartnerGroup).Spec.ProgramRef.Name}
		}},
		{&v1alpha1.PartnerLink{}, byOwner, ownerOfLink},
		{&v1alpha1.PartnerLink{}, byProgram, programOfLink},
	} {
		if err := indexer.IndexField(ctx, index.object, index.name, index.values); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", index.object, index.name, err)
		}
	}
	return addTeamIndexes(ctx, indexer)
}

// invitedInto are the programs of an invite; one of teammates has none.
func invitedInto(o client.Object) []string {
	i := o.(*v1alpha1.PartnerInvite)
	grants := i.Offers()
	switch {
	case i.ForTeammates():
		return nil
	case len(grants) == 0:
		return []string{everyProgram}
	}
	names := make([]string, 0, len(grants))
	for _, grant := range grants {
		names = append(names, grant.Name)
	}
	return names
}

// waits tells whether an invite waits for something other than the person.
func waits(i *v1alpha1.PartnerInvite) bool {
	switch i.Status.State {
	case "", v1alpha1.InvitePending, v1alpha1.InviteHeld:
		return true
	default:
		repeat := i.Status.Repeat                                                                // the person asked for the mail once more, and it has not left
		return meta.IsStatusConditionTrue(i.Status.Conditions, v1alpha1.ConditionReconciling) || // a resend waits
			repeat != nil && (repeat.State == v1alpha1.DeliveryPending || repeat.State == v1alpha1.DeliverySending)
	}
}

// teamToJoin is the team that the company sent an applicant on to.
func teamToJoin(o client.Object) []string {
	if approval := o.(*v1alpha1.Partnership).Spec.Approval; approval != nil && approval.JoinTeamRef != nil {
		return []string{approval.JoinTeamRef.Name}
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

// KnowsPrograms asks the API server, past any cache, whether a catalog holds every Program of a namespace.
func KnowsPrograms(ctx context.Context, live client.Reader, namespace string, catalog program.Catalog) (bool, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ProgramList"))
	if err := live.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return false, err
	}
	missing := func(p metav1.PartialObjectMetadata) bool { return catalog.Programs[p.Name] == nil }
	return !slices.ContainsFunc(list.Items, missing), nil
}

// InviteByUID finds an invite; nil: there is none.
func InviteByUID(ctx context.Context, cache client.Reader, namespace, uid string) (*v1alpha1.PartnerInvite, error) {
	var list v1alpha1.PartnerInviteList
	if err := find(ctx, cache, &list, namespace, byUID, uid); err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

// WaitingInvites finds the invites that wait for something other than the person, oldest first.
func WaitingInvites(ctx context.Context, cache client.Reader, namespace string) ([]v1alpha1.PartnerInvite, error) {
	var list v1alpha1.PartnerInviteList
	err := find(ctx, cache, &list, namespace, waiting, "true")
	slices.SortFunc(list.Items, func(a, b v1alpha1.PartnerInvite) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return list.Items, err
}

// InvitesOf finds the invites of a person, whatever the case of the address.
func InvitesOf(ctx context.Context, cache client.Reader, namespace, email string) ([]v1alpha1.PartnerInvite, error) {
	var list v1alpha1.PartnerInviteList
	err := find(ctx, cache, &list, namespace, byAddress, address.Normalize(email))
	return list.Items, err
}

// OpenInvitesOf finds the invites of a person that wait for something else or can be answered.
func OpenInvitesOf(ctx context.Context, cache client.Reader, namespace, email string) ([]v1alpha1.PartnerInvite, error) {
	invites, err := InvitesOf(ctx, cache, namespace, email)
	return slices.DeleteFunc(invites, settled), err
}

// OpenInvitesInto finds the invites into a program that wait for something else or can be answered.
func OpenInvitesInto(ctx context.Context, cache client.Reader, namespace, programName string) ([]v1alpha1.PartnerInvite, error) {
	invites, err := InvitesInto(ctx, cache, namespace, programName)
	return slices.DeleteFunc(slices.Clone(invites), settled), err
}

// settled reports whether nothing but a resend makes an invite go on.
func settled(i v1alpha1.PartnerInvite) bool {
	return !waits(&i) && i.Status.State != v1alpha1.InviteSent
}

// InvitesInto finds the invites into a program. They are shared with the cache: do not change them.
func InvitesInto(ctx context.Context, cache client.Reader, namespace, programName string) ([]v1alpha1.PartnerInvite, error) {
	var naming, every v1alpha1.PartnerInviteList
	if err := share(ctx, cache, &naming, namespace, byProgram, programName); err != nil {
		return nil, err
	}
	err := share(ctx, cache, &every, namespace, byProgram, everyProgram)
	return append(naming.Items, every.Items...), err
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

// Rivals finds the partnerships of the same partner in the namespace, the given one too.
func Rivals(ctx context.Context, cache client.Reader, p *v1alpha1.Partnership) ([]v1alpha1.Partnership, error) {
	index, value := rivalsBy(p)
	if index == "" {
		return nil, nil
	}
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, p.Namespace, index, value)
	return list.Items, err
}

// rivalsBy is the index, and the value in it, of the partnerships of the same partner.
func rivalsBy(p *v1alpha1.Partnership) (index, value string) {
	switch {
	case p.Spec.Contact != nil:
		return byAddress, address.Normalize(string(p.Spec.Contact.Email))
	case p.Spec.TeamRef != nil:
		return byTeam, p.Spec.TeamRef.Name
	default:
		return "", ""
	}
}

// PartnershipsIn finds the partnerships of a program. They are shared with the cache: do not change them.
func PartnershipsIn(ctx context.Context, cache client.Reader, namespace, programName string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := share(ctx, cache, &list, namespace, byProgram, programName)
	return list.Items, err
}

// PartnershipsInGroup finds the partnerships whose group in force is this. They are shared with the cache: do not change
// them.
func PartnershipsInGroup(ctx context.Context, cache client.Reader, namespace, group string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := share(ctx, cache, &list, namespace, byGroup, group)
	return list.Items, err
}

// PartnershipsOfTeam finds the partnerships of a team.
func PartnershipsOfTeam(ctx context.Context, cache client.Reader, namespace, team string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, namespace, byTeam, team)
	return list.Items, err
}

// PartnershipsJoining finds the partnerships of applicants whom the company sent on to a team.
func PartnershipsJoining(ctx context.Context, cache client.Reader, namespace, team string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, namespace, joining, team)
	return list.Items, err
}

// Teams are the teams of a namespace. They are shared with the cache: do not change them.
func Teams(ctx context.Context, cache client.Reader, namespace string) ([]v1alpha1.PartnerTeam, error) {
	var list v1alpha1.PartnerTeamList
	err := cache.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	return list.Items, err
}

// PartnershipsWithMail finds the partnerships that have a mail which has not left.
func PartnershipsWithMail(ctx context.Context, cache client.Reader, namespace string) ([]v1alpha1.Partnership, error) {
	var list v1alpha1.PartnershipList
	err := find(ctx, cache, &list, namespace, mailing, "true")
	return list.Items, err
}

// GroupsWithMail finds the groups that have a verification mail which has not left.
func GroupsWithMail(ctx context.Context, cache client.Reader, namespace string) ([]v1alpha1.PartnerGroup, error) {
	var list v1alpha1.PartnerGroupList
	err := cache.List(ctx, &list, client.InNamespace(namespace))
	return slices.DeleteFunc(list.Items, func(g v1alpha1.PartnerGroup) bool { return len(g.Status.Verifications) == 0 }), err
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

// share is find without copies.
func share(ctx context.Context, cache client.Reader, list client.ObjectList, namespace, index, value string) error {
	return cache.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy)
}
