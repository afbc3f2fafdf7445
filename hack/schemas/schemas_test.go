package schemas

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRules(t *testing.T) {
	for rule, want := range map[string]string{
		`self.matches('^\\pZ\\x{202E}$')`:                                `{"pattern":"^\\p{Z}` + "\u202e" + `$"}`,
		`self.matches('^a') && !self.contains('=?')`:                     `{"not":{"pattern":"=\\?"},"pattern":"^a"}`,
		`self.matches('^a') && duration(self) > duration('1m')`:          `{"pattern":"^a"}`,
		`self == '0' || self.matches('^a') && duration(self) < other`:    `{"anyOf":[{"enum":["0"]},{"pattern":"^a"}]}`,
		`self == '0' || duration(self) < duration('1m')`:                 `null`,
		`!(self in ['a', 'b'])`:                                          `{"not":{"enum":["a","b"]}}`,
		`!(self.matches('a') && duration(self) < duration('1m'))`:        `null`,
		`has(self.a) != has(self.b)`:                                     `{"oneOf":[{"required":["a"]},{"required":["b"]}]}`,
		`!has(self.a) || self.b == 'x'`:                                  `{"anyOf":[{"not":{"required":["a"]}},{"properties":{"b":{"enum":["x"]}},"required":["b"]}]}`,
		`self.b != 'x' || has(self.a)`:                                   `{"anyOf":[{"not":{"properties":{"b":{"enum":["x"]}},"required":["b"]}},{"required":["a"]}]}`,
		`self.all(n, n.size() <= 63 && n.matches('^a$'))`:                `{"propertyNames":{"maxLength":63,"pattern":"^a$"}}`,
		`self.name == oldSelf.name`:                                      `null`,
		`has(self.a) == has(oldSelf.a) && (!has(self.a) || self.a == 1)`: `null`,
		`size(self.to) >= 3`:                                             `null`,
		`self.all(a, self.exists_one(b, a == b))`:                        `null`,
	} {
		got, err := translate(rule, false)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
		}
		if diff := cmp.Diff(want, text(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
	if got, err := translate(`size(self) > 0`, true); err != nil || text(t, got) != `{"minItems":1}` {
		t.Errorf("a list: %s, %v", text(t, got), err)
	}
	for _, bad := range []string{`self.`, `self.matches('(?i)a')`, `self.matches('\\za')`} {
		if got, err := translate(bad, false); err == nil {
			t.Errorf("%s is taken: %s", bad, text(t, got))
		}
	}
}

func text(t *testing.T, says node) string {
	t.Helper()
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(says); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// Every object of the schemas names its fields, no text hides a character, and every pattern is of both dialects.
func TestOfTheCRDs(t *testing.T) {
	folder := t.TempDir()
	if err := Write("../../config/crd/bases", folder); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "partner-operator.io", "*_v1alpha1.json"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%d schemas: %v", len(files), err)
	}
	patterns := 0
	for _, file := range files {
		written, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if hidden := regexp.MustCompile(`[\p{Cf}\p{Zl}\p{Zp}]`).Find(written); hidden != nil {
			t.Errorf("%s holds a hidden character %q", file, hidden)
		}
		var schema node
		if err := json.Unmarshal(written, &schema); err != nil {
			t.Fatal(err)
		}
		patterns += walk(t, file, schema)
	}
	if patterns < 20 {
		t.Errorf("only %d patterns", patterns)
	}
}

func walk(t *testing.T, at string, value any) (patterns int) {
	t.Helper()
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			patterns += walk(t, at, item)
		}
	case node:
		if pattern, ok := value["pattern"].(string); ok {
			patterns++
			if regexp.MustCompile(`\\(x|[pP][^{])`).MatchString(pattern) {
				t.Errorf("%s: %s is for Go alone", at, pattern)
			}
			if _, err := regexp.Compile(pattern); err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
		if _, named := value["properties"].(node); named && value["type"] == "object" && value["additionalProperties"] != false {
			t.Errorf("%s takes any field", at)
		}
		for name, below := range value {
			patterns += walk(t, at+"."+name, below)
		}
	}
	return patterns
}
