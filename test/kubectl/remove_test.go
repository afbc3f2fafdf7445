package kubectl

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func gone(t *testing.T, object client.Object) bool {
	t.Helper()
	err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return apierrors.IsNotFound(err)
}

// linkOf is a link of a partnership.
func linkOf(t *testing.T, ns, name, partnership string) *v1alpha1.PartnerLink {
	t.Helper()
	l := &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	l.Spec.PartnershipRef.Name = partnership
	create(t, l)
	return l
}

func TestRemove(t *testing.T) {
	ns := tenant(t)
	for _, name := range []string{"ada", "bob", "eve"} {
		p := granted(t, ns, name, "referral")
		for _, suffix := range []string{"-a", "-b"} {
			l := linkOf(t, ns, name+suffix, name)
			eventually(t, "the link is looked at", func() bool { return get(t, l).Status.OnRemoval.Links != "" })
		}
		if name == "eve" {
			p.Labels = map[string]string{"left": "yes"}
			if err := api.Update(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
	}
	effectOf := func(name string) v1alpha1.LinkEffect {
		return get(t, &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}).Status.OnRemoval.Links
	}
	partner(t, ns, "remove").want(t, 1, "say which")
	partner(t, ns, "remove", "ada", "--links", "Cut").want(t, 1, "--links can be Keep, Redirect or Deactivate")
	partner(t, ns, "remove", "ada", "--links", "Deactivate", "--dry-run=server").want(t, 0, "removed (server dry run)")
	if effectOf("ada-a") != v1alpha1.LinkRedirect {
		t.Error("a dry run changed something")
	}
	partner(t, ns, "remove", "ada", "--links", "Deactivate").want(t, 0, "removed")
	if !gone(t, &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada"}}) || effectOf("ada-a") != v1alpha1.LinkDeactivate || effectOf("ada-b") != v1alpha1.LinkDeactivate {
		t.Error("it is not gone, or its links do not know")
	}
	partner(t, ns, "remove", "-l", "left=yes").want(t, 0, "removed")

	if err := running.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := startOperator(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	})
	partner(t, ns, "remove", "bob", "--links", "Deactivate", "--timeout", "1s").want(t, 1, "was not deleted", "2 of them")
	if gone(t, &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "bob"}}) {
		t.Error("it was deleted, and no link knows")
	}
}

func TestRevokeEverywhereAndTeams(t *testing.T) {
	ns := tenant(t)
	granted(t, ns, "olga", "referral")
	olga := "olga@" + ns + ".example"
	partner(t, ns, "team", "create", "agency", "--owner", olga).want(t, 0, "created")
	partner(t, ns, "team", "revoke", "agency").want(t, 1, "is a partner in no program")
	partner(t, ns, "team", "revoke", "nobodys").want(t, 1, `PartnerTeam "nobodys"`)
	partner(t, ns, "team", "grant", "agency", "--program", "referral,reseller").want(t, 0, "created")

	partner(t, ns, "revoke", "olga", "--everywhere").want(t, 1, "give mail addresses")
	partner(t, ns, "revoke", olga, "--everywhere", "--program", "referral").want(t, 1, "no --program")
	partner(t, ns, "revoke", olga, "--everywhere", "--notify=false").want(t, 0, "olga revoked", "!agency-referral", `still in PartnerTeam "agency" as Owner`, "kubectl partner team revoke agency")
	if partnershipOf(t, ns, "agency-referral").Spec.Revocation != nil {
		t.Error("the team is revoked with a person")
	}
	partner(t, ns, "team", "revoke", "agency", "--reason", "Over.", "--program", "reseller", "--wait").want(t, 0, "agency-reseller revoked", "!agency-referral")
	partner(t, ns, "team", "revoke", "agency", "--reason", "Over.", "--links", "Deactivate").want(t, 0, "agency-referral revoked", "agency-reseller unchanged")
	if r := partnershipOf(t, ns, "agency-referral").Spec.Revocation; r == nil || r.Reason != "Over." || r.Links != v1alpha1.LinkDeactivate {
		t.Errorf("the revocation is %+v", r)
	}
}
