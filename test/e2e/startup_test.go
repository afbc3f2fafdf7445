package e2e

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/operator"
)

var _ = Describe("the operator's start", func() {
	DescribeTable("ends with one clear line and exit code 1", func(want string, args ...string) {
		var said bytes.Buffer
		command := exec.Command(binary, args...)
		command.Stdout, command.Stderr = &said, &said
		command.Env = []string{"HOME=" + GinkgoT().TempDir()}
		err := command.Run()
		Expect(err).To(HaveOccurred())
		Expect(command.ProcessState.ExitCode()).To(Equal(1))
		Expect(strings.TrimSpace(said.String())).To(And(HavePrefix("partner-operator: "), ContainSubstring(want)))
		Expect(strings.Count(said.String(), "\n")).To(Equal(1), said.String())
	},
		Entry("without the portal's address", "--portal-url is required"),
		Entry("with a flag that there is not", "-mail-server", "--mail-server=x"),
		Entry("with a bad SMTP address", "--smtp-url", "--portal-url=http://p.example", "--smtp-url=http://mail.example"),
		Entry("with a password in the SMTP address", "--smtp-password-file", "--portal-url=http://p.example", "--smtp-url=smtp://u:p@mail.example"),
		Entry("with no way to the API server", "--kubeconfig", "--portal-url=http://p.example"),
		Entry("with a kubeconfig that is not there", "no such file", "--portal-url=http://p.example", "--kubeconfig=/nonexistent/kubeconfig"),
	)

	It("says in one line that the API server is away", func() {
		account, _, err := plane.ServiceAccountConfig(ctx, operatorNamespace, "partner-operator")
		Expect(err).NotTo(HaveOccurred())
		away, err := apiproxy.Start(account)
		Expect(err).NotTo(HaveOccurred())
		kubeconfig := filepath.Join(GinkgoT().TempDir(), "kubeconfig")
		text, err := os.ReadFile(away.Kubeconfig)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(kubeconfig, text, 0o600)).To(Succeed())
		Expect(away.Close()).To(Succeed())
		said, err := exec.Command(binary, "--portal-url=http://p.example", "--portal-bind-address=127.0.0.1:0", "--kubeconfig="+kubeconfig).CombinedOutput()
		Expect(err).To(HaveOccurred())
		Expect(string(said)).To(And(ContainSubstring("cannot be reached"), ContainSubstring("connection refused")))
		Expect(strings.Count(string(said), "\n")).To(Equal(1), string(said))
	})

	DescribeTable("serves metrics to whom it should", func(scheme string, code int, args ...string) {
		address, err := operator.FreeAddress()
		Expect(err).NotTo(HaveOccurred())
		second, err := operator.Start(ctx, operator.Options{
			Binary: binary, Cluster: plane, Kubeconfig: proxy.Kubeconfig,
			Args: append([]string{"--leader-elect", "--metrics-bind-address=" + address}, args...),
		})
		Expect(err).NotTo(HaveOccurred())
		defer func() { Expect(second.Stop()).To(Succeed()) }()
		insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		Eventually(func() (int, error) { // its certificate is made after the start
			response, err := insecure.Get(scheme + "://" + address + "/metrics")
			if err != nil {
				return 0, err
			}
			return response.StatusCode, response.Body.Close()
		}, soon, often).Should(Equal(code))
		Expect(get(somebody(), second.Portal+"/t/nobody/login").Code).To(Equal(http.StatusNotFound), "a replica that does not lead serves the portal")
	},
		Entry("over https to nobody unknown", "https", http.StatusUnauthorized),
		Entry("over http to everybody, if told so", "http", http.StatusOK, "--metrics-secure=false"),
	)
})
