package install

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// withoutKinds leaves out what is large and mostly the same.
const withoutKinds = "crd: {enabled: false}"

// below are the values that a row is put over: what is required, and, where a row does not speak of them, no kinds.
func (r row) below() []string {
	if strings.Contains(r.values, "crd:") {
		return []string{required}
	}
	return []string{required, withoutKinds}
}

// layers are all values of a row.
func (r row) layers() []string {
	return append(r.below(), strings.Split(r.values, "\n---\n")...)
}

func TestLint(t *testing.T) {
	for name, texts := range map[string][]string{"nothing set": nil, "what is required": {required}, "all on": append(matrix["all on"].layers(), "crd: {enabled: true}")} {
		given, err := values(texts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range lint.RunAll(chart, given, operatorNamespace).Messages {
			if message.Severity >= support.WarningSev {
				t.Errorf("%s: %s", name, message)
			}
		}
	}
}

// Each row renders what it says, is right for its kinds, and the API server takes it.
func TestMatrix(t *testing.T) {
	for name, test := range matrix {
		t.Run(name, func(t *testing.T) {
			objects := mustTemplate(t, test.layers()...)
			text := dump(t, objects)
			if text == dump(t, mustTemplate(t, test.below()...)) {
				t.Error("it changes nothing")
			}
			for _, want := range test.shows {
				if !strings.Contains(text, want) {
					t.Errorf("it does not show %q", want)
				}
			}
			admit(t, objects)
		})
	}
}

// A template that names a value which is not in values.yaml would take it for unset.
func TestTemplatesNameOnlyValuesThatThereAre(t *testing.T) {
	for name, test := range matrix {
		given, err := values(test.layers()...)
		if err != nil {
			t.Fatal(err)
		}
		loaded := load(t)
		all, err := chartutil.ToRenderValues(loaded, given, common.ReleaseOptions{Name: "partner-operator", Namespace: operatorNamespace}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (engine.Engine{Strict: true}).RenderWithContext(t.Context(), loaded, all); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// GitOps engines render without a cluster, again and again, and take each difference for a change.
func TestTemplatesAskAndMakeUpNothing(t *testing.T) {
	unsteady := regexp.MustCompile(`\b(lookup|now|date|htpasswd|derivePassword|uuidv4|getHostByName|rand\w+|gen(CA|PrivateKey|SelfSignedCert|SignedCert)\w*|\.Capabilities)\b`)
	for _, file := range load(t).Templates {
		if found := unsteady.Find(file.Data); found != nil && !strings.HasSuffix(file.Name, "NOTES.txt") {
			t.Errorf("%s uses %s", file.Name, found)
		}
	}
	if first, second := dump(t, mustTemplate(t, matrix["all on"].layers()...)), dump(t, mustTemplate(t, matrix["all on"].layers()...)); first != second {
		t.Error("the same values render differently")
	}
}

// Each value is set by some row to something else than its default.
func TestMatrixSetsEachValue(t *testing.T) {
	set := map[string]bool{}
	defaults := leaves(defaultValues(t))
	for _, test := range matrix {
		given, err := values(test.layers()...)
		if err != nil {
			t.Fatal(err)
		}
		for path, value := range leaves(given) {
			for outer := range defaults {
				if (path == outer || strings.HasPrefix(path, outer+".")) && !reflect.DeepEqual(value, defaults[outer]) {
					set[outer] = true
				}
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(defaults)) {
		if !set[path] && !strings.HasPrefix(path, "manager.securityContext.") && !strings.HasPrefix(path, "manager.podSecurityContext.") {
			t.Errorf("no row sets %s", path)
		}
	}
}

// The notes tell who has installed the chart what to do next.
func TestNotes(t *testing.T) {
	for name, test := range map[string]struct {
		values      string
		says, hides []string
	}{
		"nothing but what is required": {
			"{}",
			[]string{"rollout status deployment/partner-operator\n", "No mail leaves", "Let https://partners.example.com lead to the Service partner-operator-portal", "kubectl create namespace acme", "The kinds stay"},
			[]string{"WARNING", "create secret"},
		},
		"a mail server with a password": {smtpUser, []string{"create secret generic mail-password --from-file=password=FILE"}, []string{"No mail leaves"}},
		"parts": {
			"portal: {separate: true}",
			[]string{"deployment/partner-operator-controllers\n", "deployment/partner-operator-portal\n", "--deployment=partner-operator-controllers"}, nil,
		},
		"some namespaces": {"namespaces: [globex]", []string{"kubectl -n globex apply", "kubectl -n globex get pinvite"}, []string{"create namespace", "acme"}},
		"ingress":         {"ingress: {enabled: true}", []string{"The portal is at https://partners.example.com when", "WARNING: portal.trustedProxies is not set"}, []string{"ingress.enabled"}},
		"ingress, whose networks are known": {
			"ingress: {enabled: true}\nportal: {trustedProxies: [10.0.0.0/8]}", []string{"The portal is at https://partners.example.com when"}, []string{"trustedProxies"},
		},
		"kinds that go": {"crd: {keep: false}", []string{"WARNING: crd.keep is false"}, []string{"The kinds stay"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, notes, err := template(t, required, test.values)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.says {
				if !strings.Contains(notes, want) {
					t.Errorf("%q is not said: %s", want, notes)
				}
			}
			for _, unwanted := range test.hides {
				if strings.Contains(notes, unwanted) {
					t.Errorf("%q is said: %s", unwanted, notes)
				}
			}
		})
	}
}

func defaultValues(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	given, err := values(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return given
}

// leaves are the values that hold no others, by their paths. An empty map is one.
func leaves(tree map[string]any) map[string]any {
	found := map[string]any{}
	for key, value := range tree {
		inner, isMap := value.(map[string]any)
		if !isMap || len(inner) == 0 {
			found[key] = value
			continue
		}
		for path, leaf := range leaves(inner) {
			found[key+"."+path] = leaf
		}
	}
	return found
}

func dump(t *testing.T, objects []*unstructured.Unstructured) string {
	t.Helper()
	var all strings.Builder
	for _, object := range objects {
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n" + string(text))
	}
	return all.String()
}
