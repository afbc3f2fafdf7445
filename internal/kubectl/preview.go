package kubectl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// PreviewOptions tell what a preview cannot find in the cluster.
type PreviewOptions struct {
	// PortalURL is the operator's --portal-url, MailFrom its --mail-from.
	PortalURL, MailFrom string
	// Now is the time at which the mail would be sent.
	Now time.Time
}

// noToken stands where that of a link would.
const noToken = "this-is-a-preview-and-no-link" //nolint:gosec // it opens nothing

// Preview makes the mail that an invite would get if it were issued now. It writes nothing. An error tells what keeps the
// mail from being sent.
func Preview(ctx context.Context, c client.Reader, i *v1alpha1.PartnerInvite, o PreviewOptions) (mail.Message, error) {
	from, err := address.ParseSender(o.MailFrom)
	if err != nil {
		return mail.Message{}, fmt.Errorf("--mail-from %w", err)
	}
	portal, err := link.ParseBase(o.PortalURL)
	if err != nil {
		return mail.Message{}, fmt.Errorf("--portal-url %w", err)
	}
	book := &brandbook.Book{Cache: c, Live: c, Default: brand.Default(from), Quotes: true}
	company, err := book.Brand(ctx, i.Namespace)
	switch {
	case err != nil:
		return mail.Message{}, err
	case company.Problem != nil:
		return mail.Message{}, company.Problem
	case company.Host != "":
		if portal, err = portal.WithHost(company.Host); err != nil {
			return mail.Message{}, err
		}
	}
	in, err := observe(ctx, c, i, o.Now)
	if err != nil {
		return mail.Message{}, err
	}
	if i.Spec.Delivery == v1alpha1.DeliveryLink {
		return mail.Message{}, errors.New("nothing would be sent: its delivery is Link")
	}
	decision := invite.Decide(in)
	if decision.Send == nil {
		return mail.Message{}, errors.New("nothing would be sent: " + reasonAgainst(decision.Status))
	}
	issued := i.DeepCopy()
	issued.Status = decision.Status
	invitation := brandbook.Invitation{Invite: issued, Team: in.Team, Scope: issued.Status.Programs, Catalog: in.Catalog, Brand: company.Brand}
	message, wrong, err := book.InviteMail(ctx, invitation, portal.Invite(i.Namespace, noToken))
	if wrong != nil {
		return message, errors.New("nothing would be sent: " + wrong.Message)
	}
	return message, err
}

// observe is what the operator would decide on if the invite came to it now.
func observe(ctx context.Context, c client.Reader, i *v1alpha1.PartnerInvite, now time.Time) (invite.Input, error) {
	fresh := i.DeepCopy()
	fresh.Status = v1alpha1.PartnerInviteStatus{}
	if i.Status.Serial > 0 {
		fresh.Spec.Programs = i.Status.Programs // the scope is frozen
	}
	in := invite.Input{Invite: fresh, Keys: []string{""}, Now: now}
	var programs v1alpha1.ProgramList
	var groups v1alpha1.PartnerGroupList
	var partnerships v1alpha1.PartnershipList
	var invites v1alpha1.PartnerInviteList
	for _, list := range []client.ObjectList{&programs, &groups, &partnerships, &invites} {
		if err := c.List(ctx, list, client.InNamespace(i.Namespace)); err != nil {
			return in, err
		}
	}
	in.Catalog = program.NewCatalog(programs.Items, groups.Items)
	if i.ForTeammates() {
		return in, errors.New("nothing would be sent: the team asks its owner and admins about the teammates")
	}
	if i.ForTeam() {
		return in, observeTeam(ctx, c, &in, partnerships.Items, invites.Items)
	}
	for _, p := range partnerships.Items {
		if p.Spec.Contact != nil && address.Equal(string(p.Spec.Contact.Email), string(i.Spec.Contact.Email)) {
			in.Partnerships = append(in.Partnerships, p)
		}
	}
	for _, other := range invites.Items {
		if other.Name != i.Name && !other.ForTeam() && address.Equal(string(other.Spec.Contact.Email), string(i.Spec.Contact.Email)) {
			in.Rivals = append(in.Rivals, other)
		}
	}
	return in, nil
}

// observeTeam is observe for an invite that is for a team.
func observeTeam(ctx context.Context, c client.Reader, in *invite.Input, partnerships []v1alpha1.Partnership, invites []v1alpha1.PartnerInvite) error {
	i, found := in.Invite, &v1alpha1.PartnerTeam{}
	err := c.Get(ctx, client.ObjectKey{Namespace: i.Namespace, Name: i.TeamName()}, found)
	if err == nil {
		in.Team = found
	}
	for _, p := range partnerships {
		if i.Spec.Team == nil && p.Spec.TeamRef != nil && p.Spec.TeamRef.Name == i.TeamName() {
			in.Partnerships = append(in.Partnerships, p)
		}
	}
	for _, other := range invites {
		same := other.ForTeam() && other.TeamName() == i.TeamName() && (other.Spec.Team == nil) == (i.Spec.Team == nil)
		if same && other.Name != i.Name && address.Equal(string(other.Spec.Contact.Email), string(i.Spec.Contact.Email)) {
			in.Rivals = append(in.Rivals, other)
		}
	}
	return client.IgnoreNotFound(err)
}

// reasonAgainst is why an invite is not sent.
func reasonAgainst(status v1alpha1.PartnerInviteStatus) string {
	why := "it is " + string(status.State)
	for _, c := range status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			why = c.Message
		}
	}
	lines := []string{why}
	for _, m := range status.Members {
		if m.Reason != "" {
			lines = append(lines, fmt.Sprintf("  %s: %s", m.Email, m.Reason))
		}
	}
	return strings.Join(lines, "\n")
}

// previewFlags are those of kubectl partner preview.
type previewFlags struct {
	PreviewOptions
	file, output string
}

func newPreview(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var f previewFlags
	command := &cobra.Command{
		ValidArgsFunction: completeNames(c, invites),

		Use:   "preview (NAME | EMAIL | -f FILE)",
		Short: "Show the mail of an invite without sending it",
		Long: `Show the mail that an invite would get if it were issued now, from the programs, the brand and the templates in the
cluster. The link in it does not work. Nothing is sent or changed. An error tells what keeps the mail from being sent.`,
		Example: `  # the mail of an invite that is not applied yet
  kubectl partner preview -f invite.yaml

  # the mail of an invite in the cluster, as a page to open in a browser
  kubectl partner preview ada -o html > ada.html`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return f.run(command.Context(), c, streams, args) },
	}
	flags := command.Flags()
	flags.StringVarP(&f.file, "filename", "f", "", "file with one PartnerInvite, as YAML or JSON; - is the standard input")
	flags.StringVarP(&f.output, "output", "o", "text", "text: the mail as text, with its headers; html: its page")
	flags.StringVar(&f.PortalURL, "portal-url", "https://partners.example.com", "public address of the portal, as the operator has it")
	flags.StringVar(&f.MailFrom, "mail-from", "no-reply@partners.example.com", "sender, as the operator has it, for a brand that names none")
	return command
}

func (f *previewFlags) run(ctx context.Context, c cluster, streams genericiooptions.IOStreams, args []string) error {
	if f.output != "text" && f.output != "html" {
		return fmt.Errorf("--output can be text or html, not %q", f.output)
	}
	if (f.file == "") == (len(args) == 0) {
		return errors.New("name an invite, or a file with -f")
	}
	reader, namespace, err := c.connect()
	if err != nil {
		return err
	}
	var i *v1alpha1.PartnerInvite
	if f.file != "" {
		i, err = readInvite(ctx, reader, f.file, streams.In, namespace)
	} else {
		i, err = single(ctx, Desk{Client: reader, Namespace: namespace}, invites, args[0])
	}
	if err != nil {
		return err
	}
	f.Now = time.Now()
	message, err := Preview(ctx, reader, i, f.PreviewOptions)
	if err != nil {
		return fmt.Errorf("PartnerInvite %q: %w", i.Name, err)
	}
	_, err = io.WriteString(streams.Out, show(message, f.output))
	return err
}

// show is a mail as a person reads it.
func show(m mail.Message, output string) string {
	if output == "html" {
		return m.HTML
	}
	var text strings.Builder
	header := func(name, value string) {
		if value != "" {
			text.WriteString(name + ": " + value + "\n")
		}
	}
	header("From", sender(m.From.Name, m.From.Address))
	if m.ReplyTo != nil {
		header("Reply-To", sender(m.ReplyTo.Name, m.ReplyTo.Address))
	}
	header("To", m.To)
	header("Subject", m.Subject)
	return text.String() + "\n" + strings.TrimRight(m.Text, "\n") + "\n"
}

func sender(name, address string) string {
	if name == "" {
		return address
	}
	return name + " <" + address + ">"
}

// readInvite reads an invite from a file, and lets the API server judge it and fill in its defaults, without creating it.
func readInvite(ctx context.Context, c client.Client, file string, stdin io.Reader, namespace string) (*v1alpha1.PartnerInvite, error) {
	source := stdin
	if file != "-" {
		opened, err := os.Open(file) //nolint:gosec // the person who runs it names the file
		if err != nil {
			return nil, err
		}
		defer func() { _ = opened.Close() }()
		source = opened
	} else {
		file = "the standard input"
	}
	const longest = 1 << 20
	documents := yaml.NewYAMLReader(bufio.NewReader(io.LimitReader(source, longest)))
	first, err := documents.Read()
	if err != nil {
		return nil, fmt.Errorf("%s holds no PartnerInvite: %w", file, err)
	}
	if _, err := documents.Read(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s holds more than one object; preview shows the mail of one PartnerInvite", file)
	}
	i := &v1alpha1.PartnerInvite{}
	if err := sigsyaml.UnmarshalStrict(first, i); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if i.Kind != "PartnerInvite" {
		return nil, fmt.Errorf("%s holds a %q; preview shows the mail of a PartnerInvite", file, i.Kind)
	}
	if i.Namespace == "" {
		i.Namespace = namespace
	}
	judged := i.DeepCopy()
	if err := c.Create(ctx, judged, client.DryRunAll, client.FieldOwner(FieldManager)); err == nil {
		return judged, nil
	} else if !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("%s: %w", file, about(i.Kind, i.Name, err))
	}
	return i, nil
}
