package lookup

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Within makes a cache of some namespaces answer for others as for those in which there is nothing; without namespaces it
// is the cache as it is. People on the internet name namespaces, and must not learn which of them exist.
func Within(of cache.Cache, namespaces []string) cache.Cache {
	if len(namespaces) == 0 {
		return of
	}
	w := within{Cache: of, namespaces: map[string]bool{"": true}} // what is in no namespace, and lists of all of them
	for _, namespace := range namespaces {
		w.namespaces[namespace] = true
	}
	return w
}

type within struct {
	cache.Cache
	namespaces map[string]bool
}

// Get finds an object in one of the namespaces.
func (w within) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if !w.namespaces[key.Namespace] {
		return apierrors.NewNotFound(schema.GroupResource{Group: v1alpha1.GroupVersion.Group}, key.Name)
	}
	return w.Cache.Get(ctx, key, object, options...)
}

// List finds the objects in one of the namespaces, or in all of them.
func (w within) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var asked client.ListOptions
	asked.ApplyOptions(options)
	if !w.namespaces[asked.Namespace] {
		return meta.SetList(list, nil)
	}
	return w.Cache.List(ctx, list, options...)
}
