package cel

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// selection is a field selector that finds an object of a kind, as given.
type selection struct {
	kind, field, value string
	given              edit
}

var selections = map[string]selection{
	"groups of a program":       {"PartnerGroup", "spec.programRef.name", "referral", nil},
	"invites in a state":        {"PartnerInvite", "status.state", "Sent", sentInvite},
	"partnerships in a state":   {"Partnership", "status.state", "Active", set("status.state", "Active")},
	"partnerships of a program": {"Partnership", "spec.programRef.name", "referral", nil},
	"partnerships of a group":   {"Partnership", "spec.groupRef.name", "gold", set("spec.groupRef.name", "gold")},
	"links in a state":          {"PartnerLink", "status.state", "Active", set("status.state", "Active")},
	"links of a partnership":    {"PartnerLink", "spec.partnershipRef.name", "ada-referral", nil},
	"invites of a person":       {"PartnerInvite", "spec.contact.email", "eve@example.com", set("spec.contact.email", "eve@example.com")},
	"partnerships of a person":  {"Partnership", "spec.contact.email", "eve@example.com", set("spec.contact.email", "eve@example.com")},
	"partnerships of a team":    {"Partnership", "spec.teamRef.name", "agency", ofTeam},
}

func TestFieldSelectors(t *testing.T) {
	for name, s := range selections {
		t.Run(name, func(t *testing.T) {
			o := s.create(t, newNamespace(t))
			if found := s.find(t, o, s.value); found != 1 {
				t.Errorf("%s=%s finds %d objects, want 1", s.field, s.value, found)
			}
			if found := s.find(t, o, "other"); found != 0 {
				t.Errorf("%s=other finds %d objects, want none", s.field, found)
			}
		})
	}
}

func TestEverySelectableFieldIsSelected(t *testing.T) {
	for _, crd := range crds(t) {
		for _, version := range crd.Spec.Versions {
			for _, field := range version.SelectableFields {
				if !isSelected(crd.Spec.Names.Kind, strings.TrimPrefix(field.JSONPath, ".")) {
					t.Errorf("no selection by %s of %s", field.JSONPath, crd.Spec.Names.Kind)
				}
			}
		}
	}
}

func TestKubectl(t *testing.T) {
	namespace := newNamespace(t)
	kinds := []string{"Program", "PartnerGroup", "PartnerTeam", "PartnerInvite", "Partnership", "PartnerLink"}
	for _, kind := range kinds {
		selection{kind: kind}.create(t, namespace)
	}
	if got := kubectlGet(t, namespace, "partners"); len(got) != len(kinds) {
		t.Errorf("kubectl get partners lists %q, want one of each kind", got)
	}
	for _, short := range []string{"prog", "pgroup", "pteam", "pinvite", "pship", "plink"} {
		if got := kubectlGet(t, namespace, short); len(got) != 1 {
			t.Errorf("kubectl get %s lists %q", short, got)
		}
	}
	if got := kubectlGet(t, namespace, "pship", "--field-selector=spec.programRef.name=referral"); len(got) != 1 {
		t.Errorf("kubectl get pship by its program lists %q", got)
	}
	if got := kubectlGet(t, namespace, "pship", "--field-selector=spec.programRef.name=other"); len(got) != 0 {
		t.Errorf("kubectl get pship by another program lists %q", got)
	}
}

// kubectlGet are the names that kubectl get lists, one for each line.
func kubectlGet(t *testing.T, namespace string, args ...string) []string {
	t.Helper()
	args = append([]string{"get", "--namespace=" + namespace, "--output=name"}, args...)
	out, err := controlPlane.Kubectl(t.Context(), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %q: %v\n%s", args, err, out)
	}
	return strings.Fields(string(out))
}

func isSelected(kind, field string) bool {
	for _, s := range selections {
		if s.kind == kind && s.field == field {
			return true
		}
	}
	return false
}

func (s selection) create(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	o := valid(t, s.kind)
	o.SetNamespace(namespace)
	if s.given == nil {
		s.given = all()
	}
	s.given(o)
	if err := api.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.given(o) // creating dropped the status
	if err := api.Status().Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// find is how many objects of the kind of o, in its namespace, have the value.
func (s selection) find(t *testing.T, o *unstructured.Unstructured, value string) int {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(listKind(o.GroupVersionKind()))
	err := api.List(t.Context(), list, client.InNamespace(o.GetNamespace()), client.MatchingFields{s.field: value})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}

func listKind(gvk schema.GroupVersionKind) schema.GroupVersionKind {
	gvk.Kind += "List"
	return gvk
}

func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "cel-"}}
	if err := api.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}
