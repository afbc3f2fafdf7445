package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/internal/keyring"
)

// onKeys is a source of what is signed or noted with keys of a Secret, which follows a change of them at once.
func onKeys(keys *keyring.Keyring, secret string, follow func(context.Context) ([]reconcile.Request, error)) source.Source {
	return source.Func(func(ctx context.Context, queue queue) error {
		keys.OnChange(secret, func() {
			requests, err := follow(ctx)
			if err != nil && ctx.Err() == nil {
				log.FromContext(ctx).Error(err, "What has to follow a changed key could not be found", "secret", secret)
			}
			for _, request := range requests {
				queue.Add(request)
			}
		})
		return nil
	})
}
