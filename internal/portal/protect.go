package portal

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/form"
)

// maxBody is the most that a form may hold, and maxApplication the most where an application form is filled in: what
// passes as its answers, of whose bytes each may be posted as three, and the rest of the page.
const (
	maxBody        = 64 << 10
	maxApplication = 3*form.MaxTotal + maxBody
)

// bodyLimit is the most that the body of a request to a route may hold.
func bodyLimit(route string) int64 {
	if route == acceptRoute || route == applyRoute {
		return maxApplication
	}
	return maxBody
}

// protect puts around the routes what every answer needs: headers, limits, a refusal of forms posted from elsewhere,
// and a page even if a handler panics.
func (s *Server) protect(routes *http.ServeMux) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	// Behind a proxy that changes the Host header, the Origin still names the public address.
	if err := sameOrigin.AddTrustedOrigin(s.Base.Origin()); err != nil {
		panic(err) // the address was parsed before
	}
	return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		began := s.Now()
		w := &noted{ResponseWriter: answer, code: http.StatusOK}
		if isShare(r) { // strangers read in numbers, and there is no form and no page to protect
			s.setTransport(w.Header())
			defer func() { s.measured(r.Pattern).Note(w.code, s.Now().Sub(began)) }()
			defer s.recovered(w, r)
			routes.ServeHTTP(w, r)
			return
		}
		handler, route := routes.Handler(r)
		r.Body = http.MaxBytesReader(answer, r.Body, bodyLimit(route))
		r, end := s.audited(r, route)
		defer func() {
			s.measured(cmp.Or(route, noRoute)).Note(w.code, s.Now().Sub(began))
			end(w.code)
		}()
		s.setHeaders(w.Header())
		defer s.recovered(w, r)
		switch {
		case sameOrigin.Check(r) != nil:
			noteReason(r, audit.CrossOrigin)
			s.notice(w, r, http.StatusForbidden, notice{
				Title: "This form came from somewhere else",
				Text:  "For your safety it was not carried out. Open the link from your mail again and use the form there.",
			})
		case route == "":
			s.unrouted(w, r, handler)
		default:
			routes.ServeHTTP(w, r)
		}
	})
}

// noRoute is what metrics call requests that no route takes.
const noRoute = "/"

// unrouted answers what no route takes, with what the mux would have answered, as a page: another method where the path
// has a route, else that there is nothing.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request, refuse http.Handler) {
	verdict := headerOnly{header: http.Header{}}
	refuse.ServeHTTP(&verdict, r)
	switch {
	case r.RequestURI == "*": // it is about the server, and there is no page for that
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
	case verdict.code == http.StatusMethodNotAllowed:
		w.Header()["Allow"] = verdict.header["Allow"]
		s.notice(w, r, http.StatusMethodNotAllowed, notice{
			Title: "This page cannot be asked for like that",
			Text:  "Nothing was changed. Open the link from your mail again, or go back and use the form on the page.",
		})
	case verdict.header.Get("Location") != "": // to the same path, written as it should be
		refuse.ServeHTTP(w, r)
	default:
		s.notFound(w, r)
	}
}

// headerOnly takes the header and the code of an answer, and drops its body.
type headerOnly struct {
	header http.Header
	code   int
}

func (h *headerOnly) Header() http.Header               { return h.header }
func (h *headerOnly) WriteHeader(code int)              { h.code = code }
func (h *headerOnly) Write(content []byte) (int, error) { return len(content), nil }

// recovered answers with a page where a handler panicked.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	log.FromContext(r.Context()).Error(fmt.Errorf("panic: %v", cause), "A page failed", "route", r.Pattern, "stack", string(debug.Stack()))
	s.broken(w, r)
}

// contentSecurity lets a page load nothing but our own styles and pictures, and the brand's logo from its origin; empty:
// there is none.
func contentSecurity(logoOrigin string) string {
	pictures := "'self'"
	if logoOrigin != "" {
		pictures += " " + logoOrigin
	}
	return "default-src 'none'; style-src 'self'; img-src " + pictures + "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// noSniff is the value of X-Content-Type-Options.
var noSniff = []string{"nosniff"}

// strictTransport is what Strict-Transport-Security says; nil: the portal is not on https. The subdomains may be those of
// others, so they are named only where that is asked for.
func strictTransport(o Options) []string {
	const year = "max-age=31536000"
	switch {
	case !o.Base.Secure():
		return nil
	case o.IncludeSubdomains:
		return []string{year + "; includeSubDomains"}
	default:
		return []string{year}
	}
}

// setTransport sets the headers of every answer, also of those without a page.
func (s *Server) setTransport(h http.Header) {
	h["X-Content-Type-Options"] = noSniff
	if s.strictTransport != nil {
		h["Strict-Transport-Security"] = s.strictTransport
	}
}

// setHeaders sets the headers of every page.
func (s *Server) setHeaders(h http.Header) {
	s.setTransport(h)
	h.Set("Content-Security-Policy", contentSecurity(""))
	// With no-referrer browsers send «Origin: null» with our own forms on plain http.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cache-Control", "no-store")
}
