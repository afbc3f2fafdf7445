package clients

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/hack/cluster"
)

// helm is a release of the chart in a cluster without nodes, so nothing waits for pods.
type helm struct {
	*testing.T
	program, home string
	plane         *cluster.Cluster
}

const release, helmNamespace = "partner-operator", "partner-operator-system"

// run runs a command of Helm and returns what it says.
func (h *helm) run(args ...string) string {
	h.Helper()
	command := exec.CommandContext(h.Context(), h.program, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+h.plane.Kubeconfig, "HOME="+h.home, "XDG_CACHE_HOME="+h.home, "XDG_CONFIG_HOME="+h.home, "XDG_DATA_HOME="+h.home)
	out, err := command.CombinedOutput()
	if err != nil {
		h.Fatalf("helm %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// release runs a command of Helm for the release, with a chart and values.
func (h *helm) release(verb, chart string, args ...string) {
	h.Helper()
	h.run(append([]string{verb, release, chart, "-n", helmNamespace, "--set", "portal.url=https://partners.example.com"}, args...)...)
}

func (h *helm) kubectl(input string, args ...string) string {
	h.Helper()
	command := h.plane.Kubectl(h.Context(), args...)
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	if err != nil {
		h.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// versions are the resourceVersions of all that the chart makes, but for what controllers write about it.
func (h *helm) versions() string {
	h.Helper()
	const columns = "custom-columns=KIND:.kind,NAME:.metadata.name,VERSION:.metadata.resourceVersion"
	return h.kubectl("", "get", "-A", "-l", "app.kubernetes.io/managed-by=Helm", "--no-headers", "-o", columns,
		"deployments,services,serviceaccounts,poddisruptionbudgets,networkpolicies,roles,rolebindings,clusterroles,clusterrolebindings,customresourcedefinitions")
}

// newer is a copy of the chart whose Programs have one more field in status.
func (h *helm) newer(chart string) string {
	h.Helper()
	to := filepath.Join(h.TempDir(), "partner-operator")
	if err := os.CopyFS(to, os.DirFS(chart)); err != nil {
		h.Fatal(err)
	}
	file := filepath.Join(to, "files/crd/partner-operator.io_programs.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		h.Fatal(err)
	}
	status := regexp.MustCompile(`(?m)^( +)status:\n(?: +.*\n)*? +properties:\n`)
	at := status.FindIndex(text)
	if at == nil {
		h.Fatal("the Program has no status")
	}
	indent := regexp.MustCompile(`^ +`).Find(text[at[1]:])
	field := fmt.Sprintf("%[1]sfact:\n%[1]s  type: string\n", indent)
	if err := os.WriteFile(file, bytes.Join([][]byte{text[:at[1]], []byte(field), text[at[1]:]}, nil), 0o600); err != nil {
		h.Fatal(err)
	}
	return to
}

func startHelm(t *testing.T, name string) *helm {
	t.Helper()
	program := clientProgram(t, name)
	plane, err := cluster.Start(context.Background(), cluster.Options{ControllerManager: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &helm{t, program, t.TempDir(), plane}
}

// Helm 4's own code installs the chart in test/install, too. These are the programs of Helm 3 and 4, each on a cluster of its
// own.
func TestHelm(t *testing.T) {
	for _, name := range []string{"helm3", "helm4"} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			walkRelease(t, startHelm(t, name))
			walked(name, "install, upgrade, go back, roll back, uninstall", 0, time.Since(began))
		})
	}
}

// walkRelease installs the chart, changes it and goes back in each way that docs/operations.md tells of, and removes it.
func walkRelease(t *testing.T, h *helm) {
	t.Helper()
	const chart = root + "/charts/partner-operator"
	h.run("lint", "--strict", chart, "--set", "portal.url=https://partners.example.com")
	h.release("install", chart, "--create-namespace")
	before := h.versions()
	if count := strings.Count(before, "\n") + 1; count < 15 {
		t.Fatalf("the chart made %d objects:\n%s", count, before)
	}
	h.release("upgrade", chart)
	if after := h.versions(); after != before {
		t.Errorf("an upgrade without a change writes:\n%s\nbefore:\n%s", after, before)
	}
	if out := h.run("test", release, "-n", helmNamespace); !strings.Contains(out, "STATUS: deployed") {
		t.Errorf("helm test says\n%s", out)
	}

	h.release("upgrade", h.newer(chart))
	h.kubectl("", "wait", "--for=condition=Established", "crd/programs.partner-operator.io")
	h.kubectl("apiVersion: partner-operator.io/v1alpha1\nkind: Program\nmetadata: {name: noted, namespace: default}\nspec: {displayName: Noted}\n", "apply", "-f", "-")
	fact := func(when string) string {
		h.kubectl("", "label", "program", "noted", "--overwrite", "written="+when) // a write of something else
		return h.kubectl("", "get", "program", "noted", "-o", "jsonpath={.status.fact}")
	}
	eventually(t, "the API server keeps the fact", func() string {
		h.kubectl("", "patch", "program", "noted", "--subresource=status", "--type=merge", "-p", `{"status":{"fact":"it happened"}}`)
		if fact("first") != "it happened" {
			return "it is lost"
		}
		return ""
	})
	h.release("upgrade", chart, "--set", "crd.enabled=false")
	if got := fact("going-back"); got != "it happened" {
		t.Errorf("after going back without the kinds the fact is %q", got)
	}
	h.release("upgrade", h.newer(chart))
	if got := fact("again"); got != "it happened" {
		t.Errorf("upgraded again, the fact is %q", got)
	}
	h.run("rollback", release, "1", "-n", helmNamespace)
	eventually(t, "helm rollback takes the fact away, as docs/operations.md says", func() string { return fact("rollback") })

	h.run("uninstall", release, "-n", helmNamespace)
	if kept := h.kubectl("", "get", "program", "noted", "-o", "name"); kept != "program.partner-operator.io/noted" {
		t.Errorf("after uninstalling there is %q", kept)
	}
	h.release("install", chart)
	h.run("uninstall", release, "-n", helmNamespace)
}
