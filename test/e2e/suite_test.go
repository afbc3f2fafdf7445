// Package e2e runs the operator's binary against a real API server, a real SMTP conversation and real HTTP. The
// operator has the rights of its ServiceAccount and nothing more, and reaches the API server through a proxy that
// counts its requests and can break them.
package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

const (
	// soon is how long something may take that happens at once, on a busy machine.
	soon = 30 * time.Second
	// often is how often it is looked at.
	often = 20 * time.Millisecond
	// quiet is how long nothing has to happen until it is believed that nothing does.
	quiet = 700 * time.Millisecond
	// counted is how long after a change the counts of programs and groups are written at the latest.
	counted = 4 * time.Second

	operatorNamespace = "partner-operator-system"
)

// binary is the operator that is tested; OPERATOR names another build of it.
var binary = cmp.Or(os.Getenv("OPERATOR"), "../../bin/partner-operator")

var (
	ctx   = context.Background()
	plane *cluster.Cluster
	api   client.Client
	inbox *mailcatcher.Catcher
	proxy *apiproxy.Proxy
	// running is the operator that the specs share.
	running *operator.Operator
	// portalAddress stays the same when the operator starts again, so that links do.
	portalAddress string
)

func TestE2E(t *testing.T) {
	log.SetLogger(logr.Discard())
	RegisterFailHandler(Fail)
	RunSpecs(t, "operator")
}

var _ = BeforeSuite(func() {
	startCluster(cluster.Options{ControllerManager: true})
	var err error
	inbox, err = mailcatcher.Start(mailcatcher.Options{})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(inbox.Close)
	proxy, err = apiproxy.Start(operatorAccount())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(proxy.Close)
	proxies = []*apiproxy.Proxy{proxy}

	portalAddress, err = operator.FreeAddress()
	Expect(err).NotTo(HaveOccurred())
	startOperator()
	DeferCleanup(func() { Expect(running.Stop()).To(Succeed()) })
})

// operatorAccount is how the operator reaches the API server.
func operatorAccount() *rest.Config {
	GinkgoHelper()
	config, _, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "partner-operator")
	Expect(err).NotTo(HaveOccurred())
	return config
}

// startCluster starts a control plane with the kinds and the operator's account, which the specs use from now on.
func startCluster(o cluster.Options) {
	GinkgoHelper()
	o.CRDs = []string{"../../config/crd/bases"}
	started, err := cluster.Start(ctx, o)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(started.Stop()).To(Succeed()) })
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	plane = started
	api, err = client.New(plane.Config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	kubectl("apply", "-k", "../../config/namespace")
	kubectl("apply", "-k", "../../config/rbac")
}

// Whatever the specs did, the operator asked for nothing that it may never do.
var _ = AfterSuite(func() {
	if proxy == nil {
		return // the suite did not start
	}
	used := proxy.Used()
	denied := slices.DeleteFunc(proxy.Denied(), func(r apiproxy.Right) bool {
		return slices.ContainsFunc(used, func(u apiproxy.Right) bool { return u.Verb == r.Verb && u.Group == r.Group && u.Resource == r.Resource })
	})
	Expect(denied).To(BeEmpty(), "used and not granted")
})

// startOperator runs the operator, with every request logged that it makes a word about.
func startOperator(args ...string) {
	GinkgoHelper()
	var err error
	running, err = operator.Start(ctx, operator.Options{
		Binary:     binary,
		Cluster:    plane,
		Kubeconfig: proxy.Kubeconfig,
		SMTPAddr:   inbox.SMTPAddr(),

		PortalAddress: portalAddress,
		Args:          append([]string{"--zap-log-level=debug", "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"}, args...),
		Log:           logFile(),
	})
	Expect(err).NotTo(HaveOccurred())
}

// startReplica runs a second operator, which answers at an address of its own, until the spec ends. As replicas do, it
// writes the public address of the first into links.
func startReplica() *operator.Operator {
	GinkgoHelper()
	second, err := operator.Start(ctx, operator.Options{
		Binary: binary, Cluster: plane, Kubeconfig: proxy.Kubeconfig, SMTPAddr: inbox.SMTPAddr(),
		Args: []string{"--portal-url=" + running.Portal, "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"},
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(second.Stop()).To(Succeed()) })
	return second
}

// logFile keeps the log where E2E_LOG says, to be read after a failure.
func logFile() *os.File {
	path := os.Getenv("E2E_LOG")
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	Expect(err).NotTo(HaveOccurred())
	return file
}

func kubectl(args ...string) string {
	GinkgoHelper()
	out, err := plane.Kubectl(ctx, args...).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "kubectl %v: %s", args, out)
	return string(out)
}

var tenants int

// newTenant makes a namespace of its own for a spec, with the program "referral" that has the groups "standard", by
// default, and "gold".
func newTenant() string {
	GinkgoHelper()
	tenants++
	ns := fmt.Sprintf("tenant-%d-%d", GinkgoParallelProcess(), tenants)
	create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	create(program(ns, "referral", "Acme Referral", "standard"))
	create(group(ns, "standard", "referral"))
	create(group(ns, "gold", "referral"))
	return ns
}

func create(object client.Object) {
	GinkgoHelper()
	Expect(api.Create(ctx, object)).To(Succeed())
}

func program(ns, name, displayName, defaultGroup string) *v1alpha1.Program {
	p := &v1alpha1.Program{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       v1alpha1.ProgramSpec{DisplayName: v1alpha1.LineOfText(displayName)},
	}
	if defaultGroup != "" {
		p.Spec.DefaultGroupRef = &v1alpha1.GroupReference{Name: defaultGroup}
	}
	return p
}

func group(ns, name, program string) *v1alpha1.PartnerGroup {
	return &v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: program}, DisplayName: v1alpha1.LineOfText("Group " + name)},
	}
}

// invite invites name@NAMESPACE.example, an address that no other spec uses.
func invite(ns, name string, grants ...v1alpha1.ProgramGrant) *v1alpha1.PartnerInvite {
	return &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: v1alpha1.PartnerInviteSpec{
			Contact:  v1alpha1.Contact{Email: v1alpha1.EmailAddress(address(ns, name)), FirstName: "Ada"},
			Programs: grants,
		},
	}
}

func address(ns, name string) string { return name + "@" + ns + ".example" }

func partner(ns, name, program string) *v1alpha1.Partnership {
	return &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: program},
			Contact:    &v1alpha1.Contact{Email: v1alpha1.EmailAddress(address(ns, name))},
		},
	}
}

func grant(program, group string) v1alpha1.ProgramGrant {
	g := v1alpha1.ProgramGrant{Name: program}
	if group != "" {
		g.GroupRef = &v1alpha1.GroupReference{Name: group}
	}
	return g
}

// reread brings an object up to date.
func reread[T client.Object](object T) T {
	GinkgoHelper()
	Expect(api.Get(ctx, client.ObjectKeyFromObject(object), object)).To(Succeed())
	return object
}

func stateOf(i *v1alpha1.PartnerInvite) func() v1alpha1.InviteState {
	return func() v1alpha1.InviteState { return reread(i).Status.State }
}

func partnershipState(p *v1alpha1.Partnership) func() v1alpha1.PartnershipState {
	return func() v1alpha1.PartnershipState { return reread(p).Status.State }
}

// change patches an object, as kubectl patch --type=merge does.
func change[T client.Object](object T, mutate func(T)) {
	GinkgoHelper()
	reread(object)
	before := object.DeepCopyObject().(T)
	mutate(object)
	Expect(api.Patch(ctx, object, client.MergeFrom(before))).To(Succeed())
}

// mailsTo counts the mails of a kind to an address.
func mailsTo(address string, kind v1alpha1.MailKind) func() int {
	return func() int { return len(mailsOf(address, kind)) }
}

func mailsOf(address string, kind v1alpha1.MailKind) []mailcatcher.Message {
	var found []mailcatcher.Message
	for _, mail := range inbox.MessagesTo(address) {
		if mail.Kind == string(kind) {
			found = append(found, mail)
		}
	}
	return found
}

// linkTo is the link in the newest mail of a kind to an address.
func linkTo(address string, kind v1alpha1.MailKind) string {
	GinkgoHelper()
	Eventually(mailsTo(address, kind), soon, often).Should(BeNumerically(">", 0), "no %s mail to %s", kind, address)
	mails := mailsOf(address, kind)
	links := mails[len(mails)-1].Links
	Expect(links).To(HaveLen(1))
	return links[0]
}
