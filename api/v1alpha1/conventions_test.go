package v1alpha1_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The API conventions, as functions from what is checked to what is wrong with it. Beside each stands a broken input
// that proves that it can find something.

// allowedBooleans are the fields that are true or false, each with the reason why no word of an enum is better.
var allowedBooleans = map[string]string{
	"Program.spec.suspend":                     "the design fixes the name and the value, as Kubernetes has it in spec.suspend of CronJob and Job",
	"Partnership.spec.revocation.notify":       "there is nothing between one mail and none, and the design promises the name",
	"PartnerGroup.spec.join.fields[].required": "the design fixes the name and the value, as HTML has it in its form fields",
	"PartnerTeam.status.members[].ownLinks":    "a mark of since when a person is there: a version sets it or did not know it, and nobody else does",
}

// rule is one convention. In the broken input it must find exactly what is wanted, and in the actual ones nothing.
type rule[T any] struct {
	check  func(T) []string
	broken string
	wanted []string
}

func (r rule[T]) test(t *testing.T, parse func(t *testing.T, text string) T, actual []T) {
	t.Helper()
	found := r.check(parse(t, r.broken))
	slices.Sort(found)
	slices.Sort(r.wanted)
	if !slices.Equal(found, r.wanted) {
		t.Errorf("in the broken input this rule finds\n\t%q, want\n\t%q", found, r.wanted)
	}
	for _, input := range actual {
		for _, finding := range r.check(input) {
			t.Error(finding)
		}
	}
}

// A definition is what the rules look at in a CustomResourceDefinition.
type definition struct {
	Spec struct {
		Scope string
		Names struct {
			Kind                   string
			Categories, ShortNames []string
		}
		Versions []version
	}
}

type version struct {
	Name                     string
	Subresources             struct{ Status *struct{} }
	AdditionalPrinterColumns []struct{ Name, JSONPath string }
	SelectableFields         []struct{ JSONPath string }
	Schema                   struct{ OpenAPIV3Schema schema }
}

type schema struct {
	Type, Format string
	Enum         []any
	Default      any
	MaxLength    *int64
	MaxItems     *int64
	Minimum      *int64
	ListType     string   `json:"x-kubernetes-list-type"`
	ListMapKeys  []string `json:"x-kubernetes-list-map-keys"`
	Required     []string
	Properties   map[string]schema
	Items        *schema

	// AdditionalProperties are the values of a map.
	AdditionalProperties *schema
	MaxProperties        *int64
}

// schemaRules look at every field below spec and status, conditions apart: those are Kubernetes' own.
var schemaRules = map[string]rule[definition]{
	"every string is bounded": {
		check: fields(func(f field) string {
			if f.Type == "string" && f.MaxLength == nil && f.Enum == nil && f.Format != "date-time" {
				return "a string needs maxLength, an enum, or the format date-time"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {type: string}, b: {type: array, items: {type: string, format: email}},
			c: {type: string, maxLength: 1}, d: {type: string, enum: [x]}, e: {type: string, format: date-time},
			f: {type: object, additionalProperties: {type: string}}}}}`,
		wanted: []string{
			"Broken.spec.a: a string needs maxLength, an enum, or the format date-time",
			"Broken.spec.b[]: a string needs maxLength, an enum, or the format date-time",
			"Broken.spec.f{}: a string needs maxLength, an enum, or the format date-time",
		},
	},
	"no date-time in a spec": {
		check: fields(func(f field) string {
			if f.Format == "date-time" && strings.Contains(f.path, ".spec.") {
				return "the API server takes more of the format date-time than Go can read; make it a Timestamp"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {type: string, format: date-time}}}, status: {properties: {b: {type: string, format: date-time}}}}`,
		wanted: []string{"Broken.spec.a: the API server takes more of the format date-time than Go can read; make it a Timestamp"},
	},
	"every map is bounded": {
		check: fields(func(f field) string {
			if f.AdditionalProperties != nil && f.MaxProperties == nil {
				return "a map needs maxProperties"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {additionalProperties: {type: string}}, b: {maxProperties: 1, additionalProperties: {type: string}}}}}`,
		wanted: []string{"Broken.spec.a: a map needs maxProperties"},
	},
	"every list is bounded": {
		check: fields(func(f field) string {
			if f.Type == "array" && f.MaxItems == nil {
				return "a list needs maxItems"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {type: array}, b: {type: array, maxItems: 1}}}, status: {properties: {
			conditions: {type: array}}}}`,
		wanted: []string{"Broken.spec.a: a list needs maxItems", "Broken.status.conditions: a list needs maxItems"},
	},
	"every list has a type": {
		check: fields(func(f field) string {
			if f.Type == "array" && f.ListType == "" {
				return "a list needs x-kubernetes-list-type"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {type: array}, b: {type: array, x-kubernetes-list-type: set}}}}`,
		wanted: []string{"Broken.spec.a: a list needs x-kubernetes-list-type"},
	},
	"conditions are a map by type": {
		check: fields(func(f field) string {
			if f.name == "conditions" && (f.ListType != "map" || !slices.Equal(f.ListMapKeys, []string{"type"})) {
				return "conditions need the list type map and the key type"
			}
			return ""
		}),
		broken: `{status: {properties: {conditions: {x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [reason]}}},
			spec: {properties: {conditions: {x-kubernetes-list-type: atomic}}}}`,
		wanted: []string{
			"Broken.spec.conditions: conditions need the list type map and the key type",
			"Broken.status.conditions: conditions need the list type map and the key type",
		},
	},
	"every integer is bounded": {
		check: fields(func(f field) string {
			if f.Type == "integer" && f.Minimum == nil {
				return "an integer needs a minimum"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {type: integer, maximum: 3}, b: {type: integer, minimum: 0}}}}`,
		wanted: []string{"Broken.spec.a: an integer needs a minimum"},
	},
	"no number is a fraction": {
		check: fields(func(f field) string {
			if f.Type == "number" || f.Format == "float" || f.Format == "double" {
				return "no fraction: clients round it differently"
			}
			return ""
		}),
		broken: `{spec: {properties: {a: {type: number}, b: {type: array, items: {format: double}}, c: {type: integer}}}}`,
		wanted: []string{
			"Broken.spec.a: no fraction: clients round it differently",
			"Broken.spec.b[]: no fraction: clients round it differently",
		},
	},
	"no boolean": {
		check: fields(func(f field) string {
			if f.Type == "boolean" && allowedBooleans[f.path] == "" {
				return "no boolean: a third value always comes; make it an enum, or give a reason in allowedBooleans"
			}
			return ""
		}),
		broken: `{spec: {properties: {revocation: {properties: {notify: {type: boolean}}}}}}`,
		wanted: []string{"Broken.spec.revocation.notify: " +
			"no boolean: a third value always comes; make it an enum, or give a reason in allowedBooleans"},
	},
	"no phase": {
		check: fields(func(f field) string {
			if strings.EqualFold(f.name, "phase") {
				return "no phase: conditions and state tell more"
			}
			return ""
		}),
		broken: `{status: {properties: {phase: {type: string}, phases: {type: string}}}}`,
		wanted: []string{"Broken.status.phase: no phase: conditions and state tell more"},
	},
	"a reference has a name only": {
		check: fields(func(f field) string { // and a UID, where status tells of two objects of one name
			target := f.schema
			if strings.HasSuffix(f.name, "Refs") && f.Items != nil {
				target = *f.Items
			}
			isReference := strings.HasSuffix(f.name, "Ref") || strings.HasSuffix(f.name, "Refs")
			allowed := 1
			if _, has := target.Properties["uid"]; has {
				allowed++
			}
			if _, named := target.Properties["name"]; isReference && (!named || len(target.Properties) > allowed) {
				return "a reference is an object with a name, and nothing else"
			}
			return ""
		}),
		broken: `{spec: {properties: {aRef: {type: string}, bRef: {properties: {name: {}, namespace: {}}},
			cRefs: {items: {properties: {uid: {}}}}, dRef: {properties: {name: {}}},
			eRefs: {items: {properties: {name: {}}}}}}}`,
		wanted: []string{
			"Broken.spec.aRef: a reference is an object with a name, and nothing else",
			"Broken.spec.bRef: a reference is an object with a name, and nothing else",
			"Broken.spec.cRefs: a reference is an object with a name, and nothing else",
		},
	},
	"no default of a required field": {
		check: fields(func(f field) string {
			for _, name := range f.Required {
				if f.Properties[name].Default != nil {
					return name + " is required, so that its default never counts"
				}
			}
			return ""
		}),
		broken: `{spec: {required: [a], properties: {a: {default: 1}, b: {default: 1}}}}`,
		wanted: []string{"Broken.spec: a is required, so that its default never counts"},
	},
	"status knows the observed generation": {
		check: func(d definition) []string {
			status := d.root().Properties["status"]
			if f := status.Properties["observedGeneration"]; f.Type != "integer" || f.Format != "int64" {
				return []string{d.path() + ".status.observedGeneration: must be an int64"}
			}
			return nil
		},
		broken: `{status: {properties: {}}}`,
		wanted: []string{"Broken.status.observedGeneration: must be an int64"},
	},
	"a new object is in progress": {
		check: func(d definition) []string {
			want := map[string]any{"observedGeneration": float64(-1)}
			if got := d.root().Properties["status"].Default; !reflect.DeepEqual(got, want) {
				return []string{fmt.Sprintf("%s.status: the default is %v, want {observedGeneration: -1}", d.path(), got)}
			}
			return nil
		},
		broken: `{status: {default: {observedGeneration: 0}}}`,
		wanted: []string{"Broken.status: the default is map[observedGeneration:0], want {observedGeneration: -1}"},
	},
}

// definitionRules look at a whole CustomResourceDefinition.
var definitionRules = map[string]rule[definition]{
	"spec is required": {
		check: func(d definition) []string {
			if !slices.Equal(d.root().Required, []string{"spec"}) {
				return []string{d.path() + ": spec, and only spec, is required"}
			}
			return nil
		},
		broken: `{names: {kind: Broken}, versions: [{schema: {openAPIV3Schema: {required: [status]}}}]}`,
		wanted: []string{"Broken: spec, and only spec, is required"},
	},
	"status is a subresource": {
		check: func(d definition) []string {
			if d.Spec.Versions[0].Subresources.Status == nil {
				return []string{d.path() + ": status must be a subresource"}
			}
			return nil
		},
		broken: `{names: {kind: Broken}, versions: [{subresources: {scale: {}}}]}`,
		wanted: []string{"Broken: status must be a subresource"},
	},
	"there is one version": {
		check: func(d definition) []string {
			if len(d.Spec.Versions) != 1 {
				return []string{d.path() + ": these rules look at one version only"}
			}
			return nil
		},
		broken: `{names: {kind: Broken}, versions: [{name: v1alpha1}, {name: v1}]}`,
		wanted: []string{"Broken: these rules look at one version only"},
	},
	"columns and selectable fields exist": {
		check: unresolvedPaths,
		broken: `{names: {kind: Broken}, versions: [{
			additionalPrinterColumns: [{name: A, jsonPath: .spec.gone}, {name: B, jsonPath: '.status.list[?(@.type=="x")].gone'},
				{name: C, jsonPath: '.status.list[?(@.type=="x")].name'}, {name: D, jsonPath: .metadata.creationTimestamp}],
			selectableFields: [{jsonPath: .status.gone}],
			schema: {openAPIV3Schema: {properties: {
				spec: {}, status: {properties: {list: {items: {properties: {name: {}}}}}}}}}}]}`,
		wanted: []string{
			"Broken: the column A names .spec.gone, which is no field",
			`Broken: the column B names .status.list[?(@.type=="x")].gone, which is no field`,
			"Broken: the selectable field names .status.gone, which is no field",
		},
	},
	"it is found by kubectl": {
		check: func(d definition) []string {
			var found []string
			if d.Spec.Scope != "Namespaced" {
				found = append(found, d.path()+": the scope must be Namespaced")
			}
			if !slices.Contains(d.Spec.Names.Categories, "partners") {
				found = append(found, d.path()+": the category partners is missing")
			}
			if len(d.Spec.Names.ShortNames) == 0 {
				found = append(found, d.path()+": a short name is missing")
			}
			return found
		},
		broken: `{scope: Cluster, names: {kind: Broken, categories: [all]}}`,
		wanted: []string{
			"Broken: the scope must be Namespaced",
			"Broken: the category partners is missing",
			"Broken: a short name is missing",
		},
	},
}

func TestDefinitionConventions(t *testing.T) {
	actual := generated(t)
	for name, r := range definitionRules {
		t.Run(name, func(t *testing.T) {
			r.test(t, func(t *testing.T, spec string) definition { return parse(t, "spec: "+flow(spec)) }, actual)
		})
	}
	for name, r := range schemaRules {
		t.Run(name, func(t *testing.T) {
			r.test(t, func(t *testing.T, properties string) definition {
				return parse(t, "spec: {names: {kind: Broken}, versions: [{schema: {openAPIV3Schema: {properties: "+
					flow(properties)+"}}}]}")
			}, actual)
		})
	}
}

func TestAllowedBooleansExist(t *testing.T) {
	exist := map[string]bool{}
	for _, d := range generated(t) {
		fields(func(f field) string {
			exist[f.path] = f.Type == "boolean"
			return ""
		})(d)
	}
	for path := range allowedBooleans {
		if !exist[path] {
			t.Errorf("%s is no boolean, so that it needs no allowance", path)
		}
	}
}

// field is a place in a schema, below spec or status.
type field struct {
	schema
	path string // such as Partnership.spec.contact
	name string // empty for the items of a list and the values of a map
}

// fields makes a rule of a function that says what is wrong with one field.
func fields(check func(field) string) func(definition) []string {
	return func(d definition) []string {
		var found []string
		for _, name := range []string{"spec", "status"} {
			walk(field{d.root().Properties[name], d.path() + "." + name, name}, func(f field) {
				if wrong := check(f); wrong != "" {
					found = append(found, f.path+": "+wrong)
				}
			})
		}
		return found
	}
}

func walk(f field, visit func(field)) {
	visit(f)
	for name, property := range f.Properties {
		walk(field{property, f.path + "." + name, name}, visit)
	}
	if f.Items != nil && !strings.HasSuffix(f.path, ".status.conditions") {
		walk(field{*f.Items, f.path + "[]", ""}, visit)
	}
	if f.AdditionalProperties != nil {
		walk(field{*f.AdditionalProperties, f.path + "{}", ""}, visit)
	}
}

// unresolvedPaths are the printer columns and selectable fields that name no field.
func unresolvedPaths(d definition) []string {
	var found []string
	complain := func(what, path string) {
		if !resolves(d.root(), path) {
			found = append(found, fmt.Sprintf("%s: the %s names %s, which is no field", d.path(), what, path))
		}
	}
	for _, v := range d.Spec.Versions {
		for _, column := range v.AdditionalPrinterColumns {
			complain("column "+column.Name, column.JSONPath)
		}
		for _, selectable := range v.SelectableFields {
			complain("selectable field", selectable.JSONPath)
		}
	}
	return found
}

var filter = regexp.MustCompile(`\[\?\(.*?\)\]`)

func resolves(s schema, path string) bool {
	if path == ".metadata.creationTimestamp" {
		return true
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(filter.ReplaceAllString(path, ".[]"), "."), ".") {
		if name == "[]" {
			if s.Items == nil {
				return false
			}
			s = *s.Items
			continue
		}
		property, ok := s.Properties[name]
		if !ok {
			return false
		}
		s = property
	}
	return true
}

func (d definition) path() string { return d.Spec.Names.Kind }
func (d definition) root() schema { return d.Spec.Versions[0].Schema.OpenAPIV3Schema }

// flow makes YAML in braces independent of the indentation in this file.
func flow(text string) string { return strings.Join(strings.Fields(text), " ") }

func parse(t *testing.T, text string) definition {
	t.Helper()
	var d definition
	if err := yaml.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func generated(t *testing.T) []definition {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs: %v", err)
	}
	var all []definition
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, string(text)))
	}
	return all
}

// sources are Go files: those of this package, and all that may use it.
type sources struct {
	api, all []*ast.File
}

var goRules = map[string]rule[sources]{
	"a comment starts with the serialised name": {
		check: apiFields(func(f apiField) string {
			if first, _, _ := strings.Cut(f.doc.Text(), " "); first != f.serialised {
				return "its comment must start with " + f.serialised
			}
			return ""
		}),
		broken: "type T struct {\n// A is.\nA int `json:\"a\"`\n// b is.\nB int `json:\"b,omitempty\"`\n" +
			"C int `json:\"c\"`\nD int\n}",
		wanted: []string{"T.A: its comment must start with a", "T.C: its comment must start with c"},
	},
	"a field is required or optional": {
		check: apiFields(func(f apiField) string {
			if f.marked("+required") == f.marked("+optional") {
				return "it must have one of +required and +optional"
			}
			return ""
		}),
		broken: "type T struct {\n// a is.\nA int `json:\"a\"`\n// b is.\n// +required\n// +optional\nB int `json:\"b\"`\n" +
			"// c is.\n// +required\nC int `json:\"c\"`\nmetav1.TypeMeta `json:\",inline\"`\n}",
		wanted: []string{
			"T.A: it must have one of +required and +optional",
			"T.B: it must have one of +required and +optional",
		},
	},
	"conditions come first": {
		check: func(s sources) []string {
			var found []string
			for _, spec := range structsOf(s.api) {
				if name := spec.Name.Name; strings.HasSuffix(name, "Status") && firstField(spec) != "Conditions" {
					found = append(found, name+": its first field must be Conditions")
				}
			}
			return found
		},
		broken: "type AStatus struct {\nState string\nConditions []metav1.Condition\n}\ntype BStatus struct {}\n" +
			"type CStatus struct { Conditions []metav1.Condition }",
		wanted: []string{"AStatus: its first field must be Conditions", "BStatus: its first field must be Conditions"},
	},
	"a condition or reason is explained": {
		check: func(s sources) []string {
			var found []string
			for _, c := range vocabulary(s.api) {
				first, _, _ := strings.Cut(c.Doc.Text(), " ")
				if name := c.Names[0].Name; strings.TrimSuffix(first, ":") != name {
					found = append(found, name+": its comment must start with its name")
				}
			}
			return found
		},
		broken: "const (\n// When it is ready.\nReasonReady = \"Ready\"\nConditionReady = \"Ready\"\n" +
			"// ReasonGone: False.\nReasonGone = \"Gone\"\n)",
		wanted: []string{
			"ReasonReady: its comment must start with its name",
			"ConditionReady: its comment must start with its name",
		},
	},
	"a condition or reason is used": {
		check: func(s sources) []string {
			used := mentions(s.all)
			var found []string
			for _, c := range vocabulary(s.api) {
				// The declaration is the first mention.
				if name := c.Names[0].Name; used[name] < 2 {
					found = append(found, name+": nothing uses it")
				}
			}
			return found
		},
		broken: "const ReasonGone = \"Gone\"\n// ReasonReady is in a comment.\nconst ReasonReady = \"ReasonReady\"\n" +
			"const ConditionReady = \"Ready\"\nvar used = v1alpha1.ConditionReady",
		wanted: []string{"ReasonGone: nothing uses it", "ReasonReady: nothing uses it"},
	},
}

func TestGoConventions(t *testing.T) {
	actual := []sources{{
		api: goFiles(t, "."),
		all: goFiles(t, "../../api", "../../internal", "../../cmd"),
	}}
	if len(structsOf(actual[0].api)) == 0 || len(vocabulary(actual[0].api)) == 0 {
		t.Fatal("found no struct or no condition in this package")
	}
	for name, r := range goRules {
		t.Run(name, func(t *testing.T) {
			r.test(t, func(t *testing.T, text string) sources {
				file, err := parser.ParseFile(token.NewFileSet(), "broken.go", "package broken\n"+text, parser.ParseComments)
				if err != nil {
					t.Fatal(err)
				}
				return sources{api: []*ast.File{file}, all: []*ast.File{file}}
			}, actual)
		})
	}
}

// apiField is a field of a struct that has a name in JSON.
type apiField struct {
	doc        *ast.CommentGroup
	serialised string
}

func (f apiField) marked(marker string) bool {
	return slices.Contains(strings.Split(strings.TrimSpace(f.doc.Text()), "\n"), marker)
}

// apiFields makes a rule of a function that says what is wrong with one serialised field.
func apiFields(check func(apiField) string) func(sources) []string {
	return func(s sources) []string {
		var found []string
		for _, spec := range structsOf(s.api) {
			for _, f := range spec.Type.(*ast.StructType).Fields.List {
				if f.Tag == nil {
					continue
				}
				tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
				serialised, _, _ := strings.Cut(tag, ",")
				if serialised == "" || serialised == "-" { // it is not stored
					continue
				}
				if wrong := check(apiField{f.Doc, serialised}); wrong != "" {
					found = append(found, fmt.Sprintf("%s.%s: %s", spec.Name.Name, nameOf(f), wrong))
				}
			}
		}
		return found
	}
}

func structsOf(files []*ast.File) []*ast.TypeSpec {
	var found []*ast.TypeSpec
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if _, ok := spec.Type.(*ast.StructType); ok {
					found = append(found, spec)
				}
			}
			return true
		})
	}
	return found
}

func firstField(spec *ast.TypeSpec) string {
	list := spec.Type.(*ast.StructType).Fields.List
	if len(list) == 0 {
		return ""
	}
	return nameOf(list[0])
}

// nameOf is the name of a field, or the type of an embedded one.
func nameOf(f *ast.Field) string {
	if len(f.Names) > 0 {
		return f.Names[0].Name
	}
	return types.ExprString(f.Type)
}

// vocabulary are the constants that name conditions and reasons.
func vocabulary(files []*ast.File) []*ast.ValueSpec {
	var found []*ast.ValueSpec
	for _, file := range files {
		for _, declaration := range file.Decls {
			constants, ok := declaration.(*ast.GenDecl)
			if !ok || constants.Tok != token.CONST {
				continue
			}
			for _, spec := range constants.Specs {
				value := spec.(*ast.ValueSpec)
				name := value.Names[0].Name
				if strings.HasPrefix(name, "Reason") || strings.HasPrefix(name, "Condition") {
					found = append(found, value)
				}
			}
		}
	}
	return found
}

// mentions counts how often each identifier stands in the files, comments and texts apart.
func mentions(files []*ast.File) map[string]int {
	count := map[string]int{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if identifier, ok := n.(*ast.Ident); ok {
				count[identifier.Name]++
			}
			return true
		})
	}
	return count
}

// goFiles are the Go files in the folders and below, tests apart. A folder may be missing.
func goFiles(t *testing.T, folders ...string) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, folder := range folders {
		if _, err := os.Stat(folder); err != nil {
			continue
		}
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			files = append(files, file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}
