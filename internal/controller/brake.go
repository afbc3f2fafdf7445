package controller

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/program"
)

// brake asks the quota for those who do not know it yet.
type brake struct {
	quota *courier.Quota
	now   func() time.Time
}

func newBrake(cache client.Reader, now func() time.Time) *brake {
	return &brake{courier.NewQuota(cache, now), now}
}

// until returns a function that tells why and until when a scope can send nothing; the zero time: it can.
func (b *brake) until(ctx context.Context, namespace string, catalog program.Catalog) func([]v1alpha1.ProgramGrant) (string, time.Time) {
	return func(scope []v1alpha1.ProgramGrant) (string, time.Time) {
		if hold := b.quota.Full(ctx, namespace, scope, catalog); hold != nil {
			return hold.Message, hold.Until
		}
		return "", time.Time{}
	}
}

// take reserves a place for one more mail of each program of a scope.
func (b *brake) take(ctx context.Context, namespace string, scope []v1alpha1.ProgramGrant, catalog program.Catalog) (giveBack func(), taken bool) {
	return b.quota.Take(ctx, namespace, scope, catalog)
}
