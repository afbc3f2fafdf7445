package portal

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/token"
)

// loginView is what the page shows that asks for an address.
type loginView struct {
	Asked, Waiting, Declined, Renewed, SignedOut, Applied, Accepted, Decided bool
	// Within is how long a link works, in words.
	Within       string
	Typed, Error string
	// Next is where to go after signing in; empty: to the dashboard.
	Next string
}

// loginPage asks for the address to send a sign-in link to.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	view := loginView{
		Within: minutes(s.SignInLifetime),
		Asked:  query.Has("asked"), Waiting: query.Has("waiting"), Declined: query.Has("declined"), Renewed: query.Has("renewed"), SignedOut: query.Has("signed-out"),
		Applied: query.Has("applied"), Accepted: query.Has("accepted"), Decided: query.Has("decided"), Next: ownPath(r.PathValue("ns"), query.Get("next")),
	}
	title := "Sign in"
	switch {
	case view.Asked:
		title = "Look into your inbox"
	case view.Waiting, view.Applied:
		title = "Thank you"
	}
	s.render(w, r, http.StatusOK, "login.html", page{Title: title, Body: view})
}

// login asks for a sign-in link. The answer is the same, and as quick, for every address, whoever asked before: what it
// leads to happens a while after it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("ns")
	if err := r.ParseForm(); err != nil {
		s.badForm(w, r)
		return
	}
	typed, next := strings.TrimSpace(r.PostForm.Get("email")), ownPath(namespace, r.PostForm.Get("next"))
	if _, err := address.Deliverable(typed); err != nil {
		s.render(w, r, http.StatusUnprocessableEntity, "login.html", page{Title: "Sign in", Body: loginView{
			Typed: typed, Error: "Please type a whole mail address, such as ada@example.com.", Next: next,
		}})
		return
	}
	if !s.mayMail(w, r) {
		return
	}
	request, ok := s.signIns.take(signInRequest{namespace: namespace, email: typed, asked: s.Now()})
	if !ok { // better than to promise a mail that would not come
		log.FromContext(r.Context()).Info("A sign-in request was refused, too many are waiting", "namespace", namespace)
		s.later(w, r)
		return
	}
	defer s.signIns.start(request, s.delay())
	first := s.Now() // a link that was mailed for an earlier request is one that this browser asked for
	if before, ok := s.readCookie(r, token.PurposeSignInRequest, namespace, requestLifetime); ok && address.Equal(before.Address, typed) {
		first = before.Time
	}
	s.seal(w, token.PurposeSignInRequest, namespace, session{Address: typed, Time: first, Next: next}, requestLifetime)
	w.Header().Set("Content-Length", "0")
	http.Redirect(w, r, loginPath(namespace)+"?asked", http.StatusSeeOther)
	_ = http.NewResponseController(w).Flush() // the answer is out before anything is looked up; if it cannot be, it is soon
}

// minutes tells a time in words.
func minutes(d time.Duration) string {
	if d == time.Minute {
		return "a minute"
	}
	return strconv.Itoa(int(d.Minutes())) + " minutes"
}

// errNobody tells that an address belongs to nobody who gets a mail, as far as this replica has heard.
var errNobody = errors.New("nobody with access or an open invite has this address")

// handOutSignIn notes with the first grant that lets the person in that a link is asked for; a controller mails it. Who has
// none, but is invited, gets the mail of that again, with the same link.
func (s *Server) handOutSignIn(ctx context.Context, request signInRequest) error {
	found, err := s.find(ctx, request.namespace, request.email)
	if err != nil {
		return err
	}
	grants := found.Grants()
	if i := slices.IndexFunc(grants, func(g grant.Grant) bool { return g.Open }); i >= 0 {
		err := s.changeAccess(ctx, grants[i], func(live grant.Grant) error {
			if request.carriedOut(live.SignIn) || !live.Request(s.SignInLifetime, s.Now()) {
				return errNothing
			}
			return nil
		})
		if errors.Is(err, grant.ErrGone) {
			return nil
		}
		return err
	}
	invited, err := s.repeatOfTeams(ctx, request, found.Teams)
	if err != nil {
		return err
	}
	if err := s.askRepeat(ctx, request); !invited || !errors.Is(err, errNobody) {
		return err
	}
	return nil
}

// repeatOfTeams asks for the mails again that invite a person into teams; false: there is none to repeat.
func (s *Server) repeatOfTeams(ctx context.Context, request signInRequest, teams []v1alpha1.PartnerTeam) (invited bool, err error) {
	for i := range teams {
		_, failed := s.Accept.ChangeTeam(ctx, client.ObjectKeyFromObject(&teams[i]), string(teams[i].UID), func(t *v1alpha1.PartnerTeam) error {
			if m := team.Member(t, request.email); m == nil || !team.RepeatInvite(t, m, s.Now()) {
				return errNothing
			}
			invited = true
			return nil
		})
		if !errors.Is(failed, errNothing) {
			err = errors.Join(err, client.IgnoreNotFound(failed))
		}
	}
	return invited, err
}

// askRepeat notes on the newest open invite of a person without access that its mail is to be sent once more, with the
// same link. A sign-in link would open nothing to them. The error is errNobody if there is no such invite.
func (s *Server) askRepeat(ctx context.Context, request signInRequest) error {
	invites, err := lookup.InvitesOf(ctx, s.Client, request.namespace, request.email)
	if err != nil {
		return err
	}
	var open []v1alpha1.PartnerInvite
	for _, i := range invites {
		in, err := s.Accept.Observe(ctx, &i)
		if err != nil {
			return err
		}
		if invite.Repeatable(in) {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return errNobody
	}
	newest := slices.MaxFunc(open, func(a, b v1alpha1.PartnerInvite) int {
		return cmp.Or(a.Status.SentTime.Compare(b.Status.SentTime.Time), strings.Compare(a.Name, b.Name))
	})
	return client.IgnoreNotFound(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		i := &v1alpha1.PartnerInvite{}
		if err := s.Live.Get(ctx, client.ObjectKeyFromObject(&newest), i); err != nil {
			return err
		}
		in, err := s.Accept.Observe(ctx, i)
		if err != nil || i.UID != newest.UID || !invite.Repeatable(in) {
			return err
		}
		invite.AskRepeat(&i.Status)
		return s.Client.Status().Update(ctx, i)
	}))
}

// signInVisit is a request with a genuine sign-in link.
type signInVisit struct {
	namespace, token string
	serial           int64
	// grant is what the link was made for, and email the address of its person.
	grant grant.Grant
	email string
	// known: this browser asked for the link, and then next is where it wanted to go.
	known bool
	next  string
}

// withSignIn opens the link and finds its grant. A link that does not open, or is used, is the same page.
func (s *Server) withSignIn(next func(http.ResponseWriter, *http.Request, signInVisit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visit := signInVisit{namespace: r.PathValue("ns"), token: r.PathValue("token")}
		opened, ok := s.open(w, r, token.PurposeSignIn, visit.token)
		if !ok {
			return
		}
		found, ok, err := s.grantOfLink(r.Context(), visit.namespace, opened)
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
		if !ok {
			s.deadLink(w, r)
			return
		}
		visit.serial, visit.grant, visit.email = opened.Serial, found, found.Address
		noteSignIn(r, visit)
		asked, ok := s.readCookie(r, token.PurposeSignInRequest, visit.namespace, requestLifetime)
		if visit.known = ok && address.Equal(asked.Address, visit.email) && signin.AskedBy(found.SignIn, visit.serial, asked.Time); visit.known {
			visit.next = ownPath(visit.namespace, asked.Next)
		}
		if err := found.Link(visit.serial, s.Now()); err != nil {
			s.refuseSignIn(w, r, err)
			return
		}
		next(w, r, visit)
	}
}

// grantOfLink finds what a genuine link was made for, and asks the API server if the cache is behind the mail.
func (s *Server) grantOfLink(ctx context.Context, namespace string, opened token.Opened) (found grant.Grant, ok bool, err error) {
	p, err := lookup.PartnershipByUID(ctx, s.Client, namespace, opened.UID)
	if err != nil {
		return found, false, err
	}
	var of client.Object = p
	fresh := client.Object(&v1alpha1.Partnership{})
	if p == nil {
		t, err := lookup.TeamByUID(ctx, s.Client, namespace, opened.UID)
		if err != nil || t == nil {
			return found, false, err
		}
		of, fresh = t, &v1alpha1.PartnerTeam{}
	}
	if found, ok, err = s.grantOf(ctx, of, opened); err != nil || ok && found.SignIn.Serial >= opened.Serial {
		return found, ok, err
	}
	if err := s.Live.Get(ctx, client.ObjectKeyFromObject(of), fresh); err != nil || string(fresh.GetUID()) != opened.UID {
		return found, false, client.IgnoreNotFound(err)
	}
	return s.grantOf(ctx, fresh, opened)
}

// grantOf finds the grant of an object that a link was made for.
func (s *Server) grantOf(ctx context.Context, of client.Object, opened token.Opened) (grant.Grant, bool, error) {
	var addresses []string
	switch of := of.(type) {
	case *v1alpha1.Partnership:
		if of.Spec.Contact != nil {
			addresses = append(addresses, string(of.Spec.Contact.Email))
		}
	case *v1alpha1.PartnerTeam:
		addresses = team.Addresses(of)
	}
	i := slices.IndexFunc(addresses, opened.Binds)
	if i < 0 {
		return grant.Grant{}, false, nil
	}
	found, err := s.find(ctx, of.GetNamespace(), addresses[i])
	if err != nil {
		return grant.Grant{}, false, err
	}
	if t, isTeam := of.(*v1alpha1.PartnerTeam); isTeam {
		g, known := found.OfMember(t)
		return g, known, nil
	}
	return found.OfPartnership(of.(*v1alpha1.Partnership)), true, nil
}

func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, grant.ErrGone), apierrors.IsNotFound(err):
		s.deadLink(w, r)
	case errors.Is(err, grant.ErrExpired):
		noteReason(r, audit.Expired)
		s.notice(w, r, http.StatusGone, notice{
			Title:  "This sign-in link has expired",
			Text:   "Sign-in links work for " + minutes(s.SignInLifetime) + ". Ask for a new one, it takes a moment.",
			SignIn: "Get a new link",
		})
	case errors.Is(err, grant.ErrDead):
		s.deadSignIn(w, r, http.StatusGone)
	case errors.Is(err, grant.ErrNoAccess):
		noteReason(r, audit.NoAccess)
		s.notice(w, r, http.StatusForbidden, notice{
			Title: "Your access has ended",
			Text:  "This link cannot sign you in. If you think that this is a mistake, please reply to the mail that told you so.",
		})
	default:
		s.unavailable(w, r, err)
	}
}

// signInView is what the page shows that a sign-in link leads to.
type signInView struct {
	Token, Hint  string
	Known        bool
	Typed, Error string
}

// signInPage asks to confirm. Whoever did not ask for the link in this browser types the address, too.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request, visit signInVisit) {
	s.showSignIn(w, r, visit, http.StatusOK, "", "")
}

func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, visit signInVisit, code int, typed, problem string) {
	s.render(w, r, code, "signin.html", page{Title: "Sign in", Body: signInView{
		Token: visit.token, Hint: address.Hint(visit.email), Known: visit.known, Typed: typed, Error: problem,
	}})
}

// signIn spends the link and starts a session.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, visit signInVisit) {
	if err := r.ParseForm(); err != nil {
		s.badForm(w, r)
		return
	}
	typed := r.PostForm.Get("email")
	if !visit.known && !address.Equal(typed, visit.email) {
		if isGuess(typed) && !s.mayGuessSignIn(w, r, visit) {
			return
		}
		noteReason(r, audit.WrongAddress)
		s.showSignIn(w, r, visit, http.StatusUnprocessableEntity, typed, "Please type the address that received the mail with this link.")
		return
	}
	err := s.changeLink(r.Context(), visit, func(live grant.Grant) { live.Use(s.Now()) })
	if err != nil {
		s.refuseSignIn(w, r, err)
		return
	}
	s.beginElsewhere(r.Context(), visit)
	s.clearCookie(w, token.PurposeSignInRequest, visit.namespace)
	s.startSession(w, r, visit.namespace, visit.email)
	http.Redirect(w, r, cmp.Or(visit.next, dashboardPath(visit.namespace)), http.StatusSeeOther)
}

// mayGuessSignIn counts a wrong address against the link; false: it bears no more, and the answer is given.
func (s *Server) mayGuessSignIn(w http.ResponseWriter, r *http.Request, visit signInVisit) bool {
	var count v1alpha1.WrongAddresses
	err := s.changeLink(r.Context(), visit, func(live grant.Grant) { count = signin.CountWrongAddress(live.Access, visit.serial) })
	switch {
	case err != nil:
		s.refuseSignIn(w, r, err)
	case count.LinkDead():
		s.deadSignIn(w, r, http.StatusUnprocessableEntity)
	default:
		return true
	}
	return false
}

// deadSignIn tells that a link is dead, since too many wrong addresses were typed.
func (s *Server) deadSignIn(w http.ResponseWriter, r *http.Request, code int) {
	noteReason(r, audit.TooManyWrongAddresses)
	s.notice(w, r, code, notice{
		Title: "This link no longer works", Text: tooManyWrong + " Ask for a new link, it takes a moment.", SignIn: "Get a new link",
	})
}

// changeLink writes a fact about the link of a visit, if it works on the live copy.
func (s *Server) changeLink(ctx context.Context, visit signInVisit, fact func(grant.Grant)) error {
	return s.changeAccess(ctx, visit.grant, func(live grant.Grant) error {
		if err := live.Link(visit.serial, s.Now()); err != nil {
			return err
		}
		fact(live)
		return nil
	})
}

// beginElsewhere notes with the other grants of a person who has signed in that the session begins there, too.
func (s *Server) beginElsewhere(ctx context.Context, visit signInVisit) {
	found, err := s.find(ctx, visit.namespace, visit.email)
	if err != nil {
		log.FromContext(ctx).Error(err, "It was not noted that somebody was there", "namespace", visit.namespace)
		return
	}
	s.noteActive(ctx, slices.DeleteFunc(found.Grants(), func(g grant.Grant) bool { return g.UID() == visit.grant.UID() }))
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites;partnerships;partnerteams,verbs=get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites/status;partnerships/status,verbs=update

// change writes a fact to the status of a live copy, by compare-and-swap: of two at once, the second judges anew.
func (s *Server) change(ctx context.Context, key client.ObjectKey, fact func(*v1alpha1.Partnership) error) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		p := &v1alpha1.Partnership{}
		if err := s.Live.Get(ctx, key, p); err != nil {
			return err
		}
		if err := fact(p); err != nil {
			return err
		}
		return s.Client.Status().Update(ctx, p)
	})
}
