package install

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write the table of values into the chart's README")

const (
	readme     = chart + "/README.md"
	tableBegin = "<!-- table of values: begin -->\n"
	tableEnd   = "<!-- table of values: end -->\n"
)

// The README lists every value with its default and what values.yaml says of it.
func TestReadmeListsEveryValue(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegin)
	_, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the table", readme)
	}
	var table strings.Builder
	table.WriteString("| value | default | meaning |\n|---|---|---|\n")
	for _, value := range documented(t) {
		table.WriteString("| `" + value.path + "` | `" + value.standard + "` | " + strings.ReplaceAll(value.meaning, "|", "\\|") + " |\n")
	}
	want := before + tableBegin + "\n" + table.String() + "\n" + tableEnd + after
	if *update {
		if err := os.WriteFile(readme, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), want); diff != "" {
		t.Errorf("%s is not current; run go test -C test/install -run Readme -update: %s", readme, diff)
	}
}

// value is a value as values.yaml has it.
type value struct{ path, standard, meaning string }

// documented are the values that have a comment, in order. A value without one has to be below a value with one.
func documented(t *testing.T) []value {
	t.Helper()
	file, err := kyaml.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return below(t, "", file.YNode())
}

func below(t *testing.T, path string, node *kyaml.Node) (all []value) {
	t.Helper()
	for i := 0; i < len(node.Content); i += 2 {
		name, content := node.Content[i], node.Content[i+1]
		here := strings.TrimPrefix(path+"."+name.Value, ".")
		comment := paragraph(name.HeadComment)
		isSection := content.Kind == kyaml.MappingNode && len(content.Content) > 0
		switch {
		case isSection && (comment == "" || documentsItsValues(content)):
			all = append(all, below(t, here, content)...)
		case comment == "":
			t.Errorf("values.yaml does not say what %s is", here)
		default:
			all = append(all, value{here, compact(t, content), comment})
		}
	}
	return all
}

// documentsItsValues tells a section, which has a comment for each of its values, from a value that is a map.
func documentsItsValues(section *kyaml.Node) bool {
	first := section.Content[0]
	return first.HeadComment != "" || section.Content[1].Kind == kyaml.MappingNode && len(section.Content[1].Content) > 0 && documentsItsValues(section.Content[1])
}

// paragraph is the last paragraph of a comment, on one line.
func paragraph(comment string) string {
	var words []string
	for line := range strings.Lines(comment) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#"))
		if line == "" {
			words = nil
		}
		words = append(words, strings.Fields(line)...)
	}
	return strings.Join(words, " ")
}

func compact(t *testing.T, node *kyaml.Node) string {
	t.Helper()
	var content any
	if err := node.Decode(&content); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The schema knows the values of values.yaml and no others.
func TestSchemaKnowsEveryValue(t *testing.T) {
	text, err := os.ReadFile(chart + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	properties(t, "", schema, known)
	delete(known, "global")
	for _, value := range documented(t) {
		if !known[value.path] {
			t.Errorf("values.schema.json does not know %s", value.path)
		}
		delete(known, value.path)
	}
	for path := range known {
		t.Errorf("values.schema.json knows %s, and values.yaml does not", path)
	}
}

// properties are the paths of what a schema allows, down to what it leaves open.
func properties(t *testing.T, path string, schema map[string]any, found map[string]bool) {
	t.Helper()
	inner, _ := schema["properties"].(map[string]any)
	if len(inner) == 0 {
		found[path] = true
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%q would take a value that there is not", path)
	}
	for name, property := range inner {
		properties(t, strings.TrimPrefix(path+"."+name, "."), property.(map[string]any), found)
	}
}
