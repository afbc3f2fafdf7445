package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

func configMap(ns, name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}, Data: data}
}

// mailSaying is a template of a mail that can be told by its subject.
func mailSaying(ns, name, subject string) *corev1.ConfigMap {
	return configMap(ns, name, map[string]string{"subject": subject, "text": "Dear {{.FirstName}}, come: {{.Link}}"})
}

func template(name string) *v1alpha1.TemplateReference {
	return &v1alpha1.TemplateReference{Name: name}
}

// setBrand declares the brand of a namespace, in place of the one before.
func setBrand(ns string, data map[string]string) {
	GinkgoHelper()
	brand := configMap(ns, "partner-brand", data)
	if err := api.Create(ctx, brand); err != nil {
		Expect(api.Update(ctx, brand)).To(Succeed())
	}
}

func subjectTo(address string) func() string {
	return func() string {
		if mails := inbox.MessagesTo(address); len(mails) == 1 {
			return mails[0].Subject
		}
		return ""
	}
}

var _ = Describe("a template", func() {
	It("that is missing or broken holds the mail up, says why, and lets it go by itself once it is mended", func() {
		ns := newTenant()
		referral := program(ns, "referral", "", "")
		change(referral, func(p *v1alpha1.Program) { p.Spec.Invites.TemplateRef = template("words") })
		Eventually(condition(referral, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonTemplateNotFound))

		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		Eventually(condition(i, v1alpha1.ConditionResolvedRefs), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemplateNotFound), HaveField("Message", ContainSubstring(`templateRef of Program "referral": ConfigMap "words"`))))
		Expect(condition(i, v1alpha1.ConditionReconciling)().Status).To(Equal(metav1.ConditionTrue))

		words := configMap(ns, "words", map[string]string{"text": "Come, {{.Nickname}}: {{.Link}}"})
		words.Labels = map[string]string{v1alpha1.TemplateLabel: "true"}
		create(words)
		Eventually(condition(i, v1alpha1.ConditionStalled), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemplateInvalid), HaveField("Message", ContainSubstring("there is no .Nickname"))))
		Expect(reread(i).Status.State).To(Equal(v1alpha1.InvitePending))
		Expect(condition(i, v1alpha1.ConditionSent)().Reason).To(Equal(v1alpha1.ReasonTemplateInvalid))
		Eventually(condition(referral, v1alpha1.ConditionReady), soon, often).Should(HaveField("Reason", v1alpha1.ReasonTemplateInvalid))
		change(words, func(c *corev1.ConfigMap) { c.Data["text"] = "Come, {{.FirstName}}!" })
		Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(HaveField("Message", ContainSubstring("link does not come out")))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(BeZero())

		change(words, func(c *corev1.ConfigMap) {
			c.Data = map[string]string{"markdown": "Come, **{{.FirstName}}**: {{.Link}}"}
		})
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(condition(referral, v1alpha1.ConditionReady), soon, often).Should(HaveField("Status", metav1.ConditionTrue))
		mails := mailsOf(address(ns, "ada"), v1alpha1.MailInvite)
		Expect(mails).To(HaveLen(1))
		Expect(mails[0].Text).To(HavePrefix("Come, **Ada**: http"))
		Expect(mails[0].HTML).To(ContainSubstring("<strong>Ada</strong>"))
		Eventually(eventReasons(i), soon, often).Should(Equal([]string{v1alpha1.ReasonTemplateNotFound, v1alpha1.ReasonTemplateInvalid, "Sent"}), "one event for each, not for each try")
	})

	It("without its label tells where it is wrong, and nothing of what stands in the ConfigMap", func() {
		ns := newTenant()
		const secret = "swordfish"
		create(configMap(ns, "settings", map[string]string{"DB_" + secret: "x", "text": "{{.Link}}"}))
		words := configMap(ns, "words", map[string]string{"text": "{{.Link}}\n{{." + secret + "}}"})
		create(words)
		referral := program(ns, "referral", "", "")
		change(referral, func(p *v1alpha1.Program) { p.Spec.Invites.TemplateRef = template("settings") })
		setBrand(ns, map[string]string{"templates.approved": "settings"})
		foreign, broken := invite(ns, "ada", grant("referral", "")), invite(ns, "grace", grant("referral", ""))
		broken.Spec.TemplateRef = template("words")
		create(foreign)
		create(broken)
		Eventually(condition(foreign, v1alpha1.ConditionStalled), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemplateInvalid), HaveField("Message", ContainSubstring("has a key that no template has"))))
		Eventually(condition(broken, v1alpha1.ConditionStalled), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemplateInvalid), HaveField("Message", ContainSubstring("text:2: cannot be used; label the ConfigMap"))))
		Eventually(condition(referral, v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Message", ContainSubstring("has a key that no template has")))
		Eventually(eventReasons(broken), soon, often).Should(ContainElement(v1alpha1.ReasonTemplateInvalid))
		told := []any{reread(foreign), reread(broken), reread(referral), eventsOf(foreign), eventsOf(broken), eventsOf(referral)}
		for _, each := range told {
			text, err := json.Marshal(each)
			Expect(err).NotTo(HaveOccurred())
			Expect(string(text)).NotTo(ContainSubstring(secret))
		}
		Expect(running.Log()).NotTo(ContainSubstring(secret))

		change(words, func(c *corev1.ConfigMap) { c.Labels = map[string]string{v1alpha1.TemplateLabel: "true"} })
		Eventually(condition(broken, v1alpha1.ConditionStalled), soon, often).Should(HaveField("Message", ContainSubstring("there is no ."+secret+" here")))
	})

	It("of one tenant that would take long is refused, and holds up nobody else's mail", func() {
		other, ns := newTenant(), newTenant()
		slow := configMap(other, "slow", map[string]string{"markdown": "{{.Link}}\n\n" + strings.Repeat("[a](", 7900)})
		create(slow)
		hostile := invite(other, "eve", grant("referral", ""))
		hostile.Spec.TemplateRef = template("slow")
		own := invite(other, "mallory", grant("referral", ""))
		own.Spec.Message.Body = strings.Repeat("![a](", 1600)
		program(other, "referral", "", "")
		create(hostile)
		create(own)
		program(ns, "referral", "", "")
		create(invite(ns, "ada", grant("referral", "")))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(1))
		Eventually(condition(hostile, v1alpha1.ConditionStalled), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemplateInvalid), HaveField("Message", ContainSubstring("markdown:3: has more marks"))))
		Eventually(condition(own, v1alpha1.ConditionStalled), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemplateInvalid), HaveField("Message", ContainSubstring("spec.message.body:1: has more marks"))))
		Expect(inbox.MessagesTo(address(other, "eve"))).To(BeEmpty())
		Expect(inbox.MessagesTo(address(other, "mallory"))).To(BeEmpty())
	})

	It("of the invite goes before that of its group, its program and the brand", func() {
		ns := newTenant()
		for _, name := range []string{"of-invite", "of-group", "of-program", "of-brand"} {
			create(mailSaying(ns, name, "the mail "+name))
		}
		setBrand(ns, map[string]string{"templates.invite": "of-brand"})
		create(program(ns, "reseller", "Acme Reseller", ""))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Invites.TemplateRef = template("of-program") })
		change(group(ns, "gold", ""), func(g *v1alpha1.PartnerGroup) { g.Spec.Invites.TemplateRef = template("of-group") })
		Eventually(condition(group(ns, "gold", ""), v1alpha1.ConditionReady), soon, often).Should(HaveField("Status", metav1.ConditionTrue))

		own, words := invite(ns, "own", grant("referral", "gold")), invite(ns, "words", grant("referral", "gold"))
		own.Spec.TemplateRef = template("of-invite")
		words.Spec.TemplateRef = template("of-invite")
		words.Spec.Message = v1alpha1.InviteMessage{Subject: "my own words", Body: "Just for you."}
		create(own)
		create(words)
		create(invite(ns, "group", grant("referral", "gold")))
		create(invite(ns, "program", grant("referral", "")))
		create(invite(ns, "brand", grant("reseller", "")))
		for name, subject := range map[string]string{"own": "the mail of-invite", "words": "my own words", "group": "the mail of-group", "program": "the mail of-program", "brand": "the mail of-brand"} {
			Eventually(subjectTo(address(ns, name)), soon, often).Should(Equal(subject), name)
		}
	})
})

var _ = Describe("a brand", func() {
	It("speaks in its mail and on its pages", func() {
		ns := newTenant()
		_, port, _ := strings.Cut(strings.TrimPrefix(portalAddress, "http://"), ":")
		setBrand(ns, map[string]string{
			"displayName": "Bücher & Söhne", "mailFrom": "partner@bücher.example", "replyTo": "Jo <jo@buecher.example>",
			"accentColor": "#7a1f3d", "locale": "de-AT", "host": "localhost:" + port, "notifyStaff": "staff@buecher.example",
			"logoURL": "https://bilder.bücher.example/logo.svg",
		})
		create(invite(ns, "ada", grant("referral", "gold")))
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		mail := mailsOf(address(ns, "ada"), v1alpha1.MailInvite)[0]
		Expect(mail.Subject).To(Equal("Bücher & Söhne lädt Sie ein: Acme Referral"))
		Expect(mail.From).To(Equal("partner@xn--bcher-kva.example"))
		Expect(mail.MessageID).To(HaveSuffix("@xn--bcher-kva.example>"))
		Expect(mail.Header.Get("Reply-To")).To(Equal(`"Jo" <jo@buecher.example>`))
		Expect(mail.HTML).To(And(ContainSubstring("background:#7a1f3d"), ContainSubstring(`lang="de"`)))
		Expect(link).To(HavePrefix("http://localhost:" + port + "/t/" + ns + "/invite/"))

		page := open(link)()
		Expect(page.Code).To(Equal(http.StatusOK))
		Expect(page.Body).To(MatchRegexp(`(?i)<img class="logo" src="https://bilder.b%c3%bccher.example/logo.svg" alt="Bücher &amp; Söhne" referrerpolicy="no-referrer">`))
		Expect(page.Header.Get("Content-Security-Policy")).To(ContainSubstring("img-src 'self' https://bilder.xn--bcher-kva.example;"))
		stylesheet := regexp.MustCompile(`"(/assets/portal-[0-9a-f]{12}-7a1f3d\.css)"`).FindStringSubmatch(page.Body)
		Expect(stylesheet).NotTo(BeNil(), page.Body)
		Expect(open(running.Portal+stylesheet[1])().Wants(http.StatusOK, "--fill: #7a1f3d;")).To(Succeed())
	})

	It("that cannot be used holds its own mail and nobody else's", func() {
		ns, other := newTenant(), newTenant()
		setBrand(ns, map[string]string{"acentColor": "#7a1f3d"})
		i, neighbour := invite(ns, "ada", grant("referral", "")), invite(other, "ada", grant("referral", ""))
		create(i)
		create(neighbour)
		Eventually(stateOf(neighbour), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(And(HaveField("Reason", v1alpha1.ReasonHeld), HaveField("Message", ContainSubstring("acentColor is not a key of a brand"))))
		Expect(reread(i).Status.State).To(Equal(v1alpha1.InviteHeld))
		Eventually(condition(program(ns, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Reason", v1alpha1.ReasonBrandInvalid))

		setBrand(ns, map[string]string{"accentColor": "#7a1f3d"})
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		Eventually(condition(program(ns, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Status", metav1.ConditionTrue))
	})

	It("with a broken template for sign-in lets people sign in, and waits with the mail about a revocation", func() {
		ns := newTenant()
		p := partner(ns, "ada", "referral")
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		broken := configMap(ns, "broken", map[string]string{"text": "{{.Nonsense}}"})
		broken.Labels = map[string]string{v1alpha1.TemplateLabel: "true"}
		create(broken)
		setBrand(ns, map[string]string{"templates.sign-in": "broken", "templates.revoked": "broken"})
		Eventually(condition(program(ns, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Message", ContainSubstring("there is no .Nonsense")))
		post(somebody(), tenantURL(ns, "login"), "email", address(ns, "ada"))
		Expect(linkTo(address(ns, "ada"), v1alpha1.MailSignIn)).To(ContainSubstring("/signin/"))

		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract ended."} })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked), quiet, often).Should(BeZero())
		change(configMap(ns, "broken", nil), func(c *corev1.ConfigMap) {
			c.Data = map[string]string{"subject": "Goodbye", "text": "Goodbye. {{.Reason}}"}
		})
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked), soon, often).Should(Equal(1))
		Expect(mailsOf(address(ns, "ada"), v1alpha1.MailRevoked)[0].Text).To(Equal("Goodbye. The contract ended."))
	})

	It("with a mail server of its own is held by it alone, and goes on once its Secret is right", func() {
		own, err := mailcatcher.Start(mailcatcher.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(own.Close)
		strict, err := mailcatcher.Start(mailcatcher.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(strict.Close)
		strict.Script(mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 535, Enhanced: "5.7.8", Text: "sign in first"})
		ns, other := newTenant(), newTenant()
		setBrand(ns, map[string]string{"smtpSecret": "smtp"})
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		problem := func() string {
			if sent := condition(i, v1alpha1.ConditionSent)(); sent != nil {
				return sent.Message
			}
			return ""
		}
		Eventually(problem, soon, often).Should(ContainSubstring(`Secret "smtp", the smtpSecret of the brand, cannot be read`))

		mayRead(ns, "smtp")
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "smtp"}, StringData: map[string]string{
			"url": "smtp://acme@" + strict.SMTPAddr() + "?tls=none",
		}}
		create(secret)
		Eventually(problem, time.Minute, often).Should(ContainSubstring("must have username and password, or neither"), "the Secret is looked at again by itself")
		secret.StringData = map[string]string{"url": "smtp://" + strict.SMTPAddr() + "?tls=none"}
		Expect(api.Update(ctx, secret)).To(Succeed())
		Eventually(problem, time.Minute, often).Should(ContainSubstring("535"))
		Eventually(condition(program(ns, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Reason", v1alpha1.ReasonTransportRejected))
		Expect(reread(i).Status.State).To(Equal(v1alpha1.InviteHeld))
		neighbour := invite(other, "ada", grant("referral", ""))
		create(neighbour)
		Eventually(stateOf(neighbour), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(condition(program(other, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Status", metav1.ConditionTrue))

		secret.StringData = map[string]string{"url": "smtp://" + own.SMTPAddr() + "?tls=none"}
		Expect(api.Update(ctx, secret)).To(Succeed())
		Eventually(stateOf(i), time.Minute, often).Should(Equal(v1alpha1.InviteSent))
		Expect(own.MessagesTo(address(ns, "ada"))).To(HaveLen(1))
		Expect(inbox.MessagesTo(address(ns, "ada"))).To(BeEmpty(), "its mail goes over its own server alone")
	})
})

var _ = Describe("what a brand claims", func() {
	// annotate sets annotations of a Namespace, as the platform's administrators do.
	annotate := func(ns string, annotations ...string) {
		GinkgoHelper()
		kubectl(append([]string{"annotate", "--overwrite", "namespace", ns}, annotations...)...)
	}

	It("is its own where its Namespace lists it, and nobody else's", func() {
		const claim = "partners@acme-claims.example"
		acme, other := newTenant(), newTenant()
		annotate(acme, "partner-operator.io/sender-domains=acme-claims.example", "partner-operator.io/portal-hosts=localhost")
		annotate(other, "partner-operator.io/sender-domains=other.example", "partner-operator.io/portal-hosts=other.example")
		_, port, _ := strings.Cut(strings.TrimPrefix(portalAddress, "http://"), ":")
		for _, ns := range []string{acme, other} {
			setBrand(ns, map[string]string{"mailFrom": claim, "host": "localhost:" + port})
			create(invite(ns, "ada", grant("referral", "")))
		}
		Expect(linkTo(address(acme, "ada"), v1alpha1.MailInvite)).To(HavePrefix("http://localhost:" + port + "/"))
		Expect(mailsOf(address(acme, "ada"), v1alpha1.MailInvite)[0].From).To(Equal(claim))

		i := invite(other, "ada", grant("referral", ""))
		says := func(text string) {
			GinkgoHelper()
			Eventually(condition(i, v1alpha1.ConditionSent), time.Minute, often).Should(And(HaveField("Reason", v1alpha1.ReasonHeld), HaveField("Message", ContainSubstring(text))))
		}
		says(`ConfigMap "partner-brand": mailFrom is of the domain acme-claims.example, which this namespace may not send from over the operator's mail server; ` +
			"ask the platform's administrators to list it in the annotation partner-operator.io/sender-domains of the Namespace")
		Eventually(condition(program(other, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Reason", v1alpha1.ReasonBrandInvalid))

		annotate(other, "partner-operator.io/sender-domains=other.example,acme-claims.example")
		says("host is localhost:" + port + ", which this namespace may not use; ask the platform's administrators to list it in the annotation partner-operator.io/portal-hosts of the Namespace")
		Expect(inbox.MessagesTo(address(other, "ada"))).To(BeEmpty())

		annotate(other, "partner-operator.io/portal-hosts-")
		Eventually(stateOf(i), time.Minute, often).Should(Equal(v1alpha1.InviteSent), "the mail goes out by itself")
		Expect(inbox.MessagesTo(address(other, "ada"))).To(HaveLen(1))
	})
})

var _ = Describe("a mail server that a tenant names", func() {
	// via lets the mail of a new tenant go over a mail server, and gives an invite there.
	via := func(url string) *v1alpha1.PartnerInvite {
		GinkgoHelper()
		ns := newTenant()
		create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "smtp"}, StringData: map[string]string{"url": url}})
		mayRead(ns, "smtp")
		setBrand(ns, map[string]string{"smtpSecret": "smtp"})
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		// An operator that starts again asks a server that refused once more, with the mail.
		DeferCleanup(func() { Expect(api.Delete(ctx, i)).To(Succeed()) })
		return i
	}

	It("and that the platform does not allow is never connected to, and nobody is told what is there", func() {
		// The operator of these specs allows 127.0.0.0/8.
		var connections atomic.Int32
		secret, err := net.Listen("tcp", "[::1]:0")
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(secret.Close)
		go func() {
			for {
				connection, err := secret.Accept()
				if err != nil {
					return
				}
				connections.Add(1)
				_, _ = io.WriteString(connection, "220 internal-service\r\n")
				_ = connection.Close()
			}
		}()
		_, port, err := net.SplitHostPort(secret.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		var invites []*v1alpha1.PartnerInvite
		for _, host := range []string{"[::1]:" + port, "[::1]:1", "169.254.169.254:80", "10.96.0.1:443", "[::ffff:169.254.169.254]:25", "nowhere.invalid:25"} {
			invites = append(invites, via("smtp://"+host+"?tls=none"))
		}
		const says = `Secret "smtp", the smtpSecret of the brand, cannot be used: the platform does not allow this mail server, or there is none of this name; ` +
			"ask its administrators, who list what it allows with --brand-smtp-hosts"
		for _, i := range invites {
			Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(And(HaveField("Reason", v1alpha1.ReasonHeld), HaveField("Message", says+"; the mail goes out once that is mended")))
			Expect(reread(i).Status.State).To(Equal(v1alpha1.InviteHeld))
			Eventually(condition(program(i.Namespace, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(And(
				HaveField("Reason", v1alpha1.ReasonBrandInvalid), HaveField("Message", says)))
		}
		Expect(connections.Load()).To(BeZero())
	})

	It("and that does not greet with 220 is not quoted, in status, events or log", func() {
		const words = "internal-service-token-abc123"
		for _, greeting := range []string{"-ERR " + words, "554 " + words, "SSH-2.0-" + words} {
			stranger, err := net.Listen("tcp", "127.0.0.1:0")
			Expect(err).NotTo(HaveOccurred())
			DeferCleanup(stranger.Close)
			go func() {
				for {
					connection, err := stranger.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(connection, greeting+"\r\n")
					_ = connection.Close()
				}
			}()
			i := via("smtp://" + stranger.Addr().String() + "?tls=none")
			Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(HaveField("Message", MatchRegexp("does not greet|before it greeted")), greeting)
			Eventually(condition(program(i.Namespace, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Status", metav1.ConditionFalse))
			Expect(kubectl("get", "partnerinvites,programs,events.events.k8s.io", "-n", i.Namespace, "-o", "yaml")).NotTo(ContainSubstring(words))
		}
		Expect(running.Log()).NotTo(ContainSubstring(words))
	})
})

// mayRead lets the operator read one Secret, as docs/mail.md shows.
func mayRead(ns, secret string) {
	GinkgoHelper()
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "partner-operator-smtp"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{secret}, Verbs: []string{"get"}},
	}}
	for _, object := range []client.Object{role, &rbacv1.RoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: operatorNamespace, Name: "partner-operator"}},
	}} {
		create(object)
	}
}
