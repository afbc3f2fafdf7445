package cel

import (
	"fmt"
	"strings"
	"testing"
)

const (
	domainRemedy   = "must be the full domain of mail addresses, such as example.com, without @ and without *"
	reapplyRemedy  = "must be a duration from 1s to 87600h in hours, minutes and seconds, such as 720h for thirty days; leave it out to let nobody apply again"
	intoTeamRemedy = "joinTeamRef goes with the decision Approved: approve the applicant into the team, or leave joinTeamRef out"
)

// joinsWith sets a field of a group's way to join.
func joinsWith(field string, value any) attempt {
	return attempt{kind: "PartnerGroup", change: set("spec.join."+field, value)}
}

func approvedInto(decision string) attempt {
	return attempt{kind: "Partnership", change: set("spec.approval", map[string]any{"decision": decision, "joinTeamRef": map[string]any{"name": "agency"}})}
}

func domains(count int) []any {
	all := []any{}
	for n := range count {
		all = append(all, fmt.Sprintf("company-%d.example", n))
	}
	return all
}

// waiting is a verification mail that waits.
func waiting(serial int64) map[string]any {
	return map[string]any{
		"kind": "verify-address", "serial": serial, "state": "Pending", "sealedAddress": strings.Repeat("x", 512),
		"joinLinkSerial": int64(1), "requestedTime": "2026-01-01T00:00:00.000000Z",
	}
}

func waitingList(count int) []any {
	all := []any{}
	for n := range count {
		all = append(all, waiting(int64(n+1)))
	}
	return all
}

// requested are verification mails that were asked for in so many steps, each with a count.
func requested(steps int, count int64) edit {
	all := []any{}
	for range steps {
		all = append(all, map[string]any{"startTime": "2026-01-01T00:00:00Z", "count": count})
	}
	return set("status.verificationRequests", all)
}

// mailed are the recipients of verification mails in so many steps, each noted in so many characters.
func mailed(steps, characters int) edit {
	all := []any{}
	for range steps {
		all = append(all, map[string]any{"startTime": "2026-01-01T00:00:00Z", "marks": strings.Repeat("x", characters)})
	}
	return set("status.verificationRecipients", all)
}

var acceptedJoins = map[string]attempt{
	"a budget of one mail":            joinsWith("maxPerHour", int64(1)),
	"a budget of a thousand mails":    joinsWith("maxPerHour", int64(1000)),
	"requests of an hour":             {kind: "PartnerGroup", verb: updateStatus, change: requested(20, 1000)},
	"recipients of a day":             {kind: "PartnerGroup", verb: updateStatus, change: mailed(48, 16380)},
	"a closed group":                  joinsWith("mode", "Closed"),
	"an open group":                   joinsWith("mode", "Open"),
	"a group with a form":             joinsWith("mode", "Form"),
	"a group that closes again":       {kind: "PartnerGroup", verb: update, given: set("spec.join.mode", "Open"), change: set("spec.join.mode", "Closed")},
	"a group as the program says":     joinsWith("approval", "Inherit"),
	"a group that asks":               joinsWith("approval", "Required"),
	"a group that does not":           joinsWith("approval", "Automatic"),
	"a domain":                        joinsWith("eligibleDomains", []any{"example.com"}),
	"an international domain":         joinsWith("eligibleDomains", []any{"müller.example"}),
	"many domains":                    joinsWith("eligibleDomains", domains(100)),
	"again after a second":            joinsWith("reapplyAfter", "1s"),
	"again after thirty days":         joinsWith("reapplyAfter", "720h"),
	"again after ten years":           joinsWith("reapplyAfter", "87600h"),
	"a rotation":                      joinsWith("rotation", strings.Repeat("ü", 128)),
	"no rotation":                     joinsWith("rotation", ""),
	"a program that waits":            {kind: "Program", change: set("spec.onboarding.applicants", "Approval")},
	"a program that does not wait":    {kind: "Program", change: set("spec.onboarding.applicants", "Automatic")},
	"a program that matches domains":  {kind: "Program", change: set("spec.onboarding.domainMatching", "Enabled")},
	"approved into a team":            approvedInto("Approved"),
	"a hundred who wait for a mail":   {kind: "PartnerGroup", verb: updateStatus, change: set("status.verifications", waitingList(100))},
	"a repeat of an invite":           {kind: "PartnerInvite", verb: updateStatus, change: set("status.repeat", invitedMail)},
	"an application and its matches":  {kind: "Partnership", change: set("spec.application", map[string]any{"submittedTime": "2026-01-01T00:00:00.000000Z", "matchingTeams": []any{map[string]any{"name": "agency"}}})},
	"somebody who has applied again":  {kind: "Partnership", verb: updateStatus, change: set("status.reapplication", reapplied(1))},
	"a decision with the time it was": {kind: "Partnership", verb: updateStatus, change: set("status.handledApproval", map[string]any{"serial": int64(1), "decision": "Rejected", "time": "2026-01-01T00:00:00Z"})},
}

func reapplied(serial int64) map[string]any {
	return map[string]any{
		"serial": serial, "time": "2026-01-01T00:00:00.000000Z", "groupRef": map[string]any{"name": "gold"},
		"approval": map[string]any{"decision": "Rejected"}, "fields": map[string]any{"website": "https://example.com"},
	}
}

var refusedJoins = map[string]refusal{
	"a budget of no mail":           {joinsWith("maxPerHour", int64(0)), "spec.join.maxPerHour", "should be greater than or equal to 1"},
	"a budget without an end":       {joinsWith("maxPerHour", int64(1001)), "spec.join.maxPerHour", "should be less than or equal to 1000"},
	"requests of more than an hour": {attempt{kind: "PartnerGroup", verb: updateStatus, change: requested(21, 1)}, "status.verificationRequests", "must have at most 20 items"},
	"a step without requests":       {attempt{kind: "PartnerGroup", verb: updateStatus, change: requested(1, 0)}, "status.verificationRequests[0].count", "should be greater than or equal to 1"},
	"recipients of more than a day": {attempt{kind: "PartnerGroup", verb: updateStatus, change: mailed(49, 10)}, "status.verificationRecipients", "must have at most 48 items"},
	"too many recipients of a step": {attempt{kind: "PartnerGroup", verb: updateStatus, change: mailed(1, 16381)}, "status.verificationRecipients[0].marks", "may not be more than 16380"},
	"a mode of a fourth kind":       {joinsWith("mode", "Ajar"), "spec.join.mode", `supported values: "Closed", "Open", "Form"`},
	"an approval of a fourth kind":  {joinsWith("approval", "Maybe"), "spec.join.approval", `supported values: "Inherit", "Required", "Automatic"`},
	"an address as a domain":        {joinsWith("eligibleDomains", []any{"ada@example.com"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a domain that starts with @":   {joinsWith("eligibleDomains", []any{"@example.com"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a wildcard":                    {joinsWith("eligibleDomains", []any{"*.example.com"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a bare host":                   {joinsWith("eligibleDomains", []any{"localhost"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a domain that ends with a dot": {joinsWith("eligibleDomains", []any{"example.com."}), "spec.join.eligibleDomains[0]", domainRemedy},
	"two dots in a domain":          {joinsWith("eligibleDomains", []any{"example..com"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a blank in a domain":           {joinsWith("eligibleDomains", []any{"exam ple.com"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a URL as a domain":             {joinsWith("eligibleDomains", []any{"https://example.com"}), "spec.join.eligibleDomains[0]", domainRemedy},
	"a domain twice":                {joinsWith("eligibleDomains", []any{"example.com", "example.com"}), "spec.join.eligibleDomains[1]", `Duplicate value: "example.com"`},
	"101 domains":                   {joinsWith("eligibleDomains", domains(101)), "spec.join.eligibleDomains", "must have at most 100 items"},
	"again at once":                 {joinsWith("reapplyAfter", "0s"), "spec.join.reapplyAfter", reapplyRemedy},
	"again in days":                 {joinsWith("reapplyAfter", "30d"), "spec.join.reapplyAfter", reapplyRemedy},
	"again in too long":             {joinsWith("reapplyAfter", "87601h"), "spec.join.reapplyAfter", reapplyRemedy},
	"a rotation that is too long":   {joinsWith("rotation", strings.Repeat("x", 129)), "spec.join.rotation", "may not be more than 128"},
	"a third applicants' policy":    {attempt{kind: "Program", change: set("spec.onboarding.applicants", "Maybe")}, "spec.onboarding.applicants", `supported values: "Automatic", "Approval"`},
	"a third domain matching":       {attempt{kind: "Program", change: set("spec.onboarding.domainMatching", "Maybe")}, "spec.onboarding.domainMatching", `supported values: "Disabled", "Enabled"`},
	"rejected into a team":          {approvedInto("Rejected"), "spec.approval.joinTeamRef", intoTeamRemedy},
	"101 who wait for a mail":       {attempt{kind: "PartnerGroup", verb: updateStatus, change: set("status.verifications", waitingList(101))}, "status.verifications", "must have at most 100 items"},
	"an application number 0":       {attempt{kind: "Partnership", verb: updateStatus, change: set("status.reapplication", reapplied(0))}, "status.reapplication.serial", "should be greater than or equal to 1"},
	"a reapplication rejected into a team": {attempt{kind: "Partnership", verb: updateStatus, change: all(set("status.reapplication", reapplied(1)),
		set("status.reapplication.approval.joinTeamRef", map[string]any{"name": "agency"}))}, "status.reapplication.approval.joinTeamRef", intoTeamRemedy},
}

func TestJoinAccepted(t *testing.T) { checkAccepted(t, acceptedJoins) }
func TestJoinRefused(t *testing.T)  { checkRefused(t, refusedJoins) }
