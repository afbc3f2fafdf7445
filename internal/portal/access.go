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
	// catalog is what exists in the tenant, and partnerships are those of the person that the session counts for.
	catalog      program.Catalog
	partnerships []v1alpha1.Partnership
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
	v := visitor{session: cookie}
	known, err := s.partnershipsOf(r.Context(), namespace, cookie)
	if err != nil {
		return v, false, err
	}
	if v.catalog, err = lookup.Catalog(r.Context(), s.Client, namespace); err != nil {
		return v, false, err
	}
	for _, p := range known {
		if partnership.HasAccess(&p, v.catalog.Programs[p.Spec.ProgramRef.Name]) && partnership.SessionCounts(&p, cookie.Time) {
			v.partnerships = append(v.partnerships, p)
		}
	}
	slices.SortFunc(v.partnerships, func(a, b v1alpha1.Partnership) int {
		return strings.Compare(a.Spec.ProgramRef.Name, b.Spec.ProgramRef.Name)
	})
	return v, len(v.partnerships) > 0, nil
}

// partnershipsOf finds what a session may speak of. A session that is brand new may be ahead of this replica's cache,
// so it is given a moment to catch up.
func (s *Server) partnershipsOf(ctx context.Context, namespace string, of session) ([]v1alpha1.Partnership, error) {
	for {
		known, err := lookup.PartnershipsOf(ctx, s.Client, namespace, of.Address)
		if err != nil || len(known) > 0 || s.Now().Sub(of.Time) > cacheLag {
			return known, err
		}
		if !pause(ctx) {
			return nil, ctx.Err()
		}
	}
}

// caughtUp waits until the cache shows these partnerships, but not longer than a cache may lag.
func (s *Server) caughtUp(ctx context.Context, namespace, email string, refs []v1alpha1.PartnershipReference) {
	ctx, cancel := context.WithTimeout(ctx, cacheLag)
	defer cancel()
	for {
		known, err := lookup.PartnershipsOf(ctx, s.Client, namespace, email)
		missing := slices.ContainsFunc(refs, func(ref v1alpha1.PartnershipReference) bool {
			return !slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return p.Name == ref.Name })
		})
		if err != nil || !missing || !pause(ctx) {
			return
		}
	}
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
