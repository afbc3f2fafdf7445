package controller

import (
	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// reapplications counts how often a rejected person applied again.
func reapplications(p *v1alpha1.Partnership) int64 {
	if p.Status.Reapplication == nil {
		return 0
	}
	return p.Status.Reapplication.Serial
}

// applicationContent is what the company's staff is told about an application.
func applicationContent(in partnership.Input) mail.Content {
	p := in.Partnership
	group := groupRef(p.Status.Group)
	if again := p.Status.Reapplication; again != nil {
		group = &again.GroupRef
	}
	content := mail.Content{
		Programs: []mail.ProgramLine{mail.Line(in.Catalog, p.Spec.ProgramRef.Name, group)}, Partnership: p.Name,
		Waits: p.Status.State == v1alpha1.PartnershipPending,
	}
	if p.Spec.Contact != nil {
		content.Applicant = string(p.Spec.Contact.Email)
	}
	return content
}
