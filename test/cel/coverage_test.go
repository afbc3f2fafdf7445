package cel

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// rule is a CEL rule of a CRD: where its refusal points, and what it says.
type rule struct{ kind, path, message string }

func TestEveryRuleHasARefusedRow(t *testing.T) {
	rules := rulesOf(t)
	if len(rules) == 0 {
		t.Fatal("found no rule in the CRDs")
	}
	for _, missing := range unmentioned(rules, allRefused()) {
		t.Errorf("no refused row for the rule of %s at %s: %s", missing.kind, missing.path, missing.message)
	}
}

func TestARuleWithoutARefusedRowIsFound(t *testing.T) {
	rules := rulesOf(t)
	rows := allRefused()
	if missing := unmentioned(rules, nil); len(missing) != len(rules) {
		t.Errorf("without rows, finds %d of %d rules", len(missing), len(rules))
	}
	added := rule{"Program", "spec.displayName", "must not be shouted"}
	if missing := unmentioned(append(rules, added), rows); !slices.Contains(missing, added) {
		t.Error("a new rule without a row is not found")
	}
	moved := rule{"PartnerTeam", "spec.displayName", emailRemedy}
	if missing := unmentioned(append(rules, moved), rows); !slices.Contains(missing, moved) {
		t.Error("a known rule at a new place is not found")
	}
}

// refusedTables are the tables of what is refused.
func refusedTables() []map[string]refusal {
	return []map[string]refusal{
		refusedEmails(), refusedLifetimes(), refusedCooldowns(), refusedChanges, refusedShapes, refusedLengths(), refusedLines(), refusedStatuses,
		refusedForms, refusedMaps, refusedLinks(), refusedJoins, refusedTimestamps(),
	}
}

// acceptedTables are the tables of what is accepted.
func acceptedTables() []map[string]attempt {
	return []map[string]attempt{
		acceptedEmails(), acceptedLifetimes(), acceptedCooldowns(), acceptedChanges, acceptedShapes, acceptedLengths(), acceptedLines(), acceptedStatuses,
		acceptedForms, acceptedMaps, acceptedLinks(), acceptedJoins, acceptedTimestamps(), sameAddresses(),
	}
}

// allRefused are the refused rows of all tables.
func allRefused() []refusal {
	var rows []refusal
	for _, table := range refusedTables() {
		for _, row := range table {
			rows = append(rows, row)
		}
	}
	return rows
}

// unmentioned are the rules whose place and message no row mentions.
func unmentioned(rules []rule, rows []refusal) []rule {
	index := regexp.MustCompile(`\[\d+\]`)
	var missing []rule
	for _, r := range rules {
		mentioned := slices.ContainsFunc(rows, func(row refusal) bool {
			return row.kind == r.kind && index.ReplaceAllString(row.path, "[]") == r.path && row.remedy == r.message
		})
		if !mentioned {
			missing = append(missing, r)
		}
	}
	return missing
}

func rulesOf(t *testing.T) []rule {
	t.Helper()
	var rules []rule
	for _, crd := range crds(t) {
		for _, version := range crd.Spec.Versions {
			rules = append(rules, rulesIn(crd.Spec.Names.Kind, "", *version.Schema.OpenAPIV3Schema)...)
		}
	}
	slices.SortFunc(rules, func(a, b rule) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return rules
}

func rulesIn(kind, path string, schema apiextensionsv1.JSONSchemaProps) []rule {
	var rules []rule
	for _, v := range schema.XValidations {
		rules = append(rules, rule{kind, strings.TrimPrefix(path+v.FieldPath, "."), v.Message})
	}
	for name, property := range schema.Properties {
		rules = append(rules, rulesIn(kind, path+"."+name, property)...)
	}
	if schema.Items != nil {
		rules = append(rules, rulesIn(kind, path+"[]", *schema.Items.Schema)...)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		rules = append(rules, rulesIn(kind, path+"{}", *schema.AdditionalProperties.Schema)...)
	}
	return rules
}

func crds(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(crdFolder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs in %s: %v", crdFolder, err)
	}
	var all []apiextensionsv1.CustomResourceDefinition
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &crd); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, crd)
	}
	return all
}
