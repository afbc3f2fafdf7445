package install

import (
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Each layout is installed with kubectl, does the main job, and is removed.
func TestKustomize(t *testing.T) {
	site := newSite(t)
	kubectl(t, dump(t, mustKustomize(t, "config/crd")), "apply", "--server-side", "--force-conflicts", "-f", "-")
	for _, lay := range layouts {
		t.Run(lay.name, func(t *testing.T) {
			objects := site.byKustomize(t, lay.folder)
			admit(t, objects)
			kubectl(t, dump(t, objects), "apply", "--server-side", "-f", "-")
			site.check(t, "kustomize", lay, site.start(t, lay))
			kubectl(t, dump(t, objects), "delete", "-f", "-")
			wantsGone(t, objects)
		})
	}
}

// The one file holds the kinds, the namespace and the operator, with the image that was asked for, and can be applied as
// it is.
func TestInstaller(t *testing.T) {
	const image = "registry.example.com/partner-operator@sha256:0123"
	made, err := exec.Command("make", "-C", root, "--no-print-directory", "build-installer", "IMG="+image).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, made)
	}
	text, err := os.ReadFile(folder("dist/install.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := mustKustomize(t, "config/crd", "config/namespace", "config/default")
	for _, deployment := range only(want, "Deployment") {
		containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
		if err != nil {
			t.Fatal(err)
		}
		containers[0].(map[string]any)["image"] = image
		if err := unstructured.SetNestedSlice(deployment.Object, containers, "spec", "template", "spec", "containers"); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, objects); diff != "" {
		t.Errorf("dist/install.yaml has +: %s", diff)
	}
	kubectl(t, string(text), "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
}

// What is optional can be applied beside the operator.
func TestOptionalFolders(t *testing.T) {
	admit(t, mustKustomize(t, "config/network-policy", "config/policy", "config/prometheus"))
}
