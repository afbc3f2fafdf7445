package lookup

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// someNamespaces is a cache of the namespace acme alone: as the real one, it fails for any other.
type someNamespaces struct {
	cache.Cache
	client.Reader
}

var errUnknown = errors.New("unknown namespace for the cache")

func (s someNamespaces) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Namespace != "acme" {
		return errUnknown
	}
	return s.Reader.Get(ctx, key, object, options...)
}

func (s someNamespaces) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	if asked.Namespace != "acme" && asked.Namespace != "" {
		return errUnknown
	}
	return s.Reader.List(ctx, list, options...)
}

func TestWithin(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral"}},
		&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "globex", Name: "referral"}},
	).Build()
	of := Within(someNamespaces{Reader: reader}, []string{"acme"})
	for namespace, there := range map[string]bool{"acme": true, "globex": false, "nobody": false} {
		err := of.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "referral"}, &v1alpha1.Program{})
		if (err == nil) != there || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("getting one in %s: %v", namespace, err)
		}
		found := v1alpha1.ProgramList{Items: make([]v1alpha1.Program, 3)}
		if err := of.List(t.Context(), &found, client.InNamespace(namespace)); err != nil || (len(found.Items) > 0) != there {
			t.Errorf("listing those in %s: %v, %v", namespace, found.Items, err)
		}
	}
	var all v1alpha1.ProgramList
	if err := of.List(t.Context(), &all); err != nil || len(all.Items) == 0 {
		t.Errorf("listing all: %v, %v", all.Items, err)
	}
	if err := Within(someNamespaces{Reader: reader}, nil).Get(t.Context(), client.ObjectKey{Namespace: "globex", Name: "referral"}, &v1alpha1.Program{}); !errors.Is(err, errUnknown) {
		t.Errorf("without namespaces the cache is not the one it was: %v", err)
	}
}
