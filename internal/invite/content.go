package invite

import (
	"fmt"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Content is what the mail of an invite into a scope says. It leads to a link. Team is the one that the invite names; nil:
// it names none, or a new one.
func Content(i *v1alpha1.PartnerInvite, team *v1alpha1.PartnerTeam, scope []v1alpha1.ProgramGrant, catalog program.Catalog, link string) mail.Content {
	to := Recipient(i, team)
	content := mail.Content{
		FirstName: string(to.FirstName),
		LastName:  string(to.LastName),
		Team:      TeamTitle(i, team),
		Subject:   string(i.Spec.Message.Subject),
		Message:   i.Spec.Message.Body,
		Link:      link,
	}
	if len(i.Spec.CustomFields) > 0 {
		content.CustomFields = make(map[string]string, len(i.Spec.CustomFields))
		for name, text := range i.Spec.CustomFields {
			content.CustomFields[name] = string(text)
		}
	}
	if i.Status.ExpiryTime != nil {
		content.ExpiryTime = i.Status.ExpiryTime.Time
	}
	for _, grant := range scope {
		content.Programs = append(content.Programs, mail.Line(catalog, grant.Name, grant.GroupRef))
	}
	return content
}

// TemplateOf names the ConfigMap with the mail of an invite into a scope, and who asks for it: the invite, else the first
// group or program of the scope that names one, else the brand. An empty name is the built-in mail; so is a message of
// its own.
func TemplateOf(i *v1alpha1.PartnerInvite, scope []v1alpha1.ProgramGrant, catalog program.Catalog, ofBrand string) (name, asked string) {
	if i.Spec.Message.Body != "" {
		return "", ""
	}
	if ref := i.Spec.TemplateRef; ref != nil {
		return ref.Name, "templateRef"
	}
	for _, grant := range scope {
		inForce, _ := catalog.GroupInForce(grant.Name, grant.GroupRef, "")
		if group := catalog.Groups[inForce]; group != nil && group.Spec.Invites.TemplateRef != nil {
			return group.Spec.Invites.TemplateRef.Name, fmt.Sprintf("templateRef of PartnerGroup %q", inForce)
		}
		if p := catalog.Programs[grant.Name]; p != nil && p.Spec.Invites.TemplateRef != nil {
			return p.Spec.Invites.TemplateRef.Name, fmt.Sprintf("templateRef of Program %q", grant.Name)
		}
	}
	return ofBrand, fmt.Sprintf("templates.%s of the brand", i.Mail())
}
