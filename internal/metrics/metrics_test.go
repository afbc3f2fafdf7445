package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/watch"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// gathered are the metrics of this operator that are served, each with its labels in order.
func gathered(t *testing.T) map[string][]string {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), prefix) {
			continue
		}
		labels := []string{}
		for _, pair := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, pair.GetName())
		}
		found[family.GetName()] = labels
	}
	return found
}

// What docs/operations.md says is what there is, with the same labels.
func TestDocumentedMetrics(t *testing.T) {
	LinkHits.WithLabelValues("acme", HitAttributed)
	MarksWaiting.WithLabelValues("acme").Set(1)
	defer MarksWaiting.DeleteLabelValues("acme")
	Mail("invite", MailSent, time.Second)
	PortalOutcomes.WithLabelValues("GET /t/{ns}/{$}", "refused", "NoSession")
	ForRoute("GET /t/{ns}/{$}", "invite", http.StatusOK).Note(http.StatusSeeOther, time.Second)
	objects := Objects{Cache: cluster(t, nil), Now: func() time.Time { return start }}
	if err := objects.Register(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { metrics.Registry.Unregister(objects) })
	watches := Watches{Tracker: watch.Follow(&rest.Config{}, time.Now)}
	if err := watches.Register(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { metrics.Registry.Unregister(watches) })
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `("+prefix+"_\\w+)` \\|([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		labels := []string{}
		for _, label := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[2], -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		documented[row[1]] = labels
	}
	if diff := cmp.Diff(gathered(t), documented); diff != "" {
		t.Errorf("what is served (-) and docs/operations.md (+) differ:\n%s", diff)
	}
}

// cluster holds two invites and a partner of acme.
func cluster(t *testing.T, broken error) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	before := func(d time.Duration) metav1.Time { return metav1.NewTime(start.Add(-d)) }
	named := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "acme", Name: name, CreationTimestamp: before(time.Hour)}
	}
	since := func(state v1alpha1.InviteState, d time.Duration) v1alpha1.PartnerInviteStatus {
		at := before(d)
		return v1alpha1.PartnerInviteStatus{State: state, StateTime: &at}
	}
	ailing := v1alpha1.ProgramStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionMailReady, Reason: v1alpha1.ReasonBrandInvalid}}}
	return fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if broken != nil {
				return broken
			}
			return c.List(ctx, list, opts...)
		},
	}).WithObjects(
		&v1alpha1.PartnerInvite{ObjectMeta: named("ada"), Status: v1alpha1.PartnerInviteStatus{State: v1alpha1.InviteSent}},
		&v1alpha1.PartnerInvite{ObjectMeta: named("bob"), Status: v1alpha1.PartnerInviteStatus{State: v1alpha1.InviteSent}},
		&v1alpha1.PartnerInvite{ObjectMeta: named("new")},
		&v1alpha1.PartnerInvite{ObjectMeta: named("held-longer"), Status: since(v1alpha1.InviteHeld, 30*time.Minute)},
		&v1alpha1.PartnerInvite{ObjectMeta: named("held"), Status: since(v1alpha1.InviteHeld, time.Minute)},
		&v1alpha1.PartnerInvite{ObjectMeta: named("pending"), Status: since(v1alpha1.InvitePending, -time.Minute)}, // by another clock
		&v1alpha1.Program{ObjectMeta: named("referral")},
		&v1alpha1.Program{ObjectMeta: named("reseller"), Status: ailing},
		&v1alpha1.Partnership{ObjectMeta: named("ada"), Status: v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipActive}},
		&v1alpha1.PartnerLink{ObjectMeta: named("ada"), Status: v1alpha1.PartnerLinkStatus{State: v1alpha1.LinkDeactivated}},
	).Build()
}

func TestObjects(t *testing.T) {
	for name, test := range map[string]struct {
		broken error
		want   []string
	}{
		"counts": {nil, []string{
			"partner_operator_invites acme Held 2", "partner_operator_invites acme New 1", "partner_operator_invites acme Pending 1", "partner_operator_invites acme Sent 2",
			"partner_operator_invites_waiting_seconds acme Held 1800", "partner_operator_invites_waiting_seconds acme New 3600", "partner_operator_invites_waiting_seconds acme Pending 0",
			"partner_operator_links acme Deactivated 1", "partner_operator_partnerships acme Active 1",
			"partner_operator_programs BrandInvalid acme 1", "partner_operator_programs Unknown acme 1",
		}},
		"says nothing if the cache does not answer": {errors.New("the cache is not started"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			objects := Objects{Cache: cluster(t, test.broken), Now: func() time.Time { return start }}
			if err := objects.Register(); err != nil {
				t.Fatal(err)
			}
			defer metrics.Registry.Unregister(objects)
			before := counterOf(t, "read_errors_total", ReadForMetric)
			families, err := metrics.Registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			if counted := counterOf(t, "read_errors_total", ReadForMetric) - before; (counted > 0) != (test.broken != nil) {
				t.Errorf("%v failed reads are counted", counted)
			}
			var got []string
			for _, family := range families {
				for _, m := range family.GetMetric() {
					if m.GetGauge() == nil || len(m.GetLabel()) == 0 || !strings.HasPrefix(family.GetName(), prefix) {
						continue
					}
					line := []string{family.GetName()}
					for _, label := range m.GetLabel() {
						line = append(line, label.GetValue())
					}
					got = append(got, strings.Join(append(line, fmt.Sprint(m.GetGauge().GetValue())), " "))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRedemptionResults(t *testing.T) {
	route := ForRoute("POST /t/{ns}/test", "test", http.StatusSeeOther)
	for code, want := range map[int]string{303: "used", 404: "unknown", 410: "expired", 422: "wrong_input", 403: "refused", 409: "conflict", 429: "limited", 503: "error", 500: "error"} {
		before := counterOf(t, "redemptions_total", "test", want)
		route.Note(code, time.Millisecond)
		if got := counterOf(t, "redemptions_total", "test", want); got != before+1 {
			t.Errorf("%d counts as something else than %s", code, want)
		}
	}
}

// counterOf is a counter with these values of its labels, in order; 0: there is none.
func counterOf(t *testing.T, name string, values ...string) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, label := range m.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			if family.GetName() == prefix+"_"+name && slices.Equal(labels, values) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
