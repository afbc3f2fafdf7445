package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
)

var _ = Describe("an answer that comes before the record of the mail", Label("portal"), func() {
	It("is told once", func() {
		ns := newTenant()
		known(ns)
		var writes atomic.Int32
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/"+ns+"/partnerinvites/ada/status") && writes.Add(1) == 2 {
				return apiproxy.Stall // the first is the claim
			}
			return apiproxy.None
		})
		lift := func() { proxy.Break(nil) }
		DeferCleanup(lift)
		i := invite(ns, "ada", grant("referral", "gold"))
		create(i)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		Eventually(proxy.Held, soon, often).Should(Equal(1), "the record waits")
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		lift()
		Eventually(func() *metav1.Time { return reread(i).Status.SentTime }, soon, often).ShouldNot(BeNil())
		Eventually(eventReasons(i), soon, often).Should(ContainElement("Accepted"))
		Consistently(eventReasons(i), quiet, often).Should(Equal([]string{"Accepted"}))
	})
})
