package portal

import (
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
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noteReason(r, audit.CrossOrigin)
		s.notice(w, r, http.StatusForbidden, notice{
			Title: "This form came from somewhere else",
			Text:  "For your safety it was not carried out. Open the link from your mail again and use the form there.",
		})
	}))
	inner := sameOrigin.Handler(routes)
	return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		began := s.Now()
		w := &noted{ResponseWriter: answer, code: http.StatusOK}
		if isShare(r) { // strangers read in numbers, and there is no form and no page to protect
			defer func() { s.measured(r.Pattern).Note(w.code, s.Now().Sub(began)) }()
			defer s.recovered(w, r)
			routes.ServeHTTP(w, r)
			return
		}
		_, route := routes.Handler(r)
		r.Body = http.MaxBytesReader(answer, r.Body, bodyLimit(route))
		r, end := s.audited(r, route)
		defer func() {
			s.measured(route).Note(w.code, s.Now().Sub(began))
			end(w.code)
		}()
		s.setHeaders(w.Header())
		defer s.recovered(w, r)
		inner.ServeHTTP(w, r)
	})
}

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

func (s *Server) setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurity(""))
	h.Set("X-Content-Type-Options", "nosniff")
	// With no-referrer browsers send «Origin: null» with our own forms on plain http.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cache-Control", "no-store")
	if s.Base.Secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
