package portal

import (
	"context"
	"errors"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// signInRequest is an address that asked for a link.
type signInRequest struct {
	namespace, email string
	asked            time.Time
	// failed counts the tries that failed.
	failed int
}

// signInPauses are how long it takes from each try to the next, a minute altogether: the person was told to look into their
// inbox, whatever the API server says in that moment.
var signInPauses = []time.Duration{
	500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second,
}

const (
	// signInsWaiting is how many requests can wait, and as many again for their next try.
	signInsWaiting = 1024
	// looksAgain is how often it is looked again for an address that nobody has: this replica may not have heard of them.
	looksAgain = 3
	// signInTimeout is the longest that one try may take, also of a process that is told to stop.
	signInTimeout = 10 * time.Second
)

// carriedOut tells whether an earlier try was carried out, though its answer was lost: its link is on the way, or was used
// already. Times in status are whole seconds.
func (r signInRequest) carriedOut(is v1alpha1.PartnershipSignIn) bool {
	since := func(at *metav1.Time) bool { return at != nil && !at.Time.Before(r.asked.Truncate(time.Second)) }
	return r.failed > 0 && (since(is.RequestedTime) || since(is.LastTime))
}

// queueSignIn lets a request be carried out soon.
func (s *Server) queueSignIn(ctx context.Context, request signInRequest) {
	select {
	case s.signIns <- request:
	default:
		log.FromContext(ctx).Info("A sign-in request was dropped, too many are waiting", "namespace", request.namespace)
	}
}

// handOutSignIns carries out the requests for sign-in links, a few at once. When it is told to stop, those that wait are
// carried out first, as far as there is time.
func (s *Server) handOutSignIns(ctx context.Context) error {
	const workers = 4
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-ctx.Done():
				case request := <-s.signIns:
					s.tryToHandOut(ctx, context.WithoutCancel(ctx), request)
				}
			}
			s.handOutRest(ctx)
		})
	}
	all.Wait()
	return nil
}

// handOutRest carries out what waits when the process stops.
func (s *Server) handOutRest(ctx context.Context) {
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInTimeout)
	defer cancel()
	for {
		select {
		case request := <-s.signIns:
			s.tryToHandOut(ctx, rest, request)
		default:
			return
		}
	}
}

// tryToHandOut carries out one request within a context, or lets it be tried again after a while.
func (s *Server) tryToHandOut(ctx, within context.Context, request signInRequest) {
	trying, cancel := context.WithTimeout(within, signInTimeout)
	defer cancel()
	err := s.handOutSignIn(trying, request)
	if err == nil {
		return
	}
	logger := log.FromContext(ctx).WithValues("namespace", request.namespace, "address", address.Mask(request.email))
	nobody := errors.Is(err, errNobody)
	switch {
	case nobody && (ctx.Err() != nil || request.failed >= looksAgain || len(s.retries) > signInsWaiting/2):
		return
	case ctx.Err() != nil || request.failed == len(signInPauses):
		logger.Error(err, "A sign-in link could not be issued")
		return
	}
	select {
	case s.retries <- struct{}{}:
	default:
		logger.Error(err, "A sign-in link could not be issued, and too many are waiting to be tried again")
		return
	}
	if !nobody {
		logger.Info("A sign-in link could not be issued yet", "reason", err.Error())
	}
	pause := signInPauses[request.failed]
	request.failed++
	time.AfterFunc(pause, func() {
		<-s.retries
		s.queueSignIn(ctx, request)
	})
}
