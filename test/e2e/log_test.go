package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

var _ = Describe("the log", func() {
	It("tells what matters, and no address, link or password", func() {
		Expect(running.Stop()).To(Succeed())
		DeferCleanup(func() { startOperator() })
		const password = "pa55w0rd-0f-the-mail-server"
		server, err := mailcatcher.Start(mailcatcher.Options{Username: "acme", Password: password, STARTTLS: true})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(server.Close)
		file := filepath.Join(GinkgoT().TempDir(), "password")
		Expect(os.WriteFile(file, []byte(password), 0o600)).To(Succeed())
		authority := filepath.Join(GinkgoT().TempDir(), "authority.pem")
		Expect(os.WriteFile(authority, server.CACertificate(), 0o600)).To(Succeed())
		GinkgoT().Setenv("SSL_CERT_FILE", authority)
		before := inbox
		inbox = server
		DeferCleanup(func() { inbox = before })
		running, err = operator.Start(ctx, operator.Options{
			Binary: binary, Cluster: plane, Kubeconfig: proxy.Kubeconfig, PortalAddress: portalAddress,
			Args: []string{"--leader-elect", "--smtp-url=smtp://acme@" + server.SMTPAddr(), "--smtp-password-file=" + file, "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"},
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(running.Stop()).To(Succeed()) })

		server.Script(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: "nobody@x.example", Code: 550, Text: "no such user nobody@x.example"})
		ns := linkingTenant()
		person, p := accepted(ns, "ada", grant("referral", "gold"))
		Expect(get(person, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		signedIn(ns, "ada")
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "over"} })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		i := invite(ns, "nobody", grant("referral", "gold"))
		i.Spec.Contact.Email = "nobody@x.example"
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteFailed))
		create(&v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "waits"}, Spec: v1alpha1.PartnerInviteSpec{
			Contact: v1alpha1.Contact{Email: "eve@x.example"}, Programs: []v1alpha1.ProgramGrant{{Name: "later"}}}})
		_, wrong := sentInvite(ns, "wanda", grant("referral", "gold"))
		Expect(post(somebody(), wrong+"/accept", "email", "mallory@x.example").Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(open(tenantURL(ns, "invite/AQ"))().Code).To(Equal(http.StatusNotFound))
		Expect(post(person, tenantURL(ns, "signout")).Code).To(Equal(http.StatusSeeOther))
		declaredTeam(ns)
		join(signedIn(ns, "owner"), ns, "carl", v1alpha1.RoleMember)
		create(partnerLink(ns, "summer", p.Name))
		Eventually(linkState(partnerLink(ns, "summer", "")), soon, often).Should(Equal(v1alpha1.LinkUnattributed))
		Eventually(func() string { return running.Log() }, soon, often).Should(ContainSubstring(`"ProgramNotFound"`))
		Expect(running.Stop()).To(Succeed())

		said, audited := map[string]int{}, map[string]int{}
		for line := range strings.Lines(running.Log()) {
			var entry map[string]any
			Expect(json.Unmarshal([]byte(line), &entry)).To(Succeed(), line)
			Expect(entry).To(And(HaveKey("level"), HaveKey("ts"), HaveKey("msg")), line)
			for key := range entry {
				Expect(key).To(MatchRegexp(`^[a-z][A-Za-z]*$`), line)
			}
			if entry["namespace"] != nil && entry["namespace"] != ns {
				continue // what other specs left may go on meanwhile
			}
			said[fmt.Sprint(entry["msg"])]++
			if entry["logger"] == "audit" {
				Expect(entry).To(And(HaveKey("route"), HaveKey("client")), line)
				audited[strings.TrimSpace(fmt.Sprintf("%v %v of %v %v %v", entry["action"], entry["outcome"], entry["kind"], entry["name"], entry["reason"]))]++
			}
			Expect(entry).NotTo(And(HaveKeyWithValue("level", "error"), HaveKey("namespace")), line)
			if entry["msg"] == "Mail sent" {
				Expect(entry).To(And(HaveKey("controller"), HaveKey("kind"), HaveKeyWithValue("namespace", ns), HaveKey("name"), HaveKey("mail"), HaveKey("seconds")), line)
			}
		}
		mails := slices.DeleteFunc(server.Messages(), func(m mailcatcher.Message) bool { return !strings.HasSuffix(m.To[0], "@"+ns+".example") })
		for what, count := range map[string]int{
			"Mail sent": len(mails), "Mail not sent": 1, "Accepted": 1, "Activated": 2, "Revoked": 1, "ProgramNotFound": 1, "MemberInvited": 1, "MemberActive": 1,
		} {
			Expect(said).To(HaveKeyWithValue(what, count))
		}
		for what, count := range map[string]int{
			"AcceptInvite done of PartnerInvite ada <nil>": 1, "AcceptInvite wrong_input of PartnerInvite wanda WrongAddress": 1, "OpenInvite unknown of <nil> <nil> BadToken": 1,
			"AskToSignIn done of <nil> <nil> <nil>": 2, "SignIn done of PartnerTeam agency <nil>": 1, "SignOut done of <nil> <nil> <nil>": 1,
			"InviteTeammate done of PartnerTeam agency <nil>": 1, "JoinTeam done of PartnerTeam agency <nil>": 1,
		} {
			Expect(audited).To(HaveKeyWithValue(what, count))
		}
		Expect(said).NotTo(Or(HaveKey("Sent"), HaveKey("AddressRejected"), HaveKey("Starting workers")), "a mail is one line, and starting is not twenty")

		for line := range strings.Lines(running.Log()) {
			Expect(line).NotTo(Or(MatchRegexp(`[A-Za-z0-9._%+-]{2,}@`), ContainSubstring(password)))
		}
		links := 0
		for _, mail := range mails {
			for _, link := range mail.Links {
				links++
				Expect(running.Log()).NotTo(ContainSubstring(link[strings.LastIndex(link, "/")+1:]))
			}
		}
		Expect(links).To(BeNumerically(">=", 4), "an invite, a teammate's and two to sign in")
	})
})
