package courier

import (
	"context"
	"fmt"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Tenant is how a namespace writes: as whom, with which templates, over which mail server.
type Tenant struct {
	brand.Brand
	// Namespace is whose it is.
	Namespace string
	// Portal is where its links lead to.
	Portal link.Base
	// Hold is why nothing leaves at all, not even a link in a Secret; nil: it may.
	Hold *delivery.Hold
	// Holds are why mail of a kind waits.
	Holds delivery.Holds
	// Health is what its programs can say of their mail.
	Health program.MailHealth

	transport *transport // nil: there is none
	sender    senderKey
	templates map[v1alpha1.MailKind]*mail.Template
}

// Tenant finds how a namespace writes. A brand that cannot be used is no error, but holds its mail.
func (c *Courier) Tenant(ctx context.Context, namespace string) (*Tenant, error) {
	found, err := c.book.Brand(ctx, namespace)
	if err != nil {
		return nil, err
	}
	t := &Tenant{Brand: found.Brand, Namespace: namespace, Portal: c.portal, Hold: c.hold(), templates: map[v1alpha1.MailKind]*mail.Template{}}
	if t.Host != "" {
		if t.Portal, err = c.portal.WithHost(t.Host); err != nil {
			return nil, err
		}
	}
	unusable := map[v1alpha1.MailKind]*program.Unresolved{}
	for kind, name := range t.Templates {
		template, wrong, err := c.book.Template(ctx, namespace, name, kind)
		switch {
		case err != nil:
			return nil, err
		case wrong != nil:
			unusable[kind] = &program.Unresolved{Reason: wrong.Reason, Message: fmt.Sprintf("templates.%s of the brand: %s", kind, wrong.Message)}
		default:
			t.templates[kind] = template
		}
	}
	t.sender = senderKey{namespace, t.From.Address}
	transport, fault, err := c.server(ctx, namespace, t.SMTPSecret)
	if err != nil {
		return nil, err
	}
	t.transport = transport
	if found.Problem != nil {
		fault = found.Problem.Error()
	}
	c.judge(t, fault, unusable)
	return t, nil
}

// judge finds what holds the mail of a tenant, and what its programs can say of it. The fault is why none of it can leave,
// whatever the mail server says; empty: it can.
func (c *Courier) judge(t *Tenant, fault string, unusable map[v1alpha1.MailKind]*program.Unresolved) {
	all := t.Hold
	switch {
	case fault != "":
		t.Health = program.MailHealth{Reason: v1alpha1.ReasonBrandInvalid, Message: fault}
		all = firstHold(all, &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: fault + "; the mail goes out once that is mended"})
	case t.transport == nil:
		all = firstHold(all, &delivery.Hold{Reason: v1alpha1.ReasonMailerNotConfigured, Message: "the operator runs without --smtp-url; set it and the mail is sent"})
	default:
		c.gate.locked(func() {
			t.Health = t.transport.health(t.sender)
			all = firstHold(all, t.transport.hold(t.sender, c.now()))
		})
	}
	t.Holds = delivery.Holds{}
	for _, kind := range v1alpha1.MailKinds {
		wrong := unusable[kind]
		var hold *delivery.Hold
		byScope := kind == v1alpha1.MailInvite || kind == v1alpha1.MailTeamInvite // a program or group may have another template
		if wrong != nil && !mail.Awaited(kind) && !byScope {
			hold = &delivery.Hold{Reason: wrong.Reason, Message: wrong.Message}
		}
		if hold = firstHold(all, hold); hold != nil {
			t.Holds[kind] = hold
		}
		if wrong == nil || t.Health.Reason == v1alpha1.ReasonBrandInvalid {
			continue
		}
		message := wrong.Message + "; until then these mails wait"
		if mail.Awaited(kind) {
			message = wrong.Message + "; until then these mails have the built-in words"
		}
		t.Health = program.MailHealth{Reason: v1alpha1.ReasonBrandInvalid, Message: message}
	}
}

// Waiting is a tenant whose mail all waits, since others go first.
func (t *Tenant) Waiting() delivery.Holds {
	holds := delivery.Holds{}
	for _, kind := range v1alpha1.MailKinds {
		holds[kind] = firstHold(t.Holds[kind], &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "other mails go first; it goes out when it is its turn"})
	}
	return holds
}

func firstHold(of ...*delivery.Hold) *delivery.Hold {
	for _, hold := range of {
		if hold != nil {
			return hold
		}
	}
	return nil
}

// Render makes a mail as a tenant writes it. A template of the brand that only what this one mail says makes unusable
// gives way to the built-in words.
func (t *Tenant) Render(kind v1alpha1.MailKind, content mail.Content, id, to string) (mail.Message, error) {
	message, err := mail.Render(kind, t.Brand, content, t.templates[kind])
	if err != nil && t.templates[kind] != nil {
		message, err = mail.Render(kind, t.Brand, content, nil)
	}
	message.ID, message.To = id, to
	return message, err
}

// CheckTemplate tells what is wrong with the template of the invites into a program or group; nil: nothing.
func (c *Courier) CheckTemplate(ctx context.Context, namespace string, ref *v1alpha1.TemplateReference) (*program.Unresolved, error) {
	if ref == nil {
		return nil, nil
	}
	_, wrong, err := c.book.Template(ctx, namespace, ref.Name, v1alpha1.MailInvite)
	if wrong != nil {
		wrong.Message = "invites.templateRef: " + wrong.Message
		if !program.Stuck(wrong.Reason) {
			wrong.Message += "; until then the invites that need it wait"
		}
	}
	return wrong, err
}
