package portal

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnergroups,verbs=get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnergroups/status,verbs=update

// joinVisit is a request with a join link that works.
type joinVisit struct {
	path    string
	serial  int64
	group   *v1alpha1.PartnerGroup
	catalog program.Catalog
}

// withJoin opens a join link and finds its group. A link that does not open, was replaced, or is of a group that is
// closed, is the same page.
func (s *Server) withJoin(next func(http.ResponseWriter, *http.Request, joinVisit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		namespace, name, text := r.PathValue("ns"), r.PathValue("group"), r.PathValue("token")
		opened, ok := s.open(w, r, token.PurposeJoin, text)
		if !ok {
			return
		}
		visit := joinVisit{path: joinPath(namespace, name, text), serial: opened.Serial}
		var err error
		if visit.catalog, err = lookup.Catalog(r.Context(), s.Client, namespace); err != nil {
			s.unavailable(w, r, err)
			return
		}
		visit.group = visit.catalog.Groups[name]
		if visit.group != nil && visit.group.Status.JoinLink.Serial < opened.Serial { // the cache is behind
			fresh := &v1alpha1.PartnerGroup{}
			if err := s.Live.Get(r.Context(), client.ObjectKeyFromObject(visit.group), fresh); client.IgnoreNotFound(err) != nil {
				s.unavailable(w, r, err)
				return
			}
			visit.group = fresh
		}
		if visit.group == nil || string(visit.group.UID) != opened.UID || !opened.Binds("") || !join.Works(visit.group, opened.Serial) {
			s.deadLink(w, r)
			return
		}
		noteObject(r, "PartnerGroup", visit.group.Name)
		switch p := visit.catalog.Programs[visit.group.Spec.ProgramRef.Name]; {
		case p == nil:
			s.deadLink(w, r)
		case p.Spec.Suspend:
			s.pausedProgram(w, r)
		default:
			next(w, r, visit)
		}
	}
}

// pausedProgram tells that a link cannot be used now, and is not spent.
func (s *Server) pausedProgram(w http.ResponseWriter, r *http.Request) {
	noteReason(r, audit.Suspended)
	s.notice(w, r, http.StatusForbidden, notice{
		Title: "Nobody can apply at the moment",
		Text:  "Your link stays as it is. Please try again later.",
	})
}

// joinView is what the page of a join link shows.
type joinView struct {
	Path         string
	Asked        bool
	Program      programView
	Domains      string
	Typed, Error string
}

// joinPage asks for the address of somebody who wants to apply.
func (s *Server) joinPage(w http.ResponseWriter, r *http.Request, visit joinVisit) {
	s.showJoin(w, r, visit, http.StatusOK, joinView{Asked: r.URL.Query().Has("asked")})
}

func (s *Server) showJoin(w http.ResponseWriter, r *http.Request, visit joinVisit, code int, view joinView) {
	view.Path = visit.path
	view.Program = viewOf(visit.catalog.Programs[visit.group.Spec.ProgramRef.Name], visit.group.Name, visit.catalog)
	view.Domains = domainsInWords(visit.group.Spec.Join.EligibleDomains)
	title := "Become a partner"
	if view.Asked {
		title = "Look into your inbox"
	}
	s.render(w, r, code, "join.html", page{Title: title, Body: view})
}

// domainsInWords lists a few domains; of more none is named.
func domainsInWords(domains []v1alpha1.Domain) string {
	const few = 5
	if len(domains) > few {
		return "one of the domains that can apply"
	}
	names := make([]string, 0, len(domains))
	for _, domain := range domains {
		names = append(names, string(domain))
	}
	return strings.Join(names, " or ")
}

// askToJoin asks for the mail that verifies an address. What is known of the address is not looked at, so the answer is
// the same, and as quick, for every one; only whoever reads its mail is told more.
func (s *Server) askToJoin(w http.ResponseWriter, r *http.Request, visit joinVisit) {
	if limit := join.LimitOf(visit.group, s.Now()); limit.Reason != "" {
		s.joinLimited(w, r, limit)
		return
	}
	if !s.parsed(w, r) {
		return
	}
	typed := strings.TrimSpace(r.PostForm.Get("email"))
	if _, err := address.Deliverable(typed); err != nil {
		s.showJoin(w, r, visit, http.StatusUnprocessableEntity, joinView{Typed: typed, Error: "Please type a whole mail address, such as ada@example.com."})
		return
	}
	if !join.Eligible(visit.group, typed) {
		noteReason(r, string(join.Ineligible))
		s.showJoin(w, r, visit, http.StatusUnprocessableEntity, joinView{Typed: typed, Error: "Addresses of this domain cannot apply here. Please type another one."})
		return
	}
	if !s.mayMail(w, r) {
		return
	}
	limit, err := s.requestVerification(r, visit, typed)
	switch {
	case errors.Is(err, grant.ErrGone):
		s.deadLink(w, r)
	case err != nil:
		s.unavailable(w, r, err)
	case limit.Reason != "":
		s.joinLimited(w, r, limit)
	default:
		http.Redirect(w, r, visit.path+"?asked", http.StatusSeeOther)
	}
}

// joinLimited tells that the join link can send nothing for a while, whoever asks.
func (s *Server) joinLimited(w http.ResponseWriter, r *http.Request, limit join.Limit) {
	noteReason(r, limit.Reason)
	retryAfter(w, limit.Until.Sub(s.Now()))
	s.notice(w, r, http.StatusTooManyRequests, notice{
		Title: "Too many people want to apply at the moment",
		Text:  "Please try again after " + limit.Until.UTC().Format("15:04 UTC") + ". If you asked for a mail before, it may already be in your inbox; its link works for a day.",
	})
}

// joinSpacing is how long after a verification mail the same address gets no other one of the same group: somebody clicked
// twice, and the first link works.
const joinSpacing = 10 * time.Second

// requestVerification notes on the group that a mail is asked for; a limit tells why it is not. Nothing of that depends on
// the address, which is sealed: it stands nowhere in clear before its owner has sent the application. One that was asked
// for a moment ago is only tried: the answer is the same, and as quick.
func (s *Server) requestVerification(r *http.Request, visit joinVisit, email string) (limit join.Limit, err error) {
	key := client.ObjectKeyFromObject(visit.group)
	defer s.turns.Lock(key.String())()
	double := key.String() + "/" + address.Normalize(email)
	var options []client.SubResourceUpdateOption
	if s.applied.exhausted(double) {
		options = append(options, client.DryRunAll)
	}
	sealed := s.Keys.Current().Seal(token.PurposeApplicant, join.SealContext(visit.group), []byte(email))
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		g := &v1alpha1.PartnerGroup{}
		if err := s.Live.Get(r.Context(), key, g); err != nil {
			return err
		}
		if g.UID != visit.group.UID || !join.Works(g, visit.serial) {
			return grant.ErrGone
		}
		if limit = join.LimitOf(g, s.Now()); limit.Reason != "" {
			return nil
		}
		if !join.Request(g, sealed, s.Now()) {
			return grant.ErrGone
		}
		return s.Client.Status().Update(r.Context(), g, options...)
	})
	if limit.Reason == "" && err == nil {
		s.applied.allow(double)
	}
	return limit, err
}

// mayMail counts a request that sends mail against its client. If there were too many, the answer is given. There is no
// such limit for an address: whoever asks for somebody else's would use it up.
func (s *Server) mayMail(w http.ResponseWriter, r *http.Request) bool {
	ok, wait := s.mayAsk(r)
	if !ok {
		s.tooMany(w, r, wait)
	}
	return ok
}

func joinPath(namespace, group, token string) string {
	return "/t/" + namespace + "/join/" + group + "/" + token
}
