package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// lenient are the fields of which the schemas of the release before took more than Go can read.
var lenient = map[string][][]string{
	"partnerships":   {{"validUntil"}, {"application", "submittedTime"}},
	"partnerinvites": {{"notAfter"}},
}

// relaxed lets a function write what the schemas of the release before took, and then upgrades them.
func relaxed(write func()) {
	GinkgoHelper()
	upgrades := []func(){}
	for resource, fields := range lenient {
		crd := &unstructured.Unstructured{}
		crd.SetAPIVersion("apiextensions.k8s.io/v1")
		crd.SetKind("CustomResourceDefinition")
		key := types.NamespacedName{Name: resource + ".partner-operator.io"}
		Expect(api.Get(ctx, key, crd)).To(Succeed())
		current := crd.DeepCopy()
		versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
		Expect(err).NotTo(HaveOccurred())
		for _, field := range fields {
			path := []string{"schema", "openAPIV3Schema", "properties", "spec"}
			for _, name := range field {
				path = append(path, "properties", name)
			}
			Expect(unstructured.SetNestedMap(versions[0].(map[string]any), map[string]any{"type": "string", "format": "date-time"}, path...)).To(Succeed())
		}
		Expect(unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions")).To(Succeed())
		Expect(api.Update(ctx, crd)).To(Succeed())
		upgrades = append(upgrades, func() {
			Eventually(func() error {
				if err := api.Get(ctx, key, crd); err != nil {
					return err
				}
				crd.Object["spec"] = current.DeepCopy().Object["spec"]
				return api.Update(ctx, crd)
			}, soon, often).Should(Succeed())
		})
	}
	defer func() {
		for _, upgrade := range upgrades {
			upgrade()
		}
	}()
	write()
}

// raw is an object as text.
func raw(ns, kind, name, rest string) *unstructured.Unstructured {
	GinkgoHelper()
	o := &unstructured.Unstructured{}
	Expect(o.UnmarshalJSON(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{"namespace":%q,"name":%q},%s}`, v1alpha1.GroupVersion, kind, ns, name, rest))).To(Succeed())
	return o
}

// stalledBy is the message of the condition Stalled of an object.
func stalledBy(o client.Object) func() string {
	return func() string {
		fresh := &unstructured.Unstructured{}
		fresh.SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
		if api.Get(ctx, client.ObjectKeyFromObject(o), fresh) != nil {
			return ""
		}
		items, _, _ := unstructured.NestedSlice(fresh.Object, "status", "conditions")
		for _, item := range items {
			if c := item.(map[string]any); c["type"] == v1alpha1.ConditionStalled && c["reason"] == v1alpha1.ReasonUnreadable {
				return c["message"].(string)
			}
		}
		return ""
	}
}

var _ = Describe("an object that cannot be read", func() {
	It("harms itself alone: others are revoked, invited and shown, and a replica starts", func() {
		other, ns := newTenant(), newTenant()
		second := startReplica()
		ada, adas := accepted(ns, "ada", grant("referral", "gold"))
		bob, _ := accepted(ns, "bob", grant("referral", "gold"))
		for _, portal := range []string{running.Portal, second.Portal} {
			Eventually(func() int { return get(ada, portal+"/t/"+ns+"/").Code }, soon, often).Should(Equal(http.StatusOK))
		}

		const lower = `"2027-01-01t00:00:00z"`
		stored := map[string]*unstructured.Unstructured{
			"spec.validUntil":                raw(other, "Partnership", "until", `"spec":{"programRef":{"name":"referral"},"contact":{"email":"x@until.example"},"validUntil":`+lower+`}`),
			"spec.application.submittedTime": raw(other, "Partnership", "applied", `"spec":{"programRef":{"name":"referral"},"contact":{"email":"x@applied.example"},"application":{"submittedTime":`+lower+`}}`),
			"spec.notAfter":                  raw(other, "PartnerInvite", "after", `"spec":{"programs":[{"name":"referral"}],"contact":{"email":"x@after.example"},"notAfter":`+lower+`}`),
		}
		relaxed(func() {
			for _, o := range stored {
				Eventually(func() error { return api.Create(ctx, o.DeepCopy()) }, soon, often).Should(Succeed(), "the schema of the release before takes it")
			}
		})
		// A restore may write such a thing into status with every schema.
		eve := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "eve"}, Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "eve@status.example"}}}
		create(eve)
		Eventually(partnershipState(eve), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status":{"sessionsNotBefore":"2026-01-01T00:00:00Z","conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":`+lower+`}]}}`))
		Expect(api.Status().Patch(ctx, eve, patch)).To(Succeed())
		stored["status.sessionsNotBefore"] = raw(other, "Partnership", "eve", `"spec":{}`)

		revoked := time.Now()
		change(adas, func(p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
		})
		for _, portal := range []string{running.Portal, second.Portal} {
			Eventually(func() int { return get(ada, portal+"/t/"+ns+"/").Code }, soon, often).Should(Equal(http.StatusSeeOther), "she is refused on every replica")
		}
		AddReportEntry("revocation", fmt.Sprintf("counted on two replicas after %s", time.Since(revoked).Round(time.Millisecond)))
		Eventually(partnershipState(adas), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		invited := time.Now()
		create(invite(ns, "carol", grant("referral", "gold")))
		Eventually(mailsTo(address(ns, "carol"), v1alpha1.MailInvite), soon, often).Should(Equal(1))
		AddReportEntry("invite", fmt.Sprintf("mailed after %s", time.Since(invited).Round(time.Millisecond)))
		Expect(get(bob, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))

		started := time.Now()
		third := startReplica() // waits until it is ready
		AddReportEntry("replica", fmt.Sprintf("the third was ready after %s", time.Since(started).Round(time.Millisecond)))
		Expect(get(bob, third.Portal+"/t/"+ns+"/").Code).To(Equal(http.StatusOK))
		Expect(get(ada, third.Portal+"/t/"+ns+"/").Code).To(Equal(http.StatusSeeOther))

		for field, o := range stored {
			Eventually(stalledBy(o), soon, often).Should(ContainSubstring(field), "it says which field cannot be read")
		}
		Expect(mailsTo("x@after.example", v1alpha1.MailInvite)()).To(BeZero())
		fresh := &unstructured.Unstructured{}
		fresh.SetGroupVersionKind(eve.GetObjectKind().GroupVersionKind())
		fresh.SetAPIVersion(v1alpha1.GroupVersion.String())
		fresh.SetKind("Partnership")
		Expect(api.Get(ctx, client.ObjectKeyFromObject(eve), fresh)).To(Succeed())
		kept, _, _ := unstructured.NestedString(fresh.Object, "status", "sessionsNotBefore")
		Expect(kept).To(Equal("2026-01-01T00:00:00Z"), "what cannot be read is not lost")
		state, _, _ := unstructured.NestedString(fresh.Object, "status", "state")
		Expect(state).To(Equal(string(v1alpha1.PartnershipExpired)), "it does not say Active while nobody gets in")

		until := stored["spec.validUntil"]
		Expect(api.Patch(ctx, until, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"validUntil":"2037-01-01T00:00:00Z"}}`)))).To(Succeed())
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: other, Name: "until"}}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive), "a correction is enough")
		Eventually(func() bool {
			return meta.FindStatusCondition(reread(p).Status.Conditions, v1alpha1.ConditionStalled) == nil
		}, soon, often).Should(BeTrue())
	})
})

var brokenSeconds = regexp.MustCompile(`partner_operator_watch_broken_seconds\{kind="Partnership"\} ([0-9.e+]+)`)

// watchBroken is for how long an operator has not heard of partnerships, by its metrics.
func watchBroken(metrics string) func() float64 {
	return func() float64 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metrics+"/metrics", nil)
		Expect(err).NotTo(HaveOccurred())
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return -1
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		Expect(err).NotTo(HaveOccurred())
		found := brokenSeconds.FindSubmatch(text)
		if found == nil {
			return -1
		}
		seconds, err := strconv.ParseFloat(string(found[1]), 64)
		Expect(err).NotTo(HaveOccurred())
		return seconds
	}
}

var _ = Describe("a replica that does not hear of a kind", func() {
	It("says so, and asks the API server before it lets anybody in", func() {
		ns := newTenant()
		metrics, err := operator.FreeAddress()
		Expect(err).NotTo(HaveOccurred())
		apart, err := apiproxy.Start(operatorAccount())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(apart.Close)
		deaf, err := operator.Start(ctx, operator.Options{Binary: binary, Cluster: plane, Kubeconfig: apart.Kubeconfig, Log: logFile(), Args: []string{
			"--components=portal", "--portal-url=" + running.Portal, "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8",
			"--metrics-bind-address=" + metrics, "--metrics-secure=false"}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(deaf.Stop()).To(Succeed()) })
		ada, adas := accepted(ns, "ada", grant("referral", "gold"))
		bob, _ := accepted(ns, "bob", grant("referral", "gold"))
		dashboard := func(of *browser.Person) func() int {
			return func() int { return get(of, deaf.Portal+"/t/"+ns+"/").Code }
		}
		Eventually(dashboard(ada), soon, often).Should(Equal(http.StatusOK))
		Expect(watchBroken(metrics)()).To(BeZero())

		apart.Break(func(r *http.Request) apiproxy.Fault {
			if strings.HasSuffix(r.URL.Path, "/partnerships") {
				return apiproxy.Refuse
			}
			return apiproxy.None
		})
		apart.Cut()
		change(adas, func(p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
		})
		Eventually(watchBroken(metrics), time.Minute, time.Second).Should(BeNumerically(">=", 30))
		Expect(dashboard(ada)()).To(Equal(http.StatusSeeOther), "she was revoked after the last that was heard")
		Expect(dashboard(bob)()).To(Equal(http.StatusOK), "he is a partner as before")

		apart.Break(func(*http.Request) apiproxy.Fault { return apiproxy.Refuse })
		Eventually(dashboard(bob), soon, often).Should(Equal(http.StatusServiceUnavailable), "nobody can tell whether he has access")
		apart.Break(nil)
		Eventually(watchBroken(metrics), 2*time.Minute, time.Second).Should(BeZero())
		Expect(dashboard(bob)()).To(Equal(http.StatusOK))
		Eventually(dashboard(ada), soon, often).Should(Equal(http.StatusSeeOther))
	})
})
