package kubectl

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// What stands in Git is what people decide: no status, no defaults, and no marks of tools.
func TestManifest(t *testing.T) {
	yes := true
	p := &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{
			Name: "ada", Namespace: "acme", UID: "x", ResourceVersion: "7", Generation: 3, CreationTimestamp: metav1.NewTime(time.Unix(1, 0)),
			Labels:        map[string]string{"region": "emea", "app.kubernetes.io/instance": "acme", "kustomize.toolkit.fluxcd.io/name": "partners"},
			Annotations:   map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", "argocd.argoproj.io/tracking-id": "x"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "x"}},
		},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "ada@example.com"},
			Source: v1alpha1.SourceAdmin, Invitation: v1alpha1.InvitationNone, PortalAccess: v1alpha1.PortalAccessEnabled,
			OnRemoval:  v1alpha1.Removal{Links: v1alpha1.LinkRedirect},
			Revocation: &v1alpha1.Revocation{Reason: "Over.", Notify: &yes},
		},
		Status: v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipRevoked},
	}
	got, err := manifest(p, Scheme)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "partner-operator.io/v1alpha1", "kind": "Partnership",
		"metadata": map[string]any{"name": "ada", "namespace": "acme", "labels": map[string]any{"region": "emea"}},
		"spec": map[string]any{
			"programRef": map[string]any{"name": "referral"}, "contact": map[string]any{"email": "ada@example.com"},
			"revocation": map[string]any{"reason": "Over.", "notify": true},
		},
	}
	if diff := cmp.Diff(want, got.Object); diff != "" {
		t.Error(diff)
	}
}

// Restored, nobody is asked again who has agreed, nobody who never did is a partner, and nobody skips the approval.
func TestExportable(t *testing.T) {
	agreed := func(policy v1alpha1.OnboardingPolicy) *v1alpha1.PartnershipAcceptance {
		return &v1alpha1.PartnershipAcceptance{Onboarding: policy}
	}
	approved := &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
	for name, test := range map[string]struct {
		spec       v1alpha1.PartnershipSpec
		acceptance *v1alpha1.PartnershipAcceptance
		want       v1alpha1.PartnershipSpec
	}{
		"a grant":           {spec: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationNone}, want: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationNone}},
		"invited":           {spec: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationSend}, want: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationSend}},
		"accepted":          {spec: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationSend}, acceptance: agreed(v1alpha1.OnboardingAutomatic)},
		"waits":             {spec: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationSend}, acceptance: agreed(v1alpha1.OnboardingApproval), want: v1alpha1.PartnershipSpec{Onboarding: v1alpha1.OnboardingApproval}},
		"accepted, welcome": {spec: v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationSend, Approval: approved}, acceptance: agreed(v1alpha1.OnboardingApproval), want: v1alpha1.PartnershipSpec{Approval: approved}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{Spec: test.spec, Status: v1alpha1.PartnershipStatus{Acceptance: test.acceptance}}
			before := p.DeepCopy()
			if diff := cmp.Diff(test.want, Exportable(p).Spec); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(before, p); diff != "" {
				t.Errorf("it was changed: %s", diff)
			}
		})
	}
}

func TestManagedBy(t *testing.T) {
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		manager             string
		want                string
	}{
		"nobody":                     {},
		"Flux":                       {labels: map[string]string{fluxKustomize + "name": "a", fluxKustomize + "namespace": "b"}, want: "Flux, Kustomization b/a"},
		"Helm of Flux":               {labels: map[string]string{fluxHelmRelease + "name": "a", fluxHelmRelease + "namespace": "b"}, want: "Flux, HelmRelease b/a"},
		"Argo CD":                    {annotations: map[string]string{argoTracking: "app:partner-operator.io/Partnership:acme/ada"}, want: "Argo CD, application app"},
		"an id of something else":    {annotations: map[string]string{argoTracking: "app:partner-operator.io/Partnership:acme/bob"}},
		"an id of a Deployment":      {annotations: map[string]string{argoTracking: "app:apps/Deployment:acme/ada"}},
		"the label, by Argo CD":      {labels: map[string]string{argoInstance: "app"}, manager: "argocd-controller", want: "Argo CD, application app"},
		"the label, by someone else": {labels: map[string]string{argoInstance: "app"}, manager: "helm"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Name: "ada", Namespace: "acme", Labels: test.labels, Annotations: test.annotations}}
			if test.manager != "" {
				p.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: test.manager}}
			}
			if got := managedBy(p); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	for want, err := range map[int]error{0: nil, 1: errors.New("x"), 2: &Incomplete{1, 2}} {
		if got := ExitCode(err); got != want {
			t.Errorf("%v ends with %d", err, got)
		}
	}
}
