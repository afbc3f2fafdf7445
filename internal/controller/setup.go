// Package controller holds one reconciler per kind. Each observes, asks the pure rules, acts, and writes status once.
package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/tombstone"
	"github.com/partner-operator/partner-operator/internal/watch"
	"github.com/partner-operator/partner-operator/internal/webhook"
)

// Options is what the controllers need.
type Options struct {
	// Keys sign the links.
	Keys *keyring.Keyring
	// Mail is how mails are sent. What the controllers have is filled in.
	Mail courier.Options
	// Tombstones tell who was a partner.
	Tombstones *tombstone.Store
	// Pages is the cache of what they are kept in.
	Pages cache.Cache
	// Book finds brands and templates.
	Book *brandbook.Book
	// Accept is the step that the portal shares.
	Accept *accept.Step
	// Events records what happens.
	Events events.EventRecorder
	// Concurrency is how many links are worked on at once.
	Concurrency int
	// Receiver gets an event of all that happens; nil: there is none.
	Receiver *webhook.Receiver
	// Watches are those that the manager's cache has.
	Watches *watch.Tracker
	// Namespace is the operator's own.
	Namespace string
	// Namespaces are those that are watched; empty: all.
	Namespaces []string
	// Now is the clock.
	Now func() time.Time
}

// base is what every reconciler has.
type base struct {
	client.Client
	live   client.Reader
	events events.EventRecorder
	now    func() time.Time
	// retries repeats what could not be read while an event was handled.
	retries *retries
	// courier sends the mails, with links that the keys sign, and mailNews tells what it learns.
	courier  *courier.Courier
	mailNews *mailNews
	keys     *keyring.Keyring
	book     *brandbook.Book
}

// mattering lets through ConfigMaps that a brand or a template is, or could be.
func (b base) mattering() builder.Predicates {
	return builder.WithPredicates(predicate.NewPredicateFuncs(b.book.Matters)) // by the name, which never changes
}

// Who was a partner is written down in the operator's own namespace.
// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=configmaps,verbs=create;patch;delete

// Setup adds the controllers to a manager. The indexes of package lookup must be there. When the manager has ended
// without being told to, finish ends what is under way: no mail begins any more, and those that are claimed are sent and
// recorded, if the context gives them the time.
func Setup(mgr ctrl.Manager, o Options) (finish func(context.Context), err error) {
	b := base{
		Client: mgr.GetClient(),
		live:   mgr.GetAPIReader(),
		events: o.Events,
		now:    o.Now,
		keys:   o.Keys,
		book:   o.Book,

		retries: newRetries(),
	}
	if err := mgr.Add(b.retries); err != nil {
		return nil, fmt.Errorf("adding the retries: %w", err)
	}
	b.mailNews = &mailNews{Reader: b.Client, retries: b.retries}
	o.Mail.Client, o.Mail.Live, o.Mail.Book, o.Mail.Tell, o.Mail.Now = b.Client, b.live, o.Book, b.mailNews.tell, o.Now
	b.courier = courier.New(o.Mail)
	if err := mgr.Add(b.courier); err != nil {
		return nil, fmt.Errorf("adding the courier: %w", err)
	}
	tombstones := &tombstone.Writer{Store: o.Tombstones, Client: b.Client, Programs: mgr.GetCache(), Namespaces: o.Namespaces}
	if err := mgr.Add(tombstones); err != nil {
		return nil, fmt.Errorf("adding the tombstones: %w", err)
	}
	if o.Receiver != nil {
		outbox := webhook.NewOutbox(webhook.Options{
			Client: b.Client, Live: b.live, Cache: mgr.GetCache(), Receiver: o.Receiver, Watches: o.Watches,
			Portal: o.Mail.Portal.Origin(), Namespace: o.Namespace, Log: mgr.GetLogger().WithName("events"), Now: o.Now,
		})
		if err := mgr.Add(outbox); err != nil {
			return nil, fmt.Errorf("adding the events for other systems: %w", err)
		}
	}
	for name, setup := range map[string]func(ctrl.Manager) error{
		"program":       (&ProgramReconciler{base: b, tombstones: tombstones}).setup,
		"partnergroup":  (&PartnerGroupReconciler{base: b}).setup,
		"verification":  (&VerificationReconciler{base: b}).setup,
		"partnerteam":   (&PartnerTeamReconciler{base: b, accept: o.Accept}).setup,
		"partnerlink":   (&PartnerLinkReconciler{base: b, concurrency: o.Concurrency}).setup,
		"partnerinvite": (&PartnerInviteReconciler{base: b, accept: o.Accept, links: &linkRights{now: o.Now}}).setup,
		"partnership":   (&PartnershipReconciler{base: b, accept: o.Accept, tombstones: tombstones, pages: o.Pages}).setup,
	} {
		if err := setup(mgr); err != nil {
			return nil, fmt.Errorf("setting up the %s controller: %w", name, err)
		}
	}
	return b.courier.Finish, nil
}

// newController begins a controller that works on some objects of a kind at once. Each line of its log tells where it belongs; what
// it says when it starts is only of use to who works on it.
func newController(mgr ctrl.Manager, name, kind string, concurrency int) *ctrl.Builder {
	logger := mgr.GetLogger().WithValues("controller", name, "kind", kind)
	return ctrl.NewControllerManagedBy(mgr).Named(name).WithOptions(controller.Options{
		MaxConcurrentReconciles: concurrency,
		LogConstructor: func(r *reconcile.Request) logr.Logger {
			if r == nil {
				return logger.V(1)
			}
			return logger.WithValues("namespace", r.Namespace, "name", r.Name)
		},
	})
}

// eachOf looks at each object as the cache has it. One that cannot be read is reported in its conditions, and nothing else
// is done about it. That the process stopped meanwhile is no error: the next one looks again.
func eachOf[O decoded](b base, name string, r reconcile.ObjectReconciler[O]) reconcile.Reconciler {
	looks := reconcile.AsReconciler(b.Client, reconcile.ObjectReconciler[O](reconcileReadable[O]{b, r}))
	return reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		if b.courier != nil {
			defer b.courier.Begin(name, request)()
		}
		result, err := looks.Reconcile(ctx, request)
		result.Priority = new(0) // else whose turn it was goes before all others from then on
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return reconcile.Result{}, nil
		}
		return result, err
	})
}

// reconcileReadable keeps what cannot be read from a reconciler.
type reconcileReadable[O decoded] struct {
	base
	next reconcile.ObjectReconciler[O]
}

// Reconcile reports an object that cannot be read, and leaves the others to the reconciler.
func (r reconcileReadable[O]) Reconcile(ctx context.Context, o O) (reconcile.Result, error) {
	if o.IsReadable() || !o.GetDeletionTimestamp().IsZero() {
		return r.next.Reconcile(ctx, o)
	}
	return resultOf(0, r.reportUnreadable(ctx, o))
}
