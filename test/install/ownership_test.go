package install

import (
	"context"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// From kustomize to Helm and back, as docs/install.md says: a conflict once, where the kinds first differ, and only then.
func TestKindsChangeHands(t *testing.T) {
	noKinds(t)
	release := helm{t}
	byKubectl := func(more ...string) []string {
		return append(append([]string{"apply", "--server-side"}, more...), "-k", folder("config/crd"))
	}
	kubectl(t, "", byKubectl()...)

	install := action.NewInstall(release.configuration())
	install.TakeOwnership = true
	if err := release.tryInstall(install, required); err != nil {
		t.Fatal(err)
	}
	upgrade := func(force bool, fields ...string) error {
		upgrade := action.NewUpgrade(release.configuration())
		upgrade.ForceConflicts = force
		return release.tryUpgrade(upgrade, withFields(t, fields...), required)
	}
	if err := upgrade(false); err != nil {
		t.Errorf("an upgrade to the same kinds: %v", err)
	}
	if err := upgrade(false, "one"); err == nil || !strings.Contains(err.Error(), `conflict with "kubectl"`) {
		t.Errorf("an upgrade to other kinds: %v", err)
	}
	if err := upgrade(true, "one"); err != nil {
		t.Errorf("the same with force: %v", err)
	}
	if err := upgrade(false, "one", "two"); err != nil {
		t.Errorf("the upgrade after it: %v", err)
	}
	release.uninstall()

	if said, err := plane.Kubectl(t.Context(), byKubectl()...).CombinedOutput(); err == nil || !strings.Contains(string(said), "conflict with") {
		t.Errorf("kubectl takes the kinds back without force: %v %s", err, said)
	}
	kubectl(t, "", byKubectl("--force-conflicts")...)
	kubectl(t, dump(t, kindsWith(t, "three")), "apply", "--server-side", "-f", "-")
	kubectl(t, "", byKubectl()...)
}

// What the newer operator noted stays when the way back of docs/operations.md is taken, and goes with helm rollback.
func TestGoingBackWithHelm(t *testing.T) {
	noKinds(t)
	release := helm{t}
	upgrade := func(next *helmchart.Chart, texts ...string) {
		t.Helper()
		if err := release.tryUpgrade(action.NewUpgrade(release.configuration()), next, append([]string{required}, texts...)...); err != nil {
			t.Fatal(err)
		}
	}
	noted := func(when string) string {
		t.Helper()
		kubectl(t, "", "label", "-n", tenant, "program", "noted", "--overwrite", "written="+when) // a write of something else
		return strings.TrimSpace(kubectl(t, "", "get", "-n", tenant, "program", "noted", "-o", "jsonpath={.status.fact}"))
	}

	release.install(required)
	upgrade(withFields(t, "fact"))
	kubectl(t, "", "wait", "--for=condition=Established", "crd/programs.partner-operator.io")
	kubectl(t, "apiVersion: partner-operator.io/v1alpha1\nkind: Program\nmetadata: {name: noted, namespace: "+tenant+"}\nspec: {displayName: Noted}\n", "apply", "-f", "-")
	eventually(t, "the API server keeps the fact", func() (bool, error) {
		kubectl(t, "", "patch", "-n", tenant, "program", "noted", "--subresource=status", "--type=merge", "-p", `{"status":{"fact":"it happened"}}`)
		return noted("first") == "it happened", nil
	})

	upgrade(load(t), "crd: {enabled: false}")
	if fact := noted("after-going-back"); fact != "it happened" {
		t.Errorf("after going back the fact is %q", fact)
	}
	upgrade(withFields(t, "fact"))
	if fact := noted("after-upgrading-again"); fact != "it happened" {
		t.Errorf("upgraded again, the fact is %q", fact)
	}

	rollback := action.NewRollback(release.configuration())
	rollback.Version, rollback.WaitStrategy = 1, kube.HookOnlyStrategy
	if err := rollback.Run("partner-operator"); err != nil {
		t.Fatal(err)
	}
	// The API server goes by the older kinds after a moment.
	eventually(t, "helm rollback takes the fact away, as the page says", func() (bool, error) {
		return noted("after-rollback") == "", nil
	})
	kubectl(t, "", "delete", "-n", tenant, "program", "noted")
	release.uninstall()
}

// noKinds begins without the kinds, and leaves those of the project to the tests behind it, applied by kubectl.
func noKinds(t *testing.T) {
	t.Helper()
	kubectl(t, "", "delete", "--ignore-not-found", "-k", folder("config/crd"))
	t.Cleanup(func() {
		command := plane.Kubectl(context.Background(), "apply", "--server-side", "--force-conflicts", "-k", folder("config/crd"))
		if said, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
	})
}

// withFields is the chart of another version, whose Programs have more fields in status.
func withFields(t *testing.T, fields ...string) *helmchart.Chart {
	t.Helper()
	changed := load(t)
	for _, file := range changed.Files {
		if strings.HasSuffix(file.Name, "files/crd/partner-operator.io_programs.yaml") {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(file.Data, &object.Object); err != nil {
				t.Fatal(err)
			}
			addFields(t, object, fields)
			text, err := yaml.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			file.Data = text
			return changed
		}
	}
	t.Fatal("the chart has no Program")
	return nil
}

// kindsWith are those of config/crd, changed likewise.
func kindsWith(t *testing.T, fields ...string) []*unstructured.Unstructured {
	t.Helper()
	kinds := mustKustomize(t, "config/crd")
	for _, object := range kinds {
		if object.GetName() == "programs.partner-operator.io" {
			addFields(t, object, fields)
		}
	}
	return kinds
}

func addFields(t *testing.T, object *unstructured.Unstructured, fields []string) {
	t.Helper()
	versions, _, err := unstructured.NestedSlice(object.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		err := unstructured.SetNestedMap(versions[0].(map[string]any), map[string]any{"type": "string"}, "schema", "openAPIV3Schema", "properties", "status", "properties", field)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := unstructured.SetNestedSlice(object.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
}
