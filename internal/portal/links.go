package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/team"
)

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerlinks,verbs=create;delete

// linksOf are the links of a partnership that a person sees, in the order of their names.
func (s *Server) linksOf(ctx context.Context, p *v1alpha1.Partnership, person string) ([]v1alpha1.PartnerLink, error) {
	found, err := lookup.LinksOf(ctx, s.Client, p.Namespace, p.Name)
	marks := link.Marks(s.Keys.Marker(), p)
	seen := slices.DeleteFunc(slices.Clone(found), func(l v1alpha1.PartnerLink) bool {
		return !l.DeletionTimestamp.IsZero() || link.HolderOf(&l, p, marks, person) == link.HeldByOthers
	})
	slices.SortFunc(seen, func(a, b v1alpha1.PartnerLink) int { return strings.Compare(a.Name, b.Name) })
	return seen, err
}

// deletes is what it takes to delete a link, by whose it is.
var deletes = map[link.Holder]team.Action{link.HeldByPerson: team.OwnLinks, link.HeldByTeam: team.ConfigureTeam}

// creation tells whether a partner can make links, as far as the company is concerned: it lets them, and there is
// somewhere that links can lead.
func creation(p *v1alpha1.Partnership, catalog program.Catalog) bool {
	in := catalog.Programs[p.Spec.ProgramRef.Name]
	if group := groupOf(p, catalog); group != nil && group.Spec.Links.Creation == v1alpha1.LinkCreationDisabled {
		return false
	}
	return link.MostPerMember(in) > 0 && (leadsByItself(p, catalog) || len(link.Hosts(in, catalog)) > 0)
}

// leadsByItself tells whether a link leads somewhere that says no destination itself.
func leadsByItself(p *v1alpha1.Partnership, catalog program.Catalog) bool {
	group := groupOf(p, catalog)
	return catalog.Programs[p.Spec.ProgramRef.Name].Spec.Links.Destination != "" || group != nil && group.Spec.Links.Destination != ""
}

// groupOf is the group in force; nil: none.
func groupOf(p *v1alpha1.Partnership, catalog program.Catalog) *v1alpha1.PartnerGroup {
	name, _ := catalog.GroupInForce(p.Spec.ProgramRef.Name, p.Spec.GroupRef, p.Status.Group)
	return catalog.Groups[name]
}

// linkForm is what somebody typed to make a link.
type linkForm struct {
	partnership, name, destination string
	// nameProblem and destinationProblem are sentences about the fields; empty: they are right.
	nameProblem, destinationProblem string
}

// createLink makes a link for a partnership of the visitor. The API server decides between two who want the same name.
func (s *Server) createLink(w http.ResponseWriter, r *http.Request) {
	v, p, ok := s.acting(w, r)
	if !ok {
		return
	}
	if !v.may(p, team.OwnLinks) {
		s.refuseAction(w, r)
		return
	}
	if !creation(p, v.catalog) {
		s.forbidden(w, r, "Links are made for you", "In this program you cannot make links yourself. Please ask whoever invited you.")
		return
	}
	typed := linkForm{partnership: p.Name, name: r.PostForm.Get("name"), destination: strings.TrimSpace(r.PostForm.Get("destination"))}
	wanted := s.judge(&typed, v, p)
	if typed.nameProblem != "" || typed.destinationProblem != "" {
		s.showDashboard(w, r, v, http.StatusUnprocessableEntity, typed)
		return
	}
	err := s.makeLink(r.Context(), wanted, p, v)
	switch {
	case errors.Is(err, errEnough):
		s.forbidden(w, r, "You have as many links as you can have", fmt.Sprintf("In this program that is %d. Delete one that you do not use.", link.MostPerMember(v.catalog.Programs[p.Spec.ProgramRef.Name])))
	case apierrors.IsAlreadyExists(err):
		typed.nameProblem = "The name is taken. Please choose another."
		s.showDashboard(w, r, v, http.StatusConflict, typed)
	case apierrors.IsInvalid(err):
		typed.destinationProblem = "The destination cannot be used."
		s.showDashboard(w, r, v, http.StatusUnprocessableEntity, typed)
	case err != nil:
		s.unavailable(w, r, err)
	default:
		s.seen(r.Context(), func(ctx context.Context) (bool, error) {
			found, err := lookup.Link(ctx, s.Client, wanted.Namespace, wanted.Name)
			return found != nil, err
		})
		s.did(r.Context(), v, p)
		http.Redirect(w, r, dashboardPath(v.namespace)+"?made="+wanted.Name+"#program-"+p.Name, http.StatusSeeOther)
	}
}

// judge makes a link of what was typed, and notes what is wrong with it.
func (s *Server) judge(typed *linkForm, v visitor, p *v1alpha1.Partnership) *v1alpha1.PartnerLink {
	name, err := link.ChosenName(typed.name)
	if err != nil {
		typed.nameProblem = "The name " + err.Error() + "."
	}
	switch {
	case typed.destination == "" && !leadsByItself(p, v.catalog):
		typed.destinationProblem = "The destination is missing."
	case typed.destination != "":
		d, err := link.ParseDestination(typed.destination)
		if err == nil {
			err = link.Allows(v.catalog.Programs[p.Spec.ProgramRef.Name], v.catalog, s.Base.Host(), d)
		}
		if err != nil {
			typed.destinationProblem = "The destination " + err.Error() + "."
		}
	}
	made := &v1alpha1.PartnerLink{
		ObjectMeta: metav1.ObjectMeta{Namespace: v.namespace, Name: name, Labels: map[string]string{link.SourceLabel: link.SourcePortal}},
		Spec: v1alpha1.PartnerLinkSpec{
			PartnershipRef: v1alpha1.PartnershipReference{Name: p.Name},
			Destination:    v1alpha1.WebAddress(typed.destination),
		},
	}
	if p.Spec.TeamRef != nil {
		made.Spec.Member = &v1alpha1.LinkMember{Email: v1alpha1.EmailAddress(v.Address)}
	}
	return made
}

// errEnough tells that a partner has as many links as the program lets them have.
var errEnough = errors.New("the partner has as many links as the program lets them have")

// makeLink makes a link unless the partner has enough. The links are counted at the API server, and on this replica one
// partner makes one at a time, so that nobody gets more by asking for many at once.
func (s *Server) makeLink(ctx context.Context, wanted *v1alpha1.PartnerLink, p *v1alpha1.Partnership, v visitor) error {
	defer s.makers.Lock(p.Namespace + "/" + p.Name)()
	var there v1alpha1.PartnerLinkList
	if err := s.Live.List(ctx, &there, client.InNamespace(p.Namespace), client.MatchingFields{"spec.partnershipRef.name": p.Name}); err != nil {
		return err
	}
	count, marks := 0, link.Marks(s.Keys.Marker(), p)
	for i := range there.Items {
		if link.HolderOf(&there.Items[i], p, marks, v.Address) == link.HeldByPerson {
			count++
		}
	}
	if count >= link.MostPerMember(v.catalog.Programs[p.Spec.ProgramRef.Name]) {
		return errEnough
	}
	return s.Client.Create(ctx, wanted)
}

// deleteLink kills a link of the visitor. Links of others are answered as those that do not exist.
func (s *Server) deleteLink(w http.ResponseWriter, r *http.Request) {
	v, ok := s.signedIn(w, r)
	if !ok {
		return
	}
	found, err := lookup.Link(r.Context(), s.Client, v.namespace, r.PathValue("link"))
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	var p *v1alpha1.Partnership
	if found != nil {
		p = v.partnership(found.Spec.PartnershipRef.Name)
	}
	if p == nil && found != nil && v.again[found.Spec.PartnershipRef.Name] {
		s.signInAgain(w, r)
		return
	}
	holder := link.HeldByOthers
	if p != nil {
		holder = link.HolderOf(found, p, link.Marks(s.Keys.Marker(), p), v.Address)
	}
	if holder == link.HeldByOthers {
		s.notFound(w, r)
		return
	}
	noteObject(r, "PartnerLink", found.Name)
	if !v.may(p, deletes[holder]) {
		s.refuseAction(w, r)
		return
	}
	if partnership.TermsDue(p, v.catalog.Programs[p.Spec.ProgramRef.Name]) {
		s.termsFirst(w, r)
		return
	}
	// Not one of the same name that somebody made since.
	err = s.Client.Delete(r.Context(), &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: found.Namespace, Name: found.Name}}, client.Preconditions{UID: &found.UID})
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		s.unavailable(w, r, err)
		return
	}
	s.seen(r.Context(), func(ctx context.Context) (bool, error) {
		now, err := lookup.Link(ctx, s.Client, found.Namespace, found.Name)
		return now == nil || now.UID != found.UID, err
	})
	s.did(r.Context(), v, p)
	http.Redirect(w, r, dashboardPath(v.namespace)+"?deleted="+found.Name+"#program-"+p.Name, http.StatusSeeOther)
}

// seen waits until the cache shows what was just written, but not longer than a cache may lag, so that the page that
// follows does too.
func (s *Server) seen(ctx context.Context, is func(context.Context) (bool, error)) {
	ctx, cancel := context.WithTimeout(ctx, cacheLag)
	defer cancel()
	for {
		if yes, err := is(ctx); yes || err != nil || !pause(ctx) {
			return
		}
	}
}
