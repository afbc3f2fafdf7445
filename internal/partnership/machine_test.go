package partnership

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "rewrite the table of docs/partnerships.md")

// situation is where a partnership can be when something happens.
type situation struct {
	// name is the state, and what else matters about it.
	name string
	// created is how it is created, then what happens until it is there.
	created, then []step
}

// situations are the columns of the table.
var situations = []situation{
	{name: "Invited", created: []step{invites}},
	{name: "Pending", created: []step{wantsApproval}},
	{name: "Active"},
	{name: "Active, approved", created: []step{wantsApproval}, then: []step{decide(v1alpha1.ApprovalApproved, "")}},
	{name: "Active, portal Disabled", created: []step{portal(v1alpha1.PortalAccessDisabled)}},
	{name: "Rejected", created: []step{wantsApproval}, then: []step{decide(v1alpha1.ApprovalRejected, "")}},
	{name: "Revoked", then: []step{revoke("", no)}},
	{name: "Revoked, was Invited", created: []step{invites}, then: []step{revoke("", no)}},
	{name: "Revoked, was Pending", created: []step{wantsApproval}, then: []step{revoke("", no)}},
	{name: "Expired", created: []step{endsAt(start.Add(time.Hour))}, then: []step{after(time.Hour)}},
	{name: "Conflict", created: []step{olderComes}},
}

// change is something that people or time do, and what it leads to.
type change struct {
	// name is what happens, as the documentation calls it.
	name string
	does step
	// mail is the kind that «mail» means in this row.
	mail v1alpha1.MailKind
	// leads holds for each situation the state that it leads to, and whether a mail is sent; a dot: nothing happens.
	leads []string
	// admits: it may make an Active partnership of one that is Invited, Pending or Rejected.
	admits bool
}

// machine is the life of a partnership: every change in every situation, those that must do nothing included. The table
// in docs/partnerships.md is made from it.
var machine = []change{
	{name: "the person accepts", does: accepts, admits: true,
		leads: []string{"Active", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "the person accepts, while the program's `onboarding.invited` is Approval", does: both(policyIs(v1alpha1.OnboardingApproval), accepts),
		leads: []string{"Pending", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "`approval.decision: Approved`", does: decide(v1alpha1.ApprovalApproved, ""), mail: v1alpha1.MailApproved, admits: true,
		leads: []string{"·", "Active, mail", "·", "·", "·", "Active, mail", "·", "·", "·", "·", "·"}},
	{name: "`approval.decision: Approved` and another `groupRef`", does: both(moveTo("gold"), decide(v1alpha1.ApprovalApproved, "")), mail: v1alpha1.MailApproved, admits: true,
		leads: []string{"·", "Active, mail", "·", "·", "·", "Active, mail", "·", "·", "·", "·", "·"}},
	{name: "`approval.decision: Rejected`", does: decide(v1alpha1.ApprovalRejected, "No."), mail: v1alpha1.MailRejected,
		leads: []string{"Rejected", "Rejected, mail", "Rejected, mail", "Rejected, mail", "Rejected", "·", "·", "·", "·", "·", "·"}},
	{name: "`approval` removed", does: edit(func(s *v1alpha1.PartnershipSpec) { s.Approval = nil }),
		leads: []string{"·", "·", "·", "Pending", "·", "Pending", "·", "·", "·", "·", "·"}},
	{name: "`revocation` set", does: revoke("Ended.", nil), mail: v1alpha1.MailRevoked,
		leads: []string{"Revoked, mail", "Revoked, mail", "Revoked, mail", "Revoked, mail", "Revoked, mail", "Revoked, mail", "·", "·", "·", "Revoked, mail", "·"}},
	{name: "`revocation` set, `notify: false`", does: revoke("Ended.", no), mail: v1alpha1.MailRevoked,
		leads: []string{"Revoked", "Revoked", "Revoked", "Revoked", "Revoked", "Revoked", "·", "·", "·", "Revoked", "·"}},
	{name: "`revocation` reworded, or `notify` turned round", does: rewords, mail: v1alpha1.MailRevoked,
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "`revocation` removed", does: reinstate,
		leads: []string{"·", "·", "·", "·", "·", "·", "Active", "Invited", "Pending", "·", "·"}},
	{name: "`validUntil` passes", does: passes,
		leads: []string{"Expired", "Expired", "Expired", "Expired", "Expired", "Expired", "·", "·", "·", "·", "·"}},
	{name: "`validUntil` extended or removed", does: edit(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = "" }),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "Active", "·"}},
	{name: "`portalAccess: Disabled`", does: portal(v1alpha1.PortalAccessDisabled),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "`portalAccess: Enabled`", does: portal(v1alpha1.PortalAccessEnabled),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "`invitation: Send`", does: invites,
		leads: []string{"·", "Invited", "Invited", "Invited", "Invited", "·", "·", "·", "·", "·", "·"}},
	{name: "`groupRef` changed", does: moveTo("gold"),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "the program's `onboarding.invited` changed", does: policyIs(v1alpha1.OnboardingApproval),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "the program suspended", does: suspends,
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "the program deleted", does: programGoes,
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "an older Partnership of the same partner and program appears", does: olderComes,
		leads: []string{"Conflict", "Conflict", "Conflict", "Conflict", "Conflict", "Conflict", "Conflict", "Conflict", "Conflict", "Conflict", "·"}},
	{name: "that one is deleted", does: olderGoes,
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "Active"}},
	{name: "a sign-in link is asked for", does: asksForLink, mail: v1alpha1.MailSignIn,
		leads: []string{"·", "·", "mail", "mail", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "the same manifest applied again", does: edit(func(*v1alpha1.PartnershipSpec) {}),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "the operator started again", does: func(*life) {},
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
	{name: "a year passes", does: after(365 * 24 * time.Hour),
		leads: []string{"·", "·", "·", "·", "·", "·", "·", "·", "·", "·", "·"}},
}

var (
	invites       = edit(func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend })
	wantsApproval = step(func(l *life) { l.partnership.Spec.Onboarding = v1alpha1.OnboardingApproval })
	rewords       = edit(func(s *v1alpha1.PartnershipSpec) {
		if s.Revocation != nil {
			s.Revocation = &v1alpha1.Revocation{Reason: "In other words.", Notify: yes}
		}
	})
	olderComes = step(func(l *life) {
		older := newLife().partnership
		older.Name, older.UID = "zoe", "uid-of-the-older"
		older.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour))
		older.Spec.Contact.Email = "ADA@example.com"
		l.rivals = []v1alpha1.Partnership{*l.partnership, *older}
	})
	olderGoes = step(func(l *life) { l.rivals = nil })
	// passes is the end that had been set.
	passes = step(func(l *life) {
		edit(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = v1alpha1.NewTimestamp(l.now.Add(time.Minute)) })(l)
		after(time.Minute)(l)
	})
	// accepts is an acceptance as the portal lets it through.
	accepts = step(func(l *life) {
		if Older(l.partnership, l.rivals) == nil && !Shut(l.partnership, l.now) {
			Accepted(l.partnership, "ada-invitation", l.catalog.Programs["referral"].Spec.Onboarding.Invited, l.now)
		}
	})
	// asksForLink is a request for a sign-in link as the portal lets it through.
	asksForLink = step(func(l *life) {
		if HasAccess(l.partnership, l.rivals, l.catalog.Programs["referral"], l.now) {
			requestSignIn(l)
		}
	})
)

func both(first, second step) step { return func(l *life) { first(l); second(l) } }

func decide(decision v1alpha1.ApprovalDecision, note string) step {
	return edit(func(s *v1alpha1.PartnershipSpec) { s.Approval = &v1alpha1.Approval{Decision: decision, Note: note} })
}

func portal(access v1alpha1.PortalAccess) step {
	return edit(func(s *v1alpha1.PartnershipSpec) { s.PortalAccess = access })
}

func endsAt(end time.Time) step {
	return edit(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = v1alpha1.NewTimestamp(end) })
}

func policyIs(policy v1alpha1.OnboardingPolicy) step {
	return func(l *life) { l.catalog.Programs["referral"].Spec.Onboarding.Invited = policy }
}

// reach is a life that has come to a situation.
func reach(t testing.TB, s situation) *life {
	t.Helper()
	l := newLife()
	for _, happens := range s.created {
		happens(l)
	}
	l.partnership.Generation = 1
	l.settle(t)
	for _, happens := range s.then {
		happens(l)
		l.settle(t)
	}
	state, _, _ := strings.Cut(s.name, ",")
	if got := l.partnership.Status.State; string(got) != state {
		t.Fatalf("the situation %q is %s", s.name, got)
	}
	l.handedOver = nil
	return l
}

// outcome does something and tells in the words of the table what it led to.
func (l *life) outcome(t testing.TB, c change) string {
	t.Helper()
	before, mails := l.partnership.Status.State, len(l.handedOver)
	c.does(l)
	l.settle(t)
	var told []string
	if after := l.partnership.Status.State; after != before {
		told = append(told, string(after))
	}
	for _, mail := range l.handedOver[mails:] {
		if kind, _, _ := strings.Cut(mail, "/"); kind == string(c.mail) {
			kind = "mail"
			told = append(told, kind)
		} else {
			told = append(told, "mail of the wrong kind: "+mail)
		}
	}
	if len(told) == 0 {
		return "·"
	}
	return strings.Join(told, ", ")
}

func TestEveryChangeInEverySituation(t *testing.T) {
	for _, c := range machine {
		if len(c.leads) != len(situations) {
			t.Errorf("%s: %d outcomes for %d situations", c.name, len(c.leads), len(situations))
			continue
		}
		for i, s := range situations {
			t.Run(c.name+"/"+s.name, func(t *testing.T) {
				l := reach(t, s)
				if got := l.outcome(t, c); got != c.leads[i] {
					t.Errorf("it leads to %q, want %q", got, c.leads[i])
				}
				stays(t, l)
				consistent(t, l)
			})
		}
	}
	t.Log("\n" + table())
}

// consistent checks that who asks for access gets the answer that status tells.
func consistent(t testing.TB, l *life) {
	t.Helper()
	p, running := l.partnership, l.catalog.Programs["referral"]
	active := p.Status.State == v1alpha1.PartnershipActive
	if Stands(p, l.rivals, l.now) != active {
		t.Errorf("in the state %s it stands: %v", p.Status.State, !active)
	}
	open := active && running != nil && !running.Spec.Suspend && p.Spec.PortalAccess != v1alpha1.PortalAccessDisabled
	if HasAccess(p, l.rivals, running, l.now) != open {
		t.Errorf("in the state %s there is access: %v", p.Status.State, !open)
	}
	condition := condition(p.Status.Conditions, v1alpha1.ConditionActive)
	if !active && !strings.HasPrefix(condition, "False/"+string(p.Status.State)) {
		t.Errorf("in the state %s the condition Active is %s", p.Status.State, condition)
	}
	if open != (condition == "True/Active") {
		t.Errorf("access is %v and the condition Active is %s", open, condition)
	}
}

func TestTheSameChangeAgainDoesNothing(t *testing.T) {
	for _, c := range machine {
		if c.mail == v1alpha1.MailSignIn || c.name == "`validUntil` passes" {
			continue // it is another link, or another end
		}
		for _, s := range situations {
			t.Run(c.name+"/"+s.name, func(t *testing.T) {
				l := reach(t, s)
				l.outcome(t, c)
				if again := l.outcome(t, c); again != "·" {
					t.Errorf("again, it leads to %q", again)
				}
			})
		}
	}
}

// Nothing but the person, where they were asked, and the company's approval, where it is needed, makes somebody a partner.
func TestOnlyThePersonAndTheApproverAdmit(t *testing.T) {
	for _, c := range machine {
		for _, s := range situations {
			l := reach(t, s)
			state := l.partnership.Status.State
			outside := state == v1alpha1.PartnershipInvited || state == v1alpha1.PartnershipPending || state == v1alpha1.PartnershipRejected
			l.outcome(t, c)
			if outside && l.partnership.Status.State == v1alpha1.PartnershipActive && !c.admits {
				t.Errorf("%s, in %s, makes an Active partnership", c.name, s.name)
			}
		}
	}
}

// endings are what ends access, each with what takes that back.
var endings = map[string]struct{ ends, lifts step }{
	"revocation": {revoke("", no), reinstate},
	"validUntil": {passes, edit(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = "" })},
	"conflict":   {olderComes, olderGoes},
}

// Lifting what ended access gives back what would be without it, whatever happened meanwhile, and tells nobody.
func TestLiftingAnEndRestoresSilently(t *testing.T) {
	for name, ending := range endings {
		for _, s := range situations {
			for _, c := range machine {
				if strings.Contains(c.name, "revocation") || strings.Contains(c.name, "validUntil") || strings.Contains(c.name, "Partnership") ||
					strings.Contains(c.name, "that one") || strings.Contains(c.name, "the person accepts") {
					continue // an ending itself, or what the door refuses meanwhile
				}
				if s.name == "Conflict" && name == "conflict" || s.name == "Expired" && name == "validUntil" || strings.HasPrefix(s.name, "Revoked") && name == "revocation" {
					continue
				}
				without := reach(t, s)
				without.outcome(t, c)
				with := reach(t, s)
				ending.ends(with)
				with.settle(t)
				with.outcome(t, c)
				mails := len(with.handedOver)
				ending.lifts(with)
				with.settle(t)
				if got, want := with.partnership.Status.State, without.partnership.Status.State; got != want {
					t.Errorf("%s, ended by %s, then %s: restored to %s, want %s", s.name, name, c.name, got, want)
				}
				if len(with.handedOver) != mails {
					t.Errorf("%s, ended by %s, then %s: restoring sends %v", s.name, name, c.name, with.handedOver[mails:])
				}
			}
		}
	}
}

// A session that was good before access ended is dead when it comes back, and a new one is not.
func TestSessionsDieWithAccess(t *testing.T) {
	closing := map[string]struct{ ends, lifts step }{
		"portalAccess": {portal(v1alpha1.PortalAccessDisabled), portal(v1alpha1.PortalAccessEnabled)},
		"rejection":    {decide(v1alpha1.ApprovalRejected, ""), decide(v1alpha1.ApprovalApproved, "")},
	}
	for name, ending := range endings {
		closing[name] = ending
	}
	for name, ending := range closing {
		t.Run(name, func(t *testing.T) {
			l := reach(t, situation{name: "Active"})
			after(time.Minute)(l)
			session := l.now
			for _, happens := range []step{after(time.Minute), ending.ends, after(time.Minute), ending.lifts, after(time.Minute)} {
				happens(l)
				l.settle(t)
			}
			if !HasAccess(l.partnership, l.rivals, l.catalog.Programs["referral"], l.now) {
				t.Fatal("access was not restored")
			}
			if SessionCounts(l.partnership, session) {
				t.Error("a session from before counts again")
			}
			if !SessionCounts(l.partnership, l.now) {
				t.Error("a new session does not count")
			}
			session = l.now
			for _, happens := range []step{after(time.Minute), ending.ends, ending.lifts} {
				happens(l)
				l.settle(t)
			}
			if SessionCounts(l.partnership, session) {
				t.Error("the second time, a session from before counts again")
			}
		})
	}
}

// Who waits for approval, or has yet to accept, can be signed in for other programs; that session counts once they are
// let in.
func TestWaitingEndsNoSession(t *testing.T) {
	for _, s := range situations[:2] {
		l := newLife()
		session := l.now
		after(time.Minute)(l)
		s.created[0](l)
		l.partnership.Generation = 1
		l.settle(t)
		for _, happens := range []step{accepts, decide(v1alpha1.ApprovalApproved, "")} {
			happens(l)
			l.settle(t)
		}
		if l.partnership.Status.State != v1alpha1.PartnershipActive || !SessionCounts(l.partnership, session) {
			t.Errorf("%s: it is %s, and the session counts: %v", s.name, l.partnership.Status.State, SessionCounts(l.partnership, session))
		}
	}
}

// A revocation ends what would count once the partner is let in, too.
func TestARevocationWhileWaitingEndsSessions(t *testing.T) {
	l := newLife()
	wantsApproval(l)
	session := l.now
	for _, happens := range []step{after(time.Minute), revoke("", no), after(time.Minute), reinstate, decide(v1alpha1.ApprovalApproved, "")} {
		happens(l)
		l.settle(t)
	}
	if l.partnership.Status.State != v1alpha1.PartnershipActive || SessionCounts(l.partnership, session) {
		t.Errorf("it is %s, and the session counts: %v", l.partnership.Status.State, SessionCounts(l.partnership, session))
	}
}

// Whatever happens in whatever order: each occasion is mailed once, and access is never given without consent.
func TestAnyLife(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 9))
	for range 1500 {
		l := reach(t, situations[random.IntN(len(situations))])
		var history []string
		for range 12 {
			c := machine[random.IntN(len(machine))]
			if c.name == "the program deleted" || strings.HasPrefix(c.name, "the person accepts, ") {
				continue // no program, no policy
			}
			history = append(history, c.name)
			c.does(l)
			l.settle(t)
			consistent(t, l)
			p := l.partnership
			asked := p.Spec.Invitation == v1alpha1.InvitationSend && p.Status.Acceptance == nil
			unapproved := p.Spec.Onboarding == v1alpha1.OnboardingApproval && (p.Spec.Approval == nil || p.Spec.Approval.Decision != v1alpha1.ApprovalApproved)
			if p.Status.State == v1alpha1.PartnershipActive && (asked || unapproved || p.Spec.Revocation != nil) {
				t.Errorf("active without consent after %s", strings.Join(history, "; "))
			}
			stays(t, l)
		}
		mails := slices.Sorted(slices.Values(l.handedOver))
		if once := slices.Compact(slices.Clone(mails)); len(once) != len(mails) {
			t.Errorf("mailed %v after %s", mails, strings.Join(history, "; "))
		}
		if l.invited > 1 {
			t.Errorf("invited %d times after %s", l.invited, strings.Join(history, "; "))
		}
		if t.Failed() {
			return
		}
	}
}

// table is the machine as a table of Markdown.
func table() string {
	var text strings.Builder
	names := make([]string, len(situations))
	for i, s := range situations {
		names[i] = s.name
	}
	fmt.Fprintf(&text, "| | %s |\n|---%s|\n", strings.Join(names, " | "), strings.Repeat("|---", len(names)))
	for _, c := range machine {
		fmt.Fprintf(&text, "| %s | %s |\n", c.name, strings.Join(c.leads, " | "))
	}
	return text.String()
}

func TestTheTableOfTheDocsIsCurrent(t *testing.T) {
	const file, begin, end = "../../docs/partnerships.md", "<!-- table of changes: begin -->\n", "<!-- table of changes: end -->"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table between %q and %q", file, begin, end)
	}
	want := before + begin + table() + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("the table of %s is not current; look at the difference, and rewrite it with go test -update if it is right (-want +got):\n%s", file, diff)
	}
}
