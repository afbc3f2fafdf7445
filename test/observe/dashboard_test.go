package observe

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dashboard is as much of a Grafana dashboard as matters here.
type dashboard struct {
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name, Type, Definition string
		} `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               *struct{ UID string }
	GridPos                  struct{ H, W, X, Y int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct{ Expr, LegendFormat string }
}

func theDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(read(t, filepath.Join(folder, "dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// plain is a query as Prometheus gets it from Grafana.
func plain(query string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*").Replace(query)
}

// Each panel says what it shows, in a unit, from the data source that is chosen, and lies where no other does.
func TestDashboard(t *testing.T) {
	d := theDashboard(t)
	if d.UID == "" || d.SchemaVersion == 0 || len(d.Panels) < 10 {
		t.Fatalf("it has UID %q, schema %d and %d panels", d.UID, d.SchemaVersion, len(d.Panels))
	}
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d, %q, is there twice or has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if taken[[2]int{x, y}] != "" || x >= 24 {
					t.Errorf("%q lies on %q, or out of sight", p.Title, taken[[2]int{x, y}])
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.Datasource == nil || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%q lacks a description, a unit, the data source or a query", p.Title)
		}
		for _, target := range p.Targets {
			if _, err := promQL.ParseExpr(plain(target.Expr)); err != nil {
				t.Errorf("%q: %v", p.Title, err)
			}
			if used := regexp.MustCompile(`\$[a-z]\w*`).FindString(plain(target.Expr)); used != "" {
				t.Errorf("%q uses %s, which is not known", p.Title, used)
			}
		}
	}
	variables := map[string]string{}
	for _, v := range d.Templating.List {
		variables[v.Name] = v.Type
	}
	if variables["datasource"] != "datasource" || variables["namespace"] != "query" {
		t.Errorf("the variables are %v", variables)
	}
}
