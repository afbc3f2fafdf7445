// Package gitops lets the programs that keep a cluster as Git says meet the operator: what Flux and Argo CD make of each
// state, what their buttons do, and what a re-apply does to what people did. It runs the code that they run: kstatus,
// Flux's apply engine, and Lua as Argo CD runs it.
package gitops

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
	"github.com/partner-operator/partner-operator/hack/stage"
	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

var (
	plane   *cluster.Cluster
	api     client.Client
	inbox   *mailcatcher.Catcher
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
	all, err := stage.Start(ctx, stage.Options{Root: "../..", Args: unlimited})
	if err != nil {
		return 0, err
	}
	plane, inbox, running = all.Cluster, all.Inbox, all.Operator
	defer func() { err = errors.Join(err, running.Stop(), all.Stop()) }()
	if api, err = client.New(plane.Config, client.Options{Scheme: verbs.Scheme}); err != nil {
		return 0, err
	}
	// Some invites keep their link in a Secret.
	if out, err := plane.Kubectl(ctx, "apply", "-k", "../../config/rbac/links").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("letting the operator write Secrets: %w: %s", err, out)
	}
	return m.Run(), nil
}

// unlimited lets tests ask for as much mail as they wish.
var unlimited = []string{"--client-rate=0", "--address-rate=0"}

// restart runs the operator again, which was stopped.
func restart(t *testing.T, args ...string) {
	t.Helper()
	_, kubeconfig, err := plane.ServiceAccountConfig(t.Context(), "partner-operator-system", "partner-operator")
	if err != nil {
		t.Fatal(err)
	}
	if running, err = operator.Start(context.Background(), operator.Options{
		Binary: "../../bin/partner-operator", Cluster: plane, Kubeconfig: kubeconfig, SMTPAddr: inbox.SMTPAddr(), Args: append(args, unlimited...),
	}); err != nil {
		t.Fatal(err)
	}
}

// tenant makes a namespace.
func tenant(t *testing.T, ns string) {
	t.Helper()
	if err := api.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
		t.Fatal(err)
	}
}

// objects are those of a text of YAML, in a namespace; empty: in that which they name.
func objects(t *testing.T, ns, text string) (found []*unstructured.Unstructured) {
	t.Helper()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document, &object.Object); err != nil {
			t.Fatalf("%v: %s", err, document)
		}
		if ns != "" {
			object.SetNamespace(ns)
		}
		found = append(found, object)
	}
}

// live is an object as the API server has it now.
func live(t *testing.T, ns, kind, name string) *unstructured.Unstructured {
	t.Helper()
	object := of(kind)
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

func of(kind string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	return object
}

func get[T client.Object](t *testing.T, ns, name string, object T) T {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

func partnership(t *testing.T, ns, name string) *v1alpha1.Partnership {
	t.Helper()
	return get(t, ns, name, &v1alpha1.Partnership{})
}

func invite(t *testing.T, ns, name string) *v1alpha1.PartnerInvite {
	t.Helper()
	return get(t, ns, name, &v1alpha1.PartnerInvite{})
}

// eventually waits until nothing is missing, and tells what is if that takes too long.
func eventually(t *testing.T, what string, missing func() string) {
	t.Helper()
	const patience = 30 * time.Second
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		why := missing()
		if why == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s: %s", what, patience, why)
		case <-tick.C:
		}
	}
}

// becomes waits until the operator has seen the latest spec of a partnership or an invite, and its state is this.
func becomes(t *testing.T, ns, kind, name, state string) {
	t.Helper()
	eventually(t, kind+" "+name+" is "+state, func() string {
		object := live(t, ns, kind, name)
		seen, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		is, _, _ := unstructured.NestedString(object.Object, "status", "state")
		if is == state && seen == object.GetGeneration() {
			return ""
		}
		return fmt.Sprintf("it is %q, of generation %d of %d", is, seen, object.GetGeneration())
	})
}

// mails are those of a kind to an address, the oldest first.
func mails(address string, kind v1alpha1.MailKind) (found []mailcatcher.Message) {
	for _, mail := range inbox.MessagesTo(address) {
		if mail.Kind == string(kind) {
			found = append(found, mail)
		}
	}
	return found
}

// mailed waits until there are so many mails of a kind to an address, and gives the newest.
func mailed(t *testing.T, address string, kind v1alpha1.MailKind, count int) mailcatcher.Message {
	t.Helper()
	eventually(t, fmt.Sprintf("%d %s to %s", count, kind, address), func() string {
		if got := len(mails(address, kind)); got != count {
			return fmt.Sprintf("there are %d", got)
		}
		return ""
	})
	return mails(address, kind)[count-1]
}

// answers lets a person answer the newest invite to an address: accept or decline.
func answers(t *testing.T, address, answer string) *browser.Person {
	t.Helper()
	eventually(t, "an invite to "+address, func() string {
		if len(mails(address, v1alpha1.MailInvite)) == 0 {
			return "there is none"
		}
		return ""
	})
	all := mails(address, v1alpha1.MailInvite)
	person := browser.NewPerson()
	page, err := person.Post(t.Context(), all[len(all)-1].Links[0]+"/"+answer, url.Values{"email": {address}})
	if err != nil || page.Code >= http.StatusBadRequest {
		t.Fatalf("%s: %d %v %s", answer, page.Code, err, page.Body)
	}
	return person
}

// guesses types a wrong address on the page of somebody's invite.
func guesses(t *testing.T, address string) {
	t.Helper()
	mailed(t, address, v1alpha1.MailInvite, 1)
	page, err := browser.NewPerson().Post(t.Context(), mails(address, v1alpha1.MailInvite)[0].Links[0]+"/accept", url.Values{"email": {"guess@example.com"}})
	if err != nil || page.Code != http.StatusUnprocessableEntity && page.Code != http.StatusGone {
		t.Fatalf("a wrong address: %d %v %s", page.Code, err, page.Body)
	}
}

// opens is the status code of somebody's dashboard.
func opens(t *testing.T, person *browser.Person, ns string) int {
	t.Helper()
	page, err := person.Get(t.Context(), running.Portal+"/t/"+ns+"/")
	if err != nil {
		t.Fatal(err)
	}
	return page.Code
}

// partner runs kubectl partner as a person does.
func partner(t *testing.T, ns string, args ...string) string {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	command := plane.Kubectl(t.Context(), append([]string{"partner"}, append(args, "-n", ns)...)...)
	command.Env = append(command.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl partner %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// kubectl runs plain kubectl, as a person does, with something to read.
func kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	command := plane.Kubectl(t.Context(), args...)
	command.Stdin = strings.NewReader(input)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	if err := command.Run(); err != nil {
		t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, errOut.String())
	}
	return out.String()
}
