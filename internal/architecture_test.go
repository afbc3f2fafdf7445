// Package internal_test holds the tests of how the packages of the operator hang together.
package internal_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/partner-operator/partner-operator/"

// layer is a set of packages that may import those of the layers before it.
type layer struct {
	name     string
	packages []string
	// pure packages decide, and reach for nothing: no cluster, no network, no files, no clock.
	pure bool
	// apart: the packages of the layer do not import each other.
	apart bool
}

// layers is the order in which packages build on each other, the lowest first. A new package gets its place here.
var layers = []layer{
	{name: "leaves", apart: true, packages: []string{"internal/keylock", "internal/manual"}},
	{name: "api", packages: []string{"api/v1alpha1"}},
	{name: "rules", pure: true, packages: []string{
		"internal/address", "internal/brand", "internal/cloudevent", "internal/delivery", "internal/event", "internal/form", "internal/grant", "internal/invite", "internal/join", "internal/link", "internal/mail",
		"internal/partnership", "internal/program", "internal/quota", "internal/roster", "internal/signin", "internal/team", "internal/token",
	}},
	{name: "steps", packages: []string{
		"internal/accept", "internal/audit", "internal/brandbook", "internal/courier", "internal/courier/smtp", "internal/journal", "internal/keyring", "internal/keyring/mint",
		"internal/lookup", "internal/metrics", "internal/tombstone", "internal/watch", "internal/webhook",
	}},
	{name: "doors", apart: true, packages: []string{"internal/controller", "internal/kubectl", "internal/portal"}},
	{name: "command", packages: []string{"cmd", "cmd/kubectl-partner"}},
}

// beyondRules is what a pure package must not import. A slash at the end means everything below.
var beyondRules = []string{
	"sigs.k8s.io/controller-runtime/", "k8s.io/client-go/", "net/http/", "os/", "io/ioutil/", module + "internal/keylock/",
}

// reserved are packages that few may import, by the folders of those who may.
var reserved = map[string][]string{
	// What hands mails to a mail server is reached through the courier; the command reads its flags, and the plugin tries it.
	"internal/courier/smtp": {"internal/courier", "cmd", "internal/kubectl"},
}

// vagueNames say nothing about what a folder or a file holds.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "pkg"}

// maxDepth is how deep folders go, internal itself included.
const maxDepth = 3

func TestArchitecture(t *testing.T) {
	for _, problem := range problems(t, os.DirFS(".."), layers) {
		t.Error(problem)
	}
}

// problems finds what is wrong with the packages in the folders api, cmd and internal of a tree.
func problems(t *testing.T, tree fs.FS, layers []layer) (found []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, top := range []string{"api", "cmd", "internal"} {
		err := fs.WalkDir(tree, top, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return fs.SkipDir
			}
			found = append(found, placeProblems(file, entry.IsDir())...)
			if entry.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
				return nil
			}
			folder := path.Dir(file)
			if at, _ := find(layers, folder); at < 0 && !seen[folder] {
				found = append(found, folder+" has no place among the layers")
			}
			seen[folder] = true
			content, err := fs.ReadFile(tree, file)
			if err != nil {
				return err
			}
			wrong, err := codeProblems(layers, file, content)
			found = append(found, wrong...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range layers {
		for _, name := range l.packages {
			if !seen[name] {
				found = append(found, name+" has a place among the layers, and does not exist")
			}
		}
	}
	slices.Sort(found)
	return found
}

// placeProblems judges where a file or a folder lies and what it is called.
func placeProblems(file string, folder bool) (found []string) {
	name, _, _ := strings.Cut(path.Base(file), ".")
	if slices.Contains(vagueNames, strings.TrimSuffix(name, "_test")) {
		found = append(found, file+" has a name that says nothing")
	}
	if folder && strings.HasPrefix(file, "internal/") && strings.Count(file, "/")+1 > maxDepth {
		found = append(found, fmt.Sprintf("%s lies deeper than %d folders", file, maxDepth))
	}
	return found
}

// find tells in which layer a package is; -1: in none.
func find(layers []layer, name string) (int, layer) {
	at := slices.IndexFunc(layers, func(l layer) bool { return slices.Contains(l.packages, name) })
	if at < 0 {
		return at, layer{}
	}
	return at, layers[at]
}

// codeProblems judges what a file imports, and whether a pure one asks for the time.
func codeProblems(layers []layer, file string, content []byte) (found []string, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	own := path.Dir(file)
	at, layer := find(layers, own)
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if layer.pure && slices.ContainsFunc(beyondRules, func(b string) bool { return strings.HasPrefix(imported+"/", b) }) {
			found = append(found, fmt.Sprintf("%s is to be pure, and imports %s", file, imported))
		}
		other, ours := strings.CutPrefix(imported, module)
		if !ours || at < 0 {
			continue
		}
		switch otherAt, _ := find(layers, other); {
		case otherAt < 0:
			found = append(found, fmt.Sprintf("%s imports %s, which has no place among the layers", file, other))
		case otherAt > at, otherAt == at && layer.apart:
			found = append(found, fmt.Sprintf("%s imports %s, against the direction", file, other))
		case reserved[other] != nil && own != other && !slices.Contains(reserved[other], own):
			found = append(found, fmt.Sprintf("%s imports %s, which is reserved to others", file, other))
		}
	}
	if layer.pure && asksForTheTime(parsed) {
		found = append(found, file+" is to be pure, and asks for the time")
	}
	return found, nil
}

// asksForTheTime finds time.Now and what else reads the clock, also under another name of the package.
func asksForTheTime(file *ast.File) (found bool) {
	name := ""
	for _, spec := range file.Imports {
		if spec.Path.Value == `"time"` {
			if name = "time"; spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	if name == "." {
		return true
	}
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of, ok := selector.X.(*ast.Ident)
		clocks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
		found = found || ok && name != "" && of.Name == name && slices.Contains(clocks, selector.Sel.Name)
		return true
	})
	return found
}

// What is right stays silent, and each thing that is wrong is found.
func TestArchitectureFindsWhatIsWrong(t *testing.T) {
	small := []layer{
		{name: "leaves", apart: true, packages: []string{"internal/keylock"}},
		{name: "api", packages: []string{"api/v1alpha1"}},
		{name: "rules", pure: true, packages: []string{"internal/invite", "internal/program"}},
		{name: "steps", packages: []string{"internal/accept", "internal/courier", "internal/courier/smtp"}},
		{name: "doors", apart: true, packages: []string{"internal/controller", "internal/kubectl", "internal/portal"}},
		{name: "command", packages: []string{"cmd", "cmd/kubectl-partner"}},
	}
	imports := func(body string, names ...string) string {
		lines := []string{"package p"}
		for _, name := range names {
			lines = append(lines, "import "+strconv.Quote(strings.Replace(name, "~", module, 1)))
		}
		return strings.Join(append(lines, body), "\n")
	}
	right := map[string]string{
		"api/v1alpha1/types.go":           imports("", "k8s.io/apimachinery/pkg/apis/meta/v1"),
		"internal/program/catalog.go":     imports("", "~api/v1alpha1", "time"),
		"internal/invite/decide.go":       imports("func f(now time.Time) time.Duration { return time.Minute }", "~internal/program", "time", "net/url", "net/netip"),
		"internal/invite/decide_test.go":  imports("var now = time.Now()", "os", "time"),
		"internal/invite/testdata/util/x": "anything",
		"internal/keylock/keylock.go":     imports("", "sync", "hash/fnv"),
		"internal/accept/step.go":         imports("var now = time.Now", "~internal/invite", "~internal/keylock", "sigs.k8s.io/controller-runtime/pkg/client", "time"),
		"internal/courier/factory.go":     imports("", "~internal/courier/smtp"),
		"internal/courier/smtp/sender.go": imports("", "net"),
		"internal/controller/setup.go":    imports("", "~internal/accept", "~internal/courier", "~internal/invite", "~internal/keylock"),
		"internal/portal/server.go":       imports("", "~internal/accept", "net/http"),
		"internal/portal/pages/page.html": "<p>",
		"internal/kubectl/command.go":     imports("", "~internal/accept", "~internal/courier/smtp"),
		"cmd/main.go":                     imports("", "~internal/controller", "~internal/courier/smtp", "~internal/portal", "os"),
		"cmd/kubectl-partner/main.go":     imports("", "~internal/kubectl", "os"),
	}
	for name, test := range map[string]struct{ file, content, want string }{
		"all is right":                      {"internal/invite/answer.go", imports("", "~internal/program"), ""},
		"rules import a step":               {"internal/invite/answer.go", imports("", "~internal/accept"), "internal/invite/answer.go imports internal/accept, against the direction"},
		"rules import a door":               {"internal/invite/answer.go", imports("", "~internal/portal"), "internal/invite/answer.go imports internal/portal, against the direction"},
		"the API imports rules":             {"api/v1alpha1/funcs.go", imports("", "~internal/invite"), "api/v1alpha1/funcs.go imports internal/invite, against the direction"},
		"a step imports a door":             {"internal/accept/more.go", imports("", "~internal/controller"), "internal/accept/more.go imports internal/controller, against the direction"},
		"the controller imports the portal": {"internal/controller/more.go", imports("", "~internal/portal"), "internal/controller/more.go imports internal/portal, against the direction"},
		"the portal imports the controller": {"internal/portal/more.go", imports("", "~internal/controller"), "internal/portal/more.go imports internal/controller, against the direction"},
		"a controller sends by itself":      {"internal/controller/more.go", imports("", "~internal/courier/smtp"), "internal/controller/more.go imports internal/courier/smtp, which is reserved to others"},
		"a door imports the command":        {"internal/portal/more.go", imports("", "~cmd"), "internal/portal/more.go imports cmd, against the direction"},
		"rules import a client":             {"internal/invite/answer.go", imports("", "sigs.k8s.io/controller-runtime/pkg/client"), "internal/invite/answer.go is to be pure, and imports sigs.k8s.io/controller-runtime/pkg/client"},
		"rules import client-go":            {"internal/invite/answer.go", imports("", "k8s.io/client-go/util/retry"), "internal/invite/answer.go is to be pure, and imports k8s.io/client-go/util/retry"},
		"rules import net/http":             {"internal/invite/answer.go", imports("", "net/http"), "internal/invite/answer.go is to be pure, and imports net/http"},
		"rules import os":                   {"internal/invite/answer.go", imports("", "os"), "internal/invite/answer.go is to be pure, and imports os"},
		"rules import os/exec":              {"internal/invite/answer.go", imports("", "os/exec"), "internal/invite/answer.go is to be pure, and imports os/exec"},
		"rules take turns":                  {"internal/invite/answer.go", imports("", "~internal/keylock"), "internal/invite/answer.go is to be pure, and imports github.com/partner-operator/partner-operator/internal/keylock"},
		"a leaf imports the API":            {"internal/keylock/more.go", imports("", "~api/v1alpha1"), "internal/keylock/more.go imports api/v1alpha1, against the direction"},
		"a leaf imports rules":              {"internal/keylock/more.go", imports("", "~internal/invite"), "internal/keylock/more.go imports internal/invite, against the direction"},
		"rules ask for the time":            {"internal/invite/answer.go", imports("var now = time.Now()", "time"), "internal/invite/answer.go is to be pure, and asks for the time"},
		"rules hold the clock":              {"internal/invite/answer.go", imports("var now = time.Now", "time"), "internal/invite/answer.go is to be pure, and asks for the time"},
		"rules ask for the time since":      {"internal/invite/answer.go", imports("func f(t time.Time) bool { return time.Since(t) > 0 }", "time"), "internal/invite/answer.go is to be pure, and asks for the time"},
		"rules call the clock another name": {"internal/invite/answer.go", "package p\nimport clock \"time\"\nvar now = clock.Now()", "internal/invite/answer.go is to be pure, and asks for the time"},
		"a package without a place":         {"internal/reward/reward.go", "package p", "internal/reward has no place among the layers"},
		"an import of one without a place":  {"internal/portal/more.go", imports("", "~internal/reward"), "internal/portal/more.go imports internal/reward, which has no place among the layers"},
		"a folder called util":              {"internal/invite/util/text.txt", "", "internal/invite/util has a name that says nothing"},
		"a file called helpers":             {"internal/invite/helpers.go", "package p", "internal/invite/helpers.go has a name that says nothing"},
		"a test called common":              {"internal/invite/common_test.go", "package p", "internal/invite/common_test.go has a name that says nothing"},
		"a folder too deep":                 {"internal/portal/pages/parts/head.html", "", "internal/portal/pages/parts lies deeper than 3 folders"},
		"a package that is gone":            {"cmd/main.go", "", "cmd has a place among the layers, and does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{}
			for file, content := range right {
				tree[file] = &fstest.MapFile{Data: []byte(content)}
			}
			tree[test.file] = &fstest.MapFile{Data: []byte(test.content)}
			if test.content == "" && test.file == "cmd/main.go" {
				delete(tree, test.file)
				tree["cmd/README.md"] = &fstest.MapFile{}
			}
			if got := strings.Join(problems(t, tree, small), "\n"); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}
