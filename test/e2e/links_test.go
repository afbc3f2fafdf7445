package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// linkingTenant is a tenant whose program has a destination.
func linkingTenant() string {
	GinkgoHelper()
	ns := newTenant()
	change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Links.Destination = "https://acme.example/start?lang=en#top" })
	return ns
}

func partnerLink(ns, name, partnership string) *v1alpha1.PartnerLink {
	return &v1alpha1.PartnerLink{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: partnership}},
	}
}

func linkState(l *v1alpha1.PartnerLink) func() v1alpha1.LinkState {
	return func() v1alpha1.LinkState { return reread(l).Status.State }
}

func shareURL(ns, name string) string { return running.Portal + "/r/" + ns + "/" + name }

// leadsTo is where a shared link leads, with the code of the answer if that is no redirect.
func leadsTo(ns, name string) func() string {
	return func() string {
		got := open(shareURL(ns, name))()
		if got.Code != http.StatusFound {
			return http.StatusText(got.Code)
		}
		return got.Location
	}
}

const (
	startPage = "https://acme.example/start?lang=en#top"
	nowhere   = "Not Found"
)

func startOf(name string) string { return "https://acme.example/start?lang=en&ref=" + name + "#top" }

var _ = Describe("a shared link", Label("portal"), func() {
	It("is declared, waits for its partnership, follows its program live, and is killed by deleting it", func() {
		ns := linkingTenant()
		l := partnerLink(ns, "ada-summer", "ada")
		create(l)
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkDeactivated))
		Expect(leadsTo(ns, "ada-summer")()).To(Equal(nowhere))
		create(partner(ns, "ada", "referral"))
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		Expect(reread(l).Status.URL).To(Equal(shareURL(ns, "ada-summer")))
		Expect(leadsTo(ns, "ada-summer")()).To(Equal(startOf("ada-summer")))

		before := reread(l).ResourceVersion
		for range 20 {
			open(shareURL(ns, "ada-summer"))()
		}
		Expect(reread(l).ResourceVersion).To(Equal(before), "a click writes nothing")

		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Links.Destination = "https://acme.example/next" })
		Eventually(leadsTo(ns, "ada-summer"), soon, often).Should(Equal("https://acme.example/next?ref=ada-summer"))
		change(group(ns, "standard", ""), func(g *v1alpha1.PartnerGroup) { g.Spec.Links.Destination = "https://standard.example/" })
		Eventually(leadsTo(ns, "ada-summer"), soon, often).Should(Equal("https://standard.example/?ref=ada-summer"))
		Eventually(func() string { return reread(l).Status.Destination }, soon, often).Should(Equal("https://standard.example/"))

		other := linkingTenant()
		Expect(leadsTo(other, "ada-summer")()).To(Equal(nowhere), "a name counts in its namespace alone")
		Expect(api.Delete(ctx, l)).To(Succeed())
		Eventually(leadsTo(ns, "ada-summer"), soon, often).Should(Equal(nowhere))
	})

	DescribeTable("does what a revocation says, and comes back with the partner", func(links v1alpha1.LinkEffect, state v1alpha1.LinkState, leads string) {
		ns := linkingTenant()
		p, l := partner(ns, "ada", "referral"), partnerLink(ns, "summer", "ada")
		create(p)
		create(l)
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		change(p, func(p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Notify: new(bool), Links: links}
		})
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(leads))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		Eventually(linkState(l), soon, often).Should(Equal(state))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(startOf("summer")))
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
	},
		Entry("Keep", v1alpha1.LinkKeep, v1alpha1.LinkActive, startOf("summer")),
		Entry("Redirect", v1alpha1.LinkRedirect, v1alpha1.LinkUnattributed, startPage),
		Entry("Deactivate", v1alpha1.LinkDeactivate, v1alpha1.LinkDeactivated, nowhere),
	)

	DescribeTable("does what the partnership said about its removal", func(links v1alpha1.LinkEffect, state v1alpha1.LinkState, leads string) {
		ns := linkingTenant()
		p, l := partner(ns, "ada", "referral"), partnerLink(ns, "summer", "ada")
		p.Spec.OnRemoval.Links = links
		create(p)
		create(l)
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		Expect(api.Delete(ctx, p)).To(Succeed())
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(leads))
		Eventually(func() string {
			for _, c := range reread(l).Status.Conditions {
				if c.Type == v1alpha1.ConditionResolvedRefs {
					return c.Reason
				}
			}
			return ""
		}, soon, often).Should(Equal(v1alpha1.ReasonPartnershipNotFound))
		Expect(linkState(l)()).To(Equal(state))
	},
		Entry("Keep", v1alpha1.LinkKeep, v1alpha1.LinkActive, startOf("summer")),
		Entry("Redirect", v1alpha1.LinkRedirect, v1alpha1.LinkUnattributed, startPage),
		Entry("Deactivate", v1alpha1.LinkDeactivate, v1alpha1.LinkDeactivated, nowhere),
	)

	It("leads on and counts for nobody while its program is suspended or gone", func() {
		ns := linkingTenant()
		l := partnerLink(ns, "summer", "ada")
		create(partner(ns, "ada", "referral"))
		create(l)
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		p := program(ns, "referral", "", "")
		change(p, func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(startPage))
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkUnattributed))
		change(p, func(p *v1alpha1.Program) { p.Spec.Suspend = false })
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		Expect(api.Delete(ctx, p)).To(Succeed())
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(startPage))
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkUnattributed))
	})

	It("is made by a group for each partner, once", func() {
		ns := linkingTenant()
		change(group(ns, "gold", ""), func(g *v1alpha1.PartnerGroup) {
			g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: ""}, {Suffix: "shop", Destination: "https://acme.example/shop"}}
		})
		create(partnerLink(ns, "ada-shop", "somebody-else"))
		p := partner(ns, "ada", "referral")
		p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
		create(p)
		Eventually(leadsTo(ns, "ada"), soon, often).Should(Equal(startOf("ada")))
		var links v1alpha1.PartnerLinkList
		of := func() []string {
			Expect(api.List(ctx, &links, client.InNamespace(ns), client.MatchingFields{"spec.partnershipRef.name": "ada"})).To(Succeed())
			var names []string
			for _, l := range links.Items {
				names = append(names, l.Name)
			}
			return names
		}
		Eventually(of, soon, often).Should(HaveLen(2))
		Expect(of()).To(ConsistOf("ada", HavePrefix("ada-shop-")), "a name that is somebody else's is left to them")

		Eventually(func() []string { return reread(p).Status.DefaultLinks }, soon, often).Should(ConsistOf("", "shop"))
		Expect(api.Delete(ctx, partnerLink(ns, "ada", ""))).To(Succeed())
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Stage = "Prospect" })
		Eventually(func() int64 { return reread(p).Status.ObservedGeneration }, soon, often).Should(Equal(p.Generation))
		Consistently(of, quiet, often).Should(HaveLen(1), "one that was deleted stays so")
	})
})

var _ = Describe("the default links of a team", Label("portal"), func() {
	It("are made for each person once, whoever leaves and comes back", func() {
		ns := linkingTenant()
		change(group(ns, "standard", ""), func(g *v1alpha1.PartnerGroup) {
			g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start"}, {Suffix: "all", Per: v1alpha1.DefaultLinkPerTeam}}
		})
		t := declaredTeam(ns)
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"}}
		of := func() map[string]int {
			var links v1alpha1.PartnerLinkList
			Expect(api.List(ctx, &links, client.InNamespace(ns))).To(Succeed())
			counts := map[string]int{}
			for _, l := range links.Items {
				who := ""
				if l.Spec.Member != nil {
					who = string(l.Spec.Member.Email)
				}
				counts[who]++
				Expect(l.Name).NotTo(Or(ContainSubstring("owner"), ContainSubstring("bob")))
			}
			return counts
		}
		olga, bob := string(t.Spec.Owner.Email), address(ns, "bob")
		Eventually(of, soon, often).Should(Equal(map[string]int{"": 1, olga: 1}))
		owner := signedIn(ns, "owner")
		person := join(owner, ns, "bob", v1alpha1.RoleMember)
		Eventually(of, soon, often).Should(Equal(map[string]int{"": 1, olga: 1, bob: 1}))
		Expect(post(person, teamURL(ns, "/leave")).Code).To(Equal(http.StatusSeeOther))
		Eventually(memberState(t, "bob"), soon, often).Should(ContainSubstring(string(v1alpha1.MemberRemoved)))
		join(owner, ns, "bob", v1alpha1.RoleMember)
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Stage = "Gold" })
		Eventually(func() int64 { return reread(p).Status.ObservedGeneration }, soon, often).Should(Equal(p.Generation))
		Expect(of()).To(Equal(map[string]int{"": 1, olga: 1, bob: 1}))
		Expect(reread(p).Status.MemberLinks).To(HaveLen(2))
	})
})

// removedAs tells, from the status of a link, what it does since its partnership was removed.
func removedAs(l *v1alpha1.PartnerLink) func() v1alpha1.LinkState {
	return func() v1alpha1.LinkState {
		if reread(l).Status.RemovedTime == nil {
			return "not removed"
		}
		return l.Status.State
	}
}

var _ = Describe("the links of a partner who is removed", Label("portal"), func() {
	It("do the stricter of what revocation and removal said", func() {
		ns := linkingTenant()
		p, l := partner(ns, "ada", "referral"), partnerLink(ns, "summer", "ada")
		create(p)
		create(l)
		Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		change(p, func(p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Notify: new(bool), Links: v1alpha1.LinkDeactivate}
		})
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(nowhere))
		Expect(api.Delete(ctx, p)).To(Succeed())
		Eventually(removedAs(l), soon, often).Should(Equal(v1alpha1.LinkDeactivated))
		Expect(leadsTo(ns, "summer")()).To(Equal(nowhere))

		create(partner(ns, "ada", "referral"))
		Eventually(leadsTo(ns, "summer"), soon, often).Should(Equal(startOf("summer")), "the company declares the same partner again")
		Eventually(func() *metav1.Time { return reread(l).Status.RemovedTime }, soon, often).Should(BeNil())
	})

	It("do what was said in the last moment", func() {
		ns := linkingTenant()
		var links []*v1alpha1.PartnerLink
		var partners []*v1alpha1.Partnership
		for n := range 20 {
			p := partner(ns, fmt.Sprint("ada", n), "referral")
			create(p)
			partners = append(partners, p)
			for _, suffix := range []string{"a", "b"} {
				l := partnerLink(ns, p.Name+suffix, p.Name)
				create(l)
				links = append(links, l)
			}
		}
		for _, l := range links {
			Eventually(linkState(l), soon, often).Should(Equal(v1alpha1.LinkActive))
		}
		for _, p := range partners {
			said := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"onRemoval":{"links":"Deactivate"}}}`))
			Expect(api.Patch(ctx, p, said)).To(Succeed())
			Expect(api.Delete(ctx, p)).To(Succeed())
		}
		for _, l := range links {
			Eventually(removedAs(l), soon, often).Should(Equal(v1alpha1.LinkDeactivated), l.Name)
		}
	})

	It("are not those of who comes after them under the name", func() {
		ns := linkingTenant()
		change(group(ns, "standard", ""), func(g *v1alpha1.PartnerGroup) {
			g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start"}}
		})
		ada, p := accepted(ns, "ada", grant("referral", ""))
		first := partnerLink(ns, p.Name+"-start", p.Name)
		Eventually(leadsTo(ns, first.Name), soon, often).Should(Equal(startOf(first.Name)))
		Expect(get(ada, tenantURL(ns, "")).Wants(http.StatusOK, shareURL(ns, first.Name)+"<")).To(Succeed())
		Expect(api.Delete(ctx, p)).To(Succeed())
		Eventually(removedAs(first), soon, often).Should(Equal(v1alpha1.LinkUnattributed))
		Expect(api.DeleteAllOf(ctx, &v1alpha1.PartnerInvite{}, client.InNamespace(ns))).To(Succeed())

		anew := invite(ns, "ada", grant("referral", ""))
		create(anew)
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		again := somebody()
		Expect(post(again, linkTo(address(ns, "ada"), v1alpha1.MailInvite)+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		q := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: reread(anew).Status.PartnershipRefs[0].Name}}
		Expect(q.Name).To(Equal(p.Name))
		var links v1alpha1.PartnerLinkList
		Eventually(func() []v1alpha1.PartnerLink {
			Expect(api.List(ctx, &links, client.InNamespace(ns))).To(Succeed())
			return links.Items
		}, soon, often).Should(HaveLen(2), "the new partnership gets a default link of its own")
		for _, l := range links.Items {
			if l.Name != first.Name {
				Eventually(leadsTo(ns, l.Name), soon, often).Should(Equal(startOf(l.Name)))
				Expect(get(again, tenantURL(ns, "")).Wants(http.StatusOK, shareURL(ns, l.Name)+"<")).To(Succeed())
			}
		}
		Expect(leadsTo(ns, first.Name)()).To(Equal(startPage))
		Expect(get(again, tenantURL(ns, "")).Body).NotTo(ContainSubstring(shareURL(ns, first.Name) + "<"))
		Expect(post(again, tenantURL(ns, "links/"+first.Name+"/delete")).Code).To(Equal(http.StatusNotFound))

		Expect(api.Delete(ctx, q)).To(Succeed())
		eve := partner(ns, "eve", "referral")
		eve.Name = p.Name
		Eventually(func() error { return api.Create(ctx, eve) }, soon, often).Should(Succeed())
		for _, l := range links.Items {
			Eventually(leadsTo(ns, l.Name), soon, often).Should(Equal(startPage))
		}
		Eventually(func() []string { return reread(eve).Status.DefaultLinks }, soon, often).Should(ConsistOf("start"))
		Eventually(func() []v1alpha1.PartnerLink {
			Expect(api.List(ctx, &links, client.InNamespace(ns))).To(Succeed())
			return links.Items
		}, soon, often).Should(HaveLen(3))
	})
})

var _ = Describe("the dashboard", Label("portal"), func() {
	It("makes and deletes links, and lets the API server decide between two who want one name", func() {
		ns := linkingTenant()
		ada, a := accepted(ns, "ada", grant("referral", ""))
		bob, b := accepted(ns, "bob", grant("referral", ""))
		Expect(get(ada, tenantURL(ns, "")).Wants(http.StatusOK, "You have no links yet", "Make a link")).To(Succeed())

		codes := make(chan int, 2)
		var both sync.WaitGroup
		for person, p := range map[*browser.Person]*v1alpha1.Partnership{ada: a, bob: b} {
			both.Go(func() {
				defer GinkgoRecover()
				codes <- post(person, tenantURL(ns, "links"), "partnership", p.Name, "name", "summer").Code
			})
		}
		both.Wait()
		Expect([]int{<-codes, <-codes}).To(ConsistOf(http.StatusSeeOther, http.StatusConflict))
		winner, loser := ada, bob
		if l := reread(partnerLink(ns, "summer", "")); l.Spec.PartnershipRef.Name == b.Name {
			winner, loser = bob, ada
		}
		Expect(get(winner, tenantURL(ns, "")).Wants(http.StatusOK, shareURL(ns, "summer"))).To(Succeed())
		Expect(get(loser, tenantURL(ns, "")).Body).NotTo(ContainSubstring("summer\""))
		Expect(leadsTo(ns, "summer")()).To(Equal(startOf("summer")))

		Expect(post(ada, tenantURL(ns, "links"), "partnership", a.Name, "name", "own", "destination", "https://shop.acme.example/x?ref=eve").Code).To(Equal(http.StatusSeeOther))
		Expect(leadsTo(ns, "own")()).To(Equal("https://shop.acme.example/x?ref=own"))
		for _, evil := range []string{"https://evil.example/", "https://acme.example.evil.example/", "https://acme.example@evil.example/", "https://acme.example:8443/", "//acme.example/", "javascript:alert(1)", "http://acme.example/", "https://аcme.example/"} {
			Expect(post(ada, tenantURL(ns, "links"), "partnership", a.Name, "name", "evil", "destination", evil).Code).To(Equal(http.StatusUnprocessableEntity), evil)
		}
		Expect(post(bob, tenantURL(ns, "links"), "partnership", a.Name, "name", "stolen").Code).To(Equal(http.StatusNotFound))

		Expect(post(loser, tenantURL(ns, "links/summer/delete")).Code).To(Equal(http.StatusNotFound))
		Expect(post(winner, tenantURL(ns, "links/summer/delete")).Code).To(Equal(http.StatusSeeOther))
		Expect(leadsTo(ns, "summer")()).To(Equal(nowhere))
		Expect(post(winner, tenantURL(ns, "links/summer/delete")).Code).To(Equal(http.StatusNotFound))
	})

	It("shows nothing of a program before its terms are accepted, for each wording, and nothing once it is revoked", func() {
		ns := linkingTenant()
		ada, p := accepted(ns, "ada", grant("referral", "gold"))
		create(partnerLink(ns, "summer", p.Name))
		create(program(ns, "reseller", "Acme Reseller", ""))
		q := partner(ns, "ada", "reseller")
		q.Name = "ada-reseller"
		create(q)
		Eventually(func() error {
			return get(ada, tenantURL(ns, "")).Wants(http.StatusOK, "Group gold", "/r/"+ns+"/summer", "Acme Reseller")
		}, soon, often).Should(Succeed())

		for _, version := range []string{"1", "2"} {
			change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) {
				p.Spec.Terms = &v1alpha1.ProgramTerms{URL: "https://acme.example/terms", Version: v1alpha1.LineOfText(version)}
			})
			Eventually(func() error {
				return get(ada, tenantURL(ns, "")).Wants(http.StatusOK, "I accept the terms", "version "+version)
			}, soon, often).Should(Succeed())
			Expect(get(ada, tenantURL(ns, "")).Body).NotTo(Or(ContainSubstring("Group gold"), ContainSubstring("summer")))
			Expect(post(ada, tenantURL(ns, "links"), "partnership", p.Name, "name", "early").Code).To(Equal(http.StatusForbidden))
			Expect(post(ada, tenantURL(ns, "terms"), "partnership", p.Name, "version", "0").Code).To(Equal(http.StatusConflict))
			Expect(post(ada, tenantURL(ns, "terms"), "partnership", p.Name, "version", version).Code).To(Equal(http.StatusSeeOther))
			Expect(get(ada, tenantURL(ns, "")).Wants(http.StatusOK, "Group gold", "/r/"+ns+"/summer")).To(Succeed())
			Expect(reread(p).Status.Terms).To(And(HaveField("Version", version), HaveField("AcceptedBy", BeEquivalentTo(address(ns, "ada")))))
		}
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Notify: new(bool)} })
		Eventually(func() string { return get(ada, tenantURL(ns, "")).Body }, soon, often).ShouldNot(ContainSubstring("Acme Referral"))
		Expect(get(ada, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Reseller")).To(Succeed())
		Expect(post(ada, tenantURL(ns, "links"), "partnership", p.Name, "name", "late").Code).To(Equal(http.StatusNotFound))
	})
})

var _ = Describe("metrics", Label("portal"), func() {
	It("count requests, links and mails, and hold no address and no name of a partner", func() {
		metrics, err := operator.FreeAddress()
		Expect(err).NotTo(HaveOccurred())
		Expect(running.Stop()).To(Succeed())
		startOperator("--metrics-bind-address="+metrics, "--metrics-secure=false")
		DeferCleanup(func() {
			Expect(running.Stop()).To(Succeed())
			startOperator()
		})
		ns := linkingTenant()
		ada, p := accepted(ns, "ada", grant("referral", ""))
		Expect(post(ada, tenantURL(ns, "links"), "partnership", p.Name, "name", "summer-of-ada").Code).To(Equal(http.StatusSeeOther))
		for _, name := range []string{"summer-of-ada", "summer-of-ada", "unknown-link"} {
			open(shareURL(ns, name))()
		}
		open(running.Portal + "/t/" + ns + "/made-up")()
		scrape := func() string {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metrics+"/metrics", nil)
			Expect(err).NotTo(HaveOccurred())
			response, err := http.DefaultClient.Do(request)
			Expect(err).NotTo(HaveOccurred())
			defer func() { _ = response.Body.Close() }()
			text, err := io.ReadAll(response.Body)
			Expect(err).NotTo(HaveOccurred())
			return string(text)
		}
		Eventually(scrape, 10*time.Second, often).Should(And(
			ContainSubstring(`partner_operator_link_hits_total{namespace="`+ns+`",result="attributed"} 2`),
			ContainSubstring(`partner_operator_link_hits_total{namespace="",result="not_found"} 1`),
			ContainSubstring(`partner_operator_portal_requests_total{code="302",route="GET /r/{ns}/{link}"} 2`),
			ContainSubstring(`partner_operator_portal_requests_total{code="404",route="/"} 1`),
			ContainSubstring(`partner_operator_redemptions_total{purpose="invite",result="used"} 1`),
			ContainSubstring(`partner_operator_mails_total{kind="invite",result="sent"} 1`),
			ContainSubstring(`partner_operator_mail_send_seconds_count 1`),
			ContainSubstring(`partner_operator_invites{namespace="`+ns+`",state="Accepted"} 1`),
			ContainSubstring(`partner_operator_partnerships{namespace="`+ns+`",state="Active"} 1`),
			ContainSubstring(`partner_operator_links{namespace="`+ns+`",state="Active"} 1`),
		))
		text := scrape()
		for _, secret := range []string{"@", ".example", p.Name, "summer-of-ada", "unknown-link", "made-up", strings.ToUpper(address(ns, "ada"))} {
			Expect(text).NotTo(ContainSubstring(secret))
		}
	})
})
