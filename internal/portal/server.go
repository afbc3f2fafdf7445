// Package portal is what partners see: the pages of invites, signing in, and the dashboard.
//
// GET and HEAD change nothing; only the POST of a form acts. What a session may see is decided on every request from
// the live cache, so there is no session store, and a revocation counts on the next request. The portal writes facts
// to status (a person answered, asked for a sign-in link, used one, signed out); controllers draw the consequences and
// send the mail.
package portal

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// Options is what the portal needs.
type Options struct {
	// Client reads from the cache, with the indexes of package lookup, and writes. While a watch is broken it confirms what
	// it read with the API server.
	Client client.Client
	// Cache reads from the cache whatever holds. Share links, which strangers open in numbers, ask nothing else. If nil, they
	// ask Client.
	Cache client.Reader
	// Live reads from the API server.
	Live client.Reader
	// Keys open links and seal cookies.
	Keys *keyring.Keyring
	// Accept is the step that the controllers share.
	Accept *accept.Step
	// Base is the portal's public address.
	Base link.Base
	// Tombstones tell who was a partner.
	Tombstones *tombstone.Store
	// Book finds the brand of a namespace.
	Book *brandbook.Book
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// MaxConnections is how many connections there may be at a time; 0: any number.
	MaxConnections int
	// ClientRate is how many requests that send mail a client may make in a minute; 0: any number.
	ClientRate int
	// IncludeSubdomains lets Strict-Transport-Security speak of the subdomains of the portal's host, too.
	IncludeSubdomains bool
	// AddressRate is how many sign-in mails of one address may be asked for in a minute, by whomever; more wait, and count
	// as one. 0: any number, also of verification mails.
	AddressRate int
	// SignInLifetime is how long a sign-in link works; 0: signin.DefaultLinkLifetime.
	SignInLifetime time.Duration
	// SessionLifetime is how long somebody stays signed in; 0: signin.DefaultSessionLifetime. SessionIdle is after how long
	// without a request that ends; 0: it does not.
	SessionLifetime, SessionIdle time.Duration
	// Log gets the audit trail, with the addresses of clients if LogClients is set.
	Log        logr.Logger
	LogClients bool
	// Now is the clock.
	Now func() time.Time
}

// Server answers the requests of partners.
type Server struct {
	Options
	handler  http.Handler
	signIns  signInQueue
	delay    func() time.Duration // from the answer to a request for a sign-in link until it is carried out
	clients  *limiter             // requests that send mail, by client or known browser
	asked    *limiter             // the same beyond what the client may, of browsers that asked before, by address
	repeats  *limiter             // and all of those together, by client
	mailed   *limiter             // sign-in mails, by address
	applied  *limiter             // verification mails, by group and address
	failures *limiter             // tokens that did not open, by client
	measures sync.Map             // *metrics.Route, by the pattern of a route
	trail    *audit.Trail         // what people did
	makers   *keylock.Keys        // partners who make a link
	turns    keylock.Keys         // groups that a mail is asked of
	// strictTransport is the value of Strict-Transport-Security; nil: the portal is not on https.
	strictTransport []string
}

// failuresPerMinute is how many tokens that do not open a client may try in a minute.
const failuresPerMinute = 30

// New makes a portal.
func New(o Options) *Server {
	if o.Cache == nil {
		o.Cache = o.Client
	}
	o.SignInLifetime = cmp.Or(o.SignInLifetime, signin.DefaultLinkLifetime)
	o.SessionLifetime = cmp.Or(o.SessionLifetime, signin.DefaultSessionLifetime)
	s := &Server{
		Options:  o,
		delay:    signInDelay,
		clients:  newLimiter(o.ClientRate, o.Now),
		asked:    newLimiter(min(o.ClientRate, repeatsPerMinute), o.Now),
		repeats:  newLimiter(o.ClientRate, o.Now),
		mailed:   newLimiter(o.AddressRate, o.Now),
		applied:  newSpacing(joinSpacing, o.Now),
		failures: newLimiter(failuresPerMinute, o.Now),
		trail:    audit.New(o.Log, o.Now),
		makers:   &keylock.Keys{},

		strictTransport: strictTransport(o),
	}
	if o.AddressRate == 0 {
		s.applied = newLimiter(0, o.Now)
	}
	s.signIns.try = s.tryToHandOut
	s.handler = s.protect(s.routes())
	return s
}

// Handler answers requests.
func (s *Server) Handler() http.Handler { return s.handler }

// acceptRoute is where the page of an invite posts to, with the application form if there is one.
const acceptRoute = "POST /t/{ns}/invite/{token}/accept"

// applyRoute is where the page of an applicant posts to, with the application form if there is one.
const applyRoute = "POST /t/{ns}/apply/{token}"

// router is what routes are added to.
type router interface {
	HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request))
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	s.addRoutes(mux)
	return mux
}

// addRoutes adds every route; docs/portal.md tells of each.
func (s *Server) addRoutes(mux router) {
	mux.HandleFunc("GET /assets/{file}", serveAsset)
	mux.HandleFunc("GET /t/{ns}/{$}", s.tenant(s.dashboard))
	mux.HandleFunc("GET /t/{ns}/login", s.tenant(s.loginPage))
	mux.HandleFunc("POST /t/{ns}/login", s.tenant(s.login))
	mux.HandleFunc("POST /t/{ns}/terms", s.tenant(s.acceptTerms))
	mux.HandleFunc("POST /t/{ns}/links", s.tenant(s.createLink))
	mux.HandleFunc("POST /t/{ns}/links/{link}/delete", s.tenant(s.deleteLink))
	mux.HandleFunc(shareRoute, s.follow)
	mux.HandleFunc("POST /t/{ns}/signout", s.tenant(s.signOut))
	mux.HandleFunc("GET /t/{ns}/signin/{token}", s.tenant(s.withSignIn(s.signInPage)))
	mux.HandleFunc("POST /t/{ns}/signin/{token}", s.tenant(s.withSignIn(s.signIn)))
	mux.HandleFunc("GET /t/{ns}/invite/{token}", s.tenant(s.withInvite(s.invitePage)))
	mux.HandleFunc(acceptRoute, s.tenant(s.withInvite(s.acceptInvite)))
	mux.HandleFunc("POST /t/{ns}/invite/{token}/decline", s.tenant(s.withInvite(s.declineInvite)))
	mux.HandleFunc("POST /t/{ns}/invite/{token}/renew", s.tenant(s.withInvite(s.renewInvite)))
	mux.HandleFunc("GET /t/{ns}/join/{group}/{token}", s.tenant(s.withJoin(s.joinPage)))
	mux.HandleFunc("POST /t/{ns}/join/{group}/{token}", s.tenant(s.withJoin(s.askToJoin)))
	mux.HandleFunc("GET /t/{ns}/apply/{token}", s.tenant(s.withApplicant(s.applyPage)))
	mux.HandleFunc(applyRoute, s.tenant(s.withApplicant(s.apply)))
	mux.HandleFunc("GET /t/{ns}/member/{token}", s.tenant(s.withMember(s.memberPage)))
	mux.HandleFunc("POST /t/{ns}/member/{token}/accept", s.tenant(s.withMember(s.joinTeam)))
	mux.HandleFunc("POST /t/{ns}/member/{token}/decline", s.tenant(s.withMember(s.declineTeam)))
	mux.HandleFunc("GET /t/{ns}/approval/{token}", s.tenant(s.withApproval(s.approvalPage)))
	mux.HandleFunc("POST /t/{ns}/approval/{token}/approve", s.tenant(s.withApproval(s.decideTeammate(team.Approve))))
	mux.HandleFunc("POST /t/{ns}/approval/{token}/reject", s.tenant(s.withApproval(s.decideTeammate(team.Reject))))
	mux.HandleFunc("GET /t/{ns}/teams/{team}", s.tenant(s.withTeam(s.teamPage)))
	for change := range teamChanges {
		mux.HandleFunc("POST /t/{ns}/teams/{team}/"+change, s.tenant(s.withTeam(s.changeTeam(change))))
	}
}

// AddTo adds the portal to a manager. It serves on every replica, once the caches are filled and there are signing keys.
func (s *Server) AddTo(mgr ctrl.Manager, listener net.Listener) error {
	if err := mgr.Add(everyReplica(s.handOutSignIns)); err != nil {
		return fmt.Errorf("adding the portal: %w", err)
	}
	if err := mgr.AddReadyzCheck("signing-keys", func(*http.Request) error { return s.Keys.Missing() }); err != nil {
		return err
	}
	server := s.serverOn(listener)
	return mgr.Add(everyReplica(func(ctx context.Context) error {
		if missing := s.Keys.Missing(); missing != nil {
			log.FromContext(ctx).Info("Waiting to serve the portal", "because", missing.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.Keys.Known():
		}
		log.FromContext(ctx).Info("Serving the portal", "address", listener.Addr().String(), "url", s.Base.Origin())
		return server.Start(ctx)
	}))
}

// serverOn serves the portal on a listener, within its limits.
func (s *Server) serverOn(listener net.Listener) *manager.Server {
	grace := 15 * time.Second
	limited := limitListener(listener, s.MaxConnections, s.clientAt)
	return &manager.Server{
		Name:            "portal",
		Listener:        limited,
		ShutdownTimeout: &grace,
		Server: &http.Server{
			ConnState:         limited.note,
			Handler:           s.handler,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       15 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
			// OPTIONS * gets the headers of every answer as well.
			DisableGeneralOptionsHandler: true,
			ErrorLog:                     nil,
		},
	}
}

// everyReplica is a runnable that starts after the caches and does not wait for leadership.
type everyReplica func(context.Context) error

func (r everyReplica) Start(ctx context.Context) error { return r(ctx) }

func (everyReplica) NeedLeaderElection() bool { return false }
