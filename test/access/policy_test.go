package access

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// What is tried while config/policy is in force.
func TestPolicy(t *testing.T) {
	enforce(t)
	t.Run("every operation in every program", checkOperations)
	t.Run("what is about all programs", checkEverywhere)
	t.Run("teams", checkTeams)
	t.Run("links", checkLinks)
	t.Run("ten programs", checkTenPrograms)
	t.Run("the operator", checkOperator)
	t.Run("what Kubernetes removes", checkRemovals)
	t.Run("the document", checkDocument)
	t.Run("the plugin", checkPlugin)
}

// enforce applies config/policy until the end of the test.
func enforce(t *testing.T) {
	t.Helper()
	c, _ := someone(t, "sentinel")
	bind(t, "sentinel", "partner-editor")
	refused := func() bool {
		object := &v1alpha1.PartnerInvite{ObjectMeta: namespaced("sentinel"), Spec: inviteInto("sentinel@people.example", referral)}
		return apierrors.IsForbidden(c.Create(t.Context(), object, client.DryRunAll))
	}
	eventually(t, "the sentinel may invite", func() bool { return !refused() })
	applyPolicies(t, policyFolder)
	eventually(t, "the policies are in force, and have no warnings", func() bool {
		var list admissionv1.ValidatingAdmissionPolicyList
		if err := api.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		judged := 0
		for _, p := range list.Items {
			if p.Status.TypeChecking == nil || p.Status.ObservedGeneration < p.Generation {
				continue
			}
			for _, warning := range p.Status.TypeChecking.ExpressionWarnings {
				t.Fatalf("%s: %s: %s", p.Name, warning.FieldRef, warning.Warning)
			}
			judged++
		}
		return judged == 8 && refused()
	})
}

// applyPolicies applies a folder until the end of the test.
func applyPolicies(t *testing.T, folder string) {
	t.Helper()
	kubectl(t, "apply", "-k", folder)
	t.Cleanup(func() {
		if _, err := scene.Kubectl(context.Background(), "delete", "-k", policyFolder); err != nil {
			t.Error(err)
		}
	})
}

// operation is something that needs verbs on a program. What it changes is not kept.
type operation struct {
	// needs are the verbs that it needs, all of them. With any, one of them is enough.
	needs []string
	any   bool
	do    func(t *testing.T, c client.Client, program string) error
}

// Everybody has all rights on the kinds, and on one program the verbs that stand here. Each operation is tried by each of
// them, in that program and in another.
var holders = map[string][]string{
	"ivy":  {mayInvite},
	"ann":  {mayApprove},
	"rex":  {mayRevoke},
	"ira":  {mayInvite, mayApprove},
	"ike":  {mayInvite, mayRevoke},
	"art":  {mayApprove, mayRevoke},
	"bill": {mayInvite, mayApprove, mayRevoke},
}

// everything are all rights of RBAC on the kinds, without the verbs of the policy.
var everything = rule("*", []string{"get", "list", "create", "update", "patch", "delete", "deletecollection"})

func checkOperations(t *testing.T) {
	rights := map[string][]rbacv1.PolicyRule{"none": nil}
	for name, held := range holders {
		rights[name] = []rbacv1.PolicyRule{rule("programs", held, referral)}
	}
	users := with(t, rights)
	for what, op := range operations() {
		t.Run(what, func(t *testing.T) {
			for name, c := range users {
				for _, program := range []string{referral, reseller} {
					held := holders[name]
					if program == reseller {
						held = nil
					}
					if err := op.judge(held, program, op.do(t, c, program)); err != nil {
						t.Errorf("%s, who may %v in %s: %v", name, held, program, err)
					}
				}
			}
		})
	}
}

// judge tells what is wrong with how an operation ended for somebody who holds these verbs.
func (o operation) judge(held []string, program string, got error) error {
	missing := slices.DeleteFunc(slices.Clone(o.needs), func(verb string) bool { return slices.Contains(held, verb) })
	allowed := len(missing) == 0 || o.any && len(missing) < len(o.needs)
	switch {
	case allowed && (got == nil || apierrors.IsAlreadyExists(got)):
		return nil
	case allowed:
		return fmt.Errorf("refused: %w", got)
	case got == nil || apierrors.IsAlreadyExists(got):
		return fmt.Errorf("let through without %v", missing)
	case !apierrors.IsForbidden(got) || !strings.Contains(got.Error(), "ValidatingAdmissionPolicy 'partner-operator-"):
		return fmt.Errorf("refused by something else: %w", got)
	}
	_, says, _ := strings.Cut(got.Error(), "denied request: ")
	names := slices.ContainsFunc(missing, func(verb string) bool { return strings.Contains(says, "needs the verb "+verb) })
	for _, part := range []string{`Program "` + program + `"`, `ask for a Role in namespace "acme"`, "resourceNames [" + program + "]"} {
		names = names && strings.Contains(says, part)
	}
	if !names || strings.Contains(says, "\n") {
		return fmt.Errorf("the refusal does not name the verb, the program and the remedy in one line: %s", says)
	}
	return nil
}

// merge is an operation that patches an object of the tenant, called by what it is and the program.
func merge(object client.Object, what, patch string, needs ...string) operation {
	return patched(object, what, types.MergePatchType, patch, needs...)
}

func patched(object client.Object, what string, how types.PatchType, patch string, needs ...string) operation {
	return operation{needs: needs, do: func(t *testing.T, c client.Client, program string) error {
		o := object.DeepCopyObject().(client.Object)
		o.SetNamespace(acme)
		o.SetName(strings.ReplaceAll(what, "PROGRAM", program))
		return c.Patch(t.Context(), o, client.RawPatch(how, []byte(strings.ReplaceAll(patch, "PROGRAM", program))))
	}}
}

func (o operation) or() operation {
	o.any = true
	return o
}

// operations are those on invites, partnerships, groups and programs.
func operations() map[string]operation {
	all := operationsOnInvites()
	for _, some := range []map[string]operation{newPartnerships(), operationsOnPartnerships(), otherWays(), operationsOnPrograms(), operationsOnLinks(), operationsOnMetadata()} {
		maps.Copy(all, some)
	}
	return all
}

func operationsOnInvites() map[string]operation {
	invite := &v1alpha1.PartnerInvite{}
	const its = "invite-PROGRAM"
	making := func(change func(*v1alpha1.PartnerInvite, string)) func(*testing.T, client.Client, string) error {
		return func(t *testing.T, c client.Client, program string) error {
			i := &v1alpha1.PartnerInvite{ObjectMeta: namespaced("new"), Spec: inviteInto("new@people.example", program)}
			if change != nil {
				change(i, program)
			}
			return c.Create(t.Context(), i)
		}
	}
	needs := []string{mayInvite}
	return map[string]operation{
		"invite a person": {needs: needs, do: making(nil)},
		"invite into a group": {needs: needs, do: making(func(i *v1alpha1.PartnerInvite, program string) {
			i.Spec.Programs[0].GroupRef = &v1alpha1.GroupReference{Name: "gold-" + program}
		})},
		"offer a program to a team": {needs: needs, do: making(func(i *v1alpha1.PartnerInvite, _ string) {
			i.Spec.Contact, i.Spec.TeamRef = v1alpha1.Contact{}, &v1alpha1.TeamReference{Name: "agency"}
		})},
		"invite under a generated name": {needs: needs, do: making(func(i *v1alpha1.PartnerInvite, _ string) { i.Name, i.GenerateName = "", "new-" })},

		"lengthen an invite":            merge(invite, its, `{"spec":{"expiresAfter":"400h"}}`, mayInvite),
		"end an invite":                 merge(invite, its, `{"spec":{"notAfter":"2027-01-01T00:00:00Z"}}`, mayInvite),
		"change the words of an invite": merge(invite, its, `{"spec":{"message":{"body":"Hello"}}}`, mayInvite),
		"resend by token":               merge(invite, its, `{"spec":{"resendToken":"again"}}`, mayInvite),
		"resend by annotation":          merge(invite, its, `{"metadata":{"annotations":{"partner-operator.io/resend-requested-at":"now"}}}`, mayInvite),
		"label an invite":               merge(invite, its, `{"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}}}`),
		"cancel an invite":              {needs: needs, do: removing(invite, its)},
		"cancel many invites":           {needs: needs, do: removingAll(invite)},
	}
}

func removing(object client.Object, what string) func(*testing.T, client.Client, string) error {
	return func(t *testing.T, c client.Client, program string) error {
		o := object.DeepCopyObject().(client.Object)
		o.SetNamespace(acme)
		o.SetName(strings.ReplaceAll(what, "PROGRAM", program))
		return c.Delete(t.Context(), o)
	}
}

func removingAll(object client.Object) func(*testing.T, client.Client, string) error {
	return func(t *testing.T, c client.Client, program string) error {
		return c.DeleteAllOf(t.Context(), object, client.InNamespace(acme), client.MatchingLabels{"program": program})
	}
}

// newPartnerships are ways to make one. Whoever comes in without being asked, or without the company's approval where the
// program could ask for it, is a decision.
func newPartnerships() map[string]operation {
	making := func(needs string, change func(*v1alpha1.PartnershipSpec)) operation {
		return operation{needs: strings.Fields(needs), do: func(t *testing.T, c client.Client, program string) error {
			return c.Create(t.Context(), partner(namespaced("new"), program, change))
		}}
	}
	send := func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend }
	wait := func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingApproval }
	both := func(first, second func(*v1alpha1.PartnershipSpec)) func(*v1alpha1.PartnershipSpec) {
		return func(s *v1alpha1.PartnershipSpec) { first(s); second(s) }
	}
	from := func(source v1alpha1.PartnershipSource) func(*v1alpha1.PartnershipSpec) {
		return func(s *v1alpha1.PartnershipSpec) { s.Source = source }
	}
	decided := func(decision v1alpha1.ApprovalDecision) func(*v1alpha1.PartnershipSpec) {
		return func(s *v1alpha1.PartnershipSpec) { s.Approval = &v1alpha1.Approval{Decision: decision} }
	}
	automatic := func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingAutomatic }
	revoked := func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{} }
	disabled := func(s *v1alpha1.PartnershipSpec) { s.PortalAccess = v1alpha1.PortalAccessDisabled }
	ofTeam := func(s *v1alpha1.PartnershipSpec) {
		s.Contact, s.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
	}
	until := func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = inAYear() }
	return map[string]operation{
		"invite by a partnership":            making("invite", send),
		"invite by an import":                making("invite", both(send, from(v1alpha1.SourceImport))),
		"invite for a while":                 making("invite", both(send, until)),
		"invite later":                       making("invite", both(send, disabled)),
		"invite a team by a partnership":     making("invite", both(send, ofTeam)),
		"propose a partner":                  making("invite", wait),
		"propose a partner by an invitation": making("invite", both(wait, send)),
		"make an application":                making("invite", from(v1alpha1.SourceJoinLink)),

		"make a partner":                              making("invite approve", nil),
		"make a partner of a team":                    making("invite approve", ofTeam),
		"import a partner":                            making("invite approve", from(v1alpha1.SourceImport)),
		"make a partner as if invited":                making("invite approve", both(send, from(v1alpha1.SourceInvite))),
		"make an application that need not wait":      making("invite approve", both(automatic, from(v1alpha1.SourceJoinLink))),
		"invite past the program's policy":            making("invite approve", both(automatic, send)),
		"make a partner who is approved":              making("invite approve", both(wait, decided(v1alpha1.ApprovalApproved))),
		"make a partner who is rejected":              making("invite approve", both(wait, decided(v1alpha1.ApprovalRejected))),
		"make an invited partner who is approved":     making("invite approve", both(send, decided(v1alpha1.ApprovalApproved))),
		"make a partner who is revoked":               making("invite approve revoke", revoked),
		"make an invited partner who is revoked":      making("invite revoke", both(send, revoked)),
		"make a partner who cannot use the portal":    making("invite approve", disabled),
		"make a partner for a while":                  making("invite approve", until),
		"make an invited partner with another group":  making("invite", both(send, func(s *v1alpha1.PartnershipSpec) { s.GroupRef = &v1alpha1.GroupReference{Name: "gold-reseller"} })),
		"make a partner beside the one that there is": making("invite approve", func(s *v1alpha1.PartnershipSpec) { s.Contact.Email = "revoked-referral@people.example" }),
	}
}

func operationsOnPartnerships() map[string]operation {
	p := &v1alpha1.Partnership{}
	const approved, rejected = `{"spec":{"approval":{"decision":"Approved"}}}`, `{"spec":{"approval":{"decision":"Rejected","note":"No."}}}`
	return map[string]operation{
		"approve":                              merge(p, "pending-PROGRAM", approved, mayApprove),
		"approve into another group":           merge(p, "pending-PROGRAM", `{"spec":{"approval":{"decision":"Approved"},"groupRef":{"name":"gold-PROGRAM"}}}`, mayApprove),
		"approve who was rejected":             merge(p, "rejected-PROGRAM", approved, mayApprove),
		"approve ahead":                        merge(p, "invited-PROGRAM", approved, mayApprove),
		"reject":                               merge(p, "pending-PROGRAM", rejected, mayApprove),
		"reject who is invited":                merge(p, "invited-PROGRAM", rejected, mayApprove),
		"change the note of a rejection":       merge(p, "rejected-PROGRAM", rejected, mayApprove),
		"change the note of an approval":       merge(p, "approved-PROGRAM", `{"spec":{"approval":{"note":"Yes."}}}`, mayApprove),
		"take a rejection back":                merge(p, "rejected-PROGRAM", `{"spec":{"approval":null}}`, mayApprove),
		"reject who is a partner":              merge(p, "approved-PROGRAM", rejected, mayApprove, mayRevoke),
		"reject who never needed approval":     merge(p, "active-PROGRAM", rejected, mayApprove, mayRevoke),
		"reject who is revoked":                merge(p, "revoked-PROGRAM", rejected, mayApprove, mayRevoke),
		"take an approval back":                merge(p, "approved-PROGRAM", `{"spec":{"approval":null}}`, mayApprove, mayRevoke),
		"move":                                 merge(p, "active-PROGRAM", `{"spec":{"groupRef":{"name":"gold-PROGRAM"}}}`, mayApprove),
		"move to a group of another program":   merge(p, "active-PROGRAM", `{"spec":{"groupRef":{"name":"gold-reseller"}}}`, mayApprove),
		"revoke":                               merge(p, "active-PROGRAM", `{"spec":{"revocation":{"reason":"Over."}}}`, mayRevoke),
		"revoke with nothing to say":           merge(p, "active-PROGRAM", `{"spec":{"revocation":{}}}`, mayRevoke),
		"change the reason of a revocation":    merge(p, "revoked-PROGRAM", `{"spec":{"revocation":{"reason":"Else."}}}`, mayRevoke),
		"change the links of a revocation":     merge(p, "revoked-PROGRAM", `{"spec":{"revocation":{"links":"Keep"}}}`, mayRevoke),
		"reinstate":                            merge(p, "revoked-PROGRAM", `{"spec":{"revocation":null}}`, mayRevoke),
		"end":                                  merge(p, "active-PROGRAM", `{"spec":{"validUntil":"2020-01-01T00:00:00Z"}}`, mayRevoke),
		"sign out":                             merge(p, "active-PROGRAM", `{"metadata":{"annotations":{"partner-operator.io/sign-out-requested-at":"now"}}}`, mayRevoke),
		"close the portal":                     merge(p, "active-PROGRAM", `{"spec":{"portalAccess":"Disabled"}}`, mayRevoke),
		"open the portal":                      merge(p, "disabled-PROGRAM", `{"spec":{"portalAccess":"Enabled"}}`, mayRevoke),
		"decide about links after the removal": merge(p, "active-PROGRAM", `{"spec":{"onRemoval":{"links":"Deactivate"}}}`, mayRevoke),
		"ask who is a partner":                 merge(p, "active-PROGRAM", `{"spec":{"invitation":"Send"}}`, mayInvite, mayRevoke),
		"approve and revoke at once":           merge(p, "pending-PROGRAM", `{"spec":{"approval":{"decision":"Approved"},"revocation":{}}}`, mayApprove, mayRevoke),
		"rename":                               merge(p, "active-PROGRAM", `{"spec":{"displayName":"Ada"}}`, mayInvite, mayApprove, mayRevoke).or(),
		"note a fact":                          merge(p, "active-PROGRAM", `{"spec":{"customFields":{"region":"EMEA"},"stage":"Customer"}}`, mayInvite, mayApprove, mayRevoke).or(),
		"correct an application":               merge(p, "pending-PROGRAM", `{"spec":{"application":{"fields":{"website":"https://x.example"}}}}`, mayInvite, mayApprove, mayRevoke).or(),
		"label":                                merge(p, "active-PROGRAM", `{"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}}}`),
		"change nothing":                       merge(p, "revoked-PROGRAM", `{"spec":{"revocation":{"reason":"Over."}}}`),
		"remove":                               {needs: []string{mayRevoke}, do: removing(p, "active-PROGRAM")},
		"remove who is revoked":                {needs: []string{mayRevoke}, do: removing(p, "revoked-PROGRAM")},
		"remove many":                          {needs: []string{mayRevoke}, do: removingAll(p)},
		"let something else own and remove it": merge(p, "active-PROGRAM", owned, mayRevoke),
	}
}

// owned gives an object an owner that is not there, so that the garbage collector removes it.
const owned = `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"6f1e3f0a-0000-4000-8000-000000000000"}]}}`

// otherWays do the same as above by other requests.
func otherWays() map[string]operation {
	p := &v1alpha1.Partnership{}
	putting := func(what string, change func(*v1alpha1.Partnership)) func(*testing.T, client.Client, string) error {
		return func(t *testing.T, c client.Client, program string) error {
			there := &v1alpha1.Partnership{}
			if err := api.Get(t.Context(), types.NamespacedName{Namespace: acme, Name: what + program}, there); err != nil {
				return err
			}
			change(there)
			return c.Update(t.Context(), there)
		}
	}
	applying := func(spec map[string]any) func(*testing.T, client.Client, string) error {
		return func(t *testing.T, c client.Client, program string) error {
			return c.Apply(t.Context(), applied("Partnership", "active-"+program, map[string]any{
				"programRef": map[string]any{"name": program}, "contact": map[string]any{"email": "active-" + program + "@people.example"},
			}, spec), client.FieldOwner("somebody"), client.ForceOwnership)
		}
	}
	return map[string]operation{
		"revoke by PUT": {needs: []string{mayRevoke}, do: putting("active-", func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })},
		"approve by PUT": {needs: []string{mayApprove}, do: putting("pending-", func(p *v1alpha1.Partnership) {
			p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
		})},
		"put what is there":           {do: putting("active-", func(*v1alpha1.Partnership) {})},
		"reinstate by a JSON patch":   patched(p, "revoked-PROGRAM", types.JSONPatchType, `[{"op":"remove","path":"/spec/revocation"}]`, mayRevoke),
		"approve by a JSON patch":     patched(p, "pending-PROGRAM", types.JSONPatchType, `[{"op":"add","path":"/spec/approval","value":{"decision":"Approved"}}]`, mayApprove),
		"revoke by server-side apply": {needs: []string{mayRevoke}, do: applying(map[string]any{"revocation": map[string]any{"reason": "Over."}})},
		"move by server-side apply":   {needs: []string{mayApprove}, do: applying(map[string]any{"groupRef": map[string]any{"name": "gold-referral"}})},
		"apply what is there":         {do: applying(nil)},
		"invite by server-side apply": {needs: []string{mayInvite}, do: applyInvite},
	}
}

func applyInvite(t *testing.T, c client.Client, program string) error {
	return c.Apply(t.Context(), applied("PartnerInvite", "new", map[string]any{
		"contact": map[string]any{"email": "new@people.example"}, "programs": []any{map[string]any{"name": program}},
	}, nil), client.FieldOwner("somebody"))
}

// linkOf is a new link of a partner in a program.
func linkOf(program string, says ...string) *v1alpha1.PartnerLink {
	l := &v1alpha1.PartnerLink{ObjectMeta: namespaced("new"), Spec: v1alpha1.PartnerLinkSpec{
		PartnershipRef: v1alpha1.PartnershipReference{Name: "active-" + program}, Destination: "https://acme.example/",
	}}
	for _, name := range says {
		l.Spec.ProgramRef = &v1alpha1.ProgramReference{Name: name}
	}
	return l
}

// operationsOnLinks take one of two verbs on the program that the link follows.
func operationsOnLinks() map[string]operation {
	link := &v1alpha1.PartnerLink{}
	const its = "link-PROGRAM"
	needs := []string{mayApprove, mayRevoke}
	by := func(do func(*testing.T, client.Client, string) error) operation {
		return operation{needs: needs, any: true, do: do}
	}
	changing := func(patch string) operation { return merge(link, its, patch, needs...).or() }
	return map[string]operation{
		"make a link": by(func(t *testing.T, c client.Client, program string) error {
			return c.Create(t.Context(), linkOf(program, program))
		}),
		"make a link under a generated name": by(func(t *testing.T, c client.Client, program string) error {
			l := linkOf(program, program)
			l.Name, l.GenerateName = "", "new-"
			return c.Create(t.Context(), l)
		}),
		"make a link by server-side apply": by(func(t *testing.T, c client.Client, program string) error {
			return c.Apply(t.Context(), applied("PartnerLink", "new", map[string]any{
				"partnershipRef": map[string]any{"name": "active-" + program}, "programRef": map[string]any{"name": program},
			}, nil), client.FieldOwner("somebody"))
		}),
		"lead a link elsewhere":                 changing(`{"spec":{"destination":"https://acme.example/other"}}`),
		"lead a link where the program does":    changing(`{"spec":{"destination":null}}`),
		"lead a link elsewhere by a JSON patch": patched(link, its, types.JSONPatchType, `[{"op":"replace","path":"/spec/destination","value":"https://acme.example/other"}]`, needs...).or(),
		"lead a link elsewhere by PUT": by(func(t *testing.T, c client.Client, program string) error {
			there := get(t, &v1alpha1.PartnerLink{ObjectMeta: namespaced("link-" + program)})
			there.Spec.Destination = "https://acme.example/other"
			return c.Update(t.Context(), there)
		}),
		"lead a link elsewhere by server-side apply": by(func(t *testing.T, c client.Client, program string) error {
			return c.Apply(t.Context(), applied("PartnerLink", "link-"+program, map[string]any{
				"partnershipRef": map[string]any{"name": "active-" + program}, "destination": "https://acme.example/other",
			}, nil), client.FieldOwner("somebody"), client.ForceOwnership)
		}),
		"let a link say its program": changing(`{"spec":{"programRef":{"name":"PROGRAM"}}}`),
		"remove a link":              by(removing(link, its)),
		"remove many links":          by(removingAll(link)),
		"label a link":               merge(link, its, `{"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"}}}`),
		"change nothing of a link":   merge(link, its, `{"spec":{"destination":"https://acme.example/"}}`),
	}
}

// kept gives an object a finalizer, so that it stays when it is deleted.
const kept = `{"metadata":{"finalizers":["partners.acme.example/mine"]}}`

// operationsOnMetadata are about what of metadata decides, of each kind.
func operationsOnMetadata() map[string]operation {
	all := map[string]operation{}
	for kind, of := range map[string]struct {
		one   client.Object
		its   string
		made  func(program string) client.Object
		needs []string // to end it
		make  []string // besides, to make one
		any   bool
	}{
		"a program": {&v1alpha1.Program{}, "PROGRAM", func(program string) client.Object {
			return &v1alpha1.Program{ObjectMeta: namespaced(program), Spec: v1alpha1.ProgramSpec{DisplayName: "Again"}}
		}, []string{mayRevoke}, []string{mayApprove}, false},
		"a group": {&v1alpha1.PartnerGroup{}, "gold-PROGRAM", func(program string) client.Object {
			return &v1alpha1.PartnerGroup{ObjectMeta: namespaced("new"), Spec: groupOf(program)}
		}, []string{mayApprove}, nil, false},
		"an invite": {&v1alpha1.PartnerInvite{}, "invite-PROGRAM", func(program string) client.Object {
			return &v1alpha1.PartnerInvite{ObjectMeta: namespaced("new"), Spec: inviteInto("new@people.example", program)}
		}, []string{mayInvite}, nil, false},
		"a partnership": {&v1alpha1.Partnership{}, "active-PROGRAM", func(program string) client.Object {
			return partner(namespaced("new"), program, func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend })
		}, []string{mayRevoke}, []string{mayInvite}, false},
		"a link": {&v1alpha1.PartnerLink{}, "link-PROGRAM", func(program string) client.Object { return linkOf(program, program) }, []string{mayApprove, mayRevoke}, nil, true},
	} {
		making := func(change func(client.Object)) operation {
			return operation{needs: append(slices.Clone(of.make), of.needs...), any: of.any, do: func(t *testing.T, c client.Client, program string) error {
				object := of.made(program)
				change(object)
				return c.Create(t.Context(), object)
			}}
		}
		changing := func(patch string) operation {
			op := merge(of.one, of.its, patch, of.needs...)
			op.any = of.any
			return op
		}
		all["keep "+kind+" from going"] = changing(kept)
		all["keep "+kind+" from going by server-side apply"] = operation{needs: of.needs, any: of.any, do: func(t *testing.T, c client.Client, program string) error {
			gvk, err := c.GroupVersionKindFor(of.one)
			if err != nil {
				return err
			}
			return c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: map[string]any{
				"apiVersion": v1alpha1.GroupVersion.String(), "kind": gvk.Kind, "metadata": map[string]any{
					"namespace": acme, "name": strings.ReplaceAll(of.its, "PROGRAM", program), "finalizers": []any{"partners.acme.example/mine"},
				},
			}}), client.FieldOwner("somebody"), client.ForceOwnership)
		}}
		all["make "+kind+" that does not go"] = making(func(o client.Object) { o.SetFinalizers([]string{"partners.acme.example/mine"}) })
		if kind != "an invite" { // that takes the verb on all programs
			all["let something own "+kind] = changing(owned)
			all["make "+kind+" that something owns"] = making(func(o client.Object) {
				o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "gone", UID: "6f1e3f0a-0000-4000-8000-000000000000"}})
			})
		}
		all["sign out by "+kind] = changing(`{"metadata":{"annotations":{"partner-operator.io/sign-out-requested-at":"now"}}}`)
	}
	return all
}

func operationsOnPrograms() map[string]operation {
	program, group := &v1alpha1.Program{}, &v1alpha1.PartnerGroup{}
	making := func(object func(program string) client.Object) func(*testing.T, client.Client, string) error {
		return func(t *testing.T, c client.Client, program string) error {
			return c.Create(t.Context(), object(program))
		}
	}
	return map[string]operation{
		"make a program": {needs: []string{mayApprove}, do: making(func(name string) client.Object {
			return &v1alpha1.Program{ObjectMeta: namespaced(name), Spec: v1alpha1.ProgramSpec{DisplayName: "Again"}}
		})},
		"let applicants in":         merge(program, "PROGRAM", `{"spec":{"onboarding":{"applicants":"Automatic"}}}`, mayApprove),
		"move everybody":            merge(program, "PROGRAM", `{"spec":{"defaultGroupRef":{"name":"gold-PROGRAM"}}}`, mayApprove),
		"suspend a program":         merge(program, "PROGRAM", `{"spec":{"suspend":true}}`, mayRevoke),
		"say again that it goes on": merge(program, "PROGRAM", `{"spec":{"suspend":false}}`),
		"rename a program":          merge(program, "PROGRAM", `{"spec":{"displayName":"Else"}}`),
		"remove a program":          {needs: []string{mayRevoke}, do: removing(program, "PROGRAM")},
		"let something remove it":   merge(program, "PROGRAM", owned, mayRevoke),

		"make a group": {needs: []string{mayApprove}, do: making(func(program string) client.Object {
			return &v1alpha1.PartnerGroup{ObjectMeta: namespaced("new"), Spec: groupOf(program)}
		})},
		"make an open group": {needs: []string{mayApprove, mayInvite}, do: making(func(program string) client.Object {
			return &v1alpha1.PartnerGroup{ObjectMeta: namespaced("new"), Spec: openGroupOf(program)}
		})},
		"open a group":               merge(group, "gold-PROGRAM", `{"spec":{"join":{"mode":"Open"}}}`, mayApprove, mayInvite),
		"let in who applies":         merge(group, "open-PROGRAM", `{"spec":{"join":{"approval":"Automatic"}}}`, mayApprove, mayInvite),
		"change a join link":         merge(group, "open-PROGRAM", `{"spec":{"join":{"rotation":"2"}}}`, mayApprove, mayInvite),
		"close a group":              merge(group, "open-PROGRAM", `{"spec":{"join":{"mode":"Closed"}}}`, mayApprove),
		"rename an open group":       merge(group, "open-PROGRAM", `{"spec":{"displayName":"Else"}}`, mayApprove),
		"remove a group":             {needs: []string{mayApprove}, do: removing(group, "gold-PROGRAM")},
		"remove many groups":         {needs: []string{mayApprove}, do: removingAll(group)},
		"label a group":              merge(group, "open-PROGRAM", `{"metadata":{"labels":{"a":"b"}}}`),
		"let something remove group": merge(group, "gold-PROGRAM", owned, mayApprove),
	}
}
