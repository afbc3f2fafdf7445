package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// ListOptions tell what to list.
type ListOptions struct {
	// States keeps only what is in one of these states; empty: all.
	States []string
	// Program, Group and Selector keep only what is about them or has the labels; empty: all.
	Program, Group, Selector string
	// AllNamespaces lists the other tenants as well.
	AllNamespaces bool
}

// options are what the API server itself can filter by.
func (o ListOptions) options(d Desk) ([]client.ListOption, error) {
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return nil, err
	}
	options := []client.ListOption{client.MatchingLabelsSelector{Selector: selector}}
	if !o.AllNamespaces {
		options = append(options, client.InNamespace(d.Namespace))
	}
	if len(o.States) == 1 {
		options = append(options, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("status.state", o.States[0])})
	}
	return options, nil
}

func (o ListOptions) wants(state string) bool {
	return len(o.States) == 0 || slices.Contains(o.States, state)
}

// ListPartners lists partnerships.
func ListPartners(ctx context.Context, d Desk, o ListOptions) (list v1alpha1.PartnershipList, err error) {
	options, err := o.options(d)
	if err != nil {
		return list, err
	}
	if o.Program != "" && len(o.States) != 1 {
		options = append(options, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("spec.programRef.name", o.Program)})
	}
	err = partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
		if o.wants(string(p.Status.State)) && (o.Program == "" || partnerships.program(p, o.Program)) && (o.Group == "" || p.Status.Group == o.Group) {
			list.Items = append(list.Items, *p.DeepCopy())
		}
		return nil
	}, options...)
	return list, err
}

// ListInvites lists invites.
func ListInvites(ctx context.Context, d Desk, o ListOptions) (list v1alpha1.PartnerInviteList, err error) {
	options, err := o.options(d)
	if err != nil {
		return list, err
	}
	err = invites.each(ctx, d.Client, func(i *v1alpha1.PartnerInvite) error {
		offersGroup := func(g v1alpha1.ProgramGrant) bool { return g.GroupRef != nil && g.GroupRef.Name == o.Group }
		if o.wants(string(i.Status.State)) && (o.Program == "" || invites.program(i, o.Program)) && (o.Group == "" || slices.ContainsFunc(i.Offers(), offersGroup)) {
			list.Items = append(list.Items, *i.DeepCopy())
		}
		return nil
	}, options...)
	return list, err
}

// ListTeams lists teams.
func ListTeams(ctx context.Context, d Desk, o ListOptions) (list v1alpha1.PartnerTeamList, err error) {
	options, err := o.options(d)
	if err != nil {
		return list, err
	}
	err = teams.each(ctx, d.Client, func(t *v1alpha1.PartnerTeam) error {
		list.Items = append(list.Items, *t.DeepCopy())
		return nil
	}, options...)
	return list, err
}

// ListLinks lists share links.
func ListLinks(ctx context.Context, d Desk, o ListOptions) (list v1alpha1.PartnerLinkList, err error) {
	options, err := o.options(d)
	if err != nil {
		return list, err
	}
	err = links.each(ctx, d.Client, func(l *v1alpha1.PartnerLink) error {
		if o.wants(string(l.Status.State)) && (o.Program == "" || links.program(l, o.Program)) && (o.Group == "" || l.Status.Group == o.Group) {
			list.Items = append(list.Items, *l.DeepCopy())
		}
		return nil
	}, options...)
	return list, err
}

// column is one column of a table.
type column[T any] struct {
	title string
	wide  bool
	cell  func(*T) string
}

var partnerColumns = []column[v1alpha1.Partnership]{
	{"NAME", false, func(p *v1alpha1.Partnership) string { return p.Name }},
	{"WHO", false, func(p *v1alpha1.Partnership) string { return who(p) }},
	{"PROGRAM", false, func(p *v1alpha1.Partnership) string { return p.Spec.ProgramRef.Name }},
	{"GROUP", false, func(p *v1alpha1.Partnership) string { return p.Status.Group }},
	{"STATE", false, func(p *v1alpha1.Partnership) string { return string(p.Status.State) }},
	{"DISPLAY NAME", true, func(p *v1alpha1.Partnership) string { return string(p.Spec.DisplayName) }},
	{"STAGE", true, func(p *v1alpha1.Partnership) string { return string(p.Spec.Stage) }},
	{"SOURCE", true, func(p *v1alpha1.Partnership) string { return string(p.Spec.Source) }},
	{"LAST ACTIVE", true, func(p *v1alpha1.Partnership) string { return moment(p.Status.LastActive()) }},
	{"AGE", false, func(p *v1alpha1.Partnership) string { return age(p.CreationTimestamp) }},
}

var inviteColumns = []column[v1alpha1.PartnerInvite]{
	{"NAME", false, func(i *v1alpha1.PartnerInvite) string { return i.Name }},
	{"WHO", false, invited},
	{"PROGRAMS", false, func(i *v1alpha1.PartnerInvite) string { return offeredBy(i) }},
	{"STATE", false, func(i *v1alpha1.PartnerInvite) string { return string(i.Status.State) }},
	{"EXPIRES", false, func(i *v1alpha1.PartnerInvite) string { return moment(i.Status.ExpiryTime) }},
	{"SENT", true, func(i *v1alpha1.PartnerInvite) string { return moment(i.Status.SentTime) }},
	{"LINKS", true, func(i *v1alpha1.PartnerInvite) string { return strconv.FormatInt(i.Status.Serial, 10) }},
	{"MESSAGE", true, func(i *v1alpha1.PartnerInvite) string { return reasonAgainst(i.Status) }},
	{"AGE", false, func(i *v1alpha1.PartnerInvite) string { return age(i.CreationTimestamp) }},
}

var teamColumns = []column[v1alpha1.PartnerTeam]{
	{"NAME", false, func(t *v1alpha1.PartnerTeam) string { return t.Name }},
	{"DISPLAY NAME", false, func(t *v1alpha1.PartnerTeam) string { return string(t.Spec.DisplayName) }},
	{"OWNER", false, func(t *v1alpha1.PartnerTeam) string { return string(t.CurrentOwner().Email) }},
	{"AGE", false, func(t *v1alpha1.PartnerTeam) string { return age(t.CreationTimestamp) }},
}

var linkColumns = []column[v1alpha1.PartnerLink]{
	{"NAME", false, func(l *v1alpha1.PartnerLink) string { return l.Name }},
	{"PARTNERSHIP", false, func(l *v1alpha1.PartnerLink) string { return l.Spec.PartnershipRef.Name }},
	{"STATE", false, func(l *v1alpha1.PartnerLink) string { return string(l.Status.State) }},
	{"URL", false, func(l *v1alpha1.PartnerLink) string { return l.Status.URL }},
	{"DESTINATION", true, func(l *v1alpha1.PartnerLink) string { return l.Status.Destination }},
	{"MEMBER", true, func(l *v1alpha1.PartnerLink) string { return links.address(l) }},
	{"AGE", false, func(l *v1alpha1.PartnerLink) string { return age(l.CreationTimestamp) }},
}

// who is the person or the team that a partnership is about.
func who(p *v1alpha1.Partnership) string {
	if p.Spec.TeamRef != nil {
		return "team " + p.Spec.TeamRef.Name
	}
	return partnerships.address(p)
}

// invited is the person, or the team, that an invite is for.
func invited(i *v1alpha1.PartnerInvite) string {
	team := i.TeamName()
	switch {
	case team == "":
		return string(i.Spec.Contact.Email)
	case i.Spec.Contact.Email != "":
		return string(i.Spec.Contact.Email) + " for team " + team
	case i.ForTeammates():
		return fmt.Sprintf("%d for team %s", len(i.Spec.Members), team)
	default:
		return "team " + team
	}
}

// offeredBy is what an invite offers, as a person reads it.
func offeredBy(i *v1alpha1.PartnerInvite) string {
	if i.ForTeammates() {
		return ""
	}
	return offered(i.Offers())
}

func offered(grants []v1alpha1.ProgramGrant) string {
	words := make([]string, len(grants))
	for i, grant := range grants {
		if words[i] = grant.Name; grant.GroupRef != nil {
			words[i] += ":" + grant.GroupRef.Name
		}
	}
	if len(words) == 0 {
		return "<all>"
	}
	return strings.Join(words, ",")
}

func moment(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func age(since metav1.Time) string { return duration.HumanDuration(time.Since(since.Time)) }

// table writes a table; a cell with nothing in it shows a dash.
func table[T any](w io.Writer, items []T, columns []column[T], wide bool) error {
	out := printers.GetNewTabWriter(w)
	var titles []string
	for _, c := range columns {
		if wide || !c.wide {
			titles = append(titles, c.title)
		}
	}
	_, _ = fmt.Fprintln(out, strings.Join(titles, "\t"))
	for i := range items {
		var cells []string
		for _, c := range columns {
			if wide || !c.wide {
				cell := c.cell(&items[i])
				if cell == "" {
					cell = "-"
				}
				cells = append(cells, cell)
			}
		}
		_, _ = fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	return out.Flush()
}

// listFlags are those of kubectl partner list.
type listFlags struct {
	ListOptions
	print *genericclioptions.PrintFlags
}

// lister lists one kind of thing.
type lister struct {
	list  func(ctx context.Context, d Desk, o ListOptions) (list client.ObjectList, size int, err error)
	table func(w io.Writer, list client.ObjectList, wide bool, namespaces bool) error
}

func listerOf[L any, T any, P interface {
	*T
	client.Object
}](find func(context.Context, Desk, ListOptions) (L, error), items func(*L) []T, columns []column[T], asList func(*L) client.ObjectList) lister {
	return lister{
		list: func(ctx context.Context, d Desk, o ListOptions) (client.ObjectList, int, error) {
			found, err := find(ctx, d, o)
			return asList(&found), len(items(&found)), err
		},
		table: func(w io.Writer, list client.ObjectList, wide, namespaces bool) error {
			shown := columns
			if namespaces {
				shown = append([]column[T]{{"NAMESPACE", false, func(t *T) string { return P(t).GetNamespace() }}}, columns...)
			}
			return table(w, items(list.(any).(*L)), shown, wide)
		},
	}
}

var partnerLister = listerOf(ListPartners, func(l *v1alpha1.PartnershipList) []v1alpha1.Partnership { return l.Items }, partnerColumns,
	func(l *v1alpha1.PartnershipList) client.ObjectList { return l })

var listers = map[string]lister{
	"partners":     partnerLister,
	"applications": partnerLister,
	"invites": listerOf(ListInvites, func(l *v1alpha1.PartnerInviteList) []v1alpha1.PartnerInvite { return l.Items }, inviteColumns,
		func(l *v1alpha1.PartnerInviteList) client.ObjectList { return l }),
	"teams": listerOf(ListTeams, func(l *v1alpha1.PartnerTeamList) []v1alpha1.PartnerTeam { return l.Items }, teamColumns,
		func(l *v1alpha1.PartnerTeamList) client.ObjectList { return l }),
	"links": listerOf(ListLinks, func(l *v1alpha1.PartnerLinkList) []v1alpha1.PartnerLink { return l.Items }, linkColumns,
		func(l *v1alpha1.PartnerLinkList) client.ObjectList { return l }),
}

// states are those that --state completes.
var states = map[string][]string{
	"partners": {"Invited", "Pending", "Active", "Revoked", "Rejected", "Expired", "Conflict"},
	"invites":  {"Pending", "Held", "Sent", "Accepted", "Declined", "Expired", "Failed", "AlreadyPartner", "Refused"},
	"links":    {"Active", "Unattributed", "Deactivated"},
}

// statesOf are the states of what is listed.
func statesOf(args []string) []string {
	if len(args) == 1 && states[args[0]] != nil {
		return states[args[0]]
	}
	return states["partners"]
}

func newList(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	f := listFlags{print: genericclioptions.NewPrintFlags("").WithTypeSetter(Scheme)}
	command := &cobra.Command{
		Use:   "list (partners | applications | invites | teams | links)",
		Short: "List partners, who waits for approval, invites, teams or links",
		Long: `List partnerships; those that wait for approval (applications); invites; teams; or share links. With plain kubectl: get
pship, pinvite, pteam or plink, with --field-selector status.state=STATE.`,
		Example: `  kubectl partner list partners --program referral --state Active
  kubectl partner list applications
  kubectl partner list invites --state Expired -o name`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"partners", "applications", "invites", "teams", "links"},
		RunE: func(command *cobra.Command, args []string) error {
			return f.run(command.Context(), c, streams, args[0])
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&f.States, "state", nil, "only those in this state; several with commas")
	flags.StringVar(&f.Program, "program", "", "only those of this program")
	flags.StringVar(&f.Group, "group", "", "only those of this group")
	flags.StringVarP(&f.Selector, "selector", "l", "", "label selector")
	flags.BoolVarP(&f.AllNamespaces, "all-namespaces", "A", false, "in all namespaces")
	f.print.AddFlags(command)
	for _, name := range []string{"allow-missing-template-keys", "show-managed-fields", "template"} {
		flags.Lookup(name).Hidden = true
	}
	flags.Lookup("output").Usage = "wide, or json, yaml, name, jsonpath=..., go-template=... and so on, as kubectl get has them"
	completeWith(command, "program", completeNames(c, programs))
	completeWith(command, "group", completeNames(c, groups))
	completeWith(command, "state", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return statesOf(args), cobra.ShellCompDirectiveNoFileComp
	})
	return command
}

func (f *listFlags) run(ctx context.Context, c cluster, streams genericiooptions.IOStreams, what string) error {
	if err := f.check(what); err != nil {
		return err
	}
	format := *f.print.OutputFormat
	var printer printers.ResourcePrinter
	if format != "" && format != "wide" {
		var err error
		if printer, err = f.print.ToPrinter(); err != nil {
			return err
		}
	}
	d, err := c.desk()
	if err != nil {
		return err
	}
	list, size, err := listers[what].list(ctx, d, f.ListOptions)
	if err != nil {
		return err
	}
	if err := warnUnreadable(streams.ErrOut, list); err != nil {
		return err
	}
	switch {
	case printer != nil:
		return printList(streams.Out, list, format, printer)
	case size == 0:
		_, err := fmt.Fprintf(streams.ErrOut, "No %s found%s.\n", what, f.where(d))
		return err
	}
	return listers[what].table(streams.Out, list, format == "wide", f.AllNamespaces)
}

// check judges what is asked for, and fills in what the word itself says.
func (f *listFlags) check(what string) error {
	if what == "teams" && (len(f.States) > 0 || f.Program != "" || f.Group != "") {
		return errors.New("a team has no state, program or group; kubectl partner list partners shows what teams are in")
	}
	if what == "applications" && len(f.States) == 0 {
		f.States = []string{string(v1alpha1.PartnershipPending)}
	}
	known := statesOf([]string{what})
	for i, asked := range f.States {
		at := slices.IndexFunc(known, func(state string) bool { return strings.EqualFold(state, asked) })
		if at < 0 {
			return fmt.Errorf("there is no state %q; there are %s", asked, strings.Join(known, ", "))
		}
		f.States[i] = known[at]
	}
	return nil
}

func (f *listFlags) where(d Desk) string {
	if f.AllNamespaces {
		return ""
	}
	return fmt.Sprintf(" in namespace %q", d.Namespace)
}

// printList prints a list as kubectl get does: names one by one, everything else as one list.
func printList(w io.Writer, list client.ObjectList, format string, printer printers.ResourcePrinter) error {
	if format != "name" {
		return printer.PrintObj(list, w)
	}
	switch list := list.(type) {
	case *v1alpha1.PartnershipList:
		return printNames(w, list.Items, printer)
	case *v1alpha1.PartnerInviteList:
		return printNames(w, list.Items, printer)
	case *v1alpha1.PartnerTeamList:
		return printNames(w, list.Items, printer)
	case *v1alpha1.PartnerLinkList:
		return printNames(w, list.Items, printer)
	}
	return nil
}

func printNames[T any, P interface {
	*T
	runtime.Object
}](w io.Writer, items []T, printer printers.ResourcePrinter) error {
	for i := range items {
		if err := printer.PrintObj(P(&items[i]), w); err != nil {
			return err
		}
	}
	return nil
}
