package pages

// Page is a page of the portal in one state.
type Page struct {
	// Name tells pages apart; it is part of the names of files and of the tenant that it is shown in.
	Name string
	// Code is its status code, and Shows a text that only it shows.
	Code  int
	Shows string
	// Walk leads there.
	Walk []Step
}

// All are all pages.
var All = []Page{
	{"login", 200, "For partners.", []Step{opens("login")}},
	{"login-error", 422, "Please type a whole mail address", []Step{opens("login"), types("email", "ada"), follows("Send me a link")}},
	{"login-asked", 200, "Look into your inbox", []Step{opens("login"), types("email", ada), follows("Send me a link")}},
	{"invite", 200, "Ada, you are invited by Acme Partners", []Step{applies(adaInvite), mailed(ada, "invite")}},
	{"invite-wrong-address", 422, "sent to another address", []Step{
		applies(adaInvite), mailed(ada, "invite"), types("email", "eve@example.com"), follows("Accept the invitation"),
	}},
	{"dashboard", 200, "You have no links yet", []Step{applies(adaInvite), accepts(ada)}},
}
