package cel

import (
	"fmt"
	"strings"
	"testing"
)

const (
	customName  = "a name must be up to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
	application = "a name must be that of a form's field: up to 63 lower-case letters, digits and hyphens, beginning with a letter"
)

// facts are so many entries of a map.
func facts(count int) map[string]any {
	entries := map[string]any{}
	for i := range count {
		entries[fmt.Sprintf("fact-%d", i)] = "x"
	}
	return entries
}

func fact(name string, value any) map[string]any { return map[string]any{name: value} }

var acceptedMaps = map[string]attempt{
	"an invite with a fact":       {kind: "PartnerInvite", change: set("spec.customFields", fact("region", "EMEA"))},
	"an invite with no facts":     {kind: "PartnerInvite", change: set("spec.customFields", facts(0))},
	"an invite with 50 facts":     {kind: "PartnerInvite", change: set("spec.customFields", facts(50))},
	"a fact of one letter":        {kind: "PartnerInvite", change: set("spec.customFields", fact("x", ""))},
	"a fact of 63 letters":        {kind: "PartnerInvite", change: set("spec.customFields", fact(strings.Repeat("x", 63), strings.Repeat("ü", 1024)))},
	"a fact as labels have":       {kind: "PartnerInvite", change: set("spec.customFields", fact("crm.Account_ID-2", "001"))},
	"facts that change":           {kind: "PartnerInvite", verb: update, given: set("spec.customFields", fact("region", "EMEA")), change: set("spec.customFields", fact("region", "APAC"))},
	"a partnership with a fact":   {kind: "Partnership", change: set("spec.customFields", fact("region", "EMEA"))},
	"a partnership with 50 facts": {kind: "Partnership", change: set("spec.customFields", facts(50))},
	"an application":              {kind: "Partnership", change: set("spec.application.fields", fact("website", "https://agency.example"))},
	"an application of 100":       {kind: "Partnership", change: set("spec.application.fields", facts(100))},
	"an application of nothing":   {kind: "Partnership", change: set("spec.application", map[string]any{})},
	"a long answer":               {kind: "Partnership", change: set("spec.application.fields", fact(strings.Repeat("x", 63), strings.Repeat("ü", 4000)))},
	"an answer that is corrected": {kind: "Partnership", verb: update, given: set("spec.application.fields", fact("website", "x")), change: set("spec.application.fields", fact("website", "y"))},
}

var refusedMaps = map[string]refusal{
	"51 facts of an invite":  {attempt{kind: "PartnerInvite", change: set("spec.customFields", facts(51))}, "spec.customFields", "must have at most 50 items"},
	"a fact of a number":     {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("tier", int64(1)))}, "spec.customFields.tier", "must be of type string"},
	"a fact of too much":     {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("region", strings.Repeat("x", 1025)))}, "spec.customFields.region", "may not be more than 1024"},
	"a fact without a name":  {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("", "x"))}, "spec.customFields", customName},
	"a fact of 64 letters":   {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact(strings.Repeat("x", 64), "x"))}, "spec.customFields", customName},
	"a fact with a blank":    {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("a b", "x"))}, "spec.customFields", customName},
	"a fact with a path":     {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("a/b", "x"))}, "spec.customFields", customName},
	"a fact with two lines":  {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("a\nb", "x"))}, "spec.customFields", customName},
	"a fact that ends badly": {attempt{kind: "PartnerInvite", change: set("spec.customFields", fact("a.", "x"))}, "spec.customFields", customName},

	"51 facts of a partnership":        {attempt{kind: "Partnership", change: set("spec.customFields", facts(51))}, "spec.customFields", "must have at most 50 items"},
	"a fact of a partner with a blank": {attempt{kind: "Partnership", change: set("spec.customFields", fact("a b", "x"))}, "spec.customFields", customName},
	"a fact of a partner of too much":  {attempt{kind: "Partnership", change: set("spec.customFields", fact("region", strings.Repeat("x", 1025)))}, "spec.customFields.region", "may not be more than 1024"},
	"101 answers":                      {attempt{kind: "Partnership", change: set("spec.application.fields", facts(101))}, "spec.application.fields", "must have at most 100 items"},
	"an answer that is too long":       {attempt{kind: "Partnership", change: set("spec.application.fields", fact("website", strings.Repeat("x", 4001)))}, "spec.application.fields.website", "may not be more than 4000"},
	"an answer to no field of a form":  {attempt{kind: "Partnership", change: set("spec.application.fields", fact("companySize", "x"))}, "spec.application.fields", application},
	"an answer to a field of 64":       {attempt{kind: "Partnership", change: set("spec.application.fields", fact(strings.Repeat("x", 64), "x"))}, "spec.application.fields", application},
	"an answer to nothing":             {attempt{kind: "Partnership", change: set("spec.application.fields", fact("", "x"))}, "spec.application.fields", application},
	"an answer of a number":            {attempt{kind: "Partnership", change: set("spec.application.fields", fact("size", int64(10)))}, "spec.application.fields.size", "must be of type string"},
}

func TestMapAccepted(t *testing.T) { checkAccepted(t, acceptedMaps) }
func TestMapRefused(t *testing.T)  { checkRefused(t, refusedMaps) }
