package cel

import (
	"fmt"
	"strings"
	"testing"
)

// lengths are the bounds of the texts that people write; each must hold at least one character.
var lengths = map[string]struct {
	kind, path string
	most       int
}{
	"the name of a program":             {"Program", "spec.displayName", 128},
	"the description of a program":      {"Program", "spec.description", 2000},
	"the default group of a program":    {"Program", "spec.defaultGroupRef.name", 253},
	"the name of a group":               {"PartnerGroup", "spec.displayName", 128},
	"the program of a group":            {"PartnerGroup", "spec.programRef.name", 253},
	"the name of a team":                {"PartnerTeam", "spec.displayName", 128},
	"the first name of an owner":        {"PartnerTeam", "spec.owner.firstName", 64},
	"the last name of an owner":         {"PartnerTeam", "spec.owner.lastName", 64},
	"the name of an invite":             {"PartnerInvite", "spec.displayName", 128},
	"the first name of a contact":       {"PartnerInvite", "spec.contact.firstName", 64},
	"the last name of a contact":        {"PartnerInvite", "spec.contact.lastName", 64},
	"the job title of a contact":        {"PartnerInvite", "spec.contact.jobTitle", 128},
	"the phone number of a contact":     {"PartnerInvite", "spec.contact.phone", 32},
	"the subject of an invite":          {"PartnerInvite", "spec.message.subject", 200},
	"the text of an invite":             {"PartnerInvite", "spec.message.body", 8000},
	"the name of a partnership":         {"Partnership", "spec.displayName", 128},
	"the program of a partnership":      {"Partnership", "spec.programRef.name", 253},
	"the group of a partnership":        {"Partnership", "spec.groupRef.name", 253},
	"the reason of a revocation":        {"Partnership", "spec.revocation.reason", 500},
	"the stage of a partnership":        {"Partnership", "spec.stage", 64},
	"the first name in a partnership":   {"Partnership", "spec.contact.firstName", 64},
	"the phone number in a partnership": {"Partnership", "spec.contact.phone", 32},
	"the resend token of an invite":     {"PartnerInvite", "spec.resendToken", 128},
}

func acceptedLengths() map[string]attempt {
	rows := map[string]attempt{}
	for name, l := range lengths {
		rows[name+" in one character"] = attempt{kind: l.kind, change: set(l.path, "x")}
		rows[fmt.Sprintf("%s in %d characters", name, l.most)] = attempt{
			kind: l.kind, change: set(l.path, strings.Repeat("x", l.most))}
		rows[fmt.Sprintf("%s in %d characters of two bytes", name, l.most)] = attempt{
			kind: l.kind, change: set(l.path, strings.Repeat("ü", l.most))}
	}
	return rows
}

func refusedLengths() map[string]refusal {
	rows := map[string]refusal{}
	for name, l := range lengths {
		rows["no text for "+name] = refusal{
			attempt{kind: l.kind, change: set(l.path, "")}, l.path, "should be at least 1 chars long"}
		rows[fmt.Sprintf("%s in %d characters", name, l.most+1)] = refusal{
			attempt{kind: l.kind, change: set(l.path, strings.Repeat("x", l.most+1))},
			l.path, fmt.Sprintf("may not be more than %d", l.most)}
	}
	return rows
}

func TestLengthAccepted(t *testing.T) { checkAccepted(t, acceptedLengths()) }
func TestLengthRefused(t *testing.T)  { checkRefused(t, refusedLengths()) }
