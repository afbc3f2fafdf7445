package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// Whoever reads a condition, an event, a log line or what a verb prints has no copy of the repository: a text names a
// command of kubectl or Helm, or the https address of a page.
func TestTextsNameNoFilesOfTheRepository(t *testing.T) {
	for _, problem := range namedFiles(t, os.DirFS(".."), targets(t)) {
		t.Error(problem)
	}
}

// Pages that texts name are there, with the part that is named.
func TestTextsNamePagesThatAreThere(t *testing.T) {
	named := 0
	inLiterals(t, os.DirFS(".."), func(where, text string, call string) {
		if call != "manual.Page" {
			return
		}
		named++
		if problem := missingPage(os.DirFS("../docs"), text); problem != "" {
			t.Errorf("%s: %s", where, problem)
		}
	})
	if named < 6 {
		t.Errorf("%d pages are named", named)
	}
}

func TestWrongTextsAreFound(t *testing.T) {
	const before = "package p\n\nimport \"example.com/docs/page\"\n\n// docs/page.md\nvar _ = "
	for text, wrong := range map[string]bool{
		`"see docs/mail.md"`: true, "`see\nconfig/crd`": true, `"run make install"`: true, `"run " + "make deploy"`: true, `f("docs/page.md")`: true,
		`"see https://example.com/blob/main/docs/mail.md"`: false, `"make it shorter"`: false, `"kubectl get configmaps"`: false, `manual.Page("mail.md")`: false,
	} {
		tree := fstest.MapFS{"cmd/a.go": {Data: []byte(before + text + "\n")}, "internal/a.go": {Data: []byte("package p")}, "cmd/a_test.go": {Data: []byte("package p\n\nvar _ = \"docs/mail.md\"\n")}}
		if found := namedFiles(t, tree, []string{"install", "deploy"}); len(found) > 0 != wrong {
			t.Errorf("%s: %q", text, found)
		}
	}
	pages := fstest.MapFS{"mail.md": {Data: []byte("# Mail\n\n## A mail server of its own\n")}}
	for page, wrong := range map[string]bool{
		"mail.md": false, "mail.md#a-mail-server-of-its-own": false, "mail.md#templates": true, "nowhere.md": true,
	} {
		if problem := missingPage(pages, page); problem != "" != wrong {
			t.Errorf("%s: %q", page, problem)
		}
	}
}

// namedFiles are the texts of a tree that name a file of the repository, or a target of its Makefile.
func namedFiles(t *testing.T, tree fs.FS, targets []string) (found []string) {
	t.Helper()
	address := regexp.MustCompile(`https?://\S+`)
	file := regexp.MustCompile(`\b(docs|config|charts|hack)/[a-z]|\bmake (` + strings.Join(targets, "|") + `)\b`)
	inLiterals(t, tree, func(where, text string, _ string) {
		if name := file.FindString(address.ReplaceAllString(text, "")); name != "" {
			found = append(found, fmt.Sprintf("%s: %q names %s… of the repository; name a command, or manual.Page", where, text, name))
		}
	})
	return found
}

// inLiterals visits the texts in the sources of cmd and internal, but for imports and tests, with the function that they are
// handed to; empty: none.
func inLiterals(t *testing.T, tree fs.FS, visit func(where, text, call string)) {
	t.Helper()
	for _, top := range []string{"cmd", "internal"} {
		err := fs.WalkDir(tree, top, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			calls := map[ast.Expr]string{}
			ast.Inspect(parsed, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.ImportSpec:
					return false
				case *ast.CallExpr:
					if function, ok := node.Fun.(*ast.SelectorExpr); ok {
						for _, argument := range node.Args {
							calls[argument] = fmt.Sprint(function.X, ".", function.Sel)
						}
					}
				case *ast.BasicLit:
					if text, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
						visit(files.Position(node.Pos()).String(), text, calls[node])
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// targets are those of the Makefile.
func targets(t *testing.T) (found []string) {
	t.Helper()
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(string(text), -1) {
		found = append(found, regexp.QuoteMeta(target[1]))
	}
	if !slices.Contains(found, "install") {
		t.Fatalf("the targets are %q", found)
	}
	return found
}

// missingPage says what is not there of a page and its part; empty: all is there.
func missingPage(pages fs.FS, name string) string {
	name, part, hasPart := strings.Cut(name, "#")
	text, err := fs.ReadFile(pages, name)
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(text)) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			if strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-") == part {
				return ""
			}
		}
	}
	if hasPart {
		return name + " has no part " + part
	}
	return ""
}
