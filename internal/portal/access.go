package portal

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// visitor is a person with a live session.
type visitor struct {
	session
	namespace string
	// catalog is what exists in the tenant, partnerships are those of the person that the session counts for, and pending
	// those that wait for the company's approval.
	catalog               program.Catalog
	partnerships, pending []v1alpha1.Partnership
}

// cacheLag is how long a replica's cache may be behind what another one, or this one, has just written.
const cacheLag = 2 * time.Second

// visitor tells who is signed in. It is false if nobody is, which includes a session that no longer counts for any
// partnership.
func (s *Server) visitor(r *http.Request, namespace string) (visitor, bool, error) {
	cookie, ok := s.readCookie(r, token.PurposeSession, namespace, sessionLifetime)
	if !ok {
		return visitor{}, false, nil
	}
	v := visitor{session: cookie, namespace: namespace}
	known, err := s.partnershipsOf(r.Context(), namespace, cookie)
	if err != nil {
		return v, false, err
	}
	if v.catalog, err = lookup.Catalog(r.Context(), s.Client, namespace); err != nil {
		return v, false, err
	}
	for _, p := range known {
		switch in := v.catalog.Programs[p.Spec.ProgramRef.Name]; {
		case !partnership.SessionCounts(&p, cookie.Time):
		case partnership.HasAccess(&p, known, in, s.Now()):
			v.partnerships = append(v.partnerships, p)
		case in != nil && partnership.State(&p, known, s.Now()) == v1alpha1.PartnershipPending:
			v.pending = append(v.pending, p)
		}
	}
	byProgram := func(a, b v1alpha1.Partnership) int {
		return strings.Compare(a.Spec.ProgramRef.Name, b.Spec.ProgramRef.Name)
	}
	slices.SortFunc(v.partnerships, byProgram)
	slices.SortFunc(v.pending, byProgram)
	return v, len(v.partnerships) > 0, nil
}

// partnership finds a partnership of the visitor; nil: it is not theirs, or gives no access.
func (v visitor) partnership(name string) *v1alpha1.Partnership {
	at := slices.IndexFunc(v.partnerships, func(p v1alpha1.Partnership) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &v.partnerships[at]
}

// partnershipsOf finds what a session may speak of. A session that is brand new may be ahead of this replica's cache, in
// which there is nothing yet, or nothing that was accepted; so it is given a moment to catch up.
func (s *Server) partnershipsOf(ctx context.Context, namespace string, of session) ([]v1alpha1.Partnership, error) {
	for {
		known, err := lookup.PartnershipsOf(ctx, s.Client, namespace, of.Address)
		inForce := slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return partnership.Stands(&p, nil, s.Now()) })
		behind := len(known) == 0 || !inForce && slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return s.isInvited(&p) })
		if err != nil || !behind || s.Now().Sub(of.Time) > cacheLag {
			return known, err
		}
		if !pause(ctx) {
			return nil, ctx.Err()
		}
	}
}

func (s *Server) isInvited(p *v1alpha1.Partnership) bool {
	return partnership.State(p, nil, s.Now()) == v1alpha1.PartnershipInvited
}

// caughtUp waits until the cache shows that these partnerships exist and were accepted, but not longer than a cache may
// lag.
func (s *Server) caughtUp(ctx context.Context, namespace, email string, refs []v1alpha1.PartnershipReference) {
	ctx, cancel := context.WithTimeout(ctx, cacheLag)
	defer cancel()
	for {
		known, err := lookup.PartnershipsOf(ctx, s.Client, namespace, email)
		missing := slices.ContainsFunc(refs, func(ref v1alpha1.PartnershipReference) bool {
			return !slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return p.Name == ref.Name && !s.isInvited(&p) })
		})
		if err != nil || !missing || !pause(ctx) {
			return
		}
	}
}

// onlyWaits tells whether a person who has just accepted has access to nothing, because the company is still to approve.
func (s *Server) onlyWaits(ctx context.Context, namespace, email string) (bool, error) {
	known, err := lookup.PartnershipsOf(ctx, s.Client, namespace, email)
	if err != nil {
		return false, err
	}
	waits := false
	for i := range known {
		switch partnership.State(&known[i], known, s.Now()) {
		case v1alpha1.PartnershipActive:
			return false, nil
		case v1alpha1.PartnershipPending:
			waits = true
		default:
		}
	}
	return waits, nil
}

// pause is the moment between two looks at the cache; false: the context ended.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(10 * time.Millisecond):
		return true
	}
}
