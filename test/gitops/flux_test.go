package gitops

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/ssa"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// repository is a folder of Git that Flux keeps a namespace as.
type repository struct {
	namespace string
	// files are the objects in it.
	files []*unstructured.Unstructured
}

// clone is a repository with these objects.
func clone(t *testing.T, ns, text string) *repository {
	t.Helper()
	tenant(t, ns)
	return &repository{namespace: ns, files: objects(t, ns, text)}
}

// commit changes an object in Git.
func (r *repository) commit(t *testing.T, kind, name string, value any, field ...string) {
	t.Helper()
	for _, file := range r.files {
		if file.GetKind() != kind || file.GetName() != name {
			continue
		}
		if value == nil {
			unstructured.RemoveNestedField(file.Object, field...)
		} else if err := unstructured.SetNestedField(file.Object, value, field...); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("Git holds no %s %s", kind, name)
}

// remove takes an object out of Git, and prunes it.
func (r *repository) remove(t *testing.T, kind, name string) {
	t.Helper()
	for i, file := range r.files {
		if file.GetKind() == kind && file.GetName() == name {
			r.files = append(r.files[:i], r.files[i+1:]...)
			options := ssa.DefaultDeleteOptions()
			options.Exclusions = map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled"}
			if _, err := flux().DeleteAll(t.Context(), []*unstructured.Unstructured{file}, options); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("Git holds no %s %s", kind, name)
}

func flux() *ssa.ResourceManager {
	return ssa.NewResourceManager(api, nil, ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
}

// applies makes the namespace as Git says, the way kustomize-controller does: by server-side apply of what has drifted,
// after taking away what managers wrote whose names begin with kubectl. It gives what it had to change.
func (r *repository) applies(t *testing.T) (changed []string) {
	t.Helper()
	manager := flux()
	files := make([]*unstructured.Unstructured, 0, len(r.files))
	for _, file := range r.files {
		files = append(files, file.DeepCopy())
	}
	manager.SetOwnerLabels(files, "partners", "flux-system")
	options := ssa.DefaultApplyOptions()
	options.IfNotPresentSelector = map[string]string{"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}
	options.Cleanup.FieldManagers = []ssa.FieldManager{
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
		{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
		{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
	}
	changes, err := manager.ApplyAllStaged(t.Context(), files, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range changes.Entries {
		if entry.Action != ssa.UnchangedAction && entry.Action != ssa.SkippedAction {
			changed = append(changed, entry.Subject+" "+string(entry.Action))
		}
	}
	return changed
}

// changesNothing applies Git again: nothing has drifted, so nothing is written, and nothing is mailed.
func (r *repository) changesNothing(t *testing.T) {
	t.Helper()
	before := inbox.Count()
	if changed := r.applies(t); len(changed) > 0 {
		t.Errorf("Flux finds drift: %q", changed)
	}
	seen(t, r.files)
	if after := inbox.Count(); after != before {
		t.Errorf("%d mails are sent", after-before)
	}
}

// programs are in Git for all tests.
const programs = `
apiVersion: partner-operator.io/v1alpha1
kind: Program
metadata: {name: referral}
spec: {displayName: Acme Referral, defaultGroupRef: {name: standard}, invites: {resendCooldown: 0s}, links: {destination: "https://acme.example/"}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerGroup
metadata: {name: standard}
spec: {displayName: Standard, programRef: {name: referral}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerGroup
metadata: {name: gold}
spec: {displayName: Gold, programRef: {name: referral}}
---
`

// What people write with kubectl partner stays when Flux applies again, and is no drift, unless Git says otherwise; what
// they write with plain kubectl goes.
func TestFluxAndTheVerbs(t *testing.T) {
	const ns = "verbs"
	git := clone(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: ada}
spec: {programRef: {name: referral}, contact: {email: ada@verbs.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: bob}
spec: {programRef: {name: referral}, groupRef: {name: standard}, contact: {email: bob@verbs.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: eve}
spec: {programRef: {name: referral}, contact: {email: eve@verbs.example}, onboarding: Approval}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: fred}
spec: {programRef: {name: referral}, contact: {email: fred@verbs.example}, onboarding: Approval}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: gus}
spec: {programRef: {name: referral}, contact: {email: gus@verbs.example}, revocation: {reason: Over.}}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: hal, annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}}
spec: {programRef: {name: referral}, groupRef: {name: standard}, contact: {email: hal@verbs.example}}
`)
	git.applies(t)
	git.changesNothing(t)

	const kept = "is kept by Flux, Kustomization flux-system/partners"
	for _, verb := range []string{
		"revoke ada --reason Over.", "move ada --to gold", "move bob --to gold", "move hal --to gold", "approve eve --group gold", "reject fred --note No.", "reinstate gus",
	} {
		if out := partner(t, ns, append(strings.Fields(verb), "--wait")...); !strings.Contains(out, kept) {
			t.Errorf("%s: nobody is warned: %s", verb, out)
		}
	}
	kubectl(t, "", "patch", "pship", "ada", "-n", ns, "--type=merge", "-p", `{"spec":{"stage":"Patched"}}`)
	kubectl(t, "", "patch", "pship", "eve", "-n", ns, "--type=merge", "-p", `{"spec":{"stage":"Patched"}}`, "--field-manager=partner-cli")
	mailed(t, "ada@verbs.example", v1alpha1.MailRevoked, 1)
	mailed(t, "eve@verbs.example", v1alpha1.MailApproved, 1)
	mailed(t, "fred@verbs.example", v1alpha1.MailRejected, 1)

	// Git wins where it speaks: it moves bob back, and revokes gus anew, which is an occasion of its own.
	got := strings.Join(git.applies(t), ", ")
	if want := "Partnership/verbs/ada configured, Partnership/verbs/bob configured, Partnership/verbs/gus configured"; got != want {
		t.Errorf("Flux changes %s, and not %s", got, want)
	}
	for name, want := range map[string]v1alpha1.PartnershipState{
		"ada": v1alpha1.PartnershipRevoked, "bob": v1alpha1.PartnershipActive, "eve": v1alpha1.PartnershipActive,
		"fred": v1alpha1.PartnershipRejected, "gus": v1alpha1.PartnershipRevoked,
	} {
		becomes(t, ns, "Partnership", name, string(want))
	}
	for name, group := range map[string]string{"ada": "gold", "bob": "standard", "eve": "gold", "hal": "gold"} {
		if p := partnership(t, ns, name); p.Status.Group != group {
			t.Errorf("%s is in the group %s, and not in %s", name, p.Status.Group, group)
		}
	}
	if partnership(t, ns, "ada").Spec.Stage != "" {
		t.Error("what plain kubectl wrote stayed; then the plugin need not have a name of its own")
	}
	if partnership(t, ns, "eve").Spec.Stage != "Patched" {
		t.Error("what plain kubectl wrote as partner-cli is gone")
	}
	mailed(t, "gus@verbs.example", v1alpha1.MailRevoked, 1)
	git.changesNothing(t)

	partner(t, ns, "reinstate", "ada", "--wait")
	git.changesNothing(t)
	becomes(t, ns, "Partnership", "ada", "Active")
}

// A revocation that a person set and somebody then committed belongs to both: taking it out of Git does not lift it, and
// reinstating does once Git is silent.
func TestFluxAndARevocationOfBoth(t *testing.T) {
	const ns = "both"
	git := clone(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: ada}
spec: {programRef: {name: referral}, contact: {email: ada@both.example}}
`)
	git.applies(t)
	becomes(t, ns, "Partnership", "ada", "Active")
	partner(t, ns, "revoke", "ada", "--reason", "Over.", "--wait")
	git.commit(t, "Partnership", "ada", map[string]any{"reason": "Over."}, "spec", "revocation")
	git.applies(t)
	git.commit(t, "Partnership", "ada", nil, "spec", "revocation")
	git.applies(t)
	git.changesNothing(t)
	becomes(t, ns, "Partnership", "ada", "Revoked")
	mailed(t, "ada@both.example", v1alpha1.MailRevoked, 1)
	partner(t, ns, "reinstate", "ada", "--wait")
	git.changesNothing(t)
	becomes(t, ns, "Partnership", "ada", "Active")

	// What Git alone said goes with it.
	git.commit(t, "Partnership", "ada", map[string]any{"reason": "Over."}, "spec", "revocation")
	git.applies(t)
	becomes(t, ns, "Partnership", "ada", "Revoked")
	git.commit(t, "Partnership", "ada", nil, "spec", "revocation")
	git.applies(t)
	becomes(t, ns, "Partnership", "ada", "Active")
	mailed(t, "ada@both.example", v1alpha1.MailRevoked, 2)
}

// Why the document warns of force: a mistake in a file, which else changes nothing, removes the partner.
func TestFluxWithForce(t *testing.T) {
	const ns = "force"
	git := clone(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: ada}
spec: {programRef: {name: referral}, contact: {email: ada@force.example}}
`)
	git.applies(t)
	before := partnership(t, ns, "ada").UID
	git.commit(t, "Partnership", "ada", "Off", "spec", "portalAccess")
	file := git.files[len(git.files)-1]
	options := ssa.DefaultApplyOptions()
	if _, err := flux().Apply(t.Context(), file.DeepCopy(), options); err == nil || partnership(t, ns, "ada").UID != before {
		t.Errorf("a mistake is taken: %v", err)
	}
	options.Force = true
	_, err := flux().Apply(t.Context(), file.DeepCopy(), options)
	if gone := api.Get(t.Context(), client.ObjectKeyFromObject(file), of("Partnership")); err == nil || !apierrors.IsNotFound(gone) {
		t.Errorf("with force nothing is lost any more, which the document says: %v, %v", err, gone)
	}
}

// What people do by mail and in the portal is no drift, and applying again neither undoes nor repeats it.
func TestFluxAndThePortal(t *testing.T) {
	const ns = "people"
	git := clone(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: ada}
spec: {contact: {email: ada@people.example}, programs: [{name: referral}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: bob}
spec: {contact: {email: bob@people.example}, programs: [{name: referral}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: eve}
spec: {programRef: {name: referral}, contact: {email: eve@people.example}, invitation: Send}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerTeam
metadata: {name: agency}
spec: {displayName: Agency GmbH, owner: {email: olga@people.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: teammates}
spec: {teamRef: {name: agency}, members: [{email: carl@people.example}]}
`)
	git.applies(t)
	ada := answers(t, "ada@people.example", "accept")
	answers(t, "bob@people.example", "decline")
	answers(t, "eve@people.example", "accept")
	approval := mailed(t, "olga@people.example", v1alpha1.MailTeammateApproval, 1).Links[0]
	if page, err := ada.Post(t.Context(), approval+"/approve", nil); err != nil || page.Code >= http.StatusBadRequest {
		t.Fatalf("%d %v", page.Code, err)
	}
	mailed(t, "carl@people.example", v1alpha1.MailTeammateInvite, 1)
	becomes(t, ns, "PartnerInvite", "ada", "Accepted")
	becomes(t, ns, "PartnerInvite", "bob", "Declined")
	becomes(t, ns, "Partnership", "eve", "Active")
	name := invite(t, ns, "ada").Status.PartnershipRefs[0].Name
	becomes(t, ns, "Partnership", name, "Active")
	page, err := ada.Post(t.Context(), running.Portal+"/t/"+ns+"/links", url.Values{"partnership": {name}, "name": {"adas-own"}})
	if err != nil || page.Code != http.StatusSeeOther {
		t.Fatalf("making a link: %d %v %s", page.Code, err, page.Body)
	}
	becomes(t, ns, "PartnerLink", "adas-own", "Active")
	git.changesNothing(t)
	for _, made := range []client.Object{partnership(t, ns, name), get(t, ns, "adas-own", &v1alpha1.PartnerLink{}), invite(t, ns, "eve-invitation")} {
		for label := range made.GetLabels() {
			if !strings.HasPrefix(label, v1alpha1.GroupVersion.Group+"/") {
				t.Errorf("%s has the label %s, by which a tool may prune it", made.GetName(), label)
			}
		}
	}

	// An accepted invite can go from Git: the partner stays, and so does the link.
	git.remove(t, "PartnerInvite", "ada")
	git.changesNothing(t)
	becomes(t, ns, "Partnership", name, "Active")
	if code := opens(t, ada, ns); code != http.StatusOK {
		t.Errorf("ada's dashboard answers %d", code)
	}
}

// Asking for a mail once more is an act: each way does it once, and applying again never does.
func TestFluxAndResends(t *testing.T) {
	const ns, ada = "resends", "ada@resends.example"
	git := clone(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: ada}
spec: {contact: {email: `+ada+`}, programs: [{name: referral}], resendToken: first}
`)
	git.applies(t)
	mailed(t, ada, v1alpha1.MailInvite, 1)
	partner(t, ns, "resend", "ada", "--wait")
	mailed(t, ada, v1alpha1.MailInvite, 2)
	git.changesNothing(t)
	git.commit(t, "PartnerInvite", "ada", "second", "spec", "resendToken")
	git.applies(t)
	mailed(t, ada, v1alpha1.MailInvite, 3)
	git.changesNothing(t)
	// Flux takes away what plain kubectl annotated, which is no act.
	kubectl(t, "", "annotate", "pinvite", "ada", "-n", ns, v1alpha1.ResendAnnotation+"=now", "--overwrite")
	mailed(t, ada, v1alpha1.MailInvite, 4)
	git.applies(t)
	git.changesNothing(t)
	mailed(t, ada, v1alpha1.MailInvite, 4)
	// An invite that was cancelled and stands in Git is a new invite.
	if out := partner(t, ns, "cancel", "ada"); !strings.Contains(out, "take it out of Git instead") {
		t.Errorf("nobody is warned: %s", out)
	}
	git.applies(t)
	mailed(t, ada, v1alpha1.MailInvite, 5)
	becomes(t, ns, "PartnerInvite", "ada", "Sent")
	git.changesNothing(t)
	git.remove(t, "PartnerInvite", "ada")
	link := mails(ada, v1alpha1.MailInvite)[4].Links[0]
	eventually(t, "the link of a pruned invite is dead", func() string {
		page, err := browser.NewPerson().Get(t.Context(), link)
		if err != nil {
			t.Fatal(err)
		}
		return unlessEqual(page.Code, http.StatusNotFound)
	})
}

// Another case in an address is the same address: Flux applies it, nobody is mailed, and nothing begins anew.
func TestFluxAndAnotherCase(t *testing.T) {
	const ns = "case"
	git := clone(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: ada}
spec: {programRef: {name: referral}, contact: {email: Ada@Case.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerLink
metadata: {name: ada-summer}
spec: {partnershipRef: {name: ada}, member: {email: Ada@Case.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: bob}
spec: {contact: {email: Bob@Case.example}, programs: [{name: referral}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerTeam
metadata: {name: agency}
spec: {displayName: Agency GmbH, owner: {email: Olga@Case.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: teammates}
spec: {teamRef: {name: agency}, members: [{email: Carl@Case.example}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: workshop}
spec: {contact: {email: Iris@Case.example}, team: {name: workshop, members: [{email: Hal@Case.example}]}, programs: [{name: referral}]}
`)
	git.applies(t)
	states := map[string][2]string{
		"ada": {"Partnership", "Active"}, "ada-summer": {"PartnerLink", "Active"},
		"bob": {"PartnerInvite", "Sent"}, "teammates": {"PartnerInvite", "Sent"}, "workshop": {"PartnerInvite", "Sent"},
	}
	settled := func() {
		t.Helper()
		for name, is := range states {
			becomes(t, ns, is[0], name, is[1])
		}
		seen(t, git.files)
	}
	settled()
	mailed(t, "Bob@Case.example", v1alpha1.MailInvite, 1)
	mailed(t, "Iris@Case.example", v1alpha1.MailTeamInvite, 1)
	mailed(t, "Olga@Case.example", v1alpha1.MailTeammateApproval, 1)
	git.changesNothing(t)

	mailsBefore, bobBefore, adaBefore := inbox.Count(), invite(t, ns, "bob"), partnership(t, ns, "ada")
	git.commit(t, "Partnership", "ada", "ada@case.EXAMPLE", "spec", "contact", "email")
	git.commit(t, "PartnerLink", "ada-summer", "ADA@case.example", "spec", "member", "email")
	git.commit(t, "PartnerInvite", "bob", "bob@case.example", "spec", "contact", "email")
	git.commit(t, "PartnerTeam", "agency", "olga@case.example", "spec", "owner", "email")
	git.commit(t, "PartnerInvite", "teammates", []any{map[string]any{"email": "carl@case.example"}}, "spec", "members")
	git.commit(t, "PartnerInvite", "workshop", []any{map[string]any{"email": "hal@case.example"}}, "spec", "team", "members")
	if changed := git.applies(t); len(changed) != 6 {
		t.Errorf("applied are %q", changed)
	}
	settled()
	git.changesNothing(t)
	if after := inbox.Count(); after != mailsBefore {
		t.Errorf("%d mails are sent", after-mailsBefore)
	}
	if bob := invite(t, ns, "bob"); bob.UID != bobBefore.UID || bob.Status.Serial != bobBefore.Status.Serial {
		t.Errorf("the invite begins anew: %+v", bob.Status)
	}
	if ada := partnership(t, ns, "ada"); ada.UID != adaBefore.UID || !ada.Status.StateTime.Equal(adaBefore.Status.StateTime) {
		t.Errorf("the partnership begins anew: %+v", ada.Status)
	}

	// The link of the mail that is out leads on.
	page, err := browser.NewPerson().Post(t.Context(), mails("Bob@Case.example", v1alpha1.MailInvite)[0].Links[0]+"/accept", url.Values{"email": {"bob@case.example"}})
	if err != nil || page.Code >= http.StatusBadRequest {
		t.Fatalf("bob accepts: %d %v", page.Code, err)
	}
	becomes(t, ns, "PartnerInvite", "bob", "Accepted")
	git.changesNothing(t)
}
