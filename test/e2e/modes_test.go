package e2e

import (
	"io"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// part is a running part of the operator, with the proxy that notes which rights it uses.
type part struct {
	*operator.Operator
	proxy   *apiproxy.Proxy
	metrics string // where it serves them
}

// startPart runs the operator under an account until the spec ends, with no more rights than that has.
func startPart(account string, log io.Writer, args ...string) part {
	GinkgoHelper()
	var started part
	Eventually(launchPart(account, log, args...), 2*soon, often).Should(Receive(&started), "%s does not get ready", account)
	return started
}

// launchPart is startPart that does not wait: it tells when the operator is ready.
func launchPart(account string, log io.Writer, args ...string) <-chan part {
	GinkgoHelper()
	access, _, err := plane.ServiceAccountConfig(ctx, operatorNamespace, account)
	Expect(err).NotTo(HaveOccurred())
	between, err := apiproxy.Start(access)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(between.Close)
	metrics, err := operator.FreeAddress()
	Expect(err).NotTo(HaveOccurred())
	ready, ended := make(chan part, 1), make(chan *operator.Operator, 1)
	go func() {
		defer GinkgoRecover()
		defer close(ended)
		started, err := operator.Start(ctx, operator.Options{
			Binary: binary, Cluster: plane, Kubeconfig: between.Kubeconfig, SMTPAddr: inbox.SMTPAddr(), PortalAddress: portalAddress, Log: log,
			Args: append([]string{"--leader-elect", "--metrics-bind-address=" + metrics, "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"}, args...),
		})
		Expect(err).NotTo(HaveOccurred())
		ended <- started
		ready <- part{started, between, metrics}
	}()
	DeferCleanup(func() {
		if started := <-ended; started != nil {
			Expect(started.Stop()).To(Succeed())
		}
	})
	return ready
}

// own is a cluster for specs whose operators must be the only ones.
func own() {
	GinkgoHelper()
	sharedPlane, sharedAPI, sharedOperator, sharedProxy, sharedAddress := plane, api, running, proxy, portalAddress
	DeferCleanup(func() {
		plane, api, running, proxy, portalAddress = sharedPlane, sharedAPI, sharedOperator, sharedProxy, sharedAddress
	})
	startCluster(cluster.Options{})
	var err error
	portalAddress, err = operator.FreeAddress()
	Expect(err).NotTo(HaveOccurred())
}

// first makes the next operator that starts the first one: what others made when they started is gone.
func first() {
	GinkgoHelper()
	for _, made := range []client.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator-keys"}},
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator"}},
		mark(),
	} {
		Expect(client.IgnoreNotFound(api.Delete(ctx, made))).To(Succeed())
	}
}

// bind lets an account into a namespace, with the ClusterRole of its name.
func bind(ns, account string) {
	GinkgoHelper()
	create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: account},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: account},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: operatorNamespace, Name: account}},
	})
}

// apart makes the accounts of the parts, with rights in no namespace but their own.
func apart() {
	GinkgoHelper()
	for _, name := range []string{"controllers", "portal"} {
		kubectl("apply", "-k", "../../config/rbac/"+name)
		kubectl("delete", "clusterrolebinding", "partner-operator-"+name)
		DeferCleanup(kubectl, "delete", "-k", "../../config/rbac/"+name, "--ignore-not-found")
	}
}

var _ = Describe("in a cluster of its own", Ordered, ContinueOnFailure, func() {
	BeforeAll(own)
	BeforeEach(first)
	Describe("the operator's rights", rights)
	Describe("the parts of the operator", parts)
	Describe("an operator of some namespaces", someNamespaces)
})

// parts are the specs of --components.
func parts() {
	It("run apart: the portal waits for the signing keys, and asks for mail that the controllers send", func() {
		apart()
		ns := newTenant()
		bind(ns, "partner-operator-controllers")
		bind(ns, "partner-operator-portal")
		said := gbytes.NewBuffer()
		ready := launchPart("partner-operator-portal", said, "--components=portal", "--namespaces="+ns)
		Eventually(said, soon, often).Should(gbytes.Say("there are no signing keys in Secret partner-operator-system/partner-operator-keys yet; the controllers make them"))
		Consistently(ready, quiet).ShouldNot(Receive(), "it is ready without the keys")
		controllers := startPart("partner-operator-controllers", logFile(), "--components=controllers", "--namespaces="+ns)
		var portal part
		Eventually(ready, soon, often).Should(Receive(&portal))
		running = portal.Operator
		accepted(ns, "ada", grant("referral", ""))

		Expect(controllers.Stop()).To(Succeed())
		Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn), quiet).Should(BeZero(), "the portal alone sends no mail")
		startPart("partner-operator-controllers", logFile(), "--components=controllers", "--namespaces="+ns)
		Expect(post(somebody(), linkTo(address(ns, "ada"), v1alpha1.MailSignIn), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
	})

	It("serve no pages without the portal", func() {
		of := startPart("partner-operator", logFile(), "--components=controllers")
		_, err := somebody().Get(ctx, of.Portal+"/t/acme/login")
		Expect(err).To(MatchError(ContainSubstring("connection refused")))
	})
}

// someNamespaces are the specs of --namespaces.
func someNamespaces() {
	It("answers for any other as for one that does not exist", func() {
		ours, theirs := newTenant(), newTenant()
		for _, ns := range []string{ours, theirs} {
			change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Links.Destination = startPage })
			create(partner(ns, "ada", "referral"))
			create(partnerLink(ns, "summer", "ada"))
			create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "partner-brand"}, Data: map[string]string{"displayName": "Secret Sauce"}})
		}
		running = startPart("partner-operator", logFile(), "--namespaces="+ours).Operator
		Eventually(leadsTo(ours, "summer"), soon, often).Should(Equal(startOf("summer")))
		Expect(open(tenantURL(ours, "login"))().Wants(http.StatusOK, "Secret Sauce")).To(Succeed())
		for _, path := range []string{"/t/NS/login", "/t/NS/", "/t/NS/teams/agency", "/t/NS/signin/AQ", "/t/NS/join/gold/AQ", "/r/NS/summer", "/r/NS/winter"} {
			of := func(ns string) string {
				got := open(running.Portal + strings.ReplaceAll(path, "NS", ns))()
				Expect(got.Code).To(Equal(http.StatusNotFound), path)
				Expect(got.Body).NotTo(ContainSubstring("Secret Sauce"))
				return strings.ReplaceAll(got.Body, ns, "NS")
			}
			Expect(of(theirs)).To(Equal(of("nobody-at-all")), path)
		}
		Expect(post(somebody(), tenantURL(theirs, "login"), "email", address(theirs, "ada")).Code).To(Equal(http.StatusNotFound))
		Consistently(func() []metav1.Condition { return reread(program(theirs, "referral", "", "")).Status.Conditions }, quiet).Should(BeEmpty())
		Expect(mailsTo(address(theirs, "ada"), v1alpha1.MailSignIn)()).To(BeZero())
	})

	It("says into which it is not let, and starts when it is", func() {
		kubectl("apply", "-k", "../../config/rbac")
		kubectl("delete", "clusterrolebinding", "partner-operator")
		DeferCleanup(kubectl, "apply", "-k", "../../config/rbac")
		ns, later := newTenant(), "later-"+newTenant()
		bind(ns, "partner-operator")
		said := gbytes.NewBuffer()
		ready := launchPart("partner-operator", said, "--namespaces="+ns+","+later)
		Eventually(said, soon, often).Should(gbytes.Say(`cannot \w+ resource .* in the namespace \W+` + later))
		Consistently(ready, quiet).ShouldNot(Receive(), "it is ready without having seen all")
		create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: later}})
		bind(later, "partner-operator")
		var of part
		Eventually(ready, 2*soon, often).Should(Receive(&of))
		running = of.Operator
		accepted(ns, "ada", grant("referral", ""))
		create(program(later, "referral", "Acme Referral", ""))
		accepted(later, "ada", grant("referral", ""))
	})
}
