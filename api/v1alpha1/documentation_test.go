package v1alpha1_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	stateConstant  = regexp.MustCompile(`(?m)^\t(?:Invite|Partnership|Link)\w+ +(Invite|Partnership|Link)State = "(\w+)"`)
	reasonConstant = regexp.MustCompile(`(?m)^\t(Reason\w+) += "(\w+)"`)
	reasonUse      = regexp.MustCompile(`v1alpha1\.(Reason\w+)`)
)

// documented are the pages about kinds with a state, each with the files whose rules use reasons.
var documented = map[string]struct {
	types string
	rules []string
}{
	"invites.md":      {"partnerinvite_types.go", []string{"../../internal/invite/*.go", "../../internal/program/catalog.go"}},
	"links.md":        {"partnerlink_types.go", []string{"../../internal/link/*.go"}},
	"partnerships.md": {"partnership_types.go", []string{"../../internal/partnership/*.go", "../../internal/program/catalog.go"}},
}

// TestDocsTellEveryStateAndReason walks the constants that the rules use.
func TestDocsTellEveryStateAndReason(t *testing.T) {
	reasons := map[string]string{}
	for _, reason := range reasonConstant.FindAllStringSubmatch(read(t, "conditions.go"), -1) {
		reasons[reason[1]] = reason[2]
	}
	for page, of := range documented {
		docs := read(t, "../../docs/"+page)
		states := stateConstant.FindAllStringSubmatch(read(t, of.types), -1)
		if len(states) < 3 {
			t.Fatalf("%s: found %d states", page, len(states))
		}
		for _, state := range states {
			if !strings.Contains(docs, "| `"+state[2]+"` |") {
				t.Errorf("docs/%s has no row for the state %s", page, state[2])
			}
		}
		for name := range used(t, of.rules...) {
			if !strings.Contains(docs, "| `"+reasons[name]+"` |") {
				t.Errorf("docs/%s has no row for %s = %q", page, name, reasons[name])
			}
		}
	}
}

// used are the names of the reasons that some files mention.
func used(t *testing.T, patterns ...string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no file %s: %v", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, use := range reasonUse.FindAllStringSubmatch(read(t, file), -1) {
				names[use[1]] = true
			}
		}
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
