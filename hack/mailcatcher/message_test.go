package mailcatcher

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

const inviteMail = `From: Company <office@company.test>
To: mara@partner.test
Subject: =?utf-8?q?Willkommen_bei_M=C3=BCller?=
Message-ID: <invite-1@company.test>
X-Partner-Operator-Mail: invite
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="between"

--between
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, open https://partners.company.test/invite?token=3Dabc=
def. It is yours (see http://company.test/help).
--between
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

%HTML%
--between--
`

const inviteHTML = "<p>Gr\u00fc\u00dfe, <a href=\"https://partners.company.test/invite?token=abcdef\">open</a></p>"

func inviteText() string {
	html := base64.StdEncoding.EncodeToString([]byte(inviteHTML))
	return strings.ReplaceAll(strings.Replace(inviteMail, "%HTML%", html, 1), "\n", "\r\n")
}

func TestAMultipartMailIsTakenApart(t *testing.T) {
	catcher := start(t, Options{})
	mustSend(t, connect(t, catcher), inviteText(), recipient)
	message := catcher.Messages()[0]

	for name, values := range map[string][2]string{
		"message ID": {message.MessageID, "<invite-1@company.test>"},
		"subject":    {message.Subject, "Willkommen bei Müller"},
		"kind":       {message.Kind, "invite"},
		"header":     {message.Header.Get("From"), "Company <office@company.test>"},
		"HTML":       {message.HTML, inviteHTML},
		"raw":        {string(message.Raw), inviteText()},
		"text": {message.Text, "Grüße, open https://partners.company.test/invite?token=abcdef. " +
			"It is yours (see http://company.test/help)."},
	} {
		if values[0] != values[1] {
			t.Errorf("%s: got %q, want %q", name, values[0], values[1])
		}
	}
	links := []string{"https://partners.company.test/invite?token=abcdef", "http://company.test/help"}
	if !slices.Equal(message.Links, links) {
		t.Errorf("got links %q", message.Links)
	}
	if message.Received.IsZero() {
		t.Error("no time of arrival")
	}
}

func TestOddMailsAreShownAsTheyAre(t *testing.T) {
	deep := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
		strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 50)
	for name, test := range map[string]struct{ raw, text, subject string }{
		"empty":               {"", "", ""},
		"no header":           {"just\r\nwords", "just\nwords", ""},
		"no type":             {"Subject: s\r\n\r\nwords\r\n", "words\n", "s"},
		"unreadable type":     {"Content-Type: ;;;\r\n\r\nwords", "words", ""},
		"unknown charset":     {"Subject: =?klingon?q?x?=\r\n\r\n", "", "=?klingon?q?x?="},
		"no boundary":         {"Content-Type: multipart/mixed\r\n\r\nwords", "", ""},
		"wrong characters":    {"Subject: s\r\n\r\na\xffb", "a\uFFFDb", "s"},
		"cut short":           {"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=!", "hello", ""},
		"an attachment first": {attachmentMail, "the text", ""},
		"deep":                {deep, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			message := parseMessage([]byte(test.raw))
			if message.Text != test.text || message.Subject != test.subject {
				t.Errorf("got text %q and subject %q", message.Text, message.Subject)
			}
		})
	}
}

const attachmentMail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nthe attachment\r\n" +
	"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n" +
	"--c\r\n\r\nthe text\r\n--c--\r\n--b--\r\n"

func TestLinksEndBeforeThePunctuation(t *testing.T) {
	for text, want := range map[string][]string{
		"nothing here": {},
		"https://a.test/x?y=1&z=2#f, http://b.test!": {"https://a.test/x?y=1&z=2#f", "http://b.test"},
		"<https://a.test/x>":                         {"https://a.test/x"},
		"(https://a.test/x).":                        {"https://a.test/x"},
		"https://a.test/x_(y)":                       {"https://a.test/x_(y)"},
		"[https://a.test/x]: HTTPS://A.TEST":         {"https://a.test/x", "HTTPS://A.TEST"},
		"javascript:alert(1) ftp://a.test":           {},
		"https://a.test/one\nhttps://a.test/two\n":   {"https://a.test/one", "https://a.test/two"},
	} {
		if got := findLinks(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
