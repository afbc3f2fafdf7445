package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	answers "github.com/partner-operator/partner-operator/internal/invite"
)

// rights are the specs of what the operator may do.
func rights() {
	BeforeEach(func() {
		// An API server may stream what there is, or let it be listed. Both have to be allowed; the other specs stream.
		GinkgoT().Setenv("KUBE_FEATURE_WatchListClient", "false")
	})

	It("are what it uses, as one process in the whole cluster", func() {
		ns, other := newTenant(), newReceiver()
		of := startPart("partner-operator", logFile(), "--events-url="+other.url())
		running = of.Operator
		walkEverything(ns, "partner-operator", of, of)
		delivered(other)
		expectRights("partner-operator", ns, of)
	})

	It("are what each part uses, in the namespaces that it is let into", func() {
		apart()
		ns, more, other := newTenant(), newTenant(), newReceiver()
		for _, account := range []string{"partner-operator-controllers", "partner-operator-portal"} {
			bind(ns, account)
			bind(more, account)
		}
		controllers := startPart("partner-operator-controllers", logFile(), "--components=controllers", "--namespaces="+ns+","+more, "--events-url="+other.url())
		portal := startPart("partner-operator-portal", logFile(), "--components=portal", "--namespaces="+ns+","+more)
		running = portal.Operator
		walkEverything(ns, "partner-operator-controllers", controllers, portal)
		delivered(other)
		expectRights("partner-operator-controllers", ns, controllers)
		expectRights("partner-operator-portal", ns, portal)
	})

	DescribeTable("reach no Secret of others", func(account string) {
		if account != "partner-operator" {
			apart()
			kubectl("create", "clusterrolebinding", account, "--clusterrole="+account, "--serviceaccount="+operatorNamespace+":"+account)
		}
		ns := newTenant()
		theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "theirs"}, StringData: map[string]string{"password": "s3cret"}}
		create(theirs)
		access, _, err := plane.ServiceAccountConfig(ctx, operatorNamespace, account)
		Expect(err).NotTo(HaveOccurred())
		as, err := client.NewWithWatch(access, client.Options{})
		Expect(err).NotTo(HaveOccurred())
		for how, read := range map[string]func() error{
			"get":        func() error { return as.Get(ctx, client.ObjectKeyFromObject(theirs), &corev1.Secret{}) },
			"list":       func() error { return as.List(ctx, &corev1.SecretList{}) },
			"list there": func() error { return as.List(ctx, &corev1.SecretList{}, client.InNamespace(ns)) },
			"list here":  func() error { return as.List(ctx, &corev1.SecretList{}, client.InNamespace(operatorNamespace)) },
			"create":     func() error { return as.Create(ctx, linkSecretIn(ns)) },
			"update":     func() error { return as.Update(ctx, theirs.DeepCopy()) },
			"watch":      func() error { _, err := as.Watch(ctx, &corev1.SecretList{}); return err },
			"patch": func() error { // its answer would be the Secret
				return as.Patch(ctx, theirs.DeepCopy(), client.RawPatch(types.MergePatchType, []byte("{}")))
			},
		} {
			Expect(read()).To(MatchError(ContainSubstring("forbidden")), how)
		}
		user := "--as=system:serviceaccount:" + operatorNamespace + ":" + account
		said, err := plane.Kubectl(ctx, "auth", "can-i", "list", "secrets", "-A", user).Output()
		Expect(err).To(HaveOccurred())
		Expect(strings.TrimSpace(string(said))).To(Equal("no"))
	},
		Entry("as one process", "partner-operator"),
		Entry("as the controllers", "partner-operator-controllers"),
		Entry("as the portal", "partner-operator-portal"),
	)
}

// linkSecretIn is a Secret as the operator makes them for links.
func linkSecretIn(ns string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "new"}, Type: "partner-operator.io/link"}
}

// walkEverything does what takes every right that the parts have, in a tenant of its own. The account is the one that mails. A step that is there for a
// right alone says which.
func walkEverything(ns, account string, controllers, portal part) {
	GinkgoHelper()
	m := meddle(controllers.proxy)
	defer controllers.proxy.Break(nil)
	By("inviting a partner, under a brand, who gets a default link whose name somebody takes at the last moment")
	create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "partner-brand"}, Data: map[string]string{
		"displayName": "Acme & Sons", "mailFrom": "partners@sons.example", // get namespaces
	}})
	change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) {
		p.Spec.Links.Destination, p.Spec.Invites.ResendCooldown = startPage, "0"
	})
	change(group(ns, "standard", "referral"), func(g *v1alpha1.PartnerGroup) { g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: ""}} })
	taken := m.takeName(ns)
	ada, p := accepted(ns, "ada", grant("referral", ""))
	Eventually(taken, soon, often).Should(BeTrue(), "get partnerlinks")
	Eventually(linkState(partnerLink(ns, p.Name, p.Name)), soon, often).Should(Equal(v1alpha1.LinkActive))
	Expect(get(ada, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "Acme &amp; Sons")).To(Succeed())

	By("making, following and deleting a link")
	name := "summer-" + ns
	Expect(post(ada, tenantURL(ns, "links"), "partnership", p.Name, "name", name).Code).To(Equal(http.StatusSeeOther))
	Eventually(leadsTo(ns, name), soon, often).Should(ContainSubstring(name))
	Expect(post(ada, tenantURL(ns, "links/"+name+"/delete")).Code).To(Equal(http.StatusSeeOther))
	Eventually(leadsTo(ns, name), soon, often).Should(Equal(nowhere))

	By("signing out and in, while somebody changes the partnership between the mail and its record")
	Expect(post(ada, tenantURL(ns, "signout")).Code).To(Equal(http.StatusSeeOther))
	contested := m.contest(p, "partnerships", func() bool { return mailsTo(address(ns, "ada"), v1alpha1.MailSignIn)() > 0 })
	Expect(post(ada, tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
	Eventually(contested, soon, often).Should(BeTrue(), "get partnerships")
	Expect(post(ada, linkTo(address(ns, "ada"), v1alpha1.MailSignIn)).Code).To(Equal(http.StatusSeeOther))
	Eventually(marks(ns), soon, often).Should(Equal(1), "create configmaps")

	By("forgetting a program that is deleted")
	create(program(ns, "short", "Short-lived", ""))
	create(partner(ns, "ada-short", "short"))
	Eventually(marks(ns), soon, often).Should(Equal(2))
	Expect(api.Delete(ctx, program(ns, "short", "", ""))).To(Succeed())
	Eventually(marks(ns), soon, often).Should(Equal(1), "delete configmaps")

	By("revoking")
	change(p, func(p *v1alpha1.Partnership) {
		p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
	})
	Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked), soon, often).Should(Equal(1))
	Expect(get(ada, tenantURL(ns, "")).Code).To(Equal(http.StatusSeeOther))

	walkJoining(ns, m)
	walkTeam(ns)
	letLinks(ns, account)
	walkInvites(ns, m)
	expectMetrics(controllers)
	if portal != controllers {
		expectMetrics(portal)
	}
}

// walkJoining lets somebody join by the link of a group, while others change the group between a mail and its record.
func walkJoining(ns string, m *meddler) {
	GinkgoHelper()
	By("joining by a link")
	url := joinLink(ns, v1alpha1.GroupJoin{})
	carl := address(ns, "carl")
	contested := m.contest(group(ns, "gold", "referral"), "partnergroups", func() bool { return mailsTo(carl, v1alpha1.MailVerifyAddress)() > 0 })
	apply := verified(url, carl)
	Eventually(contested, soon, often).Should(BeTrue(), "get partnergroups")
	Expect(post(somebody(), apply).Code).To(Equal(http.StatusSeeOther))
	Eventually(partnershipState(applicationOf(ns, "carl")), soon, often).Should(Equal(v1alpha1.PartnershipPending))
	Eventually(marks(ns), soon, often).Should(Equal(2), "patch configmaps")
}

// walkTeam founds a team, and invites a teammate.
func walkTeam(ns string) {
	GinkgoHelper()
	By("founding a team and inviting a teammate")
	i := invite(ns, "owner", grant("referral", "gold"))
	i.Spec.Team = &v1alpha1.NewTeam{Name: "agency", DisplayName: "Agency GmbH"}
	create(i)
	olga := somebody()
	Expect(post(olga, linkTo(address(ns, "owner"), v1alpha1.MailTeamInvite)+"/accept", "email", address(ns, "owner")).Location).To(Equal(tenantURL(ns, "")))
	bob := join(olga, ns, "bob", v1alpha1.RoleMember)
	Expect(get(bob, tenantURL(ns, "")).Wants(http.StatusOK, "Agency GmbH")).To(Succeed())
	create(teammates(ns, "more", "hans", "ida")) // two of a kind at once
	Eventually(eventReasons(reread(teamNamed(ns, "agency"))), soon, often).Should(ContainElement("MemberAwaitingApproval"))
}

// walkInvites makes invites of the other kinds, and leaves two half answered, as a portal does that dies then.
func walkInvites(ns string, m *meddler) {
	GinkgoHelper()
	By("inviting by a link in a Secret, and again")
	byLink := invite(ns, "dora", grant("referral", ""))
	byLink.Spec.Delivery = v1alpha1.DeliveryLink
	create(byLink)
	Eventually(stateOf(byLink), soon, often).Should(Equal(v1alpha1.InviteSent))
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "dora-link"}}
	first := string(reread(secret).Data["url"])
	askResend(byLink, "now")
	Eventually(func() string { return string(reread(secret).Data["url"]) }, soon, often).ShouldNot(Equal(first), "update secrets")

	By("inviting by a partnership")
	sent := partner(ns, "emil", "referral")
	sent.Spec.Source, sent.Spec.Invitation = v1alpha1.SourceImport, v1alpha1.InvitationSend
	create(sent)
	linkTo(address(ns, "emil"), v1alpha1.MailInvite)

	By("finishing what a portal that died began, while somebody changes the invite")
	half := invite(ns, "finn", grant("referral", ""))
	create(half)
	team := invite(ns, "greta", grant("referral", ""))
	team.Spec.Team = &v1alpha1.NewTeam{Name: "studio", DisplayName: "Studio GmbH"}
	create(team)
	for _, each := range []*v1alpha1.PartnerInvite{half, team} {
		Eventually(stateOf(each), soon, often).Should(Equal(v1alpha1.InviteSent))
		contested := m.contest(each, "partnerinvites", func() bool { return true })
		answers.Answer(&each.Status, v1alpha1.DecisionAccepted, nil, time.Now())
		Expect(api.Status().Update(ctx, each)).To(Succeed())
		Eventually(func() []v1alpha1.PartnershipReference { return reread(each).Status.PartnershipRefs }, soon, often).Should(HaveLen(1), "create partnerships, create partnerteams")
		Eventually(contested, soon, often).Should(BeTrue(), "get partnerinvites")
	}
}

// marks counts who is remembered as a partner in a namespace.
func marks(ns string) func() int {
	return func() int {
		count := 0
		for _, page := range tombstones(ns)() {
			count += len(page.Data)
		}
		return count
	}
}

// expectMetrics reads the metrics of a part as somebody who may, and as somebody who may not.
func expectMetrics(of part) {
	GinkgoHelper()
	kubectl("create", "clusterrolebinding", "prometheus", "--clusterrole=partner-operator-metrics-reader", "--serviceaccount="+operatorNamespace+":prometheus")
	defer kubectl("delete", "clusterrolebinding", "prometheus")
	for name, want := range map[string]int{"prometheus": http.StatusOK, "stranger": http.StatusForbidden} {
		kubectl("create", "serviceaccount", name, "-n", operatorNamespace)
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name}}
		var request authenticationv1.TokenRequest
		Expect(api.SubResource("token").Create(ctx, account, &request)).To(Succeed())
		insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		asked, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+of.metrics+"/metrics", nil)
		Expect(err).NotTo(HaveOccurred())
		asked.Header.Set("Authorization", "Bearer "+request.Status.Token)
		response, err := insecure.Do(asked)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
		Expect(response.StatusCode).To(Equal(want), name)
		Expect(api.Delete(ctx, account)).To(Succeed())
	}
}

// meddler changes objects at the moment at which the operator is about to write.
type meddler struct {
	between *apiproxy.Proxy
	mutex   sync.Mutex
	plans   []func(*http.Request) bool // each is dropped when it is true
}

func meddle(between *apiproxy.Proxy) *meddler {
	m := &meddler{between: between}
	between.Break(func(r *http.Request) apiproxy.Fault {
		defer GinkgoRecover()
		m.mutex.Lock()
		defer m.mutex.Unlock()
		m.plans = slices.DeleteFunc(m.plans, func(plan func(*http.Request) bool) bool { return plan(r) })
		return apiproxy.None
	})
	return m
}

// plan carries something out at the first request for which it is true, and tells whether that was.
func (m *meddler) plan(now func(*http.Request) bool) (done func() bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	happened := false
	m.plans = append(m.plans, func(r *http.Request) bool {
		happened = now(r)
		return happened
	})
	return func() bool {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		return happened
	}
}

// contest changes an object right before each write of its status, from when something is so until the operator has
// looked at the object anew, as it does after a conflict.
func (m *meddler) contest(object client.Object, resource string, when func() bool) (done func() bool) {
	suffix := fmt.Sprintf("/namespaces/%s/%s/%s/status", object.GetNamespace(), resource, object.GetName())
	object = object.DeepCopyObject().(client.Object)
	look := apiproxy.Right{Verb: "get", Group: v1alpha1.GroupVersion.Group, Resource: resource, Namespace: object.GetNamespace(), Name: object.GetName()}
	times := 0
	return m.plan(func(r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, suffix) || !when() {
			return false
		}
		if slices.Contains(m.between.Used(), look) {
			return true
		}
		times++
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{"contested":"%d"}}}`, times)
		Expect(api.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch))).To(Succeed())
		return false
	})
}

// takeName makes the next link that the operator is about to make.
func (m *meddler) takeName(ns string) (done func() bool) {
	return m.plan(func(r *http.Request) bool {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/namespaces/"+ns+"/partnerlinks") {
			return false
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return false
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		var link v1alpha1.PartnerLink
		return json.Unmarshal(body, &link) == nil && api.Create(context.WithoutCancel(r.Context()), &link) == nil
	})
}

// expectRights compares what a part did in its tenant, in its own namespace and in the whole cluster with what the roles
// of its account let it do.
func expectRights(account, tenant string, of part) {
	GinkgoHelper()
	var inTenants, inCluster, links rbacv1.ClusterRole
	Expect(api.Get(ctx, client.ObjectKey{Name: "partner-operator-links"}, &links)).To(Succeed())
	if account == "partner-operator-portal" { // it makes no links for invites
		links.Rules = nil
	}
	var inOwn rbacv1.Role
	Expect(api.Get(ctx, client.ObjectKey{Name: account}, &inTenants)).To(Succeed())
	Expect(api.Get(ctx, client.ObjectKey{Name: "partner-operator-metrics"}, &inCluster)).To(Succeed())
	Expect(api.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: account}, &inOwn)).To(Succeed())
	used := of.proxy.Used()
	notUsed := slices.Concat(
		unused("ClusterRole "+account, inTenants.Rules, used, "", tenant),
		unused("ClusterRole partner-operator-links", links.Rules, used, tenant),
		unused("ClusterRole partner-operator-metrics", inCluster.Rules, used, ""),
		unused("Role "+account, inOwn.Rules, used, operatorNamespace),
	)
	Expect(notUsed).To(BeEmpty(), "granted and not used")
	Expect(of.proxy.Denied()).To(BeEmpty(), "used and not granted")
}

// unused are the rights of a role that nobody used in some namespaces, each as one line.
func unused(role string, rules []rbacv1.PolicyRule, used []apiproxy.Right, namespaces ...string) (found []string) {
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range rule.Verbs {
			if verb == "invite" || verb == "approve" {
				continue // asked for by the policies, in no request of the operator: test/access needs them
			}
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, name := range names {
						if !slices.ContainsFunc(used, func(r apiproxy.Right) bool {
							return r.Verb == verb && r.Group == group && r.Resource == resource && (name == "" || r.Name == name) && slices.Contains(namespaces, r.Namespace)
						}) {
							found = append(found, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", role, verb, strings.TrimSuffix(resource+"."+group, "."), name)))
						}
					}
				}
			}
		}
	}
	return found
}
