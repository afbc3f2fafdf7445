package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	registry "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/program"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// hour is a quota over time: invites are mailed, and time passes.
type hour struct {
	*Quota
	t       *testing.T
	catalog program.Catalog
	clock   time.Time
}

// newHour is the quota of a process that starts with these invites, in a namespace with the programs two and three, whose
// names are how many mails they may send, and any, which has no limit.
func newHour(t *testing.T, invites ...client.Object) *hour {
	t.Helper()
	return newHourOf(t, fakeCache(t).WithObjects(invites...).Build())
}

func newHourOf(t *testing.T, cache client.Reader) *hour {
	h := &hour{t: t, clock: start}
	h.catalog = program.NewCatalog([]v1alpha1.Program{programOf("two", new(int32(2))), programOf("three", new(int32(3))), programOf("any", nil)}, nil)
	h.Quota = NewQuota(cache, func() time.Time { return h.clock })
	return h
}

func fakeCache(t *testing.T) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme)
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
	giveBack, taken := h.Take(h.t.Context(), "acme", grants(programs...), h.catalog)
	if taken != want || (giveBack != nil) != want {
		h.t.Errorf("at %s a place of %v is taken: %v", h.clock.Format(time.TimeOnly), programs, taken)
	}
	if !taken {
		return func() {}
	}
	return giveBack
}

// counts takes a place for a mail that always leaves.
func (h *hour) counts(programs ...string) (giveBack func()) {
	return h.Count(h.t.Context(), "acme", grants(programs...))
}

// fullUntil checks which program of some is full, and until how long after the start; 0: none is.
func (h *hour) fullUntil(name string, want time.Duration, programs ...string) {
	h.t.Helper()
	hold := h.Full(h.t.Context(), "acme", grants(programs...), h.catalog)
	switch {
	case want == 0 && hold == nil:
	case want == 0, hold == nil:
		h.t.Errorf("at %s: %+v, want %q full until %s", h.clock.Format(time.TimeOnly), hold, name, start.Add(want))
	case hold.Reason != v1alpha1.ReasonHeld || !strings.Contains(hold.Message, fmt.Sprintf("Program %q", name)) || !hold.Until.Equal(start.Add(want)):
		h.t.Errorf("at %s: %+v, want %q until %s", h.clock.Format(time.TimeOnly), *hold, name, start.Add(want))
	}
}

func TestQuota(t *testing.T) {
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
		"what is given back twice frees one place": {nil, func(h *hour) {
			giveBack := h.takes(true, "two")
			h.takes(true, "two")
			giveBack()
			giveBack()
			h.takes(true, "two")
			h.takes(false, "two")
		}},
		"what always leaves takes places, also where none is left": {nil, func(h *hour) {
			h.counts("two")
			h.later(10 * time.Minute)
			h.takes(true, "two")
			h.later(10 * time.Minute)
			giveBack := h.counts("two", "three")
			h.later(10 * time.Minute)
			h.fullUntil("two", 70*time.Minute, "two")
			h.takes(true, "three")
			h.takes(true, "three")
			h.takes(false, "three")
			giveBack()
			h.fullUntil("two", time.Hour, "two")
			h.takes(true, "three")
		}},
		"within a second, the places are free at its end": {nil, func(h *hour) {
			h.later(100 * time.Millisecond)
			h.takes(true, "two")
			h.later(800 * time.Millisecond)
			h.takes(true, "two")
			h.fullUntil("two", time.Hour+time.Second, "two")
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
			if _, taken := h.Take(h.t.Context(), "globex", grants("two"), h.catalog); !taken {
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
		"decisions": {[]client.Object{&v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada"},
			Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "two"}},
			Status: v1alpha1.PartnershipStatus{Mails: []v1alpha1.MailDelivery{
				{Kind: v1alpha1.MailApproved, LastAttemptTime: new(metav1.NewTime(start.Add(-20 * time.Minute)))},
				{Kind: v1alpha1.MailSignIn, LastAttemptTime: new(metav1.NewTime(start.Add(-10 * time.Minute)))},
			}},
		}}, func(h *hour) {
			h.takes(true, "two")
			h.fullUntil("two", 40*time.Minute, "two")
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
func TestTheQuotaReadsANamespaceOnce(t *testing.T) {
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

// failedReads is how many failed reads are counted for a limit.
func failedReads(t *testing.T) float64 {
	t.Helper()
	families, err := registry.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == "partner_operator_read_errors_total" && m.GetLabel()[0].GetValue() == metrics.ReadForLimit {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatal("failed reads are not counted")
	return 0
}

// What was sent cannot be counted: a program with a limit sends nothing until it can be, says why, and the metric counts it.
func TestTheQuotaIsFullWhileItCannotBeCounted(t *testing.T) {
	broken := errors.New("the cache is not ready")
	h := newHourOf(t, fakeCache(t).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if broken != nil {
				return broken
			}
			return c.List(ctx, list, o...)
		},
	}).Build())
	before := failedReads(t)
	h.fullUntil("two", countAgain, "any", "two")
	h.takes(false, "two")
	h.takes(true, "any")
	if hold := h.Full(t.Context(), "acme", grants("two"), h.catalog); hold == nil || !strings.Contains(hold.Message, "cannot be counted") {
		t.Errorf("it says %+v", hold)
	}
	if got := failedReads(t) - before; got != 4 {
		t.Errorf("%v failed reads are counted, of 4", got)
	}
	broken = nil
	h.fullUntil("", 0, "two")
}

// What is given back that was never counted, since it could not be, is not taken from another mail.
func TestWhatCouldNotBeCountedIsNotGivenBack(t *testing.T) {
	broken := errors.New("the cache is not ready")
	h := newHourOf(t, fakeCache(t).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if broken != nil {
				return broken
			}
			return c.List(ctx, list, o...)
		},
	}).Build())
	giveBack := h.counts("two")
	broken = nil
	h.takes(true, "two")
	h.takes(true, "two")
	giveBack()
	h.takes(false, "two")
}

// While the mails of one namespace are read, the others send.
func TestNamespacesDoNotWaitForEachOther(t *testing.T) {
	reads, goOn := make(chan struct{}), make(chan struct{})
	h := newHourOf(t, fakeCache(t).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			options := client.ListOptions{}
			options.ApplyOptions(o)
			if _, first := list.(*v1alpha1.PartnerInviteList); first && options.Namespace == "evil" {
				close(reads)
				<-goOn
			}
			return c.List(ctx, list, o...)
		},
	}).Build())
	var evil sync.WaitGroup
	evil.Go(func() { h.Take(t.Context(), "evil", grants("two"), h.catalog) })
	<-reads
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		h.takes(true, "two")
	}()
	select {
	case <-taken:
	case <-time.After(10 * time.Second):
		t.Error("it waits for another namespace")
	}
	close(goOn)
	evil.Wait()
	<-taken
}

// What is kept of a program has an end, however many mails it sends, and nothing is kept of what sends none.
func TestTheQuotaForgets(t *testing.T) {
	h := newHour(t)
	for range 3 * 60 * 60 {
		h.later(time.Second / 2)
		h.takes(true, "any")
	}
	for range 2 * 60 * 60 {
		h.later(time.Second)
		h.takes(true, "any")
	}
	if kept := len(h.namespaces["acme"].sent["any"]); kept > 3601 {
		t.Errorf("%d times are kept of an hour", kept)
	}
	for n := range 100 {
		h.Take(t.Context(), fmt.Sprintf("ns-%d", n), grants("two"), h.catalog)
	}
	h.takes(true, "gone")
	for range 13 {
		h.later(5 * time.Minute)
		h.takes(true, "any")
	}
	h.later(5 * time.Minute)
	h.takes(true, "any")
	if len(h.namespaces) != 1 {
		t.Errorf("%d namespaces are known, of which one sends", len(h.namespaces))
	}
	if _, kept := h.namespaces["acme"].sent["gone"]; kept {
		t.Error("a program that is gone is known")
	}
}

// A namespace that was forgotten is read again.
func TestAForgottenNamespaceIsReadAgain(t *testing.T) {
	h := newHour(t)
	h.takes(true, "two")
	h.takes(true, "two")
	h.later(2 * time.Hour)
	h.Take(t.Context(), "other", grants("two"), h.catalog)
	if _, known := h.namespaces["acme"]; known {
		t.Error("it is not forgotten")
	}
	h.takes(true, "two")
	h.takes(true, "two")
	h.takes(false, "two")
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
				giveBack, ok := h.Take(t.Context(), "acme", grants("hundred", "any"), h.catalog)
				h.Full(t.Context(), "acme", grants("hundred"), h.catalog)
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
		if _, ok := h.Take(t.Context(), "acme", grants("hundred"), h.catalog); !ok {
			break
		}
		taken.Add(1)
	}
	if n := taken.Load(); n != 99 {
		t.Errorf("%d were taken of 99 that were left", n)
	}
}
