// Package clients lets the programs of others that keep a cluster as Git says meet the operator: built from their modules
// and run beside a control plane as they are. It counts mails and writes, never milliseconds.
//
// Without CLIENTS in the environment nothing is run. What a machine lacks is said in one line that begins with NOT TESTED,
// and fails with REQUIRED.
package clients

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/machine"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
	"github.com/partner-operator/partner-operator/hack/stage"
	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

// root is the folder of the project.
const root = "../.."

// world is what a client meets: a control plane with the operator beside it, and everybody's mailboxes.
type world struct {
	plane  *cluster.Cluster
	inbox  *mailcatcher.Catcher
	api    client.Client
	portal string
	// person is whoever looks at pages in a scene.
	person *browser.Person
	// told are all mails so far.
	told []string
}

// newWorld starts one, which ends with the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	all, err := stage.Start(context.Background(), stage.Options{Root: root, Args: []string{"--client-rate=0", "--address-rate=0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Stop(); err != nil {
			t.Error(err)
		}
	})
	api, err := client.New(all.Cluster.Config, client.Options{Scheme: verbs.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &world{plane: all.Cluster, inbox: all.Inbox, api: api, portal: all.Portal()}
}

// clientProgram is the path of a client, which hack/clients/build.sh builds if it has not been built before.
func clientProgram(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv("CLIENTS") == "" {
		t.Skip("real clients are for make test-clients")
	}
	command := exec.CommandContext(t.Context(), root+"/hack/clients/build.sh", name)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		machine.Lacks(t, name, "it cannot be built: ", err)
	}
	return strings.TrimSpace(string(out))
}

// scene is something that people do, and the mails that come of it: kind and recipient.
type scene struct {
	name  string
	act   func(*testing.T)
	mails []string
}

// walk lets scenes happen to a client one after the other. What comes next begins with what should be there now.
func (w *world) walk(t *testing.T, client string, scenes []scene) {
	t.Helper()
	for _, each := range scenes {
		began := time.Now()
		if !t.Run(each.name, func(t *testing.T) {
			each.act(t)
			w.told = append(w.told, each.mails...)
			slices.Sort(w.told)
			eventually(t, "the mails", func() string { return unlessEqual(w.mails(), w.told) })
		}) {
			t.FailNow()
		}
		walked(client, each.name, len(each.mails), time.Since(began))
	}
	if got := w.mails(); !slices.Equal(got, w.told) {
		t.Errorf("in the end there are the mails %q, not %q", got, w.told)
	}
}

// table is what was walked, a line for each scene.
var table []string

// walked notes a scene, how many mails it sent and how long it took.
func walked(client, scene string, mails int, took time.Duration) {
	table = append(table, fmt.Sprintf("%-10s %-45s %5d  %s", client, scene, mails, took.Round(time.Second/10)))
}

func (w *world) get(t *testing.T, object client.Object) {
	t.Helper()
	if err := w.api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
}

// kubectl runs a command as an administrator, with the plugin in the PATH, and gives what it says.
func (w *world) kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	command := w.plane.Kubectl(t.Context(), args...)
	bin, err := filepath.Abs(root + "/bin")
	if err != nil {
		t.Fatal(err)
	}
	command.Env = append(command.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	command.Stdin = strings.NewReader(input)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	if err := command.Run(); err != nil {
		t.Fatalf("kubectl %s: %v: %s%s", strings.Join(args, " "), err, errOut.String(), out.String())
	}
	return out.String() + errOut.String()
}

// eventually waits until nothing is missing, and tells what is if that takes too long.
func eventually(t *testing.T, what string, missing func() string) {
	t.Helper()
	const patience = 90 * time.Second
	deadline := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
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

// mails are the kind and the recipient of each mail, in alphabetical order.
func (w *world) mails() (all []string) {
	for _, mail := range w.inbox.Messages() {
		all = append(all, mail.Kind+" "+strings.ToLower(strings.Join(mail.To, " ")))
	}
	slices.Sort(all)
	return all
}

// versions are those of all our objects.
func (w *world) versions(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, kind := range []string{"Program", "PartnerGroup", "PartnerTeam", "PartnerInvite", "Partnership", "PartnerLink"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := w.api.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for _, object := range list.Items {
			found[fmt.Sprintf("%s %s/%s", kind, object.GetNamespace(), object.GetName())] = object.GetResourceVersion()
		}
	}
	return found
}

// settled waits until nothing of ours has changed for a second, and gives the versions.
func (w *world) settled(t *testing.T) (versions map[string]string) {
	t.Helper()
	since := time.Now()
	eventually(t, "what happened before has ended", func() string {
		if now := w.versions(t); !maps.Equal(now, versions) {
			versions, since = now, time.Now()
		}
		if time.Since(since) < time.Second {
			return "something changed less than a second ago"
		}
		return ""
	})
	return versions
}

// startProgram runs a program until the test has ended, and shows the end of its log if the test has failed then.
func startProgram(t *testing.T, plane *cluster.Cluster, env []string, program string, args ...string) {
	t.Helper()
	command, err := plane.Command(program, args...)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(program)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	command.Env, command.Stdout, command.Stderr = env, log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		text, _ := os.ReadFile(log.Name())
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", filepath.Base(program), text[max(0, len(text)-6000):])
		}
		_ = log.Close()
	})
}

// freeAddress is one on loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := operator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// repository is one in Git that is served by HTTP.
type repository struct {
	folder, url string
	// files are what the next commit holds, by path.
	files map[string]string
}

// startGit makes an empty repository and serves it.
func startGit(t *testing.T) *repository {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if err == nil {
		_, err = os.Stat(backend)
	}
	if err != nil {
		machine.Lacks(t, "Argo CD", "git and git-http-backend are not there: ", err)
	}
	folder := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: &cgi.Handler{
		Path: backend, Env: []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + folder},
	}}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	r := &repository{folder: filepath.Join(folder, "partners"), url: "http://" + listener.Addr().String() + "/partners", files: map[string]string{}}
	if err := os.Mkdir(r.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	r.git(t, "init", "-q", "-b", "main")
	return r
}

// commit makes the files the newest commit, and gives its name.
func (r *repository) commit(t *testing.T) string {
	t.Helper()
	r.git(t, "rm", "-rfq", "--ignore-unmatch", ".")
	for name, text := range r.files {
		path := filepath.Join(r.folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.git(t, "add", "-A")
	r.git(t, "-c", "user.name=Acme", "-c", "user.email=git@acme.example", "commit", "-q", "--allow-empty", "-m", "Change partners")
	return r.git(t, "rev-parse", "HEAD")
}

func (r *repository) git(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "git", args...)
	command.Dir = r.folder
	var errOut bytes.Buffer
	command.Stderr = &errOut
	out, err := command.Output()
	if err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, errOut.String())
	}
	return strings.TrimSpace(string(out))
}

// moduleOf is the folder of a module that a client is built from.
func moduleOf(t *testing.T, client, module string) string {
	t.Helper()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "list", "-m", "-f", "{{.Dir}}", module)
	command.Dir = root + "/hack/clients/" + client
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	out, err := command.Output()
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		t.Fatal(fmt.Errorf("the folder of %s: %w", module, err))
	}
	return string(bytes.TrimSpace(out))
}
