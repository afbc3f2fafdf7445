package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/form"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/token"
)

// inviteVisit is a request with a genuine link of an invite.
type inviteVisit struct {
	namespace, token string
	serial           int64
	invite           *v1alpha1.PartnerInvite
	// team is the existing team that it invites into programs; nil: it does not.
	team *v1alpha1.PartnerTeam
	// opened is the link.
	opened token.Opened
}

// withInvite opens the link and finds its invite. A link that does not open, or has no invite, is the same page.
func (s *Server) withInvite(next func(http.ResponseWriter, *http.Request, inviteVisit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visit := inviteVisit{namespace: r.PathValue("ns"), token: r.PathValue("token")}
		opened, ok := s.open(w, r, token.PurposeInvite, visit.token)
		if !ok {
			return
		}
		found, err := s.findInvite(r, visit.namespace, opened)
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
		if found != nil && found.Spec.TeamRef != nil {
			if visit.team, err = lookup.Team(r.Context(), s.Client, visit.namespace, found.TeamName()); err != nil {
				s.unavailable(w, r, err)
				return
			}
		}
		if found == nil || !opened.Binds(string(invite.Recipient(found, visit.team).Email)) {
			s.deadLink(w, r)
			return
		}
		visit.invite, visit.serial, visit.opened = found, opened.Serial, opened
		noteObject(r, "PartnerInvite", found.Name)
		if s.alreadyIn(w, r, visit) {
			return
		}
		if invite.Obstructed(found) && visit.serial == found.Status.Serial {
			s.obstructed(w, r)
			return
		}
		next(w, r, visit)
	}
}

// findInvite finds the invite of a genuine link, and asks the API server if the cache is behind the mail.
func (s *Server) findInvite(r *http.Request, namespace string, opened token.Opened) (*v1alpha1.PartnerInvite, error) {
	found, err := lookup.InviteByUID(r.Context(), s.Client, namespace, opened.UID)
	if err != nil || found == nil || found.Status.Serial >= opened.Serial {
		return found, err
	}
	fresh := &v1alpha1.PartnerInvite{}
	err = s.Live.Get(r.Context(), client.ObjectKeyFromObject(found), fresh)
	return fresh, client.IgnoreNotFound(err)
}

// alreadyIn leads a browser that accepted this very invite, and is still signed in, to the dashboard.
func (s *Server) alreadyIn(w http.ResponseWriter, r *http.Request, visit inviteVisit) bool {
	answer := visit.invite.Status.Acceptance
	if answer == nil || answer.Decision != v1alpha1.DecisionAccepted || visit.serial != visit.invite.Status.Serial {
		return false
	}
	v, signedIn, err := s.visitor(r, visit.namespace)
	if err != nil || !signedIn || !invite.MayAccept(visit.invite, visit.team, v.Address) {
		return false
	}
	http.Redirect(w, r, dashboardPath(visit.namespace), http.StatusSeeOther)
	return true
}

// inviteView is what the page of an invite shows.
type inviteView struct {
	Token     string
	FirstName string
	Hint      string
	Programs  []programView
	Expiry    string
	// Team is the name of the team that it is for; empty: of none. New: it does not exist yet, and Proposed are to be in it.
	Team     string
	New      bool
	Proposed []choiceView
	// Typed is the address as typed, and Error what is wrong with it.
	Typed string
	Error string
	// Fields are the application form, and Problems all that is wrong, the address included.
	Fields   []fieldView
	Problems []problemView
}

// choiceView is a person whom the owner approves or strikes.
type choiceView struct {
	Email, Name, Role string
	Approved          bool
}

// entry is what a person typed into the page of an invite, and what is wrong with it.
type entry struct {
	submitted url.Values
	// address is what is wrong with the address, and fields what is with the form's fields; empty: nothing.
	address string
	fields  map[string]string
	// answers are what the form's fields hold.
	answers map[string]v1alpha1.Answer
}

func (e entry) wrong() bool { return e.address != "" || len(e.fields) > 0 }

// invitePage shows who invites whom to what.
func (s *Server) invitePage(w http.ResponseWriter, r *http.Request, visit inviteVisit) {
	if s.answerable(w, r, visit, v1alpha1.DecisionAccepted) && !s.refuseVisitor(w, r, visit) {
		s.showInvite(w, r, visit, entry{})
	}
}

// acceptInvite makes the person a partner, and signs them in; unless the company is to approve all of it first.
func (s *Server) acceptInvite(w http.ResponseWriter, r *http.Request, visit inviteVisit) {
	if !s.answerable(w, r, visit, v1alpha1.DecisionAccepted) || !s.parsed(w, r) {
		return
	}
	catalog, err := lookup.Catalog(r.Context(), s.Client, visit.namespace)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	if !s.mayGuess(w, r, visit, v1alpha1.DecisionAccepted) || s.refuseRole(w, r, visit, r.PostForm.Get("email"), address.Hint) {
		return
	}
	typed := entry{submitted: r.PostForm, address: addressProblem(r, visit)}
	typed.answers, typed.fields = form.Check(form.Asked(visit.invite, catalog), r.PostForm)
	if typed.wrong() {
		s.showInvite(w, r, visit, typed)
		return
	}
	answered, err := s.answer(r, visit, accept.Reply{
		Decision: v1alpha1.DecisionAccepted, Fields: typed.answers, Approved: r.PostForm["approve"], By: r.PostForm.Get("email"),
	})
	if err != nil {
		s.refuseVisit(w, r, visit, err)
		return
	}
	s.caughtUp(r.Context(), answered)
	s.welcome(w, r, visit, r.PostForm.Get("email"))
}

// welcome signs in who has just accepted. An admin who accepts for a team with the owner's link has not shown that the
// typed address is theirs, so they sign in as always.
func (s *Server) welcome(w http.ResponseWriter, r *http.Request, visit inviteVisit, email string) {
	waits, err := s.onlyWaits(r.Context(), visit.namespace, email)
	known, signedIn := s.openSession(r, visit.namespace)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
	case !visit.opened.Binds(email) && signedIn && address.Equal(known.Address, email):
		http.Redirect(w, r, dashboardPath(visit.namespace), http.StatusSeeOther)
	case !visit.opened.Binds(email):
		http.Redirect(w, r, loginPath(visit.namespace)+"?accepted", http.StatusSeeOther)
	case waits: // there is nothing to sign in to yet
		http.Redirect(w, r, loginPath(visit.namespace)+"?waiting", http.StatusSeeOther)
	default:
		s.startSession(w, r, visit.namespace, email)
		http.Redirect(w, r, dashboardPath(visit.namespace), http.StatusSeeOther)
	}
}

// declineInvite records that the person does not want to. It needs no form and no address, but one that is typed must be
// right: the page has the field, so that a robot that submits forms declines nothing.
func (s *Server) declineInvite(w http.ResponseWriter, r *http.Request, visit inviteVisit) {
	if !s.answerable(w, r, visit, v1alpha1.DecisionDeclined) || !s.parsed(w, r) {
		return
	}
	if r.PostForm.Has("email") {
		if !s.mayGuess(w, r, visit, v1alpha1.DecisionDeclined) {
			return
		}
		if typed := (entry{submitted: r.PostForm, address: addressProblem(r, visit)}); typed.wrong() {
			s.showInvite(w, r, visit, typed)
			return
		}
	}
	if _, err := s.answer(r, visit, accept.Reply{Decision: v1alpha1.DecisionDeclined}); err != nil {
		s.refuseVisit(w, r, visit, err)
		return
	}
	http.Redirect(w, r, loginPath(visit.namespace)+"?declined", http.StatusSeeOther)
}

// answerable shows why an invite cannot be answered, if it cannot.
func (s *Server) answerable(w http.ResponseWriter, r *http.Request, visit inviteVisit, decision v1alpha1.InviteDecision) bool {
	openness, err := s.Accept.Openness(r.Context(), visit.invite, visit.serial, decision)
	switch {
	case err != nil:
		s.unavailable(w, r, err)
	case openness != invite.Open:
		s.refuseVisit(w, r, visit, &accept.Refusal{Openness: openness})
	default:
		return true
	}
	return false
}

// mayGuess counts a typed address that may not answer against the link; false: the link bears no more, or cannot be
// answered any more, and the answer is given.
func (s *Server) mayGuess(w http.ResponseWriter, r *http.Request, visit inviteVisit, decision v1alpha1.InviteDecision) bool {
	if typed := r.PostForm.Get("email"); !isGuess(typed) || invite.MayAccept(visit.invite, visit.team, typed) {
		return true
	}
	count, err := s.Accept.WrongAddress(r.Context(), client.ObjectKeyFromObject(visit.invite), string(visit.invite.UID), visit.serial, decision)
	switch {
	case err != nil:
		s.refuseVisit(w, r, visit, err)
	case count.LinkDead():
		s.deadForGuesses(w, r, visit, http.StatusUnprocessableEntity)
	default:
		return true
	}
	return false
}

// isGuess reports whether what was typed can be somebody's address. What cannot gives nothing away, and is not held
// against a link.
func isGuess(typed string) bool { return strings.Contains(typed, "@") }

// addressProblem tells what is wrong with the typed address, if it is not the invited one.
func addressProblem(r *http.Request, visit inviteVisit) string {
	switch typed := r.PostForm.Get("email"); {
	case typed == "":
		return "Please type the address that the invitation was sent to."
	case !invite.MayAccept(visit.invite, visit.team, typed):
		noteReason(r, audit.WrongAddress)
		if visit.team != nil {
			return "Only the owner and the admins of the team can answer. Please type the address that you are in the team with."
		}
		return "This invitation was sent to another address. Please type the one that received the mail."
	default:
		return ""
	}
}

func (s *Server) answer(r *http.Request, visit inviteVisit, reply accept.Reply) (*v1alpha1.PartnerInvite, error) {
	return s.Accept.Answer(r.Context(), client.ObjectKeyFromObject(visit.invite), string(visit.invite.UID), visit.serial, reply)
}

// renewInvite asks for a new link in place of an expired one. It goes to the invited address, whoever asks.
func (s *Server) renewInvite(w http.ResponseWriter, r *http.Request, visit inviteVisit) {
	// Whoever has the link is counted by it, not with those who share their address.
	if ok, wait := s.clients.allow("invite/" + string(visit.invite.UID)); !ok {
		s.tooMany(w, r, wait)
		return
	}
	err := s.Accept.Renew(r.Context(), client.ObjectKeyFromObject(visit.invite), string(visit.invite.UID), visit.serial)
	if err != nil {
		s.refuseVisit(w, r, visit, err)
		return
	}
	http.Redirect(w, r, loginPath(visit.namespace)+"?renewed", http.StatusSeeOther)
}

// refuseVisit tells why an answer does not count, and what to do.
func (s *Server) refuseVisit(w http.ResponseWriter, r *http.Request, visit inviteVisit, err error) {
	var refusal *accept.Refusal
	var obstacle *accept.Obstacle
	switch {
	case errors.As(err, &obstacle): // the invite says which, once the controller has met it as well
		s.obstructed(w, r)
	case !errors.As(err, &refusal):
		s.unavailable(w, r, err)
	case refusal.Openness == invite.TooLate:
		noteReason(r, audit.Expired)
		s.offerRenewal(w, r, visit, http.StatusGone, "This invitation has expired", "It was not answered in time, so its link no longer works.")
	case refusal.Openness == invite.Dead:
		s.deadForGuesses(w, r, visit, http.StatusGone)
	case refusal.Openness == invite.Refused:
		noteReason(r, audit.NotAllowed)
		s.notice(w, r, http.StatusForbidden, notice{
			Title: "This invitation cannot be accepted at the moment",
			Text:  "Your link stays as it is. Please ask whoever invited you.",
		})
	default:
		s.deadLink(w, r)
	}
}

// tooManyWrong is why a link is dead.
const tooManyWrong = "Too many addresses were typed here that are not the right one. To be safe, the link does not take the right one any more, either."

// deadForGuesses tells that a link is dead, since too many wrong addresses were typed.
func (s *Server) deadForGuesses(w http.ResponseWriter, r *http.Request, visit inviteVisit, code int) {
	noteReason(r, audit.TooManyWrongAddresses)
	visit.invite.Status.WrongAddresses = v1alpha1.MaxWrongAddresses // this copy may be of before
	s.offerRenewal(w, r, visit, code, "This link no longer works", tooManyWrong)
}

// offerRenewal tells why a link no longer works, and offers a new one to the invited address if there can be one.
func (s *Server) offerRenewal(w http.ResponseWriter, r *http.Request, visit inviteVisit, code int, title, why string) {
	n := notice{Title: title, Text: why + " Please ask whoever invited you for a new one."}
	in, err := s.Accept.Observe(r.Context(), visit.invite)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	if invite.Renewal(in, visit.serial) == invite.Open {
		n.Text = why + " We can send a new one to " + address.Hint(string(invite.Recipient(visit.invite, visit.team).Email)) + ", the address that was invited."
		n.Action, n.ActionLabel = invitePath(visit.namespace, visit.token)+"/renew", "Send me a new one"
	}
	s.notice(w, r, code, n)
}

// obstructed tells who accepted that the company has to do something first. To try again would not help.
func (s *Server) obstructed(w http.ResponseWriter, r *http.Request) {
	s.notice(w, r, http.StatusAccepted, notice{
		Title:  "Thank you",
		Text:   "You accepted the invitation. The company has to correct something before you can sign in, and has been told. There is nothing for you to do until then.",
		SignIn: "Sign in",
	})
}

// showInvite shows the page of an invite, with what was typed into it and what is wrong with that.
func (s *Server) showInvite(w http.ResponseWriter, r *http.Request, visit inviteVisit, typed entry) {
	catalog, err := lookup.Catalog(r.Context(), s.Client, visit.namespace)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	i, to := visit.invite, invite.Recipient(visit.invite, visit.team)
	view := inviteView{
		Token:     visit.token,
		FirstName: string(to.FirstName),
		Hint:      address.Hint(string(to.Email)),
		Team:      invite.TeamTitle(i, visit.team),
		New:       i.Spec.Team != nil,
		Expiry:    i.Status.ExpiryTime.UTC().Format("2 January 2006, 15:04 UTC"),
		Typed:     typed.submitted.Get("email"),
		Error:     typed.address,
	}
	if view.New {
		view.Proposed = choicesOf(i, typed.submitted)
	}
	for _, grant := range i.Status.Programs {
		group, _ := catalog.GroupInForce(grant.Name, grant.GroupRef, "")
		if p := catalog.Programs[grant.Name]; p != nil {
			view.Programs = append(view.Programs, viewOf(p, group, catalog))
		}
	}
	view.Fields, view.Problems = viewsOf(form.Asked(i, catalog), typed.submitted, typed.fields)
	code, title := http.StatusOK, "Your invitation"
	if typed.wrong() {
		code, title = http.StatusUnprocessableEntity, "Please check your answers"
	}
	if view.Error != "" {
		view.Problems = slices.Insert(view.Problems, 0, problemView{ID: "email", Label: "Your mail address", Text: view.Error})
	}
	s.render(w, r, code, "invite.html", page{Title: title, Body: view})
}
