package link

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/token"
)

// Marks returns what stands for the partner of a partnership in the status of its links, by each key, the newest first.
func Marks(marker *token.Marker, p *v1alpha1.Partnership) []string {
	if p.Spec.Contact != nil {
		return marker.Marks("links of a person/"+p.Namespace, string(p.Spec.Contact.Email))
	}
	return marker.Marks("links of a team/"+p.Namespace, p.Spec.TeamRef.Name)
}

// SharerNames returns what stands for a person of a team in the names of their links, by each key, the newest first. The
// names are public, so nobody must be able to find the address from them.
func SharerNames(marker *token.Marker, p *v1alpha1.Partnership, email string) []string {
	var names []string
	for _, mark := range marker.Marks("names of links/"+p.Namespace+"/"+p.Name, email) {
		sum := sha256.Sum256([]byte(mark)) // marks have capital letters
		names = append(names, hex.EncodeToString(sum[:5]))
	}
	return names
}

// Belongs reports whether a link belongs to the partnership that has the name which the link names. Marks are those of its
// partner. A link that its partnership left behind is given back to the same partner where the company declares them
// again. Who comes by a new invite or application starts without it, and so does somebody else.
func Belongs(l *v1alpha1.PartnerLink, p *v1alpha1.Partnership, marks []string) bool {
	switch known := l.Status; {
	case known.PartnershipUID == string(p.UID) && p.UID != "":
		return true
	case known.PartnerMark != "" && !slices.Contains(marks, known.PartnerMark):
		return false
	default:
		return known.RemovedTime == nil || !wasAsked(p)
	}
}

// wasAsked tells whether a partner comes by their own consent, and not by the word of the company alone.
func wasAsked(p *v1alpha1.Partnership) bool {
	return p.Spec.Source == v1alpha1.SourceInvite || p.Spec.Source == v1alpha1.SourceJoinLink || p.Spec.Invitation == v1alpha1.InvitationSend
}

// MayDiffer reports whether it takes marks to tell if a link belongs to a partnership.
func MayDiffer(l *v1alpha1.PartnerLink, p *v1alpha1.Partnership) bool {
	return l.Status.PartnerMark != "" && l.Status.PartnershipUID != string(p.UID)
}

// Holder is whose a link of a partnership is, for a person who looks at it.
type Holder string

// The holders.
const (
	// HeldByPerson: it is the person's own, and counts towards how many they can have.
	HeldByPerson Holder = "Person"
	// HeldByTeam: it is that of their team as a whole.
	HeldByTeam Holder = "Team"
	// HeldByOthers: it is none of their business.
	HeldByOthers Holder = "Others"
)

// HolderOf tells whose a link is, for a person of a partnership. Marks are those of the partner.
func HolderOf(l *v1alpha1.PartnerLink, p *v1alpha1.Partnership, marks []string, person string) Holder {
	switch member := l.Spec.Member; {
	case l.Spec.PartnershipRef.Name != p.Name || !IsFor(l, p) || !Belongs(l, p, marks):
		return HeldByOthers
	case p.Spec.TeamRef == nil:
		return HeldByPerson
	case member == nil:
		return HeldByTeam
	case address.Equal(string(member.Email), person):
		return HeldByPerson
	default:
		return HeldByOthers
	}
}

// identify notes whose the link is, and that the partnership is gone. What is settled is not written for its sake: a link
// that was made before there was this knowledge gets it with the next change.
func (g Ground) identify(status *v1alpha1.PartnerLinkStatus) {
	if status.PartnershipUID == "" && equality.Semantic.DeepEqual(*status, g.Link.Status) {
		return
	}
	switch p := g.owner(); {
	case p != nil && g.mismatched():
	case p != nil:
		if status.PartnershipUID != "" && status.PartnershipUID != string(p.UID) {
			status.StateTime = &metav1.Time{Time: g.Now} // since when it is true of this partnership
		}
		status.PartnershipUID, status.RemovedTime = string(p.UID), nil
		if len(g.Marks) > 0 {
			status.PartnerMark = g.Marks[0]
		}
	case g.removed() && !g.replaced() && restored(g.Link):
		status.StateTime = g.Link.Status.StateTime // so that it is still seen to be
	case g.removed() && status.RemovedTime == nil:
		status.RemovedTime = &metav1.Time{Time: g.Now}
	}
}

// restored tells whether the status of a link is older than the link: it comes from a backup, of which the partnership may
// be still to come.
func restored(l *v1alpha1.PartnerLink) bool {
	since := l.Status.StateTime
	return since != nil && since.Before(&l.CreationTimestamp)
}

// Removed decides about a link whose partnership was just deleted. Ground is as it was before, with the partnership as it
// was last seen. What came too late for an earlier decision is in it.
func Removed(g Ground, address string) v1alpha1.PartnerLinkStatus {
	if g.owner() == nil {
		return g.Link.Status
	}
	status := Decide(g, address)
	if g.mismatched() {
		return status
	}
	status.PartnershipUID, status.RemovedTime = string(g.Partnership.UID), &metav1.Time{Time: g.Now}
	if len(g.Marks) > 0 {
		status.PartnerMark = g.Marks[0]
	}
	return status
}

// Follows reports whether the status of a link says already what the link does once its partnership, as it is now, is
// deleted. Marks are those of the partner.
func Follows(l *v1alpha1.PartnerLink, p *v1alpha1.Partnership, marks []string, now time.Time) bool {
	if !IsFor(l, p) || !Belongs(l, p, marks) {
		return true
	}
	want := partnership.RemovalEffect(p, nil, now)
	counts := l.Spec.Member == nil && p.Status.State != v1alpha1.PartnershipConflict
	return l.Status.OnRemoval.Links == want || !counts && l.Status.OnRemoval.Links == partnership.Stricter(want, v1alpha1.LinkRedirect)
}
