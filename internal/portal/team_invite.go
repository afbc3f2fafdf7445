package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/team"
)

// choicesOf are the people proposed for a new team, with what was chosen; before anything was, all are ticked.
func choicesOf(i *v1alpha1.PartnerInvite, submitted url.Values) []choiceView {
	var choices []choiceView
	for _, p := range invite.Proposed(i) {
		ticked := submitted == nil || slices.ContainsFunc(submitted["approve"], func(email string) bool { return address.Equal(email, string(p.Email)) })
		choices = append(choices, choiceView{
			Email: string(p.Email), Name: fullName(p.FirstName, p.LastName), Role: string(team.PersonOf(p, nil).Role), Approved: ticked,
		})
	}
	return choices
}

// fullName joins what is known of a name.
func fullName(first, last v1alpha1.LineOfText) string {
	return strings.TrimSpace(string(first) + " " + string(last))
}

// refuseVisitor tells somebody who is signed in, and in the team that an invite is for, that they cannot answer it.
func (s *Server) refuseVisitor(w http.ResponseWriter, r *http.Request, visit inviteVisit) bool {
	if visit.team == nil {
		return false
	}
	v, signedIn, err := s.visitor(r, visit.namespace)
	if err != nil {
		s.unavailable(w, r, err)
		return true
	}
	return signedIn && s.refuseRole(w, r, visit, v.Address, plain)
}

// plain shows an address as it is, to somebody who may see it.
func plain(email string) string { return email }

// refuseRole tells somebody who is in the team that an invite is for, and may not answer it, who can. Shown tells how much of
// those people's addresses is shown: whoever has the link and types a member's address need not be in the team, and with
// the address of the owner they could accept.
func (s *Server) refuseRole(w http.ResponseWriter, r *http.Request, visit inviteVisit, email string, shown func(string) string) bool {
	if visit.team == nil || !team.IsActive(visit.team, email) || invite.MayAccept(visit.invite, visit.team, email) {
		return false
	}
	noteReason(r, audit.NotAllowed)
	n := notice{
		Title: "Your role does not allow this",
		Text:  "Only the owner and the admins of " + string(visit.team.Spec.DisplayName) + " can accept program invitations. Please ask one of them:",
	}
	for _, leader := range team.Leaders(visit.team) {
		who := shown(string(leader.Email))
		if name := fullName(leader.FirstName, leader.LastName); name != "" {
			who = name + " (" + who + ")"
		}
		n.Advice = append(n.Advice, who+", "+strings.ToLower(string(leader.Role)))
	}
	s.notice(w, r, http.StatusForbidden, n)
	return true
}
