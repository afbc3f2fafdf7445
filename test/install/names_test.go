package install

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// referred are the kinds that fields name, by how their paths end.
var referred = map[string]string{
	"programRef/name": "Program", "programs/name": "Program",
	"groupRef/name": "PartnerGroup", "defaultGroupRef/name": "PartnerGroup",
	"teamRef/name": "PartnerTeam", "joinTeamRef/name": "PartnerTeam",
	"partnershipRef/name": "Partnership", "templateRef/name": "ConfigMap", "smtpSecret": "Secret",
}

// reference is a field of a kind that holds the name of another object. Its path goes through lists without a word.
type reference struct{ kind, path, to string }

// references are those of the schemas, and those of a brand.
func references(t *testing.T) (all []reference) {
	t.Helper()
	var walk func(kind string, schema apiextensionsv1.JSONSchemaProps, path string)
	walk = func(kind string, schema apiextensionsv1.JSONSchemaProps, path string) {
		if schema.Items != nil {
			walk(kind, *schema.Items.Schema, path)
		}
		parts := strings.Split(path, "/")
		if len(parts) > 1 && parts[len(parts)-1] == "name" && (strings.HasSuffix(parts[len(parts)-2], "Ref") || parts[len(parts)-2] == "programs") {
			to := referred[strings.Join(parts[len(parts)-2:], "/")]
			if to == "" {
				t.Errorf("which kind does %s of %s name?", path, kind)
			}
			all = append(all, reference{kind, path, to})
		}
		for name, property := range schema.Properties {
			walk(kind, property, path+"/"+name)
		}
	}
	for _, object := range mustKustomize(t, "config/crd") {
		spec := as[apiextensionsv1.CustomResourceDefinition](t, object).Spec
		walk(spec.Names.Kind, spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"], "spec")
	}
	for _, kind := range v1alpha1.MailKinds {
		all = append(all, reference{"ConfigMap", "data/templates." + string(kind), "ConfigMap"})
	}
	return append(all, reference{"ConfigMap", "data/smtpSecret", "Secret"})
}

// With config/kustomize/names.yaml every reference follows its object to another name: one for each field of the schemas
// that is a reference, those of the samples, and to what a generator makes.
func TestKustomizeFollowsReferences(t *testing.T) {
	refs := references(t)
	if len(refs) < 25 {
		t.Errorf("found %d references", len(refs))
	}
	targets := map[string]bool{}
	var texts []*unstructured.Unstructured
	for i, ref := range refs {
		targets[ref.to] = true
		object := objectOf(ref.kind, fmt.Sprintf("from-%d", i))
		setAt(object.Object, strings.Split(ref.path, "/"), "target-"+strings.ToLower(ref.to))
		texts = append(texts, object)
	}
	generators := ""
	for _, kind := range slices.Sorted(maps.Keys(targets)) {
		name := "target-" + strings.ToLower(kind)
		switch kind {
		case "ConfigMap", "Secret":
			generators += strings.ToLower(kind[:1]) + kind[1:] + "Generator: [{name: " + name + ", literals: [a=b]}]\n"
		default:
			texts = append(texts, objectOf(kind, name))
		}
	}
	built := kustomizeNamed(t, dump(t, texts), generators)
	for _, object := range built {
		var number int
		if n, _ := fmt.Sscanf(object.GetName(), "eu-from-%d-x", &number); n == 1 {
			resolves(t, built, object, refs[number], true)
		}
	}

	samples := kustomizeNamed(t, dump(t, mustKustomize(t, "config/samples")), "")
	resolved := 0
	for _, object := range samples {
		for _, ref := range refs {
			if ref.kind == object.GetKind() {
				resolved += resolves(t, samples, object, ref, false)
			}
		}
	}
	if resolved < 10 {
		t.Errorf("the samples have %d references", resolved)
	}
}

// kustomizeNamed builds objects with a prefix, a suffix, generators and names.yaml.
func kustomizeNamed(t *testing.T, text, generators string) []*unstructured.Unstructured {
	t.Helper()
	dir := t.TempDir()
	names, err := os.ReadFile(folder("config/kustomize/names.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"names.yaml": string(names), "objects.yaml": text,
		"kustomization.yaml": "namePrefix: eu-\nnameSuffix: -x\nconfigurations: [names.yaml]\nresources: [objects.yaml]\n" + generators,
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	built, err := build(dir)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// resolves holds what a reference of an object says against the objects that there are, and counts what it says.
func resolves(t *testing.T, all []*unstructured.Unstructured, object *unstructured.Unstructured, ref reference, required bool) int {
	t.Helper()
	said := allAt(object.Object, strings.Split(ref.path, "/"))
	if len(said) == 0 && required {
		t.Errorf("%s of %s is gone", ref.path, ref.kind)
	}
	for _, name := range said {
		if !slices.ContainsFunc(all, func(o *unstructured.Unstructured) bool { return o.GetKind() == ref.to && o.GetName() == name }) {
			t.Errorf("%s of %s %s says %q, and there is no such %s: config/kustomize/names.yaml does not have it", ref.path, ref.kind, object.GetName(), name, ref.to)
		}
	}
	return len(said)
}

func objectOf(kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(v1alpha1.GroupVersion.String())
	if kind == "ConfigMap" {
		object.SetAPIVersion("v1")
	}
	object.SetKind(kind)
	object.SetName(name)
	return object
}

// setAt sets a text at a path; programs is a list.
func setAt(tree map[string]any, path []string, text string) {
	for i, part := range path[:len(path)-1] {
		next := map[string]any{}
		tree[part] = next
		if part == "programs" && i > 0 {
			tree[part] = []any{next}
		}
		tree = next
	}
	tree[path[len(path)-1]] = text
}

// allAt are the texts at a path, of each item of lists.
func allAt(tree any, path []string) (found []string) {
	switch node := tree.(type) {
	case []any:
		for _, item := range node {
			found = append(found, allAt(item, path)...)
		}
	case map[string]any:
		if len(path) > 0 {
			return allAt(node[path[0]], path[1:])
		}
	case string:
		if len(path) == 0 {
			return []string{node}
		}
	}
	return found
}
