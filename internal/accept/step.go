// Package accept carries out a person's answer to an invite. The portal and the controller share it, so that a process
// that dies half way leaves nothing undone: the portal records the answer first, by compare-and-swap, and creates the
// partnerships after; what is missing then, the controller creates.
package accept

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/program"
)

// An answer is written to the invite; partnerships and a team are made of it, and learn of it if they exist.
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites,verbs=get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerships;partnerteams,verbs=get;create
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites/status;partnerships/status;partnerteams/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

// Step answers invites.
type Step struct {
	// Client writes, and reads from the cache.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Events tells of transitions.
	Events events.EventRecorder
	// Now is the clock.
	Now func() time.Time

	turns keylock.Keys
}

// Refusal is why an answer does not count. The link is not spent by it.
type Refusal struct {
	// Openness is Gone, TooLate, Dead or Refused.
	Openness invite.Openness
}

func (r *Refusal) Error() string { return "the invite cannot be answered: " + string(r.Openness) }

// Obstacle is why an answer that counts cannot be carried out before somebody changes something in the cluster. Trying
// again before that does not help.
type Obstacle struct{ program.Unresolved }

func (o *Obstacle) Error() string { return o.Message }

// nameTaken is that other partners have all the names that a partnership could have.
func nameTaken(names []string) *Obstacle {
	return &Obstacle{program.Unresolved{Reason: v1alpha1.ReasonNameTaken, Message: fmt.Sprintf(
		"every name that the Partnership could have is another partner's: %s; delete one of those or create it anew under another name, or create the Partnership of this partner under a name of your choice",
		strings.Join(names, ", "))}}
}

// Reply is what a person answers to an invite.
type Reply struct {
	// Decision is whether they accept.
	Decision v1alpha1.InviteDecision
	// Fields are what they entered into the form, as package form lets it pass.
	Fields map[string]v1alpha1.Answer
	// Approved are the addresses of the people whom the owner of a new team approves of those proposed.
	Approved []string
	// By is who accepts an invite for an existing team: they must be its owner or an admin in the moment that counts.
	By string
}

// Answer records a person's reply to the link of this serial, and makes the person a partner if it is yes. Whoever calls
// it has checked that the link is genuine and the form filled in. It gives the invite as it is afterwards. An error is a
// *Refusal; an *Obstacle, then the answer is recorded; or the API server is at fault and the same call can be made again.
func (s *Step) Answer(ctx context.Context, key client.ObjectKey, uid string, serial int64, reply Reply) (*v1alpha1.PartnerInvite, error) {
	defer s.turns.Lock(uid)()
	answered := &v1alpha1.PartnerInvite{}
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		return s.record(ctx, key, uid, serial, reply, answered)
	})
	if err != nil {
		return nil, err
	}
	if reply.Decision != v1alpha1.DecisionAccepted {
		return answered, nil
	}
	var programs []string
	for _, grant := range answered.Status.Programs {
		programs = append(programs, grant.Name)
	}
	if err := lookup.AwaitNameSalts(ctx, s.Client, answered.Namespace, programs...); err != nil {
		return nil, err
	}
	if err := s.Finish(ctx, answered); err != nil {
		return nil, err
	}
	return answered, nil
}

// record judges a live copy of the invite and writes the answer on exactly that copy.
func (s *Step) record(ctx context.Context, key client.ObjectKey, uid string, serial int64, reply Reply, answered *v1alpha1.PartnerInvite) error {
	*answered = v1alpha1.PartnerInvite{}
	if err := s.Live.Get(ctx, key, answered); apierrors.IsNotFound(err) {
		return &Refusal{invite.Gone}
	} else if err != nil {
		return err
	}
	if string(answered.UID) != uid {
		return &Refusal{invite.Gone}
	}
	openness, err := s.Openness(ctx, answered, serial, reply.Decision)
	if err == nil && openness == invite.Open && reply.Decision == v1alpha1.DecisionAccepted {
		openness, err = s.stillLeads(ctx, answered, reply.By)
	}
	if err != nil {
		return err
	}
	if openness != invite.Open {
		return &Refusal{openness}
	}
	before := *answered.Status.DeepCopy()
	if reply.Decision == v1alpha1.DecisionAccepted {
		if err := s.choose(ctx, answered, reply.Approved); err != nil {
			return err
		}
	}
	invite.Answer(&answered.Status, reply.Decision, reply.Fields, s.Now())
	if err := s.Client.Status().Update(ctx, answered); apierrors.IsNotFound(err) {
		return &Refusal{invite.Gone}
	} else if err != nil {
		return err
	}
	if e, ok := invite.Transition(before, answered.Status, byWhom(answered)); ok {
		s.Events.Eventf(answered, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
	return nil
}

// choose notes what is accepted: the programs that the page could show, and of the people proposed for a new team those whom
// its owner approved.
func (s *Step) choose(ctx context.Context, accepted *v1alpha1.PartnerInvite, approved []string) error {
	catalog, err := lookup.Catalog(ctx, s.Client, accepted.Namespace)
	if err != nil {
		return err
	}
	accepted.Status.Programs = invite.Present(accepted.Status.Programs, catalog)
	if accepted.Spec.Team != nil {
		invite.Choose(accepted, approved)
	}
	return nil
}

// WrongAddress counts that somebody typed an address that may not answer on the page of the link of this serial, and gives
// how many these are now. An error is a *Refusal if the link cannot be answered anyway, and then nothing is counted.
func (s *Step) WrongAddress(
	ctx context.Context, key client.ObjectKey, uid string, serial int64, decision v1alpha1.InviteDecision,
) (count v1alpha1.WrongAddresses, err error) {
	defer s.turns.Lock(uid)()
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		i := &v1alpha1.PartnerInvite{}
		if err := s.Live.Get(ctx, key, i); apierrors.IsNotFound(err) {
			return &Refusal{invite.Gone}
		} else if err != nil {
			return err
		}
		if string(i.UID) != uid {
			return &Refusal{invite.Gone}
		}
		if openness, err := s.Openness(ctx, i, serial, decision); err != nil {
			return err
		} else if openness != invite.Open {
			return &Refusal{openness}
		}
		before := *i.Status.DeepCopy()
		invite.CountWrongAddress(&i.Status, s.Now())
		if err := s.Client.Status().Update(ctx, i); apierrors.IsNotFound(err) {
			return &Refusal{invite.Gone}
		} else if err != nil {
			return err
		}
		if e, ok := invite.Transition(before, i.Status, byWhom(i)); ok {
			s.Events.Eventf(i, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
		}
		count = i.Status.WrongAddresses
		return nil
	})
	return count, err
}

// Renew notes that the person wants a new link in place of the expired or dead one of this serial; a controller issues and mails
// it. It is a *Refusal if that is not possible: Gone, or Refused while a program is suspended.
func (s *Step) Renew(ctx context.Context, key client.ObjectKey, uid string, serial int64) error {
	defer s.turns.Lock(uid)()
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		i := &v1alpha1.PartnerInvite{}
		if err := s.Live.Get(ctx, key, i); apierrors.IsNotFound(err) {
			return &Refusal{invite.Gone}
		} else if err != nil {
			return err
		}
		in, err := s.Observe(ctx, i)
		if err != nil {
			return err
		}
		openness := invite.Renewal(in, serial)
		switch {
		case string(i.UID) != uid:
			return &Refusal{invite.Gone}
		case openness != invite.Open:
			return &Refusal{openness}
		case i.Status.Renewal != nil && i.Status.Renewal.Serial == serial:
			return nil
		}
		invite.Renew(&i.Status, s.Now())
		return s.Client.Status().Update(ctx, i)
	})
}

// Openness tells whether an invite can be answered with the link of this serial. To decline is possible whatever stands
// in the way of accepting.
func (s *Step) Openness(ctx context.Context, i *v1alpha1.PartnerInvite, serial int64, decision v1alpha1.InviteDecision) (invite.Openness, error) {
	in, err := s.Observe(ctx, i)
	if err != nil {
		return "", err
	}
	openness, _ := invite.Answerable(in, serial)
	if openness == invite.Refused && decision == v1alpha1.DecisionDeclined {
		openness = invite.Open
	}
	return openness, nil
}

// Observe gathers all that decides whether an invite can be answered, from the cache.
func (s *Step) Observe(ctx context.Context, i *v1alpha1.PartnerInvite) (in invite.Input, err error) {
	in = invite.Input{Invite: i, Now: s.Now()}
	if in.Catalog, err = lookup.Catalog(ctx, s.Client, i.Namespace); err != nil {
		return in, err
	}
	if in.Partnerships, err = lookup.PartnershipsFor(ctx, s.Client, i); err != nil {
		return in, err
	}
	in.Team, err = s.teamOf(ctx, i)
	return in, err
}

// stillLeads asks the API server whether who accepts for an existing team may do so now, and whether the name of a new
// one is free.
func (s *Step) stillLeads(ctx context.Context, i *v1alpha1.PartnerInvite, by string) (invite.Openness, error) {
	if i.TeamName() == "" {
		return invite.Open, nil
	}
	of, err := lookup.Team(ctx, s.Live, i.Namespace, i.TeamName())
	if err != nil || !invite.TeamTaken(i, of) && (i.Spec.TeamRef == nil || invite.MayAccept(i, of, by)) {
		return invite.Open, err
	}
	return invite.Refused, nil
}

// The policies of config/policy ask for these verbs whoever makes a partnership or a team.
// +kubebuilder:rbac:groups=partner-operator.io,resources=programs,verbs=invite;approve

// patient is for a record that must not be lost: it tries for two thirds of a second.
var patient = wait.Backoff{Duration: 20 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 6}
