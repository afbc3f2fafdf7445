package partnership

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Label is the label of an invite that was made for a partnership; its value is the partnership's name, if it fits.
const Label = "partner-operator.io/partnership"

// InvitationSuffix is how the names of such invites end.
const InvitationSuffix = "-invitation"

// InvitationName is the name of the invite that is made for a partnership of this name.
func InvitationName(name string) string {
	const longest = 253 - len(InvitationSuffix)
	if len(name) > longest {
		sum := sha256.Sum256([]byte(name))
		name = strings.TrimRight(name[:longest-9], "-.") + "-" + hex.EncodeToString(sum[:4])
	}
	return name + InvitationSuffix
}

// NewInvitation is the invite that is made for a partnership with invitation Send. It goes with the partnership.
func NewInvitation(p *v1alpha1.Partnership) *v1alpha1.PartnerInvite {
	owner := metav1.NewControllerRef(p, v1alpha1.GroupVersion.WithKind("Partnership"))
	owner.BlockOwnerDeletion = nil // nothing waits for it, and blocking needs a right that the operator should not have
	invite := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: p.Namespace, Name: InvitationName(p.Name), OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Spec: v1alpha1.PartnerInviteSpec{
			TeamRef:     p.Spec.TeamRef.DeepCopy(),
			DisplayName: p.Spec.DisplayName.Copied(),
			Programs:    []v1alpha1.ProgramGrant{{Name: p.Spec.ProgramRef.Name, GroupRef: p.Spec.GroupRef.DeepCopy()}},
		},
	}
	if p.Spec.Contact != nil {
		invite.Spec.Contact = *p.Spec.Contact.Copied()
	}
	if len(p.Name) <= 63 {
		invite.Labels = map[string]string{Label: p.Name}
	}
	return invite
}

// Invites tells whether an invite was made for this partnership.
func Invites(invite *v1alpha1.PartnerInvite, p *v1alpha1.Partnership) bool {
	if metav1.GetControllerOf(invite) == nil {
		return saidToBeFor(invite) == p.Name
	}
	return metav1.IsControlledBy(invite, p)
}

// MadeForPartnership tells whether an invite was made for some partnership, which need not exist any more.
func MadeForPartnership(invite *v1alpha1.PartnerInvite) bool {
	owner := metav1.GetControllerOf(invite)
	if owner == nil {
		return saidToBeFor(invite) != ""
	}
	return owner.Kind == "Partnership" && owner.APIVersion == v1alpha1.GroupVersion.String()
}

// saidToBeFor is the partnership that an invite was made for by its name and label alone. Those are what is left after a
// restore, which gives objects other UIDs and therefore leaves owners out. Empty: none.
func saidToBeFor(invite *v1alpha1.PartnerInvite) string {
	name := invite.Labels[Label]
	if name == "" || invite.Name != InvitationName(name) {
		return ""
	}
	return name
}

// InviteNews is what a partnership tells about the invite that was made for it; a text that changes only when that does.
func InviteNews(invite *v1alpha1.PartnerInvite) string {
	if stalled := meta.FindStatusCondition(invite.Status.Conditions, v1alpha1.ConditionStalled); stalled != nil {
		return stalled.Reason + " " + stalled.Message
	}
	switch state := invite.Status.State; state {
	case v1alpha1.InviteDeclined, v1alpha1.InviteExpired:
		return string(state)
	default:
		return ""
	}
}

// invite asks for the invite of a partnership that has none yet, or notes that it exists. Once it was made it is not made
// again: deleting it withdraws the invitation.
func (d *Decision) invite(in Input, resolved bool) {
	p := in.Partnership
	switch {
	case d.Status.InviteRef != nil:
	case in.Invite != nil:
		d.Status.InviteRef = &v1alpha1.InviteReference{Name: in.Invite.Name}
	default:
		d.Invite = d.Status.State == v1alpha1.PartnershipInvited && resolved && in.InviteTaken == "" && !in.InviteLeftOver &&
			p.Spec.PortalAccess != v1alpha1.PortalAccessDisabled && p.DeletionTimestamp.IsZero()
	}
}

// invitation tells in words how the invitation of an Invited partnership stands, and what is wrong with it, if anything.
func (d *Decision) invitation(in Input) (message string, trouble *problem) {
	name := InvitationName(in.Partnership.Name)
	switch {
	case in.InviteTaken != "":
		return "the person is not invited yet", &problem{v1alpha1.ReasonInviteNameTaken, in.InviteTaken}
	case in.Partnership.Spec.PortalAccess == v1alpha1.PortalAccessDisabled:
		return "portalAccess is Disabled; the person can be invited, and accept, once it is Enabled", nil
	case in.Invite == nil && d.Status.InviteRef == nil:
		return "the person is not invited yet", nil
	case in.Invite == nil:
		return fmt.Sprintf("PartnerInvite %q was deleted, which withdrew the invitation; create a PartnerInvite of this address and program to invite the person again", name), nil
	}
	if stalled := meta.FindStatusCondition(in.Invite.Status.Conditions, v1alpha1.ConditionStalled); stalled != nil {
		return "the person could not be invited", &problem{stalled.Reason, fmt.Sprintf("PartnerInvite %q: %s", name, stalled.Message)}
	}
	switch in.Invite.Status.State {
	case v1alpha1.InviteDeclined:
		return fmt.Sprintf("the person declined PartnerInvite %q; ask for a resend of it, if that is welcome", name), nil
	case v1alpha1.InviteExpired:
		return fmt.Sprintf("the person did not answer PartnerInvite %q in time; ask for a resend of it", name), nil
	default:
		return fmt.Sprintf("the person has not accepted yet; PartnerInvite %q tells how the invitation stands", name), nil
	}
}

// problem is what is in the way until somebody changes something.
type problem struct{ reason, message string }
