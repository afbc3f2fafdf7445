package kubectl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/link"
)

// Remove deletes a partnership once all of its links know what they do from then on: Links, or what the partnership says
// if that is empty. If the operator does not carry that out in time, nothing is deleted.
func Remove(ctx context.Context, d Desk, p *v1alpha1.Partnership, links v1alpha1.LinkEffect, timeout time.Duration) (Outcome, error) {
	if links != "" {
		if _, err := change(ctx, d, p, "changed", func(p *v1alpha1.Partnership) { p.Spec.OnRemoval.Links = links }); err != nil {
			return Outcome{}, err
		}
	}
	if d.DryRun != DryRunClient && d.DryRun != DryRunServer {
		if err := awaitLinks(ctx, d, p, timeout); err != nil {
			return Outcome{}, err
		}
	}
	if err := d.remove(ctx, p); err != nil {
		return Outcome{}, err
	}
	return Outcome{Object: p, Action: "removed"}, nil
}

// awaitLinks waits until the links of a partnership know what its removal means to them.
func awaitLinks(ctx context.Context, d Desk, p *v1alpha1.Partnership, timeout time.Duration) error {
	const often = 100 * time.Millisecond
	uid, behind := p.UID, 0
	err := wait.PollUntilContextTimeout(ctx, often, timeout, true, func(ctx context.Context) (bool, error) {
		if err := d.Client.Get(ctx, client.ObjectKeyFromObject(p), p); err != nil {
			return false, err
		}
		if p.UID != uid {
			return false, errors.New("is another one by now; nothing was deleted")
		}
		behind = 0
		err := links.each(ctx, d.Client, func(l *v1alpha1.PartnerLink) error {
			if l.DeletionTimestamp.IsZero() && !link.Follows(l, p, nil, d.Now()) {
				behind++
			}
			return nil
		}, client.InNamespace(p.Namespace), client.MatchingFields{"spec.partnershipRef.name": p.Name})
		follow := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionLinksFollow)
		said := follow == nil || follow.Status == metav1.ConditionTrue && follow.ObservedGeneration == p.Generation
		return behind == 0 && said && p.Status.ObservedGeneration == p.Generation, err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("was not deleted: within %s the operator has not told its links what they do then, %d of them; is it running? kubectl partner check tells", timeout, behind)
	}
	return err
}

func newRemove(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var effect string
	var timeout time.Duration
	b := &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: "take it out of Git instead", writing: newWriting(),
		act: func(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
			return Remove(ctx, d, p, v1alpha1.LinkEffect(effect), timeout)
		},
	}
	command := &cobra.Command{
		Use:   "remove (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "Delete partners, once their links know what they do then",
		Long: `Delete partners: access has ended with the next request, join links refuse them, and a new invite starts afresh. To end access and keep
the record, revoke them instead.

Links do what --links says, or what they did before if that is stricter. Each partner is deleted when all their links know; if the
operator does not tell them in time, nothing is deleted. With plain kubectl: set spec.onRemoval.links, kubectl wait
--for=condition=LinksFollow, and delete the Partnership.`,
		Example: `  # their links work, and count for nobody
  kubectl partner remove ada@example.com --program referral

  # their links are dead
  kubectl partner remove eve@example.com --links Deactivate`,
		RunE: func(command *cobra.Command, args []string) error {
			switch v1alpha1.LinkEffect(effect) {
			case "", v1alpha1.LinkKeep, v1alpha1.LinkRedirect, v1alpha1.LinkDeactivate:
				return b.run(command.Context(), c, streams, args)
			default:
				return fmt.Errorf("--links can be Keep, Redirect or Deactivate, not %q", effect)
			}
		},
	}
	b.addFlags(command, c)
	command.Flags().StringVar(&effect, "links", "", "what shared links do then: Keep (work and count), Redirect (work, count for nobody), Deactivate (not found); unset: what onRemoval says, else Redirect")
	command.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for the links of each partner")
	complete(command, "links", "Keep", "Redirect", "Deactivate")
	return command
}
