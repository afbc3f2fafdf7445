package join

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// outbox is a group over time: people ask for mails, and the mail server answers.
type outbox struct {
	group   *v1alpha1.PartnerGroup
	program *v1alpha1.Program
	held    bool
	now     time.Time
	posting Posting
	sent    []string // the serials, in order
}

var taken = delivery.Outcome{Class: delivery.Accepted}

// hold is what holds the mails back.
func (o *outbox) hold() *delivery.Hold {
	if !o.held {
		return nil
	}
	return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "mail is held back"}
}

func (o *outbox) asks() { Request(o.group, "sealed", o.now) }

// post does what the controller does once, with what the mail server answers.
func (o *outbox) post(t *testing.T, outcome delivery.Outcome) {
	t.Helper()
	o.posting = Post(Outbox{Group: o.group, Program: o.program, Hold: o.hold(), Now: o.now})
	o.group.Status = o.posting.Status
	if o.posting.Send == nil {
		return
	}
	o.sent = append(o.sent, strconv.FormatInt(o.posting.Send.Serial, 10))
	if !Record(o.group, *o.posting.Send, outcome, o.now) {
		t.Error("what came of a claim was not recorded")
	}
}

// died is post of a process that does not hear what came of it.
func (o *outbox) died() {
	o.posting = Post(Outbox{Group: o.group, Program: o.program, Hold: o.hold(), Now: o.now})
	o.group.Status = o.posting.Status
	o.sent = append(o.sent, strconv.FormatInt(o.posting.Send.Serial, 10))
}

func TestPost(t *testing.T) {
	busy, refused := delivery.Outcome{Class: delivery.Temporary, Message: "busy"}, delivery.Outcome{Class: delivery.Recipient, Message: "no"}
	for name, test := range map[string]struct {
		happens func(*testing.T, *outbox)
		sent    string
		waiting int
		again   time.Duration
	}{
		"nothing": {func(t *testing.T, o *outbox) { o.post(t, taken) }, "", 0, 0},
		"one":     {func(t *testing.T, o *outbox) { o.asks(); o.post(t, taken); o.post(t, taken) }, "1", 0, 0},
		"two, one after the other": {func(t *testing.T, o *outbox) {
			o.asks()
			o.asks()
			o.post(t, taken)
			o.post(t, taken)
			o.post(t, taken)
		}, "1 2", 0, 0},
		"the second waits a moment": {func(t *testing.T, o *outbox) { o.asks(); o.asks(); o.post(t, taken) }, "1", 1, time.Second},
		"refused for good":          {func(t *testing.T, o *outbox) { o.asks(); o.post(t, refused); o.post(t, taken) }, "1", 0, 0},
		"busy, and then": {func(t *testing.T, o *outbox) {
			o.asks()
			o.post(t, busy)
			o.now = start.Add(2 * time.Minute)
			o.post(t, taken)
		}, "1 1", 0, 0},
		"busy for a day": {func(t *testing.T, o *outbox) {
			o.asks()
			o.post(t, busy)
			o.now = start.Add(VerificationLifetime)
			o.post(t, taken)
		}, "1", 0, 0},
		"one is busy, the other is not": {func(t *testing.T, o *outbox) { o.asks(); o.asks(); o.post(t, busy); o.post(t, taken) }, "1 2", 1, 0},
		"held":                          {func(t *testing.T, o *outbox) { o.asks(); o.held = true; o.post(t, taken) }, "", 1, VerificationLifetime},
		"held, and then": {func(t *testing.T, o *outbox) {
			o.asks()
			o.held = true
			o.post(t, taken)
			o.held = false
			o.post(t, taken)
		}, "1", 0, 0},
		"held for too long": {func(t *testing.T, o *outbox) {
			o.asks()
			o.held = true
			o.now = start.Add(VerificationLifetime)
			o.post(t, taken)
		}, "", 0, 0},
		"suspended":           {func(t *testing.T, o *outbox) { o.asks(); o.program.Spec.Suspend = true; o.post(t, taken) }, "", 1, VerificationLifetime},
		"the program is gone": {func(t *testing.T, o *outbox) { o.asks(); o.program = nil; o.post(t, taken) }, "", 0, 0},
		"closed meanwhile":    {func(t *testing.T, o *outbox) { o.asks(); closed(o.group); o.post(t, taken) }, "", 0, 0},
		"rotated meanwhile": {func(t *testing.T, o *outbox) {
			o.asks()
			rotated(o.group)
			Follow(&o.group.Status, o.group)
			o.post(t, taken)
		}, "", 0, 0},
		"a process died, a moment ago": {func(t *testing.T, o *outbox) { o.asks(); o.died(); o.post(t, taken) }, "1", 1, delivery.InFlight},
		"a process died": {func(t *testing.T, o *outbox) {
			o.asks()
			o.died()
			o.now = start.Add(delivery.InFlight)
			o.post(t, taken)
		}, "1 1", 0, 0},
		"a process died, and it is closed": {func(t *testing.T, o *outbox) { o.asks(); o.died(); closed(o.group); o.post(t, taken) }, "1", 1, delivery.InFlight},
	} {
		t.Run(name, func(t *testing.T) {
			o := &outbox{group: gold(), program: referral(), now: start}
			test.happens(t, o)
			if got := strings.Join(o.sent, " "); got != test.sent {
				t.Errorf("sent %q, want %q", got, test.sent)
			}
			if got := len(o.group.Status.Verifications); got != test.waiting {
				t.Errorf("%d wait: %+v", got, o.group.Status.Verifications)
			}
			if test.again != 0 && o.posting.RequeueAfter != test.again || test.waiting == 0 && o.posting.RequeueAfter != 0 {
				t.Errorf("looks again after %s", o.posting.RequeueAfter)
			}
		})
	}
}

func TestRequestsAreBoundedAndCounted(t *testing.T) {
	g := gold(perHour(1000))
	for n := range MaxWaiting + 2 {
		if got := Request(g, "sealed", start); got != (n < MaxWaiting) {
			t.Errorf("request %d: %v", n, got)
		}
	}
	if g.Status.VerificationSerial != MaxWaiting || len(g.Status.Verifications) != MaxWaiting {
		t.Errorf("%d requests, %d wait", g.Status.VerificationSerial, len(g.Status.Verifications))
	}
	o := &outbox{group: g, program: referral(), now: start}
	o.post(t, taken)
	o.asks()
	if last := g.Status.Verifications[MaxWaiting-1]; last.Serial != MaxWaiting+1 || last.Kind != v1alpha1.MailVerifyAddress || last.JoinLinkSerial != 1 {
		t.Errorf("the next is %+v", last)
	}
	g.Status.Verifications, g.Status.VerificationSerial = nil, 1<<31-1
	if Request(g, "sealed", start) {
		t.Error("the numbers run over")
	}
}

func TestRecordOfWhatIsNotThere(t *testing.T) {
	g, first := gold(), delivery.Key{Kind: v1alpha1.MailVerifyAddress, Serial: 1}
	if Record(g, first, taken, start) {
		t.Error("it records a mail that nobody asked for")
	}
	Request(g, "sealed", start)
	if Record(g, first, taken, start) || len(g.Status.Verifications) != 1 {
		t.Error("it records a mail that nobody claimed")
	}
}
