package cel

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// stored is what an object holds at path once the API server has taken the attempt; nil: nothing.
type stored struct {
	attempt
	path string
	want any
}

var defaults = map[string]stored{
	"a program's invites live for seven days": {
		attempt{kind: "Program", change: set("spec.invites", map[string]any{})}, "spec.invites.expiresAfter", "168h"},
	"a program's own lifetime stays": {
		attempt{kind: "Program", change: set("spec.invites.expiresAfter", "1h")}, "spec.invites.expiresAfter", "1h"},
	"a program's resends cool down for a minute": {
		attempt{kind: "Program", change: all()}, "spec.invites.resendCooldown", "1m"},
	"a program's own cool-down stays": {
		attempt{kind: "Program", change: set("spec.invites.resendCooldown", "0")}, "spec.invites.resendCooldown", "0"},
	"a program's own lifetime does not take away the cool-down": {
		attempt{kind: "Program", change: set("spec.invites.expiresAfter", "1h")}, "spec.invites.resendCooldown", "1m"},
	"a program mails as many as there are": {attempt{kind: "Program", change: all()}, "spec.mail", nil},
	"a program is not suspended":           {attempt{kind: "Program", change: all()}, "spec.suspend", nil},
	"a group is closed":                    {attempt{kind: "PartnerGroup", change: set("spec.join", map[string]any{})}, "spec.join.mode", "Closed"},
	"a group asks as the program says": {
		attempt{kind: "PartnerGroup", change: set("spec.join", map[string]any{})}, "spec.join.approval", "Inherit"},
	"a program approves applicants": {attempt{kind: "Program", change: all()}, "spec.onboarding.applicants", "Approval"},
	"a program matches no domains":  {attempt{kind: "Program", change: all()}, "spec.onboarding.domainMatching", "Disabled"},
	"a program's own applicants stay": {
		attempt{kind: "Program", change: set("spec.onboarding.applicants", "Automatic")}, "spec.onboarding.applicants", "Automatic"},
	"an invite is mailed": {
		attempt{kind: "PartnerInvite", change: all()}, "spec.delivery", "Email"},
	"an invite without a mail stays so": {
		attempt{kind: "PartnerInvite", change: set("spec.delivery", "Link")}, "spec.delivery", "Link"},
	"an invite asks for no form": {
		attempt{kind: "PartnerInvite", change: all()}, "spec.form", "Skip"},
	"an invite that asks for the form stays so": {
		attempt{kind: "PartnerInvite", change: set("spec.form", "Require")}, "spec.form", "Require"},
	"an invite has no end of its own": {attempt{kind: "PartnerInvite", change: all()}, "spec.notAfter", nil},
	"a group's invites take the program's lifetime": {
		attempt{kind: "PartnerGroup", change: set("spec.invites", map[string]any{})}, "spec.invites.expiresAfter", nil},
	"an invite takes the lifetime of its group or program": {
		attempt{kind: "PartnerInvite", change: all()}, "spec.expiresAfter", nil},
	"a partnership is declared by the company": {
		attempt{kind: "Partnership", change: all()}, "spec.source", "Admin"},
	"a partnership's own source stays": {
		attempt{kind: "Partnership", change: fromInvite}, "spec.source", "Invite"},
	"a partner hears of a revocation": {
		attempt{kind: "Partnership", change: set("spec.revocation", map[string]any{})}, "spec.revocation.notify", true},
	"a silent revocation stays silent": {
		attempt{kind: "Partnership", change: set("spec.revocation.notify", false)}, "spec.revocation.notify", false},
	"a program approves nobody": {attempt{kind: "Program", change: all()}, "spec.onboarding.invited", "Automatic"},
	"a program's own onboarding stays": {
		attempt{kind: "Program", change: set("spec.onboarding.invited", "Approval")}, "spec.onboarding.invited", "Approval"},
	"a partnership invites nobody":            {attempt{kind: "Partnership", change: all()}, "spec.invitation", "None"},
	"a partnership lets its partner in":       {attempt{kind: "Partnership", change: all()}, "spec.portalAccess", "Enabled"},
	"a partnership says nothing of approval":  {attempt{kind: "Partnership", change: all()}, "spec.onboarding", nil},
	"a partnership is not decided about":      {attempt{kind: "Partnership", change: all()}, "spec.approval", nil},
	"a partnership has no end":                {attempt{kind: "Partnership", change: all()}, "spec.validUntil", nil},
	"a partnership says nothing of removal":   {attempt{kind: "Partnership", change: all()}, "spec.onRemoval", nil},
	"links of a removed partner lead on":      {attempt{kind: "Partnership", change: set("spec.onRemoval", map[string]any{})}, "spec.onRemoval.links", "Redirect"},
	"links of a revoked partner lead on":      {attempt{kind: "Partnership", change: set("spec.revocation", map[string]any{})}, "spec.revocation.links", "Redirect"},
	"links of a revoked partner can be ended": {attempt{kind: "Partnership", change: set("spec.revocation.links", "Deactivate")}, "spec.revocation.links", "Deactivate"},
	"a partnership is not revoked":            {attempt{kind: "Partnership", change: all()}, "spec.revocation", nil},
	"a program's links carry ref":             {attempt{kind: "Program", change: set("spec.links", map[string]any{})}, "spec.links.parameter", "ref"},
	"a program's partners make 20 links":      {attempt{kind: "Program", change: set("spec.links", map[string]any{})}, "spec.links.maxPerMember", int64(20)},
	"a program says nothing of links":         {attempt{kind: "Program", change: all()}, "spec.links", nil},
	"a group lets partners make links":        {attempt{kind: "PartnerGroup", change: set("spec.links", map[string]any{})}, "spec.links.creation", "Enabled"},
	"a default link without a suffix":         {attempt{kind: "PartnerGroup", change: set("spec.links.defaults", []any{map[string]any{}})}, "spec.links.defaults", []any{map[string]any{}}},
	"a teammate without a role":               {attempt{kind: "PartnerInvite", change: teammates}, "spec.members", peopleOf(1)},
	"a member of a new team without a role":   {attempt{kind: "PartnerInvite", change: all(newTeam, set("spec.team.members", peopleOf(1)))}, "spec.team.members", peopleOf(1)},
	"a status in a manifest is not taken": {
		attempt{kind: "PartnerInvite", change: set("status.state", "Accepted")}, "status.state", nil},
}

func TestDefaults(t *testing.T) {
	for name, row := range defaults {
		t.Run(name, func(t *testing.T) { row.check(t) })
	}
}

func TestNewObjectsAreInProgress(t *testing.T) {
	for _, kind := range []string{"Program", "PartnerGroup", "PartnerTeam", "PartnerInvite", "Partnership", "PartnerLink"} {
		t.Run(kind, func(t *testing.T) {
			stored{attempt{kind: kind, change: all()}, "status", map[string]any{"observedGeneration": int64(-1)}}.check(t)
		})
	}
}

func (s stored) check(t *testing.T) {
	t.Helper()
	o, err := s.do(t)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := unstructured.NestedFieldNoCopy(o.Object, strings.Split(s.path, ".")...)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s.want) {
		t.Errorf("%s is %v, want %v", s.path, got, s.want)
	}
}
