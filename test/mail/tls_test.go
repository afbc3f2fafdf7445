package mail_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/hack/machine"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

func TestMailOverTLSWithAPassword(t *testing.T) {
	for name, catcher := range map[string]*mailcatcher.Catcher{"STARTTLS": startTLS, "implicit TLS": implicitTLS} {
		for way, host := range map[string]string{"by address": "127.0.0.1", "by name": "localhost"} {
			t.Run(name+" "+way, func(t *testing.T) {
				emptied(t, catcher)
				config := signedIn(t, catcher)
				config.Host = host
				before := catcher.Connections()
				s := connectTo(t, config)
				for n := range 3 {
					mustSend(t, s, numbered(n))
				}
				wantEachOnce(t, catcher, 3)
				if made := catcher.Connections() - before; made != 1 {
					t.Errorf("made %d connections", made)
				}
			})
		}
	}
}

func TestMailOverTLSWithoutAPassword(t *testing.T) {
	for name, catcher := range map[string]*mailcatcher.Catcher{"STARTTLS": startTLS, "implicit TLS": implicitTLS} {
		t.Run(name, func(t *testing.T) {
			emptied(t, catcher)
			config := signedIn(t, catcher)
			config.Username, config.PasswordFile = "", ""
			failure := wantFailure(t, connectTo(t, config), numbered(0))
			if failure.Class != delivery.Refused || failure.BeforeMail || !strings.Contains(failure.Message, "530 5.7.0") {
				t.Errorf("got %+v, want the server's own demand", failure)
			}
		})
	}
}

// A mail server can be named by an IPv6 address.
func TestMailToAnIPv6Address(t *testing.T) {
	plain := start(t, mailcatcher.Options{})
	for name, test := range map[string]struct {
		catcher *mailcatcher.Catcher
		config  smtp.Config
	}{
		"without TLS":  {plain, to(t, plain.SMTPAddr())},
		"STARTTLS":     {startTLS, signedIn(t, startTLS)},
		"implicit TLS": {implicitTLS, signedIn(t, implicitTLS)},
	} {
		t.Run(name, func(t *testing.T) {
			emptied(t, test.catcher)
			at := overIPv6(t, test.catcher.SMTPAddr())
			config, err := smtp.ParseURL("smtp://" + at + "?tls=" + string(test.config.TLS))
			if err != nil {
				t.Fatal(err)
			}
			config.Username, config.PasswordFile = test.config.Username, test.config.PasswordFile
			mustSend(t, connectTo(t, config), numbered(0))
			wantEachOnce(t, test.catcher, 1)
		})
	}
}

// onIPv6 listens on the IPv6 loopback. Without one nothing that needs it can be tried.
func onIPv6(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		machine.Lacks(t, "mail servers with an IPv6 address", "this machine has no IPv6 loopback: ", err)
	}
	return listener
}

// overIPv6 is an address on the IPv6 loopback that leads to a server.
func overIPv6(t *testing.T, server string) string {
	t.Helper()
	listener := onIPv6(t)
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			serving.Go(func() { pipe(there, client) })
			serving.Go(func() { pipe(client, there) })
		}
	})
	return listener.Addr().String()
}

// The certificate is for localhost and 127.0.0.1 alone.
func TestACertificateForAnotherHostIsRefused(t *testing.T) {
	for name, catcher := range map[string]*mailcatcher.Catcher{"STARTTLS": startTLS, "implicit TLS": implicitTLS} {
		t.Run(name, func(t *testing.T) {
			emptied(t, catcher)
			config := signedIn(t, catcher)
			config.Host = "127.0.0.2"
			failure := wantFailure(t, connectTo(t, config), numbered(0))
			// A system that has no other loopback address cannot get as far as the certificate.
			if failure.Class != delivery.Unreachable || !strings.Contains(failure.Message, "certificate") && !strings.Contains(failure.Message, "cannot be reached") {
				t.Errorf("got %+v", failure)
			}
			if catcher.Count() != 0 {
				t.Error("the mail was sent all the same")
			}
		})
	}
}

func TestNothingIsSaidBeforeSTARTTLS(t *testing.T) {
	wire := tap(t, start(t, mailcatcher.Options{}).SMTPAddr(), nil)
	config := to(t, wire.address())
	config.TLS = smtp.StartTLS
	_ = wantFailure(t, connectTo(t, config), numbered(0))
	for _, line := range wire.said() {
		if !strings.HasPrefix(line, "EHLO ") && line != "QUIT" {
			t.Errorf("said %q", line)
		}
	}
}

func TestARotatedPasswordIsUsedForTheNextConnection(t *testing.T) {
	catcher := emptied(t, startTLS)
	config := signedIn(t, catcher)
	s := connectTo(t, config)

	writePassword(t, config, "not yet right")
	if failure := wantFailure(t, s, numbered(0)); failure.Class != delivery.Refused || !failure.BeforeMail || !strings.Contains(failure.Message, "535") {
		t.Errorf("got %+v", failure)
	}
	writePassword(t, config, password)
	mustSend(t, s, numbered(0))

	writePassword(t, config, "no longer right")
	mustSend(t, s, numbered(1)) // The connection is signed in already.
	restart(t, catcher)
	if failure := wantFailure(t, s, numbered(2)); failure.Class != delivery.Refused || !failure.BeforeMail || !strings.Contains(failure.Message, "535") {
		t.Errorf("got %+v", failure)
	}
	writePassword(t, config, password)
	mustSend(t, s, numbered(2))
	wantEachOnce(t, catcher, 3)
}

func TestThePasswordFileIsReadAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		right   bool
	}{
		"without a line end":    {password, true},
		"with a line end":       {password + "\n", true},
		"with a CR LF":          {password + "\r\n", true},
		"with a blank behind":   {password + " ", false},
		"with nothing in it":    {"", false},
		"with a line before it": {"\n" + password, false},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := emptied(t, startTLS)
			config := signedIn(t, catcher)
			if err := os.WriteFile(config.PasswordFile, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			o := connectTo(t, config).Dispatch(within(t, patience), numbered(0))
			if right := o.Class == delivery.Accepted; right != test.right {
				t.Errorf("got %+v", o)
			}
		})
	}
}

// A handshake that does not come about says nothing about the mail, and nothing of the mail is said.
func TestAHandshakeThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		// handshake is what the server does where TLS begins.
		handshake func(net.Conn)
		says      string
	}{
		"the server hangs up at once": {
			handshake: func(net.Conn) {},
			says:      "broke off the connection",
		},
		"the server hangs up in the middle": {
			handshake: func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 5))
				_, _ = conn.Write([]byte{22, 3, 3, 0, 100, 2}) // the first bytes of its own part
			},
			says: "broke off the connection",
		},
		"the server has only old versions": {
			handshake: func(conn net.Conn) {
				_ = tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}).Handshake()
			},
			says: "protocol version not supported",
		},
		"the server goes on without": {
			handshake: func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 5)) // else it could go under with the answer to STARTTLS
				_, _ = io.WriteString(conn, "503 I know no such command\r\n")
				_, _ = io.Copy(io.Discard, conn)
			},
			says: "does not look like a TLS handshake",
		},
	} {
		for _, mode := range []smtp.TLSMode{smtp.StartTLS, smtp.Implicit} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				address, heard := answerUntilTLS(t, mode, test.handshake)
				config := to(t, address)
				config.TLS = mode
				failure := wantFailure(t, connectTo(t, config), invite(t, content()))
				if failure.Class != delivery.Unreachable || !failure.BeforeMail || !strings.Contains(failure.Message, test.says) {
					t.Errorf("got %+v, want one that may pass and says %q", failure, test.says)
				}
				if strings.Contains(failure.Message, "EOF") || strings.Contains(failure.Message, "127.0.0.1") {
					t.Errorf("%q tells what only a programmer understands", failure.Message)
				}
				for _, line := range heard() {
					if !strings.HasPrefix(line, "EHLO ") && line != "STARTTLS" {
						t.Errorf("said %q", line)
					}
				}
			})
		}
	}
}

// answerUntilTLS is a server that knows of SMTP what comes before TLS, and hangs up after a handshake. Heard are the lines
// that it was told before.
func answerUntilTLS(t *testing.T, mode smtp.TLSMode, handshake func(net.Conn)) (address string, heard func() []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	var lines []string
	serving.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if mode == smtp.StartTLS {
			lines = beforeSTARTTLS(conn)
		}
		handshake(conn)
	})
	end := sync.OnceFunc(func() {
		_ = listener.Close()
		serving.Wait()
	})
	t.Cleanup(end)
	return listener.Addr().String(), func() []string {
		end()
		return lines
	}
}

// beforeSTARTTLS converses until TLS has been asked for and granted.
func beforeSTARTTLS(conn net.Conn) (lines []string) {
	_, _ = io.WriteString(conn, "220 mail.example\r\n")
	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return lines
		}
		lines = append(lines, strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(line, "EHLO "):
			_, _ = io.WriteString(conn, "250-mail.example\r\n250 STARTTLS\r\n")
		case strings.HasPrefix(line, "STARTTLS"):
			_, _ = io.WriteString(conn, "220 go ahead\r\n")
			return lines
		default:
			_, _ = io.WriteString(conn, "503 STARTTLS first\r\n")
		}
	}
}
