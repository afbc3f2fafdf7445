package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// The people of the walk's team.
const (
	olga = "olga@studio.example"
	bob  = "bob@studio.example"
	eve  = "eve@studio.example"
	carl = "carl@studio.example"
)

// studioInvite invites Olga to own a new team; two people are proposed to her.
const studioInvite = `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: studio}
spec:
  contact: {email: ` + olga + `, firstName: Olga}
  team:
    name: studio
    displayName: Studio GmbH
    members: [{email: ` + bob + `, firstName: Bob, role: Admin}, {email: ` + eve + `}]
  programs: [{name: referral}]
`

// carlInvite proposes a third person to the team.
const carlInvite = `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: studio-carl}
spec:
  teamRef: {name: studio}
  members: [{email: ` + carl + `}]
`

// crew are the people of the walk's team, with their browsers.
type crew struct{ olga, bob, carl *browser.Person }

// teamSteps are the part of the walk that is about a team.
func (w *walker) teamSteps() []step {
	c := crew{olga: browser.NewPerson(), bob: browser.NewPerson(), carl: browser.NewPerson()}
	return []step{
		{"the company invites a team of Olga, with Bob and Eve", w.applies(studioInvite)},
		{"Olga accepts, and strikes Eve", func(ctx context.Context) error { return w.foundTeam(ctx, c) }},
		{"Bob is invited and joins", func(ctx context.Context) error { return w.joins(ctx, c.bob, bob) }},
		{"Eve has heard nothing", func(context.Context) error { return w.heardNothing(eve) }},
		{"the company proposes Carl, who hears nothing yet", w.applies(carlInvite)},
		{"Bob, an admin, approves without signing in", w.approves},
		{"Carl is invited and joins", func(ctx context.Context) error { return w.joins(ctx, c.carl, carl) }},
		{"Olga hands the team over to Bob", func(ctx context.Context) error { return w.handsOver(ctx, c) }},
		{"Bob removes Carl, who is refused at once", func(ctx context.Context) error { return w.removes(ctx, c) }},
		{"kubectl shows the team, and cannot change its owner", w.companyLooks},
	}
}

func (w *walker) applies(manifest string) func(context.Context) error {
	return func(ctx context.Context) error {
		command := w.Cluster.Kubectl(ctx, "apply", "-n", namespace, "-f", "-")
		command.Stdin = strings.NewReader(manifest)
		if printed, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, printed)
		}
		return nil
	}
}

// mailTo waits for the mail of a kind to somebody, and gives its link.
func (w *walker) mailTo(ctx context.Context, address, kind string) (string, error) {
	link := ""
	err := w.Inbox.Wait(ctx, func([]mailcatcher.Message) bool {
		for _, mail := range w.Inbox.MessagesTo(address) {
			if mail.Kind == kind && len(mail.Links) == 1 {
				link = mail.Links[0]
			}
		}
		return link != ""
	})
	return link, err
}

func (w *walker) heardNothing(address string) error {
	if mails := w.Inbox.MessagesTo(address); len(mails) > 0 {
		return fmt.Errorf("%s has %d mails", address, len(mails))
	}
	return nil
}

func (w *walker) foundTeam(ctx context.Context, c crew) error {
	link, err := w.mailTo(ctx, olga, "team-invite")
	if err != nil {
		return err
	}
	got, err := c.olga.Get(ctx, link)
	if err = errors.Join(err, got.Wants(http.StatusOK, "Studio GmbH", bob, eve)); err != nil {
		return err
	}
	got, err = c.olga.Post(ctx, link+"/accept", url.Values{"email": {olga}, "approve": {bob}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	got, err = c.olga.Get(ctx, w.dashboard())
	return errors.Join(err, got.Wants(http.StatusOK, "Acme Referral", "Studio GmbH"))
}

func (w *walker) joins(ctx context.Context, person *browser.Person, address string) error {
	link, err := w.mailTo(ctx, address, "teammate-invite")
	if err != nil {
		return err
	}
	got, err := person.Post(ctx, link+"/accept", url.Values{"email": {address}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	got, err = person.Get(ctx, w.dashboard())
	return errors.Join(err, got.Wants(http.StatusOK, "Acme Referral", "Studio GmbH"))
}

func (w *walker) approves(ctx context.Context) error {
	link, err := w.mailTo(ctx, bob, "teammate-approval")
	if err = errors.Join(err, w.heardNothing(carl)); err != nil {
		return err
	}
	got, err := browser.NewPerson().Post(ctx, link+"/approve", nil)
	return errors.Join(err, got.Wants(http.StatusSeeOther))
}

func (w *walker) handsOver(ctx context.Context, c crew) error {
	got, err := c.olga.Post(ctx, w.dashboard()+"teams/studio/handover", url.Values{"email": {bob}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	got, err = c.olga.Post(ctx, w.dashboard()+"teams/studio/handover", url.Values{"email": {olga}})
	return errors.Join(err, got.Wants(http.StatusForbidden))
}

func (w *walker) removes(ctx context.Context, c crew) error {
	got, err := c.bob.Post(ctx, w.dashboard()+"teams/studio/remove", url.Values{"email": {carl}})
	if err = errors.Join(err, got.Wants(http.StatusSeeOther)); err != nil {
		return err
	}
	got, err = c.carl.Get(ctx, w.dashboard())
	return errors.Join(err, got.Wants(http.StatusSeeOther))
}

func (w *walker) companyLooks(ctx context.Context) error {
	var table strings.Builder
	if err := w.kubectl(ctx, &table, "get", "pteam", "studio", "-n", namespace); err != nil {
		return err
	}
	if !strings.Contains(table.String(), bob) {
		return fmt.Errorf("kubectl does not show the owner: %s", table.String())
	}
	err := w.kubectl(ctx, nil, "patch", "pteam", "studio", "-n", namespace, "--type=merge", "-p", `{"spec":{"owner":{"email":"company@example.com"}}}`)
	if err == nil || !strings.Contains(err.Error(), "only the owner can hand the team over") {
		return fmt.Errorf("kubectl changes the owner: %w", err)
	}
	return nil
}
