package install

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// site is where the operator is installed: a mail server that wants a password, the Secret with it, and the address of
// the portal.
type site struct {
	settings
	inbox   *mailcatcher.Catcher
	address string
	// authorities is the file with the certificate that the mail server's is held against, as the image has one.
	authorities string
}

func newSite(t *testing.T) site {
	t.Helper()
	inbox, err := mailcatcher.Start(mailcatcher.Options{HTTPAddress: "-", STARTTLS: true, Username: "acme", Password: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inbox.Close() })
	authorities := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(authorities, inbox.CACertificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	address, err := operator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: passwordSecret},
		StringData: map[string]string{"password": "s3cret"},
	}
	if err := client.IgnoreAlreadyExists(api.Create(t.Context(), secret)); err != nil {
		t.Fatal(err)
	}
	return site{
		settings: settings{"http://" + address, "smtp://acme@" + inbox.SMTPAddr(), "Acme Partners <partners@acme.example>"},
		inbox:    inbox, address: address, authorities: authorities,
	}
}

func (s site) dashboard() string { return s.portalURL + "/t/" + tenant + "/" }

// start runs one pod of each part.
func (s site) start(t *testing.T, lay layout) (pods []pod) {
	t.Helper()
	for i, name := range lay.parts {
		address := ""
		if i == len(lay.parts)-1 {
			address = s.address
		}
		pods = append(pods, s.startPod(t, name, address))
	}
	return pods
}

// check does the main job with pods that run, and ends them.
func (s site) check(t *testing.T, by string, lay layout, pods []pod) {
	t.Helper()
	name := by + "-" + lay.name
	invite(t, elsewhere, name+"-elsewhere")
	walk(t, s.inbox, s.portalURL, name)
	if lay.name == "namespaced" {
		isLocked(t, elsewhere, "partner-operator")
		isUntouched(t, s.inbox, s.portalURL, elsewhere, name+"-elsewhere")
	} else {
		mailTo(t, s.inbox, name+"-elsewhere@example.com", "invite")
	}
	s.askPlugin(t, lay)
	for _, pod := range pods {
		checkMetrics(t, pod.metrics)
		if err := pod.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// accept lets somebody accept the newest invite.
func (s site) accept(t *testing.T, person *browser.Person, name string) {
	t.Helper()
	address := name + "@example.com"
	if len(s.inbox.MessagesTo(address)) == 0 {
		invite(t, tenant, name)
	}
	link := mailTo(t, s.inbox, address, "invite")
	wants(t, must(t)(person.Post(t.Context(), link+"/accept", url.Values{"email": {address}})), http.StatusSeeOther)
	wants(t, must(t)(person.Get(t.Context(), s.dashboard())), http.StatusOK, "Acme Referral")
}

// askPlugin asks kubectl partner how the installation is. It finds everything, and only pods that are ready it cannot see.
func (s site) askPlugin(t *testing.T, lay layout) {
	t.Helper()
	bin, err := filepath.Abs(folder("bin"))
	if err != nil {
		t.Fatal(err)
	}
	command := plane.Kubectl(t.Context(), "partner", "check", "-n", tenant)
	command.Env = append(command.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	said, err := command.CombinedOutput()
	if err == nil {
		t.Error("nothing is wrong, where no pod runs")
	}
	table := strings.Join(strings.Fields(string(said)), " ")
	for _, want := range []string{
		"operator failed 0 of 2 replicas of partner-operator:",
		"operator's rights ok system:serviceaccount:" + operatorNamespace + ":" + lay.parts[0] + " may do what it has to",
		"signing keys ok Secret partner-operator-keys holds 1",
		"keys for marks ok Secret partner-operator-marks holds 2",
		"portal warning " + s.portalURL + " answers, without https",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("kubectl partner check does not say %q: %s", want, said)
		}
	}
}
