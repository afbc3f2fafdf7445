// Package access lets people with different rights try what they may and may not, against a real API server with RBAC on,
// with and without the policies of config/policy, while the operator runs.
package access

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/stage"
	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
)

const (
	operatorNamespace = "partner-operator-system"
	// acme is the tenant that people try things in.
	acme = "acme"
	// patience is how long something may take on a busy machine.
	patience = 30 * time.Second
)

var (
	scene *stage.Stage
	api   client.Client // an administrator's
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	scene, err = stage.Start(ctx, stage.Options{
		Root: "../..", Args: []string{"--client-rate=0", "--address-rate=0"},
		Controllers: []string{"clusterrole-aggregation-controller", "validatingadmissionpolicy-status-controller"},
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, scene.Stop()) }()
	if _, err := scene.Kubectl(ctx, "apply", "-k", "../../config/rbac/people"); err != nil {
		return 0, err
	}
	if api, err = client.New(scene.Cluster.Config, client.Options{Scheme: verbs.Scheme}); err != nil {
		return 0, err
	}
	if err := settle(ctx); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// settle fills the tenant and waits until the operator has looked at everything in it.
func settle(ctx context.Context) error {
	for _, object := range inhabitants() {
		if err := api.Create(ctx, object); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(patience)
	for {
		var list v1alpha1.PartnershipList
		if err := api.List(ctx, &list, client.InNamespace(acme)); err != nil {
			return err
		}
		var links v1alpha1.PartnerLinkList
		if err := api.List(ctx, &links, client.InNamespace(acme)); err != nil {
			return err
		}
		waiting := slices.ContainsFunc(list.Items, func(p v1alpha1.Partnership) bool { return p.Status.State == "" }) ||
			slices.ContainsFunc(links.Items, func(l v1alpha1.PartnerLink) bool { return l.Status.Program == "" })
		switch {
		case !waiting:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("the operator did not look at the partnerships and links: %s", scene.Operator.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// someone is the access of a new user, and the kubeconfig of it.
func someone(t *testing.T, name string) (client.Client, string) {
	t.Helper()
	access, kubeconfig, err := scene.Cluster.AddUser(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(access, client.Options{Scheme: verbs.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c, kubeconfig
}

// bind gives a user a ClusterRole in the tenant.
func bind(t *testing.T, user, role string) {
	t.Helper()
	create(t, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: acme, Name: user + "-" + role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	})
}

// let gives a user rights of their own in the tenant.
func let(t *testing.T, user string, rules ...rbacv1.PolicyRule) {
	t.Helper()
	create(t,
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: acme, Name: user}, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: acme, Name: user},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
		})
}

// rule is about our kinds.
func rule(resource string, verbs []string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupVersion.Group}, Resources: []string{resource}, Verbs: verbs, ResourceNames: names}
}

func kubectl(t *testing.T, args ...string) {
	t.Helper()
	if _, err := scene.Kubectl(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

func namespaced(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: acme, Name: name} }

// The programs, and the verbs on them.
const (
	referral = "referral"
	reseller = "reseller"

	mayInvite  = "invite"
	mayApprove = "approve"
	mayRevoke  = "revoke"
)

// inhabitants are what there is in the tenant: in each program a group, an open one, an invite, and a partner in each state.
func inhabitants() []client.Object {
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: acme}},
		&v1alpha1.PartnerTeam{ObjectMeta: namespaced("agency"), Spec: v1alpha1.PartnerTeamSpec{DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: "olga@agency.example"}}},
	}
	for _, program := range []string{referral, reseller} {
		name := func(what string) string { return what + "-" + program }
		labelled := func(what string) metav1.ObjectMeta {
			meta := namespaced(name(what))
			meta.Labels = map[string]string{"program": program}
			return meta
		}
		objects = append(objects,
			&v1alpha1.Program{ObjectMeta: namespaced(program), Spec: v1alpha1.ProgramSpec{DisplayName: v1alpha1.LineOfText(program)}},
			&v1alpha1.PartnerGroup{ObjectMeta: labelled("gold"), Spec: groupOf(program)},
			&v1alpha1.PartnerGroup{ObjectMeta: labelled("open"), Spec: openGroupOf(program)},
			&v1alpha1.PartnerInvite{ObjectMeta: labelled("invite"), Spec: inviteInto(name("invited")+"@people.example", program)},
			partner(labelled("active"), program, nil),
			partner(labelled("invited"), program, func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend }),
			partner(labelled("pending"), program, func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingApproval }),
			partner(labelled("approved"), program, func(s *v1alpha1.PartnershipSpec) {
				s.Onboarding, s.Approval = v1alpha1.OnboardingApproval, &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
			}),
			partner(labelled("rejected"), program, func(s *v1alpha1.PartnershipSpec) {
				s.Onboarding, s.Approval = v1alpha1.OnboardingApproval, &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
			}),
			partner(labelled("revoked"), program, func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{Reason: "Over."} }),
			partner(labelled("disabled"), program, func(s *v1alpha1.PartnershipSpec) { s.PortalAccess = v1alpha1.PortalAccessDisabled }),
			&v1alpha1.PartnerLink{ObjectMeta: labelled("link"), Spec: v1alpha1.PartnerLinkSpec{
				PartnershipRef: v1alpha1.PartnershipReference{Name: name("active")}, Destination: "https://acme.example/",
			}},
		)
	}
	return objects
}

func groupOf(program string) v1alpha1.PartnerGroupSpec {
	return v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: program}, DisplayName: "A group"}
}

func openGroupOf(program string) v1alpha1.PartnerGroupSpec {
	spec := groupOf(program)
	spec.Join = v1alpha1.GroupJoin{Mode: v1alpha1.JoinOpen}
	return spec
}

func inviteInto(email string, programs ...string) v1alpha1.PartnerInviteSpec {
	spec := v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)}}
	for _, program := range programs {
		spec.Programs = append(spec.Programs, v1alpha1.ProgramGrant{Name: program})
	}
	return spec
}

// partner is a partnership of a person who is called as it.
func partner(meta metav1.ObjectMeta, program string, but func(*v1alpha1.PartnershipSpec)) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{ObjectMeta: meta, Spec: v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: program}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(meta.Name + "@people.example")},
	}}
	if but != nil {
		but(&p.Spec)
	}
	return p
}
