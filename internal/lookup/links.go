package lookup

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

func ownerOfLink(o client.Object) []string {
	return []string{o.(*v1alpha1.PartnerLink).Spec.PartnershipRef.Name}
}

func programOfLink(o client.Object) []string {
	if of := o.(*v1alpha1.PartnerLink).Status.Program; of != "" {
		return []string{of}
	}
	return nil
}

// Link finds a link; nil: there is none. It is shared with the cache: do not change it.
func Link(ctx context.Context, cache client.Reader, namespace, name string) (*v1alpha1.PartnerLink, error) {
	return get(ctx, cache, namespace, name, &v1alpha1.PartnerLink{})
}

// LinksOf finds the links of a partnership. They are shared with the cache: do not change them.
func LinksOf(ctx context.Context, cache client.Reader, namespace, partnership string) ([]v1alpha1.PartnerLink, error) {
	var list v1alpha1.PartnerLinkList
	err := share(ctx, cache, &list, namespace, byOwner, partnership)
	return list.Items, err
}

// LinksInto finds the links that follow a program. They are shared with the cache: do not change them.
func LinksInto(ctx context.Context, cache client.Reader, namespace, programName string) ([]v1alpha1.PartnerLink, error) {
	var list v1alpha1.PartnerLinkList
	err := share(ctx, cache, &list, namespace, byProgram, programName)
	return list.Items, err
}

// Partnership finds a partnership by its name; nil: there is none. It is shared with the cache: do not change it.
func Partnership(ctx context.Context, cache client.Reader, namespace, name string) (*v1alpha1.Partnership, error) {
	return get(ctx, cache, namespace, name, &v1alpha1.Partnership{})
}

// Ground finds what a link depends on, by a handful of look-ups, however many links, partners and groups there are. The
// portal and the time are left to the caller. What it holds is shared with the cache: do not change it.
func Ground(ctx context.Context, cache client.Reader, marker *token.Marker, l *v1alpha1.PartnerLink) (link.Ground, error) {
	p, err := Partnership(ctx, cache, l.Namespace, l.Spec.PartnershipRef.Name)
	if err != nil {
		return link.Ground{Link: l}, err
	}
	return GroundWith(ctx, cache, marker, l, p)
}

// GroundWith is Ground with a partnership that may be gone by now; nil: there is none.
func GroundWith(ctx context.Context, cache client.Reader, marker *token.Marker, l *v1alpha1.PartnerLink, p *v1alpha1.Partnership) (link.Ground, error) {
	g := link.Ground{Link: l, Partnership: p}
	var err error
	groups := []string{l.Status.Group}
	if p != nil {
		if link.MayDiffer(l, p) {
			g.Marks = link.Marks(marker, p)
		}
		groups = append(groups, p.Status.Group)
		if p.Spec.GroupRef != nil {
			groups = append(groups, p.Spec.GroupRef.Name)
		}
		if p.Spec.TeamRef != nil && l.Spec.Member != nil {
			if g.Team, err = get(ctx, cache, l.Namespace, p.Spec.TeamRef.Name, &v1alpha1.PartnerTeam{}); err != nil {
				return g, err
			}
			var own v1alpha1.PartnershipList
			if err = share(ctx, cache, &own, l.Namespace, byAddress, address.Normalize(string(l.Spec.Member.Email))); err != nil {
				return g, err
			}
			g.Own = own.Items
		}
		if mayConflict(p) {
			if g.Rivals, err = sharedRivals(ctx, cache, p); err != nil {
				return g, err
			}
		}
	}
	g.Catalog, err = catalogOf(ctx, cache, l, g.ProgramName(), groups)
	return g, err
}

// mayConflict tells whether it matters for links which other partnerships the same partner has. Only an older one stands
// in the way, and that was there when a partnership was first looked at.
func mayConflict(p *v1alpha1.Partnership) bool {
	return p.Status.State == "" || p.Status.State == v1alpha1.PartnershipConflict
}

// catalogOf is the part of the catalog that a link depends on.
func catalogOf(ctx context.Context, cache client.Reader, l *v1alpha1.PartnerLink, programName string, groups []string) (program.Catalog, error) {
	c := program.Catalog{Programs: map[string]*v1alpha1.Program{}, Groups: map[string]*v1alpha1.PartnerGroup{}}
	if programName == "" {
		return c, nil
	}
	in, err := get(ctx, cache, l.Namespace, programName, &v1alpha1.Program{})
	if err != nil || in == nil {
		return c, err
	}
	c.Programs[programName] = in
	if in.Spec.DefaultGroupRef != nil {
		groups = append(groups, in.Spec.DefaultGroupRef.Name)
	}
	for _, name := range groups {
		if name == "" || c.Groups[name] != nil {
			continue
		}
		group, err := get(ctx, cache, l.Namespace, name, &v1alpha1.PartnerGroup{})
		if err != nil {
			return c, err
		}
		if group != nil {
			c.Groups[name] = group
		}
	}
	if l.Spec.Destination == "" || len(in.Spec.Links.AllowedHosts) > 0 {
		return c, nil
	}
	var all v1alpha1.PartnerGroupList // whose hosts are allowed, too
	if err := share(ctx, cache, &all, l.Namespace, byProgram, programName); err != nil {
		return c, err
	}
	for i := range all.Items {
		c.Groups[all.Items[i].Name] = &all.Items[i]
	}
	return c, nil
}

// sharedRivals is Rivals without copies.
func sharedRivals(ctx context.Context, cache client.Reader, p *v1alpha1.Partnership) ([]v1alpha1.Partnership, error) {
	index, value := rivalsBy(p)
	if index == "" {
		return nil, nil
	}
	var list v1alpha1.PartnershipList
	err := share(ctx, cache, &list, p.Namespace, index, value)
	return list.Items, err
}

// get finds an object without a copy; nil: there is none.
func get[T client.Object](ctx context.Context, cache client.Reader, namespace, name string, into T) (found T, err error) {
	err = cache.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, into, client.UnsafeDisableDeepCopy)
	if err != nil {
		return found, client.IgnoreNotFound(err)
	}
	return into, nil
}
