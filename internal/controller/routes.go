package controller

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
)

const (
	// freshSecret is for how long the Secret of a brand is believed while mail goes out.
	freshSecret = time.Minute
	// mendedSecret is how often it is looked at while mail does not: it is not watched, since the operator may not list
	// Secrets.
	mendedSecret = 15 * time.Second
)

// routes are the ways to mail servers: the operator's own, and those of the brands that have one.
type routes struct {
	base
	// shared is the operator's mail server; nil: it runs without one.
	shared *transport
	// limiter is for all of them together; connections is the most to each.
	limiter     *rate.Limiter
	connections int
	// permissions are what brands may claim.
	permissions *brandbook.Permissions
	// guard tells where mail servers of brands may be.
	guard *smtp.Guard

	turns keylock.Keys
	mutex sync.Mutex
	own   map[string]*route // by namespace
	heard []chan event.GenericEvent
}

// route is the way to a brand's own mail server.
type route struct {
	secret  string // its name
	version string // the resourceVersion that was read
	read    time.Time
	fault   string // why the Secret cannot be used
	*transport
}

func newRoutes(b base, shared *smtp.Config, guard *smtp.Guard, limiter *rate.Limiter, connections int) *routes {
	r := &routes{base: b, limiter: limiter, connections: connections, guard: guard, own: map[string]*route{}}
	if shared != nil {
		r.shared = r.connect(*shared, "")
	}
	return r
}

// connect makes a transport for a namespace; empty: for all.
func (r *routes) connect(config smtp.Config, namespace string) *transport {
	config.Connections = r.connections
	return &transport{sender: smtp.NewSender(config, r.limiter), now: r.now, tell: func(ctx context.Context) { r.tell(ctx, namespace) }}
}

// of is the way to the mail server of a namespace whose brand names this Secret; an empty name is for the operator's. It
// is nil if there is none; a fault says why a brand's cannot be used.
func (r *routes) of(ctx context.Context, namespace, secret string) (t *transport, fault string, err error) {
	if secret == "" {
		r.put(namespace, nil)
		return r.shared, "", nil
	}
	defer r.turns.Lock(namespace)()
	own := r.get(namespace)
	if own == nil || own.secret != secret {
		own = &route{secret: secret}
	}
	if own.read.IsZero() || r.now().Sub(own.read) >= freshSecret {
		if own, err = r.reread(ctx, namespace, own); err != nil {
			return nil, "", err
		}
	}
	return own.transport, cmp.Or(own.fault, own.forbidden()), nil
}

// reread reads the Secret of a brand again, and takes over what it says. While the API server is away, what it said
// before counts.
func (r *routes) reread(ctx context.Context, namespace string, before *route) (*route, error) {
	var secret corev1.Secret
	err := r.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: before.secret}, &secret)
	after := &route{secret: before.secret, read: r.now()}
	fault := func(what string) string {
		return fmt.Sprintf("Secret %q, the smtpSecret of the brand, %s", before.secret, what)
	}
	switch {
	case apierrors.IsNotFound(err):
		after.fault = fault("does not exist; create it")
	case apierrors.IsForbidden(err):
		after.fault = fault("cannot be read; let the operator get it, as docs/mail.md shows")
	case err != nil && !before.read.IsZero():
		return before, nil
	case err != nil:
		return nil, err
	case secret.ResourceVersion == before.version:
		after.version, after.fault, after.transport = before.version, before.fault, before.transport
	default:
		after.version = secret.ResourceVersion
		config, err := smtp.ParseSecret(secret.Data)
		config.Guard = r.guard
		notAllowed := fault("cannot be used: " + smtp.NotAllowed)
		switch {
		case err != nil:
			after.fault = fault(err.Error())
		case r.guard.Refuses(config):
			after.fault = notAllowed
		default:
			after.transport = r.connect(config, namespace)
			after.notAllowed = notAllowed
		}
	}
	r.put(namespace, after)
	return after, nil
}

func (r *routes) get(namespace string) *route {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.own[namespace]
}

// put takes over a way, and hangs up on the mail server of the one before; nil: there is none any more.
func (r *routes) put(namespace string, after *route) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	before := r.own[namespace]
	if after == nil {
		delete(r.own, namespace)
	} else {
		r.own[namespace] = after
	}
	if before != nil && before.transport != nil && (after == nil || after.transport != before.transport) {
		go before.sender.Close()
	}
}

// Start looks again at the Secrets of brands whose mail does not go out, until the context ends. It is a runnable of the
// manager.
func (r *routes) Start(ctx context.Context) error {
	ticker := time.NewTicker(mendedSecret)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			r.close()
			return nil
		case <-ticker.C:
			r.lookAgain(ctx)
		}
	}
}

// lookAgain reads the Secrets of brands whose mail does not go out, and what their Namespaces permit, and tells of those
// that changed. Mail servers that the
// platform does not allow are tried again, since a name can lead elsewhere.
func (r *routes) lookAgain(ctx context.Context) {
	r.mutex.Lock()
	ailing := map[string]*route{}
	for namespace, each := range r.own {
		if each.fault != "" || each.forbidden() != "" || each.known().Reason == v1alpha1.ReasonTransportRejected {
			ailing[namespace] = each
		}
	}
	r.mutex.Unlock()
	for namespace, each := range ailing {
		unlock := r.turns.Lock(namespace)
		if r.get(namespace) == each { // else somebody was faster
			after, err := r.reread(ctx, namespace, each)
			if err == nil && (after.fault != each.fault || after.transport != each.transport) {
				r.tell(ctx, namespace)
			}
			if err == nil && after.transport == each.transport && each.forbidden() != "" {
				go each.probe(ctx)
			}
		}
		unlock()
	}
	for _, namespace := range r.permissions.Reconsider(ctx) {
		r.tell(ctx, namespace)
	}
}

func (r *routes) close() {
	if r.shared != nil {
		r.shared.sender.Close()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, each := range r.own {
		if each.transport != nil {
			each.sender.Close()
		}
	}
}

// tell makes whoever follows the mail look at the programs of a namespace; empty: at all.
func (r *routes) tell(ctx context.Context, namespace string) {
	news := mailNews{r, namespace}
	if err := news.do(ctx); err != nil {
		r.retries.later(ctx, err, news, namespace)
	}
}

// mailNews is that something was learned of the mail server of a namespace.
type mailNews struct {
	*routes

	namespace string
}

func (r mailNews) do(ctx context.Context) error {
	var programs v1alpha1.ProgramList
	if err := r.List(ctx, &programs, client.InNamespace(r.namespace)); err != nil {
		return err
	}
	for _, listener := range r.heard {
		go func() {
			for i := range programs.Items {
				listener <- event.GenericEvent{Object: programs.Items[i].DeepCopy()}
			}
		}()
	}
	return nil
}

// follow is a source of the programs that a change of the mail matters to. Call it before the manager starts.
func (r *routes) follow(handler handler.EventHandler) source.Source {
	listener := make(chan event.GenericEvent, 64)
	r.heard = append(r.heard, listener)
	return source.Channel(listener, handler)
}
