package kubectl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/team"
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

// revoking is what a revocation says.
type revoking struct {
	reason, links string
	notify        bool
}

func (r *revoking) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&r.reason, "reason", "", "why; it is mailed")
	flags.BoolVar(&r.notify, "notify", true, "mail the partner")
	flags.StringVar(&r.links, "links", string(v1alpha1.LinkRedirect), "what shared links do: Keep (work and count), Redirect (work, count for nobody), Deactivate (not found)")
	complete(command, "links", "Keep", "Redirect", "Deactivate")
}

// bulk is the verb that revokes each of some partnerships.
func (r *revoking) bulk() *bulk[*v1alpha1.Partnership] {
	return &bulk[*v1alpha1.Partnership]{
		kind: partnerships, inGit: commitInstead, writing: newWriting(),
		act: func(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
			return Revoke(ctx, d, p, v1alpha1.Revocation{Reason: r.reason, Notify: &r.notify, Links: v1alpha1.LinkEffect(r.links)})
		},
		settled: carriedOut(v1alpha1.PartnershipRevoked, v1alpha1.PartnershipConflict),
	}
}

// Memberships are the teams that an address is in, by whose partnerships it has access.
func Memberships(ctx context.Context, d Desk, email string) (in []v1alpha1.PartnerTeam, err error) {
	err = teams.each(ctx, d.Client, func(t *v1alpha1.PartnerTeam) error {
		if team.IsActive(t, email) {
			in = append(in, *t.DeepCopy())
		}
		return nil
	}, client.InNamespace(d.Namespace))
	return in, err
}

// tellMemberships tells which teams people stay in whose own partnerships were revoked.
func tellMemberships(ctx context.Context, d Desk, errOut io.Writer, addresses []string) error {
	for _, email := range addresses {
		in, err := Memberships(ctx, d, email)
		if err != nil {
			return err
		}
		for i := range in {
			role := team.Member(&in[i], email).Role
			warn(errOut, "%s is still in PartnerTeam %q as %s, and has access to its other programs; its owner or an admin can remove them, and kubectl partner team revoke %s ends the access of the whole team", email, in[i].Name, role, in[i].Name)
		}
	}
	return nil
}

func newRevoke(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var r revoking
	var everywhere bool
	b := r.bulk()
	command := &cobra.Command{
		Use:   "revoke (NAME... | EMAIL... | -l SELECTOR | -f FILE)",
		Short: "End access, until it is reinstated",
		Long: `Revoke partners: access has ended with the next request. Each gets one mail with the reason, unless --notify=false. With
--everywhere it is about people in every program, and it says which teams still let them in. With plain kubectl: set
spec.revocation.`,
		Example: `  # one partner; the reason is mailed
  kubectl partner revoke ada-5e1ba3e5 --reason 'The contract has ended.'

  # one person in every program, without a mail, and with dead links
  kubectl partner revoke eve@example.com --everywhere --notify=false --links Deactivate`,
		RunE: func(command *cobra.Command, args []string) error {
			if !everywhere {
				return b.run(command.Context(), c, streams, args)
			}
			isName := func(arg string) bool { return !strings.Contains(arg, "@") }
			if len(args) == 0 || slices.ContainsFunc(args, isName) || b.selection.Program != "" {
				return errors.New("--everywhere is about people in all programs: give mail addresses, and no --program")
			}
			err := b.run(command.Context(), c, streams, args)
			d, unreached := c.desk()
			if unreached == nil {
				unreached = tellMemberships(command.Context(), d, streams.ErrOut, args)
			}
			return cmp.Or(err, unreached)
		},
	}
	b.addFlags(command, c)
	r.addFlags(command)
	command.Flags().BoolVar(&everywhere, "everywhere", false, "of people, given by addresses: all partnerships of their own, and a word about the teams that they are in")
	return command
}

func newTeamRevoke(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var r revoking
	b := r.bulk()
	command := &cobra.Command{
		Use:   "revoke NAME",
		Short: "End the access of a whole team, until it is reinstated",
		Long: `Revoke the partnerships of a team: all its people have lost access with the next request. Its owner and admins get one mail with
the reason for each program, unless --notify=false. kubectl partner reinstate takes it back, partnership by partnership. With plain kubectl: set
spec.revocation of each Partnership with this teamRef.`,
		Example:           `  kubectl partner team revoke agency --reason 'The contract has ended.'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames(c, teams),
		RunE: func(command *cobra.Command, args []string) error {
			d, err := c.desk()
			if err != nil {
				return err
			}
			if err := teamExists(command.Context(), d, args[0]); err != nil {
				return err
			}
			var names []string
			err = partnerships.each(command.Context(), d.Client, func(p *v1alpha1.Partnership) error {
				if b.selection.Program == "" || b.kind.program(p, b.selection.Program) {
					names = append(names, p.Name)
				}
				return nil
			}, client.InNamespace(d.Namespace), client.MatchingFields{"spec.teamRef.name": args[0]})
			switch {
			case err != nil:
				return err
			case len(names) == 0 && b.selection.Program != "":
				return fmt.Errorf("PartnerTeam %q is no partner in program %q", args[0], b.selection.Program)
			case len(names) == 0:
				return fmt.Errorf("PartnerTeam %q is a partner in no program", args[0])
			}
			return b.run(command.Context(), c, streams, names)
		},
	}
	b.writing.addFlags(command)
	r.addFlags(command)
	flags := command.Flags()
	flags.StringVar(&b.selection.Program, "program", "", "only in this program")
	flags.BoolVar(&b.wait, "wait", false, "wait until the operator has carried it out")
	flags.DurationVar(&b.timeout, "timeout", 30*time.Second, "how long to wait for each partnership")
	completeWith(command, "program", completeNames(c, programs))
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
