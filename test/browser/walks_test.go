package browser

import (
	"slices"
	"strings"
	"testing"
)

// The walks of people through the portal, with a mouse.
func TestWalks(t *testing.T) {
	for name, steps := range map[string][]Step{
		"invited": {
			applies(adaInvite), mailed(ada, "invite"), sees(200, "Acme Referral", "Gold"),
			types("Your mail address", "Ada@Example.com"), follows("Accept the invitation"), sees(200, "Your programs", "Acme Referral", "Gold", "no links yet"),
			makes("ada-summer", "https://acme.example/summer?from=blog#top"), sees(200, "Your link is ready", "/r/walk-invited/ada-summer"),
			as("a reader"), shared("ada-summer"), arrives("https://acme.example/summer?from=blog&ref=ada-summer#top"),
			as(""), follows("Sign out"), sees(200, "You are signed out"), opens(""), sees(200, "Sign in", "For partners."),
			types("Your mail address", ada), follows("Send me a link"), sees(200, "Look into your inbox"),
			mailed(ada, "sign-in"), sees(200, "as a***@example.com"), follows("Sign in"), sees(200, "Your programs", "ada-summer", "https://acme.example/summer"),
			clicks("Delete the link ada-summer"), follows("Delete this link"), sees(200, "The link is deleted", "no links yet"),
			as("a reader"), shared("ada-summer"), sees(404, "This link leads nowhere"),
		},
		"joining": {
			joins("gold"), sees(200, "Acme Referral", "Gold"), types("Your mail address", ada), follows("Send me the link"), sees(200, "Look into your inbox"),
			mailed(ada, "verify-address"), sees(200, "You apply as", ada), follows("Send the application"), sees(422, "Please check these 4 answers", "Company"),
			types("Company", "Analytical Engines Ltd"), types("Website", "https://engines.example"), types("Where do invoices go?", "bills@engines.example"),
			types("Telephone", "+44 20 1234567"), chooses("How many are you?", "1 to 10"), chooses("Country", "United Kingdom"),
			types("What do you do?", "We count.\nAll day."), ticks("Acme may tell others"), follows("Send the application"), sees(200, "has arrived"),
			awaits("Partnership", adasReferral, "spec.application.fields.organization", "Analytical Engines Ltd"),
			awaits("Partnership", adasReferral, "spec.application.fields.about", "We count.\nAll day."),
			awaits("Partnership", adasReferral, "spec.application.fields.home", "GB"),
			awaits("Partnership", adasReferral, "status.state", "Pending"), opens(""), sees(200, "For partners."),
			changes("Partnership", adasReferral, `{"spec": {"approval": {"decision": "Approved"}}}`), awaits("Partnership", adasReferral, "status.state", "Active"),
			mailed(ada, "approved"), types("Your mail address", ada), follows("Send me a link"), mailed(ada, "sign-in"), follows("Sign in"),
			sees(200, "Your programs", "Acme Referral", "Gold"),
		},
		"joining-at-once": {
			joins("open"), types("Your mail address", ada), follows("Send me the link"), mailed(ada, "verify-address"), follows("Send the application"),
			sees(200, "Your programs", "Friends of Acme"),
		},
		"team": {
			as("Olga"), applies(newTeam), mailed(olga, "team-invite"), ticks("a-rather-long-address"), types("Your mail address", olga), follows("Accept the invitation"),
			sees(200, "Acme Referral", "With Agency GmbH", "Owner"), follows("Agency GmbH"), sees(200, "People", "Bob Builder", "invited, has not answered yet"),
			as("Bob"), mailed(bob, "teammate-invite"), sees(200, "Bob, you are invited to join Agency GmbH", "Admin"), types("Your mail address", bob), follows("Join the team"),
			sees(200, "Acme Referral", "With Agency GmbH"),
			as("Olga"), types("Mail address", carl), chooses("role", "Finance"), follows("Send the invitation"), sees(200, "The invitation is on its way", carl),
			as("Carl"), mailed(carl, "teammate-invite"), sees(200, "Finance"), types("Your mail address", carl), follows("Join the team"), sees(200, "With Agency GmbH"),
			as("Olga"), opens("teams/agency"), clicks("Change " + bob), follows("Make them the owner"), sees(200, "The team is handed over. You are an admin now."),
			clicks("Change " + carl), follows("Remove from the team"), sees(200, "The person is not in the team any more"),
			as("Carl"), opens(""), sees(200, "For partners."),
			as("Bob"), opens("teams/agency"), sees(200, "(you) Owner"),
			awaits("PartnerTeam", "agency", "status.owner.email", bob), heardNothing("a-rather-long-address-of-somebody@marketing.agency.example"),
		},
		"terms": {
			sells, sees(200, "Acme Reseller", "read and accept the terms", "version 2026-01"), seesNot("Sell Acme in your own name", "Make a link"),
			follows("I accept the terms"), sees(200, "Sell Acme in your own name", "Make a link", "You accepted the terms"),
			newTerms, reopens("", "The terms of this program have changed", "version 2027-01"), seesNot("Make a link"),
			follows("I accept the terms"), sees(200, "Make a link"),
			awaits("Partnership", adasReseller, "status.terms.version", "2027-01"), awaits("Partnership", adasReseller, "status.terms.acceptedBy", ada),
		},
		"declining": {
			applies(adaInvite), mailed(ada, "invite"), follows("Decline"), sees(422, "Please type the address"),
			types("Your mail address", ada), follows("Decline"), sees(200, "You declined the invitation"), awaits("PartnerInvite", "ada", "status.state", "Declined"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, "walk-"+name)
			for n, step := range steps {
				if err := step(v); err != nil {
					t.Fatalf("step %d: %v", n+1, err)
				}
			}
			for person, tab := range v.tabs {
				for _, fault := range tab.Faults() {
					t.Errorf("%s: %s", person, fault)
				}
			}
		})
	}
}

// arrives makes sure that the browser was led to an address of another host, which is meant to be.
func arrives(address string) Step {
	return func(v *Visit) error {
		got, err := v.Tab.URL()
		if err != nil {
			return err
		}
		if got != address {
			return &wrong{"the link leads to " + got + ", not to " + address}
		}
		v.Tab.Forget()
		return nil
	}
}

// seesNot makes sure that the page shows none of these words.
func seesNot(words ...string) Step {
	return func(v *Visit) error {
		text, err := v.Tab.Text()
		if err != nil {
			return err
		}
		if at := slices.IndexFunc(words, func(each string) bool { return strings.Contains(text, each) }); at >= 0 {
			return &wrong{"the page shows " + words[at]}
		}
		return nil
	}
}

// heardNothing makes sure that somebody of the tenant got no mail.
func heardNothing(address string) Step {
	return func(v *Visit) error {
		if len(v.mails(address, "")) > 0 {
			return &wrong{address + " got a mail"}
		}
		return nil
	}
}

// wrong is what is otherwise than it has to be.
type wrong struct{ text string }

func (w *wrong) Error() string { return w.text }
