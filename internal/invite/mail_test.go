package invite

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

var (
	tooBig      = &delivery.Outcome{Class: delivery.Content, Message: "552 5.3.4 message size exceeds the limit"}
	refusesUs   = &delivery.Outcome{Class: delivery.Refused, Message: "550 5.7.1 sender not allowed"}
	notAllowed  = &delivery.Outcome{Class: delivery.NotAllowed, Message: "Secret smtp: the platform does not allow this mail server"}
	notThere    = &delivery.Outcome{Class: delivery.Unreachable, BeforeMail: true, Message: "connection refused"}
	circuitEnds = step(func(_ testing.TB, l *life) { l.circuit = nil })
)

// circuit opens the circuit of the mail server, which is probed after a while; 0: nobody knows when.
func circuit(reason string, probe time.Duration) step {
	return func(_ testing.TB, l *life) {
		l.circuit = &delivery.Hold{Reason: reason, Message: "the circuit is open"}
		if probe > 0 {
			l.circuit.Until = l.now.Add(probe)
		}
	}
}

// takesBack takes the refusal of the mail with a link of a number back.
func takesBack(serial, repeat int64) step {
	return func(_ testing.TB, l *life) {
		l.takenBack = []delivery.Key{{Kind: v1alpha1.MailInvite, Serial: serial, Repeat: repeat}}
	}
}

// What an invite says of its mail, by what the mail server answered and by what holds it.
func TestWhatStatusSaysOfTheMail(t *testing.T) {
	const open, closed = v1alpha1.ReasonTemporaryFailure, v1alpha1.ReasonHeld
	const probe, hour = 30 * time.Second, time.Hour
	first := delivery.Backoff(1, messageID)
	held := with(heldBack(0), func(s *standing) { s.Offers, s.Serial = "referral", 1 })
	again := func(s standing, after time.Duration) standing {
		return with(s, func(s *standing) { s.Again = after })
	}
	notIssued := with(issued(ActionNone, open, 0, 0), func(s *standing) { s.Offers, s.Serial = "", 0 })
	for name, test := range map[string]struct {
		happens []step
		want    standing
		next    time.Duration // nextAttemptTime, from the start; 0: unset
		says    string        // in the message of Sent
	}{
		"taken":                {steps(mailed(nil)), sent(week), 0, "took the mail"},
		"the recipient":        {steps(mailed(refused)), failed(v1alpha1.ReasonAddressRejected, 1), 0, "nobody of that name; create a new invite"},
		"the content":          {steps(mailed(tooBig)), failed(v1alpha1.ReasonContentRejected, 1), 0, "5.3.4 message size exceeds the limit; change the message or the template"},
		"the content, resent":  {steps(mailed(tooBig), annotates("a")), anew(2, "a|"), 0, ""},
		"the content, changed": {steps(mailed(tooBig), rename), issued(ActionSend, v1alpha1.ReasonSending, 1, 0), 0, ""},
		"for now":              {steps(mailed(busy)), issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 1, first), first, "is busy; next try at 2026-01-01T12:01"},
		"for a day":            {steps(triedForADay), failed(v1alpha1.ReasonGaveUp, 0), 0, "the mail server is busy; given up after"},

		"refused, tried":             {steps(mailed(refusesUs), circuit(closed, probe)), again(held, probe), 0, "the circuit is open"},
		"refused, tried twice":       {steps(mailed(busy), after(hour), mailed(refusesUs), circuit(closed, probe)), again(with(held, func(s *standing) { s.Attempts = 1 }), probe), 0, "open"},
		"refused, and then":          {steps(mailed(refusesUs), circuit(closed, probe), looksAgain, after(hour), circuitEnds), issued(ActionSend, v1alpha1.ReasonSending, 1, 0), 0, ""},
		"refused, waiting":           {steps(circuit(closed, 0)), heldBack(0), 0, "open"},
		"refused, waiting, and then": {steps(circuit(closed, 0), looksAgain, circuitEnds), issued(ActionSend, v1alpha1.ReasonSending, 1, 0), 0, ""},
		"the server is not allowed":  {steps(mailed(notAllowed), circuit(closed, 0)), again(held, 0), 0, "open"},

		"unreachable, tried":             {steps(mailed(notThere), circuit(open, probe)), issued(ActionNone, open, 1, probe), probe, "open"},
		"unreachable, nobody knows when": {steps(mailed(notThere), circuit(open, 0)), issued(ActionNone, open, 1, 0), 0, "open"},
		"unreachable, probed in vain":    {steps(mailed(notThere), circuit(open, probe), looksAgain, after(probe), circuit(open, probe)), issued(ActionNone, open, 1, probe), probe, "open"},
		"unreachable, and then":          {steps(mailed(notThere), circuit(open, probe), looksAgain, after(hour), circuitEnds), issued(ActionSend, v1alpha1.ReasonSending, 2, 0), 0, ""},
		"unreachable, and no circuit":    {steps(mailed(notThere)), issued(ActionSend, v1alpha1.ReasonSending, 2, 0), 0, ""},
		"unreachable, then refused":      {steps(mailed(notThere), after(hour), mailed(refusesUs), circuit(closed, 0)), with(held, func(s *standing) { s.Attempts = 1 }), 0, "open"},
		"unreachable, then all is held":  {steps(mailed(notThere), circuit(open, probe), looksAgain, holds), with(held, func(s *standing) { s.Attempts = 1 }), 0, holdMessage},
		"unreachable, waiting":           {steps(circuit(open, probe)), again(notIssued, probe), 0, "open"},
		"busy, then unreachable":         {steps(mailed(busy), circuit(open, 0)), issued(ActionNone, open, 1, week), 0, "open"},
		"busy, unreachable, and then":    {steps(mailed(busy), circuit(open, 0), looksAgain, circuitEnds), issued(ActionNone, open, 1, first), first, "not left yet; next try at 2026-01-01T12:01"},

		"the quota is full": {steps(fullFor(hour)), again(heldBack(0), hour), 0, "maxPerHour; the invite goes out at 2026-01-01T13:00:00Z or later"},

		"taken back":                   {steps(mailed(refused), takesBack(1, 0)), issued(ActionSend, v1alpha1.ReasonSending, 1, 0), 0, ""},
		"taken back, and still closed": {steps(mailed(refused), takesBack(1, 0), circuit(closed, probe)), again(held, probe), 0, "open"},
		"taken back of a link before":  {steps(mailed(refused), annotates("a"), mailed(refused), takesBack(1, 0)), with(failed(v1alpha1.ReasonAddressRejected, 1), func(s *standing) { s.Serial, s.Handled = 2, "a|" }), 0, ""},
		"taken back when it is taken":  {steps(mailed(nil), takesBack(1, 0)), sent(week), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := judge(t, test.happens, test.want)
			next := time.Duration(0)
			if at := l.invite.Status.NextAttemptTime; at != nil {
				next = at.Sub(start)
			}
			if next != test.next.Truncate(time.Second) {
				t.Errorf("the next try is %s after the start, want %s", next, test.next)
			}
			if got := meta.FindStatusCondition(l.invite.Status.Conditions, v1alpha1.ConditionSent).Message; !strings.Contains(got, test.says) {
				t.Errorf("%q does not say %q", got, test.says)
			}
		})
	}
}

// What a mail says of itself when it is recorded, before anybody looks again.
func TestRecord(t *testing.T) {
	for name, test := range map[string]struct {
		outcome  *delivery.Outcome
		state    v1alpha1.InviteState
		cause    v1alpha1.MailCause
		attempts int32
		says     string
	}{
		"refused":     {refusesUs, v1alpha1.InviteHeld, v1alpha1.MailRefused, 0, "550 5.7.1 sender not allowed; the mail goes out once the mail server takes it"},
		"not allowed": {notAllowed, v1alpha1.InviteHeld, v1alpha1.MailRefused, 0, "does not allow this mail server; the mail goes out once that is mended"},
		"unreachable": {notThere, v1alpha1.InvitePending, v1alpha1.MailUnreachable, 1, "connection refused; the mail goes out once the mail server can be reached"},
		"content":     {tooBig, v1alpha1.InviteFailed, "", 1, "change the message or the template; a change of the spec or a resend tries again"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			mailed(test.outcome)(t, l)
			got := l.invite.Status
			if got.State != test.state || got.Cause != test.cause || got.Attempts != test.attempts || got.NextAttemptTime != nil || got.SentTime != nil {
				t.Errorf("%s, cause %q, %d attempts, next at %s", got.State, got.Cause, got.Attempts, got.NextAttemptTime)
			}
			if stopped := got.ExpiryTime == nil; stopped != (test.cause != "") {
				t.Errorf("it expires at %s", got.ExpiryTime)
			}
			if message := messageOf(got, v1alpha1.ConditionSent); !strings.Contains(message, test.says) {
				t.Errorf("%q does not say %q", message, test.says)
			}
			if Record(l.invite, delivery.Key{Kind: v1alpha1.MailInvite, Serial: 1}, delivery.Outcome{Class: delivery.Accepted}, l.now) {
				t.Error("a second outcome of one claim is recorded")
			}
		})
	}
}

// waitsOut lets a mail be tried every so often for a while, each time in vain.
func waitsOut(d, every time.Duration, with *delivery.Outcome) step {
	return func(t testing.TB, l *life) {
		t.Helper()
		for end := l.now.Add(d); l.now.Before(end); l.now = l.now.Add(every) {
			mailed(with)(t, l)
		}
	}
}

// A mail server that refuses the operator, or is away, for however long burns no invite, and costs no time to answer.
func TestAnOutageOfDaysEndsNoInvite(t *testing.T) {
	for name, test := range map[string]struct {
		happens  []step
		attempts int32
	}{
		"refused for 30 hours":           {steps(waitsOut(30*time.Hour, time.Hour, refusesUs)), 1},
		"refused for 72 hours":           {steps(waitsOut(72*time.Hour, time.Hour, refusesUs)), 1},
		"away for 30 hours":              {steps(waitsOut(30*time.Hour, time.Hour, notThere)), 31},
		"away for 72 hours":              {steps(waitsOut(72*time.Hour, time.Hour, notThere)), 73},
		"not allowed for 30 hours":       {steps(waitsOut(30*time.Hour, time.Hour, notAllowed)), 1},
		"away, and then refused":         {steps(waitsOut(30*time.Hour, time.Hour, notThere), waitsOut(30*time.Hour, time.Hour, refusesUs)), 31},
		"busy, refused for 30 hours":     {steps(expiresAfter("8760h"), mailed(busy), after(time.Hour), waitsOut(30*time.Hour, time.Hour, refusesUs)), 2},
		"refused for good, taken back":   {steps(mailed(refused), takesBack(1, 0), circuit(v1alpha1.ReasonHeld, 0), looksAgain, after(30*time.Hour), circuitEnds), 1},
		"an hour to answer, refused":     {steps(expiresAfter("1h"), waitsOut(2*time.Hour, time.Minute, refusesUs)), 1},
		"an hour to answer, away":        {steps(expiresAfter("1h"), waitsOut(2*time.Hour, time.Hour, notThere)), 3},
		"an hour to answer, taken back":  {steps(expiresAfter("1h"), mailed(refused), takesBack(1, 0), circuit(v1alpha1.ReasonHeld, 0), looksAgain, after(2*time.Hour), circuitEnds), 1},
		"an hour to answer, never tried": {steps(expiresAfter("1h"), circuit(v1alpha1.ReasonHeld, 0), looksAgain, after(2*time.Hour), circuitEnds), 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(t, l)
			}
			mailed(nil)(t, l)
			got := l.invite.Status
			if got.State != v1alpha1.InviteSent || got.Attempts != test.attempts {
				t.Errorf("%s after %d attempts, want Sent after %d", got.State, got.Attempts, test.attempts)
			}
			if got.Serial != 1 || got.MessageID != messageID {
				t.Errorf("it is another mail: link %d, %s", got.Serial, got.MessageID)
			}
		})
	}
}

// The time to answer begins with the claim of the mail, as long as it is certain that none has left.
func TestExpiryBeginsWithTheMail(t *testing.T) {
	const hour = time.Hour
	inAnHour := expiresAfter("1h")
	for name, test := range map[string]struct {
		happens []step
		want    time.Duration // expiryTime, from the start; 0: unset
		state   v1alpha1.InviteState
	}{
		"claimed":                           {steps(inAnHour), hour, v1alpha1.InvitePending},
		"refused":                           {steps(inAnHour, mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0)), 0, v1alpha1.InviteHeld},
		"refused, and its hour is over":     {steps(inAnHour, mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0), looksAgain, after(2*hour)), 0, v1alpha1.InviteHeld},
		"refused, and claimed anew":         {steps(inAnHour, mailed(refusesUs), after(2*hour)), 3 * hour, v1alpha1.InvitePending},
		"refused, and then sent":            {steps(inAnHour, mailed(refusesUs), after(2*hour), mailed(nil)), 3 * hour, v1alpha1.InviteSent},
		"away, and then sent":               {steps(inAnHour, mailed(notThere), after(2*hour), mailed(nil)), 3 * hour, v1alpha1.InviteSent},
		"refused, and its lifetime changes": {steps(mailed(refusesUs), expiresAfter("2h"), after(hour)), 3 * hour, v1alpha1.InvitePending},
		"refused, with an end":              {steps(inAnHour, ends(3*hour), mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0)), 3 * hour, v1alpha1.InviteHeld},
		"refused, and its end comes":        {steps(inAnHour, ends(3*hour), mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0), after(3*hour)), 3 * hour, v1alpha1.InviteExpired},
		"refused, its end is taken away":    {steps(inAnHour, ends(3*hour), mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0), looksAgain, endsNever), 0, v1alpha1.InviteHeld},
		"claimed shortly before its end":    {steps(inAnHour, ends(3*hour), mailed(refusesUs), after(150*time.Minute)), 3 * hour, v1alpha1.InvitePending},
		"busy, and claimed anew":            {steps(inAnHour, mailed(busy), after(hour/2)), hour, v1alpha1.InvitePending},
		"busy, then refused":                {steps(inAnHour, mailed(busy), after(hour/2), mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0)), hour, v1alpha1.InviteHeld},
		"busy, then refused, its hour over": {steps(inAnHour, mailed(busy), after(hour/2), mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0), after(hour)), hour, v1alpha1.InviteExpired},
		"refused, then busy":                {steps(inAnHour, mailed(refusesUs), after(2*hour), mailed(busy)), 3 * hour, v1alpha1.InvitePending},
		"refused, busy, and claimed anew":   {steps(inAnHour, mailed(refusesUs), after(2*hour), mailed(busy), after(hour/2)), 3 * hour, v1alpha1.InvitePending},
		"a process died":                    {steps(inAnHour, looksAgain, after(hour/2)), hour, v1alpha1.InvitePending},
		"a process died, then refused":      {steps(inAnHour, looksAgain, after(hour/2), mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0)), hour, v1alpha1.InviteHeld},
		"busy, then refused for good, taken back": {
			steps(inAnHour, mailed(busy), after(hour/2), mailed(refused), takesBack(1, 0)), hour, v1alpha1.InvitePending,
		},
		"busy, refused for good, taken back after its hour": {
			steps(inAnHour, mailed(busy), after(hour/2), mailed(refused), after(hour), takesBack(1, 0)), hour, v1alpha1.InviteExpired,
		},
		"given up, and the spec is changed after its time": {
			steps(expiresAfter("48h"), triedForADay, after(48*hour), rename), 48 * hour, v1alpha1.InviteExpired,
		},
		"refused for good, and the spec is changed after its hour": {
			steps(inAnHour, mailed(refused), after(2*hour), rename), 3 * hour, v1alpha1.InvitePending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(t, l)
			}
			d := l.decide(t)
			got := time.Duration(0)
			if at := d.Status.ExpiryTime; at != nil {
				got = at.Sub(start)
			}
			if got != test.want || d.Status.State != test.state {
				t.Errorf("%s, expires after %s; want %s after %s", d.Status.State, got, test.state, test.want)
			}
			stays(t, l, d)
		})
	}
}

// While the same holds a mail back, nothing is written, however often somebody looks.
func TestWaitingWritesNothing(t *testing.T) {
	closed, open := v1alpha1.ReasonHeld, v1alpha1.ReasonTemporaryFailure
	for name, happened := range map[string][]step{
		"refused, never tried":     steps(circuit(closed, time.Minute)),
		"refused, tried":           steps(mailed(refusesUs), circuit(closed, time.Minute)),
		"unreachable, never tried": steps(circuit(open, time.Minute)),
		"unreachable, tried":       steps(mailed(notThere), circuit(open, time.Minute)),
		"full":                     steps(fullFor(48 * time.Hour)),
		"a repeat":                 steps(mailed(nil), after(time.Hour), asksAgain, circuit(closed, time.Minute)),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range happened {
				happens(t, l)
			}
			l.decide(t)
			before := *l.invite.Status.DeepCopy()
			for range 20 {
				after(time.Minute)(t, l)
				if l.circuit != nil {
					l.circuit.Until = l.now.Add(time.Minute)
				}
				l.decide(t)
			}
			if !equality.Semantic.DeepEqual(before, l.invite.Status) {
				t.Errorf("it writes:\n%s", cmp.Diff(before, l.invite.Status))
			}
		})
	}
}

// Who looks something up for a mail is told for which programs, before anything may hold it back.
func TestScopeFor(t *testing.T) {
	referral, both := []v1alpha1.ProgramGrant{grant("referral")}, []v1alpha1.ProgramGrant{grant("referral"), grant("reseller")}
	hour := after(time.Hour)
	for name, test := range map[string]struct {
		happens []step
		want    []v1alpha1.ProgramGrant
	}{
		"never issued":                   {nil, referral},
		"all programs":                   {steps(offersAll), both},
		"a partner in one of two":        {steps(offersAll, isPartnerIn("reseller")), referral},
		"a partner":                      {steps(isPartnerIn("referral")), nil},
		"no such program":                {steps(programGoes), nil},
		"an unreachable address":         {steps(unreachable), nil},
		"its end has come":               {steps(ends(-time.Hour)), nil},
		"held":                           {steps(holds), referral},
		"suspended":                      {steps(suspends("referral")), referral},
		"full":                           {steps(fullFor(time.Hour)), referral},
		"without a mail server":          {steps(mailerGoes), referral},
		"in flight":                      {steps(looksAgain), nil},
		"a process died":                 {steps(looksAgain, hour), referral},
		"between two tries":              {steps(mailed(busy)), referral},
		"the next try is due":            {steps(mailed(busy), hour), referral},
		"frozen, and one more is made":   {steps(offersAll, mailed(busy), onceMore, hour), both},
		"the mail server refuses us":     {steps(mailed(refusesUs), circuit(v1alpha1.ReasonHeld, 0), looksAgain), referral},
		"refused for good":               {steps(mailed(refused)), nil},
		"refused for good, taken back":   {steps(mailed(refused), takesBack(1, 0)), referral},
		"sent":                           {steps(mailed(nil), hour), nil},
		"a resend":                       {steps(mailed(nil), hour, annotates("a")), referral},
		"a resend that cools down":       {steps(mailed(nil), annotates("a")), nil},
		"a resend to who is partner now": {steps(mailed(nil), isPartnerIn("referral"), hour, annotates("a")), nil},
		"asked for once more":            {steps(mailed(nil), hour, asksAgain), referral},
		"accepted":                       {steps(mailed(nil), answers(v1alpha1.DecisionAccepted), finished), nil},
		"expired":                        {steps(mailed(nil), after(week)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(t, l)
			}
			in := l.input()
			before := in.Invite.DeepCopy()
			if diff := cmp.Diff(test.want, ScopeFor(in)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			in.Template = &program.Unresolved{Reason: v1alpha1.ReasonTemplateNotFound, Message: "template"}
			if diff := cmp.Diff(test.want, ScopeFor(in)); diff != "" {
				t.Errorf("with a template that does not exist (-want +got):\n%s", diff)
			}
			if !equality.Semantic.DeepEqual(before, in.Invite) {
				t.Error("to ask changes the invite")
			}
		})
	}
}

// A link of which it is certain that it did not leave is nobody's.
func TestALinkThatNeverLeftIsGone(t *testing.T) {
	l := newLife()
	mailed(refusesUs)(t, l)
	if got, _ := Answerable(Input{Invite: l.invite, Catalog: l.catalog, Partnerships: nil, Now: l.now}, 1); got != Gone {
		t.Errorf("it is %s", got)
	}
	after(time.Hour)(t, l)
	mailed(busy)(t, l)
	if got, _ := Answerable(Input{Invite: l.invite, Catalog: l.catalog, Partnerships: nil, Now: l.now}, 1); got != Open {
		t.Errorf("of a mail that may have left it is %s", got)
	}
}

// Of several obstacles the one is told that somebody has to mend, before those that pass by themselves.
func TestTheOrderOfObstacles(t *testing.T) {
	full := []struct {
		reason, message string
		link            bool // it holds an invite with delivery Link, too
		is              func(*Input)
	}{
		{v1alpha1.ReasonTemplateInvalid, "template", false, func(in *Input) {
			in.Template = &program.Unresolved{Reason: v1alpha1.ReasonTemplateInvalid, Message: "template"}
		}},
		{v1alpha1.ReasonHeld, "mode", true, func(in *Input) { in.Hold = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "mode"} }},
		{v1alpha1.ReasonHeld, `Program "referral" is suspended; the invite goes out when that ends`, true, func(in *Input) {
			p := programOf("referral")
			p.Spec.Suspend = true
			in.Catalog.Programs = map[string]*v1alpha1.Program{"referral": &p}
		}},
		{v1alpha1.ReasonHeld, "secret", true, func(in *Input) {
			in.LinkHold = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "secret"}
		}},
		{v1alpha1.ReasonMailerNotConfigured, "server", false, func(in *Input) {
			in.Holds = delivery.Holds{v1alpha1.MailInvite: {Reason: v1alpha1.ReasonMailerNotConfigured, Message: "server"}}
		}},
		{v1alpha1.ReasonHeld, "quota", false, func(in *Input) { in.Quota = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "quota"} }},
	}
	for _, how := range []v1alpha1.InviteDelivery{v1alpha1.DeliveryEmail, v1alpha1.DeliveryLink} {
		link := how == v1alpha1.DeliveryLink
		for first := range full {
			l := newLife()
			l.invite.Spec.Delivery = how
			in := l.input()
			var want string
			for _, obstacle := range full[first:] {
				obstacle.is(&in)
				if counts := obstacle.link || !link; counts && (link || obstacle.message != "secret") && want == "" {
					want = obstacle.reason + ": " + obstacle.message
				}
			}
			d := Decide(in)
			got := sentReason(d.Status) + ": " + messageOf(d.Status, v1alpha1.ConditionSent)
			if want == "" && d.Send == nil || want != "" && (got != want || d.Send != nil) {
				t.Errorf("delivery %s from obstacle %d on: it says %q, want %q", how, first, got, want)
			}
		}
	}
}

// Whatever happens to an invite, what is claimed can be answered, and what certainly has not left does not expire.
func TestAnyLifeKeepsTheRules(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	outcomes := []*delivery.Outcome{nil, busy, busy, refused, tooBig, refusesUs, refusesUs, notAllowed, notThere, notThere}
	happenings := steps(
		after(10*time.Second), after(time.Minute), after(time.Hour), after(time.Hour), after(20*time.Hour),
		circuit(v1alpha1.ReasonHeld, time.Minute), circuit(v1alpha1.ReasonTemporaryFailure, time.Minute), circuitEnds, circuitEnds,
		holds, releases, fullFor(time.Hour), rename, takesBack(1, 0), takesBack(2, 0), takesBack(1, 1), asksAgain,
		ends(2*time.Hour), endsNever, expiresAfter("1h"), expiresAfter("48h"),
		func(t testing.TB, l *life) { annotates(l.now.String())(t, l) },
	)
	for life := range 400 {
		l := newLife()
		for range 40 {
			before := l.invite.DeepCopy()
			in := l.input()
			scope := ScopeFor(in)
			d := l.decide(t)
			brokenRules(t, life, l, before, d)
			if d.Send != nil && !equality.Semantic.DeepEqual(scope, d.Status.Programs) {
				t.Errorf("life %d: it sends into %v, and was said to send into %v", life, d.Status.Programs, scope)
			}
			if d.Send != nil && random.IntN(8) > 0 { // else the process dies
				l.record(t, *d.Send, outcomes[random.IntN(len(outcomes))])
			}
			happenings[random.IntN(len(happenings))](t, l)
			if t.Failed() {
				return
			}
		}
	}
}

// brokenRules tells which rules a decision about what was before breaks.
func brokenRules(t *testing.T, life int, l *life, before *v1alpha1.PartnerInvite, d Decision) {
	t.Helper()
	was, is := before.Status, l.invite.Status
	end, ends := l.invite.Spec.NotAfter.Time()
	anew := is.Serial != was.Serial || is.FirstAttemptTime == nil || l.invite.Generation != was.ObservedGeneration || was.State == v1alpha1.InviteFailed
	for rule, broken := range map[string]bool{
		"what is claimed can be answered":                    d.Send != nil && (is.ExpiryTime == nil || !l.now.Before(is.ExpiryTime.Time)),
		"the action says what is claimed":                    (d.Action == ActionSend) != (d.Send != nil),
		"what is claimed is not claimed by another":          d.Send != nil && d.Send.Repeat == 0 && d.Send.Serial == was.Serial && l.now.Before(inFlight(was)),
		"a mail that left is not claimed":                    d.Send != nil && d.Send.Repeat == 0 && d.Send.Serial == was.Serial && was.SentTime != nil,
		"a decision counts at most one try":                  is.Attempts > was.Attempts+1,
		"attempts fall by a new beginning alone":             is.Attempts < was.Attempts && !anew,
		"what certainly has not left expires with its end":   is.State == v1alpha1.InviteExpired && neverLeft(is) && (!ends || l.now.Before(end)),
		"what may have left keeps its expiry":                d.Send != nil && !anew && !neverLeft(was) && is.ExpiryTime.After(was.ExpiryTime.Time),
		"a refusal of the operator fails nothing":            is.State == v1alpha1.InviteFailed && is.Cause != "",
		"the message of a repeat fits":                       is.Repeat != nil && len(is.Repeat.Message) > maxMessage,
		"what is held or waits says so in Sent":              (is.State == v1alpha1.InviteHeld || is.State == v1alpha1.InvitePending) && sentReason(is) == "",
		"a waiting invite looks again or waits for somebody": is.State == v1alpha1.InvitePending && is.Cause == "" && d.Send == nil && is.Attempts > 0 && d.RequeueAfter == 0,
	} {
		if broken {
			t.Errorf("life %d: %s (-before +after):\n%s", life, rule, cmp.Diff(was, is))
		}
	}
	if stays(t, l, d); t.Failed() {
		t.Logf("life %d, at %s (-before +after):\n%s", life, l.now, cmp.Diff(was, is))
	}
}
