package kubectl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/roster"
	"github.com/partner-operator/partner-operator/internal/team"
)

// aboutOf is what an invite is about: whom it is for, and what it offers, whatever the case and order.
func aboutOf(spec v1alpha1.PartnerInviteSpec) []string {
	var what []string
	for _, grant := range spec.Programs {
		what = append(what, grant.Name)
	}
	for _, m := range spec.Members {
		what = append(what, address.Normalize(string(m.Email)))
	}
	if spec.Team != nil {
		what = append(what, "team/"+spec.Team.Name)
	}
	slices.Sort(what)
	who := address.Normalize(string(spec.Contact.Email))
	if spec.TeamRef != nil {
		who = "team/" + spec.TeamRef.Name
	}
	return []string{who, strings.Join(what, ",")}
}

// longestTeam is how much of a team's name stands in the name of an invite, so that a label can hold that.
const longestTeam = 46

// inviteNames are the names that an invite can have, in the order in which they are tried: the same for the same people,
// team and programs.
func inviteNames(spec v1alpha1.PartnerInviteSpec, salts *salts) []string {
	var programs []string
	for _, grant := range spec.Programs {
		programs = append(programs, grant.Name)
	}
	prefix := partnership.PersonPrefix
	if spec.TeamRef != nil {
		prefix = strings.TrimRight(spec.TeamRef.Name[:min(len(spec.TeamRef.Name), longestTeam)], "-.")
	}
	return partnership.SaltedNames(prefix, salts.of(programs...), aboutOf(spec)...)
}

// madeName is the form of the names that this plugin gives to invites, or gave before names had a salt.
var madeName = regexp.MustCompile(`^[a-z0-9.-]+-([a-z2-7]{16}|[0-9a-f]{8})$`)

// invitesLike finds the invites that were made for the same as these: by what they are about, since those of an older
// version, or made with another salt, have other names. Names that people chose do not count: they may want a second one.
func invitesLike(ctx context.Context, d Desk, wanted []*v1alpha1.PartnerInvite) (map[string]*v1alpha1.PartnerInvite, error) {
	found := map[string]*v1alpha1.PartnerInvite{}
	for _, each := range wanted {
		if each.Name == "" {
			found[strings.Join(aboutOf(each.Spec), "\n")] = nil
		}
	}
	if d.DryRun == DryRunClient || len(found) == 0 {
		return found, nil
	}
	return found, invites.each(ctx, d.Client, func(i *v1alpha1.PartnerInvite) error {
		about := strings.Join(aboutOf(i.Spec), "\n")
		known, asked := found[about]
		if asked && madeName.MatchString(i.Name) && len(i.OwnerReferences) == 0 && (known == nil || i.CreationTimestamp.Before(&known.CreationTimestamp)) {
			found[about] = i.DeepCopy()
		}
		return nil
	}, client.InNamespace(d.Namespace))
}

// Invite makes an invite under the first of these names that is free, unless there is one that was made for the same. The
// same again changes nothing and sends nothing.
func Invite(ctx context.Context, d Desk, i *v1alpha1.PartnerInvite, names []string, existing *v1alpha1.PartnerInvite) (Outcome, error) {
	if err := deliverable(i.Spec); err != nil {
		return Outcome{}, err
	}
	for _, name := range names {
		if existing != nil {
			break
		}
		made := i.DeepCopy()
		made.Name = name
		err := d.create(ctx, made)
		if err == nil {
			return Outcome{Object: made, Action: "created"}, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return Outcome{}, err
		}
		there := &v1alpha1.PartnerInvite{}
		if err := d.Client.Get(ctx, client.ObjectKeyFromObject(made), there); err != nil {
			return Outcome{}, err
		}
		if len(names) == 1 || slices.Equal(aboutOf(there.Spec), aboutOf(i.Spec)) {
			existing = there
		}
	}
	switch {
	case existing == nil:
		return Outcome{}, fmt.Errorf("the names %s are those of other invites; give this one another with --name", strings.Join(names, ", "))
	case !sameWish(existing.Spec, i.Spec):
		return Outcome{}, fmt.Errorf("%s exists and says something else; kubectl partner cancel %s takes it back, or give this one another name with --name", existing.Name, existing.Name)
	}
	return nothingToDo(existing, afterInvite(existing))
}

// deliverable tells what is wrong with the addresses of an invite.
func deliverable(spec v1alpha1.PartnerInviteSpec) error {
	if spec.TeamRef == nil {
		if _, err := address.Deliverable(string(spec.Contact.Email)); err != nil {
			return fmt.Errorf("the address %w", err)
		}
	}
	members := spec.Members
	if spec.Team != nil {
		members = spec.Team.Members
	}
	for _, m := range members {
		if _, err := address.Deliverable(string(m.Email)); err != nil {
			return fmt.Errorf("--member %s: the address %w", m.Email, err)
		}
	}
	return nil
}

// sameWish tells whether an invite already says what is wished. Defaults, resends and the case of addresses do not count.
func sameWish(there, wish v1alpha1.PartnerInviteSpec) bool {
	there.ResendToken = wish.ResendToken
	for _, spec := range []*v1alpha1.PartnerInviteSpec{&there, &wish} {
		spec.Delivery, spec.Form = cmp.Or(spec.Delivery, v1alpha1.DeliveryEmail), cmp.Or(spec.Form, v1alpha1.FormSkip)
		spec.Members = inNormalForm(spec.Members)
		if spec.Team != nil {
			spec.Team = spec.Team.DeepCopy()
			spec.Team.Members = inNormalForm(spec.Team.Members)
		}
	}
	if there.NotAfter.Equal(wish.NotAfter) {
		there.NotAfter = wish.NotAfter
	}
	if address.Equal(string(there.Contact.Email), string(wish.Contact.Email)) {
		there.Contact.Email = wish.Contact.Email
	}
	return equality.Semantic.DeepEqual(there, wish)
}

// inNormalForm are proposed people with the normal form of their addresses and the roles that count.
func inNormalForm(proposed []v1alpha1.ProposedMember) []v1alpha1.ProposedMember {
	people := slices.Clone(proposed)
	for i := range people {
		people[i].Email = v1alpha1.EmailAddress(address.Normalize(string(people[i].Email)))
		people[i].Role = v1alpha1.ProposedRole(team.PersonOf(people[i], nil).Role)
	}
	return people
}

// afterInvite says how an invite that is there stands, and what to do.
func afterInvite(i *v1alpha1.PartnerInvite) string {
	switch i.Status.State {
	case v1alpha1.InviteExpired, v1alpha1.InviteDeclined, v1alpha1.InviteFailed, v1alpha1.InviteSent:
		if len(i.Spec.Members) > 0 {
			return fmt.Sprintf("it is %s; kubectl partner resend %s asks again, and kubectl partner team show %s tells who has to decide", i.Status.State, i.Name, i.Spec.TeamRef.Name)
		}
		return fmt.Sprintf("it is %s%s; kubectl partner resend %s sends it again", i.Status.State, wrongAddresses(i.Status.WrongAddresses), i.Name)
	case "":
		return ""
	default:
		return fmt.Sprintf("it is %s", i.Status.State)
	}
}

// sent tells that an invite was sent, or why it never will be.
func sent(i *v1alpha1.PartnerInvite) (bool, error) {
	if i.Status.ObservedGeneration < i.Generation {
		return false, nil
	}
	switch i.Status.State {
	case "", v1alpha1.InvitePending:
		return false, nil
	case v1alpha1.InviteFailed, v1alpha1.InviteRefused:
		return false, fmt.Errorf("is %s: %s", i.Status.State, reasonAgainst(i.Status))
	default:
		return true, nil
	}
}

// inviteFlags are those of kubectl partner invite.
type inviteFlags struct {
	*writing
	name, nameSalt    string
	notAfter          string
	team, teamName    string
	members           []string
	programs, fields  []string
	first, last       string
	title, phone      string
	display, delivery string
	form, expires     string
	subject, body     string
	template          string
	wait              bool
	timeout           time.Duration
}

func newInvite(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	f := &inviteFlags{writing: newWriting()}
	command := &cobra.Command{
		Use:   "invite EMAIL... --program PROGRAM[:GROUP]",
		Short: "Invite people to become partners",
		Long: `Invite people into programs. Each gets one mail with a link, however often the same is said again. Without --program an
invite offers every program that there is. With --team the person is to own a new team; a team that exists is invited with
kubectl partner team invite. The name is made from addresses, team and programs with the salt of the first program, so that
it tells nothing about them, unless --name gives one. With plain kubectl: create a PartnerInvite.`,
		Example: `  # one person, into the group gold of one program
  kubectl partner invite ada@example.com --program referral:gold --first-name Ada

  # a link to hand over oneself, instead of a mail
  kubectl partner invite grace@example.com --program referral --delivery Link --wait
  kubectl partner link grace@example.com

  # the owner of a new team, and people for her to approve
  kubectl partner invite olga@agency.example --team agency --team-name 'Agency GmbH' --member carl@agency.example:Admin --program referral

  # what to commit to Git; this needs no cluster
  kubectl partner invite ada@example.com --program referral --dry-run=client -o yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return f.run(command.Context(), c, streams, args) },
	}
	f.addFlags(command)
	f.writing.addFlags(command)
	command.ValidArgsFunction = cobra.NoFileCompletions
	completeWith(command, "program", completeNames(c, programs))
	return command
}

func (f *inviteFlags) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&f.programs, "program", nil, "PROGRAM or PROGRAM:GROUP, several with commas or by repeating it; unset: every program there is")
	flags.StringVar(&f.name, "name", "", "name of the PartnerInvite, for one address")
	flags.StringVar(&f.nameSalt, "name-salt", "", nameSaltUsage)
	flags.StringVar(&f.team, "team", "", "name of the new team that the person is to own")
	flags.StringVar(&f.teamName, "team-name", "", "the team's name that people read; unset: that of --team")
	flags.StringSliceVar(&f.members, "member", nil, memberUsage+"; the owner approves each")
	flags.StringVar(&f.display, "display-name", "", "the partner's name as the company reads it")
	flags.StringVar(&f.first, "first-name", "", "first name, for greetings")
	flags.StringVar(&f.last, "last-name", "", "last name")
	flags.StringVar(&f.title, "job-title", "", "job title")
	flags.StringVar(&f.phone, "phone", "", "phone number")
	flags.StringArrayVar(&f.fields, "field", nil, "custom field NAME=VALUE, for the company; may be repeated")
	flags.StringVar(&f.delivery, "delivery", "", "Email, or Link for no mail: kubectl partner link prints the link then")
	flags.StringVar(&f.form, "form", "", "Skip, or Require the group's form before accepting")
	flags.StringVar(&f.expires, "expires-after", "", "how long it can be answered, such as 336h; unset: as the group or program says")
	flags.StringVar(&f.notAfter, "not-after", "", "time from which nothing is sent and the link is dead, such as 2027-01-01T00:00:00Z")
	flags.StringVar(&f.subject, "subject", "", "this mail's own subject")
	flags.StringVar(&f.body, "message", "", "this mail's own text, in Markdown")
	flags.StringVar(&f.template, "template-ref", "", "ConfigMap with the mail's template")
	flags.BoolVar(&f.wait, "wait", false, "wait until it is sent")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait for each")
	complete(command, "delivery", "Email", "Link")
	complete(command, "form", "Skip", "Require")
}

func (f *inviteFlags) run(ctx context.Context, c cluster, streams genericiooptions.IOStreams, emails []string) error {
	if len(emails) > 1 && f.name != "" {
		return errors.New("--name is for one address; leave it out, and each invite gets a name of its own")
	}
	if len(emails) > 1 && f.team != "" {
		return errors.New("--team is for one address: a team has one owner")
	}
	spec, err := f.spec()
	if err != nil {
		return err
	}
	d, tell, err := f.offline(c, streams)
	if err != nil {
		return err
	}
	var wanted []*v1alpha1.PartnerInvite
	for _, email := range emails {
		i := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: f.name}, Spec: *spec.DeepCopy()}
		i.Spec.Contact.Email = v1alpha1.EmailAddress(email)
		wanted = append(wanted, i)
	}
	return f.each(ctx, d, tell, wanted)
}

// each makes the invites, and goes on past failures.
func (f *inviteFlags) each(ctx context.Context, d Desk, tell *teller, wanted []*v1alpha1.PartnerInvite) error {
	like, err := invitesLike(ctx, d, wanted)
	if err != nil {
		return err
	}
	salts, err := findSalts(ctx, d, f.nameSalt)
	if err != nil {
		return err
	}
	if salts.unsalted && f.name == "" {
		tell.warn(unsaltedWarning)
	}
	failed := 0
	for _, i := range wanted {
		names, existing := []string{i.Name}, (*v1alpha1.PartnerInvite)(nil)
		if i.Name == "" {
			names, existing = inviteNames(i.Spec, salts), like[strings.Join(aboutOf(i.Spec), "\n")]
		}
		if err := f.one(ctx, d, tell, i, names, existing, len(wanted) > 1); err != nil {
			who := cmp.Or(i.Name, string(i.Spec.Contact.Email), names[0])
			if len(wanted) == 1 {
				return about("PartnerInvite", who, err)
			}
			tell.fail("PartnerInvite", who, err)
			failed++
		}
	}
	if failed > 0 {
		return &Incomplete{failed, len(wanted)}
	}
	return nil
}

func (f *inviteFlags) one(ctx context.Context, d Desk, tell *teller, i *v1alpha1.PartnerInvite, names []string, existing *v1alpha1.PartnerInvite, several bool) error {
	outcome, err := Invite(ctx, d, i, names, existing)
	if err != nil {
		return err
	}
	if outcome.Note == "" && several {
		outcome.Note = string(i.Spec.Contact.Email) // the name does not tell
	}
	if f.wait && d.DryRun == DryRunNone {
		if err := until(ctx, d.Client, outcome.Object.(*v1alpha1.PartnerInvite), sent, f.timeout); err != nil {
			return err
		}
	}
	return tell.tell(outcome)
}

// spec is what the flags say about every invite.
func (f *inviteFlags) spec() (*v1alpha1.PartnerInviteSpec, error) {
	grants, err := parsePrograms(f.programs)
	if err != nil {
		return nil, err
	}
	fields, err := parseFields(f.fields)
	if err != nil {
		return nil, err
	}
	team, err := f.newTeam()
	if err != nil {
		return nil, err
	}
	spec := &v1alpha1.PartnerInviteSpec{
		Team: team,
		Contact: v1alpha1.Contact{
			FirstName: v1alpha1.LineOfText(f.first), LastName: v1alpha1.LineOfText(f.last),
			JobTitle: v1alpha1.LineOfText(f.title), Phone: v1alpha1.LineOfText(f.phone),
		},
		DisplayName: v1alpha1.LineOfText(f.display), Programs: grants, CustomFields: fields,
		Delivery: v1alpha1.InviteDelivery(f.delivery), Form: v1alpha1.InviteForm(f.form), ExpiresAfter: v1alpha1.InviteLifetime(f.expires),
		Message: v1alpha1.InviteMessage{Subject: v1alpha1.LineOfText(f.subject), Body: f.body},
	}
	if f.template != "" {
		spec.TemplateRef = &v1alpha1.TemplateReference{Name: f.template}
	}
	if f.notAfter != "" {
		end, err := time.Parse(time.RFC3339, f.notAfter)
		if err != nil {
			return nil, fmt.Errorf("--not-after must be a time such as 2027-01-01T00:00:00Z, not %q", f.notAfter)
		}
		spec.NotAfter = v1alpha1.NewTimestamp(end)
	}
	return spec, nil
}

// newTeam is the team that the person is to own; nil: none.
func (f *inviteFlags) newTeam() (*v1alpha1.NewTeam, error) {
	members, err := parseMembers(f.members)
	switch {
	case err != nil:
		return nil, err
	case f.team != "":
		return &v1alpha1.NewTeam{Name: f.team, DisplayName: v1alpha1.LineOfText(f.teamName), Members: members}, nil
	case f.teamName != "":
		return nil, errors.New("--team-name goes with --team NAME")
	case len(members) > 0:
		return nil, errors.New("--member goes with --team NAME, for a new team; for one that exists: kubectl partner team invite")
	default:
		return nil, nil
	}
}

// parsePrograms reads referral:gold.
func parsePrograms(texts []string) (grants []v1alpha1.ProgramGrant, err error) {
	parsed, err := roster.ParseGrants(texts, "")
	if err != nil {
		return nil, fmt.Errorf("--program: %w", err)
	}
	for _, grant := range parsed {
		made := v1alpha1.ProgramGrant{Name: grant.Program}
		if grant.Group != "" {
			made.GroupRef = &v1alpha1.GroupReference{Name: grant.Group}
		}
		grants = append(grants, made)
	}
	return grants, nil
}

// parseFields reads region=EMEA.
func parseFields(pairs []string) (v1alpha1.CustomFields, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	fields := v1alpha1.CustomFields{}
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("--field must be NAME=VALUE, not %q", pair)
		}
		fields[name] = v1alpha1.CustomFieldValue(value)
	}
	return fields, nil
}
