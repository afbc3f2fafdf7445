package mail

import (
	"fmt"
	"html/template"
	"reflect"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// md is for all mails; it keeps nothing of a text.
var md = goldmark.New(goldmark.WithParser(boundedParser()))

// markdown renders a text of the company. HTML in it is left out, links lead to http, https and mailto only, and an image
// becomes its description, since a mail loads nothing from elsewhere. A text that would take more time than its length
// explains is refused, with an error of this key that names the line.
func markdown(key, source string) (template.HTML, error) {
	effort, pc := newEffort(source), parser.NewContext()
	pc.Set(effortKey, effort)
	document := md.Parser().Parse(text.NewReader([]byte(source)), parser.WithContext(pc))
	if effort.spentAt >= 0 {
		line := 1 + strings.Count(source[:min(effort.spentAt, len(source))], "\n")
		return "", fmt.Errorf("%s:%d: has more marks than can be read in reasonable time; close or escape [, *, _, ` and <, and nest lists and quotations less", key, line)
	}
	describeImages(document, []byte(source))
	page := bounded{key: key}
	if err := md.Renderer().Render(&page, []byte(source), document); err != nil {
		return "", err
	}
	return template.HTML(page.String()), nil //nolint:gosec // the renderer escapes texts and leaves out HTML
}

// describeImages replaces each image by its description; images within that are a part of it.
func describeImages(document ast.Node, source []byte) {
	var images []ast.Node
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) { // the walker gives no error
		if !entering || node.Kind() != ast.KindImage {
			return ast.WalkContinue, nil
		}
		images = append(images, node)
		return ast.WalkSkipChildren, nil
	})
	for _, image := range images {
		description := ast.NewString(plainText(image, source))
		image.Parent().ReplaceChild(image.Parent(), image, description)
	}
}

// plainText is the text within a node, without its marks.
func plainText(node ast.Node, source []byte) []byte {
	var plain []byte
	_ = ast.Walk(node, func(child ast.Node, entering bool) (ast.WalkStatus, error) {
		if leaf, ok := child.(*ast.Text); ok && entering {
			plain = append(plain, leaf.Segment.Value(source)...)
		}
		return ast.WalkContinue, nil
	})
	return plain
}

// punctuation is what can mean something in Markdown.
var punctuation = regexp.MustCompile("[!-/:-@[-`{-~]")

var breaks = regexp.MustCompile(`\s*\n\s*`)

// inMarkdown is the data such that in Markdown each text stands for itself, and the link is one also without marks around
// it.
func inMarkdown(data Data) Data {
	link := data.Link
	data = literal(reflect.ValueOf(data)).Interface().(Data)
	if data.Link = ""; link != "" {
		data.Link = "<" + link + ">"
	}
	return data
}

// literal is a copy of a value in which each text, at any depth, stands for itself in Markdown.
func literal(of reflect.Value) reflect.Value {
	escaped := reflect.New(of.Type()).Elem()
	switch of.Kind() {
	case reflect.String:
		text := punctuation.ReplaceAllString(strings.TrimSpace(of.String()), `\$0`)
		escaped.SetString(breaks.ReplaceAllString(text, "  \n"))
	case reflect.Struct:
		for i := range of.NumField() {
			escaped.Field(i).Set(literal(of.Field(i)))
		}
	case reflect.Slice:
		for i := range of.Len() {
			escaped = reflect.Append(escaped, literal(of.Index(i)))
		}
	case reflect.Map:
		escaped.Set(reflect.MakeMapWithSize(of.Type(), of.Len()))
		for entries := of.MapRange(); entries.Next(); {
			escaped.SetMapIndex(entries.Key(), literal(entries.Value()))
		}
	default:
		escaped.Set(of)
	}
	return escaped
}
