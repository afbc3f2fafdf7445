package controller

import (
	"context"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// style makes the mail of one invite, as its tenant writes.
type style struct {
	tenant
	book    *brandbook.Book
	catalog program.Catalog
	invite  *v1alpha1.PartnerInvite
	team    *v1alpha1.PartnerTeam
	// err is why it is not known whether the mail can be made.
	err error
}

// sampleToken stands for a token, and is as long as one can be.
var sampleToken = strings.Repeat("sample-", 17)

// problem tells what is wrong with the mail into a scope; nil: nothing. It is tried with what the mail would say, but for
// the link, which is issued later.
func (s *style) problem(ctx context.Context, scope []v1alpha1.ProgramGrant) *program.Unresolved {
	invitation := brandbook.Invitation{Invite: s.invite, Team: s.team, Scope: scope, Catalog: s.catalog, Brand: s.Brand}
	if invitation.IsBuiltIn() {
		return nil
	}
	_, wrong, err := s.book.InviteMail(ctx, invitation, s.portal.Invite(s.invite.Namespace, sampleToken))
	if err != nil {
		s.err = err
	}
	return wrong
}

// message is the mail of a claim.
func (s *style) message(ctx context.Context, claimed *v1alpha1.PartnerInvite, link string) (mail.Message, error) {
	invitation := brandbook.Invitation{Invite: claimed, Team: s.team, Scope: claimed.Status.Programs, Catalog: s.catalog, Brand: s.Brand}
	message, wrong, err := s.book.InviteMail(ctx, invitation, link)
	if wrong != nil { // the template was broken since the mail was decided on
		return message, errLost
	}
	return message, err
}
