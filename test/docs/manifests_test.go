package docs

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kubeyaml "sigs.k8s.io/yaml"
)

// Every manifest of every page is one that the API server takes.
func TestManifests(t *testing.T) {
	w := theWorld(t)
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	applied := 0
	for _, p := range projectPages(t) {
		for _, s := range p.steps {
			if s.lang != "yaml" || s.notApplied != "" {
				continue
			}
			took, err := w.tryManifests(t, s.text)
			if err != nil {
				t.Errorf("%s:%d: %v", p.file, s.line, err)
			}
			applied += took
		}
	}
	t.Logf("the API server took %d objects", applied)
}

// tryManifests lets the API server judge each object of a text, and tells how many it took. Of yaml that holds no object of
// Kubernetes it only sees whether it is yaml.
func (w *world) tryManifests(t *testing.T, text string) (took int, err error) {
	reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return took, nil
		}
		if err != nil {
			return took, err
		}
		var content any
		if err := kubeyaml.UnmarshalStrict(document, &content); err != nil {
			return took, err
		}
		fields, ok := content.(map[string]any)
		if !ok || fields["apiVersion"] == nil || fields["kind"] == nil {
			continue
		}
		served, err := w.try(t, &unstructured.Unstructured{Object: fields})
		if err != nil {
			return took, err
		}
		if served {
			took++
		}
	}
}

// foreign are the groups of kinds that this control plane does not serve.
var foreign = []string{".fluxcd.io", "argoproj.io", "kustomize.config.k8s.io", "gateway.networking.k8s.io", ".coreos.com", "velero.io", "cert-manager.io", "external-secrets.io", "bitnami.com"}

// try lets the API server judge one object, by a server-side apply that it forgets. It is false for a kind of others.
func (w *world) try(t *testing.T, object *unstructured.Unstructured) (served bool, err error) {
	kind := object.GroupVersionKind()
	mapping, err := w.api.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		for _, group := range foreign {
			if strings.HasSuffix(kind.Group, group) {
				return false, nil
			}
		}
	}
	if err != nil {
		return false, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		// Which namespace it is decides nothing, so one that is not there need not be made.
		if err := w.api.Get(t.Context(), client.ObjectKey{Name: object.GetNamespace()}, &corev1.Namespace{}); object.GetNamespace() == "" || apierrors.IsNotFound(err) {
			object.SetNamespace(namespace)
		} else if err != nil {
			return false, err
		}
	}
	err = w.api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("docs"), client.ForceOwnership, client.DryRunAll)
	return true, err
}
