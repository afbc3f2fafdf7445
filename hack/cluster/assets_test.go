package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAssetsAreWhereTheRecipePutsThem(t *testing.T) {
	t.Setenv(assetsVariable, "")
	t.Setenv("XDG_CACHE_HOME", "/cache")
	found, err := builtAssets()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(found)
	if filepath.Dir(found) != "/cache/partner-operator/controlplane" ||
		!strings.HasPrefix(name, "kubernetes-v1.") || !strings.Contains(name, "-etcd-v3.") {
		t.Errorf("looks for them in %s", found)
	}
	if _, err := findAssets("", "etcd"); err == nil || !strings.Contains(err.Error(), "run make controlplane") {
		t.Errorf("the error names no remedy: %v", err)
	}
}

func TestAssetsOfTheCallerGoFirst(t *testing.T) {
	given, environment := t.TempDir(), t.TempDir()
	t.Setenv(assetsVariable, environment)
	for _, folder := range []string{given, environment} {
		if err := os.WriteFile(filepath.Join(folder, "etcd"), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for asked, want := range map[string]string{given: given, "": environment} {
		if got, err := findAssets(asked, "etcd"); err != nil || got != want {
			t.Errorf("findAssets(%q) is %q, %v", asked, got, err)
		}
	}
	if _, err := findAssets(given, "etcd", "kube-apiserver"); err == nil {
		t.Error("a missing kube-apiserver is not told")
	}
}
