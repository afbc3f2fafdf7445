package cel

import (
	"fmt"
	"strings"
	"testing"
)

var (
	sentInvite  = set("status.state", "Sent")
	invitedMail = map[string]any{"kind": "invite", "serial": int64(1), "state": "Sent"}
)

// memberWith is a member of a team with one field set.
func memberWith(field string, value any) map[string]any {
	m := map[string]any{"email": "bob@agency.example", "role": "Member", "state": "Active", "source": "Team"}
	m[field] = value
	return m
}

func membersOf(count int) []any {
	members := []any{}
	for i := range count {
		members = append(members, memberWith("email", fmt.Sprintf("person-%d@agency.example", i)))
	}
	return members
}

// invitations are so many of a team, to an address.
func invitations(count int, to string) edit {
	all := []any{}
	for range count {
		all = append(all, map[string]any{"time": "2026-01-01T00:00:00Z", "to": to})
	}
	return set("status.invitations", all)
}

var acceptedStatuses = map[string]attempt{
	"the invitations of a day": {kind: "PartnerTeam", verb: updateStatus, change: invitations(50, "bob@agency.example")},
	"a member of a team":       {kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("email", "bob@agency.example")})},
	"200 people in a team":     {kind: "PartnerTeam", verb: updateStatus, change: set("status.members", membersOf(200))},
	"a mail of a team": {
		kind: "PartnerTeam", verb: updateStatus, change: set("status.mails", []any{
			map[string]any{"kind": "sign-in", "to": "a@x.example", "serial": int64(1), "state": "Pending"}})},
	"mails of one kind to two": {
		kind: "Partnership", verb: updateStatus, change: set("status.mails", []any{
			map[string]any{"kind": "revoked", "to": "a@x.example", "serial": int64(1), "state": "Sent"},
			map[string]any{"kind": "revoked", "to": "b@x.example", "serial": int64(1), "state": "Sent"}})},
	"what became of a teammate": {
		kind: "PartnerInvite", verb: updateStatus, change: set("status.members", []any{map[string]any{"email": "bob@agency.example", "reason": "AlreadyMember"}})},
	"a held invite":    {kind: "PartnerInvite", verb: updateStatus, change: set("status.state", "Held")},
	"one of a partner": {kind: "PartnerInvite", verb: updateStatus, change: set("status.state", "AlreadyPartner")},
	"a refused invite": {kind: "PartnerInvite", verb: updateStatus, change: set("status.state", "Refused")},
	"a handled resend": {
		kind: "PartnerInvite", verb: updateStatus, change: set("status.handledResend", handled(256, 128))},
	"a handled resend in characters of two bytes": {
		kind: "PartnerInvite", verb: updateStatus,
		change: set("status.handledResend.annotation", strings.Repeat("ü", 256))},
	"a renewal":           {kind: "PartnerInvite", verb: updateStatus, change: set("status.renewal", renewal(1))},
	"ten wrong addresses": {kind: "PartnerInvite", verb: updateStatus, change: set("status.wrongAddresses", int64(10))},
	"ten wrong addresses on the page of a teammate": {
		kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("wrongAddresses", int64(10))})},
	"a sent invite":   {kind: "PartnerInvite", verb: updateStatus, change: sentInvite},
	"an accepted one": {kind: "PartnerInvite", verb: updateStatus, change: set("status.acceptance", answer("Accepted"))},
	"one accepted with the longest answer": {
		kind: "PartnerInvite", verb: updateStatus, change: set("status.acceptance", answerWith(strings.Repeat("ü", 4000)))},
	"a revoked partner": {kind: "Partnership", verb: updateStatus, change: set("status.state", "Revoked")},
	"an acceptance": {
		kind: "Partnership", verb: updateStatus, change: set("status.acceptance", acceptance())},
	"a move out of no group": {
		kind: "Partnership", verb: updateStatus, change: set("status.lastMove", map[string]any{"to": "gold", "time": "2026-01-01T00:00:00Z"})},
	"a handled decision": {
		kind: "Partnership", verb: updateStatus, change: set("status.handledApproval", map[string]any{"serial": int64(1), "decision": "Rejected"})},
	"a mail": {kind: "Partnership", verb: updateStatus, change: set("status.mails", []any{invitedMail})},
	"an invite into 500 programs": {
		kind: "PartnerInvite", verb: updateStatus, change: set("status.programs", programsOf(500))},
	"a team handed over": {
		kind: "PartnerTeam", verb: updateStatus, change: set("status.owner.email", "bob@agency.example")},
}

var refusedStatuses = map[string]refusal{
	"a mail of a team to nobody": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.mails", []any{invitedMail})}, "status.mails[0]", "to is required"},
	"the invitations of more than a day": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: invitations(51, "bob@agency.example")}, "status.invitations", "must have at most 50 items"},
	"an invitation to a bad address": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: invitations(1, "a@localhost")}, "status.invitations[0].to", emailRemedy},
	"201 people in a team": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", membersOf(201))}, "status.members", "must have at most 200 items"},
	"a member with an unknown role": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("role", "Intern")})},
		"status.members[0].role", `supported values: "Owner", "Admin", "Member", "Finance"`},
	"a member with a bad address": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("email", "a@localhost")})},
		"status.members[0].email", emailRemedy},
	"a line break in the first name of a member": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("firstName", "B\nC")})},
		"status.members[0].firstName", lineRemedy},
	"a line break in the last name of a member": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("lastName", "B\nC")})},
		"status.members[0].lastName", lineRemedy},
	"a bad address of a teammate in the status of an invite": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.members", []any{map[string]any{"email": "a@localhost"}})},
		"status.members[0].email", emailRemedy},
	"an invite in an unknown state": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.state", "Lost")},
		"status.state", `supported values: "Pending", "Held", "Sent", "Accepted", "Declined", "Expired", "Failed", "AlreadyPartner", "Refused"`},
	"an unknown answer": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.acceptance", answer("Maybe"))},
		"status.acceptance.decision", `supported values: "Accepted", "Declined"`},
	"an answer that is too long": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.acceptance", answerWith(strings.Repeat("x", 4001)))},
		"status.acceptance.fields.story", "may not be more than 4000"},
	"an invite into 501 programs": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.programs", programsOf(501))},
		"status.programs", "must have at most 500 items"},
	"501 partnerships from one invite": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.partnershipRefs", programsOf(501))},
		"status.partnershipRefs", "must have at most 500 items"},
	"a negative number of links": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.serial", int64(-1))},
		"status.serial", "should be greater than or equal to 0"},
	"eleven wrong addresses": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.wrongAddresses", int64(11))},
		"status.wrongAddresses", "should be less than or equal to 10"},
	"fewer wrong addresses than none": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{memberWith("wrongAddresses", int64(-1))})},
		"status.members[0].wrongAddresses", "should be greater than or equal to 0"},
	"a negative number of attempts": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.attempts", int64(-1))},
		"status.attempts", "should be greater than or equal to 0"},
	"a handled annotation that is too long": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.handledResend", handled(257, 0))},
		"status.handledResend.annotation", "may not be more than 256"},
	"a handled token that is too long": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.handledResend", handled(0, 129))},
		"status.handledResend.token", "may not be more than 128"},
	"a renewal of a link that was never issued": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.renewal", renewal(0))},
		"status.renewal.serial", "should be greater than or equal to 1"},
	"a renewal of no link": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.renewal.time", "2026-01-01T00:00:00Z")},
		"status.renewal.serial", "Required value"},
	"a renewal at no time": {
		attempt{kind: "PartnerInvite", verb: updateStatus, change: set("status.renewal.serial", int64(1))},
		"status.renewal.time", "Required value"},
	"a partnership in an unknown state": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.state", "Paused")},
		"status.state", `supported values: "Invited", "Pending", "Active", "Revoked", "Rejected", "Expired", "Conflict"`},
	"an acceptance of no invite": {
		attempt{kind: "Partnership", verb: updateStatus, change: all(set("status.acceptance", acceptance()), unset("status.acceptance.inviteRef"))},
		"status.acceptance.inviteRef", "Required value"},
	"an acceptance at no time": {
		attempt{kind: "Partnership", verb: updateStatus, change: all(set("status.acceptance", acceptance()), unset("status.acceptance.time"))},
		"status.acceptance.time", "Required value"},
	"a move at no time": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.lastMove.to", "gold")}, "status.lastMove.time", "Required value"},
	"a handled decision of no number": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.handledApproval", map[string]any{"serial": int64(0), "decision": "Rejected"})},
		"status.handledApproval.serial", "should be greater than or equal to 1"},
	"an invite without a name": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.inviteRef", map[string]any{})}, "status.inviteRef.name", "Required value"},
	"a link to join that lives a second": {
		attempt{kind: "PartnerTeam", verb: updateStatus, change: set("status.members", []any{
			map[string]any{"email": "bob@agency.example", "role": "Member", "state": "Invited", "source": "Company", "expiresAfter": "1s"}})},
		"status.members[0].expiresAfter", lifetimeRemedy},
	"a mail of an unknown kind": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.mails", []any{
			map[string]any{"kind": "advert", "serial": int64(1), "state": "Sent"}})},
		"status.mails[0].kind", `supported values: "invite", "team-invite", "teammate-approval", "teammate-invite", "sign-in", "approved", "rejected", "revoked"`},
	"a mail in an unknown state": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.mails", []any{
			map[string]any{"kind": "invite", "serial": int64(1), "state": "Lost"}})},
		"status.mails[0].state", `supported values: "Pending", "Sending", "Sent", "Skipped", "Failed"`},
	"two mails of one kind": {
		attempt{kind: "Partnership", verb: updateStatus, change: set("status.mails", []any{invitedMail, invitedMail})},
		"status.mails[1]", `Duplicate value: {"kind":"invite","to":""}`},
	"a generation before the first": {
		attempt{kind: "Program", verb: updateStatus, change: set("status.observedGeneration", int64(-2))},
		"status.observedGeneration", "should be greater than or equal to -1"},
}

// acceptance is a person's acceptance of a partnership.
func acceptance() map[string]any {
	return map[string]any{"time": "2026-01-01T00:00:00Z", "inviteRef": map[string]any{"name": "ada-invitation"}, "onboarding": "Approval"}
}

// answer is a person's answer to an invite.
func answer(decision string) map[string]any {
	return map[string]any{"decision": decision, "time": "2026-01-01T00:00:00Z"}
}

// answerWith is an acceptance with one field of a form.
func answerWith(text string) map[string]any {
	accepted := answer("Accepted")
	accepted["fields"] = map[string]any{"story": text}
	return accepted
}

// handled is a resend that was asked with texts of so many characters.
func handled(annotation, token int) map[string]any {
	return map[string]any{"annotation": strings.Repeat("x", annotation), "token": strings.Repeat("x", token)}
}

// renewal is a person's wish for a new link.
func renewal(serial int64) map[string]any {
	return map[string]any{"serial": serial, "time": "2026-01-01T00:00:00Z"}
}

func TestStatusAccepted(t *testing.T) { checkAccepted(t, acceptedStatuses) }
func TestStatusRefused(t *testing.T)  { checkRefused(t, refusedStatuses) }
