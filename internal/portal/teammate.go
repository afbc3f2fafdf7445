package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
)

// teammateVisit is a request with a genuine link about a person and a team: to join it, or to approve that.
type teammateVisit struct {
	namespace, token string
	serial           int64
	team             *v1alpha1.PartnerTeam
	// person is whom the link is about, and decider who got the link to approve; empty: it is a link to join.
	person  *v1alpha1.TeamMember
	decider string
}

// byTeamLink opens a link of a team and finds what it is about. A link that does not open, or is used, is the same page.
func (s *Server) byTeamLink(
	purpose token.Purpose, about func(*v1alpha1.PartnerTeam, token.Opened) (*v1alpha1.TeamMember, string),
	next func(http.ResponseWriter, *http.Request, teammateVisit),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visit := teammateVisit{namespace: r.PathValue("ns"), token: r.PathValue("token")}
		opened, ok := s.open(w, r, purpose, visit.token)
		if !ok {
			return
		}
		found, err := lookup.TeamByUID(r.Context(), s.Client, visit.namespace, opened.UID)
		if err == nil && found != nil {
			err = s.takeBack(r.Context(), found)
		}
		if err == nil && found != nil {
			if visit.person, visit.decider = about(found, opened); visit.person == nil { // the cache may be behind the mail
				fresh := &v1alpha1.PartnerTeam{}
				err = s.Live.Get(r.Context(), client.ObjectKeyFromObject(found), fresh)
				if err == nil {
					err = s.takeBack(r.Context(), fresh)
				}
				found = fresh
				visit.person, visit.decider = about(found, opened)
			}
		}
		if client.IgnoreNotFound(err) != nil {
			s.unavailable(w, r, err)
			return
		}
		if visit.person == nil {
			s.deadLink(w, r)
			return
		}
		visit.team, visit.serial = found, opened.Serial
		noteObject(r, "PartnerTeam", found.Name)
		next(w, r, visit)
	}
}

// takeBack leaves out of a copy of a team whom the company has taken back, whether or not a controller has seen that.
func (s *Server) takeBack(ctx context.Context, t *v1alpha1.PartnerTeam) error {
	gone, err := lookup.WithdrawnFrom(ctx, s.Client, s.Live, t)
	team.TakeBack(t, gone, s.Now())
	return err
}

// withMember is byTeamLink for links to join.
func (s *Server) withMember(next func(http.ResponseWriter, *http.Request, teammateVisit)) http.HandlerFunc {
	return s.byTeamLink(token.PurposeTeamMember, func(t *v1alpha1.PartnerTeam, opened token.Opened) (*v1alpha1.TeamMember, string) {
		if m := team.InvitedBySerial(t, opened.Serial); m != nil && opened.Binds(string(m.Email)) {
			return m, ""
		}
		return nil, ""
	}, func(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
		switch {
		case team.Expired(visit.person, s.Now()):
			s.refuseTeammate(w, r, &team.Refusal{Kind: team.HasExpired})
		case team.LinkDead(visit.person):
			s.refuseTeammate(w, r, &team.Refusal{Kind: team.Dead})
		default:
			next(w, r, visit)
		}
	})
}

// withApproval is byTeamLink for links to approve: they work as long as who got one may still decide.
func (s *Server) withApproval(next func(http.ResponseWriter, *http.Request, teammateVisit)) http.HandlerFunc {
	return s.byTeamLink(token.PurposeTeamApproval, func(t *v1alpha1.PartnerTeam, opened token.Opened) (*v1alpha1.TeamMember, string) {
		m := team.AwaitingBySerial(t, opened.Serial)
		if m == nil {
			m = team.DecidedBySerial(t, opened.Serial)
		}
		if m == nil {
			return nil, ""
		}
		for _, decider := range t.Status.Members {
			if team.Can(t, string(decider.Email), team.InvitePeople) && opened.Binds(string(decider.Email)) {
				return m, string(decider.Email)
			}
		}
		return nil, ""
	}, func(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
		if visit.person.State != v1alpha1.MemberAwaitingApproval {
			s.decided(w, r, visit)
			return
		}
		next(w, r, visit)
	})
}

// decided tells somebody who may still decide for the team what became of the person whom their link was about.
func (s *Server) decided(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
	noteReason(r, string(team.TooLate))
	text := "Somebody of your team has decided: " + string(visit.person.Email) + " "
	switch visit.person.State {
	case v1alpha1.MemberInvited, v1alpha1.MemberAwaitingApproval:
		text += "is invited."
	case v1alpha1.MemberActive:
		text += "is in the team."
	case v1alpha1.MemberDeclined:
		text += "was invited, and declined."
	case v1alpha1.MemberRejected:
		text += "is rejected."
	case v1alpha1.MemberRemoved:
		text += "is not in the team."
		if visit.person.InvitedTime == nil && visit.person.JoinedTime == nil {
			text = "The proposal to bring in " + string(visit.person.Email) + " was taken back."
		}
	}
	s.notice(w, r, http.StatusConflict, notice{Title: "There is nothing left to decide", Text: text, SignIn: "Sign in"})
}

// teammateView is what the pages show that links about a person and a team lead to.
type teammateView struct {
	Token, FirstName, Hint, Team, Role, Expiry string
	// Person is who is to be approved.
	Person       string
	Typed, Error string
}

func (s *Server) viewOfTeammate(visit teammateVisit) teammateView {
	m := visit.person
	view := teammateView{
		Token: visit.token, FirstName: string(m.FirstName), Hint: address.Hint(string(m.Email)),
		Team: string(visit.team.Spec.DisplayName), Role: string(m.Role), Person: string(m.Email),
	}
	if name := fullName(m.FirstName, m.LastName); name != "" {
		view.Person = name + ", " + view.Person
	}
	if m.ExpiryTime != nil {
		view.Expiry = m.ExpiryTime.UTC().Format("2 January 2006, 15:04 UTC")
	}
	return view
}

// memberPage shows who invites into which team.
func (s *Server) memberPage(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
	s.render(w, r, http.StatusOK, "member.html", page{Title: "Your invitation", Body: s.viewOfTeammate(visit)})
}

// typedOwnAddress tells whether the typed address is the invited one; if not, the answer is given.
func (s *Server) typedOwnAddress(w http.ResponseWriter, r *http.Request, visit teammateVisit) bool {
	typed := r.PostForm.Get("email")
	if address.Equal(typed, string(visit.person.Email)) {
		return true
	}
	if isGuess(typed) && !s.mayGuessTeammate(w, r, visit) {
		return false
	}
	view := s.viewOfTeammate(visit)
	view.Typed, view.Error = typed, "Please type the address that the invitation was sent to."
	if typed != "" {
		noteReason(r, audit.WrongAddress)
		view.Error = "This invitation was sent to another address. Please type the one that received the mail."
	}
	s.render(w, r, http.StatusUnprocessableEntity, "member.html", page{Title: "Please check your answers", Body: view})
	return false
}

// mayGuessTeammate counts a wrong address against the link; false: it bears no more, and the answer is given.
func (s *Server) mayGuessTeammate(w http.ResponseWriter, r *http.Request, visit teammateVisit) bool {
	counted, err := s.Accept.ChangeTeam(r.Context(), client.ObjectKeyFromObject(visit.team), string(visit.team.UID), func(t *v1alpha1.PartnerTeam) error {
		return team.CountWrongAddress(t, visit.serial, s.Now())
	})
	if err != nil {
		s.refuseTeammate(w, r, err)
		return false
	}
	if m := team.InvitedBySerial(counted, visit.serial); m != nil && team.LinkDead(m) {
		s.deadTeammateLink(w, r, http.StatusUnprocessableEntity)
		return false
	}
	return true
}

// deadTeammateLink tells that a link is dead, since too many wrong addresses were typed.
func (s *Server) deadTeammateLink(w http.ResponseWriter, r *http.Request, code int) {
	noteReason(r, audit.TooManyWrongAddresses)
	s.notice(w, r, code, notice{
		Title: "This link no longer works",
		Text:  tooManyWrong + " Please ask the owner or an admin of the team to invite you again.",
	})
}

// joinTeam makes the person a member and signs them in, unless the team has to wait for the company.
func (s *Server) joinTeam(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
	if !s.parsed(w, r) || !s.typedOwnAddress(w, r, visit) {
		return
	}
	email := string(visit.person.Email)
	err := s.answerTeam(r.Context(), visit, func(t *v1alpha1.PartnerTeam) error { return team.Join(t, visit.serial, s.Now()) })
	if err != nil {
		s.refuseTeammate(w, r, err)
		return
	}
	waits, err := s.onlyWaits(r.Context(), visit.namespace, email)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
	case waits:
		http.Redirect(w, r, loginPath(visit.namespace)+"?waiting", http.StatusSeeOther)
	default:
		s.startSession(w, r, visit.namespace, email)
		http.Redirect(w, r, dashboardPath(visit.namespace), http.StatusSeeOther)
	}
}

// declineTeam records that the person does not want to. As with other invites an address is not needed, but one that is
// typed must be right.
func (s *Server) declineTeam(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
	if !s.parsed(w, r) || r.PostForm.Has("email") && !s.typedOwnAddress(w, r, visit) {
		return
	}
	err := s.answerTeam(r.Context(), visit, func(t *v1alpha1.PartnerTeam) error { return team.Decline(t, visit.serial, s.Now()) })
	if err != nil {
		s.refuseTeammate(w, r, err)
		return
	}
	http.Redirect(w, r, loginPath(visit.namespace)+"?declined", http.StatusSeeOther)
}

// approvalPage shows whom somebody is to decide about.
func (s *Server) approvalPage(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
	s.render(w, r, http.StatusOK, "approval.html", page{Title: "Please decide", Body: s.viewOfTeammate(visit)})
}

// decideTeammate records the decision of whom the link was mailed to.
func (s *Server) decideTeammate(
	decide func(t *v1alpha1.PartnerTeam, by, email string, now time.Time) error,
) func(http.ResponseWriter, *http.Request, teammateVisit) {
	return func(w http.ResponseWriter, r *http.Request, visit teammateVisit) {
		err := s.answerTeam(r.Context(), visit, func(t *v1alpha1.PartnerTeam) error {
			m := team.AwaitingBySerial(t, visit.serial)
			if m == nil {
				return &team.Refusal{Kind: team.TooLate, Text: "Somebody else of your team has decided already."}
			}
			return decide(t, visit.decider, string(m.Email), s.Now())
		})
		if err != nil {
			s.refuseTeammate(w, r, err)
			return
		}
		http.Redirect(w, r, loginPath(visit.namespace)+"?decided", http.StatusSeeOther)
	}
}

// answerTeam writes a fact to a live copy of the team of a link, and waits until this replica knows it.
func (s *Server) answerTeam(ctx context.Context, visit teammateVisit, fact func(*v1alpha1.PartnerTeam) error) error {
	written, err := s.Accept.ChangeTeam(ctx, client.ObjectKeyFromObject(visit.team), string(visit.team.UID), fact)
	if err == nil {
		s.seenTeam(ctx, written)
	}
	return err
}

// refuseTeammate tells why a change of a team did not happen.
func (s *Server) refuseTeammate(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *team.Refusal
	switch {
	case apierrors.IsNotFound(err):
		s.deadLink(w, r)
	case !errors.As(err, &refusal):
		s.unavailable(w, r, err)
	case refusal.Kind == team.Gone:
		s.deadLink(w, r)
	case refusal.Kind == team.HasExpired:
		noteReason(r, audit.Expired)
		s.notice(w, r, http.StatusGone, notice{
			Title: "This invitation has expired",
			Text:  "It was not answered in time, so its link no longer works. Please ask the owner or an admin of the team for a new one.",
		})
	case refusal.Kind == team.Dead:
		s.deadTeammateLink(w, r, http.StatusGone)
	case refusal.Kind == team.NotAllowed:
		noteReason(r, audit.NotAllowed)
		s.notice(w, r, http.StatusForbidden, notice{Title: "This is not possible", Text: refusal.Text, Back: "Back to your programs"})
	default:
		noteReason(r, string(refusal.Kind))
		s.notice(w, r, http.StatusConflict, notice{Title: "That was too late", Text: refusal.Text, Back: "Back to your programs"})
	}
}
