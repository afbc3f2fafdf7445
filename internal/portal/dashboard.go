package portal

import (
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/team"
)

// programView is how a page shows a program.
type programView struct {
	Name, Description, Group, Since string
	// Team is the name of the team that is the partner; empty: the person is.
	Team string
}

func viewOf(p *v1alpha1.Program, group string, catalog program.Catalog) programView {
	view := programView{Name: string(p.Spec.DisplayName), Description: p.Spec.Description}
	if g := catalog.Groups[group]; g != nil {
		view.Group = string(g.Spec.DisplayName)
	}
	return view
}

// dashboardView is what a partner sees.
type dashboardView struct {
	Programs []partnershipView
	// Pending are programs that wait for the company's approval.
	Pending []programView
	// Made is the address of a link that was just made; empty: none was. Deleted: one was.
	Made     string
	Deleted  bool
	Problems []problemView
	// Teams are those that the person is in.
	Teams []teamLink
	// Again is how many programs were given since, for which the person signs in again.
	Again int
	// Since is when the session began, and LastSignIn when a link last signed the person in, here or elsewhere; empty: none
	// ever did.
	Since, LastSignIn string
}

// teamLink leads to the page of a team.
type teamLink struct {
	Name, Path, Role string
	// Waiting is how many people wait for an answer that this person may give.
	Waiting int32
}

// partnershipView is how the dashboard shows a program that was granted.
type partnershipView struct {
	programView
	// Partnership is the name of the partnership, which the forms post.
	Partnership string
	// Terms are to be accepted before anything else is shown; nil: none are.
	Terms *termsView
	// Accepted tells about the terms that were accepted; empty: there are none.
	Accepted, TermsURL string
	// News is what changed lately; empty: nothing.
	News string
	// Links are the person's own, and TeamLinks those of their team as a whole.
	Links, TeamLinks []linkView
	// Form makes a link; nil: the partner cannot. Full says instead that there are as many as there can be.
	Form *linkFormView
	Full bool
}

// termsView is what is to be accepted.
type termsView struct {
	URL, Version string
	// Changed: an older wording was accepted.
	Changed bool
	// Asks: the one who looks cannot accept for the team, and asks somebody who can.
	Asks bool
}

// linkView is how the dashboard shows a link.
type linkView struct {
	Name, URL, Destination string
	// Dead: it is not found. Deletable: the person may delete it.
	Dead, Deletable bool
}

// linkFormView is the form that makes a link.
type linkFormView struct {
	// Example is a name that could be chosen, and Hosts are where the link can lead, in words; empty: only where the
	// company says.
	Example, Hosts                  string
	Name, Destination               string
	NameProblem, DestinationProblem string
	// Needed: a link without a destination would lead nowhere.
	Needed bool
}

// newsTime is how long the dashboard tells about a change.
const newsTime = 30 * 24 * time.Hour

// dashboard shows the programs that were granted or are being decided about, and nothing about others.
func (s *Server) dashboard(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.signedIn(w, r); ok {
		s.showDashboard(w, r, v, http.StatusOK, linkForm{})
	}
}

// signedIn finds the visitor. If there is none, the answer is given.
func (s *Server) signedIn(w http.ResponseWriter, r *http.Request) (visitor, bool) {
	v, ok, err := s.visitor(r, r.PathValue("ns"))
	switch {
	case err != nil:
		s.unavailable(w, r, err)
		return v, false
	case !ok:
		// The cookie stays: if the company restores what it took, the session counts again unless it was ended.
		s.askToSignIn(w, r)
	}
	return v, ok
}

// signInAgain leads to where the dashboard tells that something was given since the session began.
func (s *Server) signInAgain(w http.ResponseWriter, r *http.Request) {
	noteNoSession(r)
	http.Redirect(w, r, dashboardPath(r.PathValue("ns")), http.StatusSeeOther)
}

// showDashboard shows it together with a form that was filled in wrongly, if one was.
func (s *Server) showDashboard(w http.ResponseWriter, r *http.Request, v visitor, code int, typed linkForm) {
	view := dashboardView{Deleted: r.URL.Query().Has("deleted"), Again: len(v.again)}
	for i := range v.partnerships {
		shown, err := s.viewOfPartnership(r, v, &v.partnerships[i], typed)
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
		for _, l := range slices.Concat(shown.Links, shown.TeamLinks) {
			if l.Name == r.URL.Query().Get("made") {
				view.Made = l.URL
			}
		}
		view.Problems = append(view.Problems, shown.problems()...)
		shown.Team = v.teamTitle(&v.partnerships[i])
		view.Programs = append(view.Programs, shown)
	}
	for i := range v.teams {
		view.Teams = append(view.Teams, linkOf(&v.teams[i], v.Address))
	}
	for i := range v.pending {
		view.Pending = append(view.Pending, viewOf(v.catalog.Programs[v.pending[i].Spec.ProgramRef.Name], "", v.catalog))
	}
	view.Since = moment(v.Time)
	if last := v.lastSignIn(); last != nil {
		view.LastSignIn = moment(last.Time)
	}
	title := "Your programs"
	if len(view.Programs) == 0 {
		title = "Your teams"
	}
	s.render(w, r, code, "dashboard.html", page{Title: title, Person: v.Address, Body: view})
}

// viewOfPartnership shows one program: as long as its terms were not accepted, nothing but them.
func (s *Server) viewOfPartnership(r *http.Request, v visitor, p *v1alpha1.Partnership, typed linkForm) (partnershipView, error) {
	in := v.catalog.Programs[p.Spec.ProgramRef.Name]
	view := partnershipView{Partnership: p.Name}
	if partnership.TermsDue(p, in) {
		view.Name = string(in.Spec.DisplayName)
		view.Terms = &termsView{URL: string(in.Spec.Terms.URL), Version: string(in.Spec.Terms.Version), Changed: p.Status.Terms != nil, Asks: !v.may(p, team.AcceptTerms)}
		return view, nil
	}
	group, _ := v.catalog.GroupInForce(p.Spec.ProgramRef.Name, p.Spec.GroupRef, p.Status.Group)
	view.programView = viewOf(in, group, v.catalog)
	view.Since = date(p.CreationTimestamp.Time)
	view.News = s.news(p, group, v.catalog)
	if terms := p.Status.Terms; terms != nil && in.Spec.Terms != nil {
		view.Accepted, view.TermsURL = date(terms.Time.Time), string(in.Spec.Terms.URL)
	}
	links, err := s.linksOf(r.Context(), p, v.Address)
	if err != nil {
		return view, err
	}
	marks := link.Marks(s.Keys.Marker(), p)
	base, err := s.baseOf(r.Context(), v.namespace)
	if err != nil {
		return view, err
	}
	for i := range links {
		l, holder, list := &links[i], link.HolderOf(&links[i], p, marks, v.Address), &view.Links
		if holder == link.HeldByTeam {
			list = &view.TeamLinks
		}
		*list = append(*list, linkView{
			Name: l.Name, URL: base.Share(l.Namespace, l.Name), Destination: string(l.Spec.Destination), Dead: l.Status.State == v1alpha1.LinkDeactivated,
			Deletable: v.may(p, deletes[holder]),
		})
	}
	if creation(p, v.catalog) && v.may(p, team.OwnLinks) {
		if view.Full = len(view.Links) >= link.MostPerMember(in); !view.Full {
			view.Form = viewOfForm(p, in, v.catalog, typed)
		}
	}
	return view, nil
}

// news is what changed lately.
func (s *Server) news(p *v1alpha1.Partnership, group string, catalog program.Catalog) string {
	move := p.Status.LastMove
	if move == nil || move.To != group || s.Now().Sub(move.Time.Time) > newsTime {
		return ""
	}
	to := catalog.Groups[move.To]
	if to == nil {
		return "You left your group on " + date(move.Time.Time) + "."
	}
	if from := catalog.Groups[move.From]; from != nil {
		return "You moved from " + string(from.Spec.DisplayName) + " to " + string(to.Spec.DisplayName) + " on " + date(move.Time.Time) + "."
	}
	return "You are in " + string(to.Spec.DisplayName) + " since " + date(move.Time.Time) + "."
}

// lastSignIn is when a link last signed the person in, as far as the session may see; nil: none ever did.
func (v visitor) lastSignIn() (last *metav1.Time) {
	note := func(at *metav1.Time) {
		if at != nil && (last == nil || last.Before(at)) {
			last = at
		}
	}
	for i := range v.partnerships {
		note(v.partnerships[i].Status.SignIn.LastTime)
	}
	for i := range v.teams {
		if m := team.Member(&v.teams[i], v.Address); m != nil {
			note(m.SignIn.LastTime)
		}
	}
	return last
}

func moment(of time.Time) string { return of.UTC().Format("2 January 2006, 15:04 UTC") }

func date(of time.Time) string { return of.UTC().Format("2 January 2006") }

// viewOfForm is the form that makes a link of a partnership, with what was typed into it.
func viewOfForm(p *v1alpha1.Partnership, in *v1alpha1.Program, catalog program.Catalog, typed linkForm) *linkFormView {
	example, _ := link.DefaultName(p.Name, "blog")
	form := &linkFormView{Example: example, Hosts: inWords(link.Hosts(in, catalog)), Needed: !leadsByItself(p, catalog)}
	if typed.partnership == p.Name {
		form.Name, form.Destination = typed.name, typed.destination
		form.NameProblem, form.DestinationProblem = typed.nameProblem, typed.destinationProblem
	}
	return form
}

// inWords lists a few names, and says that there are more.
func inWords(names []string) string {
	const most = 5
	text := ""
	for i, name := range names {
		switch {
		case i == most:
			return text + " and others"
		case i > 0 && i == len(names)-1:
			text += " or " + name
		case i > 0:
			text += ", " + name
		default:
			text = name
		}
	}
	return text
}

// problems sum up what is wrong with the form.
func (v partnershipView) problems() (found []problemView) {
	if v.Form == nil {
		return nil
	}
	if v.Form.NameProblem != "" {
		found = append(found, problemView{"name-" + v.Partnership, "Name", v.Form.NameProblem})
	}
	if v.Form.DestinationProblem != "" {
		found = append(found, problemView{"destination-" + v.Partnership, "Destination", v.Form.DestinationProblem})
	}
	return found
}

func dashboardPath(namespace string) string { return "/t/" + namespace + "/" }

func invitePath(namespace, token string) string { return "/t/" + namespace + "/invite/" + token }

func loginPath(namespace string) string { return "/t/" + namespace + "/login" }
