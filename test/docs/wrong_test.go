package docs

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// right is a small project in which all is right.
var right = map[string]string{
	"README.md": `# Project

See [the page](docs/page.md#a-part-of-it--2), [the list](docs/decisions/), [a site](https://example.com/x) and https://example.com.
`,
	"docs/page.md": "# Page\n\n## A part of `it` -2\n\n[back](../README.md#project), [here](#page), [code](../cmd/main.go)\n\n" +
		"`--mail-mode`, `PARTNER_OPERATOR_MAIL_MODE`, `PARTNER_OPERATOR_MAIL_`, `make test ONCE=1`, `kubectl partner move ada --to gold`, `cmd/main.go`, `TestMain`, `cmd/*.go`\n\n" +
		"`go test -C cmd ./... -run Main`\n\n<!-- file: a.yaml -->\n```yaml\na: 1\n```\n\n<!-- not run: it takes hours -->\n```console\nmake test\n```\n\n<!-- given: the samples -->\n<!-- things: begin -->\n",
	"docs/decisions/0001-one.md": "# One\n\n[all pages](..)\n",
	"docs/picture.png":           "",
	"cmd/main.go":                "",
	"hack/README.md":             "[not a page](nowhere)",
}

var rightNames = names{
	operator: []string{"mail-mode"}, partner: []string{"to"}, verbs: []string{"move"}, targets: []string{"test"}, variables: []string{"ONCE"},
	tests: map[string][]string{"cmd": {"TestMain"}},
}

func problemsOf(t *testing.T, files map[string]string) string {
	t.Helper()
	tree := fstest.MapFS{}
	for file, content := range files {
		tree[file] = &fstest.MapFile{Data: []byte(content)}
	}
	pages, err := readPages(tree)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, p := range pages {
		found = append(found, p.problems...)
		if p.file == "docs/page.md" {
			found = append(found, undocumented(p, rightNames)...)
		}
	}
	found = append(found, linkProblems(tree, pages)...)
	found = append(found, mentionProblems(tree, pages, rightNames)...)
	return strings.Join(found, "\n")
}

// What is right stays silent, and each thing that is wrong is found, with its line.
func TestPagesFindWhatIsWrong(t *testing.T) {
	if wrong := problemsOf(t, right); wrong != "" {
		t.Fatalf("nothing is wrong, and it found %s", wrong)
	}
	for name, test := range map[string]struct{ more, want string }{
		"a link to no file":             {"[x](none.md)", "the link none.md leads to no file"},
		"a link to no heading":          {"[x](../README.md#none)", "the link ../README.md#none names no heading there"},
		"a link to no heading here":     {"[x](#none)", "the link #none names no heading there"},
		"a link out of the project":     {"[x](../../other/README.md)", "the link ../../other/README.md leads out of the project"},
		"a link to the root":            {"[x](/README.md)", "the link /README.md leads out of the project"},
		"http":                          {"[x](http://example.com)", "the link http://example.com is not https"},
		"a bare address with http":      {"http://example.com/x", "the link http://example.com/x is not https"},
		"no host":                       {"[x](https:///x)", "the link https:///x names no host"},
		"another scheme":                {"[x](ftp://example.com)", "the link ftp://example.com is neither https nor a file of the project"},
		"a picture that is not there":   {"![x](none.png)", "the link none.png leads to no file"},
		"a link in a table":             {"| a |\n|---|\n| [x](none.md) |", "the link none.md leads to no file"},
		"an unknown flag":               {"Use `--mail-mod`.", "no program has the flag --mail-mod"},
		"an unknown flag in a manifest": {"```yaml\nargs: [--mail-mod=hold]\n```", "no program has the flag --mail-mod"},
		"an unknown variable":           {"`PARTNER_OPERATOR_MAIL_MOD`", "the operator has no flag for the variable PARTNER_OPERATOR_MAIL_MOD"},
		"an unknown prefix":             {"`PARTNER_OPERATOR_POST_`", "the operator has no flag for the variable PARTNER_OPERATOR_POST_"},
		"an unknown target":             {"`make tests`", `there is no target "tests"`},
		"an unknown target in a block":  {"```console\n$ cd x && make tests\n```", `there is no target "tests"`},
		"an unknown variable of make":   {"`make test TWICE=1`", "make knows no TWICE"},
		"an unknown verb":               {"`kubectl partner moves ada`", `kubectl partner has no verb "moves"`},
		"a file that is not there":      {"`cmd/other.go`", "there is no cmd/other.go"},
		"a folder that is not there":    {"`internal/other`", "there is no internal/other"},
		"a test that is not there":      {"`TestOther`", "there is no test TestOther"},
		"a package that is not there":   {"`go test ./other`", "there is no other to test"},
		"a test of another package":     {"`go test ./cmd -run Other`", "no test in cmd is called Other"},
		"a block of nothing":            {"```\nkubectl get pods\n```", "the block does not say what it is: console, yaml, text, ..."},
		"a comment before no block":     {"<!-- not run: why -->\n\nText.", "the comment stands before no block"},
		"a comment at the end":          {"<!-- file: a.yaml -->", "the comment stands before no block"},
		"a comment without a reason":    {"<!-- not run: -->\n```console\nx\n```", `the comment "not run" says nothing`},
		"a comment of another test":     {"<!-- does: accept ada@example.com -->", `a comment can begin with given, file, not run or not applied, not with "does"`},
		"a comment of another word":     {"<!-- gift: x -->", `a comment can begin with given, file, not run or not applied, not with "gift"`},
		"a reason for yaml":             {"<!-- not run: why -->\n```yaml\na: 1\n```", "the block holds no commands, so it need not say why it is not run"},
		"another reason for commands":   {"<!-- not applied: why -->\n```console\nx\n```", "the block is no yaml, so it need not say why it is not applied"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(right)
			files["docs/page.md"] += "\n" + test.more + "\n"
			got := problemsOf(t, files)
			if want := regexp.MustCompile(`^docs/page\.md:2[3-6]: ` + regexp.QuoteMeta(test.want) + `$`); !want.MatchString(got) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
	for name, test := range map[string]struct{ file, content, want string }{
		"a page that nothing leads to": {"docs/lost.md", "# Lost", "docs/lost.md:1: no link from README.md leads here"},
		"a flag that is not told of":   {"docs/page.md", strings.Replace(right["docs/page.md"], "`--mail-mode`, ", "", 1), "docs/page.md:1: it does not tell of the flag --mail-mode"},
		"a chart's page":               {"charts/x/README.md", "# X", "charts/x/README.md:1: no link from README.md leads here"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(right)
			files[test.file] = test.content
			if got := problemsOf(t, files); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestCommandsOfABlock(t *testing.T) {
	never := func(string) bool { return false }
	for name, test := range map[string]struct {
		block string
		want  []command
	}{
		"a script":                 {"a\nb \\\n  c\n", []command{{text: "a\nb \\\n  c\n"}}},
		"a script with make":       {"make x\na\n", []command{{text: "a\n"}}},
		"nothing but make":         {"make x\nmake y\n", nil},
		"prompts":                  {"$ a\n1\n\n2\n$ b\n", []command{{"a", []string{"1", "", "2"}}, {"b", []string{}}}},
		"a command of two lines":   {"$ a \\\n  b\n1\n", []command{{"a \\\n  b", []string{"1"}}}},
		"output with a backslash":  {"$ a\n1 \\\n2\n", []command{{"a", []string{"1 \\", "2"}}}},
		"make behind a prompt":     {"$ make x\n1\n$ a\n2\n", []command{{"a", []string{"2"}}}},
		"a comment before prompts": {"# so\n$ a\n", []command{{"a", []string{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, commands(test.block, never), cmp.AllowUnexported(command{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := commands("make deploy\n", inCluster.MatchString); len(got) != 1 {
		t.Errorf("make deploy is not run: %v", got)
	}
}

func TestMatches(t *testing.T) {
	for name, test := range map[string]struct {
		shown, printed string
		want           bool
	}{
		"the same":               {"a\nb", "a\nb\n", true},
		"another word":           {"a\nb", "a\nc\n", false},
		"a line less":            {"a", "a\nb\n", false},
		"a line more":            {"a\nb", "a\n", false},
		"nothing":                {"", "", true},
		"something, not nothing": {"", "a\n", false},
		"other blanks and age":   {"NAME   AGE\na      5s", "NAME AGE\na    1d2h\n", true},
		"an age within a line":   {"every 5s it", "every 6s it\n", false},
		"another time":           {"at 2026-01-01T00:00:00Z", "at 2027-02-03T04:05:06.789Z\n", true},
		"elided within a line":   {"https://…/x", "https://a.b/c/x\n", true},
		"elided, another end":    {"https://…/x", "https://a.b/c/y\n", false},
		"elided lines":           {"a\n…\nd", "a\nb\nc\nd\n", true},
		"elided lines, no end":   {"a\n…\nd", "a\nb\nc\n", false},
		"letters of patterns":    {"a.b*", "axbb\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			var shown []string
			if test.shown != "" {
				shown = strings.Split(test.shown, "\n")
			}
			if got := matches(shown, test.printed); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestManifestsFindWhatIsWrong(t *testing.T) {
	w := theWorld(t)
	const program = "apiVersion: partner-operator.io/v1alpha1\nkind: Program\nmetadata: {name: x}\n"
	for name, test := range map[string]struct{ text, want string }{
		"right":                     {program + "spec: {displayName: X}", ""},
		"no object":                 {"a: 1", ""},
		"of others":                 {"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {whatever: 1}", ""},
		"no yaml":                   {"a: {b, c: d? e: f}", "error converting YAML"},
		"a key twice":               {"a: 1\na: 2", `key "a" already set`},
		"an unknown field":          {program + "spec: {displayName: X, suspended: true}", ".spec.suspended: field not declared in schema"},
		"an unknown kind of ours":   {strings.Replace(program, "Program", "Programme", 1), `no matches for kind "Programme"`},
		"a version that is not":     {strings.Replace(program, "v1alpha1", "v1", 1), `no matches for kind "Program"`},
		"a rule broken":             {program + `spec: {displayName: ""}`, "spec.displayName"},
		"an unknown field of a pod": {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {container: []}", ".spec.container: field not declared in schema"},
		"the second one":            {program + "spec: {displayName: X}\n---\n" + program + "spec: {}", "spec.displayName"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.tryManifests(t, test.text)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestCommandsFindWhatIsWrong(t *testing.T) {
	w := theWorld(t)
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	block := func(text string) string { return "```console\n" + text + "\n```\n" }
	for name, test := range map[string]struct{ page, want string }{
		"right":                   {block("$ kubectl get programs\nNo resources found in acme namespace."), ""},
		"a command fails":         {block("kubectl get pods\nkubectl get pod x"), "1: kubectl get pods\nkubectl get pod x\n\nexit status 1"},
		"it prints something":     {block("$ kubectl get programs"), "prints\nNo resources found in acme namespace."},
		"it prints another thing": {block("$ kubectl config current-context\nacme"), "and the page shows\nacme"},
		"it should fail":          {block("$ kubectl version\nerror: no"), "should have failed"},
		"it fails as shown":       {block("$ kubectl get pod x\nError from server (NotFound): pods \"x\" not found"), ""},
		"nobody gives it":         {"<!-- given: the moon -->\n", "given: the moon: nobody knows how"},
		"a file that is there":    {"<!-- file: a.txt -->\n```text\nhello\n```\n" + block("$ cat a.txt\nhello"), ""},
		"in the text":             {"Use `kubectl get pod x`.", `pods "x" not found`},
		"not run":                 {"<!-- not run: it would not end -->\n" + block("sleep 1000000"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, w)
			s.patience = 0
			got := strings.Join(s.walk(parse("page.md", []byte(test.page))), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}
