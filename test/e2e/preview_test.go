package e2e

import (
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// plugin runs kubectl partner as a person does, who has the plugin on the PATH.
func plugin(args ...string) (string, error) {
	GinkgoHelper()
	bin, err := filepath.Abs("../../bin")
	Expect(err).NotTo(HaveOccurred())
	command := plane.Kubectl(ctx, append([]string{"partner"}, args...)...)
	command.Env = append(command.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	return string(out), err
}

var _ = Describe("kubectl partner preview", func() {
	It("shows the mail that is sent afterwards, and changes nothing", func() {
		ns := newTenant()
		setBrand(ns, map[string]string{"displayName": "Acme", "mailFrom": "Desk <desk@acme.example>", "replyTo": "jo@acme.example", "templates.invite": "words"})
		create(configMap(ns, "words", map[string]string{"subject": "{{.Company}} and {{.FirstName}}", "markdown": "Come to {{.Lead}} until {{.Expiry}}: {{.Link}}"}))
		i := invite(ns, "ada", grant("referral", "gold"))
		i.APIVersion, i.Kind = v1alpha1.GroupVersion.String(), "PartnerInvite"
		manifest, err := yaml.Marshal(i)
		Expect(err).NotTo(HaveOccurred())
		file := filepath.Join(GinkgoT().TempDir(), "invite.yaml")
		Expect(os.WriteFile(file, manifest, 0o600)).To(Succeed())

		shown, err := plugin("preview", "-f", file, "-n", ns)
		Expect(err).NotTo(HaveOccurred(), shown)
		Expect(kubectl("get", "pinvite", "-n", ns)).To(ContainSubstring("No resources found"))

		kubectl("apply", "-f", file)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		mail := mailsOf(address(ns, "ada"), v1alpha1.MailInvite)[0]
		head, body, _ := strings.Cut(shown, "\n\n")
		Expect(head).To(Equal("From: Desk <desk@acme.example>\nReply-To: jo@acme.example\nTo: " + address(ns, "ada") + "\nSubject: " + mail.Subject))
		sentence, _, _ := strings.Cut(mail.Text, link)
		Expect(body).To(HavePrefix(strings.Split(sentence, " until ")[0]), "but for the time and the link it is the same")
		Expect(body).To(ContainSubstring("/t/" + ns + "/invite/this-is-a-preview"))
		Expect(shown).NotTo(ContainSubstring(link))

		page, err := plugin("preview", "ada", "-n", ns, "-o", "html")
		Expect(err).NotTo(HaveOccurred(), page)
		Expect(page).To(ContainSubstring("Come to Acme Referral"))
	})

	It("tells what keeps a mail from being sent", func() {
		ns := newTenant()
		create(invite(ns, "ada", grant("nowhere", "")))
		shown, err := plugin("preview", "ada", "-n", ns)
		Expect(err).To(HaveOccurred())
		Expect(shown).To(HavePrefix(`error: PartnerInvite "ada": nothing would be sent: Program "nowhere" does not exist`))

		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Invites.TemplateRef = template("broken") })
		create(configMap(ns, "broken", map[string]string{"text": "{{.Link}} {{.Nobody}}"}))
		create(invite(ns, "grace", grant("referral", "")))
		shown, err = plugin("preview", "grace", "-n", ns)
		Expect(err).To(HaveOccurred())
		Expect(shown).To(ContainSubstring(`templateRef of Program "referral": ConfigMap "broken": text:1`))

		shown, err = plugin("preview", "nobody", "-n", ns)
		Expect(err).To(HaveOccurred())
		Expect(shown).To(ContainSubstring(`PartnerInvite "nobody": does not exist in namespace "` + ns))
		Expect(strings.Count(shown, "\n")).To(Equal(1), shown)
	})
})
