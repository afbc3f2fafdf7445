package docs

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// page is a Markdown file that people read.
type page struct {
	// file is its path below the project, with slashes.
	file string
	// anchors are what a link can name behind the #.
	anchors map[string]bool
	links   []link
	// spans are the texts between single backticks.
	spans []span
	// steps are what is run or given, in order.
	steps []step
	// problems are what is wrong with its directives.
	problems []string
	source   []byte
}

type link struct {
	line   int
	target string
}

type span struct {
	line int
	text string
}

// step is a fenced block, or something that is given.
type step struct {
	line  int
	given string
	// lang is the language of the block, "" for a step that is given.
	lang, text string
	// file is what the block is written to for the commands after it; notRun, notApplied are why it is not.
	file, notRun, notApplied string
}

// isShell tells whether a block holds commands.
func (s step) isShell() bool {
	return slices.Contains([]string{"console", "sh", "bash", "shell"}, s.lang)
}

var parser = goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()

// readPages reads the pages of a project: those at its top, those of charts and those below docs.
func readPages(tree fs.FS) (pages []*page, err error) {
	err = fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.Contains(file, "/") || !entry.IsDir():
		case file != "." && file != "docs" && file != "charts":
			return fs.SkipDir
		}
		top := !strings.Contains(file, "/") && (file == "README.md" || file == "CONTRIBUTING.md")
		chart := strings.HasPrefix(file, "charts/") && path.Base(file) == "README.md"
		if !top && !chart && (!strings.HasPrefix(file, "docs/") || path.Ext(file) != ".md") {
			return nil
		}
		source, err := fs.ReadFile(tree, file)
		pages = append(pages, parse(file, source))
		return err
	})
	return pages, err
}

// parse takes a page apart.
func parse(file string, source []byte) *page {
	p := &page{file: file, source: source, anchors: map[string]bool{}}
	document := parser.Parse(text.NewReader(source))
	var before directives
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) { // the function gives no error
		if entering {
			p.take(node, &before)
		}
		return ast.WalkContinue, nil
	})
	before.end(p)
	return p
}

func (p *page) take(node ast.Node, before *directives) {
	switch n := node.(type) {
	case *ast.HTMLBlock:
		p.takeAnchors(n.Lines().Value(p.source))
		p.takeDirective(p.lineOf(n), string(n.Lines().Value(p.source)), before)
		return
	case *ast.FencedCodeBlock:
		p.takeBlock(n, before)
		return
	case *ast.RawHTML:
		p.takeAnchors(n.Segments.Value(p.source))
	case *ast.Heading:
		p.takeHeading(n)
	case *ast.Link:
		p.links = append(p.links, link{p.lineOf(n), string(n.Destination)})
	case *ast.Image:
		p.links = append(p.links, link{p.lineOf(n), string(n.Destination)})
	case *ast.AutoLink:
		if n.AutoLinkType == ast.AutoLinkURL {
			p.links = append(p.links, link{p.lineOf(n), string(n.URL(p.source))})
		}
	case *ast.CodeSpan:
		p.spans = append(p.spans, span{p.lineOf(n), strings.ReplaceAll(textOf(n, p.source), "\n", " ")})
	}
	if node.Type() == ast.TypeBlock && node.Kind() != ast.KindDocument && node.Kind() != ast.KindListItem && node.Kind() != ast.KindList {
		before.end(p)
	}
}

// lineOf is the line that a node stands on, or begins on.
func (p *page) lineOf(node ast.Node) int {
	for at := node; at != nil; at = at.Parent() {
		if first, ok := offset(at); ok {
			return 1 + bytes.Count(p.source[:first], []byte("\n"))
		}
	}
	return 1
}

// offset is where the text of a node begins.
func offset(node ast.Node) (int, bool) {
	if node.Type() == ast.TypeBlock && node.Kind() != ast.KindDocument && node.Lines().Len() > 0 {
		return node.Lines().At(0).Start, true
	}
	if t, ok := node.(*ast.Text); ok {
		return t.Segment.Start, true
	}
	if node.Type() == ast.TypeInline && node.HasChildren() {
		return offset(node.FirstChild())
	}
	return 0, false
}

func textOf(node ast.Node, source []byte) string {
	var b strings.Builder
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		switch c := child.(type) {
		case *ast.Text:
			b.Write(c.Value(source))
			if c.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(c.Value)
		default:
			b.WriteString(textOf(child, source))
		}
	}
	return b.String()
}

// takeHeading notes the anchor that GitHub gives a heading.
func (p *page) takeHeading(n *ast.Heading) {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
			return unicode.ToLower(r)
		}
		return -1
	}, textOf(n, p.source))
	for anchor, number := slug, 1; ; number++ {
		if !p.anchors[anchor] {
			p.anchors[anchor] = true
			return
		}
		anchor = fmt.Sprintf("%s-%d", slug, number)
	}
}

var htmlAnchor = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)

func (p *page) takeAnchors(html []byte) {
	for _, found := range htmlAnchor.FindAllSubmatch(html, -1) {
		p.anchors[string(found[1])] = true
	}
}

// directives are the comments since the block before.
type directives struct {
	line                     int
	file, notRun, notApplied string
}

// end complains if directives stand before something else than a block.
func (d *directives) end(p *page) {
	if d.file+d.notRun+d.notApplied != "" {
		p.problem(d.line, "the comment stands before no block")
	}
	*d = directives{}
}

func (p *page) problem(line int, format string, args ...any) {
	p.problems = append(p.problems, problem(p, line, format, args...))
}

func problem(p *page, line int, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", p.file, line, fmt.Sprintf(format, args...))
}

// A directive is a comment of one line, which readers do not see.
var directive = regexp.MustCompile(`(?s)^<!-- ([a-z]+(?: [a-z]+)?):(.*) -->\s*$`)

func (p *page) takeDirective(line int, comment string, before *directives) {
	found := directive.FindStringSubmatch(comment)
	if found == nil {
		return
	}
	says := strings.TrimSpace(found[2])
	if says == "begin" || says == "end" || strings.HasPrefix(says, "made ") {
		return // of what another test writes
	}
	if says == "" {
		p.problem(line, "the comment %q says nothing", found[1])
		return
	}
	before.line = line
	switch found[1] {
	case "given":
		p.steps = append(p.steps, step{line: line, given: says})
	case "file":
		before.file = says
	case "not run":
		before.notRun = says
	case "not applied":
		before.notApplied = says
	default:
		if found[1] == "does" && elsewhere[p.file] != "" {
			return // the other test knows it
		}
		p.problem(line, "a comment can begin with given, file, not run or not applied, not with %q", found[1])
	}
}

func (p *page) takeBlock(n *ast.FencedCodeBlock, before *directives) {
	line := p.lineOf(n) - 1
	s := step{line: line, lang: string(n.Language(p.source)), text: string(n.Lines().Value(p.source)),
		file: before.file, notRun: before.notRun, notApplied: before.notApplied}
	*before = directives{}
	switch {
	case s.lang == "":
		p.problem(line, "the block does not say what it is: console, yaml, text, ...")
	case s.notRun != "" && !s.isShell():
		p.problem(line, "the block holds no commands, so it need not say why it is not run")
	case s.notApplied != "" && s.lang != "yaml":
		p.problem(line, "the block is no yaml, so it need not say why it is not applied")
	}
	p.steps = append(p.steps, s)
}
