package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// trouble is something that can go wrong, and what follows from it for the invariants.
type trouble struct {
	fault
	// befall makes it happen, and returns when it is over.
	befall func(ctx context.Context, s *scene, random *rand.Rand) error
}

// window is how long most faults last, and chance how long it is waited for a mail that one befalls.
const (
	window = 3 * time.Second
	chance = 8 * time.Second
)

// troubles are all of them. Each comes once before any comes again.
var troubles = []trouble{
	{fault{Name: "SMTP: 451 to the recipient"}, smtp(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 451, Times: 3})},
	{fault{Name: "SMTP: 452 to the mail"}, smtp(mailcatcher.Rule{Stage: mailcatcher.Data, Code: 452, Times: 3})},
	{fault{Name: "SMTP: 421 and hangs up"}, smtp(mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 421, Times: 2})},
	{fault{Name: "SMTP: 550 to the recipient", Rejects: true}, smtp(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: "5.1.1", Times: 1})},
	{fault{Name: "SMTP: dropped within the mail"}, smtp(mailcatcher.Rule{Stage: mailcatcher.Body, Drop: true, Times: 2})},
	{fault{Name: "SMTP: dropped after the dot, lost"}, smtp(mailcatcher.Rule{Stage: mailcatcher.Data, Drop: true, Times: 2})},
	{fault{Name: "SMTP: dropped after the dot, taken", Repeats: true}, smtp(mailcatcher.Rule{Stage: mailcatcher.Data, AcceptThenDrop: true, Times: 2})},
	{fault{Name: "SMTP: slow"}, smtp(mailcatcher.Rule{Stage: mailcatcher.Data, Hang: time.Second})},
	{fault{Name: "SMTP: down"}, smtpDown},
	{fault{Name: "API: conflicts"}, api(someWrites(0.5, apiproxy.Conflict))},
	{fault{Name: "API: 500"}, api(someWrites(0.3, apiproxy.Fail))},
	{fault{Name: "API: requests lost"}, api(someWrites(0.3, apiproxy.Refuse))},
	{fault{Name: "API: answers lost"}, api(someWrites(0.3, apiproxy.LoseAnswer))},
	{fault{Name: "API: requests late"}, api(someWrites(0.5, apiproxy.Stall))},
	{fault{Name: "API: answers late"}, api(someWrites(0.5, apiproxy.Withhold))},
	{fault{Name: "API: away", Deafens: 8 * time.Second, Ends: true, Retells: true}, api(func(*rand.Rand) func(*http.Request) apiproxy.Fault {
		return func(*http.Request) apiproxy.Fault { return apiproxy.Refuse }
	})},
	{fault{Name: "API: watches late", Deafens: 2 * time.Second}, lag},
	{fault{Name: "API: watches cut", Deafens: 4 * time.Second}, cut},
	{fault{Name: "API server crashes", Deafens: 20 * time.Second, Ends: true, Retells: true}, crash(cluster.APIServer)},
	{fault{Name: "etcd crashes", Deafens: 20 * time.Second, Ends: true, Retells: true}, crash(cluster.Etcd)},
	{fault{Name: "replica stopped while it sends", Retells: true}, restart((*replica).stop)},
	{fault{Name: "replica killed while it sends", Repeats: true, Retells: true}, restart((*replica).kill)},
	{fault{Name: "replica hangs", Repeats: true, Deafens: 2 * time.Second, Ends: true, Retells: true}, hang},
	{fault{Name: "events: answered 503"}, ailing(refuses)},
	{fault{Name: "events: taken, and the answer lost", Retells: true}, ailing(forgetful)},
	{fault{Name: "events: not answered"}, ailing(silent)},
}

// misfortune lets one thing after the other go wrong until the context ends.
func (s *scene) misfortune(ctx context.Context, random *rand.Rand) {
	for ; ctx.Err() == nil; pause(ctx, time.Second) {
		for _, n := range random.Perm(len(troubles)) {
			if !s.settings.faults.MatchString(troubles[n].Name) {
				continue
			}
			pause(ctx, time.Duration(1000+random.IntN(3000))*time.Millisecond)
			if ctx.Err() != nil {
				return
			}
			s.suffer(ctx, troubles[n], random)
		}
	}
}

func (s *scene) suffer(ctx context.Context, t trouble, random *rand.Rand) {
	happens := t.fault
	happens.From = time.Now()
	s.mutex.Lock()
	s.faults = append(s.faults, happens)
	at := len(s.faults) - 1
	s.mutex.Unlock()
	if err := t.befall(ctx, s, random); err != nil {
		s.broken(finding{"soak", fmt.Sprintf("%s: %v", t.Name, err)})
	}
	s.mutex.Lock()
	s.faults[at].To = time.Now()
	s.mutex.Unlock()
}

func smtp(rule mailcatcher.Rule) func(context.Context, *scene, *rand.Rand) error {
	return func(ctx context.Context, s *scene, _ *rand.Rand) error {
		s.inbox.Script(rule)
		lasts := window
		if rule.Times > 0 {
			lasts = chance
		}
		for began := time.Now(); time.Since(began) < lasts && ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
			if rule.Times > 0 && s.inbox.Applied()[0] == rule.Times {
				break
			}
		}
		s.inbox.Script()
		return nil
	}
}

func smtpDown(ctx context.Context, s *scene, _ *rand.Rand) error {
	if err := s.inbox.Pause(); err != nil {
		return err
	}
	pause(ctx, window)
	return s.inbox.Resume()
}

// api breaks what the replicas ask of the API server.
func api(breaks func(*rand.Rand) func(*http.Request) apiproxy.Fault) func(context.Context, *scene, *rand.Rand) error {
	return func(ctx context.Context, s *scene, random *rand.Rand) error {
		befall := breaks(random)
		// Twice, since Break also lets go what it held before.
		for range 2 {
			for _, r := range s.replicas {
				r.proxy.Break(befall)
			}
			pause(ctx, window/2)
		}
		for _, r := range s.replicas {
			r.proxy.Break(nil)
		}
		return nil
	}
}

// someWrites breaks that part of the writes, but no lease.
func someWrites(part float64, how apiproxy.Fault) func(*rand.Rand) func(*http.Request) apiproxy.Fault {
	return func(random *rand.Rand) func(*http.Request) apiproxy.Fault {
		var mutex sync.Mutex
		return func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/leases/") {
				return apiproxy.None
			}
			mutex.Lock()
			defer mutex.Unlock()
			if random.Float64() < part {
				return how
			}
			return apiproxy.None
		}
	}
}

func lag(ctx context.Context, s *scene, _ *rand.Rand) error {
	for _, r := range s.replicas {
		r.proxy.Lag(200 * time.Millisecond)
	}
	pause(ctx, window)
	for _, r := range s.replicas {
		r.proxy.Lag(0)
	}
	return nil
}

// cut ends all watches. They begin anew after a second or two.
func cut(_ context.Context, s *scene, _ *rand.Rand) error {
	for _, r := range s.replicas {
		r.proxy.Cut()
	}
	return nil
}

func crash(program cluster.Program) func(context.Context, *scene, *rand.Rand) error {
	return func(_ context.Context, s *scene, _ *rand.Rand) error {
		// A context of its own: it has to come back also when the time is over.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return s.plane.Restart(ctx, program, nil)
	}
}

// victim is the replica that a fault befalls: the leader in the first half of the time, and who does not lead in the
// second, so that one process lives long enough to tell whether it grows.
func (s *scene) victim(ctx context.Context) *replica {
	leader := s.leader(ctx)
	if leader == nil {
		return nil
	}
	if time.Since(s.began) < s.duration/2 {
		return leader
	}
	for _, r := range s.replicas {
		if r != leader {
			return r
		}
	}
	return nil
}

func restart(end func(*replica) error) func(context.Context, *scene, *rand.Rand) error {
	return func(ctx context.Context, s *scene, _ *rand.Rand) error {
		r := s.victim(ctx)
		if r == nil {
			return nil
		}
		err := s.whileSending(ctx, func() error { return end(r) })
		if err != nil {
			return err
		}
		pause(ctx, window)
		r.again(context.WithoutCancel(ctx))
		return nil
	}
}

// whileSending does something while the mail server thinks about a mail, if there is one soon.
func (s *scene) whileSending(ctx context.Context, do func() error) error {
	s.inbox.Script(mailcatcher.Rule{Stage: mailcatcher.Data, Hang: 500 * time.Millisecond})
	defer s.inbox.Script()
	for began := time.Now(); time.Since(began) < chance && ctx.Err() == nil && s.inbox.Applied()[0] == 0; {
		pause(ctx, 20*time.Millisecond)
	}
	pause(ctx, 400*time.Millisecond)
	return do()
}

// hang is longer than the lease lasts.
func hang(ctx context.Context, s *scene, _ *rand.Rand) error {
	r := s.victim(ctx)
	if r == nil {
		return nil
	}
	return s.whileSending(ctx, func() error { return r.hang(ctx, 20*time.Second) })
}
