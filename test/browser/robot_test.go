package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	people "github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

// link is a kind of link that people get by mail, or share.
type link struct {
	// before makes the link.
	before []Step
	// to and kind say in which mail it comes; share gives one that comes in none.
	to, kind string
	share    func(*Visit) (string, error)
	// acts says why robots that submit forms are not let loose on it, as docs/portal.md tells; empty: they are.
	acts string
	// after is what the person does with it, and sees.
	after []Step
}

var scanned = map[string]link{
	"invite": {before: []Step{applies(adaInvite)}, to: ada, kind: "invite",
		after: []Step{types("email", ada), follows("Accept the invitation"), sees(200, "Your programs")}},
	"form": {before: []Step{applies(adaFormInvite)}, to: ada, kind: "invite", after: []Step{sees(200, "Please fill in everything")}},
	"new-team": {before: []Step{applies(newTeam)}, to: olga, kind: "team-invite",
		after: []Step{types("email", olga), follows("Accept the invitation"), sees(200, "With Agency GmbH")}},
	"sign-in": {before: []Step{asksToSignIn}, to: ada, kind: "sign-in", after: []Step{follows("Sign in"), sees(200, "Your programs")}},
	"member": {before: []Step{teamOf(olga), types("Mail address", carl), follows("Send the invitation")}, to: carl, kind: "teammate-invite",
		after: []Step{types("email", carl), follows("Join the team"), sees(200, "With Agency GmbH")}},
	"approval": {before: []Step{teamOfFour, applies(moreTeammates)}, to: olga, kind: "teammate-approval",
		acts: "one click approves or rejects, without an address to type", after: []Step{follows("Approve"), sees(200, "that is settled")}},
	"verification": {before: []Step{joins("gold"), types("email", ada), follows("Send me the link")}, to: ada, kind: "verify-address",
		after: []Step{sees(200, "You apply as ada@example.com"), types("Company", "Engines"), types("Where do invoices go?", ada), chooses("Country", "France"),
			ticks("Acme may tell"), follows("Send the application"), sees(200, "has arrived")}},
	"verification-without-form": {before: []Step{joins("open"), types("email", ada), follows("Send me the link")}, to: ada, kind: "verify-address",
		acts: "one click applies, as there is nothing to fill in", after: []Step{follows("Send the application"), sees(200, "Your programs")}},
	"join": {before: []Step{joins("gold")}, share: func(v *Visit) (string, error) { return v.link, nil },
		after: []Step{types("email", ada), follows("Send me the link"), sees(200, "Look into your inbox")}},
	"share": {before: []Step{partner, makes("ada-summer", "")}, share: func(v *Visit) (string, error) { return v.Portal() + "/r/" + v.Tenant + "/ada-summer", nil },
		after: []Step{arrives("https://acme.example/start?ref=ada-summer")}},
	"expired-invite": {before: []Step{applies(adaInvite), lateInvite}, to: ada, kind: "invite",
		acts: "one click mails a new link to the invited address", after: []Step{sees(410, "Send me a new one")}},
}

// Mail scanners and previews of links, also those that run scripts and submit what forms they find, change nothing, and the
// link then works for the person.
func TestRobots(t *testing.T) {
	for name, link := range scanned {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, "robot-"+name)
			if err := v.Do(link.before...); err != nil {
				t.Fatal(err)
			}
			address, err := link.address(v)
			if err != nil {
				t.Fatal(err)
			}
			before := v.settled(t)
			robotFetches(t, v, address, link.acts == "")
			robotBrowses(t, v, address, link.acts == "")
			after := v.settled(t)
			for what := range after {
				if before[what] != after[what] {
					t.Errorf("a robot changed %s from\n%s\nto\n%s", what, before[what], after[what])
				}
			}
			for what := range before {
				if after[what] == "" {
					t.Errorf("a robot deleted %s", what)
				}
			}
			v.Code, err = v.Tab.Open(address)
			if err == nil {
				err = v.Do(link.after...)
			}
			if err != nil {
				t.Errorf("for the person: %v", err)
			}
		})
	}
}

// address is the link itself, which nobody has opened yet.
func (l link) address(v *Visit) (string, error) {
	if l.share != nil {
		return l.share(v)
	}
	mail, err := v.Mail(l.to, l.kind)
	if err != nil {
		return "", err
	}
	return mail.Links[0], nil
}

// settled waits until nothing happens in the tenant any more, and gives everything that is there: the objects, and how
// many mails came. The counts in programs and groups follow later, and are left out.
func (v *Visit) settled(t *testing.T) map[string]string {
	t.Helper()
	const still = 500 * time.Millisecond
	last, since := v.everything(t), time.Now()
	for deadline := time.Now().Add(soon); time.Since(since) < still; {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to rest")
		}
		time.Sleep(still / 5)
		if now := v.everything(t); !maps.Equal(last, now) {
			last, since = now, time.Now()
		}
	}
	return last
}

func (v *Visit) everything(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, kind := range []string{"PartnerInvite", "Partnership", "PartnerTeam", "PartnerLink", "PartnerGroup"} {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("partner-operator.io/v1alpha1")
		list.SetKind(kind + "List")
		if err := v.API.List(v.Ctx, list, client.InNamespace(v.Tenant)); err != nil {
			t.Fatal(err)
		}
		for _, object := range list.Items {
			object.SetManagedFields(nil)
			if kind == "PartnerGroup" {
				object.SetResourceVersion("")
				unstructured.RemoveNestedField(object.Object, "status", "partnerships")
			}
			text, err := json.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			found[kind+" "+object.GetName()] = string(text)
		}
	}
	mails := 0
	for _, mail := range v.Inbox.Messages() {
		if len(mail.Links) > 0 && strings.Contains(mail.Links[0], "/t/"+v.Tenant+"/") {
			mails++
		}
	}
	found["mails"] = strconv.Itoa(mails)
	return found
}

// robotFetches does what robots do that run no scripts.
func robotFetches(t *testing.T, v *Visit, address string, submits bool) {
	t.Helper()
	robot := people.NewPerson()
	robot.Address = v.Address
	visits := []struct {
		method string
		header http.Header
	}{
		{http.MethodHead, nil}, {http.MethodOptions, nil}, {http.MethodGet, nil}, {http.MethodGet, nil},
		{http.MethodGet, http.Header{"Purpose": {"prefetch"}}},
		{http.MethodGet, http.Header{"Sec-Purpose": {"prefetch;prerender"}}},
		{http.MethodGet, http.Header{"X-Moz": {"prefetch"}}},
		{http.MethodGet, http.Header{"Range": {"bytes=0-1023"}}},
		{http.MethodGet, http.Header{"User-Agent": {"Mozilla/5.0 (compatible; LinkPreview/1.0)"}, "Accept": {"*/*"}}},
		{http.MethodPost, nil}, {http.MethodPut, nil}, {http.MethodDelete, nil}, {http.MethodPatch, nil},
	}
	for _, visit := range visits {
		if visit.method != http.MethodGet && visit.method != http.MethodHead && visit.method != http.MethodOptions && !submits {
			continue
		}
		// Redirects are followed within the portal.
		for at, hops := address, 0; strings.HasPrefix(at, v.Portal()) && hops < 5; hops++ {
			got, err := robot.Do(v.Ctx, visit.method, at, nil, visit.header)
			if err != nil {
				t.Fatal(err)
			}
			if got.Code >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d", visit.method, at, got.Code)
			}
			at = got.Location
		}
	}
	if submits {
		robotSubmits(t, v, robot, address)
	}
}

// The forms of a page, and what they send if nobody types anything.
var (
	formTag   = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)".*?</form>`)
	inputTag  = regexp.MustCompile(`<input[^>]*>`)
	buttonTag = regexp.MustCompile(`<button[^>]*>`)
	attribute = regexp.MustCompile(`([a-z]+)="([^"]*)"`)
)

// robotSubmits submits every form of a page by every button of it, with what stands in it already.
func robotSubmits(t *testing.T, v *Visit, robot *people.Person, address string) {
	t.Helper()
	page, err := robot.Get(v.Ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range formTag.FindAllStringSubmatch(page.Body, -1) {
		values := url.Values{}
		for _, input := range inputTag.FindAllString(form[0], -1) {
			if has := attributesOf(input); has["type"] != "checkbox" || strings.Contains(input, " checked") {
				values.Add(has["name"], has["value"])
			}
		}
		for _, button := range buttonTag.FindAllString(form[0], -1) {
			to := form[1]
			if other := attributesOf(button)["formaction"]; other != "" {
				to = other
			}
			got, err := robot.Post(v.Ctx, v.Portal()+to, values)
			if err != nil {
				t.Fatal(err)
			}
			if got.Code != http.StatusUnprocessableEntity {
				t.Errorf("the robot's POST to %s is answered with %d, not 422", to, got.Code)
			}
		}
	}
}

func attributesOf(tag string) map[string]string {
	found := map[string]string{}
	for _, each := range attribute.FindAllStringSubmatch(tag, -1) {
		found[each[1]] = each[2]
	}
	return found
}

// robotBrowses does what robots do that are browsers: they load a page with all that belongs to it, run scripts of their
// own, and click every button, once with scripts and once without.
func robotBrowses(t *testing.T, v *Visit, address string, submits bool) {
	t.Helper()
	tab, err := v.Chromium.NewTab(v.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	if _, err := tab.Open(address); err != nil {
		t.Fatal(err)
	}
	// Whoever hovers, scrolls and asks for every link of the page once more.
	looks := `(async () => {
		for (const e of document.querySelectorAll('a, button, input')) e.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}));
		scrollTo(0, document.body.scrollHeight);
		for (const a of document.querySelectorAll('a[href]')) await fetch(a.href).catch(() => {});
		return document.querySelectorAll('form[method=post]').length;
	})()`
	forms, err := chromium.Eval[int](tab, looks)
	if err != nil {
		t.Fatal(err)
	}
	if forms == 0 || !submits {
		return
	}
	buttons, err := chromium.Eval[int](tab, `document.querySelectorAll('form[method=post] button').length`)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 * buttons {
		if _, err := tab.Open(address); err != nil {
			t.Fatal(err)
		}
		without := n >= buttons
		click := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			params := emulation.SetScriptExecutionDisabledParams{Value: without}
			if err := target.Call(ctx, emulation.SetScriptExecutionDisabled.Method, params, nil); err != nil {
				return err
			}
			_, err := chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelectorAll('form[method=post] button')[%d].click(), true`, n%buttons))(ctx, target)
			return err
		})
		if code, err := tab.Leads(click); err != nil || code != http.StatusUnprocessableEntity {
			t.Errorf("button %d, without scripts: %t, leads to %d, not 422: %v", n%buttons, without, code, err)
		}
	}
	if got := slices.DeleteFunc(tab.Elsewhere(), func(at string) bool { return strings.HasPrefix(at, "https://acme.example/") }); len(got) > 0 {
		t.Errorf("the robot was led to %q", got)
	}
}
