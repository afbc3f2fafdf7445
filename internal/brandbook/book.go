// Package brandbook finds how a namespace presents itself: its brand and the templates of its mail. They stand in
// ConfigMaps. Those are watched by their metadata alone, since a cluster holds many that are nobody's business here, and
// read when they are needed, once for each change.
package brandbook

import (
	"context"
	"fmt"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch

// Book holds what was read. It is safe for use from many goroutines.
type Book struct {
	// Cache reads metadata, Live reads from the API server.
	Cache, Live client.Reader
	// Default is the brand of a namespace without one.
	Default brand.Brand
	// Permissions tell what brands may claim; nil: whatever they like.
	Permissions *Permissions
	// Quotes: what is said of a template may quote any ConfigMap, since it is said to nobody but who can read it. Else
	// only one with v1alpha1.TemplateLabel is quoted: who may name a ConfigMap in an invite may not be allowed to read it.
	Quotes bool

	// parse is mail.ParseTemplate, unless a test has another one.
	parse func(v1alpha1.MailKind, map[string]string) (*mail.Template, error)

	mutex sync.Mutex
	pages map[client.ObjectKey]*page
	live  versions
}

// page is what is known of one ConfigMap. It does not change once it is kept; what takes time is made of it when somebody
// asks, once, and never under the lock that all tenants share.
type page struct {
	// seen is the resourceVersion in the cache when it was read; empty: there was none. version is the one that was read;
	// empty: there is none.
	seen, version string
	*content
}

// content is what stands in a ConfigMap.
type content struct {
	data map[string]string
	// isTemplate: it has the label of templates.
	isTemplate bool

	brand     func() Brand
	templates map[v1alpha1.MailKind]func() (*mail.Template, error)
}

// contentOf is what stands in a ConfigMap. Whoever needs its brand or a template first makes it, and others who need the
// same wait for that alone.
func (b *Book) contentOf(data map[string]string, isTemplate bool) *content {
	c := &content{data: data, isTemplate: isTemplate, templates: map[v1alpha1.MailKind]func() (*mail.Template, error){}}
	c.brand = sync.OnceValue(func() Brand {
		parsed, problem := brand.Parse(data, b.Default)
		if problem != nil {
			problem = inConfigMap(problem)
		}
		return Brand{parsed, problem}
	})
	parse := b.parse
	if parse == nil {
		parse = mail.ParseTemplate
	}
	for _, kind := range v1alpha1.MailKinds {
		c.templates[kind] = sync.OnceValues(func() (*mail.Template, error) { return parse(kind, data) })
	}
	return c
}

// Brand is the brand of a namespace.
type Brand struct {
	brand.Brand
	// Problem says which key of the ConfigMap cannot be used, or claims what the namespace may not; nil: none. The brand
	// then holds the others.
	Problem error
}

// Brand finds the brand of a namespace. It is the default one where there is none.
func (b *Book) Brand(ctx context.Context, namespace string) (Brand, error) {
	p, err := b.read(ctx, client.ObjectKey{Namespace: namespace, Name: brand.ConfigMapName})
	if err != nil || p.version == "" {
		return Brand{Brand: b.Default}, err
	}
	found := p.brand()
	permitted, problem, err := b.Permissions.judge(ctx, namespace, found.Brand, b.Default)
	found.Brand = permitted
	if found.Problem == nil && problem != nil {
		found.Problem = inConfigMap(problem)
	}
	return found, err
}

func inConfigMap(problem error) error {
	return fmt.Errorf("ConfigMap %q: %w", brand.ConfigMapName, problem)
}

// Template finds a template for a kind of mail, or tells why it cannot be used.
func (b *Book) Template(ctx context.Context, namespace, name string, kind v1alpha1.MailKind) (*mail.Template, *program.Unresolved, error) {
	template, wrong, _, err := b.template(ctx, namespace, name, kind)
	return template, wrong, err
}

// template is Template, which also tells how to say what is wrong with a mail that is made from it.
func (b *Book) template(ctx context.Context, namespace, name string, kind v1alpha1.MailKind) (*mail.Template, *program.Unresolved, func(error) *program.Unresolved, error) {
	p, err := b.read(ctx, client.ObjectKey{Namespace: namespace, Name: name})
	if err != nil {
		return nil, nil, nil, err
	}
	if p.version == "" {
		return nil, &program.Unresolved{Reason: v1alpha1.ReasonTemplateNotFound, Message: fmt.Sprintf("ConfigMap %q does not exist in this namespace; create it and this goes on by itself", name)}, nil, nil
	}
	unusable := func(problem error) *program.Unresolved {
		message := problem.Error()
		if !p.isTemplate && !b.Quotes {
			if message = mail.Bare(problem); message != problem.Error() {
				message += fmt.Sprintf("; label the ConfigMap %s=true to be told more", v1alpha1.TemplateLabel)
			}
		}
		return &program.Unresolved{Reason: v1alpha1.ReasonTemplateInvalid, Message: fmt.Sprintf("ConfigMap %q: %s", name, message)}
	}
	template, problem := p.templates[kind]()
	if problem != nil {
		return nil, unusable(problem), nil, nil
	}
	return template, nil, unusable, nil
}

// Follow makes a cache hold the metadata of ConfigMaps before somebody asks for it.
func Follow(ctx context.Context, informers cache.Informers) error {
	var meta metav1.PartialObjectMetadata
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	if _, err := informers.GetInformer(ctx, &meta, cache.BlockUntilSynced(false)); err != nil {
		return fmt.Errorf("following the brands: %w", err)
	}
	return nil
}

// read gives what stands in a ConfigMap. If the API server cannot be asked, it gives what stood there before.
func (b *Book) read(ctx context.Context, key client.ObjectKey) (*page, error) {
	before := b.open(key)
	var meta metav1.PartialObjectMetadata
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	if err := b.Cache.Get(ctx, key, &meta); err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	seen := meta.ResourceVersion
	switch {
	case before.version != "" && (before.seen == seen || before.version == seen):
		return before, nil
	case seen == "":
		return b.keep(key, &page{}), nil
	}
	fresh, err := b.fetch(ctx, key, seen)
	if err != nil && before.version != "" {
		return before, nil
	}
	return fresh, err
}

// fetch reads a ConfigMap from the API server.
func (b *Book) fetch(ctx context.Context, key client.ObjectKey, seen string) (*page, error) {
	var configMap corev1.ConfigMap
	if err := b.Live.Get(ctx, key, &configMap); apierrors.IsNotFound(err) {
		return b.keep(key, &page{}), nil
	} else if err != nil {
		return nil, err
	}
	fresh := &page{seen: seen, version: configMap.ResourceVersion}
	isTemplate := configMap.Labels[v1alpha1.TemplateLabel] == "true"
	if before := b.open(key).content; before != nil && before.isTemplate == isTemplate && maps.Equal(before.data, configMap.Data) {
		fresh.content = before // what was made of it is as good as before
	} else {
		fresh.content = b.contentOf(configMap.Data, isTemplate)
	}
	return b.keep(key, fresh), nil
}

// Confirm asks the API server whether the brand of a namespace is the one that Brand gives. A cache that is behind must
// not make the first mails leave in another name, where a brand and invites are applied together. It is false if it was
// another; from then on Brand gives that.
func (b *Book) Confirm(ctx context.Context, namespace string) (bool, error) {
	key := client.ObjectKey{Namespace: namespace, Name: brand.ConfigMapName}
	before, err := b.read(ctx, key)
	if err != nil {
		return false, err
	}
	version, err := b.live.of(ctx, b.Live, key)
	if err != nil || version == before.version {
		return err == nil, err
	}
	_, err = b.fetch(ctx, key, before.seen)
	return false, err
}

// open finds the page of a ConfigMap. A template counts from now on as one that matters, also if it is not there.
func (b *Book) open(key client.ObjectKey) *page {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if p := b.pages[key]; p != nil {
		return p
	}
	return b.put(key, &page{})
}

// keep notes a page. Several may read the same at once; what is made of it is made once.
func (b *Book) keep(key client.ObjectKey, p *page) *page {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if before := b.pages[key]; before != nil && p.version != "" && before.version == p.version {
		p.content = before.content
	}
	return b.put(key, p)
}

// put is keep for who holds the lock. A brand that is not there is not noted: people can ask for the pages of any number
// of namespaces, which may not even exist.
func (b *Book) put(key client.ObjectKey, p *page) *page {
	if b.pages == nil {
		b.pages = map[client.ObjectKey]*page{}
	}
	if p.version == "" && key.Name == brand.ConfigMapName {
		delete(b.pages, key)
	} else {
		b.pages[key] = p
	}
	return p
}

// Matters tells whether a ConfigMap holds a brand, or a template that somebody has asked for, be it there or not.
func (b *Book) Matters(configMap client.Object) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return configMap.GetName() == brand.ConfigMapName || b.pages[client.ObjectKeyFromObject(configMap)] != nil
}

// CacheOptions keeps the cache of ConfigMaps small: no annotations, which can hold all of a ConfigMap once more, and none
// of those that every namespace has.
func CacheOptions() cache.ByObject {
	return cache.ByObject{
		Field: fields.OneTermNotEqualSelector("metadata.name", "kube-root-ca.crt"),
		Transform: func(object any) (any, error) {
			if meta, ok := object.(client.Object); ok {
				meta.SetAnnotations(nil)
				meta.SetManagedFields(nil)
			}
			return object, nil
		},
	}
}
