package controller

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// tenant is how a namespace writes: as whom, with which templates, over which mail server.
type tenant struct {
	brand.Brand
	// portal is where its links lead to.
	portal link.Base
	// transport is its mail server; nil: there is none.
	transport *transport
	// fault says why none of its mail can leave, whatever the mail server says; empty: it can.
	fault string
	// templates are the brand's; unusable tells of those that cannot be used.
	templates map[v1alpha1.MailKind]*mail.Template
	unusable  map[v1alpha1.MailKind]*program.Unresolved
}

// tenant finds how a namespace writes. A brand that cannot be used is no error, but a fault of the tenant.
func (p *post) tenant(ctx context.Context, namespace string) (tenant, error) {
	found, err := p.book.Brand(ctx, namespace)
	if err != nil {
		return tenant{}, err
	}
	t := tenant{Brand: found.Brand, portal: p.portal, templates: map[v1alpha1.MailKind]*mail.Template{}, unusable: map[v1alpha1.MailKind]*program.Unresolved{}}
	if found.Problem != nil {
		t.fault = found.Problem.Error()
	}
	if t.Host != "" {
		if t.portal, err = p.portal.WithHost(t.Host); err != nil {
			return tenant{}, err
		}
	}
	for kind, name := range t.Templates {
		template, unusable, err := p.book.Template(ctx, namespace, name, kind)
		switch {
		case err != nil:
			return tenant{}, err
		case unusable != nil:
			t.unusable[kind] = &program.Unresolved{Reason: unusable.Reason, Message: fmt.Sprintf("templates.%s of the brand: %s", kind, unusable.Message)}
		default:
			t.templates[kind] = template
		}
	}
	transport, fault, err := p.routes.of(ctx, namespace, t.SMTPSecret)
	t.transport = transport
	if t.fault == "" {
		t.fault = fault
	}
	return t, err
}

// held says why all mail of the tenant waits; empty: it does not.
func (t tenant) held() string {
	if t.fault == "" {
		return ""
	}
	return invite.HeldUntilMended(t.fault)
}

// configured tells whether there is a mail server to send to, or will be once the brand is mended.
func (t tenant) configured() bool { return t.transport != nil || t.fault != "" }

// health is what its programs can say of their mail.
func (t tenant) health() program.MailHealth {
	if t.fault != "" {
		return program.MailHealth{Reason: v1alpha1.ReasonBrandInvalid, Message: t.fault}
	}
	for _, kind := range v1alpha1.MailKinds {
		if wrong := t.unusable[kind]; wrong != nil {
			message := wrong.Message + "; until then these mails wait"
			if mail.Awaited(kind) {
				message = wrong.Message + "; until then these mails have the built-in words"
			}
			return program.MailHealth{Reason: v1alpha1.ReasonBrandInvalid, Message: message}
		}
	}
	return t.transport.known()
}

// holds tells whether mail of a kind about partners waits, because the operator holds all mail back, or the brand cannot
// be used.
func (p *post) holds(t tenant) func(v1alpha1.MailKind) bool {
	return func(kind v1alpha1.MailKind) bool {
		return p.hold() != "" || t.fault != "" || t.unusable[kind] != nil && !mail.Awaited(kind)
	}
}

// checkTemplate tells what is wrong with the template of the invites into a program or group; nil: nothing.
func (p *post) checkTemplate(ctx context.Context, namespace string, ref *v1alpha1.TemplateReference) (*program.Unresolved, error) {
	if ref == nil {
		return nil, nil
	}
	_, wrong, err := p.book.Template(ctx, namespace, ref.Name, v1alpha1.MailInvite)
	if wrong != nil {
		wrong.Message = "invites.templateRef: " + wrong.Message
	}
	return wrong, err
}

// mattering lets through ConfigMaps that a brand or a template is, or could be.
func (p *post) mattering() builder.Predicates {
	return builder.WithPredicates(predicate.NewPredicateFuncs(p.book.Matters)) // by the name, which never changes
}
