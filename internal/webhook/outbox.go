package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/cloudevent"
	"github.com/partner-operator/partner-operator/internal/watch"
)

const (
	// outboxName is the name of the ConfigMap in the operator's namespace that tells how far events were delivered.
	outboxName = "partner-operator-events"
	// deliveredUntil is its key: what was noted before this time was delivered, or is lost.
	deliveredUntil = "deliveredUntil"
	// markEvery is how often that is written at most.
	markEvery = 5 * time.Second
)

// Outbox tells other systems what happened. It follows what the status of objects says, whoever wrote it there, so
// nothing that is done waits for it. Only the leader has one. What happened between two leaders, or was not delivered when
// the one before ended, is found by the times in status.
type Outbox struct {
	client.Client
	live     client.Reader
	cache    cache.Cache
	now      func() time.Time
	watches  *watch.Tracker
	sink     *Sink
	observer cloudevent.Observer
	// namespace is the operator's.
	namespace string

	// since is from when on what an object comes with is told.
	since time.Time
	// marked is what deliveredUntil says.
	marked time.Time

	mutex sync.Mutex
	last  time.Time // when the latest thing happened that was told
}

// Options is what an outbox needs.
type Options struct {
	// Client writes how far events were delivered, and Live reads it.
	Client client.Client
	Live   client.Reader
	// Cache tells what happens.
	Cache cache.Cache
	// Receiver gets the events.
	Receiver *Receiver
	// Watches are those that the manager's cache has.
	Watches *watch.Tracker
	// Portal is where the portal is, for the source of the events.
	Portal string
	// Namespace is the operator's own.
	Namespace string
	// Log tells what becomes of events.
	Log logr.Logger
	// Now is the clock.
	Now func() time.Time
}

// NewOutbox makes an outbox, which the manager is to run.
func NewOutbox(o Options) *Outbox {
	if o.Receiver.Plain() {
		o.Log.Info("Events go to the receiver without TLS, so whoever is on the way can read them and make up others; use https")
	}
	return &Outbox{
		Client: o.Client, live: o.Live, cache: o.Cache, now: o.Now,
		watches: o.Watches, sink: New(o.Receiver, o.Log, o.Now),
		observer: cloudevent.Observer{Portal: o.Portal}, namespace: o.Namespace,
	}
}

// The mark of what was delivered is kept in the operator's own namespace.
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=configmaps,verbs=create
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=configmaps,resourceNames=partner-operator-events,verbs=get;update

// Start tells what happens until the context ends. It is a runnable of the manager.
func (o *Outbox) Start(ctx context.Context) error {
	if !o.resume(ctx) {
		return nil
	}
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		o.sink.Run(ctx)
	}()
	for _, kind := range []client.Object{
		&v1alpha1.Program{}, &v1alpha1.PartnerInvite{}, &v1alpha1.Partnership{}, &v1alpha1.PartnerTeam{}, &v1alpha1.PartnerLink{},
	} {
		stop, err := o.follow(ctx, kind)
		if err != nil {
			return fmt.Errorf("following what happened: %w", err)
		}
		defer stop()
	}
	ticker := time.NewTicker(markEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			<-delivered
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), markEvery)
			defer cancel()
			o.mark(last)
			return nil
		case <-ticker.C:
			o.mark(ctx)
		}
	}
}

// resume finds out how far events were delivered. It is false if the context ended before that.
func (o *Outbox) resume(ctx context.Context) bool {
	return wait.PollUntilContextCancel(ctx, markEvery, true, func(ctx context.Context) (bool, error) {
		until, err := o.read(ctx)
		if err != nil {
			log.FromContext(ctx).Error(err, "How far events were delivered cannot be read; trying again", "configMap", outboxName)
			return false, nil
		}
		o.marked, o.since = until, until
		if longest := o.now().Add(-GiveUpAfter); o.since.Before(longest) {
			o.since = longest
		}
		return true, nil
	}) == nil
}

// read gives what deliveredUntil says. The first time ever that is now: what was there before is not told.
func (o *Outbox) read(ctx context.Context) (time.Time, error) {
	found, err := o.configMap(ctx)
	if apierrors.IsNotFound(err) {
		now := o.now().Truncate(time.Second)
		return now, o.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: outboxName, Labels: map[string]string{"app.kubernetes.io/name": "partner-operator"}},
			Data:       map[string]string{deliveredUntil: now.UTC().Format(time.RFC3339)},
		})
	}
	if err != nil {
		return time.Time{}, err
	}
	until, err := time.Parse(time.RFC3339, found.Data[deliveredUntil])
	if err != nil {
		err = fmt.Errorf("its key %s holds no time; write one such as 2027-01-01T00:00:00Z, or delete the ConfigMap to go on from now: %w", deliveredUntil, err)
	}
	return until, err
}

func (o *Outbox) configMap(ctx context.Context) (*corev1.ConfigMap, error) {
	found := &corev1.ConfigMap{}
	return found, o.live.Get(ctx, client.ObjectKey{Namespace: o.namespace, Name: outboxName}, found)
}

// follow tells what happens to the objects of a kind, beginning with those that are there, until stop is called.
func (o *Outbox) follow(ctx context.Context, kind client.Object) (stop func(), err error) {
	informer, err := o.cache.GetInformer(ctx, kind)
	if err != nil {
		return nil, err
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(after any) { o.tell(nil, after, o.since) },
		UpdateFunc: func(before, after any) { o.tell(before, after, o.now().Add(-GiveUpAfter)) },
		DeleteFunc: func(before any) {
			if unknown, ok := before.(toolscache.DeletedFinalStateUnknown); ok {
				before = unknown.Obj
			}
			o.tell(before, nil, time.Time{})
		},
	})
	return func() { _ = informer.RemoveEventHandler(registration) }, err
}

// tell hands on the events of a change that did not happen before a time.
func (o *Outbox) tell(before, after any, since time.Time) {
	was, _ := before.(metav1.Object)
	is, _ := after.(metav1.Object)
	for _, e := range o.observer.Changes(was, is, o.now()) {
		if e.Time.Before(since) {
			continue
		}
		o.sink.Offer(e)
		o.mutex.Lock()
		if e.Time.After(o.last) {
			o.last = e.Time
		}
		o.mutex.Unlock()
	}
}

// due is what deliveredUntil should say; false: it says so, or something as good.
func (o *Outbox) due() (time.Time, bool) {
	until := o.watches.HeardUntil()
	if oldest, waits := o.sink.Oldest(); waits && oldest.Before(until) {
		until = oldest
	}
	until = until.Truncate(time.Second)
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return until, until.After(o.marked) && !o.last.Before(o.marked)
}

// mark writes how far events were delivered. If it fails, it is tried again.
func (o *Outbox) mark(ctx context.Context) {
	until, due := o.due()
	if !due {
		return
	}
	found, err := o.configMap(ctx)
	if err == nil {
		found.Data = map[string]string{deliveredUntil: until.UTC().Format(time.RFC3339)}
		err = o.Update(ctx, found)
	} else if apierrors.IsNotFound(err) {
		_, err = o.read(ctx)
	}
	if err != nil {
		log.FromContext(ctx).Error(err, "How far events were delivered cannot be written; trying again", "configMap", outboxName)
		return
	}
	o.marked = until
}
