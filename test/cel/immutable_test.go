package cel

import "testing"

const (
	programsRemedy      = "programs is immutable, also against setting it later: create a new invite for other programs"
	contactRemedy       = "contact.email is immutable: a different address is a different partner, so create a new Partnership"
	inviteContactRemedy = "contact.email is immutable: a different address is a different invite, so create a new one"
	inviteTeamRemedy    = "team is immutable, also against setting it later: create a new invite for another team"
	inviteTeamRefRemedy = "teamRef is immutable, also against setting it later: create a new invite for another team"
	inviteMembersRemedy = "members is immutable, also against setting it later: create a new invite for other people"
	teamRemedy          = "teamRef is immutable: create a new Partnership for the other team"
	sendRemedy          = "Send cannot be taken back, since only the person can accept: to end the invitation, set revocation or delete the Partnership"
	decideRemedy        = "onboarding is immutable: decide with spec.approval"
	firstOwnerRemedy    = "owner.email is immutable: it names the first owner, and only the owner can hand the team over"
	sourceRemedy        = "source is immutable: it tells how the partnership came about"
)

// Given objects.
var (
	twoPrograms = set("spec.programs", []any{
		map[string]any{"name": "referral", "groupRef": map[string]any{"name": "gold"}},
		map[string]any{"name": "reseller"},
	})
	ofTeam     = all(unset("spec.contact"), set("spec.teamRef.name", "agency"))
	ofPerson   = all(unset("spec.teamRef"), set("spec.contact.email", "ada@example.com"))
	fromInvite = set("spec.source", "Invite")
	toInvite   = set("spec.invitation", "Send")
	toApprove  = set("spec.onboarding", "Approval")
)

var acceptedChanges = map[string]attempt{
	"a group is renamed": {kind: "PartnerGroup", verb: update, change: set("spec.displayName", "Silver")},
	"an invite gets details of the person": {
		kind: "PartnerInvite", verb: update, change: set("spec.contact.firstName", "Ada")},
	"an invite names its programs in another order": {
		kind: "PartnerInvite", verb: update, given: twoPrograms, change: set("spec.programs", []any{
			map[string]any{"name": "reseller"},
			map[string]any{"name": "referral", "groupRef": map[string]any{"name": "gold"}},
		})},
	"an invite is to be sent again": {
		kind: "PartnerInvite", verb: update, given: set("spec.resendToken", "1"), change: set("spec.resendToken", "2")},
	"an invite loses its resend token": {
		kind: "PartnerInvite", verb: update, given: set("spec.resendToken", "1"), change: unset("spec.resendToken")},
	"an invite with programs is to be sent again": {
		kind: "PartnerInvite", verb: update, given: twoPrograms, change: set("spec.resendToken", "2")},
	"an invite gets a link instead of a mail": {
		kind: "PartnerInvite", verb: update, change: set("spec.delivery", "Link")},
	"an invite gets an end": {
		kind: "PartnerInvite", verb: update, change: set("spec.notAfter", "2027-01-01T00:00:00Z")},
	"an invite's end is put off": {
		kind: "PartnerInvite", verb: update,
		given: set("spec.notAfter", "2027-01-01T00:00:00Z"), change: set("spec.notAfter", "2028-01-01T00:00:00Z")},
	"an invite loses its end": {
		kind: "PartnerInvite", verb: update, given: set("spec.notAfter", "2027-01-01T00:00:00Z"), change: unset("spec.notAfter")},
	"a program is suspended": {kind: "Program", verb: update, change: set("spec.suspend", true)},
	"a program goes on": {
		kind: "Program", verb: update, given: set("spec.suspend", true), change: set("spec.suspend", false)},
	"a partner moves to another group": {
		kind: "Partnership", verb: update,
		given: set("spec.groupRef.name", "gold"), change: set("spec.groupRef.name", "silver")},
	"a partner leaves the group": {
		kind: "Partnership", verb: update, given: set("spec.groupRef.name", "gold"), change: unset("spec.groupRef")},
	"a partner gets a phone number": {
		kind: "Partnership", verb: update, change: set("spec.contact.phone", "+49 30 1234567")},
	"a team's partnership is renamed": {
		kind: "Partnership", verb: update, given: ofTeam, change: set("spec.displayName", "The agency")},
	"a source of Admin is left out": {
		kind: "Partnership", verb: update, given: set("spec.source", "Admin"), change: unset("spec.source")},
	"a partner is revoked": {
		kind: "Partnership", verb: update, change: set("spec.revocation.reason", "The contract ended.")},
	"a partner is reinstated": {
		kind: "Partnership", verb: update, given: set("spec.revocation", map[string]any{}), change: unset("spec.revocation")},
	"a partner is invited later": {kind: "Partnership", verb: update, change: toInvite},
	"an invited partner moves": {
		kind: "Partnership", verb: update, given: toInvite, change: set("spec.groupRef.name", "gold")},
	"an invitation of None is left out": {
		kind: "Partnership", verb: update, given: set("spec.invitation", "None"), change: unset("spec.invitation")},
	"a partner is approved": {
		kind: "Partnership", verb: update, given: toApprove, change: set("spec.approval.decision", "Approved")},
	"a partner is rejected after all": {
		kind: "Partnership", verb: update, given: set("spec.approval.decision", "Approved"), change: set("spec.approval.decision", "Rejected")},
	"an approval is taken back": {
		kind: "Partnership", verb: update, given: set("spec.approval.decision", "Approved"), change: unset("spec.approval")},
	"the portal is closed to a partner": {
		kind: "Partnership", verb: update, change: set("spec.portalAccess", "Disabled")},
	"the portal is opened to an invited partner": {
		kind: "Partnership", verb: update, given: all(toInvite, set("spec.portalAccess", "Disabled")), change: set("spec.portalAccess", "Enabled")},
	"a partnership gets an end": {
		kind: "Partnership", verb: update, change: set("spec.validUntil", "2027-01-01T00:00:00Z")},
	"a program's onboarding changes":    {kind: "Program", verb: update, change: set("spec.onboarding.invited", "Approval")},
	"the first owner of a team marries": {kind: "PartnerTeam", verb: update, change: set("spec.owner.lastName", "King")},
}

var refusedChanges = map[string]refusal{
	"an invite becomes one of a team": {
		attempt{kind: "PartnerInvite", verb: update, change: furtherPrograms}, "spec.contact", inviteContactRemedy},
	"an invite of a team names another": {
		attempt{kind: "PartnerInvite", verb: update, given: furtherPrograms, change: set("spec.teamRef.name", "other")}, "spec.teamRef", inviteTeamRefRemedy},
	"an invite gets a new team": {
		attempt{kind: "PartnerInvite", verb: update, change: newTeam}, "spec.team", inviteTeamRemedy},
	"an invite of a new team gets another member": {
		attempt{kind: "PartnerInvite", verb: update, given: newTeam, change: set("spec.team.members", peopleOf(1))}, "spec.team", inviteTeamRemedy},
	"an invite of a new team loses it": {
		attempt{kind: "PartnerInvite", verb: update, given: newTeam, change: unset("spec.team")}, "spec.team", inviteTeamRemedy},
	"an invite of teammates gets another": {
		attempt{kind: "PartnerInvite", verb: update, given: teammates, change: set("spec.members", peopleOf(2))}, "spec.members", inviteMembersRemedy},
	"an invite of teammates turns to programs": {
		attempt{kind: "PartnerInvite", verb: update, given: teammates, change: all(unset("spec.members"), set("spec.programs", programsOf(1)))}, "spec.members", inviteMembersRemedy},

	"a group moves to another program": {
		attempt{kind: "PartnerGroup", verb: update, change: set("spec.programRef.name", "reseller")},
		"spec.programRef", "programRef is immutable: create a group in the other program and move the partners"},

	"an invite gets another address": {
		attempt{kind: "PartnerInvite", verb: update, change: set(contactPath, "bob@example.com")},
		"spec.contact", "contact.email is immutable: a different address is a different invite, so create a new one"},
	"an invite gets its programs later": {
		attempt{kind: "PartnerInvite", verb: update, change: twoPrograms}, "spec.programs", programsRemedy},
	"an invite loses its programs": {
		attempt{kind: "PartnerInvite", verb: update, given: twoPrograms, change: unset("spec.programs")},
		"spec.programs", programsRemedy},
	"an invite gets other programs": {
		attempt{kind: "PartnerInvite", verb: update, given: twoPrograms,
			change: set("spec.programs", []any{map[string]any{"name": "referral"}})},
		"spec.programs", programsRemedy},
	"an invite gets another group": {
		attempt{kind: "PartnerInvite", verb: update, given: twoPrograms, change: set("spec.programs", []any{
			map[string]any{"name": "referral", "groupRef": map[string]any{"name": "silver"}},
			map[string]any{"name": "reseller"},
		})},
		"spec.programs", programsRemedy},

	"a partnership moves to another program": {
		attempt{kind: "Partnership", verb: update, change: set("spec.programRef.name", "reseller")},
		"spec.programRef", "programRef is immutable: create a Partnership in the other program"},
	"a partnership gets another address": {
		attempt{kind: "Partnership", verb: update, change: set(contactPath, "bob@example.com")}, "spec.contact", contactRemedy},
	"a partnership of a team becomes one of a person": {
		attempt{kind: "Partnership", verb: update, given: ofTeam, change: ofPerson}, "spec.contact", contactRemedy},
	"a partnership of a person becomes one of a team": {
		attempt{kind: "Partnership", verb: update, change: ofTeam}, "spec.teamRef", teamRemedy},
	"a partnership of a team loses it": {
		attempt{kind: "Partnership", verb: update, given: ofTeam, change: ofPerson}, "spec.teamRef", teamRemedy},
	"a partnership gets another team": {
		attempt{kind: "Partnership", verb: update, given: ofTeam, change: set("spec.teamRef.name", "studio")},
		"spec.teamRef", teamRemedy},
	"a partnership gets another source": {
		attempt{kind: "Partnership", verb: update, change: fromInvite}, "spec.source", sourceRemedy},
	"a partnership from an invite loses its source": {
		attempt{kind: "Partnership", verb: update, given: fromInvite, change: unset("spec.source")},
		"spec.source", sourceRemedy},

	"an invitation is taken back": {
		attempt{kind: "Partnership", verb: update, given: toInvite, change: set("spec.invitation", "None")},
		"spec.invitation", sendRemedy},
	"an invitation is left out": {
		attempt{kind: "Partnership", verb: update, given: toInvite, change: unset("spec.invitation")},
		"spec.invitation", sendRemedy},
	"a partnership has to be approved later": {
		attempt{kind: "Partnership", verb: update, change: toApprove}, "spec.onboarding", decideRemedy},
	"a partnership need not be approved any more": {
		attempt{kind: "Partnership", verb: update, given: toApprove, change: set("spec.onboarding", "Automatic")},
		"spec.onboarding", decideRemedy},
	"a partnership says no more that it has to be approved": {
		attempt{kind: "Partnership", verb: update, given: toApprove, change: unset("spec.onboarding")},
		"spec.onboarding", decideRemedy},

	"a team gets another first owner": {
		attempt{kind: "PartnerTeam", verb: update, change: set("spec.owner.email", "bob@agency.example")},
		"spec.owner", firstOwnerRemedy},
}

func TestChangeAccepted(t *testing.T) { checkAccepted(t, acceptedChanges) }
func TestChangeRefused(t *testing.T)  { checkRefused(t, refusedChanges) }
