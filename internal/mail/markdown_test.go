package mail

import (
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestMarkdown(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"words":             {"Dear Ada", "<p>Dear Ada</p>"},
		"two paragraphs":    {"one\n\ntwo", "<p>one</p>\n<p>two</p>"},
		"strong and a link": {"**now** at [us](https://acme.example/a?b=1&c=2)", `<p><strong>now</strong> at <a href="https://acme.example/a?b=1&amp;c=2">us</a></p>`},
		"html":              {"a <script>alert(1)</script> b", "<p>a <!-- raw HTML omitted -->alert(1)<!-- raw HTML omitted --> b</p>"},
		"a script as link":  {"[x](javascript:alert(1))", `<p><a href="">x</a></p>`},
		"a data link":       {"[x](data:text/html,hi)", `<p><a href="">x</a></p>`},
		"an image":          {"see ![our *logo*](https://track.example/pixel.gif) here", "<p>see our logo here</p>"},
		"a linked image":    {"[![logo](https://track.example/p.gif)](https://acme.example)", `<p><a href="https://acme.example">logo</a></p>`},
		"angle brackets":    {"1 < 2 & 3 > 2", "<p>1 &lt; 2 &amp; 3 &gt; 2</p>"},
		"from the right":    {"שלום", "<p>שלום</p>"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := markdown(test.source)
			if err != nil || strings.TrimSpace(string(got)) != test.want {
				t.Errorf("markdown(%q) = %q, %v, want %q", test.source, got, err, test.want)
			}
		})
	}
}

func TestOwnWordsReplaceTheBuiltInOnes(t *testing.T) {
	message, err := Render(v1alpha1.MailInvite, acme("Acme"), Content{
		FirstName: "Ada", Programs: []ProgramLine{{Name: "Referral"}}, Link: "https://p.example/t/a/invite/x",
		Subject: "Come\r\nBcc: x", Message: "We **want** you.\n\n![x](https://track.example/p.gif)",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if message.Subject != "Come Bcc: x" {
		t.Errorf("the subject is %q", message.Subject)
	}
	for part, text := range map[string]string{"text": message.Text, "page": message.HTML} {
		for _, wanted := range []string{"want", "Referral", "https://p.example/t/a/invite/x"} {
			if !strings.Contains(text, wanted) {
				t.Errorf("the %s lacks %q", part, wanted)
			}
		}
		if strings.Contains(text, "you are invited") || strings.Contains(text, "invites you to become a partner:") {
			t.Errorf("the %s has the built-in words, too", part)
		}
	}
	if strings.Contains(message.HTML, "track.example") || strings.Contains(message.HTML, "<img") {
		t.Error("the page loads an image")
	}
}
