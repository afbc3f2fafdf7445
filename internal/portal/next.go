package portal

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// longestNext is the longest path that is kept for after signing in; it has to fit into a cookie.
const longestNext = 512

// ownPath gives back a path of this tenant's pages, and nothing for whatever else somebody put there: another tenant's, or
// anything that a browser could take for another host.
func ownPath(namespace, text string) string {
	if text == "" || len(text) > longestNext || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }) {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !isPath(u) {
		return ""
	}
	clean := path.Clean(u.Path)
	if strings.HasSuffix(u.Path, "/") {
		clean += "/"
	}
	if clean != u.Path || u.EscapedPath() != u.Path || !strings.HasPrefix(u.Path, dashboardPath(namespace)) {
		return ""
	}
	return text
}

// isPath tells whether an address is a path, with a query or without, and nothing else.
func isPath(u *url.URL) bool {
	return !u.IsAbs() && u.Host == "" && u.User == nil && u.Opaque == "" && u.Fragment == ""
}

// askToSignIn leads to signing in, and from there back to the page that was asked for.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request) {
	noteNoSession(r)
	namespace := r.PathValue("ns")
	target := loginPath(namespace)
	if next := ownPath(namespace, r.URL.RequestURI()); r.Method == http.MethodGet && next != "" && next != dashboardPath(namespace) {
		target += "?next=" + url.QueryEscape(next)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
