package link

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// ground is a link of Ada's, who is an active partner in referral and in its group gold.
func ground() Ground {
	return Ground{
		Link: &v1alpha1.PartnerLink{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada-summer", Generation: 1},
			Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: "ada"}},
		},
		Partnership: &v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada"},
			Spec: v1alpha1.PartnershipSpec{
				ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, GroupRef: &v1alpha1.GroupReference{Name: "gold"},
				Contact: &v1alpha1.Contact{Email: "ada@example.com"},
			},
		},
		Catalog: program.NewCatalog([]v1alpha1.Program{{
			ObjectMeta: metav1.ObjectMeta{Name: "referral"},
			Spec:       v1alpha1.ProgramSpec{Links: v1alpha1.ProgramLinks{Destination: "https://acme.example/?ref=x&a=1#top"}},
		}}, []v1alpha1.PartnerGroup{groupOf("gold", "referral"), groupOf("silver", "referral"), groupOf("other", "reseller")}),
		Portal: "partners.acme.example",
		Now:    now,
	}
}

func groupOf(name, in string) v1alpha1.PartnerGroup {
	return v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: in}}}
}

func (g *Ground) links() *v1alpha1.ProgramLinks { return &g.Catalog.Programs["referral"].Spec.Links }
func (g *Ground) gold() *v1alpha1.GroupLinks    { return &g.Catalog.Groups["gold"].Spec.Links }
func (g *Ground) own(text v1alpha1.WebAddress)  { g.Link.Spec.Destination = text }

// says lets the link say a program; reseller is another one than the partner's.
func (g *Ground) says(programName string) {
	g.Link.Spec.ProgramRef = &v1alpha1.ProgramReference{Name: programName}
	g.Catalog.Programs["reseller"] = &v1alpha1.Program{
		ObjectMeta: metav1.ObjectMeta{Name: "reseller"},
		Spec:       v1alpha1.ProgramSpec{Links: v1alpha1.ProgramLinks{Destination: "https://reseller.example/"}},
	}
}
func (g *Ground) settle() { g.Link.Status = Decide(*g, "") }
func (g *Ground) remove() { g.settle(); g.Partnership = nil }
func (g *Ground) end()    { delete(g.Catalog.Programs, "referral") }

const (
	activeLink = v1alpha1.LinkActive
	nobodys    = v1alpha1.LinkUnattributed
	dead       = v1alpha1.LinkDeactivated
	atProgram  = "https://acme.example/?a=1&ref=ada-summer#top"
	bare       = "https://acme.example/?a=1#top"
)

func TestAnswer(t *testing.T) {
	revoked := func(links v1alpha1.LinkEffect) func(*Ground) {
		return func(g *Ground) { g.Partnership.Spec.Revocation = &v1alpha1.Revocation{Links: links} }
	}
	for name, test := range map[string]struct {
		change  func(*Ground)
		state   v1alpha1.LinkState
		address string
		// reason is that of Ready; empty: the state.
		reason string
	}{
		"the program's destination":  {func(*Ground) {}, activeLink, atProgram, ""},
		"the group's destination":    {func(g *Ground) { g.gold().Destination = "https://gold.example/x" }, activeLink, "https://gold.example/x?ref=ada-summer", ""},
		"the link's own destination": {func(g *Ground) { g.own("https://shop.acme.example/s") }, activeLink, "https://shop.acme.example/s?ref=ada-summer", ""},
		"its own goes before the group's": {func(g *Ground) {
			g.gold().Destination = "https://gold.example/x"
			g.own("https://acme.example/s")
		}, activeLink, "https://acme.example/s?ref=ada-summer", ""},
		"a parameter of another name": {func(g *Ground) { g.links().Parameter = "via" }, activeLink, "https://acme.example/?ref=x&a=1&via=ada-summer#top", ""},
		"no destination":              {func(g *Ground) { g.links().Destination = "" }, dead, "", v1alpha1.ReasonDestinationMissing},
		"a destination that is none":  {func(g *Ground) { g.links().Destination = "https://[::1]/" }, dead, "", v1alpha1.ReasonDestinationRefused},

		"on the host of its group": {func(g *Ground) { g.gold().Destination = "https://gold.example/x"; g.own("https://gold.example/y") }, activeLink, "https://gold.example/y?ref=ada-summer", ""},
		"on the host of another group": {func(g *Ground) {
			g.Catalog.Groups["silver"].Spec.Links.Destination = "https://silver.example/"
			g.own("https://silver.example/y")
		}, activeLink, "https://silver.example/y?ref=ada-summer", ""},
		"on that of another program's": {func(g *Ground) {
			g.Catalog.Groups["other"].Spec.Links.Destination = "https://other.example/"
			g.own("https://other.example/y")
		}, dead, "", v1alpha1.ReasonDestinationRefused},
		"on the host of a default link": {func(g *Ground) {
			g.gold().Defaults = []v1alpha1.DefaultLink{{Destination: "https://blog.example/"}}
			g.own("https://blog.example/")
		}, activeLink, "https://blog.example/?ref=ada-summer", ""},
		"on a foreign host": {func(g *Ground) { g.own("https://evil.example/") }, dead, "", v1alpha1.ReasonDestinationRefused},
		"on another port":   {func(g *Ground) { g.own("https://acme.example:8443/") }, dead, "", v1alpha1.ReasonDestinationRefused},
		"on the portal":     {func(g *Ground) { g.own("https://partners.acme.example/r/acme/ada-summer") }, dead, "", v1alpha1.ReasonDestinationRefused},
		"on an allowed host": {func(g *Ground) {
			g.links().AllowedHosts = []v1alpha1.HostName{"good.example"}
			g.own("https://www.good.example/")
		}, activeLink, "https://www.good.example/?ref=ada-summer", ""},
		"on the program's host, which is not allowed": {func(g *Ground) {
			g.links().AllowedHosts = []v1alpha1.HostName{"good.example"}
			g.own("https://acme.example/")
		}, dead, "", v1alpha1.ReasonDestinationRefused},

		"a suspended program":      {func(g *Ground) { g.Catalog.Programs["referral"].Spec.Suspend = true }, nobodys, bare, ""},
		"revoked":                  {revoked(""), nobodys, bare, ""},
		"revoked, links are kept":  {revoked(v1alpha1.LinkKeep), activeLink, atProgram, ""},
		"revoked, links lead on":   {revoked(v1alpha1.LinkRedirect), nobodys, bare, ""},
		"revoked, links are ended": {revoked(v1alpha1.LinkDeactivate), dead, "", ""},
		"kept, but suspended":      {func(g *Ground) { revoked(v1alpha1.LinkKeep)(g); g.Catalog.Programs["referral"].Spec.Suspend = true }, nobodys, bare, ""},
		"expired":                  {func(g *Ground) { g.Partnership.Spec.ValidUntil = v1alpha1.NewTimestamp(now) }, nobodys, bare, ""},
		"invited":                  {func(g *Ground) { g.Partnership.Spec.Invitation = v1alpha1.InvitationSend }, nobodys, bare, ""},
		"pending":                  {func(g *Ground) { g.Partnership.Spec.Onboarding = v1alpha1.OnboardingApproval }, nobodys, bare, ""},
		"in conflict with an older one": {func(g *Ground) {
			older := *g.Partnership.DeepCopy()
			older.Name = "a"
			g.Rivals = []v1alpha1.Partnership{older}
		}, nobodys, bare, ""},
		"its own carries the parameter":                           {func(g *Ground) { revoked("")(g); g.own("https://acme.example/?ref=ada-summer") }, nobodys, "https://acme.example/", ""},
		"of the contact, in other case":                           {func(g *Ground) { g.Link.Spec.Member = &v1alpha1.LinkMember{Email: "Ada@Example.com"} }, activeLink, atProgram, ""},
		"of somebody else":                                        {func(g *Ground) { g.Link.Spec.Member = &v1alpha1.LinkMember{Email: "eve@example.com"} }, nobodys, bare, v1alpha1.ReasonMemberNotFound},
		"of the program that it says":                             {func(g *Ground) { g.says("referral") }, activeLink, atProgram, ""},
		"of another program":                                      {func(g *Ground) { g.says("reseller") }, nobodys, "https://reseller.example/", v1alpha1.ReasonProgramMismatch},
		"of another program, to where only that one lets it":      {func(g *Ground) { g.says("reseller"); g.own("https://reseller.example/s") }, nobodys, "https://reseller.example/s", v1alpha1.ReasonProgramMismatch},
		"of another program, to where only the partner's lets it": {func(g *Ground) { g.says("reseller"); g.own("https://acme.example/s") }, dead, "", v1alpha1.ReasonProgramMismatch},
		"of another program, ended":                               {func(g *Ground) { g.says("reseller"); revoked(v1alpha1.LinkDeactivate)(g) }, dead, "", v1alpha1.ReasonProgramMismatch},
		"of another program, removed": {func(g *Ground) {
			g.says("reseller")
			g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep
			g.remove()
		}, dead, "", v1alpha1.ReasonPartnershipNotFound},
		"of the program that it says, removed": {func(g *Ground) {
			g.says("referral")
			g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep
			g.remove()
		}, activeLink, atProgram, ""},
		"of a program that is not there": {func(g *Ground) { g.says("gone") }, dead, "", v1alpha1.ReasonProgramMismatch},
		"of a program, never seen":       {func(g *Ground) { g.says("reseller"); g.Partnership = nil }, dead, "", v1alpha1.ReasonPartnershipNotFound},
		"of a member of the team":        {func(g *Ground) { g.ofTeam("bob@agency.example") }, activeLink, atProgram, ""},
		"of who is not in the team":      {func(g *Ground) { g.ofTeam("eve@agency.example") }, nobodys, bare, ""},
		"of a team that does not exist":  {func(g *Ground) { g.ofTeam("bob@agency.example"); g.Team = nil }, nobodys, bare, v1alpha1.ReasonTeamNotFound},
		"of the team as a whole":         {func(g *Ground) { g.ofTeam(""); g.Team = nil }, activeLink, atProgram, ""},
		"of somebody else, of a revoked": {func(g *Ground) {
			g.Link.Spec.Member = &v1alpha1.LinkMember{Email: "eve@example.com"}
			revoked(v1alpha1.LinkDeactivate)(g)
		}, dead, "", v1alpha1.ReasonMemberNotFound},

		"the partnership is to be made by an acceptance": {func(g *Ground) { g.Partnership, g.IsInvited = nil, true }, dead, "", v1alpha1.ReasonAwaitingAcceptance},
		"the partnership was never seen":                 {func(g *Ground) { g.Partnership = nil }, dead, "", v1alpha1.ReasonPartnershipNotFound},
		"removed without a word":                         {func(g *Ground) { g.remove() }, nobodys, bare, ""},
		"removed, links lead on":                         {func(g *Ground) { g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkRedirect; g.remove() }, nobodys, bare, ""},
		"removed, links are kept":                        {func(g *Ground) { g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep; g.remove() }, activeLink, atProgram, ""},
		"removed, links are ended":                       {func(g *Ground) { g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkDeactivate; g.remove() }, dead, "", ""},
		"removed and kept, but suspended": {func(g *Ground) {
			g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep
			g.remove()
			g.Catalog.Programs["referral"].Spec.Suspend = true
		}, nobodys, bare, ""},
		"removed while it was revoked": {func(g *Ground) { revoked(v1alpha1.LinkDeactivate)(g); g.remove() }, dead, "", ""},
		"removed, the program moves on": {func(g *Ground) {
			g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep
			g.remove()
			g.gold().Destination = "https://gold.example/x"
		}, activeLink, "https://gold.example/x?ref=ada-summer", ""},
		"removed, and the program too": {func(g *Ground) { g.Partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep; g.remove(); g.end() }, nobodys, bare, ""},
		"given back to a new one":      {func(g *Ground) { p := g.Partnership; g.remove(); g.Partnership = p }, activeLink, atProgram, ""},

		"the program is gone":              {func(g *Ground) { g.settle(); g.end() }, nobodys, bare, v1alpha1.ReasonProgramNotFound},
		"the program is gone, own":         {func(g *Ground) { g.own("https://acme.example/?ref=ada-summer"); g.settle(); g.end() }, nobodys, "https://acme.example/", v1alpha1.ReasonProgramNotFound},
		"the program was never there":      {func(g *Ground) { g.end() }, dead, "", v1alpha1.ReasonProgramNotFound},
		"the program is gone, and revoked": {func(g *Ground) { revoked(v1alpha1.LinkDeactivate)(g); g.settle(); g.end() }, dead, "", v1alpha1.ReasonProgramNotFound},
		"in a group of another program": {func(g *Ground) {
			g.Partnership.Spec.GroupRef.Name = "other"
			g.Catalog.Groups["other"].Spec.Links.Destination = "https://other.example/"
		}, activeLink, atProgram, ""},
		"in a group that is gone": {func(g *Ground) { g.gold().Destination = "https://gold.example/"; delete(g.Catalog.Groups, "gold") }, activeLink, atProgram, ""},
		"the default group's destination": {func(g *Ground) {
			g.Partnership.Spec.GroupRef = nil
			g.Catalog.Programs["referral"].Spec.DefaultGroupRef = &v1alpha1.GroupReference{Name: "silver"}
			g.Catalog.Groups["silver"].Spec.Links.Destination = "https://silver.example/"
		}, activeLink, "https://silver.example/?ref=ada-summer", ""},
		"a portal that is closed to them": {func(g *Ground) { g.Partnership.Spec.PortalAccess = v1alpha1.PortalAccessDisabled }, activeLink, atProgram, ""},
		"its own has a host that went away": {func(g *Ground) {
			g.own("https://acme.example/s")
			g.settle()
			g.links().Destination = "https://new.example/"
		}, dead, "", v1alpha1.ReasonDestinationRefused},
	} {
		t.Run(name, func(t *testing.T) {
			g := ground()
			test.change(&g)
			state, address := g.Answer()
			if state != test.state || address != test.address {
				t.Errorf("Answer = %s %q, want %s %q", state, address, test.state, test.address)
			}
			g.checkStatus(t, test.state, test.reason)
		})
	}
}

// checkStatus checks that status says what the link does, and stays so.
func (g Ground) checkStatus(t *testing.T, state v1alpha1.LinkState, reason string) {
	t.Helper()
	status := Decide(g, "https://partners.acme.example/r/acme/ada-summer")
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if reason == "" {
		reason = string(state)
	}
	if status.State != state || ready == nil || ready.Reason != reason || (ready.Status == metav1.ConditionTrue) != (reason == string(state) || reason == v1alpha1.ReasonAwaitingAcceptance) {
		t.Errorf("status says %s, %+v", status.State, ready)
	}
	abnormal := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReconciling) || meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionStalled)
	if abnormal == (ready.Status == metav1.ConditionTrue) {
		t.Errorf("Reconciling and Stalled do not fit: %+v", status.Conditions)
	}
	if in := g.program(); in != nil && strings.Contains(status.Destination, Parameter(in)+"=") {
		t.Errorf("the destination carries the parameter: %s", status.Destination)
	}
	link := g.Link.DeepCopy()
	link.Status = status
	g.Link, g.Now = link, g.Now.Add(time.Hour)
	if diff := cmp.Diff(status, Decide(g, status.URL)); diff != "" {
		t.Errorf("it does not settle:\n%s", diff)
	}
}

// Who is not in the team, or not any more, is missing, and nothing is wrong with the link.
func TestMemberNotFound(t *testing.T) {
	for member, want := range map[v1alpha1.EmailAddress]string{"eve@agency.example": v1alpha1.ReasonMemberNotFound, "bob@agency.example": v1alpha1.ReasonResolvedRefs} {
		g := ground()
		g.ofTeam(member)
		status := Decide(g, "https://partners.acme.example/r/acme/ada-summer")
		if refs := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionResolvedRefs); refs == nil || refs.Reason != want {
			t.Errorf("%s: %+v", member, refs)
		}
	}
}

// A condition that stays is not taken away and set again, which would lose since when it stands.
func TestDecideKeepsTimes(t *testing.T) {
	g := ground()
	g.links().Destination = ""
	g.settle()
	g.Now = g.Now.Add(time.Hour)
	g.own("https://evil.example/")
	g.settle()
	for _, c := range g.Link.Status.Conditions {
		if !c.LastTransitionTime.Time.Equal(now) {
			t.Errorf("%s changed its time", c.Type)
		}
	}
}

func TestHosts(t *testing.T) {
	g := ground()
	g.gold().Destination = "https://gold.example:8443/x"
	g.Catalog.Groups["silver"].Spec.Links.Destination = "https://ACME.example/"
	if got := Hosts(g.program(), g.Catalog); !slices.Equal(got, []string{"acme.example", "gold.example"}) {
		t.Errorf("Hosts = %q", got)
	}
	g.links().Destination, g.gold().Destination, g.Catalog.Groups["silver"].Spec.Links.Destination = "", "", ""
	d, _ := ParseDestination("https://acme.example/")
	if err := Allows(g.program(), g.Catalog, g.Portal, d); err == nil {
		t.Error("a host is allowed though none is named")
	}
}

func TestTransition(t *testing.T) {
	of := func(state v1alpha1.LinkState) v1alpha1.PartnerLinkStatus {
		return v1alpha1.PartnerLinkStatus{State: state}
	}
	for name, test := range map[string]struct {
		before, after v1alpha1.LinkState
		want          string
	}{
		"the first state":    {"", activeLink, ""},
		"no change":          {nobodys, nobodys, ""},
		"counts for nobody":  {activeLink, nobodys, "Unattributed"},
		"is not found":       {activeLink, dead, "Deactivated"},
		"counts for them":    {dead, activeLink, "Active"},
		"leads on after all": {dead, nobodys, "Unattributed"},
	} {
		t.Run(name, func(t *testing.T) {
			e, changed := Transition(of(test.before), of(test.after))
			if e.Reason != test.want || changed != (test.want != "") {
				t.Errorf("Transition = %+v, %v", e, changed)
			}
		})
	}
}

// ofTeam makes the link one of a member of a team, which bob is in.
func (g *Ground) ofTeam(member v1alpha1.EmailAddress) {
	g.Partnership.Spec.Contact, g.Partnership.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
	g.Link.Spec.Member = nil
	if member != "" {
		g.Link.Spec.Member = &v1alpha1.LinkMember{Email: member}
	}
	g.Team = &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "olga@agency.example"}}}
	g.Team.Status.Members = []v1alpha1.TeamMember{
		{Email: "olga@agency.example", Role: v1alpha1.RoleOwner, State: v1alpha1.MemberActive},
		{Email: "bob@agency.example", Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive},
		{Email: "eve@agency.example", Role: v1alpha1.RoleMember, State: v1alpha1.MemberRemoved},
	}
}

// A program that revoked a member as a person is shut to them in the team, too, so their link there counts for nobody.
func TestALinkOfAMemberWhoIsShutOut(t *testing.T) {
	for name, test := range map[string]struct {
		program string
		revoked bool
		member  v1alpha1.EmailAddress
		want    v1alpha1.LinkState
	}{
		"revoked in the program":      {"referral", true, "bob@agency.example", v1alpha1.LinkUnattributed},
		"revoked in another":          {"reseller", true, "bob@agency.example", v1alpha1.LinkActive},
		"a partner of the program":    {"referral", false, "bob@agency.example", v1alpha1.LinkActive},
		"revoked, of the team at all": {"referral", true, "", v1alpha1.LinkActive},
	} {
		t.Run(name, func(t *testing.T) {
			g := ground()
			g.ofTeam(test.member)
			own := v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: test.program}}}
			if test.revoked {
				own.Spec.Revocation = &v1alpha1.Revocation{}
			}
			if test.member != "" {
				g.Own = []v1alpha1.Partnership{own}
			}
			status := Decide(g, "https://partners.example.com/r/acme/blog")
			resolved := meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionResolvedRefs)
			if status.State != test.want || !resolved {
				t.Errorf("it is %s, and everything resolves: %v", status.State, resolved)
			}
		})
	}
}
