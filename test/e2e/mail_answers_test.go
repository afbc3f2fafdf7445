package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/partnership"
	teams "github.com/partner-operator/partner-operator/internal/team"
)

var update = flag.Bool("update", false, "write the table of what mail servers answer into docs/operations.md")

// fate is what becomes of mail that a mail server does not take.
type fate struct {
	// invite and mail are the states of an invite, and of any other mail.
	invite v1alpha1.InviteState
	mail   v1alpha1.DeliveryState
	// reason is that of Sent and Mailed, and ready that of MailReady; empty: MailReady stays as it was.
	reason, ready string
	// least and most are how many tries count before the mail server is mended, and after are all of them, at most, once
	// the mail has left; 0: it never leaves.
	least, most, after int32
	// told is what becomes of it, for people.
	told string
}

var (
	noMailbox = fate{
		invite: v1alpha1.InviteFailed, mail: v1alpha1.DeliveryFailed, reason: v1alpha1.ReasonAddressRejected, least: 1, most: 1,
		told: "has failed: correct the address, or ask for a resend",
	}
	unfit = fate{
		invite: v1alpha1.InviteFailed, mail: v1alpha1.DeliveryFailed, reason: v1alpha1.ReasonContentRejected, least: 1, most: 1,
		told: "has failed: change the message or the template, then ask for a resend",
	}
	later = fate{
		invite: v1alpha1.InvitePending, mail: v1alpha1.DeliveryPending, reason: v1alpha1.ReasonTemporaryFailure, least: 1, most: 1, after: 2,
		told: "is tried again after a minute, then less often, for a day",
	}
	refused = fate{
		invite: v1alpha1.InviteHeld, mail: v1alpha1.DeliveryPending, reason: v1alpha1.ReasonHeld, ready: v1alpha1.ReasonTransportRejected, after: 1,
		told: "waits with all others; after a minute, then less often, it is found out whether that has ended",
	}
	unclear = fate{
		invite: v1alpha1.InviteHeld, mail: v1alpha1.DeliveryPending, reason: v1alpha1.ReasonHeld, ready: v1alpha1.ReasonTransportRejected, after: 1,
		told: "waits with all others, as if the sender were refused. If the mail server takes other mail, it is tried again and has failed at the third such answer, as `ContentRejected`",
	}
	away = fate{
		invite: v1alpha1.InvitePending, mail: v1alpha1.DeliveryPending, reason: v1alpha1.ReasonTemporaryFailure, ready: v1alpha1.ReasonTransportUnreachable,
		most: 1, after: 2,
		told: "waits with all others; after 15 seconds, then less often, it is found out whether that has ended",
	}
)

// mailAnswer is a row of the table: what a mail server says, and what becomes of the mail.
type mailAnswer struct {
	rule mailcatcher.Rule
	fate fate
	// down: nobody listens.
	down bool
	// kinds are those of the mails; nil: all four.
	kinds []v1alpha1.MailKind
	// told stands for what is said, and for what is done; empty: that is what the rule says.
	told, then string
}

func says(stage mailcatcher.Stage, code int, enhanced, text string, f fate) mailAnswer {
	return mailAnswer{rule: mailcatcher.Rule{Stage: stage, Code: code, Enhanced: enhanced, Text: text}, fate: f}
}

const noEnhanced = "-"

// The kinds of which each row has a mail.
const (
	invited  = v1alpha1.MailInvite
	revoked  = v1alpha1.MailRevoked
	approved = v1alpha1.MailApproved
	asked    = v1alpha1.MailTeammateInvite
)

var (
	one  = []v1alpha1.MailKind{invited}
	two  = []v1alpha1.MailKind{invited, revoked} // the third that is refused alike would tell that it is not about them
	four = []v1alpha1.MailKind{invited, revoked, approved, asked}
)

// mailAnswers are the rows. Stages in their order.
var mailAnswers = []mailAnswer{
	{down: true, rule: mailcatcher.Rule{Stage: mailcatcher.Connect}, told: "nobody listens", fate: away},
	{rule: mailcatcher.Rule{Stage: mailcatcher.Connect, Hang: endless}, told: "none within 10 seconds", fate: away},
	says(mailcatcher.Connect, 421, "4.3.2", "come back later", away),
	says(mailcatcher.Ehlo, 421, "4.7.0", "Try again later, closing connection. (EHLO)", away),
	says(mailcatcher.Ehlo, 550, "5.7.1", "EHLO from unknown host refused", refused),
	says(mailcatcher.Auth, 454, "4.7.0", "Temporary authentication failure", away),
	says(mailcatcher.Auth, 535, "5.7.139", "Authentication unsuccessful", refused),
	says(mailcatcher.Auth, 504, "5.7.4", "Unrecognized authentication type", refused),
	says(mailcatcher.MailFrom, 451, "4.3.0", "Temporary server error", later),
	says(mailcatcher.MailFrom, 550, "5.7.1", "sender not allowed", refused),
	says(mailcatcher.Rcpt, 530, "5.7.0", "Authentication required", refused),
	says(mailcatcher.Rcpt, 550, "5.1.8", "Sender address has no mail server", refused),
	says(mailcatcher.Rcpt, 554, "5.7.1", "Relay access denied", unclear),
	says(mailcatcher.Rcpt, 550, "5.7.1", "Relaying denied", unclear),
	says(mailcatcher.Rcpt, 504, "5.5.2", "Helo command rejected: need fully-qualified hostname", unclear),
	says(mailcatcher.Rcpt, 554, "5.7.1", "Client host blocked using zen.spamhaus.org", unclear),
	says(mailcatcher.Rcpt, 554, noEnhanced, "Client host [4.31.198.44] blocked", unclear),
	says(mailcatcher.Rcpt, 421, "4.7.0", "Too many errors", later),
	says(mailcatcher.Rcpt, 450, "4.2.0", "Greylisted", later),
	says(mailcatcher.Rcpt, 452, "4.2.2", "Mailbox full", later),
	says(mailcatcher.Rcpt, 552, "5.2.2", "Mailbox full", later),
	{rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Drop: true}, told: "the connection breaks", fate: later},
	says(mailcatcher.Rcpt, 550, "5.1.1", "No such user", noMailbox),
	says(mailcatcher.Rcpt, 550, "5.1.1", "The account that you tried to reach\ndoes not exist. Please check\nthe address", noMailbox),
	says(mailcatcher.Rcpt, 551, "5.1.6", "User has moved", noMailbox),
	says(mailcatcher.Rcpt, 550, "5.2.1", "Mailbox disabled", noMailbox),
	{rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: noEnhanced, Text: "No such user"}, fate: noMailbox, kinds: two},
	{rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 553, Enhanced: "5.0.0", Text: "Mailbox name not allowed"}, fate: noMailbox, kinds: two},
	{rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: noEnhanced, Text: "No"}, fate: refused,
		told: "the same `550`, `551` or `553` without an enhanced code, or with x.0.0, to three in a row",
		then: "waits with all others, as if the sender were refused; those that had failed by it wait, too"},
	says(mailcatcher.Data, 454, "4.7.0", "Throttling failure: Maximum sending rate exceeded", later),
	{rule: mailcatcher.Rule{Stage: mailcatcher.Data, Hang: endless, Drop: true}, told: "none within 45 seconds", fate: later, kinds: one},
	says(mailcatcher.Data, 550, "5.7.60", "SMTP; Client does not have permissions to send as this sender", unclear),
	says(mailcatcher.Data, 554, "5.2.0", "STOREDRV; SubmissionQuotaExceededException", unclear),
	says(mailcatcher.Data, 554, "5.7.1", "rejected as spam", unclear),
	says(mailcatcher.Data, 552, "5.3.4", "Message size exceeds fixed limit", unfit),
	says(mailcatcher.Data, 554, "5.6.0", "Malformed message", unfit),
}

var stageNames = map[mailcatcher.Stage]string{
	mailcatcher.Connect: "greeting", mailcatcher.Ehlo: "EHLO", mailcatcher.Auth: "AUTH", mailcatcher.MailFrom: "MAIL", mailcatcher.Rcpt: "RCPT", mailcatcher.Data: "final dot",
}

// answer is what the mail server says, for people.
func (a mailAnswer) answer() string {
	if a.told != "" {
		return a.told
	}
	enhanced := a.rule.Enhanced + " "
	if a.rule.Enhanced == noEnhanced {
		enhanced = ""
	}
	return fmt.Sprintf("`%d %s%s`", a.rule.Code, enhanced, strings.ReplaceAll(a.rule.Text, "\n", " "))
}

func (a mailAnswer) String() string { return stageNames[a.rule.Stage] + ": " + a.answer() }

// The page says what the specs below see.
func TestMailAnswersPage(t *testing.T) {
	var table strings.Builder
	table.WriteString("| while it hears | the mail server answers | the mail | reason | `MailReady` |\n|---|---|---|---|---|\n")
	for _, a := range mailAnswers {
		told, ready := a.fate.told, "as it was"
		if a.then != "" {
			told = a.then
		}
		if a.fate.ready != "" {
			ready = "`" + a.fate.ready + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | `%s` | %s |\n", stageNames[a.rule.Stage], a.answer(), told, a.fate.reason, ready)
	}
	const page = "../../docs/operations.md"
	is, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	between := regexp.MustCompile(`(?s)(<!-- mail answers -->\n).*?(<!-- end -->)`)
	if !between.Match(is) {
		t.Fatalf("%s has no place for the table", page)
	}
	want := between.ReplaceAllFunc(is, func([]byte) []byte {
		return []byte("<!-- mail answers -->\n" + table.String() + "<!-- end -->")
	})
	switch {
	case bytes.Equal(is, want):
	case *update:
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not say what mail servers' answers lead to; run this test with -update", page)
	}
}

// answering is a tenant whose mail server gives one answer.
type answering struct {
	mailAnswer
	ns     string
	server *mailcatcher.Catcher
	// approval is the link by which the owner of the team lets somebody be asked.
	approval string
}

// serverOf starts the mail server of a row. It wants a sign-in if the row is about that.
func serverOf(a mailAnswer) *mailcatcher.Catcher {
	GinkgoHelper()
	options := mailcatcher.Options{HTTPAddress: "-"}
	if a.rule.Stage == mailcatcher.Auth {
		options.Username, options.Password, options.STARTTLS = "acme", "pa55w0rd", true
	}
	server, err := mailcatcher.Start(options)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Close)
	server.Script(a.rule)
	if a.down {
		Expect(server.Pause()).To(Succeed())
	}
	return server
}

// useServer lets the mail of a namespace go over a mail server of its own, from when it returns.
func useServer(ns, smtpAddr string, signIn bool) {
	GinkgoHelper()
	data := map[string]string{"url": "smtp://" + smtpAddr + "?tls=none"}
	if signIn {
		data = map[string]string{"url": "smtp://" + smtpAddr, "username": "acme", "password": "pa55w0rd"}
	}
	create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "smtp"}, StringData: data})
	mayRead(ns, "smtp")
	Eventually(func() bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               "system:serviceaccount:" + operatorNamespace + ":partner-operator",
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: ns, Verb: "get", Resource: "secrets", Name: "smtp"},
		}}
		create(review)
		return review.Status.Allowed
	}, soon, often).Should(BeTrue(), "the binding counts")
	brandWith(ns, map[string]string{"smtpSecret": "smtp"})
}

// brandWith declares the brand of a namespace, and waits until the operator knows it.
func brandWith(ns string, data map[string]string) {
	GinkgoHelper()
	data["displayName"] = "Brand of " + ns
	setBrand(ns, data)
	Eventually(func() string { return open(tenantURL(ns, "login"))().Body }, soon, often).Should(ContainSubstring(data["displayName"]))
}

// mails are the kinds of the mails of the row.
func (a *answering) mails() []v1alpha1.MailKind {
	if a.kinds != nil {
		return a.kinds
	}
	return four
}

// pending is a partner who came by invite and waits for the company's approval.
func pending(ns, name string) *v1alpha1.Partnership {
	p := partner(ns, name, "referral")
	p.Spec.Source, p.Spec.Onboarding = v1alpha1.SourceInvite, v1alpha1.OnboardingApproval
	return p
}

// prepare makes what the mails of the row are about, by way of the operator's own mail server.
func (a *answering) prepare(Gomega) {
	GinkgoHelper()
	known(a.ns)
	create(partner(a.ns, string(revoked), "referral"))
	create(pending(a.ns, string(approved)))
	if slices.Contains(a.mails(), asked) {
		declaredTeam(a.ns)
		create(teammates(a.ns, "more", string(asked)))
		a.approval = linkTo(address(a.ns, "owner"), v1alpha1.MailTeammateApproval)
	}
	Eventually(partnershipState(partner(a.ns, string(revoked), "")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	Eventually(partnershipState(partner(a.ns, string(approved), "")), soon, often).Should(Equal(v1alpha1.PartnershipPending))
}

// post makes all mails of the row due.
func (a *answering) post(Gomega) {
	GinkgoHelper()
	for _, kind := range a.mails() {
		switch kind {
		case invited:
			create(invite(a.ns, string(kind), grant("referral", "")))
		case revoked:
			change(partner(a.ns, string(kind), ""), func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "Ended."} })
		case approved:
			decide(partner(a.ns, string(kind), ""), v1alpha1.ApprovalApproved, "", "")
		default:
			Expect(post(somebody(), a.approval+"/approve").Code).To(Equal(http.StatusSeeOther))
		}
	}
}

// standing is where a mail stands.
type standing struct {
	State, Reason string
	Attempts      int32
}

// stands is where the mail of a kind stands.
func (a *answering) stands(kind v1alpha1.MailKind) (s standing) {
	GinkgoHelper()
	switch kind {
	case invited:
		i := reread(invite(a.ns, string(kind)))
		s.State, s.Attempts = string(i.Status.State), i.Status.Attempts
		s.Reason = reasonIn(i.Status.Conditions, v1alpha1.ConditionSent)
	case asked:
		t := reread(teamNamed(a.ns, "agency"))
		s.Reason = reasonIn(t.Status.Conditions, v1alpha1.ConditionMailed)
		if m := teams.Member(t, address(a.ns, string(kind))); m != nil && m.SentTime != nil {
			s.State = string(v1alpha1.DeliverySent) // it is not on the list any more
		}
		for _, mail := range t.Status.Mails {
			if mail.Kind == kind {
				s.State, s.Attempts = string(mail.State), mail.Attempts
			}
		}
	default:
		p := reread(partner(a.ns, string(kind), ""))
		s.Reason = reasonIn(p.Status.Conditions, v1alpha1.ConditionMailed)
		if mail := partnership.Mail(&p.Status, kind, ""); mail != nil {
			s.State, s.Attempts = string(mail.State), mail.Attempts
		}
	}
	return s
}

func reasonIn(conditions []metav1.Condition, conditionType string) string {
	if c := meta.FindStatusCondition(conditions, conditionType); c != nil {
		return c.Reason
	}
	return ""
}

// expect waits until all mails stand as the row says.
func (a *answering) expect(g Gomega) {
	for _, kind := range a.mails() {
		state := string(a.fate.mail)
		if kind == invited {
			state = string(a.fate.invite)
		}
		g.Eventually(func() standing { return a.stands(kind) }, 2*soon, 5*often).Should(And(
			HaveField("State", state), HaveField("Reason", a.fate.reason),
			HaveField("Attempts", And(BeNumerically(">=", a.fate.least), BeNumerically("<=", a.fate.most))),
		), "%s: %s", a, kind)
	}
	ready := condition(program(a.ns, "referral", "", ""), v1alpha1.ConditionMailReady)
	if a.fate.ready == "" {
		g.Expect(ready()).To(Or(BeNil(), HaveField("Status", Not(Equal(metav1.ConditionFalse)))), a.String())
		return
	}
	heard := ContainSubstring("")
	if a.rule.Code != 0 && a.rule.Stage != mailcatcher.Connect { // nothing of a peer that has not greeted is told
		heard = ContainSubstring(strings.Split(a.rule.Text, "\n")[0])
	}
	g.Eventually(ready, soon, 5*often).Should(And(
		HaveField("Status", metav1.ConditionFalse), HaveField("Reason", a.fate.ready), HaveField("Message", heard)), a.String())
	if a.fate.reason == v1alpha1.ReasonHeld && !a.down {
		g.Expect(a.server.Applied()[0]).To(BeNumerically("<=", 3), "%s: one asks for all, two where one does not tell, three where an address is blamed", a)
	}
}

// mend lets the mail server take mail, and waits until all mails have left that can.
func (a *answering) mend(g Gomega) {
	a.server.Script()
	g.Expect(a.server.Resume()).To(Succeed())
	if a.fate.after == 0 {
		return
	}
	for _, kind := range a.mails() {
		g.Eventually(func() standing { return a.stands(kind) }, patience, 10*often).Should(And(
			HaveField("State", string(v1alpha1.DeliverySent)), HaveField("Reason", v1alpha1.ReasonSent),
			HaveField("Attempts", BeNumerically("<=", a.fate.after)),
		), "%s: %s", a, kind)
	}
	g.Eventually(condition(program(a.ns, "referral", "", ""), v1alpha1.ConditionMailReady), soon, 5*often).Should(HaveField("Status", metav1.ConditionTrue), a.String())
}

// check counts the mails that came in the end.
func (a *answering) check(g Gomega) {
	times := 1
	if a.fate.after == 0 {
		times = 0
	}
	for _, kind := range a.mails() {
		came := 0
		for _, mail := range a.server.MessagesTo(address(a.ns, string(kind))) {
			if mail.Kind == string(kind) {
				came++
			}
		}
		g.Expect(came).To(Equal(times), "%s: %s", a, kind)
	}
}

// sideBySide does the same for all rows at once, and fails with the failures of all.
func sideBySide(rows []*answering, do func(*answering, Gomega)) {
	GinkgoHelper()
	var all sync.WaitGroup
	var mutex sync.Mutex
	var failures []string
	for _, row := range rows {
		all.Go(func() {
			defer GinkgoRecover()
			g := NewGomega(func(message string, _ ...int) {
				mutex.Lock()
				failures = append(failures, message)
				mutex.Unlock()
				runtime.Goexit() // nothing more about this row
			})
			do(row, g)
		})
	}
	all.Wait()
	Expect(strings.Join(failures, "\n\n")).To(BeEmpty(), "%d of %d rows fail", len(failures), len(rows))
}

var _ = Describe("what a mail server answers", Label("answers"), func() {
	It("decides what becomes of mail of every kind, and nothing is lost of what the recipient or the mail is not at fault for", func() {
		var rows []*answering
		var authorities []byte
		for _, a := range mailAnswers {
			row := &answering{mailAnswer: a, ns: newTenant(), server: serverOf(a)}
			authorities = append(authorities, row.server.CACertificate()...)
			rows = append(rows, row)
		}
		shared := serverOf(says(mailcatcher.Auth, 535, "5.7.8", "Bad credentials", refused))
		authorities = append(authorities, shared.CACertificate()...)
		sideBySide(rows, (*answering).prepare)
		waiting := through(ways, 2, mailing{fault: "the mail server of all refuses the sign-in", comes: once})

		By("using other mail servers from now on")
		sideBySide(rows, func(row *answering, _ Gomega) {
			useServer(row.ns, row.server.SMTPAddr(), row.rule.Stage == mailcatcher.Auth)
		})
		folder := GinkgoT().TempDir()
		authority, password := filepath.Join(folder, "authorities.pem"), filepath.Join(folder, "password")
		Expect(os.WriteFile(authority, authorities, 0o600)).To(Succeed())
		Expect(os.WriteFile(password, []byte("pa55w0rd"), 0o600)).To(Succeed())
		GinkgoT().Setenv("SSL_CERT_FILE", authority)
		Expect(running.Stop()).To(Succeed())
		DeferCleanup(restart)
		startOperator("--smtp-url=smtp://acme@"+shared.SMTPAddr(), "--smtp-password-file="+password)

		before := inbox
		inbox = shared
		DeferCleanup(func() { inbox = before })

		began := time.Now()
		var others sync.WaitGroup
		others.Go(func() {
			defer GinkgoRecover()
			sideBySide(rows, (*answering).post)
			sideBySide(rows, func(row *answering, g Gomega) {
				row.expect(g)
				row.mend(g)
			})
			sideBySide(rows, (*answering).check)
		})
		defer others.Wait()
		postAll(waiting)
		waitTogether(waiting, shared)
		others.Wait()
		AddReportEntry("mended", fmt.Sprintf("all mail that could had left after %s", time.Since(began).Round(time.Second)))
	})

	itInFull("is not asked more often because something touches the brand's Secret all the time", func() {
		server := serverOf(says(mailcatcher.Ehlo, 550, "5.7.1", "who are you", refused))
		ns := newTenant()
		known(ns)
		useServer(ns, server.SMTPAddr(), false)
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		DeferCleanup(func() { Expect(api.Delete(ctx, i)).To(Succeed()) })
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteHeld))
		began, touched := time.Now(), 0
		Eventually(func() time.Duration {
			touched++
			kubectl("-n", ns, "label", "--overwrite", "secret", "smtp", fmt.Sprintf("touched=%d", touched))
			change(i, func(i *v1alpha1.PartnerInvite) {
				i.Spec.DisplayName = v1alpha1.LineOfText(fmt.Sprintf("Ada %d", touched))
			}) // for it the Secret is looked at
			return time.Since(began)
		}, 4*time.Minute, time.Second).Should(BeNumerically(">", 150*time.Second))
		Expect(server.Connections()).To(BeNumerically("<=", 2), "it is asked at once, after a minute, and then two minutes later")
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteHeld))
	})
})

// waitTogether waits until mail of all kinds waits for a mail server that refuses the sign-in, and once it does not any
// more, until each has come once.
func waitTogether(waiting []*mailing, server *mailcatcher.Catcher) {
	GinkgoHelper()
	for _, m := range waiting {
		word := string(v1alpha1.DeliveryPending)
		if m.way.name == "invite" {
			word = v1alpha1.ReasonHeld
		}
		m.allSay(word)
	}
	tried := server.Logins()
	Expect(tried).To(BeNumerically("<=", workers+2), "those that were on their way when the first was refused")
	written, most := func() (count int) {
		for _, m := range waiting {
			count += m.statusWrites() - m.before
		}
		return count
	}, 0
	for _, m := range waiting {
		most += (m.way.asked + 1) * m.size
	}
	Expect(written()).To(BeNumerically("<=", most+tried), "what is tried is claimed and recorded, and what waits is written once")
	before := written()
	Consistently(func() [2]int { return [2]int{written(), server.Logins()} }, quiet, often).Should(Equal([2]int{before, tried}), "nothing goes on while mail waits")
	if full { // to find out takes a minute, and after that two
		Eventually(server.Logins, patience, often).Should(Equal(tried + 1))
		Consistently(func() [2]int { return [2]int{written(), server.Logins()} }, 10*quiet, often).Should(Equal([2]int{before, tried + 1}),
			"one signs in for mail of all kinds and of all namespaces, and claims none")
	}
	server.Script()
	for _, m := range waiting {
		m.settle()
		m.check(m.count(), []string{running.Log()})
	}
}
