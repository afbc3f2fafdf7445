package clients

import (
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// startArgoCD runs Argo CD's repository server and application controller beside the control plane, with the kinds and
// settings of Argo CD's own installation and those of ours, which are added by the command of the page.
func startArgoCD(t *testing.T, w *world, programs string) {
	t.Helper()
	module := moduleOf(t, "argocd", "github.com/argoproj/argo-cd/v3")
	w.kubectl(t, "", "apply", "--server-side", "-k", filepath.Join(module, "manifests/crds"))
	eventually(t, "the kinds of Argo CD", func() string {
		if out, err := w.plane.Kubectl(t.Context(), "get", "applications.argoproj.io,appprojects.argoproj.io").CombinedOutput(); err != nil {
			return string(out)
		}
		return ""
	})
	w.kubectl(t, "", "create", "namespace", "argocd")
	for _, file := range []string{"argocd-cm.yaml", "argocd-secret.yaml"} {
		w.kubectl(t, "", "apply", "-n", "argocd", "-f", filepath.Join(module, "manifests/base/config", file))
	}
	w.kubectl(t, `{"data":{"oidc.config":"name: SSO","admin.enabled":"false"}}`, "patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", "--patch-file=/dev/stdin")
	before := w.configMap(t, "argocd", "argocd-cm").Data
	w.kubectl(t, "", "patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", "-p", w.kubectl(t, "", "kustomize", root+"/config/argocd"))
	after := w.configMap(t, "argocd", "argocd-cm").Data
	for key, value := range before {
		if after[key] != value {
			t.Errorf("our settings change %s of argocd-cm to %q", key, after[key])
		}
	}

	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "git-verify-wrapper.sh"), []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(),
		"HOME="+folder, "TMPDIR="+folder, "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"),
		"ARGOCD_GPG_ENABLED=false", "ARGOCD_FAKE_IN_CLUSTER=true", "KUBECONFIG="+w.plane.Kubeconfig,
		"ARGOCD_ASK_PASS_SOCK="+filepath.Join(folder, "ask-pass.sock"),
	)
	redis, server := freeAddress(t), freeAddress(t)
	startProgram(t, w.plane, env, filepath.Join(programs, "argocd-redis"), redis)
	startProgram(t, w.plane, env, filepath.Join(programs, "argocd-repo-server"),
		"--address=127.0.0.1", "--port="+portOf(server), "--metrics-address=127.0.0.1", "--metrics-port="+portOf(freeAddress(t)), "--redis="+redis, "--disable-tls")
	startProgram(t, w.plane, env, filepath.Join(programs, "argocd-application-controller"),
		"--kubeconfig="+w.plane.Kubeconfig, "--namespace=argocd", "--redis="+redis, "--repo-server="+server, "--repo-server-plaintext",
		"--metrics-port="+portOf(freeAddress(t)), "--app-resync=15", "--app-resync-jitter=0")
}

// argoPrograms is a folder with Argo CD's programs, which are one that looks at the name by which it is called.
func argoPrograms(t *testing.T) (folder string) {
	t.Helper()
	program := clientProgram(t, "argocd")
	folder = t.TempDir()
	for _, name := range []string{"argocd-redis", "argocd-repo-server", "argocd-application-controller"} {
		if err := os.Symlink(program, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// configMap is one as it is now.
func (w *world) configMap(t *testing.T, ns, name string) *corev1.ConfigMap {
	t.Helper()
	found := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	w.get(t, found)
	return found
}
