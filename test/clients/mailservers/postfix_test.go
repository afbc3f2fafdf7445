package mailservers

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"

	"github.com/partner-operator/partner-operator/hack/machine"
)

// postfixRecipes are settings of Postfix's smtpd, each for a listener of its own.
func postfixRecipes() map[string]recipe {
	at := func(restrictions string) string { return "smtpd_recipient_restrictions=" + restrictions }
	client := func(what string) string {
		return "smtpd_client_restrictions=check_client_access,inline:{{127.0.0.1=" + what + "}}"
	}
	rcpt := func(what string) string {
		return at("check_recipient_access,inline:{{" + recipient + "=" + what + "}}")
	}
	from := func(what string) string {
		return "smtpd_sender_restrictions=check_sender_access,inline:{{" + sender + "=" + what + "}}"
	}
	return map[string]recipe{
		"an unknown user": {given: toNobody, class: delivery.Recipient, stage: delivery.StageRecipient, code: 550, words: "5.1.1"},
		"a name in HELO without a domain": {
			says: "smtpd_helo_restrictions=reject_non_fqdn_helo_hostname", given: calledPod,
			class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 504, words: "Helo command rejected",
		},
		"such a name, refused at once": {
			says: "smtpd_helo_restrictions=reject_non_fqdn_helo_hostname -o smtpd_delay_reject=no", given: calledPod,
			class: delivery.Refused, stage: delivery.StageHello, code: 504, words: "Helo command rejected",
		},
		"a block list": {
			says: client("554 5.7.1 Service unavailable; Client host blocked using zen.example"), class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 554, words: "blocked using",
		},
		"a relay that is not permitted": {given: elsewhere, class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 554, words: "Relay access denied"},
		"a sender whose domain is not found": {
			says: from("550 5.1.8 Domain not found"), class: delivery.Refused, stage: delivery.StageRecipient, code: 550, words: "Domain not found",
		},
		"a sender that is not let in": {
			says: from("REJECT"), class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 554, words: "Sender address rejected",
		},
		"a sender that is none of its users": {
			says:  "smtpd_reject_unlisted_sender=yes",
			given: func(_ *smtp.Config, m *mail.Message) { m.From = &netmail.Address{Address: "nobody@partner.example"} },
			class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 550, words: "Sender address rejected",
		},
		"SPF": {
			says: from("550 5.7.23 SPF validation failed"), class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 550, words: "SPF",
		},
		"a quota of the sender": {
			says: from("452 4.7.1 too much mail for an hour"), class: delivery.Temporary, stage: delivery.StageRecipient, code: 452, words: "too much mail",
		},
		"a full mailbox": {
			says: rcpt("552 5.2.2 Mailbox full"), class: delivery.Temporary, stage: delivery.StageRecipient, code: 552, words: "Mailbox full",
		},
		"greylisting": {
			says: rcpt("451 4.7.1 Greylisted"), class: delivery.Temporary, stage: delivery.StageRecipient, code: 451, words: "Greylisted",
		},
		"a disabled mailbox": {
			says: rcpt("550 5.2.1 Mailbox disabled"), class: delivery.Recipient, stage: delivery.StageRecipient, code: 550, words: "Mailbox disabled",
		},
		"spam": {
			says: "cleanup_service_name=spam", class: delivery.Ambiguous, stage: delivery.StageContent, code: 550, words: "spam",
		},
		"a mail that is too long": {
			says: "message_size_limit=100", class: delivery.Content, stage: delivery.StageContent, code: 552, words: "5.3.4",
		},
		"a sign-in that is needed": {
			says: "smtpd_client_restrictions=permit_sasl_authenticated,reject", class: delivery.Ambiguous, stage: delivery.StageRecipient, code: 554, words: "Access denied",
		},
	}
}

// postfix is a Postfix of its own folders and ports.
type postfix struct {
	folder, programs string
	environment      []string
	ports            map[string]int
	process          *process
}

const (
	withTLS, withAUTH = "STARTTLS and a password", "TLS from the first byte"
	name, password    = "operator", "right horse battery"
)

func startPostfix(t *testing.T, recipes map[string]recipe) *postfix {
	t.Helper()
	programs := unpacked(t, "postfix")
	p := &postfix{folder: temporary(t), programs: programs, ports: map[string]int{}}
	libraries := programs + "/usr/lib/postfix:" + programs + "/usr/lib/x86_64-linux-gnu"
	p.environment = []string{"LD_LIBRARY_PATH=" + libraries, "MAIL_CONFIG=" + p.folder + "/etc"}
	owner, group := p.account(t, "news"), p.account(t, "uucp")
	authority(t, p.folder+"/etc/certificate.pem", p.folder+"/etc/key.pem")
	// The queue manager is whoever the owner is; all folders but that of process IDs are its own.
	for _, folder := range []string{
		"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private", "public", "saved", "trace", "../data", "../mail",
	} {
		path := filepath.Join(p.folder, "queue", folder)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if folder != "pid" {
			if err := os.Chown(path, owner, group); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t, p.folder+"/etc/main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = %[2]s/usr/sbin
daemon_directory = %[2]s/usr/lib/postfix/sbin
meta_directory = %[1]s/etc
shlib_directory = no
mail_owner = news
setgid_group = uucp
default_privs = nobody
maillog_file = %[1]s/mail.log
maillog_file_prefixes = %[1]s
import_environment = MAIL_CONFIG LD_LIBRARY_PATH=%[3]s
myhostname = mail.partner.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
mydestination =
mynetworks =
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
virtual_mailbox_domains = partner.example
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = inline:{%[4]s=mara/}
virtual_uid_maps = static:%[5]d
virtual_gid_maps = static:%[6]d
virtual_minimum_uid = 1
default_transport = error:no mail leaves the test
smtpd_tls_cert_file = %[1]s/etc/certificate.pem
smtpd_tls_key_file = %[1]s/etc/key.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:%[7]s
`, p.folder, programs, libraries, recipient, owner, group, passwords(t)))
	services := fmt.Sprintf(`pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
spam unix n - n - 0 cleanup -o header_checks=regexp:%s
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`, p.folder+"/etc/spam")
	write(t, p.folder+"/etc/spam", "/./ REJECT looks like spam\n")
	listen := func(name, options string) {
		p.ports[name] = freePort(t)
		services += fmt.Sprintf("127.0.0.1:%d inet n - n - - smtpd%s\n", p.ports[name], options)
	}
	listen("", "")
	listen(withTLS, " -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject")
	listen(withAUTH, " -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject")
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		listen(name, options(recipes[name].says))
	}
	write(t, p.folder+"/etc/master.cf", services)
	p.start(t)
	return p
}

// options are those of a service: each that holds a blank stands in braces.
func options(says string) string {
	var text strings.Builder
	for _, option := range strings.Split(says, " -o ") {
		if key, value, found := strings.Cut(option, "="); found {
			fmt.Fprintf(&text, " -o { %s = %s }", key, value)
		}
	}
	return text.String()
}

func (p *postfix) account(t *testing.T, name string) int {
	t.Helper()
	known, err := user.Lookup(name)
	if err != nil {
		machine.Lacks(t, "Postfix", err)
	}
	number, err := strconv.Atoi(known.Uid)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func (p *postfix) start(t *testing.T) {
	t.Helper()
	p.process = run(t, p.ports[""], p.environment, p.programs+"/usr/lib/postfix/sbin/master", "-c", p.folder+"/etc", "-d")
}

// arrived waits for so many mails, and returns all that there are.
func (p *postfix) arrived(t *testing.T, count int) (texts []string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		files, err := filepath.Glob(p.folder + "/mail/mara/new/*")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) >= count || time.Now().After(end) {
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, string(text))
			}
			if len(files) != count {
				log, _ := os.ReadFile(p.folder + "/mail.log")
				t.Fatalf("%d mails arrived, want %d; Postfix says\n%s", len(files), count, log)
			}
			return texts
		}
	}
}

// passwords answers Postfix as Dovecot's auth service does, and returns where.
func passwords(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go judge(connection)
		}
	}()
	return listener.Addr().String()
}

// judge is one conversation about passwords.
func judge(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	_, _ = fmt.Fprint(connection, "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n")
	for lines := bufio.NewScanner(connection); lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		if fields[0] != "AUTH" {
			continue
		}
		_, response, _ := strings.Cut(lines.Text(), "resp=")
		plain, _ := base64.StdEncoding.DecodeString(response)
		verdict := "FAIL"
		if string(plain) == "\x00"+name+"\x00"+password {
			verdict = "OK"
		}
		_, _ = fmt.Fprintf(connection, "%s\t%s\tuser=%s\n", verdict, fields[1], name)
	}
}

func TestPostfix(t *testing.T) {
	recipes := postfixRecipes()
	p := startPostfix(t, recipes)
	t.Run("a mail in German arrives with its link", func(t *testing.T) {
		if o := send(t, to(p.ports[""]), german(1)); o.Class != delivery.Accepted {
			t.Fatalf("got %+v", o)
		}
		checkGerman(t, p.arrived(t, 1)[0])
	})
	t.Run("a password with blanks over TLS of a private authority", func(t *testing.T) {
		for number, way := range []string{withTLS, withAUTH} {
			config := to(p.ports[way])
			config.TLS = map[string]smtp.TLSMode{withTLS: smtp.StartTLS, withAUTH: smtp.Implicit}[way]
			if o := send(t, config, german(2)); o.Class != delivery.Unreachable || !strings.Contains(o.Message, "unknown authority") {
				t.Errorf("%s, without the authority: %+v", way, o)
			}
			config.CAFile = p.folder + "/etc/certificate.pem"
			config.Username, config.PasswordFile = name, filepath.Join(t.TempDir(), "password")
			write(t, config.PasswordFile, "wrong\n")
			if o := send(t, config, german(2)); o.Class != delivery.Refused || !o.BeforeMail || o.Code != 535 {
				t.Errorf("%s, a wrong password: %+v", way, o)
			}
			write(t, config.PasswordFile, password+"\n")
			if o := send(t, config, german(2+number)); o.Class != delivery.Accepted {
				t.Errorf("%s: %+v", way, o)
			}
			p.arrived(t, 2+number)
		}
	})
	t.Run("refusals", func(t *testing.T) {
		for name, r := range recipes {
			t.Run(name, func(t *testing.T) { r.check(t, p.ports[name]) })
		}
		p.arrived(t, 3)
	})
	t.Run("it stops and comes back", func(t *testing.T) {
		p.process.stop()
		if o := send(t, to(p.ports[""]), german(4)); o.Class != delivery.Unreachable {
			t.Errorf("while it is away: %+v", o)
		}
		p.start(t)
		if o := send(t, to(p.ports[""]), german(4)); o.Class != delivery.Accepted {
			t.Errorf("once it is back: %+v", o)
		}
		p.arrived(t, 4)
	})
}

// checkGerman reads a mail as its reader does.
func checkGerman(t *testing.T, text string) {
	t.Helper()
	message, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{"Subject": german(1).Subject, "Message-Id": "<" + german(1).ID + ">"} {
		if got, err := (&mime.WordDecoder{}).DecodeHeader(message.Header.Get(header)); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", header, got, want, err)
		}
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	count := 0
	for ; ; count++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var body io.Reader = part
		if part.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			body = quotedprintable.NewReader(part)
		}
		read, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(read), link) || !strings.Contains(string(read), "Grüß Gott") {
			t.Errorf("the part %s says %q", part.Header.Get("Content-Type"), read)
		}
	}
	if count != 2 {
		t.Errorf("%d parts, want text and HTML", count)
	}
}
