package browser

// asksToSignIn lets Ada, who is a partner, ask for a sign-in link.
var asksToSignIn = inTurn(applies(adaPartner), awaits("Partnership", "ada", "status.state", "Active"),
	opens("login"), types("email", ada), follows("Send me a link"))

var signingIn = []Page{
	{"login", 200, "For partners.", []Step{opens("login")}},
	{"login-error", 422, "Please type a whole mail address", []Step{opens("login"), types("email", "ada"), follows("Send me a link")}},
	{"login-asked", 200, "Look into your inbox", []Step{opens("login"), types("email", ada), follows("Send me a link")}},
	{"login-signed-out", 200, "You are signed out", []Step{applies(adaInvite), accepts, follows("Sign out")}},
	{"login-declined", 200, "You declined the invitation", []Step{
		applies(adaInvite), mailed(ada, "invite"), types("email", ada), follows("Decline"),
	}},
	{"login-renewed", 200, "A new invitation is on its way", []Step{
		applies(adaInvite), mailed(ada, "invite"), lateInvite, again(410), follows("Send me a new one"),
	}},
	{"login-accepted-for-team", 200, "You accepted for your team", []Step{
		teamOfFour, applies(programs, moreProgramsForTheTeam), mailed(olga, "team-invite"), types("email", bob), follows("Accept the invitation"),
	}},
	{"login-decided", 200, "that is settled", []Step{teamOfFour, applies(moreTeammates), mailed(olga, "teammate-approval"), follows("Approve")}},
	{"accepted-waiting", 200, "You accepted the invitation", []Step{
		changes("Program", "referral", `{"spec": {"onboarding": {"invited": "Approval"}}}`), applies(adaInvite), accepts,
	}},

	{"signin", 200, "as a***@example.com", []Step{asksToSignIn, mailed(ada, "sign-in")}},
	{"signin-other-browser", 200, "requested in another browser", []Step{asksToSignIn, inAnotherBrowser, mailed(ada, "sign-in")}},
	{"signin-error", 422, "Please type the address that received", []Step{
		asksToSignIn, inAnotherBrowser, mailed(ada, "sign-in"), types("email", eve), follows("Sign in"),
	}},
	{"signin-expired", 410, "This sign-in link has expired", []Step{
		asksToSignIn, mailed(ada, "sign-in"), pretends("Partnership", "ada", `{"status": {"signIn": {"open": null, "requestedTime": "2026-01-01T00:00:00Z"}}}`), again(410),
	}},
	{"signin-access-ended", 403, "Your access has ended", []Step{
		asksToSignIn, mailed(ada, "sign-in"), changes("Partnership", "ada", `{"spec": {"revocation": {"reason": "Over."}}}`), again(403),
	}},
}
