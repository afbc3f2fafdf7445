package invite

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const (
	week      = 7 * 24 * time.Hour
	messageID = "invite.uid.1@acme.example"
)

// life is an invite over time: people change things, the rules decide, the mail server and the person answer.
type life struct {
	invite   *v1alpha1.PartnerInvite
	catalog  program.Catalog
	noMailer bool
	keys     []string // the keys whose links work, the one that signs first
	now      time.Time

	partnerships []v1alpha1.Partnership
	rivals       []v1alpha1.PartnerInvite
	hold         string         // why all mail is held back
	full         time.Time      // until when the program referral may send no more
	circuit      *delivery.Hold // why the mail server takes nothing
	takenBack    []delivery.Key
}

func newLife() *life {
	return &life{
		invite: &v1alpha1.PartnerInvite{
			ObjectMeta: metav1.ObjectMeta{Name: "ada", UID: "uid", Generation: 1, CreationTimestamp: metav1.NewTime(start)},
			Spec: v1alpha1.PartnerInviteSpec{
				Contact:  v1alpha1.Contact{Email: "ada@example.com"},
				Programs: []v1alpha1.ProgramGrant{{Name: "referral"}},
			},
			Status: v1alpha1.PartnerInviteStatus{ObservedGeneration: -1},
		},
		catalog: program.NewCatalog(
			[]v1alpha1.Program{programOf("referral"), programOf("reseller")},
			[]v1alpha1.PartnerGroup{groupOf("gold", "referral"), groupOf("silver", "reseller")},
		),
		keys: []string{"key-1"},
		now:  start,
	}
}

func programOf(name string) v1alpha1.Program {
	return v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func groupOf(name, of string) v1alpha1.PartnerGroup {
	return v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: of}},
	}
}

func (l *life) input() Input {
	in := Input{
		Invite:        l.invite,
		Catalog:       l.catalog,
		Partnerships:  l.partnerships,
		Rivals:        l.rivals,
		Holds:         delivery.Holds{},
		Keys:          l.keys,
		TakenBack:     l.takenBack,
		MessageDomain: "acme.example",
		Now:           l.now,
	}
	if l.hold != "" {
		in.Hold = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: l.hold}
	}
	switch {
	case l.noMailer:
		in.Holds[l.invite.Mail()] = &delivery.Hold{Reason: v1alpha1.ReasonMailerNotConfigured, Message: "the operator runs without --smtp-url"}
	case l.circuit != nil:
		in.Holds[l.invite.Mail()] = l.circuit
	}
	for _, g := range ScopeFor(in) {
		if g.Name == "referral" && l.now.Before(l.full) {
			in.Quota = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: `Program "referral" has sent its mail.maxPerHour`, Until: l.full}
		}
	}
	return in
}

// decide takes over what the rules decide, as the API server gives it back.
func (l *life) decide(t testing.TB) Decision {
	t.Helper()
	d := Decide(l.input())
	l.invite.Status = stored(t, d.Status)
	return d
}

// stored is a status as the API server gives it back.
func stored(t testing.TB, status v1alpha1.PartnerInviteStatus) (back v1alpha1.PartnerInviteStatus) {
	t.Helper()
	text, err := json.Marshal(status)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// step is something that happens to an invite.
type step func(testing.TB, *life)

func looksAgain(t testing.TB, l *life) { l.decide(t) }

// mailed is a look at the invite that claims its mail, with what comes of it; nil: it is taken.
func mailed(o *delivery.Outcome) step {
	return func(t testing.TB, l *life) {
		t.Helper()
		d := l.decide(t)
		if d.Send == nil || d.Send.Repeat > 0 {
			t.Fatalf("the action is %s and not to send the mail", d.Action)
		}
		l.record(t, *d.Send, o)
	}
}

// record notes what came of a claim.
func (l *life) record(t testing.TB, key delivery.Key, o *delivery.Outcome) {
	t.Helper()
	if o == nil {
		o = &delivery.Outcome{Class: delivery.Accepted}
	}
	if !Record(l.invite, key, *o, l.now) {
		t.Fatalf("the outcome of %+v is not recorded", key)
	}
	l.invite.Status = stored(t, l.invite.Status)
}

func after(d time.Duration) step { return func(_ testing.TB, l *life) { l.now = l.now.Add(d) } }

func edit(change func(*v1alpha1.PartnerInviteSpec)) step {
	return func(_ testing.TB, l *life) { change(&l.invite.Spec); l.invite.Generation++ }
}

func offers(grants ...v1alpha1.ProgramGrant) step {
	return func(_ testing.TB, l *life) { l.invite.Spec.Programs = grants }
}

func answers(decision v1alpha1.InviteDecision) step {
	return func(t testing.TB, l *life) {
		Answer(&l.invite.Status, decision, nil, l.now)
		l.invite.Status = stored(t, l.invite.Status)
	}
}

// programs is how many programs there are.
func programs(count int) step {
	return func(_ testing.TB, l *life) {
		l.catalog.Programs = map[string]*v1alpha1.Program{}
		for i := range count {
			p := programOf(fmt.Sprintf("p%03d", i))
			l.catalog.Programs[p.Name] = &p
		}
	}
}

func grant(name string) v1alpha1.ProgramGrant { return v1alpha1.ProgramGrant{Name: name} }

func grantIn(name, group string) v1alpha1.ProgramGrant {
	return v1alpha1.ProgramGrant{Name: name, GroupRef: &v1alpha1.GroupReference{Name: group}}
}

var (
	busy    = &delivery.Outcome{Class: delivery.Temporary, Message: "the mail server is busy"}
	refused = &delivery.Outcome{Class: delivery.Recipient, Message: "the mail server knows nobody of that name"}

	rename       = edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.FirstName = "Ada" })
	offersAll    = offers()
	mailerGoes   = step(func(_ testing.TB, l *life) { l.noMailer = true })
	mailerComes  = step(func(_ testing.TB, l *life) { l.noMailer = false })
	programGoes  = step(func(_ testing.TB, l *life) { delete(l.catalog.Programs, "referral") })
	programComes = step(func(_ testing.TB, l *life) { p := programOf("referral"); l.catalog.Programs["referral"] = &p })
	onceMore     = step(func(_ testing.TB, l *life) { p := programOf("affiliate"); l.catalog.Programs["affiliate"] = &p })
	finished     = step(func(t testing.TB, l *life) {
		Finished(&l.invite.Status, []string{"ada-1"}, l.now)
		l.invite.Status = stored(t, l.invite.Status)
	})
)

// standing is where an invite stands, in words that a table can hold.
type standing struct {
	Action               Action
	State                v1alpha1.InviteState
	Ready, Refs, Sent    string
	Accepted             string
	Reconciling, Stalled string // the reason; empty: absent
	Offers               string // the scope
	Serial               int64
	Handled              string // the annotation and the token of the resend that was seen to
	Attempts             int32
	Again                time.Duration
}

func condition(conditions []metav1.Condition, name string) string {
	if c := meta.FindStatusCondition(conditions, name); c != nil {
		return string(c.Status) + "/" + c.Reason
	}
	return ""
}

func standingOf(d Decision) standing {
	c := d.Status.Conditions
	whileTrue := func(name string) string { return strings.TrimPrefix(condition(c, name), "True/") }
	offered := make([]string, 0, len(d.Status.Programs))
	for _, g := range d.Status.Programs {
		if g.GroupRef != nil {
			g.Name += "/" + g.GroupRef.Name
		}
		offered = append(offered, g.Name)
	}
	handled := ""
	if h := d.Status.HandledResend; h != nil {
		handled = h.Annotation + "|" + h.Token
	}
	return standing{
		Action: d.Action, State: d.Status.State,
		Ready: condition(c, v1alpha1.ConditionReady), Refs: condition(c, v1alpha1.ConditionResolvedRefs),
		Sent: condition(c, v1alpha1.ConditionSent), Accepted: condition(c, v1alpha1.ConditionAccepted),
		Reconciling: whileTrue(v1alpha1.ConditionReconciling), Stalled: whileTrue(v1alpha1.ConditionStalled),
		Offers: strings.Join(offered, " "), Serial: d.Status.Serial, Handled: handled, Attempts: d.Status.Attempts, Again: d.RequeueAfter,
	}
}

const resolved = "True/ResolvedRefs"

// waits is an invite that was not issued, because of a reference.
func waits(reason string) standing {
	return standing{
		Action: ActionNone, State: v1alpha1.InvitePending, Ready: "False/" + reason, Refs: "False/" + reason,
		Sent: "Unknown/Pending", Accepted: "Unknown/Pending", Reconciling: reason,
	}
}

// stuck is the same until somebody changes something.
func stuck(reason string) standing {
	return with(waits(reason), func(s *standing) { s.Reconciling, s.Stalled = "", reason })
}

// issued is an invite into referral that was issued and whose mail has not left.
func issued(action Action, reason string, attempts int32, again time.Duration) standing {
	return standing{
		Action: action, State: v1alpha1.InvitePending, Ready: "False/" + reason, Refs: resolved, Sent: "False/" + reason,
		Accepted: "Unknown/Pending", Reconciling: reason, Offers: "referral", Serial: 1, Attempts: attempts, Again: again,
	}
}

// failed is an invite into referral that nothing more happens to.
func failed(reason string, attempts int32) standing {
	s := issued(ActionNone, reason, attempts, 0)
	s.State, s.Reconciling, s.Stalled = v1alpha1.InviteFailed, "", reason
	return s
}

// sent is an invite into referral whose mail has left.
func sent(again time.Duration) standing {
	return standing{
		Action: ActionNone, State: v1alpha1.InviteSent, Ready: "True/Sent", Refs: resolved, Sent: "True/Sent",
		Accepted: "Unknown/Pending", Offers: "referral", Serial: 1, Attempts: 1, Again: again,
	}
}

// shutOut is an open invite that cannot be accepted at the moment.
func shutOut(s standing, reason string) standing {
	s.Ready, s.Accepted = "True/"+reason, "Unknown/"+reason
	return s
}

// missingProgram is an issued invite whose program is gone.
func missingProgram(s standing) standing {
	s.Refs = "False/ProgramNotFound"
	return s
}

// over is an invite into referral that was answered or that expired.
func over(state v1alpha1.InviteState, accepted, sentCondition string, attempts int32) standing {
	s := sent(0)
	s.State, s.Ready, s.Sent, s.Accepted, s.Attempts = state, "True/"+string(state), sentCondition, accepted, attempts
	return s
}

func with(s standing, change func(*standing)) standing { change(&s); return s }

func steps(s ...step) []step { return s }

func TestDecide(t *testing.T) {
	first, second := delivery.Backoff(1, messageID), delivery.Backoff(2, messageID)
	const due = 72 * time.Second // the longest that the second try waits
	for name, test := range map[string]struct {
		happens []step // before the last look, which is judged
		want    standing
	}{
		// Before it is issued.
		"the first visit": {nil, issued(ActionSend, v1alpha1.ReasonSending, 1, 0)},
		"no such program": {steps(offers(grant("affiliate"))), waits(v1alpha1.ReasonProgramNotFound)},
		"one of two is no such program": {
			steps(offers(grant("referral"), grant("affiliate"))), waits(v1alpha1.ReasonProgramNotFound),
		},
		"no such group":              {steps(offers(grantIn("referral", "platinum"))), waits(v1alpha1.ReasonGroupNotFound)},
		"a group of another program": {steps(offers(grantIn("referral", "silver"))), stuck(v1alpha1.ReasonGroupNotInProgram)},
		"no program at all":          {steps(offersAll, programs(0)), waits(v1alpha1.ReasonProgramNotFound)},
		"more programs than an invite can hold": {
			steps(offersAll, programs(501)),
			stuck(v1alpha1.ReasonTooManyPrograms),
		},
		"fewer programs again": {
			steps(offersAll, programs(501), looksAgain, programs(1)),
			with(issued(ActionSend, v1alpha1.ReasonSending, 1, 0), func(s *standing) { s.Offers = "p000" }),
		},
		"the program that was missing is made": {
			steps(programGoes, looksAgain, programComes), issued(ActionSend, v1alpha1.ReasonSending, 1, 0),
		},
		"the program that was missing is made, but its group is not": {
			steps(programGoes, offers(grantIn("referral", "platinum")), looksAgain, programComes), waits(v1alpha1.ReasonGroupNotFound),
		},
		"without a mail server": {
			steps(mailerGoes),
			with(issued(ActionNone, v1alpha1.ReasonMailerNotConfigured, 0, 0), func(s *standing) { s.Offers, s.Serial = "", 0 }),
		},
		"a mail server comes": {steps(mailerGoes, looksAgain, mailerComes), issued(ActionSend, v1alpha1.ReasonSending, 1, 0)},
		"without a mail server, and no such program": {
			steps(mailerGoes, programGoes), waits(v1alpha1.ReasonProgramNotFound),
		},
		"an address that the schema lets through and mail cannot reach": {
			steps(edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.Email = "ada@a_b.example" })),
			with(failed(v1alpha1.ReasonAddressRejected, 0), func(s *standing) { s.Refs, s.Offers, s.Serial = "", "", 0 }),
		},
		"such an address stays refused after a change of the spec": {
			steps(edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.Email = "ada@a_b.example" }), looksAgain, rename),
			with(failed(v1alpha1.ReasonAddressRejected, 0), func(s *standing) { s.Refs, s.Offers, s.Serial = "", "", 0 }),
		},

		// The scope.
		"programs unset": {
			steps(offersAll), with(issued(ActionSend, v1alpha1.ReasonSending, 1, 0), func(s *standing) { s.Offers = "referral reseller" }),
		},
		"a group of its program": {
			steps(offers(grantIn("referral", "gold"))),
			with(issued(ActionSend, v1alpha1.ReasonSending, 1, 0), func(s *standing) { s.Offers = "referral/gold" }),
		},
		"a program is made after it was sent": {
			steps(offersAll, mailed(nil), onceMore), with(sent(week), func(s *standing) { s.Offers = "referral reseller" }),
		},
		"a program is made between two tries": {
			steps(offersAll, mailed(busy), onceMore, after(due)),
			with(issued(ActionSend, v1alpha1.ReasonSending, 2, 0), func(s *standing) { s.Offers = "referral reseller" }),
		},
		"its program is deleted after it was sent": {steps(mailed(nil), programGoes), missingProgram(shutOut(sent(week), v1alpha1.ReasonProgramNotFound))},
		"its program is deleted between two tries": {
			steps(mailed(busy), programGoes, after(due)), missingProgram(issued(ActionNone, v1alpha1.ReasonProgramNotFound, 1, week-due)),
		},
		"its program is back between two tries": {
			steps(mailed(busy), programGoes, after(due), looksAgain, programComes), issued(ActionSend, v1alpha1.ReasonSending, 2, 0),
		},

		// The mail.
		"claimed and in flight": {
			steps(looksAgain, after(20*time.Second)), issued(ActionNone, v1alpha1.ReasonSending, 1, 40*time.Second),
		},
		"claimed, and the spec is changed": {
			steps(looksAgain, rename, after(20*time.Second)), issued(ActionNone, v1alpha1.ReasonSending, 1, 40*time.Second),
		},
		"claimed by a process that died": {
			steps(looksAgain, after(delivery.InFlight)), issued(ActionSend, v1alpha1.ReasonSending, 2, 0),
		},
		"refused for now": {
			steps(mailed(busy), after(10*time.Second)), issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 1, first-10*time.Second),
		},
		"refused for now, and its next try is due": {
			steps(mailed(busy), after(due)), issued(ActionSend, v1alpha1.ReasonSending, 2, 0),
		},
		"refused for now, twice": {
			steps(mailed(busy), after(due), mailed(busy)), issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 2, second),
		},
		"refused for now, and the spec is changed": {
			steps(mailed(busy), after(due), mailed(busy), rename), issued(ActionSend, v1alpha1.ReasonSending, 1, 0),
		},
		"taken in the end": {
			steps(mailed(busy), after(time.Hour), mailed(nil)), with(sent(week-time.Hour), func(s *standing) { s.Attempts = 2 }),
		},
		"refused for now, and it expires before the next try": {
			steps(edit(func(s *v1alpha1.PartnerInviteSpec) { s.ExpiresAfter = "1m" }), mailed(busy), after(10*time.Second)),
			issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 1, 50*time.Second),
		},
		"tried for a day": {
			steps(triedForADay), with(failed(v1alpha1.ReasonGaveUp, 0), func(*standing) {}),
		},
		"given up, and the spec is changed": {
			steps(triedForADay, looksAgain, rename), issued(ActionSend, v1alpha1.ReasonSending, 1, 0),
		},
		"given up, the spec is changed a day later, and the server is still busy": {
			steps(triedForADay, looksAgain, after(24*time.Hour), rename, mailed(busy)), issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 1, first),
		},
		"refused for good":                       {steps(mailed(refused)), failed(v1alpha1.ReasonAddressRejected, 1)},
		"refused for good a day ago":             {steps(mailed(refused), after(24*time.Hour)), failed(v1alpha1.ReasonAddressRejected, 1)},
		"refused for good, past its expiry":      {steps(mailed(refused), after(2*week)), failed(v1alpha1.ReasonAddressRejected, 1)},
		"refused for good at the second try":     {steps(mailed(busy), after(due), mailed(refused)), failed(v1alpha1.ReasonAddressRejected, 2)},
		"refused for good, and the spec changes": {steps(mailed(refused), rename), issued(ActionSend, v1alpha1.ReasonSending, 1, 0)},
		"the mail server is taken away between two tries": {
			steps(mailed(busy), mailerGoes, after(due)),
			issued(ActionNone, v1alpha1.ReasonMailerNotConfigured, 1, week-due),
		},
		"the mail server is taken away, and the process had died": {
			steps(looksAgain, mailerGoes, after(time.Hour)),
			issued(ActionNone, v1alpha1.ReasonMailerNotConfigured, 1, week-time.Hour),
		},

		// The answer.
		"sent":                           {steps(mailed(nil)), sent(week)},
		"sent an hour ago":               {steps(mailed(nil), after(time.Hour)), sent(week - time.Hour)},
		"sent, and the spec is changed":  {steps(mailed(nil), rename, after(time.Hour)), sent(week - time.Hour)},
		"sent, the mail server is gone":  {steps(mailed(nil), mailerGoes), sent(week)},
		"sent, a second before it is up": {steps(mailed(nil), after(week-time.Second)), sent(time.Second)},
		"sent and not answered in time":  {steps(mailed(nil), after(week)), over(v1alpha1.InviteExpired, "False/Expired", "True/Sent", 1)},
		"expired, and the spec is changed": {
			steps(mailed(nil), after(week), looksAgain, rename), over(v1alpha1.InviteExpired, "False/Expired", "True/Sent", 1),
		},
		"expired before it was sent": {
			steps(mailed(busy), after(week)), over(v1alpha1.InviteExpired, "False/Expired", "False/TemporaryFailure", 1),
		},
		"accepted, not finished": {
			steps(mailed(nil), answers(v1alpha1.DecisionAccepted), after(finishing)),
			with(over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1), func(s *standing) {
				s.Action, s.Ready, s.Reconciling = ActionFinish, "False/Accepted", v1alpha1.ReasonAccepted
			}),
		},
		"accepted a second ago, which the portal may be finishing": {
			steps(mailed(nil), answers(v1alpha1.DecisionAccepted), after(time.Second)),
			with(over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1), func(s *standing) {
				s.Again, s.Ready, s.Reconciling = finishing-time.Second, "False/Accepted", v1alpha1.ReasonAccepted
			}),
		},
		"accepted by a portal whose clock is ahead": {
			steps(mailed(nil), answers(v1alpha1.DecisionAccepted), after(-time.Minute)),
			with(over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1), func(s *standing) {
				s.Action, s.Ready, s.Reconciling = ActionFinish, "False/Accepted", v1alpha1.ReasonAccepted
			}),
		},
		"accepted, not finished, past its expiry": {
			steps(mailed(nil), answers(v1alpha1.DecisionAccepted), after(2*week)),
			with(over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1), func(s *standing) {
				s.Action, s.Ready, s.Reconciling = ActionFinish, "False/Accepted", v1alpha1.ReasonAccepted
			}),
		},
		"accepted and finished": {
			steps(mailed(nil), answers(v1alpha1.DecisionAccepted), finished),
			over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1),
		},
		"accepted and finished, past its expiry, and the spec is changed": {
			steps(mailed(nil), answers(v1alpha1.DecisionAccepted), finished, after(2*week), rename),
			over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1),
		},
		"declined": {
			steps(mailed(nil), answers(v1alpha1.DecisionDeclined)),
			over(v1alpha1.InviteDeclined, "False/Declined", "True/Sent", 1),
		},
		"declined, past its expiry": {
			steps(mailed(nil), answers(v1alpha1.DecisionDeclined), after(2*week)),
			over(v1alpha1.InviteDeclined, "False/Declined", "True/Sent", 1),
		},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}

// judge looks at an invite after what happened to it.
func judge(t *testing.T, happened []step, want standing) *life {
	t.Helper()
	l := newLife()
	for _, happens := range happened {
		happens(t, l)
	}
	d := l.decide(t)
	got := standingOf(d)
	if got.Sent == "False/GaveUp" {
		want.Attempts = got.Attempts // how many depends on chance; TestTriesOfADay counts them
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if got := l.invite.Status.ObservedGeneration; got != l.invite.Generation {
		t.Errorf("observedGeneration %d of %d", got, l.invite.Generation)
	}
	for _, c := range l.invite.Status.Conditions {
		if c.ObservedGeneration != l.invite.Generation {
			t.Errorf("condition %s was observed at generation %d of %d", c.Type, c.ObservedGeneration, l.invite.Generation)
		}
	}
	stays(t, l, d)
	return l
}

// stays checks that to decide once more changes nothing and sends nothing.
func stays(t *testing.T, l *life, d Decision) {
	t.Helper()
	before := l.invite.DeepCopy()
	once := Decide(l.input())
	if once.Action != d.Action && (d.Action != ActionSend || once.Action != ActionNone) {
		t.Errorf("after %s comes %s", d.Action, once.Action)
	}
	if !equality.Semantic.DeepEqual(before.Status, once.Status) {
		t.Errorf("to decide once more changes:\n%s", cmp.Diff(before.Status, once.Status))
	}
	if !equality.Semantic.DeepEqual(before, l.invite) {
		t.Error("to decide changes what was observed")
	}
	later := l.input()
	later.Now = l.now.Add(time.Second / 2)
	if twice := Decide(later); !equality.Semantic.DeepEqual(before.Status, twice.Status) {
		t.Errorf("to decide a moment later changes:\n%s", cmp.Diff(before.Status, twice.Status))
	}
}

// triedForADay ends with the try that gives up.
func triedForADay(t testing.TB, l *life) {
	t.Helper()
	for range 100 {
		d := l.decide(t)
		switch {
		case d.Action == ActionSend:
			if l.record(t, *d.Send, busy); l.invite.Status.State == v1alpha1.InviteFailed {
				return
			}
		case d.RequeueAfter > 0:
			l.now = l.now.Add(d.RequeueAfter + time.Second).Truncate(time.Second)
		default:
			t.Fatalf("it came to rest as %s", d.Status.State)
		}
	}
	t.Fatal("it is tried for ever")
}

func TestTriesOfADay(t *testing.T) {
	l := newLife()
	triedForADay(t, l)
	if tried := l.now.Sub(start); tried < 22*time.Hour || tried > 24*time.Hour {
		t.Errorf("it was tried for %s", tried)
	}
	if n := l.invite.Status.Attempts; n < 20 || n > 32 {
		t.Errorf("%d tries", n)
	}
	if serial := l.invite.Status.Serial; serial != 1 {
		t.Errorf("trying again issued link %d", serial)
	}
}

func TestClaim(t *testing.T) {
	l := newLife()
	l.decide(t)
	claimed := l.invite.Status
	if claimed.Serial != 1 || claimed.KeyID != "key-1" || claimed.MessageID != messageID || claimed.Attempts != 1 {
		t.Errorf("the claim is link %d of key %s, mail %s, try %d", claimed.Serial, claimed.KeyID, claimed.MessageID, claimed.Attempts)
	}
	for what, got := range map[string]*metav1.Time{"issued": claimed.IssuedTime, "tried": claimed.LastAttemptTime} {
		if got == nil || !got.Time.Equal(start) {
			t.Errorf("%s at %s", what, got)
		}
	}
	if got := claimed.ExpiryTime; got == nil || !got.Time.Equal(start.Add(week)) {
		t.Errorf("expires at %s", got)
	}
	if claimed.SentTime != nil {
		t.Errorf("sent at %s before it left", claimed.SentTime)
	}

	after(delivery.InFlight)(t, l)
	if d := l.decide(t); d.Action != ActionSend {
		t.Fatalf("the action is %s", d.Action)
	}
	again := l.invite.Status
	if again.LastAttemptTime == nil || !again.LastAttemptTime.Time.Equal(start.Add(delivery.InFlight)) || again.Attempts != 2 {
		t.Errorf("try %d was at %s", again.Attempts, again.LastAttemptTime)
	}
	claimed.LastAttemptTime, claimed.Attempts, claimed.Conditions = again.LastAttemptTime, again.Attempts, again.Conditions
	if diff := cmp.Diff(claimed, again); diff != "" {
		t.Errorf("a second try is not the same mail (-first +second):\n%s", diff)
	}
}

func TestKeyOfALink(t *testing.T) {
	rotated := step(func(_ testing.TB, l *life) { l.keys = append([]string{"key-2"}, l.keys...) })
	oldIsGone := step(func(_ testing.TB, l *life) { l.keys = []string{"key-2"} })
	for name, test := range map[string]struct {
		happens []step
		want    string
	}{
		"issued before a rotation":                  {[]step{mailed(nil), rotated}, "key-1"},
		"issued after a rotation":                   {[]step{rotated}, "key-2"},
		"tried again after a rotation":              {[]step{mailed(busy), rotated, after(time.Hour)}, "key-1"},
		"tried again after the old key was removed": {[]step{mailed(busy), oldIsGone, after(time.Hour)}, "key-2"},
		"sent before the old key was removed":       {[]step{mailed(nil), oldIsGone}, "key-1"},
		"sent, and asked for again":                 {[]step{mailed(nil), rotated, after(time.Hour), asksAgain}, "key-1"},
		"asked for again when the old key is gone":  {[]step{mailed(nil), oldIsGone, after(time.Hour), asksAgain}, "key-2"},
		"in a Secret, before a rotation":            {[]step{linkOnly, mailed(nil), rotated}, "key-2"},
		"in a Secret, and the old key is gone":      {[]step{linkOnly, mailed(nil), oldIsGone}, "key-2"},
		"in a Secret, and declined":                 {[]step{linkOnly, mailed(nil), answers(v1alpha1.DecisionDeclined), rotated}, "key-1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(t, l)
			}
			l.decide(t)
			if got := l.invite.Status.KeyID; got != test.want {
				t.Errorf("the key is %s, want %s", got, test.want)
			}
		})
	}
}

// A link that is kept follows the keys by one look, and stays the link that it is.
func TestAKeptLinkIsRenewedOnce(t *testing.T) {
	l := newLife()
	linkOnly(t, l)
	mailed(nil)(t, l)
	before := l.invite.Status
	l.keys = []string{"key-2", "key-1"}
	if d := l.decide(t); d.Action != ActionRenewLink {
		t.Errorf("the action is %s", d.Action)
	}
	after := l.invite.Status
	after.KeyID = before.KeyID
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("more than the key changes (-before +after):\n%s", diff)
	}
	if d := l.decide(t); d.Action != ActionNone {
		t.Errorf("once it is renewed, the action is %s", d.Action)
	}
}

func TestMessagesNameWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		happens   step
		condition string
		want      []string
	}{
		"the program":                {programGoes, v1alpha1.ConditionReady, []string{`Program "referral"`, "does not exist"}},
		"the group":                  {offers(grantIn("referral", "platinum")), v1alpha1.ConditionReady, []string{`PartnerGroup "platinum"`}},
		"a group of another program": {offers(grantIn("referral", "silver")), v1alpha1.ConditionReady, []string{`"silver" belongs to Program "reseller", not to "referral"`}},
		"how many programs there are": {
			func(t testing.TB, l *life) { offersAll(t, l); programs(501)(t, l) }, v1alpha1.ConditionStalled, []string{"501 Programs exist", "500"},
		},
		"the mail server":      {mailerGoes, v1alpha1.ConditionReconciling, []string{"--smtp-url"}},
		"the next try":         {mailed(busy), v1alpha1.ConditionSent, []string{"the mail server is busy", "next try at 2026-01-01T12:0"}},
		"what can be done":     {mailed(refused), v1alpha1.ConditionStalled, []string{"knows nobody of that name", "create a new invite"}},
		"until when to answer": {mailed(nil), v1alpha1.ConditionReady, []string{"the mail has left", "until 2026-01-08T12:00:00Z"}},
		"where the link stands": {
			func(t testing.TB, l *life) { linkOnly(t, l); mailed(nil)(t, l) }, v1alpha1.ConditionReady,
			[]string{"the link stands in the Secret", "until 2026-01-08T12:00:00Z"},
		},
		"the suspended program":  {suspends("referral"), v1alpha1.ConditionReady, []string{`Program "referral" is suspended`}},
		"why all mail is held":   {holds, v1alpha1.ConditionReady, []string{holdMessage}},
		"until when it is full":  {fullFor(time.Hour), v1alpha1.ConditionReady, []string{`Program "referral"`, "maxPerHour", "at 2026-01-01T13:00:00Z"}},
		"what it is partner in":  {isPartnerIn("referral"), v1alpha1.ConditionReady, []string{"active partner in every program"}},
		"what was revoked":       {isRevokedIn("referral"), v1alpha1.ConditionStalled, []string{`Program "referral"`, `Partnership "ada-referral"`, "spec.revocation", "reinstate"}},
		"the invite that counts": {rival("older", older), v1alpha1.ConditionStalled, []string{`PartnerInvite "older"`, "resend"}},
		"until when it cools": {
			func(t testing.TB, l *life) { mailed(nil)(t, l); annotates("a")(t, l) }, v1alpha1.ConditionReconciling,
			[]string{"until 2026-01-01T12:01:00Z", "resendCooldown"},
		},
		"what a resend waits for": {
			func(t testing.TB, l *life) {
				mailed(nil)(t, l)
				after(time.Hour)(t, l)
				suspends("referral")(t, l)
				annotates("a")(t, l)
			},
			v1alpha1.ConditionReconciling, []string{`Program "referral" is suspended`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			test.happens(t, l)
			l.decide(t)
			c := meta.FindStatusCondition(l.invite.Status.Conditions, test.condition)
			if c == nil {
				t.Fatalf("there is no condition %s", test.condition)
			}
			for _, want := range test.want {
				if !strings.Contains(c.Message, want) {
					t.Errorf("%q does not say %q", c.Message, want)
				}
			}
		})
	}
}

func TestNoConditionTellsTheAddress(t *testing.T) {
	for name, happens := range map[string]step{
		"sent": mailed(nil), "refused": mailed(refused), "busy": mailed(busy),
		"invalid":   edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.Email = "ada@a_b.example" }),
		"a partner": isPartnerIn("referral"), "revoked": isRevokedIn("referral"), "a duplicate": rival("older", older),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			happens(t, l)
			l.decide(t)
			for _, c := range l.invite.Status.Conditions {
				if strings.Contains(c.Message, string(l.invite.Spec.Contact.Email)) {
					t.Errorf("condition %s says %q", c.Type, c.Message)
				}
			}
		})
	}
}

func TestConditionsKeepTheTimeOfTheirTransition(t *testing.T) {
	l := newLife()
	mailed(busy)(t, l)
	after(time.Hour)(t, l)
	mailed(busy)(t, l)
	for name, want := range map[string]time.Time{
		v1alpha1.ConditionSent: start, v1alpha1.ConditionReady: start, v1alpha1.ConditionAccepted: start, v1alpha1.ConditionResolvedRefs: start,
	} {
		if got := meta.FindStatusCondition(l.invite.Status.Conditions, name).LastTransitionTime; !got.Time.Equal(want) {
			t.Errorf("%s changed at %s, want %s", name, got, want)
		}
	}
	after(2*time.Hour)(t, l)
	mailed(nil)(t, l)
	if got := meta.FindStatusCondition(l.invite.Status.Conditions, v1alpha1.ConditionSent).LastTransitionTime; !got.Time.Equal(start.Add(3 * time.Hour)) {
		t.Errorf("Sent became True at %s", got)
	}
}
