// Package tombstone remembers, for each program, whose partnerships there were. An address that is remembered and has no
// partnership any more was removed, and join links refuse it.
//
// The memory is written while a partnership is there, not when it goes: so a partnership needs no finalizer, which would
// hang without the operator, and deleting thousands costs nothing. It is kept in ConfigMaps, called pages, in the
// operator's namespace, where tenants can neither erase nor occupy them. They hold no address, but a mark of it that only
// the keys for marks can make.
package tombstone

import (
	"context"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring"
)

const (
	// Label is on the pages; its value is the UID of the program.
	Label = "partner-operator.io/tombstones"
	// NamespaceLabel is on the pages; its value is the namespace of the program.
	NamespaceLabel = "partner-operator.io/namespace"
	// ProgramAnnotation is on the pages; its value is the name of the program.
	ProgramAnnotation = "partner-operator.io/program"
)

const (
	// perPage is how many marks a page holds. With what the API server adds to each, that is a third of what one can.
	perPage = 5000
	// mostPages is how many pages the programs of a namespace can have: a million marks. It bounds what a tenant can make
	// all replicas keep in memory, to about 70 MB.
	mostPages = 200
)

// byProgram is an index of the cache of pages.
const byProgram = "program"

// Both parts read the pages in the operator's own namespace; those that earlier versions made are in the tenants'.
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=configmaps,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch

// CacheOptions limits a cache of ConfigMaps to the pages.
func CacheOptions(namespace string) cache.ByObject {
	exists, err := labels.NewRequirement(Label, selection.Exists, nil)
	if err != nil {
		panic(err) // only for a label that is none
	}
	return cache.ByObject{Label: labels.NewSelector().Add(*exists), Namespaces: map[string]cache.Config{namespace: {}}}
}

// AddIndex makes the index of a cache of pages. Call it before the cache starts.
func AddIndex(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &corev1.ConfigMap{}, byProgram, programUID); err != nil {
		return fmt.Errorf("indexing who was a partner: %w", err)
	}
	return nil
}

// Lost reports whether marks that stood on a page are gone; after is nil if the page is.
func Lost(before, after client.Object) bool {
	was, is := marksOf(before), marksOf(after)
	for mark := range was {
		if _, there := is[mark]; !there {
			return true
		}
	}
	return false
}

func marksOf(page client.Object) map[string]string {
	if configMap, ok := page.(*corev1.ConfigMap); ok && configMap != nil {
		return configMap.Data
	}
	return nil
}

func programUID(page client.Object) []string { return []string{page.GetLabels()[Label]} }

// Store is who was a partner, in all programs. It is safe for use from many goroutines.
type Store struct {
	// Pages is a cache with CacheOptions and AddIndex, and Namespace the operator's, of which it is.
	Pages     client.Reader
	Namespace string
	// Cache reads programs, and metadata of ConfigMaps. Live reads from the API server.
	Cache, Live client.Reader
	// Keys make the marks.
	Keys *keyring.Keyring

	mutex sync.Mutex
	older map[client.ObjectKey]olderPage
}

// What is noted with a mark.
const (
	// inForce: a partnership was there, and if there is none any more, the company removed it.
	inForce = ""
	// released: they left by themselves, and nothing was removed.
	released = "released"
)

// Has tells whether an address ever had a partnership in a program, and did not leave it by itself.
func (s *Store) Has(ctx context.Context, p *v1alpha1.Program, address string) (bool, error) {
	return s.has(ctx, p, Marks(s.Keys, p, address))
}

// HadMember tells whether a person ever was in a team with a partnership in a program, and did not leave it before that
// was ended.
func (s *Store) HadMember(ctx context.Context, p *v1alpha1.Program, address string) (bool, error) {
	return s.has(ctx, p, memberMarks(s.Keys, p, address))
}

// has tells whether one of the marks of an address is in force. The first, which the newest key made, goes before others.
func (s *Store) has(ctx context.Context, p *v1alpha1.Program, marks []string) (bool, error) {
	pages, err := s.pages(ctx, p)
	if err != nil {
		return false, err
	}
	for _, mark := range marks {
		if value, there := noted(pages, mark); there {
			return value == inForce, nil
		}
	}
	older, err := s.olderPages(ctx, p)
	if err != nil {
		return false, err
	}
	for _, page := range older {
		if slices.ContainsFunc(marks, func(mark string) bool { _, there := page.marks[mark]; return there }) {
			return true, nil
		}
	}
	return false, nil
}

// noted is what pages note of a mark; false: nothing. What is noted on two of them was released only if both say so.
func noted(pages []corev1.ConfigMap, mark string) (value string, there bool) {
	for i := range pages {
		if now, on := pages[i].Data[mark]; on {
			if now == inForce {
				return now, true
			}
			value, there = now, true
		}
	}
	return value, there
}

// Marks returns what stands for an address in the pages of a program: its mark by each of the keys that there are. It was
// the signing keys that made marks before marks had keys of their own.
func Marks(keys *keyring.Keyring, p *v1alpha1.Program, address string) []string {
	return append(keys.Marker().Marks(string(p.UID), address), keys.Current().Marks(string(p.UID), address)...)
}

// members is what the people of teams are marked for: a mark of one in a team tells nothing about a partnership of their own.
func members(p *v1alpha1.Program) string { return "members of " + string(p.UID) }

func memberMarks(keys *keyring.Keyring, p *v1alpha1.Program, address string) []string {
	return keys.Marker().Marks(members(p), address)
}

// pages lists the pages of a program. They are those of the cache, so they must not be changed.
func (s *Store) pages(ctx context.Context, p *v1alpha1.Program) ([]corev1.ConfigMap, error) {
	var list corev1.ConfigMapList
	err := s.Pages.List(ctx, &list, client.InNamespace(s.Namespace), client.MatchingFields{byProgram: string(p.UID)}, client.UnsafeDisableDeepCopy)
	return list.Items, err
}

// olderPage is what was read of a page that an earlier version made.
type olderPage struct {
	version string // its resourceVersion
	marks   map[string]struct{}
}

// olderPages lists what earlier versions noted, in ConfigMaps of the tenant's namespace. Nothing is added to them.
func (s *Store) olderPages(ctx context.Context, p *v1alpha1.Program) ([]olderPage, error) {
	if p.Namespace == s.Namespace {
		return nil, nil // they are in the cache of pages
	}
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	if err := s.Cache.List(ctx, &list, client.InNamespace(p.Namespace), client.MatchingLabels{Label: string(p.UID)}); err != nil {
		return nil, err
	}
	pages := make([]olderPage, 0, len(list.Items))
	for i := range list.Items {
		page, err := s.olderPage(ctx, client.ObjectKeyFromObject(&list.Items[i]), list.Items[i].ResourceVersion)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

// olderPage reads a page, unless it is known as of this version.
func (s *Store) olderPage(ctx context.Context, key client.ObjectKey, version string) (olderPage, error) {
	s.mutex.Lock()
	known, ok := s.older[key]
	s.mutex.Unlock()
	if ok && known.version == version {
		return known, nil
	}
	read := olderPage{version: version, marks: map[string]struct{}{}}
	var configMap corev1.ConfigMap
	if err := s.Live.Get(ctx, key, &configMap); client.IgnoreNotFound(err) != nil {
		return read, err
	} else if apierrors.IsNotFound(err) {
		return read, nil
	}
	for mark := range configMap.Data {
		read.marks[mark] = struct{}{}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.older == nil {
		s.older = map[client.ObjectKey]olderPage{}
	}
	s.older[key] = read
	return read, nil
}
