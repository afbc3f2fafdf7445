package observe

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

const (
	operatorNamespace = "partner-operator-system"
	tenant            = "acme"
	// soon is how long something may take that happens at once, on a busy machine.
	soon = 30 * time.Second
)

// stage is a running operator to which everything happens that alerts and dashboard are about.
type stage struct {
	*testing.T
	plane   *cluster.Cluster
	api     client.Client
	proxy   *apiproxy.Proxy
	inbox   *mailcatcher.Catcher
	running *operator.Operator
	metrics string

	mutex sync.Mutex
	seen  map[string]labels.Labels
}

func newStage(t *testing.T) *stage {
	t.Helper()
	log.SetLogger(logr.Discard())
	s := &stage{T: t, seen: map[string]labels.Labels{}}
	var err error
	s.plane, err = cluster.Start(t.Context(), cluster.Options{CRDs: []string{root + "/config/crd/bases"}, ControllerManager: true})
	s.must(err)
	t.Cleanup(func() { s.check(s.plane.Stop()) })
	scheme := runtime.NewScheme()
	s.must(clientgoscheme.AddToScheme(scheme))
	s.must(v1alpha1.AddToScheme(scheme))
	s.api, err = client.New(s.plane.Config, client.Options{Scheme: scheme})
	s.must(err)
	s.kubectl("apply", "-k", root+"/config/namespace")
	s.kubectl("apply", "-k", root+"/config/rbac")
	account, _, err := s.plane.ServiceAccountConfig(t.Context(), operatorNamespace, "partner-operator")
	s.must(err)
	s.proxy, err = apiproxy.Start(account)
	s.must(err)
	t.Cleanup(func() { s.check(s.proxy.Close()) })
	s.inbox, err = mailcatcher.Start(mailcatcher.Options{})
	s.must(err)
	t.Cleanup(func() { s.check(s.inbox.Close()) })
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	t.Cleanup(receiver.Close)
	s.metrics, err = operator.FreeAddress()
	s.must(err)
	s.running, err = operator.Start(t.Context(), operator.Options{
		Binary: root + "/bin/partner-operator", Cluster: s.plane, Kubeconfig: s.proxy.Kubeconfig, SMTPAddr: s.inbox.SMTPAddr(),
		Args: []string{"--leader-elect", "--metrics-bind-address=" + s.metrics, "--events-url=" + receiver.URL},
	})
	s.must(err)
	t.Cleanup(func() { s.check(s.running.Stop()) })
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) check(err error) {
	s.Helper()
	if err != nil {
		s.Error(err)
	}
}

func (s *stage) kubectl(args ...string) {
	s.Helper()
	if out, err := s.plane.Kubectl(s.Context(), args...).CombinedOutput(); err != nil {
		s.Fatalf("kubectl %v: %v: %s", args, err, out)
	}
}

func (s *stage) eventually(what string, holds func() bool) {
	s.Helper()
	for end := time.Now().Add(soon); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("%s: not within %s; the operator says\n%s", what, soon, s.running.Log())
		}
	}
}

// account is a ServiceAccount of Prometheus, which may read metrics or not, with what it asks as.
func (s *stage) account(name string, mayRead bool) *http.Client {
	s.Helper()
	s.check(client.IgnoreAlreadyExists(s.api.Create(s.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "monitoring"}})))
	s.kubectl("-n", "monitoring", "create", "serviceaccount", name)
	if mayRead {
		s.kubectl("create", "clusterrolebinding", name, "--clusterrole=partner-operator-metrics-reader", "--serviceaccount=monitoring:"+name)
	}
	config, _, err := s.plane.ServiceAccountConfig(s.Context(), "monitoring", name)
	s.must(err)
	return &http.Client{Transport: bearer{config.BearerToken, &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
}

// bearer signs in with a token, as Prometheus does.
type bearer struct {
	token string
	http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

// scrape reads what is served, and remembers every series there ever was.
func (s *stage) scrape(as *http.Client) (code int) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "https://"+s.metrics+"/metrics", nil)
	s.must(err)
	response, err := as.Do(request)
	s.must(err)
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode
	}
	text := expfmt.NewTextParser(model.UTF8Validation)
	families, err := text.TextToMetricFamilies(response.Body)
	s.must(err)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for name, family := range families {
		for _, m := range family.GetMetric() {
			// What Prometheus adds, where the metric does not say it itself.
			of := map[string]string{"job": "partner-operator-metrics", "namespace": operatorNamespace, "pod": "a", "instance": s.metrics}
			for _, pair := range m.GetLabel() {
				of[pair.GetName()] = pair.GetValue()
			}
			names := []string{name}
			if m.GetHistogram() != nil {
				of["le"] = "1"
				names = []string{name + "_bucket", name + "_sum", name + "_count"}
			}
			for _, each := range names {
				of[model.MetricNameLabel] = each
				series := labels.FromMap(of)
				s.seen[series.String()] = series
			}
		}
	}
	return response.StatusCode
}

func (s *stage) create(objects ...client.Object) {
	s.Helper()
	for _, object := range objects {
		s.must(s.api.Create(s.Context(), object))
	}
}

func (s *stage) post(to string, fields ...string) int {
	s.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	got, err := browser.NewPerson().Post(s.Context(), to, form)
	s.must(err)
	return got.Code
}

func named(ns, name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: ns, Name: name} }

func invite(ns, name, program string) *v1alpha1.PartnerInvite {
	return &v1alpha1.PartnerInvite{ObjectMeta: named(ns, name), Spec: v1alpha1.PartnerInviteSpec{
		Contact: v1alpha1.Contact{Email: v1alpha1.EmailAddress(name + "@x.example")}, Programs: []v1alpha1.ProgramGrant{{Name: program}},
	}}
}

func program(ns string) *v1alpha1.Program {
	return &v1alpha1.Program{ObjectMeta: named(ns, "referral"), Spec: v1alpha1.ProgramSpec{
		DisplayName: "Referral", Links: v1alpha1.ProgramLinks{Destination: "https://acme.example/"},
	}}
}

func (s *stage) state(ns, name string) v1alpha1.InviteState {
	s.Helper()
	i := &v1alpha1.PartnerInvite{}
	s.must(s.api.Get(s.Context(), client.ObjectKey{Namespace: ns, Name: name}, i))
	return i.Status.State
}

// happen lets everything happen once: what goes well, and what goes wrong.
func (s *stage) happen(as *http.Client) {
	s.inbox.Script(
		mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: "nobody@x.example", Code: 550, Text: "no such user"},
		mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: "later@x.example", Code: 451, Text: "try again later"},
		mailcatcher.Rule{Stage: mailcatcher.MailFrom, Sender: "refused@partners.example", Code: 550, Enhanced: "5.7.1", Text: "sender not allowed"},
	)
	for _, ns := range []string{tenant, "ailing", "refused"} {
		s.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	}
	s.create(&corev1.ConfigMap{ObjectMeta: named("ailing", "partner-brand"), Data: map[string]string{"accentColor": "no color"}})
	s.create(&corev1.ConfigMap{ObjectMeta: named("refused", "partner-brand"), Data: map[string]string{"mailFrom": "refused@partners.example"}})
	s.create(program("refused"), invite("refused", "waits", "referral"))
	s.create(program(tenant), program("ailing"), invite("ailing", "held", "referral"), invite(tenant, "pending", "none"),
		invite(tenant, "nobody", "referral"), invite(tenant, "later", "referral"), invite(tenant, "ada", "referral"), invite(tenant, "open", "referral"))
	s.eventually("the invites are where they belong", func() bool {
		return s.state(tenant, "ada") == v1alpha1.InviteSent && s.state(tenant, "open") == v1alpha1.InviteSent && s.state(tenant, "nobody") == v1alpha1.InviteFailed &&
			s.state("ailing", "held") == v1alpha1.InviteHeld && s.state("refused", "waits") == v1alpha1.InviteHeld && s.state(tenant, "pending") == v1alpha1.InvitePending && s.state(tenant, "later") == v1alpha1.InvitePending
	})
	if code := s.post(s.inbox.MessagesTo("ada@x.example")[0].Links[0]+"/accept", "email", "ada@x.example"); code != http.StatusSeeOther {
		s.Fatalf("accepting gives %d", code)
	}
	var partners v1alpha1.PartnershipList
	s.must(s.api.List(s.Context(), &partners, client.InNamespace(tenant)))
	s.create(&v1alpha1.PartnerLink{ObjectMeta: named(tenant, "summer"), Spec: v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: partners.Items[0].Name}}})
	s.create(&v1alpha1.Partnership{ObjectMeta: named(tenant, "asked"), Spec: v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "eve@x.example"}, Source: v1alpha1.SourceJoinLink,
	}})
	s.eventually("the link leads on", func() bool {
		got, err := browser.NewPerson().Get(s.Context(), s.running.Portal+"/r/"+tenant+"/summer")
		return err == nil && got.Code == http.StatusFound
	})
	if code := s.post(s.running.Portal+"/t/"+tenant+"/signin/unknown", "email", "ada@x.example"); code != http.StatusNotFound {
		s.Fatalf("a link that there is not gives %d", code)
	}
	s.eventually("Prometheus may read", func() bool { return s.scrape(as) == http.StatusOK })

	// The API server goes away for writes, so people meet errors, and a new invite stays new.
	s.proxy.Break(func(r *http.Request) apiproxy.Fault {
		if r.Method == http.MethodPut && !strings.Contains(r.URL.Path, "/leases/") {
			return apiproxy.Refuse
		}
		return apiproxy.None
	})
	defer s.proxy.Break(nil)
	s.create(invite(tenant, "new", "referral"))
	if code := s.post(s.inbox.MessagesTo("open@x.example")[0].Links[0]+"/accept", "email", "open@x.example"); code < 500 {
		s.Errorf("accepting without an API server gives %d", code)
	}
	s.eventually("what fails is counted", func() bool {
		s.scrape(as)
		return s.selects(`partner_operator_invites_waiting_seconds{state="New"}`) && s.selects(`rest_client_requests_total{code="<error>"}`)
	})
}

// query is a query of an alert or a panel, with the labels that its text shows.
type query struct {
	where, expr string
	shows       []string
}

func queries(t *testing.T) (all []query) {
	t.Helper()
	for name, alert := range alerts(t) {
		q := query{where: name, expr: alert.Expr.String()}
		for _, text := range alert.Annotations {
			for _, shown := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				q.shows = append(q.shows, shown[1])
			}
		}
		all = append(all, q)
	}
	for _, p := range theDashboard(t).Panels {
		for _, target := range p.Targets {
			q := query{where: p.Title, expr: plain(target.Expr)}
			for _, shown := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				q.shows = append(q.shows, shown[1])
			}
			all = append(all, q)
		}
	}
	return all
}

// Alerts and dashboard speak of metrics, labels and values that a running operator serves.
func TestWhatIsAskedForIsServed(t *testing.T) {
	if _, err := os.Stat(root + "/bin/partner-operator"); err != nil {
		t.Fatalf("%v (run make build)", err)
	}
	s := newStage(t)
	reader := s.account("prometheus", true)
	if code := s.scrape(s.account("somebody", false)); code != http.StatusForbidden {
		t.Errorf("somebody without the role is answered with %d", code)
	}
	s.happen(reader)
	for _, q := range queries(t) {
		expr, err := promQL.ParseExpr(q.expr)
		if err != nil {
			t.Errorf("%s: %v", q.where, err)
			continue
		}
		for _, wrong := range s.problems(expr) {
			t.Errorf("%s: %s", q.where, wrong)
		}
		for _, shown := range q.shows {
			if !s.result(expr)[shown] {
				t.Errorf("%s shows the label %s, which the result has not", q.where, shown)
			}
		}
	}
	t.Run("a real Prometheus", func(t *testing.T) { s.real(t, reader) })
}
