package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

var _ = Describe("a file of invites with mistakes", func() {
	It("tells each mistake apart at a glance, sends the others, and sends nothing when it is applied again", func() {
		ns := newTenant()
		inbox.Script(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: address(ns, "refused"), Code: 550, Enhanced: "5.1.1", Text: "no such user"})
		defer inbox.Script()
		var file strings.Builder
		add := func(name, email, group string) {
			fmt.Fprintf(&file, "---\napiVersion: partner-operator.io/v1alpha1\nkind: PartnerInvite\nmetadata: {name: %s}\nspec:\n  contact: {email: %q}\n  programs: [{name: referral%s}]\n", name, email, group)
		}
		for n := range 16 {
			add(fmt.Sprintf("good-%02d", n), address(ns, fmt.Sprintf("good-%02d", n)), "")
		}
		add("malformed", "Bob <bob@example.com>", "")
		add("twice", strings.ToUpper(address(ns, "good-00")), "")
		add("no-group", address(ns, "no-group"), ", groupRef: {name: platinum}")
		add("refused", address(ns, "refused"), "")
		path := filepath.Join(GinkgoT().TempDir(), "invites.yaml")
		Expect(os.WriteFile(path, []byte(file.String()), 0o600)).To(Succeed())

		said, err := plane.Kubectl(ctx, "apply", "-n", ns, "-f", path).CombinedOutput()
		Expect(err).To(HaveOccurred(), "one of them is malformed")
		Expect(string(said)).To(And(ContainSubstring(`"malformed" is invalid: spec.contact.email`), ContainSubstring("must be one plain mail address such as ada@example.com")))
		for n := range 16 {
			Eventually(stateOf(invite(ns, fmt.Sprintf("good-%02d", n))), soon, often).Should(Equal(v1alpha1.InviteSent))
		}
		Eventually(stateOf(invite(ns, "twice")), soon, often).Should(Equal(v1alpha1.InviteRefused))
		Eventually(stateOf(invite(ns, "refused")), soon, often).Should(Equal(v1alpha1.InviteFailed))
		Eventually(stateOf(invite(ns, "no-group")), soon, often).Should(Equal(v1alpha1.InvitePending))
		table := kubectl("get", "pinvite", "-n", ns)
		for _, row := range []string{
			`good-00 +g\*\*\*@\S+ +Sent +Sent`, `twice +\S+ +Refused +DuplicateInvite`, `refused +\S+ +Failed +AddressRejected`, `no-group +\S+ +Pending +GroupNotFound`,
		} {
			Expect(table).To(MatchRegexp(row))
		}
		AddReportEntry("table", table)

		settle()
		mails := inbox.Count()
		proxy.Forget()
		_, err = plane.Kubectl(ctx, "apply", "-n", ns, "-f", path).CombinedOutput()
		Expect(err).To(HaveOccurred())
		Consistently(proxy.Writes, quiet, often).Should(BeZero())
		Expect(inbox.Count()).To(Equal(mails))
	})
})
