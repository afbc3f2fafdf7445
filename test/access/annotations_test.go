package access

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"
)

// Each policy about our kinds has the same list of the annotations that the operator carries out, and all of them are in it.
func TestAnnotationsOfThePolicies(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(policyFolder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	list, kinds := "", map[string]bool{}
	for _, file := range files {
		for text := range strings.SplitSeq(read(t, file), "\n---\n") {
			var policy admissionv1.ValidatingAdmissionPolicy
			if err := yaml.Unmarshal([]byte(text), &policy); err != nil {
				t.Fatal(err)
			}
			if policy.Kind != "ValidatingAdmissionPolicy" {
				continue
			}
			kinds[policy.Spec.MatchConstraints.ResourceRules[0].Resources[0]] = true
			found := ""
			for _, v := range policy.Spec.Variables {
				if v.Name == "annotations" {
					found = v.Expression
				}
			}
			if list == "" {
				list = found
			}
			if found == "" || found != list {
				t.Errorf("%s has another list of annotations: %s", file, found)
			}
		}
	}
	for _, kind := range []string{"programs", "partnergroups", "partnerteams", "partnerinvites", "partnerships", "partnerlinks"} {
		if !kinds[kind] {
			t.Errorf("no policy is about %s", kind)
		}
	}
	sources, err := filepath.Glob("../../api/v1alpha1/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("the API has no sources: %v", err)
	}
	sources = append(sources, "../../internal/accept/team.go")
	for _, source := range sources {
		if filepath.Base(source) == "namespace.go" { // those are of Namespaces, which tenants cannot write
			continue
		}
		for _, name := range regexp.MustCompile(`(?m)^\s*(?:const )?\w*Annotation += "(.*)"`).FindAllStringSubmatch(read(t, source), -1) {
			if !strings.Contains(list, "'"+name[1]+"': '") {
				t.Errorf("%s: the policies do not tell which verb the annotation %s takes", source, name[1])
			}
		}
	}
}
