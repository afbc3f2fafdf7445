package kubectl

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/roster"
)

// CreateTeam makes a team. The same again changes nothing.
func CreateTeam(ctx context.Context, d Desk, t *v1alpha1.PartnerTeam) (Outcome, error) {
	if _, err := address.Deliverable(string(t.Spec.Owner.Email)); err != nil {
		return Outcome{}, fmt.Errorf("the address of the owner %w", err)
	}
	err := d.create(ctx, t)
	if err == nil {
		return Outcome{Object: t, Action: "created"}, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return Outcome{}, err
	}
	existing := &v1alpha1.PartnerTeam{}
	if err := d.Client.Get(ctx, client.ObjectKeyFromObject(t), existing); err != nil {
		return Outcome{}, err
	}
	if !address.Equal(string(existing.Spec.Owner.Email), string(t.Spec.Owner.Email)) {
		return Outcome{}, errors.New("exists with another first owner; give the new team another name")
	}
	return nothingToDo(existing, "")
}

// GrantTeam makes a team a partner in a program. The same again changes nothing.
func GrantTeam(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
	there, made, err := accept.CreateAs(ctx, d.create, d.Client, p, partnership.Names(p.Spec, ""))
	switch {
	case err != nil:
		return Outcome{}, err
	case made:
		return Outcome{Object: there, Action: "created"}, nil
	}
	if wanted := p.Spec.GroupRef; wanted != nil && (there.Spec.GroupRef == nil || *there.Spec.GroupRef != *wanted) {
		return Outcome{}, fmt.Errorf("exists in another group; kubectl partner move %s --to %s moves it", there.Name, wanted.Name)
	}
	return nothingToDo(there, fmt.Sprintf("it is %s", there.Status.State))
}

// teamPartnership is the partnership of a team in a program.
func teamPartnership(namespace, team string, grant roster.Grant) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: partnership.TeamName(team, grant.Program)},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: grant.Program}, TeamRef: &v1alpha1.TeamReference{Name: team},
		},
	}
	if grant.Group != "" {
		p.Spec.GroupRef = &v1alpha1.GroupReference{Name: grant.Group}
	}
	return p
}

func newTeam(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	team := &cobra.Command{
		Use:   "team",
		Short: "Make teams, propose people for them, give them programs and end that",
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	team.AddCommand(newTeamCreate(c, streams), newTeamInvite(c, streams), newTeamGrant(c, streams), newTeamRevoke(c, streams), newTeamShow(c, streams))
	return team
}

func newTeamCreate(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	w := newWriting()
	var display, owner, first, last string
	command := &cobra.Command{
		Use:   "create NAME --owner EMAIL",
		Short: "Make a team",
		Long:  `Make a team. The owner stays its owner until they hand it over in the portal. With plain kubectl: create a PartnerTeam.`,
		Example: `  kubectl partner team create agency --display-name 'Agency GmbH' --owner olga@agency.example
  kubectl partner team grant agency --program referral:gold`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if owner == "" {
				return errors.New("say whose team it is: --owner EMAIL")
			}
			d, tell, err := w.offline(c, streams)
			if err != nil {
				return err
			}
			if display == "" {
				display = args[0]
			}
			outcome, err := CreateTeam(command.Context(), d, &v1alpha1.PartnerTeam{
				ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: args[0]},
				Spec: v1alpha1.PartnerTeamSpec{DisplayName: v1alpha1.LineOfText(display), Owner: v1alpha1.TeamOwner{
					Email: v1alpha1.EmailAddress(owner), FirstName: v1alpha1.LineOfText(first), LastName: v1alpha1.LineOfText(last),
				}},
			})
			if err != nil {
				return about("PartnerTeam", args[0], err)
			}
			return tell.tell(outcome)
		},
	}
	command.Flags().StringVar(&display, "display-name", "", "name that people read; unset: NAME")
	command.Flags().StringVar(&owner, "owner", "", "mail address of the first owner")
	command.Flags().StringVar(&first, "first-name", "", "the owner's first name")
	command.Flags().StringVar(&last, "last-name", "", "the owner's last name")
	w.addFlags(command)
	command.ValidArgsFunction = cobra.NoFileCompletions
	return command
}

func newTeamGrant(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	w := newWriting()
	var into []string
	command := &cobra.Command{
		Use:     "grant NAME --program PROGRAM[:GROUP]",
		Short:   "Make a team a partner in programs",
		Long:    `Make a team a partner in programs, at once and without a mail. With plain kubectl: create a Partnership with teamRef.`,
		Example: `  kubectl partner team grant agency --program referral:gold`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			grants, err := roster.ParseGrants(into, "")
			switch {
			case err != nil:
				return fmt.Errorf("--program: %w", err)
			case len(grants) == 0:
				return errors.New("say into what: --program PROGRAM")
			}
			d, tell, err := w.offline(c, streams)
			if err != nil {
				return err
			}
			return grantAll(command.Context(), d, tell, args[0], grants)
		},
	}
	command.Flags().StringSliceVar(&into, "program", nil, "PROGRAM or PROGRAM:GROUP; several with commas or by repeating it")
	w.addFlags(command)
	command.ValidArgsFunction = completeNames(c, teams)
	completeWith(command, "program", completeNames(c, programs))
	return command
}

// teamExists tells what is wrong if there is no such team. Without a cluster nobody knows, and it is taken to be there.
func teamExists(ctx context.Context, d Desk, name string) error {
	if d.Client == nil {
		return nil
	}
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, &v1alpha1.PartnerTeam{})
	if err != nil {
		return about("PartnerTeam", name, err)
	}
	return nil
}

// grantAll makes a team a partner in each program, and goes on past failures.
func grantAll(ctx context.Context, d Desk, tell *teller, team string, grants []roster.Grant) error {
	if err := teamExists(ctx, d, team); err != nil {
		return err
	}
	failed := 0
	for _, grant := range grants {
		p := teamPartnership(d.Namespace, team, grant)
		outcome, err := GrantTeam(ctx, d, p)
		if err == nil {
			err = tell.tell(outcome)
		} else if len(grants) > 1 {
			tell.fail("Partnership", p.Name, err)
			failed++
			continue
		}
		if err != nil {
			return about("Partnership", p.Name, err)
		}
	}
	if failed > 0 {
		return &Incomplete{failed, len(grants)}
	}
	return nil
}

func newTeamShow(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a team and what it is a partner in",
		Example:           `  kubectl partner team show agency`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames(c, teams),
		RunE: func(command *cobra.Command, args []string) error {
			d, err := c.desk()
			if err != nil {
				return err
			}
			portrait, err := DescribeTeam(command.Context(), d, args[0])
			if err != nil {
				return err
			}
			return portrait.show(streams.Out)
		},
	}
}
