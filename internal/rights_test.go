package internal_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// docs/security.md names every right of the operator in namespaces of tenants and in the whole cluster that is not reading,
// and no other.
func TestWhatTheOperatorMayWriteIsDocumented(t *testing.T) {
	reading := []string{"get", "list", "watch"}
	granted := map[string]bool{}
	for _, file := range []string{"role.yaml", "controllers/role.yaml", "portal/role.yaml", "metrics/role.yaml"} {
		text, err := os.ReadFile("../config/rbac/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var role rbacv1.ClusterRole
			if err := yaml.Unmarshal([]byte(document), &role); err != nil {
				t.Fatal(err)
			}
			if role.Kind != "ClusterRole" {
				continue
			}
			for _, rule := range role.Rules {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						granted[verb+" "+resource] = granted[verb+" "+resource] || !slices.Contains(reading, verb)
					}
				}
			}
			if role.Name != "partner-operator-links" && slices.ContainsFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "secrets") }) {
				t.Errorf("%s reaches Secrets of all namespaces by ClusterRole %s", file, role.Name)
			}
		}
	}
	text, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What the operator may write\n")
	section, _, _ = strings.Cut(section, "\n## ")
	word := regexp.MustCompile("`([^`]+)`")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\| ([^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, verb := range word.FindAllStringSubmatch(row[1], -1) {
			for _, resource := range word.FindAllStringSubmatch(row[2], -1) {
				documented[verb[1]+" "+resource[1]] = true
			}
		}
	}
	for right, writes := range granted {
		if writes && !documented[right] {
			t.Errorf("docs/security.md does not say what it may %s for", right)
		}
	}
	for right := range documented {
		if !granted[right] {
			t.Errorf("docs/security.md tells of the right to %s, which it has not", right)
		}
	}
}
