package cel

import (
	"fmt"
	"strings"
	"testing"
)

const (
	exactlyOneRemedy  = "set exactly one of contact (a person) and teamRef (a team)"
	whoseInviteRemedy = "set exactly one of contact (a partner, or with team the owner of a new team) and teamRef (an existing team, with members or programs)"
	whichTeamRemedy   = "set with teamRef exactly one of members (teammates for the team) and programs (further programs for it)"
	teammatesRemedy   = "members are teammates for an existing team: set teamRef with them; those of a new team stand in team.members"
	newTeamRemedy     = "team makes a new team that contact owns: set contact with it, or leave team out to invite into an existing one"
	ownerTwiceRemedy  = "contact owns the new team and cannot be one of its proposed members: take that address out of team.members"
	noMailRemedy      = "an invite of teammates asks the team: leave out delivery, form, displayName, customFields, message, templateRef and notAfter"
)

// programsOf are so many programs of different names.
func programsOf(count int) []any {
	programs := []any{}
	for i := range count {
		programs = append(programs, map[string]any{"name": fmt.Sprintf("program-%d", i)})
	}
	return programs
}

// peopleOf are so many people of different addresses.
func peopleOf(count int) []any {
	people := []any{}
	for i := range count {
		people = append(people, map[string]any{"email": fmt.Sprintf("person-%d@agency.example", i)})
	}
	return people
}

// The shapes of an invite besides that of a partner.
var (
	newTeam         = set("spec.team.name", "agency")
	teammates       = all(unset("spec.contact"), set("spec.teamRef.name", "agency"), set("spec.members", peopleOf(1)))
	furtherPrograms = all(unset("spec.contact"), set("spec.teamRef.name", "agency"), set("spec.programs", programsOf(1)))
)

var acceptedShapes = map[string]attempt{
	"a program":                           {kind: "Program", change: all()},
	"a group":                             {kind: "PartnerGroup", change: all()},
	"a team":                              {kind: "PartnerTeam", change: all()},
	"a partnership of a person":           {kind: "Partnership", change: ofPerson},
	"a partnership of a team":             {kind: "Partnership", change: ofTeam},
	"an invite without programs":          {kind: "PartnerInvite", change: all()},
	"an invite into one program":          {kind: "PartnerInvite", change: set("spec.programs", programsOf(1))},
	"an invite into 100 programs":         {kind: "PartnerInvite", change: set("spec.programs", programsOf(100))},
	"a partnership from a network":        {kind: "Partnership", change: set("spec.source", "Network")},
	"a suspended program":                 {kind: "Program", change: set("spec.suspend", true)},
	"a program that runs":                 {kind: "Program", change: set("spec.suspend", false)},
	"a program of one mail":               {kind: "Program", change: set("spec.mail.maxPerHour", int64(1))},
	"a program of a million mails":        {kind: "Program", change: set("spec.mail.maxPerHour", int64(1000000))},
	"a program of any mails":              {kind: "Program", change: set("spec.mail", map[string]any{})},
	"an invite by mail":                   {kind: "PartnerInvite", change: set("spec.delivery", "Email")},
	"an invite by link":                   {kind: "PartnerInvite", change: set("spec.delivery", "Link")},
	"an invite with an end":               {kind: "PartnerInvite", change: set("spec.notAfter", "2027-01-01T00:00:00Z")},
	"an invite whose end passed":          {kind: "PartnerInvite", change: set("spec.notAfter", "2020-01-01T00:00:00Z")},
	"an invite without a form":            {kind: "PartnerInvite", change: set("spec.form", "Skip")},
	"an invite with a form":               {kind: "PartnerInvite", change: set("spec.form", "Require")},
	"an end in another zone":              {kind: "PartnerInvite", change: set("spec.notAfter", "2027-01-01T00:00:00+09:00")},
	"a revocation without a word":         {kind: "Partnership", change: set("spec.revocation", map[string]any{})},
	"a program that approves":             {kind: "Program", change: set("spec.onboarding.invited", "Approval")},
	"a program that does not":             {kind: "Program", change: set("spec.onboarding.invited", "Automatic")},
	"a partner to be invited":             {kind: "Partnership", change: toInvite},
	"a partner not to be invited":         {kind: "Partnership", change: set("spec.invitation", "None")},
	"a team not to be invited":            {kind: "Partnership", change: all(ofTeam, set("spec.invitation", "None"))},
	"a partner without the portal":        {kind: "Partnership", change: set("spec.portalAccess", "Disabled")},
	"a partner with the portal":           {kind: "Partnership", change: set("spec.portalAccess", "Enabled")},
	"a partner to be approved":            {kind: "Partnership", change: toApprove},
	"a partner granted":                   {kind: "Partnership", change: set("spec.onboarding", "Automatic")},
	"an approved partner":                 {kind: "Partnership", change: set("spec.approval.decision", "Approved")},
	"a rejected partner":                  {kind: "Partnership", change: set("spec.approval", map[string]any{"decision": "Rejected", "note": "No."})},
	"a partner until a time":              {kind: "Partnership", change: set("spec.validUntil", "2027-01-01T00:00:00Z")},
	"a partner whose end has come":        {kind: "Partnership", change: set("spec.validUntil", "2020-01-01T00:00:00Z")},
	"a revocation with links kept":        {kind: "Partnership", change: set("spec.revocation.links", "Keep")},
	"a revocation with dead links":        {kind: "Partnership", change: set("spec.revocation.links", "Deactivate")},
	"a removal with links kept":           {kind: "Partnership", change: set("spec.onRemoval.links", "Keep")},
	"a removal without a word":            {kind: "Partnership", change: set("spec.onRemoval", map[string]any{})},
	"a team to be invited":                {kind: "Partnership", change: all(ofTeam, toInvite)},
	"an invite of a new team":             {kind: "PartnerInvite", change: newTeam},
	"an invite of a new team of 50":       {kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", peopleOf(50)))},
	"an invite of teammates":              {kind: "PartnerInvite", change: teammates},
	"an invite of 50 teammates":           {kind: "PartnerInvite", change: all(teammates, set("spec.members", peopleOf(50)))},
	"one who is named twice":              {kind: "PartnerInvite", change: all(teammates, set("spec.members", append(peopleOf(1), peopleOf(1)...)))},
	"an invite of a team into a program":  {kind: "PartnerInvite", change: furtherPrograms},
	"a team invite with words of its own": {kind: "PartnerInvite", change: all(furtherPrograms, set("spec.message.body", "Hello"))},
	"a revocation without a mail":         {kind: "Partnership", change: set("spec.revocation.notify", false)},
}

var refusedShapes = map[string]refusal{
	"a partnership of a person and a team": {
		attempt{kind: "Partnership", change: set("spec.teamRef.name", "agency")}, "spec", exactlyOneRemedy},
	"a partnership of nobody": {
		attempt{kind: "Partnership", change: unset("spec.contact")}, "spec", exactlyOneRemedy},
	"a partnership that loses its contact": {
		attempt{kind: "Partnership", verb: update, change: unset("spec.contact")}, "spec", exactlyOneRemedy},
	"a partnership from nowhere": {
		attempt{kind: "Partnership", change: set("spec.source", "Friend")},
		"spec.source", `supported values: "Admin", "Invite", "JoinLink", "Network", "Import"`},

	"an invite into an empty list of programs": {
		attempt{kind: "PartnerInvite", change: set("spec.programs", []any{})},
		"spec.programs", "must name at least one Program; leave programs out to offer every Program that exists"},
	"an invite into one program twice": {
		attempt{kind: "PartnerInvite", change: set("spec.programs", append(programsOf(1), programsOf(1)...))},
		"spec.programs[1]", `Duplicate value: {"name":"program-0"}`},
	"an invite into 101 programs": {
		attempt{kind: "PartnerInvite", change: set("spec.programs", programsOf(101))},
		"spec.programs", "must have at most 100 items"},

	"an invite by pigeon": {
		attempt{kind: "PartnerInvite", change: set("spec.delivery", "Pigeon")},
		"spec.delivery", `supported values: "Email", "Link"`},
	"an invite by nothing": {
		attempt{kind: "PartnerInvite", change: set("spec.delivery", "")},
		"spec.delivery", `supported values: "Email", "Link"`},
	"an invite with a form of a third kind": {
		attempt{kind: "PartnerInvite", change: set("spec.form", "Offer")},
		"spec.form", `supported values: "Skip", "Require"`},
	"an invite that ends on a day without a time": {
		attempt{kind: "PartnerInvite", change: set("spec.notAfter", "2027-01-01")}, "spec.notAfter", timestampRemedy},
	"a resend token that is a number": {
		attempt{kind: "PartnerInvite", change: set("spec.resendToken", int64(2))}, "spec.resendToken", "must be of type string"},
	"a program of no mail": {
		attempt{kind: "Program", change: set("spec.mail.maxPerHour", int64(0))},
		"spec.mail.maxPerHour", "should be greater than or equal to 1"},
	"a program of less than no mail": {
		attempt{kind: "Program", change: set("spec.mail.maxPerHour", int64(-1))},
		"spec.mail.maxPerHour", "should be greater than or equal to 1"},
	"a program of more than a million mails": {
		attempt{kind: "Program", change: set("spec.mail.maxPerHour", int64(1000001))},
		"spec.mail.maxPerHour", "should be less than or equal to 1000000"},
	"a program that is suspended by a word": {
		attempt{kind: "Program", change: set("spec.suspend", "true")}, "spec.suspend", "must be of type boolean"},
	"a program without a name to show": {
		attempt{kind: "Program", change: unset("spec.displayName")}, "spec.displayName", "Required value"},
	"a program without a spec": {attempt{kind: "Program", change: unset("spec")}, "spec", "Required value"},
	"a group of no program": {
		attempt{kind: "PartnerGroup", change: unset("spec.programRef")}, "spec.programRef", "Required value"},
	"a group of a program without a name": {
		attempt{kind: "PartnerGroup", change: set("spec.programRef", map[string]any{})},
		"spec.programRef.name", "Required value"},
	"a team without an owner": {
		attempt{kind: "PartnerTeam", change: unset("spec.owner")}, "spec.owner", "Required value"},
	"an invite of nobody": {
		attempt{kind: "PartnerInvite", change: unset("spec.contact")}, "spec", whoseInviteRemedy},
	"an invite of a person without an address": {
		attempt{kind: "PartnerInvite", change: set("spec.contact", map[string]any{"firstName": "Ada"})},
		contactPath, "Required value"},
	"a program that approves by mood": {
		attempt{kind: "Program", change: set("spec.onboarding.invited", "Maybe")},
		"spec.onboarding.invited", `supported values: "Automatic", "Approval"`},
	"an invite of a person and a team": {
		attempt{kind: "PartnerInvite", change: all(set("spec.teamRef.name", "agency"), set("spec.programs", programsOf(1)))}, "spec", whoseInviteRemedy},
	"an invite of a team into nothing": {
		attempt{kind: "PartnerInvite", change: all(unset("spec.contact"), set("spec.teamRef.name", "agency"))}, "spec.teamRef", whichTeamRemedy},
	"an invite of teammates into programs": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.programs", programsOf(1)))}, "spec.teamRef", whichTeamRemedy},
	"teammates of no team": {
		attempt{kind: "PartnerInvite", change: set("spec.members", peopleOf(1))}, "spec.members", teammatesRemedy},
	"a new team of an existing one": {
		attempt{kind: "PartnerInvite", change: all(furtherPrograms, set("spec.team.name", "agency"))}, "spec.team", newTeamRemedy},
	"an owner among the members, in another case": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", []any{map[string]any{"email": "ADA@Example.com"}}))},
		"spec.team.members", ownerTwiceRemedy},
	"51 members of a new team": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", peopleOf(51)))}, "spec.team.members", "must have at most 50 items"},
	"51 teammates": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.members", peopleOf(51)))}, "spec.members", "must have at most 50 items"},
	"no teammates at all": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.members", []any{}))}, "spec.members", "should have at least 1 items"},
	"a teammate who is proposed as the owner": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.members", []any{map[string]any{"email": "bob@agency.example", "role": "Owner"}}))},
		"spec.members[0].role", `supported values: "Admin", "Member", "Finance"`},
	"teammates with a message": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.message.body", "Hello"))}, "spec.members", noMailRemedy},
	"teammates by link": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.delivery", "Link"))}, "spec.members", noMailRemedy},
	"a new team with capital letters": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.name", "Agency"))}, "spec.team.name", "should match"},
	"a bad address of a teammate": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.members", []any{map[string]any{"email": "a@localhost"}}))},
		"spec.members[0].email", emailRemedy},
	"a bad address of a proposed member": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", []any{map[string]any{"email": "a@localhost"}}))},
		"spec.team.members[0].email", emailRemedy},
	"a line break in the first name of a teammate": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.members", []any{map[string]any{"email": "b@x.example", "firstName": "B\nC"}}))},
		"spec.members[0].firstName", lineRemedy},
	"a line break in the last name of a teammate": {
		attempt{kind: "PartnerInvite", change: all(teammates, set("spec.members", []any{map[string]any{"email": "b@x.example", "lastName": "B\nC"}}))},
		"spec.members[0].lastName", lineRemedy},
	"a line break in the first name of a proposed member": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", []any{map[string]any{"email": "b@x.example", "firstName": "B\nC"}}))},
		"spec.team.members[0].firstName", lineRemedy},
	"a line break in the last name of a proposed member": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", []any{map[string]any{"email": "b@x.example", "lastName": "B\nC"}}))},
		"spec.team.members[0].lastName", lineRemedy},
	"a line break in the name of a new team": {
		attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.displayName", "A\nB"))}, "spec.team.displayName", lineRemedy},
	"a partner to be invited by pigeon": {
		attempt{kind: "Partnership", change: set("spec.invitation", "Pigeon")},
		"spec.invitation", `supported values: "None", "Send"`},
	"a portal that is ajar": {
		attempt{kind: "Partnership", change: set("spec.portalAccess", "Ajar")},
		"spec.portalAccess", `supported values: "Enabled", "Disabled"`},
	"a partner to be approved by mood": {
		attempt{kind: "Partnership", change: set("spec.onboarding", "Maybe")},
		"spec.onboarding", `supported values: "Automatic", "Approval"`},
	"a decision that is none": {
		attempt{kind: "Partnership", change: set("spec.approval.decision", "Pending")},
		"spec.approval.decision", `supported values: "Approved", "Rejected"`},
	"an approval without a decision": {
		attempt{kind: "Partnership", change: set("spec.approval", map[string]any{"note": "Hm."})},
		"spec.approval.decision", "Required value"},
	"an end on a day without a time": {
		attempt{kind: "Partnership", change: set("spec.validUntil", "2027-01-01")}, "spec.validUntil", timestampRemedy},
	"a revocation with links that are cut": {
		attempt{kind: "Partnership", change: set("spec.revocation.links", "Cut")},
		"spec.revocation.links", `supported values: "Keep", "Redirect", "Deactivate"`},
	"a removal with links that are cut": {
		attempt{kind: "Partnership", change: set("spec.onRemoval.links", "Cut")},
		"spec.onRemoval.links", `supported values: "Keep", "Redirect", "Deactivate"`},
	"a note on an approval that is too long": {
		attempt{kind: "Partnership", change: set("spec.approval", map[string]any{"decision": "Rejected", "note": strings.Repeat("x", 501)})},
		"spec.approval.note", "may not be more than 500"},
	"an empty note on an approval": {
		attempt{kind: "Partnership", change: set("spec.approval", map[string]any{"decision": "Rejected", "note": ""})},
		"spec.approval.note", "should be at least 1 chars long"},
	"a partnership in no program": {
		attempt{kind: "Partnership", change: unset("spec.programRef")}, "spec.programRef", "Required value"},
}

func TestShapeAccepted(t *testing.T) { checkAccepted(t, acceptedShapes) }
func TestShapeRefused(t *testing.T)  { checkRefused(t, refusedShapes) }
