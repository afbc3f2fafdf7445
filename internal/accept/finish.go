package accept

import (
	"context"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/form"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Finish creates the team and the partnerships of an accepted invite that do not exist yet, each with the answers to what its own
// group asks, notes in the others that the person accepted, and records that all is done. It can be called again and from
// several places at once.
func (s *Step) Finish(ctx context.Context, accepted *v1alpha1.PartnerInvite) error {
	if accepted.Spec.Team != nil {
		if err := s.found(ctx, accepted); err != nil {
			return err
		}
	}
	existing, err := lookup.PartnershipsFor(ctx, s.Client, accepted)
	if err != nil {
		return err
	}
	catalog, err := lookup.Catalog(ctx, s.Client, accepted.Namespace)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(accepted.Status.Programs))
	for _, grant := range accepted.Status.Programs {
		name, err := s.join(ctx, accepted, grant, partnership.InProgram(existing, grant.Name), catalog)
		if err != nil {
			return err
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return s.recordFinished(ctx, accepted, names)
}

// policyOf is what accepting an invite into a program leads to.
func policyOf(catalog program.Catalog, name string) v1alpha1.OnboardingPolicy {
	if p := catalog.Programs[name]; p != nil && p.Spec.Onboarding.Invited == v1alpha1.OnboardingApproval {
		return v1alpha1.OnboardingApproval
	}
	return v1alpha1.OnboardingAutomatic
}

// join makes the person a partner in one program, and gives the name of the partnership. Nothing: there is none, since
// the invite was made for a partnership that has been deleted, and must not bring it back.
func (s *Step) join(
	ctx context.Context, accepted *v1alpha1.PartnerInvite, grant v1alpha1.ProgramGrant, existing *v1alpha1.Partnership, catalog program.Catalog,
) (string, error) {
	policy := policyOf(catalog, grant.Name)
	if existing != nil {
		err := s.recordAcceptance(ctx, existing, accepted, policy)
		if !apierrors.IsNotFound(err) {
			return existing.Name, err
		}
	}
	if partnership.MadeForPartnership(accepted) {
		return "", nil
	}
	return s.create(ctx, newPartnership(accepted, grant, catalog), catalog, accepted, policy)
}

// recordAcceptance notes in a partnership that the person accepted, unless that is known.
func (s *Step) recordAcceptance(ctx context.Context, p *v1alpha1.Partnership, accepted *v1alpha1.PartnerInvite, policy v1alpha1.OnboardingPolicy) error {
	uid, first := p.UID, true
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if !first {
			if err := s.Live.Get(ctx, client.ObjectKeyFromObject(p), p); err != nil {
				return err
			}
			if p.UID != uid {
				return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("partnerships").GroupResource(), p.Name)
			}
		}
		first = false
		if !partnership.Accepted(p, accepted.Name, policy, accepted.Status.Acceptance.Time.Time) {
			return nil
		}
		return s.Client.Status().Update(ctx, p)
	})
}

// create makes the partnership of one grant, or finds the one that another process has just made.
func (s *Step) create(ctx context.Context, wanted *v1alpha1.Partnership, catalog program.Catalog, accepted *v1alpha1.PartnerInvite, policy v1alpha1.OnboardingPolicy) (string, error) {
	there, made, err := Create(ctx, s.Client, s.Live, wanted, catalog)
	if err != nil {
		return "", err
	}
	if made {
		return there.Name, nil
	}
	return there.Name, s.recordAcceptance(ctx, there, accepted, policy)
}

// Create makes a partnership under the first of its names that is not another partner's. It returns the partnership of the
// same partner that is there already, if there is one under those names: of two that make it at once, one does. An error
// is an *Obstacle, lookup.ErrNoNameSalt, or that of the API server.
func Create(ctx context.Context, c client.Client, live client.Reader, wanted *v1alpha1.Partnership, catalog program.Catalog) (there *v1alpha1.Partnership, made bool, err error) {
	names, err := Names(wanted, catalog)
	if err != nil {
		return nil, false, err
	}
	create := func(ctx context.Context, object client.Object) error { return c.Create(ctx, object) }
	return CreateAs(ctx, create, live, wanted, names)
}

// CreateAs is Create with the names to try, and with a way to create.
func CreateAs(
	ctx context.Context, create func(context.Context, client.Object) error, live client.Reader, wanted *v1alpha1.Partnership, names []string,
) (there *v1alpha1.Partnership, made bool, err error) {
	for _, name := range names {
		wish := wanted.DeepCopy()
		wish.Name = name
		err := create(ctx, wish)
		if err == nil || !apierrors.IsAlreadyExists(err) {
			return wish, err == nil, err
		}
		there := &v1alpha1.Partnership{}
		if err := live.Get(ctx, client.ObjectKeyFromObject(wish), there); err != nil {
			return wish, false, err
		}
		if partnership.SamePartner(there, wanted) {
			return there, false, nil
		}
	}
	return nil, false, nameTaken(names)
}

// Names are those that a partnership can have. There are none before its program has a salt: other names than those which
// other processes give would let two of them make it.
func Names(p *v1alpha1.Partnership, catalog program.Catalog) ([]string, error) {
	of := p.Spec.ProgramRef.Name
	if missing := catalog.Grant(v1alpha1.ProgramGrant{Name: of}); missing != nil {
		return nil, &Obstacle{*missing}
	}
	if p.Spec.TeamRef != nil {
		return partnership.Names(p.Spec, ""), nil
	}
	if catalog.Unsalted(of) {
		return nil, lookup.ErrNoNameSalt
	}
	return partnership.Names(p.Spec, catalog.Programs[of].Status.NameSalt), nil
}

// newPartnership says itself whether it has to be approved, so that neither a later change of the policy nor the loss of
// its status decides that.
func newPartnership(accepted *v1alpha1.PartnerInvite, grant v1alpha1.ProgramGrant, catalog program.Catalog) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: accepted.Namespace,
		},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef:  v1alpha1.ProgramReference{Name: grant.Name},
			GroupRef:    grant.GroupRef,
			DisplayName: accepted.Spec.DisplayName.Copied(),
			Source:      v1alpha1.SourceInvite,
			Onboarding:  policyOf(catalog, grant.Name),

			CustomFields: maps.Clone(accepted.Spec.CustomFields),
		},
	}
	if accepted.ForTeam() {
		p.Spec.TeamRef = &v1alpha1.TeamReference{Name: accepted.TeamName()}
	} else {
		p.Spec.Contact = accepted.Spec.Contact.Copied()
	}
	if answer := accepted.Status.Acceptance; answer != nil {
		p.Spec.Application.Fields = form.Select(form.Of(grant, catalog), answer.Fields)
	}
	if len(accepted.Name) <= 63 {
		p.Labels = map[string]string{v1alpha1.InviteLabel: accepted.Name}
	}
	return p
}

// recordFinished notes the partnerships on the invite, unless somebody else already did or the invite is gone. It tries
// again whatever goes wrong: until that is noted, a partnership that the company deletes would be made anew.
func (s *Step) recordFinished(ctx context.Context, accepted *v1alpha1.PartnerInvite, names []string) error {
	first := true
	again := func(err error) bool { return !apierrors.IsNotFound(err) && ctx.Err() == nil }
	return client.IgnoreNotFound(retry.OnError(patient, again, func() error {
		if !first {
			if err := s.Live.Get(ctx, client.ObjectKeyFromObject(accepted), accepted); err != nil {
				return err
			}
		}
		first = false
		if len(accepted.Status.PartnershipRefs) > 0 {
			return nil
		}
		invite.Finished(&accepted.Status, names, s.Now())
		if accepted.ForTeam() {
			accepted.Status.TeamRef = &v1alpha1.TeamReference{Name: accepted.TeamName()}
		}
		return s.Client.Status().Update(ctx, accepted)
	}))
}
