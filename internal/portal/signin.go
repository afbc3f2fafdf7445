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
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
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

// handOutSignIn notes on the oldest partnership with access that a link is asked for; a controller mails it.
func (s *Server) handOutSignIn(ctx context.Context, request signInRequest) error {
	known, err := lookup.PartnershipsOf(ctx, s.Client, request.namespace, request.email)
	if err != nil {
		return err
	}
	catalog, err := lookup.Catalog(ctx, s.Client, request.namespace)
	if err != nil {
		return err
	}
	var open []v1alpha1.Partnership
	for _, p := range known {
		if partnership.HasAccess(&p, known, catalog.Programs[p.Spec.ProgramRef.Name], s.Now()) {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		member, invited, err := s.handOutByTeam(ctx, request)
		if member || err != nil {
			return err
		}
		if err := s.askRepeat(ctx, request, known); !invited || !errors.Is(err, errNobody) {
			return err
		}
		return nil
	}
	oldest := slices.MinFunc(open, func(a, b v1alpha1.Partnership) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	err = s.change(ctx, client.ObjectKeyFromObject(&oldest), func(p *v1alpha1.Partnership) error {
		if request.carriedOut(p.Status.SignIn) || !partnership.RequestSignIn(&p.Status, s.SignInLifetime, s.Now()) {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// askRepeat notes on the newest open invite of a person without access that its mail is to be sent once more, with the
// same link. A sign-in link would open nothing to them. The error is errNobody if there is no such invite.
func (s *Server) askRepeat(ctx context.Context, request signInRequest, known []v1alpha1.Partnership) error {
	invites, err := lookup.InvitesOf(ctx, s.Client, request.namespace, request.email)
	if err != nil {
		return err
	}
	catalog, err := lookup.Catalog(ctx, s.Client, request.namespace)
	if err != nil {
		return err
	}
	invites = slices.DeleteFunc(invites, func(i v1alpha1.PartnerInvite) bool { return !invite.Repeatable(&i, catalog, known, s.Now()) })
	if len(invites) == 0 {
		return errNobody
	}
	newest := slices.MaxFunc(invites, func(a, b v1alpha1.PartnerInvite) int {
		return cmp.Or(a.Status.SentTime.Compare(b.Status.SentTime.Time), strings.Compare(a.Name, b.Name))
	})
	return client.IgnoreNotFound(retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		i := &v1alpha1.PartnerInvite{}
		if err := s.Live.Get(ctx, client.ObjectKeyFromObject(&newest), i); err != nil {
			return err
		}
		if i.UID != newest.UID || !invite.Repeatable(i, catalog, known, s.Now()) {
			return nil
		}
		invite.AskRepeat(&i.Status)
		return s.Client.Status().Update(ctx, i)
	}))
}

// signInVisit is a request with a genuine sign-in link.
type signInVisit struct {
	namespace, token string
	serial           int64
	// partnership, or else team, is what gives access.
	partnership *v1alpha1.Partnership
	team        *v1alpha1.PartnerTeam
	email       string
	// known: this browser asked for the link, and then next is where it wanted to go.
	known bool
	next  string
}

// withSignIn opens the link and finds its partnership. A link that does not open, or is used, is the same page.
func (s *Server) withSignIn(next func(http.ResponseWriter, *http.Request, signInVisit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		visit := signInVisit{namespace: r.PathValue("ns"), token: r.PathValue("token")}
		opened, ok := s.open(w, r, token.PurposeSignIn, visit.token)
		if !ok {
			return
		}
		found, err := s.findPartnership(r.Context(), visit.namespace, opened)
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
		visit.serial = opened.Serial
		switch {
		case found != nil && found.Spec.Contact != nil && opened.Binds(string(found.Spec.Contact.Email)):
			visit.partnership, visit.email = found, string(found.Spec.Contact.Email)
		case found == nil:
			if visit.team, visit.email, err = s.findSignInTeam(r.Context(), visit.namespace, opened); err != nil {
				s.unavailable(w, r, err)
				return
			}
		}
		if visit.email == "" {
			s.deadLink(w, r)
			return
		}
		noteSignIn(r, visit)
		asked, ok := s.readCookie(r, token.PurposeSignInRequest, visit.namespace, requestLifetime)
		if visit.known = ok && address.Equal(asked.Address, visit.email) && signin.AskedBy(visit.links(), visit.serial, asked.Time); visit.known {
			visit.next = ownPath(visit.namespace, asked.Next)
		}
		if err := s.mayUseVisit(r.Context(), visit); err != nil {
			s.refuseSignIn(w, r, err)
			return
		}
		next(w, r, visit)
	}
}

// links are the sign-in links of the person.
func (v signInVisit) links() v1alpha1.PartnershipSignIn {
	if v.team != nil {
		if m := team.Member(v.team, v.email); m != nil {
			return m.SignIn
		}
		return v1alpha1.PartnershipSignIn{}
	}
	return v.partnership.Status.SignIn
}

// findPartnership finds the partnership of a genuine link, and asks the API server if the cache is behind the mail.
func (s *Server) findPartnership(ctx context.Context, namespace string, opened token.Opened) (*v1alpha1.Partnership, error) {
	found, err := lookup.PartnershipByUID(ctx, s.Client, namespace, opened.UID)
	if err != nil || found == nil || found.Status.SignIn.Serial >= opened.Serial {
		return found, err
	}
	fresh := &v1alpha1.Partnership{}
	err = s.Live.Get(ctx, client.ObjectKeyFromObject(found), fresh)
	return fresh, client.IgnoreNotFound(err)
}

// Why a sign-in link does not work.
var (
	errLinkGone    = errors.New("the sign-in link is used or withdrawn")
	errLinkExpired = errors.New("the sign-in link has expired")
	errLinkDead    = errors.New("too many wrong addresses were typed on the page of the sign-in link")
	errNoAccess    = errors.New("the partnership gives no access")
)

// mayUse tells whether a link may be used now. One that may not, because access has ended, is not spent.
func (s *Server) mayUse(ctx context.Context, p *v1alpha1.Partnership, serial int64) error {
	catalog, err := lookup.Catalog(ctx, s.Client, p.Namespace)
	if err != nil {
		return err
	}
	rivals, err := lookup.Rivals(ctx, s.Client, p)
	if err != nil {
		return err
	}
	switch state := signin.StateOf(p.Status.SignIn, serial, s.Now()); {
	case state == signin.Gone:
		return errLinkGone
	case !partnership.HasAccess(p, rivals, catalog.Programs[p.Spec.ProgramRef.Name], s.Now()):
		return errNoAccess
	case state == signin.Expired:
		return errLinkExpired
	case state == signin.Dead:
		return errLinkDead
	default:
		return nil
	}
}

func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errLinkGone), apierrors.IsNotFound(err):
		s.deadLink(w, r)
	case errors.Is(err, errLinkExpired):
		noteReason(r, audit.Expired)
		s.notice(w, r, http.StatusGone, notice{
			Title:  "This sign-in link has expired",
			Text:   "Sign-in links work for " + minutes(s.SignInLifetime) + ". Ask for a new one, it takes a moment.",
			SignIn: "Get a new link",
		})
	case errors.Is(err, errLinkDead):
		s.deadSignIn(w, r, http.StatusGone)
	case errors.Is(err, errNoAccess):
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
	if err := s.spend(r.Context(), visit); err != nil {
		s.refuseSignIn(w, r, err)
		return
	}
	s.noteActive(r.Context(), visit)
	s.clearCookie(w, token.PurposeSignInRequest, visit.namespace)
	s.startSession(w, r, visit.namespace, visit.email)
	http.Redirect(w, r, cmp.Or(visit.next, dashboardPath(visit.namespace)), http.StatusSeeOther)
}

// mayGuessSignIn counts a wrong address against the link; false: it bears no more, and the answer is given.
func (s *Server) mayGuessSignIn(w http.ResponseWriter, r *http.Request, visit signInVisit) bool {
	count, err := s.countWrongSignIn(r.Context(), visit)
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

// countWrongSignIn counts a wrong address on a live copy.
func (s *Server) countWrongSignIn(ctx context.Context, visit signInVisit) (count v1alpha1.WrongAddresses, err error) {
	if visit.team != nil {
		_, err = s.Accept.ChangeTeam(ctx, client.ObjectKeyFromObject(visit.team), string(visit.team.UID), func(t *v1alpha1.PartnerTeam) error {
			if err := s.mayUseTeam(ctx, t, visit); err != nil {
				return err
			}
			count = signin.CountWrongAddress(&team.Member(t, visit.email).SignIn, visit.serial)
			return nil
		})
		return count, err
	}
	err = s.change(ctx, client.ObjectKeyFromObject(visit.partnership), func(p *v1alpha1.Partnership) error {
		if p.UID != visit.partnership.UID {
			return errLinkGone
		}
		if err := s.mayUse(ctx, p, visit.serial); err != nil {
			return err
		}
		count = signin.CountWrongAddress(&p.Status.SignIn, visit.serial)
		return nil
	})
	return count, err
}

// deadSignIn tells that a link is dead, since too many wrong addresses were typed.
func (s *Server) deadSignIn(w http.ResponseWriter, r *http.Request, code int) {
	noteReason(r, audit.TooManyWrongAddresses)
	s.notice(w, r, code, notice{
		Title: "This link no longer works", Text: tooManyWrong + " Ask for a new link, it takes a moment.", SignIn: "Get a new link",
	})
}

// spend uses up the link, of a live copy.
func (s *Server) spend(ctx context.Context, visit signInVisit) error {
	if visit.team != nil {
		return s.spendTeamSignIn(ctx, visit)
	}
	return s.change(ctx, client.ObjectKeyFromObject(visit.partnership), func(p *v1alpha1.Partnership) error {
		if p.UID != visit.partnership.UID {
			return errLinkGone
		}
		if err := s.mayUse(ctx, p, visit.serial); err != nil {
			return err
		}
		signin.Use(&p.Status.SignIn, s.Now())
		return nil
	})
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
