package courier

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/manual"
)

const (
	// freshSecret is for how long the Secret of a brand is believed while mail goes out.
	freshSecret = time.Minute
	// mendedSecret is how often it is looked at while mail does not: it is not watched, since the operator may not list
	// Secrets.
	mendedSecret = 15 * time.Second
	// idleServer is after how long without mail a mail server of a brand is forgotten: its namespace may be gone.
	idleServer = time.Hour
)

// servers are the mail servers: the operator's own, and those of the brands that have one.
type servers struct {
	// shared is the operator's own; nil: it runs without one.
	shared *transport
	// helo greets those of brands whose Secrets say none.
	helo string
	// limit is the most mails a second to each.
	limit rate.Limit
	// guard tells where mail servers of brands may be.
	guard *smtp.Guard

	turns keylock.Keys
	mutex sync.Mutex
	own   map[string]*ownServer // by namespace
}

// ownServer is the mail server of a brand, as its Secret says.
type ownServer struct {
	secret string // its name
	digest [sha256.Size]byte
	read   time.Time
	fault  string // why the Secret cannot be used
	*transport
}

// server is the mail server of a namespace whose brand names this Secret; an empty name is for the operator's. It is nil
// if there is none; a fault says why a brand's cannot be used.
func (c *Courier) server(ctx context.Context, namespace, secret string) (t *transport, fault string, err error) {
	if secret == "" {
		c.servers.put(namespace, nil)
		return c.servers.shared, "", nil
	}
	defer c.servers.turns.Lock(namespace)()
	own := c.servers.get(namespace)
	if own == nil || own.secret != secret {
		own = &ownServer{secret: secret}
	}
	if own.read.IsZero() || c.now().Sub(own.read) >= freshSecret {
		if own, err = c.reread(ctx, namespace, own); err != nil {
			return nil, "", err
		}
	}
	return own.transport, cmp.Or(own.fault, c.forbidden(own.transport)), nil
}

// forbidden says why no mail may be tried, since the platform does not allow the mail server; empty: nothing is known of
// that.
func (c *Courier) forbidden(t *transport) (why string) {
	if t != nil {
		c.gate.locked(func() {
			if reason, _ := t.server.Cause(); reason == v1alpha1.ReasonBrandInvalid {
				why = t.notAllowed
			}
		})
	}
	return why
}

// reread reads the Secret of a brand again, and takes over what it says. While the API server is away, what it said
// before counts. What is known of the mail server is kept while the Secret says the same.
func (c *Courier) reread(ctx context.Context, namespace string, before *ownServer) (*ownServer, error) {
	var secret corev1.Secret
	err := c.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: before.secret}, &secret)
	after := &ownServer{secret: before.secret, read: c.now()}
	fault := func(what string) string {
		return fmt.Sprintf("Secret %q, the smtpSecret of the brand, %s", before.secret, what)
	}
	digest := digestOf(secret.Data)
	switch {
	case apierrors.IsNotFound(err):
		after.fault = fault("does not exist; create it")
	case apierrors.IsForbidden(err):
		after.fault = fault("cannot be read; let the operator get it by a Role, see " + manual.Page("mail.md#a-mail-server-of-its-own"))
	case err != nil && !before.read.IsZero():
		return before, nil
	case err != nil:
		return nil, err
	case digest == before.digest && (before.transport == nil || !before.isClosed.Load()):
		after.digest, after.fault, after.transport = before.digest, before.fault, before.transport
	default:
		after.digest = digest
		config, err := smtp.ParseSecret(secret.Data)
		config.Guard, config.Helo = c.servers.guard, cmp.Or(config.Helo, c.servers.helo)
		notAllowed := fault("cannot be used: " + smtp.NotAllowed)
		switch {
		case err != nil:
			after.fault = fault(err.Error())
		case c.servers.guard.Refuses(config):
			after.fault = notAllowed
		default:
			after.transport = c.connect(config, namespace)
			after.notAllowed = notAllowed
		}
	}
	c.servers.put(namespace, after)
	return after, nil
}

// digestOf stands for what a Secret says: labels of it, for example, tell nothing about a mail server.
func digestOf(data map[string][]byte) (digest [sha256.Size]byte) {
	hash := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(data)) {
		_, _ = fmt.Fprintf(hash, "%q=%q\n", key, data[key])
	}
	hash.Sum(digest[:0])
	return digest
}

// connect makes a transport for a namespace; empty: for all.
func (c *Courier) connect(config smtp.Config, namespace string) *transport {
	most := c.gate.most
	if namespace == "" {
		most = c.gate.slots
	}
	if config.Connections <= 0 || config.Connections > most {
		config.Connections = most
	}
	return newTransport(Open(config), namespace, c.servers.limit, config.Connections)
}

func (s *servers) get(namespace string) *ownServer {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.own[namespace]
}

// put takes over a mail server, and hangs up on the one before; nil: there is none any more.
func (s *servers) put(namespace string, after *ownServer) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	before := s.own[namespace]
	if after == nil {
		delete(s.own, namespace)
	} else {
		s.own[namespace] = after
	}
	if before != nil && before.transport != nil && (after == nil || after.transport != before.transport) {
		before.isClosed.Store(true)
		go before.channel.Close()
	}
}

// Start looks again at the Secrets of brands whose mail does not go out, until the context ends. It is a runnable of the
// manager.
func (c *Courier) Start(ctx context.Context) error {
	ticker := time.NewTicker(mendedSecret)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			c.close()
			return nil
		case <-ticker.C:
			c.lookAgain(ctx)
		}
	}
}

// lookAgain reads the Secrets of brands whose mail does not go out, and what their Namespaces permit, and tells of those
// that changed. What nobody needs any more is forgotten.
func (c *Courier) lookAgain(ctx context.Context) {
	c.servers.mutex.Lock()
	all := maps.Clone(c.servers.own)
	c.servers.mutex.Unlock()
	for namespace, each := range all {
		isFaulty := each.fault != "" || c.isFaulty(each.transport)
		if !isFaulty && c.now().Sub(each.read) < idleServer {
			continue
		}
		unlock := c.servers.turns.Lock(namespace)
		switch {
		case c.servers.get(namespace) != each: // somebody was faster
		case !isFaulty, !c.isNamed(ctx, namespace, each.secret):
			c.servers.put(namespace, nil)
		default:
			after, err := c.reread(ctx, namespace, each)
			if err == nil && (after.fault != each.fault || after.transport != each.transport) {
				c.tell(ctx, namespace)
			}
		}
		unlock()
	}
	if shared := c.servers.shared; shared != nil {
		c.gate.locked(func() { shared.forgetIdle(c.now()) })
	}
	for _, namespace := range c.book.Permissions.Reconsider(ctx) {
		c.tell(ctx, namespace)
	}
}

// isNamed tells whether the brand of a namespace names a Secret still, as far as can be found out: brand and namespace may
// be gone.
func (c *Courier) isNamed(ctx context.Context, namespace, secret string) bool {
	found, err := c.book.Brand(ctx, namespace)
	return err != nil || found.SMTPSecret == secret
}

// isFaulty tells whether a mail server takes no mail of anybody, or not of a sender.
func (c *Courier) isFaulty(t *transport) (faulty bool) {
	if t == nil {
		return true
	}
	c.gate.locked(func() {
		faulty = t.server.Hold() != nil
		for _, s := range t.senders {
			faulty = faulty || s.circuit.Hold() != nil
		}
	})
	return faulty
}

// close ends the connections, of all mail servers at once, and what is tried without a mail.
func (c *Courier) close() {
	c.endProbes()
	var closing sync.WaitGroup
	defer closing.Wait()
	if c.servers.shared != nil {
		closing.Go(c.servers.shared.channel.Close)
	}
	c.servers.mutex.Lock()
	defer c.servers.mutex.Unlock()
	for _, each := range c.servers.own {
		if each.transport != nil {
			closing.Go(each.channel.Close)
		}
	}
}
