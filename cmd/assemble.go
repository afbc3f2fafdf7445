package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/controller"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/journal"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/portal"
	"github.com/partner-operator/partner-operator/internal/tombstone"
	"github.com/partner-operator/partner-operator/internal/watch"
)

// assemble adds the parts that are to run, and the probes, to the manager. What it gives finishes what the controllers
// have under way.
func assemble(ctx context.Context, mgr ctrl.Manager, watches *watch.Tracker, events *journal.Journal, o options) (finish func(context.Context), err error) {
	own, err := addOwnCache(ctx, mgr, o)
	if err != nil {
		return nil, err
	}
	keys, err := openKeys(ctx, mgr, own, o)
	if err != nil {
		return nil, err
	}
	if err := lookup.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	if err := brandbook.Follow(ctx, mgr.GetCache()); err != nil {
		return nil, err
	}
	if err := (metrics.Objects{Cache: mgr.GetCache(), Now: time.Now}).Register(); err != nil {
		return nil, fmt.Errorf("adding metrics: %w", err)
	}
	if err := (metrics.Watches{Tracker: watches}).Register(); err != nil {
		return nil, fmt.Errorf("adding metrics: %w", err)
	}
	confirmed := lookup.Confirm(mgr.GetClient(), mgr.GetAPIReader(), watches.IsBroken)
	s := shared{
		keys:    keys,
		watches: watches,
		events:  events,
		client:  confirmed,
		step:    &accept.Step{Client: confirmed, Live: mgr.GetAPIReader(), Events: events, Now: time.Now},
		book: &brandbook.Book{
			Cache: mgr.GetCache(), Live: mgr.GetAPIReader(), Default: brand.Default(o.mailFrom),
			Permissions: &brandbook.Permissions{Live: mgr.GetAPIReader(), Required: o.requireSenderDomains, Now: time.Now},
		},
		pages:      own,
		tombstones: &tombstone.Store{Pages: own, Namespace: o.operatorNamespace, Cache: mgr.GetCache(), Live: mgr.GetAPIReader(), Keys: keys},
	}
	finish = func(context.Context) {}
	if o.runControllers {
		if finish, err = addControllers(mgr, s, o); err != nil {
			return nil, err
		}
	}
	if o.runPortal {
		if err := addPortal(mgr, s, o); err != nil {
			return nil, err
		}
	}
	return finish, addProbes(mgr, own)
}

// addOwnCache adds a cache of what the operator's namespace holds for all tenants: the keys for marks, and the tombstones.
// The manager's need not know that namespace.
func addOwnCache(ctx context.Context, mgr ctrl.Manager, o options) (cache.Cache, error) {
	own, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient(), DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}:    keyring.CacheOptions(o.operatorNamespace, keyring.MarksSecretName),
			&corev1.ConfigMap{}: tombstone.CacheOptions(o.operatorNamespace),
		},
	})
	if err == nil {
		err = tombstone.AddIndex(ctx, own)
	}
	if err == nil {
		err = mgr.Add(ownCache{own})
	}
	return own, err
}

// ownCache is a cache that the manager starts, and waits for, as it does with its own.
type ownCache struct{ cache.Cache }

func (o ownCache) GetCache() cache.Cache { return o.Cache }

// openKeys finds the keys. The controllers make the first ones; without them the portal waits for those.
func openKeys(ctx context.Context, mgr ctrl.Manager, own cache.Cache, o options) (*keyring.Keyring, error) {
	live, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient()})
	if err != nil {
		return nil, err
	}
	var keys *keyring.Keyring
	if o.runControllers {
		keys, err = mint.Load(ctx, live, o.operatorNamespace, time.Now())
	} else {
		keys, err = keyring.Open(ctx, live, o.operatorNamespace)
	}
	if err != nil {
		return nil, err
	}
	return keys, keys.Follow(ctx, mgr.GetCache(), own)
}

// shared is what both parts use.
type shared struct {
	// client confirms what the cache says while a watch is broken.
	client     client.Client
	keys       *keyring.Keyring
	watches    *watch.Tracker
	events     *journal.Journal
	step       *accept.Step
	book       *brandbook.Book
	pages      cache.Cache
	tombstones *tombstone.Store
}

func addControllers(mgr ctrl.Manager, s shared, o options) (finish func(context.Context), err error) {
	controllers := controller.Options{
		Keys: s.keys, Book: s.book, Tombstones: s.tombstones, Pages: s.pages, Accept: s.step, Events: s.events,
		Concurrency: o.concurrency, Now: time.Now,
		Receiver: o.receiver, Watches: s.watches, Namespace: o.operatorNamespace, Namespaces: o.namespaces,
		Mail: courier.Options{
			Portal: o.portal, Mode: o.mailMode, Rate: o.mailRate, Concurrency: o.concurrency, Helo: o.smtp.Helo,
			BrandSMTP: &smtp.Guard{Hosts: o.brandSMTPHosts, APIServer: smtp.HostOf(mgr.GetConfig().Host)},
		},
	}
	if o.useSMTP {
		controllers.Mail.SMTP = &o.smtp
	}
	return controller.Setup(mgr, controllers)
}

func addPortal(mgr ctrl.Manager, s shared, o options) error {
	listener, err := net.Listen("tcp", o.portalAddress)
	if err != nil {
		return fmt.Errorf("--portal-bind-address: %w", err)
	}
	return portal.New(portal.Options{
		Client: s.client, Cache: mgr.GetClient(), Live: mgr.GetAPIReader(), Keys: s.keys, Book: s.book, Tombstones: s.tombstones, Accept: s.step, Base: o.portal,
		TrustedProxies: o.trustedProxies, MaxConnections: o.maxConnections, ClientRate: o.clientRate, AddressRate: o.addressRate, IncludeSubdomains: o.includeSubdomains,
		Log: mgr.GetLogger(), LogClients: o.logClients, Now: time.Now,
		SignInLifetime: o.signInLifetime, SessionLifetime: o.sessionLifetime, SessionIdle: o.sessionIdle,
	}).AddTo(mgr, listener)
}

// addProbes answers whether the process lives, and whether it has seen the cluster.
func addProbes(mgr ctrl.Manager, own cache.Cache) error {
	if err := mgr.AddHealthzCheck("process", func(*http.Request) error { return nil }); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("caches", func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) || !own.WaitForCacheSync(ctx) {
			return errors.New("the caches are being filled")
		}
		return nil
	})
}
