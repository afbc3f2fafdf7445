// Package mailservers sends mail to real mail servers, Postfix and Exim, and checks whose fault each of their refusals is taken
// for. They are Debian's, unpacked into the user's cache by hack/clients/debian.sh. What a machine lacks is said in a line, and
// is a failure with REQUIRED=1.
package mailservers

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/machine"
	"github.com/partner-operator/partner-operator/hack/operator"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

const (
	root = "../../.."
	// patience ends what would otherwise hang.
	patience = 30 * time.Second

	sender    = "partners@acme.example"
	recipient = "mara@partner.example"
	// link is longer than a line of a mail may be where it is folded.
	link = "https://partners.acme.example/t/acme/invite/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789abcdef"
)

// unpacked is the folder that holds a mail server and its libraries.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	if os.Getuid() != 0 {
		machine.Lacks(t, name, "it has to be started by root")
	}
	var why bytes.Buffer
	command := exec.CommandContext(t.Context(), root+"/hack/clients/debian.sh", name)
	command.Stderr = &why
	folder, err := command.Output()
	if err != nil {
		machine.Lacks(t, name, err, why.String())
	}
	return strings.TrimSpace(string(folder))
}

// temporary is a folder that processes of other users can enter.
func temporary(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "mailserver")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o755); err != nil { //nolint:gosec // processes of other users enter it
		t.Fatal(err)
	}
	return folder
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// authority writes a certificate that signs itself, for 127.0.0.1, with its key.
func authority(t *testing.T, certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail server"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
}

// freePort is a port of 127.0.0.1 that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	address, err := operator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(address, ":")
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// process is a mail server that runs.
type process struct {
	command *exec.Cmd
	output  *bytes.Buffer
	ended   chan struct{}
}

// run starts a mail server in a process group of its own, which ends with the test, and waits until it listens.
func run(t *testing.T, port int, environment []string, program string, args ...string) *process {
	t.Helper()
	p := &process{command: exec.CommandContext(context.Background(), program, args...), output: &bytes.Buffer{}, ended: make(chan struct{})}
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environment...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.stop)
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = connection.Close()
			return p
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended: %s", program, p.output)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen", program)
		}
	}
}

// stop ends a mail server with all that it started.
func (p *process) stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// to is the way to a mail server without TLS, as the operator's flags say it.
func to(port int) smtp.Config {
	return smtp.Config{Host: "127.0.0.1", Port: port, TLS: smtp.None, Helo: "partners.acme.example"}
}

// german is an invite in German, whose words and link need more than ASCII and a line.
func german(number int) mail.Message {
	return mail.Message{
		Kind: v1alpha1.MailInvite, ID: fmt.Sprintf("invite.%04d.1@acme.example", number), To: recipient,
		From:    &netmail.Address{Name: "Müller & Söhne", Address: sender},
		Subject: "Einladung zum Partnerprogramm für Händlerinnen und Händler in Österreich, der Schweiz und überall sonst",
		Text:    "Grüß Gott,\n\nhier geht es weiter:\n\n" + link + "\n\nSchöne Grüße\n",
		HTML:    `<p>Grüß Gott,</p><p><a href="` + link + `">hier geht es weiter</a></p>`,
	}
}

func send(t *testing.T, config smtp.Config, message mail.Message) delivery.Outcome {
	t.Helper()
	channel := smtp.NewChannel(config)
	defer channel.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return channel.Dispatch(ctx, message)
}

// recipe is a mail server that refuses in its own way, and who is meant by that.
type recipe struct {
	// says is how the mail server is told to refuse.
	says string
	// given changes what is sent to it.
	given func(config *smtp.Config, message *mail.Message)
	class delivery.Class
	stage delivery.Stage
	// code and words are of the answer.
	code  int
	words string
}

// check sends a mail to the mail server of a recipe.
func (r recipe) check(t *testing.T, port int) {
	t.Helper()
	config, message := to(port), german(0)
	if r.given != nil {
		r.given(&config, &message)
	}
	o := send(t, config, message)
	if o.Class != r.class || o.Stage != r.stage || o.Code != r.code || !strings.Contains(o.Message, r.words) {
		t.Errorf("got %v at %v, %d %q\nwant %v at %v, %d %q", o.Class, o.Stage, o.Code, o.Message, r.class, r.stage, r.code, r.words)
	}
	if strings.Contains(o.Message, message.To) {
		t.Errorf("the address is told: %q", o.Message)
	}
}

// toNobody sends to a mailbox that there is not.
func toNobody(_ *smtp.Config, message *mail.Message) { message.To = "nobody@partner.example" }

// elsewhere sends to a domain that is none of the mail server's.
func elsewhere(_ *smtp.Config, message *mail.Message) { message.To = "mara@elsewhere.example" }

// calledPod says hello as what has no domain.
func calledPod(config *smtp.Config, _ *mail.Message) { config.Helo = "partner-operator-7d9f" }
