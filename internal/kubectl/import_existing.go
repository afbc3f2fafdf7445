package kubectl

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/roster"
)

// existing is what an import has to know of what there is: little of each partner, so that there can be many.
type existing struct {
	catalog  program.Catalog
	offline  bool // nothing is known, and nothing is checked
	columns  []roster.Column
	partners map[partnerKey]knownPartner
	teams    map[string]knownTeam
	salts    *salts
}

// partnerKey stands for a person or team in a program.
type partnerKey [16]byte

// knownPartner is a partnership that exists.
type knownPartner struct {
	name   string
	state  v1alpha1.PartnershipState
	digest uint64 // of what the columns of the file can say
}

type knownTeam struct {
	found bool
	owner string
}

func keyOfPartner(p *v1alpha1.Partnership) partnerKey {
	who := "\x00" + who(p) // a blank that no address begins with
	if p.Spec.Contact != nil {
		who = address.Normalize(string(p.Spec.Contact.Email))
	}
	sum := sha256.Sum256([]byte(who + "\x00" + p.Spec.ProgramRef.Name))
	return partnerKey(sum[:16])
}

// look finds out what there is. Without a cluster there is nothing.
func look(ctx context.Context, d Desk, columns []roster.Column) (*existing, error) {
	e := &existing{offline: d.Client == nil, columns: columns, partners: map[partnerKey]knownPartner{}, teams: map[string]knownTeam{}}
	if e.offline {
		return e, nil
	}
	var programs v1alpha1.ProgramList
	var groups v1alpha1.PartnerGroupList
	for _, list := range []client.ObjectList{&programs, &groups} {
		if err := d.Client.List(ctx, list, client.InNamespace(d.Namespace)); err != nil {
			return nil, err
		}
	}
	e.catalog = program.NewCatalog(programs.Items, groups.Items)
	err := teams.each(ctx, d.Client, func(t *v1alpha1.PartnerTeam) error {
		e.teams[t.Name] = knownTeam{true, address.Normalize(string(t.Spec.Owner.Email))}
		return nil
	}, client.InNamespace(d.Namespace))
	if err != nil {
		return nil, err
	}
	return e, partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
		key := keyOfPartner(p)
		if _, twin := e.partners[key]; !twin || p.Status.State != v1alpha1.PartnershipConflict {
			e.partners[key] = knownPartner{strings.Clone(p.Name), v1alpha1.PartnershipState(strings.Clone(string(p.Status.State))), e.digest(p)}
		}
		return nil
	}, client.InNamespace(d.Namespace))
}

// offers tells whether a program, and a group in it, can be joined.
func (e *existing) offers(grant roster.Grant) error {
	switch {
	case e.offline:
		return nil
	case e.catalog.Programs[grant.Program] == nil:
		return fmt.Errorf("program %q does not exist; kubectl get programs shows those there are", grant.Program)
	case grant.Group == "":
		return nil
	}
	group := e.catalog.Groups[grant.Group]
	switch {
	case group == nil:
		return fmt.Errorf("group %q does not exist; kubectl get pgroup shows those there are", grant.Group)
	case group.Spec.ProgramRef.Name != grant.Program:
		return fmt.Errorf("group %q belongs to program %q, not to %q", grant.Group, group.Spec.ProgramRef.Name, grant.Program)
	}
	return nil
}

// cells are what the columns of the file say about a partnership, and its group at the end.
func (e *existing) cells(p *v1alpha1.Partnership) []string {
	row := rowOf(p, nil)
	var cells []string
	for _, column := range e.columns {
		cell := row.Cell(column)
		switch {
		case column == roster.ColumnEmail, column == roster.ColumnProgram, column == roster.ColumnTeam, column == roster.ColumnTeamName:
			cell = "" // they say which partnership it is, or are about the team
		case column == roster.ColumnPortalAccess && cell == "":
			cell = string(v1alpha1.PortalAccessEnabled)
		}
		cells = append(cells, cell)
	}
	return append(cells, row.Grants[0].Group)
}

func (e *existing) digest(p *v1alpha1.Partnership) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(e.cells(p), "\x00")))
	return binary.BigEndian.Uint64(sum[:8])
}

// compare tells why a partnership that exists is not what is wished; empty: it is. An import leaves it as it is.
func (e *existing) compare(ctx context.Context, d Desk, known knownPartner, wish *v1alpha1.Partnership) (string, error) {
	switch known.state {
	case v1alpha1.PartnershipRevoked:
		return fmt.Sprintf("is Revoked; kubectl partner reinstate %s takes that back", known.name), nil
	case v1alpha1.PartnershipRejected:
		return fmt.Sprintf("is Rejected; kubectl partner approve %s takes that back", known.name), nil
	case v1alpha1.PartnershipExpired:
		return "has ended; spec.validUntil says when", nil
	case v1alpha1.PartnershipInvited:
		if wish.Spec.Invitation != v1alpha1.InvitationSend {
			return "is Invited; only the person can accept", nil
		}
	default:
	}
	if known.state != "" && known.digest == e.digest(wish) {
		return "", nil
	}
	var there v1alpha1.Partnership
	if err := d.Client.Get(ctx, client.ObjectKey{Namespace: wish.Namespace, Name: known.name}, &there); err != nil {
		return "", err
	}
	if keyOfPartner(&there) != keyOfPartner(wish) {
		return "", errors.New("exists and is of somebody else; rename or delete it")
	}
	return e.differences(&there, wish), nil
}

// differences are what the file says, and the partnership says differently. What the file leaves empty is no difference.
func (e *existing) differences(there, wish *v1alpha1.Partnership) string {
	has, wants := e.cells(there), e.cells(wish)
	last := len(wants) - 1
	var reasons, columns []string
	if wants[last] != "" && wants[last] != has[last] {
		reasons = append(reasons, fmt.Sprintf("is in group %s; kubectl partner move %s --to %s moves it", orNone(has[last]), there.Name, wants[last]))
	}
	for i, column := range e.columns {
		silent := wants[i] == "" || column == roster.ColumnPortalAccess && wish.Spec.PortalAccess == ""
		if !silent && wants[i] != has[i] {
			columns = append(columns, string(column))
		}
	}
	if len(columns) > 0 {
		reasons = append(reasons, fmt.Sprintf("differs in %s; kubectl edit pship %s changes it", strings.Join(columns, ", "), there.Name))
	}
	return strings.Join(reasons, "; ")
}
