// Package mint makes the first keys. It is apart from package keyring because the portal alone does not: the part that
// faces the internet cannot make Secrets.
package mint

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/token"
)

// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=secrets,verbs=create

// Load reads the keys, and makes the first ones where there are none. Of two processes that do so at once, one wins and
// both get its keys. Reads and writes go to the API server.
func Load(ctx context.Context, live client.Client, namespace string, now time.Time) (*keyring.Keyring, error) {
	keys, err := keyring.Open(ctx, live, namespace)
	if err == nil && keys.Current() == nil {
		err = create(ctx, live, namespace, keyring.SecretName, map[string][]byte{token.KeyName(now): token.NewKey()})
		if err == nil {
			keys, err = keyring.Open(ctx, live, namespace)
		}
	}
	if err == nil && keys.Current() != nil && keys.Marker() == nil {
		if err = createMarks(ctx, live, namespace, now); err == nil {
			keys, err = keyring.Open(ctx, live, namespace)
		}
	}
	if err != nil {
		return nil, err
	}
	return keys, keys.Missing() // somebody removed them at once
}

// createMarks makes the keys for marks: a new one, and those by which marks were made with the signing keys that there
// are. Who was removed under one of these is known as long as those are kept, also once the signing key is retired.
func createMarks(ctx context.Context, live client.Client, namespace string, now time.Time) error {
	var signing corev1.Secret
	if err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: keyring.SecretName}, &signing); err != nil {
		return fmt.Errorf("reading the signing keys in Secret %s/%s: %w", namespace, keyring.SecretName, err)
	}
	keys := map[string][]byte{token.KeyName(now): token.NewKey()}
	for name, secret := range signing.Data {
		keys["0-from-"+name] = token.MarkKey(secret) // before any time in the order of bytes
	}
	return create(ctx, live, namespace, keyring.MarksSecretName, keys)
}

// create makes a Secret with first keys, unless somebody else has, and the operator's namespace if there is none, which is
// so only where the operator runs outside the cluster.
func create(ctx context.Context, live client.Client, namespace, name string, keys map[string][]byte) error {
	secret := func() *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace,
				Name:      name,
				Labels:    map[string]string{"app.kubernetes.io/name": "partner-operator"},
			},
			Type: "partner-operator.io/keys",
			Data: keys,
		}
	}
	err := live.Create(ctx, secret())
	if apierrors.IsNotFound(err) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		if err := live.Create(ctx, ns); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("namespace %q does not exist; create it or name another with --operator-namespace: %w", namespace, err)
		}
		err = live.Create(ctx, secret())
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("making the keys in Secret %s/%s: %w", namespace, name, err)
	}
	return nil
}
