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
	"github.com/partner-operator/partner-operator/internal/team"
)

// visitor is a person with a live session.
type visitor struct {
	session
	namespace string
	// catalog is what exists in the tenant, partnerships are those of the person that the session counts for, and pending
	// those that wait for the company's approval.
	catalog               program.Catalog
	partnerships, pending []v1alpha1.Partnership
	// teams are those that the person is in and the session counts for. Their partnerships are among those above.
	teams []v1alpha1.PartnerTeam
}

// cacheLag is how long a replica's cache may be behind what another one, or this one, has just written.
const cacheLag = 2 * time.Second

// visitor tells who is signed in. It is false if nobody is, which includes a session that no longer counts for any
// partnership.
func (s *Server) visitor(r *http.Request, namespace string) (visitor, bool, error) {
	cookie, ok := s.openSession(r, namespace)
	if !ok {
		return visitor{}, false, nil
	}
	v := visitor{session: cookie, namespace: namespace}
	known, teams, err := s.standingOf(r.Context(), namespace, cookie)
	if err != nil {
		return v, false, err
	}
	if v.catalog, err = lookup.Catalog(r.Context(), s.Client, namespace); err != nil {
		return v, false, err
	}
	s.admit(&v, known)
	for i := range teams {
		if err := s.admitTeam(r.Context(), &v, &teams[i]); err != nil {
			return v, false, err
		}
	}
	byProgram := func(a, b v1alpha1.Partnership) int {
		return strings.Compare(a.Spec.ProgramRef.Name, b.Spec.ProgramRef.Name)
	}
	slices.SortFunc(v.partnerships, byProgram)
	slices.SortFunc(v.pending, byProgram)
	return v, len(v.partnerships) > 0 || len(v.teams) > 0, nil
}

// partnership finds a partnership of the visitor; nil: it is not theirs, or gives no access.
func (v visitor) partnership(name string) *v1alpha1.Partnership {
	at := slices.IndexFunc(v.partnerships, func(p v1alpha1.Partnership) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &v.partnerships[at]
}

// admit lets a visitor to those of one partner's partnerships that the session counts for.
func (s *Server) admit(v *visitor, known []v1alpha1.Partnership) {
	for _, p := range known {
		switch in := v.catalog.Programs[p.Spec.ProgramRef.Name]; {
		case !partnership.SessionCounts(&p, v.Time):
		case partnership.HasAccess(&p, known, in, s.Now()):
			v.partnerships = append(v.partnerships, p)
		case in != nil && partnership.State(&p, known, s.Now()) == v1alpha1.PartnershipPending:
			v.pending = append(v.pending, p)
		}
	}
}

// admitTeam lets a visitor to a team that they are in and its partnerships, if the session counts for their membership.
func (s *Server) admitTeam(ctx context.Context, v *visitor, t *v1alpha1.PartnerTeam) error {
	m := team.Member(t, v.Address)
	if m == nil || !team.SessionCounts(m, v.Time) {
		return nil
	}
	of, err := lookup.PartnershipsOfTeam(ctx, s.Client, t.Namespace, t.Name)
	if err != nil {
		return err
	}
	s.admit(v, of)
	if team.Open(of, v.catalog, func(p *v1alpha1.Partnership) bool { return partnership.SessionCounts(p, v.Time) }, s.Now()) {
		v.teams = append(v.teams, *t)
	}
	return nil
}

// standingOf finds what a session may speak of: partnerships of the person, and teams. A session that is brand new may be
// ahead of this replica's cache, in which there is nothing yet, or nothing that was accepted; so it is given a moment to
// catch up.
func (s *Server) standingOf(ctx context.Context, namespace string, of session) ([]v1alpha1.Partnership, []v1alpha1.PartnerTeam, error) {
	for {
		known, err := lookup.PartnershipsOf(ctx, s.Client, namespace, of.Address)
		if err != nil {
			return nil, nil, err
		}
		teams, err := lookup.TeamsKnowing(ctx, s.Client, namespace, of.Address)
		ended := slices.ContainsFunc(teams, func(t v1alpha1.PartnerTeam) bool {
			return !team.SessionCounts(team.Member(&t, of.Address), of.Time)
		})
		teams = slices.DeleteFunc(teams, func(t v1alpha1.PartnerTeam) bool { return !team.IsActive(&t, of.Address) })
		inForce := len(teams) > 0 || slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return partnership.Stands(&p, nil, s.Now()) })
		behind := len(known)+len(teams) == 0 || !inForce && slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return s.isInvited(&p) })
		if err != nil || !behind || ended || s.Now().Sub(of.Time) > cacheLag {
			return known, teams, err
		}
		if !pause(ctx) {
			return nil, nil, ctx.Err()
		}
	}
}

func (s *Server) isInvited(p *v1alpha1.Partnership) bool {
	return partnership.State(p, nil, s.Now()) == v1alpha1.PartnershipInvited
}

// caughtUp waits until the cache shows that the partnerships of an accepted invite exist and were accepted, and so does
// its team, but not longer than a cache may lag.
func (s *Server) caughtUp(ctx context.Context, accepted *v1alpha1.PartnerInvite) {
	ctx, cancel := context.WithTimeout(ctx, cacheLag)
	defer cancel()
	for {
		known, err := lookup.PartnershipsFor(ctx, s.Client, accepted)
		missing := slices.ContainsFunc(accepted.Status.PartnershipRefs, func(ref v1alpha1.PartnershipReference) bool {
			return !slices.ContainsFunc(known, func(p v1alpha1.Partnership) bool { return p.Name == ref.Name && !s.isInvited(&p) })
		})
		if accepted.ForTeam() && err == nil && !missing {
			var of *v1alpha1.PartnerTeam
			of, err = lookup.Team(ctx, s.Client, accepted.Namespace, accepted.TeamName())
			missing = of == nil
		}
		if err != nil || !missing || !pause(ctx) {
			return
		}
	}
}

// caughtUpWith waits until the cache shows a partnership that was just made.
func (s *Server) caughtUpWith(ctx context.Context, made *v1alpha1.Partnership) {
	s.seen(ctx, func(ctx context.Context) (bool, error) {
		cached, err := lookup.PartnershipByUID(ctx, s.Client, made.Namespace, string(made.UID))
		return cached != nil, err
	})
}

// seenTeam waits until the cache shows a team as it was just written, so that what the person sees next is what they did.
func (s *Server) seenTeam(ctx context.Context, written *v1alpha1.PartnerTeam) {
	s.seen(ctx, func(ctx context.Context) (bool, error) {
		cached, err := lookup.Team(ctx, s.Client, written.Namespace, written.Name)
		return cached == nil || team.News(cached) == team.News(written), err
	})
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
	open, teamWaits, err := s.openTeams(ctx, namespace, email)
	return len(open) == 0 && (waits || teamWaits), err
}

// openTeams are the teams through which a person can sign in, the oldest first, and whether another one waits for the
// company.
func (s *Server) openTeams(ctx context.Context, namespace, email string) (open []v1alpha1.PartnerTeam, waits bool, err error) {
	teams, err := lookup.TeamsOf(ctx, s.Client, namespace, email)
	if err != nil || len(teams) == 0 {
		return nil, false, err
	}
	catalog, err := lookup.Catalog(ctx, s.Client, namespace)
	if err != nil {
		return nil, false, err
	}
	for _, t := range teams {
		of, err := lookup.PartnershipsOfTeam(ctx, s.Client, namespace, t.Name)
		if err != nil {
			return nil, false, err
		}
		if team.Open(of, catalog, nil, s.Now()) {
			open = append(open, t)
		}
		waits = waits || slices.ContainsFunc(of, func(p v1alpha1.Partnership) bool {
			return partnership.State(&p, of, s.Now()) == v1alpha1.PartnershipPending
		})
	}
	return open, waits, nil
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
