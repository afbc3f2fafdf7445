package invite

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestAnswerable(t *testing.T) {
	in := func(program string, revoked bool) v1alpha1.Partnership {
		p := v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: program}}}
		if revoked {
			p.Spec.Revocation = &v1alpha1.Revocation{}
		}
		return p
	}
	isPartner := func(p ...v1alpha1.Partnership) []v1alpha1.Partnership { return p }
	deleted := step(func(_ testing.TB, l *life) { now := metav1.NewTime(l.now); l.invite.DeletionTimestamp = &now })
	reissued := step(func(_ testing.TB, l *life) { l.invite.Status.Serial = 2 })
	never := step(func(_ testing.TB, l *life) { l.invite.Status = v1alpha1.PartnerInviteStatus{ObservedGeneration: -1} })
	allGo := step(func(_ testing.TB, l *life) { l.catalog.Programs = nil })
	finish := step(func(t testing.TB, l *life) { answers(v1alpha1.DecisionAccepted)(t, l); finished(t, l) })
	for name, test := range map[string]struct {
		happens      step // after it was sent with link 1 into referral and reseller
		serial       int64
		partnerships []v1alpha1.Partnership
		want         Openness
	}{
		"sent":                                {nil, 1, nil, Open},
		"with the link of before":             {nil, 0, nil, Gone},
		"with a link that is not issued":      {nil, 2, nil, Gone},
		"with a replaced link":                {reissued, 1, nil, Gone},
		"with the link that replaced it":      {reissued, 2, nil, Open},
		"with a link below zero":              {nil, -1, nil, Gone},
		"never issued":                        {never, 0, nil, Gone},
		"never issued, with a first link":     {never, 1, nil, Gone},
		"being deleted":                       {deleted, 1, nil, Gone},
		"accepted":                            {answers(v1alpha1.DecisionAccepted), 1, nil, Gone},
		"accepted and finished":               {finish, 1, nil, Gone},
		"declined":                            {answers(v1alpha1.DecisionDeclined), 1, nil, Gone},
		"just before its time is over":        {after(week - time.Nanosecond), 1, nil, Open},
		"as its time is over":                 {after(week), 1, nil, TooLate},
		"long after":                          {after(2 * week), 1, nil, TooLate},
		"too late, with the link of before":   {after(week), 0, nil, Gone},
		"too late, and declined":              {func(t testing.TB, l *life) { answers(v1alpha1.DecisionDeclined)(t, l); after(week)(t, l) }, 1, nil, Gone},
		"too late, and revoked":               {after(week), 1, isPartner(in("referral", true)), TooLate},
		"revoked in a program of it":          {nil, 1, isPartner(in("referral", true)), Refused},
		"revoked in one, active in the other": {nil, 1, isPartner(in("referral", false), in("reseller", true)), Refused},
		"revoked in another program":          {nil, 1, isPartner(in("cosell", true)), Open},
		"a partner in a program of it":        {nil, 1, isPartner(in("referral", false)), Open},
		"one of its programs is gone":         {programGoes, 1, nil, Open},
		"all its programs are gone":           {allGo, 1, nil, Refused},
		"a program of it is suspended":        {suspends("reseller"), 1, nil, Refused},
		"suspended, and no longer":            {func(t testing.TB, l *life) { suspends("reseller")(t, l); resumes("reseller")(t, l) }, 1, nil, Open},
		"a program that it does not offer is suspended": {
			func(t testing.TB, l *life) { onceMore(t, l); suspends("affiliate")(t, l) }, 1, nil, Open,
		},
		"too late, and suspended": {func(t testing.TB, l *life) { suspends("referral")(t, l); after(week)(t, l) }, 1, nil, TooLate},
		"declined, and suspended": {
			func(t testing.TB, l *life) { answers(v1alpha1.DecisionDeclined)(t, l); suspends("referral")(t, l) }, 1, nil, Gone,
		},
		"nine wrong addresses":                  {wrongAddresses(9), 1, nil, Open},
		"ten wrong addresses":                   {wrongAddresses(10), 1, nil, Dead},
		"eleven wrong addresses":                {wrongAddresses(11), 1, nil, Dead},
		"ten, with the link of before":          {wrongAddresses(10), 0, nil, Gone},
		"ten, and too late":                     {then(wrongAddresses(10), after(week)), 1, nil, TooLate},
		"ten, and revoked":                      {wrongAddresses(10), 1, isPartner(in("referral", true)), Dead},
		"ten, and asked again, the old link":    {then(wrongAddresses(10), after(time.Hour), annotates("a"), mailed(nil)), 1, nil, Gone},
		"ten, and asked again, the new link":    {then(wrongAddresses(10), after(time.Hour), annotates("a"), mailed(nil)), 2, nil, Open},
		"nine, asked again, and nine more":      {then(wrongAddresses(9), after(time.Hour), annotates("a"), mailed(nil), wrongAddresses(9)), 2, nil, Open},
		"ten, and the person wants a new link":  {then(wrongAddresses(10), after(time.Hour), renews, mailed(nil)), 2, nil, Open},
		"nine, and the person wants a new link": {then(wrongAddresses(9), after(time.Hour), renews, looksAgain), 1, nil, Open},
		"all mail is held":                      {holds, 1, nil, Open},
		"asked again, which waits": {
			func(t testing.TB, l *life) { annotates("a")(t, l); l.decide(t) }, 1, nil, Open,
		},
		"asked again, the old link": {
			func(t testing.TB, l *life) { after(time.Hour)(t, l); annotates("a")(t, l); mailed(nil)(t, l) }, 1, nil, Gone,
		},
		"asked again, the new link": {
			func(t testing.TB, l *life) { after(time.Hour)(t, l); annotates("a")(t, l); mailed(nil)(t, l) }, 2, nil, Open,
		},
		"declined and asked again, the old link": {
			func(t testing.TB, l *life) {
				answers(v1alpha1.DecisionDeclined)(t, l)
				after(time.Hour)(t, l)
				annotates("a")(t, l)
				mailed(nil)(t, l)
			}, 1, nil, Gone,
		},
		"declined, asked again and refused, the old link": {
			func(t testing.TB, l *life) {
				answers(v1alpha1.DecisionDeclined)(t, l)
				isPartnerIn("referral", "reseller")(t, l)
				annotates("a")(t, l)
				l.decide(t)
			}, 1, nil, Gone,
		},
		"past an end that was set later": {
			func(t testing.TB, l *life) { ends(time.Hour)(t, l); l.decide(t); after(time.Hour)(t, l) }, 1, nil, TooLate,
		},
		"a program that it does not offer stays": {func(t testing.TB, l *life) { allGo(t, l); programs(3)(t, l) }, 1, nil, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			offersAll(t, l)
			mailed(nil)(t, l)
			if test.happens != nil {
				test.happens(t, l)
			}
			if got, _ := Answerable(Input{Invite: l.invite, Catalog: l.catalog, Partnerships: test.partnerships, Now: l.now}, test.serial); got != test.want {
				t.Errorf("Answerable = %s, want %s", got, test.want)
			}
		})
	}
}

// The person may be quicker than the record of the mail, and a server may deliver what it said that it did not take.
// wrongAddresses are typed on the page of the newest link.
func wrongAddresses(count int) step {
	return func(t testing.TB, l *life) {
		for range count {
			CountWrongAddress(&l.invite.Status, l.now)
		}
		l.invite.Status = stored(t, l.invite.Status)
	}
}

// then does one step after the other.
func then(all ...step) step {
	return func(t testing.TB, l *life) {
		for _, next := range all {
			next(t, l)
		}
	}
}

// A link that is dead says so, once, and what a person did is no fault of the object. A resend ends it.
func TestWrongAddressesAreTold(t *testing.T) {
	l := newLife()
	mailed(nil)(t, l)
	l.decide(t)
	for count := 1; count <= 12; count++ {
		before := *l.invite.Status.DeepCopy()
		wrongAddresses(1)(t, l)
		e, told := Transition(before, l.invite.Status, "a***@example.com")
		if told != (count == 10) {
			t.Fatalf("with %d wrong addresses an event is told: %v", count, told)
		}
		if told && (e.Type != "Warning" || e.Reason != v1alpha1.ReasonTooManyWrongAddresses || !strings.Contains(e.Note, "a***@example.com")) {
			t.Errorf("the event is %+v", e)
		}
	}
	status := l.invite.Status
	if status.WrongAddresses != v1alpha1.MaxWrongAddresses || condition(status.Conditions, v1alpha1.ConditionAccepted) != "False/"+v1alpha1.ReasonTooManyWrongAddresses ||
		condition(status.Conditions, v1alpha1.ConditionReady) != "True/"+v1alpha1.ReasonTooManyWrongAddresses || meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Errorf("the status is %+v", status)
	}
	if d := l.decide(t); !equality.Semantic.DeepEqual(d.Status, status) {
		t.Error("to look again changes the status")
	}
	then(after(time.Hour), annotates("a"), mailed(nil))(t, l)
	l.decide(t)
	if status := l.invite.Status; status.WrongAddresses != 0 || condition(status.Conditions, v1alpha1.ConditionAccepted) != "Unknown/"+v1alpha1.ReasonPending {
		t.Errorf("after a resend the status is %+v", status)
	}
}

func TestAnswerableWhateverIsKnownOfTheMail(t *testing.T) {
	for name, happens := range map[string]step{"claimed": looksAgain, "refused for now": mailed(busy), "refused for good": mailed(refused)} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			happens(t, l)
			if got, _ := Answerable(Input{Invite: l.invite, Catalog: l.catalog, Partnerships: nil, Now: l.now}, 1); got != Open {
				t.Errorf("Answerable = %s", got)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	for decision, state := range map[v1alpha1.InviteDecision]v1alpha1.InviteState{
		v1alpha1.DecisionAccepted: v1alpha1.InviteAccepted, v1alpha1.DecisionDeclined: v1alpha1.InviteDeclined,
	} {
		t.Run(string(decision), func(t *testing.T) {
			l := newLife()
			mailed(nil)(t, l)
			after(time.Hour)(t, l)
			answers(decision)(t, l)
			want := &v1alpha1.InviteAcceptance{Decision: decision, Time: metav1.NewTime(start.Add(time.Hour))}
			if diff := cmp.Diff(want, l.invite.Status.Acceptance); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if got := l.invite.Status.State; got != state {
				t.Errorf("the state is %s, want %s", got, state)
			}
			if l.invite.Status.SentTime == nil || l.invite.Status.Serial != 1 {
				t.Error("the answer forgets the mail")
			}
		})
	}
}

func TestAnswerKeepsTheForm(t *testing.T) {
	entered := map[string]v1alpha1.Answer{"website": "https://agency.example"}
	for name, test := range map[string]struct {
		decision v1alpha1.InviteDecision
		entered  map[string]v1alpha1.Answer
		want     map[string]v1alpha1.Answer
	}{
		"accepted":                {v1alpha1.DecisionAccepted, entered, entered},
		"accepted without a form": {v1alpha1.DecisionAccepted, map[string]v1alpha1.Answer{}, nil},
		"declined":                {v1alpha1.DecisionDeclined, entered, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			mailed(nil)(t, l)
			Answer(&l.invite.Status, test.decision, test.entered, l.now)
			if diff := cmp.Diff(test.want, l.invite.Status.Acceptance.Fields); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			looksAgain(t, l)
			if diff := cmp.Diff(test.want, l.invite.Status.Acceptance.Fields); diff != "" {
				t.Errorf("after another look (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFinished(t *testing.T) {
	l := newLife()
	mailed(nil)(t, l)
	answers(v1alpha1.DecisionAccepted)(t, l)
	Finished(&l.invite.Status, []string{"ada-1", "ada-2"}, l.now)
	want := []v1alpha1.PartnershipReference{{Name: "ada-1"}, {Name: "ada-2"}}
	if diff := cmp.Diff(want, l.invite.Status.PartnershipRefs); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if ready := condition(l.invite.Status.Conditions, v1alpha1.ConditionReady); ready != "True/Accepted" {
		t.Errorf("Ready is %s", ready)
	}
	if waits := condition(l.invite.Status.Conditions, v1alpha1.ConditionReconciling); waits != "" {
		t.Errorf("Reconciling is %s", waits)
	}
}
