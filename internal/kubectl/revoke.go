package kubectl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Revoke ends a partner's access with the next request. One that is revoked stays as it is.
func Revoke(ctx context.Context, d Desk, p *v1alpha1.Partnership, r v1alpha1.Revocation) (Outcome, error) {
	if p.Spec.Revocation != nil {
		return nothingToDo(p, "it is revoked already")
	}
	return change(ctx, d, p, "revoked", func(p *v1alpha1.Partnership) { p.Spec.Revocation = r.DeepCopy() })
}

// Reinstate lifts a revocation, silently: the state of before comes back.
func Reinstate(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
	if p.Spec.Revocation == nil {
		if end, ok := p.Spec.ValidUntil.Time(); ok && !d.Now().Before(end) {
			return Outcome{}, fmt.Errorf("is not revoked, but ended on %s; set spec.validUntil to a later time", end.UTC().Format("2006-01-02"))
		}
		return nothingToDo(p, "it is not revoked")
	}
	return change(ctx, d, p, "reinstated", func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
}

// Move puts a partner into another group of the same program, with effect on the next request.
func Move(ctx context.Context, d Desk, p *v1alpha1.Partnership, group string) (Outcome, error) {
	if err := groupFits(ctx, d, p, group); err != nil {
		return Outcome{}, err
	}
	if p.Spec.GroupRef != nil && p.Spec.GroupRef.Name == group {
		return nothingToDo(p, "it is in "+group+" already")
	}
	return change(ctx, d, p, "moved", func(p *v1alpha1.Partnership) { p.Spec.GroupRef = &v1alpha1.GroupReference{Name: group} })
}

func newRevoke(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var reason, links string
	var notify bool
	b := &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: commitInstead, writing: newWriting(),
		act: func(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
			return Revoke(ctx, d, p, v1alpha1.Revocation{Reason: reason, Notify: &notify, Links: v1alpha1.LinkEffect(links)})
		},
		settled: carriedOut(v1alpha1.PartnershipRevoked, v1alpha1.PartnershipConflict),
	}
	command := &cobra.Command{
		Use:   "revoke (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "End access, until it is reinstated",
		Long: `Revoke partners: access has ended with the next request. Each gets one mail with the reason, unless --notify=false. With
plain kubectl: set spec.revocation.`,
		Example: `  # one partner; the reason is mailed
  kubectl partner revoke ada-5e1ba3e5 --reason 'The contract has ended.'

  # one person in every program, without a mail, and with dead links
  kubectl partner revoke eve@example.com --notify=false --links Deactivate`,
		RunE: func(command *cobra.Command, args []string) error { return b.run(command.Context(), c, streams, args) },
	}
	b.addFlags(command, c)
	command.Flags().StringVar(&reason, "reason", "", "why; it is mailed")
	command.Flags().BoolVar(&notify, "notify", true, "mail the partner")
	command.Flags().StringVar(&links, "links", string(v1alpha1.LinkRedirect), "what shared links do: Keep (work and count), Redirect (work, count for nobody), Deactivate (not found)")
	complete(command, "links", "Keep", "Redirect", "Deactivate")
	return command
}

func newReinstate(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	b := &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: commitInstead, writing: newWriting(), act: Reinstate,
		settled: func(p *v1alpha1.Partnership) (bool, error) {
			return p.Status.ObservedGeneration >= p.Generation && p.Status.State != v1alpha1.PartnershipRevoked, nil
		},
	}
	command := &cobra.Command{
		Use:   "reinstate (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "Take a revocation back",
		Long: `Reinstate partners who were revoked, silently: each is again what they were before. With plain kubectl: remove
spec.revocation.`,
		Example: `  kubectl partner reinstate ada-5e1ba3e5 --wait`,
		RunE:    func(command *cobra.Command, args []string) error { return b.run(command.Context(), c, streams, args) },
	}
	b.addFlags(command, c)
	return command
}

func newMove(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var group string
	b := &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: commitInstead, writing: newWriting(),
		act: func(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
			return Move(ctx, d, p, group)
		},
		settled: func(p *v1alpha1.Partnership) (bool, error) {
			return p.Status.ObservedGeneration >= p.Generation && p.Status.Group == group, nil
		},
	}
	command := &cobra.Command{
		Use:     "move (NAME... | EMAIL... | -l SELECTOR | -f FILE) --to GROUP",
		Short:   "Move partners to another group",
		Long:    `Move partners to another group of their program. It counts on the next request. With plain kubectl: set spec.groupRef.`,
		Example: `  kubectl partner move ada@example.com --program referral --to gold`,
		RunE: func(command *cobra.Command, args []string) error {
			if group == "" {
				return errors.New("say where to: --to GROUP")
			}
			return b.run(command.Context(), c, streams, args)
		},
	}
	b.addFlags(command, c)
	command.Flags().StringVar(&group, "to", "", "group to move to")
	completeWith(command, "to", completeNames(c, groups))
	return command
}
