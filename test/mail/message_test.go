package mail_test

import (
	"maps"
	"mime"
	netmail "net/mail"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	postal "github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

func TestADeliveredMail(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	sent := invite(t, content())
	began := time.Now().Truncate(time.Second)
	mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), sent)
	got := wantMail(t, catcher)

	if got.From != sender || !slices.Equal(got.To, []string{recipient}) {
		t.Errorf("the envelope goes from %q to %q", got.From, got.To)
	}
	for header, want := range map[string]string{
		"Message-ID":               "<invite.4f1c.1@acme.example>",
		"X-Partner-Operator-Mail":  "invite",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"From":                     `"Acme" <partners@acme.example>`,
		"To":                       "<mara@partner.example>",
		"Subject":                  "Acme invites you to Resellers",
		"Mime-Version":             "1.0",
	} {
		if values := got.Header[textproto.CanonicalMIMEHeaderKey(header)]; !slices.Equal(values, []string{want}) {
			t.Errorf("%s is %q, want %q", header, values, want)
		}
	}
	for _, header := range []string{"User-Agent", "X-Mailer", "Sender", "Bcc"} {
		if values, set := got.Header[header]; set {
			t.Errorf("%s is %q, want none", header, values)
		}
	}
	if date, err := got.Header.Date(); err != nil || date.Before(began) || date.After(time.Now()) {
		t.Errorf("the date is %q (%v)", got.Header.Get("Date"), err)
	}
	if kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type")); err != nil || kind != "multipart/alternative" {
		t.Errorf("the content is %q (%v)", kind, err)
	}
	if got.Text != sent.Text {
		t.Errorf("the text is %q, want %q", got.Text, sent.Text)
	}
	if got.HTML != sent.HTML {
		t.Errorf("the page is %q, want %q", got.HTML, sent.HTML)
	}
	if !slices.Equal(got.Links, []string{content().Link}) {
		t.Errorf("the links in the text are %q", got.Links)
	}
	text, page := strings.Index(string(got.Raw), "Content-Type: text/plain"), strings.Index(string(got.Raw), "Content-Type: text/html")
	if text < 0 || page < text {
		t.Errorf("the text is not before the page:\n%s", got.Raw)
	}
}

func TestTheNameOfTheSender(t *testing.T) {
	for name, company := range map[string]string{
		"plain":                     "Acme",
		"several words":             "Acme Partner Team",
		"umlauts":                   "Müller & Söhne",
		"non-Latin":                 "パートナー株式会社",
		"right to left":             "شركة أكمي",
		"emoji":                     "Acme 🤝 Partners",
		"quotes":                    `Acme "The Best" Inc`,
		"a comma":                   "Acme, Inc.",
		"a backslash":               `Acme \ Inc`,
		"angle brackets":            "Acme <evil@attacker.example>",
		"an address":                "evil@attacker.example",
		"parentheses and a colon":   "Acme (EU): Sales",
		"non-Latin of great length": strings.Repeat("株式会社 ", 40),
		"one word of 200 letters":   strings.Repeat("a", 200),
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			company = strings.TrimSpace(company)
			message := invite(t, content())
			message.From = from(company)
			mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), message)
			addresses, err := wantMail(t, catcher).Header.AddressList("From")
			if err != nil || len(addresses) != 1 || addresses[0].Address != sender || addresses[0].Name != company {
				t.Errorf("got %v (%v), want the name %q and the address %q", addresses, err, company, sender)
			}
		})
	}
}

func TestTheSubject(t *testing.T) {
	for name, company := range map[string]string{
		"plain":          "Acme",
		"umlauts":        "Müller & Söhne",
		"non-Latin":      "パートナー株式会社",
		"emoji":          "🤝🏽",
		"quotes":         `"Acme", \Inc`,
		"of some length": strings.Repeat("株式会社", 30),
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), inviteFrom(t, company, content()))
			if got, want := wantMail(t, catcher).Subject, company+" invites you to Resellers"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestAnInternationalDomainGoesOutInASCII(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	message := invite(t, content())
	message.To = "Zoe@bücher.example"
	mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), message)
	got := wantMail(t, catcher)
	if want := "Zoe@xn--bcher-kva.example"; !slices.Equal(got.To, []string{want}) || got.Header.Get("To") != "<"+want+">" {
		t.Errorf("the envelope goes to %q, the header says %q, want %q", got.To, got.Header.Get("To"), want)
	}
}

func TestAnInternationalDomainOfTheSenderGoesOutInASCII(t *testing.T) {
	sender, err := postal.ParseSender("Bücher <partners@bücher.example>")
	if err != nil {
		t.Fatal(err)
	}
	catcher := start(t, mailcatcher.Options{})
	message := invite(t, content())
	message.From = sender
	mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), message)
	got := wantMail(t, catcher)
	if want := "partners@xn--bcher-kva.example"; got.From != want || got.Header.Get("From") != "=?utf-8?q?B=C3=BCcher?= <"+want+">" {
		t.Errorf("the envelope is from %q, the header says %q, want %q", got.From, got.Header.Get("From"), want)
	}
	if domain := (brand.Brand{From: sender}).MessageDomain(); domain != "xn--bcher-kva.example" {
		t.Errorf("the domain of Message-IDs is %q", domain)
	}
}

func TestAnswersGoWhereTheBrandSays(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	message := invite(t, content())
	message.ReplyTo = &netmail.Address{Name: "Müller, Jo", Address: "jo@acme.example"}
	mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), message)
	addresses, err := wantMail(t, catcher).Header.AddressList("Reply-To")
	if err != nil || len(addresses) != 1 || *addresses[0] != *message.ReplyTo {
		t.Errorf("got %v (%v), want %v", addresses, err, message.ReplyTo)
	}
}

// A server that passes a mail on must refuse to do so where SMTPUTF8 was asked for and the next server lacks it.
func TestAMailInASCIIAsksForNoSMTPUTF8(t *testing.T) {
	wire := tap(t, start(t, mailcatcher.Options{}).SMTPAddr(), nil)
	message := invite(t, content())
	message.From, message.Subject, message.To = from("Müller"), "パートナー", "zoe@bücher.example"
	mustSend(t, connectTo(t, to(t, wire.address())), message)
	for _, line := range wire.said() {
		if strings.HasPrefix(line, "MAIL FROM") && strings.Contains(line, "SMTPUTF8") {
			t.Errorf("asked: %s", line)
		}
		if strings.IndexFunc(line, func(r rune) bool { return r > '~' }) >= 0 {
			t.Errorf("not ASCII: %s", line)
		}
	}
}

func TestARecipientThatMailCannotReachIsRefusedBeforeConnecting(t *testing.T) {
	for name, test := range map[string]struct{ to, says string }{
		"a bare host":                      {"root@localhost", "no full domain"},
		"no domain":                        {"mara", "name@domain"},
		"nothing":                          {"", "name@domain"},
		"a name before the @ not in ASCII": {"zoë@partner.example", "not ASCII"},
		"a display name":                   {"Mara <mara@partner.example>", "not ASCII"},
		"two people":                       {"mara@partner.example,evil@attacker.example", "plain address"},
		"a header behind the address":      {"mara@partner.example\r\nBcc: evil@attacker.example", "not ASCII"},
		"a command behind the address":     {"mara@partner.example>\r\nRCPT TO:<evil@attacker.example", "not ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			message := invite(t, content())
			message.To = test.to
			failure := wantFailure(t, connectTo(t, to(t, catcher.SMTPAddr())), message)
			if catcher.Connections() != 0 {
				t.Errorf("made %d connections", catcher.Connections())
			}
			if failure.Class != delivery.Recipient {
				t.Errorf("got %+v, though no later try can reach this address", failure)
			}
			if !strings.Contains(failure.Message, test.says) || strings.Contains(failure.Message, "mail server") {
				t.Errorf("got %q, want one with %q that does not blame the mail server", failure.Message, test.says)
			}
			if test.to != "" && strings.Contains(failure.Message, test.to) {
				t.Errorf("it tells the address: %q", failure.Message)
			}
		})
	}
}

func TestNoHeaderCanBeInjected(t *testing.T) {
	breaks := map[string]string{
		"CR LF":               "\r\n",
		"LF":                  "\n",
		"CR":                  "\r",
		"two empty lines":     "\r\n\r\n",
		"a folded line":       "\r\n ",
		"a line separator":    "\u2028",
		"a next line":         "\u0085",
		"a vertical tab":      "\v",
		"a NUL":               "\x00",
		"an encoded word":     "=?utf-8?q?=0D=0A?=",
		"an escaped line end": `\r\n`,
	}
	const header = "X-Injected: yes"
	places := map[string]func(said mail.Content, evil string) mail.Content{
		"first name": func(said mail.Content, evil string) mail.Content {
			said.FirstName = evil
			return said
		},
		"program": func(said mail.Content, evil string) mail.Content {
			said.Programs = []mail.ProgramLine{{Name: evil, Description: evil, Group: evil}}
			return said
		},
	}
	for kind, lineEnd := range breaks {
		t.Run(kind+" in the company", func(t *testing.T) {
			wantHeadersOfAnInvite(t, inviteFrom(t, "Acme"+lineEnd+header+lineEnd+header, content()))
		})
	}
	for place, put := range places {
		for kind, lineEnd := range breaks {
			t.Run(kind+" in the "+place, func(t *testing.T) {
				message := invite(t, put(content(), "Acme"+lineEnd+header+lineEnd+header))
				wantHeadersOfAnInvite(t, message)
			})
		}
	}
	for kind, lineEnd := range breaks {
		t.Run(kind+" past the templates", func(t *testing.T) {
			message := invite(t, content())
			evil := "Acme" + lineEnd + header + lineEnd + header
			message.From, message.ReplyTo, message.Subject = from(evil), nil, evil
			wantHeadersOfAnInvite(t, message)
		})
	}
}

// wantHeadersOfAnInvite sends a mail and checks that it has the headers of an invite and no other.
func wantHeadersOfAnInvite(t *testing.T, message mail.Message) {
	t.Helper()
	catcher := start(t, mailcatcher.Options{})
	s := connectTo(t, to(t, catcher.SMTPAddr()))
	mustSend(t, s, invite(t, content()))
	mustSend(t, s, message)
	messages := catcher.Messages()
	if len(messages) != 2 {
		t.Fatalf("got %d mails, want 2", len(messages))
	}
	want, got := slices.Sorted(maps.Keys(messages[0].Header)), slices.Sorted(maps.Keys(messages[1].Header))
	if !slices.Equal(got, want) {
		t.Errorf("got the headers %q, want %q", got, want)
	}
	for key, values := range messages[1].Header {
		if len(values) != 1 {
			t.Errorf("%s stands there %d times", key, len(values))
		}
	}
	if addresses, err := messages[1].Header.AddressList("From"); err != nil || len(addresses) != 1 || addresses[0].Address != sender {
		t.Errorf("it is from %v (%v)", addresses, err)
	}
	if !slices.Equal(messages[1].To, []string{recipient}) {
		t.Errorf("it goes to %q", messages[1].To)
	}
	if messages[1].Text == "" || messages[1].HTML == "" {
		t.Error("a body is missing")
	}
}

func TestALongLineArrivesWhole(t *testing.T) {
	const longest = 998
	for name, long := range map[string]string{
		"without a blank":   strings.Repeat("a", 5000),
		"of words":          strings.TrimSpace(strings.Repeat("word ", 1000)),
		"of umlauts":        strings.Repeat("ü", 5000),
		"of dots":           strings.Repeat(".", 5000),
		"of equals signs":   strings.Repeat("=", 5000),
		"of ends of a mail": strings.Repeat(".\n.\r\n", 1000) + ".",
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			wire := tap(t, catcher.SMTPAddr(), nil)
			said := content()
			said.Programs[0].Description = long
			sent := inviteFrom(t, strings.NewReplacer("\r", "", "\n", "").Replace(long), said)
			mustSend(t, connectTo(t, to(t, wire.address())), sent)
			got := wantMail(t, catcher)
			if want := strings.ReplaceAll(sent.Text, "\r\n", "\n"); got.Text != want {
				t.Errorf("the text differs: %d bytes, want %d", len(got.Text), len(want))
			}
			if want := strings.ReplaceAll(sent.HTML, "\r\n", "\n"); got.HTML != want {
				t.Errorf("the page differs: %d bytes, want %d", len(got.HTML), len(want))
			}
			if words := strings.Join(strings.Fields(long), " "); !strings.Contains(strings.Join(strings.Fields(got.Text), " "), words) {
				t.Error("the description is not whole")
			}
			for _, line := range wire.said() {
				if len(line) > longest {
					t.Errorf("a line of %d: %.60s…", len(line), line)
				}
			}
		})
	}
}
