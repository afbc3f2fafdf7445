package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// somebody is a person who was never here before, at an address of their own.
func somebody() *browser.Person {
	people.Add(1)
	person := browser.NewPerson()
	person.Address = fmt.Sprintf("10.%d.%d.%d", people.Load()>>16&255, people.Load()>>8&255, people.Load()&255)
	return person
}

var people atomic.Int64

// open opens an address as somebody who was never here.
func open(address string) func() browser.Page {
	return func() browser.Page {
		got, err := somebody().Get(ctx, address)
		Expect(err).NotTo(HaveOccurred())
		return got
	}
}

func get(p *browser.Person, address string) browser.Page {
	GinkgoHelper()
	got, err := p.Get(ctx, address)
	Expect(err).NotTo(HaveOccurred())
	return got
}

func post(p *browser.Person, address string, fields ...string) browser.Page {
	GinkgoHelper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	got, err := p.Post(ctx, address, form)
	Expect(err).NotTo(HaveOccurred())
	return got
}

func tenantURL(ns, path string) string { return running.Portal + "/t/" + ns + "/" + path }

// sentInvite is an open invite and its link.
func sentInvite(ns, name string, grants ...v1alpha1.ProgramGrant) (*v1alpha1.PartnerInvite, string) {
	GinkgoHelper()
	known(ns)
	i := invite(ns, name, grants...)
	create(i)
	link := linkTo(address(ns, name), v1alpha1.MailInvite)
	Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
	return i, link
}

// accepted is a partner who came by invite, and the browser that is signed in.
func accepted(ns, name string, grants ...v1alpha1.ProgramGrant) (*browser.Person, *v1alpha1.Partnership) {
	GinkgoHelper()
	i, link := sentInvite(ns, name, grants...)
	person := somebody()
	Expect(post(person, link+"/accept", "email", address(ns, name)).Code).To(Equal(http.StatusSeeOther))
	refs := reread(i).Status.PartnershipRefs
	p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: refs[0].Name}}
	Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	return person, p
}

// signedIn signs a partner in by mail.
func signedIn(ns, name string) *browser.Person {
	GinkgoHelper()
	person := somebody()
	before := mailsTo(address(ns, name), v1alpha1.MailSignIn)()
	Expect(post(person, tenantURL(ns, "login"), "email", address(ns, name)).Code).To(Equal(http.StatusSeeOther))
	Eventually(mailsTo(address(ns, name), v1alpha1.MailSignIn), soon, often).Should(Equal(before + 1))
	Expect(post(person, linkTo(address(ns, name), v1alpha1.MailSignIn)).Code).To(Equal(http.StatusSeeOther))
	return person
}

var _ = Describe("the page of an invite", Label("portal"), func() {
	It("changes nothing when it is opened, by GET or HEAD", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", "gold"))
		before := reread(i).ResourceVersion
		for range 3 {
			got := open(link)()
			Expect(got.Wants(http.StatusOK, "Acme Referral", "Group gold", "Accept the invitation")).To(Succeed())
			head, err := somebody().Do(ctx, http.MethodHead, link, nil, nil)
			Expect(err).NotTo(HaveOccurred())
			Expect(head.Code).To(Equal(http.StatusOK))
		}
		Expect(open(link+"/accept")().Code).To(Equal(http.StatusMethodNotAllowed), "accepting is a POST")
		Consistently(func() string { return reread(i).ResourceVersion }, quiet).Should(Equal(before))
	})

	It("accepts the invited address whatever its case, signs in, and leads the same browser there again", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", "gold"))
		person := somebody()
		Expect(post(person, link+"/accept").Wants(http.StatusUnprocessableEntity, "Please type the address")).To(Succeed())
		Expect(post(person, link+"/accept", "email", "eve@example.com").Wants(http.StatusUnprocessableEntity, "another address")).To(Succeed())
		Expect(reread(i).Status.Acceptance).To(BeNil())

		got := post(person, link+"/accept", "email", strings.ToUpper(address(ns, "ada")))
		Expect(got.Code).To(Equal(http.StatusSeeOther))
		Expect(got.Location).To(Equal(tenantURL(ns, "")))
		Expect(get(person, got.Location).Wants(http.StatusOK, "Acme Referral", "Group gold")).To(Succeed())
		Expect(get(person, link).Location).To(Equal(tenantURL(ns, "")))
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Location).To(Equal(tenantURL(ns, "")))

		name := keyOf(ns, "ada", "referral").Name
		Expect(reread(i).Status.PartnershipRefs).To(Equal([]v1alpha1.PartnershipReference{{Name: name}}))
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(p.Spec.Source).To(Equal(v1alpha1.SourceInvite))
		Expect(p.OwnerReferences).To(BeEmpty(), "tidying the invite away must not remove the partner")
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("Sent", "Accepted"))
	})

	It("lets one of many racing acceptances through", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		codes := make([]int, 16)
		var all sync.WaitGroup
		for n := range codes {
			all.Go(func() {
				defer GinkgoRecover()
				codes[n] = post(somebody(), link+"/accept", "email", address(ns, "ada")).Code
			})
		}
		all.Wait()
		won := 0
		for _, code := range codes {
			Expect(code).To(Or(Equal(http.StatusSeeOther), Equal(http.StatusNotFound)))
			if code == http.StatusSeeOther {
				won++
			}
		}
		Expect(won).To(Equal(1))
		var list v1alpha1.PartnershipList
		Expect(api.List(ctx, &list, client.InNamespace(ns))).To(Succeed())
		Expect(list.Items).To(HaveLen(1))
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("Sent", "Accepted"))
	})

	It("costs one read, two writes of the invite, two of the partnership and two events for each who accepts", func() {
		const people = 20
		ns := newTenant()
		var links []string
		for n := range people {
			_, link := sentInvite(ns, fmt.Sprintf("p%d", n), grant("referral", ""))
			links = append(links, link)
		}
		settle()
		proxy.Forget()
		var all sync.WaitGroup
		for n, link := range links {
			all.Go(func() {
				defer GinkgoRecover()
				Expect(post(somebody(), link+"/accept", "email", address(ns, fmt.Sprintf("p%d", n))).Code).To(Equal(http.StatusSeeOther))
			})
		}
		all.Wait()
		for n := range people {
			Eventually(partnershipOf(ns, fmt.Sprintf("p%d", n), "referral"), soon, often).Should(HaveField("Status.State", v1alpha1.PartnershipActive))
		}
		settle()
		seen := proxy.Seen()
		for request, each := range map[apiproxy.Request]int{
			{Method: http.MethodGet, Resource: "partnerinvites"}:        1,
			{Method: http.MethodPut, Resource: "partnerinvites/status"}: 2,
			{Method: http.MethodPost, Resource: "partnerships"}:         1,
			{Method: http.MethodPut, Resource: "partnerships/status"}:   1,
			{Method: http.MethodPost, Resource: "events"}:               2,
		} {
			Expect(seen[request]).To(Equal(each*people), "%v of %v", request, seen)
		}
	})

	It("declines without an account, for good", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		Expect(post(somebody(), link+"/decline", "email", "").Code).To(Equal(http.StatusUnprocessableEntity), "a robot that submits the form declines nothing")
		got := post(somebody(), link+"/decline")
		Expect(got.Code).To(Equal(http.StatusSeeOther))
		Expect(open(got.Location)().Wants(http.StatusOK, "You declined the invitation")).To(Succeed())
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteDeclined))
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusNotFound))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusNotFound))
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("Sent", "Declined"))
	})

	It("is one and the same page for a link that is tampered, unknown, used, deleted, of another tenant or purpose", func() {
		ns, other := newTenant(), newTenant()
		_, used := sentInvite(ns, "used", grant("referral", ""))
		Expect(post(somebody(), used+"/accept", "email", address(ns, "used")).Code).To(Equal(http.StatusSeeOther))
		deleted, deletedLink := sentInvite(ns, "deleted", grant("referral", ""))
		Expect(api.Delete(ctx, deleted)).To(Succeed())
		_, good := sentInvite(ns, "good", grant("referral", ""))
		Expect(api.Create(ctx, partner(ns, "grace", "referral"))).To(Succeed())
		Eventually(partnershipState(partner(ns, "grace", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		post(somebody(), tenantURL(ns, "login"), "email", address(ns, "grace"))
		signIn := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)

		token := good[strings.LastIndex(good, "/")+1:]
		unknown := open(tenantURL(ns, "invite/unknown"))()
		Expect(unknown.Wants(http.StatusNotFound, "This link does not work", "ask whoever invited you", "Sign in")).To(Succeed())
		for what, link := range map[string]string{
			"cut short":              good[:len(good)-2],
			"changed at the end":     good[:len(good)-2] + "AA",
			"changed in the middle":  strings.Replace(good, token[30:32], "zz", 1),
			"used":                   used,
			"deleted":                deletedLink,
			"an invite as a sign-in": tenantURL(ns, "signin/"+token),
			"a sign-in as an invite": tenantURL(ns, "invite/"+signIn[strings.LastIndex(signIn, "/")+1:]),
		} {
			Eventually(open(link), soon, often).Should(HaveField("Body", unknown.Body), what)
			Expect(open(link)().Code).To(Equal(http.StatusNotFound), what)
			Expect(post(somebody(), link+"/accept", "email", address(ns, "good")).Code).To(Equal(http.StatusNotFound), what)
		}
		foreign := open(tenantURL(other, "invite/"+token))()
		Expect(foreign.Code).To(Equal(http.StatusNotFound))
		Expect(strings.ReplaceAll(foreign.Body, other, ns)).To(Equal(unknown.Body))
		Expect(open(running.Portal + "/t/no-such-tenant/login")().Code).To(Equal(http.StatusNotFound))
		Expect(open(good)().Code).To(Equal(http.StatusOK), "none of it spent the good link")
	})

	It("refuses without spending the link while access to a program is revoked", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		p := partner(ns, "ada", "referral")
		p.Spec.Revocation = &v1alpha1.Revocation{Reason: "Contract ended"}
		create(p)
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusForbidden))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusForbidden))
		Expect(reread(i).Status.Acceptance).To(BeNil())
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusOK))
	})

	It("lets nobody try tokens for long", func() {
		ns := newTenant()
		_, link := sentInvite(ns, "ada", grant("referral", ""))
		guesser := somebody()
		for range 30 {
			Expect(get(guesser, tenantURL(ns, "invite/guess")).Code).To(Equal(http.StatusNotFound))
		}
		got := get(guesser, tenantURL(ns, "invite/guess"))
		Expect(got.Wants(http.StatusTooManyRequests, "wait a minute")).To(Succeed())
		Expect(got.Header.Get("Retry-After")).NotTo(BeEmpty())
		Expect(get(somebody(), link).Code).To(Equal(http.StatusOK), "others are not affected")
		Expect(get(guesser, link).Code).To(Equal(http.StatusOK), "nor is a genuine link from the same address")
		Expect(get(guesser, tenantURL(ns, "invite/guess")).Code).To(Equal(http.StatusTooManyRequests))
	})

	It("lets nobody guess the address of a link, and a resend makes a new one", func() {
		ns := newTenant()
		eager(ns)
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		for n := range v1alpha1.MaxWrongAddresses {
			Expect(post(somebody(), link+"/accept", "email", fmt.Sprintf("guess-%d@%s.example", n, ns)).Code).To(Equal(http.StatusUnprocessableEntity))
		}
		Expect(reread(i).Status.WrongAddresses).To(Equal(v1alpha1.MaxWrongAddresses))
		for _, action := range []string{"/accept", "/decline"} {
			got := post(somebody(), link+action, "email", address(ns, "ada"))
			Expect(got.Wants(http.StatusGone, "Too many addresses")).To(Succeed(), action)
			Expect(got.Body).NotTo(ContainSubstring(address(ns, "ada")))
		}
		Expect(reread(i).Status.Acceptance).To(BeNil())
		var partners v1alpha1.PartnershipList
		Expect(api.List(ctx, &partners, client.InNamespace(ns))).To(Succeed())
		Expect(partners.Items).To(BeEmpty())
		Eventually(func() (told []string) {
			for _, event := range eventsOf(i) {
				if event.Reason == v1alpha1.ReasonTooManyWrongAddresses {
					Expect(event.Note).NotTo(ContainSubstring(address(ns, "ada")))
					told = append(told, event.Type)
				}
			}
			return told
		}, soon, often).Should(Equal([]string{"Warning"}))

		_, others := sentInvite(ns, "bob", grant("referral", ""))
		Expect(open(others)().Code).To(Equal(http.StatusOK), "another link is not affected")

		askResend(i, "now")
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		fresh := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		Eventually(func() int { return post(somebody(), link+"/accept", "email", address(ns, "ada")).Code }, soon, often).Should(Equal(http.StatusNotFound))
		Expect(post(somebody(), fresh+"/accept", "email", address(ns, "bob")).Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(post(somebody(), fresh+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(2))
	})

	It("mails a new link in place of one that was guessed at, where the person asks for it", func() {
		ns := newTenant()
		eager(ns)
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		for range v1alpha1.MaxWrongAddresses {
			post(somebody(), link+"/decline", "email", "guess@"+ns+".example")
		}
		Eventually(func() error { return open(link)().Wants(http.StatusGone, "Send me a new one") }, soon, often).Should(Succeed())
		for range 3 {
			post(somebody(), link+"/renew")
		}
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		Eventually(open(linkTo(address(ns, "ada"), v1alpha1.MailInvite)), soon, often).Should(HaveField("Code", http.StatusOK))
		Expect(reread(i).Status.WrongAddresses).To(BeZero())
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(Equal(2), "asking thrice renews once")
	})

	It("refuses forms from other sites, wants no huge forms, and shows one page for what is not there", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		got, err := somebody().Do(ctx, http.MethodPost, link+"/accept", url.Values{"email": {address(ns, "ada")}},
			http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(got.Code).To(Equal(http.StatusForbidden))
		Expect(post(somebody(), link+"/accept", "email", strings.Repeat("a", 500_000)).Code).To(Equal(http.StatusBadRequest))
		Expect(post(somebody(), link+"/decline", "email", strings.Repeat("a", 70_000)).Code).To(Equal(http.StatusBadRequest))
		Expect(reread(i).Status.Acceptance).To(BeNil())
		Expect(open(running.Portal+"/nothing/here")().Wants(http.StatusNotFound, "This link does not work")).To(Succeed())
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'",
			"Referrer-Policy":         "same-origin",
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"X-Robots-Tag":            "noindex",
		} {
			Expect(open(link)().Header.Get(name)).To(ContainSubstring(want), name)
		}
	})

	It("is finished by the controller when the portal dies between the answer and the partnership, and only once", func() {
		ns := newTenant()
		i, _ := sentInvite(ns, "ada", grant("referral", "gold"))
		i.Status.Acceptance = &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionAccepted, Time: metav1.Now()}
		Expect(api.Status().Update(ctx, i)).To(Succeed())
		key := keyOf(ns, "ada", "referral")
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: key.Name}}
		Eventually(func() int { return len(reread(i).Status.PartnershipRefs) }, soon, often).Should(Equal(1))
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteAccepted))

		Expect(api.Delete(ctx, p)).To(Succeed())
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.DisplayName = "Ada" })
		Consistently(func() bool {
			return client.IgnoreNotFound(api.Get(ctx, client.ObjectKeyFromObject(p), p)) == nil && p.DeletionTimestamp == nil && p.ResourceVersion == "" ||
				api.Get(ctx, client.ObjectKeyFromObject(p), p) != nil
		}, quiet, often).Should(BeTrue(), "a partnership that was deleted stays deleted")
	})
})

var _ = Describe("signing in", Label("portal"), func() {
	It("works once by a mailed link, and asks for the address in another browser", func() {
		ns := newTenant()
		create(partner(ns, "grace", "referral"))
		person, other := somebody(), somebody()
		Eventually(partnershipState(partner(ns, "grace", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(post(person, tenantURL(ns, "login"), "email", strings.ToUpper(address(ns, "grace"))).Code).To(Equal(http.StatusSeeOther))
		link := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)

		Expect(get(other, link).Wants(http.StatusOK, "another browser")).To(Succeed())
		Expect(post(other, link).Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(post(other, link, "email", "eve@example.com").Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(get(person, link).Body).NotTo(ContainSubstring("another browser"))
		Expect(post(person, link).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral")).To(Succeed())
		Expect(post(other, link, "email", address(ns, "grace")).Code).To(Equal(http.StatusNotFound), "the link is used")
	})

	It("mails one link to whom the portal has yet to hear of", func() {
		ns := newTenant()
		known(ns)
		proxy.Lag(time.Second, "partnerships")
		DeferCleanup(proxy.Lag, time.Duration(0))
		create(partner(ns, "grace", "referral"))
		signedIn(ns, "grace")
		Consistently(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), quiet, often).Should(Equal(1))
	})

	DescribeTable("mails one link, also if the API server does not answer at once", func(fault apiproxy.Fault, times int) {
		ns := newTenant()
		grace := partner(ns, "grace", "referral")
		create(grace)
		Eventually(partnershipState(grace), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		var struck atomic.Int32
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/"+grace.Name+"/status") && int(struck.Add(1)) <= times {
				return fault
			}
			return apiproxy.None
		})
		DeferCleanup(proxy.Break, (func(*http.Request) apiproxy.Fault)(nil))
		person := somebody()
		Expect(post(person, tenantURL(ns, "login"), "email", address(ns, "grace")).Code).To(Equal(http.StatusSeeOther))
		Expect(post(person, linkTo(address(ns, "grace"), v1alpha1.MailSignIn)).Location).To(Equal(tenantURL(ns, "")))
		Consistently(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), 3*time.Second, often).Should(Equal(1))
	},
		Entry("to a request that it never heard of", apiproxy.Refuse, 2),
		Entry("to a request that it refused", apiproxy.Fail, 2),
		Entry("to a request that it carried out", apiproxy.LoseAnswer, 1),
	)

	It("gives the same answer to every address, and mails only those who have access", func() {
		ns := newTenant()
		create(partner(ns, "active", "referral"))
		revoked := partner(ns, "revoked", "referral")
		revoked.Spec.Revocation = &v1alpha1.Revocation{}
		create(revoked)
		_, _ = sentInvite(ns, "invited", grant("referral", ""))
		Eventually(partnershipState(revoked), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		var answers []browser.Page
		for _, name := range []string{"active", "revoked", "invited", "nobody"} {
			got := post(somebody(), tenantURL(ns, "login"), "email", address(ns, name))
			got.Header.Del("Date")
			Expect(got.Header.Get("Set-Cookie")).NotTo(BeEmpty(), name)
			got.Header.Del("Set-Cookie")
			answers = append(answers, got)
		}
		for _, answer := range answers[1:] {
			Expect(answer).To(Equal(answers[0]))
		}
		Eventually(mailsTo(address(ns, "active"), v1alpha1.MailSignIn), soon, often).Should(Equal(1))
		for _, name := range []string{"revoked", "invited", "nobody"} {
			Expect(mailsTo(address(ns, name), v1alpha1.MailSignIn)()).To(BeZero(), name)
		}
		Expect(post(somebody(), tenantURL(ns, "login"), "email", "no address").Wants(http.StatusUnprocessableEntity, "whole mail address")).To(Succeed())
	})

	It("refuses a link whose partnership was revoked meanwhile, without spending it", func() {
		ns := newTenant()
		p := partner(ns, "grace", "referral")
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		person := somebody()
		post(person, tenantURL(ns, "login"), "email", address(ns, "grace"))
		link := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Notify: new(bool)} })
		Eventually(func() int { return get(person, link).Code }, soon, often).Should(Equal(http.StatusForbidden))
		Expect(post(person, link).Code).To(Equal(http.StatusForbidden))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(func() int { return post(person, link).Code }, soon, often).Should(Equal(http.StatusSeeOther))
	})

	It("ends on the server when the person signs out", func() {
		ns := newTenant()
		person, _ := accepted(ns, "ada", grant("referral", ""))
		thief, err := person.Steal(tenantURL(ns, ""))
		Expect(err).NotTo(HaveOccurred())
		Expect(get(thief, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		Expect(post(person, tenantURL(ns, "signout")).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() int { return get(thief, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Expect(get(person, tenantURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")))
	})

	It("is worth nothing in another tenant", func() {
		ns, other := newTenant(), newTenant()
		person, _ := accepted(ns, "ada", grant("referral", ""))
		p := partner(other, "ada", "referral")
		p.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "ada"))
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		stolen, err := person.Steal(tenantURL(ns, ""))
		Expect(err).NotTo(HaveOccurred())
		Expect(get(stolen, tenantURL(other, "")).Code).To(Equal(http.StatusSeeOther))
	})
})

var _ = Describe("the signing keys", func() {
	It("are followed: a key that is added signs, and links from before still work", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "before", grant("referral", ""))
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator-keys"}}
		change(secret, func(s *corev1.Secret) { s.Data["29991231T235959Z"] = []byte(strings.Repeat("k", 32)) })
		n := 0
		Eventually(func() string {
			n++
			name := "after" + string(rune('a'+n%26))
			j := invite(ns, name, grant("referral", ""))
			_ = api.Create(ctx, j)
			Eventually(stateOf(j), soon, often).Should(Equal(v1alpha1.InviteSent))
			return j.Status.KeyID
		}, soon, often).ShouldNot(Equal(reread(i).Status.KeyID))
		Expect(open(link)().Code).To(Equal(http.StatusOK))
		change(secret, func(s *corev1.Secret) { delete(s.Data, "29991231T235959Z") })
	})
})
