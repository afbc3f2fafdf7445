package cel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// What the API server accepts in a spec, Go can read: values of each type and format, most of them on the edge of what it
// means, are written into every field, and what is accepted is decoded as the operator decodes it. Of status, which the
// operator alone writes, Go need not be able to read everything, but one such value must not keep the object from being
// decoded.
var valuesOf = map[string][]any{
	"date-time": {
		"2027-01-01T00:00:00Z", "2027-01-01t00:00:00z", "2027-01-01T00:00:00.1Z", "2027-01-01T00:00:00.000000Z", "2027-01-01T00:00:00.1234567891Z",
		"2027-01-01T00:00:00+02:00", "2027-01-01T00:00:00+25:61", "2027-01-01T00:00:00Ztomorrow", "2027-01-01T00:00:00Z ", "2027-13-45T99:99:99Z",
		"2027-02-30T00:00:00Z", "2027-01-01T00:00:60Z", "2027-01-01 00:00:00Z", "2027-01-01", "0000-01-01T00:00:00Z", "99999-01-01T00:00:00Z",
		"2027-01-01T00:00:00,5Z", "-001-01-01T00:00:00Z", "２０２７-01-01T00:00:00Z",
	},
	"string": {
		"", " ", "a", "A", "1h", "1H", "01h", "1h1h", "1.5h", "-1h", "1e3h", "99999999h", "1d", "٣h", "NaN", "null", "true", "1e309", strings.Repeat("x", 64),
		strings.Repeat("ü", 300), "\u0000", "\u202e", "\ufeff", "a\nb", "\U0001f600", "e\u0301", "https://example.com", "https://EXAMPLE.com:443/%zz",
		"ada@example.com", "ADA@EXAMPLE.COM", "a@b.c", "example.com", "2027-01-01t00:00:00z", "Active", "Open", "Email", "gold",
	},
	"integer": {
		int64(-1), int64(0), int64(1), int64(1 << 31), int64(1 << 53), int64(1<<63 - 1), json.Number("1.0"), json.Number("1e3"), json.Number("1e-1"),
		json.Number("1e18"), json.Number("1e19"), json.Number("1e300"), json.Number("9223372036854775808"), json.Number("-0"), "1",
	},
	"boolean": {true, false, "true", int64(1), "yes"},
	"object":  {map[string]any{}, map[string]any{"a": "b"}, map[string]any{"a": int64(1)}, []any{}, "x", nil},
	"array":   {[]any{}, []any{"a"}, []any{int64(1)}, []any{map[string]any{}}, []any{nil}, map[string]any{}, "x", nil},
}

func TestWhatIsAcceptedCanBeRead(t *testing.T) {
	for _, crd := range crds(t) {
		kind := crd.Spec.Names.Kind
		t.Run(kind, func(t *testing.T) {
			tried, accepted := 0, 0
			root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
			for _, part := range []string{"spec", "status"} {
				for _, f := range leavesOf(part, root[part]) {
					for _, value := range f.values() {
						text := store(t, crd, part, f, value)
						tried++
						if text == nil {
							continue
						}
						accepted++
						decoded := inGo(kind)
						if err := json.Unmarshal(text, decoded); err != nil {
							t.Errorf("%s = %#v is accepted, and the object cannot be decoded: %v", f.path(), value, err)
						} else if problem := decoded.Problem(); part == "spec" && problem != "" {
							t.Errorf("%s = %#v is accepted: %s", f.path(), value, problem)
						}
					}
				}
			}
			if accepted == 0 || accepted == tried {
				t.Errorf("%d of %d values were accepted", accepted, tried)
			}
			t.Logf("%d of %d values were accepted", accepted, tried)
		})
	}
}

// decodable is an object of the operator.
type decodable interface{ Problem() string }

func inGo(kind string) decodable {
	return map[string]decodable{
		"Program": &v1alpha1.Program{}, "PartnerGroup": &v1alpha1.PartnerGroup{}, "PartnerTeam": &v1alpha1.PartnerTeam{},
		"PartnerInvite": &v1alpha1.PartnerInvite{}, "Partnership": &v1alpha1.Partnership{}, "PartnerLink": &v1alpha1.PartnerLink{},
	}[kind]
}

// leaf is a field into which values are written, with the schemas on the way to it.
type leaf struct {
	steps  []string // of an item of a list: "[]", of a value of a map: "{}"
	chain  []apiextensionsv1.JSONSchemaProps
	schema apiextensionsv1.JSONSchemaProps
}

func (l leaf) path() string {
	return strings.NewReplacer(".[]", "[]", ".{}", "{}").Replace(strings.Join(l.steps, "."))
}

func (l leaf) values() []any {
	values := slices.Clone(valuesOf[l.schema.Type])
	if l.schema.Format == "date-time" || strings.HasSuffix(l.steps[len(l.steps)-1], "Time") {
		values = append(values, valuesOf["date-time"]...)
	}
	if l.schema.Default != nil || len(l.schema.Enum) > 0 {
		values = append(values, "x")
	}
	// A moment may stand wherever there is a text with a rule.
	if l.schema.Type == "string" && len(l.schema.XValidations) > 0 && l.schema.Format == "" {
		values = append(values, valuesOf["date-time"]...)
	}
	return values
}

// leavesOf are all fields below a field, and those on the way.
func leavesOf(name string, schema apiextensionsv1.JSONSchemaProps) []leaf {
	return below(leaf{steps: []string{name}, schema: schema})
}

func below(at leaf) []leaf {
	found := []leaf{at}
	step := func(name string, schema apiextensionsv1.JSONSchemaProps) {
		next := leaf{steps: append(slices.Clone(at.steps), name), chain: append(slices.Clone(at.chain), at.schema), schema: schema}
		found = append(found, below(next)...)
	}
	for _, name := range slices.Sorted(maps.Keys(at.schema.Properties)) {
		step(name, at.schema.Properties[name])
	}
	if at.schema.Items != nil {
		step("[]", *at.schema.Items.Schema)
	}
	if at.schema.AdditionalProperties != nil && at.schema.AdditionalProperties.Schema != nil {
		step("{}", *at.schema.AdditionalProperties.Schema)
	}
	return found
}

// placed puts a value at a leaf into a value of the schema that is there, and fills in what else is required.
func (l leaf) placed(depth int, there any, value any) any {
	if depth == len(l.steps) {
		return value
	}
	schema := l.chain[depth-1]
	switch name := l.steps[depth]; name {
	case "[]":
		items, _ := there.([]any)
		var first any
		if len(items) > 0 {
			first = items[0]
		}
		return []any{l.placed(depth+1, first, value)}
	case "{}":
		return map[string]any{"region": l.placed(depth+1, nil, value)}
	default:
		fields, _ := there.(map[string]any)
		fields = maps.Clone(fields)
		if fields == nil {
			fields = map[string]any{}
		}
		for _, required := range schema.Required {
			if _, given := fields[required]; !given {
				fields[required] = example(required, schema.Properties[required])
			}
		}
		fields[name] = l.placed(depth+1, fields[name], value)
		return fields
	}
}

// example is a value that a required field takes.
func example(name string, schema apiextensionsv1.JSONSchemaProps) any {
	switch {
	case len(schema.Enum) > 0:
		var value any
		_ = json.Unmarshal(schema.Enum[0].Raw, &value)
		return value
	case schema.Format == "date-time":
		return "2026-01-01T00:00:00.000000Z"
	case schema.Type == "integer":
		return int64(1)
	case schema.Type == "boolean":
		return true
	case schema.Type == "array":
		return []any{}
	case schema.Type == "object":
		fields := map[string]any{}
		for _, required := range schema.Required {
			fields[required] = example(required, schema.Properties[required])
		}
		return fields
	case strings.HasPrefix(name, "email"):
		return "ada@example.com"
	case name == "destination" || name == "url":
		return "https://example.com/"
	case name == "key":
		return "key"
	default:
		return "ada"
	}
}

// store asks the API server to take a value as it is written here, without storing it, and returns the object as the API
// server gives it to those who read it; nil: it was refused.
func store(t *testing.T, crd apiextensionsv1.CustomResourceDefinition, part string, l leaf, value any) []byte {
	t.Helper()
	o := valid(t, crd.Spec.Names.Kind)
	method, path := http.MethodPost, "/apis/"+v1alpha1.GroupVersion.String()+"/namespaces/default/"+crd.Spec.Names.Plural
	if part == "status" {
		o = statusHolder(t, crd.Spec.Names.Kind)
		method, path = http.MethodPut, path+"/"+o.GetName()+"/status"
	}
	o.Object[part] = l.placed(1, o.Object[part], value)
	text, err := json.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, controlPlane.Config.Host+path+"?dryRun=All", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := raw.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err = io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode/100 != 2 {
		return nil
	}
	return text
}

var statusHolders = map[string]*unstructured.Unstructured{}

// statusHolder is an object of a kind whose status can be written.
func statusHolder(t *testing.T, kind string) *unstructured.Unstructured {
	t.Helper()
	if statusHolders[kind] == nil {
		o := valid(t, kind)
		if err := api.Create(t.Context(), o); err != nil {
			t.Fatal(fmt.Errorf("creating a %s: %w", kind, err))
		}
		statusHolders[kind] = o
	}
	return statusHolders[kind].DeepCopy()
}
