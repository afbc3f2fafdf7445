// Package schemas writes the CRDs as JSON schemas, which kubeconform and editors read. Everything comes from the CRDs: a rule
// in CEL becomes what a JSON schema can say of it, and what it cannot say is left out.
package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf16"

	"sigs.k8s.io/yaml"
)

// Location is where kubeconform finds a schema below the folder that Write wrote.
const Location = "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"

// node is a part of a schema.
type node = map[string]any

// crd is what a JSON schema needs of a CRD.
type crd struct {
	Spec struct {
		Group    string
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Schema struct{ OpenAPIV3Schema node }
		}
	}
}

// Write writes a schema for each version of each CRD in a folder.
func Write(crds, to string) error {
	files, err := filepath.Glob(filepath.Join(crds, "*.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no CRDs in %s", crds)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var of crd
		if err := yaml.Unmarshal(text, &of); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, version := range of.Spec.Versions {
			schema, err := root(version.Schema.OpenAPIV3Schema, of.Spec.Group+"/"+version.Name, of.Spec.Names.Kind)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			name := filepath.Join(to, of.Spec.Group, strings.ToLower(of.Spec.Names.Kind)+"_"+version.Name+".json")
			if err := write(name, schema); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(name string, schema node) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, visible(text.String()), 0o644)
}

// visible escapes the characters that cannot be seen in a JSON text.
func visible(text string) []byte {
	var b bytes.Buffer
	for _, r := range text {
		if unicode.IsPrint(r) || r == '\n' {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}

// root returns the schema of a whole object.
func root(schema node, apiVersion, kind string) (node, error) {
	if err := convert(schema, ""); err != nil {
		return nil, err
	}
	schema["$schema"] = "http://json-schema.org/draft-07/schema#"
	properties, _ := schema["properties"].(node)
	for field, value := range map[string]string{"apiVersion": apiVersion, "kind": kind} {
		property, ok := properties[field].(node)
		if !ok {
			return nil, fmt.Errorf("%s has no %s", kind, field)
		}
		property["enum"] = []any{value}
	}
	required, _ := schema["required"].([]any)
	schema["required"] = append([]any{"apiVersion", "kind"}, required...)
	return schema, nil
}

// convert makes a part of a CRD's schema a JSON schema, with all that is below it.
func convert(schema node, path string) error {
	if pattern, ok := schema["pattern"].(string); ok {
		shared, err := dialect(pattern)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		schema["pattern"] = shared
	}
	properties, _ := schema["properties"].(node)
	for name, property := range properties {
		if err := convert(property.(node), path+"."+name); err != nil {
			return err
		}
	}
	for _, of := range []string{"items", "additionalProperties"} {
		if below, ok := schema[of].(node); ok {
			if err := convert(below, path+"."+of); err != nil {
				return err
			}
		}
	}
	if _, open := schema["additionalProperties"]; len(properties) > 0 && !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	if schema["x-kubernetes-list-type"] == "set" {
		schema["uniqueItems"] = true
	}
	if err := addRules(schema); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for key := range schema {
		if strings.HasPrefix(key, "x-kubernetes-") {
			delete(schema, key)
		}
	}
	return nil
}

// addRules adds what the rules in CEL say.
func addRules(schema node) error {
	rules, _ := schema["x-kubernetes-validations"].([]any)
	for _, of := range rules {
		says, err := translate(of.(node)["rule"].(string), schema["type"] == "array")
		if err != nil {
			return err
		}
		add(schema, says)
	}
	return nil
}

// add adds what a rule says to a schema.
func add(schema, says node) {
	for key := range says {
		if _, taken := schema[key]; taken {
			every, _ := schema["allOf"].([]any)
			schema["allOf"] = append(every, says)
			return
		}
	}
	for key, value := range says {
		schema[key] = value
	}
}

// dialect writes a regular expression of Go so that Go and ECMAScript, with its flag u, read it alike.
func dialect(pattern string) (string, error) {
	if strings.Contains(strings.ReplaceAll(pattern, `\(`, ""), "(?") {
		return "", fmt.Errorf("pattern %s: ECMAScript reads (? otherwise", pattern)
	}
	var b strings.Builder
	for rest := pattern; rest != ""; {
		before, after, found := strings.Cut(rest, `\`)
		b.WriteString(before)
		if !found {
			break
		}
		if after == "" {
			return "", fmt.Errorf("pattern %s ends in a backslash", pattern)
		}
		text, left, err := escape(after)
		if err != nil {
			return "", fmt.Errorf("pattern %s: %w", pattern, err)
		}
		b.WriteString(text)
		rest = left
	}
	return b.String(), nil
}

// escape reads what follows a backslash, and returns it for both dialects, and what is left.
func escape(after string) (text, left string, err error) {
	letter, rest := after[:1], after[1:]
	braced, behind, isBraced := strings.Cut(strings.TrimPrefix(rest, "{"), "}")
	isBraced = isBraced && strings.HasPrefix(rest, "{")
	switch {
	case letter == "x" && isBraced:
		var r rune
		if _, err := fmt.Sscanf(braced, "%x", &r); err != nil {
			return "", "", fmt.Errorf(`\x{%s} is no character`, braced)
		}
		return string(r), behind, nil
	case strings.Contains("pP", letter) && isBraced:
		return `\` + letter + "{" + braced + "}", behind, nil
	case strings.Contains("pP", letter) && rest != "":
		return `\` + letter + "{" + rest[:1] + "}", rest[1:], nil
	case strings.Contains(`dDwWstnr^$\.*+?()[]{}|/-`, letter):
		return `\` + letter, rest, nil
	default:
		return "", "", fmt.Errorf(`ECMAScript does not read \%s as Go does`, letter)
	}
}
