package kubectl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestInvite(t *testing.T) {
	ns := tenant(t)
	ada := "ada@" + ns + ".example"
	partner(t, ns, "invite", ada, "--program", "referral:gold", "--first-name", "Ada", "--dry-run=server").want(t, 0, "created (server dry run)")
	partner(t, ns, "list", "invites").want(t, 0, "No invites found")
	partner(t, ns, "invite", ada, "--program", "referral:gold", "--first-name", "Ada", "--wait").want(t, 0, "created")
	// The same again, with the address in another case, sends nothing.
	again := partner(t, ns, "invite", strings.ToUpper(ada), "--program", "referral:gold", "--first-name", "Ada", "--wait")
	again.want(t, 0, "unchanged: it is Sent", "kubectl partner resend partner-")
	partner(t, ns, "invite", ada, "--program", "referral", "--first-name", "Ada").want(t, 1, `error: PartnerInvite "`+ada+`": partner-`, "exists and says something else")
	if got := len(invitesTo(ada)); got != 1 {
		t.Fatalf("%d mails", got)
	}
	partner(t, ns, "invite", "ada", "--program", "referral").want(t, 1, "the address is not of the form name@domain")
	partner(t, ns, "invite", "eve@example.com", "x", "--program", "referral").want(t, 2, "created", "error: PartnerInvite", "1 of 2 failed")
	partner(t, ns, "invite", "--program", "referral").want(t, 1, "requires at least 1 arg")

}

func TestBulk(t *testing.T) {
	ns := tenant(t)
	granted(t, ns, "ada", "referral")
	granted(t, ns, "bob", "referral")
	partner(t, ns, "revoke", "ada", "nobody", "bob", "--reason", "The contract has ended.").
		want(t, 2, "ada revoked", "bob revoked", `error: Partnership "nobody": does not exist in namespace "`+ns+`"`, "error: 1 of 3 failed")
	partner(t, ns, "revoke", "nobody").want(t, 1, `error: Partnership "nobody": does not exist`)
	partner(t, ns, "revoke", "ada").want(t, 0, "unchanged: it is revoked already")
	if got := get(t, partnershipOf(t, ns, "ada")).Spec.Revocation.Reason; got != "The contract has ended." {
		t.Errorf("the reason is %q", got)
	}
	partner(t, ns, "list", "partners", "--state", "revoked").want(t, 0, "ada@", "bob@")
	names := partner(t, ns, "list", "partners", "--state", "Revoked", "-o", "name").want(t, 0, "partnership.partner-operator.io/ada")
	partnerReading(t, names.out, ns, "reinstate", "-f", "-", "--wait").want(t, 0, "ada reinstated", "bob reinstated")
	manifests := partner(t, ns, "list", "partners", "-o", "yaml").want(t, 0, "kind: PartnershipList")
	partnerReading(t, manifests.out, ns, "move", "-f", "-", "--to", "gold", "--wait").want(t, 0, "ada moved", "bob moved")
	partner(t, ns, "move", "ada@"+ns+".example", "--to", "silver").want(t, 1, `PartnerGroup "silver" belongs to program "reseller"`)
	partner(t, ns, "move", "ada", "--to", "nowhere").want(t, 1, `PartnerGroup "nowhere" does not exist`)
	for _, p := range []string{"ada", "bob"} {
		if got := partnershipOf(t, ns, p).Status.Group; got != "gold" {
			t.Errorf("%s is in %q", p, got)
		}
	}
	partner(t, ns, "revoke", "-l", "team=none").want(t, 0, "No partnerships found")
	partner(t, ns, "revoke").want(t, 1, "say which")
	partner(t, ns, "revoke", "ada", "-l", "a=b").want(t, 1, "exclude each other")
	partner(t, ns, "revoke", "pinvite/ada").want(t, 1, "is not a Partnership")
	partner(t, ns, "revoke", "nobody@example.com").want(t, 1, "there is none for this address")
}

// A dry run writes nothing, and says what would be.
func TestDryRun(t *testing.T) {
	ns := tenant(t)
	before := granted(t, ns, "ada", "referral").ResourceVersion
	partner(t, ns, "revoke", "ada", "--dry-run=server").want(t, 0, "revoked (server dry run)")
	shown := partner(t, ns, "revoke", "ada", "--reason", "Over.", "--dry-run=client", "-o", "yaml").want(t, 0, "reason: Over.", "!status", "!managedFields", "!uid")
	if got := partnershipOf(t, ns, "ada").ResourceVersion; got != before {
		t.Error("it was written")
	}
	partnerReading(t, shown.out, ns, "list", "partners")
	file := filepath.Join(t.TempDir(), "ada.yaml")
	if err := os.WriteFile(file, []byte(shown.out), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := plane.Kubectl(t.Context(), "apply", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, "revoked by the manifest", func() bool { return partnershipOf(t, ns, "ada").Status.State == v1alpha1.PartnershipRevoked })
	partner(t, ns, "revoke", "ada", "--dry-run=maybe").want(t, 1, "--dry-run can be none, client or server")
	partner(t, ns, "revoke", "ada", "-o", "toml").want(t, 1, "toml")
}

// applicant is Eve, who waits for the company's decision.
func applicant(t *testing.T, ns string) *v1alpha1.Partnership {
	t.Helper()
	eve := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "eve"}, Spec: v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress("eve@" + ns + ".example")},
		Onboarding: v1alpha1.OnboardingApproval,
	}}
	create(t, eve)
	eventually(t, "Pending", func() bool { return get(t, eve).Status.State == v1alpha1.PartnershipPending })
	return eve
}

func TestApproveAndReject(t *testing.T) {
	ns := tenant(t)
	pending := applicant(t, ns)
	partner(t, ns, "list", "applications").want(t, 0, "eve@")
	partner(t, ns, "reject", "eve", "--note", "Not now.", "--wait").want(t, 0, "rejected")
	partner(t, ns, "reject", "eve").want(t, 0, "unchanged: it is rejected already")
	partner(t, ns, "list", "applications").want(t, 0, "No applications found")
	partner(t, ns, "approve", "eve", "--group", "gold", "--wait").want(t, 0, "approved")
	got := get(t, pending)
	if got.Status.State != v1alpha1.PartnershipActive || got.Status.Group != "gold" || got.Spec.Approval.Note != "" {
		t.Errorf("%+v", got.Status)
	}
	partner(t, ns, "approve", "eve").want(t, 0, "unchanged: it is Active already")
	partner(t, ns, "revoke", "eve", "--wait").want(t, 0)
	partner(t, ns, "approve", "eve").want(t, 1, "is Revoked; reinstate it instead")
}

func TestResendAndCancel(t *testing.T) {
	ns := tenant(t)
	get(t, &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "referral"}})
	if out, err := plane.Kubectl(t.Context(), "patch", "prog", "referral", "-n", ns, "--type=merge", "-p", `{"spec":{"invites":{"resendCooldown":"0s"}}}`).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ada, bob := "ada@"+ns+".example", "bob@"+ns+".example"
	partner(t, ns, "invite", ada, bob, "--program", "referral", "--wait").want(t, 0)
	first := invitesTo(ada)[0].Links[0]
	partner(t, ns, "resend", ada, "--wait").want(t, 0, "resent")
	if mails := invitesTo(ada); len(mails) != 2 || mails[1].Links[0] == first {
		t.Fatalf("%d mails", len(mails))
	}
	accept(t, ada)
	partner(t, ns, "resend", ada).want(t, 0, "unchanged: it is Accepted")
	partner(t, ns, "cancel", ada, bob).want(t, 2, "has been accepted; to end the access: kubectl partner revoke", "cancelled")
	partner(t, ns, "list", "invites", "-o", "wide").want(t, 0, ada, "!"+bob)
}

// The guard warns who changes what Git holds, and does it.
func TestGuard(t *testing.T) {
	ns := tenant(t)
	for name, test := range map[string]struct {
		labels, annotations map[string]string
		want                string
	}{
		"flux":   {labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "partners", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, want: "is kept by Flux, Kustomization flux-system/partners"},
		"helm":   {labels: map[string]string{"helm.toolkit.fluxcd.io/name": "partners", "helm.toolkit.fluxcd.io/namespace": "flux-system"}, want: "is kept by Flux, HelmRelease flux-system/partners"},
		"argo":   {annotations: map[string]string{"argocd.argoproj.io/tracking-id": "acme:partner-operator.io/Partnership:" + ns + "/argo"}, want: "is kept by Argo CD, application acme"},
		"copied": {annotations: map[string]string{"argocd.argoproj.io/tracking-id": "acme:partner-operator.io/Partnership:" + ns + "/other"}, want: "!warning"},
		"label":  {labels: map[string]string{"app.kubernetes.io/instance": "acme"}, want: "!warning"},
	} {
		t.Run(name, func(t *testing.T) {
			p := granted(t, ns, name, "referral")
			p.Labels, p.Annotations = test.labels, test.annotations
			if err := api.Update(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			run := partner(t, ns, "move", name, "--to", "gold").want(t, 0, "moved", test.want)
			if !strings.HasPrefix(test.want, "!") {
				run.want(t, 0, "the same command with --dry-run=client -o yaml prints the manifest to commit instead")
			}
			partner(t, ns, "move", name, "--to", "gold").want(t, 0, "unchanged", "!warning")
		})
	}
	// Flux undoes what managers have written whose names begin with kubectl.
	written := get(t, partnershipOf(t, ns, "flux")).ManagedFields
	if !slices.ContainsFunc(written, func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == "partner-cli" && strings.Contains(m.FieldsV1.GetRawString(), "f:groupRef")
	}) {
		t.Errorf("the group was written by somebody else: %v", written)
	}
}

// Who is signed out is so everywhere, and nobody else of their teams.
func TestSignOut(t *testing.T) {
	ns := tenant(t)
	ada, eve := granted(t, ns, "ada", "referral"), granted(t, ns, "eve", "referral")
	partner(t, ns, "signout").want(t, 1, "requires at least 1 arg")
	partner(t, ns, "signout", "ada").want(t, 1, "say who, by the mail address")
	partner(t, ns, "signout", "nobody@example.com").want(t, 1, "nobody with this address is a partner, or in a team")
	partner(t, ns, "signout", "ada@"+ns+".example", "--dry-run=server").want(t, 0, "ada signed out (server dry run)")
	if got := get(t, ada); len(got.Annotations) > 0 || got.Status.SessionsNotBefore != nil {
		t.Error("a dry run signs out")
	}

	agency := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency"}, Spec: v1alpha1.PartnerTeamSpec{
		DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: "olga@agency.example"},
	}}
	create(t, agency)
	eventually(t, "there is an owner", func() bool { return get(t, agency).Status.ActiveMembers == 1 })
	people := []v1alpha1.EmailAddress{v1alpha1.EmailAddress("ada@" + ns + ".example"), "bob@agency.example"}
	eventually(t, "there are members", func() bool {
		get(t, agency)
		for _, email := range people {
			agency.Status.Members = append(agency.Status.Members, v1alpha1.TeamMember{Email: email, Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromTeam})
		}
		return api.Status().Update(t.Context(), agency) == nil
	})
	partner(t, ns, "signout", "ADA@"+ns+".example", "bob@agency.example", "--wait").want(t, 0, "partnership.partner-operator.io/ada signed out", "agency signed out: bob@")
	for _, m := range get(t, agency).Status.Members {
		if (m.SessionsNotBefore != nil) != (m.Email != "olga@agency.example") {
			t.Errorf("the sessions of %s end with %v", m.Email, m.SessionsNotBefore)
		}
	}
	if get(t, ada).Status.SessionsNotBefore == nil || get(t, eve).Status.SessionsNotBefore != nil || ada.Status.State != v1alpha1.PartnershipActive {
		t.Error("the one partner is not signed out, or another one is, or access has ended")
	}
	partner(t, ns, "export").want(t, 0, "!sign-out-requested-at")
	command := plane.Kubectl(t.Context(), "__complete", "partner", "signout", "-n", ns, "b")
	command.Env = append(command.Environ(), path(t))
	if out, err := command.Output(); err != nil || !strings.Contains(string(out), "bob@agency.example\n") || strings.Contains(string(out), "eve") {
		t.Errorf("%v: %s", err, out)
	}
}

// A link can be had by who may read the Secret it stands in, or the keys, and by nobody else.
func TestLink(t *testing.T) {
	ns := tenant(t)
	mailed, handed := "ada@"+ns+".example", "grace@"+ns+".example"
	partner(t, ns, "invite", mailed, "--program", "referral", "--wait").want(t, 0)
	partner(t, ns, "invite", handed, "--program", "referral", "--delivery", "Link", "--wait").want(t, 0)

	got := strings.TrimSpace(partner(t, ns, "link", mailed, "--portal-url", running.Portal).want(t, 0).out)
	if want := invitesTo(mailed)[0].Links[0]; got != want {
		t.Error("it is not the link that was mailed")
	}
	got = strings.TrimSpace(partner(t, ns, "link", handed).want(t, 0, "/t/"+ns+"/invite/").out)
	answer(t, got, handed)
	partner(t, ns, "link", handed).want(t, 1, "has been accepted, and its link is used up")

	viewer := someone(t, ns, "vera", rbacv1.PolicyRule{APIGroups: []string{"partner-operator.io"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}})
	run := pluginAs(t, viewer, "", "link", mailed, "-n", ns, "--portal-url", running.Portal)
	run.want(t, 1, `its link can be had only by who may read Secret "partner-operator-keys"`, "!/invite/")
	pluginAs(t, viewer, "", "revoke", handed, "-n", ns).want(t, 1, "forbidden")
	pluginAs(t, viewer, "", "whoami", "-n", ns).want(t, 0, "User:       vera", "invite")
}

// someone is the access of a user with these rights in the namespace.
func someone(t *testing.T, ns, name string, rules ...rbacv1.PolicyRule) string {
	t.Helper()
	create(t,
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Rules: rules},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: name}}},
	)
	_, kubeconfig, err := plane.AddUser(name)
	if err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// Links of before work after the keys were rotated, and new ones are signed with the new key.
func TestRotateKeys(t *testing.T) {
	ns := tenant(t)
	before, after := "ada@"+ns+".example", "bob@"+ns+".example"
	partner(t, ns, "invite", before, "--program", "referral", "--wait").want(t, 0)
	partner(t, ns, "keys", "rotate", "--dry-run=server").want(t, 0, "(server dry run)")
	gold := &v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "gold"}}
	joinURL := func() string {
		if err := api.Get(t.Context(), types.NamespacedName{Namespace: ns, Name: gold.Name}, gold); err != nil {
			t.Fatal(err)
		}
		return gold.Status.JoinURL
	}
	joinURL()
	gold.Spec.Join.Mode = v1alpha1.JoinOpen
	if err := api.Update(t.Context(), gold); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is a join link", func() bool { return joinURL() != "" })
	published := joinURL()
	partner(t, ns, "keys", "rotate").want(t, 0, "signs from now on.", "open invites of before go on working, the last until",
		"join links change", "kubectl -n "+ns+" get pgroup gold -o jsonpath={.status.joinURL}",
		"Who was a partner stays known, by the keys in Secret partner-operator-marks.", `"op":"remove"`)
	eventually(t, "the join link is signed by the new key", func() bool { return joinURL() != published })
	partner(t, ns, "invite", after, "--program", "referral", "--wait").want(t, 0)
	t.Cleanup(func() { retireOlderKeys(t) })
	keys := map[string]bool{}
	var list v1alpha1.PartnerInviteList
	eventually(t, "both keys are in use", func() bool {
		if err := api.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		for _, i := range list.Items {
			if i.Namespace == ns {
				keys[i.Status.KeyID] = true
			}
		}
		return len(keys) == 2
	})
	accept(t, before)
	accept(t, after)
	viewer := someone(t, ns, "walter", rbacv1.PolicyRule{APIGroups: []string{"partner-operator.io"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}})
	pluginAs(t, viewer, "", "keys", "rotate", "-n", ns).want(t, 1, "forbidden")
}

func TestTeam(t *testing.T) {
	ns := tenant(t)
	partner(t, ns, "team", "grant", "agency", "--program", "referral").want(t, 1, `error: PartnerTeam "agency"`)
	partner(t, ns, "team", "create", "agency").want(t, 1, "--owner EMAIL")
	partner(t, ns, "team", "create", "agency", "--owner", "olga@agency.example", "--display-name", "Agency GmbH").want(t, 0, "created")
	partner(t, ns, "team", "create", "agency", "--owner", "OLGA@agency.example").want(t, 0, "unchanged")
	partner(t, ns, "team", "create", "agency", "--owner", "eve@agency.example").want(t, 1, "exists with another first owner")
	partner(t, ns, "team", "grant", "agency", "--program", "referral:gold,reseller").want(t, 0, "agency-referral created", "agency-reseller created")
	partner(t, ns, "team", "grant", "agency", "--program", "referral").want(t, 0, "unchanged")
	partner(t, ns, "team", "grant", "agency", "--program", "referral:standard,reseller").want(t, 2, "kubectl partner move agency-referral --to standard")
	partner(t, ns, "team", "show", "agency").want(t, 0, "Agency GmbH (agency)", "olga@agency.example", "reseller")
	partner(t, ns, "describe", "agency-referral").want(t, 0, "Agency GmbH (agency)")
	partner(t, ns, "list", "teams").want(t, 0, "agency")
}

func TestTeamInvite(t *testing.T) {
	ns := tenant(t)
	owner := "olga@" + ns + ".example"
	partner(t, ns, "team", "invite", "agency", "--program", "reseller").want(t, 1, `error: PartnerTeam "agency"`)
	partner(t, ns, "invite", owner, "--program", "referral", "--team-name", "Agency GmbH").want(t, 1, "--team-name goes with --team NAME")
	partner(t, ns, "invite", owner, "--program", "referral", "--member", "carl@agency.example").want(t, 1, "--member goes with --team NAME", "kubectl partner team invite")
	partner(t, ns, "invite", owner, "eve@agency.example", "--team", "agency").want(t, 1, "--team is for one address")
	partner(t, ns, "invite", owner, "--team", "agency", "--member", "carl@agency.example:Owner").want(t, 1, `the role of carl@agency.example can be Admin, Member or Finance, not "Owner"`)
	partner(t, ns, "invite", owner, "--team", "agency", "--member", "carl").want(t, 1, "--member carl: the address")
	partner(t, ns, "invite", owner, "--team", "Agency").want(t, 1, "spec.team.name")

	partner(t, ns, "team", "invite", "agency").want(t, 1, "--member EMAIL", "--program PROGRAM")

	invited := []string{"invite", owner, "--program", "referral", "--team", "agency", "--team-name", "Agency GmbH", "--member", "carl@agency.example:finance"}
	partner(t, ns, append(invited, "--wait")...).want(t, 0, "created")
	partner(t, ns, invited...).want(t, 0, "unchanged: it is Sent; kubectl partner resend partner-")
	partner(t, ns, "invite", owner, "--program", "referral", "--dry-run=server").want(t, 0, "created")
	answer(t, mailsTo(owner, v1alpha1.MailTeamInvite)[0].Links[0], owner)
	team := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency"}}
	eventually(t, "the team", func() bool { return len(get(t, team).Status.Members) == 1 })
	partner(t, ns, "cancel", owner).want(t, 1, "has been accepted; kubectl partner team show agency")

	proposed := []string{"team", "invite", "agency", "--member", "dora@agency.example:Admin"}
	name := strings.Fields(partner(t, ns, append(proposed, "--wait")...).want(t, 0, "created").out)[0]
	_, name, _ = strings.Cut(name, "/")
	if m := get(t, team).Status.Members; len(m) != 2 || m[1].Role != v1alpha1.RoleAdmin || m[1].State != v1alpha1.MemberAwaitingApproval {
		t.Errorf("the team has %+v", m)
	}
	partner(t, ns, proposed...).want(t, 0, "unchanged: it is Sent; kubectl partner resend "+name+" asks again, and kubectl partner team show agency tells who has to decide")
	partner(t, ns, "team", "invite", "agency", "--member", "dora@agency.example", "--name", "once-more", "--wait").want(t, 1, "dora@agency.example: AlreadyInvited")
	partner(t, ns, "resend", name).want(t, 0, "resent")
	partner(t, ns, "cancel", name).want(t, 0, "cancelled")
	eventually(t, "that dora is taken back", func() bool { return get(t, team).Status.Members[1].State == v1alpha1.MemberRemoved })
	partner(t, ns, append(proposed, "--wait")...).want(t, 0, "created")
	partner(t, ns, "team", "invite", "agency", "--program", "reseller", "--wait").want(t, 0, "created")
	if mails := mailsTo(owner, v1alpha1.MailTeamInvite); len(mails) != 2 {
		t.Errorf("%d mails to the owner", len(mails))
	}
}

func TestApproveIntoATeam(t *testing.T) {
	ns := tenant(t)
	partner(t, ns, "team", "create", "agency", "--owner", "olga@"+ns+".example").want(t, 0)
	applicant(t, ns)
	partner(t, ns, "approve", "eve", "--join-team", "studio").want(t, 1, `PartnerTeam "studio"`)
	partner(t, ns, "approve", "eve", "--join-team", "agency", "--wait").want(t, 0, "approved")
	partner(t, ns, "describe", "eve").want(t, 0, `sent the applicant on to PartnerTeam "agency"`)
}

func TestDescribe(t *testing.T) {
	ns := tenant(t)
	ada := "ada@" + ns + ".example"
	partner(t, ns, "invite", ada, "--program", "referral:gold", "--first-name", "Ada", "--last-name", "L", "--field", "region=EMEA").want(t, 0)
	accept(t, ada)
	name := strings.TrimSpace(partner(t, ns, "list", "partners", "-o", "jsonpath={.items[0].metadata.name}").want(t, 0).out)
	create(t, &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-summer"}, Spec: v1alpha1.PartnerLinkSpec{
		PartnershipRef: v1alpha1.PartnershipReference{Name: name}, Destination: "https://acme.example/summer",
	}})
	partner(t, ns, "list", "links", "-o", "wide").want(t, 0, "ada-summer", name)
	partner(t, ns, "revoke", ada, "--reason", "Over.", "--wait").want(t, 0)
	for _, way := range []string{strings.ToUpper(ada), name, "pship/" + name} {
		partner(t, ns, "describe", way).want(t, 0, "Ada L", ada, "referral", "gold", "Revoked", "Over.", "region = EMEA", "accepted the invite", "Links:", "Events:")
	}
	partner(t, ns, "describe", "nobody@example.com").want(t, 1, "nobody with the address")
	partner(t, ns, "describe", "nobody").want(t, 1, `no Partnership and no PartnerInvite is called "nobody"`)
}

func TestCompletion(t *testing.T) {
	ns := tenant(t)
	granted(t, ns, "ada", "referral")
	granted(t, ns, "bob", "referral")
	script, err := os.ReadFile("../../bin/kubectl_complete-partner")
	if err != nil {
		t.Fatal(err)
	}
	partner(t, ns, "completion", "kubectl").want(t, 0, string(script))
	// kubectl finds the script on the PATH, as it does for every plugin.
	command := plane.Kubectl(t.Context(), "__complete", "partner", "revoke", "-n", ns, "a")
	command.Env = append(command.Environ(), path(t))
	out, err := command.Output()
	if err != nil || !strings.Contains(string(out), "ada\n") || strings.Contains(string(out), "bob") {
		t.Errorf("%v: %s", err, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		partner(t, ns, "completion", shell).want(t, 0, "kubectl-partner")
	}
	partner(t, ns, "completion", "tcsh").want(t, 1, "invalid argument")
}

// What only makes a manifest needs no cluster.
func TestOffline(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	run := pluginAs(t, nowhere, "", "invite", "ada@example.com", "--program", "referral:gold", "--dry-run=client", "-o", "yaml", "-n", "acme")
	run.want(t, 0, "kind: PartnerInvite", "name: gold", "namespace: acme", "!status", "warning: names are made without a salt")
	pluginAs(t, nowhere, "", "invite", "ada@example.com", "--program", "referral:gold", "--dry-run=client", "-o", "name", "-n", "acme", "--name-salt", "mfrggzdfmztwq2lknnwg23tpob").
		want(t, 0, "partner-jbk5omhdqeq7h2b4", "!warning")
	pluginAs(t, nowhere, "email\nada@example.com\n", "import", "-", "--program", "referral", "--dry-run=client", "-o", "yaml", "-n", "acme").
		want(t, 0, "kind: Partnership", "source: Import", "invitation: Send", "1 created", "warning: names are made without a salt")
	pluginAs(t, nowhere, "email\nada@example.com\n", "import", "-", "--program", "referral", "--dry-run=client", "-o", "yaml", "-n", "acme", "--name-salt", "mfrggzdfmztwq2lknnwg23tpob").
		want(t, 0, "name: partner-jbk5omhdqeq7h2b4", "!warning")
	pluginAs(t, nowhere, "", "list", "partners").want(t, 1, "error:")
}

func TestHelp(t *testing.T) {
	for _, verb := range []string{
		"invite", "resend", "cancel", "link", "list", "describe", "approve", "reject", "revoke", "reinstate", "move", "signout", "forget", "team create",
		"team invite", "team grant", "team show", "import", "export", "keys rotate", "check", "whoami", "completion", "preview",
	} {
		pluginAs(t, desk.Kubeconfig, "", append(strings.Fields(verb), "--help")...).want(t, 0, "Examples:", "kubectl partner "+verb)
	}
}
