package kubectl

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// Portrait is a partner as a person thinks of one: somebody, or a team, with all that they are in.
type Portrait struct {
	// Contact is the person; nil: it is a team.
	Contact *v1alpha1.Contact
	// Team is the team; nil: it is a person.
	Team *v1alpha1.PartnerTeam
	// Owns are the teams of the person.
	Owns []v1alpha1.PartnerTeam
	// Partnerships and Invites are theirs.
	Partnerships []v1alpha1.Partnership
	Invites      []v1alpha1.PartnerInvite
	// Links are the share links of the partnerships.
	Links []v1alpha1.PartnerLink
	// Events are what was told about any of it lately, the oldest first.
	Events []corev1.Event
}

// Describe finds all about somebody: by the name of one of their partnerships or invites, or by their address.
func Describe(ctx context.Context, d Desk, name string) (*Portrait, error) {
	if !strings.Contains(name, "@") {
		contact, team, err := whoHas(ctx, d, name)
		if err != nil {
			return nil, err
		}
		if team != "" {
			return DescribeTeam(ctx, d, team)
		}
		name = string(contact.Email)
	}
	p := &Portrait{}
	err := partnerships.each(ctx, d.Client, func(each *v1alpha1.Partnership) error {
		if address.Equal(partnerships.address(each), name) {
			p.Partnerships = append(p.Partnerships, *each.DeepCopy())
			p.Contact = each.Spec.Contact.DeepCopy()
		}
		return nil
	}, client.InNamespace(d.Namespace))
	if err != nil {
		return nil, err
	}
	err = invites.each(ctx, d.Client, func(each *v1alpha1.PartnerInvite) error {
		if address.Equal(invites.address(each), name) {
			p.Invites = append(p.Invites, *each.DeepCopy())
			if p.Contact == nil {
				p.Contact = each.Spec.Contact.DeepCopy()
			}
		}
		return nil
	}, client.InNamespace(d.Namespace))
	if err != nil {
		return nil, err
	}
	if p.Contact == nil {
		return nil, fmt.Errorf("nobody with the address %s is a partner or invited in namespace %q", name, d.Namespace)
	}
	err = teams.each(ctx, d.Client, func(each *v1alpha1.PartnerTeam) error {
		if address.Equal(teams.address(each), name) {
			p.Owns = append(p.Owns, *each.DeepCopy())
		}
		return nil
	}, client.InNamespace(d.Namespace))
	if err != nil {
		return nil, err
	}
	return p, p.findMore(ctx, d)
}

// whoHas tells whose partnership, or invite, has this name.
func whoHas(ctx context.Context, d Desk, name string) (contact *v1alpha1.Contact, team string, err error) {
	key, keyErr := keyOf(d.Namespace, name, partnerships.name, partnerships.called)
	if keyErr == nil {
		var p v1alpha1.Partnership
		if err = d.Client.Get(ctx, key, &p); err == nil {
			if p.Spec.TeamRef != nil {
				return nil, p.Spec.TeamRef.Name, nil
			}
			return p.Spec.Contact, "", nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, "", err
		}
	}
	if key, keyErr = keyOf(d.Namespace, name, invites.name, invites.called); keyErr == nil {
		var i v1alpha1.PartnerInvite
		if err = d.Client.Get(ctx, key, &i); err == nil {
			return &i.Spec.Contact, "", nil
		}
		if client.IgnoreNotFound(err) != nil {
			return nil, "", err
		}
	}
	return nil, "", fmt.Errorf("no Partnership and no PartnerInvite is called %q in namespace %q; an address works, too", name, d.Namespace)
}

// DescribeTeam finds all about a team.
func DescribeTeam(ctx context.Context, d Desk, name string) (*Portrait, error) {
	p := &Portrait{Team: &v1alpha1.PartnerTeam{}}
	if err := d.Client.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, p.Team); err != nil {
		return nil, about("PartnerTeam", name, err)
	}
	err := partnerships.each(ctx, d.Client, func(each *v1alpha1.Partnership) error {
		p.Partnerships = append(p.Partnerships, *each.DeepCopy())
		return nil
	}, client.InNamespace(d.Namespace), client.MatchingFields{"spec.teamRef.name": name})
	if err != nil {
		return nil, err
	}
	return p, p.findMore(ctx, d)
}

// findMore finds what belongs to the partnerships.
func (p *Portrait) findMore(ctx context.Context, d Desk) error {
	for _, each := range p.Partnerships {
		err := links.each(ctx, d.Client, func(l *v1alpha1.PartnerLink) error {
			p.Links = append(p.Links, *l.DeepCopy())
			return nil
		}, client.InNamespace(d.Namespace), client.MatchingFields{"spec.partnershipRef.name": each.Name})
		if err != nil {
			return err
		}
	}
	return p.findEvents(ctx, d)
}

// findEvents finds what was told about the objects. The cluster keeps events for an hour or so.
func (p *Portrait) findEvents(ctx context.Context, d Desk) error {
	for _, uid := range p.uids() {
		var found corev1.EventList
		if err := d.Client.List(ctx, &found, client.InNamespace(d.Namespace), client.MatchingFields{"involvedObject.uid": uid}); err != nil {
			return err
		}
		p.Events = append(p.Events, found.Items...)
	}
	slices.SortStableFunc(p.Events, func(a, b corev1.Event) int { return told(a).Compare(told(b)) })
	return nil
}

func (p *Portrait) uids() (uids []string) {
	if p.Team != nil {
		uids = append(uids, string(p.Team.UID))
	}
	for _, each := range p.Partnerships {
		uids = append(uids, string(each.UID))
	}
	for _, each := range p.Invites {
		uids = append(uids, string(each.UID))
	}
	return uids
}

// told is when an event was told.
func told(e corev1.Event) time.Time {
	if !e.EventTime.IsZero() {
		return e.EventTime.Time
	}
	return e.LastTimestamp.Time
}

// show writes it for a person to read.
func (p *Portrait) show(w io.Writer) error {
	out := printers.GetNewTabWriter(w)
	line := func(name, text string) {
		if text != "" {
			_, _ = fmt.Fprintf(out, "%s:\t%s\n", name, text)
		}
	}
	if p.Team != nil {
		line("Team", string(p.Team.Spec.DisplayName)+" ("+p.Team.Name+")")
		owner := p.Team.CurrentOwner()
		line("Owner", sender(strings.TrimSpace(string(owner.FirstName)+" "+string(owner.LastName)), string(owner.Email)))
	} else {
		line("Name", fullName(p))
		line("Email", string(p.Contact.Email))
		line("Job title", string(p.Contact.JobTitle))
		line("Phone", string(p.Contact.Phone))
		for _, team := range p.Owns {
			line("Team", string(team.Spec.DisplayName)+" ("+team.Name+"), owner")
		}
		line("Last active", p.lastActive())
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return p.showParts(w)
}

// showParts writes one part after the other.
func (p *Portrait) showParts(w io.Writer) error {
	parts := []struct {
		title string
		show  func(io.Writer) error
		empty bool
	}{
		{"Members", p.showMembers, p.Team == nil || len(p.Team.Status.Members) == 0},
		{"Programs", p.showPrograms, len(p.Partnerships) == 0},
		{"Links", p.showLinks, len(p.Links) == 0},
		{"Invites", p.showInvites, len(p.Invites) == 0},
		{"Facts", p.showFacts, len(p.facts()) == 0},
		{"History", p.showHistory, len(p.history()) == 0},
		{"Events", p.showEvents, len(p.Events) == 0},
	}
	for _, part := range parts {
		if part.empty {
			continue
		}
		_, _ = fmt.Fprintf(w, "\n%s:\n", part.title)
		if err := part.show(w); err != nil {
			return err
		}
	}
	return nil
}

func fullName(p *Portrait) string {
	for _, each := range p.Partnerships {
		if each.Spec.DisplayName != "" {
			return string(each.Spec.DisplayName)
		}
	}
	return strings.TrimSpace(string(p.Contact.FirstName) + " " + string(p.Contact.LastName))
}

func (p *Portrait) lastActive() string {
	var last *metav1.Time
	for _, each := range p.Partnerships {
		if t := each.Status.LastActive(); t != nil && (last == nil || last.Before(t)) {
			last = t
		}
	}
	if last == nil {
		return "never"
	}
	return moment(last)
}

func (p *Portrait) showMembers(w io.Writer) error {
	return indented(w, p.Team.Status.Members, []column[v1alpha1.TeamMember]{
		{"EMAIL", false, func(m *v1alpha1.TeamMember) string { return string(m.Email) }},
		{"ROLE", false, func(m *v1alpha1.TeamMember) string { return string(m.Role) }},
		{"STATE", false, func(m *v1alpha1.TeamMember) string {
			if m.State != v1alpha1.MemberInvited {
				return string(m.State)
			}
			return string(m.State) + wrongAddresses(m.WrongAddresses)
		}},
		{"LAST ACTIVE", false, func(m *v1alpha1.TeamMember) string { return moment(m.LastActive()) }},
	})
}

func (p *Portrait) showPrograms(w io.Writer) error {
	return indented(w, p.Partnerships, []column[v1alpha1.Partnership]{
		{"PROGRAM", false, func(p *v1alpha1.Partnership) string { return p.Spec.ProgramRef.Name }},
		{"GROUP", false, func(p *v1alpha1.Partnership) string { return p.Status.Group }},
		{"STATE", false, func(p *v1alpha1.Partnership) string { return string(p.Status.State) }},
		{"WHY", false, whyState},
		{"STAGE", false, func(p *v1alpha1.Partnership) string { return string(p.Spec.Stage) }},
		{"PARTNERSHIP", false, func(p *v1alpha1.Partnership) string { return p.Name }},
	})
}

// whyState is why somebody has no access, or what is wrong though they have.
func whyState(p *v1alpha1.Partnership) string {
	for _, wanted := range []string{v1alpha1.ConditionResolvedRefs, v1alpha1.ConditionActive} {
		for _, c := range p.Status.Conditions {
			if c.Type == wanted && c.Status == metav1.ConditionFalse {
				return c.Message
			}
		}
	}
	return ""
}

func (p *Portrait) showLinks(w io.Writer) error {
	return indented(w, p.Links, []column[v1alpha1.PartnerLink]{
		{"URL", false, func(l *v1alpha1.PartnerLink) string { return l.Status.URL }},
		{"STATE", false, func(l *v1alpha1.PartnerLink) string { return string(l.Status.State) }},
		{"PROGRAM", false, func(l *v1alpha1.PartnerLink) string { return l.Status.Program }},
		{"LEADS TO", false, func(l *v1alpha1.PartnerLink) string { return l.Status.Destination }},
		{"MEMBER", false, func(l *v1alpha1.PartnerLink) string { return links.address(l) }},
	})
}

func (p *Portrait) showInvites(w io.Writer) error {
	return indented(w, p.Invites, []column[v1alpha1.PartnerInvite]{
		{"PROGRAMS", false, func(i *v1alpha1.PartnerInvite) string { return offeredBy(i) }},
		{"STATE", false, func(i *v1alpha1.PartnerInvite) string {
			return string(i.Status.State) + wrongAddresses(i.Status.WrongAddresses)
		}},
		{"SENT", false, func(i *v1alpha1.PartnerInvite) string { return moment(i.Status.SentTime) }},
		{"EXPIRES", false, func(i *v1alpha1.PartnerInvite) string { return moment(i.Status.ExpiryTime) }},
		{"LINKS", false, func(i *v1alpha1.PartnerInvite) string { return strconv.FormatInt(i.Status.Serial, 10) }},
		{"INVITE", false, func(i *v1alpha1.PartnerInvite) string { return i.Name }},
	})
}

// wrongAddresses tells how many wrong addresses were typed on the page of a link, and what came of it; empty: none were.
func wrongAddresses(count v1alpha1.WrongAddresses) string {
	switch {
	case count.LinkDead():
		return fmt.Sprintf(" (the link is dead, %d wrong addresses)", count)
	case count > 0:
		return fmt.Sprintf(" (%d of %d wrong addresses)", count, v1alpha1.MaxWrongAddresses)
	default:
		return ""
	}
}

// entry is one line about something.
type entry struct{ when, what string }

var entryColumns = []column[entry]{
	{"WHEN", false, func(e *entry) string { return e.when }},
	{"WHAT", false, func(e *entry) string { return e.what }},
}

// facts are the custom fields and what was entered into forms.
func (p *Portrait) facts() (found []entry) {
	for _, each := range p.Partnerships {
		for _, name := range slices.Sorted(maps.Keys(each.Spec.CustomFields)) {
			found = append(found, entry{each.Spec.ProgramRef.Name, name + " = " + string(each.Spec.CustomFields[name])})
		}
		for _, name := range slices.Sorted(maps.Keys(each.Spec.Application.Fields)) {
			found = append(found, entry{each.Spec.ProgramRef.Name, name + " = " + oneLine(string(each.Spec.Application.Fields[name])) + " (their answer)"})
		}
	}
	return found
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func (p *Portrait) showFacts(w io.Writer) error {
	return indented(w, p.facts(), []column[entry]{
		{"PROGRAM", false, func(e *entry) string { return e.when }},
		{"FACT", false, func(e *entry) string { return e.what }},
	})
}

// history is what status remembers for good, the oldest first.
func (p *Portrait) history() (found []entry) {
	add := func(t *metav1.Time, format string, args ...any) {
		if t != nil && !t.IsZero() {
			found = append(found, entry{moment(t), fmt.Sprintf(format, args...)})
		}
	}
	for _, i := range p.Invites {
		add(i.Status.SentTime, "invited to %s", offered(i.Offers()))
		if a := i.Status.Acceptance; a != nil {
			add(&a.Time, "%s the invite to %s", strings.ToLower(string(a.Decision)), offered(i.Offers()))
		}
	}
	for _, each := range p.Partnerships {
		program := each.Spec.ProgramRef.Name
		add(&each.CreationTimestamp, "partnership in %s created, source %s", program, each.Spec.Source)
		add(each.Status.ActivatedTime, "Active in %s", program)
		if m := each.Status.LastMove; m != nil && m.From == "" {
			add(&m.Time, "in %s in group %s", program, orNone(m.To))
		} else if m != nil {
			add(&m.Time, "moved in %s from %s to %s", program, m.From, orNone(m.To))
		}
		if r := each.Spec.Revocation; r != nil {
			add(each.Status.RevokedTime, "revoked in %s: %s", program, orNone(r.Reason))
		}
		if end, ok := each.Spec.ValidUntil.Time(); ok {
			add(&metav1.Time{Time: end}, "end of %s", program)
		}
	}
	slices.SortStableFunc(found, func(a, b entry) int { return strings.Compare(a.when, b.when) })
	return found
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func (p *Portrait) showHistory(w io.Writer) error { return indented(w, p.history(), entryColumns) }

func (p *Portrait) showEvents(w io.Writer) error {
	return indented(w, p.Events, []column[corev1.Event]{
		{"WHEN", false, func(e *corev1.Event) string { return told(*e).UTC().Format(time.RFC3339) }},
		{"REASON", false, func(e *corev1.Event) string { return e.Reason }},
		{"ABOUT", false, func(e *corev1.Event) string {
			return strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		}},
		{"MESSAGE", false, func(e *corev1.Event) string { return oneLine(e.Message) }},
	})
}

// indented writes a table two blanks further in.
func indented[T any](w io.Writer, items []T, columns []column[T]) error {
	var text strings.Builder
	if err := table(&text, items, columns, true); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := io.WriteString(w, "  "+line); err != nil {
			return err
		}
	}
	return nil
}

func newDescribe(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:   "describe (EMAIL | NAME)",
		Short: "Show a partner: who, in what, since when, and what happened",
		Long: `Show a partner as a person thinks of one: who it is, in which programs and groups, the teams, the invites, when it was last active,
and what happened. NAME is that of a Partnership or of a PartnerInvite. With plain kubectl: describe each of those objects.`,
		Example: `  kubectl partner describe ada@example.com
  kubectl partner describe ada-5e1ba3e5`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames(c, partnerships),
		RunE: func(command *cobra.Command, args []string) error {
			d, err := c.desk()
			if err != nil {
				return err
			}
			portrait, err := Describe(command.Context(), d, args[0])
			if err != nil {
				return err
			}
			return portrait.show(streams.Out)
		},
	}
}
