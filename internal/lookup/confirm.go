package lookup

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Confirm returns a client that reads our kinds from a cache, and while a watch is broken confirms with the API server what
// the cache says of them. What the API server does not answer is an error then: access is not granted by a cache that may
// be wrong.
func Confirm(cached client.Client, live client.Reader, broken func() bool) client.Client {
	return confirming{cached, live, broken}
}

// patience is how long the API server may take to confirm something. Clients retry for longer than anybody waits for a page.
const patience = 3 * time.Second

type confirming struct {
	client.Client
	live   client.Reader
	broken func() bool
}

// needed reports whether what the cache says of some objects has to be confirmed.
func (c confirming) needed(o runtime.Object) bool {
	if !c.broken() {
		return false
	}
	kinds, _, err := c.Scheme().ObjectKinds(o)
	return err == nil && kinds[0].Group == v1alpha1.GroupVersion.Group
}

// Get reads an object.
func (c confirming) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if c.needed(object) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return c.live.Get(ctx, key, object, options...)
	}
	return c.Client.Get(ctx, key, object, options...)
}

// List finds objects. By an index, which the API server does not have, those are found that the cache knows, as they are by
// now; a new one may be missing, which gives nobody access.
func (c confirming) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if !c.needed(list) {
		return c.Client.List(ctx, list, options...)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var asked client.ListOptions
	asked.ApplyOptions(options)
	if asked.FieldSelector == nil {
		return c.live.List(ctx, list, &client.ListOptions{Namespace: asked.Namespace, LabelSelector: asked.LabelSelector})
	}
	asked.UnsafeDisableDeepCopy = nil // they are changed below
	if err := c.Client.List(ctx, list, &asked); err != nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	confirmed := make([]runtime.Object, 0, len(items))
	for _, item := range items {
		known := item.(client.Object)
		found := known.DeepCopyObject().(client.Object)
		err := c.live.Get(ctx, client.ObjectKeyFromObject(known), found)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return err
		case found.GetUID() == known.GetUID():
			confirmed = append(confirmed, found)
		}
	}
	return meta.SetList(list, confirmed)
}
