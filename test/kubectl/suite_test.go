// Package kubectl runs kubectl partner as a person does, who has the plugin on the PATH, against a real API server and
// the running operator.
package kubectl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

const operatorNamespace = "partner-operator-system"

var (
	plane *cluster.Cluster
	api   client.Client
	inbox *mailcatcher.Catcher
	// desk counts what the plugin asks of the API server.
	desk    *apiproxy.Proxy
	running *operator.Operator
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if plane, err = cluster.Start(ctx, cluster.Options{CRDs: []string{"../../config/crd/bases"}}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	if api, err = client.New(plane.Config, client.Options{Scheme: verbs.Scheme}); err != nil {
		return 0, err
	}
	if inbox, err = mailcatcher.Start(mailcatcher.Options{}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, inbox.Close()) }()
	if desk, err = apiproxy.Start(plane.Config); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	for _, folder := range []string{"namespace", "rbac", "rbac/links"} {
		if out, err := plane.Kubectl(ctx, "apply", "-k", "../../config/"+folder).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%w: %s", err, out)
		}
	}
	if err := startOperator(ctx); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	return m.Run(), nil
}

// startOperator runs the operator under its own ServiceAccount.
func startOperator(ctx context.Context, args ...string) error {
	_, kubeconfig, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "partner-operator")
	if err != nil {
		return err
	}
	running, err = operator.Start(ctx, operator.Options{
		Binary: "../../bin/partner-operator", Cluster: plane, Kubeconfig: kubeconfig, SMTPAddr: inbox.SMTPAddr(),
		Args: append([]string{"--client-rate=0", "--address-rate=0"}, args...),
	})
	return err
}

// result is how a run of the plugin ended.
type result struct {
	out, err string
	code     int
}

// partner runs kubectl partner in a namespace. What it reads is empty unless given.
func partner(t *testing.T, namespace string, args ...string) result {
	t.Helper()
	return partnerReading(t, "", namespace, args...)
}

func partnerReading(t *testing.T, input, namespace string, args ...string) result {
	t.Helper()
	return pluginAs(t, desk.Kubeconfig, input, append(args, "-n", namespace)...)
}

func pluginAs(t *testing.T, kubeconfig, input string, args ...string) result {
	t.Helper()
	command := plane.Kubectl(t.Context(), append([]string{"partner"}, args...)...)
	command.Env = append(command.Environ(), "KUBECONFIG="+kubeconfig, path(t))
	var out, errOut bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &errOut
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{out.String(), errOut.String(), command.ProcessState.ExitCode()}
}

// path is a PATH with the plugin and kubectl on it.
func path(t *testing.T) string {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	return "PATH=" + strings.Join([]string{bin, plane.Assets, os.Getenv("PATH")}, string(os.PathListSeparator))
}

// want fails the test unless the run ended so and said so. A text that begins with ! must not be there.
func (r result) want(t *testing.T, code int, texts ...string) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("ended with %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	for _, text := range texts {
		unwanted, not := strings.CutPrefix(text, "!")
		if not == strings.Contains(r.out+r.err, unwanted) {
			t.Fatalf("want %q in\n%s%s", text, r.out, r.err)
		}
	}
	return r
}

var tenants int

// tenant makes a namespace with the programs referral, which has the groups standard, by default, and gold, and reseller.
func tenant(t *testing.T) string {
	t.Helper()
	tenants++
	ns := fmt.Sprintf("tenant-%d", tenants)
	makeTenant(t, ns)
	return ns
}

func makeTenant(t *testing.T, ns string) {
	t.Helper()
	create(t,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}},
		&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "referral"}, Spec: v1alpha1.ProgramSpec{
			DisplayName: "Acme Referral", DefaultGroupRef: &v1alpha1.GroupReference{Name: "standard"},
		}},
		&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "reseller"}, Spec: v1alpha1.ProgramSpec{DisplayName: "Acme Reseller"}},
		group(ns, "standard", "referral"), group(ns, "gold", "referral"), group(ns, "silver", "reseller"),
	)
	for _, name := range []string{"referral", "reseller"} {
		p := &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
		eventually(t, "the program has a salt for names", func() bool { return get(t, p).Status.NameSalt != "" })
	}
}

// fixSalts gives the programs of a tenant salts that are the same each time, and so are the names in docs/kubectl.md.
func fixSalts(t *testing.T, ns string) {
	t.Helper()
	for _, name := range []string{"referral", "reseller"} {
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"nameSalt":"aaaaaaaaaaaaaaaaaaaaaaaaaa"}}`))
		if err := api.Status().Patch(t.Context(), &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}, patch); err != nil {
			t.Fatal(err)
		}
	}
}

func group(ns, name, program string) *v1alpha1.PartnerGroup {
	return &v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: v1alpha1.PartnerGroupSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: program}, DisplayName: v1alpha1.LineOfText("Group " + name),
	}}
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// granted makes a partner of NAME@NAMESPACE.example.
func granted(t *testing.T, ns, name, program string) *v1alpha1.Partnership {
	t.Helper()
	p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Spec: v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: program}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(name + "@" + ns + ".example")},
	}}
	create(t, p)
	eventually(t, name+" is Active", func() bool { return get(t, p).Status.State == v1alpha1.PartnershipActive })
	return p
}

func get[T client.Object](t *testing.T, object T) T {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	return object
}

func partnershipOf(t *testing.T, ns, name string) *v1alpha1.Partnership {
	t.Helper()
	return get(t, &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}})
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	eventuallyIn(t, 30*time.Second, what, is)
}

func eventuallyIn(t *testing.T, patience time.Duration, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

// accept lets a person accept the invite in their newest mail.
func accept(t *testing.T, email string) {
	t.Helper()
	eventually(t, "an invite to "+email, func() bool { return len(invitesTo(email)) > 0 })
	mails := invitesTo(email)
	answer(t, mails[len(mails)-1].Links[0], email)
}

func answer(t *testing.T, link, email string) {
	t.Helper()
	got, err := browser.NewPerson().Post(t.Context(), link+"/accept", url.Values{"email": {email}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Code != http.StatusSeeOther {
		t.Fatalf("accepting: %d %s", got.Code, got.Body)
	}
}

func invitesTo(email string) []mailcatcher.Message { return mailsTo(email, v1alpha1.MailInvite) }

func mailsTo(email string, kind v1alpha1.MailKind) (found []mailcatcher.Message) {
	for _, mail := range inbox.MessagesTo(email) {
		if mail.Kind == string(kind) {
			found = append(found, mail)
		}
	}
	return found
}

// retireOlderKeys leaves the newest signing key alone, for the tests after this one.
func retireOlderKeys(t *testing.T) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator-keys"}}
	if err := api.Get(context.Background(), client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(secret.Data))
	for _, name := range names[:len(names)-1] {
		delete(secret.Data, name)
	}
	if err := api.Update(context.Background(), secret); err != nil {
		t.Fatal(err)
	}
}

// written is how many changing requests the plugin has made, but for questions about rights.
func written() (count int) {
	for request, times := range desk.Seen() {
		reads := []string{http.MethodGet, "LIST", "WATCH"}
		if !slices.Contains(reads, request.Method) && !strings.Contains(request.Resource, "review") {
			count += times
		}
	}
	return count
}
