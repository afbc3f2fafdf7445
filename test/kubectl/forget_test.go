package kubectl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// marksOf counts who is remembered as a partner in a namespace.
func marksOf(t *testing.T, ns string) (count int) {
	t.Helper()
	var pages corev1.ConfigMapList
	if err := api.List(t.Context(), &pages, client.InNamespace("partner-operator-system"), client.MatchingLabels{tombstone.NamespaceLabel: ns}); err != nil {
		t.Fatal(err)
	}
	for _, page := range pages.Items {
		count += len(page.Data)
	}
	return count
}

// Everything of a person goes, also out of a team, and nothing of anybody else.
func TestForget(t *testing.T) {
	ns := tenant(t)
	ada, bob, olga := "Ada@"+ns+".example", "bob@"+ns+".example", "olga@"+ns+".example"
	for _, email := range []string{ada, bob} {
		partner(t, ns, "invite", email, "--program", "referral", "--wait").want(t, 0)
		accept(t, email)
	}
	partner(t, ns, "team", "create", "agency", "--owner", olga).want(t, 0)
	team := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency"}}
	eventually(t, "the team has an owner", func() bool { return len(get(t, team).Status.Members) == 1 })
	partner(t, ns, "team", "invite", "agency", "--member", strings.ToLower(ada), "--member", bob, "--wait").want(t, 0)
	eventually(t, "they are remembered, and proposed", func() bool { return marksOf(t, ns) == 2 && len(get(t, team).Status.Members) == 3 })

	file := filepath.Join(t.TempDir(), "ada.yaml")
	partner(t, ns, "forget", ada).want(t, 1, "--export FILE")
	partner(t, ns, "forget", "ada", "--export", file).want(t, 1, "no mail address")
	partner(t, ns, "forget", olga, "--export", file, "--yes").want(t, 1, "nothing was deleted", `they own PartnerTeam "agency"`)
	partner(t, ns, "forget", ada, "--export", file, "--yes").want(t, 1, "nothing was deleted", "b***", "wait for that")
	for i := range get(t, team).Status.Members {
		if m := &team.Status.Members[i]; strings.EqualFold(string(m.Email), bob) {
			m.State = v1alpha1.MemberActive
		}
	}
	if err := api.Status().Update(t.Context(), team); err != nil {
		t.Fatal(err)
	}
	var invites v1alpha1.PartnerInviteList
	eventually(t, "the invite says that he is in the team", func() bool {
		if err := api.List(t.Context(), &invites, client.InNamespace(ns)); err != nil {
			t.Fatal(err)
		}
		for _, i := range invites.Items {
			for _, m := range i.Status.Members {
				if strings.EqualFold(string(m.Email), bob) && m.State == v1alpha1.MemberActive {
					return true
				}
			}
		}
		return false
	})
	partner(t, ns, "forget", ada, "--export", file).want(t, 1, "nothing was deleted", "--yes does it")
	partner(t, ns, "forget", ada, "--export", file, "--dry-run=server", "--tombstone").want(t, 0, "deleted (server dry run)", "1 marks were erased (server dry run)")
	if len(get(t, team).Status.Members) != 3 || marksOf(t, ns) != 2 {
		t.Fatal("a dry run changes something")
	}
	partner(t, ns, "forget", ada, "--export", file, "--yes", "--tombstone").want(t, 0, "deleted", "partnerteam.partner-operator.io/agency changed", "1 marks were erased", "come back by a join link")

	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kind: PartnerInvite", "kind: Partnership", "kind: PartnerTeam", "state: Active", "state: AwaitingApproval", ada} {
		if !strings.Contains(string(written), want) {
			t.Errorf("the file does not say %q:\n%s", want, written)
		}
	}
	for _, of := range []string{"bob@", "olga@"} {
		if strings.Contains(string(written), of) {
			t.Errorf("the file tells of others:\n%s", written)
		}
	}
	if len(get(t, team).Status.Members) != 2 || len(team.Annotations) > 0 {
		t.Errorf("the team has %+v, and says %v", team.Status.Members, team.Annotations)
	}
	if all := partner(t, ns, "export").want(t, 0).out; strings.Contains(strings.ToLower(all), strings.ToLower(ada)) || !strings.Contains(all, bob) {
		t.Errorf("what is left:\n%s", all)
	}
	if marksOf(t, ns) != 1 {
		t.Errorf("%d marks are left", marksOf(t, ns))
	}
	partner(t, ns, "forget", bob, "--export", "none", "--yes").want(t, 0)
	if marksOf(t, ns) != 1 {
		t.Error("without --tombstone the mark goes, too")
	}
}
