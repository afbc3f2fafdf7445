package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

const (
	// portal is what people type; nobody needs to know the name, since all connections go to the Service.
	portal    = "http://partners.example.test"
	dashboard = portal + "/t/" + tenant + "/"
	login     = portal + "/t/" + tenant + "/login"
	ada       = "ada@example.com"
	program   = "Acme Referral"

	// someRequests are enough to have met every replica.
	someRequests = 10
)

// walker walks through one installation, as the company, with its access to the API server, and as Ada, with a browser.
type walker struct {
	*site
	way
	values
	began time.Time

	portalAt   string // the Service, as seen from a pod
	ada        *browser.Person
	inviteLink string
	before     int // the last mail of before
	mails      int // how many mails Ada has had since
	tenantHad  []string
}

// walk walks through one way to install, and stops at the first step that fails.
func walk(ctx context.Context, s *site, w way) error {
	walker := &walker{site: s, way: w, began: time.Now(), values: values{
		portal: portal, smtp: "smtp://" + s.mailHost + "?tls=none", from: "Acme Partners <partners@acme.example>", concurrency: 16,
	}}
	fmt.Printf("\nInstalled by %s, in the namespace %s\n", w.name(), w.namespace())
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"install the operator, and wait until it runs", walker.installed},
		{"its namespace lets in restricted pods alone", func(ctx context.Context) error { return s.enforces(ctx, w.namespace()) }},
		{"apply the samples", walker.applySamples},
		{"one invite mail arrives", walker.inviteArrives},
		{"Ada opens the link through the Service, on all replicas, which changes nothing", walker.opens},
		{"Ada types a wrong address, and then accepts", walker.accepts},
		{"her partnership is Active, and the dashboard shows it", walker.isPartner},
		{"the company revokes: she is refused, and told why", walker.revoked},
		{"the company reinstates, and she signs in again", walker.reinstated},
		{"the leader's pod is deleted while people are invited: each gets one mail", walker.leaderGoes},
		{"the leader's pod is deleted by force likewise: each gets one mail", walker.leaderDies},
		{"the pods are replaced while the portal is asked: no request fails", walker.replaced},
		{"a changed flag replaces the pods likewise", walker.changed},
		{"uninstall: what stays is what is documented", walker.uninstalled},
		{"install again: her session goes on, and nobody is mailed again", walker.installedAgain},
		{"remove everything", walker.removed},
	} {
		if err := s.step(ctx, step.name, step.do); err != nil {
			if ctx.Err() == nil {
				err = errors.Join(err, s.tell(ctx, w.namespace()))
			}
			return err
		}
	}
	s.figures = append(s.figures, fmt.Sprintf("%-9s  all of it: %s\n", w.name(), took(walker.began)))
	return nil
}

func (w *walker) figure(format string, args ...any) {
	w.figures = append(w.figures, fmt.Sprintf("%-9s  "+format+"\n", append([]any{w.name()}, args...)...))
}

func (w *walker) installed(ctx context.Context) error {
	all, err := w.agent.Mails(ctx, "")
	if err != nil {
		return err
	}
	for _, mail := range all {
		w.before = max(w.before, mail.ID)
	}
	return w.start(ctx)
}

// start installs the operator with the values, and waits until it runs and its Service answers.
func (w *walker) start(ctx context.Context) error {
	if err := w.install(ctx, w.values); err != nil {
		return err
	}
	if err := w.runs(ctx); err != nil {
		return err
	}
	return w.findPortal(ctx)
}

// runs waits until the operator's pods are as its Deployment wants them.
func (w *walker) runs(ctx context.Context) error {
	return until(ctx, func(ctx context.Context) error { return w.rolledOut(ctx, w.namespace()) })
}

// findPortal finds the Service, gives Ada a browser that reaches it from within the cluster, and waits until it answers.
func (w *walker) findPortal(ctx context.Context) error {
	service := &corev1.Service{}
	if err := w.api.Get(ctx, client.ObjectKey{Namespace: w.namespace(), Name: serviceName}, service); err != nil {
		return err
	}
	if len(service.Spec.Ports) != 1 {
		return fmt.Errorf("the Service %s has %d ports", serviceName, len(service.Spec.Ports))
	}
	w.portalAt = net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(int(service.Spec.Ports[0].Port)))
	if w.ada == nil {
		w.ada = w.somebody()
	}
	// Nodes hear of new pods a moment after they are ready.
	return until(ctx, func(ctx context.Context) error {
		for range someRequests {
			if _, err := w.somebody().Get(ctx, portal); err != nil {
				return fmt.Errorf("the Service %s: %w", serviceName, err)
			}
		}
		return nil
	})
}

// somebody is a person with a browser of their own.
func (w *walker) somebody() *browser.Person {
	return browser.NewPersonBehind(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return w.agent.DialThrough(ctx, w.portalAt)
	})
}

func (w *walker) applySamples(ctx context.Context) error {
	if err := w.apply(ctx, namespace(tenant)); err != nil {
		return err
	}
	objects, err := render(filepath.Join(w.root, "config", "samples"), nil)
	if err != nil {
		return err
	}
	for _, object := range objects {
		object.SetNamespace(tenant)
	}
	return w.apply(ctx, objects...)
}

// mailsTo are the mails to somebody since the operator was installed.
func (w *walker) mailsTo(ctx context.Context, address string) (since []mailcatcher.Message, err error) {
	all, err := w.agent.Mails(ctx, address)
	for _, mail := range all {
		if mail.ID > w.before {
			since = append(since, mail)
		}
	}
	return since, err
}

// nextMail waits until Ada has one more mail, and gives its link, if it holds one. It must be of this kind.
func (w *walker) nextMail(ctx context.Context, kind string) (mail mailcatcher.Message, err error) {
	w.mails++
	err = until(ctx, func(ctx context.Context) error {
		mails, err := w.mailsTo(ctx, ada)
		if err != nil || len(mails) < w.mails {
			return errors.Join(err, fmt.Errorf("Ada has %d mails, and waits for a mail of the kind %s", len(mails), kind))
		}
		if mail = mails[len(mails)-1]; len(mails) > w.mails || mail.Kind != kind {
			return hopeless{fmt.Errorf("Ada has %d mails, the last of the kind %s, and not %d and %s", len(mails), mail.Kind, w.mails, kind)}
		}
		return nil
	})
	return mail, err
}

func (w *walker) inviteArrives(ctx context.Context) error {
	mail, err := w.nextMail(ctx, "invite")
	if err != nil {
		return err
	}
	if len(mail.Links) != 1 || !strings.HasPrefix(mail.Links[0], portal) {
		return fmt.Errorf("the mail holds the links %q", mail.Links)
	}
	w.inviteLink = mail.Links[0]
	return nil
}

func (w *walker) opens(ctx context.Context) error {
	for range someRequests {
		got, err := w.somebody().Get(ctx, w.inviteLink)
		if err = errors.Join(err, got.Wants(http.StatusOK, program, "Gold")); err != nil {
			return err
		}
	}
	invite := &v1alpha1.PartnerInvite{}
	err := w.api.Get(ctx, client.ObjectKey{Namespace: tenant, Name: "ada"}, invite)
	if err == nil && invite.Status.State != v1alpha1.InviteSent {
		err = fmt.Errorf("the invite is %s", invite.Status.State)
	}
	return err
}

func (w *walker) accepts(ctx context.Context) error {
	got, err := w.ada.Post(ctx, w.inviteLink+"/accept", url.Values{"email": {"eve@example.com"}})
	if err = errors.Join(err, got.Wants(http.StatusUnprocessableEntity, "another address")); err != nil {
		return err
	}
	got, err = w.ada.Post(ctx, w.inviteLink+"/accept", url.Values{"email": {ada}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err == nil && got.Location != dashboard {
		err = fmt.Errorf("accepting leads to %s", got.Location)
	}
	return err
}

// partnership is the one that came of Ada's invite.
func (w *walker) partnership(ctx context.Context) (*v1alpha1.Partnership, error) {
	var all v1alpha1.PartnershipList
	err := w.api.List(ctx, &all, client.InNamespace(tenant), client.MatchingLabels{"partner-operator.io/invite": "ada"})
	if err == nil && len(all.Items) != 1 {
		err = fmt.Errorf("Ada has %d partnerships", len(all.Items))
	}
	if err != nil {
		return nil, err
	}
	return &all.Items[0], nil
}

func (w *walker) isPartner(ctx context.Context) error {
	if err := w.reaches(ctx, v1alpha1.PartnershipActive); err != nil {
		return err
	}
	return until(ctx, w.seesProgram)
}

// reaches waits until Ada's partnership is in a state.
func (w *walker) reaches(ctx context.Context, state v1alpha1.PartnershipState) error {
	return until(ctx, func(ctx context.Context) error {
		partnership, err := w.partnership(ctx)
		if err == nil && partnership.Status.State != state {
			err = fmt.Errorf("the partnership is %s", partnership.Status.State)
		}
		return err
	})
}

// seesProgram fails unless the dashboard shows the program granted and no other, on all replicas.
func (w *walker) seesProgram(ctx context.Context) error {
	for range someRequests {
		got, err := w.ada.Get(ctx, dashboard)
		if err = errors.Join(err, got.Wants(http.StatusOK, program)); err != nil {
			return err
		}
		if strings.Contains(got.Body, "Acme Reseller") {
			return hopeless{errors.New("the dashboard shows a program that is not granted")}
		}
	}
	return nil
}

func (w *walker) revoked(ctx context.Context) error {
	partnership, err := w.partnership(ctx)
	if err != nil {
		return err
	}
	changed := partnership.DeepCopy()
	changed.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
	if err := w.api.Patch(ctx, changed, client.MergeFrom(partnership)); err != nil {
		return err
	}
	began, refused := time.Now(), 0
	err = until(ctx, func(ctx context.Context) error {
		for refused = 0; refused < someRequests; refused++ {
			got, err := w.ada.Get(ctx, dashboard)
			if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
				return fmt.Errorf("the dashboard is not refused: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.figure("revoked on all replicas after %s, with %d requests", took(began), refused)
	mail, err := w.nextMail(ctx, "revoked")
	if err == nil && !strings.Contains(mail.Text, "The contract has ended.") {
		err = fmt.Errorf("the mail does not tell the reason: %s", mail.Text)
	}
	return err
}

func (w *walker) reinstated(ctx context.Context) error {
	partnership, err := w.partnership(ctx)
	if err != nil {
		return err
	}
	changed := partnership.DeepCopy()
	changed.Spec.Revocation = nil
	if err := w.api.Patch(ctx, changed, client.MergeFrom(partnership)); err != nil {
		return err
	}
	if err := w.reaches(ctx, v1alpha1.PartnershipActive); err != nil {
		return err
	}
	got, err := w.ada.Get(ctx, dashboard)
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return fmt.Errorf("the session of before: %w", err)
	}
	got, err = w.ada.Post(ctx, login, url.Values{"email": {ada}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	mail, err := w.nextMail(ctx, "sign-in")
	if err != nil {
		return err
	}
	if len(mail.Links) != 1 {
		return fmt.Errorf("the mail holds the links %q", mail.Links)
	}
	got, err = w.ada.Post(ctx, mail.Links[0], url.Values{"email": {ada}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	return until(ctx, w.seesProgram)
}
