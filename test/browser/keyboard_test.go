package browser

import (
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

// With the keyboard alone people can do all that they can with a mouse.
func TestKeyboard(t *testing.T) {
	form := []Step{
		applies(adaFormInvite), mailed(ada, "invite"),
		tabsTo("Skip to the content"), presses(chromium.KeyEnter), presses(chromium.KeyTab), focuses("input", "Your mail address"), presses("eve@example.com"), enters,
		sees(422, "Please check these 5 answers"), focuses("div", "Please check"),
		tabsTo("Your mail address"), presses(chromium.KeyEnter), focuses("input", "Your mail address"), labelled, selectsAll, presses(ada),
		tabsTo("Company"), presses("Analytical Engines"), tabsTo("Website"), presses("https://engines.example"),
		tabsTo("Where do invoices go?"), presses(ada), tabsTo("How many are you?"), presses("more"), tabsTo("Country"), presses("United Kingdom"),
		tabsTo("What do you do?"), presses("We count."), tabsTo("Acme may tell others"), presses(chromium.KeySpace),
		tabsTo("Accept the invitation"), enters, sees(200, "Your programs"),
		awaits("Partnership", adasReferral, "spec.application.fields.size", "more than 100"), awaits("Partnership", adasReferral, "spec.application.fields.home", "GB"),
	}
	link := []Step{
		partner, tabsTo("Make a link"), presses(chromium.KeyEnter), tabsTo("Name"), presses("ada-summer"), tabsTo("Destination"), presses("https://acme.example/summer"),
		tabsTo("Make the link"), enters, sees(200, "Your link is ready"),
		tabsTo("Delete the link ada-summer"), presses(chromium.KeySpace), tabsTo("Delete this link"), enters, sees(200, "The link is deleted"),
		tabsTo("Sign out"), enters, sees(200, "You are signed out"),
		tabsTo("Your mail address"), presses(ada), enters, sees(200, "Look into your inbox"),
		mailed(ada, "sign-in"), tabsTo("Sign in"), enters, sees(200, "Your programs"),
	}
	team := []Step{
		teamOf(mary), tabsTo("Leave the team"), presses(chromium.KeyEnter), tabsTo("Leave Agency GmbH"), enters, sees(200, "For partners."),
	}
	for name, steps := range map[string][]Step{"form": form, "link": link, "team": team} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, "keys-"+name)
			for n, step := range steps {
				if err := step(v); err != nil {
					t.Fatalf("step %d: %v", n+1, err)
				}
			}
		})
	}
}

func tabsTo(words string) Step { return func(v *Visit) error { return v.Tab.TabTo(words) } }

func presses(keys string) Step { return func(v *Visit) error { return v.Tab.Keys(keys) } }

// enters presses Enter where that leads to another page.
func enters(v *Visit) (err error) {
	v.Code, err = v.Tab.Enter()
	return err
}

// selectsAll selects what stands in a field, as Ctrl and A do.
func selectsAll(v *Visit) error {
	_, err := chromium.Eval[bool](v.Tab, `document.activeElement.select(), true`)
	return err
}

// focuses waits until something of a kind has the focus whose words begin so.
func focuses(element, words string) Step {
	return func(v *Visit) error {
		return v.until("the focus is on "+words, func() (bool, error) {
			at, err := v.Tab.Focus()
			return at.Element == element && strings.HasPrefix(at.Words, words), err
		})
	}
}

// labelled makes sure that one sees what the field is that has the focus.
func labelled(v *Visit) error {
	seen, err := chromium.Eval[bool](v.Tab, `document.activeElement.labels[0].getBoundingClientRect().top >= 0`)
	if err == nil && !seen {
		err = &wrong{"the label of the field is out of view"}
	}
	return err
}
