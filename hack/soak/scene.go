package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

const operatorNamespace = "partner-operator-system"

// scene is everything that runs.
type scene struct {
	settings
	plane    *cluster.Cluster
	inbox    *mailcatcher.Catcher
	listener *listener
	api      client.Client
	replicas []*replica
	base     string // of all links
	began    time.Time
	allowed  chan struct{} // one for each operation that may be made

	mutex    sync.Mutex
	faults   []fault
	findings []finding
	refusals []refusal
	done     map[string]int // operations, by what they do
	objects  []count
	repeats  int
	checked  int
	tenants  []string // those that are open
}

// refusal is how long a replica let somebody in after their access had ended.
type refusal struct {
	replica string
	ending  ending
	took    time.Duration
}

// count is how many objects there were.
type count struct {
	at      time.Time
	objects int
}

func (s *scene) open(ctx context.Context) (err error) {
	s.plane, err = cluster.Start(ctx, cluster.Options{CRDs: []string{filepath.Join(s.root, "config/crd/bases")}, ControllerManager: true})
	if err != nil {
		return err
	}
	if s.inbox, err = mailcatcher.Start(mailcatcher.Options{HTTPAddress: "-"}); err != nil {
		return err
	}
	if s.listener, err = listen(); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	if s.api, err = client.New(s.plane.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	for _, folder := range []string{"config/namespace", "config/rbac", "config/rbac/links"} {
		if out, err := s.plane.Kubectl(ctx, "apply", "-k", filepath.Join(s.root, folder)).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	account, _, err := s.plane.ServiceAccountConfig(ctx, operatorNamespace, "partner-operator")
	if err != nil {
		return err
	}
	for _, name := range []string{"A", "B"} {
		r := &replica{name: name, scene: s, log: &logbook{}}
		if r.proxy, err = apiproxy.Start(account); err != nil {
			return err
		}
		for _, address := range []*string{&r.address, &r.metrics} {
			if *address, err = operator.FreeAddress(); err != nil {
				return err
			}
		}
		s.replicas = append(s.replicas, r)
		s.base = s.replicas[0].portal()
		if err := r.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) close() error {
	var errs []error
	for _, r := range s.replicas {
		errs = append(errs, r.stop(), r.proxy.Close())
	}
	if s.inbox != nil {
		errs = append(errs, s.inbox.Close())
	}
	if s.listener != nil {
		errs = append(errs, s.listener.server.Close())
	}
	if s.plane != nil {
		errs = append(errs, s.plane.Stop())
	}
	return errors.Join(errs...)
}

// allow lets operations be made at the rate that was asked for.
func (s *scene) allow(ctx context.Context) {
	s.allowed = make(chan struct{})
	go func() {
		ticks := time.NewTicker(time.Duration(float64(time.Second) / s.rate))
		defer ticks.Stop()
		for ctx.Err() == nil {
			select {
			case <-ticks.C:
			case <-ctx.Done():
				return
			}
			select {
			case s.allowed <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}()
}

// may waits until one more operation may be made. It is false when there is no time left for it.
func (s *scene) may(ctx context.Context, what string) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.allowed:
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.done[what]++
	return true
}

// say prints a line with the time.
func (s *scene) say(format string, args ...any) {
	fmt.Printf("%7s  %s\n", time.Since(s.began).Round(100*time.Millisecond), fmt.Sprintf(format, args...))
}

func (s *scene) broken(found ...finding) {
	for _, f := range found {
		s.say("BROKEN %s", f)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.findings = append(s.findings, found...)
}

// note changes what is known of the scene.
func (s *scene) note(change func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	change()
}

// happened are the faults so far. One that lasts is taken to end now.
func (s *scene) happened() []fault {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	all := slices.Clone(s.faults)
	for n := range all {
		if all[n].To.IsZero() {
			all[n].To = time.Now()
		}
	}
	return all
}

// leader is the replica that says that it leads, and nil if none does.
func (s *scene) leader(ctx context.Context) *replica {
	for _, r := range s.replicas {
		if is, err := r.scrape(ctx); err == nil && is.Leads {
			return r
		}
	}
	return nil
}

// anyPortal is a replica that runs, chosen at random.
func (s *scene) anyPortal(random *rand.Rand) *replica {
	first := random.IntN(len(s.replicas))
	if r := s.replicas[first]; r.up() {
		return r
	}
	return s.replicas[(first+1)%len(s.replicas)]
}

// eventually makes a request of the company until it succeeds: the API server may be away. What is there already, or gone
// already, is success.
func (s *scene) eventually(do func(ctx context.Context) error) time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err) {
			return time.Now()
		}
		if ctx.Err() != nil || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			s.broken(finding{"soak", err.Error()})
			return time.Now()
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// observe reads all that there is of a tenant.
func (s *scene) observe(ctx context.Context, tenant string) (is observed, err error) {
	var invites v1alpha1.PartnerInviteList
	var partnerships v1alpha1.PartnershipList
	var teams v1alpha1.PartnerTeamList
	var links v1alpha1.PartnerLinkList
	var groups v1alpha1.PartnerGroupList
	var events eventsv1.EventList
	for _, list := range []client.ObjectList{&invites, &partnerships, &teams, &links, &groups, &events} {
		if err := s.api.List(ctx, list, client.InNamespace(tenant)); err != nil {
			return is, err
		}
	}
	is = observed{
		Invites: invites.Items, Partnerships: partnerships.Items, Teams: teams.Items, Links: links.Items, Groups: groups.Items,
		Events: events.Items, Told: s.listener.of(tenant), Faults: s.happened(),
	}
	for _, mail := range s.inbox.Messages() {
		if isOf(mail.To[0], tenant) {
			is.Mails = append(is.Mails, mail)
		}
	}
	return is, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
