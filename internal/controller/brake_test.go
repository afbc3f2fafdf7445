package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/program"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// hour is a brake over time: invites are mailed, and time passes.
type hour struct {
	*brake
	t       *testing.T
	catalog program.Catalog
	clock   time.Time
}

// newHour is a brake of a process that starts with these invites, in a namespace with the programs two and three, whose
// names are how many mails they may send, and any, which has no limit.
func newHour(t *testing.T, invites ...client.Object) *hour {
	t.Helper()
	return newHourOf(t, fakeCache(t).WithObjects(invites...).Build())
}

func newHourOf(t *testing.T, cache client.Reader) *hour {
	h := &hour{t: t, clock: start}
	h.catalog = program.NewCatalog([]v1alpha1.Program{programOf("two", new(int32(2))), programOf("three", new(int32(3))), programOf("any", nil)}, nil)
	h.brake = newBrake(cache, func() time.Time { return h.clock })
	return h
}

// indexes hands the indexes of the cache to a fake client.
type indexes struct{ *fake.ClientBuilder }

func (i indexes) IndexField(_ context.Context, o client.Object, name string, values client.IndexerFunc) error {
	i.WithIndex(o, name, values)
	return nil
}

func fakeCache(t *testing.T) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.PartnerInvite{})
	if err := lookup.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	return builder
}

func programOf(name string, maxPerHour *int32) v1alpha1.Program {
	return v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ProgramSpec{Mail: v1alpha1.ProgramMail{MaxPerHour: maxPerHour}}}
}

func grants(programs ...string) []v1alpha1.ProgramGrant {
	var scope []v1alpha1.ProgramGrant
	for _, name := range programs {
		scope = append(scope, v1alpha1.ProgramGrant{Name: name})
	}
	return scope
}

// mailed is an invite whose latest try began so long before the start.
func mailed(name string, ago time.Duration, programs ...string) *v1alpha1.PartnerInvite {
	at := metav1.NewTime(start.Add(-ago))
	return &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name},
		Status:     v1alpha1.PartnerInviteStatus{Serial: 1, Programs: grants(programs...), LastAttemptTime: &at},
	}
}

func (h *hour) later(d time.Duration) { h.clock = h.clock.Add(d) }

// takes asks for a place, and checks whether there is one.
func (h *hour) takes(want bool, programs ...string) (giveBack func()) {
	h.t.Helper()
	giveBack, taken := h.take(h.t.Context(), "acme", grants(programs...), h.catalog)
	if taken != want || (giveBack != nil) != want {
		h.t.Errorf("at %s a place of %v is taken: %v", h.clock.Format(time.TimeOnly), programs, taken)
	}
	if !taken {
		return func() {}
	}
	return giveBack
}

// fullUntil checks which program of some is full, and until how long after the start; 0: none is.
func (h *hour) fullUntil(name string, want time.Duration, programs ...string) {
	h.t.Helper()
	full, until := h.until(h.t.Context(), "acme", h.catalog)(grants(programs...))
	if want == 0 {
		if full != "" || !until.IsZero() {
			h.t.Errorf("at %s %s is full until %s", h.clock.Format(time.TimeOnly), full, until)
		}
		return
	}
	if !strings.Contains(full, fmt.Sprintf("Program %q", name)) || !until.Equal(start.Add(want)) {
		h.t.Errorf("at %s %q is full until %s, want %q until %s", h.clock.Format(time.TimeOnly), full, until, name, start.Add(want))
	}
}

func TestBrake(t *testing.T) {
	for name, test := range map[string]struct {
		sent    []client.Object // before the process started
		happens func(*hour)
	}{
		"nothing was sent": {nil, func(h *hour) { h.fullUntil("", 0, "two", "three", "any") }},
		"up to the limit and no further": {nil, func(h *hour) {
			h.takes(true, "two")
			h.later(10 * time.Minute)
			h.takes(true, "two")
			h.fullUntil("two", time.Hour, "two")
			h.takes(false, "two")
		}},
		"an hour after the first the next is free, and only that": {nil, func(h *hour) {
			h.takes(true, "two")
			h.later(10 * time.Minute)
			h.takes(true, "two")
			h.later(50*time.Minute - time.Nanosecond)
			h.takes(false, "two")
			h.later(time.Nanosecond)
			h.fullUntil("", 0, "two")
			h.takes(true, "two")
			h.fullUntil("two", 70*time.Minute, "two")
			h.takes(false, "two")
		}},
		"a day later all is free": {nil, func(h *hour) {
			for range 2 {
				h.takes(true, "two")
				h.takes(true, "two")
				h.takes(false, "two")
				h.later(24 * time.Hour)
			}
		}},
		"what was refused takes no place": {nil, func(h *hour) {
			h.takes(true, "two")
			h.takes(true, "two")
			for range 5 {
				h.later(10 * time.Minute)
				h.takes(false, "two")
			}
			h.later(10 * time.Minute)
			h.takes(true, "two")
		}},
		"what is given back is free": {nil, func(h *hour) {
			h.takes(true, "two")
			h.later(time.Minute)
			giveBack := h.takes(true, "two")
			h.later(time.Minute)
			h.takes(false, "two")
			giveBack()
			h.fullUntil("", 0, "two")
			h.takes(true, "two")
			h.fullUntil("two", time.Hour, "two")
		}},
		"what is given back an hour later was free already": {nil, func(h *hour) {
			giveBack := h.takes(true, "two")
			h.later(time.Hour)
			h.takes(true, "two")
			h.takes(true, "two")
			giveBack()
			h.takes(false, "two")
		}},
		"of two at the same time one is given back": {nil, func(h *hour) {
			giveBack := h.takes(true, "two")
			h.takes(true, "two")
			giveBack()
			h.takes(true, "two")
			h.takes(false, "two")
		}},
		"each program has its own": {nil, func(h *hour) {
			h.takes(true, "two")
			h.takes(true, "two")
			h.takes(false, "two")
			h.takes(true, "three")
			h.takes(true, "any")
			h.fullUntil("", 0, "three", "any")
		}},
		"one that is full holds up an invite into several, and nothing is taken of the others": {nil, func(h *hour) {
			h.takes(true, "two")
			h.takes(true, "two")
			for range 5 {
				h.takes(false, "three", "two")
			}
			h.fullUntil("two", time.Hour, "three", "two", "any")
			for range 3 {
				h.takes(true, "three")
			}
		}},
		"an invite into several takes one place of each, and gives it back": {nil, func(h *hour) {
			giveBack := h.takes(true, "two", "three", "any")
			h.takes(true, "two")
			h.takes(false, "two")
			h.takes(true, "three")
			h.takes(true, "three")
			h.takes(false, "three")
			giveBack()
			h.takes(true, "two")
			h.takes(true, "three")
		}},
		"without a limit": {nil, func(h *hour) {
			for range 100 {
				h.takes(true, "any")
			}
		}},
		"of a program that is gone": {nil, func(h *hour) {
			for range 5 {
				h.takes(true, "gone")
			}
		}},
		"another namespace": {nil, func(h *hour) {
			h.takes(true, "two")
			h.takes(true, "two")
			if _, taken := h.take(h.t.Context(), "globex", grants("two"), h.catalog); !taken {
				h.t.Error("a program of the same name in another namespace is full")
			}
		}},
		"the limit is lowered": {nil, func(h *hour) {
			for range 3 {
				h.takes(true, "three")
				h.later(10 * time.Minute)
			}
			*h.catalog.Programs["three"].Spec.Mail.MaxPerHour = 1
			h.fullUntil("three", 80*time.Minute, "three")
		}},
		"the limit is raised": {nil, func(h *hour) {
			h.takes(true, "two")
			h.takes(true, "two")
			h.takes(false, "two")
			*h.catalog.Programs["two"].Spec.Mail.MaxPerHour = 3
			h.takes(true, "two")
			h.takes(false, "two")
		}},
		"the limit is set later, and counts what was sent before": {nil, func(h *hour) {
			h.takes(true, "three") // so that what the invites say has been read
			h.takes(true, "any")
			h.takes(true, "any")
			h.catalog.Programs["any"].Spec.Mail.MaxPerHour = new(int32(2))
			h.fullUntil("any", time.Hour, "any")
			h.takes(false, "any")
		}},

		"sent before the start": {[]client.Object{mailed("a", 30*time.Minute, "two"), mailed("b", 10*time.Minute, "two", "three")}, func(h *hour) {
			h.fullUntil("two", 30*time.Minute, "two")
			h.takes(false, "two")
			h.takes(true, "three")
			h.takes(true, "three")
			h.fullUntil("three", 50*time.Minute, "three")
			h.later(30 * time.Minute)
			h.takes(true, "two")
			h.fullUntil("two", 50*time.Minute, "two")
		}},
		"sent more than allowed before the start": {
			[]client.Object{mailed("a", 50*time.Minute, "two"), mailed("b", 20*time.Minute, "two"), mailed("c", 30*time.Minute, "two"), mailed("d", 40*time.Minute, "two")},
			func(h *hour) {
				h.fullUntil("two", 30*time.Minute, "two")
				h.later(30 * time.Minute)
				h.takes(true, "two")
				h.fullUntil("two", 40*time.Minute, "two")
			},
		},
		"sent long before the start": {[]client.Object{mailed("a", time.Hour, "two"), mailed("b", 24*time.Hour, "two")}, func(h *hour) {
			h.takes(true, "two")
			h.takes(true, "two")
			h.takes(false, "two")
		}},
		"verification mails": {[]client.Object{&v1alpha1.PartnerGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "gold"},
			Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: "two"}},
			Status: v1alpha1.PartnerGroupStatus{VerificationRecipients: []v1alpha1.VerificationRecipients{{
				StartTime: metav1.NewTime(start.Add(-time.Minute)), Marks: "of-ada--AA" + "of-bob--AA",
			}}},
		}}, func(h *hour) {
			h.fullUntil("two", 59*time.Minute, "two")
			h.takes(false, "two")
			h.takes(true, "three")
		}},
		"waiting, or sent in another namespace": {
			[]client.Object{
				&v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "a"}, Status: v1alpha1.PartnerInviteStatus{Programs: grants("two")}},
				func() client.Object { i := mailed("b", time.Minute, "two"); i.Namespace = "globex"; return i }(),
			},
			func(h *hour) { h.takes(true, "two"); h.takes(true, "two"); h.takes(false, "two") },
		},
		"what was sent before the start is counted once": {[]client.Object{mailed("a", 30*time.Minute, "three")}, func(h *hour) {
			for range 5 {
				h.fullUntil("", 0, "three")
			}
			h.takes(true, "three")
			h.takes(true, "three")
			h.takes(false, "three")
		}},
	} {
		t.Run(name, func(t *testing.T) { test.happens(newHour(t, test.sent...)) })
	}
}

// The invites of a namespace are read once, also where no program has a limit: the cache may not have seen yet that one has
// been set, and what leaves until then counts, too.
func TestTheBrakeReadsANamespaceOnce(t *testing.T) {
	reads, broken := 0, true
	cache := fakeCache(t).WithObjects(mailed("a", time.Minute, "two"), mailed("b", time.Minute, "two")).
		WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if _, ok := list.(*v1alpha1.PartnerInviteList); ok {
				reads++
			}
			if broken {
				return errors.New("the cache is not ready")
			}
			return c.List(ctx, list, o...)
		}}).Build()
	h := newHourOf(t, cache)
	h.takes(true, "any")
	h.fullUntil("", 0, "any")
	broken = false
	h.fullUntil("two", 59*time.Minute, "two")
	for range 3 {
		h.takes(false, "two")
		h.takes(true, "any")
	}
	if reads != 2 {
		t.Errorf("%d reads, one of them failed", reads)
	}
}

// What was sent cannot be counted: a program with a limit sends nothing until it can be, says why, and the metric counts it.
func TestTheBrakeHoldsWhileItCannotCount(t *testing.T) {
	broken := errors.New("the cache is not ready")
	h := newHourOf(t, fakeCache(t).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if broken != nil {
				return broken
			}
			return c.List(ctx, list, o...)
		},
	}).Build())
	before := readErrors(t, metrics.ReadForLimit)
	h.fullUntil("two", countAgain, "any", "two")
	h.takes(false, "two")
	h.takes(true, "any")
	if why, _ := h.until(t.Context(), "acme", h.catalog)(grants("two")); !strings.Contains(why, "cannot be counted") {
		t.Errorf("the invite says %q", why)
	}
	if got := readErrors(t, metrics.ReadForLimit) - before; got != 4 {
		t.Errorf("%v failed reads are counted, of 4", got)
	}
	i := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid"},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("two")},
	}
	in := invite.Input{
		Invite: i, Catalog: h.catalog, MailerConfigured: true, Brake: h.until(t.Context(), "acme", h.catalog),
		HoldsKey: func(string) bool { return true }, NewestKeyID: "key-1", Now: h.clock,
	}
	d := invite.Decide(in)
	if d.Action != invite.ActionNone || d.Status.State != v1alpha1.InviteHeld || d.RequeueAfter != countAgain {
		t.Errorf("the invite is %s, to be looked at after %s, and the action is %s", d.Status.State, d.RequeueAfter, d.Action)
	}
	broken = nil
	if d := invite.Decide(in); d.Action != invite.ActionSend {
		t.Errorf("once they can be counted, the action is %s", d.Action)
	}
}

// The first mail leaves before the cache knows of the limit.
func TestWhatLeavesBeforeALimitIsSeenCounts(t *testing.T) {
	h := newHour(t)
	p := programOf("late", nil)
	h.catalog.Programs["late"] = &p
	h.takes(true, "late")
	p = programOf("late", new(int32(2)))
	h.takes(true, "late")
	h.takes(false, "late")
}

func TestNoMoreAreTakenAtOnceThanThereAre(t *testing.T) {
	h := newHour(t, mailed("a", time.Minute, "hundred"))
	p := programOf("hundred", new(int32(100)))
	h.catalog.Programs["hundred"] = &p
	var (
		taken atomic.Int32
		done  sync.WaitGroup
	)
	for i := range 16 {
		done.Go(func() {
			for range 50 {
				giveBack, ok := h.take(t.Context(), "acme", grants("hundred", "any"), h.catalog)
				h.until(t.Context(), "acme", h.catalog)(grants("hundred"))
				if ok && i%4 == 0 {
					giveBack()
				} else if ok {
					taken.Add(1)
				}
			}
		})
	}
	done.Wait()
	for { // a place that was given back after the others had ended
		if _, ok := h.take(t.Context(), "acme", grants("hundred"), h.catalog); !ok {
			break
		}
		taken.Add(1)
	}
	if n := taken.Load(); n != 99 {
		t.Errorf("%d were taken of 99 that were left", n)
	}
}

// Who has taken a place claims it: the place that was taken is not in its own way.
func TestTheLastPlaceIsClaimed(t *testing.T) {
	for name, most := range map[string]int32{"of one": 1, "of two": 2, "of three": 3} {
		t.Run(name, func(t *testing.T) {
			i := &v1alpha1.PartnerInvite{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid"},
				Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("few")},
			}
			c := fakeCache(t).WithObjects(i).Build()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(i), i); err != nil {
				t.Fatal(err)
			}
			h := newHourOf(t, c)
			p := programOf("few", new(most))
			h.catalog.Programs["few"] = &p
			for range most - 1 {
				h.takes(true, "few")
			}
			r := &PartnerInviteReconciler{base: base{Client: c, live: c, now: h.now}, brake: h.brake}
			in := invite.Input{
				Invite: i, Catalog: h.catalog, MailerConfigured: true, Brake: h.until(t.Context(), "acme", h.catalog),
				HoldsKey: func(string) bool { return true }, NewestKeyID: "key-1", Now: h.clock,
			}
			d := invite.Decide(in)
			if d.Action != invite.ActionSend {
				t.Fatalf("the action is %s", d.Action)
			}
			h.takes(true, "few")
			claimed := i.DeepCopy()
			claimed.Status = d.Status
			if err := r.claim(t.Context(), in, claimed); err != nil {
				t.Errorf("the claim is refused: %v", err)
			}
			h.takes(false, "few")
		})
	}
}
