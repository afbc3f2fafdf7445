package access

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// checkOperator lets people become partners in every way that there is: the operator makes what it made before, under its
// own ServiceAccount, and nobody of the company has more rights than it takes.
func checkOperator(t *testing.T) {
	bob, _ := someone(t, "walker")
	bind(t, "walker", "partner-editor")
	let(t, "walker", rule("programs", []string{mayInvite, mayRevoke}, referral), rule("partnerteams", []string{mayInvite}))
	eventually(t, "Bob has rights", func() bool { return bob.List(t.Context(), &v1alpha1.ProgramList{}, client.InNamespace(acme)) == nil })

	t.Run("an invite", func(t *testing.T) {
		inNameOf(t, bob, &v1alpha1.PartnerInvite{ObjectMeta: namespaced("ada"), Spec: inviteInto("ada@walk.example", referral)})
		submit(t, mailed(t, "ada@walk.example", v1alpha1.MailInvite)+"/accept", "email", "ada@walk.example")
		becomes(t, "ada@walk.example", v1alpha1.PartnershipActive)
	})
	t.Run("an invitation of a partnership", func(t *testing.T) {
		p := partner(namespaced("bea"), referral, func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend })
		inNameOf(t, bob, p)
		submit(t, mailed(t, "bea@people.example", v1alpha1.MailInvite)+"/accept", "email", "bea@people.example")
		becomes(t, "bea", v1alpha1.PartnershipActive)
		if err := bob.Delete(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		gone(t, &v1alpha1.PartnerInvite{ObjectMeta: namespaced("bea-invitation")})
	})
	t.Run("a join link", func(t *testing.T) {
		group := &v1alpha1.PartnerGroup{ObjectMeta: namespaced("everybody"), Spec: openGroupOf(referral)}
		group.Spec.Join.Approval = v1alpha1.JoinApprovalAutomatic
		create(t, group)
		eventually(t, "there is a join link", func() bool { return get(t, group).Status.JoinURL != "" })
		submit(t, group.Status.JoinURL, "email", "carl@walk.example")
		submit(t, mailed(t, "carl@walk.example", v1alpha1.MailVerifyAddress))
		becomes(t, "carl@walk.example", v1alpha1.PartnershipActive)
	})
	t.Run("a team", func(t *testing.T) {
		i := &v1alpha1.PartnerInvite{ObjectMeta: namespaced("studio"), Spec: inviteInto("olga@studio.example", referral)}
		i.Spec.Team = &v1alpha1.NewTeam{Name: "studio", Members: []v1alpha1.ProposedMember{{Email: "dora@studio.example"}}}
		inNameOf(t, bob, i)
		submit(t, mailed(t, "olga@studio.example", v1alpha1.MailTeamInvite)+"/accept", "email", "olga@studio.example", "approve", "dora@studio.example")
		becomes(t, partnership.TeamName("studio", referral), v1alpha1.PartnershipActive)
		submit(t, mailed(t, "dora@studio.example", v1alpha1.MailTeammateInvite)+"/accept", "email", "dora@studio.example")
	})
}

// checkRemovals is about what nobody of the company removes: Kubernetes goes on doing so.
func checkRemovals(t *testing.T) {
	owner := &corev1.ConfigMap{ObjectMeta: namespaced("owner")}
	create(t, owner)
	owned := namespaced("owned")
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}}
	all := []client.Object{
		&v1alpha1.Program{ObjectMeta: owned, Spec: v1alpha1.ProgramSpec{DisplayName: "Owned"}},
		&v1alpha1.PartnerGroup{ObjectMeta: owned, Spec: openGroupOf("owned")},
		&v1alpha1.PartnerTeam{ObjectMeta: owned, Spec: v1alpha1.PartnerTeamSpec{DisplayName: "Owned", Owner: v1alpha1.TeamOwner{Email: "olga@people.example"}}},
		&v1alpha1.PartnerInvite{ObjectMeta: owned, Spec: inviteInto("owned@people.example", "another")},
		partner(owned, "owned", nil),
		&v1alpha1.PartnerLink{ObjectMeta: owned, Spec: linkOf("owned").Spec},
	}
	create(t, all...)
	if err := api.Delete(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	for _, object := range all {
		gone(t, object)
	}

	// Kubernetes puts finalizers of its own on what waits for its dependents, and takes them away.
	ender, _ := someone(t, "ender")
	let(t, "ender", everything, rule("programs", []string{mayRevoke}, referral))
	eventually(t, "the ender has rights", func() bool {
		return ender.List(t.Context(), &v1alpha1.ProgramList{}, client.InNamespace(acme)) == nil
	})
	for name, how := range map[string]metav1.DeletionPropagation{"foreground": metav1.DeletePropagationForeground, "orphan": metav1.DeletePropagationOrphan} {
		p := partner(namespaced(name), referral, func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend })
		create(t, p)
		invitation := &v1alpha1.PartnerInvite{ObjectMeta: namespaced(partnership.InvitationName(name))}
		eventually(t, "the operator makes "+invitation.Name, func() bool {
			return api.Get(t.Context(), client.ObjectKeyFromObject(invitation), invitation) == nil
		})
		if err := ender.Delete(t.Context(), p, client.PropagationPolicy(how)); err != nil {
			t.Fatal(err)
		}
		gone(t, p)
		if how == metav1.DeletePropagationForeground {
			gone(t, invitation)
		} else {
			eventually(t, "the invite has no owner", func() bool { return len(get(t, invitation).OwnerReferences) == 0 })
		}
	}

	const doomed = "doomed"
	create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: doomed}})
	for _, object := range inhabitants()[1:] {
		object.SetNamespace(doomed)
		create(t, object)
	}
	kubectl(t, "delete", "namespace", doomed, "--wait=false")
	gone(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: doomed}})
}

// inNameOf lets somebody of the company make something.
func inNameOf(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func get[T client.Object](t *testing.T, object T) T {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	return object
}

// mailed is the link in the mail of a kind to somebody.
func mailed(t *testing.T, to string, kind v1alpha1.MailKind) (link string) {
	t.Helper()
	eventually(t, "a mail to "+to+" of the kind "+string(kind), func() bool {
		for _, mail := range scene.Inbox.MessagesTo(to) {
			if mail.Kind == string(kind) && len(mail.Links) == 1 {
				link = mail.Links[0]
			}
		}
		return link != ""
	})
	return link
}

// submit sends a form, of which names and values stand in turns, and wants it to succeed.
func submit(t *testing.T, address string, fields ...string) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	got, err := browser.NewPerson().Post(t.Context(), address, form)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Wants(http.StatusSeeOther); err != nil {
		t.Fatalf("%s: %v; the operator says: %s", address, err, lastLine(scene.Operator.Log()))
	}
}

func lastLine(text string) string { return text[strings.LastIndex(text, "\n")+1:] }

func becomes(t *testing.T, who string, state v1alpha1.PartnershipState) {
	t.Helper()
	eventually(t, who+" is "+string(state), func() bool {
		var all v1alpha1.PartnershipList
		err := api.List(t.Context(), &all, client.InNamespace(acme))
		return err == nil && slices.ContainsFunc(all.Items, func(p v1alpha1.Partnership) bool {
			return (p.Name == who || p.Spec.Contact != nil && string(p.Spec.Contact.Email) == who) && p.Status.State == state
		})
	})
}

func gone(t *testing.T, object client.Object) {
	t.Helper()
	eventually(t, object.GetName()+" is gone", func() bool {
		return apierrors.IsNotFound(api.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	})
}
