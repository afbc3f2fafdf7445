package gitops

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// kinds are ours, in the order in which Velero restores what it was told no order of.
var kinds = []string{"PartnerGroup", "PartnerInvite", "PartnerLink", "Partnership", "PartnerTeam", "Program"}

// backup is all that is in a namespace of our kinds.
func backup(t *testing.T, ns string) (all []unstructured.Unstructured) {
	t.Helper()
	for _, kind := range kinds {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		if err := api.List(t.Context(), list, client.InNamespace(ns)); err != nil {
			t.Fatal(err)
		}
		all = append(all, list.Items...)
	}
	return all
}

// restore makes the objects of a backup anew, as Velero does: without what the API server gives, without owners, and with
// status in a write of its own, if it is told to.
func restore(t *testing.T, all []unstructured.Unstructured, withStatus bool) {
	t.Helper()
	for _, saved := range all {
		status := saved.Object["status"]
		object := saved.DeepCopy()
		delete(object.Object, "status")
		for _, field := range []string{"generateName", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "ownerReferences", "managedFields"} {
			unstructured.RemoveNestedField(object.Object, "metadata", field)
		}
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		if object.Object["status"] = status; !withStatus {
			continue
		}
		if err := api.Status().Update(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// A namespace that is restored with its status goes on as it was, and mails nobody. Links that are out are dead, since
// they are bound to objects that are others now; sessions go on. Without status the open invites are mailed anew, which
// --mail-mode=hold keeps back until somebody has looked.
func TestRestore(t *testing.T) {
	const ns = "restored"
	tenant(t, ns)
	for _, object := range objects(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: PartnerTeam
metadata: {name: agency}
spec: {displayName: Agency GmbH, owner: {email: olga@restored.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: ada}
spec: {contact: {email: ada@restored.example}, programs: [{name: referral}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: bob}
spec: {contact: {email: bob@restored.example}, programs: [{name: referral}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: eve}
spec: {programRef: {name: referral}, contact: {email: eve@restored.example}, invitation: Send}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: fred}
spec: {programRef: {name: referral}, contact: {email: fred@restored.example}, revocation: {reason: Over.}}
`) {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	ada := answers(t, "ada@restored.example", "accept")
	becomes(t, ns, "PartnerInvite", "ada", "Accepted")
	mailed(t, "eve@restored.example", v1alpha1.MailInvite, 1)
	link := mailed(t, "bob@restored.example", v1alpha1.MailInvite, 1).Links[0]
	for _, name := range []string{"bob", "eve-invitation"} {
		becomes(t, ns, "PartnerInvite", name, "Sent")
	}
	name := invite(t, ns, "ada").Status.PartnershipRefs[0].Name
	becomes(t, ns, "Partnership", name, "Active")
	saved := backup(t, ns)
	invites := func(who string) int { return len(mails(who+"@restored.example", v1alpha1.MailInvite)) }
	stands := func(of map[string]string) {
		t.Helper()
		for object, state := range of {
			kind, name, _ := strings.Cut(object, "/")
			becomes(t, ns, kind, name, state)
		}
	}

	stop(t)
	replace(t, saved, true)
	for _, mode := range []string{"hold", "send"} {
		restart(t, "--mail-mode="+mode)
		awake(t, ns, "awake-"+mode)
		stands(map[string]string{
			"PartnerInvite/ada": "Accepted", "PartnerInvite/bob": "Sent", "PartnerInvite/eve-invitation": "Sent",
			"Partnership/" + name: "Active", "Partnership/eve": "Invited", "Partnership/fred": "Revoked",
		})
		if reason := reasonOf(live(t, ns, "Partnership", "eve")); reason != "Invited" {
			t.Errorf("eve's partnership does not know its invite: %s", reason)
		}
		if mode == "hold" {
			stop(t)
		}
	}
	if invites("ada")+invites("bob")+invites("eve") != 3 || len(mails("fred@restored.example", v1alpha1.MailRevoked)) != 0 {
		t.Error("restoring with status sent mails")
	}
	if code := opens(t, ada, ns); code != http.StatusOK {
		t.Errorf("ada's session ended: %d", code)
	}
	if page, err := browser.NewPerson().Get(t.Context(), running.Portal+path(t, link)); err != nil || page.Code != http.StatusNotFound {
		t.Errorf("bob's link of before answers %d %v", page.Code, err)
	}
	partner(t, ns, "resend", "bob", "--wait")
	answers(t, "bob@restored.example", "decline")

	stop(t)
	replace(t, saved, false)
	restart(t, "--mail-mode=hold")
	stands(map[string]string{
		"PartnerInvite/ada": "AlreadyPartner", "PartnerInvite/bob": "Held", "PartnerInvite/eve-invitation": "Held",
		"Partnership/" + name: "Active", "Partnership/eve": "Invited", "Partnership/fred": "Revoked",
	})
	if invites("ada") != 1 || invites("bob") != 2 || invites("eve") != 1 {
		t.Error("mails left while they are held")
	}
	if code := opens(t, ada, ns); code != http.StatusOK {
		t.Errorf("ada's session ended: %d", code)
	}
	kubectl(t, "", "delete", "pinvite", "bob", "-n", ns)
	stop(t)
	restart(t)
	mailed(t, "eve@restored.example", v1alpha1.MailInvite, 2)
	if invites("ada") != 1 || invites("bob") != 2 || len(mails("fred@restored.example", v1alpha1.MailRevoked)) != 0 {
		t.Error("somebody was mailed who was not to be")
	}
}

// replace restores a namespace in which nothing is left.
func replace(t *testing.T, saved []unstructured.Unstructured, withStatus bool) {
	t.Helper()
	for i := range saved {
		if err := api.Delete(t.Context(), saved[i].DeepCopy()); client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
	}
	restore(t, saved, withStatus)
}

// awake waits until the operator has worked through what it found when it started: something new comes after that.
func awake(t *testing.T, ns, name string) {
	t.Helper()
	i := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	i.Spec.Contact.Email, i.Spec.Delivery = v1alpha1.EmailAddress(name+"@restored.example"), v1alpha1.DeliveryLink
	if err := api.Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the operator is awake", func() string {
		if state := invite(t, ns, name).Status.State; state == "" || state == v1alpha1.InvitePending {
			return "it has not seen " + name
		}
		return ""
	})
}

// path is what stands behind the host of an address.
func path(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Path
}

func stop(t *testing.T) {
	t.Helper()
	if err := running.Stop(); err != nil {
		t.Fatal(err)
	}
}
