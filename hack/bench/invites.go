package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

const (
	// rounds are how often each rate is measured, by turns with what it is compared with.
	rounds = 3
	// appliers are how many at once create objects, as a GitOps engine would.
	appliers = 8
	// workers is the operator's default.
	workers = 16
)

// batch is how many invites are sent how.
type batch struct {
	invites, workers int
	smtp             time.Duration
}

func (b batch) String() string {
	return fmt.Sprintf("%d invites, %d workers, %s SMTP", b.invites, b.workers, b.smtp)
}

func measureInvites(ctx context.Context, s settings, r *report) error {
	var batches []batch
	for _, delay := range []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond} {
		for _, count := range []int{500, 2000} {
			batches = append(batches, batch{count, workers, delay})
		}
	}
	return measureBatches(ctx, s, r, batches)
}

func measureConcurrency(ctx context.Context, s settings, r *report) error {
	var batches []batch
	for _, many := range []int{1, 4, 16, 32} {
		count := 500
		if many == 1 {
			count = 100 // one at a time takes 50 ms and more for each
		}
		batches = append(batches, batch{count, many, 50 * time.Millisecond})
	}
	return measureBatches(ctx, s, r, batches)
}

func measureBatches(ctx context.Context, s settings, r *report, batches []batch) error {
	for _, b := range batches {
		if !s.part.MatchString(b.String()) {
			continue
		}
		var ours, floors, waits []float64
		for range rounds {
			// A place of its own for each round: an API server slows down with what it has written before.
			p, err := open(ctx, s)
			if err != nil {
				return err
			}
			rate, waited, example, err := p.send(ctx, b)
			var floor float64
			if err == nil {
				floor, err = p.sendBarely(ctx, b, example)
			}
			if closed := p.close(); err == nil {
				err = closed
			}
			if err != nil {
				return err
			}
			ours, floors, waits = append(ours, rate), append(floors, floor), append(waits, waited...)
		}
		r.compare(b.String(), ours, "invites/s", "bare client, invites/s", floors)
		r.add("  from created to sent, p50", quantile(waits, 0.5), "ms")
		r.add("  from created to sent, p99", quantile(waits, 0.99), "ms")
	}
	return nil
}

// example is what one invite led to, for the bare client to do likewise.
type example struct {
	status v1alpha1.PartnerInviteStatus
	mail   mailcatcher.Message
}

// send lets the operator mail invites that are applied while it runs. It gives their rate from the first that was applied
// to the last that was recorded, and how long each waited for its mail, in milliseconds.
func (p *place) send(ctx context.Context, b batch) (rate float64, waited []float64, seen example, err error) {
	o, err := p.start(ctx, fmt.Sprintf("--concurrency=%d", b.workers))
	if err != nil {
		return 0, nil, seen, err
	}
	defer func() { _ = o.Stop() }()
	ns, err := p.tenant(ctx)
	if err != nil {
		return 0, nil, seen, err
	}
	p.inbox.Reset()
	p.inbox.SetDelay(b.smtp)
	defer p.inbox.SetDelay(0)
	finish := p.profileNow(ctx, b.String())
	defer func() { err = errors.Join(err, finish()) }()
	created := make([]time.Time, b.invites)
	began := time.Now()
	if err := each(ctx, b.invites, appliers, func(ctx context.Context, n int) error {
		created[n] = time.Now()
		return p.api.Create(ctx, invite(ns, n))
	}); err != nil {
		return 0, nil, seen, err
	}
	if err := p.inbox.WaitCount(ctx, b.invites); err != nil {
		return 0, nil, seen, err
	}
	all, err := p.allSent(ctx, ns, b.invites)
	if err != nil {
		return 0, nil, seen, err
	}
	rate = float64(b.invites) / time.Since(began).Seconds()
	mails := p.inbox.Messages()
	if len(mails) != b.invites {
		return 0, nil, seen, fmt.Errorf("%d mails were sent for %d invites", len(mails), b.invites)
	}
	arrived := map[string]time.Time{}
	for _, mail := range mails {
		arrived[mail.To[0]] = mail.Received
	}
	for n, at := range created {
		waited = append(waited, float64(arrived[address(ns, n)].Sub(at))/float64(time.Millisecond))
	}
	return rate, waited, example{all[0].Status, mails[0]}, nil
}

// allSent waits until all invites of a namespace say that they are.
func (p *place) allSent(ctx context.Context, ns string, count int) ([]v1alpha1.PartnerInvite, error) {
	for {
		var list v1alpha1.PartnerInviteList
		if err := p.api.List(ctx, &list, client.InNamespace(ns)); err != nil {
			return nil, err
		}
		waits := func(i v1alpha1.PartnerInvite) bool { return i.Status.State != v1alpha1.InviteSent }
		if len(list.Items) == count && !slices.ContainsFunc(list.Items, waits) {
			return list.Items, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sendBarely does for as many invites what the operator did, and nothing else: two writes of the status, a mail over a
// connection that is kept, and an event, by as many workers.
func (p *place) sendBarely(ctx context.Context, b batch, seen example) (rate float64, err error) {
	ns, err := p.tenant(ctx)
	if err != nil {
		return 0, err
	}
	p.inbox.Reset()
	p.inbox.SetDelay(b.smtp)
	defer p.inbox.SetDelay(0)
	applied := make(chan *v1alpha1.PartnerInvite, b.invites)
	began := time.Now()
	failed := make(chan error, 1)
	go func() {
		defer close(applied)
		failed <- each(ctx, b.invites, appliers, func(ctx context.Context, n int) error {
			i := invite(ns, n)
			defer func() { applied <- i }()
			return p.api.Create(ctx, i)
		})
	}()
	err = each(ctx, b.workers, b.workers, func(ctx context.Context, _ int) error {
		line, err := dial(p.inbox.SMTPAddr())
		if err != nil {
			return err
		}
		defer func() { _ = line.Close() }()
		for i := range applied {
			if err := p.sendOne(ctx, line, i, seen); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = <-failed
	}
	if err == nil && p.inbox.Count() != b.invites {
		err = fmt.Errorf("the bare client sent %d mails for %d invites", p.inbox.Count(), b.invites)
	}
	return float64(b.invites) / time.Since(began).Seconds(), err
}

func dial(at string) (*smtp.Client, error) {
	connection, err := net.Dial("tcp", at)
	if err != nil {
		return nil, err
	}
	return smtp.NewClient(connection, "localhost")
}

// sendOne claims, sends and records one invite.
func (p *place) sendOne(ctx context.Context, line *smtp.Client, i *v1alpha1.PartnerInvite, seen example) error {
	i.Status = *seen.status.DeepCopy()
	i.Status.State = v1alpha1.InvitePending
	if err := p.api.Status().Update(ctx, i); err != nil {
		return err
	}
	if err := handOver(line, string(i.Spec.Contact.Email), seen.mail); err != nil {
		return err
	}
	i.Status.State = v1alpha1.InviteSent
	if err := p.api.Status().Update(ctx, i); err != nil {
		return err
	}
	return p.tell(ctx, i)
}

// tell makes an event about an object, as the operator does of each transition.
func (p *place) tell(ctx context.Context, about client.Object) error {
	return p.api.Create(ctx, &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: about.GetNamespace(), GenerateName: about.GetName() + "-"},
		Regarding:  corev1.ObjectReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "PartnerInvite", Namespace: about.GetNamespace(), Name: about.GetName(), UID: about.GetUID()},
		EventTime:  metav1.NowMicro(), ReportingController: "bare", ReportingInstance: "bare", Action: "Send", Reason: "Sent", Type: "Normal",
		Note: "Mailed to a•••@e•••.com for the first time",
	})
}

func handOver(line *smtp.Client, to string, mail mailcatcher.Message) error {
	if err := line.Mail(mail.From); err != nil {
		return err
	}
	if err := line.Rcpt(to); err != nil {
		return err
	}
	data, err := line.Data()
	if err != nil {
		return err
	}
	if _, err := data.Write(mail.Raw); err != nil {
		return err
	}
	return data.Close()
}
