package team

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// busy is a team of which the owner, then an admin invited somebody new at each of these times, and removed them.
func busy(t *testing.T, times ...time.Duration) *v1alpha1.PartnerTeam {
	t.Helper()
	a := agency(t)
	a.Status.Invitations = nil
	for n, after := range times {
		by, now := []string{ownerMail, adminMail}[n%2], start.Add(after)
		email := fmt.Sprintf("stranger%d@elsewhere.example", n)
		must(t, Invite(a, by, Person{Email: v1alpha1.EmailAddress(email), Role: member}, now))
		must(t, Remove(a, by, email, now))
	}
	return a
}

func every(step time.Duration, times int) (all []time.Duration) {
	for n := range times {
		all = append(all, time.Duration(n)*step)
	}
	return all
}

func TestInvitesAreBounded(t *testing.T) {
	const hour = time.Hour
	ada := func(a *v1alpha1.PartnerTeam, times ...time.Duration) *v1alpha1.PartnerTeam {
		for _, after := range times {
			must(t, Invite(a, ownerMail, Person{Email: "Ada@elsewhere.example", Role: member}, start.Add(after)))
		}
		return a
	}
	for name, test := range map[string]struct {
		team  *v1alpha1.PartnerTeam
		after time.Duration
		// until is when the person can be invited who cannot now; 0: they can.
		until time.Duration
	}{
		"the first":                        {team: busy(t)},
		"the 20th of an hour":              {busy(t, every(time.Minute, 19)...), 19 * time.Minute, 0},
		"the 21st of an hour":              {busy(t, every(time.Minute, 20)...), 20 * time.Minute, hour},
		"the 21st, at the end of the hour": {busy(t, every(time.Minute, 20)...), hour - time.Second, hour},
		"the 21st, an hour later":          {busy(t, every(time.Minute, 20)...), hour, 0},
		"the 50th of a day":                {busy(t, every(20*time.Minute, 49)...), 17 * hour, 0},
		"the 51st of a day":                {busy(t, every(20*time.Minute, 50)...), 17 * hour, 24 * hour},
		"the 51st, a day later":            {busy(t, every(20*time.Minute, 50)...), 24 * hour, 0},
		"somebody for the third time":      {ada(busy(t), 0, hour), 2 * hour, 0},
		"somebody for the fourth time":     {ada(busy(t), 0, hour, 2*hour), 3 * hour, 24 * hour},
		"the fourth time, a day later":     {ada(busy(t), 0, hour, 2*hour), 24 * hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.team.DeepCopy()
			ask := func(after time.Duration) error {
				return Invite(test.team, adminMail, Person{Email: "ada@elsewhere.example", Role: member}, start.Add(after))
			}
			err := ask(test.after)
			var refusal *Refusal
			switch {
			case test.until == 0:
				must(t, err)
				return
			case !errors.As(err, &refusal) || refusal.Kind != TooMany:
				t.Fatalf("it is answered %v", err)
			}
			if at := start.Add(test.until).Format("2 January, 15:04 UTC"); !strings.Contains(refusal.Text, at) || strings.Contains(refusal.Text, "@") {
				t.Errorf("it says %q, want the time %s and no address", refusal.Text, at)
			}
			if diff := cmp.Diff(before, test.team); diff != "" {
				t.Errorf("what was refused changed (-before +after):\n%s", diff)
			}
			must(t, ask(test.until))
		})
	}
}

// However long a team goes on inviting, what is noted is bounded, and no hour or day has more than it can.
func TestInvitationsOfAWeek(t *testing.T) {
	a := agency(t)
	var sent []time.Time
	for n := range 7 * 24 * 20 {
		now := start.Add(time.Duration(n) * 3 * time.Minute)
		if Invite(a, ownerMail, Person{Email: v1alpha1.EmailAddress(fmt.Sprintf("p%d@elsewhere.example", n)), Role: member}, now) != nil {
			continue
		}
		must(t, Remove(a, ownerMail, fmt.Sprintf("p%d@elsewhere.example", n), now))
		sent = append(sent, now)
	}
	if len(sent) < 7*MaxInvitesPerDay-MaxInvitesPerDay || len(a.Status.Invitations) > MaxInvitesPerDay {
		t.Errorf("%d were sent, %d are noted", len(sent), len(a.Status.Invitations))
	}
	for most, within := range map[int]time.Duration{MaxInvitesPerHour: time.Hour, MaxInvitesPerDay: day} {
		for i := most; i < len(sent); i++ {
			if sent[i].Sub(sent[i-most]) < within {
				t.Fatalf("%d within %s", most+1, sent[i].Sub(sent[i-most]))
			}
		}
	}
}

// What the company proposes does not count: neither approving it, nor welcoming it into a new team.
func TestWhatTheCompanyProposesIsNotBounded(t *testing.T) {
	a := busy(t, every(time.Minute, 20)...)
	for n := range 30 {
		email := fmt.Sprintf("proposed%d@agency.example", n)
		Propose(a, Person{Email: v1alpha1.EmailAddress(email), Role: member, Invite: &v1alpha1.ProposalReference{Name: "many"}}, start)
		must(t, Approve(a, ownerMail, email, start.Add(20*time.Minute)))
	}
}
