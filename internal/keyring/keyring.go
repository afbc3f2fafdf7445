// Package keyring keeps the signing keys in a Secret of the operator's namespace: it makes the first one, and follows
// changes, so that adding a key takes effect everywhere without a restart.
package keyring

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	current atomic.Pointer[token.Keyring]
}

// Current is the keys as last seen.
func (k *Keyring) Current() *token.Keyring { return k.current.Load() }

// The keys are read and made in the operator's own namespace only.
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=secrets,resourceNames=partner-operator-keys,verbs=get;list;watch
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=secrets,verbs=create

// Load reads the keys, and makes the first one where there is none. Of two processes that do so at once, one wins and
// both get its key. Reads and writes go to the API server.
func Load(ctx context.Context, live client.Client, namespace string, now time.Time) (*Keyring, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: namespace, Name: SecretName}
	err := live.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		if err = create(ctx, live, namespace, now); err == nil || apierrors.IsAlreadyExists(err) {
			err = live.Get(ctx, key, secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the signing keys in Secret %s/%s: %w", namespace, SecretName, err)
	}
	keys, err := token.NewKeyring(secret.Data)
	if err != nil {
		return nil, fmt.Errorf("the signing keys in Secret %s/%s: %w", namespace, SecretName, err)
	}
	k := &Keyring{}
	k.current.Store(keys)
	return k, nil
}

// create makes the Secret with a first key, and the operator's namespace if there is none, which is so only where the
// operator runs outside the cluster.
func create(ctx context.Context, live client.Client, namespace string, now time.Time) error {
	secret := func() *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace,
				Name:      SecretName,
				Labels:    map[string]string{"app.kubernetes.io/name": "partner-operator"},
			},
			Type: "partner-operator.io/keys",
			Data: map[string][]byte{token.KeyName(now): token.NewKey()},
		}
	}
	err := live.Create(ctx, secret())
	if !apierrors.IsNotFound(err) {
		return err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if err := live.Create(ctx, ns); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %q does not exist; create it or name another with --operator-namespace: %w", namespace, err)
	}
	return live.Create(ctx, secret())
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
		complain(err, "The signing keys cannot be used; going on with the ones before", "secret", secret.Namespace+"/"+SecretName)
		return
	}
	k.current.Store(keys)
}
