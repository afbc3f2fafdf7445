package team

import (
	"slices"
	"strconv"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// forget takes the people out of a team whom the company has asked to forget, and the mails to them. The owner stays: nobody
// but the owner can hand a team over.
func forget(t *v1alpha1.PartnerTeam) {
	asked := t.Annotations[v1alpha1.ForgetMembersAnnotation]
	if asked == "" {
		return
	}
	serials := strings.Split(asked, ",")
	owner := string(t.CurrentOwner().Email)
	var gone []string
	t.Status.Members = slices.DeleteFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool {
		leaves := slices.Contains(serials, strconv.FormatInt(m.Serial, 10)) && !address.Equal(string(m.Email), owner)
		if leaves {
			gone = append(gone, string(m.Email))
		}
		return leaves
	})
	isGone := func(email string) bool {
		return slices.ContainsFunc(gone, func(g string) bool { return address.Equal(g, email) })
	}
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(mail v1alpha1.MailDelivery) bool { return isGone(mail.To) })
	t.Status.Invitations = slices.DeleteFunc(t.Status.Invitations, func(i v1alpha1.TeamInvitation) bool { return isGone(string(i.To)) })
}
