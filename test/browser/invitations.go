package browser

var (
	// lateInvite lets the time of Ada's invite be over. The change of its spec wakes it, as its timer would have.
	lateInvite = inTurn(awaits("PartnerInvite", "ada", "status.state", "Sent"),
		pretends("PartnerInvite", "ada", `{"status": {"expiryTime": "2026-01-01T00:00:00Z"}}`),
		changes("PartnerInvite", "ada", `{"spec": {"displayName": "Ada"}}`))
	// everywhere invites Ada into every program that the operator knows, which are three.
	everywhere = inTurn(applies(programs), awaits("Program", "reseller", "status.observedGeneration", "1"),
		awaits("Program", "consulting", "status.observedGeneration", "1"), applies(adaEverywhere))
	// suspended suspends the program.
	suspended = changes("Program", "referral", `{"spec": {"suspend": true}}`)
)

var invitations = []Page{
	{"invite", 200, "Ada, you are invited by Acme Partners", []Step{applies(adaInvite), mailed(ada, "invite")}},
	{"invite-several-programs", 200, "Acme Consulting", []Step{everywhere, mailed(ada, "invite")}},
	{"invite-wrong-address", 422, "sent to another address", []Step{
		applies(adaInvite), mailed(ada, "invite"), types("email", eve), follows("Accept the invitation"),
	}},
	{"invite-form", 200, "Please fill in everything", []Step{applies(adaFormInvite), mailed(ada, "invite")}},
	{"invite-form-errors", 422, "Please check these", []Step{
		applies(adaFormInvite), mailed(ada, "invite"), types("Website", "nowhere"), types("Where do invoices go?", "me"), follows("Accept the invitation"),
	}},
	{"invite-new-team", 200, "Who is to be in Agency GmbH?", []Step{applies(newTeam), mailed(olga, "team-invite")}},
	{"invite-for-team", 200, "Only the owner and the admins", []Step{
		teamOfFour, applies(programs, moreProgramsForTheTeam), mailed(olga, "team-invite"),
	}},
	{"invite-for-team-not-yours", 403, "Please ask one of them", []Step{
		teamOfFour, applies(programs, moreProgramsForTheTeam), mailed(olga, "team-invite"), types("email", mary), follows("Accept the invitation"),
	}},
	{"invite-expired", 410, "We can send a new one to a***@example.com", []Step{applies(adaInvite), mailed(ada, "invite"), lateInvite, again(410)}},
	{"invite-expired-for-good", 410, "Please ask whoever invited you", []Step{
		applies(adaInvite), mailed(ada, "invite"), lateInvite,
		changes("PartnerInvite", "ada", `{"spec": {"notAfter": "2026-01-01T00:00:00Z"}}`), again(410, "Please ask whoever"),
	}},
	{"invite-dead", 410, "Too many addresses were typed here", []Step{
		applies(adaInvite), mailed(ada, "invite"), awaits("PartnerInvite", "ada", "status.state", "Sent"),
		pretends("PartnerInvite", "ada", `{"status": {"wrongAddresses": 10}}`), again(410, "Send me a new one"),
	}},
	{"invite-suspended", 403, "This invitation cannot be accepted at the moment", []Step{applies(adaInvite), mailed(ada, "invite"), suspended, again(403)}},
	{"invite-used", 404, "This link does not work", []Step{applies(adaInvite), accepts, inAnotherBrowser, again(404)}},
}
