// Package keyring follows the keys of the installation in two Secrets of the operator's namespace, so that adding a key
// takes effect everywhere without a restart. Package mint below it makes the first ones.
package keyring

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/internal/token"
)

const (
	// SecretName is the name of the Secret with the signing keys. Each entry is a key of at least token.KeySize bytes,
	// named by the time it was made; the last name in order signs, all verify.
	SecretName = "partner-operator-keys"
	// MarksSecretName is the name of the Secret with the keys that mark who was a partner. They stay when signing keys are
	// retired. The last name in order makes marks, all recognize them.
	MarksSecretName = "partner-operator-marks"
)

// Keyring is the current keys of the installation. It is safe for use from many goroutines.
type Keyring struct {
	namespace string
	signing   atomic.Pointer[token.Keyring]
	marker    atomic.Pointer[token.Marker]
	first     sync.Once
	known     chan struct{} // closed when there are keys of both kinds

	mutex    sync.Mutex
	data     map[string]map[string][]byte // what was taken over, by the name of the Secret
	watchers map[string][]func()          // likewise
}

// Current returns the signing keys as last seen; nil: none were seen yet.
func (k *Keyring) Current() *token.Keyring { return k.signing.Load() }

// Marker returns what marks who was a partner; nil: its keys were not seen yet.
func (k *Keyring) Marker() *token.Marker { return k.marker.Load() }

// Known is closed once there are keys of both kinds.
func (k *Keyring) Known() <-chan struct{} { return k.known }

// Missing tells why there are no keys; nil: there are.
func (k *Keyring) Missing() error {
	switch {
	case k.Current() == nil:
		return k.missing("signing keys", SecretName)
	case k.Marker() == nil:
		return k.missing("keys for marks", MarksSecretName)
	default:
		return nil
	}
}

func (k *Keyring) missing(what, secret string) error {
	return fmt.Errorf("there are no %s in Secret %s/%s yet; the controllers make them at their first start", what, k.namespace, secret)
}

// OnChange calls a function, from then on, after keys in the Secret of this name were added, replaced or removed.
func (k *Keyring) OnChange(secret string, changed func()) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.watchers[secret] = append(k.watchers[secret], changed)
}

// The keys are read in the operator's own namespace only.
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=secrets,resourceNames=partner-operator-keys;partner-operator-marks,verbs=get;list;watch

// Open reads the keys from the API server. Where there is no Secret yet, the keyring is empty until Follow sees one.
func Open(ctx context.Context, live client.Reader, namespace string) (*Keyring, error) {
	k := &Keyring{namespace: namespace, known: make(chan struct{}), data: map[string]map[string][]byte{}, watchers: map[string][]func(){}}
	for _, name := range []string{SecretName, MarksSecretName} {
		secret := &corev1.Secret{}
		err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err == nil {
			err = k.take(name, secret.Data)
		}
		if err != nil {
			return nil, fmt.Errorf("the keys in Secret %s/%s: %w", namespace, name, err)
		}
	}
	return k, nil
}

// take takes over what a Secret holds. Keys that cannot be used leave those before in place.
func (k *Keyring) take(name string, data map[string][]byte) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if before, known := k.data[name]; known && maps.EqualFunc(before, data, bytes.Equal) {
		return nil
	}
	if name == SecretName {
		keys, err := token.NewKeyring(data)
		if err != nil {
			return err
		}
		k.signing.Store(keys)
	} else {
		marker, err := token.NewMarker(data)
		if err != nil {
			return err
		}
		k.marker.Store(marker)
	}
	k.data[name] = maps.Clone(data)
	if k.Current() != nil && k.Marker() != nil {
		k.first.Do(func() { close(k.known) })
	}
	for _, changed := range k.watchers[name] {
		go changed()
	}
	return nil
}

// CacheOptions limits a cache of Secrets to one that holds keys. As a cache can be limited to one name only, those of both
// are followed by a cache each.
func CacheOptions(namespace, name string) cache.ByObject {
	return cache.ByObject{Namespaces: map[string]cache.Config{
		namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", name)},
	}}
}

// Follow takes over keys as they change. Keys that cannot be used, or that are gone, leave the current ones in place.
func (k *Keyring) Follow(ctx context.Context, caches ...cache.Informers) error {
	logger := log.FromContext(ctx).WithName("keyring")
	take := func(object any) {
		secret, ok := object.(*corev1.Secret)
		if !ok || secret.Name != SecretName && secret.Name != MarksSecretName {
			return
		}
		if err := k.take(secret.Name, secret.Data); err != nil {
			logger.Error(err, "Keys cannot be used; those before, if there were any, stay in force", "secret", k.namespace+"/"+secret.Name)
		}
	}
	for _, informers := range caches {
		informer, err := informers.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
		if err == nil {
			_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: take, UpdateFunc: func(_, object any) { take(object) }})
		}
		if err != nil {
			return fmt.Errorf("following the keys: %w", err)
		}
	}
	return nil
}
