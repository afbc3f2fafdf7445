package accept

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/team"
)

// teamOpenInvite is openInvite of a new team.
func teamOpenInvite() *v1alpha1.PartnerInvite {
	i := openInvite()
	i.Spec.Team = &v1alpha1.NewTeam{Name: "agency", Members: []v1alpha1.ProposedMember{{Email: "bob@agency.example"}, {Email: "eve@agency.example"}}}
	return i
}

var agencyKey = client.ObjectKey{Namespace: "acme", Name: "agency"}

// Every write of accepting for a new team fails once; made again, it is as if nothing had failed.
func TestFoundingATeamIsFinishedFromAnywhere(t *testing.T) {
	for at := range 5 {
		t.Run(fmt.Sprintf("write %d fails", at), func(t *testing.T) {
			i, writes := teamOpenInvite(), 0
			broken := errors.New("the API server is away")
			fails := func() bool { writes++; return writes-1 == at }
			s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{
				Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
					if fails() {
						return broken
					}
					return c.Create(ctx, o, options...)
				},
				SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, options ...client.SubResourceUpdateOption) error {
					if fails() {
						return broken
					}
					return c.SubResource(sub).Update(ctx, o, options...)
				},
			}, i)
			reply := Reply{Decision: v1alpha1.DecisionAccepted, Approved: []string{"BOB@agency.example"}}
			answered, err := s.Answer(t.Context(), client.ObjectKeyFromObject(i), string(i.UID), 1, reply)
			fresh := &v1alpha1.PartnerInvite{}
			if err := s.Live.Get(t.Context(), client.ObjectKeyFromObject(i), fresh); err != nil {
				t.Fatal(err)
			}
			switch {
			case err != nil && fresh.Status.Acceptance == nil: // the person tries again
				_, err = s.Answer(t.Context(), client.ObjectKeyFromObject(i), string(i.UID), 1, reply)
			case err != nil: // the controller finishes
				err = s.Finish(t.Context(), fresh)
			default:
				err = s.Finish(t.Context(), answered)
			}
			if err != nil {
				t.Fatal(err)
			}
			there := &v1alpha1.PartnerTeam{}
			if err := s.Live.Get(t.Context(), agencyKey, there); err != nil {
				t.Fatal(err)
			}
			bob := team.Member(there, "bob@agency.example")
			if bob == nil || bob.State != v1alpha1.MemberInvited || team.Member(there, "eve@agency.example") != nil || !team.Can(there, email, team.HandOver) {
				t.Errorf("the people are %+v", there.Status.Members)
			}
			if states := s.states(t); len(states) != 1 || states["agency-referral"] != v1alpha1.PartnershipActive {
				t.Errorf("the partnerships are %v", states)
			}
		})
	}
}

// Nor is one that somebody marks as made for the invite: its first owner cannot be changed.
func TestATeamOfSomebodyElseIsNotTakenOver(t *testing.T) {
	i := teamOpenInvite()
	for name, marks := range map[string]map[string]string{"plain": nil, "marked": {invite.TeamAnnotation: string(i.UID)}} {
		t.Run(name, func(t *testing.T) {
			other := &v1alpha1.PartnerTeam{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "agency", Annotations: marks},
				Spec:       v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "other@agency.example"}},
			}
			s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, i.DeepCopy(), other)
			_, err := s.accept(t, i)
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Openness != invite.Refused {
				t.Errorf("the answer is %v", err)
			}
			if states := s.states(t); len(states) > 0 {
				t.Errorf("there are %v", states)
			}
		})
	}
}

// silence hears no events.
type silence struct{}

func (silence) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}

// Many change one team at once, from two processes.
func TestACrowdLosesNobody(t *testing.T) {
	there := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "agency", UID: "uid"}, Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: email}}}
	first := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, there)
	second := &Step{Client: first.Client, Live: first.Live, Events: first.Events, Now: first.Now}
	first.Events, second.Events = silence{}, silence{}
	var group sync.WaitGroup
	for n := range 40 {
		s := first
		if n%2 == 1 {
			s = second
		}
		group.Go(func() {
			_, err := s.ChangeTeam(t.Context(), agencyKey, "uid", func(a *v1alpha1.PartnerTeam) error {
				if outcome := team.Propose(a, team.Person{Email: v1alpha1.EmailAddress(fmt.Sprintf("p%d@agency.example", n)), Role: v1alpha1.RoleMember, Invite: &v1alpha1.ProposalReference{Name: "many"}}, first.Now()); outcome != team.Added {
					return fmt.Errorf("p%d is %s", n, outcome)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	after := &v1alpha1.PartnerTeam{}
	if err := first.Live.Get(t.Context(), agencyKey, after); err != nil {
		t.Fatal(err)
	}
	if len(after.Status.Members) != 41 {
		t.Errorf("there are %d members", len(after.Status.Members))
	}
	if _, err := first.ChangeTeam(t.Context(), agencyKey, "another", func(*v1alpha1.PartnerTeam) error { return nil }); err == nil {
		t.Error("a team of the same name is changed in its place")
	}
}
