package controller

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/log"

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

// sending is how a mail about a partnership leaves: to the partner, or to each of the company's staff.
func (r *PartnershipReconciler) sending(message mail.Message, tenant tenant) func(context.Context) error {
	if message.Kind != v1alpha1.MailApplicationReceived {
		return tenant.transport.mail(message)
	}
	return func(ctx context.Context) error {
		return toEach(ctx, tenant.NotifyStaff, message, tenant.transport.mail)
	}
}

// toEach sends a mail to several people. It counts as sent if one of them has it: trying again would reach that one twice.
func toEach(ctx context.Context, people []string, message mail.Message, send func(mail.Message) func(context.Context) error) error {
	var failed []error
	for _, person := range people {
		message.To = person
		if err := send(message)(ctx); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == len(people) && len(failed) > 0 {
		return failed[0]
	}
	if len(failed) > 0 {
		log.FromContext(ctx).Error(errors.Join(failed...), "Some of the staff could not be told of an application", "notTold", len(failed), "of", len(people))
	}
	return nil
}
