// Package tombstone remembers, for each program, whose partnerships there were. An address that is remembered and has no
// partnership any more was removed, and join links refuse it.
//
// The memory is written while a partnership is there, not when it goes: so a partnership needs no finalizer, which would
// hang without the operator, and deleting thousands costs nothing. It is kept in ConfigMaps that belong to the program and
// go with it. They hold no address, but a mark of it that only the signing keys can make.
package tombstone

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring"
)

// Label is on the ConfigMaps; its value is the UID of the program.
const Label = "partner-operator.io/tombstones"

// perPage is how many marks a ConfigMap holds. With what the API server adds to each, that is a third of what one can.
const perPage = 5000

// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch

// Yard is the tombstones of all programs. It is safe for use from many goroutines.
type Yard struct {
	// Cache reads metadata, Live reads from the API server.
	Cache, Live client.Reader
	// Keys make the marks.
	Keys *keyring.Keyring

	mutex sync.Mutex
	pages map[client.ObjectKey]page
}

// page is what was read of one ConfigMap, or written to it.
type page struct {
	// seen is the resourceVersion in the cache at that time, version the one that was read or written. A cache that has
	// not seen more than it had then knows nothing new.
	seen, version string
	marks         map[string]bool
}

// Has tells whether an address ever had a partnership in a program.
func (y *Yard) Has(ctx context.Context, p *v1alpha1.Program, address string) (bool, error) {
	pages, err := y.read(ctx, p)
	if err != nil {
		return false, err
	}
	for _, mark := range y.marks(p, address) {
		for _, page := range pages {
			if page.marks[mark] {
				return true, nil
			}
		}
	}
	return false, nil
}

func (y *Yard) marks(p *v1alpha1.Program, address string) []string {
	return y.Keys.Current().Marks(string(p.UID), address)
}

// read gives the pages of a program, by name.
func (y *Yard) read(ctx context.Context, p *v1alpha1.Program) (map[string]page, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	if err := y.Cache.List(ctx, &list, client.InNamespace(p.Namespace), client.MatchingLabels{Label: string(p.UID)}); err != nil {
		return nil, err
	}
	pages := make(map[string]page, len(list.Items))
	for i := range list.Items {
		read, err := y.page(ctx, client.ObjectKeyFromObject(&list.Items[i]), list.Items[i].ResourceVersion)
		if err != nil {
			return nil, err
		}
		pages[list.Items[i].Name] = read
	}
	return pages, nil
}

func (y *Yard) page(ctx context.Context, key client.ObjectKey, version string) (page, error) {
	y.mutex.Lock()
	known, ok := y.pages[key]
	y.mutex.Unlock()
	if ok && (known.version == version || known.seen == version) {
		return known, nil
	}
	var configMap corev1.ConfigMap
	if err := y.Live.Get(ctx, key, &configMap); apierrors.IsNotFound(err) {
		y.forget(key)
		return page{}, nil
	} else if err != nil {
		return page{}, err
	}
	return y.keep(&configMap, version), nil
}

// keep takes over what stands in a ConfigMap.
func (y *Yard) keep(configMap *corev1.ConfigMap, seen string) page {
	read := page{seen: seen, version: configMap.ResourceVersion, marks: make(map[string]bool, len(configMap.Data))}
	for mark := range configMap.Data {
		read.marks[mark] = true
	}
	y.mutex.Lock()
	defer y.mutex.Unlock()
	if y.pages == nil {
		y.pages = map[client.ObjectKey]page{}
	}
	y.pages[client.ObjectKeyFromObject(configMap)] = read
	return read
}

func (y *Yard) forget(key client.ObjectKey) {
	y.mutex.Lock()
	defer y.mutex.Unlock()
	delete(y.pages, key)
}

// pageName is the name of a program's ConfigMap of a number.
func pageName(p *v1alpha1.Program, number int) string {
	head, _, _ := strings.Cut(string(p.UID), "-")
	return fmt.Sprintf("partner-tombstones-%s-%d", head, number)
}

// sorted are the names of pages, the one with the highest number last.
func sorted(pages map[string]page) []string {
	return slices.SortedFunc(maps.Keys(pages), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}
