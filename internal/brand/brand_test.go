package brand

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var sameTag = cmp.Comparer(func(a, b language.Tag) bool { return a.String() == b.String() })

// operator is the brand of a namespace without one.
func operator() Brand {
	return Default(&mail.Address{Name: "Operator", Address: "partners@operator.example"})
}

// usable holds, for each key, texts that can be used, and what they make of the default brand.
var usable = map[string]map[string]struct {
	text string
	want func(*Brand)
}{
	"displayName": {
		"a name":            {"Acme", func(b *Brand) { b.DisplayName, b.From.Name = "Acme", "Acme" }},
		"blanks around":     {" \tAcme\n", func(b *Brand) { b.DisplayName, b.From.Name = "Acme", "Acme" }},
		"blanks within":     {"Acme  Partners", func(b *Brand) { b.DisplayName, b.From.Name = "Acme  Partners", "Acme  Partners" }},
		"not Latin":         {"アクメ株式会社", func(b *Brand) { b.DisplayName, b.From.Name = "アクメ株式会社", "アクメ株式会社" }},
		"as long as it can": {strings.Repeat("é", 128), func(b *Brand) { b.DisplayName, b.From.Name = strings.Repeat("é", 128), strings.Repeat("é", 128) }},
	},
	"logoURL": {
		"an address":     {"https://acme.example/logo.svg", func(b *Brand) { b.LogoURL = "https://acme.example/logo.svg" }},
		"with a query":   {"https://acme.example:8443/a/b?c=d&e=f", func(b *Brand) { b.LogoURL = "https://acme.example:8443/a/b?c=d&e=f" }},
		"blanks around":  {"\nhttps://acme.example/logo.svg ", func(b *Brand) { b.LogoURL = "https://acme.example/logo.svg" }},
		"capitals":       {"HTTPS://acme.example/Logo.svg", func(b *Brand) { b.LogoURL = "https://acme.example/Logo.svg" }},
		"marks":          {"https://acme.example/a b\"'<>", func(b *Brand) { b.LogoURL = "https://acme.example/a%20b%22%27%3C%3E" }},
		"no path at all": {"https://acme.example", func(b *Brand) { b.LogoURL = "https://acme.example" }},
	},
	"accentColor": {
		"six figures": {"#0B7A75", func(b *Brand) { b.Accent = Color{0x0b, 0x7a, 0x75} }},
		"three":       {" #f80 ", func(b *Brand) { b.Accent = Color{0xff, 0x88, 0x00} }},
	},
	"mailFrom": {
		"an address and a name": {"Acme <hi@acme.example>", func(b *Brand) {
			b.From, b.DisplayName = &mail.Address{Name: "Acme", Address: "hi@acme.example"}, "Acme"
		}},
		"an address":              {"hi@acme.example", func(b *Brand) { b.From.Address = "hi@acme.example" }},
		"an international domain": {"hi@bücher.example", func(b *Brand) { b.From.Address = "hi@xn--bcher-kva.example" }},
	},
	"replyTo": {
		"an address":            {"help@acme.example", func(b *Brand) { b.ReplyTo = &mail.Address{Address: "help@acme.example"} }},
		"an address and a name": {"Help <help@acme.example>", func(b *Brand) { b.ReplyTo = &mail.Address{Name: "Help", Address: "help@acme.example"} }},
	},
	"notifyStaff": {
		"one":           {"ada@acme.example", func(b *Brand) { b.NotifyStaff = []string{"ada@acme.example"} }},
		"two":           {"ada@acme.example, bob@acme.example", func(b *Brand) { b.NotifyStaff = []string{"ada@acme.example", "bob@acme.example"} }},
		"empty places":  {",\nada@acme.example, ,bob@acme.example,\n", func(b *Brand) { b.NotifyStaff = []string{"ada@acme.example", "bob@acme.example"} }},
		"on lines":      {"ada@acme.example\nbob@acme.example\n", func(b *Brand) { b.NotifyStaff = []string{"ada@acme.example", "bob@acme.example"} }},
		"twice":         {"ada@acme.example," + strings.Repeat("Ada@Acme.example,", 20), func(b *Brand) { b.NotifyStaff = []string{"ada@acme.example"} }},
		"only commas":   {",,", func(*Brand) {}},
		"the most":      {staffOf(10), func(b *Brand) { b.NotifyStaff = strings.Split(staffOf(10), ",") }},
		"international": {"zoe@bücher.example", func(b *Brand) { b.NotifyStaff = []string{"zoe@bücher.example"} }},
	},
	"smtpSecret": {
		"a name":            {"acme-smtp.v2", func(b *Brand) { b.SMTPSecret = "acme-smtp.v2" }},
		"as long as it can": {strings.Repeat("a", 253), func(b *Brand) { b.SMTPSecret = strings.Repeat("a", 253) }},
	},
	"host": {
		"a host":                  {"partners.acme.example", func(b *Brand) { b.Host = "partners.acme.example" }},
		"a host and a port":       {"partners.acme.example:8443", func(b *Brand) { b.Host = "partners.acme.example:8443" }},
		"an international domain": {"partner.bücher.example", func(b *Brand) { b.Host = "partner.bücher.example" }},
		"an IPv6 address":         {"[2001:db8::1]:8443", func(b *Brand) { b.Host = "[2001:db8::1]:8443" }},
		"blanks around":           {" partners.acme.example\n", func(b *Brand) { b.Host = "partners.acme.example" }},
	},
	"locale": {
		"a language":              {"de", func(b *Brand) { b.Locale = language.German }},
		"and a region":            {"pt-BR", func(b *Brand) { b.Locale = language.BrazilianPortuguese }},
		"as programmers write it": {"pt_BR", func(b *Brand) { b.Locale = language.BrazilianPortuguese }},
		"and a script":            {"SR-latn", func(b *Brand) { b.Locale = language.MustParse("sr-Latn") }},
	},
	"templates.invite": {
		"a name":        {"own-invite.v2", func(b *Brand) { b.Templates = map[v1alpha1.MailKind]string{"invite": "own-invite.v2"} }},
		"blanks around": {" own\n", func(b *Brand) { b.Templates = map[v1alpha1.MailKind]string{"invite": "own"} }},
	},
}

// refused holds, for each key, texts that cannot be used, and what the error says beside the key.
var refused = map[string]struct {
	remedy string
	texts  map[string]string
}{
	"displayName": {"must be one line of at most 128 characters", map[string]string{
		"two lines": "Acme\nBcc: all@acme.example", "a carriage return": "Acme\rInc", "a control character": "Ac\x07me", "one of Latin-1": "Ac\u0085me", "a line separator": "Ac\u2028me",
		"too long": strings.Repeat("é", 129), "huge": strings.Repeat("a", 1<<20),
	}},
	"logoURL": {"must be an https address of a picture, such as https://acme.example/logo.svg", map[string]string{
		"not encrypted": "http://acme.example/logo.svg", "no scheme": "acme.example/logo.svg", "of the page": "//acme.example/logo.svg", "a path": "/logo.svg",
		"a picture in it": "data:image/png;base64,AAAA", "a script": "javascript:alert(1)", "no host": "https:///logo.svg", "only a port": "https://:443/logo.svg",
		"a user": "https://ada:secret@acme.example/logo.svg", "a line break": "https://acme.example/\nlogo.svg", "a blank in the host": "https://acme example/",
		"a policy in the host": "https://acme.example;script-src/", "marks in the host": `https://acme"example/`, "a port too high": "https://acme.example:65536/", "an empty port": "https://acme.example:/",
		"too long": "https://acme.example/" + strings.Repeat("a", 2048), "huge": "https://acme.example/" + strings.Repeat("a", 1<<20),
	}},
	"accentColor": {"must be a colour such as #2347c5", map[string]string{
		"a word": "navy", "a function": "rgb(1,2,3)", "seven figures": "#2347c5f", "more CSS": "#fff;background:url(x)", "huge": "#" + strings.Repeat("f", 1<<20),
	}},
	"mailFrom": {"is not a sender such as «Acme Partners <partners@acme.example>»", map[string]string{
		"a name alone": "Acme", "two senders": "ada@acme.test, bob@acme.test", "a header behind it": "Acme <hi@acme.test>\r\nBcc: bob@acme.test", "huge": strings.Repeat("a", 1<<20),
	}},
	"replyTo": {"is not a sender such as «Acme Partners <partners@acme.example>»", map[string]string{
		"a host alone": "acme.test", "a control character": "Ac\x07me <hi@acme.test>", "huge": strings.Repeat("a", 1<<20),
	}},
	"notifyStaff": {"holds ", map[string]string{
		"one too many": staffOf(11), "a name": "Ada <ada@acme.test>", "no address": "ada@acme.test, bob", "a bare host": "root@localhost",
		"semicolons": "ada@acme.test; bob@acme.test", "a control character": "ada@acme.test,b\x07ob@acme.test", "huge": strings.Repeat("a", 1<<20) + "@acme.test", "endless": staffOf(50000),
	}},
	"smtpSecret": {"must be the name of an object in this namespace", map[string]string{
		"the folder above": "..", "a dash": "-", "a dash at the end": "smtp-", "two dots": "a..b", "another namespace": "other/smtp", "capitals": "SMTP", "two lines": "a\nb", "too long": strings.Repeat("a", 254), "huge": strings.Repeat("a", 1<<20),
	}},
	"host": {"must be a host without a scheme or a path, such as partners.acme.example", map[string]string{
		"a scheme": "https://partners.acme.example", "a path": "acme.example/partners", "a slash": "acme.example/", "a query": "acme.example?a", "a fragment": "acme.example#a",
		"a user": "ada@acme.example", "a user and a password": "ada:secret@acme.example", "only a port": ":8443", "a port that is none": "acme.example:https",
		"a blank": "acme example", "two lines": "acme.example\nx", "two": "a.example,b.example", "an underscore": "a_b.example", "HTML": `"><script>`, "all": "*.acme.example",
		"an empty label": "acme..example", "a dot": ".", "an empty port": "acme.example:", "a port too high": "acme.example:65536", "port zero": "acme.example:0", "an empty query": "acme.example?",
		"too long": strings.Repeat("aaaa.", 60) + "example", "huge": strings.Repeat("a.", 1<<19) + "example",
	}},
	"locale": {"must be a language such as en, de or pt-BR", map[string]string{
		"a word": "german", "a language that there is not": "zz", "two": "en, de", "all": "*", "an encoding": "de_DE.UTF-8", "huge": strings.Repeat("de-", 1<<18),
	}},
	"templates.invite":  {"must be the name of an object in this namespace", map[string]string{"a path": "../own", "huge": strings.Repeat("a", 1<<20)}},
	"templates.welcome": {"is for no kind of mail; the kinds are invite, team-invite, ", map[string]string{"a name": "own"}},
	"templates.":        {"is for no kind of mail", map[string]string{"a name": "own"}},
	"templates":         {"is not a key of a brand; the keys are accentColor, displayName, host, locale, logoURL, mailFrom, notifyStaff, replyTo, smtpSecret and templates.<kind of mail>", map[string]string{"a name": "own"}},
	"DisplayName":       {"is not a key of a brand", map[string]string{"a name": "Acme"}},
	"color":             {"is not a key of a brand", map[string]string{"a colour": "#123456"}},
}

func staffOf(n int) string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("staff-%d@acme.test", i)
	}
	return strings.Join(addresses, ",")
}

func TestParseTakesWhatCanBeUsed(t *testing.T) {
	for key, texts := range usable {
		for name, test := range texts {
			t.Run(key+", "+name, func(t *testing.T) {
				want := operator()
				test.want(&want)
				got, err := Parse(map[string]string{key: test.text}, operator())
				if err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(want, got, sameTag); diff != "" {
					t.Errorf("the brand differs (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A mistake costs its key alone: the one that comes after it in the alphabet, and the one before it, still count.
func TestParseRefusesOneKeyAndKeepsTheRest(t *testing.T) {
	for key, test := range refused {
		for name, text := range test.texts {
			t.Run(key+", "+name, func(t *testing.T) {
				data, want := map[string]string{"accentColor": "#123456", "templates.sign-in": "own"}, operator()
				want.Accent, want.Templates = Color{0x12, 0x34, 0x56}, map[v1alpha1.MailKind]string{"sign-in": "own"}
				if data[key] != "" {
					delete(data, key)
					want.Accent = operator().Accent
				}
				data[key] = text
				got, err := Parse(data, operator())
				if err == nil || !strings.HasPrefix(err.Error(), key+" "+test.remedy) {
					t.Fatalf("the error is %v, want «%s %s»", err, key, test.remedy)
				}
				if strings.ContainsAny(err.Error(), "\r\n\x07") || len(err.Error()) > 300 || strings.Contains(err.Error(), "acme.test") || strings.Contains(err.Error(), "secret") {
					t.Errorf("the error is not one short line without what stands in the key: %q", err)
				}
				if diff := cmp.Diff(want, got, sameTag); diff != "" {
					t.Errorf("the brand differs (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestEveryKeyHasTextsOfBothSorts(t *testing.T) {
	for key := range parsers {
		if len(usable[key]) == 0 || len(refused[key].texts) == 0 {
			t.Errorf("%s has %d texts that can be used, and %d that cannot", key, len(usable[key]), len(refused[key].texts))
		}
	}
}

func TestEveryKindCanHaveATemplate(t *testing.T) {
	data, want := map[string]string{}, map[v1alpha1.MailKind]string{}
	for _, kind := range v1alpha1.MailKinds {
		want[kind] = "own-" + string(kind)
		data["templates."+string(kind)] = want[kind]
	}
	got, err := Parse(data, operator())
	if diff := cmp.Diff(want, got.Templates); err != nil || diff != "" {
		t.Errorf("%v; the templates differ (-want +got):\n%s", err, diff)
	}
}

func TestEmptyKeysAreUnset(t *testing.T) {
	for _, empty := range []string{"", " ", "\n\t \n"} {
		data := map[string]string{"nonsense": empty, "templates.nonsense": empty}
		for _, key := range slices.Concat(slices.Collect(maps.Keys(parsers)), []string{"templates.invite"}) {
			data[key] = empty
		}
		got, err := Parse(data, operator())
		if diff := cmp.Diff(operator(), got, sameTag); err != nil || diff != "" {
			t.Errorf("%q: %v, %s", empty, err, diff)
		}
	}
}

func TestParseNamesTheFirstOfManyMistakes(t *testing.T) {
	data := map[string]string{"accentColor": "navy", "host": "a b", "locale": "german", "notifyStaff": "ada", "nonsense": "x", "displayName": "Acme"}
	for range 20 {
		got, err := Parse(data, operator())
		if err == nil || !strings.HasPrefix(err.Error(), "accentColor ") || got.DisplayName != "Acme" {
			t.Fatalf("%v, and the company is %q", err, got.DisplayName)
		}
	}
}

// The defaults serve many namespaces.
func TestParseLeavesTheDefaultsAlone(t *testing.T) {
	defaults, untouched := operator(), operator()
	defaults.Templates = map[v1alpha1.MailKind]string{"invite": "everybody"}
	untouched.Templates = map[v1alpha1.MailKind]string{"invite": "everybody"}
	got, err := Parse(map[string]string{"displayName": "Acme", "templates.revoked": "own", "templates.sign-in": "NO"}, defaults)
	if err == nil {
		t.Error("a name in capitals passes")
	}
	if diff := cmp.Diff(untouched, defaults, sameTag); diff != "" {
		t.Errorf("the defaults changed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[v1alpha1.MailKind]string{"invite": "everybody", "revoked": "own"}, got.Templates); diff != "" {
		t.Errorf("the templates differ (-want +got):\n%s", diff)
	}
}

func TestSenderAndCompanyShareAName(t *testing.T) {
	for name, test := range map[string]struct {
		displayName, mailFrom string
		company, from         string
	}{
		"neither":                          {company: "Operator", from: `"Operator" <partners@operator.example>`},
		"a company":                        {displayName: "Acme", company: "Acme", from: `"Acme" <partners@operator.example>`},
		"a sender without a name":          {mailFrom: "hi@acme.example", company: "Operator", from: `"Operator" <hi@acme.example>`},
		"a sender with a name":             {mailFrom: "Acme <hi@acme.example>", company: "Acme", from: `"Acme" <hi@acme.example>`},
		"a company, and a sender without":  {displayName: "Acme", mailFrom: "hi@acme.example", company: "Acme", from: `"Acme" <hi@acme.example>`},
		"a company, and a sender with one": {displayName: "Acme", mailFrom: "Zoe of Acme <hi@acme.example>", company: "Acme", from: `"Zoe of Acme" <hi@acme.example>`},
		"a company called as the operator": {displayName: "Operator", mailFrom: "Acme <hi@acme.example>", company: "Operator", from: `"Acme" <hi@acme.example>`},
		"a company, and a broken sender":   {displayName: "Acme", mailFrom: "hi@", company: "Acme", from: `"Acme" <partners@operator.example>`},
		"a broken company, and a sender":   {displayName: "A\nB", mailFrom: "Acme <hi@acme.example>", company: "Acme", from: `"Acme" <hi@acme.example>`},
		"a broken company":                 {displayName: "A\nB", company: "Operator", from: `"Operator" <partners@operator.example>`},
		"a company of blanks":              {displayName: " ", mailFrom: "Acme <hi@acme.example>", company: "Acme", from: `"Acme" <hi@acme.example>`},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := Parse(map[string]string{"displayName": test.displayName, "mailFrom": test.mailFrom}, operator())
			if got.DisplayName != test.company || got.From.String() != test.from {
				t.Errorf("the company is %q and the sender %s, want %q and %s", got.DisplayName, got.From, test.company, test.from)
			}
		})
	}
	nameless := Default(&mail.Address{Address: "partners@operator.example"})
	if got, _ := Parse(map[string]string{"mailFrom": "hi@acme.example"}, nameless); got.DisplayName != "" || got.From.Name != "" {
		t.Errorf("of no name came %q and %q", got.DisplayName, got.From.Name)
	}
}

func TestLogoOrigin(t *testing.T) {
	for logo, want := range map[string]string{
		"":                              "",
		"https://acme.example/logo.svg": "https://acme.example",
		"https://cdn.acme.example:8443/a/b.png?v=1":   "https://cdn.acme.example:8443",
		"https://bücher.example/logo.svg":             "https://xn--bcher-kva.example",
		"https://192.0.2.7/logo.png":                  "https://192.0.2.7",
		"https://[2001:db8::1]:8443/logo.png":         "https://[2001:db8::1]:8443",
		"https://acme.example/x;script-src%20https:*": "https://acme.example",
	} {
		parsed, err := Parse(map[string]string{"logoURL": logo}, operator())
		if err != nil {
			t.Fatal(err)
		}
		if got := parsed.LogoOrigin(); got != want {
			t.Errorf("the origin of %q is %q, want %q", logo, got, want)
		}
	}
}
