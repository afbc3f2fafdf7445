package portal

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// patterns notes the routes that are added to it.
type patterns []string

func (p *patterns) HandleFunc(pattern string, _ func(http.ResponseWriter, *http.Request)) {
	*p = append(*p, pattern)
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*)\\| ([^|]*)\\| ([^|]*)\\| ([^|]*)\\|$")

// documentedRoutes are the rows of the table in docs/portal.md, by route.
func documentedRoutes(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/portal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- table of routes: begin -->")
	table, _, found := strings.Cut(table, "<!-- table of routes: end -->")
	if !found {
		t.Fatal("docs/portal.md has no table of routes")
	}
	rows := map[string][]string{}
	for _, cells := range row.FindAllStringSubmatch(table, -1) {
		rows[cells[1]] = cells[2:]
	}
	return rows
}

func TestEveryRouteIsDocumented(t *testing.T) {
	var routes patterns
	(&Server{}).addRoutes(&routes)
	rows := documentedRoutes(t)
	var documented []string
	for route := range rows {
		documented = append(documented, route)
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if diff := cmp.Diff([]string(routes), documented); diff != "" {
		t.Errorf("the table in docs/portal.md and the routes differ (-routes +docs):\n%s", diff)
	}
}

// A route that can be read by GET changes nothing, and one that opens a token limits those who guess.
func TestRoutesAsDocumented(t *testing.T) {
	for route, cells := range documentedRoutes(t) {
		who, changes, limits, codes := strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), cells[2], cells[3]
		post := strings.HasPrefix(route, "POST ")
		switch {
		case who == "" || changes == "" || strings.TrimSpace(codes) == "":
			t.Errorf("%s: a cell is empty", route)
		case !post && !strings.HasPrefix(changes, "nothing"):
			t.Errorf("%s: it is no POST, and changes %s", route, changes)
		case post && strings.HasPrefix(changes, "nothing"):
			t.Errorf("%s: a POST that changes nothing", route)
		case strings.Contains(route, "{token}") && (!strings.Contains(limits, "failed tokens") || !strings.Contains(codes, "404") || !strings.Contains(codes, "429")):
			t.Errorf("%s: it opens a token, and the limits are %q, the codes %q", route, limits, codes)
		}
	}
}

// Each use of a mailed link counts in partner_operator_redemptions_total.
func TestRoutesOfMailedLinksAreRedemptions(t *testing.T) {
	var all patterns
	(&Server{}).addRoutes(&all)
	for route := range redemptions {
		if !slices.Contains(all, route) {
			t.Errorf("%s is no route", route)
		}
	}
	for _, route := range all {
		gaveUp := strings.HasSuffix(route, "/decline") || strings.HasSuffix(route, "/renew")
		uses := strings.HasPrefix(route, "POST ") && strings.Contains(route, "{token}") && !gaveUp
		if _, counted := redemptions[route]; counted != uses {
			t.Errorf("%s uses a link: %v; it counts: %v", route, uses, counted)
		}
	}
}
