package controller

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
)

// post sends the mails of all controllers in one way: claim in status, send, record the outcome in status.
type post struct {
	base
	mode   MailMode
	routes *routes
	book   *brandbook.Book
	keys   *keyring.Keyring
	portal link.Base
	// mails are under way from before their claim until after their record.
	mails underWay
}

// hold says why all mail is held back; empty: it is not.
func (p *post) hold() string {
	if p.mode == MailSend {
		return ""
	}
	return "the operator holds all mail back, with --mail-mode=" + string(p.mode) + "; the invite goes out once it runs with --mail-mode=send"
}

// claimOf is an object whose status claims one mail, with what is needed to send it and to write down what came of it.
type claimOf[T client.Object] struct {
	// object carries the claim in its status.
	object T
	// claim writes that; nil: as it is. It gives errLost if the claim must not be made after all.
	claim func(ctx context.Context) error
	// send does what is claimed. Its error may be a *delivery.Failure; any other is a temporary one.
	send func(ctx context.Context) error
	// record changes a status to tell the outcome; failure is nil if it was sent. It returns false if the object no
	// longer speaks of this mail.
	record func(object T, failure *delivery.Failure) bool
}

// errLost tells that another process changed the object since it was observed, or that the claim is no longer due:
// nothing was sent.
var errLost = errors.New("the claim was lost")

// errStopping tells that the process ends, so nothing was begun.
var errStopping = errors.New("the operator stops")

// dispatch claims, sends and records. The claim is written with the resourceVersion that was judged, so that of several
// processes, or of one with a stale cache, only one sends. A stopping process begins nothing; but once it has begun,
// neither a stop nor an API server that is away for a while keeps the outcome from being recorded, as long as the claim
// is in force.
func dispatch[T client.Object](ctx context.Context, p *post, c claimOf[T]) error {
	if c.claim == nil {
		c.claim = func(ctx context.Context) error { return p.Status().Update(ctx, c.object) }
	}
	if ctx.Err() != nil || !p.mails.begin() {
		return errStopping
	}
	defer p.mails.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), delivery.SendTimeout+delivery.InFlight)
	defer cancel()

	failure, err := claimAndSend(ctx, c)
	if err != nil {
		return err
	}
	return p.writeDown(ctx, func(ctx context.Context, fresh bool) error {
		if fresh {
			if err := p.live.Get(ctx, client.ObjectKeyFromObject(c.object), c.object); err != nil {
				return err
			}
		}
		if !c.record(c.object, failure) {
			return nil
		}
		return p.Status().Update(ctx, c.object)
	})
}

// claimAndSend gives the reason why a mail was not taken, or an error if it was not claimed. Both together end within
// delivery.SendTimeout: the claim is dated before it is written, and if that takes long, it must not look like that of a
// dead process while the mail still leaves.
func claimAndSend[T client.Object](ctx context.Context, c claimOf[T]) (failure *delivery.Failure, err error) {
	ctx, cancel := context.WithTimeout(ctx, delivery.SendTimeout)
	defer cancel()
	if err := c.claim(ctx); apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil, errLost
	} else if err != nil {
		return nil, err
	}
	if err := c.send(ctx); err != nil && !errors.As(err, &failure) {
		failure = &delivery.Failure{Message: err.Error()}
	}
	return failure, nil
}

// writeDown tries a write until it succeeds, from a fresh read after the first time, since a mail that left and is not
// recorded would leave again.
func (p *post) writeDown(ctx context.Context, write func(ctx context.Context, fresh bool) error) error {
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
