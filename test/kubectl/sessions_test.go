package kubectl

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write what the sessions print into docs/kubectl.md")

const document = "../../docs/kubectl.md"

// The document is its own golden file: each console block is a session. Lines that begin with $ are run, in order, and
// what follows is what they print. A csv block after a comment «file: NAME» is a file that they read, and a comment
// «does: WHAT» is what somebody else does meanwhile.
func TestSessionsInTheDocument(t *testing.T) {
	before, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t)
	var after strings.Builder
	var fence, file, block string
	for line := range strings.Lines(string(before)) {
		text := strings.TrimRight(line, "\n")
		directive, isDirective := strings.CutPrefix(text, "<!-- ")
		switch {
		case fence == "" && isDirective:
			word, rest, _ := strings.Cut(strings.TrimSuffix(directive, " -->"), ": ")
			if file = ""; word == "file" {
				file = rest
			} else {
				s.does(rest)
			}
		case fence == "" && strings.HasPrefix(text, "```"):
			fence, block = text, ""
		case text == "```":
			switch {
			case fence == "```console":
				after.WriteString(s.run(block))
			case file != "":
				s.write(file, block)
				fallthrough
			default:
				after.WriteString(block)
			}
			fence, file = "", ""
		case fence != "":
			block += line
			continue
		}
		after.WriteString(line)
	}
	if *update {
		if err := os.WriteFile(document, []byte(after.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(before), after.String()); diff != "" {
		t.Errorf("docs/kubectl.md shows something else; look, and run the test with -update: %s", diff)
	}
}

// session is a shell in a folder of its own, at the namespace acme.
type session struct {
	t          *testing.T
	dir        string
	kubeconfig string
}

func newSession(t *testing.T) *session {
	t.Helper()
	s := &session{t: t, dir: t.TempDir()}
	makeTenant(t, "acme")
	fixSalts(t, "acme")
	s.install()
	s.kubeconfig = filepath.Join(s.dir, "kubeconfig")
	access, err := os.ReadFile(plane.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.kubeconfig, access, 0o600); err != nil {
		t.Fatal(err)
	}
	s.kubectl("config", "set-context", "--current", "--namespace=acme")
	s.kubectl("patch", "prog", "referral", "--type=merge", "-p", `{"spec":{"invites":{"resendCooldown":"0s"}}}`)
	return s
}

// install leaves in the cluster what installing the operator there leaves.
func (s *session) install() {
	s.t.Helper()
	labels := map[string]string{"app": "partner-operator"}
	one := int32(1)
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator"}, Spec: appsv1.DeploymentSpec{
		Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			ServiceAccountName: "partner-operator",
			Containers: []corev1.Container{{Name: "operator", Image: "partner-operator:v0.1.0", EnvFrom: []corev1.EnvFromSource{{
				ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "partner-operator-environment"}},
			}}}},
		}},
	}}
	create(s.t, deployment, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator-environment"}, Data: map[string]string{
		"PARTNER_OPERATOR_PORTAL_URL": running.Portal, "PARTNER_OPERATOR_SMTP_URL": "smtp://" + inbox.SMTPAddr() + "?tls=none",
	}})
	deployment.Status = appsv1.DeploymentStatus{Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1, UpdatedReplicas: 1}
	if err := api.Status().Update(s.t.Context(), deployment); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { retireOlderKeys(s.t) })
}

// does is what somebody else does.
func (s *session) does(what string) {
	s.t.Helper()
	switch word, rest, _ := strings.Cut(what, " "); word {
	case "accept":
		accept(s.t, rest)
		s.settle()
	case "apply":
		for _, name := range []string{"eve", "fred"} {
			create(s.t, &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name}, Spec: v1alpha1.PartnershipSpec{
				ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Onboarding: v1alpha1.OnboardingApproval,
				Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(name + "@example.com")},
			}})
		}
		s.settle()
	case "flux":
		s.kubectl("label", "pship", "--all", "kustomize.toolkit.fluxcd.io/name=partners", "kustomize.toolkit.fluxcd.io/namespace=flux-system")
	default:
		s.t.Fatalf("docs/kubectl.md: nobody does %q", what)
	}
}

// settle waits until the operator has nothing left to do.
func (s *session) settle() {
	s.t.Helper()
	eventually(s.t, "the operator is done", func() bool {
		var partners v1alpha1.PartnershipList
		var invites v1alpha1.PartnerInviteList
		for _, list := range []client.ObjectList{&partners, &invites} {
			if err := api.List(s.t.Context(), list, client.InNamespace("acme")); err != nil {
				s.t.Fatal(err)
			}
		}
		for _, p := range partners.Items {
			if p.Status.ObservedGeneration < p.Generation || p.Status.State == v1alpha1.PartnershipInvited && p.Status.InviteRef == nil {
				return false
			}
		}
		for _, i := range invites.Items {
			if i.Status.ObservedGeneration < i.Generation || i.Status.State == v1alpha1.InvitePending {
				return false
			}
		}
		return true
	})
}

func (s *session) write(file, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, file), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) kubectl(args ...string) {
	s.t.Helper()
	command := plane.Kubectl(s.t.Context(), args...)
	command.Env = append(command.Environ(), "KUBECONFIG="+s.kubeconfig)
	if out, err := command.CombinedOutput(); err != nil {
		s.t.Fatalf("kubectl %v: %v: %s", args, err, out)
	}
}

// run runs the commands of a block, and gives the block with what they print.
func (s *session) run(block string) string {
	s.t.Helper()
	var printed strings.Builder
	for line := range strings.Lines(block) {
		command, is := strings.CutPrefix(strings.TrimRight(line, "\n"), "$ ")
		if !is {
			continue
		}
		s.settle()
		shell := exec.CommandContext(s.t.Context(), "sh", "-c", command)
		shell.Dir = s.dir
		shell.Env = append(plane.Kubectl(s.t.Context()).Environ(), "KUBECONFIG="+s.kubeconfig, path(s.t))
		var out bytes.Buffer
		shell.Stdout, shell.Stderr = &out, &out
		err := shell.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&printed, "%s%s", line, normal(out.String()))
	}
	return printed.String()
}

// changing are the parts of what is printed that are different each time.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`/invite/[A-Za-z0-9_-]{78}`), "/invite/TOKEN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "2026-12-01T12:00:00Z"},
	{regexp.MustCompile(`\b20\d{6}T\d{6}Z`), "20261201T120000Z"},
	{regexp.MustCompile(`\d+ open invites`), "12 open invites"},
	{regexp.MustCompile(`(?m)(\d+m)?\d+s$`), "5s"},
}

func normal(text string) string {
	text = strings.ReplaceAll(text, running.Portal, "https://partners.example.com")
	text = strings.ReplaceAll(text, inbox.SMTPAddr(), "mail.example.com:25")
	for _, each := range changing {
		text = each.what.ReplaceAllString(text, each.with)
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n")+"\n")
	}
	return strings.Join(lines, "")
}
