package portal

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

//go:embed pages
var pageFiles embed.FS

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

	// The rest is filled in by render.

	Namespace, Company string
	// Logo is the address of a picture; empty: none.
	Logo string
	// Stylesheet and Icon are the names of the assets in the colour of the brand.
	Stylesheet, Icon string
}

// render writes a page, or nothing of it if it cannot be made.
func (s *Server) render(w http.ResponseWriter, r *http.Request, code int, name string, p page) {
	company := s.Book.Default
	if tenantName.MatchString(r.PathValue("ns")) {
		p.Namespace = r.PathValue("ns")
		found, err := s.Book.Brand(r.Context(), p.Namespace)
		if err != nil { // a page without the brand is better than none
			log.FromContext(r.Context()).Error(err, "The brand could not be found")
		}
		company = found.Brand
	}
	p.Company, p.Logo = company.DisplayName, company.LogoURL
	p.Stylesheet, p.Icon = stylesheetName(company.Accent), iconName(company.Accent)
	s.setHeaders(w.Header())
	var body bytes.Buffer
	if err := templates[name].ExecuteTemplate(&body, "layout.html", p); err != nil {
		log.FromContext(r.Context()).Error(err, "A page could not be rendered", "page", name)
		http.Error(w, "Something went wrong. Please try again.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", contentSecurity(company.LogoOrigin()))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(code)
	_, _ = w.Write(body.Bytes()) // the client is gone if this fails
}
