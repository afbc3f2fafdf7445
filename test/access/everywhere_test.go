package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

func inAYear() v1alpha1.Timestamp {
	return v1alpha1.NewTimestamp(time.Now().AddDate(1, 0, 0).Truncate(time.Second))
}

// applied is what somebody applies: one part of the spec, and more.
func applied(kind, name string, spec, more map[string]any) runtime.ApplyConfiguration {
	maps.Copy(spec, more)
	return client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind, "metadata": map[string]any{"namespace": acme, "name": name}, "spec": spec,
	}})
}

// trial is something that several users try. Who may not is told so in these words. What it changes is not kept.
type trial struct {
	may  string // the users, with blanks between them
	says string
	do   func(t *testing.T, c client.Client) error
}

func try(t *testing.T, users map[string]client.Client, trials map[string]trial) {
	t.Helper()
	for what, trial := range trials {
		t.Run(what, func(t *testing.T) {
			for name, c := range users {
				err := trial.do(t, c)
				switch may := strings.Contains(" "+trial.may+" ", " "+name+" "); {
				case may && err != nil && !apierrors.IsAlreadyExists(err):
					t.Errorf("%s is refused: %v", name, err)
				case !may && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), trial.says) || !strings.Contains(err.Error(), `ask for a Role in namespace "acme"`)):
					t.Errorf("%s is not refused with %q: %v", name, trial.says, err)
				}
			}
		})
	}
}

// with makes users who have all rights of RBAC on the kinds, and these.
func with(t *testing.T, rights map[string][]rbacv1.PolicyRule) map[string]client.Client {
	t.Helper()
	users := map[string]client.Client{}
	for name, rules := range rights {
		c, _ := someone(t, name)
		let(t, name, append([]rbacv1.PolicyRule{everything}, rules...)...)
		users[name] = client.NewDryRunClient(c)
	}
	for name, c := range users {
		eventually(t, name+" has rights", func() bool { return c.List(t.Context(), &v1alpha1.ProgramList{}, client.InNamespace(acme)) == nil })
	}
	return users
}

// checkEverywhere is about what concerns more programs than can be named.
func checkEverywhere(t *testing.T) {
	users := with(t, map[string][]rbacv1.PolicyRule{
		"max":   {rule("programs", []string{mayInvite})},
		"named": {rule("programs", []string{mayInvite}, referral, reseller)},
		"plain": nil,
	})
	inviting := func(change func(*v1alpha1.PartnerInvite)) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error {
			i := &v1alpha1.PartnerInvite{ObjectMeta: namespaced("new"), Spec: inviteInto("new@people.example", referral)}
			change(i)
			return c.Create(t.Context(), i)
		}
	}
	patching := func(name, patch string) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error {
			return merge(&v1alpha1.PartnerInvite{}, name, patch).do(t, c, referral)
		}
	}
	create(t, &v1alpha1.PartnerInvite{ObjectMeta: namespaced("into-all"), Spec: inviteInto("all@people.example")})
	try(t, users, map[string]trial{
		"invite into two programs": {"max named", "inviting into Program", inviting(func(i *v1alpha1.PartnerInvite) {
			i.Spec.Programs = append(i.Spec.Programs, v1alpha1.ProgramGrant{Name: reseller})
		})},
		"invite into one more": {"max", "needs the verb invite on it", inviting(func(i *v1alpha1.PartnerInvite) {
			i.Spec.Programs = append(i.Spec.Programs, v1alpha1.ProgramGrant{Name: "other"})
		})},
		"invite into all": {"max", "inviting into every Program needs the verb invite on all Programs", inviting(func(i *v1alpha1.PartnerInvite) { i.Spec.Programs = nil })},
		"invite into eleven": {"max", "inviting into more than 10 Programs at once needs the verb invite on all Programs", inviting(func(i *v1alpha1.PartnerInvite) {
			for n := range 10 {
				i.Spec.Programs = append(i.Spec.Programs, v1alpha1.ProgramGrant{Name: fmt.Sprintf("p%d", n)})
			}
		})},
		"invite by a link":                      {"max", "delivery Link needs the verb invite on all Programs", inviting(func(i *v1alpha1.PartnerInvite) { i.Spec.Delivery = v1alpha1.DeliveryLink })},
		"turn an invite into a link":            {"max", "delivery Link needs", patching("invite-referral", `{"spec":{"delivery":"Link"}}`)},
		"resend an invite into all":             {"max", "inviting into every Program needs", patching("into-all", `{"metadata":{"annotations":{"partner-operator.io/resend-requested-at":"now"}}}`)},
		"take an invite from a partnership":     {"max", "giving an invite to another owner or Partnership needs", patching("invited-referral-invitation", `{"metadata":{"ownerReferences":null}}`)},
		"let something else own it, and go":     {"max", "giving an invite to another owner or Partnership needs", patching("invite-referral", owned)},
		"resend an invitation of a partnership": {"max named", "inviting into Program", patching("invited-referral-invitation", `{"metadata":{"annotations":{"partner-operator.io/resend-requested-at":"now"}}}`)},
		"label what counts as a partner's":      {"max", "giving an invite to another owner or Partnership needs", patching("invite-referral", `{"metadata":{"labels":{"partner-operator.io/partnership":"active-reseller"}}}`)},
		"make what is labelled so": {"max", "giving an invite to another owner or Partnership needs", inviting(func(i *v1alpha1.PartnerInvite) {
			i.Labels = map[string]string{partnership.Label: "active-reseller"}
		})},
		"make what counts as partner's invitation": {"max", "giving an invite to another owner or Partnership needs", inviting(func(i *v1alpha1.PartnerInvite) {
			yes := true
			i.OwnerReferences = []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Partnership", Name: "active-reseller", UID: "u", Controller: &yes}}
		})},
	})
}

// checkTeams is about who comes into a team, which has whatever programs it has.
func checkTeams(t *testing.T) {
	bob := rule("programs", []string{mayInvite, mayApprove, mayRevoke}, referral)
	users := with(t, map[string][]rbacv1.PolicyRule{
		"teamless": {bob},
		"tom":      {bob, rule("partnerteams", []string{mayInvite}, "agency", "fresh")},
		"tess":     {rule("programs", []string{mayInvite, mayApprove}, referral), rule("partnerteams", []string{mayInvite}, "agency", "fresh")},
		"tilda":    {bob, rule("partnerteams", []string{mayInvite, mayRevoke}, "agency", "fresh")},
		"tony":     {bob, rule("partnerteams", []string{mayInvite, mayRevoke}, "another")},
		"theo":     {rule("programs", []string{mayInvite, mayApprove, mayRevoke})},
	})
	const inviters, enders = "tom tess tilda theo", "tilda theo"
	inviting := func(change func(*v1alpha1.PartnerInviteSpec)) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error {
			i := &v1alpha1.PartnerInvite{ObjectMeta: namespaced("new"), Spec: inviteInto("new@people.example", referral)}
			change(&i.Spec)
			return c.Create(t.Context(), i)
		}
	}
	patching := func(object client.Object, name, patch string) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error { return merge(object, name, patch).do(t, c, referral) }
	}
	const joining = `{"spec":{"approval":{"decision":"Approved","joinTeamRef":{"name":"agency"}}}}`
	team := &v1alpha1.PartnerTeam{}
	try(t, users, map[string]trial{
		"invite a new team": {inviters, `inviting into PartnerTeam "fresh" needs the verb invite on it`, inviting(func(s *v1alpha1.PartnerInviteSpec) {
			s.Team = &v1alpha1.NewTeam{Name: "fresh"}
		})},
		"invite teammates": {inviters, `inviting into PartnerTeam "agency" needs the verb invite on it`, inviting(func(s *v1alpha1.PartnerInviteSpec) {
			s.Contact, s.Programs, s.TeamRef = v1alpha1.Contact{}, nil, &v1alpha1.TeamReference{Name: "agency"}
			s.Members = []v1alpha1.ProposedMember{{Email: "bob@agency.example"}}
		})},
		"send an applicant on": {inviters, `sending an applicant on to PartnerTeam "agency" needs the verb invite on it`, patching(&v1alpha1.Partnership{}, "pending-referral", joining)},
		// It takes their access, until the team lets them in.
		"send a partner on": {"tom tilda theo", "", patching(&v1alpha1.Partnership{}, "approved-referral", joining)},
		"make an applicant who is sent on": {inviters, `sending an applicant on to PartnerTeam "agency" needs`, func(t *testing.T, c client.Client) error {
			return c.Create(t.Context(), partner(namespaced("new"), referral, func(s *v1alpha1.PartnershipSpec) {
				s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved, JoinTeamRef: &v1alpha1.TeamReference{Name: "agency"}}
			}))
		}},
		"make a team": {inviters, `making or changing PartnerTeam "fresh" needs the verb invite on it`, func(t *testing.T, c client.Client) error {
			return c.Create(t.Context(), &v1alpha1.PartnerTeam{ObjectMeta: namespaced("fresh"), Spec: v1alpha1.PartnerTeamSpec{DisplayName: "Fresh", Owner: v1alpha1.TeamOwner{Email: "eve@people.example"}}})
		}},
		"rename a team":                 {inviters, `making or changing PartnerTeam "agency" needs the verb invite on it`, patching(team, "agency", `{"spec":{"displayName":"Else"}}`)},
		"say that an invite made it":    {inviters, `making or changing PartnerTeam "agency" needs`, patching(team, "agency", `{"metadata":{"annotations":{"partner-operator.io/invite-uid":"u"}}}`)},
		"sign the people of a team out": {enders, `access of PartnerTeam "agency", which needs the verb revoke on it`, patching(team, "agency", `{"metadata":{"annotations":{"partner-operator.io/sign-out-requested-at":"now bob@agency.example"}}}`)},
		"forget people of a team":       {enders, `access of PartnerTeam "agency", which needs the verb revoke on it`, patching(team, "agency", `{"metadata":{"annotations":{"partner-operator.io/forget-members":"7"}}}`)},
		"label a team":                  {inviters + " teamless tony", "", patching(team, "agency", `{"metadata":{"labels":{"a":"b"}}}`)},
		"remove a team":                 {enders, `deleting the PartnerTeam ends, limits or restores access of PartnerTeam "agency", which needs the verb revoke on it`, func(t *testing.T, c client.Client) error { return removing(team, "agency")(t, c, "") }},
		"remove all teams": {enders, `access of PartnerTeam "agency", which needs the verb revoke on it`, func(t *testing.T, c client.Client) error {
			return c.DeleteAllOf(t.Context(), team, client.InNamespace(acme))
		}},
		"let something remove a team":   {enders, `metadata.ownerReferences ends, limits or restores access of PartnerTeam "agency"`, patching(team, "agency", owned)},
		"keep a team from going":        {enders, `metadata.finalizers ends, limits or restores access of PartnerTeam "agency"`, patching(team, "agency", kept)},
		"sign out the people of a team": {enders, `partner-operator.io/sign-out-requested-at ends, limits or restores access`, patching(team, "agency", `{"metadata":{"annotations":{"partner-operator.io/sign-out-requested-at":"now"}}}`)},
		"make a team that does not go": {enders, `"fresh"`, func(t *testing.T, c client.Client) error {
			meta := namespaced("fresh")
			meta.Finalizers = []string{"partners.acme.example/mine"}
			return c.Create(t.Context(), &v1alpha1.PartnerTeam{ObjectMeta: meta, Spec: v1alpha1.PartnerTeamSpec{DisplayName: "Fresh", Owner: v1alpha1.TeamOwner{Email: "eve@people.example"}}})
		}},
	})
}

// checkLinks is about links whose program is not the one that somebody has verbs on, or is not known.
func checkLinks(t *testing.T) {
	users := with(t, map[string][]rbacv1.PolicyRule{
		"lars": {rule("programs", []string{mayApprove})},
		"lena": {rule("programs", []string{mayRevoke})},
		"lou":  {rule("programs", []string{mayApprove, mayRevoke}, referral)},
		"lin":  {rule("programs", []string{mayInvite})},
	})
	const all = "lars lena"
	orphan, said := namespaced("of-nobody"), namespaced("of-somebody")
	saying := &v1alpha1.PartnerLink{ObjectMeta: said, Spec: linkOf("unknown", referral).Spec}
	create(t, &v1alpha1.PartnerLink{ObjectMeta: orphan, Spec: linkOf("unknown").Spec}, saying)
	eventually(t, "the operator tells the program of a link", func() bool { return get(t, saying).Status.Program == referral })
	link := &v1alpha1.PartnerLink{}
	patching := func(name, patch string) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error { return merge(link, name, patch).do(t, c, referral) }
	}
	removes := func(name string) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error { return removing(link, name)(t, c, "") }
	}
	try(t, users, map[string]trial{
		"make a link that says no program": {all, "on all Programs", func(t *testing.T, c client.Client) error {
			return c.Create(t.Context(), linkOf(referral))
		}},
		"make a link of another program": {all, `on Program "reseller"`, func(t *testing.T, c client.Client) error {
			return c.Create(t.Context(), linkOf(reseller, reseller))
		}},
		// The operator finds that it does not fit: it counts for nobody.
		"make a link that says the wrong program":    {all + " lou", `on Program "referral"`, func(t *testing.T, c client.Client) error { return c.Create(t.Context(), linkOf(reseller, referral)) }},
		"let a link say another program":             {all, `needs the verb approve or revoke on Program "re`, patching("link-referral", `{"spec":{"programRef":{"name":"reseller"}}}`)},
		"take a link of another program":             {all, `on Program "reseller"`, patching("link-reseller", `{"spec":{"programRef":{"name":"referral"}}}`)},
		"lead a link of another program elsewhere":   {all, `on Program "reseller"`, patching("link-reseller", `{"spec":{"destination":"https://acme.example/other"}}`)},
		"remove a link of another program":           {all, `on Program "reseller"`, removes("link-reseller")},
		"remove a link whose program is not known":   {all, "on all Programs", removes("of-nobody")},
		"let a link of no known program say one":     {all, "on all Programs", patching("of-nobody", `{"spec":{"programRef":{"name":"referral"}}}`)},
		"remove a link that waits for a partnership": {all + " lou", `on Program "referral"`, removes("of-somebody")},
		"remove all links": {all, "needs the verb approve or revoke on", func(t *testing.T, c client.Client) error {
			return c.DeleteAllOf(t.Context(), link, client.InNamespace(acme))
		}},
	})
}

// checkTenPrograms is about the most that the policy can judge one by one: it misses none, and stays within what it may cost.
func checkTenPrograms(t *testing.T) {
	var names []string
	for n := range 10 {
		names = append(names, fmt.Sprintf("p%d", n))
	}
	users := with(t, map[string][]rbacv1.PolicyRule{
		"ten": {rule("programs", []string{mayInvite}, names...), rule("partnerteams", []string{mayInvite}, "fresh")},
	})
	inviting := func(names []string) func(*testing.T, client.Client) error {
		return func(t *testing.T, c client.Client) error {
			i := &v1alpha1.PartnerInvite{ObjectMeta: namespaced("new"), Spec: inviteInto("new@people.example", names...)}
			i.Spec.Team = &v1alpha1.NewTeam{Name: "fresh"}
			return c.Create(t.Context(), i)
		}
	}
	trials := map[string]trial{"invite into ten": {"ten", "", inviting(names)}}
	for n, name := range names {
		others := slices.Clone(names)
		others[n] = "other"
		trials["invite into another than "+name] = trial{"", `inviting into Program "other" needs the verb invite on it`, inviting(others)}
	}
	try(t, users, trials)
}
