package controller

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// retrySoon is when to look again after losing a race: by then the cache has seen what the winner wrote.
const retrySoon = 200 * time.Millisecond

// requestsFor asks to look at each of some objects.
func requestsFor[T any, P interface {
	*T
	client.Object
}](objects []T) []reconcile.Request {
	requests := make([]reconcile.Request, 0, len(objects))
	for i := range objects {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(P(&objects[i]))})
	}
	return requests
}

// resultOf ends a reconcile: a lost race is no error, it is looked at again once the cache has caught up, or once another
// process has started.
func resultOf(after time.Duration, err error) (reconcile.Result, error) {
	switch {
	case err == nil:
		return reconcile.Result{RequeueAfter: after}, nil
	case errors.Is(err, courier.ErrLost), errors.Is(err, courier.ErrStopping), apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	default:
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
}

// sooner is the shorter of two times after which to look again; 0: never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// lastTry is when a mail was tried last; the zero time: never.
func lastTry(m *v1alpha1.MailDelivery) time.Time {
	if m == nil || m.LastAttemptTime == nil {
		return time.Time{}
	}
	return m.LastAttemptTime.Time
}

// mailOf finds a mail in a list; nil: it is not there.
func mailOf(mails []v1alpha1.MailDelivery, key delivery.Key) *v1alpha1.MailDelivery {
	for i := range mails {
		if delivery.KeyOf(&mails[i]) == key {
			return &mails[i]
		}
	}
	return nil
}

// resendAsked lets through that the company asks for mails that failed to be tried anew.
var resendAsked = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return delivery.ResendText(e.ObjectOld.GetAnnotations()) != delivery.ResendText(e.ObjectNew.GetAnnotations())
}}
