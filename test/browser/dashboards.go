package browser

var (
	// partner makes Ada a partner in a group, and signs her in.
	partner = inTurn(applies(adaInvite), accepts)
	// sells makes Ada a partner in the program that has terms, and of no other.
	sells = inTurn(applies(programs, `
kind: PartnerInvite
metadata: {name: ada}
spec: {contact: {email: ada@example.com}, programs: [{name: reseller}]}
`), accepts)
	// newTerms changes the terms of that program.
	newTerms = changes("Program", "reseller", `{"spec": {"terms": {"version": "2027-01"}}}`)
)

var dashboards = []Page{
	{"dashboard", 200, "You have no links yet", []Step{partner}},
	{"dashboard-several-programs", 200, "Waiting for approval", []Step{everywhere, accepts}},
	{"dashboard-terms", 200, "Before you begin", []Step{sells}},
	{"dashboard-terms-accepted", 200, "You accepted the terms", []Step{sells, follows("I accept the terms")}},
	{"dashboard-terms-changed", 200, "The terms of this program have changed", []Step{
		sells, follows("I accept the terms"), newTerms, reopens("", "have changed"),
	}},
	{"dashboard-terms-outdated", 409, "There is another wording by now", []Step{sells, newTerms, follows("I accept the terms")}},
	{"dashboard-terms-of-team", 200, "Please ask one of them", []Step{
		teamOfFour, applies(programs, "kind: Partnership\nmetadata: {name: agency-reseller}\nspec: {programRef: {name: reseller}, teamRef: {name: agency}}"),
		signsIn(mary), reopens("", "Only the owner or an admin"),
	}},
	{"dashboard-moved", 200, "You moved from Gold to Standard", []Step{
		partner, changes("Partnership", adasReferral, `{"spec": {"groupRef": {"name": "standard"}}}`), reopens("", "You moved"),
	}},
	{"dashboard-team", 200, "With Agency GmbH, partner since", []Step{teamOfFour, signsIn(mary)}},
	{"dashboard-team-waiting", 200, "2 people wait for your answer", []Step{teamOfFour, applies(moreTeammates), signsIn(olga), reopens("", "2 people wait")}},
}

// makes makes a link of Ada's on her dashboard.
func makes(name, destination string) Step {
	return inTurn(clicks("Make a link"), types("Name", name), types("Destination", destination), follows("Make the link"))
}

var links = []Page{
	{"links-form", 200, "Everybody sees it", []Step{partner, clicks("Make a link")}},
	{"links-errors", 422, "Please check these 2 answers", []Step{partner, makes("Summer Sale", "https://elsewhere.example/")}},
	{"links-taken", 409, "The name is taken", []Step{
		applies("kind: PartnerLink\nmetadata: {name: ada-summer}\nspec: {partnershipRef: {name: somebody-else}}"), partner, makes("ada-summer", ""),
	}},
	{"links-made", 200, "Your link is ready", []Step{partner, makes("ada-summer", "https://acme.example/summer")}},
	{"links-several", 200, "leads nowhere", []Step{
		partner, makes("ada-summer", "https://acme.example/summer"), makes("ada-and-quite-a-long-name-for-a-link-that-somebody-chose", ""),
		applies("kind: PartnerLink\nmetadata: {name: ada-dead}\nspec: {partnershipRef: {name: " + adasReferral + `}, destination: "https://elsewhere.example/"}`),
		reopens("", "leads nowhere"),
	}},
	{"links-delete", 200, "This cannot be undone", []Step{partner, makes("ada-summer", ""), clicks("Delete the link ada-summer")}},
	{"links-deleted", 200, "The link is deleted", []Step{
		partner, makes("ada-summer", ""), clicks("Delete the link ada-summer"), follows("Delete this link"),
	}},
	{"links-full", 200, "You have as many links as you can have", []Step{
		changes("Program", "referral", `{"spec": {"links": {"maxPerMember": 1}}}`), partner, makes("ada-summer", ""),
	}},
	{"links-enough", 403, "Delete one that you do not use", []Step{
		partner, makes("ada-summer", ""), clicks("Make a link"), types("Name", "ada-winter"),
		changes("Program", "referral", `{"spec": {"links": {"maxPerMember": 1}}}`), follows("Make the link"),
	}},
	{"links-not-yours-to-make", 403, "Links are made for you", []Step{
		partner, clicks("Make a link"), types("Name", "ada-winter"),
		changes("PartnerGroup", "gold", `{"spec": {"links": {"creation": "Disabled"}}}`), follows("Make the link"),
	}},
	{"links-terms-first", 403, "Please accept the terms first", []Step{
		partner, clicks("Make a link"), types("Name", "ada-winter"),
		changes("Program", "referral", `{"spec": {"terms": {"url": "https://acme.example/terms", "version": "1"}}}`), follows("Make the link"),
	}},
	{"links-nowhere", 404, "This link leads nowhere", []Step{shared("nothing")}},
}
