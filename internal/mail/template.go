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
)

const (
	// longestTemplate and longestOutput bound what a company can make the operator do.
	longestTemplate = 64 << 10
	longestOutput   = 256 << 10
	// deepestRange is how deep lists can be walked within each other.
	deepestRange = 1
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
		if err := t.parse(key, data[key]); err != nil {
			return nil, tidy(err)
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
	for _, sample := range samples {
		if _, err := Render(kind, brand.Brand{DisplayName: "Sample"}, sample, t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// parse reads one key.
func (t *Template) parse(key, text string) (err error) {
	if len(text) > longestTemplate {
		return fmt.Errorf("%s is longer than %d bytes", key, longestTemplate)
	}
	switch key {
	case keySubject:
		t.subject, err = parseText(key, text)
	case keyText:
		t.text, err = parseText(key, text)
	case keyMarkdown:
		t.markdown, err = parseText(key, text)
	case keyHTML:
		if _, err = parseText(key, text); err == nil { // for what it must not do
			t.html, err = htmltemplate.New(key).Option(missing).Parse(text)
		}
	default:
		err = fmt.Errorf("has the key %s; it can have subject, and markdown, or text and html", key)
	}
	return err
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
	return t, inspect(t.Tree, t.Root, 0)
}

// variables are the names that templates can use.
var variables = func() []string {
	var names []string
	for _, of := range []reflect.Type{reflect.TypeFor[Data](), reflect.TypeFor[ProgramLine]()} {
		for i := range of.NumField() {
			names = append(names, of.Field(i).Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}()

// inspect refuses, also in branches that no sample reaches, names that do not exist and whatever could keep the operator
// busy: it walks a list only over what the data holds, and calls no other template.
func inspect(tree *parse.Tree, node parse.Node, depth int) error {
	refuse := func(n parse.Node, what string) error {
		location, _ := tree.ErrorContext(n)
		return fmt.Errorf("%s: %s", location, what)
	}
	switch n := node.(type) {
	case *parse.RangeNode:
		if depth++; depth > deepestRange {
			return refuse(n, "a range within a range is not supported")
		}
		if !overField(n.Pipe) {
			return refuse(n, "range can walk .Programs only")
		}
	case *parse.TemplateNode:
		return refuse(n, "template is not supported")
	case *parse.FieldNode:
		if !slices.Contains(variables, n.Ident[0]) {
			return refuse(n, fmt.Sprintf("there is no .%s; there are %s", n.Ident[0], strings.Join(variables, ", ")))
		}
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 && !slices.Contains(variables, n.Ident[1]) {
			return refuse(n, fmt.Sprintf("there is no $.%s; there are %s", n.Ident[1], strings.Join(variables, ", ")))
		}
	}
	for _, child := range children(node) {
		if err := inspect(tree, child, depth); err != nil {
			return err
		}
	}
	return nil
}

// overField tells whether a pipeline is nothing but a field of the data, such as .Programs or $.Programs.
func overField(pipe *parse.PipeNode) bool {
	if len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return false
	}
	switch n := pipe.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		return n.Ident[0] == "Programs"
	case *parse.VariableNode:
		return len(n.Ident) == 2 && n.Ident[0] == "$" && n.Ident[1] == "Programs"
	default:
		return false
	}
}

func children(node parse.Node) (nodes []parse.Node) {
	branch := func(b parse.BranchNode) []parse.Node { return []parse.Node{b.Pipe, b.List, b.ElseList} }
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			nodes = n.Nodes
		}
	case *parse.IfNode:
		nodes = branch(n.BranchNode)
	case *parse.WithNode:
		nodes = branch(n.BranchNode)
	case *parse.RangeNode:
		nodes = branch(n.BranchNode)
	case *parse.ActionNode:
		nodes = []parse.Node{n.Pipe}
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				nodes = append(nodes, command)
			}
		}
	case *parse.CommandNode:
		nodes = n.Args
	case *parse.ChainNode:
		nodes = []parse.Node{n.Node}
	}
	return nodes
}

// samples are contents that between them lead through most branches of a template.
var samples = []Content{
	{FirstName: "Ada", LastName: "Lovelace", Programs: []ProgramLine{{Name: "Referral", Description: "Recommend us.", Group: "Gold"}, {Name: "Reseller"}}, Link: "https://partners.example.com/sample", ExpiryTime: time.Date(2026, 1, 8, 12, 0, 0, 0, time.UTC), Minutes: 15, Reason: "The contract ended."},
	{Programs: []ProgramLine{{Name: "Referral"}}, Link: "https://partners.example.com/sample"},
}

// render makes the bodies, and the subject if the template has one.
func (t *Template) render(m *Message, words *words, company brand.Brand, data Data) error {
	if t.subject != nil {
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
	if HasLink(t.kind) && !strings.Contains(m.Text, data.Link) {
		return errors.New("the link does not come out; write {{.Link}} where it belongs, and not only in html")
	}
	if HasLink(t.kind) && !strings.Contains(m.HTML, data.Link) {
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
		body, err := markdown(source)
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
	page := bounded{}
	err = t.html.Execute(&page, data)
	m.HTML = page.String()
	return tidy(err)
}

// frame puts a body into the page that all mails share. It is in the language of the brand, whatever the built-in words
// speak.
func (t *Template) frame(m *Message, words *words, company brand.Brand, data Data, body htmltemplate.HTML) (err error) {
	v := viewOf(m.Subject, words, company, data)
	v.Language, v.Body = company.Locale.String(), body
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
	out := bounded{}
	err := t.Execute(&out, data)
	return out.String(), tidy(err)
}

// bounded is a buffer that refuses to grow without end.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > longestOutput {
		return 0, fmt.Errorf("makes a mail of more than %d bytes", longestOutput)
	}
	return b.Buffer.Write(p)
}

// tidy leaves out of a library's error what tells a user nothing.
func tidy(err error) error {
	if err == nil {
		return nil
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(text, "template: "), "html/template:"))
}
