package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
)

// teamVisit is a request of somebody who is signed in and in the team.
type teamVisit struct {
	visitor
	team *v1alpha1.PartnerTeam
}

// withTeam finds the team of the path. One that the person is not in is the same page as one that does not exist.
func (s *Server) withTeam(next func(http.ResponseWriter, *http.Request, teamVisit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, signedIn, err := s.visitor(r, r.PathValue("ns"))
		switch {
		case err != nil:
			s.unavailable(w, r, err)
			return
		case !signedIn:
			noteNoSession(r)
			http.Redirect(w, r, loginPath(r.PathValue("ns")), http.StatusSeeOther)
			return
		}
		i := slices.IndexFunc(v.teams, func(t v1alpha1.PartnerTeam) bool { return t.Name == r.PathValue("team") })
		if i < 0 && v.givenSince(r.PathValue("team")) {
			s.signInAgain(w, r)
			return
		}
		if i < 0 {
			s.notFound(w, r)
			return
		}
		if err := s.takeBack(r.Context(), &v.teams[i]); err != nil {
			s.unavailable(w, r, err)
			return
		}
		noteObject(r, "PartnerTeam", v.teams[i].Name)
		next(w, r, teamVisit{v, &v.teams[i]})
	}
}

// teamView is what the page of a team shows.
type teamView struct {
	Name, Path, Search string
	// Role is that of the person who looks.
	Role                          string
	May                           map[string]bool
	People, Waiting, Left         []personView
	Done, Error, Typed, TypedRole string
	Roles                         []string
}

// personView is how the page of a team shows a person.
type personView struct {
	Email, Name, Role, State, Note, LastActive string
	// CanChange, CanOwn: the one who looks may change or remove the person, or make them the owner.
	CanChange, CanOwn, Self bool
}

// teamPage shows who is in the team, and lets people do what their role allows.
func (s *Server) teamPage(w http.ResponseWriter, r *http.Request, visit teamVisit) {
	s.showTeam(w, r, visit, http.StatusOK, "")
}

func (s *Server) showTeam(w http.ResponseWriter, r *http.Request, visit teamVisit, code int, problem string) {
	t, me := visit.team, team.Member(visit.team, visit.Address)
	view := teamView{
		Name: string(t.Spec.DisplayName), Path: teamPath(visit.namespace, t.Name), Search: strings.TrimSpace(r.URL.Query().Get("q")), Role: string(me.Role),
		May: map[string]bool{}, Done: doneTexts[r.URL.Query().Get("done")], Error: problem, Typed: r.PostForm.Get("email"), TypedRole: r.PostForm.Get("role"),
		Roles: []string{string(v1alpha1.RoleMember), string(v1alpha1.RoleAdmin), string(v1alpha1.RoleFinance)},
	}
	for _, right := range team.Rights {
		view.May[string(right.Action)] = team.May(me.Role, right.Action)
	}
	for i := range t.Status.Members {
		m := &t.Status.Members[i]
		if !matches(m, view.Search) {
			continue
		}
		shown := s.viewOfPerson(t, m, me)
		switch m.State {
		case v1alpha1.MemberActive, v1alpha1.MemberInvited:
			view.People = append(view.People, shown)
		case v1alpha1.MemberAwaitingApproval:
			view.Waiting = append(view.Waiting, shown)
		default:
			view.Left = append(view.Left, shown)
		}
	}
	for _, list := range [][]personView{view.People, view.Waiting, view.Left} {
		slices.SortStableFunc(list, func(a, b personView) int {
			return strings.Compare(rank(a)+strings.ToLower(a.Email), rank(b)+strings.ToLower(b.Email))
		})
	}
	s.render(w, r, code, "team.html", page{Title: view.Name, Person: visit.Address, Body: view})
}

// rank puts the owner first, and who is invited last.
func rank(p personView) string {
	switch {
	case p.Role == string(v1alpha1.RoleOwner):
		return "0"
	case p.State == string(v1alpha1.MemberActive):
		return "1"
	default:
		return "2"
	}
}

func (s *Server) viewOfPerson(t *v1alpha1.PartnerTeam, m, me *v1alpha1.TeamMember) personView {
	self := address.Equal(string(m.Email), string(me.Email))
	over := m.Role == v1alpha1.RoleOwner && m.State == v1alpha1.MemberActive
	p := personView{
		Email: string(m.Email), Name: fullName(m.FirstName, m.LastName), Role: string(m.Role), State: string(m.State), Self: self,
		CanChange: !self && !over && team.May(me.Role, team.ChangeRoles),
		CanOwn:    !self && m.State == v1alpha1.MemberActive && team.May(me.Role, team.HandOver),
	}
	switch {
	case team.Expired(m, s.Now()):
		p.Note = "did not answer in time"
	case m.State == v1alpha1.MemberInvited && team.MailFailed(t, m):
		p.Note = "the mail could not be delivered"
	case m.State == v1alpha1.MemberInvited:
		p.Note = "invited, has not answered yet"
	case m.State == v1alpha1.MemberRejected:
		p.Note = "rejected"
	case m.State == v1alpha1.MemberDeclined:
		p.Note = "declined"
	case m.State == v1alpha1.MemberRemoved:
		p.Note = "not in the team any more"
	}
	if last := m.LastActive(); last != nil {
		p.LastActive = last.UTC().Format("2 January 2006")
	}
	return p
}

// matches tells whether a search finds a person.
func matches(m *v1alpha1.TeamMember, search string) bool {
	text := strings.ToLower(string(m.Email) + "\n" + fullName(m.FirstName, m.LastName) + "\n" + string(m.Role))
	return strings.Contains(text, strings.ToLower(search))
}

// doneTexts say what was done.
var doneTexts = map[string]string{
	"invite":   "The invitation is on its way.",
	"approve":  "The person is approved; the invitation is on its way.",
	"reject":   "The person is rejected, and hears nothing.",
	"remove":   "The person is not in the team any more.",
	"role":     "The role is changed.",
	"handover": "The team is handed over. You are an admin now.",
}

// teamChange is a change that somebody of a team asks for by a form.
type teamChange func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error

// teamChanges are the changes, by the last part of their paths. Each asks the table of rights.
var teamChanges = map[string]teamChange{
	"invite": func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error {
		return team.Invite(t, by, team.Person{Email: v1alpha1.EmailAddress(typedEmail(form)), Role: roleIn(form, v1alpha1.RoleMember)}, now)
	},
	"approve": func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error {
		return team.Approve(t, by, typedEmail(form), now)
	},
	"reject": func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error {
		return team.Reject(t, by, typedEmail(form), now)
	},
	"remove": func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error {
		return team.Remove(t, by, typedEmail(form), now)
	},
	"handover": func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error {
		return team.HandOverTo(t, by, typedEmail(form), now)
	},
	"role": func(t *v1alpha1.PartnerTeam, by string, form url.Values, now time.Time) error {
		return team.ChangeRole(t, by, typedEmail(form), roleIn(form, ""), now)
	},
	"leave": func(t *v1alpha1.PartnerTeam, by string, _ url.Values, now time.Time) error {
		return team.LeaveTeam(t, by, now)
	},
}

func typedEmail(form url.Values) string { return strings.TrimSpace(form.Get("email")) }

// roleIn is the role that was chosen; none was: as given.
func roleIn(form url.Values, otherwise v1alpha1.TeamRole) v1alpha1.TeamRole {
	if role := form.Get("role"); role != "" {
		return v1alpha1.TeamRole(role)
	}
	return otherwise
}

// changeTeam carries out a change on a live copy of the team. The session must count for that copy, too: who was removed
// a moment ago is refused, whatever this replica has heard.
func (s *Server) changeTeam(name string) func(http.ResponseWriter, *http.Request, teamVisit) {
	change := teamChanges[name]
	return func(w http.ResponseWriter, r *http.Request, visit teamVisit) {
		if !s.parsed(w, r) {
			return
		}
		written, err := s.Accept.ChangeTeam(r.Context(), client.ObjectKeyFromObject(visit.team), string(visit.team.UID), func(t *v1alpha1.PartnerTeam) error {
			if m := team.Member(t, visit.Address); m == nil || !signin.Counts(&m.Access, visit.Time) {
				return &team.Refusal{Kind: team.NotAllowed, Text: "You are not in this team any more."}
			}
			return change(t, visit.Address, r.PostForm, s.Now())
		})
		var refusal *team.Refusal
		switch {
		case errors.As(err, &refusal) && (refusal.Kind == team.Wrong || refusal.Kind == team.TooMany):
			noteReason(r, string(refusal.Kind))
			s.showTeam(w, r, visit, http.StatusUnprocessableEntity, refusal.Text)
			return
		case err != nil:
			s.refuseTeammate(w, r, err)
			return
		}
		s.seenTeam(r.Context(), written)
		to := teamPath(visit.namespace, visit.team.Name) + "?done=" + name
		if name == "leave" {
			to = dashboardPath(visit.namespace)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

func teamPath(namespace, name string) string {
	return "/t/" + namespace + "/teams/" + url.PathEscape(name)
}

// linkOf leads a person to the page of a team.
func linkOf(t *v1alpha1.PartnerTeam, email string) teamLink {
	link := teamLink{Name: string(t.Spec.DisplayName), Path: teamPath(t.Namespace, t.Name)}
	if m := team.Member(t, email); m != nil {
		link.Role = string(m.Role)
	}
	if team.Can(t, email, team.InvitePeople) {
		link.Waiting = t.Status.WaitingApprovals
	}
	return link
}

// teamTitle is the name of the team whose partnership this is; empty: it is of the person.
func (v visitor) teamTitle(p *v1alpha1.Partnership) string {
	if p.Spec.TeamRef == nil {
		return ""
	}
	for i := range v.teams {
		if v.teams[i].Name == p.Spec.TeamRef.Name {
			return string(v.teams[i].Spec.DisplayName)
		}
	}
	return p.Spec.TeamRef.Name
}

// may tells whether a visitor's role lets them do something with a partnership; with one of their own they may do all.
func (v visitor) may(p *v1alpha1.Partnership, action team.Action) bool {
	if p.Spec.TeamRef == nil {
		return true
	}
	for i := range v.teams {
		if v.teams[i].Name == p.Spec.TeamRef.Name {
			return team.Can(&v.teams[i], v.Address, action)
		}
	}
	return false
}

// refuseAction tells that the role in a team does not allow something.
func (s *Server) refuseAction(w http.ResponseWriter, r *http.Request) {
	s.forbidden(w, r, "Your role does not allow this", "Please ask the owner or an admin of your team.")
}
