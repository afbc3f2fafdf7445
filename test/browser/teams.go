package browser

// teamOfFour is a team that the company made, with people of every role, and some who are not in it.
var teamOfFour = inTurn(applies(agency), awaits("PartnerTeam", "agency", "status.activeMembers", "1"),
	awaits("Partnership", "agency-referral", "status.state", "Active"), pretends("PartnerTeam", "agency", crew),
	changes("PartnerTeam", "agency", `{"spec": {"displayName": "Agency GmbH"}}`)) // until the operator knows of the people, too

// teamOf shows the page of the team to somebody in it.
func teamOf(who string) Step {
	return inTurn(teamOfFour, signsIn(who), opens("teams/agency"))
}

// joinsTeam invites Carl into the team, and opens the link of his mail in a browser of his own.
var joinsTeam = inTurn(teamOf(olga), types("Mail address", carl), follows("Send the invitation"), inAnotherBrowser, mailed(carl, "teammate-invite"))

var teams = []Page{
	{"team-owner", 200, "Invite somebody", []Step{teamOf(olga)}},
	{"team-admin", 200, "Invite somebody", []Step{teamOf(bob)}},
	{"team-member", 200, "Leave the team", []Step{teamOf(mary)}},
	{"team-change", 200, "Make them the owner", []Step{teamOf(olga), clicks("Change bob@agency.example")}},
	{"team-left", 200, "not in the team any more", []Step{teamOf(olga), clicks("Not in the team")}},
	{"team-leave", 200, "Leave Agency GmbH", []Step{teamOf(mary), clicks("Leave the team")}},
	{"team-search-nobody", 200, "Nobody is found", []Step{teamOf(olga), types("Search", "zebra"), follows("Search")}},
	{"team-waiting", 200, "Waiting for your answer", []Step{
		teamOfFour, applies(moreTeammates), signsIn(olga), reopens("teams/agency", "dora@agency.example"),
	}},
	{"team-done", 200, "The invitation is on its way", []Step{teamOf(olga), types("Mail address", carl), follows("Send the invitation")}},
	{"team-error", 422, "That did not work", []Step{teamOf(olga), types("Mail address", "carl"), follows("Send the invitation")}},
	{"team-too-late", 409, "This person is in the team already", []Step{teamOf(olga), types("Mail address", bob), follows("Send the invitation")}},
	{"team-not-allowed", 403, "Your role does not allow that", []Step{
		teamOf(bob), types("Mail address", carl),
		pretends("PartnerTeam", "agency", `{"status": {"members": [
			{"email": "olga@agency.example", "role": "Owner", "state": "Active", "source": "Owner"},
			{"email": "bob@agency.example", "role": "Member", "state": "Active", "source": "Team"}
		]}}`), follows("Send the invitation"),
	}},
	{"team-not-yours", 404, "This link does not work", []Step{partner, opens("teams/agency")}},

	{"member", 200, "you are invited to join Agency GmbH", []Step{
		teamOfFour, applies(moreTeammates), mailed(olga, "teammate-approval"), follows("Approve"), inAnotherBrowser, mailed(carl, "teammate-invite"),
	}},
	{"member-wrong-address", 422, "sent to another address", []Step{joinsTeam, types("email", eve), follows("Join the team")}},
	{"member-expired", 410, "Please ask the owner or an admin", []Step{
		joinsTeam, pretends("PartnerTeam", "agency", `{"status": {"members": [
			{"email": "olga@agency.example", "role": "Owner", "state": "Active", "source": "Owner"},
			{"email": "carl@agency.example", "role": "Member", "state": "Invited", "source": "Team", "serial": 101, "sentTime": "2026-01-01T10:00:00Z", "expiryTime": "2026-01-08T10:00:00Z"}
		]}}`), again(410),
	}},
	{"member-dead", 410, "invite you again", []Step{
		joinsTeam, pretends("PartnerTeam", "agency", `{"status": {"members": [
			{"email": "olga@agency.example", "role": "Owner", "state": "Active", "source": "Owner"},
			{"email": "carl@agency.example", "role": "Member", "state": "Invited", "source": "Team", "serial": 101, "wrongAddresses": 10, "sentTime": "2026-01-01T10:00:00Z"}
		]}}`), again(410),
	}},
	{"approval", 200, "Should this person join Agency GmbH?", []Step{teamOfFour, applies(moreTeammates), mailed(olga, "teammate-approval")}},
	{"approval-decided", 409, "There is nothing left to decide", []Step{
		teamOfFour, applies(moreTeammates), mailed(olga, "teammate-approval"), follows("Approve"), again(409),
	}},
}
