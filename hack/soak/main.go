// Command soak runs two replicas of the operator for a while, lets people and a company use them, lets things go wrong
// meanwhile, and checks in the end that nothing was lost, nothing came twice, nobody got what was not granted, and nothing
// grows.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	stdlog "log"
	"maps"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// settings are what a person asks for.
type settings struct {
	root, operator string
	duration       time.Duration
	seed           uint64
	rate           float64
	faults         *regexp.Regexp
}

func main() {
	for _, quiet := range []func(logr.Logger){log.SetLogger, klog.SetLogger} { // what they say is about the faults
		quiet(logr.Discard())
	}
	stdlog.SetOutput(io.Discard)
	s := &scene{done: map[string]int{}, began: time.Now()}
	flag.StringVar(&s.root, "root", ".", "`folder` of the project")
	flag.StringVar(&s.operator, "operator", "bin/partner-operator", "`path` of the operator, below the project's folder unless it is absolute")
	flag.DurationVar(&s.duration, "for", 30*time.Minute, "how long there is load; settling takes some minutes more")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().Unix()), "`number` that chooses what happens")
	flag.Float64Var(&s.rate, "rate", 4, "operations in a second, of everybody together")
	only := flag.String("faults", ".", "`pattern` of what goes wrong; none: nothing does")
	flag.Parse()
	var err error
	if s.settings.faults, err = regexp.Compile(*only); err != nil {
		fmt.Fprintln(os.Stderr, "soak: -faults: "+err.Error())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak: "+err.Error())
		os.Exit(1)
	}
}

func (s *scene) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	if s.rate <= 0 || s.duration <= 0 {
		return errors.New("-rate and -for must be more than 0")
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	s.began = time.Now()
	s.say("SEED=%d, %s of load, %g operations a second", s.seed, s.duration, s.rate)
	s.allow(ctx)
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	go s.watch(watching)
	load, over := context.WithTimeout(ctx, s.duration)
	defer over()
	calm := make(chan struct{})
	go func() {
		defer close(calm)
		s.misfortune(load, newRandom(s.seed))
	}()
	s.tenancies(ctx, load, calm)
	unwatch()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	return s.verdict()
}

// tenancies opens one tenant after the other, and closes the oldest. In the end, all that are left are closed once
// nothing goes wrong any more.
func (s *scene) tenancies(ctx, load context.Context, calm <-chan struct{}) {
	stay := min(max(s.duration/8, 20*time.Second), 2*time.Minute)
	var open []*tenant
	closed := make(chan struct{}, 1000)
	closing := 0
	leave := func(t *tenant) {
		closing++
		go func() {
			t.close(ctx)
			closed <- struct{}{}
		}()
	}
	for n := 1; load.Err() == nil; n++ {
		open = append(open, s.found(load, n))
		if len(open) > openTenants {
			leave(open[0])
			open = open[1:]
		}
		pause(load, stay)
	}
	for _, t := range open {
		t.left.Wait()
	}
	<-calm
	s.say("the load is over, everything works again")
	for _, t := range open {
		leave(t)
	}
	for range closing {
		<-closed
	}
}

// quiet waits until the operators have written nothing for some seconds.
func (s *scene) quiet(ctx context.Context) error {
	writes := func() (all int) {
		for _, r := range s.replicas {
			all += r.proxy.Writes()
		}
		return all
	}
	for began := time.Now(); time.Since(began) < time.Minute; {
		before := writes()
		pause(ctx, 5*time.Second)
		if writes() == before {
			return ctx.Err()
		}
	}
	s.broken(finding{ruleUnsettled, "the operators write on and on"})
	return nil
}

// watch reads the metrics, counts the objects, and says each half minute how things are.
func (s *scene) watch(ctx context.Context) {
	for n := 1; ctx.Err() == nil; n++ {
		pause(ctx, 2*time.Second)
		for _, r := range s.replicas {
			r.observe(ctx)
		}
		if n%5 == 0 {
			s.countObjects(ctx)
		}
		if n%15 == 0 {
			s.progress(ctx)
		}
	}
}

func (s *scene) countObjects(ctx context.Context) {
	all := 0
	for _, kind := range []string{"PartnerInviteList", "PartnershipList", "PartnerLinkList", "PartnerTeamList"} {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		if err := s.api.List(ctx, list); err != nil {
			return
		}
		all += len(list.Items)
	}
	s.note(func() { s.objects = append(s.objects, count{time.Now(), all}) })
}

func (s *scene) progress(ctx context.Context) {
	leader := "nobody"
	if r := s.leader(ctx); r != nil {
		leader = r.name
	}
	s.mutex.Lock()
	operations, objects, last := 0, 0, "nothing yet"
	for _, times := range s.done {
		operations += times
	}
	if len(s.objects) > 0 {
		objects = s.objects[len(s.objects)-1].objects
	}
	if len(s.faults) > 0 {
		last = s.faults[len(s.faults)-1].Name
	}
	faults, checked, broken := len(s.faults), s.checked, len(s.findings)
	s.mutex.Unlock()
	s.say("%d operations, %d mails, %d objects, %d faults (last: %s), %s leads, %d tenants checked, %d findings", operations, s.inbox.Count(), objects, faults, last, leader, checked, broken)
}

// verdict prints what there was, and is an error if any invariant was broken.
func (s *scene) verdict() error {
	var lives []life
	for _, r := range s.replicas {
		r.mutex.Lock()
		for _, l := range r.lives {
			lives = append(lives, *l)
		}
		r.mutex.Unlock()
		found, lines := explained(r.name, r.log.all(), s.happened())
		s.broken(found...)
		for _, line := range lines {
			fmt.Println(line)
		}
	}
	s.broken(s.listener.wrong...)
	found, lines := grown(lives)
	s.broken(append(found, leveled(s.objects, s.began.Add(judged))...)...)
	fmt.Println(strings.Join(lines, "\n"))
	s.summary()
	if len(s.findings) > 0 {
		s.timeline()
		for _, f := range s.findings {
			fmt.Println("BROKEN " + f.String())
		}
		return fmt.Errorf("%d invariants are broken; SEED=%d", len(s.findings), s.seed)
	}
	fmt.Println("Everything holds.")
	return nil
}

func (s *scene) summary() {
	var operations []string
	for _, what := range slices.Sorted(maps.Keys(s.done)) {
		operations = append(operations, fmt.Sprintf("%s %d", what, s.done[what]))
	}
	fmt.Println("operations: " + strings.Join(operations, ", "))
	faults := map[string]int{}
	for _, f := range s.faults {
		faults[f.Name]++
	}
	var suffered []string
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		suffered = append(suffered, fmt.Sprintf("%s %d", name, faults[name]))
	}
	fmt.Println("faults: " + strings.Join(suffered, ", "))
	fmt.Printf("events taken by another system: %d, of them %d again\n", len(s.listener.told), s.listener.again())
	fmt.Printf("mails: %d, of them %d repeats that a fault explains\n", s.inbox.Count(), s.repeats)
	var plain, cut []time.Duration
	for _, r := range s.refusals {
		if r.ending.deadline(s.faults).Equal(r.ending.At.Add(refusedWithin)) {
			plain = append(plain, r.took)
		} else {
			cut = append(cut, r.took)
		}
	}
	fmt.Printf("refused after access ended: %s; while replicas could not hear of it: %s\n", spread(plain), spread(cut))
	var objects []string
	for n := range 8 {
		if len(s.objects) > 0 {
			objects = append(objects, strconv.Itoa(s.objects[n*len(s.objects)/8].objects))
		}
	}
	fmt.Printf("objects: %s\n", strings.Join(objects, " "))
}

// timeline tells when what went wrong, for who looks into a finding.
func (s *scene) timeline() {
	for _, f := range s.faults {
		fmt.Printf("fault %7s to %7s  %s\n", f.From.Sub(s.began).Round(100*time.Millisecond), f.To.Sub(s.began).Round(100*time.Millisecond), f.Name)
	}
}

// spread tells of durations in short.
func spread(of []time.Duration) string {
	if len(of) == 0 {
		return "none"
	}
	slices.Sort(of)
	at := func(part float64) time.Duration {
		return of[min(len(of)-1, int(part*float64(len(of))))].Round(time.Millisecond)
	}
	return fmt.Sprintf("p50 %s, p99 %s, longest %s of %d", at(0.5), at(0.99), at(1), len(of))
}
