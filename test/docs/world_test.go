// Package docs checks what people read: every link, every name that a page mentions, every manifest and every command.
// docs/development.md tells how pages say what their commands need.
package docs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/stage"
)

const (
	root = "../.."
	// namespace is the tenant that the pages speak of.
	namespace = "acme"
)

// world is everything that the commands of pages need.
type world struct {
	*stage.Stage
	api client.Client
	// changed tells that the operator is not as the pages expect it.
	changed bool
	// more are namespaces that were given.
	more []string
	// removed tells that the operator has no rights any more.
	removed bool
}

// started is the world, which is only made for tests that need it.
var started struct {
	sync.Once
	world *world
	err   error
}

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code := m.Run()
	if started.world != nil {
		if err := started.world.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func theWorld(t *testing.T) *world {
	t.Helper()
	started.Do(func() { started.world, started.err = newWorld(context.WithoutCancel(t.Context())) })
	if started.err != nil {
		t.Fatal(started.err)
	}
	return started.world
}

// portal is where the pages say that the portal is.
const portal = "https://partners.example.com"

// usual are the flags of the operator.
var usual = []string{"--portal-url=" + portal, "--client-rate=0", "--address-rate=0"}

func newWorld(ctx context.Context) (*world, error) {
	running, err := stage.Start(ctx, stage.Options{Root: root, Args: usual})
	if err != nil {
		return nil, err
	}
	w := &world{Stage: running}
	scheme := runtime.NewScheme()
	err = errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
	if err == nil {
		w.api, err = client.New(running.Cluster.Config, client.Options{Scheme: scheme})
	}
	if err == nil {
		err = w.install(ctx)
	}
	if err == nil {
		_, err = w.Kubectl(ctx, "create", "namespace", namespace)
	}
	if err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

// install leaves in the cluster what make deploy does. The operator itself runs beside it.
func (w *world) install(ctx context.Context) error {
	for _, folder := range []string{"crd", "namespace", "default"} {
		if _, err := w.Kubectl(ctx, "apply", "--server-side", "--force-conflicts", "-k", filepath.Join(root, "config", folder)); err != nil {
			return err
		}
	}
	_, err := w.Kubectl(ctx, "wait", "--for=condition=Established", "crd", "--all")
	return err
}

// sweep makes the world as it was before the first page.
func (w *world) sweep(ctx context.Context) error {
	if w.changed {
		if err := w.run(ctx, usual...); err != nil {
			return err
		}
		w.changed = false
	}
	for _, kind := range []client.Object{
		&v1alpha1.Partnership{}, &v1alpha1.PartnerInvite{}, &v1alpha1.PartnerTeam{}, &v1alpha1.PartnerLink{}, &v1alpha1.PartnerGroup{}, &v1alpha1.Program{},
		&corev1.ConfigMap{}, &corev1.Secret{}, &corev1.ServiceAccount{}, &rbacv1.Role{}, &rbacv1.RoleBinding{},
	} {
		if err := w.api.DeleteAllOf(ctx, kind, client.InNamespace(namespace)); err != nil {
			return err
		}
	}
	for _, name := range w.more {
		if err := w.api.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	w.more = nil
	w.Inbox.Reset()
	return nil
}

// run installs what is missing and starts the operator again with these flags.
func (w *world) run(ctx context.Context, args ...string) error {
	w.changed, w.removed = true, false
	if err := w.install(ctx); err != nil {
		return err
	}
	return w.Restart(ctx, args...)
}

// give brings about what a page takes for granted.
func (w *world) give(ctx context.Context, what string) error {
	words := strings.Fields(what)
	switch {
	case what == "the samples":
		_, err := w.Kubectl(ctx, "apply", "-n", namespace, "-k", filepath.Join(root, "config", "samples"))
		w.settle(ctx)
		return err
	case what == "the operator runs":
		return w.run(ctx, usual...)
	case what == "an empty cluster":
		return errors.Join(w.sweep(ctx), w.run(ctx, append(slices.Clone(usual), "--mail-mode=hold")...))
	case what == "Argo CD has settings":
		settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "argocd-cm"}, Data: map[string]string{"url": "https://argocd.example.com"}}
		if err := w.makeNamespace(ctx, settings.Namespace); err != nil {
			return err
		}
		return w.api.Create(ctx, settings)
	case len(words) == 2 && words[1] == "accepts":
		return w.accept(ctx, words[0])
	case len(words) == 4 && words[1] == "applies" && words[2] == "to":
		return w.apply(ctx, words[0], words[3])
	}
	return errors.New("nobody knows how")
}

// makeNamespace makes a namespace, which goes with the next sweep.
func (w *world) makeNamespace(ctx context.Context, name string) error {
	w.more = append(w.more, name)
	return until(ctx, "end of the namespace "+name+" of before", func() (bool, error) {
		err := w.api.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		return err == nil, client.IgnoreAlreadyExists(err)
	})
}

// accept lets somebody accept the newest invite in their mailbox.
func (w *world) accept(ctx context.Context, email string) error {
	link, err := w.mailed(ctx, email, v1alpha1.MailInvite)
	if err != nil {
		return err
	}
	return w.post(ctx, link+"/accept", "email", email)
}

// apply lets somebody apply by the join link of a group that asks nothing, or for a company.
func (w *world) apply(ctx context.Context, email, group string) error {
	key := client.ObjectKey{Namespace: namespace, Name: group}
	gold := &v1alpha1.PartnerGroup{}
	err := until(ctx, "a join link of "+group, func() (bool, error) {
		err := w.api.Get(ctx, key, gold)
		return gold.Status.JoinURL != "", err
	})
	if err != nil {
		return err
	}
	if err := w.post(ctx, gold.Status.JoinURL, "email", email); err != nil {
		return err
	}
	link, err := w.mailed(ctx, email, v1alpha1.MailVerifyAddress)
	if err != nil {
		return err
	}
	return w.post(ctx, link, "organization", "Example Ltd", "website", "https://"+email[strings.Index(email, "@")+1:])
}

// mailed waits for a mail, and gives its link.
func (w *world) mailed(ctx context.Context, email string, kind v1alpha1.MailKind) (link string, err error) {
	err = until(ctx, fmt.Sprintf("a mail %s to %s", kind, email), func() (bool, error) {
		for _, mail := range w.Inbox.MessagesTo(email) {
			if mail.Kind == string(kind) && len(mail.Links) > 0 {
				link = mail.Links[0]
			}
		}
		return link != "", nil
	})
	return link, err
}

// post sends a form of names and values as somebody who was never here before, and wants it to be taken.
func (w *world) post(ctx context.Context, address string, pairs ...string) error {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	got, err := browser.NewPerson().Post(ctx, strings.Replace(address, portal, w.Portal(), 1), form)
	if err != nil {
		return err
	}
	return got.Wants(http.StatusSeeOther)
}

// settle waits until the operator has seen every object, or for a moment if somebody keeps it from that.
func (w *world) settle(ctx context.Context) {
	if w.removed {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_ = until(ctx, "", func() (bool, error) { // what is not settled shows in what the next command prints
		var programs v1alpha1.ProgramList
		var groups v1alpha1.PartnerGroupList
		var invites v1alpha1.PartnerInviteList
		var partnerships v1alpha1.PartnershipList
		for _, list := range []client.ObjectList{&programs, &groups, &invites, &partnerships} {
			if err := w.api.List(ctx, list, client.InNamespace(namespace)); err != nil {
				return true, err
			}
		}
		seen := true
		for _, p := range programs.Items {
			seen = seen && p.Status.ObservedGeneration >= p.Generation
		}
		for _, g := range groups.Items {
			seen = seen && g.Status.ObservedGeneration >= g.Generation
		}
		for _, i := range invites.Items {
			seen = seen && i.Status.ObservedGeneration >= i.Generation
		}
		for _, p := range partnerships.Items {
			seen = seen && p.Status.ObservedGeneration >= p.Generation
		}
		return seen, nil
	})
}

// until waits until something is so.
func until(ctx context.Context, what string, is func() (bool, error)) error {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if yes, err := is(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return fmt.Errorf("no %s within %s", what, patience)
		case <-tick.C:
		}
	}
}
