package kubectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/manual"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// Traces are what a namespace holds of a person.
type Traces struct {
	// Address is the person's.
	Address string
	// Invites, Partnerships and Links are deleted, in this order. Invites are those that name the person and nobody else who
	// has yet to decide.
	Invites      []*v1alpha1.PartnerInvite
	Partnerships []*v1alpha1.Partnership
	Links        []*v1alpha1.PartnerLink
	// Teams are those whose people the person is, or was, one of.
	Teams []*v1alpha1.PartnerTeam
	// Obstacles say what has to be done first.
	Obstacles []string
}

// FindTraces finds what a namespace holds of a person.
func FindTraces(ctx context.Context, d Desk, email string) (*Traces, error) {
	if !strings.Contains(email, "@") {
		return nil, fmt.Errorf("%q is no mail address; a person is found by theirs", email)
	}
	t := &Traces{Address: email}
	in := client.InNamespace(d.Namespace)
	err := invites.each(ctx, d.Client, func(i *v1alpha1.PartnerInvite) error {
		switch {
		case address.Equal(invites.address(i), email):
			t.Invites = append(t.Invites, i.DeepCopy())
		case slices.ContainsFunc(proposals(i), func(m v1alpha1.ProposedMember) bool { return t.are(string(m.Email)) }):
			if waits := t.othersWait(i); waits != "" {
				t.Obstacles = append(t.Obstacles, fmt.Sprintf("PartnerInvite %q also proposes %s, who has yet to decide; wait for that, or delete it", i.Name, address.Hint(waits)))
				return nil
			}
			t.Invites = append(t.Invites, i.DeepCopy())
		}
		return nil
	}, in)
	if err != nil {
		return nil, err
	}
	err = partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
		if t.are(partnerships.address(p)) {
			t.Partnerships = append(t.Partnerships, p.DeepCopy())
		}
		return nil
	}, in)
	if err != nil {
		return nil, err
	}
	err = links.each(ctx, d.Client, func(l *v1alpha1.PartnerLink) error {
		own := slices.ContainsFunc(t.Partnerships, func(p *v1alpha1.Partnership) bool { return p.Name == l.Spec.PartnershipRef.Name })
		if own || t.are(links.address(l)) {
			t.Links = append(t.Links, l.DeepCopy())
		}
		return nil
	}, in)
	if err != nil {
		return nil, err
	}
	err = teams.each(ctx, d.Client, func(team *v1alpha1.PartnerTeam) error {
		switch {
		case t.are(string(team.CurrentOwner().Email)):
			t.Obstacles = append(t.Obstacles, fmt.Sprintf("they own PartnerTeam %q; let them hand it over in the portal, or delete the team", team.Name))
		case slices.ContainsFunc(team.Status.Members, func(m v1alpha1.TeamMember) bool { return t.are(string(m.Email)) }):
			t.Teams = append(t.Teams, team.DeepCopy())
		}
		return nil
	}, in)
	return t, err
}

// are tells whether an address is the person's.
func (t *Traces) are(email string) bool { return address.Equal(email, t.Address) }

// proposals are the people whom an invite proposes for a team.
func proposals(i *v1alpha1.PartnerInvite) []v1alpha1.ProposedMember {
	if i.Spec.Team != nil {
		return i.Spec.Team.Members
	}
	return i.Spec.Members
}

// othersWait is somebody else whom an invite proposes, and of whom it is not settled whether they join; empty: nobody is.
func (t *Traces) othersWait(i *v1alpha1.PartnerInvite) string {
	if contact := string(i.Spec.Contact.Email); contact != "" && i.Status.State != v1alpha1.InviteAccepted {
		return contact
	}
	for _, m := range proposals(i) {
		settled := slices.ContainsFunc(i.Status.Members, func(is v1alpha1.InviteMember) bool {
			waits := is.State == v1alpha1.MemberAwaitingApproval || is.State == v1alpha1.MemberInvited || is.State == "" && is.Reason == ""
			return address.Equal(string(is.Email), string(m.Email)) && !waits
		})
		if !settled && !t.are(string(m.Email)) {
			return string(m.Email)
		}
	}
	return ""
}

// objects are what is deleted, in order.
func (t *Traces) objects() (all []client.Object) {
	for _, i := range t.Invites {
		all = append(all, i)
	}
	for _, p := range t.Partnerships {
		all = append(all, p)
	}
	for _, l := range t.Links {
		all = append(all, l)
	}
	return all
}

// Export writes what is known of the person as YAML: manifests as export writes them, with what was observed as status. Of
// others who stand in the same objects it tells nothing.
func (t *Traces) Export(w io.Writer) error {
	objects := t.objects()
	for _, team := range t.Teams {
		objects = append(objects, team)
	}
	for _, object := range objects {
		object = t.theirs(object)
		clean, err := manifest(object, Scheme)
		if err != nil {
			return err
		}
		text, err := json.Marshal(object)
		if err != nil {
			return err
		}
		full := &unstructured.Unstructured{}
		if err := json.Unmarshal(text, &full.Object); err != nil {
			return err
		}
		clean.SetNamespace("")
		clean.Object["status"] = full.Object["status"]
		if text, err = yaml.Marshal(clean); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}

// theirs is an object without what it says of others.
func (t *Traces) theirs(object client.Object) client.Object {
	others := func(email v1alpha1.EmailAddress) bool { return !t.are(string(email)) }
	switch o := object.DeepCopyObject().(type) {
	case *v1alpha1.PartnerInvite:
		if !others(o.Spec.Contact.Email) {
			return o
		}
		o.Spec.Contact = v1alpha1.Contact{}
		o.Spec.Members = slices.DeleteFunc(o.Spec.Members, func(m v1alpha1.ProposedMember) bool { return others(m.Email) })
		if o.Spec.Team != nil {
			o.Spec.Team.Members = slices.DeleteFunc(o.Spec.Team.Members, func(m v1alpha1.ProposedMember) bool { return others(m.Email) })
		}
		o.Status = v1alpha1.PartnerInviteStatus{
			State: o.Status.State, Members: slices.DeleteFunc(o.Status.Members, func(m v1alpha1.InviteMember) bool { return others(m.Email) }),
		}
		return o
	case *v1alpha1.PartnerTeam:
		o.Spec.Owner = v1alpha1.TeamOwner{}
		o.Status = v1alpha1.PartnerTeamStatus{Members: slices.DeleteFunc(o.Status.Members, func(m v1alpha1.TeamMember) bool { return others(m.Email) })}
		return o
	default:
		return object
	}
}

// keptByGit are the objects that a GitOps tool would make again.
func (t *Traces) keptByGit() (kept []string) {
	for _, object := range t.objects() {
		if tool := managedBy(object); tool != "" {
			kept = append(kept, fmt.Sprintf("%s is kept by %s; take it out of Git first", nameOf(object), tool))
		}
	}
	return kept
}

// Forget deletes what a namespace holds of a person. Teams are told to, and waited for.
func (t *Traces) Forget(ctx context.Context, d Desk, timeout time.Duration, tell func(Outcome) error) error {
	for _, object := range t.objects() {
		if err := client.IgnoreNotFound(d.remove(ctx, object)); err != nil {
			return fmt.Errorf("%s: %w", nameOf(object), err)
		}
		if err := tell(Outcome{Object: object, Action: "deleted"}); err != nil {
			return err
		}
	}
	for _, team := range t.Teams {
		if err := t.leave(ctx, d, team, timeout); err != nil {
			return fmt.Errorf("%s: %w", nameOf(team), err)
		}
		if err := tell(Outcome{Object: team, Action: "changed", Note: "they are not among its people any more"}); err != nil {
			return err
		}
	}
	return nil
}

// leave asks the operator to take the person out of a team, waits for it, and takes back what asked.
func (t *Traces) leave(ctx context.Context, d Desk, team *v1alpha1.PartnerTeam, timeout time.Duration) error {
	var serials []string
	for _, m := range team.Status.Members {
		if t.are(string(m.Email)) {
			serials = append(serials, strconv.FormatInt(m.Serial, 10))
		}
	}
	annotate := func(ctx context.Context, value string) error {
		_, err := change(ctx, d, team, "changed", func(team *v1alpha1.PartnerTeam) {
			if team.Annotations == nil {
				team.Annotations = map[string]string{}
			}
			if team.Annotations[v1alpha1.ForgetMembersAnnotation] = value; value == "" {
				delete(team.Annotations, v1alpha1.ForgetMembersAnnotation)
			}
		})
		return err
	}
	if err := annotate(ctx, strings.Join(serials, ",")); err != nil || d.DryRun != DryRunNone {
		return err
	}
	err := until(ctx, d.Client, team, func(team *v1alpha1.PartnerTeam) (bool, error) {
		return !slices.ContainsFunc(team.Status.Members, func(m v1alpha1.TeamMember) bool { return t.are(string(m.Email)) }), nil
	}, timeout)
	return errors.Join(err, annotate(context.WithoutCancel(ctx), ""))
}

// EraseMarks erases that the person was a partner in the programs of the namespace, and tells how many marks there were.
func (t *Traces) EraseMarks(ctx context.Context, d Desk, where Installation) (int, error) {
	keys, err := keyring.Open(ctx, d.Client, where.Namespace)
	if err == nil {
		err = keys.Missing()
	}
	if err != nil {
		return 0, fmt.Errorf("that they were a partner can be erased only by who may read the Secrets %s and %s in namespace %q, and change its ConfigMaps: %w", keyring.SecretName, keyring.MarksSecretName, where.Namespace, err)
	}
	var options []client.PatchOption
	if d.DryRun == DryRunServer {
		options = append(options, client.DryRunAll)
	}
	all, settled := 0, func() bool {
		return d.DryRun != DryRunNone || !slices.ContainsFunc(t.Partnerships, func(p *v1alpha1.Partnership) bool { return d.Now().Sub(p.CreationTimestamp.Time) < notedWithin })
	}
	for {
		erased, err := t.eraseMarks(ctx, d, where, keys, options)
		all += erased
		if err != nil || all > 0 || settled() {
			return all, err
		}
		if err := sleep(ctx, time.Second); err != nil { // a partner of a moment ago may yet be noted
			return all, err
		}
	}
}

// notedWithin is how long it may take until a new partner is noted.
const notedWithin = 10 * time.Second

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}

// eraseMarks erases the marks that there are now.
func (t *Traces) eraseMarks(ctx context.Context, d Desk, where Installation, keys *keyring.Keyring, options []client.PatchOption) (int, error) {
	all := 0
	err := programs.each(ctx, d.Client, func(p *v1alpha1.Program) error {
		if d.DryRun == DryRunClient {
			return nil
		}
		erased, err := tombstone.Erase(ctx, d.Client, where.Namespace, keys, p, t.Address, options...)
		all += erased
		return err
	}, client.InNamespace(d.Namespace))
	return all, err
}

// Remains are the objects of the namespace that still hold the address.
func (t *Traces) Remains(ctx context.Context, d Desk) (remains []string, err error) {
	look := func(object client.Object) error {
		text, err := json.Marshal(object)
		if err == nil && strings.Contains(strings.ToLower(string(text)), strconv.Quote(address.Normalize(t.Address))) {
			remains = append(remains, nameOf(object))
		}
		return err
	}
	in := client.InNamespace(d.Namespace)
	err = errors.Join(
		invites.each(ctx, d.Client, func(o *v1alpha1.PartnerInvite) error { return look(o) }, in),
		partnerships.each(ctx, d.Client, func(o *v1alpha1.Partnership) error { return look(o) }, in),
		teams.each(ctx, d.Client, func(o *v1alpha1.PartnerTeam) error { return look(o) }, in),
		links.each(ctx, d.Client, func(o *v1alpha1.PartnerLink) error { return look(o) }, in),
	)
	return remains, err
}

// forgetting is the verb forget.
type forgetting struct {
	*writing
	where     Installation
	export    string
	tombstone bool
	yes       bool
	timeout   time.Duration
}

func (f *forgetting) run(ctx context.Context, c cluster, streams genericiooptions.IOStreams, email string) error {
	if f.export == "" {
		return errors.New("say where to write first what is known of them: --export FILE, - for the standard output, or none")
	}
	d, tell, err := f.open(c, streams)
	if err != nil {
		return err
	}
	if f.export == "-" {
		tell.Out = streams.ErrOut
	}
	t, err := FindTraces(ctx, d, email)
	if err != nil {
		return err
	}
	if err := f.refuse(d, t); err != nil {
		return err
	}
	if d.DryRun == DryRunNone || f.export == "-" {
		if err := f.write(t, streams); err != nil {
			return err
		}
	}
	if err := t.Forget(ctx, d, f.timeout, tell.tell); err != nil {
		return err
	}
	if f.tombstone {
		if err := f.eraseMarks(ctx, d, t, streams); err != nil {
			return err
		}
	}
	if d.DryRun != DryRunNone {
		return nil
	}
	remains, err := t.Remains(ctx, d)
	if err == nil && len(remains) > 0 {
		err = fmt.Errorf("their address still stands in %s, as what they did there for others or for a team", strings.Join(remains, ", "))
	}
	return err
}

// refuse says why nothing is deleted; nil: it is.
func (f *forgetting) refuse(d Desk, t *Traces) error {
	if obstacles := append(t.Obstacles, t.keptByGit()...); len(obstacles) > 0 {
		return fmt.Errorf("nothing was deleted: %s", strings.Join(obstacles, "; "))
	}
	if !f.yes && d.DryRun == DryRunNone {
		return fmt.Errorf("nothing was deleted: this deletes %d objects and takes them out of %d teams, for good; --dry-run tells which, and --yes does it", len(t.objects()), len(t.Teams))
	}
	return nil
}

// eraseMarks erases that the person was removed, and says so.
func (f *forgetting) eraseMarks(ctx context.Context, d Desk, t *Traces, streams genericiooptions.IOStreams) error {
	erased, err := t.EraseMarks(ctx, d, f.where)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.ErrOut, "%d marks were erased%s: nothing tells any more that they were removed, so they can come back by a join link.\n", erased, dryRunSuffix(d.DryRun))
	return err
}

// write writes what is known of the person, before anything is deleted.
func (f *forgetting) write(t *Traces, streams genericiooptions.IOStreams) error {
	switch f.export {
	case "none":
		return nil
	case "-":
		return t.Export(streams.Out)
	}
	file, err := os.OpenFile(f.export, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(t.Export(file), file.Close())
}

func newForget(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	f := &forgetting{writing: newWriting()}
	command := &cobra.Command{
		Use:   "forget EMAIL --export FILE",
		Short: "Delete all that is known of a person",
		Long: `Write what a namespace holds of a person to a file, and delete it: their invites, partnerships and share links, and their
place among the people of teams, which the operator takes away. Nobody is mailed. Who owns a team has to hand it over first.

What remains is a mark that is no address, by which join links refuse who was removed. --tombstone erases that, too, so that
they can come back by a join link; it takes the right to read the keys of the operator. Backups, Git, logs and mail
servers have to be seen to by other means. With plain kubectl: ` + manual.Page("security.md") + ` shows how.`,
		Example: `  kubectl partner forget ada@example.com --export ada.yaml --dry-run
  kubectl partner forget ada@example.com --export ada.yaml --yes

  # so that nothing is left
  kubectl partner forget ada@example.com --export none --tombstone --yes`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return f.run(command.Context(), c, streams, args[0])
		},
	}
	f.addFlags(command)
	f.where.addFlags(command)
	flags := command.Flags()
	flags.StringVar(&f.export, "export", "", "new file for what is known of the person; -: the standard output; none: nothing is written")
	flags.BoolVar(&f.tombstone, "tombstone", false, "also erase the mark by which join links refuse who was removed")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do it; without it nothing is deleted")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for the operator to take the person out of teams")
	return command
}
