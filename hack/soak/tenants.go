package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// openTenants are how many tenants people come to at the same time, and crowd how many people do at once in each.
const (
	openTenants = 2
	crowd       = 8
)

// settles is how long a tenant may take to settle once everything works: a mail that failed twice waits for up to 72 and
// then 144 seconds, and what was claimed by a dead process for a minute.
const settles = 6 * time.Minute

// newRandom is a generator of its own, which gives the same each time for the same seed.
func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) } // #nosec G404 -- which has to be repeatable

// tenant is a namespace with a company's programs, and the people who come.
type tenant struct {
	*scene
	journal *journal
	random  *rand.Rand
	people  []*person
	mutex   sync.Mutex
	leave   context.CancelFunc
	left    sync.WaitGroup
}

// found makes a tenant and lets people come.
func (s *scene) found(ctx context.Context, n int) *tenant {
	name := fmt.Sprintf("soak-%d", n)
	t := &tenant{scene: s, journal: newJournal(name), random: newRandom(s.seed + uint64(n)<<32)}
	for _, object := range objectsOf(name) {
		s.eventually(func(ctx context.Context) error { return s.api.Create(ctx, object.DeepCopyObject().(client.Object)) })
	}
	for _, program := range programs {
		s.eventually(func(ctx context.Context) error {
			p := &v1alpha1.Program{}
			if err := s.api.Get(ctx, client.ObjectKey{Namespace: name, Name: program}, p); err != nil {
				return err
			}
			if t.journal.Salts[program] = p.Status.NameSalt; p.Status.NameSalt == "" {
				return errors.New("the program has no salt for names yet")
			}
			return nil
		})
	}
	s.note(func() { s.tenants = append(s.tenants, name) })
	ctx, t.leave = context.WithCancel(ctx)
	for seat := range crowd {
		random := newRandom(t.random.Uint64())
		t.left.Go(func() {
			for visit := 0; ctx.Err() == nil; visit++ {
				t.come(ctx, fmt.Sprintf("p%dx%d", seat, visit), random)
			}
		})
	}
	return t
}

// others are the tenants that are not this person's.
func (p *person) others() (names []string) {
	p.note(func() {
		for _, name := range p.tenants {
			if name != p.journal.Tenant {
				names = append(names, name)
			}
		}
	})
	return names
}

// come lets somebody live their story.
func (t *tenant) come(ctx context.Context, name string, random *rand.Rand) {
	p := &person{scene: t.scene, journal: t.journal, random: random, name: name, address: name + "@" + t.journal.Tenant + ".example", browser: newBrowser(random)}
	t.mutex.Lock()
	t.people = append(t.people, p)
	t.mutex.Unlock()
	switch roll := random.IntN(100); {
	case roll < 65:
		p.invited(ctx)
	case roll < 85:
		p.joins(ctx)
	default:
		p.founds(ctx)
	}
}

func objectsOf(name string) []client.Object {
	at := func(object string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: name, Name: object} }
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}},
		&corev1.ConfigMap{ObjectMeta: at("partner-brand"), Data: map[string]string{"displayName": "Acme", "notifyStaff": "staff@" + name + ".example"}},
	}
	for _, program := range programs {
		p := &v1alpha1.Program{ObjectMeta: at(program), Spec: v1alpha1.ProgramSpec{
			DisplayName: "Acme", Links: v1alpha1.ProgramLinks{Destination: "https://acme.example/start"},
			Invites: v1alpha1.ProgramInvites{ResendCooldown: "0s"},
		}}
		if program == "council" {
			p.Spec.Onboarding.Invited = v1alpha1.OnboardingApproval
		}
		objects = append(objects, p)
	}
	for group, approval := range map[string]v1alpha1.JoinApproval{"gold": v1alpha1.JoinApprovalRequired, "silver": v1alpha1.JoinApprovalAutomatic} {
		objects = append(objects, &v1alpha1.PartnerGroup{ObjectMeta: at(group), Spec: v1alpha1.PartnerGroupSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Group", Join: v1alpha1.GroupJoin{
				Mode: v1alpha1.JoinOpen, Approval: approval, MaxPerHour: new(int32(1000)), // many people join within one run
			},
		}})
	}
	return objects
}

// close lets the people leave, waits until the operator has settled what they did, checks it all, and removes it.
func (t *tenant) close(ctx context.Context) {
	t.leave()
	t.left.Wait()
	t.note(func() {
		t.tenants = slices.DeleteFunc(t.tenants, func(name string) bool { return name == t.journal.Tenant })
	})
	t.settle(ctx)
	t.visit(ctx)
	is, err := t.observed(ctx)
	if err != nil {
		return // the time is over
	}
	found, repeats := check(t.journal, is)
	t.broken(found...)
	t.note(func() { t.repeats, t.checked = t.repeats+repeats, t.checked+1 })
	t.removed(ctx)
}

// settle waits until there is nothing to do for the operator.
func (t *tenant) settle(ctx context.Context) {
	var left []string
	for began := time.Now(); time.Since(began) < settles && ctx.Err() == nil; pause(ctx, time.Second) {
		is, err := t.observed(ctx)
		if err != nil {
			continue
		}
		if left = unsettled(is); len(left) == 0 {
			pause(ctx, 2*time.Second) // what comes without a sign of it, such as a mail that must not
			return
		}
	}
	if ctx.Err() == nil {
		t.broken(finding{ruleUnsettled, fmt.Sprintf("after %s: %s", settles, strings.Join(left, "; "))})
	}
}

func (t *tenant) observed(ctx context.Context) (is observed, err error) {
	for ctx.Err() == nil {
		if is, err = t.observe(ctx, t.journal.Tenant); err == nil {
			return is, nil
		}
		pause(ctx, time.Second)
	}
	return is, ctx.Err()
}

// visit lets everybody look at their dashboard once more, with the browser that they have and after signing in anew, and
// opens every link that was mailed.
func (t *tenant) visit(ctx context.Context) {
	is, err := t.observed(ctx)
	if err != nil {
		return
	}
	random := newRandom(t.random.Uint64())
	for n, p := range t.people {
		for _, r := range t.replicas {
			t.lookAtLast(ctx, p, r, false)
		}
		if n%3 == 0 && t.hasAccess(is, p) && t.may(ctx, "sign in at last") {
			t.signInAtLast(ctx, p)
		}
	}
	t.follow(ctx, random)
	for _, i := range is.Invites {
		for _, mail := range is.Mails {
			id := strings.Trim(mail.MessageID, "<>")
			if !strings.HasPrefix(id, string(i.Mail())+"."+string(i.UID)+".") || len(mail.Links) == 0 || strings.Contains(id, "-r") && !strings.HasPrefix(id, i.Status.MessageID) {
				continue
			}
			asked := time.Now()
			page, err := newBrowser(random).Get(ctx, (&person{scene: t.scene}).at(t.anyPortal(random), mail.Links[0]))
			if err == nil && page.Code < 500 {
				t.journal.note(func(j *journal) { j.Opened = append(j.Opened, opened{i.Name, id, page.Code, asked}) })
			}
		}
	}
}

// signInAtLast lets somebody who has access sign in and look. While nothing goes wrong, that has to work.
func (t *tenant) signInAtLast(ctx context.Context, p *person) {
	began := time.Now()
	if p.signIn(ctx) {
		for _, r := range t.replicas {
			t.lookAtLast(ctx, p, r, true)
		}
		return
	}
	wrong := func(fault) bool { return true }
	if ctx.Err() == nil && !anyFault(t.happened(), began.Add(-aftermath), time.Now(), wrong) {
		t.journal.note(func(j *journal) {
			j.Wrong = append(j.Wrong, finding{ruleLost, p.address + " has access, and could not sign in"})
		})
	}
}

// follow opens every link that was shared.
func (t *tenant) follow(ctx context.Context, random *rand.Rand) {
	for _, link := range sorted(t.journal.Links) {
		page, err := newBrowser(random).Get(ctx, t.anyPortal(random).portal()+"/r/"+t.journal.Tenant+"/"+link)
		if err == nil && page.Code < 500 {
			t.journal.note(func(j *journal) { j.Followed = append(j.Followed, followed{link, page.Code, page.Location}) })
		}
	}
}

func (t *tenant) lookAtLast(ctx context.Context, p *person, r *replica, fresh bool) {
	if !r.up() {
		return
	}
	if _, ok := p.look(ctx, r); ok {
		t.journal.note(func(j *journal) {
			last := &j.Looks[len(j.Looks)-1]
			last.Final, last.Fresh = true, fresh
		})
	}
}

func (t *tenant) hasAccess(is observed, p *person) bool {
	return slices.ContainsFunc(is.Partnerships, func(of v1alpha1.Partnership) bool {
		return of.Status.State == v1alpha1.PartnershipActive && of.Spec.Contact != nil && string(of.Spec.Contact.Email) == p.address
	})
}

// removed deletes the tenant, which must not take long.
func (t *tenant) removed(ctx context.Context) {
	const patience = 3 * time.Minute
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.journal.Tenant}}
	t.eventually(func(ctx context.Context) error { return t.api.Delete(ctx, namespace) })
	for began := time.Now(); time.Since(began) < patience; pause(ctx, 500*time.Millisecond) {
		err := t.api.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
		if apierrors.IsNotFound(err) || ctx.Err() != nil {
			return
		}
	}
	t.broken(finding{ruleUnsettled, fmt.Sprintf("%s was deleted and is there after %s: %v", t.journal.Tenant, patience, namespace.Status.Conditions)})
}
