// Package observe holds alerts, dashboard and ServiceMonitor against Prometheus itself and against the metrics that a
// running operator serves.
package observe

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"sigs.k8s.io/yaml"
)

const (
	root     = "../.."
	folder   = root + "/config/prometheus"
	runbooks = root + "/docs/runbooks"
	// runbookURL is where the pages of docs/runbooks are read.
	runbookURL = "https://github.com/partner-operator/partner-operator/blob/main/docs/runbooks/"
)

// promQL is the language as Prometheus speaks it without experiments.
var promQL = parser.NewParser(parser.Options{})

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// decode reads a manifest of which every field has to be known.
func decode(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(read(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// alerts are those of the PrometheusRule, by name.
func alerts(t *testing.T) map[string]monitoringv1.Rule {
	t.Helper()
	var rules monitoringv1.PrometheusRule
	decode(t, filepath.Join(folder, "rules.yaml"), &rules)
	found := map[string]monitoringv1.Rule{}
	for _, group := range rules.Spec.Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" || found[rule.Alert].Alert != "" {
				t.Errorf("group %s: %q is no alert, or there twice", group.Name, rule.Alert)
			}
			found[rule.Alert] = rule
		}
	}
	return found
}

// What Prometheus itself asks of rules, the language and the templates of their texts included.
func TestPrometheusTakesTheRules(t *testing.T) {
	var rules struct {
		Spec any `json:"spec"`
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(folder, "rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(rules.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := rulefmt.Parse(text, false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler)); len(problems) > 0 {
		t.Error(problems)
	}
}

// Whoever is woken reads what it is, and finds a page that tells what to do; every page belongs to an alert.
func TestEachAlertHasItsRunbook(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(runbooks, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := alerts(t)
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); known[name].Alert == "" {
			t.Errorf("%s is the page of no alert", page)
		}
	}
	operations := string(read(t, filepath.Join(root, "docs/operations.md")))
	for name, alert := range known {
		if !strings.HasPrefix(name, "PartnerOperator") || !slices.Contains([]string{"critical", "warning", "info"}, alert.Labels["severity"]) {
			t.Errorf("%s has severity %q", name, alert.Labels["severity"])
		}
		if alert.Annotations["summary"] == "" || !strings.HasSuffix(alert.Annotations["description"], ".") {
			t.Errorf("%s does not say what it is: %v", name, alert.Annotations)
		}
		if want := runbookURL + name + ".md"; alert.Annotations["runbook_url"] != want {
			t.Errorf("%s leads to %s, not to %s", name, alert.Annotations["runbook_url"], want)
		}
		page := string(read(t, filepath.Join(runbooks, name+".md")))
		if !strings.HasPrefix(page, "# "+name+"\n") || strings.Count(page, "\n## ") == 0 || !strings.Contains(page, "```console\n") {
			t.Errorf("the page of %s has not its title, or says nothing to do, or no command", name)
		}
		if row := fmt.Sprintf("| [%s](runbooks/%[1]s.md) | %s |", name, alert.Labels["severity"]); !strings.Contains(operations, row) {
			t.Errorf("docs/operations.md has no row %s", row)
		}
	}
}

// firing tells whether an alert fires at the end, by the series of two hours that end then.
func firing(t *testing.T, alert monitoringv1.Rule, series string) bool {
	t.Helper()
	const length = 2 * time.Hour
	storage := promqltest.LoadedStorage(t, "load 1m\n"+series)
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	end := time.Unix(0, 0).Add(length)
	begin := end
	if alert.For != nil {
		lasts, err := model.ParseDuration(string(*alert.For))
		if err != nil {
			t.Fatal(err)
		}
		begin = end.Add(-time.Duration(lasts))
	}
	for at := begin; !at.After(end); at = at.Add(time.Minute) {
		query, err := engine.NewInstantQuery(t.Context(), storage, nil, alert.Expr.String(), at)
		if err != nil {
			t.Fatal(err)
		}
		result := query.Exec(t.Context())
		vector, err := result.Vector()
		if err != nil {
			t.Fatal(err)
		}
		if len(vector) == 0 {
			return false
		}
	}
	return true
}

// situations are what an alert is for, and what looks like it and is well. Two hours have 121 minutes.
var situations = map[string]struct{ fires, rests []string }{
	"PartnerOperatorDown": {
		fires: []string{up("0x120"), `up{job="something-else"} 1x120`},
		rests: []string{up("1x120"), up("0x118 1 1"), `up{job="partner-operator-metrics", pod="a"} 0x120` + "\n" + up("1x120")},
	},
	"PartnerOperatorNoLeader": {
		fires: []string{leads("a", "0x120") + leads("b", "0x120")},
		rests: []string{leads("a", "0x120") + leads("b", "1x120"), leads("a", "1x118 0 0"), ""},
	},
	"PartnerOperatorReconcileErrors": {
		fires: []string{reconciles("0+60x120", "0+12x120")},
		rests: []string{reconciles("0+60x120", "0+3x120"), reconciles("0+60x120", "0x120"), reconciles("0+60x120", "0x115 0+50x5")},
	},
	"PartnerOperatorWorkerStuck": {
		fires: []string{`workqueue_longest_running_processor_seconds{job="partner-operator-metrics", name="partnerinvite"} 0+60x120`},
		rests: []string{`workqueue_longest_running_processor_seconds{job="partner-operator-metrics", name="partnerinvite"} 100x120`},
	},
	"PartnerOperatorWatchBroken": {
		fires: []string{`partner_operator_watch_broken_seconds{job="partner-operator-metrics", kind="Partnership"} 0x115 30 60 90 120 150`},
		rests: []string{`partner_operator_watch_broken_seconds{job="partner-operator-metrics", kind="Partnership"} 0x118 20 0`},
	},
	"PartnerOperatorAPIServerErrors": {
		fires: []string{requests("<error>", "0+20x120"), requests("503", "0+20x120"), requests("429", "0+20x120")},
		rests: []string{requests("409", "0+20x120"), requests("503", "0+2x120")},
	},
	"PartnerOperatorMailStopped": {
		fires: []string{programs("TransportRejected", "1x120"), programs("TransportUnreachable", "3x120"), programs("BrandInvalid", "1x120")},
		rests: []string{programs("Ready", "1x120"), programs("Unknown", "1x120"), programs("TransportUnreachable", "_x110 1x9")},
	},
	"PartnerOperatorMailFailing": {
		fires: []string{mails("0+1x120", "0+9x120", "0x120"), mails("0x120", "0+2x120", "0x120")},
		rests: []string{mails("0+9x120", "0+1x120", "0x120"), mails("0x120", "0x120", "0x120"), mails("0+9x120", "0x110 0+90x10", "0x120")},
	},
	"PartnerOperatorMailRefused": {
		fires: []string{mails("0+4x120", "0x120", "0+1x120")},
		rests: []string{mails("0+40x120", "0x120", "0+1x120"), mails("0x120", "0x120", "0x100 1 2x19"), mails("0+4x120", "0x120", "0x120")},
	},
	"PartnerOperatorInvitesNotLookedAt": {
		fires: []string{oldest("New", "0+60x120")},
		rests: []string{oldest("New", "30x120"), oldest("Pending", "0+60x120")},
	},
	"PartnerOperatorInvitesWaiting": {
		fires: []string{oldest("Pending", "0+60x120")},
		rests: []string{oldest("Pending", "60x120"), oldest("Held", "0+60x120")},
	},
	"PartnerOperatorInvitesHeld": {
		fires: []string{oldest("Held", "14400+60x120")},
		rests: []string{oldest("Held", "0+60x120"), oldest("Pending", "14400+60x120")},
	},
	"PartnerOperatorPortalErrors": {
		fires: []string{portal("GET /t/{ns}/{$}", "500", "0+10x120"), portal("POST /t/{ns}/login", "503", "0+10x120")},
		rests: []string{portal("GET /t/{ns}/{$}", "404", "0+90x120"), portal("GET /t/{ns}/{$}", "500", "0+1x120"), portal("GET /t/{ns}/{$}", "500", "0x115 0+90x5")},
	},
	"PartnerOperatorPortalSlow": {
		fires: []string{slow("0+90x120")},
		rests: []string{slow("0+99.9x120"), ""},
	},
	"PartnerOperatorLinksGuessed": {
		fires: []string{portal("GET /t/{ns}/signin/{token}", "404", "0+90x120"), portal("POST /t/{ns}/invite/{token}/accept", "429", "0+90x120")},
		rests: []string{portal("GET /t/{ns}/signin/{token}", "404", "0+6x120"), portal("GET /t/{ns}/signin/{token}", "200", "0+90x120"), portal("GET /t/{ns}/login", "404", "0+90x120")},
	},
	"PartnerOperatorEventsLost": {
		fires: []string{events("dropped", "0x100 1x20"), events("refused", "0+1x120"), events("expired", "0x119 1")},
		rests: []string{events("failed", "0+9x120"), events("delivered", "0+9x120"), events("dropped", "7x120"), events("dropped", "1 2x120")},
	},
	"PartnerOperatorEventsWaiting": {
		fires: []string{events("delivered", "9x120") + "partner_operator_events_waiting 5x120"},
		rests: []string{
			events("delivered", "0+9x120") + "partner_operator_events_waiting 5x120", events("delivered", "9x120") + "partner_operator_events_waiting 0x120",
			events("delivered", "9x120") + "partner_operator_events_waiting 0x110 5x10",
		},
	},
}

const job = `job="partner-operator-metrics"`

func up(values string) string { return fmt.Sprintf("up{%s, pod=\"b\"} %s\n", job, values) }

func leads(pod, values string) string {
	return fmt.Sprintf("leader_election_master_status{%s, name=\"partner-operator\", pod=%q} %s\n", job, pod, values)
}

func reconciles(total, errors string) string {
	return fmt.Sprintf("controller_runtime_reconcile_total{%s, controller=\"partnership\", result=\"success\"} %s\n", job, total) +
		fmt.Sprintf("controller_runtime_reconcile_errors_total{%s, controller=\"partnership\"} %s\n", job, errors)
}

func requests(code, values string) string {
	return fmt.Sprintf("rest_client_requests_total{%s, code=\"200\"} 0+60x120\nrest_client_requests_total{%s, code=%q} %s\n", job, job, code, values)
}

func programs(mail, values string) string {
	return fmt.Sprintf("partner_operator_programs{namespace=\"acme\", mail=%q} %s\n", mail, values)
}

func mails(sent, temporary, permanent string) string {
	return fmt.Sprintf("partner_operator_mails_total{kind=\"invite\", result=\"sent\"} %s\npartner_operator_mails_total{kind=\"invite\", result=\"temporary_failure\"} %s\n"+
		"partner_operator_mails_total{kind=\"invite\", result=\"permanent_failure\"} %s\n", sent, temporary, permanent)
}

func oldest(state, values string) string {
	return fmt.Sprintf("partner_operator_invites_waiting_seconds{namespace=\"acme\", state=%q} %s\n", state, values)
}

func portal(route, code, values string) string {
	return fmt.Sprintf("partner_operator_portal_requests_total{route=\"GET /r/{ns}/{link}\", code=\"302\"} 0+100x120\npartner_operator_portal_requests_total{route=%q, code=%q} %s\n", route, code, values)
}

// slow are requests of which so many took less than a second, of 100 a minute, and none more than two and a half.
func slow(fast string) string {
	var series strings.Builder
	for _, bucket := range []struct{ le, values string }{{"0.5", fast}, {"1", fast}, {"2.5", "0+100x120"}, {"+Inf", "0+100x120"}} {
		_, _ = fmt.Fprintf(&series, "partner_operator_portal_request_seconds_bucket{route=\"GET /t/{ns}/{$}\", le=%q} %s\n", bucket.le, bucket.values)
	}
	return series.String()
}

func events(result, values string) string {
	return fmt.Sprintf("partner_operator_events_total{result=%q} %s\n", result, values)
}

// One mail server that is down is one alert, however many namespaces use it. What is a namespace's own is one for each.
func TestMailStoppedCountsCauses(t *testing.T) {
	in := func(mail string, namespaces ...string) string {
		var series strings.Builder
		for _, namespace := range namespaces {
			_, _ = fmt.Fprintf(&series, "partner_operator_programs{namespace=%q, mail=%q, pod=\"a\"} 2x120\npartner_operator_programs{namespace=%[1]q, mail=%[2]q, pod=\"b\"} 2x120\n", namespace, mail)
		}
		return series.String()
	}
	const unreachable, rejected, invalid = "TransportUnreachable", "TransportRejected", "BrandInvalid"
	for name, test := range map[string]struct {
		series string
		// want are the namespaces of the alerts, "" for one without, and their reasons and values.
		want []string
	}{
		"one server of five":          {in(unreachable, "a", "b", "c", "d", "e") + in("Ready", "f"), []string{" " + unreachable + " 5"}},
		"a brand's own server":        {in(unreachable, "a") + in("Ready", "b", "c"), []string{"a " + unreachable + " 2"}},
		"a server refuses all of two": {in(rejected, "a", "b"), []string{" " + rejected + " 2"}},
		"one server, and another one": {in(unreachable, "a", "b") + in(rejected, "c"), []string{" " + unreachable + " 2", "c " + rejected + " 2"}},
		"two brands":                  {in(invalid, "a", "b"), []string{"a " + invalid + " 2", "b " + invalid + " 2"}},
		"two brands, and one server":  {in(invalid, "a", "b") + in(unreachable, "c", "d", "e"), []string{" " + unreachable + " 3", "a " + invalid + " 2", "b " + invalid + " 2"}},
		"nothing":                     {in("Ready", "a", "b"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			engine, storage := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery), promqltest.LoadedStorage(t, "load 1m\n"+test.series)
			alert := alerts(t)["PartnerOperatorMailStopped"]
			query, err := engine.NewInstantQuery(t.Context(), storage, nil, alert.Expr.String(), time.Unix(3600, 0))
			if err != nil {
				t.Fatal(err)
			}
			vector, err := query.Exec(t.Context()).Vector()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, sample := range vector {
				got = append(got, fmt.Sprintf("%s %s %v", sample.Metric.Get("namespace"), sample.Metric.Get("mail"), sample.F))
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("the alerts are %q, want %q", got, test.want)
			}
		})
	}
}

func TestAlertsFireWhenTheyShould(t *testing.T) {
	known := alerts(t)
	for name := range known {
		if len(situations[name].fires) == 0 || len(situations[name].rests) == 0 {
			t.Errorf("nothing shows when %s fires, or when it does not", name)
		}
	}
	for name, in := range situations {
		t.Run(name, func(t *testing.T) {
			if known[name].Alert == "" {
				t.Fatal("there is no such alert")
			}
			for _, series := range in.fires {
				if !firing(t, known[name], series) {
					t.Errorf("it does not fire with\n%s", series)
				}
			}
			for _, series := range in.rests {
				if firing(t, known[name], series) {
					t.Errorf("it fires with\n%s", series)
				}
			}
		})
	}
}
