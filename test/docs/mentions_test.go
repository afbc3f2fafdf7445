package docs

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// names is what pages can mention.
type names struct {
	// operator are the flags of the operator, partner those of kubectl partner, without hyphens.
	operator, partner []string
	// verbs are those of kubectl partner.
	verbs []string
	// targets are those of the Makefile, variables what it lets people set.
	targets, variables []string
	// tests are the names of test functions, by folder.
	tests map[string][]string
}

// others are the flags of kubectl, Helm and Velero that pages speak of.
var others = strings.Fields(`
	all all-namespaces all-pods as as-group cascade clusterrole containers dry-run field-manager field-selector for force-conflicts
	from from-env-file from-file from-literal grace-period hard help ignore-not-found namespace output overwrite prefix
	previous raw patch-file replicas resource resource-name role rolebinding selector server-side serviceaccount since sort-by subresource tail timeout
	token type user verb wait
	create-namespace set set-file take-ownership values version
	from-backup include-namespaces status-include-resources`)

var (
	mentionedFlag     = regexp.MustCompile("(?m)(?:^|[\\s`\"'(\\[,|])--([a-z][a-z0-9-]*)")
	mentionedVariable = regexp.MustCompile(`\bPARTNER_OPERATOR_[A-Z_]+\b`)
	mentionedTarget   = regexp.MustCompile(`(?m)(?:^|[;&|] *|\$ )make ([a-z][^\n;&|#]*)`)
	mentionedVerb     = regexp.MustCompile(`\bkubectl partner ([a-z][a-z-]*)`)
	mentionedTest     = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w+$`)
	mentionedRun      = regexp.MustCompile(`\bgo test ([^\n;&|#]*)`)
	mentionedPath     = regexp.MustCompile(`^(?:api|charts|cmd|config|docs|hack|internal|test)/[\w./*-]*$`)
)

// mentionProblems finds flags, variables, targets, verbs, files and tests that pages mention and that do not exist.
func mentionProblems(tree fs.FS, pages []*page, known names) (found []string) {
	for _, p := range pages {
		found = append(found, flagProblems(p, known)...)
		for _, each := range p.codes() {
			found = append(found, commandProblems(tree, p, each, known)...)
		}
		for _, each := range p.spans {
			if mentionedPath.MatchString(each.text) && !exists(tree, each.text) {
				found = append(found, problem(p, each.line, "there is no %s", each.text))
			}
			if mentionedTest.MatchString(each.text) && !isTest(known, "", each.text) {
				found = append(found, problem(p, each.line, "there is no test %s", each.text))
			}
		}
	}
	return found
}

// codes are the spans and the blocks with commands.
func (p *page) codes() []span {
	codes := slices.Clone(p.spans)
	for _, s := range p.steps {
		if s.isShell() {
			codes = append(codes, span{s.line, s.text})
		}
	}
	return codes
}

func flagProblems(p *page, known names) (found []string) {
	line := func(at int) int { return 1 + strings.Count(string(p.source[:at]), "\n") }
	for _, at := range mentionedFlag.FindAllSubmatchIndex(p.source, -1) {
		name := string(p.source[at[2]:at[3]])
		if !slices.Contains(slices.Concat(known.operator, known.partner, others), name) {
			found = append(found, problem(p, line(at[2]), "no program has the flag --%s", name))
		}
	}
	for _, at := range mentionedVariable.FindAllIndex(p.source, -1) {
		name := strings.TrimPrefix(string(p.source[at[0]:at[1]]), "PARTNER_OPERATOR_")
		flag := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if !slices.ContainsFunc(known.operator, func(known string) bool { // a prefix stands for what begins with it
			return known == flag || strings.HasSuffix(flag, "-") && strings.HasPrefix(known, flag)
		}) {
			found = append(found, problem(p, line(at[0]), "the operator has no flag for the variable PARTNER_OPERATOR_%s", name))
		}
	}
	return found
}

func commandProblems(tree fs.FS, p *page, code span, known names) (found []string) {
	for _, made := range mentionedTarget.FindAllStringSubmatch(code.text, -1) {
		for word := range strings.FieldsSeq(strings.Trim(made[1], "`")) {
			variable, _, sets := strings.Cut(word, "=")
			switch {
			case sets && !slices.Contains(known.variables, variable):
				found = append(found, problem(p, code.line, "make knows no %s", variable))
			case !sets && !slices.Contains(known.targets, word):
				found = append(found, problem(p, code.line, "there is no target %q", word))
			}
		}
	}
	for _, verb := range mentionedVerb.FindAllStringSubmatch(code.text, -1) {
		if !slices.Contains(known.verbs, verb[1]) {
			found = append(found, problem(p, code.line, "kubectl partner has no verb %q", verb[1]))
		}
	}
	for _, run := range mentionedRun.FindAllStringSubmatch(code.text, -1) {
		found = append(found, testRunProblems(tree, p, code.line, strings.Fields(run[1]), known)...)
	}
	return found
}

// testRunProblems judges the arguments of a go test: its folders have to be there, and what -run and -bench name in them.
func testRunProblems(tree fs.FS, p *page, line int, args []string, known names) (found []string) {
	module, pattern := ".", ""
	var folders []string
	for i, arg := range args {
		follows := ""
		if i+1 < len(args) {
			follows = args[i+1]
		}
		switch {
		case arg == "-C":
			module = follows
		case arg == "-run" || arg == "-bench":
			pattern = follows
		case strings.HasPrefix(arg, "./"):
			folders = append(folders, strings.TrimSuffix(strings.TrimSuffix(arg, "..."), "/"))
		}
	}
	for _, folder := range folders {
		folder = path.Join(module, folder)
		switch {
		case !exists(tree, folder):
			found = append(found, problem(p, line, "there is no %s to test", folder))
		case pattern != "" && !isTest(known, folder, pattern):
			found = append(found, problem(p, line, "no test in %s is called %s", folder, pattern))
		}
	}
	return found
}

// isTest tells whether a test of that name is in a folder, or in any if the folder is empty.
func isTest(known names, folder, pattern string) bool {
	for in, tests := range known.tests {
		if folder != "" && in != folder {
			continue
		}
		matches := func(name string) bool {
			matches, err := regexp.MatchString(strings.Trim(pattern, "'\""), name)
			return err == nil && matches
		}
		if slices.ContainsFunc(tests, matches) {
			return true
		}
	}
	return false
}

// exists tells whether a file or folder is there; stars stand for anything.
func exists(tree fs.FS, name string) bool {
	matches, err := fs.Glob(tree, path.Clean(strings.TrimSuffix(name, "/...")))
	return err == nil && len(matches) > 0
}

// undocumented are the flags of the operator that a page does not list.
func undocumented(p *page, known names) (found []string) {
	for _, flag := range known.operator {
		if !slices.ContainsFunc(p.spans, func(s span) bool {
			return strings.HasPrefix(s.text+" ", "--"+flag+" ") || strings.HasPrefix(s.text, "--"+flag+"=")
		}) {
			found = append(found, problem(p, 1, "it does not tell of the flag --%s", flag))
		}
	}
	return found
}
