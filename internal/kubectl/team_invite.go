package kubectl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// memberUsage tells how the flag --member is written.
const memberUsage = "EMAIL or EMAIL:ROLE of somebody proposed for the team, with the role Admin, Member or Finance; several with commas or by repeating it"

// parseMembers reads carl@agency.example:Admin.
func parseMembers(texts []string) (members []v1alpha1.ProposedMember, err error) {
	roles := []v1alpha1.ProposedRole{v1alpha1.ProposedRole(v1alpha1.RoleAdmin), v1alpha1.ProposedRole(v1alpha1.RoleMember), v1alpha1.ProposedRole(v1alpha1.RoleFinance)}
	for _, text := range texts {
		email, wanted, said := strings.Cut(text, ":")
		role := v1alpha1.ProposedRole(v1alpha1.RoleMember)
		if said {
			role = ""
			for _, each := range roles {
				if strings.EqualFold(string(each), wanted) {
					role = each
				}
			}
		}
		if role == "" {
			return nil, fmt.Errorf("--member: the role of %s can be Admin, Member or Finance, not %q", email, wanted)
		}
		members = append(members, v1alpha1.ProposedMember{Email: v1alpha1.EmailAddress(email), Role: role})
	}
	return members, nil
}

func newTeamInvite(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	f := &inviteFlags{writing: newWriting()}
	command := &cobra.Command{
		Use:   "invite NAME (--member EMAIL[:ROLE] | --program PROGRAM[:GROUP])",
		Short: "Propose people for a team, or offer it programs",
		Long: `Propose people for a team: its owner and admins get a mail for each and decide. Or offer the team programs: its owner gets
a mail, and the owner or an admin accepts. The same again changes nothing and sends nothing. With plain kubectl: create a
PartnerInvite with teamRef.`,
		Example: `  kubectl partner team invite agency --member carl@agency.example:Admin --member dora@agency.example

  # an offer, which the team may decline; team grant does not ask
  kubectl partner team invite agency --program reseller`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return f.runForTeam(command.Context(), c, streams, args[0])
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&f.members, "member", nil, memberUsage)
	flags.StringSliceVar(&f.programs, "program", nil, "PROGRAM or PROGRAM:GROUP to offer; several with commas or by repeating it")
	flags.StringVar(&f.name, "name", "", "name of the PartnerInvite")
	flags.StringVar(&f.nameSalt, "name-salt", "", nameSaltUsage)
	flags.BoolVar(&f.wait, "wait", false, "wait until the team was asked")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait")
	f.writing.addFlags(command)
	command.ValidArgsFunction = completeNames(c, teams)
	completeWith(command, "program", completeNames(c, programs))
	return command
}

func (f *inviteFlags) runForTeam(ctx context.Context, c cluster, streams genericiooptions.IOStreams, team string) error {
	members, err := parseMembers(f.members)
	if err != nil {
		return err
	}
	grants, err := parsePrograms(f.programs)
	if err != nil {
		return err
	}
	if (len(members) > 0) == (len(grants) > 0) {
		return errors.New("say either whom the team is to take in, --member EMAIL, or what it is offered, --program PROGRAM")
	}
	d, tell, err := f.offline(c, streams)
	if err != nil {
		return err
	}
	if err := teamExists(ctx, d, team); err != nil {
		return err
	}
	i := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: f.name},
		Spec:       v1alpha1.PartnerInviteSpec{TeamRef: &v1alpha1.TeamReference{Name: team}, Members: members, Programs: grants},
	}
	return f.each(ctx, d, tell, []*v1alpha1.PartnerInvite{i})
}
