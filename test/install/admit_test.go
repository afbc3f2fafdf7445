package install

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// admitted are the objects that were found right already, as they are: most are the same whatever the values say.
var admitted = map[string]bool{}

// admit holds objects against the types of their kinds, and asks the API server whether it would take them, and the pods
// of the Deployments among them.
func admit(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Strict: true})
	for _, object := range objects {
		name := object.GetKind() + " " + object.GetName()
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if admitted[string(text)] {
			continue
		}
		decoded, _, err := strict.Decode(text, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := apply(t, object, client.DryRunAll); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		admitted[string(text)] = true
		if deployment, is := decoded.(*appsv1.Deployment); is {
			admitPod(t, deployment)
		}
	}
}

// apply applies an object as Helm and kubectl apply --server-side do.
func apply(t *testing.T, object *unstructured.Unstructured, options ...client.ApplyOption) error {
	t.Helper()
	options = append(options, client.FieldOwner("install"), client.ForceOwnership)
	return api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object.DeepCopy()), options...)
}

// admitPod asks for a pod of a Deployment, in a namespace that takes restricted pods alone.
func admitPod(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: deployment.Spec.Template.ObjectMeta, Spec: deployment.Spec.Template.Spec}
	pod.Namespace, pod.Name = deployment.Namespace, deployment.Name
	selector, err := metav1.LabelSelectorAsSelector(deployment.Spec.Selector)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.WithFieldValidation(api, metav1.FieldValidationStrict).Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Errorf("a pod of Deployment %s: %v", deployment.Name, err)
	}
	if !selector.Matches(labels.Set(pod.Labels)) {
		t.Errorf("Deployment %s does not select its own pods", deployment.Name)
	}
}

// as is an object of a Go type.
func as[T any](t *testing.T, object *unstructured.Unstructured) *T {
	t.Helper()
	typed := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
	}
	return typed
}
