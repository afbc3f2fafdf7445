package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// patience is how long a step may take on a busy machine.
const patience = 30 * time.Second

// walker walks the main job as the company, with kubectl, and as Ada, with a browser.
type walker struct {
	*setting
	ada        *browser.Person
	inviteLink string
	mails      int
}

// step is one step of the walk.
type step struct {
	name string
	do   func(context.Context) error
}

// walk carries out the main job and stops at the first step that fails.
func walk(ctx context.Context, st *setting) error {
	w := &walker{setting: st, ada: browser.NewPerson()}
	began := time.Now()
	steps := []step{
		{"apply the samples", w.applySamples},
		{"one invite mail arrives", w.inviteArrives},
		{"Ada opens the link twice, which changes nothing", w.openTwice},
		{"Ada types a wrong address and is asked again", w.typeWrongAddress},
		{"Ada accepts", w.accept},
		{"her partnership is Active", w.partnershipIs("Active")},
		{"her dashboard shows the program granted, and no other", w.dashboardShows},
		{"the used link is dead for somebody else", w.usedLinkIsDead},
		{"the company revokes, with a reason", w.revoke},
		{"her dashboard is refused", w.dashboardRefused},
		{"one mail tells her the reason", w.reasonArrives},
		{"a sign-in request is answered, and sends nothing", w.signInSendsNothing},
		{"the company reinstates, and her old session stays dead", w.reinstate},
		{"Ada signs in again", w.signInAgain},
		{"her dashboard is back", w.dashboardShows},
		{"Ada signs out, and the session is dead", w.signOut},
	}
	steps = append(steps, w.teamSteps()...)
	steps = append(steps, step{"applying the samples again sends nothing", w.applyAgain})
	for _, step := range steps {
		stepBegan := time.Now()
		if err := w.try(ctx, step.do); err != nil {
			fmt.Printf("FAIL  %6s  %s\n", took(stepBegan), step.name)
			return fmt.Errorf("%s: %w\n%s", step.name, err, st.Operator.Log())
		}
		fmt.Printf("ok    %6s  %s\n", took(stepBegan), step.name)
	}
	fmt.Printf("\nThe main job works: %d mails, %s.\n", w.Inbox.Count(), took(began))
	return nil
}

func (w *walker) try(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return do(ctx)
}

func took(since time.Time) string { return time.Since(since).Round(time.Millisecond).String() }

// nextMail waits until Ada has one more mail, and checks that it is one of this kind.
func (w *walker) nextMail(ctx context.Context, kind string) (mailcatcher.Message, error) {
	w.mails++
	err := w.Inbox.Wait(ctx, func([]mailcatcher.Message) bool { return len(w.Inbox.MessagesTo("ada@example.com")) >= w.mails })
	mails := w.Inbox.MessagesTo("ada@example.com")
	if err != nil || len(mails) != w.mails {
		return mailcatcher.Message{}, fmt.Errorf("Ada has %d mails, not %d: %w", len(mails), w.mails, err)
	}
	if last := mails[len(mails)-1]; last.Kind == kind {
		return last, nil
	}
	return mailcatcher.Message{}, fmt.Errorf("the mail is %q, not %q", mails[len(mails)-1].Kind, kind)
}

func (w *walker) noMoreMail() error {
	if mails := w.Inbox.MessagesTo("ada@example.com"); len(mails) != w.mails {
		return fmt.Errorf("Ada has %d mails, not %d", len(mails), w.mails)
	}
	return nil
}

func (w *walker) inviteArrives(ctx context.Context) error {
	mail, err := w.nextMail(ctx, "invite")
	if err != nil {
		return err
	}
	if len(mail.Links) != 1 {
		return fmt.Errorf("the mail holds %d links", len(mail.Links))
	}
	w.inviteLink = mail.Links[0]
	return w.kubectl(ctx, nil, "wait", "-n", namespace, "pinvite/ada", "--for=condition=Ready", "--timeout=20s")
}

func (w *walker) openTwice(ctx context.Context) error {
	for range 2 {
		got, err := browser.NewPerson().Get(ctx, w.inviteLink)
		if err = errors.Join(err, got.Wants(http.StatusOK, "Acme Referral", "Gold")); err != nil {
			return err
		}
	}
	return w.stateIs(ctx, "pinvite/ada", "Sent")
}

func (w *walker) typeWrongAddress(ctx context.Context) error {
	got, err := w.ada.Post(ctx, w.inviteLink+"/accept", url.Values{"email": {"eve@example.com"}})
	return errors.Join(err, got.Wants(http.StatusUnprocessableEntity, "another address"))
}

func (w *walker) accept(ctx context.Context) error {
	got, err := w.ada.Post(ctx, w.inviteLink+"/accept", url.Values{"email": {"Ada@Example.com"}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	if want := w.dashboard(); got.Location != want {
		return fmt.Errorf("accepting leads to %s, not to %s", got.Location, want)
	}
	return w.stateIs(ctx, "pinvite/ada", "Accepted")
}

func (w *walker) partnershipIs(state string) func(context.Context) error {
	return func(ctx context.Context) error {
		return w.kubectl(ctx, nil, "wait", "-n", namespace, "pship", "-l", "partner-operator.io/invite=ada",
			"--for=jsonpath={.status.state}="+state, "--timeout=20s")
	}
}

func (w *walker) dashboardShows(ctx context.Context) error {
	got, err := w.ada.Get(ctx, w.dashboard())
	if err = errors.Join(err, got.Wants(http.StatusOK, "Acme Referral", "Gold")); err != nil {
		return err
	}
	if strings.Contains(got.Body, "Reseller") {
		return errors.New("the dashboard tells of a program that was not granted")
	}
	return nil
}

func (w *walker) usedLinkIsDead(ctx context.Context) error {
	got, err := browser.NewPerson().Post(ctx, w.inviteLink+"/accept", url.Values{"email": {"ada@example.com"}})
	return errors.Join(err, got.Wants(http.StatusNotFound, "This link does not work"))
}

func (w *walker) revoke(ctx context.Context) error {
	return w.patch(ctx, `{"spec":{"revocation":{"reason":"The contract has ended."}}}`)
}

func (w *walker) dashboardRefused(ctx context.Context) error {
	for {
		got, err := w.ada.Get(ctx, w.dashboard())
		if err != nil {
			return err
		}
		if got.Code != http.StatusOK {
			return got.Wants(http.StatusSeeOther)
		}
	}
}

func (w *walker) reasonArrives(ctx context.Context) error {
	mail, err := w.nextMail(ctx, "revoked")
	if err != nil {
		return err
	}
	if !strings.Contains(mail.Text, "The contract has ended.") {
		return fmt.Errorf("the mail does not tell the reason: %s", mail.Text)
	}
	return w.partnershipIs("Revoked")(ctx)
}

// lookedAgain is longer than the portal goes on looking for who asked for a link: it may not have heard of them yet. Who is
// let in within that time gets their link.
const lookedAgain = 5 * time.Second

func (w *walker) signInSendsNothing(ctx context.Context) error {
	got, err := w.ada.Post(ctx, w.Portal()+"/t/"+namespace+"/login", url.Values{"email": {"ada@example.com"}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lookedAgain):
		return w.noMoreMail()
	}
}

func (w *walker) reinstate(ctx context.Context) error {
	if err := w.patch(ctx, `{"spec":{"revocation":null}}`); err != nil {
		return err
	}
	if err := w.partnershipIs("Active")(ctx); err != nil {
		return err
	}
	got, err := w.ada.Get(ctx, w.dashboard())
	return errors.Join(err, got.Wants(http.StatusSeeOther), w.noMoreMail())
}

func (w *walker) signInAgain(ctx context.Context) error {
	got, err := w.ada.Post(ctx, w.Portal()+"/t/"+namespace+"/login", url.Values{"email": {"ada@example.com"}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	mail, err := w.nextMail(ctx, "sign-in")
	if err != nil {
		return err
	}
	link := mail.Links[0]
	if got, err = w.ada.Get(ctx, link); err != nil || got.Wants(http.StatusOK) != nil {
		return errors.Join(err, got.Wants(http.StatusOK))
	}
	got, err = w.ada.Post(ctx, link, url.Values{})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	again, err := w.ada.Post(ctx, link, url.Values{"email": {"ada@example.com"}})
	return errors.Join(err, again.Wants(http.StatusNotFound))
}

func (w *walker) signOut(ctx context.Context) error {
	thief, err := w.ada.Steal(w.dashboard())
	if err != nil {
		return err
	}
	got, err := w.ada.Post(ctx, w.Portal()+"/t/"+namespace+"/signout", nil)
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	for {
		got, err = thief.Get(ctx, w.dashboard())
		if err != nil || got.Code != http.StatusOK {
			return errors.Join(err, got.Wants(http.StatusSeeOther))
		}
	}
}

func (w *walker) applyAgain(ctx context.Context) error {
	before := w.Inbox.Count()
	if err := w.applySamples(ctx); err != nil {
		return err
	}
	if err := w.stateIs(ctx, "pinvite/ada", "Accepted"); err != nil {
		return err
	}
	if after := w.Inbox.Count(); after != before {
		return fmt.Errorf("%d mails were sent", after-before)
	}
	return nil
}

func (w *walker) dashboard() string { return w.Portal() + "/t/" + namespace + "/" }

func (w *walker) patch(ctx context.Context, change string) error {
	var name strings.Builder
	if err := w.kubectl(ctx, &name, "get", "pship", "-n", namespace, "-l", "partner-operator.io/invite=ada", "-o", "name"); err != nil {
		return err
	}
	return w.kubectl(ctx, nil, "patch", "-n", namespace, strings.TrimSpace(name.String()), "--type=merge", "-p", change)
}

func (w *walker) stateIs(ctx context.Context, object, want string) error {
	var got strings.Builder
	if err := w.kubectl(ctx, &got, "get", "-n", namespace, object, "-o", "jsonpath={.status.state}"); err != nil {
		return err
	}
	if got.String() != want {
		return fmt.Errorf("%s is %s, not %s", object, got.String(), want)
	}
	return nil
}
