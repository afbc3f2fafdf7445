package portal

import (
	"net/http"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/metrics"
)

// shareRoute is where the links lead that partners share.
const shareRoute = "GET /r/{ns}/{link}"

// The header of a redirect, besides that of every answer. It must not be kept, since a revocation counts on the next request, and what it leads to may
// learn on which site the post stood, as with any link.
var (
	noStore    = []string{"no-store"}
	originOnly = []string{"strict-origin-when-cross-origin"}
	noRobots   = []string{"noindex, nofollow"}
)

// isShare reports whether a request is for a shared link. A path that the mux would clean first is not.
func isShare(r *http.Request) bool {
	rest, below := strings.CutPrefix(r.URL.Path, "/r/")
	if !below || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	namespace, link, two := strings.Cut(rest, "/")
	return two && isSegment(namespace) && isSegment(link)
}

// isSegment reports whether a text is one segment of a clean path.
func isSegment(text string) bool {
	return text != "" && text != "." && text != ".." && !strings.Contains(text, "/")
}

// follow sends whoever opens a shared link to where it leads. It is the only page that strangers open in numbers: it asks
// the cache by name, writes nothing, sets no cookie, and counts in metrics alone.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	namespace, name := r.PathValue("ns"), r.PathValue("link")
	state, address := v1alpha1.LinkDeactivated, ""
	found, err := lookup.Link(r.Context(), s.Cache, namespace, name)
	if err == nil && found != nil && found.DeletionTimestamp.IsZero() {
		state, address, err = s.leadsTo(r, found)
	}
	switch {
	case err != nil:
		s.unavailable(w, r, err)
		return
	case found == nil: // a namespace that somebody made up is no label
		metrics.LinkHits.WithLabelValues("", metrics.HitNotFound).Inc()
		s.noSuchLink(w, r)
		return
	case state == v1alpha1.LinkDeactivated:
		metrics.LinkHits.WithLabelValues(namespace, metrics.HitNotFound).Inc()
		s.noSuchLink(w, r)
		return
	case state == v1alpha1.LinkActive:
		metrics.LinkHits.WithLabelValues(namespace, metrics.HitAttributed).Inc()
	default:
		metrics.LinkHits.WithLabelValues(namespace, metrics.HitUnattributed).Inc()
	}
	h := w.Header()
	h["Location"] = []string{address}
	h["Cache-Control"], h["Referrer-Policy"], h["X-Robots-Tag"] = noStore, originOnly, noRobots
	w.WriteHeader(http.StatusFound)
}

// leadsTo is what a link does, and the address that it leads to.
func (s *Server) leadsTo(r *http.Request, l *v1alpha1.PartnerLink) (v1alpha1.LinkState, string, error) {
	ground, err := lookup.Ground(r.Context(), s.Cache, s.Keys.Marker(), l)
	if err != nil {
		return "", "", err
	}
	ground.Portal, ground.Now = s.Base.Host(), s.Now()
	state, address := ground.Answer()
	return state, address, nil
}

// noSuchLink is the one page for shared links that are unknown or deactivated. Whoever sees it is no partner, so it
// leads nowhere.
func (s *Server) noSuchLink(w http.ResponseWriter, r *http.Request) {
	s.notice(w, r, http.StatusNotFound, notice{
		Title:  "This link leads nowhere",
		Text:   "Whoever shared it may have taken it back.",
		Advice: []string{"Did you copy the link? Make sure that you copied all of it."},
	})
}
