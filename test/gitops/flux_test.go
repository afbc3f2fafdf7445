// Package gitops lets Flux apply what Git says, with the code that Flux itself applies with, while people use kubectl
// partner.
package gitops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/ssa"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/cluster"
	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

// inGit is what Git says, with the labels that kustomize-controller puts on everything.
const inGit = `
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata:
  name: ada
  namespace: acme
  labels: {kustomize.toolkit.fluxcd.io/name: partners, kustomize.toolkit.fluxcd.io/namespace: flux-system}
spec:
  programRef: {name: referral}
  groupRef: {name: standard}
  contact: {email: ada@example.com}
`

// What people write with kubectl partner stays when Flux applies again, unless Git says otherwise; what they write with
// kubectl patch goes.
func TestFluxKeepsWhatThePluginWrites(t *testing.T) {
	log.SetLogger(logr.Discard())
	ctx := t.Context()
	plane, err := cluster.Start(ctx, cluster.Options{CRDs: []string{"../../config/crd/bases"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	api, err := client.New(plane.Config, client.Options{Scheme: verbs.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "acme"}},
		&v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "gold"}, Spec: v1alpha1.PartnerGroupSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Gold",
		}},
	} {
		if err := api.Create(ctx, object); err != nil {
			t.Fatal(err)
		}
	}
	fluxApplies(t, api)

	if out := partner(t, plane, "revoke", "ada", "--reason", "Over."); !strings.Contains(out, "is kept by Flux, Kustomization flux-system/partners") {
		t.Errorf("nobody is warned: %s", out)
	}
	partner(t, plane, "move", "ada", "--to", "gold")
	if out, err := plane.Kubectl(ctx, "patch", "pship", "ada", "-n", "acme", "--type=merge", "-p", `{"spec":{"stage":"Patched"}}`).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fluxApplies(t, api)

	var ada v1alpha1.Partnership
	if err := api.Get(ctx, client.ObjectKey{Namespace: "acme", Name: "ada"}, &ada); err != nil {
		t.Fatal(err)
	}
	if ada.Spec.Revocation == nil || ada.Spec.Revocation.Reason != "Over." {
		t.Error("the revocation is gone, which Git does not speak of")
	}
	if ada.Spec.GroupRef.Name != "standard" {
		t.Error("the group is not what Git says")
	}
	if ada.Spec.Stage != "" {
		t.Error("kubectl's own writing stayed; then the plugin need not have a name of its own")
	}
}

// fluxApplies applies what Git says as kustomize-controller does: by server-side apply, after taking away what managers
// wrote whose names begin with kubectl.
func fluxApplies(t *testing.T, api client.Client) {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(inGit), &object.Object); err != nil {
		t.Fatal(err)
	}
	options := ssa.DefaultApplyOptions()
	options.Force = true
	options.Cleanup.FieldManagers = []ssa.FieldManager{
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
		{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
	}
	manager := ssa.NewResourceManager(api, nil, ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
	if _, err := manager.Apply(t.Context(), object, options); err != nil {
		t.Fatal(err)
	}
}

// partner runs kubectl partner as a person does.
func partner(t *testing.T, plane *cluster.Cluster, args ...string) string {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	command := plane.Kubectl(t.Context(), append([]string{"partner"}, append(args, "-n", "acme")...)...)
	command.Env = append(command.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
