package gitops

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// foreign are the kinds of others that the document shows.
var foreign = []string{
	"kustomize.config.k8s.io/v1beta1 Kustomization", "argoproj.io/v1alpha1 Application", "argoproj.io/v1alpha1 AppProject",
	"source.toolkit.fluxcd.io/v1 GitRepository", "kustomize.toolkit.fluxcd.io/v1 Kustomization",
}

var example = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// The API server takes every example of ours in the document, and the samples; the others are at least YAML of a kind
// that is known.
func TestExamplesInTheDocument(t *testing.T) {
	const ns = "examples"
	tenant(t, ns)
	strict := client.WithFieldValidation(client.NewDryRunClient(api), metav1.FieldValidationStrict)
	text := readFile(t, document)
	samples := kubectl(t, "", "kustomize", "../../config/samples")
	ours, theirs := 0, map[string]bool{}
	for _, block := range append(example.FindAllStringSubmatch(text, -1), []string{"", samples}) {
		for _, object := range objects(t, "", block[1]) {
			kind := object.GetAPIVersion() + " " + object.GetKind()
			if object.GetAPIVersion() != v1alpha1.GroupVersion.String() && kind != "v1 ConfigMap" {
				theirs[kind] = true
				continue
			}
			object.SetNamespace(ns)
			if err := strict.Create(t.Context(), object); err != nil {
				t.Errorf("%s %s: %v", kind, object.GetName(), err)
			}
			ours++
		}
	}
	if ours < 15 || len(theirs) != len(foreign) {
		t.Errorf("there are %d examples of ours and %d kinds of others", ours, len(theirs))
	}
	for _, kind := range foreign {
		if !theirs[kind] {
			t.Errorf("there is no example of %s", kind)
		}
	}
}

// The Application of the document applies on the server, which alone refuses a misspelt field to Argo CD.
func TestApplicationInTheDocument(t *testing.T) {
	for _, block := range example.FindAllStringSubmatch(readFile(t, document), -1) {
		for _, object := range objects(t, "", block[1]) {
			if object.GetKind() != "Application" {
				continue
			}
			options, _, err := unstructured.NestedStringSlice(object.Object, "spec", "syncPolicy", "syncOptions")
			if err != nil || !slices.Contains(options, "ServerSideApply=true") {
				t.Errorf("it has the options %q: %v", options, err)
			}
			return
		}
	}
	t.Error("there is none")
}

// What the document sets in commands and examples is there under that name.
func TestNamesInTheDocument(t *testing.T) {
	text := readFile(t, document)
	deployment := readFile(t, "../../config/manager/deployment.yaml")
	if !strings.Contains(deployment, "name: partner-operator\n") || !strings.Contains(text, "deployment/partner-operator ") {
		t.Error("the deployment has another name")
	}
	for _, kind := range kinds {
		plural := strings.ToLower(kind) + "s." + v1alpha1.GroupVersion.Group
		if !strings.Contains(text, plural) {
			t.Errorf("the restore leaves out the status of %s", plural)
		}
		readFile(t, "../../config/crd/bases/"+v1alpha1.GroupVersion.Group+"_"+strings.ToLower(kind)+"s.yaml")
	}
	for _, word := range regexp.MustCompile(`PARTNER_OPERATOR_[A-Z_]+`).FindAllString(text, -1) {
		flag := "--" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(word, "PARTNER_OPERATOR_")), "_", "-")
		if !strings.Contains(readFile(t, "../../docs/operations.md"), "`"+flag+"`") {
			t.Errorf("%s stands for no flag", word)
		}
	}
}
