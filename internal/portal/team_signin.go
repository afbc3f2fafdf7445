package portal

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
)

// errNothing tells that an object is to stay as it is.
var errNothing = errors.New("there is nothing to do")

// handOutByTeam notes on the oldest team through which the person can sign in that a link is asked for; a controller mails
// it. Who is only invited into a team gets that mail again, with the same link.
func (s *Server) handOutByTeam(ctx context.Context, request signInRequest) (member, invited bool, err error) {
	open, _, err := s.openTeams(ctx, request.namespace, request.email)
	if err != nil {
		return false, false, err
	}
	if len(open) > 0 {
		return true, false, s.changePerson(ctx, &open[0], request.email, func(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember) error {
			if m.State != v1alpha1.MemberActive || request.carriedOut(m.SignIn) || !team.RequestSignIn(t, m, s.SignInLifetime, s.Now()) {
				return errNothing
			}
			return nil
		})
	}
	known, err := lookup.TeamsKnowing(ctx, s.Client, request.namespace, request.email)
	for i := range known {
		err = errors.Join(err, s.changePerson(ctx, &known[i], request.email, func(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember) error {
			if !team.RepeatInvite(t, m, s.Now()) {
				return errNothing
			}
			invited = true
			return nil
		}))
	}
	return false, invited, err
}

// changePerson writes a fact about one person of a team.
func (s *Server) changePerson(
	ctx context.Context, of *v1alpha1.PartnerTeam, email string, fact func(*v1alpha1.PartnerTeam, *v1alpha1.TeamMember) error,
) error {
	_, err := s.Accept.ChangeTeam(ctx, client.ObjectKeyFromObject(of), string(of.UID), func(t *v1alpha1.PartnerTeam) error {
		m := team.Member(t, email)
		if m == nil {
			return errNothing
		}
		return fact(t, m)
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return client.IgnoreNotFound(err)
}

// findSignInTeam finds the team, and the address of the person in it, of a genuine sign-in link; an empty address: there
// is none. It asks the API server if the cache does not know the link.
func (s *Server) findSignInTeam(ctx context.Context, namespace string, opened token.Opened) (*v1alpha1.PartnerTeam, string, error) {
	found, err := lookup.TeamByUID(ctx, s.Client, namespace, opened.UID)
	if err != nil || found == nil {
		return nil, "", err
	}
	if email := signInAddress(found, opened, s.Now()); email != "" {
		return found, email, nil
	}
	fresh := &v1alpha1.PartnerTeam{}
	if err := s.Live.Get(ctx, client.ObjectKeyFromObject(found), fresh); err != nil {
		return nil, "", client.IgnoreNotFound(err)
	}
	return fresh, signInAddress(fresh, opened, s.Now()), nil
}

// signInAddress is the address that a sign-in link of a team was made for.
func signInAddress(t *v1alpha1.PartnerTeam, opened token.Opened, now time.Time) string {
	for _, m := range t.Status.Members {
		if signin.StateOf(m.SignIn, opened.Serial, now) != signin.Gone && opened.Binds(string(m.Email)) {
			return string(m.Email)
		}
	}
	return ""
}

// mayUseVisit tells whether the link of a visit may be used now.
func (s *Server) mayUseVisit(ctx context.Context, visit signInVisit) error {
	if visit.team != nil {
		return s.mayUseTeam(ctx, visit.team, visit)
	}
	return s.mayUse(ctx, visit.partnership, visit.serial)
}

// mayUseTeam is mayUse for a link that a team gave, on some copy of that.
func (s *Server) mayUseTeam(ctx context.Context, t *v1alpha1.PartnerTeam, visit signInVisit) error {
	m := team.Member(t, visit.email)
	if m == nil {
		return errLinkGone
	}
	catalog, err := lookup.Catalog(ctx, s.Client, t.Namespace)
	if err != nil {
		return err
	}
	of, err := lookup.PartnershipsOfTeam(ctx, s.Client, t.Namespace, t.Name)
	if err != nil {
		return err
	}
	switch state := signin.StateOf(m.SignIn, visit.serial, s.Now()); {
	case state == signin.Gone:
		return errLinkGone
	case !team.IsActive(t, visit.email), !team.Open(of, catalog, nil, s.Now()):
		return errNoAccess
	case state == signin.Expired:
		return errLinkExpired
	case state == signin.Dead:
		return errLinkDead
	default:
		return nil
	}
}

// spendTeamSignIn uses up a link that a team gave.
func (s *Server) spendTeamSignIn(ctx context.Context, visit signInVisit) error {
	written, err := s.Accept.ChangeTeam(ctx, client.ObjectKeyFromObject(visit.team), string(visit.team.UID), func(t *v1alpha1.PartnerTeam) error {
		if err := s.mayUseTeam(ctx, t, visit); err != nil {
			return err
		}
		team.UseSignIn(team.Member(t, visit.email), s.Now())
		return nil
	})
	if apierrors.IsNotFound(err) {
		return errLinkGone
	}
	if err == nil {
		s.seenTeam(ctx, written)
	}
	return err
}

// noteActive notes in the other teams of a person who has signed in that they were there. It is no matter if that fails.
func (s *Server) noteActive(ctx context.Context, visit signInVisit) {
	teams, err := lookup.TeamsOf(ctx, s.Client, visit.namespace, visit.email)
	for i := range teams {
		if visit.team != nil && teams[i].UID == visit.team.UID {
			continue
		}
		err = errors.Join(err, s.changePerson(ctx, &teams[i], visit.email, func(t *v1alpha1.PartnerTeam, _ *v1alpha1.TeamMember) error {
			if !team.Touch(t, visit.email, s.Now()) {
				return errNothing
			}
			return nil
		}))
	}
	if err != nil {
		log.FromContext(ctx).Error(err, "A team was not told that somebody was there", "namespace", visit.namespace)
	}
}

// endInTeams ends sessions of a person in all teams in which a session of theirs counts.
func (s *Server) endInTeams(ctx context.Context, namespace string, of session, end func(*v1alpha1.TeamMember) bool) error {
	teams, err := lookup.TeamsOf(ctx, s.Client, namespace, of.Address)
	for i := range teams {
		if m := team.Member(&teams[i], of.Address); m == nil || !team.SessionCounts(m, of.Time) {
			continue
		}
		err = errors.Join(err, s.changePerson(ctx, &teams[i], of.Address, func(_ *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember) error {
			if !end(m) {
				return errNothing
			}
			return nil
		}))
	}
	return err
}
