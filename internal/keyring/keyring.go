// Package keyring follows the signing keys in a Secret of the operator's namespace, so that adding a key takes effect
// everywhere without a restart. Package mint below it makes the first one.
package keyring

import (
	"context"
	"fmt"
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

// SecretName is the name of the Secret. Each entry is a key of at least token.KeySize bytes, named by the time it was
// made; the last name in order signs, all verify.
const SecretName = "partner-operator-keys"

// Keyring is the current keys of the installation. It is safe for use from many goroutines.
type Keyring struct {
	secret  string // namespace and name
	current atomic.Pointer[token.Keyring]
	first   sync.Once
	known   chan struct{} // closed when there are keys
}

// Current is the keys as last seen; nil: none were seen yet.
func (k *Keyring) Current() *token.Keyring { return k.current.Load() }

// Known is closed once there are keys.
func (k *Keyring) Known() <-chan struct{} { return k.known }

// Missing tells why there are no keys; nil: there are.
func (k *Keyring) Missing() error {
	if k.Current() != nil {
		return nil
	}
	return fmt.Errorf("there are no signing keys in Secret %s yet; the controllers make them at their first start", k.secret)
}

func (k *Keyring) set(keys *token.Keyring) {
	k.current.Store(keys)
	k.first.Do(func() { close(k.known) })
}

// The keys are read in the operator's own namespace only.
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=secrets,resourceNames=partner-operator-keys,verbs=get;list;watch

// Open reads the keys from the API server. If there is no Secret yet, the keyring is empty until Follow sees one.
func Open(ctx context.Context, live client.Reader, namespace string) (*Keyring, error) {
	k := &Keyring{secret: namespace + "/" + SecretName, known: make(chan struct{})}
	secret := &corev1.Secret{}
	err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: SecretName}, secret)
	if apierrors.IsNotFound(err) {
		return k, nil
	}
	var keys *token.Keyring
	if err == nil {
		keys, err = token.NewKeyring(secret.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("the signing keys in Secret %s: %w", k.secret, err)
	}
	k.set(keys)
	return k, nil
}

// CacheOptions limits a manager's cache of Secrets to the one that holds the keys.
func CacheOptions(namespace string) cache.ByObject {
	return cache.ByObject{Namespaces: map[string]cache.Config{
		namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", SecretName)},
	}}
}

// Follow takes over keys as they change. Keys that cannot be used, or that are gone, leave the current ones in place.
func (k *Keyring) Follow(ctx context.Context, informers cache.Informers) error {
	informer, err := informers.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("following the signing keys: %w", err)
	}
	logger := log.FromContext(ctx).WithName("keyring")
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { k.take(logger.Error, object) },
		UpdateFunc: func(_, object any) { k.take(logger.Error, object) },
	})
	return err
}

func (k *Keyring) take(complain func(error, string, ...any), object any) {
	secret, ok := object.(*corev1.Secret)
	if !ok || secret.Name != SecretName {
		return
	}
	keys, err := token.NewKeyring(secret.Data)
	if err != nil {
		complain(err, "The signing keys cannot be used; those before, if there were any, stay in force", "secret", k.secret)
		return
	}
	k.set(keys)
}
