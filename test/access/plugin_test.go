package access

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// checkPlugin shows how kubectl partner tells of what the policies refuse.
func checkPlugin(t *testing.T) {
	_, kubeconfig := someone(t, "plugger")
	bind(t, "plugger", "partner-editor")
	let(t, "plugger", rule("programs", []string{mayInvite, mayApprove}, referral))
	plugin := func(t *testing.T, command string) (printed string, code int) {
		out, err := shell(t, command+" -n acme --kubeconfig "+kubeconfig).CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if exit != nil {
			code = exit.ExitCode()
		}
		return string(out), code
	}
	eventually(t, "there are rights", func() bool { _, code := plugin(t, "kubectl partner list partners"); return code == 0 })
	deployed(t, "current", "partner-operator")
	deployed(t, "old", "old")
	for _, run := range []struct {
		command string
		code    int
		prints  []string
	}{
		{"kubectl partner invite p@people.example --program referral --dry-run=server", 0, []string{"created (server dry run)"}},
		{"kubectl partner invite p@people.example --program reseller --dry-run=server", 1, []string{`error: PartnerInvite "p@people.example"`, `inviting into Program "reseller" needs the verb invite on it: ask for a Role`}},
		{"kubectl partner revoke active-referral --dry-run=server", 1, []string{`error: Partnership "active-referral": spec.revocation ends, limits or restores access to Program "referral", which needs the verb revoke on it`}},
		{"kubectl partner revoke -l program=referral --dry-run=server", 2, []string{`error: Partnership "active-referral": spec.revocation`, "unchanged: it is revoked already"}},
		{"kubectl partner approve pending-referral pending-reseller --dry-run=server", 2, []string{"pending-referral approved", `error: Partnership "pending-reseller": spec.approval decides`}},
		{"kubectl partner move active-reseller --to gold-reseller --dry-run=server", 1, []string{`error: Partnership "active-reseller": spec.groupRef decides about a partner in Program "reseller"`}},
		{"kubectl partner resend invite-reseller --dry-run=server", 1, []string{`inviting into Program "reseller"`}},
		{"kubectl partner cancel invite-reseller --dry-run=server", 1, []string{`inviting into Program "reseller"`}},
		{"kubectl partner team create crew --owner olga@agency.example --dry-run=server", 1, []string{`error: PartnerTeam "crew": making or changing PartnerTeam "crew" needs the verb invite on it`}},
		// Each row is judged by its program, and the others go on.
		{`printf 'email,program\na@people.example,reseller\nb@people.example,referral\n' | kubectl partner import - --dry-run=server`, 2,
			[]string{`line 2: failed a@people.example: Partnership "partner-`, `inviting into Program "reseller"`, "line 3: created b@people.example", "1 created, 0 unchanged, 0 skipped, 1 failed"}},
		{"kubectl partner whoami", 0, []string{"WITH THE POLICY   PROGRAMS\ninvite            referral\napprove           referral\nrevoke            none\n"}},
		{"kubectl partner check", 0, []string{"you may not see whether the policies are installed"}},
		{"kubectl partner check --deployment current --kubeconfig " + scene.Cluster.Kubeconfig + " #", 1, []string{
			"the policies ask for the verbs invite, approve and revoke", "system:serviceaccount:partner-operator-system:partner-operator may do what it has to",
		}},
		{"kubectl partner check --deployment old --kubeconfig " + scene.Cluster.Kubeconfig + " #", 1, []string{
			"system:serviceaccount:partner-operator-system:old may not invite programs; install the roles of this version",
		}},
	} {
		printed, code := plugin(t, run.command)
		if code != run.code {
			t.Errorf("%s: ended with %d: %s", run.command, code, printed)
		}
		for _, text := range run.prints {
			if !strings.Contains(printed, text) {
				t.Errorf("%s: it does not print %q: %s", run.command, text, printed)
			}
		}
		for line := range strings.Lines(printed) {
			if strings.Contains(line, "ValidatingAdmissionPolicy") {
				t.Errorf("%s: %s", run.command, line)
			}
		}
	}
}

// deployed leaves in the cluster what installing the operator leaves, under an account; one called old has the rights of
// before the verbs.
func deployed(t *testing.T, name, account string) {
	t.Helper()
	labels := map[string]string{"app": name}
	create(t, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			ServiceAccountName: account, Containers: []corev1.Container{{Name: "operator", Image: "partner-operator:latest"}},
		}},
	}})
	if account != "old" {
		return
	}
	all := []string{"get", "watch", "update", "create"}
	subject := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: operatorNamespace, Name: account}}
	create(t,
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: account}, Rules: []rbacv1.PolicyRule{
			rule("*", all), {APIGroups: []string{""}, Resources: []string{"configmaps", "secrets"}, Verbs: all},
		}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: account}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: account}, Subjects: subject},
	)
}
