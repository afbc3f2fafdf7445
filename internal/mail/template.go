package mail

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"reflect"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
)

// The keys of a template's ConfigMap.
const (
	keySubject  = "subject"
	keyText     = "text"
	keyHTML     = "html"
	keyMarkdown = "markdown"
	// keyMessage is where an invite has its own words.
	keyMessage = "spec.message.body"
)

const (
	// These bound what a company can make the operator do, together with effort and checkMarkup.
	longestTemplate = 64 << 10
	longestOutput   = 256 << 10
	longestMarkdown = 32 << 10
	// mostNodes is how many parts the actions of a template may have: names, functions, values. One in a range counts
	// nodesInRange times.
	mostNodes    = 10_000
	nodesInRange = 20
)

// missing lets a custom field that an invite lacks be empty.
const missing = "missingkey=zero"

// Template is a company's own mail of one kind. It is safe for use from many goroutines.
type Template struct {
	kind                    v1alpha1.MailKind
	subject, text, markdown *texttemplate.Template
	html                    *htmltemplate.Template
}

// ParseTemplate reads a template: subject, and either markdown, or text and html. It is tried with samples, so that an
// error, which names the key and the line, is found before a mail is due.
func ParseTemplate(kind v1alpha1.MailKind, data map[string]string) (*Template, error) {
	t := &Template{kind: kind}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		if strings.TrimSpace(data[key]) == "" {
			continue // as in a brand, an empty key is none
		}
		if err := t.parse(key, data[key]); err != nil {
			return nil, err
		}
	}
	switch {
	case t.markdown != nil && (t.text != nil || t.html != nil):
		return nil, errors.New("has the key markdown beside text or html; keep one way of writing it")
	case t.html != nil && t.text == nil:
		return nil, errors.New("has the key html without text; add text, for those who read mail without HTML")
	case t.subject == nil && t.text == nil && t.markdown == nil:
		return nil, errors.New("is empty; give it subject, and markdown or text")
	}
	for _, sample := range samplesOf(kind) {
		if _, err := Render(kind, brand.Brand{DisplayName: "Sample"}, sample, t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// parse reads one key.
func (t *Template) parse(key, text string) (err error) {
	if !slices.Contains([]string{keySubject, keyText, keyHTML, keyMarkdown}, key) {
		const remedy = "; it can have subject, and markdown, or text and html"
		return &quotingError{text: "has the key " + key + remedy, bare: "has a key that no template has" + remedy}
	}
	if len(text) > longestTemplate {
		return fmt.Errorf("%s is longer than %d bytes", key, longestTemplate)
	}
	parsed, err := parseText(key, text)
	switch key {
	case keySubject:
		t.subject = parsed
	case keyText:
		t.text = parsed
	case keyMarkdown:
		t.markdown = parsed
	case keyHTML: // parsed once more; so far it is known not to do what it must not
		if err == nil {
			err = checkMarkup(key, text)
		}
		if err == nil {
			t.html, err = htmltemplate.New(key).Option(missing).Parse(text)
		}
	}
	return tidy(key, err)
}

func parseText(key, text string) (*texttemplate.Template, error) {
	t, err := texttemplate.New(key).Option(missing).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, defined := range t.Templates() {
		if defined.Name() != key {
			return nil, fmt.Errorf("%s defines %q; define and block are not supported", key, defined.Name())
		}
	}
	if t.Tree == nil {
		return t, nil
	}
	nodes := mostNodes
	if err := inspect(t.Tree, t.Root, place{names: namesOfData, nodesLeft: &nodes}); err != nil {
		return nil, err
	}
	return t, checkPrinted(t.Tree)
}

// The names that can follow a dot: at the top of a template, and in a range.
var (
	namesOfData    = namesOf[Data]()
	namesOfProgram = namesOf[ProgramLine]()
	allNames       = slices.Concat(namesOfData, namesOfProgram)
)

func namesOf[T any]() (names []string) {
	for field := range reflect.TypeFor[T]().Fields() {
		names = append(names, field.Name)
	}
	slices.Sort(names)
	return names
}

// functions are those that compare and choose. The others of the library build texts, and a few lines of them build one
// that no memory holds.
var functions = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice"}

// place is where in a template a node stands: what can follow the dot there, and whether that is in a range.
type place struct {
	names     []string
	inRange   bool
	nodesLeft *int
}

// inspect refuses, also in branches that no sample reaches, names that do not exist and whatever could keep the operator
// busy: it walks a list only over what the data holds, calls no other template and builds no texts.
func inspect(tree *parse.Tree, node parse.Node, at place) error {
	refuse := func(format string, args ...any) error {
		location, _ := tree.ErrorContext(node)
		return fmt.Errorf("%s: "+format, append([]any{location}, args...)...)
	}
	if list, ok := node.(*parse.ListNode); ok && list == nil {
		return nil // there is no else
	}
	cost := 1
	if at.inRange {
		cost = nodesInRange
	}
	if *at.nodesLeft -= cost; *at.nodesLeft < 0 {
		return refuse("the actions up to here are more than a mail may have; make them fewer, above all within range")
	}
	if err := at.judge(node, refuse); err != nil {
		return err
	}
	for _, child := range children(node, at) {
		if err := inspect(tree, child.Node, child.place); err != nil {
			return err
		}
	}
	return nil
}

// refusal makes the error of what cannot stand where it does.
type refusal func(format string, args ...any) error

// judge refuses a node for what it is itself.
func (at place) judge(node parse.Node, refuse refusal) error {
	switch n := node.(type) {
	case *parse.RangeNode:
		if at.inRange {
			return refuse("a range within a range is not supported")
		}
		if !overPrograms(n.Pipe) {
			return refuse("range can walk .Programs only")
		}
	case *parse.TemplateNode:
		return refuse("template is not supported")
	case *parse.IdentifierNode:
		if !slices.Contains(functions, n.Ident) {
			return refuse("the function %s is not supported; there are %s", n.Ident, strings.Join(functions, ", "))
		}
	case *parse.FieldNode:
		return at.named(refuse, "", n.Ident, at.names)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return at.named(refuse, "$", n.Ident[1:], namesOfData)
		}
		return at.named(refuse, n.Ident[0], n.Ident[1:], allNames)
	case *parse.ChainNode:
		return at.named(refuse, "", n.Field, allNames)
	}
	return nil
}

// named refuses a name that does not exist behind a dot.
func (at place) named(refuse refusal, dot string, path, names []string) error {
	known := len(path) == 0 || slices.Contains(names, path[0])
	if known && (len(path) < 2 || len(path) == 2 && path[0] == "CustomFields") {
		return nil
	}
	if at.inRange && slices.Contains(namesOfData, path[0]) {
		return refuse("there is no .%s in a range; write $.%s", path[0], path[0])
	}
	return refuse("there is no %s.%s here; there are %s", dot, strings.Join(path, "."), strings.Join(names, ", "))
}

// overPrograms tells whether a pipeline is nothing but .Programs or $.Programs.
func overPrograms(pipe *parse.PipeNode) bool {
	if len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return false
	}
	switch n := pipe.Cmds[0].Args[0].(type) {
	case *parse.FieldNode, *parse.VariableNode:
		return n.String() == ".Programs" || n.String() == "$.Programs"
	default:
		return false
	}
}

// located is a node in its place.
type located struct {
	parse.Node
	place
}

func children(node parse.Node, at place) (nodes []located) {
	add := func(of ...parse.Node) {
		for _, child := range of {
			nodes = append(nodes, located{child, at})
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		add(n.Nodes...)
	case *parse.IfNode:
		add(n.Pipe, n.List, n.ElseList)
	case *parse.WithNode:
		add(n.Pipe, n.ElseList)
		nodes = append(nodes, located{n.List, place{allNames, at.inRange, at.nodesLeft}}) // what the dot is there, the samples tell
	case *parse.RangeNode:
		add(n.Pipe, n.ElseList)
		nodes = append(nodes, located{n.List, place{namesOfProgram, true, at.nodesLeft}})
	case *parse.ActionNode:
		add(n.Pipe)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				add(command)
			}
		}
	case *parse.CommandNode:
		add(n.Args...)
	case *parse.ChainNode:
		add(n.Node)
	}
	return nodes
}

// samplesOf are the samples as mails of a kind are: not all have a link, or are about programs.
func samplesOf(kind v1alpha1.MailKind) []Content {
	all := slices.Clone(samples)
	for i := range all {
		if !HasLink(kind) {
			all[i].Link, all[i].ExpiryTime = "", time.Time{}
		}
		if kind == v1alpha1.MailSignIn {
			all[i].Programs = nil
		}
	}
	return all
}

// samples are contents that between them lead through most branches of a template.
var samples = []Content{
	{FirstName: "Ada", LastName: "Lovelace", Programs: []ProgramLine{{Name: "Referral", Description: "Recommend us.", Group: "Gold", Reason: "The contract ended."}, {Name: "Reseller"}}, Link: "https://partners.example.com/sample", ExpiryTime: time.Date(2026, 1, 8, 12, 0, 0, 0, time.UTC), Minutes: 15, Reason: "The contract ended.", Applicant: "grace@example.com", Partnership: "grace-1a2b3c4d", Waits: true, Team: "Agency", Teammate: "Grace Hopper (grace@example.com)"},
	{Programs: []ProgramLine{{Name: "Referral"}}, Link: "https://partners.example.com/sample"},
}

// render makes the bodies, and the subject if the template has one and the mail none of its own.
func (t *Template) render(m *Message, words *words, company brand.Brand, data Data, withSubject bool) error {
	if t.subject != nil && withSubject {
		subject, err := execute(t.subject, data)
		if err != nil {
			return err
		}
		if m.Subject = headerText(subject); m.Subject == "" {
			return errors.New("subject comes out empty")
		}
	}
	if err := t.bodies(m, words, company, data); err != nil {
		return err
	}
	switch {
	case !HasLink(t.kind) && strings.TrimSpace(m.Text) == "":
		return errors.New("the text comes out empty")
	case !HasLink(t.kind):
		return nil
	case !strings.Contains(m.Text, data.Link):
		return errors.New("the link does not come out; write {{.Link}} where it belongs, and not only in html")
	case !strings.Contains(m.HTML, data.Link) && t.markdown != nil:
		return errors.New("the link does not come out in the page; write {{.Link}} outside of HTML, which is left out, and of pictures")
	case !strings.Contains(m.HTML, data.Link):
		return errors.New("the link does not come out in html; write {{.Link}} where it belongs")
	}
	return nil
}

func (t *Template) bodies(m *Message, words *words, company brand.Brand, data Data) (err error) {
	switch {
	case t.markdown != nil:
		if m.Text, err = execute(t.markdown, data); err != nil {
			return err
		}
		source, err := execute(t.markdown, inMarkdown(data))
		if err != nil {
			return err
		}
		if len(source) > longestMarkdown {
			return fmt.Errorf("%s makes a mail of more than %d bytes", keyMarkdown, longestMarkdown)
		}
		if data.Link != "" { // with marks around it, it has those of inMarkdown, too
			source = strings.ReplaceAll(source, "<<"+data.Link+">>", "<"+data.Link+">")
		}
		body, err := markdown(keyMarkdown, source)
		if err != nil {
			return err
		}
		return t.frame(m, words, company, data, body)
	case t.text == nil:
		return builtIn(m, words, company, data, "")
	}
	if m.Text, err = execute(t.text, data); err != nil {
		return err
	}
	if t.html == nil {
		return t.frame(m, words, company, data, textAsHTML(m.Text, data.Link, company.Accent.Ink().String()))
	}
	page := bounded{key: keyHTML}
	err = t.html.Execute(&page, data)
	m.HTML = page.String()
	return tidy(keyHTML, err)
}

// frame puts a body into the page that all mails share. It is in the language of the brand, whatever the built-in words
// speak.
func (t *Template) frame(m *Message, words *words, company brand.Brand, data Data, body htmltemplate.HTML) (err error) {
	v := viewOf(m.Subject, words, company, data)
	v.Language, v.Direction, v.Body = company.Locale.String(), "auto", body
	if rightToLeft(company.Locale) {
		v.Direction, v.Start = "rtl", "right"
	}
	m.HTML, err = words.page("own.html", v)
	return err
}

// textAsHTML is a plain text as a page shows it, with its link to click on.
func textAsHTML(text, link, ink string) htmltemplate.HTML {
	escaped := htmltemplate.HTMLEscapeString(strings.TrimSpace(text))
	if link != "" {
		target := htmltemplate.HTMLEscapeString(link)
		escaped = strings.ReplaceAll(escaped, target, `<a href="`+target+`" style="color:`+ink+`">`+target+`</a>`)
	}
	return htmltemplate.HTML(`<div style="white-space:pre-wrap">` + escaped + `</div>`) //nolint:gosec // escaped above
}

func execute(t *texttemplate.Template, data Data) (string, error) {
	out := bounded{key: t.Name()}
	err := t.Execute(&out, data)
	return out.String(), tidy(t.Name(), err)
}

// bounded is a buffer for what a key makes, that refuses to grow without end.
type bounded struct {
	bytes.Buffer
	key string
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > longestOutput {
		return 0, fmt.Errorf("%s makes a mail of more than %d bytes", b.key, longestOutput)
	}
	return b.Buffer.Write(p)
}
