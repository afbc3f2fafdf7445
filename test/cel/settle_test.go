package cel

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// filledIn are the fields inside of lists and maps that the API server fills in, and whoever writes the object reads back
// something else than what they wrote. The operator alone writes these.
var filledIn = []string{
	"PartnerGroup.status.verifications[].to",
	"PartnerTeam.status.mails[].to",
	"Partnership.status.mails[].to",
}

// A default in a list item, or of a key of a list, leaves what Git says and what is stored different for good: kubectl writes
// again each time, and server-side apply conflicts or cannot tell the items apart.
func TestNothingIsFilledInInsideOfLists(t *testing.T) {
	var found []string
	for _, crd := range crds(t) {
		for _, version := range crd.Spec.Versions {
			found = append(found, filled(crd.Spec.Names.Kind, *version.Schema.OpenAPIV3Schema, false)...)
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff(filledIn, found); diff != "" {
		t.Error(diff)
	}
	for _, path := range filledIn {
		if !strings.Contains(path, ".status.") {
			t.Errorf("%s is in a spec, which people write", path)
		}
	}
}

func TestWhatIsFilledInIsFound(t *testing.T) {
	var schema apiextensionsv1.JSONSchemaProps
	if err := yaml.UnmarshalStrict([]byte(`
properties:
  spec:
    properties:
      alone: {type: string, default: a}
      plain: {type: object, default: {}, properties: {field: {type: string, default: a}}}
      list: {type: array, items: {type: object, properties: {field: {type: string, default: a}, other: {type: string}}}}
      keys: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [key], items: {type: object, properties: {key: {type: string, default: ""}}}}
      deep: {type: array, items: {type: object, properties: {within: {type: object, properties: {field: {type: boolean, default: false}}}}}}
      map: {type: object, additionalProperties: {type: object, properties: {field: {type: integer, default: 1}}}}
      whole: {type: array, items: {type: object, default: {}}}
`), &schema); err != nil {
		t.Fatal(err)
	}
	found := filled("Broken", schema, false)
	slices.Sort(found)
	if diff := cmp.Diff([]string{
		"Broken.spec.deep[].within.field", "Broken.spec.keys[].key", "Broken.spec.list[].field", "Broken.spec.map{}.field", "Broken.spec.whole[]",
	}, found); diff != "" {
		t.Error(diff)
	}
}

// filled are the paths inside of lists and maps that have a default.
func filled(path string, schema apiextensionsv1.JSONSchemaProps, inside bool) (found []string) {
	if inside && schema.Default != nil {
		found = append(found, path)
	}
	for name, property := range schema.Properties {
		found = append(found, filled(path+"."+name, property, inside)...)
	}
	if schema.Items != nil {
		found = append(found, filled(path+"[]", *schema.Items.Schema, true)...)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		found = append(found, filled(path+"{}", *schema.AdditionalProperties.Schema, true)...)
	}
	return found
}
