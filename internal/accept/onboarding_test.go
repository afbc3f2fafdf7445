package accept

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

const email = "Ada@example.com"

// newStepFor is a step in a cluster of these objects, with the program referral.
func newStepFor(t *testing.T, policy v1alpha1.OnboardingPolicy, funcs interceptor.Funcs, objects ...client.Object) *Step {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.PartnerInvite{}, &v1alpha1.Partnership{}, &v1alpha1.PartnerTeam{})
	if err := lookup.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	referral := &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral"}, Status: v1alpha1.ProgramStatus{NameSalt: nameSalt}}
	referral.Spec.Onboarding.Invited = policy
	c := builder.WithObjects(append(objects, referral)...).WithInterceptorFuncs(funcs).Build()
	return &Step{Client: c, Live: c, Events: events.NewFakeRecorder(8), Now: func() time.Time { return start }}
}

// nameSalt is the salt of all programs.
const nameSalt = "mfrggzdfmztwq2lknnwg23tpob"

// namesOf are the names that a partnership of a person can have.
func namesOf(email, program string) []string {
	return partnership.Names(v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: program}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)},
	}, nameSalt)
}

// openInvite is an invite into referral that was mailed.
func openInvite() *v1alpha1.PartnerInvite {
	expiry := metav1.NewTime(start.Add(time.Hour))
	return &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada-invitation", UID: "uid-of-the-invite"},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: email}},
		Status:     v1alpha1.PartnerInviteStatus{Serial: 1, ExpiryTime: &expiry, Programs: []v1alpha1.ProgramGrant{{Name: "referral"}}},
	}
}

// declared is a partnership of the person that the company made.
func declared(change func(*v1alpha1.PartnershipSpec)) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid-of-the-partnership"},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "ada@example.com"},
		},
	}
	change(&p.Spec)
	return p
}

func toBeInvited(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend }

// madeFor is an open invite that was made for a partnership.
func madeFor(p *v1alpha1.Partnership) *v1alpha1.PartnerInvite {
	i := openInvite()
	i.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(p, v1alpha1.GroupVersion.WithKind("Partnership"))}
	return i
}

func (s *Step) accept(t *testing.T, i *v1alpha1.PartnerInvite) (*v1alpha1.PartnerInvite, error) {
	t.Helper()
	return s.Answer(t.Context(), client.ObjectKeyFromObject(i), string(i.UID), 1, Reply{Decision: v1alpha1.DecisionAccepted})
}

// states are the names and states of the partnerships there are.
func (s *Step) states(t *testing.T) map[string]v1alpha1.PartnershipState {
	t.Helper()
	var list v1alpha1.PartnershipList
	if err := s.Client.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]v1alpha1.PartnershipState{}
	for i := range list.Items {
		found[list.Items[i].Name] = partnership.State(&list.Items[i], list.Items, start)
	}
	return found
}

func TestWhatAcceptingLeadsTo(t *testing.T) {
	const automatic, approval = v1alpha1.OnboardingAutomatic, v1alpha1.OnboardingApproval
	made := namesOf(email, "referral")[0]
	invited, granted := declared(toBeInvited), declared(func(*v1alpha1.PartnershipSpec) {})
	namesake := declared(toBeInvited)
	namesake.Name = made
	for name, test := range map[string]struct {
		policy   v1alpha1.OnboardingPolicy
		existing *v1alpha1.Partnership
		invite   *v1alpha1.PartnerInvite
		want     map[string]v1alpha1.PartnershipState
	}{
		"a new partner":                       {automatic, nil, openInvite(), map[string]v1alpha1.PartnershipState{made: v1alpha1.PartnershipActive}},
		"a new partner, to be approved":       {approval, nil, openInvite(), map[string]v1alpha1.PartnershipState{made: v1alpha1.PartnershipPending}},
		"who was invited":                     {automatic, invited, madeFor(invited), map[string]v1alpha1.PartnershipState{"ada": v1alpha1.PartnershipActive}},
		"who was invited, to be approved":     {approval, invited, madeFor(invited), map[string]v1alpha1.PartnershipState{"ada": v1alpha1.PartnershipPending}},
		"who was invited, by another invite":  {approval, invited, openInvite(), map[string]v1alpha1.PartnershipState{"ada": v1alpha1.PartnershipPending}},
		"whose name is that of a new one":     {automatic, namesake, openInvite(), map[string]v1alpha1.PartnershipState{made: v1alpha1.PartnershipActive}},
		"a partner, and the policy is strict": {approval, granted, openInvite(), map[string]v1alpha1.PartnershipState{"ada": v1alpha1.PartnershipActive}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{test.invite}
			if test.existing != nil {
				objects = append(objects, test.existing.DeepCopy())
			}
			s := newStepFor(t, test.policy, interceptor.Funcs{}, objects...)
			answered, err := s.accept(t, test.invite)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.states(t)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if refs := answered.Status.PartnershipRefs; len(refs) != 1 || test.want[refs[0].Name] == "" {
				t.Errorf("the invite names %v", refs)
			}
			if err := s.Finish(t.Context(), answered); err != nil {
				t.Errorf("to finish once more: %v", err)
			}
			if diff := cmp.Diff(test.want, s.states(t)); diff != "" {
				t.Errorf("to finish once more changes (-want +got):\n%s", diff)
			}
		})
	}
}

// The company changes its partnership in the very moment in which the person accepts.
func TestAcceptingLosesNoRace(t *testing.T) {
	p := declared(toBeInvited)
	i := madeFor(p)
	raced := false
	s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, object client.Object, o ...client.SubResourceUpdateOption) error {
			if there, ok := object.(*v1alpha1.Partnership); ok && !raced {
				raced = true
				fresh := &v1alpha1.Partnership{}
				if err := c.Get(ctx, client.ObjectKeyFromObject(there), fresh); err != nil {
					return err
				}
				fresh.Spec.Stage = "Prospect"
				if err := c.Update(ctx, fresh); err != nil {
					return err
				}
			}
			return c.SubResource(sub).Update(ctx, object, o...)
		},
	}, p, i)
	if _, err := s.accept(t, i); err != nil {
		t.Fatal(err)
	}
	if !raced {
		t.Fatal("nothing raced")
	}
	after := &v1alpha1.Partnership{}
	if err := s.Client.Get(t.Context(), client.ObjectKeyFromObject(p), after); err != nil {
		t.Fatal(err)
	}
	if after.Spec.Stage != "Prospect" || after.Status.Acceptance == nil || after.Status.Acceptance.InviteRef.Name != i.Name {
		t.Errorf("it says %q and %+v", after.Spec.Stage, after.Status.Acceptance)
	}
}

// An invite goes with the partnership that it was made for, and does not bring it back.
func TestAcceptingBringsNothingBack(t *testing.T) {
	p := declared(toBeInvited)
	i := madeFor(p)
	s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, i)
	_, err := s.accept(t, i)
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Openness != invite.Gone {
		t.Errorf("the answer is %v", err)
	}

	// The person was quicker, and the process died; then the company removed the partnership.
	accepted := madeFor(p)
	accepted.Status.Acceptance = &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionAccepted, Time: metav1.NewTime(start)}
	s = newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, accepted)
	if err := s.Finish(t.Context(), accepted); err != nil {
		t.Fatal(err)
	}
	if states := s.states(t); len(states) > 0 {
		t.Errorf("there are %v", states)
	}

	// It is removed while its acceptance is written.
	s = newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, object client.Object, o ...client.SubResourceUpdateOption) error {
			if _, ok := object.(*v1alpha1.Partnership); ok {
				return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("partnerships").GroupResource(), object.GetName())
			}
			return c.SubResource(sub).Update(ctx, object, o...)
		},
	}, p, madeFor(p))
	if _, err := s.accept(t, i); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]v1alpha1.PartnershipState{"ada": v1alpha1.PartnershipInvited}, s.states(t)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// The cache has not seen the partnership yet that the company has just made, of the very name that accepting would give.
func TestAcceptingFindsWhatTheCacheHasNotSeen(t *testing.T) {
	p := declared(toBeInvited)
	p.Name = namesOf(email, "referral")[0]
	i := openInvite()
	s := newStepFor(t, v1alpha1.OnboardingApproval, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if _, ok := list.(*v1alpha1.PartnershipList); ok && len(o) > 0 {
				return nil
			}
			return c.List(ctx, list, o...)
		},
	}, p, i)
	answered, err := s.accept(t, i)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]v1alpha1.PartnershipState{p.Name: v1alpha1.PartnershipPending}, s.states(t)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if refs := answered.Status.PartnershipRefs; len(refs) != 1 || refs[0].Name != p.Name {
		t.Errorf("the invite names %v", refs)
	}
}
