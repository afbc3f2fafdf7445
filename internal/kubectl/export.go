package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/roster"
)

// exported are the states whose partners are kept: everybody who was a partner, also who no longer is, so that applying
// the export gives nobody access who had none.
var exported = []string{"Active", "Pending", "Revoked", "Rejected", "Expired"}

// Exportable is a partnership as it is to be created again: with what the person agreed to before, so that they are not
// asked again. Restored, it is in the same state.
func Exportable(p *v1alpha1.Partnership) *v1alpha1.Partnership {
	kept := p.DeepCopy()
	a := p.Status.Acceptance
	if a == nil {
		return kept
	}
	kept.Spec.Invitation = "" // left out, it stays what it is where the object exists, and asks nobody where it does not
	if a.Onboarding == v1alpha1.OnboardingApproval && p.Spec.Approval == nil && p.Spec.Onboarding == "" {
		kept.Spec.Onboarding = v1alpha1.OnboardingApproval
	}
	return kept
}

// ExportManifests writes teams, partnerships and the links of those as YAML for Git, page by page.
func ExportManifests(ctx context.Context, d Desk, o ListOptions, w io.Writer) error {
	options, err := o.options(d)
	if err != nil {
		return err
	}
	write := func(object client.Object) error {
		clean, err := manifest(object, Scheme)
		if err != nil {
			return err
		}
		clean.SetNamespace("") // which one is up to who applies it
		text, err := yaml.Marshal(clean)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "---\n%s", text)
		return err
	}
	var left leftOut
	err = teams.each(ctx, d.Client, func(t *v1alpha1.PartnerTeam) error {
		if left.leave(t) {
			return nil
		}
		return write(t)
	}, client.InNamespace(d.Namespace))
	if err != nil {
		return err
	}
	written := map[string]bool{}
	err = partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
		if !o.exports(p) || left.leave(p) {
			return nil
		}
		written[strings.Clone(p.Name)] = true
		return write(Exportable(p))
	}, options...)
	if err != nil {
		return err
	}
	err = links.each(ctx, d.Client, func(l *v1alpha1.PartnerLink) error {
		if !written[l.Spec.PartnershipRef.Name] || left.leave(l) {
			return nil
		}
		return write(l)
	}, client.InNamespace(d.Namespace))
	return errors.Join(err, left.err())
}

// exports tells whether a partnership is asked for.
func (o ListOptions) exports(p *v1alpha1.Partnership) bool {
	return o.wants(string(p.Status.State)) && (o.Program == "" || partnerships.program(p, o.Program)) && (o.Group == "" || p.Status.Group == o.Group)
}

// ExportCSV writes partnerships as a roster that import reads.
func ExportCSV(ctx context.Context, d Desk, o ListOptions, w io.Writer) error {
	options, err := o.options(d)
	if err != nil {
		return err
	}
	custom := map[string]bool{} // the header comes first, so all are looked through twice
	err = partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
		if o.exports(p) {
			for name := range p.Spec.CustomFields {
				custom[name] = true
			}
		}
		return nil
	}, options...)
	if err != nil {
		return err
	}
	owners, err := teamsByName(ctx, d)
	if err != nil {
		return err
	}
	rows, err := roster.NewWriter(w, slices.Sorted(maps.Keys(custom)))
	if err != nil {
		return err
	}
	var left leftOut
	err = partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
		if !o.exports(p) || left.leave(p) {
			return nil
		}
		return rows.Write(rowOf(p, owners))
	}, options...)
	if err != nil {
		return err
	}
	return errors.Join(rows.Flush(), left.err())
}

func teamsByName(ctx context.Context, d Desk) (map[string]*v1alpha1.PartnerTeam, error) {
	found := map[string]*v1alpha1.PartnerTeam{}
	err := teams.each(ctx, d.Client, func(t *v1alpha1.PartnerTeam) error {
		found[t.Name] = t.DeepCopy()
		return nil
	}, client.InNamespace(d.Namespace))
	return found, err
}

// rowOf is a partnership as a row.
func rowOf(p *v1alpha1.Partnership, teams map[string]*v1alpha1.PartnerTeam) roster.Row {
	row := roster.Row{
		Grants: []roster.Grant{{Program: p.Spec.ProgramRef.Name}}, DisplayName: string(p.Spec.DisplayName), Stage: string(p.Spec.Stage),
		PortalAccess: string(p.Spec.PortalAccess), Custom: map[string]string{},
	}
	if p.Spec.GroupRef != nil {
		row.Grants[0].Group = p.Spec.GroupRef.Name
	}
	if end, ok := p.Spec.ValidUntil.Time(); ok {
		row.ValidUntil = end
	}
	for name, value := range p.Spec.CustomFields {
		row.Custom[name] = string(value)
	}
	if c := p.Spec.Contact; c != nil {
		row.Email, row.FirstName, row.LastName = string(c.Email), string(c.FirstName), string(c.LastName)
		row.JobTitle, row.Phone = string(c.JobTitle), string(c.Phone)
		return row
	}
	row.Team = p.Spec.TeamRef.Name
	if t := teams[row.Team]; t != nil {
		row.TeamName = string(t.Spec.DisplayName)
		row.Email, row.FirstName, row.LastName = string(t.Spec.Owner.Email), string(t.Spec.Owner.FirstName), string(t.Spec.Owner.LastName)
	}
	return row
}

func newExport(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var o ListOptions
	var format string
	command := &cobra.Command{
		Use:   "export",
		Short: "Write partners as manifests for Git, or as CSV",
		Long: `Write the teams, the partners and their share links as YAML for Git: what people decide, without status. Everybody who was a partner is there,
also who is revoked, rejected or waits for approval; who is only invited is not, unless --state says so. Applied to an empty
cluster it makes the same partners in the same states. Nobody is asked again and no mail is sent.

As CSV it is what import reads; it holds no revocations and decisions, so by itself it has only Active partners. With plain
kubectl: get pteam,pship,plink -o yaml, and take status and the metadata away.`,
		Example: `  kubectl partner export > partners.yaml
  kubectl partner export -o csv --program referral > partners.csv`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			d, err := c.desk()
			if err != nil {
				return err
			}
			write, usual := ExportManifests, exported
			switch format {
			case "yaml":
			case "csv":
				write, usual = ExportCSV, []string{"Active"}
			default:
				return fmt.Errorf("--output can be yaml or csv, not %q", format)
			}
			if len(o.States) == 0 {
				o.States = usual
			} else if err := (&listFlags{ListOptions: o}).check("partners"); err != nil {
				return err
			}
			return write(command.Context(), d, o, streams.Out)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&format, "output", "o", "yaml", "yaml or csv")
	flags.StringSliceVar(&o.States, "state", nil, "only partners in this state; several with commas")
	flags.StringVar(&o.Program, "program", "", "only partners of this program")
	flags.StringVar(&o.Group, "group", "", "only partners of this group")
	flags.StringVarP(&o.Selector, "selector", "l", "", "label selector for the partnerships")
	complete(command, "output", "yaml", "csv")
	complete(command, "state", states["partners"]...)
	completeWith(command, "program", completeNames(c, programs))
	completeWith(command, "group", completeNames(c, groups))
	return command
}
