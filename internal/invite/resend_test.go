package invite

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// annotates is kubectl annotate; an empty text takes the annotation away.
func annotates(text string) step {
	return func(_ testing.TB, l *life) {
		l.invite.Annotations = map[string]string{"example.com/other": "text"}
		if text != "" {
			l.invite.Annotations[v1alpha1.ResendAnnotation] = text
		}
	}
}

// tokens is a change of spec.resendToken.
func tokens(text string) step {
	return edit(func(s *v1alpha1.PartnerInviteSpec) { s.ResendToken = text })
}

// ends sets notAfter to so long after now.
func ends(d time.Duration) step {
	return func(t testing.TB, l *life) {
		edit(func(s *v1alpha1.PartnerInviteSpec) { s.NotAfter = v1alpha1.NewTimestamp(l.now.Add(d)) })(t, l)
	}
}

func coolsDown(program string, d v1alpha1.Cooldown) step {
	return func(_ testing.TB, l *life) { l.catalog.Programs[program].Spec.Invites.ResendCooldown = d }
}

func expiresAfter(d v1alpha1.InviteLifetime) step {
	return edit(func(s *v1alpha1.PartnerInviteSpec) { s.ExpiresAfter = d })
}

var (
	endsNever = edit(func(s *v1alpha1.PartnerInviteSpec) { s.NotAfter = "" })
	renews    = step(func(t testing.TB, l *life) {
		Renew(&l.invite.Status, l.now)
		l.invite.Status = stored(t, l.invite.Status)
	})
	renewsTheFirst = step(func(t testing.TB, l *life) {
		renews(t, l)
		l.invite.Status.Renewal.Serial = 1
	})
)

// anew is an invite into referral that is being sent with a further link.
func anew(serial int64, handled string) standing {
	return with(issued(ActionSend, v1alpha1.ReasonSending, 1, 0), func(s *standing) { s.Serial, s.Handled = serial, handled })
}

// sentAnew is an invite into referral that was sent with a further link.
func sentAnew(serial int64, handled string, again time.Duration) standing {
	return with(sent(again), func(s *standing) { s.Serial, s.Handled = serial, handled })
}

// waitsToResend is an invite whose resend waits.
func waitsToResend(s standing, reason string, again time.Duration) standing {
	s.Reconciling, s.Again = reason, again
	return s
}

func TestResend(t *testing.T) {
	declined, accepted := answers(v1alpha1.DecisionDeclined), answers(v1alpha1.DecisionAccepted)
	hour := after(time.Hour)
	long := strings.Repeat("ü", 300)
	wasDeclined := over(v1alpha1.InviteDeclined, "False/Declined", "True/Sent", 1)
	wasAccepted := over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1)
	hasExpired := over(v1alpha1.InviteExpired, "False/Expired", "True/Sent", 1)
	handled := func(s standing, handled string) standing { s.Handled = handled; return s }
	for name, test := range map[string]struct {
		happens []step
		want    standing
	}{
		// What asks for it.
		"an annotation":                          {steps(mailed(nil), hour, annotates("a")), anew(2, "a|")},
		"a token":                                {steps(mailed(nil), hour, tokens("t")), anew(2, "|t")},
		"both at once":                           {steps(mailed(nil), hour, annotates("a"), tokens("t")), anew(2, "a|t")},
		"both at once, carried out":              {steps(mailed(nil), hour, annotates("a"), tokens("t"), mailed(nil), hour), sentAnew(2, "a|t", week-time.Hour)},
		"one after the other":                    {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, tokens("t")), anew(3, "a|t")},
		"another annotation of no meaning":       {steps(mailed(nil), hour, annotates("")), sent(week - time.Hour)},
		"carried out":                            {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour), sentAnew(2, "a|", week-time.Hour)},
		"carried out, and the spec is changed":   {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, rename), sentAnew(2, "a|", week-time.Hour)},
		"the annotation is taken away":           {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, annotates("")), sentAnew(2, "a|", week-time.Hour)},
		"the annotation is put back":             {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, annotates(""), looksAgain, annotates("a")), sentAnew(2, "a|", week-time.Hour)},
		"the token is taken away":                {steps(mailed(nil), hour, tokens("t"), mailed(nil), hour, tokens("")), sentAnew(2, "|t", week-time.Hour)},
		"the token is put back":                  {steps(mailed(nil), hour, tokens("t"), mailed(nil), hour, tokens(""), looksAgain, tokens("t")), sentAnew(2, "|t", week-time.Hour)},
		"another annotation":                     {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, annotates("b")), anew(3, "b|")},
		"another token":                          {steps(mailed(nil), hour, tokens("t"), mailed(nil), hour, tokens("u")), anew(3, "|u")},
		"the text of before the last":            {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, annotates("b"), mailed(nil), hour, annotates("a")), anew(4, "a|")},
		"one text moves to the other place":      {steps(mailed(nil), hour, annotates("a"), mailed(nil), hour, annotates(""), tokens("a")), anew(3, "a|a")},
		"a text longer than status holds":        {steps(mailed(nil), hour, annotates(long)), anew(2, long[:2*256]+"|")},
		"a text that is too long, carried out":   {steps(mailed(nil), hour, annotates(long), mailed(nil), hour), sentAnew(2, long[:2*256]+"|", week-time.Hour)},
		"stood there before the first mail":      {steps(annotates("a"), tokens("t"), mailed(nil), hour), sentAnew(1, "a|t", week-time.Hour)},
		"stood there, and is taken away":         {steps(annotates("a"), tokens("t"), mailed(nil), hour, annotates(""), tokens("")), sentAnew(1, "a|t", week-time.Hour)},
		"stood there, and another comes":         {steps(annotates("a"), mailed(nil), hour, annotates("b")), anew(2, "b|")},
		"comes while it waits for its program":   {steps(programGoes, looksAgain, annotates("a"), looksAgain, programComes, mailed(nil), hour), sentAnew(1, "a|", week-time.Hour)},
		"comes while it is held":                 {steps(holds, looksAgain, annotates("a"), looksAgain, releases, mailed(nil), hour), sentAnew(1, "a|", week-time.Hour)},
		"for an address that no mail can reach":  {steps(unreachable, looksAgain, annotates("a")), with(failed(v1alpha1.ReasonAddressRejected, 0), func(s *standing) { s.Refs, s.Offers, s.Serial = "", "", 0 })},
		"refused for now, and tried again":       {steps(mailed(nil), hour, annotates("a"), mailed(busy), hour, mailed(nil)), with(sentAnew(2, "a|", week-time.Hour), func(s *standing) { s.Attempts = 2 })},
		"its program is gone by then":            {steps(mailed(nil), programGoes, hour, annotates("a")), missingProgram(waitsToResend(shutOut(sent(0), v1alpha1.ReasonProgramNotFound), v1alpha1.ReasonProgramNotFound, week-time.Hour))},
		"its program is gone and comes back":     {steps(mailed(nil), programGoes, hour, annotates("a"), looksAgain, programComes), anew(2, "a|")},
		"a program is made before it":            {steps(offersAll, mailed(nil), onceMore, hour, annotates("a")), with(anew(2, "a|"), func(s *standing) { s.Offers = "referral reseller" })},
		"of an invite that is partly accepted":   {steps(offersAll, mailed(nil), isPartnerIn("reseller"), hour, annotates("a")), with(anew(2, "a|"), func(s *standing) { s.Offers = "referral reseller" })},
		"the person answers the second link":     {steps(mailed(nil), hour, annotates("a"), mailed(nil), declined), with(wasDeclined, func(s *standing) { s.Serial, s.Handled = 2, "a|" })},
		"the person renews, the company resends": {steps(mailed(nil), after(week), renews, annotates("a"), mailed(nil), hour), sentAnew(2, "a|", week-time.Hour)},

		// Of what.
		"accepted":           {steps(mailed(nil), accepted, finished, hour, annotates("a")), handled(wasAccepted, "a|")},
		"accepted, by token": {steps(mailed(nil), accepted, finished, hour, tokens("t")), handled(wasAccepted, "|t")},
		"accepted, and not finished": {steps(mailed(nil), accepted, hour, annotates("a")), with(handled(wasAccepted, "a|"), func(s *standing) {
			s.Action, s.Ready, s.Reconciling = ActionFinish, "False/Accepted", v1alpha1.ReasonAccepted
		})},
		"accepted while it cooled down":      {steps(mailed(nil), annotates("a"), looksAgain, accepted, finished), handled(wasAccepted, "a|")},
		"declined":                           {steps(mailed(nil), declined, hour, annotates("a")), anew(2, "a|")},
		"declined, past its expiry":          {steps(mailed(nil), declined, after(2*week), annotates("a")), anew(2, "a|")},
		"expired":                            {steps(mailed(nil), after(week), annotates("a")), anew(2, "a|")},
		"expired before it was sent":         {steps(mailed(busy), after(week), annotates("a")), anew(2, "a|")},
		"refused for good":                   {steps(mailed(refused), annotates("a")), anew(2, "a|")},
		"refused for good, by token":         {steps(mailed(refused), tokens("t")), anew(2, "|t")},
		"given up":                           {steps(triedForADay, looksAgain, annotates("a")), anew(2, "a|")},
		"between two tries":                  {steps(mailed(busy), annotates("a")), anew(2, "a|")},
		"a partner, who is not any more":     {steps(isPartnerIn("referral"), looksAgain, isNoPartner, annotates("a")), anew(1, "a|")},
		"a partner, who still is":            {steps(isPartnerIn("referral"), looksAgain, annotates("a")), handled(turnedAway(v1alpha1.ReasonAlreadyPartner), "a|")},
		"revoked, who was reinstated":        {steps(isRevokedIn("referral"), looksAgain, isPartnerIn("referral"), annotates("a")), handled(turnedAway(v1alpha1.ReasonAlreadyPartner), "a|")},
		"revoked, who was removed":           {steps(isRevokedIn("referral"), looksAgain, isNoPartner, annotates("a")), anew(1, "a|")},
		"revoked, who still is":              {steps(isRevokedIn("referral"), looksAgain, annotates("a")), handled(turnedAway(v1alpha1.ReasonPartnerRevoked), "a|")},
		"a duplicate, and the other goes":    {steps(rival("older", older), looksAgain, noRival, annotates("a")), anew(1, "a|")},
		"a duplicate, and the other stays":   {steps(rival("older", older), looksAgain, annotates("a")), handled(turnedAway(v1alpha1.ReasonDuplicateInvite), "a|")},
		"a duplicate, and nobody asks":       {steps(rival("older", older), looksAgain, noRival, rename), turnedAway(v1alpha1.ReasonDuplicateInvite)},
		"turned away, then held":             {steps(isRevokedIn("referral"), looksAgain, isNoPartner, holds, annotates("a")), handled(heldBack(0), "a|")},
		"turned away, then its program goes": {steps(isRevokedIn("referral"), looksAgain, isNoPartner, programGoes, annotates("a")), handled(waits(v1alpha1.ReasonProgramNotFound), "a|")},
		"a text stood there when it was turned away": {
			steps(rival("older", older), tokens("t")), handled(turnedAway(v1alpha1.ReasonDuplicateInvite), "|t"),
		},
		"a text stood there when it was turned away, and the other goes": {
			steps(rival("older", older), tokens("t"), looksAgain, noRival, rename), handled(turnedAway(v1alpha1.ReasonDuplicateInvite), "|t"),
		},
		"sent, who is a partner by now": {
			steps(mailed(nil), isPartnerIn("referral"), hour, annotates("a")),
			with(turnedAway(v1alpha1.ReasonAlreadyPartner), func(s *standing) {
				s.Sent, s.Offers, s.Serial, s.Attempts, s.Handled = "True/Sent", "referral", 1, 1, "a|"
			}),
		},
		"sent, who is revoked by now": {
			steps(mailed(nil), isRevokedIn("referral"), hour, annotates("a")),
			with(turnedAway(v1alpha1.ReasonPartnerRevoked), func(s *standing) {
				s.Sent, s.Offers, s.Serial, s.Attempts, s.Handled = "True/Sent", "referral", 1, 1, "a|"
			}),
		},
		"declined, who is revoked by now": {
			steps(mailed(nil), declined, isRevokedIn("referral"), hour, annotates("a")),
			with(turnedAway(v1alpha1.ReasonPartnerRevoked), func(s *standing) {
				s.Sent, s.Offers, s.Serial, s.Attempts, s.Handled = "True/Sent", "referral", 1, 1, "a|"
			}),
		},
		"turned away after it was sent, and reinstated": {
			steps(mailed(nil), isRevokedIn("referral"), hour, annotates("a"), looksAgain, isNoPartner, annotates("b")), anew(2, "b|"),
		},

		// The cool-down.
		"too early":                     {steps(mailed(nil), after(20*time.Second), annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, 40*time.Second)},
		"too early, by token":           {steps(mailed(nil), after(20*time.Second), tokens("t")), waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, 40*time.Second)},
		"too early, and looked at":      {steps(mailed(nil), annotates("a"), looksAgain, after(50*time.Second)), waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, 10*time.Second)},
		"a moment too early":            {steps(mailed(nil), after(time.Minute-600*time.Millisecond), annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, time.Second)},
		"cooled down":                   {steps(mailed(nil), annotates("a"), looksAgain, after(time.Minute)), anew(2, "a|")},
		"too early, and taken back":     {steps(mailed(nil), annotates("a"), looksAgain, annotates(""), after(20*time.Second)), sent(week - 20*time.Second)},
		"too early, and asked anew":     {steps(mailed(nil), annotates("a"), looksAgain, annotates("b"), after(time.Minute)), anew(2, "b|")},
		"too early once more":           {steps(mailed(nil), after(time.Hour), annotates("a"), mailed(nil), after(20*time.Second), annotates("b")), waitsToResend(sentAnew(2, "a|", 0), v1alpha1.ReasonCoolingDown, 40*time.Second)},
		"declined, too early":           {steps(mailed(nil), declined, annotates("a")), waitsToResend(wasDeclined, v1alpha1.ReasonCoolingDown, time.Minute)},
		"declined while it cools down":  {steps(mailed(nil), annotates("a"), looksAgain, declined), waitsToResend(wasDeclined, v1alpha1.ReasonCoolingDown, time.Minute)},
		"no cool-down":                  {steps(coolsDown("referral", "0"), mailed(nil), annotates("a")), anew(2, "a|")},
		"no cool-down, in seconds":      {steps(coolsDown("referral", "0s"), mailed(nil), annotates("a")), anew(2, "a|")},
		"a long cool-down":              {steps(coolsDown("referral", "24h"), mailed(nil), after(time.Hour), annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, 23*time.Hour)},
		"the cool-down is shortened":    {steps(coolsDown("referral", "24h"), mailed(nil), after(time.Hour), annotates("a"), looksAgain, coolsDown("referral", "1h")), anew(2, "a|")},
		"that of another program":       {steps(coolsDown("reseller", "24h"), mailed(nil), after(time.Hour), annotates("a")), anew(2, "a|")},
		"a mail that did not leave":     {steps(coolsDown("referral", "24h"), mailed(busy), annotates("a")), anew(2, "a|")},
		"a mail that left, and a later": {steps(coolsDown("referral", "24h"), mailed(nil), after(24*time.Hour), annotates("a"), mailed(busy), annotates("b")), anew(3, "b|")},
		"the longest of several": {
			steps(coolsDown("referral", "5m"), coolsDown("reseller", "10m"), offersAll, mailed(nil), after(6*time.Minute), annotates("a")),
			waitsToResend(with(sent(0), func(s *standing) { s.Offers = "referral reseller" }), v1alpha1.ReasonCoolingDown, 4*time.Minute),
		},
		"the longest of several is the first": {
			steps(coolsDown("referral", "10m"), coolsDown("reseller", "5m"), offersAll, mailed(nil), after(6*time.Minute), annotates("a")),
			waitsToResend(with(sent(0), func(s *standing) { s.Offers = "referral reseller" }), v1alpha1.ReasonCoolingDown, 4*time.Minute),
		},
		"it expires before it has cooled down": {
			steps(expiresAfter("1m"), coolsDown("referral", "10m"), mailed(nil), after(20*time.Second), annotates("a")),
			waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, 40*time.Second),
		},
		"it has expired before it cooled down": {
			steps(expiresAfter("1m"), coolsDown("referral", "10m"), mailed(nil), annotates("a"), looksAgain, after(2*time.Minute)),
			waitsToResend(hasExpired, v1alpha1.ReasonCoolingDown, 8*time.Minute),
		},
		"the mail before is in flight": {
			steps(looksAgain, annotates("a"), after(20*time.Second)), issued(ActionNone, v1alpha1.ReasonSending, 1, 40*time.Second),
		},
		"the mail before is in flight, without a cool-down": {
			steps(coolsDown("referral", "0"), looksAgain, annotates("a"), after(20*time.Second)), issued(ActionNone, v1alpha1.ReasonSending, 1, 40*time.Second),
		},
		"the process before died": {steps(looksAgain, annotates("a"), after(delivery.InFlight)), anew(2, "a|")},
		"declined while in flight": {
			steps(looksAgain, declined, annotates("a"), after(20*time.Second)),
			waitsToResend(over(v1alpha1.InviteDeclined, "False/Declined", "False/Sending", 1), v1alpha1.ReasonCoolingDown, 40*time.Second),
		},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}

// A reissued invite forgets all of its link before, and nothing of what it offers.
func TestAResendStartsAnew(t *testing.T) {
	l := newLife()
	mailed(busy)(t, l)
	after(time.Hour)(t, l)
	mailed(nil)(t, l)
	answers(v1alpha1.DecisionDeclined)(t, l)
	after(time.Hour)(t, l)
	annotates("a")(t, l)
	l.keys = append([]string{"key-2"}, l.keys...)
	l.decide(t)
	got, now := l.invite.Status, metav1.NewTime(l.now)
	got.Conditions = nil
	want := v1alpha1.PartnerInviteStatus{
		ObservedGeneration: 1, State: v1alpha1.InvitePending, StateTime: &now, DisplayName: "a***@example.com", Programs: []v1alpha1.ProgramGrant{grant("referral")},
		Serial: 2, KeyID: "key-2", IssuedTime: &now, ExpiryTime: &metav1.Time{Time: now.Add(week)}, Attempts: 1,
		FirstAttemptTime: &now, LastAttemptTime: &now, MessageID: "invite.uid.2@acme.example",
		HandledResend: &v1alpha1.HandledResend{Annotation: "a"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// While a resend waits, nothing is touched that the person or a pipeline looks at.
func TestAWaitingResendLeavesTheLinkAlone(t *testing.T) {
	for name, waiting := range map[string][]step{
		"cooling down": steps(after(20*time.Second), annotates("a")),
		"held":         steps(after(time.Hour), holds, annotates("a")),
		"full":         steps(after(time.Hour), fullFor(time.Hour), annotates("a")),
		"no mailer":    steps(after(time.Hour), mailerGoes, annotates("a")),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			mailed(nil)(t, l)
			before := *l.invite.Status.DeepCopy()
			for _, happens := range waiting {
				happens(t, l)
			}
			l.decide(t)
			after := *l.invite.Status.DeepCopy()
			if n := len(after.Conditions); n != len(before.Conditions)+1 || condition(after.Conditions, v1alpha1.ConditionReconciling) == "" {
				t.Fatalf("the conditions are %v", after.Conditions)
			}
			setter(&after, l.now).Remove(v1alpha1.ConditionReconciling)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("it changes more than Reconciling (-before +after):\n%s", diff)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	hour := after(time.Hour)
	hasExpired := over(v1alpha1.InviteExpired, "False/Expired", "True/Sent", 1)
	for name, test := range map[string]struct {
		happens []step
		want    standing
	}{
		"of an expired one":                {steps(mailed(nil), after(week), looksAgain, renews), anew(2, "")},
		"carried out":                      {steps(mailed(nil), after(week), renews, mailed(nil), hour), sentAnew(2, "", week-time.Hour)},
		"carried out, and expired anew":    {steps(mailed(nil), after(week), renews, mailed(nil), after(week)), with(hasExpired, func(s *standing) { s.Serial = 2 })},
		"twice":                            {steps(mailed(nil), after(week), renews, mailed(nil), after(week), renews), anew(3, "")},
		"of the link before":               {steps(mailed(nil), after(week), renews, mailed(nil), after(week), renewsTheFirst), with(hasExpired, func(s *standing) { s.Serial = 2 })},
		"expired before it was sent":       {steps(mailed(busy), after(week), renews), anew(2, "")},
		"of one that can be answered":      {steps(mailed(nil), renews, hour), sent(week - time.Hour)},
		"of one that was accepted":         {steps(mailed(nil), answers(v1alpha1.DecisionAccepted), finished, after(week), renews), over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1)},
		"of one that was declined":         {steps(mailed(nil), answers(v1alpha1.DecisionDeclined), after(week), renews), over(v1alpha1.InviteDeclined, "False/Declined", "True/Sent", 1)},
		"of one that was refused for good": {steps(mailed(refused), after(week), renews), failed(v1alpha1.ReasonAddressRejected, 1)},
		"while its program is suspended":   {steps(mailed(nil), after(week), suspends("referral"), renews), waitsToResend(hasExpired, v1alpha1.ReasonHeld, 0)},
		"after its program was suspended":  {steps(mailed(nil), after(week), suspends("referral"), renews, looksAgain, resumes("referral")), anew(2, "")},
		"while all mail is held":           {steps(mailed(nil), after(week), holds, renews), waitsToResend(hasExpired, v1alpha1.ReasonHeld, 0)},
		"while it cools down":              {steps(expiresAfter("1m"), coolsDown("referral", "10m"), mailed(nil), after(2*time.Minute), renews), waitsToResend(hasExpired, v1alpha1.ReasonCoolingDown, 8*time.Minute)},
		"after its end":                    {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour), renews), hasExpired},
		"its end comes while it waits":     {steps(expiresAfter("1h"), ends(2*time.Hour), mailed(nil), hour, holds, renews, looksAgain, hour, releases), hasExpired},
		"who is a partner by now": {
			steps(mailed(nil), after(week), isPartnerIn("referral"), renews),
			with(turnedAway(v1alpha1.ReasonAlreadyPartner), func(s *standing) {
				s.Sent, s.Offers, s.Serial, s.Attempts = "True/Sent", "referral", 1, 1
			}),
		},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}

// A wish that was seen to is forgotten, so that the next one is news to the controller.
func TestARenewalIsForgotten(t *testing.T) {
	for name, happens := range map[string]step{
		"renewed": looksAgain, "resent": annotates("a"), "a partner": isPartnerIn("referral"), "revoked": isRevokedIn("referral"),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, each := range steps(mailed(nil), after(week), renews, happens) {
				each(t, l)
			}
			l.decide(t)
			if got := l.invite.Status.Renewal; got != nil {
				t.Errorf("it is still wanted: %+v", got)
			}
		})
	}
	l := newLife()
	for _, each := range steps(mailed(nil), after(week), holds, renews) {
		each(t, l)
	}
	l.decide(t)
	if l.invite.Status.Renewal == nil {
		t.Error("a wish that waits is forgotten")
	}
}

func TestRenewable(t *testing.T) {
	for name, test := range map[string]struct {
		happens []step
		want    bool
	}{
		"never looked at":                  {nil, false},
		"sent":                             {steps(mailed(nil)), false},
		"just before its time is over":     {steps(mailed(nil), after(week-time.Nanosecond)), false},
		"as its time is over":              {steps(mailed(nil), after(week)), true},
		"expired, seen by the rules":       {steps(mailed(nil), after(week), looksAgain), true},
		"expired before it was sent":       {steps(mailed(busy), after(week)), true},
		"expired while held":               {steps(mailed(busy), holds, after(time.Hour), looksAgain, after(week)), true},
		"renewed":                          {steps(mailed(nil), after(week), renews, mailed(nil)), false},
		"accepted":                         {steps(mailed(nil), answers(v1alpha1.DecisionAccepted), after(week)), false},
		"declined":                         {steps(mailed(nil), answers(v1alpha1.DecisionDeclined), after(week)), false},
		"refused for good":                 {steps(mailed(refused), after(week)), false},
		"a partner already":                {steps(isPartnerIn("referral"), looksAgain, after(week)), false},
		"its end has come":                 {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour)), false},
		"its end is still to come":         {steps(expiresAfter("1h"), ends(2*time.Hour), mailed(nil), after(time.Hour)), true},
		"its end came before the issue":    {steps(ends(-time.Hour), looksAgain), false},
		"its end has come, and is put off": {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour), ends(time.Hour)), true},
		"its end has come, and is removed": {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour), endsNever), true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(t, l)
			}
			if got := renewable(l.invite, l.now); got != test.want {
				t.Errorf("Renewable = %v", got)
			}
		})
	}
}

func TestNotAfter(t *testing.T) {
	hour := after(time.Hour)
	hasExpired := over(v1alpha1.InviteExpired, "False/Expired", "True/Sent", 1)
	// tooLate is an invite that was not issued before its end.
	tooLate := func(refs string) standing {
		return standing{Action: ActionNone, State: v1alpha1.InviteExpired, Ready: "True/Expired", Refs: refs, Sent: "False/Expired", Accepted: "False/Expired"}
	}
	for name, test := range map[string]struct {
		happens []step
		want    standing
	}{
		"passed":                                {steps(ends(-time.Hour)), tooLate("")},
		"passes now":                            {steps(ends(0)), tooLate("")},
		"passed, and it is asked for":           {steps(ends(-time.Hour), looksAgain, annotates("a"), tokens("t")), tooLate("")},
		"passed, and there is no mail server":   {steps(ends(-time.Hour), mailerGoes), tooLate("")},
		"passed for an address that is no good": {steps(ends(-time.Hour), unreachable), with(failed(v1alpha1.ReasonAddressRejected, 0), func(s *standing) { s.Refs, s.Offers, s.Serial = "", "", 0 })},
		"not passed":                            {steps(ends(time.Hour)), issued(ActionSend, v1alpha1.ReasonSending, 1, 0)},
		"waits for its program":                 {steps(ends(2*time.Hour), programGoes, hour), with(waits(v1alpha1.ReasonProgramNotFound), func(s *standing) { s.Again = time.Hour })},
		"passes while it waits":                 {steps(ends(2*time.Hour), programGoes, looksAgain, after(2*time.Hour), programComes), tooLate("False/ProgramNotFound")},
		"held":                                  {steps(ends(2*time.Hour), holds), heldBack(2 * time.Hour)},
		"held until before it":                  {steps(ends(2*time.Hour), fullFor(time.Hour)), heldBack(time.Hour)},
		"held until after it":                   {steps(ends(time.Hour), fullFor(2*time.Hour)), heldBack(time.Hour)},
		"passes while it is held":               {steps(ends(2*time.Hour), holds, looksAgain, after(2*time.Hour), releases), tooLate(resolved)},
		"passes while there is no mail server":  {steps(ends(2*time.Hour), mailerGoes, looksAgain, after(2*time.Hour), mailerComes), tooLate(resolved)},
		"caps the expiry":                       {steps(ends(2*time.Hour), mailed(nil)), sent(2 * time.Hour)},
		"later than the expiry":                 {steps(ends(2*week), mailed(nil)), sent(week)},
		"earlier than its own lifetime":         {steps(expiresAfter("8760h"), ends(2*time.Hour), mailed(nil)), sent(2 * time.Hour)},
		"later than its own lifetime":           {steps(expiresAfter("1h"), ends(2*time.Hour), mailed(nil)), sent(time.Hour)},
		"passes after it was sent":              {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour)), hasExpired},
		"caps the expiry of a resend":           {steps(ends(2*time.Hour), mailed(nil), hour, annotates("a"), mailed(nil)), sentAnew(2, "a|", time.Hour)},
		"a resend after it":                     {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour), annotates("a")), with(hasExpired, func(s *standing) { s.Handled = "a|" })},
		"a resend after it of one that failed":  {steps(ends(2*time.Hour), mailed(refused), after(2*time.Hour), annotates("a")), with(failed(v1alpha1.ReasonAddressRejected, 1), func(s *standing) { s.Handled = "a|" })},
		"a resend after it of a declined one":   {steps(ends(2*time.Hour), mailed(nil), answers(v1alpha1.DecisionDeclined), after(2*time.Hour), annotates("a")), with(over(v1alpha1.InviteDeclined, "False/Declined", "True/Sent", 1), func(s *standing) { s.Handled = "a|" })},
		"put off after a resend in vain":        {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour), annotates("a"), looksAgain, ends(time.Hour)), with(hasExpired, func(s *standing) { s.Handled = "a|" })},
		"put off, and asked for":                {steps(ends(2*time.Hour), mailed(nil), after(2*time.Hour), looksAgain, ends(time.Hour), annotates("a")), anew(2, "a|")},
		"comes between two tries":               {steps(ends(2*time.Minute), mailed(busy), after(2*time.Minute)), over(v1alpha1.InviteExpired, "False/Expired", "False/TemporaryFailure", 1)},
		"passed before the issue, and put off":  {steps(ends(-time.Hour), looksAgain, ends(time.Hour)), issued(ActionSend, v1alpha1.ReasonSending, 1, 0)},
		"passed before the issue, and removed":  {steps(ends(-time.Hour), looksAgain, endsNever), issued(ActionSend, v1alpha1.ReasonSending, 1, 0)},
		"set after it was sent":                 {steps(mailed(nil), ends(2*time.Hour)), sent(2 * time.Hour)},
		"set after it was sent, and passed":     {steps(mailed(nil), ends(2*time.Hour), looksAgain, after(2*time.Hour)), hasExpired},
		"set to the past between two tries":     {steps(mailed(busy), ends(-time.Minute), hour), over(v1alpha1.InviteExpired, "False/Expired", "False/TemporaryFailure", 1)},
		"set later than its expiry":             {steps(mailed(nil), ends(2*week)), sent(week)},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}
