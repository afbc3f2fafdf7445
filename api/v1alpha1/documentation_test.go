package v1alpha1_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	stateConstant  = regexp.MustCompile(`(?m)^\tInvite\w+ +InviteState = "(\w+)"`)
	reasonConstant = regexp.MustCompile(`(?m)^\t(Reason\w+) += "(\w+)"`)
	reasonUse      = regexp.MustCompile(`v1alpha1\.(Reason\w+)`)
)

// TestInviteDocsTellEveryStateAndReason walks the constants that the rules of invites use.
func TestInviteDocsTellEveryStateAndReason(t *testing.T) {
	docs := read(t, "../../docs/invites.md")
	states := stateConstant.FindAllStringSubmatch(read(t, "partnerinvite_types.go"), -1)
	if len(states) < 6 {
		t.Fatalf("found %d states", len(states))
	}
	for _, state := range states {
		if !strings.Contains(docs, "| `"+state[1]+"` |") {
			t.Errorf("docs/invites.md has no row for the state %s", state[1])
		}
	}
	reasons := map[string]string{}
	for _, reason := range reasonConstant.FindAllStringSubmatch(read(t, "conditions.go"), -1) {
		reasons[reason[1]] = reason[2]
	}
	for name := range used(t, "../../internal/invite/*.go", "../../internal/program/catalog.go") {
		if !strings.Contains(docs, "| `"+reasons[name]+"` |") {
			t.Errorf("docs/invites.md has no row for %s = %q", name, reasons[name])
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
