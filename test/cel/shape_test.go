package cel

import (
	"fmt"
	"testing"
)

const exactlyOneRemedy = "set exactly one of contact (a person) and teamRef (a team)"

// programsOf are so many programs of different names.
func programsOf(count int) []any {
	programs := []any{}
	for i := range count {
		programs = append(programs, map[string]any{"name": fmt.Sprintf("program-%d", i)})
	}
	return programs
}

var acceptedShapes = map[string]attempt{
	"a program":                    {kind: "Program", change: all()},
	"a group":                      {kind: "PartnerGroup", change: all()},
	"a team":                       {kind: "PartnerTeam", change: all()},
	"a partnership of a person":    {kind: "Partnership", change: ofPerson},
	"a partnership of a team":      {kind: "Partnership", change: ofTeam},
	"an invite without programs":   {kind: "PartnerInvite", change: all()},
	"an invite into one program":   {kind: "PartnerInvite", change: set("spec.programs", programsOf(1))},
	"an invite into 100 programs":  {kind: "PartnerInvite", change: set("spec.programs", programsOf(100))},
	"a partnership from a network": {kind: "Partnership", change: set("spec.source", "Network")},
	"a revocation without a word":  {kind: "Partnership", change: set("spec.revocation", map[string]any{})},
	"a revocation without a mail":  {kind: "Partnership", change: set("spec.revocation.notify", false)},
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
		attempt{kind: "PartnerInvite", change: unset("spec.contact")}, "spec.contact", "Required value"},
	"an invite of a person without an address": {
		attempt{kind: "PartnerInvite", change: set("spec.contact", map[string]any{"firstName": "Ada"})},
		contactPath, "Required value"},
	"a partnership in no program": {
		attempt{kind: "Partnership", change: unset("spec.programRef")}, "spec.programRef", "Required value"},
}

func TestShapeAccepted(t *testing.T) { checkAccepted(t, acceptedShapes) }
func TestShapeRefused(t *testing.T)  { checkRefused(t, refusedShapes) }
