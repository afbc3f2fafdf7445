package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

func projectPages(t *testing.T) []*page {
	t.Helper()
	pages, err := readPages(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 10 {
		t.Fatalf("found %d pages", len(pages))
	}
	return pages
}

// Every link leads somewhere, every page can be reached, and every comment that is for the tests can be understood.
func TestLinks(t *testing.T) {
	pages := projectPages(t)
	for _, p := range pages {
		for _, wrong := range p.problems {
			t.Error(wrong)
		}
	}
	for _, wrong := range linkProblems(os.DirFS(root), pages) {
		t.Error(wrong)
	}
}

// Every flag, variable, target, verb, file and test that a page mentions exists, and every flag of the operator is documented.
func TestMentions(t *testing.T) {
	pages, known := projectPages(t), knownNames(t)
	for _, wrong := range mentionProblems(os.DirFS(root), pages, known) {
		t.Error(wrong)
	}
	at := slices.IndexFunc(pages, func(p *page) bool { return p.file == "docs/operations.md" })
	for _, wrong := range undocumented(pages[at], known) {
		t.Error(wrong)
	}
}

var (
	helpFlag         = regexp.MustCompile(`(?m)^  --([a-z-]+)`)
	makeTarget       = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	makeVariable     = regexp.MustCompile(`(?m)^([A-Z_]+) [?:]?=`)
	testFunction     = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w+)\(`)
	foldersWithCode  = []string{"api", "cmd", "hack", "internal", "test"}
	operatorsProgram = filepath.Join(root, "bin", "partner-operator")
)

func knownNames(t *testing.T) names {
	t.Helper()
	known := names{tests: map[string][]string{}}
	help, err := exec.CommandContext(t.Context(), operatorsProgram, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v (run make build): %s", err, help)
	}
	known.operator = submatches(helpFlag, help)
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		for _, flags := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			flags.VisitAll(func(f *pflag.Flag) { known.partner = append(known.partner, f.Name) })
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	plugin := verbs.NewCommand(genericiooptions.NewTestIOStreamsDiscard())
	walk(plugin)
	for _, verb := range plugin.Commands() {
		known.verbs = append(known.verbs, verb.Name())
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	known.targets, known.variables = submatches(makeTarget, makefile), submatches(makeVariable, makefile)
	for _, folder := range foldersWithCode {
		err := fs.WalkDir(os.DirFS(root), folder, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			content, err := os.ReadFile(filepath.Join(root, file))
			known.tests[path.Dir(file)] = append(known.tests[path.Dir(file)], submatches(testFunction, content)...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return known
}

func submatches(pattern *regexp.Regexp, text []byte) (found []string) {
	for _, match := range pattern.FindAllSubmatch(text, -1) {
		found = append(found, string(match[1]))
	}
	return found
}
