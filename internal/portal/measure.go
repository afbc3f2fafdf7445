package portal

import (
	"net/http"

	"github.com/partner-operator/partner-operator/internal/metrics"
)

// redemptions are the routes whose POST uses a mailed link, with what such links are for.
var redemptions = map[string]string{
	acceptRoute:                             "invite",
	applyRoute:                              "verification",
	"POST /t/{ns}/signin/{token}":           "sign-in",
	"POST /t/{ns}/join/{group}/{token}":     "join",
	"POST /t/{ns}/member/{token}/accept":    "member",
	"POST /t/{ns}/approval/{token}/approve": "approval",
	"POST /t/{ns}/approval/{token}/reject":  "approval",
}

// measured is what notes the requests to a route. There are as many as there are patterns, whatever is asked for.
func (s *Server) measured(route string) *metrics.Route {
	if known, ok := s.measures.Load(route); ok {
		return known.(*metrics.Route)
	}
	ordinary := http.StatusOK
	if route == shareRoute {
		ordinary = http.StatusFound
	}
	made, _ := s.measures.LoadOrStore(route, metrics.ForRoute(route, redemptions[route], ordinary))
	return made.(*metrics.Route)
}

// noted is an answer whose code is noted.
type noted struct {
	http.ResponseWriter
	code int
}

func (n *noted) WriteHeader(code int) {
	n.code = code
	n.ResponseWriter.WriteHeader(code)
}

// Unwrap gives http.ResponseController the answer itself.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }
