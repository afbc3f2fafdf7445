package join

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

func perHour(most int32) func(*v1alpha1.PartnerGroup) {
	return func(g *v1alpha1.PartnerGroup) { g.Spec.Join.MaxPerHour = &most }
}

// stored is a group as the API server gives it back, with whole seconds.
func stored(t *testing.T, g *v1alpha1.PartnerGroup) *v1alpha1.PartnerGroup {
	t.Helper()
	written, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	read := &v1alpha1.PartnerGroup{}
	if err := json.Unmarshal(written, read); err != nil {
		t.Fatal(err)
	}
	return read
}

// sendAll empties the list of mails that wait, as if the controller had sent them.
func sendAll(g *v1alpha1.PartnerGroup) { g.Status.Verifications = nil }

func TestLimitOf(t *testing.T) {
	asked := func(times ...time.Duration) func(*v1alpha1.PartnerGroup) {
		return func(g *v1alpha1.PartnerGroup) {
			for _, after := range times {
				Request(g, "sealed", start.Add(after))
				sendAll(g)
			}
		}
	}
	many := func(count int) func(*v1alpha1.PartnerGroup) {
		return func(g *v1alpha1.PartnerGroup) { asked(make([]time.Duration, count)...)(g) }
	}
	wait := func(g *v1alpha1.PartnerGroup) {
		g.Status.Verifications = make([]v1alpha1.AddressVerification, MaxWaiting)
	}
	for name, test := range map[string]struct {
		group *v1alpha1.PartnerGroup
		after time.Duration
		want  string
		until time.Duration
	}{
		"nobody asked":               {group: gold()},
		"99 where nothing is said":   {group: gold(many(99))},
		"100 where nothing is said":  {group: gold(many(100)), want: v1alpha1.ReasonMaxPerHour, until: 65 * time.Minute},
		"more than that is refused":  {group: gold(many(150)), want: v1alpha1.ReasonMaxPerHour, until: 65 * time.Minute},
		"one of two":                 {group: gold(perHour(2), asked(0))},
		"two of two":                 {group: gold(perHour(2), asked(0, 0)), want: v1alpha1.ReasonMaxPerHour, until: 65 * time.Minute},
		"until the first is past":    {group: gold(perHour(2), asked(0, 30*time.Minute)), after: 31 * time.Minute, want: v1alpha1.ReasonMaxPerHour, until: 65 * time.Minute},
		"when the first is past":     {group: gold(perHour(2), asked(0, 30*time.Minute)), after: 65 * time.Minute},
		"the budget was raised":      {group: gold(perHour(2), many(2), perHour(3))},
		"the budget was lowered":     {group: gold(perHour(3), asked(0, 10*time.Minute, 20*time.Minute), perHour(1)), after: 21 * time.Minute, want: v1alpha1.ReasonMaxPerHour, until: 85 * time.Minute},
		"asked by a clock ahead":     {group: gold(perHour(1), asked(10*time.Second)), want: v1alpha1.ReasonMaxPerHour, until: 65*time.Minute + 10*time.Second},
		"a hundred wait":             {group: gold(wait), want: v1alpha1.ReasonTooManyWaiting, until: time.Minute},
		"both":                       {group: gold(wait, perHour(1), func(g *v1alpha1.PartnerGroup) { countRequest(&g.Status, start) }), want: v1alpha1.ReasonMaxPerHour, until: 65 * time.Minute},
		"another link was made then": {group: gold(perHour(1), many(1), rotated), want: v1alpha1.ReasonMaxPerHour, until: 65 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			now := start.Add(test.after)
			limit := LimitOf(stored(t, test.group), now)
			if limit.Reason != test.want || test.want != "" && !limit.Until.Equal(start.Add(test.until)) {
				t.Errorf("the limit is %+v", limit)
			}
			if Request(test.group.DeepCopy(), "sealed", now) != (test.want == "") {
				t.Error("asking and the limit differ")
			}
		})
	}
}

// Whatever the times at which people ask, no hour has more than the budget, and none is refused for longer than it says.
func TestNoHourHasMoreThanTheBudget(t *testing.T) {
	const most = 20
	random := rand.New(rand.NewPCG(1, 2))
	g, now := gold(perHour(most)), start
	var asked []time.Time
	refused := 0
	for now.Before(start.Add(48 * time.Hour)) {
		now = now.Add(time.Duration(random.IntN(240)) * time.Second)
		g = stored(t, g)
		limit := LimitOf(g, now)
		if Request(g, "sealed", now) {
			asked = append(asked, now)
		} else if refused++; limit.Until.Sub(now) > 65*time.Minute || !LimitOf(g, limit.Until).Until.IsZero() {
			t.Fatalf("at %s it is limited until %s", now, limit.Until)
		}
		sendAll(g)
		if len(g.Status.VerificationRequests) > 20 {
			t.Fatalf("%d steps", len(g.Status.VerificationRequests))
		}
	}
	for i := most; i < len(asked); i++ {
		if within := asked[i].Sub(asked[i-most]); within <= time.Hour {
			t.Fatalf("%d within %s", most+1, within)
		}
	}
	if len(asked) < 48*most*9/10 || refused == 0 {
		t.Errorf("%d were asked for, %d refused", len(asked), refused)
	}
}

func TestFollowLimit(t *testing.T) {
	g := gold(perHour(1))
	if FollowLimit(&g.Status, g, start) != 0 || len(g.Status.Conditions) != 0 {
		t.Errorf("with nothing to say: %+v", g.Status.Conditions)
	}
	Request(g, "sealed", start)
	again := FollowLimit(&g.Status, g, start.Add(time.Minute))
	c := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionJoinLimited)
	if again != 64*time.Minute || c == nil || c.Status != metav1.ConditionTrue || c.Reason != v1alpha1.ReasonMaxPerHour {
		t.Fatalf("looks again after %s, %+v", again, c)
	}
	if !strings.Contains(c.Message, "2026-01-01T13:05:00Z") || !strings.Contains(c.Message, "maxPerHour") {
		t.Errorf("it says %q", c.Message)
	}
	sendAll(g)
	if FollowLimit(&g.Status, g, start.Add(again+time.Minute)) != 0 || len(g.Status.Conditions) != 0 {
		t.Errorf("once it is over: %+v", g.Status.Conditions)
	}
	Request(g, "sealed", start.Add(2*time.Hour))
	closed(g)
	if FollowLimit(&g.Status, g, start.Add(2*time.Hour)) != 0 || len(g.Status.Conditions) != 0 {
		t.Errorf("of a group that is closed: %+v", g.Status.Conditions)
	}
}

// Somebody asks every ten minutes for three days, in turn at two groups of a namespace, and sometimes the mail has to wait:
// no day has more than three mails, and one of their links is always open.
func TestAnAddressGetsThreeADay(t *testing.T) {
	marks := []string{"AAAAAAAAxxxxxxxxxxxxxx"}
	groups := []*v1alpha1.PartnerGroup{gold(perHour(1000)), gold(perHour(1000))}
	var requested, sent []time.Time
	for now := start; now.Before(start.Add(72 * time.Hour)); now = now.Add(10 * time.Minute) {
		n := len(requested)
		g, other := groups[n%2], groups[(n+1)%2]
		if !Request(g, "sealed", now) {
			t.Fatal("it may not be asked for")
		}
		requested = append(requested, now)
		held := n%7 == 3
		var hold *delivery.Hold
		if held {
			hold = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "mail is held back"}
		}
		posting := Post(Outbox{
			Group: g, Program: referral(), Hold: hold, Now: now, Elsewhere: other.Status.VerificationRecipients,
			Marks: map[int64][]string{g.Status.VerificationSerial: marks},
		})
		g.Status = posting.Status
		if posting.Send != nil {
			sent = append(sent, now)
			Record(g, *posting.Send, taken, now)
		}
		sendAll(g) // what was held back is asked for anew
		groups[n%2] = stored(t, g)
		if !held && now.Sub(sent[len(sent)-1]) >= VerificationLifetime {
			t.Fatalf("at %s no link is open", now)
		}
	}
	for i := MaxPerDay; i < len(sent); i++ {
		if sent[i].Sub(sent[i-MaxPerDay]) < 24*time.Hour {
			t.Fatalf("%d mails within %s", MaxPerDay+1, sent[i].Sub(sent[i-MaxPerDay]))
		}
	}
	if len(sent) < 9 {
		t.Errorf("%d mails in three days", len(sent))
	}
}

func TestPostDropsWhatIsTooMuchForAnAddress(t *testing.T) {
	ada, bob := []string{"AAAAAAAA-of-the-new-key", "aaaaaaaa-of-the-old-key"}, []string{"BBBBBBBB"}
	g := gold()
	for range 3 {
		noteRecipient(&g.Status, "aaaaaaaa", start.Add(-time.Hour), start)
	}
	for range 2 {
		noteRecipient(&g.Status, bob[0], start.Add(-time.Hour), start)
	}
	for range 4 {
		Request(g, "sealed", start)
	}
	tried := &g.Status.Verifications[3]
	tried.State, tried.FirstAttemptTime, tried.LastAttemptTime, tried.Attempts = v1alpha1.DeliveryPending, at(-time.Hour), at(-time.Hour), 1
	outbox := Outbox{Group: g, Program: referral(), Now: start, Marks: map[int64][]string{1: ada, 2: bob, 3: nil, 4: ada}}
	posting := Post(outbox)
	var left []int64
	for _, v := range posting.Status.Verifications {
		left = append(left, v.Serial)
	}
	if diff := cmp.Diff([]int64{2, 3, 4}, left); diff != "" || serial(posting) != 2 {
		t.Errorf("it sends %v; of those that wait (-want +got):\n%s", posting.Send, diff)
	}
	outbox.Elsewhere = []v1alpha1.VerificationRecipients{{StartTime: *at(-2 * time.Hour), Marks: "BBBBBBBBAA"}}
	if posting = Post(outbox); serial(posting) != 3 {
		t.Errorf("with one from another group it sends %v", posting.Send)
	}
}

func TestPostWaitsForTheProgram(t *testing.T) {
	g := gold()
	Request(g, "sealed", start)
	full := &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "the program has sent enough", Until: start.Add(20 * time.Minute)}
	outbox := Outbox{Group: g, Program: referral(), Now: start, Hold: full}
	if posting := Post(outbox); posting.Send != nil || posting.RequeueAfter != 20*time.Minute || len(posting.Status.Verifications) != 1 {
		t.Errorf("it sends %v, looks again after %s", posting.Send, posting.RequeueAfter)
	}
	if outbox.Now, outbox.Hold = start.Add(20*time.Minute), nil; serial(Post(outbox)) != 1 {
		t.Error("it goes on waiting")
	}
	if outbox.Now, outbox.Hold = start.Add(VerificationLifetime), full; len(Post(outbox).Status.Verifications) != 0 {
		t.Error("it waits for longer than its link would work")
	}
}

// serial is the number of the request whose mail is claimed; 0: none is.
func serial(p Posting) int64 {
	if p.Send == nil {
		return 0
	}
	return p.Send.Serial
}

// What is noted of a day stays within the schema, at the highest budget there is.
func TestNotesAreBounded(t *testing.T) {
	status := &v1alpha1.PartnerGroupStatus{}
	now := start
	for n := range 30 * 3000 {
		now = start.Add(time.Duration(n) * 1200 * time.Millisecond)
		noteRecipient(status, "mark"+strconv.Itoa(10000+n%10000), now, now)
	}
	size := 0
	for _, step := range status.VerificationRecipients {
		size = max(size, len(step.Marks))
	}
	if len(status.VerificationRecipients) > maxRecipientSteps || size > 16380 {
		t.Errorf("%d steps, of %d at most", len(status.VerificationRecipients), size)
	}
	times := SentTimes(status)
	if len(times) < 24*1000 || !slices.IsSortedFunc(times, time.Time.Compare) || now.Sub(times[len(times)-1]) >= time.Second {
		t.Errorf("%d times, the last %s", len(times), times[len(times)-1])
	}
}

func TestNotesThatCannotBeRead(t *testing.T) {
	for _, marks := range []string{"", "short", "AAAAAAAA", "AAAAAAAA!!", "AAAAAAAAAAB"} {
		steps := []v1alpha1.VerificationRecipients{{StartTime: *at(0), Marks: marks}}
		if enough([]string{"AAAAAAAA"}, steps, start) {
			t.Errorf("%q is enough", marks)
		}
	}
}
