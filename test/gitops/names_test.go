package gitops

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The samples under other names, as docs/gitops.md says, find each other: all of them become Current.
func TestRenamedSamplesAreCurrent(t *testing.T) {
	const ns = "renamed"
	tenant(t, ns)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Abs("../../config/samples")
	if err != nil {
		t.Fatal(err)
	}
	if samples, err = filepath.Rel(dir, samples); err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"names.yaml":         readFile(t, "../../config/kustomize/names.yaml"),
		"kustomization.yaml": "namePrefix: eu-\nnameSuffix: -x\nconfigurations: [names.yaml]\nresources: [" + samples + "]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made := kubectl(t, "", "kustomize", dir)
	kubectl(t, made, "apply", "-n", ns, "-f", "-")
	for _, object := range objects(t, ns, made) {
		if object.GetAPIVersion() != v1alpha1.GroupVersion.String() {
			continue
		}
		eventually(t, object.GetKind()+" "+object.GetName(), func() string {
			now := live(t, ns, object.GetKind(), object.GetName())
			is, err := status.Compute(now)
			if err != nil || is.Status != status.CurrentStatus || reasonOf(now) == "" {
				return fmt.Sprintf("%v %v", is, err)
			}
			return ""
		})
	}
}
