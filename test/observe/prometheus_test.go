package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/hack/machine"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// prometheus is the program itself, which reads the metrics of a running operator.
type prometheus struct {
	*stage
	programs, folder, address string
	output                    bytes.Buffer
}

// prometheus starts one with our rules, of which each waits for a second alone. It reads the metrics with a token and, as another
// job, without one.
func (s *stage) prometheus(t *testing.T, token string) *prometheus {
	t.Helper()
	found, err := exec.CommandContext(t.Context(), root+"/hack/clients/debian.sh", "prometheus").Output()
	if err != nil {
		machine.Lacks(t, "a real Prometheus", err)
	}
	p := &prometheus{stage: s, programs: strings.TrimSpace(string(found)) + "/usr/bin/", folder: t.TempDir()}
	if p.address, err = operator.FreeAddress(); err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Spec any `json:"spec"`
	}
	if err := yaml.Unmarshal(read(t, filepath.Join(folder, "rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	spec, err := yaml.Marshal(rules.Spec)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "asked.yml", string(spec))
	p.write(t, "rules.yml", regexp.MustCompile(`(?m)^(\s*for:).*$`).ReplaceAllString(string(spec), "$1 1s"))
	p.write(t, "token", token)
	const job = `
- job_name: %s
  honor_labels: true
  scheme: https
  tls_config: {insecure_skip_verify: true}
  static_configs: [{targets: [%q], labels: {namespace: %s, pod: a}}]
`
	p.write(t, "prometheus.yml", "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:"+
		fmt.Sprintf(job, "partner-operator-metrics", s.metrics, operatorNamespace)+"  authorization: {credentials_file: token}\n"+
		fmt.Sprintf(job, "stranger", s.metrics, operatorNamespace))
	command := exec.CommandContext(context.Background(), p.programs+"prometheus", "--config.file="+p.folder+"/prometheus.yml", "--storage.tsdb.path="+p.folder+"/data", "--web.listen-address="+p.address)
	command.Stdout, command.Stderr = &p.output, &p.output
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if t.Failed() {
			t.Logf("Prometheus says\n%s", &p.output)
		}
	})
	return p
}

func (p *prometheus) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// promtool checks something, which it reads from its standard input or from files.
func (p *prometheus) promtool(t *testing.T, input io.Reader, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), p.programs+"promtool", args...)
	command.Stdin = input
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v: %s", args, err, out)
	}
}

// ask asks the API of Prometheus. It is an error if it does not answer with success.
func (p *prometheus) ask(path string, into any) error {
	response, err := http.Get("http://" + p.address + "/api/v1/" + path) //nolint:noctx // it answers at once or not at all
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", answer.Status, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// vector is what a query gives.
type vector struct {
	Result []struct{ Metric map[string]string }
}

func (p *prometheus) query(expr string) (vector, error) {
	var v vector
	err := p.ask("query?query="+url.QueryEscape(expr), &v)
	return v, err
}

// itself checks that the program reads the metrics, and only with a token, takes the rules and runs every query, and that an
// alert fires once the mail server is away.
func (p *prometheus) itself(t *testing.T, reader *http.Client) {
	t.Helper()
	p.promtool(t, nil, "check", "rules", p.folder+"/asked.yml")
	p.promtool(t, nil, "check", "config", p.folder+"/prometheus.yml")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+p.metrics+"/metrics", nil)
	p.must(err)
	served, err := reader.Do(request)
	p.must(err)
	defer func() { _ = served.Body.Close() }()
	p.promtool(t, ours(t, served.Body), "check", "metrics")

	p.eventually("Prometheus reads the metrics with a token, and is refused without", func() bool {
		var targets struct {
			ActiveTargets []struct {
				Health, LastError string
				Labels            map[string]string
			}
		}
		seen := map[string]string{}
		if err := p.ask("targets", &targets); err != nil {
			return false
		}
		for _, target := range targets.ActiveTargets {
			seen[target.Labels["job"]] = target.Health + " " + target.LastError
		}
		return seen["partner-operator-metrics"] == "up " && strings.Contains(seen["stranger"], "401")
	})
	for _, q := range queries(t) {
		if _, err := p.query(q.expr); err != nil {
			t.Errorf("%s: %v", q.where, err)
		}
	}
	const away = `ALERTS{alertname="PartnerOperatorMailStopped",alertstate="firing",mail="TransportUnreachable"}`
	if v, err := p.query(away); err != nil || len(v.Result) > 0 {
		t.Errorf("while there is a mail server: %v, %v", v, err)
	}
	p.must(p.inbox.Close())
	p.create(invite(tenant, "unsent", "referral"))
	p.eventually("the alert fires", func() bool {
		v, err := p.query(away)
		return err == nil && len(v.Result) == 1
	})
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, LastError string }
		}
	}
	p.must(p.ask("rules", &rules))
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.LastError != "" {
				t.Errorf("%s: %s", rule.Name, rule.LastError)
			}
		}
	}
}

// ours are the metrics that the project names; those of its libraries are not its own.
func ours(t *testing.T, all io.Reader) io.Reader {
	t.Helper()
	text, err := io.ReadAll(all)
	if err != nil {
		t.Fatal(err)
	}
	var kept bytes.Buffer
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "partner_operator_") {
			kept.WriteString(line)
		}
	}
	if kept.Len() == 0 {
		t.Fatal("no metric of ours is served")
	}
	return &kept
}

// real lets a real Prometheus watch the stage, as a test of its own.
func (s *stage) real(t *testing.T, reader *http.Client) {
	t.Helper()
	outer := s.T
	s.T = t
	defer func() { s.T = outer }()
	signedIn, ok := reader.Transport.(bearer)
	if !ok {
		t.Fatal("the reader has no token")
	}
	s.prometheus(t, signedIn.token).itself(t, reader)
}
