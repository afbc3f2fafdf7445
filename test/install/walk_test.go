package install

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// tenant is the company's namespace, and elsewhere one that is another's.
const (
	tenant    = "acme"
	elsewhere = "globex"
)

// walk does the main job as the company, with kubectl, and as a person of that name, with a browser.
func walk(t *testing.T, inbox *mailcatcher.Catcher, portal, name string) {
	t.Helper()
	address := name + "@example.com"
	invite(t, tenant, name)
	link := mailTo(t, inbox, address, "invite")

	person := browser.NewPerson()
	page := must(t)(person.Post(t.Context(), link+"/accept", url.Values{"email": {address}}))
	wants(t, page, http.StatusSeeOther)
	dashboard := portal + "/t/" + tenant + "/"
	if page.Location != dashboard {
		t.Fatalf("accepting leads to %s, not to %s", page.Location, dashboard)
	}
	wants(t, must(t)(person.Get(t.Context(), dashboard)), http.StatusOK, "Acme Referral")
	partner := strings.TrimPrefix(strings.TrimSpace(kubectl(t, "", "get", "-n", tenant, "pship", "-l", "partner-operator.io/invite="+name, "-o", "name")), "partnership.partner-operator.io/")
	kubectl(t, "", "wait", "-n", tenant, "pship/"+partner, "--for=jsonpath={.status.state}=Active", "--timeout=30s")

	kubectl(t, "", "patch", "-n", tenant, "pship", partner, "--type=merge", "-p", `{"spec":{"revocation":{"reason":"The contract has ended."}}}`)
	eventually(t, "access is refused", func() (bool, error) {
		page, err := person.Get(t.Context(), dashboard)
		return page.Code == http.StatusSeeOther, err
	})
	mailTo(t, inbox, address, "revoked")
}

// invite invites somebody into the program of a namespace.
func invite(t *testing.T, namespace, name string) {
	t.Helper()
	kubectl(t, fmt.Sprintf(`
apiVersion: partner-operator.io/v1alpha1
kind: Program
metadata: {name: referral}
spec: {displayName: Acme Referral}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: %s}
spec:
  contact: {email: %s@example.com}
  programs: [{name: referral}]
`, name, name), "apply", "-n", namespace, "-f", "-")
}

// isUntouched tells that nobody has looked at an invite.
func isUntouched(t *testing.T, inbox *mailcatcher.Catcher, portal, namespace, name string) {
	t.Helper()
	var found v1alpha1.PartnerInvite
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &found); err != nil {
		t.Fatal(err)
	}
	if found.Status.ObservedGeneration != -1 || len(found.Status.Conditions) > 0 {
		t.Errorf("the invite in namespace %s has the status %+v", namespace, found.Status)
	}
	if mails := inbox.MessagesTo(name + "@example.com"); len(mails) > 0 {
		t.Errorf("%d mails left for namespace %s", len(mails), namespace)
	}
	wants(t, must(t)(browser.NewPerson().Get(t.Context(), portal+"/t/"+namespace+"/login")), http.StatusNotFound)
}

// mailTo waits for the mail of a kind to somebody, and gives its first link.
func mailTo(t *testing.T, inbox *mailcatcher.Catcher, address, kind string) (link string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := inbox.Wait(ctx, func([]mailcatcher.Message) bool {
		for _, mail := range inbox.MessagesTo(address) {
			if mail.Kind == kind {
				link = strings.Join(mail.Links[:min(1, len(mail.Links))], "")
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("no mail of the kind %s to %s: %v", kind, address, err)
	}
	return link
}

func kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	command := plane.Kubectl(t.Context(), args...)
	command.Stdin = strings.NewReader(input)
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, said)
	}
	return string(said)
}

func must(t *testing.T) func(browser.Page, error) browser.Page {
	return func(page browser.Page, err error) browser.Page {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
}

func wants(t *testing.T, page browser.Page, code int, texts ...string) {
	t.Helper()
	if err := page.Wants(code, texts...); err != nil {
		t.Fatal(err)
	}
}
