package courier

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

// attempt is one claim that is carried out, and what happened.
type attempt struct {
	courier *Courier
	object  *v1alpha1.PartnerInvite
	// claiming and sending take part in it; nil: nothing happens.
	claiming, sending func(context.Context) error
	heard             func()
	// tenant is who writes; nil: it is no mail.
	tenant *Tenant

	claimed, sent int
	// recorded is counted where a test may look while something is under way.
	recorded atomic.Int32
	outcome  delivery.Outcome
}

func newAttempt(t *testing.T) *attempt {
	t.Helper()
	i := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada"}}
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(i).WithStatusSubresource(i).Build()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(i), i); err != nil {
		t.Fatal(err)
	}
	return &attempt{courier: New(Options{Client: c, Live: c, Now: time.Now, Mode: ModeSend, Concurrency: 2, Tell: func(context.Context, string) {}}), object: i}
}

func (a *attempt) send(ctx context.Context) error {
	_, err := Send(ctx, a.courier, Job[*v1alpha1.PartnerInvite]{
		Controller: "partnerinvite", Object: a.object, Tenant: a.tenant, Heard: a.heard,
		Claim: func(ctx context.Context, _ func(context.Context) error) (Parcel, error) {
			a.claimed++
			parcel := Parcel{Other: func(ctx context.Context) delivery.Outcome {
				a.sent++
				if a.sending != nil {
					if err := a.sending(ctx); err != nil {
						return delivery.Outcome{Class: delivery.Temporary, Message: err.Error()}
					}
				}
				return delivery.Outcome{Class: delivery.Accepted}
			}}
			if a.claiming != nil {
				return parcel, a.claiming(ctx)
			}
			return parcel, nil
		},
		Record: func(_ *v1alpha1.PartnerInvite, o delivery.Outcome) bool {
			a.recorded.Add(1)
			a.outcome = o
			return false
		},
	})
	return err
}

// failed tells whether what was sent was not taken.
func (a *attempt) failed() bool { return a.sent > 0 && a.outcome.Class != delivery.Accepted }

// stop ends a context while something is under way, and tells whether that was broken off.
func stop(cancel func()) func(context.Context) error {
	return func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	}
}

func TestAStoppingProcess(t *testing.T) {
	for name, test := range map[string]struct {
		stops func(a *attempt, cancel func())
		// ends: the mail is claimed, sent and recorded.
		ends bool
	}{
		"begins nothing":                         {stops: func(_ *attempt, cancel func()) { cancel() }},
		"ends what it was claiming":              {stops: func(a *attempt, cancel func()) { a.claiming = stop(cancel) }, ends: true},
		"ends what it was sending":               {stops: func(a *attempt, cancel func()) { a.sending = stop(cancel) }, ends: true},
		"ends everything if nothing is the case": {stops: func(*attempt, func()) {}, ends: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttempt(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.stops(a, cancel)
			err := a.send(ctx)
			if want := map[bool]int{true: 1}[test.ends]; a.claimed != want || a.sent != want || int(a.recorded.Load()) != want || a.failed() || (err == nil) != test.ends {
				t.Errorf("claimed %d, sent %d, recorded %d times with %v, and %v", a.claimed, a.sent, a.recorded.Load(), a.outcome, err)
			}
		})
	}
}

// A claim is dated before it is written. If the API server takes its time, the mail must still have left before the
// claim looks like that of a dead process, which somebody else may make anew.
func TestAClaimThatTakesLongLeavesLessTimeToSend(t *testing.T) {
	for name, test := range map[string]struct {
		claim, send time.Duration
		sent        bool
		failed      bool
	}{
		"both are quick":        {claim: time.Second, send: time.Second, sent: true},
		"the claim takes long":  {claim: 40 * time.Second, send: time.Second, sent: true},
		"both take long":        {claim: 40 * time.Second, send: 40 * time.Second, sent: true, failed: true},
		"the claim takes ages":  {claim: 2 * delivery.InFlight},
		"the sending takes all": {send: 2 * delivery.InFlight, sent: true, failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, began := newAttempt(t), time.Now()
				a.claiming, a.sending = lasting(test.claim), lasting(test.send)
				err := a.send(t.Context())
				if took := time.Since(began); took > delivery.SendTimeout+time.Second {
					t.Errorf("it took %s; a claim is in force for %s", took, delivery.InFlight)
				}
				if sent := a.sent == 1; sent != test.sent || (err == nil) != test.sent || a.failed() != test.failed {
					t.Errorf("sent %d times, recorded %v, and %v", a.sent, a.outcome, err)
				}
			})
		})
	}
}

// lasting takes so long, or as long as it may.
func lasting(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestFinishWaitsForWhatIsUnderWay(t *testing.T) {
	for name, test := range map[string]struct {
		patience time.Duration
		recorded int32
	}{
		"until it is recorded":              {patience: time.Minute, recorded: 1},
		"but not longer than there is time": {patience: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAttempt(t)
				a.sending = lasting(20 * time.Second)
				ended := make(chan error, 1)
				go func() { ended <- a.send(t.Context()) }()
				synctest.Wait()

				ctx, cancel := context.WithTimeout(t.Context(), test.patience)
				defer cancel()
				a.courier.Finish(ctx)
				if got := a.recorded.Load(); got != test.recorded {
					t.Errorf("recorded %d times, want %d", got, test.recorded)
				}
				late := newAttempt(t)
				late.courier = a.courier
				if err := late.send(t.Context()); !errors.Is(err, ErrStopping) || late.claimed != 0 {
					t.Errorf("another begins: claimed %d times, and %v", late.claimed, err)
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A reconciler that panics is kept alive by its controller. Its slot must not be lost for that.
func TestAPanicGivesTheSlotBack(t *testing.T) {
	for name, panics := range map[string]func(a *attempt, what func(context.Context) error){
		"while it is claimed": func(a *attempt, what func(context.Context) error) { a.claiming = what },
		"while it is sent":    func(a *attempt, what func(context.Context) error) { a.sending = what },
	} {
		t.Run(name, func(t *testing.T) {
			a := newAttempt(t)
			server := newTransport(&server{}, "", rate.Inf, 2)
			server.isKnown = true
			a.tenant = &Tenant{Namespace: "acme", transport: server, sender: senderKey{"acme", "partners@example.com"}}
			panics(a, func(context.Context) error { panic("a fault of the operator") })
			func() {
				defer func() { _ = recover() }()
				_ = a.send(t.Context())
			}()
			if a.claimed != 1 || a.courier.gate.used != 0 || server.open != 0 {
				t.Errorf("claimed %d times; %d slots are used, %d of them with the mail server", a.claimed, a.courier.gate.used, server.open)
			}
			panics(a, nil)
			if err := a.send(t.Context()); err != nil || a.recorded.Load() != 1 {
				t.Errorf("the same mail again: recorded %d times, %v", a.recorded.Load(), err)
			}
		})
	}
}

func TestANoticeToTheStaff(t *testing.T) {
	var (
		taken   = delivery.Outcome{Class: delivery.Accepted}
		gone    = delivery.Outcome{Class: delivery.Recipient, Message: "gone"}
		large   = delivery.Outcome{Class: delivery.Content, Message: "large"}
		later   = delivery.Outcome{Class: delivery.Temporary, Message: "later"}
		refused = delivery.Outcome{Class: delivery.Refused, Message: "refused"}
	)
	for name, test := range map[string]struct {
		answers []delivery.Outcome
		want    delivery.Outcome
	}{
		"is told when all have it":                      {[]delivery.Outcome{taken, taken}, taken},
		"is told when one has it":                       {[]delivery.Outcome{gone, taken, later}, taken},
		"is tried again while one may get it":           {[]delivery.Outcome{gone, large, later, refused}, later},
		"waits while the sender is refused":             {[]delivery.Outcome{refused, gone}, refused},
		"has failed when nobody can get it any more":    {[]delivery.Outcome{gone, large}, gone},
		"is as its only recipient lets it be, if alone": {[]delivery.Outcome{later}, later},
	} {
		t.Run(name, func(t *testing.T) {
			c := New(Options{Now: time.Now, Concurrency: 1})
			server := newTransport(&server{dispatches: test.answers}, "", rate.Inf, 1)
			if got := c.handOver(t.Context(), server, make([]mail.Message, len(test.answers))); got != test.want {
				t.Errorf("it counts as %v, want %v", got, test.want)
			}
		})
	}
}
