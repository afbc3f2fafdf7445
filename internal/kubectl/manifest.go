package kubectl

import (
	"encoding/json"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// toolMarks begin the names of labels and annotations that belong to whoever applied an object, not to its content.
var toolMarks = []string{
	"argocd.argoproj.io/tracking-id", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "kustomize.toolkit.fluxcd.io/",
	"helm.toolkit.fluxcd.io/", "meta.helm.sh/", "kubectl.kubernetes.io/", v1alpha1.ResendAnnotation, v1alpha1.SignOutAnnotation,
}

// manifest is an object as it stands in Git: what people decide, and nothing that the cluster adds.
func manifest(object client.Object, scheme *runtime.Scheme) (*unstructured.Unstructured, error) {
	gvk, err := apiutil.GVKForObject(object, scheme)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	clean := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &clean.Object); err != nil {
		return nil, err
	}
	delete(clean.Object, "status")
	clean.Object["metadata"] = map[string]any{}
	clean.SetGroupVersionKind(gvk)
	clean.SetName(object.GetName())
	clean.SetNamespace(object.GetNamespace())
	if kept := withoutToolMarks(object.GetLabels()); len(kept) > 0 {
		clean.SetLabels(kept)
	}
	if kept := withoutToolMarks(object.GetAnnotations()); len(kept) > 0 {
		clean.SetAnnotations(kept)
	}
	for field, usual := range map[string]string{"source": "Admin", "invitation": "None", "portalAccess": "Enabled"} {
		if value, _, _ := unstructured.NestedString(clean.Object, "spec", field); value == usual {
			unstructured.RemoveNestedField(clean.Object, "spec", field)
		}
	}
	if links, _, _ := unstructured.NestedString(clean.Object, "spec", "onRemoval", "links"); links == "Redirect" {
		unstructured.RemoveNestedField(clean.Object, "spec", "onRemoval")
	}
	return clean, nil
}

func withoutToolMarks(from map[string]string) map[string]string {
	kept := maps.Clone(from)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		for _, mark := range toolMarks {
			if strings.HasPrefix(name, mark) {
				return true
			}
		}
		return false
	})
	return kept
}
