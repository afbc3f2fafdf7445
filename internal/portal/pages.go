package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

//go:embed pages
var pageFiles embed.FS

//go:embed assets/portal.css
var stylesheet []byte

// stylesheetName changes with the content, so browsers may keep the file for ever.
var stylesheetName = func() string {
	sum := sha256.Sum256(stylesheet)
	return "portal-" + hex.EncodeToString(sum[:6]) + ".css"
}()

// templates holds each page together with the layout and the fields of forms.
var templates = func() map[string]*template.Template {
	parsed := map[string]*template.Template{}
	for _, name := range []string{"apply.html", "invite.html", "join.html", "login.html", "signin.html", "dashboard.html", "notice.html", "member.html", "approval.html", "team.html"} {
		parsed[name] = template.Must(template.New(name).Funcs(template.FuncMap{"pair": pair}).ParseFS(pageFiles, "pages/layout.html", "pages/field.html", "pages/"+name))
	}
	return parsed
}()

// part is what a part of a page gets: what it shows, and the tenant that its forms post to.
type part struct {
	Namespace string
	Of        any
}

func pair(namespace string, of any) part { return part{namespace, of} }

// page is what every page has.
type page struct {
	Title string
	// Person is the address that is signed in; empty: nobody.
	Person string
	// Body is the content of this page.
	Body any

	// Namespace, Company and Stylesheet are filled in by render.
	Namespace, Company, Stylesheet string
}

// render writes a page, or nothing of it if it cannot be made.
func (s *Server) render(w http.ResponseWriter, r *http.Request, code int, name string, p page) {
	p.Company, p.Stylesheet = s.Book.Default.DisplayName, stylesheetName
	if tenantName.MatchString(r.PathValue("ns")) {
		p.Namespace = r.PathValue("ns")
		found, err := s.Book.Brand(r.Context(), p.Namespace)
		if err != nil { // a page without the brand is better than none
			log.FromContext(r.Context()).Error(err, "The brand could not be found")
		}
		p.Company = found.DisplayName
	}
	var body bytes.Buffer
	if err := templates[name].ExecuteTemplate(&body, "layout.html", p); err != nil {
		log.FromContext(r.Context()).Error(err, "A page could not be rendered", "page", name)
		http.Error(w, "Something went wrong. Please try again.", http.StatusInternalServerError)
		return
	}
	s.setHeaders(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(code)
	_, _ = w.Write(body.Bytes()) // the client is gone if this fails
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("file") != stylesheetName {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(stylesheet)
}
