package brandbook

import (
	"context"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Invitation is an invite into a scope whose mail is to be made.
type Invitation struct {
	Invite *v1alpha1.PartnerInvite
	// Team is the one that the invite names; nil: it names none, or a new one.
	Team    *v1alpha1.PartnerTeam
	Scope   []v1alpha1.ProgramGrant
	Catalog program.Catalog
	// Brand is that of its namespace.
	Brand brand.Brand
}

// IsBuiltIn tells whether the mail is made of nothing but built-in words, in which nothing can be wrong.
func (i Invitation) IsBuiltIn() bool {
	name, _ := i.template()
	return name == "" && i.Invite.Spec.Message.Body == ""
}

func (i Invitation) template() (name, asked string) {
	return invite.TemplateOf(i.Invite, i.Scope, i.Catalog, i.Brand.Templates[i.Invite.Mail()])
}

// InviteMail makes the mail of an invite, from the template that goes first. It leads to a link. If the template, or the
// invite's own words, cannot be used, it tells why instead.
func (b *Book) InviteMail(ctx context.Context, i Invitation, link string) (mail.Message, *program.Unresolved, error) {
	var template *mail.Template
	name, asked := i.template()
	unusable := func(problem error) *program.Unresolved {
		return &program.Unresolved{Reason: v1alpha1.ReasonTemplateInvalid, Message: problem.Error()}
	}
	if name != "" {
		var wrong *program.Unresolved
		var err error
		if template, wrong, unusable, err = b.template(ctx, i.Invite.Namespace, name, i.Invite.Mail()); err != nil || wrong != nil {
			return mail.Message{}, because(asked, wrong), err
		}
	}
	message, err := mail.Render(i.Invite.Mail(), i.Brand, invite.Content(i.Invite, i.Team, i.Scope, i.Catalog, link), template)
	message.ID, message.To = i.Invite.Status.MessageID, string(invite.Recipient(i.Invite, i.Team).Email)
	switch {
	case err != nil && template != nil:
		return mail.Message{}, because(asked, unusable(err)), nil
	case err != nil && i.Invite.Spec.Message.Body != "":
		return mail.Message{}, unusable(err), nil
	}
	return message, nil, err
}

func because(asked string, wrong *program.Unresolved) *program.Unresolved {
	if wrong != nil {
		wrong.Message = asked + ": " + wrong.Message
	}
	return wrong
}
