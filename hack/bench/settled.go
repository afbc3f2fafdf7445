package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/operator"
)

func measureSettled(ctx context.Context, s settings, r *report) error {
	sizes := []int{10_000}
	if s.full {
		sizes = append(sizes, 50_000)
	}
	p, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	ns, err := p.tenant(ctx)
	if err != nil {
		return err
	}
	none, err := p.restart(ctx, time.Second)
	if err != nil {
		return err
	}
	there := 0
	for _, size := range sizes {
		if err := p.settle(ctx, r, ns, there, size); err != nil {
			return err
		}
		there = size
		stored, err := p.ofAPIServer(ctx, "apiserver_storage_size_bytes{")
		if err != nil {
			return err
		}
		r.add("  etcd's file, with the versions of some minutes, for each", stored/float64(size)/1024, "KiB")
		if err := p.revoke(ctx, r, ns, size); err != nil {
			return err
		}
		started, err := p.restart(ctx, time.Minute)
		if err != nil {
			return err
		}
		r.compare(fmt.Sprintf("starting again with %d partners, until ready", size), []float64{started.ready.Seconds()}, "s", "s with none", []float64{none.ready.Seconds()})
		r.compare("  peak memory", []float64{started.peak}, "MiB", "MiB with none", []float64{none.peak})
		r.add("  memory after a minute", started.memory, "MiB")
		r.add("  more of that for each 10 000", (started.memory-none.memory)/float64(size)*10_000, "MiB")
		serving, err := p.ofAPIServer(ctx, "process_resident_memory_bytes")
		if err != nil {
			return err
		}
		r.add("  memory of the API server", serving/(1<<20), "MiB")
		if serving, err = p.servingAgain(ctx); err != nil {
			return err
		}
		r.add("  the same after it was started again", serving/(1<<20), "MiB")
		r.add("  longer until ready for each 10 000", (started.ready-none.ready).Seconds()/float64(size)*10_000, "s")
		r.add("  writes", started.writes, "")
		r.add("  mails", started.mails, "")
		r.add("  computing, in the minute after it", started.computed*1000, "ms")
		r.add("  writes, in the minute after it", started.idleWrites, "")
	}
	return nil
}

// settle makes partners until there are so many and the program has counted them.
func (p *place) settle(ctx context.Context, r *report, ns string, from, to int) error {
	o, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = o.Stop() }()
	began := time.Now()
	if err := each(ctx, to-from, appliers, func(ctx context.Context, n int) error { return p.api.Create(ctx, partner(ns, from+n)) }); err != nil {
		return err
	}
	if err := p.counted(ctx, ns, to); err != nil {
		return err
	}
	r.add(fmt.Sprintf("%d partners, from apply to Active", to-from), float64(to-from)/time.Since(began).Seconds(), "partners/s")
	return nil
}

// servingAgain starts the API server again, which then knows nothing of what was written before, lets an operator read all
// there is, and gives the memory that it takes in bytes.
func (p *place) servingAgain(ctx context.Context) (float64, error) {
	if err := p.plane.Restart(ctx, cluster.APIServer, nil); err != nil {
		return 0, err
	}
	o, err := p.start(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = o.Stop() }()
	if err := pause(ctx, 30*time.Second); err != nil {
		return 0, err
	}
	return p.ofAPIServer(ctx, "process_resident_memory_bytes")
}

// counted waits until the program has counted so many partners, and its group too.
func (p *place) counted(ctx context.Context, ns string, partners int) error {
	for {
		var program v1alpha1.Program
		if err := p.api.Get(ctx, client.ObjectKey{Namespace: ns, Name: "referral"}, &program); err != nil {
			return err
		}
		var group v1alpha1.PartnerGroup
		if err := p.api.Get(ctx, client.ObjectKey{Namespace: ns, Name: "gold"}, &group); err != nil {
			return err
		}
		inProgram, inGroup := program.Status.Partnerships, group.Status.Partnerships
		if inProgram != nil && int(inProgram.Active) == partners && inProgram.Revoked == 0 && inGroup != nil && int(inGroup.Active) == partners {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// ofAPIServer is a metric of the API server, by its name and what comes before its value.
func (p *place) ofAPIServer(ctx context.Context, name string) (float64, error) {
	text, err := p.objects.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 2 && strings.HasPrefix(fields[0], name) {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, errors.New("the API server does not tell " + name)
}

// revoke revokes some of many partners, who look at both of two replicas all the time.
func (p *place) revoke(ctx context.Context, r *report, ns string, size int) error {
	const people = 100
	first, err := p.start(ctx, "--leader-elect")
	if err != nil {
		return err
	}
	defer func() { _ = first.Stop() }()
	second, err := p.start(ctx, "--leader-elect", "--portal-url="+first.Portal)
	if err != nil {
		return err
	}
	defer func() { _ = second.Stop() }()
	var refused []float64
	for n := range people {
		after, err := p.revokeOne(ctx, ns, size+n, []*operator.Operator{first, second})
		if err != nil {
			return err
		}
		refused = append(refused, milliseconds(after)...)
	}
	if err := p.removeAll(ctx, ns, size, people); err != nil {
		return err
	}
	if err := p.counted(ctx, ns, size); err != nil {
		return err
	}
	r.add(fmt.Sprintf("refused on both replicas after a revocation, %d partners, p50", size), quantile(refused, 0.5), "ms")
	r.add("  p99", quantile(refused, 0.99), "ms")
	return nil
}

// revokeOne makes a partner, who signs in, and tells how long after the patch returned each replica refused them.
func (p *place) revokeOne(ctx context.Context, ns string, n int, replicas []*operator.Operator) ([]time.Duration, error) {
	made := partner(ns, n)
	if err := p.api.Create(ctx, made); err != nil {
		return nil, err
	}
	person := browser.NewPerson()
	if err := p.signIn(ctx, person, replicas[0].Portal, ns, n); err != nil {
		return nil, err
	}
	for _, replica := range replicas {
		if err := until(ctx, func() (bool, error) { return letIn(ctx, person, replica.Portal, ns) }); err != nil {
			return nil, err
		}
	}
	if err := p.api.Patch(ctx, made, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"revocation":{"reason":"The contract has ended."}}}`))); err != nil {
		return nil, err
	}
	patched := time.Now()
	var after []time.Duration
	for _, replica := range replicas {
		if err := until(ctx, func() (bool, error) {
			in, err := letIn(ctx, person, replica.Portal, ns)
			return !in, err
		}); err != nil {
			return nil, err
		}
		after = append(after, time.Since(patched))
	}
	return after, nil
}

// signIn signs a partner in by mail, as soon as they are one.
func (p *place) signIn(ctx context.Context, person *browser.Person, portal, ns string, n int) error {
	form := url.Values{"email": {address(ns, n)}}
	for {
		if _, err := person.Post(ctx, portal+"/t/"+ns+"/login", form); err != nil {
			return err
		}
		for range 50 {
			for _, mail := range p.inbox.MessagesTo(address(ns, n)) {
				if mail.Kind == string(v1alpha1.MailSignIn) {
					page, err := person.Post(ctx, mail.Links[0], form)
					if err == nil && page.Code != http.StatusSeeOther {
						err = fmt.Errorf("signing in answers %d", page.Code)
					}
					return err
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func letIn(ctx context.Context, person *browser.Person, portal, ns string) (bool, error) {
	page, err := person.Get(ctx, portal+"/t/"+ns+"/")
	return page.Code == http.StatusOK && strings.Contains(page.Body, "Acme Referral"), err
}

// until asks every millisecond.
func until(ctx context.Context, is func() (bool, error)) error {
	for {
		if now, err := is(); now || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *place) removeAll(ctx context.Context, ns string, from, count int) error {
	return each(ctx, count, appliers, func(ctx context.Context, n int) error { return p.api.Delete(ctx, partner(ns, from+n)) })
}

// started is what a start costs.
type started struct {
	ready        time.Duration
	peak, memory float64 // in MiB
	writes       float64
	mails        float64
	computed     float64 // in seconds, while idle
	idleWrites   float64
}

// restart starts an operator among what there is, lets it settle, and watches it doing nothing.
func (p *place) restart(ctx context.Context, idle time.Duration) (is started, err error) {
	p.proxy.Forget()
	p.inbox.Reset()
	began := time.Now()
	o, err := p.startCounted(ctx)
	if err != nil {
		return is, err
	}
	defer func() { err = errors.Join(err, o.Stop()) }()
	is.ready = time.Since(began)
	if err := pause(ctx, 15*time.Second); err != nil {
		return is, err
	}
	is.writes, is.mails = float64(p.proxy.Writes()), float64(p.inbox.Count())
	before, err := cpuSeconds(o.PID())
	if err != nil {
		return is, err
	}
	if err := pause(ctx, idle); err != nil {
		return is, err
	}
	after, err := cpuSeconds(o.PID())
	if err != nil {
		return is, err
	}
	is.computed, is.idleWrites = after-before, float64(p.proxy.Writes())-is.writes
	const kibibytes = 1 << 10
	if is.peak, err = ofProcess(o.PID(), "VmHWM"); err != nil {
		return is, err
	}
	is.memory, err = ofProcess(o.PID(), "VmRSS")
	is.peak, is.memory = is.peak/kibibytes, is.memory/kibibytes
	return is, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
