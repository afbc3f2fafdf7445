package browser

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/partner-operator/partner-operator/hack/apiproxy"
	people "github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

var refusals = []Page{
	{"not-found", 404, "This link does not work", []Step{opens("invite/AQ")}},
	{"not-found-at-all", 404, "This link does not work", []Step{func(v *Visit) (err error) {
		v.Code, err = v.Tab.Open(v.Portal() + "/wp-login.php")
		return err
	}}},
	{"wrong-method", 405, "go back and use the form", []Step{opens("terms")}},
	{"from-elsewhere", 403, "This form came from somewhere else", []Step{posesAsForm}},
	{"bad-form", 400, "This form could not be read", []Step{opens("login"), spoils(`document.forms[0].action += '?%zz'`), follows("Send me a link")}},
	{"too-long", 400, "This form is too long", []Step{
		partner, clicks("Make a link"), spoils(`document.querySelector('[name=destination]').value = 'x'.repeat(1e5)`), follows("Make the link"),
	}},
	{"too-many", 429, "That was a little fast", []Step{guesses, opens("invite/AQ")}},
	{"unavailable", 503, "Nothing was lost", []Step{applies(adaInvite), mailed(ada, "invite"), types("email", ada), loses, follows("Accept the invitation")}},
}

// spoils changes a page, as no person could.
func spoils(script string) Step {
	return func(v *Visit) error {
		_, err := chromium.Eval[any](v.Tab, script)
		return err
	}
}

// posesAsForm sends the form of the portal from a page of another host.
func posesAsForm(v *Visit) error {
	if _, err := v.Tab.Open("https://elsewhere.example/"); err != nil {
		return err
	}
	form := fmt.Sprintf(`const f = document.createElement('form'), b = document.createElement('button');
		f.method = 'post'; f.action = %q; b.textContent = 'Send'; f.append(b); document.body.append(f); true`, v.url("login"))
	if _, err := chromium.Eval[bool](v.Tab, form); err != nil {
		return err
	}
	code, err := v.Tab.Follow("Send")
	v.Code = code
	v.Tab.Forget()
	return err
}

// guesses tries links that do not open, more than a person would.
func guesses(v *Visit) error {
	guesser := people.NewPerson()
	guesser.Address = v.Address
	for range 31 {
		if _, err := guesser.Get(v.Ctx, v.url("invite/AQ")); err != nil {
			return err
		}
	}
	return nil
}

// loses lets the API server hear of no change in this tenant, until the visit ends.
func loses(v *Visit) error {
	v.cleanup = append(v.cleanup, func() { v.Proxy.Break(nil) })
	v.Proxy.Break(func(r *http.Request) apiproxy.Fault {
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/namespaces/"+v.Tenant+"/") {
			return apiproxy.Refuse
		}
		return apiproxy.None
	})
	return nil
}
