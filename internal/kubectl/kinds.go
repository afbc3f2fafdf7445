package kubectl

import (
	"context"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// kindOf is how objects of one kind are found.
type kindOf[T client.Object] struct {
	// name is the kind, plural and short are how kubectl calls its resource.
	name, plural, short string
	fresh               func() T
	each                func(ctx context.Context, c client.Reader, visit func(T) error, options ...client.ListOption) error
	// address is the mail address of the person whom the object is about.
	address func(T) string
	// program is whether the object is about a program.
	program func(T, string) bool
}

var partnerships = kindOf[*v1alpha1.Partnership]{
	name: "Partnership", plural: "partnerships", short: "pship",
	fresh: func() *v1alpha1.Partnership { return &v1alpha1.Partnership{} },
	each: func(ctx context.Context, c client.Reader, visit func(*v1alpha1.Partnership) error, options ...client.ListOption) error {
		var page v1alpha1.PartnershipList
		return eachPage(ctx, c, &page, func() error { return visitAll(page.Items, visit) }, options...)
	},
	address: func(p *v1alpha1.Partnership) string {
		if p.Spec.Contact == nil {
			return ""
		}
		return string(p.Spec.Contact.Email)
	},
	program: func(p *v1alpha1.Partnership, name string) bool { return p.Spec.ProgramRef.Name == name },
}

var invites = kindOf[*v1alpha1.PartnerInvite]{
	name: "PartnerInvite", plural: "partnerinvites", short: "pinvite",
	fresh: func() *v1alpha1.PartnerInvite { return &v1alpha1.PartnerInvite{} },
	each: func(ctx context.Context, c client.Reader, visit func(*v1alpha1.PartnerInvite) error, options ...client.ListOption) error {
		var page v1alpha1.PartnerInviteList
		return eachPage(ctx, c, &page, func() error { return visitAll(page.Items, visit) }, options...)
	},
	address: func(i *v1alpha1.PartnerInvite) string { return string(i.Spec.Contact.Email) },
	program: func(i *v1alpha1.PartnerInvite, name string) bool {
		offers := i.Offers()
		for _, grant := range offers {
			if grant.Name == name {
				return true
			}
		}
		return len(offers) == 0
	},
}

var teams = kindOf[*v1alpha1.PartnerTeam]{
	name: "PartnerTeam", plural: "partnerteams", short: "pteam",
	fresh: func() *v1alpha1.PartnerTeam { return &v1alpha1.PartnerTeam{} },
	each: func(ctx context.Context, c client.Reader, visit func(*v1alpha1.PartnerTeam) error, options ...client.ListOption) error {
		var page v1alpha1.PartnerTeamList
		return eachPage(ctx, c, &page, func() error { return visitAll(page.Items, visit) }, options...)
	},
	address: func(t *v1alpha1.PartnerTeam) string { return string(t.CurrentOwner().Email) },
	program: func(*v1alpha1.PartnerTeam, string) bool { return true },
}

var links = kindOf[*v1alpha1.PartnerLink]{
	name: "PartnerLink", plural: "partnerlinks", short: "plink",
	fresh: func() *v1alpha1.PartnerLink { return &v1alpha1.PartnerLink{} },
	each: func(ctx context.Context, c client.Reader, visit func(*v1alpha1.PartnerLink) error, options ...client.ListOption) error {
		var page v1alpha1.PartnerLinkList
		return eachPage(ctx, c, &page, func() error { return visitAll(page.Items, visit) }, options...)
	},
	address: func(l *v1alpha1.PartnerLink) string {
		if l.Spec.Member == nil {
			return ""
		}
		return string(l.Spec.Member.Email)
	},
	program: func(l *v1alpha1.PartnerLink, name string) bool { return l.Status.Program == name },
}

func visitAll[T any](items []T, visit func(*T) error) error {
	for i := range items {
		if err := visit(&items[i]); err != nil {
			return err
		}
	}
	return nil
}

// called tells whether kubectl knows the kind by this word, as in pship/ada or partnership.partner-operator.io/ada.
func (k kindOf[T]) called(word string) bool {
	word = strings.ToLower(word)
	if resource, group, qualified := strings.Cut(word, "."); qualified {
		if group != v1alpha1.GroupVersion.Group && group != v1alpha1.GroupVersion.Version+"."+v1alpha1.GroupVersion.Group {
			return false
		}
		word = resource
	}
	return word == k.plural || word == strings.TrimSuffix(k.plural, "s") || word == k.short
}
