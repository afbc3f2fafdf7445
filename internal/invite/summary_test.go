package invite

import (
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
)

func TestExpired(t *testing.T) {
	l := newLife()
	mailed(nil)(t, l)
	for name, test := range map[string]struct {
		status v1alpha1.PartnerInviteStatus
		now    time.Time
		want   bool
	}{
		"never issued":    {v1alpha1.PartnerInviteStatus{}, start.Add(week), false},
		"a moment before": {l.invite.Status, start.Add(week - time.Nanosecond), false},
		"at that moment":  {l.invite.Status, start.Add(week), true},
		"long after":      {l.invite.Status, start.Add(2 * week), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Expired(test.status, test.now); got != test.want {
				t.Errorf("Expired = %v", got)
			}
		})
	}
}

// Every transition is told once, and a retry or a second look never.
func TestTransition(t *testing.T) {
	const masked = "***"
	lookThrice := func(t testing.TB, l *life) {
		for range 3 {
			l.decide(t)
		}
	}
	died := step(func(t testing.TB, l *life) { l.decide(t); after(delivery.InFlight)(t, l) })
	platinum := offers(grantIn("referral", "platinum"))
	for name, test := range map[string]struct {
		happens []step
		want    string // the reasons
	}{
		"sent and accepted":                   {steps(mailed(nil), lookThrice, answers(v1alpha1.DecisionAccepted), looksAgain, finished, lookThrice), "Sent Accepted"},
		"sent and declined":                   {steps(mailed(nil), answers(v1alpha1.DecisionDeclined), lookThrice), "Sent Declined"},
		"sent and expired":                    {steps(mailed(nil), after(week), lookThrice), "Sent Expired"},
		"refused for good":                    {steps(mailed(refused), lookThrice), "AddressRejected"},
		"an address that mail cannot reach":   {steps(edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.Email = "ada@a_b.example" }), lookThrice), "AddressRejected"},
		"tried three times":                   {steps(mailed(busy), after(time.Hour), mailed(busy), after(time.Hour), mailed(nil), lookThrice), "TemporaryFailure Sent"},
		"tried again by another process":      {steps(died, mailed(nil), lookThrice), "Sent"},
		"tried for a day":                     {steps(mailed(busy), lookThrice, triedForADay, lookThrice), "TemporaryFailure GaveUp"},
		"waits for its program":               {steps(programGoes, lookThrice, programComes, mailed(nil)), "ProgramNotFound Sent"},
		"waits for its program and its group": {steps(programGoes, platinum, lookThrice, programComes, lookThrice), "ProgramNotFound GroupNotFound"},
		"waits for the mail server":           {steps(mailerGoes, lookThrice, mailerComes, mailed(nil)), "MailerNotConfigured Sent"},
		"waits, and is refused for now":       {steps(programGoes, looksAgain, programComes, mailed(busy), after(time.Hour), mailed(busy)), "ProgramNotFound TemporaryFailure"},
		"expires between two tries":           {steps(mailed(busy), after(week), lookThrice), "TemporaryFailure Expired"},
		"refused for good, then sent":         {steps(mailed(refused), rename, mailed(nil)), "AddressRejected Sent"},

		"suspended, then not":                 {steps(suspends("referral"), lookThrice, lookThrice, resumes("referral"), mailed(nil)), "Held Sent"},
		"held by the operator":                {steps(holds, lookThrice, after(time.Hour), lookThrice, releases, mailed(nil)), "Held Sent"},
		"held by two things in turn":          {steps(holds, lookThrice, suspends("referral"), releases, lookThrice), "Held"},
		"held until later and later":          {steps(fullFor(time.Hour), lookThrice, fullFor(2*time.Hour), lookThrice), "Held"},
		"waits for its program, then held":    {steps(programGoes, lookThrice, programComes, holds, lookThrice), "ProgramNotFound Held"},
		"held between two tries":              {steps(mailed(busy), holds, after(time.Hour), lookThrice, lookThrice), "TemporaryFailure Held"},
		"a partner already":                   {steps(isPartnerIn("referral"), lookThrice, lookThrice), "AlreadyPartner"},
		"revoked":                             {steps(isRevokedIn("referral"), lookThrice, lookThrice), "PartnerRevoked"},
		"a duplicate":                         {steps(rival("older", older), lookThrice, lookThrice), "DuplicateInvite"},
		"revoked, reinstated and asked again": {steps(isRevokedIn("referral"), lookThrice, isNoPartner, annotates("a"), mailed(nil)), "PartnerRevoked Sent"},
		"notAfter has passed":                 {steps(ends(-time.Hour), lookThrice, lookThrice), "Expired"},
		"the link stands in the Secret":       {steps(linkOnly, mailed(nil), lookThrice), "Sent"},
		"sent, and asked again too early":     {steps(mailed(nil), annotates("a"), lookThrice, lookThrice), "Sent CoolingDown"},
		"sent, and asked again while held":    {steps(mailed(nil), after(time.Hour), holds, annotates("a"), lookThrice, lookThrice), "Sent Held"},
		"sent, and sent again":                {steps(mailed(nil), after(time.Hour), annotates("a"), mailed(nil), lookThrice), "Sent Sent"},
		"sent, cooled down and sent again":    {steps(mailed(nil), annotates("a"), lookThrice, after(time.Minute), mailed(nil), lookThrice), "Sent CoolingDown Sent"},
		"declined, and sent again":            {steps(mailed(nil), answers(v1alpha1.DecisionDeclined), after(time.Hour), annotates("a"), mailed(nil)), "Sent Declined Sent"},
		"expired, and renewed":                {steps(mailed(nil), after(week), lookThrice, renews, mailed(nil)), "Sent Expired Sent"},
		"refused for good, twice":             {steps(mailed(refused), annotates("a"), mailed(refused), lookThrice), "AddressRejected AddressRejected"},
		"accepted, and asked again":           {steps(mailed(nil), answers(v1alpha1.DecisionAccepted), finished, annotates("a"), lookThrice), "Sent Accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			var told []string
			for _, happens := range test.happens {
				before := *l.invite.Status.DeepCopy()
				happens(t, l)
				e, ok := Transition(before, l.invite.Status, masked)
				if ok != (e != event.Event{}) {
					t.Errorf("told = %v with %+v", ok, e)
				}
				if ok {
					told = append(told, e.Reason)
				}
				if strings.Contains(e.Note, string(l.invite.Spec.Contact.Email)) {
					t.Errorf("the event tells the address: %q", e.Note)
				}
			}
			if got := strings.Join(told, " "); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

func TestEventsSayWhatHappened(t *testing.T) {
	for name, test := range map[string]struct {
		happens step
		want    event.Event
	}{
		"sent":     {mailed(nil), event.Normal("Sent", "Send", "Mailed invite 1 to ***")},
		"refused":  {mailed(refused), event.Warning("AddressRejected", "Send", refused.Message+"; create a new invite for the right address, or change this one's spec to try again")},
		"busy":     {mailed(busy), event.Warning("TemporaryFailure", "Wait", busy.Message+"; next try at "+start.Add(delivery.Backoff(1, messageID)).Format(time.RFC3339))},
		"accepted": {answers(v1alpha1.DecisionAccepted), event.Normal("Accepted", "Accept", "*** accepted")},
		"declined": {answers(v1alpha1.DecisionDeclined), event.Normal("Declined", "Decline", "*** declined")},
		"expired": {
			func(t testing.TB, l *life) { mailed(nil)(t, l); after(week)(t, l); l.decide(t) },
			event.Normal("Expired", "Expire", "*** did not answer in time"),
		},
		"a partner already": {
			func(t testing.TB, l *life) { isPartnerIn("referral")(t, l); l.decide(t) },
			event.Normal("AlreadyPartner", "Refuse", "*** is a partner already; nothing was sent"),
		},
		"revoked": {
			func(t testing.TB, l *life) { isRevokedIn("referral")(t, l); l.decide(t) },
			event.Warning("PartnerRevoked", "Refuse", `access to Program "referral" is revoked by Partnership "ada-referral"; remove its spec.revocation to reinstate the partner, then ask for a resend if it is still needed`),
		},
		"held": {
			func(t testing.TB, l *life) { holds(t, l); l.decide(t) },
			event.Warning("Held", "Wait", holdMessage),
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			before := l.invite.Status
			test.happens(t, l)
			if got, _ := Transition(before, l.invite.Status, "***"); got != test.want {
				t.Errorf("the event is %+v, want %+v", got, test.want)
			}
		})
	}
}

// An invite with delivery Link is not mailed, so no event says so.
func TestTheEventOfALinkTellsOfNoMail(t *testing.T) {
	l := newLife()
	before := l.invite.Status
	linkOnly(t, l)
	mailed(nil)(t, l)
	got, told := Transition(before, l.invite.Status, "***")
	if !told || got.Reason != "Sent" || strings.Contains(got.Note, "Mailed") {
		t.Errorf("the event is %+v, %v", got, told)
	}
}
