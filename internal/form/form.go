// Package form holds the rules about application forms: what is asked of whom, and whether an answer will do. It is
// pure.
package form

import (
	"slices"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Asked are the fields that an invite asks for before it can be accepted: those of the groups that it offers, in the
// order of the programs. A name that several groups use is asked once, as the first of them has it, and required if any
// of them requires it. A program that is gone asks nothing.
func Asked(invite *v1alpha1.PartnerInvite, catalog program.Catalog) []v1alpha1.FormField {
	if invite.Spec.Form != v1alpha1.FormRequire {
		return nil
	}
	var asked []v1alpha1.FormField
	for _, grant := range invite.Status.Programs {
		if catalog.Programs[grant.Name] != nil {
			asked = join(asked, Of(grant, catalog))
		}
	}
	return asked
}

// join adds the fields of one more group.
func join(asked, more []v1alpha1.FormField) []v1alpha1.FormField {
	for _, field := range more {
		at := slices.IndexFunc(asked, func(a v1alpha1.FormField) bool { return a.Name == field.Name })
		if at < 0 {
			asked = append(asked, field)
			continue
		}
		asked[at].Required = asked[at].Required || field.Required
	}
	return asked
}

// Of are the fields of the group that a grant leads into. They are shared with the catalog: do not change them.
func Of(grant v1alpha1.ProgramGrant, catalog program.Catalog) []v1alpha1.FormField {
	group, _ := catalog.GroupInForce(grant.Name, grant.GroupRef, "")
	if catalog.Groups[group] == nil {
		return nil
	}
	return catalog.Groups[group].Spec.Join.Fields
}

// Select picks the answers to some fields out of all that were given; nil: there are none.
func Select(fields []v1alpha1.FormField, given map[string]v1alpha1.Answer) map[string]v1alpha1.Answer {
	var selected map[string]v1alpha1.Answer
	for _, field := range fields {
		answer, ok := given[string(field.Name)]
		if !ok {
			continue
		}
		if selected == nil {
			selected = map[string]v1alpha1.Answer{}
		}
		selected[string(field.Name)] = answer
	}
	return selected
}
