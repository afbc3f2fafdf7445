package courier

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// server is a mail server of a test.
type server struct {
	probed atomic.Int32
	// answers: it takes what is tried, whatever probe says.
	answers atomic.Bool
	probe   func(ctx context.Context) delivery.Outcome
	// dispatches are what comes of the next mails; none: it takes them.
	dispatches []delivery.Outcome
	// closes is how long it takes to hang up.
	closes time.Duration
}

func (s *server) ID() string { return "test" }

func (s *server) Probe(ctx context.Context) delivery.Outcome {
	s.probed.Add(1)
	if s.probe == nil || s.answers.Load() {
		return delivery.Outcome{Class: delivery.Accepted}
	}
	return s.probe(ctx)
}

func (s *server) Dispatch(context.Context, mail.Message) (o delivery.Outcome) {
	if len(s.dispatches) > 0 {
		o, s.dispatches = s.dispatches[0], s.dispatches[1:]
		return o
	}
	return delivery.Outcome{Class: delivery.Accepted}
}

func (s *server) Close() { time.Sleep(s.closes) }

// door is a gate of a test, with those who were told that it is their turn.
type door struct {
	*testing.T
	*Courier
	told workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func newDoor(t *testing.T, concurrency int) *door {
	t.Helper()
	c := New(Options{Now: time.Now, Concurrency: concurrency, Tell: func(context.Context, string) {}})
	t.Cleanup(c.endProbes)
	d := &door{T: t, Courier: c, told: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())}
	t.Cleanup(d.told.ShutDown)
	if err := c.Turns("test").Start(t.Context(), d.told); err != nil {
		t.Fatal(err)
	}
	return d
}

// shared is a mail server that nobody doubts.
func (d *door) shared() *transport {
	t := newTransport(&server{}, "", rate.Inf, d.gate.slots)
	t.isKnown = true
	return t
}

func requestOf(t *transport, namespace, name string, kind v1alpha1.MailKind) *request {
	return &request{
		place:   place{"test", reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}},
		Tenant:  &Tenant{Namespace: namespace, transport: t, sender: senderKey{namespace, "partners@example.com"}},
		awaited: mail.Awaited(kind), try: delivery.Try{Object: name, Recipient: name + "@example.com", Domain: "example.com"},
	}
}

// ask asks for slots for invites, and gives those that were given.
func (d *door) ask(t *transport, namespace string, names ...string) (given []*pass) {
	for _, name := range names {
		if p, _ := d.enter(requestOf(t, namespace, name, v1alpha1.MailInvite)); p != nil {
			given = append(given, p)
		}
	}
	return given
}

// turns are those who were told since the last time, in order.
func (d *door) turns() (names []string) {
	for d.told.Len() > 0 {
		r, _ := d.told.Get()
		names = append(names, r.Namespace+"/"+r.Name)
		d.told.Done(r)
	}
	return names
}

func (d *door) wants(what string, got, want []string) {
	d.Helper()
	if !slices.Equal(got, want) {
		d.Errorf("%s: %v, want %v", what, got, want)
	}
}

func numbered(count int) (names []string) {
	for n := range count {
		names = append(names, fmt.Sprintf("p%02d", n))
	}
	return names
}

func accepted() *delivery.Outcome { return &delivery.Outcome{Class: delivery.Accepted} }

func TestANamespaceLeavesSlotsToTheOthers(t *testing.T) {
	d := newDoor(t, 4)
	server := d.shared()
	given := d.ask(server, "greedy", numbered(10)...)
	if len(given) != 4 {
		t.Fatalf("a namespace alone has %d slots, want 4", len(given))
	}
	if len(d.ask(server, "acme", "ada")) != 1 {
		t.Error("another waits, although two are left")
	}
	d.wants("told", d.turns(), nil)
	d.gate.leave(given[0], accepted())
	d.wants("told when one is free", d.turns(), []string{"greedy/p04"})
}

func TestNamespacesTakeTurns(t *testing.T) {
	d := newDoor(t, 4)
	server := d.shared()
	first, second := d.ask(server, "a", numbered(10)...), d.ask(server, "b", numbered(10)...)
	if len(first) != 4 || len(second) != 2 {
		t.Fatalf("they have %d and %d slots, want 4 and 2", len(first), len(second))
	}
	d.ask(server, "c", "ada", "bob")
	for n, want := range []string{"c/ada", "c/bob", "a/p04", "a/p05"} {
		d.gate.leave(first[n], accepted())
		d.wants("told", d.turns(), []string{want})
	}
}

func TestWhatSomebodyWaitsForGoesFirst(t *testing.T) {
	d := newDoor(t, 1)
	server := d.shared()
	given := d.ask(server, "a", "p1", "p2", "p3")
	if p, _ := d.enter(requestOf(server, "a", "signs-in", v1alpha1.MailSignIn)); p != nil {
		t.Fatal("there was no slot")
	}
	d.gate.leave(given[0], accepted())
	d.wants("told", d.turns(), []string{"a/signs-in"})
}

func TestAReservedSlotIsForTheNextIfItIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 1)
		server := d.shared()
		given := d.ask(server, "a", "p1", "p2", "p3", "p4")
		d.gate.leave(given[0], accepted())
		d.wants("told", d.turns(), []string{"a/p2"})
		ended := d.Begin("test", requestOf(server, "a", "p2", v1alpha1.MailInvite).Request)
		ended() // it was looked at, and no mail is due any more
		d.wants("told when it was not needed", d.turns(), []string{"a/p3"})
		time.Sleep(reservedFor + time.Second) // nobody comes
		synctest.Wait()
		d.wants("told when nobody came", d.turns(), []string{"a/p4"})
		if got := d.ask(server, "a", "p4"); len(got) != 1 {
			t.Error("whose turn it is gets no slot")
		}
	})
}

func TestASlotThatIsReservedMeanwhileIsKept(t *testing.T) {
	d := newDoor(t, 1)
	server := d.shared()
	given := d.ask(server, "a", "p1")
	ended := d.Begin("test", requestOf(server, "a", "p2", v1alpha1.MailInvite).Request)
	d.ask(server, "a", "p2")
	d.gate.leave(given[0], accepted())
	ended() // the reconcile that asked ends when its turn has come already
	if got := d.ask(server, "a", "p2"); len(got) != 1 {
		t.Error("it lost its turn")
	}
}

func TestServersOfBrandsTakeHalfOfTheSlotsUntilTheyTakeMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 8)
		given := []*pass{}
		for n := range 12 {
			own := newTransport(&server{}, fmt.Sprint("brand", n), rate.Inf, 8)
			d.ask(own, own.namespace, "ada")
			synctest.Wait() // it is signed in to
			given = append(given, d.ask(own, own.namespace, "ada")...)
		}
		if len(given) != 5 {
			t.Errorf("%d slots of 10 are with those that never took a mail, want 5", len(given))
		}
		if len(d.ask(d.shared(), "acme", numbered(5)...)) != 5 {
			t.Error("the others have less than half")
		}
	})
}

func TestAServerOfABrandGetsMoreWithEachMailThatItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 8)
		own := newTransport(&server{}, "brand", rate.Inf, 6)
		d.ask(own, "brand", "p00")
		synctest.Wait()
		for _, want := range []int{1, 2, 4, 6, 6} {
			d.turns()
			given := d.ask(own, "brand", numbered(10)...)
			if len(given) != want {
				t.Fatalf("it has %d slots, want %d", len(given), want)
			}
			// One is taken by the mail server; the others give their slots back untried.
			d.gate.leave(given[0], accepted())
			for _, p := range given[1:] {
				d.gate.leave(p, nil)
			}
			time.Sleep(2 * reservedFor)
			synctest.Wait()
			d.gate.locked(func() { clear(d.gate.lines) })
			time.Sleep(2 * reservedFor)
			synctest.Wait()
		}
	})
}

func TestAServerIsSignedInToBeforeAMailIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		hung := &server{probe: func(ctx context.Context) delivery.Outcome {
			<-ctx.Done()
			return delivery.Outcome{Class: delivery.Unreachable, BeforeMail: true, Message: "the mail server did not answer in time"}
		}}
		own := newTransport(hung, "brand", rate.Inf, 4)
		if len(d.ask(own, "brand", numbered(20)...)) != 0 {
			t.Error("a mail has a slot before anything is known of the mail server")
		}
		synctest.Wait()
		if hung.probed.Load() != 1 || d.gate.used != 0 {
			t.Errorf("%d connections, %d slots used; want 1 and 0", hung.probed.Load(), d.gate.used)
		}
		time.Sleep(probeTimeout + time.Second)
		synctest.Wait()
		d.gate.locked(func() {
			if own.hold(senderKey{"brand", "partners@example.com"}, time.Now()) == nil {
				t.Error("its mail is not held")
			}
		})
		hung.answers.Store(true)
		time.Sleep(18 * time.Second)
		synctest.Wait()
		d.wants("told once it answers", d.turns(), []string{"brand/p00"})
		if got := d.ask(own, "brand", "p00"); len(got) != 1 {
			t.Error("no mail may be tried once it answers")
		}
	})
}

func TestEachServerHasARateOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 8)
		slow, other := newTransport(&server{}, "", 2, 8), newTransport(&server{}, "", 2, 8)
		slow.isKnown, other.isKnown = true, true
		given := d.ask(slow, "a", numbered(6)...)
		if len(given) != 1 || len(d.ask(other, "b", numbered(6)...)) != 1 {
			t.Fatalf("%d leave at once, want 1 of each", len(given))
		}
		d.gate.leave(given[0], accepted())
		d.wants("told at once", d.turns(), nil)
		time.Sleep(510 * time.Millisecond)
		synctest.Wait()
		d.wants("told after half a second", d.turns(), []string{"a/p01", "b/p01"})
	})
}

// A mail server that allows few connections refuses one more while it goes on taking mail over the others.
func TestAServerThatAllowsFewConnectionsIsNotTakenForOneThatIsAway(t *testing.T) {
	d := newDoor(t, 8)
	server := d.shared()
	given := d.ask(server, "acme", numbered(5)...)
	d.gate.leave(given[0], accepted())
	ruled, news := d.gate.leave(given[1], &delivery.Outcome{
		Class: delivery.Unreachable, BeforeMail: true, Stage: delivery.StageGreeting, Code: 421, Message: "the mail server answered: 421 too many connections",
	})
	if server.server.Hold() != nil || news.ofServer || ruled.Class != delivery.Unreachable {
		t.Errorf("it is held by %v, which is told: %v; the mail is %s", server.server.Hold(), news.ofServer, ruled.Class)
	}
	if server.most != 3 {
		t.Errorf("it gets %d connections, want 3", server.most)
	}
	for _, p := range given[2:] {
		d.gate.leave(p, nil)
	}
	if more := d.ask(server, "acme", numbered(8)...); len(more) != 3 {
		t.Errorf("%d mails have a slot, want 3", len(more))
	}
}

// A mail server that lets us sign in without a mail may still be away when a mail comes.
func TestAServerIsSignedInToAgainAfterTheMailThatFindsOutFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		flaps := &server{}
		own := newTransport(flaps, "brand", rate.Inf, 4)
		away := &delivery.Outcome{Class: delivery.Unreachable, BeforeMail: true, Message: "the mail server refused the connection"}
		d.ask(own, "brand", "ada")
		synctest.Wait()
		given := d.ask(own, "brand", "ada")
		d.leave(t.Context(), given[0], away)
		for n := range int32(3) {
			time.Sleep(6 * time.Minute) // longer than it is left alone
			synctest.Wait()
			if probed := flaps.probed.Load(); probed != n+2 {
				t.Fatalf("it was signed in to %d times, want %d", probed, n+2)
			}
			if given = d.ask(own, "brand", "ada"); len(given) != 1 {
				t.Fatal("no mail may find out")
			}
			d.leave(t.Context(), given[0], away)
		}
	})
}

// While one mail finds out whether a sender is refused still, the others do not know when to ask again. They have to be
// told, also if that mail is not tried after all.
func TestThoseWhoWaitAreToldThatTheMailThatFindsOutWasNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		told := []string{}
		d.tell = func(_ context.Context, namespace string) { told = append(told, namespace) }
		server, refused := d.shared(), &delivery.Outcome{Class: delivery.Refused, Stage: delivery.StageSender, Code: 550, Message: "the mail server answered: 550 sender not allowed"}
		d.leave(t.Context(), d.ask(server, "acme", "ada")[0], refused)
		time.Sleep(5 * time.Minute)
		given := d.ask(server, "acme", "ada")
		key := senderKey{"acme", "partners@example.com"}
		if hold := server.hold(key, time.Now()); hold == nil || !hold.Until.IsZero() {
			t.Fatalf("while one finds out the others are held by %v", hold)
		}
		told = nil
		d.leave(t.Context(), given[0], nil) // the invite was deleted
		d.wants("told", told, []string{"acme"})
		if hold := server.hold(key, time.Now()); hold != nil {
			t.Errorf("it is held by %v", hold)
		}
	})
}

// One mail finds out whether a mail server is back. The others wait in line for that, in whatever namespace, instead of
// asking again and again.
func TestOneMailOfAllNamespacesFindsOutWhetherAServerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		server := d.shared()
		d.leave(t.Context(), d.ask(server, "a", "ada")[0], &delivery.Outcome{Class: delivery.Unreachable, BeforeMail: true, Message: "the mail server refused the connection"})
		time.Sleep(20 * time.Second)
		synctest.Wait() // it was signed in to
		given := d.ask(server, "a", "ada")
		if len(given) != 1 {
			t.Fatal("no mail may find out")
		}
		for _, namespace := range []string{"b", "c"} {
			if p, wait := d.enter(requestOf(server, namespace, "bob", v1alpha1.MailInvite)); p != nil || wait.Again != late {
				t.Errorf("a mail of another namespace has %v, and asks again after %s", p, wait.Again)
			}
		}
		d.wants("told meanwhile", d.turns(), nil)
		d.leave(t.Context(), given[0], accepted())
		told := d.turns()
		slices.Sort(told)
		d.wants("told when it is back", told, []string{"b/bob", "c/bob"})
	})
}

// Invites that wait for a mail server that never answered, and are deleted before the Secret names another one, are in
// nobody's way.
func TestThoseWhoWaitForAServerThatWasReplacedAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		before, after := newTransport(&server{}, "brand", rate.Inf, 4), newTransport(&server{}, "brand", rate.Inf, 4)
		before.isProbed, after.isKnown = true, true
		d.ask(before, "brand", numbered(scanned+4)...)
		before.isClosed.Store(true)
		d.ask(after, "brand", "zoe")
		told := d.turns()
		if len(told) != scanned+5 || !slices.Contains(told, "brand/zoe") {
			t.Errorf("told: %v", told)
		}
		if len(d.ask(after, "brand", "zoe")) != 1 || d.gate.used != 1 {
			t.Errorf("%d slots are used, want 1, by the new one", d.gate.used)
		}
	})
}

// With a low rate, what is not sent after all would take the time of the mail of others.
func TestOnlyMailThatIsTriedCountsTowardTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		server := newTransport(&server{}, "", 0.1, 4)
		server.isKnown = true
		first := d.ask(server, "a", "ada")
		if len(d.ask(server, "b", "bob", "eve")) != 0 || len(first) != 1 {
			t.Fatal("more than one may leave")
		}
		d.leave(t.Context(), first[0], nil) // it is held by now
		d.wants("told when the first was not tried", d.turns(), []string{"b/bob"})
		d.Begin("test", requestOf(server, "b", "bob", v1alpha1.MailInvite).Request)() // so is this
		d.wants("told when the second did not ask", d.turns(), []string{"b/eve"})
		given := d.ask(server, "b", "eve")
		d.leave(t.Context(), given[0], accepted())
		if len(d.ask(server, "a", "ada")) != 0 {
			t.Error("two leave within ten seconds")
		}
		time.Sleep(10*time.Second + 10*time.Millisecond)
		synctest.Wait()
		d.wants("told after ten seconds", d.turns(), []string{"a/ada"})
	})
}

// Nothing bad is said of a mail server that is back, also if no mail waits that could show it.
func TestAServerThatIsBackIsNotBlamedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, 4)
		down := &server{probe: func(context.Context) delivery.Outcome {
			return delivery.Outcome{Class: delivery.Unreachable, BeforeMail: true, Message: "the mail server cannot be reached"}
		}}
		own := newTransport(down, "brand", rate.Inf, 4)
		d.ask(own, "brand", "ada")
		synctest.Wait()
		health := func() (of program.MailHealth) {
			d.gate.locked(func() { of = own.health(senderKey{"brand", "partners@example.com"}) })
			return of
		}
		if got := health(); got.Reason != v1alpha1.ReasonTransportUnreachable {
			t.Fatalf("while it is down, the health is %v", got)
		}
		down.answers.Store(true)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := health(); got.Reason != v1alpha1.ReasonTransportUnreachable {
			t.Errorf("before a mail could show that it is back, the health is %v", got)
		}
		time.Sleep(idleAfter)
		synctest.Wait()
		if got := health(); got.Reason != v1alpha1.ReasonSignedIn {
			t.Errorf("when no mail came, the health is %v", got)
		}
	})
}
