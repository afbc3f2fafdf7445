package access

import (
	"fmt"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring"
)

// deed is something that somebody tries, and who may. What it changes is not kept.
type deed struct {
	name string
	may  string // the roles, with blanks between them
	do   func(t *testing.T, c client.Client) error
}

const (
	everyRole = "viewer editor admin"
	writers   = "editor admin"
	admins    = "admin"
	nobody    = ""
)

// The roles for people, and the roles of Kubernetes that they are aggregated into.
func TestRolesForPeople(t *testing.T) {
	create(t, &corev1.Secret{ObjectMeta: namespaced("grace-link"), Type: "partner-operator.io/link", Data: map[string][]byte{"url": []byte("https://partners.example.com")}})
	ours := append(deedsOfKinds(), otherDeeds()...)
	for _, who := range []struct {
		role, as string
		deeds    []deed
	}{
		{"partner-viewer", "viewer", ours},
		{"partner-editor", "editor", ours},
		{"partner-admin", "admin", ours},
		// The roles of Kubernetes can do more than ours, and with our kinds the same.
		{"view", "viewer", deedsOfKinds()},
		{"edit", "editor", deedsOfKinds()},
		{"admin", "admin", deedsOfKinds()},
		{"", "nobody", ours},
	} {
		t.Run("role "+who.role, func(t *testing.T) {
			user := "role-" + who.role
			c, _ := someone(t, user)
			if who.role != "" {
				bind(t, user, who.role)
				eventually(t, "the role has an effect", func() bool { return c.List(t.Context(), &v1alpha1.ProgramList{}, client.InNamespace(acme)) == nil })
			}
			for _, d := range who.deeds {
				err := d.do(t, client.NewDryRunClient(c))
				switch may := strings.Contains(" "+d.may+" ", " "+who.as+" "); {
				case may && err != nil && !apierrors.IsAlreadyExists(err):
					t.Errorf("%s: %v", d.name, err)
				case !may && !apierrors.IsForbidden(err):
					t.Errorf("%s is not forbidden: %v", d.name, err)
				case !may && !strings.Contains(err.Error(), user):
					t.Errorf("%s is forbidden by something else than RBAC: %v", d.name, err)
				}
			}
		})
	}
}

// deedsOfKinds is every verb with every kind.
func deedsOfKinds() (deeds []deed) {
	for _, kind := range []struct {
		name      string
		write     string
		specimen  string
		one, made client.Object
		all       client.ObjectList
	}{
		{"Program", admins, referral, &v1alpha1.Program{}, &v1alpha1.Program{Spec: v1alpha1.ProgramSpec{DisplayName: "New"}}, &v1alpha1.ProgramList{}},
		{"PartnerGroup", admins, "gold-referral", &v1alpha1.PartnerGroup{}, &v1alpha1.PartnerGroup{Spec: groupOf(referral)}, &v1alpha1.PartnerGroupList{}},
		{"PartnerTeam", writers, "agency", &v1alpha1.PartnerTeam{}, &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{
			DisplayName: "New", Owner: v1alpha1.TeamOwner{Email: "new@people.example"},
		}}, &v1alpha1.PartnerTeamList{}},
		{"PartnerInvite", writers, "invite-referral", &v1alpha1.PartnerInvite{}, &v1alpha1.PartnerInvite{Spec: inviteInto("new@people.example", referral)}, &v1alpha1.PartnerInviteList{}},
		{"Partnership", writers, "active-referral", &v1alpha1.Partnership{}, partner(metav1.ObjectMeta{Name: "new"}, referral, nil), &v1alpha1.PartnershipList{}},
		{"PartnerLink", writers, "link-referral", &v1alpha1.PartnerLink{}, &v1alpha1.PartnerLink{Spec: v1alpha1.PartnerLinkSpec{
			PartnershipRef: v1alpha1.PartnershipReference{Name: "active-referral"},
		}}, &v1alpha1.PartnerLinkList{}},
	} {
		there := func(t *testing.T) client.Object { // as an administrator reads it
			object := kind.one.DeepCopyObject().(client.Object)
			if err := api.Get(t.Context(), types.NamespacedName{Namespace: acme, Name: kind.specimen}, object); err != nil {
				t.Fatal(err)
			}
			return object
		}
		labels := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"new":"label"}}}`))
		status := client.RawPatch(types.MergePatchType, []byte(`{"status":{"observedGeneration":9}}`))
		deeds = append(deeds,
			deed{"list " + kind.name, everyRole, func(t *testing.T, c client.Client) error {
				return c.List(t.Context(), kind.all.DeepCopyObject().(client.ObjectList), client.InNamespace(acme))
			}},
			deed{"get " + kind.name, everyRole, func(t *testing.T, c client.Client) error {
				return c.Get(t.Context(), types.NamespacedName{Namespace: acme, Name: kind.specimen}, kind.one.DeepCopyObject().(client.Object))
			}},
			deed{"create " + kind.name, kind.write, func(t *testing.T, c client.Client) error {
				object := kind.made.DeepCopyObject().(client.Object)
				object.SetNamespace(acme)
				object.SetName("new")
				return c.Create(t.Context(), object)
			}},
			deed{"update " + kind.name, kind.write, func(t *testing.T, c client.Client) error { return c.Update(t.Context(), there(t)) }},
			deed{"patch " + kind.name, kind.write, func(t *testing.T, c client.Client) error { return c.Patch(t.Context(), there(t), labels) }},
			deed{"delete " + kind.name, kind.write, func(t *testing.T, c client.Client) error { return c.Delete(t.Context(), there(t)) }},
			deed{"delete every " + kind.name, kind.write, func(t *testing.T, c client.Client) error {
				return c.DeleteAllOf(t.Context(), kind.one, client.InNamespace(acme))
			}},
			deed{"update the status of " + kind.name, nobody, func(t *testing.T, c client.Client) error { return c.Status().Update(t.Context(), there(t)) }},
			deed{"patch the status of " + kind.name, nobody, func(t *testing.T, c client.Client) error { return c.Status().Patch(t.Context(), there(t), status) }},
			deed{"list " + kind.name + " elsewhere", nobody, func(t *testing.T, c client.Client) error {
				return c.List(t.Context(), kind.all.DeepCopyObject().(client.ObjectList), client.InNamespace("default"))
			}},
		)
	}
	return deeds
}

// otherDeeds are what the roles of ours do not let anybody do, beside looking at events.
func otherDeeds() []deed {
	get := func(namespace, name string, object client.Object) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error {
			return c.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, object)
		}
	}
	list := func(namespace string, list client.ObjectList) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error {
			return c.List(t.Context(), list, client.InNamespace(namespace))
		}
	}
	return []deed{
		{"list events", everyRole, list(acme, &eventsv1.EventList{})},
		{"read the link of an invite", nobody, get(acme, "grace-link", &corev1.Secret{})},
		{"list Secrets", nobody, list(acme, &corev1.SecretList{})},
		{"read the signing keys", nobody, get(operatorNamespace, keyring.SecretName, &corev1.Secret{})},
		{"read the keys for marks", nobody, get(operatorNamespace, keyring.MarksSecretName, &corev1.Secret{})},
		{"list the Secrets of the operator", nobody, list(operatorNamespace, &corev1.SecretList{})},
		{"read who was a partner", nobody, list(operatorNamespace, &corev1.ConfigMapList{})},
		{"list ConfigMaps", nobody, list(acme, &corev1.ConfigMapList{})},
		{"make a Role", nobody, func(t *testing.T, c client.Client) error {
			return c.Create(t.Context(), &rbacv1.Role{ObjectMeta: namespaced("new"), Rules: []rbacv1.PolicyRule{rule("programs", []string{mayInvite})}})
		}},
		{"act as the operator", nobody, func(t *testing.T, c client.Client) error {
			account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator"}}
			return c.SubResource("token").Create(t.Context(), account, &authenticationv1.TokenRequest{})
		}},
	}
}

// Who holds the verbs can hand them on, for one program too; who does not, cannot.
func TestVerbsCanBeHandedOn(t *testing.T) {
	for _, who := range []struct {
		role string
		may  bool
	}{{"admin", true}, {"edit", false}} {
		user := "giver-" + who.role
		c, _ := someone(t, user)
		bind(t, user, who.role)
		// Making roles is a right of the role admin; lent to the other, it does not help.
		let(t, user, rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles"}, Verbs: []string{"create"}})
		given := &rbacv1.Role{ObjectMeta: namespaced("given-" + who.role), Rules: []rbacv1.PolicyRule{
			rule("programs", []string{mayInvite, mayApprove, mayRevoke}, referral), rule("partnerteams", []string{mayInvite, mayRevoke}, "agency"),
		}}
		var err error
		eventually(t, "the role has an effect", func() bool {
			err = c.Create(t.Context(), given.DeepCopy(), client.DryRunAll)
			return err == nil || strings.Contains(fmt.Sprint(err), "not currently held") && !who.may
		})
		if got := err == nil; got != who.may {
			t.Errorf("%s: %v", who.role, err)
		}
	}
}
