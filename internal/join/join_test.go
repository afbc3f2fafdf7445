package join

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

const groupUID = "8d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7d8e"

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(after time.Duration) *metav1.Time { return &metav1.Time{Time: start.Add(after)} }

// gold is an open group of referral whose first link works.
func gold(changes ...func(*v1alpha1.PartnerGroup)) *v1alpha1.PartnerGroup {
	g := &v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "gold", UID: groupUID},
		Spec: v1alpha1.PartnerGroupSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Join: v1alpha1.GroupJoin{Mode: v1alpha1.JoinOpen},
		},
		Status: v1alpha1.PartnerGroupStatus{JoinLink: v1alpha1.JoinLink{Serial: 1}},
	}
	for _, change := range changes {
		change(g)
	}
	return g
}

func closed(g *v1alpha1.PartnerGroup)  { g.Spec.Join.Mode = v1alpha1.JoinClosed }
func rotated(g *v1alpha1.PartnerGroup) { g.Spec.Join.Rotation = "leaked" }
func deleted(g *v1alpha1.PartnerGroup) { g.DeletionTimestamp = at(0) }
func unset(g *v1alpha1.PartnerGroup)   { g.Spec.Join.Mode = "" }
func only(domains ...v1alpha1.Domain) func(*v1alpha1.PartnerGroup) {
	return func(g *v1alpha1.PartnerGroup) { g.Spec.Join.EligibleDomains = domains }
}
func again(after v1alpha1.ReapplyWait) func(*v1alpha1.PartnerGroup) {
	return func(g *v1alpha1.PartnerGroup) { g.Spec.Join.ReapplyAfter = after }
}

func referral(changes ...func(*v1alpha1.Program)) *v1alpha1.Program {
	p := &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: "referral"}}
	for _, change := range changes {
		change(p)
	}
	return p
}

func TestWorks(t *testing.T) {
	for name, test := range map[string]struct {
		group  *v1alpha1.PartnerGroup
		serial int64
		want   bool
	}{
		"the link of now":         {gold(), 1, true},
		"with a form":             {gold(func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Mode = v1alpha1.JoinForm }), 1, true},
		"an earlier one":          {gold(func(g *v1alpha1.PartnerGroup) { g.Status.JoinLink.Serial = 2 }), 1, false},
		"one to come":             {gold(), 2, false},
		"before there is any":     {gold(func(g *v1alpha1.PartnerGroup) { g.Status.JoinLink.Serial = 0 }), 0, false},
		"closed":                  {gold(closed), 1, false},
		"without a mode":          {gold(unset), 1, false},
		"rotated, not seen to":    {gold(rotated), 1, false},
		"being deleted":           {gold(deleted), 1, false},
		"rotated, with a link to": {gold(rotated, func(g *v1alpha1.PartnerGroup) { g.Status.JoinLink = v1alpha1.JoinLink{Serial: 2, Rotation: "leaked"} }), 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Works(test.group, test.serial); got != test.want {
				t.Errorf("works: %v", got)
			}
		})
	}
}

func TestFollow(t *testing.T) {
	g := gold(func(g *v1alpha1.PartnerGroup) { g.Status.JoinLink = v1alpha1.JoinLink{} })
	step := func(what string, want v1alpha1.JoinLink, change func(*v1alpha1.PartnerGroup)) {
		t.Helper()
		change(g)
		for range 2 { // settled the second time
			Follow(&g.Status, g)
			if g.Status.JoinLink != want {
				t.Errorf("%s: %+v, want %+v", what, g.Status.JoinLink, want)
			}
		}
	}
	step("closed from the start", v1alpha1.JoinLink{}, closed)
	step("opened", v1alpha1.JoinLink{Serial: 1}, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Mode = v1alpha1.JoinOpen })
	step("rotated", v1alpha1.JoinLink{Serial: 2, Rotation: "leaked"}, rotated)
	step("closed", v1alpha1.JoinLink{Serial: 2, Rotation: "leaked"}, closed)
	step("rotated back while closed", v1alpha1.JoinLink{Serial: 3}, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Rotation = "" })
	step("opened again", v1alpha1.JoinLink{Serial: 3}, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Mode = v1alpha1.JoinForm })
}

func TestEligible(t *testing.T) {
	for name, test := range map[string]struct {
		domains []v1alpha1.Domain
		email   string
		want    bool
	}{
		"any":                     {nil, "ada@example.com", true},
		"listed":                  {[]v1alpha1.Domain{"other.example", "example.com"}, "ada@example.com", true},
		"in another case":         {[]v1alpha1.Domain{"Example.COM"}, "ADA@eXample.com", true},
		"international":           {[]v1alpha1.Domain{"müller.example"}, "ada@xn--mller-kva.example", true},
		"not listed":              {[]v1alpha1.Domain{"example.com"}, "ada@example.org", false},
		"below a listed one":      {[]v1alpha1.Domain{"example.com"}, "ada@mail.example.com", false},
		"ends like a listed one":  {[]v1alpha1.Domain{"example.com"}, "ada@notexample.com", false},
		"a listed one in front":   {[]v1alpha1.Domain{"example.com"}, "example.com@evil.example", false},
		"a listed one with a dot": {[]v1alpha1.Domain{"example.com"}, "ada@example.com.evil.example", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Eligible(gold(only(test.domains...)), test.email); got != test.want {
				t.Errorf("eligible: %v", got)
			}
		})
	}
}

// ada is a partnership of the applicant.
func ada(changes ...func(*v1alpha1.Partnership)) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "ada@example.com"}, Source: v1alpha1.SourceJoinLink,
	}}
	for _, change := range changes {
		change(p)
	}
	return p
}

func applied(when time.Duration) func(*v1alpha1.Partnership) {
	return func(p *v1alpha1.Partnership) {
		p.Spec.Application.SubmittedTime = v1alpha1.NewMicroTimestamp(start.Add(when))
	}
}
func appliedAgain(when time.Duration) func(*v1alpha1.Partnership) {
	return func(p *v1alpha1.Partnership) {
		p.Status.Reapplication = &v1alpha1.Reapplication{Serial: 1, Time: metav1.MicroTime{Time: start.Add(when)}}
	}
}
func approved(p *v1alpha1.Partnership) {
	p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
}
func revoked(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} }
func ended(p *v1alpha1.Partnership)   { p.Spec.ValidUntil = v1alpha1.NewTimestamp(start.Add(-time.Hour)) }
func shut(p *v1alpha1.Partnership)    { p.Spec.PortalAccess = v1alpha1.PortalAccessDisabled }
func invited(p *v1alpha1.Partnership) {
	p.Spec.Source, p.Spec.Invitation = v1alpha1.SourceAdmin, v1alpha1.InvitationSend
}
func rejected(when time.Duration) func(*v1alpha1.Partnership) {
	return func(p *v1alpha1.Partnership) {
		p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
		p.Status.HandledApproval = &v1alpha1.HandledApproval{Serial: 1, Decision: v1alpha1.ApprovalRejected, Time: at(when)}
	}
}
func unknownWhen(p *v1alpha1.Partnership) { p.Status.HandledApproval.Time = nil }
func inReseller(p *v1alpha1.Partnership)  { p.Spec.ProgramRef.Name = "reseller" }

func TestStand(t *testing.T) {
	const long = -100 * time.Hour
	suspended := func(p *v1alpha1.Program) { p.Spec.Suspend = true }
	for name, test := range map[string]struct {
		group      *v1alpha1.PartnerGroup
		program    *v1alpha1.Program
		person     *v1alpha1.Partnership
		remembered bool
		link       func(*token.Verification)
		after      time.Duration
		want       Standing
		until      time.Duration
	}{
		"somebody new":                     {want: Welcome},
		"in the last moment":               {after: VerificationLifetime - 1, want: Welcome},
		"too late":                         {after: VerificationLifetime, want: TooLate},
		"of another group":                 {link: func(v *token.Verification) { v.Group = "other" }, want: Gone},
		"of an earlier join link":          {link: func(v *token.Verification) { v.JoinLink = 0 }, want: Gone},
		"the group is closed":              {group: gold(closed), want: Gone},
		"the link is rotated":              {group: gold(rotated), want: Gone},
		"suspended":                        {program: referral(suspended), want: Suspended},
		"of a domain that is listed":       {group: gold(only("example.com")), want: Welcome},
		"of a domain that is not":          {group: gold(only("example.org")), want: Ineligible},
		"a partner in another program":     {person: ada(approved, inReseller), want: Welcome},
		"removed":                          {remembered: true, want: Refused},
		"removed, eligible or not":         {group: gold(only("example.org")), remembered: true, want: Refused},
		"removed, and invited afresh":      {remembered: true, person: ada(invited), want: Invited},
		"a partner":                        {person: ada(approved), want: Partner},
		"a partner, suspended":             {person: ada(approved), program: referral(suspended), want: Suspended},
		"a partner without the portal":     {person: ada(approved, shut), want: Refused},
		"waiting":                          {person: ada(applied(-time.Hour)), want: Waiting},
		"applied by this link":             {person: ada(applied(time.Minute)), after: time.Hour, want: Gone},
		"applied by it, and it is late":    {person: ada(applied(time.Minute)), after: 48 * time.Hour, want: Gone},
		"applied in the same moment":       {person: ada(applied(0)), want: Gone},
		"revoked":                          {person: ada(approved, revoked), want: Refused},
		"ended":                            {person: ada(approved, ended), want: Refused},
		"invited":                          {person: ada(invited), want: Invited},
		"rejected":                         {person: ada(rejected(long)), want: Refused},
		"rejected, too soon":               {group: gold(again("200h")), person: ada(rejected(long)), want: TooSoon, until: 100 * time.Hour},
		"rejected, and again":              {group: gold(again("100h")), person: ada(rejected(long)), want: WelcomeAgain},
		"rejected, again, ineligible":      {group: gold(again("1s"), only("example.org")), person: ada(rejected(long)), want: Ineligible},
		"rejected, nobody knows when":      {group: gold(again("1s")), person: ada(rejected(long), unknownWhen), want: Refused},
		"rejected, and revoked":            {group: gold(again("1s")), person: ada(rejected(long), revoked), want: Refused},
		"rejected, applied again":          {group: gold(again("1s")), person: ada(rejected(long), appliedAgain(0)), want: Gone},
		"rejected, applied again before":   {group: gold(again("1s")), person: ada(rejected(long), appliedAgain(-time.Hour)), want: WelcomeAgain},
		"rejected after the link was sent": {group: gold(again("1s")), person: ada(applied(time.Minute), rejected(time.Hour)), after: 2 * time.Hour, want: Gone},
	} {
		t.Run(name, func(t *testing.T) {
			c := Case{
				Group: test.group, Verification: token.Verification{Group: groupUID, JoinLink: 1, Time: start, Address: "Ada@Example.com"},
				Remembered: test.remembered, Now: start.Add(test.after),
			}
			if c.Group == nil {
				c.Group = gold()
			}
			if test.program == nil {
				test.program = referral()
			}
			c.Catalog = program.NewCatalog([]v1alpha1.Program{*test.program}, []v1alpha1.PartnerGroup{*c.Group})
			if test.person != nil {
				c.Partnerships = []v1alpha1.Partnership{*test.person}
			}
			if test.link != nil {
				test.link(&c.Verification)
			}
			got, until := Stand(c)
			want := time.Time{}
			if test.until != 0 {
				want = start.Add(test.until)
			}
			if got != test.want || !until.Equal(want) {
				t.Errorf("%s until %s, want %s", got, until, test.want)
			}
		})
	}
	verification := token.Verification{Group: groupUID, JoinLink: 1, Time: start, Address: "ada@example.com"}
	for name, c := range map[string]Case{"no group": {Verification: verification, Now: start}, "no program": {Group: gold(), Verification: verification, Now: start}} {
		if got, _ := Stand(c); got != Gone {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func team(name, owner string) v1alpha1.PartnerTeam {
	return v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(owner)}}}
}

func TestNewPartnership(t *testing.T) {
	const waits, at1 = v1alpha1.OnboardingApproval, v1alpha1.OnboardingAutomatic
	matching := func(p *v1alpha1.Program) { p.Spec.Onboarding.DomainMatching = v1alpha1.DomainMatchingEnabled }
	automatic := func(p *v1alpha1.Program) { p.Spec.Onboarding.Applicants = at1 }
	approval := func(of v1alpha1.JoinApproval) func(*v1alpha1.PartnerGroup) {
		return func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Approval = of }
	}
	agency, studio := team("agency", "owner@Example.com"), team("studio", "chief@example.com")
	for name, test := range map[string]struct {
		group   *v1alpha1.PartnerGroup
		program *v1alpha1.Program
		email   string
		teams   []v1alpha1.PartnerTeam
		want    v1alpha1.OnboardingPolicy
		matches []v1alpha1.TeamReference
	}{
		"nothing said":                {want: waits},
		"the program is automatic":    {program: referral(automatic), want: at1},
		"the group asks nevertheless": {group: gold(approval(v1alpha1.JoinApprovalRequired)), program: referral(automatic), want: waits},
		"the group is automatic":      {group: gold(approval(v1alpha1.JoinApprovalAutomatic)), want: at1},
		"the group inherits":          {group: gold(approval(v1alpha1.JoinApprovalInherit)), program: referral(automatic), want: at1},
		"not matched when disabled":   {program: referral(automatic), teams: []v1alpha1.PartnerTeam{agency}, want: at1},
		"one team":                    {program: referral(automatic, matching), teams: []v1alpha1.PartnerTeam{agency, team("far", "x@far.example")}, want: waits, matches: []v1alpha1.TeamReference{{Name: "agency"}}},
		"one team, group automatic":   {group: gold(approval(v1alpha1.JoinApprovalAutomatic)), program: referral(matching), teams: []v1alpha1.PartnerTeam{agency}, want: waits, matches: []v1alpha1.TeamReference{{Name: "agency"}}},
		"several teams":               {program: referral(automatic, matching), teams: []v1alpha1.PartnerTeam{studio, agency}, want: at1, matches: []v1alpha1.TeamReference{{Name: "agency"}, {Name: "studio"}}},
		"no team":                     {program: referral(automatic, matching), teams: []v1alpha1.PartnerTeam{team("far", "x@far.example")}, want: at1},
		"a public provider":           {program: referral(automatic, matching), email: "ada@GMail.com", teams: []v1alpha1.PartnerTeam{team("one", "one@gmail.com")}, want: at1},
	} {
		t.Run(name, func(t *testing.T) {
			a := Application{Group: test.group, Program: test.program, Email: "Ada@Example.com", Teams: test.teams, Now: start}
			if a.Group == nil {
				a.Group = gold()
			}
			if a.Program == nil {
				a.Program = referral()
			}
			if test.email != "" {
				a.Email = test.email
			}
			p := NewPartnership(a)
			if p.Spec.Onboarding != test.want {
				t.Errorf("onboarding is %s", p.Spec.Onboarding)
			}
			if diff := cmp.Diff(test.matches, p.Spec.Application.MatchingTeams); diff != "" {
				t.Errorf("matching teams (-want +got):\n%s", diff)
			}
			if p.Spec.Source != v1alpha1.SourceJoinLink || p.Spec.GroupRef.Name != "gold" || string(p.Spec.Contact.Email) != a.Email || p.Spec.Approval != nil {
				t.Errorf("it is %+v", p.Spec)
			}
		})
	}
}
