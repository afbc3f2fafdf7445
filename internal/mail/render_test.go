package mail

import (
	"flag"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
)

var update = flag.Bool("update", false, "rewrite the golden files of the mails")

const link = "https://partners.example.com/t/acme/invite/AQGvZ0xk_-token"

var (
	expiry   = time.Date(2026, 1, 8, 12, 0, 0, 0, time.UTC)
	kinds    = v1alpha1.MailKinds
	referral = ProgramLine{Name: "Acme Referral", Description: "Recommend Acme, and earn a share.", Group: "Gold"}
	reseller = ProgramLine{Name: "Acme Reseller"}
)

// contents are what the golden files hold, one mail after the other.
var contents = map[v1alpha1.MailKind][]struct {
	what, company string
	content       Content
}{
	v1alpha1.MailInvite: {
		{"everything", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{referral}, Link: link, ExpiryTime: expiry}},
		{"no name, no company, one program that says little", "", Content{Programs: []ProgramLine{reseller}, Link: link, ExpiryTime: expiry}},
		{"two programs", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{reseller, referral}, Link: link, ExpiryTime: expiry}},
		{"three programs", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{
			referral, reseller, {Name: "Acme Affiliate", Description: "Place links."},
		}, Link: link, ExpiryTime: expiry}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Programs: []ProgramLine{
			{Name: "Реферальная программа", Description: "דמי תיווך", Group: "金"},
		}, Link: link, ExpiryTime: time.Date(2026, 1, 8, 21, 0, 0, 0, time.FixedZone("east", 9*60*60))}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Programs: []ProgramLine{
			{Name: "<script>alert(1)</script>", Description: "5 < 6 & 7 > 6", Group: `<img src="x">`},
		}, Link: link, ExpiryTime: expiry}},
	},
	v1alpha1.MailTeamInvite: {
		{"everything", "Acme", Content{FirstName: "Ada", Team: "Agency", Programs: []ProgramLine{referral}, Link: link, ExpiryTime: expiry}},
		{"no name, no company, two programs", "", Content{Team: "Agency", Programs: []ProgramLine{reseller, referral}, Link: link, ExpiryTime: expiry}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Team: "Агентство", Programs: []ProgramLine{{Name: "Реферальная программа", Group: "金"}}, Link: link, ExpiryTime: expiry}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Team: "<i>Agency</i>", Programs: []ProgramLine{{Name: "<script>alert(1)</script>"}}, Link: link, ExpiryTime: expiry}},
	},
	v1alpha1.MailTeammateApproval: {
		{"everything", "Acme", Content{FirstName: "Ada", Team: "Agency", Teammate: "Bob (bob@agency.example)", Link: link}},
		{"no name, no company", "", Content{Team: "Agency", Teammate: "bob@agency.example", Link: link}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Team: "Агентство", Teammate: "bob@agency.example", Link: link}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Team: "<i>Agency</i>", Teammate: "<b>Bob</b> (bob@agency.example)", Link: link}},
	},
	v1alpha1.MailTeammateInvite: {
		{"everything", "Acme", Content{FirstName: "Ada", Team: "Agency", Link: link, ExpiryTime: expiry}},
		{"no name, no company", "", Content{Team: "Agency", Link: link, ExpiryTime: expiry}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Team: "Агентство", Link: link, ExpiryTime: expiry}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Team: "<i>Agency</i>", Link: link, ExpiryTime: expiry}},
	},
	v1alpha1.MailSignIn: {
		{"everything", "Acme", Content{FirstName: "Ada", Link: link, Minutes: 15}},
		{"no name, no company", "", Content{Link: link, Minutes: 15}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Link: link, Minutes: 15}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Link: link, Minutes: 15}},
	},
	v1alpha1.MailApproved: {
		{"everything", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{referral}, Link: link}},
		{"no name, no company, a program that says little", "", Content{Programs: []ProgramLine{reseller}, Link: link}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Programs: []ProgramLine{{Name: "Реферальная программа", Description: "דמי תיווך", Group: "金"}}, Link: link}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Programs: []ProgramLine{{Name: "<script>alert(1)</script>", Description: "5 < 6", Group: `<img src="x">`}}, Link: link}},
		{"three programs", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{referral, reseller, {Name: "Affiliates"}}, Link: link}},
	},
	v1alpha1.MailRejected: {
		{"everything", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{referral}, Reason: "We work in Europe only."}},
		{"no name, no company, no reason", "", Content{Programs: []ProgramLine{reseller}}},
		{"a reason of several lines", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{reseller}, Reason: "We work in Europe only.\nPlease come back later."}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Programs: []ProgramLine{{Name: "Реферальная программа"}}, Reason: "החוזה הסתיים"}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Programs: []ProgramLine{{Name: "<script>alert(1)</script>"}}, Reason: `<a href="https://evil.example">here</a> & there`}},
		{"three programs, one reason", "Acme", Content{FirstName: "Ada", Programs: because(referral, reseller, ProgramLine{Name: "Affiliates"}, "We work in Europe only.", "We work in Europe only.", "We work in Europe only. ")}},
		{"three programs, each with a reason or none", "Acme", Content{FirstName: "Ada", Programs: because(referral, reseller, ProgramLine{Name: "<b>Affiliates</b>"}, "We work in Europe only.", "", "5 < 6.\nIt is over."), Reason: "We work in Europe only."}},
	},
	v1alpha1.MailVerifyAddress: {
		{"everything", "Acme", Content{Programs: []ProgramLine{referral}, Link: link, ExpiryTime: expiry}},
		{"no company, a program that says little", "", Content{Programs: []ProgramLine{reseller}, Link: link, ExpiryTime: expiry}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{Programs: []ProgramLine{{Name: "Реферальная программа", Description: "דמי תיווך", Group: "金"}}, Link: link, ExpiryTime: expiry}},
		{"HTML in every text", `Acme & "Sons"`, Content{Programs: []ProgramLine{{Name: "<script>alert(1)</script>", Description: "5 < 6", Group: `<img src="x">`}}, Link: link, ExpiryTime: expiry}},
	},
	v1alpha1.MailApplicationReceived: {
		{"one that waits", "Acme", Content{Programs: []ProgramLine{referral}, Applicant: "grace@example.com", Partnership: "grace-1a2b3c4d", Waits: true}},
		{"one that does not", "", Content{Programs: []ProgramLine{reseller}, Applicant: "grace@example.com", Partnership: "grace-1a2b3c4d"}},
		{"HTML in every text", `Acme & "Sons"`, Content{Programs: []ProgramLine{{Name: "<script>alert(1)</script>", Group: `<img src="x">`}}, Applicant: "a&b@example.com", Partnership: "a-b-1a2b3c4d"}},
	},
	v1alpha1.MailRevoked: {
		{"everything", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{referral}, Reason: "The contract ended in December."}},
		{"no name, no company, no reason", "", Content{Programs: []ProgramLine{reseller}}},
		{"a reason of several lines", "Acme", Content{FirstName: "Ada", Programs: []ProgramLine{reseller}, Reason: "The contract ended.\nThank you for two years."}},
		{"not Latin, and from right to left", "アクメ株式会社", Content{FirstName: "ليلى", Programs: []ProgramLine{{Name: "Реферальная программа"}}, Reason: "החוזה הסתיים"}},
		{"HTML in every text", `Acme & "Sons"`, Content{FirstName: "<b>Ada</b>", Programs: []ProgramLine{{Name: "<script>alert(1)</script>"}}, Reason: `<a href="https://evil.example">here</a> & there`}},
		{"three programs, one reason", "Acme", Content{FirstName: "Ada", Programs: because(referral, reseller, ProgramLine{Name: "Affiliates"}, "The contract ended in December.", "The contract ended in December.", "The contract ended in December. ")}},
		{"three programs, each with a reason or none", "Acme", Content{FirstName: "Ada", Programs: because(referral, reseller, ProgramLine{Name: "<b>Affiliates</b>"}, "The contract ended in December.", "", "5 < 6.\nIt is over."), Reason: "The contract ended in December."}},
	},
}

// because are three programs with the reasons why access to them ended.
func because(first, second, third ProgramLine, reasons ...string) []ProgramLine {
	programs := []ProgramLine{first, second, third}
	for i := range programs {
		programs[i].Reason = reasons[i]
	}
	return programs
}

// acme is the brand of a company of this name.
func acme(name string) brand.Brand {
	return brand.Default(&netmail.Address{Name: name, Address: "partners@acme.example"})
}

func render(t *testing.T, kind v1alpha1.MailKind, company brand.Brand, content Content) Message {
	t.Helper()
	message, err := Render(kind, company, content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func TestGolden(t *testing.T) {
	for _, kind := range kinds {
		var text, html strings.Builder
		for _, each := range contents[kind] {
			message := render(t, kind, acme(each.company), each.content)
			head := "########## " + each.what + "\n"
			text.WriteString(head + "From: " + message.From.Name + "\nSubject: " + message.Subject + "\n\n" + message.Text + "\n")
			html.WriteString(strings.Replace(strings.Replace(head, "##########", "<!--", 1), "\n", " -->\n", 1) + message.HTML + "\n")
		}
		golden(t, string(kind)+".golden.txt", text.String())
		golden(t, string(kind)+".golden.html", html.String())
	}
}

// golden compares with a file of testdata, or with -update rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("the mails changed; look at the difference, and rewrite with go test -update if it is right (-want +got):\n%s", diff)
		}
	})
}

func TestEveryKindHasGoldenMails(t *testing.T) {
	for _, kind := range kinds {
		if len(contents[kind]) == 0 {
			t.Errorf("%s has none", kind)
		}
	}
	if _, err := Render("welcome", acme(""), Content{}, nil); err == nil {
		t.Error("a kind without templates renders")
	}
}

func TestTheLinkStandsOnALineOfItsOwn(t *testing.T) {
	for _, kind := range []v1alpha1.MailKind{v1alpha1.MailInvite, v1alpha1.MailTeamInvite, v1alpha1.MailTeammateApproval, v1alpha1.MailTeammateInvite, v1alpha1.MailSignIn, v1alpha1.MailApproved, v1alpha1.MailVerifyAddress} {
		for _, each := range contents[kind] {
			t.Run(string(kind)+", "+each.what, func(t *testing.T) {
				message := render(t, kind, acme(each.company), each.content)
				alone := 0
				for line := range strings.SplitSeq(message.Text, "\n") {
					if line == link {
						alone++
					}
				}
				if alone != 1 || strings.Count(message.Text, link) != 1 || strings.Count(message.Text, "://") != 1 {
					t.Errorf("the link stands %d times on a line of its own, %d times in all, in\n%s", alone, strings.Count(message.Text, link), message.Text)
				}
				if !strings.Contains(message.HTML, `href="`+link+`"`) {
					t.Error("no button leads to the link")
				}
				if strings.Contains(message.Subject, "://") {
					t.Errorf("the subject holds a link: %q", message.Subject)
				}
			})
		}
	}
	for _, kind := range []v1alpha1.MailKind{v1alpha1.MailRejected, v1alpha1.MailRevoked} {
		if message := render(t, kind, acme("Acme"), contents[kind][0].content); strings.Contains(message.Text+message.HTML, "://") {
			t.Errorf("a %s mail holds a link", kind)
		}
	}
}

// What mail must not do: load from elsewhere, run scripts, track.
func TestMailLoadsNothing(t *testing.T) {
	loads := regexp.MustCompile(`(?i)<(script|img|link|iframe|object|embed|form|video|audio|svg)\b|\son[a-z]+=|url\(|@import|javascript:`)
	for _, kind := range kinds {
		for _, each := range contents[kind] {
			t.Run(string(kind)+", "+each.what, func(t *testing.T) {
				if found := loads.FindString(render(t, kind, acme(each.company), each.content).HTML); found != "" {
					t.Errorf("the page holds %q", found)
				}
			})
		}
	}
}

func TestNamesAndReasonsAreEscapedInHTMLOnly(t *testing.T) {
	const nasty = `<i onclick="x">"&'`
	for _, kind := range kinds {
		for part, test := range map[string]struct {
			company string
			content Content
		}{
			"first name":  {content: Content{FirstName: nasty}},
			"company":     {company: nasty},
			"program":     {content: Content{Programs: []ProgramLine{{Name: nasty}}}},
			"group":       {content: Content{Programs: []ProgramLine{{Name: "Acme", Group: nasty}}}},
			"description": {content: Content{Programs: []ProgramLine{{Name: "Acme", Description: nasty}}}},
			"reason":      {content: Content{Reason: nasty}},
		} {
			t.Run(string(kind)+", "+part, func(t *testing.T) {
				test.content.Link, test.content.ExpiryTime, test.content.Minutes = link, expiry, 15
				message := render(t, kind, acme(test.company), test.content)
				if strings.Contains(message.HTML, "<i") || strings.Contains(message.HTML, nasty) {
					t.Errorf("the page holds it as it is:\n%s", message.HTML)
				}
				_, body, _ := strings.Cut(message.HTML, "<body")
				if strings.Contains(body, "&lt;i") && !strings.Contains(message.Text+message.Subject, nasty) {
					t.Errorf("the page shows it, and the text says something else:\n%s", message.Text)
				}
			})
		}
	}
}

func TestHeadersAreOneLine(t *testing.T) {
	const nasty = "Acme\r\nBcc: all@example.com\x00"
	for _, kind := range kinds {
		message := render(t, kind, acme(nasty), Content{FirstName: nasty, Programs: []ProgramLine{{Name: nasty}}, Link: link, ExpiryTime: expiry, Minutes: 15})
		if strings.ContainsAny(message.Subject+message.From.Name, "\r\n\x00") {
			t.Errorf("%s: subject %q, sender %q", kind, message.Subject, message.From.Name)
		}
		long := render(t, kind, acme(strings.Repeat("a", 1000)), Content{Programs: []ProgramLine{{Name: strings.Repeat("b", 1000)}}, Link: link, ExpiryTime: expiry, Minutes: 15})
		if len([]rune(long.Subject)) > 200 || len([]rune(long.From.Name)) > 200 {
			t.Errorf("%s: the subject has %d characters, the sender %d", kind, len([]rune(long.Subject)), len([]rune(long.From.Name)))
		}
	}
}

func TestLead(t *testing.T) {
	for want, programs := range map[string][]ProgramLine{
		"our partner program":                nil,
		"Acme Referral":                      {referral},
		"Acme Referral and one more program": {referral, reseller},
		"Acme Reseller and 2 more programs":  {reseller, referral, reseller},
	} {
		if got := dataOf(languages[0], acme(""), Content{Programs: programs}).Lead; got != want {
			t.Errorf("of %d programs the lead is %q, want %q", len(programs), got, want)
		}
	}
}
