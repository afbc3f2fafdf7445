package courier

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Mode tells whether mail leaves.
type Mode string

// The modes.
const (
	// ModeSend: it does.
	ModeSend Mode = "send"
	// ModeHold: it waits, for example until a restored cluster has been looked at.
	ModeHold Mode = "hold"
	// ModeLog: it waits, and the log tells what would be sent, with masked addresses and without links.
	ModeLog Mode = "log"
)

// Options is what a courier needs.
type Options struct {
	// Client writes the claims and the outcomes, and Live reads past its cache.
	Client client.Client
	Live   client.Reader
	// Book finds brands and templates.
	Book *brandbook.Book
	// Portal is where links lead to.
	Portal link.Base
	// Mode tells whether mail leaves.
	Mode Mode
	// SMTP is the operator's mail server; nil: there is none but those of brands.
	SMTP *smtp.Config
	// BrandSMTP tells where mail servers of brands may be.
	BrandSMTP *smtp.Guard
	// Helo is the name by which mail servers of brands are greeted whose Secrets say none; empty: the sender's domain.
	Helo string
	// Rate is the most mails a second to each mail server; 0: any number.
	Rate float64
	// Concurrency is how many mails of a namespace are handed over at once, and how many connections a mail server has.
	Concurrency int
	// Tell makes whatever follows the mail of a namespace look again; an empty one: of all.
	Tell func(ctx context.Context, namespace string)
	// Now is the clock.
	Now func() time.Time
}

// Courier sends mails.
type Courier struct {
	client client.Client
	live   client.Reader
	book   *brandbook.Book
	portal link.Base
	mode   Mode
	tell   func(ctx context.Context, namespace string)
	now    func() time.Time

	servers servers
	gate    *gate
	quota   *Quota
	// mails are in flight from before their claim until after their record.
	mails inFlight
	// takenBack are refusals that circuits took back, until the rules have heard of it.
	takenBack takenBack
	// lasting ends when the courier does.
	lasting   context.Context //nolint:containedctx // probes belong to no request
	endProbes context.CancelFunc
}

// New makes a courier. It is a runnable of a manager.
func New(o Options) *Courier {
	c := &Courier{
		client: o.Client, live: o.Live, book: o.Book, portal: o.Portal, mode: o.Mode, tell: o.Tell, now: o.Now,
		gate: newGate(o.Concurrency, o.Now), quota: NewQuota(o.Client, o.Now),
		servers: servers{limit: rate.Inf, helo: o.Helo, guard: o.BrandSMTP, own: map[string]*ownServer{}},
	}
	c.lasting, c.endProbes = context.WithCancel(context.Background())
	if o.Rate > 0 {
		c.servers.limit = rate.Limit(o.Rate)
	}
	if o.SMTP != nil {
		c.servers.shared = c.connect(*o.SMTP, "")
	}
	return c
}

// Workers is how many objects a controller has to work on at once, so that some are left while all slots are taken.
func (c *Courier) Workers() int { return c.gate.slots + 2 }

// Finish lets no mail begin any more, and waits until those that are claimed are sent and recorded, or the context ends.
func (c *Courier) Finish(ctx context.Context) { c.mails.finish(ctx) }

// Mode tells whether mail leaves.
func (c *Courier) Mode() Mode { return c.mode }

// Host is the portal's, where brands have none of their own.
func (c *Courier) Host() string { return c.portal.Host() }

// Quota counts the mails of programs.
func (c *Courier) Quota() *Quota { return c.quota }

// hold says why nothing leaves at all; nil: it may.
func (c *Courier) hold() *delivery.Hold {
	if c.mode == ModeSend {
		return nil
	}
	return &delivery.Hold{
		Reason:  v1alpha1.ReasonHeld,
		Message: "the operator holds all mail back, with --mail-mode=" + string(c.mode) + "; it goes out once it runs with --mail-mode=send",
	}
}

// Turns is a source of the objects of a controller whose turn it is to send.
func (c *Courier) Turns(controller string) source.Source {
	return source.Func(func(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		c.gate.locked(func() { c.gate.queues[controller] = q })
		return nil
	})
}

// Begin notes that a controller looks at an object. What it returns ends that.
func (c *Courier) Begin(controller string, r reconcile.Request) (end func()) {
	return c.gate.begin(place{controller, r})
}

// ErrLost tells that another process changed the object since it was observed, or that the claim is no longer due: nothing
// was sent.
var ErrLost = errors.New("the claim was lost")

// ErrStopping tells that the process ends, so nothing was begun.
var ErrStopping = errors.New("the operator stops")

// Job is an object of which one mail is due.
type Job[T client.Object] struct {
	// Controller is whose object it is.
	Controller string
	// Object is as it was observed. Claim and Record change it.
	Object T
	// Tenant is who writes; nil: it is no mail.
	Tenant *Tenant
	// Key names the mail, Recipient is whom it goes to, and LastTry when it was tried before; the zero time: never.
	Key       delivery.Key
	Recipient string
	LastTry   time.Time
	// Scope is the programs whose mail.maxPerHour it counts toward, as the catalog has them. One that always leaves counts,
	// whatever was sent before.
	Scope        []v1alpha1.ProgramGrant
	Catalog      program.Catalog
	AlwaysLeaves bool
	// Claim asks the rule once more, as of now, puts the claim into the status of Object, makes what is to be handed over,
	// and writes the status with the function that comes along. It gives ErrLost if the claim must not be made after all.
	Claim func(ctx context.Context, write func(context.Context) error) (Parcel, error)
	// Heard comes with TakenBack, and is called when the claim is written; nil: nothing was taken back.
	Heard func()
	// Record changes a status to tell the outcome. It returns false if the object no longer speaks of this mail.
	Record func(object T, o delivery.Outcome) bool
}

// Parcel is what is handed over: a mail, to one person or more, or something that is no mail.
type Parcel struct {
	Mails []mail.Message
	Other func(ctx context.Context) delivery.Outcome
}

// Result is what became of a job.
type Result struct {
	// Sent: a mail was claimed, handed over, and what came of it recorded.
	Sent bool
	// Again is when to look again, if it was not sent.
	Again time.Duration
	// IsLate: others go first, and have for so long that what else is due should not wait for that.
	IsLate bool
}

// Send claims a mail in the status of its object, hands it over and records what came of it, unless others go first: then
// the object is looked at again when it is its turn, at the latest after a while. The claim is written
// with the resourceVersion that was judged, so that of several processes, or of one with a stale cache, only one sends. A
// stopping process begins nothing; but once it has begun, neither a stop nor an API server that is away for a while keeps
// the outcome from being recorded, as long as the claim is in force.
func Send[T client.Object](ctx context.Context, c *Courier, j Job[T]) (Result, error) {
	if ctx.Err() != nil || !c.mails.begin() {
		return Result{}, ErrStopping
	}
	defer c.mails.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), delivery.SendTimeout+delivery.InFlight)
	defer cancel()

	var slot *pass
	if j.Tenant != nil {
		var wait Result
		if slot, wait = c.enter(j.request()); slot == nil {
			return wait, nil
		}
	}
	o, err := claimAndHand(ctx, c, j, slot)
	if err != nil {
		return Result{}, err
	}
	return Result{Sent: true}, c.writeDown(ctx, func(ctx context.Context, fresh bool) error {
		if fresh {
			if err := c.live.Get(ctx, client.ObjectKeyFromObject(j.Object), j.Object); err != nil {
				return err
			}
		}
		if !j.Record(j.Object, o) {
			return nil
		}
		return c.client.Status().Update(ctx, j.Object)
	})
}

// claimAndHand gives what came of a mail, or an error if it was not claimed, and gives the slot back. Claim and mail end
// within delivery.SendTimeout: the claim is dated before it is written, and if that takes long, it must not look like that
// of a dead process while the mail still leaves.
func claimAndHand[T client.Object](ctx context.Context, c *Courier, j Job[T], slot *pass) (o delivery.Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, delivery.SendTimeout)
	defer cancel()
	isOver := false
	defer func() {
		if !isOver { // it was not claimed, or something panicked, which the controller survives
			c.leave(ctx, slot, nil)
		}
	}()
	giveBack, taken := func() {}, true
	switch {
	case j.AlwaysLeaves:
		giveBack = c.quota.Count(ctx, j.Object.GetNamespace(), j.Scope)
	case len(j.Scope) > 0:
		giveBack, taken = c.quota.Take(ctx, j.Object.GetNamespace(), j.Scope, j.Catalog)
	}
	var parcel Parcel
	if err = ErrLost; taken { // else another mail has taken the last place
		parcel, err = j.Claim(ctx, func(ctx context.Context) error { return c.client.Status().Update(ctx, j.Object) })
	}
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		err = ErrLost
	}
	if err != nil {
		if taken {
			giveBack()
		}
		return o, err
	}
	if j.Heard != nil {
		j.Heard()
	}
	if parcel.Other != nil {
		o = parcel.Other(ctx)
	} else {
		o = c.handOver(ctx, slot.transport, parcel.Mails)
	}
	isOver = true
	return c.leave(ctx, slot, &o), nil
}

// request is what a job asks the gate for.
func (j Job[T]) request() *request {
	at := place{j.Controller, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(j.Object)}}
	_, domain, _ := strings.Cut(j.Recipient, "@")
	return &request{
		place: at, Tenant: j.Tenant, awaited: mail.Awaited(j.Key.Kind),
		try: delivery.Try{Object: at.text(), Key: j.Key, Recipient: j.Recipient, Domain: domain, LastTry: j.LastTry},
	}
}

const (
	// late is how long others may go first before what else is due of an object is done without its mail.
	late = 30 * time.Second
	// safetyNet is when an object that waits for its turn is looked at anyway.
	safetyNet = 15 * time.Minute
)

// enter gives a slot. A mail server that nothing is known of is signed in to first, without one: if it does not answer,
// nobody waits for that.
func (c *Courier) enter(r *request) (*pass, Result) {
	slot, again := c.gate.enter(r)
	if r.hasNews {
		c.tell(c.lasting, r.Namespace)
	}
	if slot != nil {
		return slot, Result{}
	}
	wait := Result{Again: again}
	c.gate.locked(func() {
		if !r.transport.isKnown && r.transport.server.Hold() == nil {
			c.probe(r.transport)
		}
		if waiting := c.gate.line(r.Namespace).places[r.place]; waiting != nil && c.now().Sub(waiting.since) >= late {
			wait.IsLate = true
		}
	})
	switch {
	case again > 0:
	case wait.IsLate:
		wait.Again = safetyNet
	default:
		wait.Again = late
	}
	return nil, wait
}

// leave gives a slot back, and makes those look again to whom it matters what came of it.
func (c *Courier) leave(ctx context.Context, slot *pass, o *delivery.Outcome) (ruled delivery.Outcome) {
	if slot == nil {
		if o != nil {
			ruled = *o
		}
		return ruled
	}
	ruled, news := c.gate.leave(slot, o)
	c.gate.locked(func() { c.probeLater(slot.transport) }) // also if it is away for the same reason as before
	if news.ofServer {
		c.tell(ctx, slot.transport.namespace)
	} else if news.ofSender {
		c.tell(ctx, slot.Namespace)
	}
	for _, try := range news.takenBack {
		c.takenBack.add(try)
		if at, ok := placeOf(try.Object); ok {
			c.gate.locked(func() { c.gate.tell(at) })
		}
	}
	return ruled
}

// handOver hands a mail to one person, or to several of the company's staff: it counts as taken if one of them has it,
// since trying again would reach that one twice. If nobody has it, it has failed for good only if it has for all.
func (c *Courier) handOver(ctx context.Context, t *transport, mails []mail.Message) (o delivery.Outcome) {
	failed := 0
	for n, message := range mails {
		if n > 0 {
			t.awaitRate(ctx)
		}
		each := c.dispatch(ctx, t, message)
		if each.Class != delivery.Accepted {
			failed++
		}
		if n == 0 || each.Class == delivery.Accepted || isForGood(o) && !isForGood(each) {
			o = each
		}
	}
	if failed > 0 && failed < len(mails) {
		log.FromContext(ctx).Info("Some of the staff could not be told", "notTold", failed, "of", len(mails))
	}
	return o
}

// isForGood tells that the same mail would not be taken later, either.
func isForGood(o delivery.Outcome) bool {
	return o.Class == delivery.Recipient || o.Class == delivery.Content
}

// dispatch hands over one mail, and notes how that went.
func (c *Courier) dispatch(ctx context.Context, t *transport, message mail.Message) delivery.Outcome {
	began := c.now()
	o := t.channel.Dispatch(ctx, message)
	if o.Class == delivery.NotAllowed {
		o.Message = t.notAllowed
	}
	result := metrics.MailTemporary
	switch o.Class {
	case delivery.Accepted:
		result = metrics.MailSent
	case delivery.Recipient, delivery.Content:
		result = metrics.MailPermanent
	default: // it is tried again
	}
	took := c.now().Sub(began)
	metrics.Mail(string(message.Kind), result, took)
	logger := log.FromContext(ctx).WithValues("mail", message.Kind, "seconds", took.Round(time.Millisecond).Seconds())
	if o.Class == delivery.Accepted {
		logger.Info("Mail sent")
	} else {
		logger.Info("Mail not sent", "permanent", result == metrics.MailPermanent, "class", o.Class, "cause", o.Message)
	}
	return o
}

// writeDown tries a write until it succeeds, from a fresh read after the first time, since a mail that left and is not
// recorded would leave again.
func (c *Courier) writeDown(ctx context.Context, write func(ctx context.Context, fresh bool) error) error {
	fresh := false
	var last error
	backoff := wait.Backoff{Duration: 20 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 30, Cap: 2 * time.Second}
	err := backoff.DelayFunc().Until(ctx, true, true, func(ctx context.Context) (bool, error) {
		last = write(ctx, fresh)
		fresh = true
		return last == nil || apierrors.IsNotFound(last), nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}
