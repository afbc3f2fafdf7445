package mail

import (
	"bytes"
	"html/template"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// md is for all mails; it keeps nothing of a text.
var md = goldmark.New()

// markdown renders a text of the company. HTML in it is left out, links lead to http, https and mailto only, and an image
// becomes its description, since a mail loads nothing from elsewhere.
func markdown(source string) (template.HTML, error) {
	document := md.Parser().Parse(text.NewReader([]byte(source)))
	describeImages(document, []byte(source))
	var page bytes.Buffer
	if err := md.Renderer().Render(&page, []byte(source), document); err != nil {
		return "", err
	}
	return template.HTML(page.String()), nil //nolint:gosec // the renderer escapes texts and leaves out HTML
}

func describeImages(document ast.Node, source []byte) {
	var images []ast.Node
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) { // the walker gives no error
		if entering && node.Kind() == ast.KindImage {
			images = append(images, node)
		}
		return ast.WalkContinue, nil
	})
	for _, image := range images {
		description := ast.NewString(plainText(image, source))
		image.Parent().ReplaceChild(image.Parent(), image, description)
	}
}

// plainText is the text within a node, without its marks.
func plainText(node ast.Node, source []byte) []byte {
	var plain []byte
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		if leaf, ok := child.(*ast.Text); ok {
			plain = append(plain, leaf.Segment.Value(source)...)
		} else {
			plain = append(plain, plainText(child, source)...)
		}
	}
	return plain
}

// punctuation is what can mean something in Markdown.
var punctuation = regexp.MustCompile("[!-/:-@[-`{-~]")

var breaks = regexp.MustCompile(`\s*\n\s*`)

// inMarkdown is the data such that in Markdown each text stands for itself, and the link is one also without marks around
// it.
func inMarkdown(data Data) Data {
	literal := func(text string) string {
		return breaks.ReplaceAllString(punctuation.ReplaceAllString(strings.TrimSpace(text), `\$0`), "  \n")
	}
	data.FirstName, data.LastName, data.Company = literal(data.FirstName), literal(data.LastName), literal(data.Company)
	data.Lead, data.Expiry, data.Reason = literal(data.Lead), literal(data.Expiry), literal(data.Reason)
	programs := make([]ProgramLine, len(data.Programs))
	for i, p := range data.Programs {
		programs[i] = ProgramLine{Name: literal(p.Name), Description: literal(p.Description), Group: literal(p.Group)}
	}
	data.Programs = programs
	fields := make(map[string]string, len(data.CustomFields))
	for name, text := range data.CustomFields {
		fields[name] = literal(text)
	}
	data.CustomFields = fields
	if data.Link != "" {
		data.Link = "<" + data.Link + ">"
	}
	return data
}
