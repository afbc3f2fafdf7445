package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/quota"
)

// brake counts the mails of programs that have left within the last hour, for mail.maxPerHour. What was sent before this
// process started it reads from status, as package quota tells.
type brake struct {
	cache client.Reader
	now   func() time.Time

	mutex sync.Mutex
	sent  map[types.NamespacedName][]time.Time // by program, in order
	known map[string]bool                      // the namespaces that were read
}

func newBrake(cache client.Reader, now func() time.Time) *brake {
	return &brake{cache: cache, now: now, sent: map[types.NamespacedName][]time.Time{}, known: map[string]bool{}}
}

// countAgain is when what could not be counted is counted again.
const countAgain = 10 * time.Second

// until returns a function that tells why and until when a scope can send nothing; the zero time: it can.
func (b *brake) until(ctx context.Context, namespace string, catalog program.Catalog) func([]v1alpha1.ProgramGrant) (string, time.Time) {
	return func(scope []v1alpha1.ProgramGrant) (string, time.Time) {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		return b.full(ctx, namespace, scope, catalog)
	}
}

// take reserves a place for one more mail of each program of a scope. If one has none left it is false, and nothing is
// reserved; else a mail that is not sent after all gives its places back.
func (b *brake) take(ctx context.Context, namespace string, scope []v1alpha1.ProgramGrant, catalog program.Catalog) (giveBack func(), taken bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if _, until := b.full(ctx, namespace, scope, catalog); !until.IsZero() {
		return nil, false
	}
	now := b.now()
	if b.read(ctx, namespace) == nil { // else they are read from the invites once a program with a limit needs them
		for _, grant := range scope { // also where no limit is set: one may be, that the cache has not seen yet
			key := types.NamespacedName{Namespace: namespace, Name: grant.Name}
			b.sent[key] = append(b.lastHour(key), now)
		}
	}
	return func() { b.giveBack(namespace, scope, now) }, true
}

// full is what until returns, for who holds the lock.
func (b *brake) full(ctx context.Context, namespace string, scope []v1alpha1.ProgramGrant, catalog program.Catalog) (string, time.Time) {
	for _, grant := range scope {
		p := catalog.Programs[grant.Name]
		if !limited(p) {
			continue
		}
		if b.read(ctx, namespace) != nil {
			return fmt.Sprintf("what Program %q has sent within the last hour cannot be counted, so its mail.maxPerHour lets nothing out", grant.Name), b.now().Add(countAgain)
		}
		sent, most := b.lastHour(types.NamespacedName{Namespace: namespace, Name: grant.Name}), int(*p.Spec.Mail.MaxPerHour)
		if len(sent) >= most {
			return fmt.Sprintf("Program %q has sent its mail.maxPerHour", grant.Name), sent[len(sent)-most].Add(time.Hour)
		}
	}
	return "", time.Time{}
}

func limited(p *v1alpha1.Program) bool { return p != nil && p.Spec.Mail.MaxPerHour != nil }

func (b *brake) giveBack(namespace string, scope []v1alpha1.ProgramGrant, at time.Time) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, grant := range scope {
		key := types.NamespacedName{Namespace: namespace, Name: grant.Name}
		if i := slices.IndexFunc(b.sent[key], at.Equal); i >= 0 {
			b.sent[key] = slices.Delete(b.sent[key], i, i+1)
		}
	}
}

// lastHour forgets what is longer ago.
func (b *brake) lastHour(key types.NamespacedName) []time.Time {
	ago := b.now().Add(-time.Hour)
	b.sent[key] = slices.DeleteFunc(b.sent[key], func(at time.Time) bool { return !at.After(ago) })
	return b.sent[key]
}

// read counts, once for a namespace, what its invites and groups say was sent.
func (b *brake) read(ctx context.Context, namespace string) error {
	if b.known[namespace] {
		return nil
	}
	var invites v1alpha1.PartnerInviteList
	var groups v1alpha1.PartnerGroupList
	err := b.cache.List(ctx, &invites, client.InNamespace(namespace))
	if err == nil {
		err = b.cache.List(ctx, &groups, client.InNamespace(namespace))
	}
	if err != nil {
		metrics.ReadErrors.WithLabelValues(metrics.ReadForLimit).Inc()
		log.FromContext(ctx).Error(err, "The mails of the last hour could not be counted", "namespace", namespace)
		return err
	}
	b.known[namespace] = true
	for name, times := range quota.Sent(invites.Items, groups.Items) {
		key := types.NamespacedName{Namespace: namespace, Name: name}
		b.sent[key] = append(b.sent[key], times...)
	}
	for key := range b.sent {
		slices.SortFunc(b.sent[key], time.Time.Compare)
	}
	return nil
}
