package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/grant"
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
	// grants are all of the person, and again the names of the partnerships that were given since the session began.
	grants []grant.Grant
	again  map[string]bool
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
	v := visitor{session: cookie, namespace: namespace, again: map[string]bool{}}
	found, err := s.standingOf(r.Context(), namespace, cookie)
	if err != nil {
		return v, false, err
	}
	v.catalog, v.grants = found.Catalog, found.Grants()
	for _, g := range v.grants {
		seen := g.View(v.Time)
		v.partnerships, v.pending = append(v.partnerships, seen.Partnerships...), append(v.pending, seen.Waiting...)
		for _, p := range seen.Again {
			v.again[p.Name] = true
		}
		if g.Team != nil && seen.Open {
			v.teams = append(v.teams, *g.Team)
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

// standingOf finds what a session may speak of. A session that is brand new may be ahead of this replica's cache, in which
// there is nothing yet, or nothing that was accepted; so it is given a moment to catch up.
func (s *Server) standingOf(ctx context.Context, namespace string, of session) (grant.Found, error) {
	for {
		found, err := s.find(ctx, namespace, of.Address)
		if err != nil {
			return found, err
		}
		nothing, inForce, invited, ended := true, false, false, false
		for _, g := range found.Grants() {
			nothing, inForce, invited = nothing && g.Why == grant.NotMember, inForce || g.InForce(), invited || g.Why == grant.Invited
			ended = ended || g.Team != nil && !g.Counts(of.Time)
		}
		behind := nothing || !inForce && invited
		if !behind || ended || s.Now().Sub(of.Time) > cacheLag {
			return found, nil
		}
		if !pause(ctx) {
			return found, ctx.Err()
		}
	}
}

// find finds what there is for an address.
func (s *Server) find(ctx context.Context, namespace, email string) (found grant.Found, err error) {
	found = grant.Found{Address: email, Of: map[string][]v1alpha1.Partnership{}, Now: s.Now()}
	if found.Own, err = lookup.PartnershipsOf(ctx, s.Client, namespace, email); err != nil {
		return found, err
	}
	if found.Catalog, err = lookup.Catalog(ctx, s.Client, namespace); err != nil {
		return found, err
	}
	if found.Teams, err = lookup.TeamsKnowing(ctx, s.Client, namespace, email); err != nil {
		return found, err
	}
	for i := range found.Teams {
		name := found.Teams[i].Name
		if found.Of[name], err = lookup.PartnershipsOfTeam(ctx, s.Client, namespace, name); err != nil {
			return found, err
		}
	}
	return found, nil
}

// changeAccess writes a fact about a grant on a live copy of what gives it. One that is gone is a link that does not work.
func (s *Server) changeAccess(ctx context.Context, of grant.Grant, fact func(grant.Grant) error) error {
	var err error
	if of.Team != nil {
		var written *v1alpha1.PartnerTeam
		written, err = s.Accept.ChangeTeam(ctx, client.ObjectKeyFromObject(of.Team), string(of.Team.UID), func(t *v1alpha1.PartnerTeam) error {
			found, err := s.find(ctx, t.Namespace, of.Address)
			if err != nil {
				return err
			}
			live, known := found.OfMember(t)
			if !known {
				return grant.ErrGone
			}
			return fact(live)
		})
		if err == nil {
			s.seenTeam(ctx, written)
		}
	} else {
		err = s.change(ctx, client.ObjectKeyFromObject(of.Partnership), func(p *v1alpha1.Partnership) error {
			if p.UID != of.Partnership.UID {
				return grant.ErrGone
			}
			found, err := s.find(ctx, p.Namespace, of.Address)
			if err != nil {
				return err
			}
			return fact(found.OfPartnership(p))
		})
	}
	switch {
	case errors.Is(err, errNothing):
		return nil
	case apierrors.IsNotFound(err):
		return grant.ErrGone
	default:
		return err
	}
}

// errNothing tells that an object is to stay as it is.
var errNothing = errors.New("there is nothing to do")

// noteActive notes with grants of a person that they are there. It is no matter if that fails.
func (s *Server) noteActive(ctx context.Context, grants []grant.Grant) {
	for _, g := range grants {
		if !g.Open || !g.Begin(s.Now()) {
			continue
		}
		err := s.changeAccess(ctx, g, func(live grant.Grant) error {
			if !live.Begin(s.Now()) {
				return errNothing
			}
			return nil
		})
		if err != nil && !errors.Is(err, grant.ErrGone) {
			log.FromContext(ctx).Error(err, "It was not noted that somebody was there")
		}
	}
}

// did notes that a visitor did something with a partnership.
func (s *Server) did(ctx context.Context, v visitor, p *v1alpha1.Partnership) {
	s.noteActive(ctx, slices.DeleteFunc(slices.Clone(v.grants), func(g grant.Grant) bool {
		if g.Team != nil {
			return p.Spec.TeamRef == nil || g.Team.Name != p.Spec.TeamRef.Name
		}
		return g.Partnership.UID != p.UID
	}))
}

// givenSince reports whether a team was given to a visitor, or back, since their session began.
func (v visitor) givenSince(teamName string) bool {
	return slices.ContainsFunc(v.grants, func(g grant.Grant) bool {
		return g.Team != nil && g.Team.Name == teamName && g.Open && !g.View(v.Time).Open
	})
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
	found, err := s.find(ctx, namespace, email)
	return grant.OnlyWaits(found.Grants()), err
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
