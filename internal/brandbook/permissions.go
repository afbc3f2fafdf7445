package brandbook

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/brand"
)

// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get

// freshPermission is for how long what a Namespace permits is believed. Namespaces are not watched: a right to get one can
// be given in it, without rights in the others.
const freshPermission = time.Minute

// Permissions finds what Namespaces permit their brands to claim. It is safe for use from many goroutines.
type Permissions struct {
	// Live reads from the API server.
	Live client.Reader
	// Required: a Namespace that says nothing permits nothing.
	Required bool
	// Now is the clock.
	Now func() time.Time

	mutex sync.Mutex
	known map[string]*permission
}

type permission struct {
	brand.Permission
	read time.Time
	// lacking: the brand claims more.
	lacking bool
}

// judge takes out of the brand of a namespace what it may not claim. The error of problem is for people, err is that this
// could not be found out.
func (p *Permissions) judge(ctx context.Context, namespace string, b, defaults brand.Brand) (permitted brand.Brand, problem, err error) {
	if p == nil || !b.Claims(defaults) {
		return b, nil, nil
	}
	found, err := p.of(ctx, namespace)
	if err != nil {
		return b, nil, err
	}
	permitted, problem = b.Permit(found, defaults)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if known := p.known[namespace]; known != nil {
		known.lacking = problem != nil
	}
	return permitted, problem, nil
}

// of is what a Namespace permits. If the API server cannot be asked, it is what was permitted before.
func (p *Permissions) of(ctx context.Context, namespace string) (brand.Permission, error) {
	p.mutex.Lock()
	known := p.known[namespace]
	if known != nil && p.Now().Sub(known.read) < freshPermission {
		defer p.mutex.Unlock()
		return known.Permission, nil
	}
	if known != nil {
		known.read = p.Now() // others need not ask as well
	}
	p.mutex.Unlock()
	fresh, err := p.read(ctx, namespace)
	switch {
	case err != nil && known != nil:
		return known.Permission, nil
	case err != nil:
		return brand.Permission{}, err
	}
	p.keep(namespace, fresh)
	return fresh, nil
}

// read asks the API server. Somebody who may not read the Namespace is told of no permission.
func (p *Permissions) read(ctx context.Context, namespace string) (brand.Permission, error) {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	var meta metav1.PartialObjectMetadata
	meta.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := p.Live.Get(ctx, client.ObjectKey{Name: namespace}, &meta)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
		return brand.Permission{}, fmt.Errorf("reading what the Namespace permits: %w", err)
	}
	return brand.ParsePermission(meta.Annotations, p.Required), nil
}

// keep takes over what a Namespace permits, and tells whether that is something else than before.
func (p *Permissions) keep(namespace string, fresh brand.Permission) (changed bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.known == nil {
		p.known = map[string]*permission{}
	}
	before := p.known[namespace]
	if before == nil {
		p.known[namespace] = &permission{Permission: fresh, read: p.Now()}
		return true
	}
	changed = !reflect.DeepEqual(before.Permission, fresh)
	before.Permission, before.read = fresh, p.Now()
	return changed
}

// Reconsider asks again for the namespaces whose brands claim more than they may, and gives those where that has changed.
func (p *Permissions) Reconsider(ctx context.Context) (changed []string) {
	if p == nil {
		return nil
	}
	var lacking []string
	p.mutex.Lock()
	for namespace, known := range p.known {
		if known.lacking {
			lacking = append(lacking, namespace)
		}
	}
	p.mutex.Unlock()
	for _, namespace := range lacking {
		if fresh, err := p.read(ctx, namespace); err == nil && p.keep(namespace, fresh) {
			changed = append(changed, namespace)
		}
	}
	return changed
}
