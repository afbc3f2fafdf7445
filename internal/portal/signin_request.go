package portal

import (
	"context"
	"errors"
	"math/rand/v2"
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
	// looksAgain is how often it is looked again for an address that nobody has: this replica may not have heard of them.
	looksAgain = 3
	// signInTimeout is the longest that one try may take, also of a process that is told to stop.
	signInTimeout = 10 * time.Second
)

// signInDelay is how long after the answer a request is carried out: so long that the answer is out, and by chance, so that
// what it costs falls on no particular answer after it.
func signInDelay() time.Duration {
	return 50*time.Millisecond + rand.N(450*time.Millisecond) //nolint:gosec // a pause is no secret
}

// carriedOut tells whether an earlier try was carried out, though its answer was lost: its link is on the way, or was used
// already. Times in status are whole seconds.
func (r signInRequest) carriedOut(is v1alpha1.PartnershipSignIn) bool {
	since := func(at *metav1.Time) bool { return at != nil && !at.Time.Before(r.asked.Truncate(time.Second)) }
	return r.failed > 0 && (since(is.RequestedTime) || since(is.LastTime))
}

// handOutSignIns carries out the requests for sign-in links.
func (s *Server) handOutSignIns(ctx context.Context) error {
	s.signIns.run(ctx)
	return nil
}

// tryToHandOut carries out one request, or tells after how long it is to be tried again. More than --address-rate allows
// for an address wait until it does; by then they are one.
func (s *Server) tryToHandOut(ctx context.Context, request *signInRequest, crowded bool) (again time.Duration, retry bool) {
	stopping := s.signIns.stopping()
	if request.failed == 0 && !stopping {
		if ok, wait := s.mailed.allow(request.namespace + "/" + address.Normalize(request.email)); !ok {
			return wait, true
		}
	}
	trying, cancel := context.WithTimeout(ctx, signInTimeout)
	defer cancel()
	err := s.handOutSignIn(trying, *request)
	if err == nil {
		return 0, false
	}
	logger := log.FromContext(ctx).WithValues("namespace", request.namespace, "address", address.Mask(request.email))
	nobody := errors.Is(err, errNobody)
	switch {
	case nobody && (stopping || request.failed >= looksAgain || crowded):
		return 0, false
	case stopping || request.failed == len(signInPauses):
		logger.Error(err, "A sign-in link could not be issued")
		return 0, false
	case !nobody:
		logger.Info("A sign-in link could not be issued yet", "reason", err.Error())
	}
	request.failed++
	return signInPauses[request.failed-1], true
}
