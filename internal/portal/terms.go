package portal

import (
	"context"
	"errors"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
)

// posted finds the visitor, and the partnership of theirs that the form names. If there is none, the answer is given.
func (s *Server) posted(w http.ResponseWriter, r *http.Request) (visitor, *v1alpha1.Partnership, bool) {
	v, ok := s.signedIn(w, r)
	if !ok || !s.parsed(w, r) {
		return v, nil, false
	}
	p := v.partnership(r.PostForm.Get("partnership"))
	if p == nil && v.again[r.PostForm.Get("partnership")] {
		s.signInAgain(w, r)
		return v, p, false
	}
	if p == nil {
		s.notFound(w, r)
		return v, p, false
	}
	noteObject(r, "Partnership", p.Name)
	return v, p, true
}

// acting is posted for what can be done only once the terms were accepted.
func (s *Server) acting(w http.ResponseWriter, r *http.Request) (visitor, *v1alpha1.Partnership, bool) {
	v, p, ok := s.posted(w, r)
	if ok && partnership.TermsDue(p, v.catalog.Programs[p.Spec.ProgramRef.Name]) {
		s.termsFirst(w, r)
		return v, p, false
	}
	return v, p, ok
}

func (s *Server) termsFirst(w http.ResponseWriter, r *http.Request) {
	s.forbidden(w, r, "Please accept the terms first", "The terms of this program are new, or have changed.")
}

// errNotTheirs tells that a partnership gives the visitor no access any more.
var errNotTheirs = errors.New("the partnership gives no access")

// acceptTerms records who accepted the terms of a program, in the wording that the person saw.
func (s *Server) acceptTerms(w http.ResponseWriter, r *http.Request) {
	v, p, ok := s.posted(w, r)
	if !ok {
		return
	}
	if !v.may(p, team.AcceptTerms) {
		s.refuseAction(w, r)
		return
	}
	terms := v.catalog.Programs[p.Spec.ProgramRef.Name].Spec.Terms
	version := r.PostForm.Get("version")
	if terms == nil || version != string(terms.Version) {
		s.notice(w, r, http.StatusConflict, notice{
			Title: "The terms have changed", Text: "There is another wording by now. Please read it before you accept.", Back: "Back to your programs",
		})
		return
	}
	key := client.ObjectKeyFromObject(p)
	err := s.change(r.Context(), key, func(fresh *v1alpha1.Partnership) error { return s.noteTerms(fresh, p, v, version) })
	switch {
	case errors.Is(err, errNotTheirs), err != nil && client.IgnoreNotFound(err) == nil:
		s.notFound(w, r)
		return
	case err != nil && !errors.Is(err, errKnown):
		s.unavailable(w, r, err)
		return
	}
	s.seen(r.Context(), func(ctx context.Context) (bool, error) {
		found, err := lookup.PartnershipByUID(ctx, s.Client, p.Namespace, string(p.UID))
		return found == nil || found.Status.Terms != nil && found.Status.Terms.Version == version, err
	})
	s.did(r.Context(), v, p)
	http.Redirect(w, r, dashboardPath(v.namespace), http.StatusSeeOther)
}

// noteTerms notes in a live copy of a partnership that a visitor accepted its terms.
func (s *Server) noteTerms(fresh, p *v1alpha1.Partnership, v visitor, version string) error {
	if fresh.UID != p.UID || !partnership.SessionCounts(fresh, v.Time) || !partnership.Stands(fresh, nil, s.Now()) {
		return errNotTheirs
	}
	if !partnership.AcceptTerms(&fresh.Status, version, v.Address, s.Now()) {
		return errKnown
	}
	if fresh.Spec.TeamRef == nil {
		signin.Seen(&fresh.Status.Access, s.Now())
	}
	return nil
}

// errKnown tells that what would be written stands there already.
var errKnown = errors.New("it is known already")

// baseOf is where a tenant's links begin: its brand can have a host of its own.
func (s *Server) baseOf(ctx context.Context, namespace string) (link.Base, error) {
	found, err := s.Book.Brand(ctx, namespace)
	if err != nil || found.Host == "" {
		return s.Base, err
	}
	return s.Base.WithHost(found.Host)
}
