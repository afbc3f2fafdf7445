// Package program holds the rules about programs and their groups. It is pure.
package program

import (
	"fmt"
	"slices"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Catalog is what exists in one namespace.
type Catalog struct {
	// Programs and Groups are keyed by name.
	Programs map[string]*v1alpha1.Program
	Groups   map[string]*v1alpha1.PartnerGroup
}

// NewCatalog is the catalog of these programs and groups.
func NewCatalog(programs []v1alpha1.Program, groups []v1alpha1.PartnerGroup) Catalog {
	c := Catalog{make(map[string]*v1alpha1.Program, len(programs)), make(map[string]*v1alpha1.PartnerGroup, len(groups))}
	for i := range programs {
		c.Programs[programs[i].Name] = &programs[i]
	}
	for i := range groups {
		c.Groups[groups[i].Name] = &groups[i]
	}
	return c
}

// Grant checks that a grant's program exists, and that its group, if it names one, exists and belongs to the program.
// Nil: it does.
func (c Catalog) Grant(grant v1alpha1.ProgramGrant) *Unresolved {
	if c.Programs[grant.Name] == nil {
		return &Unresolved{v1alpha1.ReasonProgramNotFound, fmt.Sprintf("Program %q does not exist in this namespace; create it and this goes on by itself", grant.Name)}
	}
	if grant.GroupRef == nil {
		return nil
	}
	return c.group(grant.Name, grant.GroupRef.Name)
}

// group checks that a group exists and belongs to a program. Nil: it does.
func (c Catalog) group(programName, name string) *Unresolved {
	group := c.Groups[name]
	switch {
	case group == nil:
		return &Unresolved{v1alpha1.ReasonGroupNotFound, fmt.Sprintf("PartnerGroup %q does not exist in this namespace; create it and this goes on by itself", name)}
	case group.Spec.ProgramRef.Name != programName:
		return &Unresolved{v1alpha1.ReasonGroupNotInProgram, fmt.Sprintf("PartnerGroup %q belongs to Program %q, not to %q; name a group of %q", name, group.Spec.ProgramRef.Name, programName, programName)}
	default:
		return nil
	}
}

// Unsalted tells whether a program exists and has no salt for names yet, which the operator writes.
func (c Catalog) Unsalted(programName string) bool {
	p := c.Programs[programName]
	return p != nil && p.Status.NameSalt == ""
}

// DefaultGroup is the name of a program's default group, or nothing if it has none that belongs to it.
func (c Catalog) DefaultGroup(programName string) string {
	p := c.Programs[programName]
	if p == nil || p.Spec.DefaultGroupRef == nil || c.group(programName, p.Spec.DefaultGroupRef.Name) != nil {
		return ""
	}
	return p.Spec.DefaultGroupRef.Name
}

// GroupInForce returns the name of the group that a partner of a program is in, given the one that spec names (nil: the
// default group) and the one in force so far, and what is wrong with the one that spec names.
//
// A group that does not exist, or belongs to another program, changes nothing: the group in force stays, as long as that
// exists itself. The same goes for the default group of a program.
func (c Catalog) GroupInForce(programName string, named *v1alpha1.GroupReference, soFar string) (string, *Unresolved) {
	var unresolved *Unresolved
	if named != nil {
		if unresolved = c.group(programName, named.Name); unresolved == nil {
			return named.Name, nil
		}
	}
	inForce := c.DefaultGroup(programName)
	stays := unresolved != nil || inForce == "" && c.namesDefault(programName)
	if stays && soFar != "" && c.group(programName, soFar) == nil {
		return soFar, unresolved
	}
	return inForce, unresolved
}

// namesDefault reports whether a program names a default group, which need not exist.
func (c Catalog) namesDefault(programName string) bool {
	p := c.Programs[programName]
	return p != nil && p.Spec.DefaultGroupRef != nil
}

// GroupsOf are the names of the groups of a program, in order.
func (c Catalog) GroupsOf(programName string) []string {
	var names []string
	for name, group := range c.Groups {
		if group.Spec.ProgramRef.Name == programName {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
