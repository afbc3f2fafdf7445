package access

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	document     = "../../docs/access.md"
	policyFolder = "../../config/policy"
	samples      = "../../config/samples/people.yaml"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkDocument tries what docs/access.md shows: the roles are those of the samples, and the sessions print what stands there.
func checkDocument(t *testing.T) {
	text := read(t, document)
	_, shown, _ := strings.Cut(text, "```yaml\n")
	shown, _, _ = strings.Cut(shown, "```\n")
	if !strings.Contains(read(t, samples), shown) {
		t.Errorf("%s does not show what stands in %s", document, samples)
	}
	kubectl(t, "apply", "-n", acme, "-f", samples)
	bob, _ := someone(t, "bob")
	eventually(t, "Bob has rights", func() bool { return bob.List(t.Context(), &v1alpha1.ProgramList{}, client.InNamespace(acme)) == nil })
	sessions := 0
	for block := range strings.SplitSeq(text, "```console\n$ ") {
		block, _, _ = strings.Cut("$ "+block, "```\n")
		if block = strings.TrimSpace(block); strings.HasPrefix(block, "$ #") {
			continue // the text before the first session
		}
		sessions++
		if got := session(t, block); got != block {
			t.Errorf("%s shows something else: %s", document, cmp.Diff(block, got))
		}
	}
	if sessions == 0 {
		t.Error("there are no sessions")
	}
}

// session runs the lines of a block that begin with $, and gives the block with what they print.
func session(t *testing.T, block string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(block) {
		command, is := strings.CutPrefix(strings.TrimSpace(line), "$ ")
		if !is {
			continue
		}
		out, err := shell(t, command).CombinedOutput()
		if err != nil && len(out) == 0 {
			t.Fatalf("%s: %v", command, err)
		}
		lines = append(lines, "$ "+command)
		for printed := range strings.Lines(string(out)) {
			lines = append(lines, strings.TrimRight(printed, " \n"))
		}
	}
	return strings.Join(lines, "\n")
}

// shell is a command of somebody who has kubectl, the plugin and an administrator's access.
func shell(t *testing.T, command string) *exec.Cmd {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "sh", "-c", command)
	c.Env = append(scene.Cluster.Kubectl(t.Context()).Environ(), "PATH="+strings.Join([]string{bin, scene.Cluster.Assets, os.Getenv("PATH")}, string(os.PathListSeparator)))
	return c
}

// With the bindings that docs/access.md shows for a trial, what would be refused is let through with a warning.
func TestTrial(t *testing.T) {
	_, overlay, found := strings.Cut(read(t, document), "<!-- file: kustomization.yaml -->\n```yaml\n")
	overlay, _, _ = strings.Cut(overlay, "```\n")
	folder := t.TempDir()
	policies, err := filepath.Abs(policyFolder)
	if err != nil {
		t.Fatal(err)
	}
	if policies, err = filepath.Rel(folder, policies); err != nil || !found {
		t.Fatalf("%s shows no trial: %v", document, err)
	}
	overlay = strings.ReplaceAll(overlay, "../../config/policy", policies)
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(overlay), 0o600); err != nil {
		t.Fatal(err)
	}
	_, kubeconfig := someone(t, "tester")
	bind(t, "tester", "partner-editor")
	applyPolicies(t, folder)
	kubectl(t, "label", "namespace", acme, "partners.acme.example/guarded=true")
	const invite = `{"apiVersion":"partner-operator.io/v1alpha1","kind":"PartnerInvite","metadata":{"name":"trial"},"spec":{"contact":{"email":"trial@people.example"},"programs":[{"name":"referral"}]}}`
	eventually(t, "a request is let through with a warning", func() bool {
		out, err := shell(t, "echo '"+invite+"' | kubectl create -n acme --dry-run=server -f - --kubeconfig "+kubeconfig).CombinedOutput()
		return err == nil && strings.Contains(string(out), `Warning: Validation failed for ValidatingAdmissionPolicy 'partner-operator-invites'`) &&
			strings.Contains(string(out), `inviting into Program "referral" needs the verb invite on it`)
	})
}
