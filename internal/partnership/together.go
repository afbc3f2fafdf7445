package partnership

import (
	"slices"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// One act of the company, such as to revoke a person everywhere, is one for each partnership. The person hears of it once:
// of the partnerships of one contact whose mails of a kind wait, the first by name leads. Its mail names them all, and the
// others are not sent once it has left. Nothing is locked: each partnership decides for itself, and all decide the same.

const (
	// togetherFor is how long such a mail waits for those of the other partnerships. Status tells whole seconds.
	togetherFor = 3 * time.Second
	// togetherAtMost is how long it waits at most while others go on coming.
	togetherAtMost = 30 * time.Second
	// maxAbout is how many others one mail names.
	maxAbout = 500
)

// together tells whether mails of a kind to the contact of several partnerships are one.
func together(kind v1alpha1.MailKind) bool {
	return kind == v1alpha1.MailRevoked || kind == v1alpha1.MailApproved || kind == v1alpha1.MailRejected
}

// side is one partnership with its mail of a kind.
type side struct {
	name string
	mail *v1alpha1.MailDelivery
	// since is when the occasion of the mail was noted.
	since time.Time
}

// leads tells whether the mail of a side tells, or will tell, of another as well.
func (s side) leads(other side) bool {
	if s.untried() {
		return s.name < other.name
	}
	return slices.Contains(s.mail.About, other.name)
}

// untried tells whether nothing can have left, so that what the mail will say is open.
func (s side) untried() bool { return s.mail.State == v1alpha1.DeliveryPending && s.mail.Attempts == 0 }

// occasion is when what a mail of a kind tells was noted.
func occasion(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind) time.Time {
	switch handled := status.HandledApproval; {
	case kind == v1alpha1.MailRevoked && status.RevokedTime != nil:
		return status.RevokedTime.Truncate(time.Second)
	case kind != v1alpha1.MailRevoked && handled != nil && handled.Time != nil:
		return handled.Time.Truncate(time.Second)
	default:
		return time.Time{}
	}
}

// toldBy tells of a mail that waits which other partnership's mail has told the contact; empty: none has.
func (d *Decision) toldBy(in Input, m *v1alpha1.MailDelivery) string {
	if !together(m.Kind) || in.Partnership.Spec.Contact == nil || m.State != v1alpha1.DeliveryPending {
		return ""
	}
	return toldBy(in.Others, m.Kind, in.Partnership.Name, occasion(&d.Status, m.Kind))
}

// toldBy tells which of several partnerships' mails has told what was noted of another at a time; empty: none has.
func toldBy(all []v1alpha1.Partnership, kind v1alpha1.MailKind, name string, since time.Time) string {
	for i := range all {
		m := Mail(&all[i].Status, kind, "")
		if m == nil || m.State != v1alpha1.DeliverySent || m.LastAttemptTime == nil || !slices.Contains(m.About, name) {
			continue
		}
		if !m.LastAttemptTime.Truncate(time.Second).Before(since) { // else it told of what was before
			return delivery.ToldWith("Partnership", all[i].Name)
		}
	}
	return ""
}

// holdTogether holds a mail back that others will come with, or that another one is to tell; nil: neither.
func (d *Decision) holdTogether(in Input, m *v1alpha1.MailDelivery) *delivery.Hold {
	if !together(m.Kind) || in.Partnership.Spec.Contact == nil || len(in.Others) == 0 || m.State != v1alpha1.DeliveryPending || m.Attempts > 0 {
		return nil
	}
	hold := &delivery.Hold{Message: "waits a moment for mails about the person's other partnerships, to be one with them"}
	self := side{in.Partnership.Name, m, occasion(&d.Status, m.Kind)}
	for _, other := range sidesOf(in, m.Kind) {
		if other.leads(self) {
			hold.Until = in.Now.Add(delivery.InFlight) // it is told when that has left; this is for a leader who is removed
			return hold
		}
	}
	first, last := self.since, self.since
	for _, other := range followersOf(in, m.Kind) {
		if other.since.Before(first) {
			first = other.since
		}
		if other.since.After(last) {
			last = other.since
		}
	}
	hold.Until = last.Add(togetherFor)
	if latest := first.Add(togetherAtMost); hold.Until.After(latest) {
		hold.Until = latest
	}
	if in.Now.Before(hold.Until) {
		return hold
	}
	return nil
}

// followers are the names of the partnerships that a mail tells of, besides its own.
func followers(in Input, m *v1alpha1.MailDelivery) (names []string) {
	if !together(m.Kind) || in.Partnership.Spec.Contact == nil {
		return nil
	}
	for _, other := range followersOf(in, m.Kind) {
		names = append(names, other.name)
	}
	slices.Sort(names)
	return names[:min(len(names), maxAbout)]
}

// followersOf are the sides that a leader speaks for: those whose mail nothing else tells or will tell.
func followersOf(in Input, kind v1alpha1.MailKind) (follow []side) {
	sides := sidesOf(in, kind)
	for _, other := range sides {
		named := func(s side) bool { return !s.untried() && s.leads(other) }
		if other.untried() && !slices.ContainsFunc(sides, named) && toldBy(in.Others, kind, other.name, other.since) == "" {
			follow = append(follow, other)
		}
	}
	return follow
}

// sidesOf are the other partnerships whose mail of a kind to the contact waits, or is under way, and still makes sense.
func sidesOf(in Input, kind v1alpha1.MailKind) (sides []side) {
	for i := range in.Others {
		p := &in.Others[i]
		m := Mail(&p.Status, kind, "")
		if m == nil || p.Name == in.Partnership.Name || p.Spec.Contact == nil {
			continue
		}
		inFlight := m.State == v1alpha1.DeliverySending && m.LastAttemptTime != nil && in.Now.Before(m.LastAttemptTime.Add(delivery.InFlight))
		waits := m.State == v1alpha1.DeliveryPending || m.State == v1alpha1.DeliverySending
		if inFlight || waits && tells(in, p, kind) {
			sides = append(sides, side{p.Name, m, occasion(&p.Status, kind)})
		}
	}
	return sides
}

// tells tells whether what a mail of a kind says of another partnership is still so, and nothing about its program holds it
// back.
func tells(in Input, p *v1alpha1.Partnership, kind v1alpha1.MailKind) bool {
	of := in.Catalog.Programs[p.Spec.ProgramRef.Name]
	if !p.DeletionTimestamp.IsZero() || of == nil && kind != v1alpha1.MailRevoked || programSuspended(in.Catalog, p) {
		return false
	}
	return p.Status.State == stateOf(kind) && alone(p, in.Now) == stateOf(kind) &&
		(kind == v1alpha1.MailRevoked || p.Spec.PortalAccess != v1alpha1.PortalAccessDisabled)
}

// MailSettled tells whether a mail of a partnership has come to its end that others may wait for: they are to be looked at.
func MailSettled(before, after *v1alpha1.Partnership) bool {
	for i := range before.Status.Mails {
		was := &before.Status.Mails[i]
		if !together(was.Kind) || was.State != v1alpha1.DeliveryPending && was.State != v1alpha1.DeliverySending {
			continue
		}
		is := Mail(&after.Status, was.Kind, was.To)
		if is == nil || is.Serial != was.Serial || is.State != v1alpha1.DeliveryPending && is.State != v1alpha1.DeliverySending {
			return true
		}
	}
	return false
}

// stateOf is the state that a mail tells of.
func stateOf(kind v1alpha1.MailKind) v1alpha1.PartnershipState {
	switch kind {
	case v1alpha1.MailRevoked:
		return v1alpha1.PartnershipRevoked
	case v1alpha1.MailApproved:
		return v1alpha1.PartnershipActive
	default:
		return v1alpha1.PartnershipRejected
	}
}

// Told are the partnerships that the mail of a claim tells of: the one that it is about first, then those that it names and
// that are still as it says.
func Told(in Input, key delivery.Key) []*v1alpha1.Partnership {
	told := []*v1alpha1.Partnership{in.Partnership}
	m := Mail(&in.Partnership.Status, key.Kind, key.To)
	if m == nil || len(m.About) == 0 {
		return told
	}
	for i := range in.Others {
		if p := &in.Others[i]; slices.Contains(m.About, p.Name) && tells(in, p, key.Kind) {
			told = append(told, p)
		}
	}
	slices.SortFunc(told[1:], func(a, b *v1alpha1.Partnership) int { return strings.Compare(a.Name, b.Name) })
	return told
}

// Reason is what the company says to the partner about a partnership in a mail of a kind; empty: nothing.
func Reason(p *v1alpha1.Partnership, kind v1alpha1.MailKind) string {
	switch {
	case kind == v1alpha1.MailRevoked && p.Spec.Revocation != nil:
		return p.Spec.Revocation.Reason
	case kind == v1alpha1.MailRejected && p.Spec.Approval != nil:
		return p.Spec.Approval.Note
	default:
		return ""
	}
}
