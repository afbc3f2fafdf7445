package controller

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/internal/metrics"
)

// mapper tells which objects to reconcile when an object of another kind changes. If they cannot be looked up, they are
// looked up again: the change does not come a second time.
type mapper[K comparable] struct {
	retries *retries
	// key is all of an object that the look-up depends on.
	key func(client.Object) K
	// find looks up what to reconcile.
	find func(context.Context, K) ([]reconcile.Request, error)
	// after is how much later it is reconciled.
	after time.Duration
}

type requestQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueue returns a handler that reconciles what find finds for the key of an object.
func enqueue[K comparable](b base, key func(client.Object) K, find func(context.Context, K) ([]reconcile.Request, error)) handler.EventHandler {
	m := &mapper[K]{retries: b.retries, key: key, find: find}
	return handler.Funcs{
		CreateFunc:  func(ctx context.Context, e event.CreateEvent, q requestQueue) { m.onto(q).Create(ctx, e, q) },
		UpdateFunc:  func(ctx context.Context, e event.UpdateEvent, q requestQueue) { m.onto(q).Update(ctx, e, q) },
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q requestQueue) { m.onto(q).Delete(ctx, e, q) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q requestQueue) { m.onto(q).Generic(ctx, e, q) },
	}
}

// onto returns a handler whose look-ups are repeated for a queue.
func (m *mapper[K]) onto(q requestQueue) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		key := m.key(object)
		found, err := m.find(ctx, key)
		if err != nil {
			m.retries.later(ctx, err, lookUp[K]{m, q, key}, object.GetNamespace())
		}
		return found
	})
}

// lookUp is one look-up of a mapper.
type lookUp[K comparable] struct {
	of    *mapper[K]
	queue requestQueue
	key   K
}

// now looks up, and again later if that fails.
func (l lookUp[K]) now(ctx context.Context, namespace string) {
	if err := l.do(ctx); err != nil && ctx.Err() == nil {
		l.of.retries.later(ctx, err, l, namespace)
	}
}

func (l lookUp[K]) do(ctx context.Context) error {
	found, err := l.of.find(ctx, l.key)
	for _, request := range found {
		l.queue.AddAfter(request, l.of.after)
	}
	return err
}

// byName returns a look-up for a mapper by the namespace and a name.
func byName[T any, P interface {
	*T
	client.Object
}](c client.Reader, find func(context.Context, client.Reader, string, string) ([]T, error)) func(context.Context, client.ObjectKey) ([]reconcile.Request, error) {
	return func(ctx context.Context, key client.ObjectKey) ([]reconcile.Request, error) {
		found, err := find(ctx, c, key.Namespace, key.Name)
		return requestsFor[T, P](found), err
	}
}

// within returns a look-up for a mapper by the namespace.
func within[T any, P interface {
	*T
	client.Object
}](c client.Reader, find func(context.Context, client.Reader, string) ([]T, error)) func(context.Context, string) ([]reconcile.Request, error) {
	return func(ctx context.Context, namespace string) ([]reconcile.Request, error) {
		found, err := find(ctx, c, namespace)
		return requestsFor[T, P](found), err
	}
}

// The pauses between tries of what is tried again: from the first, doubled each time, to the longest.
const (
	firstRetry   = 100 * time.Millisecond
	longestRetry = 30 * time.Second
)

// retries repeats what could not be read while an event was handled, until it can be. It is a runnable of the manager.
type retries struct {
	queue workqueue.TypedRateLimitingInterface[task]
}

// task is what is repeated. It must be comparable: the same one waits once.
type task interface {
	do(ctx context.Context) error
}

func newRetries() *retries {
	return &retries{workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[task](firstRetry, longestRetry))}
}

// later repeats a task that failed for the first time. The log tells of that time alone, the metric of each.
func (r *retries) later(ctx context.Context, err error, t task, namespace string) {
	metrics.ReadErrors.WithLabelValues(metrics.ReadForEvent).Inc()
	log.FromContext(ctx).Error(err, "What a change matters to could not be looked up; trying again", "namespace", namespace)
	r.queue.AddRateLimited(t)
}

// Start repeats what failed until the context ends.
func (r *retries) Start(ctx context.Context) error {
	defer context.AfterFunc(ctx, r.queue.ShutDown)()
	for {
		t, over := r.queue.Get()
		if over {
			return nil
		}
		if err := t.do(ctx); err != nil {
			metrics.ReadErrors.WithLabelValues(metrics.ReadForEvent).Inc()
			r.queue.AddRateLimited(t)
		} else {
			r.queue.Forget(t)
		}
		r.queue.Done(t)
	}
}
