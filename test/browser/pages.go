package browser

import "slices"

// Page is a page of the portal in one state.
type Page struct {
	// Name tells pages apart; it is part of the names of files and of the tenant that it is shown in.
	Name string
	// Code is its status code, and Shows a text that only it shows.
	Code  int
	Shows string
	// Walk leads there.
	Walk []Step
}

// All are all pages. Missing is only the one for an error in the portal itself, which nothing leads to.
var All = slices.Concat(signingIn, invitations, applying, dashboards, links, teams, refusals, brands)
