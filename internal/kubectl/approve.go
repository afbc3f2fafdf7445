package kubectl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// ApproveOptions tell how to approve a partner.
type ApproveOptions struct {
	// Group is the group to approve into; empty: the one that is there.
	Group string
	// Note is for people; it is not mailed.
	Note string
	// Team is the PartnerTeam that an applicant is to join instead; empty: none.
	Team string
}

// Approve makes a partner of somebody who waits for the company's decision, or whom the company rejected before.
func Approve(ctx context.Context, d Desk, p *v1alpha1.Partnership, o ApproveOptions) (Outcome, error) {
	switch p.Status.State {
	case v1alpha1.PartnershipActive:
		return nothingToDo(p, "it is Active already")
	case v1alpha1.PartnershipRevoked:
		return Outcome{}, errors.New("is Revoked; reinstate it instead")
	case v1alpha1.PartnershipExpired, v1alpha1.PartnershipConflict:
		return Outcome{}, fmt.Errorf("is %s; kubectl partner describe %s tells why", p.Status.State, p.Name)
	default:
	}
	if o.Group != "" {
		if err := groupFits(ctx, d, p, o.Group); err != nil {
			return Outcome{}, err
		}
	}
	approval := &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved, Note: o.Note}
	if o.Team != "" {
		if err := teamExists(ctx, d, o.Team); err != nil {
			return Outcome{}, err
		}
		approval.JoinTeamRef = &v1alpha1.TeamReference{Name: o.Team}
	}
	return change(ctx, d, p, "approved", func(p *v1alpha1.Partnership) {
		p.Spec.Approval = approval
		if o.Group != "" {
			p.Spec.GroupRef = &v1alpha1.GroupReference{Name: o.Group}
		}
	})
}

// Reject decides against a partner. The note is mailed.
func Reject(ctx context.Context, d Desk, p *v1alpha1.Partnership, note string) (Outcome, error) {
	switch p.Status.State {
	case v1alpha1.PartnershipRevoked:
		return nothingToDo(p, "it is Revoked already")
	case v1alpha1.PartnershipConflict:
		return Outcome{}, fmt.Errorf("is Conflict; kubectl partner describe %s tells why", p.Name)
	default:
	}
	if a := p.Spec.Approval; a != nil && a.Decision == v1alpha1.ApprovalRejected && note == "" {
		return nothingToDo(p, "it is rejected already")
	}
	return change(ctx, d, p, "rejected", func(p *v1alpha1.Partnership) {
		p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected, Note: note}
	})
}

// groupFits tells whether a partner can be in a group; the operator would keep them in the one before otherwise.
func groupFits(ctx context.Context, d Desk, p *v1alpha1.Partnership, name string) error {
	var group v1alpha1.PartnerGroup
	if err := d.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: name}, &group); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return fmt.Errorf("PartnerGroup %q does not exist; kubectl get pgroup shows those there are", name)
		}
		return err
	}
	if group.Spec.ProgramRef != p.Spec.ProgramRef {
		return fmt.Errorf("PartnerGroup %q belongs to program %q, and the partner is in %q", name, group.Spec.ProgramRef.Name, p.Spec.ProgramRef.Name)
	}
	return nil
}

// carriedOut tells that the operator has seen the latest spec, and that the state is one of those.
func carriedOut(states ...v1alpha1.PartnershipState) func(*v1alpha1.Partnership) (bool, error) {
	return func(p *v1alpha1.Partnership) (bool, error) {
		if p.Status.ObservedGeneration < p.Generation {
			return false, nil
		}
		for _, state := range states {
			if p.Status.State == state {
				return true, nil
			}
		}
		return false, nil
	}
}

// approved tells that an approval has taken effect. Who is sent on to a team stays Pending.
func approved(p *v1alpha1.Partnership) (bool, error) {
	if a := p.Spec.Approval; a != nil && a.JoinTeamRef != nil {
		return carriedOut(v1alpha1.PartnershipPending)(p)
	}
	return carriedOut(v1alpha1.PartnershipActive, v1alpha1.PartnershipInvited)(p)
}

func newApprove(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var o ApproveOptions
	b := &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: commitInstead, writing: newWriting(),
		act: func(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
			return Approve(ctx, d, p, o)
		},
		settled: approved,
	}
	command := &cobra.Command{
		Use:   "approve (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "Make partners of people who wait for approval",
		Long: `Approve partners who are Pending or Rejected. Each gets one mail. One who was invited and has not answered yet is
approved ahead. With plain kubectl: set spec.approval.decision to Approved, and joinTeamRef for
--join-team.`,
		Example: `  # one partner, into another group than the one applied for
  kubectl partner approve ada-5e1ba3e5 --group gold

  # an applicant who belongs to a partner's team; its owner and admins are asked
  kubectl partner approve carl@agency.example --join-team agency

  # everybody who waits
  kubectl partner list applications -o name | kubectl partner approve -f -`,
		RunE: func(command *cobra.Command, args []string) error { return b.run(command.Context(), c, streams, args) },
	}
	b.addFlags(command, c)
	command.Flags().StringVar(&o.Group, "group", "", "group to approve into; unset: the one they have")
	command.Flags().StringVar(&o.Note, "note", "", "remark for people; it is not mailed")
	command.Flags().StringVar(&o.Team, "join-team", "", "team that an applicant is to join instead of being a partner in their own right; the team decides")
	completeWith(command, "group", completeNames(c, groups))
	completeWith(command, "join-team", completeNames(c, teams))
	return command
}

func newReject(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var note string
	b := &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: commitInstead, writing: newWriting(),
		act: func(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
			return Reject(ctx, d, p, note)
		},
		settled: carriedOut(v1alpha1.PartnershipRejected),
	}
	command := &cobra.Command{
		Use:   "reject (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "Decide against partners",
		Long: `Reject partners. Each who waits or is Active gets one mail with the note. Approving later is possible. With plain kubectl:
set spec.approval to decision Rejected and a note.`,
		Example: `  kubectl partner reject eve@example.com --note 'We work in Europe only.'`,
		RunE:    func(command *cobra.Command, args []string) error { return b.run(command.Context(), c, streams, args) },
	}
	b.addFlags(command, c)
	command.Flags().StringVar(&note, "note", "", "why; it is mailed")
	return command
}
