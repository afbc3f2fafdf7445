package grant

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the table of doors into docs/partnerships.md")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func at(hours time.Duration) *metav1.Time { return &metav1.Time{Time: noon.Add(hours * time.Hour)} }

// person is a partnership of ann's own in the program referral.
func person(changes ...func(*v1alpha1.Partnership)) []v1alpha1.Partnership {
	p := v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "ann@x.example"}, Source: v1alpha1.SourceAdmin,
	}}
	for _, change := range changes {
		change(&p)
	}
	return []v1alpha1.Partnership{p}
}

func in(program string) func(*v1alpha1.Partnership) {
	return func(p *v1alpha1.Partnership) { p.Spec.ProgramRef.Name = program }
}

func closed(p *v1alpha1.Partnership) { p.Spec.PortalAccess = v1alpha1.PortalAccessDisabled }

func invited(p *v1alpha1.Partnership) { p.Spec.Invitation = v1alpha1.InvitationSend }

func waiting(p *v1alpha1.Partnership) { p.Spec.Onboarding = v1alpha1.OnboardingApproval }

func calledOff(p *v1alpha1.Partnership) {
	p.Spec.Revocation, p.Status.RevokedTime = &v1alpha1.Revocation{}, at(0)
}

func ranOut(p *v1alpha1.Partnership) { p.Spec.ValidUntil = v1alpha1.NewTimestamp(noon) }

func turnedDown(p *v1alpha1.Partnership) {
	p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
	p.Status.HandledApproval = &v1alpha1.HandledApproval{Decision: v1alpha1.ApprovalRejected, Time: at(0)}
}

func sentOn(p *v1alpha1.Partnership) {
	p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved, JoinTeamRef: &v1alpha1.TeamReference{Name: "agency"}}
}

// of is a team that is called so, with ann in it as said.
func of(name string, ann v1alpha1.TeamMember, partnerships []v1alpha1.Partnership) Membership {
	t := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "owner@x.example"}}}
	ann.Email = "ann@x.example"
	if ann.Role == v1alpha1.RoleOwner {
		t.Status.Owner = &v1alpha1.TeamOwner{Email: ann.Email}
	}
	t.Status.Members = []v1alpha1.TeamMember{ann}
	for i := range partnerships {
		partnerships[i].Spec.Contact, partnerships[i].Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: name}
	}
	return Membership{Team: t, Partnerships: partnerships}
}

func role(r v1alpha1.TeamRole) v1alpha1.TeamMember {
	return v1alpha1.TeamMember{Role: r, State: v1alpha1.MemberActive, JoinedTime: at(-100)}
}

func gone(joined, left time.Duration) v1alpha1.TeamMember {
	return v1alpha1.TeamMember{Role: v1alpha1.RoleMember, State: v1alpha1.MemberRemoved, JoinedTime: at(joined), EndedTime: at(left)}
}

// people are those whom the end of a team at noon concerns or not.
var people = []struct {
	name   string
	member v1alpha1.TeamMember
	was    bool // what is noted of them
	out    bool // the end keeps them out
}{
	{"owner", role(v1alpha1.RoleOwner), true, true},
	{"admin", role(v1alpha1.RoleAdmin), true, true},
	{"member", role(v1alpha1.RoleMember), true, true},
	{"finance", role(v1alpha1.RoleFinance), true, true},
	{"left before", gone(-100, -1), false, false},
	{"left before, which is not noted yet", gone(-100, -1), true, false},
	{"left later", gone(-100, 1), true, true},
	{"left later, never noted", gone(-100, 1), false, true},
	{"left before, and in again later", v1alpha1.TeamMember{Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive, JoinedTime: at(1)}, false, false},
	{"left later, and in again", v1alpha1.TeamMember{Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive, JoinedTime: at(2)}, true, true},
	{"left later, and asked again", v1alpha1.TeamMember{Role: v1alpha1.RoleMember, State: v1alpha1.MemberInvited, JoinedTime: at(-100)}, true, true},
	{"asked, never in", v1alpha1.TeamMember{Role: v1alpha1.RoleMember, State: v1alpha1.MemberInvited}, false, false},
}

func TestStand(t *testing.T) {
	type row struct {
		past Past
		want End
	}
	rows := map[string]row{
		"nobody":                     {Past{}, EndNone},
		"in another program":         {Past{Partnerships: person(in("reseller"))}, EndNone},
		"active":                     {Past{Partnerships: person()}, EndActive},
		"active, removed before":     {Past{Partnerships: person(), Removed: true}, EndActive},
		"without the portal":         {Past{Partnerships: person(closed)}, EndClosed},
		"invited":                    {Past{Partnerships: person(invited)}, EndInvited},
		"waits":                      {Past{Partnerships: person(waiting)}, EndWaiting},
		"revoked":                    {Past{Partnerships: person(calledOff)}, EndRevoked},
		"expired":                    {Past{Partnerships: person(ranOut)}, EndExpired},
		"rejected":                   {Past{Partnerships: person(turnedDown)}, EndRejected},
		"removed":                    {Past{Removed: true}, EndRemoved},
		"revoked, and in a team":     {Past{Partnerships: person(calledOff), Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person())}}, EndRevoked},
		"removed, and in a team":     {Past{Removed: true, Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person())}}, EndInTeam},
		"sent on":                    {Past{Partnerships: person(sentOn)}, EndWaiting},
		"sent on, and asked":         {Past{Partnerships: person(sentOn), Teams: []Membership{of("agency", v1alpha1.TeamMember{State: v1alpha1.MemberInvited}, person())}}, EndWaiting},
		"sent on, and in it":         {Past{Partnerships: person(sentOn), Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person())}}, EndInTeam},
		"sent on, and in another":    {Past{Partnerships: person(sentOn), Teams: []Membership{of("other", role(v1alpha1.RoleMember), person())}}, EndWaiting},
		"team in no program":         {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleOwner), nil)}}, EndNone},
		"team in another program":    {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleOwner), person(in("reseller")))}}, EndNone},
		"team without the portal":    {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleOwner), person(closed))}}, EndInTeam},
		"team waits":                 {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person(waiting))}}, EndTeamWaits},
		"team is invited":            {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person(invited))}}, EndTeamWaits},
		"out of a team that waits":   {Past{Teams: []Membership{of("agency", gone(-100, -1), person(waiting))}}, EndNone},
		"team is being revoked":      {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person(revoked))}}, EndTeamEnded},
		"one of two teams was ended": {Past{Teams: []Membership{of("agency", role(v1alpha1.RoleMember), person(calledOff)), of("other", role(v1alpha1.RoleMember), person())}}, EndInTeam},
		"both teams were deleted":    {Past{WasMember: true}, EndTeamRemoved},
		"another, of another program, is there": {
			Past{WasMember: true, Teams: []Membership{of("other", role(v1alpha1.RoleMember), person(in("reseller")))}}, EndTeamRemoved},
	}
	ends := map[string]func(*v1alpha1.Partnership){"revoked": calledOff, "expired": ranOut, "rejected": turnedDown}
	for _, who := range people {
		wanted := func(end End) End {
			if who.out {
				return end
			}
			return EndNone
		}
		for end, change := range ends {
			rows[fmt.Sprintf("team %s: %s", end, who.name)] = row{Past{Teams: []Membership{of("agency", who.member, person(change))}, WasMember: who.was}, wanted(EndTeamEnded)}
		}
		if strings.HasSuffix(who.name, "noted yet") || strings.HasSuffix(who.name, "never noted") {
			continue // a deletion leaves nothing but what is noted
		}
		rows["team's Partnership deleted: "+who.name] = row{Past{Teams: []Membership{of("agency", who.member, nil)}, WasMember: who.was}, wanted(EndTeamRemoved)}
		rows["PartnerTeam deleted: "+who.name] = row{Past{WasMember: who.was}, wanted(EndTeamRemoved)}
	}
	seen := map[End]bool{}
	for name, test := range rows {
		t.Run(name, func(t *testing.T) {
			past := test.past
			past.Program, past.Address, past.Now = "referral", "Ann@X.example", noon.Add(10*time.Hour)
			got := Stand(past)
			if got.End != test.want || got.Join == "" || got.Invite == "" || got.Team == "" {
				t.Errorf("they stand as %+v, want %s", got.Row, test.want)
			}
			seen[got.End] = true
			if about := got.End == EndTeamEnded || got.End == EndInTeam || got.End == EndTeamWaits; about != (got.Through != nil) {
				t.Errorf("the team is %v", got.Through)
			}
		})
	}
	for _, row := range Doors {
		if !seen[row.End] {
			t.Errorf("no case stands as %s", row.End)
		}
	}
}

// What is noted of people follows whom an end would keep out.
func TestWhoIsNoted(t *testing.T) {
	for _, who := range people {
		for name, test := range map[string]struct {
			change   func(*v1alpha1.Partnership)
			is, left bool
		}{
			"active":  {func(*v1alpha1.Partnership) {}, who.member.State == v1alpha1.MemberActive, who.member.State != v1alpha1.MemberActive},
			"revoked": {calledOff, who.out && who.member.State != v1alpha1.MemberInvited && who.member.JoinedTime.Equal(at(-100)), strings.HasPrefix(who.name, "left before") && who.member.State == v1alpha1.MemberRemoved},
		} {
			m := of("agency", who.member, person(test.change))
			is := InTeam(&m.Partnerships[0], &m.Team.Status.Members[0], noon.Add(10*time.Hour))
			left := Left(Past{Program: "referral", Address: "ann@x.example", Teams: []Membership{m}, Now: noon.Add(10 * time.Hour)})
			if is != test.is || left != test.left {
				t.Errorf("%s, %s: in it %v, left %v, want %v, %v", name, who.name, is, left, test.is, test.left)
			}
		}
	}
	still := of("other", role(v1alpha1.RoleMember), person())
	if Left(Past{Program: "referral", Address: "ann@x.example", Teams: []Membership{of("agency", gone(-100, -1), person()), still}, Now: noon}) {
		t.Error("who is in another team has left")
	}
}

const begin, end = "<!-- doors -->\n", "<!-- /doors -->"

// The table in the documentation is that of the rules.
func TestDoorsInTheDocumentation(t *testing.T) {
	var table strings.Builder
	table.WriteString("| what ended | join link | company's invite by mail | through a team | undone by |\n|---|---|---|---|---|\n")
	words := map[InviteDoor]string{InviteSent: "sent", InviteWarned: "sent; `Ready` warns, and names the team"}
	for _, row := range Doors {
		invite := words[row.Invite]
		if invite == "" {
			invite = "not sent: `" + string(row.Invite) + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", row.What, row.Join, invite, row.Team, row.UndoneBy)
	}
	const file = "../../docs/partnerships.md"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	now, after, closes := strings.Cut(rest, end)
	if !found || !closes {
		t.Fatal("there is no place for the table")
	}
	if now == table.String() {
		return
	}
	if !*update {
		t.Fatalf("docs/partnerships.md has another table; go test ./internal/grant -update writes it:\n%s", now)
	}
	if err := os.WriteFile(file, []byte(before+begin+table.String()+end+after), 0o600); err != nil {
		t.Fatal(err)
	}
}
