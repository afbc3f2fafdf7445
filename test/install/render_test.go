package install

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	release "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// required is the one value that has no default.
const required = "portal: {url: https://partners.example.com}"

// load reads the chart as it is now.
func load(t *testing.T) *helmchart.Chart {
	t.Helper()
	loaded, err := loader.LoadDir(chart)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// values puts several texts over each other, the last on top.
func values(texts ...string) (map[string]any, error) {
	all := map[string]any{}
	for _, text := range texts {
		var these map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &these); err != nil {
			return nil, fmt.Errorf("%w: %s", err, text)
		}
		all = overlay(all, these)
	}
	return all, nil
}

func overlay(below, above map[string]any) map[string]any {
	for key, value := range above {
		under, isMap := below[key].(map[string]any)
		over, areMaps := value.(map[string]any)
		if isMap && areMaps {
			value = overlay(under, over)
		}
		below[key] = value
	}
	return below
}

// template does what helm template does, and gives the objects in order and the notes.
func template(t *testing.T, texts ...string) ([]*unstructured.Unstructured, string, error) {
	t.Helper()
	given, err := values(texts...)
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy, install.ReleaseName, install.Namespace = action.DryRunClient, "partner-operator", operatorNamespace
	install.KubeVersion = kubeVersion
	released, err := install.RunWithContext(t.Context(), load(t), given)
	if err != nil {
		return nil, "", err
	}
	made := released.(*release.Release)
	objects, err := parse([]byte(made.Manifest))
	return objects, made.Info.Notes, err
}

// mustTemplate is template of values that are right.
func mustTemplate(t *testing.T, texts ...string) []*unstructured.Unstructured {
	t.Helper()
	objects, _, err := template(t, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// kustomize does what kustomize build does with a folder of the project.
func kustomize(path string) ([]*unstructured.Unstructured, error) { return build(folder(path)) }

func build(path string) ([]*unstructured.Unstructured, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // as kustomize build and kubectl kustomize do
	built, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		return nil, fmt.Errorf("kustomize build %s: %w", path, err)
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	return parse(text)
}

func mustKustomize(t *testing.T, paths ...string) (all []*unstructured.Unstructured) {
	t.Helper()
	for _, path := range paths {
		objects, err := kustomize(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, objects...)
	}
	return all
}

// parse reads a file of several documents. A key that comes twice is an error.
func parse(text []byte) (objects []*unstructured.Unstructured, err error) {
	documents := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document, &object.Object); err != nil {
			return nil, fmt.Errorf("%w: %s", err, document)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// moduleDir is where the source of a module is that this one needs.
func moduleDir(path string) (string, error) {
	said, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", path, err)
	}
	return strings.TrimSpace(string(said)), nil
}

// only are the objects of some kinds, ordered by name.
func only(objects []*unstructured.Unstructured, kinds ...string) (found []*unstructured.Unstructured) {
	for _, object := range objects {
		if slices.Contains(kinds, object.GetKind()) {
			found = append(found, object)
		}
	}
	slices.SortStableFunc(found, func(a, b *unstructured.Unstructured) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return found
}
