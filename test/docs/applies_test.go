package docs

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// oursAlone is what the project says to apply: files and folders whose objects nobody else writes, and, for what is read
// from a pipe, the commands before it. Whatever somebody else may have made, such as a Namespace or the settings of another
// program, is created where it is missing, or patched: an apply takes away what it applied before under the same name and
// does not find any more, and kubectl takes over what anybody applied with kubectl.
var oursAlone = []string{
	"config/crd", "config/policy", "config/prometheus", "config/rbac/links", "config/samples/people.yaml",
	// What pages show, or let people write.
	"invite.yaml", "links.yaml", "keys.yaml", "programs.yaml", "mail.yaml", "partners.yaml",
	// These two hold the namespace, and docs/install.md says for whom they are not.
	"install.yaml", ".",
	// make deploy, and the notes of the chart with the objects that they show.
	"$(KUBECTL) kustomize $(LAYOUT) | sed 's|image: partner-operator:latest|image: $(IMG)|' |", "<<END",
}

var (
	kubectlApply = regexp.MustCompile(`(?:\bkubectl|\$\(KUBECTL\))(?: -n \S+| --?[a-z][\w=-]*| \{\{[^}]*\}\})*? apply\b([^|;&\x60]*)`)
	applied      = regexp.MustCompile(`(?:^|\s)(?:-[fk]|--filename|--kustomize)[ =]?([^\s'"]+)`)
)

// appliedTargets are what the commands of a text apply.
func appliedTargets(text string) (targets []string) {
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		for _, at := range kubectlApply.FindAllStringSubmatchIndex(line, -1) {
			if strings.Contains(line[at[0]:at[1]], " --dry-run=") {
				continue
			}
			for _, found := range applied.FindAllStringSubmatch(line[at[2]:at[3]], -1) {
				target := found[1]
				if target == "-" {
					target = strings.TrimSpace(line[:at[0]])
				}
				if _, here, isHere := strings.Cut(line[at[2]:at[3]], "<<"); isHere {
					target = "<<" + strings.TrimSpace(here)
				}
				targets = append(targets, target)
			}
		}
	}
	return targets
}

// No page, comment, note or target of the Makefile applies what is not ours alone.
func TestNothingOfOthersIsApplied(t *testing.T) {
	texts := map[string]string{}
	for _, p := range projectPages(t) {
		for _, code := range p.codes() {
			texts[p.file] += code.text + "\n"
		}
	}
	tree := os.DirFS(root)
	for _, folder := range []string{"Makefile", "config", "charts"} {
		err := fs.WalkDir(tree, folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(file) == ".md" {
				return err
			}
			content, err := fs.ReadFile(tree, file)
			texts[file] = string(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	used := map[string]bool{}
	for file, text := range texts {
		for _, target := range appliedTargets(text) {
			used[target] = true
			if !slices.Contains(oursAlone, target) {
				t.Errorf("%s applies %q, which is not known to be ours alone: create or patch it", file, target)
			}
		}
	}
	for _, target := range oursAlone {
		if !used[target] {
			t.Errorf("nothing applies %q any more", target)
		}
	}
	for _, folder := range []string{"config/crd", "config/policy", "config/prometheus", "config/rbac", "config/samples", "config/default", "config/overlays"} {
		err := fs.WalkDir(tree, folder, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(tree, file)
			if ofOthers.Match(content) {
				t.Errorf("%s is applied, and holds what is not ours alone", file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

var ofOthers = regexp.MustCompile(`(?m)^kind: Namespace$|^  name: argocd-`)

func TestAppliedTargets(t *testing.T) {
	for text, want := range map[string]string{
		"kubectl apply --server-side -n argocd -k config/argocd":                                           "config/argocd",
		"kubectl -n acme apply -f a.yaml -f b.yaml   # both":                                               "a.yaml b.yaml",
		"\t$(KUBECTL) apply --server-side -k config/namespace":                                             "config/namespace",
		"#   kubectl apply \\\n#   -f=x.yaml":                                                              "x.yaml",
		"kubectl create namespace acme --dry-run=client -o yaml | kubectl apply -f -":                      "kubectl create namespace acme --dry-run=client -o yaml |",
		"  kubectl -n {{ $tenant }} apply -f - <<END":                                                      "<<END",
		"make x && kubectl --context=a apply --filename=x.yaml && kubectl apply -k y; kubectl delete -k z": "x.yaml y",
		"kubectl patch configmap argocd-cm --type=merge -p \"$(kubectl kustomize config/argocd)\"":         "",
		"kubectl apply": "",
	} {
		if got := strings.Join(appliedTargets(text), " "); got != want {
			t.Errorf("%q applies %q, want %q", text, got, want)
		}
	}
}
