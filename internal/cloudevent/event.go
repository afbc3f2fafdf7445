// Package cloudevent makes CloudEvents of what happened to programs, invites, partners, teams and links, for systems
// outside the cluster such as a CRM or billing. It is pure: what an object said before and says now go in, events come out.
package cloudevent

import (
	"encoding/json"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// ContentType is that of an Event in JSON.
const ContentType = "application/cloudevents+json"

// Event is a CloudEvent 1.0 in the structured JSON form. It holds no address or part of one, no link that was mailed and no secret.
type Event struct {
	// SpecVersion is 1.0.
	SpecVersion string `json:"specversion"`
	// ID is the same whenever the same thing is told again.
	ID string `json:"id"`
	// Source is the portal of the tenant.
	Source string `json:"source"`
	// Type is io.partner-operator.<kind>.<transition> in lower case.
	Type string `json:"type"`
	// Subject is the object: <kinds>/<name>.
	Subject string `json:"subject"`
	// Time is when it happened, to the second.
	Time time.Time `json:"time"`
	// DataContentType is that of Data.
	DataContentType string `json:"datacontenttype"`
	// Data is what the object says now.
	Data Data `json:"data"`
}

// Data tells of the object that an event is about. What does not apply is left out.
type Data struct {
	// APIVersion, Kind, Namespace, Name and UID find the object in the cluster.
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	UID        string `json:"uid"`

	// State is status.state, and Reason the reason of the condition that tells why.
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`

	// Program and Group are those of a partnership or a link; Programs are what an invite offers.
	Program  string                  `json:"program,omitempty"`
	Group    string                  `json:"group,omitempty"`
	Programs []v1alpha1.ProgramGrant `json:"programs,omitempty"`
	// PreviousGroup is the group before a move.
	PreviousGroup string `json:"previousGroup,omitempty"`

	// Address is *** where the object is about a person; Team is the name of the team, where the partner is one.
	Address string `json:"address,omitempty"`
	Team    string `json:"team,omitempty"`

	// Origin tells how a partnership came about: spec.source. Invite is the invite that was accepted into it.
	Origin string `json:"origin,omitempty"`
	Invite string `json:"invite,omitempty"`
	// Serial is the number of an invite's link.
	Serial int64 `json:"serial,omitempty"`
	// CustomFields are the company's own, as they stand in spec.
	CustomFields v1alpha1.CustomFields `json:"customFields,omitempty"`

	// Partnership is whose link it is, and URL what is shared.
	Partnership string `json:"partnership,omitempty"`
	URL         string `json:"url,omitempty"`

	// Truncated: programs and customFields are left out, since the event would be too big.
	Truncated bool `json:"truncated,omitempty"`

	// Member is the person of a team.
	Member *Member `json:"member,omitempty"`
}

// Member is a person of a team.
type Member struct {
	// ID stays the same for a person as long as the team lives, and tells nobody outside the cluster who that is. Empty: the
	// team has not changed since a version that did not have them.
	ID string `json:"id"`
	// Address is ***.
	Address string `json:"address"`
	Role    string `json:"role"`
	State   string `json:"state"`
	// PreviousRole is the role before a change of it.
	PreviousRole string `json:"previousRole,omitempty"`
}

// MaxSize is the most bytes of an event that anybody has to take.
const MaxSize = 64 << 10

// Encode writes the event in JSON. One that is too big goes without the lists that make it so, and says that.
func (e Event) Encode() ([]byte, error) {
	e.Time = e.Time.UTC().Truncate(time.Second)
	encoded, err := json.Marshal(e)
	if err != nil || len(encoded) <= MaxSize {
		return encoded, err
	}
	e.Data.Programs, e.Data.CustomFields, e.Data.Truncated = nil, nil, true
	return json.Marshal(e)
}
