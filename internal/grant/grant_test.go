package grant

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

const ada = "ada@example.com"

// partner is a partnership in a program, of Ada or of the team Agency.
func partner(programName string, ofTeam bool, change func(*v1alpha1.Partnership)) v1alpha1.Partnership {
	p := v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Name: "own-" + programName, UID: "own", CreationTimestamp: metav1.Time{Time: start}},
		Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: programName}, Contact: &v1alpha1.Contact{Email: ada}},
		Status:     v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipActive},
	}
	if ofTeam {
		p.Name, p.UID, p.Spec.Contact, p.Spec.TeamRef = "agency-"+programName, "team", nil, &v1alpha1.TeamReference{Name: "agency"}
	}
	if change != nil {
		change(&p)
	}
	return p
}

// found is what there is for Ada: partnerships of her own, or of the team that she is in.
func found(own, of []v1alpha1.Partnership) Found {
	f := Found{Address: ada, Own: own, Of: map[string][]v1alpha1.Partnership{"agency": of}, Now: start.Add(time.Hour), Catalog: program.NewCatalog([]v1alpha1.Program{
		{ObjectMeta: metav1.ObjectMeta{Name: "referral"}}, {ObjectMeta: metav1.ObjectMeta{Name: "reseller"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "off"}, Spec: v1alpha1.ProgramSpec{Suspend: true}},
	}, nil)}
	if of != nil {
		t := v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Name: "agency", UID: "agency"}, Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "owner@example.com"}}}
		team.Founded(&t, start)
		t.Status.Members = append(t.Status.Members, v1alpha1.TeamMember{Email: ada, Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive})
		f.Teams = []v1alpha1.PartnerTeam{t}
	}
	return f
}

// both runs a case over both kinds of grant: of a partnership that was changed, and of a membership through it.
func both(t *testing.T, change func(*v1alpha1.Partnership), is func(*testing.T, Grant)) {
	t.Helper()
	t.Run("own", func(t *testing.T) {
		is(t, found([]v1alpha1.Partnership{partner("referral", false, change)}, nil).Grants()[0])
	})
	t.Run("member", func(t *testing.T) {
		is(t, found(nil, []v1alpha1.Partnership{partner("referral", true, change)}).Grants()[0])
	})
}

func revoked(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} }

func TestOpen(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.Partnership)
		want   Why
		team   Why
	}{
		"in force":              {nil, "", ""},
		"revoked":               {revoked, Ended, Ended},
		"expired":               {func(p *v1alpha1.Partnership) { p.Spec.ValidUntil = v1alpha1.NewTimestamp(start) }, Ended, Ended},
		"waits":                 {func(p *v1alpha1.Partnership) { p.Spec.Onboarding = v1alpha1.OnboardingApproval }, Waits, Waits},
		"invited":               {func(p *v1alpha1.Partnership) { p.Spec.Invitation = v1alpha1.InvitationSend }, Invited, Ended},
		"portal closed":         {func(p *v1alpha1.Partnership) { p.Spec.PortalAccess = v1alpha1.PortalAccessDisabled }, Paused, Ended},
		"in a suspended one":    {func(p *v1alpha1.Partnership) { p.Spec.ProgramRef.Name = "off" }, Paused, Ended},
		"in one that is gone":   {func(p *v1alpha1.Partnership) { p.Spec.ProgramRef.Name = "gone" }, Paused, Ended},
		"the object is leaving": {func(p *v1alpha1.Partnership) { p.DeletionTimestamp = &metav1.Time{Time: start} }, Paused, Ended},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, test.change, func(t *testing.T, g Grant) {
				want := test.want
				if g.Team != nil {
					want = test.team
				}
				if g.Open != (want == "") || g.Why != want {
					t.Errorf("open: %v, why: %q, want %q", g.Open, g.Why, want)
				}
			})
		})
	}
}

// A sign-in from the request to the end of the session, the same for both kinds.
func TestSignIn(t *testing.T) {
	both(t, nil, func(t *testing.T, g Grant) {
		now := start.Add(time.Hour)
		if !g.Request(signin.DefaultLinkLifetime, now) || g.Request(signin.DefaultLinkLifetime, now.Add(time.Second)) {
			t.Error("of two requests at once not exactly the first is due")
		}
		var mails []v1alpha1.MailDelivery
		if g.Team != nil {
			mails = g.Team.Status.Mails
		} else {
			mails = g.Partnership.Status.Mails
		}
		if len(mails) != 1 || mails[0].Kind != v1alpha1.MailSignIn || mails[0].Serial != 1 || mails[0].State != v1alpha1.DeliveryPending {
			t.Errorf("the mails are %+v", mails)
		}
		for name, link := range map[string]struct {
			serial int64
			after  time.Duration
			want   error
		}{"open": {1, 0, nil}, "too old": {1, time.Hour, ErrExpired}, "never issued": {2, 0, ErrGone}} {
			if got := g.Link(link.serial, now.Add(link.after)); !errors.Is(got, link.want) {
				t.Errorf("%s: %v", name, got)
			}
		}
		g.Use(now)
		if !errors.Is(g.Link(1, now), ErrGone) || g.LastActiveTime == nil || g.Begin(now.Add(time.Hour)) || !g.Begin(now.Add(25*time.Hour)) {
			t.Errorf("after the link was used: %v, %v", g.Link(1, now), g.LastActiveTime)
		}
		if !g.Counts(now) || !g.End(now) || g.Counts(now) || g.End(now) || !g.Counts(now.Add(time.Second)) {
			t.Error("a session does not end, or not alone")
		}
		if g.EndAll(now.Add(time.Hour)); g.Counts(now.Add(time.Second)) {
			t.Error("not all sessions end")
		}
	})
}

func TestADeadLink(t *testing.T) {
	both(t, nil, func(t *testing.T, g Grant) {
		g.Request(signin.DefaultLinkLifetime, start)
		for range v1alpha1.MaxWrongAddresses {
			signin.CountWrongAddress(g.Access, 1)
		}
		if !errors.Is(g.Link(1, start), ErrDead) {
			t.Errorf("it is %v", g.Link(1, start))
		}
	})
	both(t, nil, func(t *testing.T, g Grant) {
		g.Request(signin.DefaultLinkLifetime, start)
		if g.Open = false; !errors.Is(g.Link(1, start.Add(24*time.Hour)), ErrNoAccess) || g.Request(signin.DefaultLinkLifetime, start.Add(24*time.Hour)) {
			t.Error("without access a link works or is issued")
		}
	})
}

// What was taken and given back is not seen by a session of before, which is told that there is something.
func TestGivenBack(t *testing.T) {
	ended := func(p *v1alpha1.Partnership) { signin.EndAll(&p.Status.Access, start) }
	for name, test := range map[string]struct {
		change func(*v1alpha1.Partnership)
		after  time.Duration
		sees   int
		again  int
	}{
		"never taken":                      {nil, -time.Minute, 1, 0},
		"a session of before":              {ended, -time.Minute, 0, 1},
		"a session of after":               {ended, time.Minute, 1, 0},
		"not given back":                   {func(p *v1alpha1.Partnership) { ended(p); revoked(p) }, -time.Minute, 0, 0},
		"the rules have not seen it":       {func(p *v1alpha1.Partnership) { p.Status.State = "" }, -time.Minute, 0, 0},
		"it was signed in to after it was": {func(p *v1alpha1.Partnership) { p.Status.State = "" }, time.Minute, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, test.change, func(t *testing.T, g Grant) {
				v := g.View(start.Add(test.after))
				if len(v.Partnerships) != test.sees || len(v.Again) != test.again || v.Open != (test.sees > 0) {
					t.Errorf("it sees %+v", v)
				}
			})
		})
	}
}

// A member whose own sessions ended, since they came back into the team, is told of its programs.
func TestAMemberWhoCameBack(t *testing.T) {
	f := found(nil, []v1alpha1.Partnership{partner("referral", true, nil), partner("reseller", true, nil)})
	signin.EndAll(&team.Member(&f.Teams[0], ada).Access, start)
	v := f.Grants()[0].View(start.Add(-time.Minute))
	if v.Open || len(v.Partnerships) > 0 || len(v.Again) != 2 {
		t.Errorf("it sees %+v", v)
	}
}

// A partnership of one's own that the company revoked shuts the program inside the team, too, and nothing else does.
func TestShut(t *testing.T) {
	for name, test := range map[string]struct {
		own    []v1alpha1.Partnership
		of     []string
		opens  string
		isOpen bool
	}{
		"no own":                 {nil, []string{"referral", "reseller"}, "agency-referral agency-reseller", true},
		"own in force":           {[]v1alpha1.Partnership{partner("referral", false, nil)}, []string{"referral"}, "agency-referral", true},
		"own revoked":            {[]v1alpha1.Partnership{partner("referral", false, revoked)}, []string{"referral", "reseller"}, "agency-reseller", true},
		"own revoked, no other":  {[]v1alpha1.Partnership{partner("referral", false, revoked)}, []string{"referral"}, "", false},
		"own revoked elsewhere":  {[]v1alpha1.Partnership{partner("reseller", false, revoked)}, []string{"referral"}, "agency-referral", true},
		"own revoked, team bare": {[]v1alpha1.Partnership{partner("referral", false, revoked)}, []string{}, "", true},
		"own expired": {[]v1alpha1.Partnership{partner("referral", false, func(p *v1alpha1.Partnership) { p.Spec.ValidUntil = v1alpha1.NewTimestamp(start) })},
			[]string{"referral"}, "agency-referral", true},
	} {
		t.Run(name, func(t *testing.T) {
			of := []v1alpha1.Partnership{}
			for _, each := range test.of {
				of = append(of, partner(each, true, nil))
			}
			grants := found(test.own, of).Grants()
			g := grants[len(grants)-1]
			var opens []string
			for _, p := range g.View(start.Add(time.Minute)).Partnerships {
				opens = append(opens, p.Name)
			}
			if got := strings.Join(opens, " "); got != test.opens || g.Open != test.isOpen {
				t.Errorf("it opens %q, open: %v", got, g.Open)
			}
		})
	}
}

func TestOnlyWaits(t *testing.T) {
	waits := func(p *v1alpha1.Partnership) { p.Spec.Onboarding = v1alpha1.OnboardingApproval }
	own, ofTeam := partner("referral", false, waits), partner("reseller", true, waits)
	for name, test := range map[string]struct {
		own, of []v1alpha1.Partnership
		want    bool
	}{
		"nothing":              {nil, nil, false},
		"own waits":            {[]v1alpha1.Partnership{own}, nil, true},
		"the team waits":       {nil, []v1alpha1.Partnership{ofTeam}, true},
		"own waits, team open": {[]v1alpha1.Partnership{own}, []v1alpha1.Partnership{partner("reseller", true, nil)}, false},
		"one of two waits":     {[]v1alpha1.Partnership{own, partner("off", false, nil)}, nil, false},
		"all ended":            {[]v1alpha1.Partnership{partner("referral", false, revoked)}, nil, false},
	} {
		if got := OnlyWaits(found(test.own, test.of).Grants()); got != test.want {
			t.Errorf("%s: OnlyWaits = %v", name, got)
		}
	}
	if partnership.State(&own, nil, start) != v1alpha1.PartnershipPending {
		t.Error("the one that waits does not")
	}
}
