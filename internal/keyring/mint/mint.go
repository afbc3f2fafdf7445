// Package mint makes the first signing key. It is apart from package keyring because the portal alone does not: the part
// that faces the internet cannot make Secrets.
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

// Load reads the keys, and makes the first one where there is none. Of two processes that do so at once, one wins and
// both get its key. Reads and writes go to the API server.
func Load(ctx context.Context, live client.Client, namespace string, now time.Time) (*keyring.Keyring, error) {
	keys, err := keyring.Open(ctx, live, namespace)
	if err != nil || keys.Current() != nil {
		return keys, err
	}
	if err := create(ctx, live, namespace, now); err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("making the signing keys in Secret %s/%s: %w", namespace, keyring.SecretName, err)
	}
	if keys, err = keyring.Open(ctx, live, namespace); err == nil && keys.Current() == nil {
		err = keys.Missing() // somebody removed them at once
	}
	return keys, err
}

// create makes the Secret with a first key, and the operator's namespace if there is none, which is so only where the
// operator runs outside the cluster.
func create(ctx context.Context, live client.Client, namespace string, now time.Time) error {
	secret := func() *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace,
				Name:      keyring.SecretName,
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
