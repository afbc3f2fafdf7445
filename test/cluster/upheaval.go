package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/agent"
)

const (
	// inviteEvery is how long the company waits between invites while leaders change.
	inviteEvery = 200 * time.Millisecond
	// probesPerSecond is how often each probe asks.
	probesPerSecond = 10
	// afterRollout is how long the portal is still asked once the new pods are ready and the old ones gone.
	afterRollout = 2 * time.Second
)

// leaderGoes deletes the leader's pod as people do: it ends what it does, and gives the lease back.
func (w *walker) leaderGoes(ctx context.Context) error { return w.leaderChanges(ctx, "deleted", nil) }

// leaderDies deletes the leader's pod by force: it is killed, at once or soon, and leaves the lease to run out.
func (w *walker) leaderDies(ctx context.Context) error {
	return w.leaderChanges(ctx, "forced", ptr.To[int64](0))
}

// leader is the pod that holds the lease.
func (w *walker) leader(ctx context.Context) (string, error) {
	lease := &coordinationv1.Lease{}
	if err := w.api.Get(ctx, client.ObjectKey{Namespace: w.namespace(), Name: operatorName}, lease); err != nil {
		return "", err
	}
	pod, _, _ := strings.Cut(ptr.Deref(lease.Spec.HolderIdentity, ""), "_")
	if pod == "" {
		return "", errors.New("nobody holds the lease")
	}
	return pod, nil
}

// leaderChanges deletes the leader's pod while the company goes on inviting, until another leads and all mails are there.
func (w *walker) leaderChanges(ctx context.Context, how string, grace *int64) error {
	old, err := w.leader(ctx)
	if err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace(), Name: old}}
	if err := w.api.Delete(ctx, pod, &client.DeleteOptions{GracePeriodSeconds: grace}); err != nil {
		return fmt.Errorf("delete the leader %s: %w", old, err)
	}
	began := time.Now()
	batch := &batch{walker: w, name: "leader-" + how}
	var leads time.Duration
	for begin := time.Now(); leads == 0 || len(batch.waiting) > 0; begin = time.Now() {
		// Whoever leads next also gets an invite that came after it.
		if leads == 0 || batch.sinceLast(began) < leads {
			if err := batch.invite(ctx); err != nil {
				return err
			}
		}
		if now, err := w.leader(ctx); err == nil && now != old && leads == 0 {
			leads = time.Since(began)
		}
		if err := batch.look(ctx); err != nil {
			return fmt.Errorf("the leader %s was deleted %s ago; another leads: %t; %w", old, took(began), leads > 0, err)
		}
		time.Sleep(inviteEvery - min(inviteEvery, time.Since(begin)))
	}
	w.figure("leader %s: another leads after %s; of %d invites the one that waited longest had its mail after %s",
		how, rounded(leads), len(batch.invited), rounded(batch.longest))
	if err := w.runs(ctx); err != nil {
		return err
	}
	return batch.oneMailEach(ctx)
}

// batch are people who are invited while something happens.
type batch struct {
	*walker
	name    string
	invited []string
	waiting map[string]time.Time // who has no mail yet, and when they were invited
	last    time.Time
	longest time.Duration
}

func (b *batch) sinceLast(began time.Time) time.Duration { return b.last.Sub(began) }

func (b *batch) invite(ctx context.Context) error {
	name := fmt.Sprintf("%s-%d", b.name, len(b.invited))
	address := name + "@example.com"
	err := b.apply(ctx, &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: tenant, Name: name},
		Spec: v1alpha1.PartnerInviteSpec{
			Contact:  v1alpha1.Contact{Email: v1alpha1.EmailAddress(address)},
			Programs: []v1alpha1.ProgramGrant{{Name: "referral"}},
		},
	})
	if b.waiting == nil {
		b.waiting = map[string]time.Time{}
	}
	b.last = time.Now()
	b.invited = append(b.invited, address)
	b.waiting[address] = b.last
	return err
}

// look notes whose mail has come.
func (b *batch) look(ctx context.Context) error {
	mails, err := b.mailsTo(ctx, "")
	if err != nil {
		return err
	}
	for _, mail := range mails {
		for _, to := range mail.To {
			if since, waits := b.waiting[to]; waits {
				b.longest = max(b.longest, time.Since(since))
				delete(b.waiting, to)
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%d of %d invited people have no mail: %w", len(b.waiting), len(b.invited), err)
	}
	return nil
}

// oneMailEach fails if somebody of the batch has not exactly one mail. Nobody has more than one later, since nothing is
// sent without a change.
func (b *batch) oneMailEach(ctx context.Context) error {
	for _, address := range b.invited {
		mails, err := b.mailsTo(ctx, address)
		if err == nil && len(mails) != 1 {
			err = fmt.Errorf("%s has %d mails", address, len(mails))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replaced replaces the pods as kubectl rollout restart does.
func (w *walker) replaced(ctx context.Context) error {
	return w.whileProbed(ctx, "restart", func(ctx context.Context) error {
		deployment := &appsv1.Deployment{}
		if err := w.api.Get(ctx, client.ObjectKey{Namespace: w.namespace(), Name: operatorName}, deployment); err != nil {
			return err
		}
		changed := deployment.DeepCopy()
		if changed.Spec.Template.Annotations == nil {
			changed.Spec.Template.Annotations = map[string]string{}
		}
		changed.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = time.Now().Format(time.RFC3339)
		return w.api.Patch(ctx, changed, client.MergeFrom(deployment))
	})
}

// changed tells the operator another value, the way it was installed.
func (w *walker) changed(ctx context.Context) error {
	return w.whileProbed(ctx, "flag", func(ctx context.Context) error {
		w.concurrency++
		return w.install(ctx, w.values)
	})
}

// whileProbed carries out a change of the Deployment, and waits for the new pods, while the portal is asked from within
// the cluster and people are invited. All requests must succeed, and everybody get one mail.
func (w *walker) whileProbed(ctx context.Context, name string, change func(context.Context) error) error {
	for _, probe := range []agent.Probe{
		{Name: "login page", URL: login, Shows: "email"},
		{Name: "login page on kept connections", URL: login, Shows: "email", KeepConnections: true},
		{Name: "Ada's dashboard", URL: dashboard, Shows: program, Cookie: w.ada.Cookies(dashboard)},
	} {
		probe.Address, probe.PerSecond = w.portalAt, probesPerSecond
		if err := w.agent.Probe(ctx, probe); err != nil {
			return err
		}
	}
	began, batch := time.Now(), &batch{walker: w, name: name}
	err := change(ctx)
	if err == nil {
		err = until(ctx, func(ctx context.Context) error {
			return errors.Join(batch.invite(ctx), w.rolledOut(ctx, w.namespace()))
		})
	}
	rolled := time.Since(began)
	if err == nil {
		time.Sleep(afterRollout)
	}
	told, probeErr := w.probed(ctx)
	if err := errors.Join(err, probeErr); err != nil {
		return err
	}
	w.figure("%s: the pods are replaced in %s, %s", name, rounded(rolled), told)
	if err := until(ctx, func(ctx context.Context) error {
		if err := batch.look(ctx); err != nil || len(batch.waiting) == 0 {
			return err
		}
		return fmt.Errorf("%d of %d invited people have no mail", len(batch.waiting), len(batch.invited))
	}); err != nil {
		return err
	}
	return batch.oneMailEach(ctx)
}
