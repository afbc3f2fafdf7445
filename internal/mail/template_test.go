package mail

import (
	"html"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
)

// of is what stands in a ConfigMap.
type of = map[string]string

// unreadable is what tells a user nothing: names of the program's types, states of the library, traces of broken formats.
var unreadable = regexp.MustCompile(`executing|\b(mail|brand|template)\.[A-Z]|type \[|\{state|%!|<nil>|0x`)

// ada is content with everything in it.
var ada = Content{FirstName: "Ada", LastName: "Lovelace", Programs: []ProgramLine{referral, reseller}, Link: link, ExpiryTime: expiry, Minutes: 15, Reason: "The contract ended."}

func own(t testing.TB, kind v1alpha1.MailKind, data of) *Template {
	t.Helper()
	template, err := ParseTemplate(kind, data)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func renderOwn(t testing.TB, kind v1alpha1.MailKind, company brand.Brand, content Content, data of) Message {
	t.Helper()
	message, err := Render(kind, company, content, own(t, kind, data))
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// inside is what the frame of all mails holds.
func inside(t testing.TB, page string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "text-align:start\">")
	body, _, ended := strings.Cut(rest, "</td></tr>\n</table>\n</td></tr>\n</table>\n</body>")
	if !strings.HasPrefix(page, "<!doctype html>") || !found || !ended {
		t.Fatalf("there is no frame in\n%s", page)
	}
	return strings.TrimSpace(body)
}

func TestParseTemplateRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		data of
		want string
	}{
		"nothing":       {of{}, "is empty; give it subject, and markdown or text"},
		"blank keys":    {of{"subject": " ", "text": "\n", "html": "", "body": ""}, "is empty;"},
		"a blank text":  {of{"text": " ", "html": "{{.Link}}"}, "has the key html without text;"},
		"another key":   {of{"text": "{{.Link}}", "body": "{{.Link}}"}, "has the key body; it can have subject, and markdown, or text and html"},
		"a key's case":  {of{"Text": "{{.Link}}"}, "has the key Text;"},
		"too many keys": {of{"markdown": "{{.Link}}", "text": "{{.Link}}"}, "has the key markdown beside text or html; keep one way of writing it"},
		"html beside":   {of{"markdown": "{{.Link}}", "html": "{{.Link}}"}, "has the key markdown beside text or html;"},
		"html alone":    {of{"html": "{{.Link}}"}, "has the key html without text; add text"},
		"too long":      {of{"text": "{{.Link}}" + strings.Repeat("é", 32<<10)}, "text is longer than 65536 bytes"},

		"no link in text":           {of{"text": "Come!", "html": "{{.Link}}"}, "the link does not come out; write {{.Link}} where it belongs, and not only in html"},
		"no link in html":           {of{"text": "{{.Link}}", "html": "<p>Come!</p>"}, "the link does not come out in html; write {{.Link}}"},
		"no link in markdown":       {of{"markdown": "[Come](https://acme.example)"}, "the link does not come out; write {{.Link}}"},
		"a link for some":           {of{"text": "{{if .FirstName}}{{.Link}}{{end}}"}, "the link does not come out;"},
		"a link in HTML":            {of{"markdown": "<div>\n{{.Link}}\n</div>"}, "the link does not come out in the page;"},
		"a link of HTML":            {of{"markdown": `<a href="{{.Link}}">x</a>`}, "the link does not come out in the page;"},
		"a link made unusable":      {of{"text": "{{slice .Link 0 20}}"}, "the link does not come out;"},
		"a link in a comment":       {of{"text": "{{.Link}}", "html": "<!-- {{.Link}} -->"}, "the link does not come out in html;"},
		"a link as a picture":       {of{"markdown": "![x]({{.Link}})"}, "the link does not come out in the page; write {{.Link}} outside of HTML"},
		"a subject that is empty":   {of{"subject": "{{/* later */}} ", "text": "{{.Link}}"}, "subject comes out empty"},
		"a subject empty for some":  {of{"subject": "{{.FirstName}}", "text": "{{.Link}}"}, "subject comes out empty"},
		"an open action":            {of{"text": "\n\n{{.Link"}, "text:3: unclosed action"},
		"an open if":                {of{"markdown": "{{.Link}}\n{{if .Company}}"}, "markdown:2: unexpected EOF"},
		"an end too many":           {of{"subject": "{{end}}", "text": "{{.Link}}"}, "subject:1: unexpected {{end}}"},
		"an unknown function":       {of{"html": "\n{{upper .Company}}", "text": "{{.Link}}"}, `html:2: function "upper" not defined`},
		"parentheses without end":   {of{"text": "{{" + strings.Repeat("(", 60000)}, "text:1: max expression depth exceeded"},
		"an undefined variable":     {of{"text": "{{.Link}}{{$x}}"}, `text:1: undefined variable "$x"`},
		"an unknown name":           {of{"text": "{{.Link}}\n{{.Firstname}}"}, "text:2:2: there is no .Firstname here; there are Applicant, Company, CustomFields, Expiry, FirstName, LastName, Lead, Link, Minutes, More, Partnership, Programs, Reason, Team, Teammate, Waits"},
		"one in a small letter":     {of{"subject": "{{.company}}"}, "subject:1:2: there is no .company here;"},
		"one in html":               {of{"text": "{{.Link}}", "html": "<p>\n<a href=\"{{.URL}}\">x</a>"}, "html:2:11: there is no .URL here;"},
		"one never reached":         {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.Nope}}{{end}}"}, "text:1:32: there is no .Nope here;"},
		"one in an else":            {of{"text": "{{.Link}}{{if .Link}}{{else if .Nope}}{{end}}"}, "there is no .Nope here;"},
		"one in a with":             {of{"text": "{{.Link}}{{with .Company}}{{else}}{{.Nope}}{{end}}"}, "there is no .Nope here;"},
		"one in an empty range":     {of{"text": "{{.Link}}{{range .Programs}}{{else}}{{.Nope}}{{end}}"}, "there is no .Nope here;"},
		"one as an argument":        {of{"text": "{{.Link}}{{if and .Link (not (eq .Nope 1))}}{{end}}"}, "there is no .Nope here;"},
		"one behind a pipe":         {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.Minutes | eq .Nope}}{{end}}"}, "there is no .Nope here;"},
		"one of the root":           {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{$.Nope}}{{end}}"}, "there is no $.Nope here;"},
		"one assigned":              {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{$x := .Nope}}{{end}}"}, "there is no .Nope here;"},
		"a program's name outside":  {of{"text": "{{.Link}}{{.Name}}"}, "text:1:11: there is no .Name here; there are Applicant, Company,"},
		"one never reached, either": {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.Group}}{{end}}"}, "there is no .Group here;"},
		"the company in a range":    {of{"text": "{{.Link}}{{range .Programs}}{{.Company}}{{end}}"}, "text:1:30: there is no .Company in a range; write $.Company"},
		"the link in a range":       {of{"html": "{{range .Programs}}{{if eq .Name `x`}}{{.Link}}{{end}}{{end}}", "text": "{{.Link}}"}, "html:1:40: there is no .Link in a range; write $.Link"},
		"an unknown one in a range": {of{"text": "{{.Link}}{{range .Programs}}{{.Title}}{{end}}"}, "there is no .Title here; there are Description, Group, Name"},
		"a part of a text":          {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.Company.Name}}{{end}}"}, "there is no .Company.Name here;"},
		"a part of the programs":    {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.Programs.Name}}{{end}}"}, "there is no .Programs.Name here;"},
		"a part of a program":       {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{(index .Programs 0).Nope}}{{end}}"}, "there is no .Nope here;"},
		"a part of a variable":      {of{"text": "{{.Link}}{{range $i, $p := .Programs}}{{if eq $i 9}}{{$p.Nope}}{{end}}{{end}}"}, "there is no $p.Nope here;"},
		"a name within a with":      {of{"text": "{{.Link}}{{with .FirstName}}{{.Company}}{{end}}"}, "text:1:30: there is no .Company here"},
		"a program beyond the last": {of{"text": "{{.Link}}{{(index .Programs 1).Name}}"}, "text:1:12: error calling index: slice index out of range"},
		"a part of no program":      {of{"text": "{{.Link}}{{range .Programs.Nope}}{{end}}"}, "range can walk .Programs only"},
		"printf":                    {of{"text": `{{.Link}}{{printf "%9d" .Minutes}}`}, "text:1:11: the function printf is not supported; there are and, or, not, eq, ne, lt, le, gt, ge, len, index, slice"},
		"a text that doubles":       {of{"text": "{{.Link}}{{$x := `x`}}{{$x = print $x $x}}"}, "the function print is not supported;"},
		"one that escapes":          {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.Company | js}}{{end}}"}, "the function js is not supported;"},
		"everything there is":       {of{"text": "{{.Link}}{{.}}"}, "text:1:11: . is more than a text; write a part of it"},
		"everything of the root":    {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{$}}{{end}}"}, "$ is more than a text;"},
		"all of a program":          {of{"text": "{{.Link}}{{range .Programs}}{{.}}{{end}}"}, ". is more than a text;"},
		"all programs":              {of{"text": "{{.Link}}{{.Programs}}"}, ".Programs is more than a text;"},
		"all custom fields":         {of{"markdown": "{{.Link}}{{$.CustomFields}}"}, "$.CustomFields is more than a text;"},
		"a part of a custom field":  {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{.CustomFields.tier.x}}{{end}}"}, "there is no .CustomFields.tier.x here;"},
		"one in a range, too":       {of{"text": "{{.Link}}{{range .Programs}}{{.CustomFields.tier}}{{end}}"}, "there is no .CustomFields in a range; write $.CustomFields"},
		"define":                    {of{"text": `{{define "x"}}{{end}}{{.Link}}`}, `text defines "x"; define and block are not supported`},
		"block":                     {of{"text": `{{block "x" .}}{{end}}{{.Link}}`}, `text defines "x"; define and block are not supported`},
		"define of itself":          {of{"html": `{{define "html"}}{{.Link}}{{end}}x`, "text": "{{.Link}}"}, "html:1"},
		"template":                  {of{"text": `{{.Link}}{{if eq .Minutes 99}}{{template "text" .}}{{end}}`}, "template is not supported"},
		"a call of a built-in mail": {of{"html": `{{.Link}}{{template "head" .}}`, "text": "{{.Link}}"}, "html:1:20: template is not supported"},
		"range over a number":       {of{"text": "{{.Link}}\n{{range 1000000000}}x{{end}}"}, "text:2:8: range can walk .Programs only"},
		"range over minutes":        {of{"text": "{{.Link}}{{range .Minutes}}x{{end}}"}, "range can walk .Programs only"},
		"range over a text":         {of{"text": "{{.Link}}{{range .Company}}x{{end}}"}, "range can walk .Programs only"},
		"range over a variable":     {of{"text": "{{.Link}}{{$x := .Programs}}{{range $x}}{{end}}"}, "range can walk .Programs only"},
		"range over the dot":        {of{"text": "{{.Link}}{{with .Programs}}{{range .}}{{end}}{{end}}"}, "range can walk .Programs only"},
		"range over a call":         {of{"text": "{{.Link}}{{range slice .Programs 0}}{{end}}"}, "range can walk .Programs only"},
		"range over parentheses":    {of{"text": "{{.Link}}{{range (.Programs)}}{{end}}"}, "range can walk .Programs only"},
		"range over a pipe":         {of{"text": "{{.Link}}{{range 5 | slice .Programs}}{{end}}"}, "range can walk .Programs only"},
		"range over a count":        {of{"text": "{{.Link}}{{range .Programs | len}}{{end}}"}, "range can walk .Programs only"},
		"range within a with":       {of{"text": "{{.Link}}{{range .Programs}}{{with .Name}}{{range $.Programs}}{{end}}{{end}}{{end}}"}, "a range within a range is not supported"},
		"one in parentheses":        {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{(index .Nope 0).Name}}{{end}}"}, "there is no .Nope here;"},
		"range never reached":       {of{"text": "{{.Link}}{{if eq .Minutes 99}}{{range 9}}{{end}}{{end}}"}, "range can walk .Programs only"},
		"range within a range":      {of{"text": "{{.Link}}{{range .Programs}}{{range $.Programs}}x{{end}}{{end}}"}, "a range within a range is not supported"},
		"range deep in a range":     {of{"text": "{{.Link}}{{range .Programs}}{{if .Name}}{{range $.Programs}}{{end}}{{end}}{{end}}"}, "a range within a range is not supported"},
		"a predefined escaper":      {of{"text": "{{.Link}}", "html": "{{.Link}}\n{{.Company | html}}"}, "html:2:13: the function html is not supported;"},
		"an attribute left open":    {of{"text": "{{.Link}}", "html": `<a href="{{.Link}}`}, "html: ends in a non-text context"},
		"half an attribute":         {of{"text": "{{.Link}}", "html": `{{.Link}}<a {{if .FirstName}}href="{{end}}`}, "html:1:17: {{if}} branches end in different contexts"},
		"a comparison of two sorts": {of{"text": "{{.Link}}{{eq .Company 1}}"}, "text:1:11: error calling eq: incompatible types for comparison: string and int"},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := ParseTemplate(v1alpha1.MailInvite, test.data)
			if err == nil || template != nil || !strings.HasPrefix(err.Error(), test.want) && !strings.Contains(err.Error(), ": "+test.want) {
				t.Fatalf("it gives the error %v, want %s", err, test.want)
			}
			if text := err.Error(); strings.ContainsAny(text, "\n\t") || len(text) > 300 || unreadable.MatchString(text) {
				t.Errorf("nobody wants to read %q", text)
			}
		})
	}
}

// A template is bounded in what it makes of content that is larger than the samples, too.
func TestTemplateMakesNoEndlessMail(t *testing.T) {
	content := ada
	content.Programs = make([]ProgramLine, 32)
	for i := range content.Programs {
		content.Programs[i] = ProgramLine{Name: "Acme", Description: strings.Repeat("long ", 400)}
	}
	for key, data := range map[string]of{
		"text":     {"text": "{{.Link}}{{range .Programs}}{{.Description}}{{.Description}}{{.Description}}{{.Description}}{{.Description}}{{end}}"},
		"markdown": {"markdown": "{{.Link}}{{range .Programs}}{{.Description}}{{.Description}}{{.Description}}{{.Description}}{{.Description}}{{end}}"},
		"html":     {"text": "{{.Link}}", "html": "{{.Link}}{{range .Programs}}{{.Description}}{{.Description}}{{.Description}}{{.Description}}{{.Description}}{{end}}"},
	} {
		template := own(t, v1alpha1.MailInvite, data)
		if _, err := Render(v1alpha1.MailInvite, acme("Acme"), content, template); err == nil || !strings.HasPrefix(err.Error(), key+" makes a mail of more than ") {
			t.Errorf("%s: %v", key, err)
		}
		content := content
		content.Programs = content.Programs[:8]
		if _, err := Render(v1alpha1.MailInvite, acme("Acme"), content, template); (err != nil) != (key == "markdown") {
			t.Errorf("%s, with eight programs: %v", key, err)
		}
		content.Programs = content.Programs[:3]
		if _, err := Render(v1alpha1.MailInvite, acme("Acme"), content, template); err != nil {
			t.Errorf("%s, with three programs: %v", key, err)
		}
	}
}

func TestTemplateSaysWhatItIsToldTo(t *testing.T) {
	const everything = `{{.FirstName}} {{.LastName}}, {{.Company}}: {{range $i, $p := .Programs}}{{if $i}}, {{end}}{{$p.Name}}{{with .Group}} ({{.}}){{end}}{{end}}; {{.Lead}} +{{.More}} {{$.Link}} {{.Expiry}} {{.Minutes}} {{.Reason}}`
	const said = "Ada Lovelace, Acme: Acme Referral (Gold), Acme Reseller; Acme Referral and one more program +1 " + link + " 8 January 2026, 12:00 UTC 15 The contract ended."
	for key, data := range map[string]of{
		"text":     {"text": everything},
		"html":     {"text": "{{.Link}}", "html": everything},
		"markdown": {"markdown": everything},
		"subject":  {"subject": everything},
	} {
		t.Run(key, func(t *testing.T) {
			message := renderOwn(t, v1alpha1.MailInvite, acme("Acme"), ada, data)
			got := map[string]string{"text": message.Text, "markdown": message.Text, "html": html.UnescapeString(message.HTML), "subject": message.Subject}[key]
			if want := map[bool]string{true: headerText(said), false: said}[key == "subject"]; got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
		})
	}
}

// A custom field that an invite lacks is empty, so that one template serves all.
func TestCustomFields(t *testing.T) {
	const source = `{{.CustomFields.tier}}|{{.CustomFields.none}}|{{index .CustomFields "sales-region"}}|{{if .CustomFields.none}}!{{else}}?{{end}} {{.Link}}`
	content := ada
	content.CustomFields = of{"tier": "*<Gold>*", "sales-region": "EMEA"}
	for key, data := range map[string]of{"text": {"text": source}, "html": {"text": "{{.Link}}", "html": source}, "markdown": {"markdown": source}} {
		message, bare := renderOwn(t, v1alpha1.MailInvite, acme("Acme"), content, data), renderOwn(t, v1alpha1.MailInvite, acme("Acme"), ada, data)
		if !strings.Contains(message.HTML, "*&lt;Gold&gt;*||EMEA|? ") || !strings.Contains(bare.HTML, "|||? ") {
			t.Errorf("%s: the pages are\n%s\n%s", key, message.HTML, bare.HTML)
		}
		if key != "html" && (message.Text != "*<Gold>*||EMEA|? "+link || bare.Text != "|||? "+link) {
			t.Errorf("%s: the texts are %q and %q", key, message.Text, bare.Text)
		}
	}
}

func TestTemplateOfText(t *testing.T) {
	message := renderOwn(t, v1alpha1.MailSignIn, acme("Acme"), ada, of{"text": "\nDear {{.FirstName}},\n\n  open <{{.Link}}> or\n{{.Link}}\n& <b>smile</b>\n"})
	if want := "\nDear Ada,\n\n  open <" + link + "> or\n" + link + "\n& <b>smile</b>\n"; message.Text != want {
		t.Errorf("the text is %q, want %q", message.Text, want)
	}
	a := `<a href="` + link + `" style="color:#2347c5">` + link + `</a>`
	want := "<div style=\"white-space:pre-wrap\">Dear Ada,\n\n  open &lt;" + a + "&gt; or\n" + a + "\n&amp; &lt;b&gt;smile&lt;/b&gt;</div>"
	if diff := cmp.Diff(want, inside(t, message.HTML)); diff != "" {
		t.Errorf("the page differs (-want +got):\n%s", diff)
	}
	if message.Subject != "Your sign-in link for Acme" {
		t.Errorf("the subject is %q", message.Subject)
	}
}

func TestTemplateOfMarkdown(t *testing.T) {
	message := renderOwn(t, v1alpha1.MailSignIn, acme("Acme"), ada, of{"subject": "Come in, {{.FirstName}}", "markdown": "# Hi {{.FirstName}}\n\n**Open** {{.Link}}\n"})
	if want := "# Hi Ada\n\n**Open** " + link + "\n"; message.Text != want {
		t.Errorf("the text is %q, want %q", message.Text, want)
	}
	if want := "<h1>Hi Ada</h1>\n<p><strong>Open</strong> <a href=\"" + link + "\">" + link + "</a></p>"; inside(t, message.HTML) != want {
		t.Errorf("the page holds %q, want %q", inside(t, message.HTML), want)
	}
	if message.Subject != "Come in, Ada" || !strings.Contains(message.HTML, ">Come in, Ada</title>") {
		t.Errorf("the subject is %q, and the page has another title:\n%s", message.Subject, message.HTML)
	}
}

func TestTemplateOfTextAndHTMLHasNoFrame(t *testing.T) {
	message := renderOwn(t, v1alpha1.MailInvite, acme("Acme"), ada, of{"text": "Open {{.Link}}", "html": "<p>Open <a href=\"{{.Link}}\">this</a></p>\n"})
	if want := "<p>Open <a href=\"" + link + "\">this</a></p>\n"; message.Text != "Open "+link || message.HTML != want {
		t.Errorf("the text is %q, the page %q", message.Text, message.HTML)
	}
}

func TestTemplateOfASubjectKeepsTheBuiltInBodies(t *testing.T) {
	for _, kind := range kinds {
		message, builtIn := renderOwn(t, kind, acme("Acme"), ada, of{"subject": "\n{{.Company}}\r\nand {{.FirstName}}"}), render(t, kind, acme("Acme"), ada)
		if message.Subject != "Acme and Ada" {
			t.Errorf("%s: the subject is %q", kind, message.Subject)
		}
		title := regexp.MustCompile("<title.*</title>")
		if message.Text != builtIn.Text || title.ReplaceAllString(message.HTML, "") != title.ReplaceAllString(builtIn.HTML, "") {
			t.Errorf("%s: the bodies are not the built-in ones:\n%s\n%s", kind, message.Text, message.HTML)
		}
		if !strings.HasSuffix(title.FindString(message.HTML), ">Acme and Ada</title>") {
			t.Errorf("%s: the page has the title %s", kind, title.FindString(message.HTML))
		}
	}
}

// What one mail says of itself goes before a template, and a template before the built-in words.
func TestWhoseWordsCount(t *testing.T) {
	template := of{"subject": "of the template", "markdown": "body of the template: {{.Link}}"}
	for name, test := range map[string]struct {
		subject, message      string
		data                  of
		wantSubject, wantBody string
	}{
		"built in":                          {wantSubject: "Acme invites you to Acme Referral and one more program", wantBody: "Acme invites you to become a partner:"},
		"of the template":                   {data: template, wantSubject: "of the template", wantBody: "body of the template:"},
		"the template's bodies":             {data: of{"text": "body of the template: {{.Link}}"}, wantSubject: "Acme invites you to Acme Referral and one more program", wantBody: "body of the template:"},
		"a subject of its own":              {subject: "of the mail", data: template, wantSubject: "of the mail", wantBody: "body of the template:"},
		"a subject of its own, no template": {subject: "of the mail", wantSubject: "of the mail", wantBody: "Acme invites you to become a partner:"},
		"a body of its own":                 {message: "of *this* mail", data: template, wantSubject: "Acme invites you to Acme Referral and one more program", wantBody: "of *this* mail"},
		"both of its own":                   {subject: "of the mail", message: "of *this* mail", data: template, wantSubject: "of the mail", wantBody: "of *this* mail"},
	} {
		t.Run(name, func(t *testing.T) {
			content, bodies := ada, []string{"Acme invites you to become a partner:", "body of the template:", "of *this* mail"}
			content.Subject, content.Message = test.subject, test.message
			var template *Template
			if test.data != nil {
				template = own(t, v1alpha1.MailInvite, test.data)
			}
			message, err := Render(v1alpha1.MailInvite, acme("Acme"), content, template)
			if err != nil || message.Subject != test.wantSubject {
				t.Errorf("the subject is %q, want %q; %v", message.Subject, test.wantSubject, err)
			}
			for _, body := range bodies {
				if strings.Contains(message.Text, body) != (body == test.wantBody) {
					t.Errorf("want %q in the text, which is\n%s", test.wantBody, message.Text)
				}
			}
			if !strings.Contains(message.HTML, `href="`+link+`"`) || !strings.Contains(message.HTML, ">"+test.wantSubject+"</title>") {
				t.Errorf("the page has no link, or another title:\n%s", message.HTML)
			}
		})
	}
}

// What the samples of a kind lack, its template must not need.
func TestTemplateFitsItsKind(t *testing.T) {
	for kind, data := range map[v1alpha1.MailKind]of{
		v1alpha1.MailSignIn:  {"text": "{{.Link}}{{(index .Programs 0).Name}}"},
		v1alpha1.MailRevoked: {"subject": "{{.Link}}", "text": "{{.Lead}}"},
	} {
		if _, err := ParseTemplate(kind, data); err == nil {
			t.Errorf("%s takes %q", kind, data)
		}
	}
	if _, err := ParseTemplate(v1alpha1.MailRevoked, of{"text": "{{.Reason}}"}); err == nil || err.Error() != "the text comes out empty" {
		t.Errorf("a mail that says nothing without a reason: %v", err)
	}
}

func TestBlankKeysAreUnset(t *testing.T) {
	message := renderOwn(t, v1alpha1.MailInvite, acme("Acme"), ada, of{"subject": "", "text": "Open {{.Link}}", "html": "\n", "markdown": " "})
	if message.Text != "Open "+link || !strings.Contains(inside(t, message.HTML), "Open <a") || message.Subject == "" {
		t.Errorf("the mail is %+v", message)
	}
}

// A kind without a link needs none in its template.
func TestTemplateOfAMailWithoutLink(t *testing.T) {
	content := Content{Programs: []ProgramLine{referral}, Reason: "5 < 6"}
	message := renderOwn(t, v1alpha1.MailRevoked, acme("Acme"), content, of{"text": "{{.Lead}}: {{.Reason}}{{.Link}}"})
	if message.Text != "Acme Referral: 5 < 6" || !strings.Contains(message.HTML, "Acme Referral: 5 &lt; 6</div>") || strings.Contains(message.HTML, "href") {
		t.Errorf("the text is %q, the page\n%s", message.Text, message.HTML)
	}
}

func TestTemplateIsInTheColoursAndLanguageOfTheBrand(t *testing.T) {
	company := acme("Acme")
	company.Accent, company.Locale = brand.Color{R: 0xff, G: 0xff}, language.Arabic
	message := renderOwn(t, v1alpha1.MailInvite, company, ada, of{"text": "{{.Link}}"})
	if !strings.Contains(message.HTML, `<html lang="ar" dir="rtl">`) || !strings.Contains(message.HTML, `style="color:`+company.Accent.Ink().String()+`"`) || strings.Contains(message.HTML, "#ffff00") {
		t.Errorf("the page is\n%s", message.HTML)
	}
}

func TestNamesAreEscapedInTheHTMLOfATemplate(t *testing.T) {
	const nasty = `"'><i onclick=x>&amp;` + "`" + ` javascript:alert(1)`
	for name, test := range map[string]struct{ source, name, want string }{
		"text":               {"<p>{{.FirstName}}</p>", nasty, "<p>&#34;&#39;&gt;&lt;i onclick=x&gt;&amp;amp;` javascript:alert(1)</p>"},
		"an attribute":       {`<p title="{{.FirstName}}">`, nasty, `<p title="&#34;&#39;&gt;&lt;i onclick=x&gt;&amp;amp;` + "`" + ` javascript:alert(1)">`},
		"one without quotes": {`<p title={{.FirstName}}>`, "a onclick=b>", `<p title=a&#32;onclick&#61;b&gt;>`},
		"an address":         {`<a href="https://acme.example/?name={{.FirstName}}">`, `"&x=/..`, `<a href="https://acme.example/?name=%22%26x%3d%2f..">`},
		"a whole address":    {`<a href="{{.FirstName}}">`, "javascript:alert(1)", `<a href="#ZgotmplZ">`},
		"a style":            {`<p style="color:{{.FirstName}}">`, "red;background:url(//evil.example)", `<p style="color:ZgotmplZ">`},
		"a script":           {`<script>x = {{.FirstName}}</script>`, "</script><i>", `<script>x = "\u003c/script\u003e\u003ci\u003e"</script>`},
		"a handler":          {`<p onclick="x({{.FirstName}})">`, `");alert(1)//`, `<p onclick="x(&#34;\&#34;);alert(1)//&#34;)">`},
	} {
		t.Run(name, func(t *testing.T) {
			content := ada
			content.FirstName = test.name
			message := renderOwn(t, v1alpha1.MailInvite, acme("Acme"), content, of{"text": "{{.Link}}{{.FirstName}}", "html": test.source + "{{.Link}}"})
			if got := strings.TrimSuffix(message.HTML, link); got != test.want {
				t.Errorf("the page holds %s, want %s", got, test.want)
			}
			if message.Text != link+test.name {
				t.Errorf("the text is %q", message.Text)
			}
		})
	}
}

// Whatever a token ends in, and however the template writes it, the link leads where it should.
func TestLinkInMarkdown(t *testing.T) {
	for name, source := range map[string]string{
		"alone":                 "Open\n\n{{.Link}}\n\nsoon.",
		"in a sentence":         "Open {{.Link}}, soon.",
		"before a full stop":    "Open {{.Link}}.",
		"in emphasis":           "Open **{{.Link}}** _{{.LastName}}_",
		"in parentheses":        "Open ({{.Link}})",
		"as a target":           "[Open]({{.Link}})",
		"with a title":          `[Open]({{.Link}} "soon")`,
		"in angle brackets":     "Open <{{.Link}}> soon",
		"as such a target":      "[Open](<{{.Link}}>)",
		"as a reference":        "[Open][it]\n\n[it]: {{.Link}}\n",
		"as a short reference":  "[Open]\n\n[open]: {{.Link}} 'soon'\n",
		"in a heading":          "# {{.Link}}",
		"in a list":             "* {{.Link}}\n* soon",
		"in a quotation":        "> {{.Link}}",
		"beside the name":       "{{.FirstName}}{{.Link}}{{.FirstName}}",
		"as the label, as well": "[{{.FirstName}}]({{.Link}})",
	} {
		for _, token := range []string{"AQGvZ0xk", "AQ_", "AQ-", "AQ~", "__AQ__", "-_-_", "A*Q*"} {
			t.Run(name+", "+token, func(t *testing.T) {
				content := ada
				content.Link = "https://partners.example.com/t/acme/invite/" + token
				message := renderOwn(t, v1alpha1.MailInvite, acme("Acme"), content, of{"markdown": source})
				if got := strings.Count(message.HTML, "href="); got != 1 || !strings.Contains(message.HTML, `<a href="`+content.Link+`"`) {
					t.Errorf("%d links lead anywhere in\n%s", got, inside(t, message.HTML))
				}
				if strings.Contains(inside(t, message.HTML), "&lt;") {
					t.Errorf("the page shows marks:\n%s", inside(t, message.HTML))
				}
				if !strings.Contains(message.Text, content.Link) {
					t.Errorf("the text is %q", message.Text)
				}
			})
		}
	}
}

// markdownOfNames says every name in every place of a text where Markdown could make something of it.
const markdownOfNames = `{{.FirstName}}

# {{.Company}}

Dear {{.FirstName}} {{.LastName}}, _{{.LastName}}_ & **{{.Company}}**

{{range .Programs}}
* {{.Name}} | {{.Group}}: {{.Description}}
{{end}}
> {{.Reason}}

1. {{.Reason}}

{{.LastName}}{{.FirstName}}{{.CustomFields.fact}}

{{.CustomFields.fact}}

[{{.Company}}]({{.Link}})
{{.Reason}}
`

var (
	tags  = regexp.MustCompile(`<[^>]*>`)
	hrefs = regexp.MustCompile(`href="([^"]*)"`)
)

// namesInMarkdown are texts that would mean something in Markdown or HTML.
var namesInMarkdown = []string{
	"Ada", "# x", "#", "1. x", "1) x", "- x", "-", "* x", "+ x", "> x", "```\nx", "~~~", "    code", "\tcode", "a|b\n-|-\nc|d", "---", "***", "===", "a\n===", "a\n---", "x\n\n# y\n\n* z",
	"[x](javascript:alert(1))", "[x](https://evil.example)", "[x]", "[x]: https://evil.example", "![x](https://evil.example/p.gif)", "<https://evil.example>", "<javascript:alert(1)>",
	"https://evil.example", "www.evil.example", "eve@evil.example", "<eve@evil.example>", "<b>", "</td>", "<!--", "<script>alert(1)</script>", "<?x", "<![CDATA[", "<a href='https://evil.example'>x</a>",
	"&lt;b&gt; &amp; &#60;", "**x** __y__ *z* _w_", "~~x~~", "`x`", "``", "a`b`c", `\`, `x\`, `\\`, `\<b>`, `\[x](y)`, `"'`, "](https://evil.example)", `](x "`, ")[", "{#x .y}", "|", "$x$", ":x:", "[^1]", "[ ] x",
	"a  \nb", "a\r\n# b", "a\r# b", "a\u2028# b", "a\u0085# b", "\u00a0# x", "a\x00b", "a\x0b# b", "ليلى", "!", "x!", "@x", "{{.Link}}", "\ufeff# x", "1", "x:", "%3Cb%3E", "x\\\n0", "x\\\\\n0",
}

// asLine is a text as a name can be: the API lets no control characters pass, and nothing empty.
func asLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
}

func checkNameInMarkdown(t *testing.T, template *Template, name string) {
	t.Helper()
	line := asLine(name)
	with := func(line, text string) string {
		content := Content{FirstName: line, LastName: line, Link: link, Reason: text, CustomFields: of{"fact": text}, Programs: []ProgramLine{{Name: line, Description: text, Group: line}}}
		message, err := Render(v1alpha1.MailInvite, acme(line), content, template)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(inside(t, message.HTML), "<br>", "")
	}
	page := with(line, name)
	if diff := cmp.Diff(tags.FindAllString(with("Ada", "Ada"), -1), tags.FindAllString(page, -1)); diff != "" {
		t.Errorf("%q makes other tags (-want +got):\n%s\n%s", name, diff, page)
	}
	for _, href := range hrefs.FindAllStringSubmatch(page, -1) {
		if href[1] != link {
			t.Errorf("%q makes a link to %s", name, href[1])
		}
	}
	blanks := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	shown := blanks(html.UnescapeString(tags.ReplaceAllString(page, "")))
	for _, want := range []string{line, name} {
		if want = blanks(strings.ReplaceAll(want, "\x00", "\ufffd")); strings.Count(shown, want) < 4 {
			t.Errorf("%q comes out %d times in\n%s", want, strings.Count(shown, want), page)
		}
	}
}

func TestNamesStandForThemselvesInMarkdown(t *testing.T) {
	template := own(t, v1alpha1.MailInvite, of{"markdown": markdownOfNames})
	for _, name := range namesInMarkdown {
		t.Run(name, func(t *testing.T) { checkNameInMarkdown(t, template, name) })
	}
}

func FuzzMarkdownData(f *testing.F) {
	for _, name := range namesInMarkdown {
		f.Add(name)
	}
	template := own(f, v1alpha1.MailInvite, of{"markdown": markdownOfNames})
	f.Fuzz(func(t *testing.T, name string) {
		name = strings.ToValidUTF8(name, "?")
		if asLine(name) != "" && len(name) <= 2000 { // else the API refuses it
			checkNameInMarkdown(t, template, name)
		}
	})
}

func TestLinesStayLinesInMarkdown(t *testing.T) {
	content := ada
	content.Reason = " one \r\n\n two\nthree\n"
	message := renderOwn(t, v1alpha1.MailRevoked, acme("Acme"), content, of{"markdown": "> {{.Reason}}\n\nIt has ended."})
	if want := "<blockquote>\n<p>one<br>\ntwo<br>\nthree</p>\n</blockquote>\n<p>It has ended.</p>"; inside(t, message.HTML) != want {
		t.Errorf("the page holds %q, want %q", inside(t, message.HTML), want)
	}
}

// What a template shows in marks of code, or as HTML, is not pretty, but harmless.
func TestNamesBreakOutOfNothingInMarkdown(t *testing.T) {
	for where, source := range map[string]string{
		"code":        "`{{.FirstName}}` and `{{.FirstName}}`",
		"more code":   "``{{.FirstName}}``",
		"a fence":     "```\n{{.FirstName}}\n```",
		"an indent":   "    {{.FirstName}}",
		"a title":     `[x]({{.Link}} "{{.FirstName}}")`,
		"a label":     "[{{.FirstName}}]: {{.Link}}\n\n[{{.FirstName}}]",
		"a tag":       "<b title=\"{{.FirstName}}\">",
		"an HTML box": "<div>\n{{.FirstName}}\n</div>",
		"a backslash": `\{{.FirstName}}`,
	} {
		template := own(t, v1alpha1.MailRevoked, of{"markdown": source + "\n\nIt has ended."})
		for _, name := range namesInMarkdown {
			message, err := Render(v1alpha1.MailRevoked, acme("Acme"), Content{FirstName: name, Link: link}, template)
			if err != nil {
				t.Fatal(err)
			}
			page := inside(t, message.HTML)
			for _, href := range hrefs.FindAllStringSubmatch(page, -1) {
				if href[1] != link {
					t.Errorf("in %s, %q makes a link to %s", where, name, href[1])
				}
			}
			for _, tag := range tags.FindAllString(page, -1) {
				if !regexp.MustCompile(`^<(/?(p|code|pre|h1|em)|br|!-- raw HTML omitted --|a href="` + link + `"( title="[^"<>]*")?|/a)>$`).MatchString(tag) {
					t.Errorf("in %s, %q makes the tag %s", where, name, tag)
				}
			}
		}
	}
}

func TestTemplateServesManyAtOnce(t *testing.T) {
	for name, data := range map[string]of{
		"subject":  {"subject": "{{.FirstName}}!"},
		"markdown": {"markdown": "{{.FirstName}} {{.Link}}"},
		"html":     {"text": "{{.FirstName}} {{.Link}}", "html": "<p>{{.FirstName}}</p>{{.Link}}"},
	} {
		template, want := own(t, v1alpha1.MailInvite, data), renderOwn(t, v1alpha1.MailInvite, acme("Acme"), ada, data)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 20 {
					if got, err := Render(v1alpha1.MailInvite, acme("Acme"), ada, template); err != nil || !cmp.Equal(want, got) {
						t.Errorf("%s: another mail, %v", name, err)
					}
				}
			})
		}
		all.Wait()
	}
}

// A mail about several programs has a reason for each; a template that knows of one alone says that of the first.
func TestTemplateOfSeveralPrograms(t *testing.T) {
	content := Content{Programs: because(referral, reseller, ProgramLine{Name: "Affiliates"}, "Over.", "", "Moved.")}
	for source, want := range map[string]string{
		"{{.Lead}}: {{.Reason}}": "Acme Referral and 2 more programs: Over.",
		"{{range $i, $p := .Programs}}{{if $i}}, {{end}}{{.Name}}{{with .Reason}} ({{.}}){{end}}{{end}}": "Acme Referral (Over.), Acme Reseller, Affiliates (Moved.)",
	} {
		message := renderOwn(t, v1alpha1.MailRevoked, acme("Acme"), content, of{"text": source})
		if got := strings.TrimSpace(message.Text); got != want {
			t.Errorf("%s says %q, want %q", source, got, want)
		}
	}
}
