package cel

import "testing"

// addressed are the places of an address that is immutable: how it is set, and how another one is refused.
var addressed = map[string]struct {
	kind, path, remedy string
	is                 func(email string) edit
}{
	"the contact of an invite": {"PartnerInvite", "spec.contact", inviteContactRemedy, func(email string) edit { return set(contactPath, email) }},
	"a member of a new team": {"PartnerInvite", "spec.team", inviteTeamRemedy, func(email string) edit {
		return all(newTeam, set("spec.team.members", []any{map[string]any{"email": email, "role": "Admin", "firstName": "Bob"}}))
	}},
	"a teammate": {"PartnerInvite", "spec.members", inviteMembersRemedy, func(email string) edit {
		return all(teammates, set("spec.members", []any{map[string]any{"email": email, "role": "Admin", "firstName": "Bob"}}))
	}},
	"the contact of a partnership": {"Partnership", "spec.contact", contactRemedy, func(email string) edit { return set(contactPath, email) }},
	"the first owner of a team":    {"PartnerTeam", "spec.owner", firstOwnerRemedy, func(email string) edit { return set("spec.owner.email", email) }},
	"the member of a link":         {"PartnerLink", "spec.member", memberRemedy, func(email string) edit { return set("spec.member.email", email) }},
}

// respelled are changes of an address after which it is the same one.
var respelled = map[string][2]string{
	"the same address":                            {"Bob@Example.com", "Bob@Example.com"},
	"another case in the domain":                  {"Bob@Example.com", "Bob@example.com"},
	"another case in the local part":              {"Bob@Example.com", "bOB@Example.com"},
	"another case in both":                        {"bob+x@example.com", "BOB+X@EXAMPLE.COM"},
	"another case beside an international domain": {"Bob@bücher.example", "bob@bücher.EXAMPLE"},
}

// readdressed are changes of an address after which it is another one. Those of the last row are the same for mail; but a
// rule of the schema turns ASCII letters alone.
var readdressed = map[string][2]string{
	"another local part":                  {"Bob@Example.com", "Rob@Example.com"},
	"another domain":                      {"Bob@Example.com", "Bob@Example.org"},
	"a tag":                               {"Bob@Example.com", "Bob+x@Example.com"},
	"an international domain in capitals": {"bob@bücher.example", "bob@BÜCHER.example"},
}

func sameAddresses() map[string]attempt {
	rows := map[string]attempt{}
	for place, of := range addressed {
		for name, addresses := range respelled {
			rows[name+" of "+place] = attempt{kind: of.kind, verb: update, given: of.is(addresses[0]), change: of.is(addresses[1])}
		}
	}
	return rows
}

func otherAddresses() map[string]refusal {
	rows := map[string]refusal{}
	for place, of := range addressed {
		for name, addresses := range readdressed {
			rows[name+" of "+place] = refusal{
				attempt{kind: of.kind, verb: update, given: of.is(addresses[0]), change: of.is(addresses[1])}, of.path, of.remedy}
		}
	}
	return rows
}

func TestAnotherSpellingIsTaken(t *testing.T)  { checkAccepted(t, sameAddresses()) }
func TestAnotherAddressIsRefused(t *testing.T) { checkRefused(t, otherAddresses()) }

// What an invite says of people cannot be changed, but for the case of their addresses, and for saying that somebody is
// the Member who they are anyway.
func TestWhatCountsOfPeople(t *testing.T) {
	bob := func(fields ...string) edit {
		person := map[string]any{"email": "bob@agency.example"}
		for i := 0; i < len(fields); i += 2 {
			person[fields[i]] = fields[i+1]
		}
		return set("spec.members", []any{person})
	}
	checkAccepted(t, map[string]attempt{
		"a role is said":     {kind: "PartnerInvite", verb: update, given: all(teammates, bob()), change: bob("role", "Member")},
		"a role is left out": {kind: "PartnerInvite", verb: update, given: all(teammates, bob("role", "Member")), change: bob()},
	})
	refused := func(given, change edit) refusal {
		return refusal{attempt{kind: "PartnerInvite", verb: update, given: all(teammates, given), change: change}, "spec.members", inviteMembersRemedy}
	}
	checkRefused(t, map[string]refusal{
		"another role":                     refused(bob("role", "Admin"), bob("role", "Finance")),
		"a role that is not Member":        refused(bob(), bob("role", "Admin")),
		"a role that is not said any more": refused(bob("role", "Admin"), bob()),
		"another first name":               refused(bob("firstName", "Bob"), bob("firstName", "Rob")),
		"a last name":                      refused(bob(), bob("lastName", "Builder")),
		"a name that moves":                refused(bob("firstName", "Bob"), bob("lastName", "Bob")),
		"somebody twice":                   refused(bob(), set("spec.members", []any{map[string]any{"email": "bob@agency.example"}, map[string]any{"email": "BOB@agency.example"}})),
	})
	team := func(change edit) attempt {
		return attempt{kind: "PartnerInvite", verb: update, given: all(newTeam, set("spec.team.displayName", "Agency"), set("spec.team.members", peopleOf(2))), change: change}
	}
	checkAccepted(t, map[string]attempt{
		"the roles of a new team are said": team(set("spec.team.members", []any{
			map[string]any{"email": "person-0@agency.example", "role": "Member"}, map[string]any{"email": "Person-1@agency.example", "role": "Member"},
		})),
	})
	checkRefused(t, map[string]refusal{
		"another name of a new team":    {team(set("spec.team.name", "studio")), "spec.team", inviteTeamRemedy},
		"another display name of it":    {team(set("spec.team.displayName", "Studio")), "spec.team", inviteTeamRemedy},
		"no display name of it":         {team(unset("spec.team.displayName")), "spec.team", inviteTeamRemedy},
		"fewer people of it":            {team(set("spec.team.members", peopleOf(1))), "spec.team", inviteTeamRemedy},
		"nobody of it":                  {team(unset("spec.team.members")), "spec.team", inviteTeamRemedy},
		"people of it in another order": {team(set("spec.team.members", []any{peopleOf(2)[1], peopleOf(2)[0]})), "spec.team", inviteTeamRemedy},
	})
}
