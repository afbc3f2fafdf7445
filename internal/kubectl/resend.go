package kubectl

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Resend asks for an invite to be sent again: with a new link, a fresh expiry, and the old link dead.
func Resend(ctx context.Context, d Desk, i *v1alpha1.PartnerInvite) (Outcome, error) {
	switch i.Status.State {
	case v1alpha1.InviteAccepted:
		if len(i.Spec.Members) > 0 {
			return nothingToDo(i, "nobody of them has yet to answer")
		}
		return nothingToDo(i, "it is Accepted")
	case "", v1alpha1.InvitePending, v1alpha1.InviteHeld:
		return nothingToDo(i, "it has not been sent yet, and goes out by itself")
	default:
	}
	return change(ctx, d, i, "resent", func(i *v1alpha1.PartnerInvite) {
		if i.Annotations == nil {
			i.Annotations = map[string]string{}
		}
		i.Annotations[v1alpha1.ResendAnnotation] = d.Now().UTC().Format(time.RFC3339Nano)
	})
}

// resent tells that the operator has sent an invite again.
func resent(i *v1alpha1.PartnerInvite) (bool, error) {
	if handled := i.Status.HandledResend; handled == nil || handled.Annotation != i.Annotations[v1alpha1.ResendAnnotation] {
		return false, nil
	}
	return sent(i)
}

// Cancel takes an invite back: its link is dead. One that was accepted is of no effect any more.
func Cancel(ctx context.Context, d Desk, i *v1alpha1.PartnerInvite) (Outcome, error) {
	if i.Status.State == v1alpha1.InviteAccepted {
		if team := i.TeamName(); team != "" {
			return Outcome{}, fmt.Errorf("has been accepted; kubectl partner team show %s tells who is in the team, and what it is a partner in", team)
		}
		return Outcome{}, fmt.Errorf("has been accepted; to end the access: kubectl partner revoke %s", i.Spec.Contact.Email)
	}
	if err := d.remove(ctx, i); err != nil {
		return Outcome{}, err
	}
	return Outcome{Object: i, Action: "cancelled"}, nil
}

func newResend(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	b := &bulk[*v1alpha1.PartnerInvite]{kind: invites, writing: newWriting(), act: Resend, settled: resent}
	command := &cobra.Command{
		Use:   "resend (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "Send invites again, with new links",
		Long: `Send invites again: those that are Sent, Expired, Declined or Failed get a new link, and the old one is dead; those that
were Refused, or whose person is a partner, are judged anew. A link that is dead since too many wrong addresses were typed
on its page comes to life by this alone, as a new one. For teammates the team is asked again, and whom it approved gets
a new link. Within the program's resendCooldown it waits. With plain kubectl: set
the annotation partner-operator.io/resend-requested-at to a new text.`,
		Example: `  kubectl partner resend ada@example.com

  # all that have expired
  kubectl partner list invites --state Expired -o name | kubectl partner resend -f -`,
		RunE: func(command *cobra.Command, args []string) error { return b.run(command.Context(), c, streams, args) },
	}
	b.addFlags(command, c)
	return command
}

func newCancel(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	b := &bulk[*v1alpha1.PartnerInvite]{kind: invites, inGit: "take it out of Git instead", writing: newWriting(), act: Cancel}
	command := &cobra.Command{
		Use:   "cancel (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "Take invites back that were not accepted",
		Long: `Take invites back: their links are dead at once. One that was accepted is left alone; revoke the partner instead. Of
teammates those are taken back who have not joined. With plain kubectl: delete the PartnerInvite.`,
		Example: `  kubectl partner cancel ada@example.com --program referral`,
		RunE:    func(command *cobra.Command, args []string) error { return b.run(command.Context(), c, streams, args) },
	}
	b.addFlags(command, c)
	return command
}
