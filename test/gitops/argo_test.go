package gitops

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The component adds our settings to those that Argo CD is installed with.
func TestArgoSettings(t *testing.T) {
	want := argoSettings(t)
	for _, kind := range []string{"Program", "PartnerGroup", "PartnerTeam", "PartnerInvite", "Partnership", "PartnerLink"} {
		if want["resource.customizations.health.partner-operator.io_"+kind] == "" {
			t.Errorf("there is no health of %s", kind)
		}
	}
	want["url"] = "https://argocd.example.com"

	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	component, err := filepath.Abs("../../config/argocd/component")
	if err != nil {
		t.Fatal(err)
	}
	if component, err = filepath.Rel(folder, component); err != nil {
		t.Fatal(err)
	}
	base, err := yaml.Marshal(&corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: "argocd-cm"},
		Data: map[string]string{"url": "https://argocd.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"argocd-cm.yaml": string(base), "kustomization.yaml": "namespace: argocd\nresources: [argocd-cm.yaml]\ncomponents: [" + component + "]\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var merged corev1.ConfigMap
	if err := yaml.Unmarshal([]byte(kubectl(t, "", "kustomize", folder)), &merged); err != nil {
		t.Fatal(err)
	}
	if merged.Namespace != "argocd" || !maps.Equal(merged.Data, want) {
		t.Errorf("the component makes %s/%s with %q", merged.Namespace, merged.Name, slices.Sorted(maps.Keys(merged.Data)))
	}
}

// A button has an effect where it is offered, once, and none where it is not.
func TestArgoButtons(t *testing.T) {
	const ns = "buttons"
	tenant(t, ns)
	for _, object := range objects(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: ada}
spec: {contact: {email: ada@buttons.example}, programs: [{name: referral}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: eve}
spec: {programRef: {name: referral}, contact: {email: eve@buttons.example}, onboarding: Approval}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: fred}
spec: {programRef: {name: referral}, contact: {email: fred@buttons.example}, onboarding: Approval}
`) {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	settings := argoSettings(t)
	press := func(kind, name, button string, params map[string]string) bool {
		t.Helper()
		object := live(t, ns, kind, name)
		offered := slices.ContainsFunc(argoActions(t, settings, object), func(a action) bool { return a.Name == button && !a.Disabled })
		if pressed := argoRuns(t, settings, object, button, params); pressed != offered {
			t.Errorf("%s of %s %s: offered %t, does something %t", button, kind, name, offered, pressed)
		}
		return offered
	}
	must := func(kind, name, button string, params map[string]string) {
		t.Helper()
		if !press(kind, name, button, params) {
			t.Fatalf("%s of %s %s is not offered", button, kind, name)
		}
	}

	// Twice in a row is once.
	mailed(t, "ada@buttons.example", v1alpha1.MailInvite, 1)
	becomes(t, ns, "PartnerInvite", "ada", "Sent")
	before := live(t, ns, "PartnerInvite", "ada")
	must("PartnerInvite", "ada", "resend", nil)
	asked := before.DeepCopy()
	asked.SetAnnotations(map[string]string{v1alpha1.ResendAnnotation: "by somebody else"})
	if !argoActions(t, settings, asked)[0].Disabled || argoRuns(t, settings, asked, "resend", nil) {
		t.Error("resend is offered while the one before is not carried out")
	}
	argoRuns(t, settings, before, "resend", nil) // by somebody who sees it as it was: the same text, so the same wish
	mailed(t, "ada@buttons.example", v1alpha1.MailInvite, 2)
	becomes(t, ns, "PartnerInvite", "ada", "Sent")
	must("PartnerInvite", "ada", "resend", nil)
	mailed(t, "ada@buttons.example", v1alpha1.MailInvite, 3)

	ada := answers(t, "ada@buttons.example", "accept")
	becomes(t, ns, "PartnerInvite", "ada", "Accepted")
	if press("PartnerInvite", "ada", "resend", nil) {
		t.Error("an accepted invite can be sent again")
	}
	name := invite(t, ns, "ada").Status.PartnershipRefs[0].Name
	becomes(t, ns, "Partnership", name, "Active")

	must("Partnership", name, "revoke", map[string]string{"reason": "The contract has ended."})
	dashboard := func(code int) {
		t.Helper()
		eventually(t, "the dashboard", func() string { return unlessEqual(opens(t, ada, ns), code) })
	}
	dashboard(http.StatusSeeOther)
	if mail := mailed(t, "ada@buttons.example", v1alpha1.MailRevoked, 1); !strings.Contains(mail.Text, "The contract has ended.") {
		t.Errorf("the mail does not tell the reason: %s", mail.Text)
	}
	becomes(t, ns, "Partnership", name, "Revoked")
	for _, not := range []string{"revoke", "approve", "reject"} {
		if press("Partnership", name, not, nil) {
			t.Errorf("%s is offered for somebody who is revoked", not)
		}
	}
	must("Partnership", name, "reinstate", nil)
	becomes(t, ns, "Partnership", name, "Active")
	must("Partnership", name, "revoke", nil) // without a window that asks for the reason
	becomes(t, ns, "Partnership", name, "Revoked")
	mailed(t, "ada@buttons.example", v1alpha1.MailRevoked, 2)

	becomes(t, ns, "Partnership", "eve", "Pending")
	must("Partnership", "eve", "approve", nil)
	becomes(t, ns, "Partnership", "eve", "Active")
	mailed(t, "eve@buttons.example", v1alpha1.MailApproved, 1)
	becomes(t, ns, "Partnership", "fred", "Pending")
	must("Partnership", "fred", "reject", map[string]string{"note": "We work in Europe only."})
	becomes(t, ns, "Partnership", "fred", "Rejected")
	if mail := mailed(t, "fred@buttons.example", v1alpha1.MailRejected, 1); !strings.Contains(mail.Text, "We work in Europe only.") {
		t.Errorf("the mail does not tell the note: %s", mail.Text)
	}
	must("Partnership", "fred", "approve", map[string]string{})
	becomes(t, ns, "Partnership", "fred", "Active")
	if note := partnership(t, ns, "fred").Spec.Approval.Note; note != "" {
		t.Errorf("the note of the rejection stays: %s", note)
	}

	must("Program", "referral", "suspend", nil)
	eventually(t, "the suspended program", func() string {
		conditions, _, _ := unstructured.NestedSlice(live(t, ns, "Partnership", "eve").Object, "status", "conditions")
		for _, c := range conditions {
			if c.(map[string]any)["reason"] == v1alpha1.ReasonProgramSuspended {
				return ""
			}
		}
		return "eve has access"
	})
	must("Program", "referral", "resume", nil)
	becomes(t, ns, "Partnership", "eve", "Active")
}

// A script that is wrong, or that reaches for what Argo CD does not give it, is found by how the tests run scripts.
func TestLuaIsAsSmallAsArgos(t *testing.T) {
	program := of("Program")
	for script, want := range map[string]string{
		`return {status = os.date()}`:     "non-table object",
		`return {status = io.open("x")}`:  "non-table object",
		`return {status = ("x"):upper()}`: "non-table object",
		`while true do end`:               "deadline",
		`return "Healthy"`:                "returned a string",
	} {
		var is health
		if err := tryLua(t.Context(), script, program, nil, &is); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}
