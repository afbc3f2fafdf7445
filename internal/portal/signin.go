package portal

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/token"
)

// loginView is what the page shows that asks for an address.
type loginView struct {
	Asked, Waiting, Declined, Renewed, SignedOut, Applied, Accepted, Decided bool
	Typed, Error                                                             string
	// Next is where to go after signing in; empty: to the dashboard.
	Next string
}

// loginPage asks for the address to send a sign-in link to.
func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	view := loginView{
		Asked: query.Has("asked"), Waiting: query.Has("waiting"), Declined: query.Has("declined"), Renewed: query.Has("renewed"), SignedOut: query.Has("signed-out"),
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

// login asks for a sign-in link. The answer is the same, and as quick, for every address: what it leads to happens after.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("ns")
	if err := r.ParseForm(); err != nil {
		s.badForm(w, r)
		return
	}
	typed := strings.TrimSpace(r.PostForm.Get("email"))
	if _, err := address.Deliverable(typed); err != nil {
		s.render(w, r, http.StatusUnprocessableEntity, "login.html", page{Title: "Sign in", Body: loginView{
			Typed: typed, Error: "Please type a whole mail address, such as ada@example.com.", Next: ownPath(namespace, r.PostForm.Get("next")),
		}})
		return
	}
	if !s.mayMail(w, r, typed) {
		return
	}
	s.seal(w, token.PurposeSignInRequest, namespace, session{Address: typed, Next: ownPath(namespace, r.PostForm.Get("next"))}, requestLifetime)
	s.queueSignIn(r.Context(), signInRequest{namespace: namespace, email: typed, asked: s.Now()})
	http.Redirect(w, r, loginPath(namespace)+"?asked", http.StatusSeeOther)
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
		if request.carriedOut(p.Status.SignIn) {
			return errNothing
		}
		partnership.RequestSignIn(&p.Status, s.Now())
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
		asked, ok := s.readCookie(r, token.PurposeSignInRequest, visit.namespace, requestLifetime)
		if visit.known = ok && address.Equal(asked.Address, visit.email); visit.known {
			visit.next = ownPath(visit.namespace, asked.Next)
		}
		if err := s.mayUseVisit(r.Context(), visit); err != nil {
			s.refuseSignIn(w, r, err)
			return
		}
		next(w, r, visit)
	}
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
	errLinkGone    = errors.New("the sign-in link is used or replaced")
	errLinkExpired = errors.New("the sign-in link has expired")
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
	switch state := partnership.SignInLink(p, serial, s.Now()); {
	case state == partnership.LinkGone:
		return errLinkGone
	case !partnership.HasAccess(p, rivals, catalog.Programs[p.Spec.ProgramRef.Name], s.Now()):
		return errNoAccess
	case state == partnership.LinkExpired:
		return errLinkExpired
	default:
		return nil
	}
}

func (s *Server) refuseSignIn(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errLinkGone), apierrors.IsNotFound(err):
		s.deadLink(w, r)
	case errors.Is(err, errLinkExpired):
		s.notice(w, r, http.StatusGone, notice{
			Title:  "This sign-in link has expired",
			Text:   "Sign-in links work for fifteen minutes. Ask for a new one, it takes a moment.",
			SignIn: "Get a new link",
		})
	case errors.Is(err, errNoAccess):
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
		s.failures.allow(s.client(r))
		s.showSignIn(w, r, visit, http.StatusUnprocessableEntity, typed, "Please type the address that received the mail with this link.")
		return
	}
	if err := s.spend(r.Context(), visit); err != nil {
		s.refuseSignIn(w, r, err)
		return
	}
	s.noteActive(r.Context(), visit)
	s.clearCookie(w, token.PurposeSignInRequest, visit.namespace)
	s.setCookie(w, token.PurposeSession, visit.namespace, visit.email, sessionLifetime)
	http.Redirect(w, r, cmp.Or(visit.next, dashboardPath(visit.namespace)), http.StatusSeeOther)
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
		partnership.UseSignIn(&p.Status, s.Now())
		return nil
	})
}

// signOut kills every session of the person in this tenant, on all replicas.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("ns")
	cookie, ok := s.readCookie(r, token.PurposeSession, namespace, sessionLifetime)
	if ok {
		known, err := lookup.PartnershipsOf(r.Context(), s.Client, namespace, cookie.Address)
		for _, p := range known {
			if !partnership.SessionCounts(&p, cookie.Time) {
				continue
			}
			err = errors.Join(err, client.IgnoreNotFound(s.change(r.Context(), client.ObjectKeyFromObject(&p), func(p *v1alpha1.Partnership) error {
				partnership.EndSessions(&p.Status, s.Now())
				return nil
			})))
		}
		if err = errors.Join(err, s.signOutOfTeams(r.Context(), namespace, cookie)); err != nil {
			s.unavailable(w, r, err)
			return
		}
	}
	s.clearCookie(w, token.PurposeSession, namespace)
	http.Redirect(w, r, loginPath(namespace)+"?signed-out", http.StatusSeeOther)
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
