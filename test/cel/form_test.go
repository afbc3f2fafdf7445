package cel

import (
	"fmt"
	"strings"
	"testing"
)

const (
	formPath       = "spec.join.fields"
	fieldName      = "must be lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen, such as company-size"
	pageFieldName  = "the names email and approve belong to the page itself; choose another, such as billing-email"
	optionsMissing = "a field of type Select needs options; list them, or choose another type"
	optionsTooMany = "only a field of type Select has options; remove them, or make the type Select"
)

// question is a field of a form: the smallest valid one with what the pairs of keys and values say.
func question(pairs ...any) map[string]any {
	field := map[string]any{"name": "website", "label": "Website", "type": "URL"}
	for i := 0; i < len(pairs); i += 2 {
		field[pairs[i].(string)] = pairs[i+1]
	}
	return field
}

// asks makes a group ask these questions.
func asks(questions ...any) edit { return set(formPath, questions) }

// questions are so many of different names.
func questions(count int) []any {
	list := []any{}
	for i := range count {
		list = append(list, question("name", fmt.Sprintf("question-%d", i)))
	}
	return list
}

// options are so many of different texts, the last one this long.
func options(count, length int) []any {
	list := []any{}
	for i := range count - 1 {
		list = append(list, fmt.Sprintf("Option %d", i))
	}
	return append(list, strings.Repeat("x", length))
}

var acceptedForms = map[string]attempt{
	"a group that asks nothing":        {kind: "PartnerGroup", change: set("spec.join", map[string]any{})},
	"a group with an empty form":       {kind: "PartnerGroup", change: set(formPath, []any{})},
	"a question":                       {kind: "PartnerGroup", change: asks(question())},
	"a question that must be answered": {kind: "PartnerGroup", change: asks(question("required", true))},
	"a question of one letter":         {kind: "PartnerGroup", change: asks(question("name", "x"))},
	"a question of 63 letters":         {kind: "PartnerGroup", change: asks(question("name", strings.Repeat("x", 63)))},
	"a question with digits":           {kind: "PartnerGroup", change: asks(question("name", "vat-id-2"))},
	"a question near a page's own":     {kind: "PartnerGroup", change: asks(question("name", "billing-email"))},
	"a long label":                     {kind: "PartnerGroup", change: asks(question("label", strings.Repeat("ü", 200)))},
	"30 questions":                     {kind: "PartnerGroup", change: asks(questions(30)...)},
	"one option":                       {kind: "PartnerGroup", change: asks(question("type", "Select", "options", options(1, 1)))},
	"50 options":                       {kind: "PartnerGroup", change: asks(question("type", "Select", "options", options(50, 100)))},
	"each type": {kind: "PartnerGroup", change: asks(
		question("name", "a", "type", "Text"), question("name", "b", "type", "LongText"), question("name", "c", "type", "Email"),
		question("name", "d", "type", "URL"), question("name", "e", "type", "Phone"), question("name", "f", "type", "Checkbox"),
		question("name", "g", "type", "Country"), question("name", "h", "type", "Select", "options", []any{"Yes", "No"}))},
	"a form that changes": {kind: "PartnerGroup", verb: update, given: asks(question()), change: asks(question("type", "Text"))},
}

// refusedForms are questions that nobody could answer, each with what to do about it.
var refusedForms = map[string]refusal{
	"a question without a name":  {attempt{kind: "PartnerGroup", change: asks(map[string]any{"label": "Website", "type": "URL"})}, formPath + "[0].name", "Required value"},
	"a question without a label": {attempt{kind: "PartnerGroup", change: asks(map[string]any{"name": "website", "type": "URL"})}, formPath + "[0].label", "Required value"},
	"a question without a type":  {attempt{kind: "PartnerGroup", change: asks(map[string]any{"name": "website", "label": "Website"})}, formPath + "[0].type", "Required value"},
	"a question of another type": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Number"))},
		formPath + "[0].type", `supported values: "Text", "LongText", "Email", "URL", "Phone", "Select", "Checkbox", "Country"`},
	"a question asked twice": {
		attempt{kind: "PartnerGroup", change: asks(question(), question("type", "Text"))}, formPath + "[1]", `Duplicate value: {"name":"website"}`},
	"31 questions":                 {attempt{kind: "PartnerGroup", change: asks(questions(31)...)}, formPath, "must have at most 30 items"},
	"a name of nothing":            {attempt{kind: "PartnerGroup", change: asks(question("name", ""))}, formPath + "[0].name", "should be at least 1 chars long"},
	"a name of 64 letters":         {attempt{kind: "PartnerGroup", change: asks(question("name", strings.Repeat("x", 64)))}, formPath + "[0].name", "may not be more than 63"},
	"a name in camel case":         {attempt{kind: "PartnerGroup", change: asks(question("name", "companySize"))}, formPath + "[0].name", fieldName},
	"a name with a blank":          {attempt{kind: "PartnerGroup", change: asks(question("name", "company size"))}, formPath + "[0].name", fieldName},
	"a name with an underscore":    {attempt{kind: "PartnerGroup", change: asks(question("name", "_charset_"))}, formPath + "[0].name", fieldName},
	"a name that begins in digits": {attempt{kind: "PartnerGroup", change: asks(question("name", "2nd"))}, formPath + "[0].name", fieldName},
	"a name that ends in a hyphen": {attempt{kind: "PartnerGroup", change: asks(question("name", "size-"))}, formPath + "[0].name", fieldName},
	"a name with a line break":     {attempt{kind: "PartnerGroup", change: asks(question("name", "size\n"))}, formPath + "[0].name", fieldName},
	"the name of the address":      {attempt{kind: "PartnerGroup", change: asks(question("name", "email"))}, formPath + "[0].name", pageFieldName},
	"the name of an approval":      {attempt{kind: "PartnerGroup", change: asks(question("name", "approve"))}, formPath + "[0].name", pageFieldName},
	"an empty label":               {attempt{kind: "PartnerGroup", change: asks(question("label", ""))}, formPath + "[0].label", "should be at least 1 chars long"},
	"a label in two lines":         {attempt{kind: "PartnerGroup", change: asks(question("label", "Web\nsite"))}, formPath + "[0].label", lineRemedy},
	"a label that is too long":     {attempt{kind: "PartnerGroup", change: asks(question("label", strings.Repeat("x", 201)))}, formPath + "[0].label", "may not be more than 200"},
	"a need in words":              {attempt{kind: "PartnerGroup", change: asks(question("required", "true"))}, formPath + "[0].required", "must be of type boolean"},

	"a choice of nothing": {attempt{kind: "PartnerGroup", change: asks(question("type", "Select"))}, formPath + "[0].options", optionsMissing},
	"a choice of no options": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Select", "options", []any{}))}, formPath + "[0].options", "should have at least 1 items"},
	"options of another type": {
		attempt{kind: "PartnerGroup", change: asks(question("options", options(1, 1)))}, formPath + "[0].options", optionsTooMany},
	"51 options": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Select", "options", options(51, 1)))}, formPath + "[0].options", "must have at most 50 items"},
	"one option twice": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Select", "options", []any{"Yes", "Yes"}))}, formPath + "[0].options[1]", `Duplicate value: "Yes"`},
	"an empty option": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Select", "options", []any{""}))}, formPath + "[0].options[0]", "should be at least 1 chars long"},
	"an option that is too long": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Select", "options", options(1, 101)))}, formPath + "[0].options[0]", "may not be more than 100"},
	"an option in two lines": {
		attempt{kind: "PartnerGroup", change: asks(question("type", "Select", "options", []any{"Yes\nNo"}))}, formPath + "[0].options[0]", lineRemedy},
}

func TestFormAccepted(t *testing.T) { checkAccepted(t, acceptedForms) }
func TestFormRefused(t *testing.T)  { checkRefused(t, refusedForms) }
