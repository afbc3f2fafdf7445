package partnership

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/signin"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

// life is a partnership over time: people change things, the rules decide, the mail server answers.
type life struct {
	partnership *v1alpha1.Partnership
	rivals      []v1alpha1.Partnership
	catalog     program.Catalog
	team        *v1alpha1.PartnerTeam
	admins      []v1alpha1.TeamOwner
	invite      *v1alpha1.PartnerInvite // the one that was made for it
	inviteTaken string
	leftOver    bool
	joinTeam    *v1alpha1.PartnerTeam // the one that the company sent the person on to
	staff       bool
	noMailer    bool
	takenBack   []delivery.Key
	hold        bool
	server      server
	now         time.Time

	handedOver []string // the mails that left, as kind/serial
	invited    int      // how many invites were made
	last       Decision
}

// server is how the mail server behaves.
type server int

const (
	takes   server = iota // it takes every mail
	busy                  // it takes none for now
	refuses               // it refuses the recipient for good
	silent                // the process dies before it hears what came of the mail
)

func newLife() *life {
	return &life{
		partnership: &v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Name: "ada", UID: "uid", Generation: 1, CreationTimestamp: metav1.NewTime(start)},
			Spec: v1alpha1.PartnershipSpec{
				ProgramRef: v1alpha1.ProgramReference{Name: "referral"},
				Contact:    &v1alpha1.Contact{Email: "ada@example.com"},
			},
			Status: v1alpha1.PartnershipStatus{ObservedGeneration: -1},
		},
		catalog: program.NewCatalog(
			[]v1alpha1.Program{
				{ObjectMeta: metav1.ObjectMeta{Name: "referral"}, Spec: v1alpha1.ProgramSpec{DefaultGroupRef: &v1alpha1.GroupReference{Name: "standard"}}},
				{ObjectMeta: metav1.ObjectMeta{Name: "reseller"}},
			},
			[]v1alpha1.PartnerGroup{groupOf("standard", "referral"), groupOf("gold", "referral"), groupOf("silver", "reseller")},
		),
		now: start,
	}
}

func groupOf(name, of string) v1alpha1.PartnerGroup {
	return v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: of}},
	}
}

func (l *life) input() Input {
	return Input{
		Partnership: l.partnership, Rivals: l.rivals, Catalog: l.catalog, Team: l.team, Leaders: l.leaders(), JoinTeam: l.joinTeam, HasStaff: l.staff,
		Invite: l.invite, InviteTaken: l.inviteTaken, InviteLeftOver: l.leftOver,
		Holds: l.holds(), TakenBack: l.takenBack, Now: l.now,
	}
}

// holds are what holds mail of every kind back.
func (l *life) holds() delivery.Holds {
	var hold *delivery.Hold
	switch {
	case l.noMailer:
		hold = &delivery.Hold{Reason: v1alpha1.ReasonMailerNotConfigured, Message: "there is no mail server"}
	case l.hold:
		hold = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "mail is held back"}
	default:
		return nil
	}
	holds := delivery.Holds{}
	for _, kind := range v1alpha1.MailKinds {
		holds[kind] = hold
	}
	return holds
}

// leaders are who is told about the team: its owner, if no admin is among the rows.
func (l *life) leaders() []v1alpha1.TeamOwner {
	if l.team == nil {
		return nil
	}
	return append([]v1alpha1.TeamOwner{l.team.CurrentOwner()}, l.admins...)
}

// settle does what the controller does, until there is nothing to do.
func (l *life) settle(t testing.TB) {
	t.Helper()
	for range 10 {
		l.last = Decide(l.input())
		if l.last.Invite {
			l.invited++
			l.invite = NewInvitation(l.partnership)
			l.last = Decide(l.input())
		}
		l.partnership.Status = stored(t, l.last.Status)
		if l.last.Send == nil {
			return
		}
		l.handedOver = append(l.handedOver, fmt.Sprintf("%s/%d", l.last.Send.Kind, l.last.Send.Serial))
		var outcome delivery.Outcome
		switch l.server {
		case silent:
			return
		case busy:
			outcome = delivery.Outcome{Class: delivery.Temporary, Message: "the mail server is busy"}
		case refuses:
			outcome = delivery.Outcome{Class: delivery.Recipient, Message: "the mail server knows nobody of that name"}
		case takes:
			outcome = delivery.Outcome{Class: delivery.Accepted}
		}
		if !Record(l.partnership, *l.last.Send, outcome, l.now) {
			t.Fatal("what came of a claim was not recorded")
		}
	}
	t.Fatal("the rules do not come to rest")
}

// stored is a status as the API server gives it back.
func stored(t testing.TB, status v1alpha1.PartnershipStatus) (back v1alpha1.PartnershipStatus) {
	t.Helper()
	text, err := json.Marshal(status)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// step is something that happens.
type step func(*life)

func edit(change func(*v1alpha1.PartnershipSpec)) step {
	return func(l *life) { change(&l.partnership.Spec); l.partnership.Generation++ }
}

func revoke(reason string, notify *bool) step {
	return edit(func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{Reason: reason, Notify: notify} })
}

func moveTo(group string) step {
	return edit(func(s *v1alpha1.PartnershipSpec) { s.GroupRef = &v1alpha1.GroupReference{Name: group} })
}

func after(d time.Duration) step { return func(l *life) { l.now = l.now.Add(d) } }
func serverIs(s server) step     { return func(l *life) { l.server = s } }

// linkLifetime is how long sign-in links work here.
const linkLifetime = signin.DefaultLinkLifetime

// signsOut asks for the partner to be signed out, with a text.
func signsOut(text string) step {
	return func(l *life) {
		l.partnership.Annotations = map[string]string{v1alpha1.SignOutAnnotation: text}
	}
}

// requests asks for a sign-in link as the portal does.
func requests(l *life, lifetime time.Duration) {
	if status := &l.partnership.Status; signin.Request(&status.Access, lifetime, l.now) {
		Enqueue(status, v1alpha1.MailSignIn, status.SignIn.Serial, true)
	}
}

var (
	yes, no       = new(true), new(false)
	reinstate     = edit(func(s *v1alpha1.PartnershipSpec) { s.Revocation = nil })
	mailerComes   = step(func(l *life) { l.noMailer = false })
	noMailer      = step(func(l *life) { l.noMailer = true })
	requestSignIn = step(func(l *life) { requests(l, linkLifetime) })
	requestShort  = step(func(l *life) { requests(l, time.Minute) })
	useSignIn     = step(func(l *life) { signin.Use(&l.partnership.Status.Access, l.now) })
	suspends      = step(func(l *life) { l.catalog.Programs["referral"].Spec.Suspend = true })
	resumes       = step(func(l *life) { l.catalog.Programs["referral"].Spec.Suspend = false })
	holds         = step(func(l *life) { l.hold = true })
	releases      = step(func(l *life) { l.hold = false })
	programGoes   = step(func(l *life) { delete(l.catalog.Programs, "referral") })
	goldGoes      = step(func(l *life) { delete(l.catalog.Groups, "gold") })
	goldComes     = step(func(l *life) { g := groupOf("gold", "referral"); l.catalog.Groups["gold"] = &g })
	teamComes     = step(func(l *life) {
		l.team = &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "owner@agency.example"}}}
	})
	isTeam = step(func(l *life) {
		l.partnership.Spec.Contact, l.partnership.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
	})
	programComes = step(func(l *life) {
		l.catalog.Programs["referral"] = &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: "referral"}}
	})
)

// standing is where a partnership stands, in words that a table can hold.
type standing struct {
	State                      v1alpha1.PartnershipState
	Group                      string
	Active, Ready, Refs        string
	Reconciling, Stalled       string // their reasons; empty: absent
	Mails                      string // the mails on record, as kind/serial state
	HandedOver                 string // the mails that left, in order, as kind/serial
	AgainNotBefore, AgainUntil time.Duration
}

// partner fills in what is so for an active partner without trouble.
func partner(change func(*standing)) standing {
	s := standing{State: v1alpha1.PartnershipActive, Group: "standard", Active: "True/Active", Ready: "True/Active", Refs: "True/ResolvedRefs"}
	if change != nil {
		change(&s)
	}
	return s
}

// inSuspended is the same for a partner of a program that is suspended.
func inSuspended(mails, handedOver string) standing {
	return partner(func(s *standing) { s.Active, s.Mails, s.HandedOver = "False/ProgramSuspended", mails, handedOver })
}

// revoked is the same for a partner whose access has ended.
func revoked(mails, handedOver string) standing {
	return partner(func(s *standing) {
		s.State, s.Active, s.Ready = v1alpha1.PartnershipRevoked, "False/Revoked", "True/Revoked"
		s.Mails, s.HandedOver = mails, handedOver
	})
}

func withMails(mails, handedOver string) standing {
	return partner(func(s *standing) { s.Mails, s.HandedOver = mails, handedOver })
}

// unresolved is the same for a partner with access whose spec names what cannot be followed.
func unresolved(reason, group string) standing {
	return partner(func(s *standing) {
		s.Ready, s.Refs, s.Reconciling, s.Group = "False/"+reason, "False/"+reason, reason, group
	})
}

// stuck is the same until somebody changes something.
func stuck(reason, group string) standing {
	s := unresolved(reason, group)
	s.Reconciling, s.Stalled = "", reason
	return s
}

func again(s standing, notBefore, until time.Duration) standing {
	s.AgainNotBefore, s.AgainUntil = notBefore, until
	return s
}

func condition(conditions []metav1.Condition, name string) string {
	c := meta.FindStatusCondition(conditions, name)
	switch {
	case c == nil:
		return ""
	case (name == v1alpha1.ConditionReconciling || name == v1alpha1.ConditionStalled) && c.Status == metav1.ConditionTrue:
		return c.Reason
	default:
		return string(c.Status) + "/" + c.Reason
	}
}

func (l *life) standing() standing {
	status := l.partnership.Status
	mails := make([]string, 0, len(status.Mails))
	for _, m := range status.Mails {
		mails = append(mails, fmt.Sprintf("%s/%d %s", m.Kind, m.Serial, m.State))
	}
	return standing{
		State: status.State, Group: status.Group,
		Active:      condition(status.Conditions, v1alpha1.ConditionActive),
		Ready:       condition(status.Conditions, v1alpha1.ConditionReady),
		Refs:        condition(status.Conditions, v1alpha1.ConditionResolvedRefs),
		Reconciling: condition(status.Conditions, v1alpha1.ConditionReconciling),
		Stalled:     condition(status.Conditions, v1alpha1.ConditionStalled),
		Mails:       strings.Join(mails, ", "), HandedOver: strings.Join(l.handedOver, ", "),
	}
}

func TestDecide(t *testing.T) {
	steps := func(s ...step) []step { return s }
	const oneRevoked, revokedOnce = "revoked/1 Sent", "revoked/1"
	for name, test := range map[string]struct {
		created []step // before the rules see it for the first time
		then    []step // one after the other, each seen by the rules
		want    standing
	}{
		"new": {want: partner(nil)},

		"revoked":                             {then: steps(revoke("", nil)), want: revoked(oneRevoked, revokedOnce)},
		"revoked with a reason":               {then: steps(revoke("No longer needed", nil)), want: revoked(oneRevoked, revokedOnce)},
		"revoked with notify true":            {then: steps(revoke("", yes)), want: revoked(oneRevoked, revokedOnce)},
		"revoked with notify false":           {then: steps(revoke("", no)), want: revoked("revoked/1 Skipped", "")},
		"created revoked":                     {created: steps(revoke("", nil)), want: revoked("revoked/1 Skipped", "")},
		"created revoked with notify true":    {created: steps(revoke("", yes)), want: revoked("revoked/1 Skipped", "")},
		"the same block applied again":        {then: steps(revoke("A", nil), revoke("A", nil)), want: revoked(oneRevoked, revokedOnce)},
		"the reason edited":                   {then: steps(revoke("A", nil), revoke("B", nil)), want: revoked(oneRevoked, revokedOnce)},
		"notify set to true later":            {then: steps(revoke("", no), revoke("", yes)), want: revoked("revoked/1 Skipped", "")},
		"notify removed later":                {then: steps(revoke("", no), revoke("", nil)), want: revoked("revoked/1 Skipped", "")},
		"notify set to true in the creation":  {created: steps(revoke("", no)), then: steps(revoke("", yes)), want: revoked("revoked/1 Skipped", "")},
		"notify set to false after the mail":  {then: steps(revoke("", yes), revoke("", no)), want: revoked(oneRevoked, revokedOnce)},
		"reinstated":                          {then: steps(revoke("", nil), reinstate), want: withMails(oneRevoked, revokedOnce)},
		"created revoked, reinstated":         {created: steps(revoke("", nil)), then: steps(reinstate), want: withMails("revoked/1 Skipped", "")},
		"reinstated and revoked once more":    {then: steps(revoke("", nil), reinstate, revoke("", nil)), want: revoked("revoked/2 Sent", "revoked/1, revoked/2")},
		"reinstated and revoked silently":     {then: steps(revoke("", nil), reinstate, revoke("", no)), want: revoked("revoked/2 Skipped", revokedOnce)},
		"created revoked, later revoked anew": {created: steps(revoke("", nil)), then: steps(reinstate, revoke("", nil)), want: revoked("revoked/2 Sent", "revoked/2")},

		"the mail server is away for a moment": {
			then: steps(serverIs(busy), revoke("", nil)),
			want: again(revoked("revoked/1 Pending", "revoked/1"), time.Minute, 72*time.Second),
		},
		"the mail server comes back": {
			then: steps(serverIs(busy), revoke("", nil), serverIs(takes), after(72*time.Second)),
			want: revoked("revoked/1 Sent", "revoked/1, revoked/1"),
		},
		"the recipient is refused": {
			then: steps(serverIs(refuses), revoke("", nil), after(time.Hour)),
			want: revoked("revoked/1 Failed", "revoked/1"),
		},
		"a failed mail does not undo the revocation, and the next one has its own": {
			then: steps(serverIs(refuses), revoke("", nil), serverIs(takes), reinstate, revoke("", nil)),
			want: revoked("revoked/2 Sent", "revoked/1, revoked/2"),
		},
		"the mail is in flight": {
			then: steps(serverIs(silent), revoke("", nil), after(20*time.Second)),
			want: again(revoked("revoked/1 Sending", "revoked/1"), 40*time.Second, 40*time.Second),
		},
		"the mail was in flight when the process died": {
			then: steps(serverIs(silent), revoke("", nil), serverIs(takes), after(delivery.InFlight)),
			want: revoked("revoked/1 Sent", "revoked/1, revoked/1"),
		},
		"reinstated before the mail could be sent": {
			then: steps(noMailer, revoke("", nil), reinstate, mailerComes),
			want: withMails("revoked/1 Skipped", ""),
		},
		"reinstated while the mail waits for its next try": {
			then: steps(serverIs(busy), revoke("", nil), reinstate, serverIs(takes), after(time.Hour)),
			want: withMails("revoked/1 Skipped", "revoked/1"),
		},
		"reinstated while the mail is in flight": {
			then: steps(serverIs(silent), revoke("", nil), reinstate),
			want: again(withMails("revoked/1 Sending", "revoked/1"), delivery.InFlight, delivery.InFlight),
		},
		"reinstated, and the claim of the mail died": {
			then: steps(serverIs(silent), revoke("", nil), reinstate, after(delivery.InFlight)),
			want: withMails("revoked/1 Skipped", "revoked/1"),
		},
		"revoked while there is no mail server": {
			then: steps(noMailer, revoke("", nil), after(time.Hour)),
			want: revoked("revoked/1 Pending", ""),
		},
		"revoked before there is a mail server": {
			then: steps(noMailer, revoke("", nil), mailerComes),
			want: revoked(oneRevoked, revokedOnce),
		},

		"moved to another group": {then: steps(moveTo("gold")), want: partner(func(s *standing) { s.Group = "gold" })},
		"moved back to the default": {
			then: steps(moveTo("gold"), edit(func(s *v1alpha1.PartnershipSpec) { s.GroupRef = nil })),
			want: partner(nil),
		},
		"moved to a group of another program": {then: steps(moveTo("gold"), moveTo("silver")), want: stuck(v1alpha1.ReasonGroupNotInProgram, "gold")},
		"created in a group of another program": {
			created: steps(moveTo("silver")), want: stuck(v1alpha1.ReasonGroupNotInProgram, "standard"),
		},
		"moved to a group that does not exist": {then: steps(moveTo("gold"), moveTo("platinum")), want: unresolved(v1alpha1.ReasonGroupNotFound, "gold")},
		"its group is deleted":                 {then: steps(moveTo("gold"), goldGoes), want: unresolved(v1alpha1.ReasonGroupNotFound, "standard")},
		"its group is created again":           {then: steps(moveTo("gold"), goldGoes, goldComes), want: partner(func(s *standing) { s.Group = "gold" })},
		"moved while revoked": {
			then: steps(revoke("", no), moveTo("gold")),
			want: func() standing { s := revoked("revoked/1 Skipped", ""); s.Group = "gold"; return s }(),
		},
		"its program is deleted": {
			then: steps(moveTo("gold"), programGoes),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonProgramNotFound, "gold")
				s.Active = "False/ProgramNotFound"
				return s
			}(),
		},
		"its program is created again": {then: steps(moveTo("gold"), programGoes, programComes), want: partner(func(s *standing) { s.Group = "gold" })},
		"revoked while its program is gone": {
			then: steps(programGoes, revoke("", nil)),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonProgramNotFound, "standard")
				s.State, s.Active, s.Mails, s.HandedOver = v1alpha1.PartnershipRevoked, "False/Revoked", oneRevoked, revokedOnce
				return s
			}(),
		},

		"a team that does not exist": {
			created: steps(isTeam),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonTeamNotFound, "standard")
				s.Active = "False/TeamNotFound"
				return s
			}(),
		},
		"a team":            {created: steps(isTeam, teamComes), want: partner(nil)},
		"a team is revoked": {created: steps(isTeam, teamComes), then: steps(revoke("", nil)), want: revoked(oneRevoked, revokedOnce)},
		"a team that does not exist is revoked": {
			created: steps(isTeam), then: steps(revoke("", nil)),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonTeamNotFound, "standard")
				s.State, s.Active, s.Mails = v1alpha1.PartnershipRevoked, "False/Revoked", "revoked/1 Skipped"
				return s
			}(),
		},

		"its program is suspended":          {then: steps(suspends), want: inSuspended("", "")},
		"created in a suspended program":    {created: steps(suspends), want: inSuspended("", "")},
		"its program is suspended no more":  {then: steps(suspends, resumes), want: partner(nil)},
		"moved while suspended":             {then: steps(suspends, moveTo("gold")), want: func() standing { s := inSuspended("", ""); s.Group = "gold"; return s }()},
		"revoked, then suspended":           {then: steps(revoke("", nil), suspends), want: revoked(oneRevoked, revokedOnce)},
		"revoked while suspended":           {then: steps(suspends, revoke("", nil), after(time.Hour)), want: revoked("revoked/1 Pending", "")},
		"revoked while suspended, no more":  {then: steps(suspends, revoke("", nil), after(week), resumes), want: revoked(oneRevoked, revokedOnce)},
		"revoked silently while suspended":  {then: steps(suspends, revoke("", no), resumes), want: revoked("revoked/1 Skipped", "")},
		"reinstated while suspended":        {then: steps(suspends, revoke("", nil), reinstate), want: inSuspended("revoked/1 Skipped", "")},
		"reinstated while suspended, later": {then: steps(suspends, revoke("", nil), reinstate, resumes), want: withMails("revoked/1 Skipped", "")},
		"created revoked while suspended":   {created: steps(suspends, revoke("", nil)), then: steps(resumes), want: revoked("revoked/1 Skipped", "")},
		"suspended between two tries": {
			then: steps(serverIs(busy), revoke("", nil), suspends, serverIs(takes), after(time.Hour)),
			want: revoked("revoked/1 Pending", "revoked/1"),
		},
		"suspended between two tries, no more": {
			then: steps(serverIs(busy), revoke("", nil), suspends, serverIs(takes), after(time.Hour), resumes),
			want: revoked(oneRevoked, "revoked/1, revoked/1"),
		},
		"suspended while the mail is in flight": {
			then: steps(serverIs(silent), revoke("", nil), suspends),
			want: again(revoked("revoked/1 Sending", "revoked/1"), delivery.InFlight, delivery.InFlight),
		},
		"suspended, and the claim of the mail died": {
			then: steps(serverIs(silent), revoke("", nil), suspends, serverIs(takes), after(delivery.InFlight)),
			want: revoked("revoked/1 Pending", "revoked/1"),
		},
		"suspended, the claim of the mail died, no more": {
			then: steps(serverIs(silent), revoke("", nil), suspends, serverIs(takes), after(delivery.InFlight), resumes, after(2*time.Minute)),
			want: revoked(oneRevoked, "revoked/1, revoked/1"),
		},
		"a sign-in link is asked for while suspended": {then: steps(suspends, requestSignIn), want: inSuspended("sign-in/1 Skipped", "")},
		"suspended before the sign-in mail could leave": {
			then: steps(noMailer, requestSignIn, suspends, mailerComes, resumes), want: withMails("sign-in/1 Skipped", ""),
		},
		"a team of a suspended program": {created: steps(isTeam, teamComes), then: steps(suspends), want: inSuspended("", "")},
		"suspended, and the team does not exist": {
			created: steps(isTeam), then: steps(suspends),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonTeamNotFound, "standard")
				s.Active = "False/ProgramSuspended"
				return s
			}(),
		},
		"suspended, and the group does not exist": {
			then: steps(suspends, moveTo("platinum")),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonGroupNotFound, "standard")
				s.Active = "False/ProgramSuspended"
				return s
			}(),
		},
		"suspended and then deleted": {
			then: steps(suspends, programGoes),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonProgramNotFound, "standard")
				s.Active = "False/ProgramNotFound"
				return s
			}(),
		},

		"all mail is held":                                 {then: steps(holds), want: partner(nil)},
		"revoked while all mail is held":                   {then: steps(holds, revoke("", nil), after(time.Hour)), want: revoked("revoked/1 Pending", "")},
		"revoked while all mail is held, no more":          {then: steps(holds, revoke("", nil), after(week), releases), want: revoked(oneRevoked, revokedOnce)},
		"reinstated while all mail is held":                {then: steps(holds, revoke("", nil), reinstate, releases), want: withMails("revoked/1 Skipped", "")},
		"revoked while held, no more, but it is suspended": {then: steps(holds, suspends, revoke("", nil), releases), want: revoked("revoked/1 Pending", "")},
		"a sign-in link is asked for while all is held":    {then: steps(holds, requestSignIn, after(time.Minute)), want: withMails("sign-in/1 Pending", "")},
		"a sign-in link is asked for, and soon no more":    {then: steps(holds, requestSignIn, after(linkLifetime-time.Second), releases), want: withMails("sign-in/1 Sent", "sign-in/1")},
		"a sign-in link expires while all mail is held":    {then: steps(holds, requestSignIn, func(l *life) { after(linkLifetime)(l); releases(l) }), want: withMails("sign-in/1 Skipped", "")},
		"a sign-in link is asked for anew while held":      {then: steps(holds, requestSignIn, after(linkLifetime), requestSignIn, releases), want: withMails("sign-in/2 Sent", "sign-in/2")},
		"two mails wait while all mail is held":            {then: steps(holds, requestSignIn, revoke("", nil), releases), want: revoked("sign-in/1 Skipped, revoked/1 Sent", "revoked/1")},
		"held between two tries": {
			then: steps(serverIs(busy), revoke("", nil), holds, serverIs(takes), after(48*time.Hour), releases),
			want: revoked(oneRevoked, "revoked/1, revoked/1"),
		},

		"a sign-in link is asked for":          {then: steps(requestSignIn), want: withMails("sign-in/1 Sent", "sign-in/1")},
		"a link is asked for twice at once":    {then: steps(requestSignIn, requestSignIn), want: withMails("sign-in/1 Sent", "sign-in/1")},
		"two sign-in links are asked for":      {then: steps(requestSignIn, after(time.Minute), requestSignIn), want: withMails("sign-in/2 Sent", "sign-in/1, sign-in/2")},
		"two are asked for before one leaves":  {then: steps(noMailer, requestSignIn, after(time.Minute), requestSignIn, mailerComes), want: withMails("sign-in/2 Sent", "sign-in/2")},
		"a link is asked for, then signed out": {then: steps(noMailer, requestSignIn, signsOut("now"), mailerComes), want: withMails("sign-in/1 Skipped", "")},
		"a link is asked for, used, and again": {then: steps(requestSignIn, useSignIn, requestSignIn), want: withMails("sign-in/3 Sent", "sign-in/1, sign-in/3")},
		"a sign-in link expires before its mail can leave": {
			then: steps(noMailer, requestSignIn, after(linkLifetime), mailerComes),
			want: withMails("sign-in/1 Skipped", ""),
		},
		"a sign-in link that is nearly expired is mailed": {
			then: steps(noMailer, requestSignIn, after(linkLifetime-time.Second), mailerComes),
			want: withMails("sign-in/1 Sent", "sign-in/1"),
		},
		"a sign-in link expires between two tries": {
			then: steps(serverIs(busy), requestSignIn, after(linkLifetime)),
			want: withMails("sign-in/1 Skipped", "sign-in/1"),
		},
		"a newer sign-in link is asked for while the mail of one is in flight": {
			then: steps(serverIs(silent), requestShort, serverIs(takes), after(30*time.Second), requestShort),
			want: withMails("sign-in/2 Sent", "sign-in/1, sign-in/2"),
		},
		"revoked before the sign-in mail could leave": {
			then: steps(noMailer, requestSignIn, revoke("", nil), mailerComes),
			want: revoked("sign-in/1 Skipped, revoked/1 Sent", "revoked/1"),
		},
		"a sign-in link is asked for in the moment of the revocation": {
			then: steps(revoke("", nil), requestSignIn),
			want: revoked("revoked/1 Sent, sign-in/1 Skipped", "revoked/1"),
		},
		"a sign-in link is asked for while the program is gone": {
			then: steps(programGoes, requestSignIn),
			want: func() standing {
				s := unresolved(v1alpha1.ReasonProgramNotFound, "standard")
				s.Active, s.Mails = "False/ProgramNotFound", "sign-in/1 Skipped"
				return s
			}(),
		},
		"two mails at once: one in flight does not hold up the other": {
			then: steps(serverIs(silent), requestSignIn, serverIs(takes), revoke("", nil)),
			want: again(revoked("sign-in/1 Sending, revoked/1 Sent", "sign-in/1, revoked/1"), delivery.InFlight, delivery.InFlight),
		},
		"two mails at once: the one whose claim died is not repeated after a revocation": {
			then: steps(serverIs(silent), requestSignIn, serverIs(takes), revoke("", nil), after(delivery.InFlight)),
			want: revoked("sign-in/1 Skipped, revoked/1 Sent", "sign-in/1, revoked/1"),
		},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.created, test.then, test.want) })
	}
}

// judge lets a partnership be created and things happen to it, one after the other, each seen by the rules, and checks
// where it stands then.
func judge(t *testing.T, created, then []step, want standing) *life {
	t.Helper()
	l := newLife()
	for _, happens := range created {
		happens(l)
	}
	l.partnership.Generation = 1
	l.settle(t)
	for _, happens := range then {
		happens(l)
		l.settle(t)
	}
	got := l.standing()
	if d := l.last.RequeueAfter; d >= want.AgainNotBefore && d <= want.AgainUntil {
		got.AgainNotBefore, got.AgainUntil = want.AgainNotBefore, want.AgainUntil
	} else {
		got.AgainNotBefore, got.AgainUntil = d, d
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if got := l.partnership.Status.ObservedGeneration; got != l.partnership.Generation {
		t.Errorf("observedGeneration %d of %d", got, l.partnership.Generation)
	}
	stays(t, l)
	return l
}

// stays checks that to decide once more changes nothing and sends nothing.
func stays(t *testing.T, l *life) {
	t.Helper()
	before := l.partnership.DeepCopy()
	once := Decide(l.input())
	if once.Send != nil || once.Invite {
		t.Errorf("to decide once more sends %v, invites: %v", once.Send, once.Invite)
	}
	if !equality.Semantic.DeepEqual(before.Status, once.Status) {
		t.Errorf("to decide once more changes:\n%s", cmp.Diff(before.Status, once.Status))
	}
	if !equality.Semantic.DeepEqual(before, l.partnership) {
		t.Error("to decide changes what was observed")
	}
	later := l.input()
	later.Now = l.now.Add(time.Second)
	if twice := Decide(later); !equality.Semantic.DeepEqual(before.Status, twice.Status) {
		t.Errorf("to decide a second later changes:\n%s", cmp.Diff(before.Status, twice.Status))
	}
}

func TestTwoMailsDueAtOnceAreClaimedOneAfterTheOther(t *testing.T) {
	l := newLife()
	l.noMailer = true
	l.settle(t)
	requestSignIn(l)
	revoke("", nil)(l)
	l.settle(t)
	l.noMailer = false
	claims := 0
	for _, m := range Decide(l.input()).Status.Mails {
		if m.State == v1alpha1.DeliverySending {
			claims++
		}
	}
	if claims != 1 {
		t.Errorf("%d claims at once", claims)
	}
}

func TestARevokedMailIsTriedForADay(t *testing.T) {
	l := newLife()
	l.settle(t)
	l.server = busy
	revoke("", nil)(l)
	l.settle(t)
	for l.last.RequeueAfter > 0 {
		if l.now = l.now.Add(l.last.RequeueAfter); l.now.Sub(start) > 48*time.Hour {
			t.Fatal("it is tried for ever")
		}
		l.settle(t)
	}
	mail := Mail(&l.partnership.Status, v1alpha1.MailRevoked, "")
	if mail.State != v1alpha1.DeliveryFailed || mail.Message == "" {
		t.Errorf("after a day the mail is %s: %q", mail.State, mail.Message)
	}
	if tried := l.now.Sub(start); tried < 22*time.Hour || tried > 24*time.Hour {
		t.Errorf("it was tried for %s", tried)
	}
	if mail.Attempts < 20 || mail.Attempts > 32 || int(mail.Attempts) != len(l.handedOver) {
		t.Errorf("%d attempts, %d tries", mail.Attempts, len(l.handedOver))
	}
	stays(t, l)
}

func TestRevocationAndReinstatementKeepTheirTimes(t *testing.T) {
	l := newLife()
	l.settle(t)
	at := func(what string, got *metav1.Time, want time.Duration) {
		t.Helper()
		switch {
		case want < 0 && got != nil:
			t.Errorf("%s = %s, want none", what, got)
		case want >= 0 && (got == nil || !got.Time.Equal(start.Add(want))):
			t.Errorf("%s = %s, want %s after the start", what, got, want)
		}
	}
	sessions := func(want time.Duration) {
		t.Helper()
		if got := l.partnership.Status.SessionsNotBefore; got == nil || !got.Time.Equal(start.Add(want)) {
			t.Errorf("sessionsNotBefore = %s, want %s after the start", got, want)
		}
	}
	const none = -1
	at("activatedTime", l.partnership.Status.ActivatedTime, 0)
	at("revokedTime", l.partnership.Status.RevokedTime, none)
	if l.partnership.Status.SessionsNotBefore != nil {
		t.Error("a new partnership kills sessions")
	}

	for _, happens := range []step{after(time.Hour), revoke("A", nil), after(time.Hour), revoke("B", nil)} {
		happens(l)
		l.settle(t)
	}
	at("revokedTime", l.partnership.Status.RevokedTime, time.Hour)
	sessions(time.Hour)

	reinstate(l)
	l.settle(t)
	at("activatedTime after the reinstatement", l.partnership.Status.ActivatedTime, 0)
	at("revokedTime after the reinstatement", l.partnership.Status.RevokedTime, none)
	sessions(time.Hour)

	for _, happens := range []step{after(time.Hour), revoke("", nil)} {
		happens(l)
		l.settle(t)
	}
	at("revokedTime of the second revocation", l.partnership.Status.RevokedTime, 3*time.Hour)
	sessions(3 * time.Hour)
}

func TestAPartnershipThatIsCreatedRevokedWasNeverActive(t *testing.T) {
	l := newLife()
	revoke("", nil)(l)
	l.partnership.Generation = 1
	l.settle(t)
	if got := l.partnership.Status.ActivatedTime; got != nil {
		t.Errorf("activatedTime = %s", got)
	}
	after(time.Hour)(l)
	reinstate(l)
	l.settle(t)
	if got := l.partnership.Status.ActivatedTime; got == nil || !got.Time.Equal(start.Add(time.Hour)) {
		t.Errorf("activatedTime = %s after the reinstatement", got)
	}
}

func TestMessagesNameWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		happens step
		want    []string
	}{
		"the program":                  {programGoes, []string{`Program "referral"`, "access is refused"}},
		"the group":                    {moveTo("platinum"), []string{`PartnerGroup "platinum"`, `the group in force is "standard"`}},
		"a group of another program":   {moveTo("silver"), []string{`"silver" belongs to Program "reseller"`, `the group in force is "standard"`}},
		"the team":                     {isTeam, []string{`PartnerTeam "agency"`}},
		"no group stands in its place": {func(l *life) { programComes(l); moveTo("platinum")(l) }, []string{"the group in force is none"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			test.happens(l)
			l.settle(t)
			got := meta.FindStatusCondition(l.partnership.Status.Conditions, v1alpha1.ConditionResolvedRefs).Message
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q does not say %q", got, want)
				}
			}
		})
	}
}

func TestTheReasonOfARevocationIsShown(t *testing.T) {
	l := newLife()
	l.settle(t)
	revoke("Contract ended", nil)(l)
	l.settle(t)
	revoke("Contract ended in May", nil)(l)
	l.settle(t)
	got := meta.FindStatusCondition(l.partnership.Status.Conditions, v1alpha1.ConditionActive).Message
	if got != "the company ended access: Contract ended in May" {
		t.Errorf("Active says %q", got)
	}
}

// No condition of a partner whose program is suspended says that there is access.
func TestASuspendedProgramIsNoAccess(t *testing.T) {
	l := newLife()
	suspends(l)
	l.settle(t)
	for _, c := range l.partnership.Status.Conditions {
		if strings.Contains(c.Message, "the partner has access") {
			t.Errorf("%s says %q", c.Type, c.Message)
		}
	}
	active := meta.FindStatusCondition(l.partnership.Status.Conditions, v1alpha1.ConditionActive)
	if want := `Program "referral" is suspended`; !strings.Contains(active.Message, want) {
		t.Errorf("Active does not say %q: %q", want, active.Message)
	}
	if HasAccess(l.partnership, nil, l.catalog.Programs["referral"], l.now) || !Stands(l.partnership, nil, l.now) {
		t.Error("the partner has access, or is none any more")
	}
}
