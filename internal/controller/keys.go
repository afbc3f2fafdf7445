package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/internal/keyring"
)

// onKeys is a source of what is signed or noted with keys of a Secret, which follows a change of them at once.
func onKeys(b base, keys *keyring.Keyring, secret string, find func(context.Context) ([]reconcile.Request, error)) source.Source {
	m := &mapper[string]{retries: b.retries, find: func(ctx context.Context, _ string) ([]reconcile.Request, error) { return find(ctx) }}
	return source.Func(func(ctx context.Context, q requestQueue) error {
		keys.OnChange(secret, func() { lookUp[string]{m, q, ""}.now(ctx, "") })
		return nil
	})
}
