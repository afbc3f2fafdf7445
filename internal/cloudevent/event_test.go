package cloudevent

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var (
	start    = time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	observer = Observer{Portal: "https://partners.example.com"}
)

func at(minutes int) *metav1.Time {
	return &metav1.Time{Time: start.Add(time.Duration(minutes) * time.Minute)}
}

func named(name, version string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID("uid-of-" + name), ResourceVersion: version, CreationTimestamp: *at(-60)}
}

// An object of each kind, in a state.

func invite(state v1alpha1.InviteState, serial int64) *v1alpha1.PartnerInvite {
	i := &v1alpha1.PartnerInvite{ObjectMeta: named("ada", "7")}
	i.Spec.Contact = v1alpha1.Contact{Email: "ada.lovelace@bigcorp.example", FirstName: "Ada"}
	i.Status.State, i.Status.StateTime, i.Status.Serial = state, at(0), serial
	return i
}

func partnership(state v1alpha1.PartnershipState) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{ObjectMeta: named("ada-referral", "7")}
	p.Spec = v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "ada.lovelace@bigcorp.example"},
		Source: v1alpha1.SourceInvite, CustomFields: v1alpha1.CustomFields{"crm-id": "4711"},
	}
	p.Status.State, p.Status.StateTime, p.Status.Group = state, at(0), "gold"
	if state == v1alpha1.PartnershipActive {
		p.Status.ActivatedTime = at(0)
	}
	p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionActive, Reason: "Because"}}
	return p
}

func link(state v1alpha1.LinkState) *v1alpha1.PartnerLink {
	l := &v1alpha1.PartnerLink{ObjectMeta: named("ada-summer", "7")}
	l.Spec = v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: "ada-referral"}}
	l.Status.State, l.Status.StateTime, l.Status.URL = state, at(0), "https://partners.example.com/r/acme/ada-summer"
	return l
}

func team(members ...v1alpha1.TeamMember) *v1alpha1.PartnerTeam {
	t := &v1alpha1.PartnerTeam{ObjectMeta: named("agency", "7")}
	t.Status.Members, t.Status.MemberSalt = members, "mfrggzdfmztwq2lknnwg23tpob"
	return t
}

func member(state v1alpha1.TeamMemberState, role v1alpha1.TeamRole, serial int64) v1alpha1.TeamMember {
	m := v1alpha1.TeamMember{Email: "bob.builder@agency.example", State: state, Role: role, Serial: serial}
	m.InvitedTime, m.JoinedTime, m.EndedTime = at(1), at(2), at(3)
	return m
}

func program(suspended bool) *v1alpha1.Program {
	return &v1alpha1.Program{ObjectMeta: named("referral", "7"), Spec: v1alpha1.ProgramSpec{Suspend: suspended}}
}

// now is later than all that happened.
var now = *at(10)

// A change, and the types of its events in order.
type change struct {
	before, after metav1.Object
	want          []string
}

func changes() map[string]change {
	none := []string(nil)
	moved, movedAgain := partnership(v1alpha1.PartnershipActive), partnership(v1alpha1.PartnershipActive)
	moved.Status.LastMove = &v1alpha1.GroupMove{From: "silver", To: "gold", Time: *at(1)}
	movedAgain.Status.LastMove = &v1alpha1.GroupMove{From: "gold", To: "silver", Time: *at(2)}
	again := partnership(v1alpha1.PartnershipActive)
	again.Status.StateTime = at(5)
	resent := invite(v1alpha1.InviteSent, 2)
	owner, admin := member(v1alpha1.MemberActive, v1alpha1.RoleOwner, 0), member(v1alpha1.MemberActive, v1alpha1.RoleAdmin, 0)
	carl := member(v1alpha1.MemberActive, v1alpha1.RoleAdmin, 3)
	carl.Email = "carl@agency.example"
	carlOwns := carl
	carlOwns.Role = v1alpha1.RoleOwner
	table := map[string]change{
		"a program that was there":       {nil, program(false), []string{"program.created"}},
		"a suspended one that was there": {nil, program(true), []string{"program.created"}},
		"a program is suspended":         {program(false), program(true), []string{"program.suspended"}},
		"and goes on":                    {program(true), program(false), []string{"program.resumed"}},
		"nothing happens to it":          {program(true), program(true), none},
		"a program is deleted":           {program(true), nil, []string{"program.removed"}},

		"an invite is new":           {nil, invite("", 0), none},
		"an invite is sent":          {invite(v1alpha1.InvitePending, 1), invite(v1alpha1.InviteSent, 1), []string{"partnerinvite.sent"}},
		"it is seen again":           {invite(v1alpha1.InviteSent, 1), invite(v1alpha1.InviteSent, 1), none},
		"it is sent again":           {invite(v1alpha1.InvitePending, 2), resent, []string{"partnerinvite.sent"}},
		"that alone is seen":         {invite(v1alpha1.InviteSent, 1), resent, []string{"partnerinvite.sent"}},
		"an invite is deleted":       {invite(v1alpha1.InviteHeld, 1), nil, []string{"partnerinvite.removed"}},
		"a partnership is new":       {nil, partnership(""), none},
		"a partnership was there":    {nil, partnership(v1alpha1.PartnershipActive), []string{"partnership.active"}},
		"it comes back to its state": {partnership(v1alpha1.PartnershipActive), again, []string{"partnership.active"}},
		"a partner moves":            {partnership(v1alpha1.PartnershipActive), moved, []string{"partnership.moved"}},
		"and once more":              {moved, movedAgain, []string{"partnership.moved"}},
		"a partnership is deleted":   {moved, nil, []string{"partnership.removed"}},
		"a link is deleted":          {link(v1alpha1.LinkActive), nil, []string{"partnerlink.removed"}},

		"a team comes with its owner": {nil, team(owner), []string{"partnerteam.created", "partnerteam.memberactive"}},
		"a team gets its owner":       {team(), team(owner), []string{"partnerteam.memberactive"}},
		"a member signs in":           {team(owner), team(owner), none},
		"a role changes":              {team(owner, carl), team(owner, func() v1alpha1.TeamMember { m := carl; m.Role = v1alpha1.RoleFinance; return m }()), []string{"partnerteam.rolechanged"}},
		"the team is handed over":     {team(owner, carl), team(admin, carlOwns), []string{"partnerteam.handedover"}},
		"a team is deleted":           {team(owner), nil, []string{"partnerteam.removed"}},
		"one is proposed":             {team(), team(member(v1alpha1.MemberAwaitingApproval, v1alpha1.RoleMember, 2)), []string{"partnerteam.memberawaitingapproval"}},
		"one who was proposed before": {nil, team(member(v1alpha1.MemberAwaitingApproval, v1alpha1.RoleMember, 2)), []string{"partnerteam.created"}},
		"one is invited again":        {team(member(v1alpha1.MemberInvited, v1alpha1.RoleMember, 2)), team(member(v1alpha1.MemberInvited, v1alpha1.RoleMember, 4)), []string{"partnerteam.memberinvited"}},
		"a group":                     {nil, &v1alpha1.PartnerGroup{ObjectMeta: named("gold", "7")}, none},
		"a group is deleted":          {&v1alpha1.PartnerGroup{ObjectMeta: named("gold", "7")}, nil, none},
		"nothing at all":              {nil, nil, none},
	}
	old := partnership(v1alpha1.PartnershipActive)
	old.Status.StateTime = nil
	locked, opened := partnership(v1alpha1.PartnershipActive), partnership(v1alpha1.PartnershipActive)
	locked.Status.ActivatedTime, opened.Status.ActivatedTime = nil, at(3)
	table["a partnership without its program"] = change{partnership(""), locked, none}
	table["its program comes"] = change{locked, opened, []string{"partnership.active"}}
	table["a partnership of before there were times"] = change{nil, old, none}
	return table
}

// Every state that the API knows is told, or known not to be.
func everyState(t *testing.T) map[string]change {
	t.Helper()
	table := map[string]change{}
	for state := range states(t, "partnerinvite_types.go", "InviteState") {
		one := change{invite(v1alpha1.InvitePending, 1), invite(v1alpha1.InviteState(state), 1), []string{"partnerinvite." + strings.ToLower(state)}}
		if state == "Pending" || state == "Held" {
			one.want = nil
		}
		table["an invite becomes "+state] = one
	}
	for state := range states(t, "partnership_types.go", "PartnershipState") {
		table["a partnership becomes "+state] = change{partnership(""), partnership(v1alpha1.PartnershipState(state)), []string{"partnership." + strings.ToLower(state)}}
	}
	for state := range states(t, "partnerlink_types.go", "LinkState") {
		table["a link becomes "+state] = change{link(""), link(v1alpha1.LinkState(state)), []string{"partnerlink." + strings.ToLower(state)}}
	}
	for state := range states(t, "team_member.go", "TeamMemberState") {
		becomes := v1alpha1.TeamMemberState(state)
		table["a member becomes "+state] = change{team(), team(member(becomes, v1alpha1.RoleMember, 1)), []string{"partnerteam.member" + strings.ToLower(state)}}
	}
	return table
}

// states are the constants of a type of states.
func states(t *testing.T, file, of string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../api/v1alpha1", file))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, constant := range regexp.MustCompile(`(?m)^\t\w+ +`+of+` = "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		found[constant[1]] = true
	}
	if len(found) < 3 {
		t.Fatalf("%s: found %d of %s", file, len(found), of)
	}
	return found
}

func TestChanges(t *testing.T) {
	told := map[string]bool{}
	table := changes()
	for name, test := range everyState(t) {
		table[name] = test
	}
	for name, test := range table {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range observer.Changes(test.before, test.after, now.Time) {
				kind := strings.TrimPrefix(e.Type, TypePrefix)
				got = append(got, kind)
				told[kind] = true
				complete(t, e)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+\\.[a-z]+)` \\|").FindAllStringSubmatch(page(t), -1) {
		documented[row[1]] = true
	}
	if diff := cmp.Diff(told, documented); diff != "" {
		t.Errorf("what is told (-) and the table of docs/events.md (+) differ:\n%s", diff)
	}
}

// complete checks what CloudEvents 1.0 and our own rules ask of every event.
func complete(t *testing.T, e Event) {
	t.Helper()
	encoded, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	for _, attribute := range []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype"} {
		if text, _ := got[attribute].(string); text == "" {
			t.Errorf("%s: %s is missing", e.Type, attribute)
		}
	}
	if got["specversion"] != "1.0" || e.Type != strings.ToLower(e.Type) {
		t.Errorf("%s: not as CloudEvents and the contract have it", encoded)
	}
	for _, secret := range []string{"lovelace", "bigcorp", "builder", "carl", "agency.example"} {
		if strings.Contains(string(encoded), secret) {
			t.Errorf("%s tells of an address", encoded)
		}
	}
	data := got["data"].(map[string]any)
	for field := range data {
		if !strings.Contains(page(t), "`"+field+"`") {
			t.Errorf("docs/events.md does not tell of data.%s", field)
		}
	}
}

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The same thing has the same ID whoever sees it and however often, and two things never have the same.
func TestIDs(t *testing.T) {
	table := changes()
	for name, test := range everyState(t) {
		table[name] = test
	}
	for name, test := range table {
		for n, e := range observer.Changes(test.before, test.after, now.Time) {
			if again := observer.Changes(test.before, test.after, now.Add(time.Hour))[n]; again.ID != e.ID {
				t.Errorf("%s: %s, an hour later %s", name, e.ID, again.ID)
			}
			if test.before == nil || test.after == nil {
				continue
			}
			for _, late := range observer.Changes(nil, test.after, now.Time) {
				if late.Type == e.Type && late.ID != e.ID {
					t.Errorf("%s: seen happening %s, found later %s", name, e.ID, late.ID)
				}
			}
		}
		ids := []string{}
		for _, e := range observer.Changes(test.before, test.after, now.Time) {
			ids = append(ids, e.ID)
		}
		slices.Sort(ids)
		for n, id := range ids {
			if n > 0 && ids[n-1] == id {
				t.Errorf("%s: %s comes twice", name, id)
			}
		}
	}
	first := observer.Changes(invite(v1alpha1.InvitePending, 1), invite(v1alpha1.InviteSent, 1), now.Time)[0]
	second := observer.Changes(invite(v1alpha1.InvitePending, 2), invite(v1alpha1.InviteSent, 2), now.Time)[0]
	if first.ID == second.ID {
		t.Errorf("two mails in one second have the ID %s", first.ID)
	}
}

// Active is told with the time at which access began, so that who looks for what is younger finds it, and with the same ID as
// ever.
func TestActiveIsToldOnceThereIsAccess(t *testing.T) {
	p := partnership(v1alpha1.PartnershipActive)
	for _, test := range []struct{ entered, activated, want *metav1.Time }{{at(0), at(0), at(0)}, {at(0), at(3), at(3)}, {at(5), at(0), at(5)}} {
		p.Status.StateTime, p.Status.ActivatedTime = test.entered, test.activated
		events := observer.Changes(nil, p, now.Time)
		if len(events) != 1 || !events[0].Time.Equal(test.want.Time) || events[0].ID != "uid-of-ada-referral.active."+second(test.entered.Time) {
			t.Errorf("entered at %s, with access from %s: %+v", test.entered, test.activated, events)
		}
	}
}

func TestData(t *testing.T) {
	moved := partnership(v1alpha1.PartnershipActive)
	moved.Status.LastMove = &v1alpha1.GroupMove{From: "silver", To: "gold", Time: *at(1)}
	moved.Status.Acceptance = &v1alpha1.PartnershipAcceptance{InviteRef: v1alpha1.InviteReference{Name: "ada-invitation"}}
	of := observer.Changes(partnership(v1alpha1.PartnershipActive), moved, now.Time)[0]
	want := Event{
		SpecVersion: "1.0", ID: "uid-of-ada-referral.moved.1798804860", Source: "https://partners.example.com/t/acme",
		Type: "io.partner-operator.partnership.moved", Subject: "partnerships/ada-referral", Time: at(1).Time, DataContentType: "application/json",
		Data: Data{
			APIVersion: "partner-operator.io/v1alpha1", Kind: "Partnership", Namespace: "acme", Name: "ada-referral", UID: "uid-of-ada-referral",
			State: "Active", Reason: "Because", Program: "referral", Group: "gold", PreviousGroup: "silver", Address: "***",
			Origin: "Invite", Invite: "ada-invitation", CustomFields: v1alpha1.CustomFields{"crm-id": "4711"},
		},
	}
	if diff := cmp.Diff(want, of); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	boss := member(v1alpha1.MemberActive, v1alpha1.RoleOwner, 1)
	made := partnership(v1alpha1.PartnershipActive)
	made.Labels = map[string]string{v1alpha1.InviteLabel: "ada"}
	if got := observer.Changes(nil, made, now.Time)[0].Data.Invite; got != "ada" {
		t.Errorf("it came from the invite %q", got)
	}
	is := observer.Changes(team(member(v1alpha1.MemberActive, v1alpha1.RoleAdmin, 1)), team(boss), now.Time)[0].Data.Member
	if diff := cmp.Diff(&Member{ID: is.ID, Address: "***", Role: "Owner", State: "Active", PreviousRole: "Admin"}, is); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// The IDs of a team's people stay the same for other systems, and nobody outside the cluster finds whose they are by trying
// addresses. That a team gets its salt is nothing that happened to them.
func TestMemberIDs(t *testing.T) {
	is := member(v1alpha1.MemberInvited, v1alpha1.RoleMember, 2)
	one := team(is)
	idOf := func(t *v1alpha1.PartnerTeam) string { return observer.Changes(team(), t, now.Time)[0].Data.Member.ID }
	id := idOf(one)
	if len(id) != 20 || idOf(team(is)) != id {
		t.Errorf("the ID is %q", id)
	}
	for _, text := range []string{string(one.UID) + "\n" + string(is.Email), string(is.Email)} {
		if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text))); strings.HasPrefix(sum, id[:12]) {
			t.Errorf("the ID %s is found from %q", id, text)
		}
	}
	other := team(is)
	other.Status.MemberSalt = "another"
	if idOf(other) == id {
		t.Error("the ID does not depend on the salt")
	}
	before := team(is)
	before.Status.MemberSalt = ""
	if events := observer.Changes(before, team(is), now.Time); len(events) > 0 {
		t.Errorf("a salt is told as %v", events)
	}
}

// However much a company writes into its fields, an event stays small.
func TestEncodeIsBounded(t *testing.T) {
	p := partnership(v1alpha1.PartnershipActive)
	for n := range 50 {
		p.Spec.CustomFields[fmt.Sprintf("field-%d", n)] = v1alpha1.CustomFieldValue(strings.Repeat("ü", 1024))
	}
	encoded, err := observer.Changes(nil, p, now.Time)[0].Encode()
	if err != nil || len(encoded) > MaxSize || !strings.Contains(string(encoded), `"truncated":true`) {
		t.Errorf("%d bytes, %v", len(encoded), err)
	}
}
