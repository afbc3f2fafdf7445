package accept

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/event"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/team"
)

// crowded is how often, and how patiently, a change of a team is tried again when another one was faster: the people of a
// team share its status, and many may answer at once, at several replicas.
var crowded = wait.Backoff{Duration: 5 * time.Millisecond, Factor: 1.5, Jitter: 0.5, Steps: 25, Cap: 500 * time.Millisecond}

// ChangeTeam writes a fact to the status of a team, by compare-and-swap: of two at once, the second judges anew. What is
// changed at once within this process takes turns, to spare the API server the losers. The UID, if it is not empty, must
// be that of the team. People whose PartnerInvite is gone are withdrawn first. It gives the team as it is afterwards; an error of the fact is given as it is, and nothing is
// written.
func (s *Step) ChangeTeam(ctx context.Context, key client.ObjectKey, uid string, fact func(*v1alpha1.PartnerTeam) error) (*v1alpha1.PartnerTeam, error) {
	defer s.turns.Lock("team " + key.String())()
	changed := &v1alpha1.PartnerTeam{}
	err := retry.RetryOnConflict(crowded, func() error {
		*changed = v1alpha1.PartnerTeam{}
		if err := s.Live.Get(ctx, key, changed); err != nil {
			return err
		}
		if uid != "" && string(changed.UID) != uid || !changed.DeletionTimestamp.IsZero() {
			return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("partnerteams").GroupResource(), key.Name)
		}
		team.Founded(changed, s.Now())
		if changed.Status.MemberSalt == "" {
			changed.Status.MemberSalt = partnership.NewSalt()
		}
		before := changed.DeepCopy()
		gone, err := lookup.WithdrawnFrom(ctx, s.Client, s.Live, changed)
		if err != nil {
			return err
		}
		team.TakeBack(changed, gone, s.Now())
		if err := fact(changed); err != nil {
			return err
		}
		if equality.Semantic.DeepEqual(before.Status, changed.Status) {
			return nil
		}
		if err := s.Client.Status().Update(ctx, changed); err != nil {
			return err
		}
		s.tellTeam(before, changed)
		return nil
	})
	return changed, err
}

// tellTeam tells of the transitions of a team's people, with masked addresses.
func (s *Step) tellTeam(before, after *v1alpha1.PartnerTeam) {
	for _, e := range event.Together(team.Transitions(before, after)) {
		s.Events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
}

// found makes the team of an accepted invite, with the people whom the owner approved. It can be done again.
func (s *Step) found(ctx context.Context, accepted *v1alpha1.PartnerInvite) error {
	wanted := newTeam(accepted)
	key := client.ObjectKeyFromObject(wanted)
	if err := s.Client.Create(ctx, wanted); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	there := &v1alpha1.PartnerTeam{}
	if err := s.Live.Get(ctx, key, there); err != nil {
		return err
	}
	if invite.TeamTaken(accepted, there) {
		return &Obstacle{program.Unresolved{Reason: v1alpha1.ReasonTeamExists, Message: fmt.Sprintf(
			"PartnerTeam %q exists and was not made for this invite; delete it or create the partnerships of the team by hand", there.Name)}}
	}
	if missing(there, accepted) == 0 && there.Status.Owner != nil {
		return nil
	}
	_, err := s.ChangeTeam(ctx, key, string(there.UID), func(t *v1alpha1.PartnerTeam) error {
		for _, p := range invite.Approved(accepted) {
			team.Welcome(t, team.PersonOf(p, &v1alpha1.ProposalReference{Name: accepted.Name}), s.Now())
		}
		if m := team.Member(t, string(accepted.Spec.Contact.Email)); m != nil && m.LastActiveTime == nil {
			m.LastActiveTime = accepted.Status.Acceptance.Time.DeepCopy()
		}
		return nil
	})
	return err
}

// missing counts the approved people whom the team does not know yet.
func missing(t *v1alpha1.PartnerTeam, accepted *v1alpha1.PartnerInvite) (missing int) {
	for _, p := range invite.Approved(accepted) {
		if m := team.Member(t, string(p.Email)); m == nil {
			missing++
		}
	}
	return missing
}

func newTeam(accepted *v1alpha1.PartnerInvite) *v1alpha1.PartnerTeam {
	contact := accepted.Spec.Contact
	t := &v1alpha1.PartnerTeam{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: accepted.Namespace, Name: accepted.Spec.Team.Name,
			Annotations: map[string]string{invite.TeamAnnotation: string(accepted.UID)},
		},
		Spec: v1alpha1.PartnerTeamSpec{
			DisplayName: cmp.Or(v1alpha1.LineOfText(invite.TeamTitle(accepted, nil)).Copied(), v1alpha1.LineOfText(accepted.TeamName())),
			Owner:       v1alpha1.TeamOwner{Email: contact.Email, FirstName: contact.FirstName.Copied(), LastName: contact.LastName.Copied()},
		},
	}
	if len(accepted.Name) <= 63 {
		t.Labels = map[string]string{v1alpha1.InviteLabel: accepted.Name}
	}
	return t
}

// teamOf finds the team that an invite names; nil: it names none, or there is none of the name.
func (s *Step) teamOf(ctx context.Context, i *v1alpha1.PartnerInvite) (*v1alpha1.PartnerTeam, error) {
	if i.TeamName() == "" {
		return nil, nil //nolint:nilnil // no team is no error
	}
	return lookup.Team(ctx, s.Client, i.Namespace, i.TeamName())
}

// byWhom is the masked address of whom an invite was for, for events.
func byWhom(i *v1alpha1.PartnerInvite) string {
	if i.Spec.TeamRef != nil {
		return "team " + i.Spec.TeamRef.Name
	}
	return address.Mask(string(i.Spec.Contact.Email))
}
