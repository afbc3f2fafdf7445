package accept

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

// inTheWay are partnerships of other people under names that somebody else's could have.
func inTheWay(names ...string) (objects []client.Object) {
	for _, name := range names {
		p := declared(func(s *v1alpha1.PartnershipSpec) { s.Contact.Email = "vera@example.com" })
		p.Name, p.UID = name, ""
		objects = append(objects, p)
	}
	return objects
}

func TestAcceptingTakesAnotherNameIfOneIsTaken(t *testing.T) {
	names := namesOf(email, "referral")
	for taken := range 3 {
		i := openInvite()
		s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, append(inTheWay(names[:taken]...), i)...)
		answered, err := s.accept(t, i)
		if err != nil {
			t.Fatal(err)
		}
		want := []v1alpha1.PartnershipReference{{Name: names[taken]}}
		if !slices.Equal(answered.Status.PartnershipRefs, want) || s.states(t)[names[taken]] != v1alpha1.PartnershipActive {
			t.Errorf("with %d names taken the invite names %v, and there are %v", taken, answered.Status.PartnershipRefs, s.states(t))
		}
		if err := s.Finish(t.Context(), answered); err != nil || len(s.states(t)) != taken+1 {
			t.Errorf("to finish once more: %v; there are %v", err, s.states(t))
		}
	}
}

func TestAcceptingTellsWhatIsInTheWay(t *testing.T) {
	names := namesOf(email, "referral")
	i := openInvite()
	s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, append(inTheWay(names...), i)...)
	_, err := s.accept(t, i)
	var obstacle *Obstacle
	if !errors.As(err, &obstacle) || obstacle.Reason != v1alpha1.ReasonNameTaken {
		t.Fatalf("the answer is %v", err)
	}
	for _, text := range append(names, "another name") {
		if !strings.Contains(obstacle.Message, text) {
			t.Errorf("%q does not tell of %s", obstacle.Message, text)
		}
	}
	if strings.Contains(obstacle.Message, "example") {
		t.Errorf("%q tells an address", obstacle.Message)
	}
	if err := s.Client.Delete(t.Context(), inTheWay(names[1])[0]); err != nil {
		t.Fatal(err)
	}
	recorded := &v1alpha1.PartnerInvite{}
	if err := s.Live.Get(t.Context(), client.ObjectKeyFromObject(i), recorded); err != nil || recorded.Status.Acceptance == nil {
		t.Fatalf("the answer is not recorded: %v", err)
	}
	if err := s.Finish(t.Context(), recorded); err != nil || s.states(t)[names[1]] != v1alpha1.PartnershipActive {
		t.Errorf("once a name is free: %v; there are %v", err, s.states(t))
	}
}

// Without the salt of the program nothing is made, under no name that others could compute.
func TestAcceptingWaitsForTheSalt(t *testing.T) {
	i := openInvite()
	s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, i)
	unsalted := &v1alpha1.Program{}
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "referral"}, unsalted); err != nil {
		t.Fatal(err)
	}
	unsalted.Status.NameSalt = ""
	if err := s.Client.Update(t.Context(), unsalted); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accept(t, i); !errors.Is(err, lookup.ErrNoNameSalt) || len(s.states(t)) > 0 {
		t.Errorf("the answer is %v, and there are %v", err, s.states(t))
	}
}

// A program that lost its status, as after a restore, has another salt: what is there is found by its address.
func TestAnotherSaltMakesNothingTwice(t *testing.T) {
	i := openInvite()
	s := newStepFor(t, v1alpha1.OnboardingAutomatic, interceptor.Funcs{}, i)
	if _, err := s.accept(t, i); err != nil {
		t.Fatal(err)
	}
	resalted := &v1alpha1.Program{}
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "referral"}, resalted); err != nil {
		t.Fatal(err)
	}
	resalted.Status.NameSalt = "another"
	if err := s.Client.Update(t.Context(), resalted); err != nil {
		t.Fatal(err)
	}
	again := openInvite()
	again.Name, again.UID = "again", "uid-of-another-invite"
	if err := s.Client.Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accept(t, again); err != nil {
		t.Fatal(err)
	}
	if states := s.states(t); len(states) != 1 || states[namesOf(email, "referral")[0]] != v1alpha1.PartnershipActive {
		t.Errorf("there are %v", states)
	}
}
