package partnership

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

// town is a namespace with partnerships, in programs of their own, over time.
type town struct {
	t        *testing.T
	programs []v1alpha1.Program
	all      map[string]*v1alpha1.Partnership
	// order is the one in which they are looked at.
	order  []string
	now    time.Time
	server server
	// mails are those that left, each with what it tells of; ids are their Message-IDs.
	mails, ids []string
	writes     map[string]int
	again      map[string]time.Duration
}

// newTown is one with as many partnerships of the contact, which are active.
func newTown(t *testing.T, contacts map[string]int, backwards bool) *town {
	t.Helper()
	w := &town{t: t, all: map[string]*v1alpha1.Partnership{}, now: start, writes: map[string]int{}, again: map[string]time.Duration{}}
	for who, n := range contacts {
		for i := range n {
			name := fmt.Sprintf("%s-%02d", who, i)
			w.programs = append(w.programs, v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: "of-" + name}})
			w.all[name] = &v1alpha1.Partnership{
				ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Generation: 1, CreationTimestamp: metav1.NewTime(start)},
				Spec: v1alpha1.PartnershipSpec{
					ProgramRef: v1alpha1.ProgramReference{Name: "of-" + name}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(who + "@example.com")},
				},
				Status: v1alpha1.PartnershipStatus{ObservedGeneration: -1},
			}
		}
	}
	w.order = slices.Sorted(maps.Keys(w.all))
	if backwards {
		slices.Reverse(w.order)
	}
	w.settle()
	w.writes = map[string]int{}
	return w
}

func (w *town) input(name string) Input {
	p := w.all[name].DeepCopy()
	in := Input{Partnership: p, Rivals: []v1alpha1.Partnership{*p}, Catalog: program.NewCatalog(w.programs, nil), Now: w.now}
	for _, other := range w.all {
		if other.Name != name && *other.Spec.Contact == *p.Spec.Contact {
			in.Others = append(in.Others, *other.DeepCopy())
		}
	}
	return in
}

// look does what the controller does once for one partnership.
func (w *town) look(name string) (changed bool) {
	p := w.all[name]
	in := w.input(name)
	d := Decide(in)
	w.again[name] = d.RequeueAfter
	if !equality.Semantic.DeepEqual(p.Status, d.Status) {
		w.writes[name]++
		p.Status = stored(w.t, d.Status)
		changed = true
	}
	if d.Send == nil {
		return changed
	}
	in.Partnership = p.DeepCopy()
	var tells []string
	for _, each := range Told(in, *d.Send) {
		line := strings.TrimPrefix(each.Name, "cora-")
		if reason := Reason(each, d.Send.Kind); reason != "" {
			line += " " + reason
		}
		tells = append(tells, line)
	}
	w.mails = append(w.mails, string(d.Send.Kind)+": "+strings.Join(tells, ", "))
	w.ids = append(w.ids, MessageID(p, *d.Send, "acme.example"))
	var outcome delivery.Outcome
	switch w.server {
	case silent:
		return true
	case busy:
		outcome = delivery.Outcome{Class: delivery.Temporary, Message: "busy"}
	case refuses:
		outcome = delivery.Outcome{Class: delivery.Recipient, Message: "no such mailbox"}
	case takes:
		outcome = delivery.Outcome{Class: delivery.Accepted}
	}
	if !Record(p, *d.Send, outcome, w.now) {
		w.t.Fatal("what came of a claim was not recorded")
	}
	w.writes[name]++
	return true
}

// settle looks at all of them until nothing changes.
func (w *town) settle() {
	w.t.Helper()
	for range 300 {
		changed := false
		for _, name := range w.order {
			if w.all[name] != nil {
				changed = w.look(name) || changed
			}
		}
		if !changed {
			return
		}
	}
	w.t.Fatal("the rules do not come to rest")
}

// pass lets time go by, and whoever asked to be looked at is.
func (w *town) pass(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(time.Second)
		w.settle()
	}
}

func (w *town) revoke(reason string, names ...string) {
	for _, name := range names {
		w.all[name].Spec.Revocation = &v1alpha1.Revocation{Reason: reason}
		w.all[name].Generation++
	}
}

func (w *town) reinstate(name string) {
	w.all[name].Spec.Revocation = nil
	w.all[name].Generation++
}

// mailsOf are the states of the mails of a kind, by partnership, with their messages.
func (w *town) mailsOf(kind v1alpha1.MailKind) map[string]string {
	states := map[string]string{}
	for name, p := range w.all {
		if m := Mail(&p.Status, kind, ""); m != nil {
			states[name] = strings.TrimSpace(string(m.State) + " " + m.Message)
		}
	}
	return states
}

const cora = "cora"

func TestOneMailForOneAct(t *testing.T) {
	for _, n := range []int{2, 50} {
		for _, backwards := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d programs, backwards %v", n, backwards), func(t *testing.T) {
				w := newTown(t, map[string]int{cora: n}, backwards)
				w.revoke("Ended.", w.order...)
				w.settle()
				if len(w.mails) > 0 {
					t.Fatalf("at once leave %v", w.mails)
				}
				w.pass(10 * time.Second)
				var tells []string
				want := map[string]string{}
				for i := range n {
					tells = append(tells, fmt.Sprintf("%02d Ended.", i))
					want[fmt.Sprintf("cora-%02d", i)] = `Skipped told with Partnership "cora-00"`
				}
				want["cora-00"] = "Sent"
				if diff := cmp.Diff([]string{"revoked: " + strings.Join(tells, ", ")}, w.mails); diff != "" {
					t.Errorf("unexpected mails (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(want, w.mailsOf(v1alpha1.MailRevoked)); diff != "" {
					t.Errorf("unexpected status (-want +got):\n%s", diff)
				}
				for name, writes := range w.writes { // one is that of the state
					if most := map[bool]int{true: 3, false: 2}[name == "cora-00"]; writes != most {
						t.Errorf("%s is written %d times, want %d", name, writes, most)
					}
				}
			})
		}
	}
}

func TestOneMailSaysEachReason(t *testing.T) {
	w := newTown(t, map[string]int{cora: 3}, false)
	w.revoke("Moved.", "cora-01")
	w.revoke("", "cora-02")
	w.revoke("Ended.", "cora-00")
	w.pass(10 * time.Second)
	if diff := cmp.Diff([]string{"revoked: 00 Ended., 01 Moved., 02"}, w.mails); diff != "" {
		t.Errorf("unexpected mails (-want +got):\n%s", diff)
	}
}

// An act that takes a while is one as long as it goes on, but no mail waits for longer than half a minute.
func TestAnActThatTakesAWhile(t *testing.T) {
	w := newTown(t, map[string]int{cora: 50}, false)
	for i := range 50 {
		w.revoke("", fmt.Sprintf("cora-%02d", i))
		w.pass(time.Second)
	}
	w.pass(time.Minute)
	if len(w.mails) != 2 || strings.Count(w.mails[0], ",")+strings.Count(w.mails[1], ",")+2 != 50 {
		t.Errorf("the mails are %q", w.mails)
	}
}

func TestOneMailForOneActInOtherWays(t *testing.T) {
	sent := func(kind string, tells ...string) (mails []string) {
		for _, each := range tells {
			mails = append(mails, kind+": "+each)
		}
		return mails
	}
	for name, test := range map[string]struct {
		happens func(*town)
		want    []string
	}{
		"one of three is revoked": {func(w *town) { w.revoke("", "cora-01"); w.pass(9 * time.Second) }, sent("revoked", "01")},
		"the leader is deleted first": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.settle()
			delete(w.all, "cora-00")
			w.pass(9 * time.Second)
		}, sent("revoked", "01, 02")},
		"the leader is reinstated first": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.settle()
			w.reinstate("cora-00")
			w.pass(9 * time.Second)
		}, sent("revoked", "01, 02")},
		"another one is reinstated first": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.settle()
			w.reinstate("cora-01")
			w.pass(9 * time.Second)
		}, sent("revoked", "00, 02")},
		"told, reinstated, and revoked again": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.pass(9 * time.Second)
			w.reinstate("cora-01")
			w.settle()
			w.pass(time.Second)
			w.revoke("", "cora-01")
			w.pass(9 * time.Second)
		}, sent("revoked", "00, 01, 02", "01")},
		"one comes once the mail has left": {func(w *town) {
			w.revoke("", "cora-00", "cora-02")
			w.pass(9 * time.Second)
			w.revoke("", "cora-01")
			w.pass(9 * time.Second)
		}, sent("revoked", "00, 02", "01")},
		"one is revoked in silence": {func(w *town) {
			w.revoke("", "cora-00", "cora-01")
			w.all["cora-00"].Spec.Revocation.Notify = no
			w.pass(9 * time.Second)
		}, sent("revoked", "01")},
		"the program of the leader is suspended": {func(w *town) {
			w.suspend("cora-00", true)
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.pass(9 * time.Second)
			w.suspend("cora-00", false)
			w.pass(9 * time.Second)
		}, sent("revoked", "01, 02", "00")},
		"the process dies with the claim": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.server = silent
			w.pass(9 * time.Second)
			w.server = takes
			w.pass(2 * time.Minute)
		}, sent("revoked", "00, 01, 02", "00, 01, 02")},
		"busy, and one comes meanwhile": {func(w *town) {
			w.revoke("", "cora-00", "cora-02")
			w.server = busy
			w.pass(9 * time.Second)
			w.server = takes
			w.revoke("", "cora-01")
			w.pass(2 * time.Minute)
		}, sent("revoked", "00, 02", "01", "00, 02")},
		"one comes as the mail is tried again": {func(w *town) {
			w.revoke("", "cora-00", "cora-02")
			w.server = busy
			w.pass(9 * time.Second)
			w.server = takes
			w.pass(w.again["cora-00"].Truncate(time.Second))
			w.revoke("", "cora-01")
			w.pass(9 * time.Second)
		}, sent("revoked", "00, 02", "00, 02", "01")},
		"one is reinstated as the mail leaves": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.settle()
			w.now = w.now.Add(togetherFor)
			w.reinstate("cora-01")
			w.pass(9 * time.Second)
		}, sent("revoked", "00, 02")},
		"the leader is reinstated while the mail is under way": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.server = silent
			w.pass(4 * time.Second)
			w.server = takes
			w.reinstate("cora-00")
			w.pass(delivery.InFlight - 5*time.Second)
			if len(w.mails) != 1 {
				w.t.Errorf("while it is under way leave %v", w.mails)
			}
			w.pass(2 * time.Minute)
		}, sent("revoked", "00, 01, 02", "01, 02")},
		"the address is refused": {func(w *town) {
			w.revoke("", "cora-00", "cora-01", "cora-02")
			w.server = refuses
			w.pass(2 * time.Minute)
		}, sent("revoked", "00, 01, 02", "01, 02", "02")},
		"refused for all, then tried anew": {func(w *town) {
			w.revoke("", "cora-00", "cora-01")
			w.server = refuses
			w.pass(9 * time.Second)
			w.server = takes
			for _, p := range w.all {
				p.Annotations = map[string]string{v1alpha1.ResendAnnotation: "now"}
			}
			w.pass(2 * time.Minute)
		}, sent("revoked", "00, 01", "01", "00", "01")}, // each is asked for by itself
		"approved": {func(w *town) { w.decide(v1alpha1.ApprovalApproved); w.pass(9 * time.Second) }, sent("approved", "00, 01, 02")},
		"rejected": {func(w *town) { w.decide(v1alpha1.ApprovalRejected); w.pass(9 * time.Second) }, sent("rejected", "00 Not now., 01 Not now., 02 Not now.")},
		"approved and revoked at once": {func(w *town) {
			w.decide(v1alpha1.ApprovalApproved)
			w.revoke("", "cora-00")
			w.pass(9 * time.Second)
		}, append(sent("revoked", "00"), sent("approved", "01, 02")...)},
	} {
		for _, backwards := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, backwards %v", name, backwards), func(t *testing.T) {
				w := newTown(t, map[string]int{cora: 3}, backwards)
				test.happens(w)
				want := slices.Sorted(slices.Values(test.want)) // two mails of one moment come in either order
				slices.Sort(w.mails)
				if strings.HasPrefix(name, "the process dies") && (len(w.ids) != 2 || w.ids[0] != w.ids[1]) {
					t.Errorf("the Message-IDs are %v", w.ids)
				}
				if diff := cmp.Diff(want, w.mails); diff != "" {
					t.Errorf("unexpected mails (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestTwoPeopleAtOnce(t *testing.T) {
	w := newTown(t, map[string]int{cora: 2, "dora": 2}, false)
	w.revoke("", w.order...)
	w.pass(9 * time.Second)
	if diff := cmp.Diff([]string{"revoked: 00, 01", "revoked: dora-00, dora-01"}, w.mails); diff != "" {
		t.Errorf("unexpected mails (-want +got):\n%s", diff)
	}
}

// Whoever waits for a mail to be settled has to be looked at then.
func TestMailSettled(t *testing.T) {
	with := func(mails ...v1alpha1.MailDelivery) *v1alpha1.Partnership {
		return &v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{Mails: mails}}
	}
	of := func(kind v1alpha1.MailKind, serial int64, state v1alpha1.DeliveryState) v1alpha1.MailDelivery {
		return v1alpha1.MailDelivery{Kind: kind, Serial: serial, State: state}
	}
	const kind, sending = v1alpha1.MailRevoked, v1alpha1.DeliverySending
	for name, test := range map[string]struct {
		before, after *v1alpha1.Partnership
		want          bool
	}{
		"sent":              {with(of(kind, 1, sending)), with(of(kind, 1, v1alpha1.DeliverySent)), true},
		"failed":            {with(of(kind, 1, sending)), with(of(kind, 1, v1alpha1.DeliveryFailed)), true},
		"dropped":           {with(of(kind, 1, v1alpha1.DeliveryPending)), with(of(kind, 1, v1alpha1.DeliverySkipped)), true},
		"replaced":          {with(of(kind, 1, sending)), with(of(kind, 2, v1alpha1.DeliveryPending)), true},
		"gone":              {with(of(kind, 1, sending)), with(), true},
		"claimed":           {with(of(kind, 1, v1alpha1.DeliveryPending)), with(of(kind, 1, sending)), false},
		"asked for":         {with(), with(of(kind, 1, v1alpha1.DeliveryPending)), false},
		"settled before":    {with(of(kind, 1, v1alpha1.DeliverySent)), with(of(kind, 1, v1alpha1.DeliverySent)), false},
		"of a sign-in link": {with(of(v1alpha1.MailSignIn, 1, sending)), with(of(v1alpha1.MailSignIn, 1, v1alpha1.DeliverySent)), false},
	} {
		if got := MailSettled(test.before, test.after); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func (w *town) suspend(name string, is bool) {
	for i := range w.programs {
		if w.programs[i].Name == "of-"+name {
			w.programs[i].Spec.Suspend = is
		}
	}
}

// decide makes all of them wait for the company's decision, which comes.
func (w *town) decide(decision v1alpha1.ApprovalDecision) {
	for _, p := range w.all {
		p.Spec.Onboarding = v1alpha1.OnboardingApproval
		p.Spec.Approval = &v1alpha1.Approval{Decision: decision}
		if decision == v1alpha1.ApprovalRejected {
			p.Spec.Approval.Note = "Not now."
		}
		p.Generation++
	}
}
