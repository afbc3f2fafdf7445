package portal

import (
	"net/http"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// programView is how a page shows a program.
type programView struct {
	Name, Description, Group, Since string
}

func viewOf(p *v1alpha1.Program, group string, catalog program.Catalog) programView {
	view := programView{Name: string(p.Spec.DisplayName), Description: p.Spec.Description}
	if g := catalog.Groups[group]; g != nil {
		view.Group = string(g.Spec.DisplayName)
	}
	return view
}

// dashboardView is what a partner sees.
type dashboardView struct {
	Programs []programView
	// Pending are programs that wait for the company's approval.
	Pending []programView
}

// dashboard shows the programs that were granted or are being decided about, and nothing about others.
func (s *Server) dashboard(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("ns")
	v, signedIn, err := s.visitor(r, namespace)
	if err != nil {
		s.unavailable(w, r, err)
		return
	}
	if !signedIn {
		// The cookie stays: if the company restores what it took, the session counts again unless it was ended.
		http.Redirect(w, r, loginPath(namespace), http.StatusSeeOther)
		return
	}
	view := dashboardView{}
	for i := range v.partnerships {
		p := &v.partnerships[i]
		group, _ := v.catalog.GroupInForce(p.Spec.ProgramRef.Name, p.Spec.GroupRef, p.Status.Group)
		shown := viewOf(v.catalog.Programs[p.Spec.ProgramRef.Name], group, v.catalog)
		shown.Since = p.CreationTimestamp.UTC().Format("2 January 2006")
		view.Programs = append(view.Programs, shown)
	}
	for i := range v.pending {
		view.Pending = append(view.Pending, viewOf(v.catalog.Programs[v.pending[i].Spec.ProgramRef.Name], "", v.catalog))
	}
	s.render(w, r, http.StatusOK, "dashboard.html", page{Title: "Your programs", Person: v.Address, Body: view})
}

func dashboardPath(namespace string) string { return "/t/" + namespace + "/" }

func invitePath(namespace, token string) string { return "/t/" + namespace + "/invite/" + token }

func loginPath(namespace string) string { return "/t/" + namespace + "/login" }
