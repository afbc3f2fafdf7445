package mail

import (
	"io/fs"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
)

// in is the brand of a company in a language.
func in(locale, company string) brand.Brand {
	b := acme(company)
	b.Locale = language.MustParse(locale)
	return b
}

// defined are the names of the words in a language.
func (w *words) defined() (names []string) {
	for _, each := range w.texts.Templates() {
		if name := each.Name(); !strings.HasSuffix(name, ".tmpl") && name != "texts" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestEveryLanguageHasTheSameWords(t *testing.T) {
	english := languages[0]
	if english.tag != language.English {
		t.Fatalf("the first language is %s", english.tag)
	}
	for _, w := range languages {
		if diff := cmp.Diff(english.defined(), w.defined()); diff != "" {
			t.Errorf("%s has other words than English (-English +%s):\n%s", w.tag, w.tag, diff)
		}
		if months := slices.Compact(slices.Sorted(slices.Values(w.months))); len(w.months) != 12 || len(months) != 12 {
			t.Errorf("%s has the months %q", w.tag, w.months)
		}
	}
	found, err := fs.Glob(files, "templates/words*")
	if err != nil || len(found) != len(languages) {
		t.Errorf("there are %d languages, and the files %q; %v", len(languages), found, err)
	}
}

// A word that reads as in English has been forgotten.
func TestEveryWordIsTranslated(t *testing.T) {
	content := Content{FirstName: "Ada", Team: "Agency", Teammate: "bob@agency.example", Programs: []ProgramLine{reseller, referral, reseller}, Link: link, Minutes: 15}
	for _, name := range languages[0].defined() {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		said := map[string]language.Tag{}
		for _, w := range languages {
			text, err := w.text(name, view{Data: dataOf(w, acme("Acme"), content)})
			if err != nil || strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s in %s is %q, %v", name, w.tag, text, err)
			}
			if other, ok := said[text]; ok {
				t.Errorf("%s is %q in %s as in %s", name, text, w.tag, other)
			}
			said[text] = w.tag
		}
	}
}

func TestEveryMailInEveryLanguage(t *testing.T) {
	broken := regexp.MustCompile(`<no value>|%!|\{\{|}}|<nil>|&lt;nil|ZgotmplZ`)
	careless := regexp.MustCompile(`[ \x{a0}]+[,;]|,,|\.\.|::|[^\n ] {2,}| \n| $|\n{3,}|^\s`)
	for _, w := range languages {
		for _, kind := range kinds {
			for what, content := range map[string]Content{
				"everything": ada,
				"nothing":    {Link: link, ExpiryTime: expiry, Minutes: 15},
				"no link":    {},
				"one":        {FirstName: "Ada", Programs: []ProgramLine{{Name: "Acme"}}, Link: link, ExpiryTime: expiry, Minutes: 15},
				"three":      {Programs: []ProgramLine{reseller, reseller, reseller}, Link: link, ExpiryTime: expiry, Minutes: 15},
				"long":       {FirstName: strings.Repeat("ada ", 31) + "ada", Programs: []ProgramLine{{Name: strings.Repeat("x", 128), Description: strings.Repeat("long ", 399) + "long"}}, Link: link, ExpiryTime: expiry, Reason: strings.Repeat("long ", 99) + "long"},
			} {
				for _, company := range []string{"", "Acme"} {
					t.Run(strings.Join([]string{w.tag.String(), string(kind), what, company}, " "), func(t *testing.T) {
						if content.Link != "" { // every mail about a team has its name
							content.Team, content.Teammate = "Agency", "bob@agency.example"
						}
						message := render(t, kind, in(w.tag.String(), company), content)
						for part, text := range map[string]string{"subject": message.Subject, "text": strings.TrimSuffix(message.Text, "\n"), "page": message.HTML} {
							found := broken.FindString(text)
							if part != "page" && content.Link != "" && content.Programs != nil {
								found += careless.FindString(text)
							}
							if found != "" {
								t.Errorf("the %s holds %q:\n%s", part, found, text)
							}
						}
						if !strings.Contains(message.HTML, `<html lang="`+w.tag.String()+`"`) {
							t.Error("the page is in another language")
						}
						for line := range strings.Lines(message.Text) {
							if utf8.RuneCountInString(line) > 77 && len(strings.Fields(line)) > 1 {
								t.Errorf("the line is too long: %q", line)
							}
						}
					})
				}
			}
		}
	}
}

func TestGoldenLanguages(t *testing.T) {
	for _, w := range languages {
		var texts, pages strings.Builder
		for _, kind := range kinds {
			for _, content := range []Content{
				ada,
				{Programs: []ProgramLine{reseller}, Link: link, ExpiryTime: expiry, Minutes: 15},
				{Programs: []ProgramLine{reseller, referral, reseller}, Link: link, ExpiryTime: expiry, Minutes: 15},
			} {
				company := map[bool]string{true: "Acme"}[content.FirstName != ""]
				content.Team, content.Teammate = "Agency", "bob@agency.example"
				message := render(t, kind, in(w.tag.String(), company), content)
				texts.WriteString("########## " + string(kind) + "\nSubject: " + message.Subject + "\n\n" + message.Text + "\n")
				if kind == v1alpha1.MailInvite {
					pages.WriteString(message.HTML + "\n")
				}
			}
		}
		golden(t, "words."+w.tag.String()+".golden.txt", texts.String())
		if w != languages[0] { // English pages are in the golden files of the kinds
			golden(t, "invite."+w.tag.String()+".golden.html", pages.String())
		}
	}
}

func TestGoldenBrand(t *testing.T) {
	company := brand.Brand{
		DisplayName: "أكمي", From: &netmail.Address{Name: "أكمي", Address: "partners@acme.example"}, ReplyTo: &netmail.Address{Address: "help@acme.example"},
		Accent: brand.Color{R: 0xff, G: 0xd6, B: 0x0a}, Locale: language.Arabic,
	}
	var pages strings.Builder
	for _, kind := range kinds {
		pages.WriteString(render(t, kind, company, ada).HTML + "\n")
	}
	for _, data := range []of{
		{"subject": "أكمي", "markdown": "# مرحبا {{.FirstName}}\n\n{{range .Programs}}\n* **{{.Name}}** {{.Description}}\n{{end}}\n\n> {{.Reason}}\n\n[الدعوة]({{.Link}})\n\n`{{.Expiry}}`"},
		{"text": "مرحبا {{.FirstName}},\n\n{{.Link}}\n"},
	} {
		pages.WriteString(renderOwn(t, v1alpha1.MailInvite, company, ada, data).HTML + "\n")
	}
	golden(t, "brand.golden.html", pages.String())
}

func TestLanguageOfALocale(t *testing.T) {
	for locale, want := range map[string]struct{ language, expiry string }{
		"en": {"en", "8 January 2026, 12:00 UTC"}, "en-GB": {"en", "8 January 2026, 12:00 UTC"}, "en-US": {"en", "8 January 2026, 12:00 UTC"}, "und": {"en", "8 January 2026, 12:00 UTC"},
		"de": {"de", "8. Januar 2026, 12:00 UTC"}, "de-AT": {"de", "8. Januar 2026, 12:00 UTC"}, "de-CH": {"de", "8. Januar 2026, 12:00 UTC"}, "de-Latn-DE": {"de", "8. Januar 2026, 12:00 UTC"},
		"fr": {"fr", "8 janvier 2026 à 12:00 UTC"}, "fr-CA": {"fr", "8 janvier 2026 à 12:00 UTC"}, "fr-CH": {"fr", "8 janvier 2026 à 12:00 UTC"},
		"es": {"es", "8 de enero de 2026, 12:00 UTC"}, "es-MX": {"es", "8 de enero de 2026, 12:00 UTC"}, "es-419": {"es", "8 de enero de 2026, 12:00 UTC"},
		"ja": {"en", "2026-01-08 12:00 UTC"}, "ar": {"en", "2026-01-08 12:00 UTC"}, "pl": {"en", "2026-01-08 12:00 UTC"}, "pt-BR": {"en", "2026-01-08 12:00 UTC"}, "zh-Hant-TW": {"en", "2026-01-08 12:00 UTC"},
		"eu": {"en", "2026-01-08 12:00 UTC"}, "gl": {"en", "2026-01-08 12:00 UTC"}, "lb": {"en", "2026-01-08 12:00 UTC"}, "br": {"en", "2026-01-08 12:00 UTC"}, // not their neighbours
		"it": {"en", "2026-01-08 12:00 UTC"}, "nl": {"en", "2026-01-08 12:00 UTC"}, "x-private": {"en", "2026-01-08 12:00 UTC"},
	} {
		t.Run(locale, func(t *testing.T) {
			message := render(t, v1alpha1.MailInvite, in(locale, "Acme"), ada)
			english := render(t, v1alpha1.MailInvite, in("en", "Acme"), ada)
			if !strings.Contains(message.HTML, `<html lang="`+want.language+`"`) || !strings.Contains(message.Text, want.expiry) || !strings.Contains(message.HTML, want.expiry) {
				t.Errorf("it is not in %s, or not until %s:\n%s", want.language, want.expiry, message.HTML)
			}
			if (message.Subject == english.Subject) != (want.language == "en") {
				t.Errorf("the subject is %q", message.Subject)
			}
			if lead, ofEnglish := renderOwn(t, v1alpha1.MailInvite, in(locale, "Acme"), ada, of{"text": "{{.Lead}}{{.Link}}"}), "Acme Referral and one more program"+link; (lead.Text == ofEnglish) != (want.language == "en") {
				t.Errorf("in a template the lead is %q", lead.Text)
			}
		})
	}
}

// A template of the company is in its language, whichever that is. The built-in words run as theirs does, also with the
// name of a company that is written from the right.
func TestDirectionOfALocale(t *testing.T) {
	for locale, want := range map[string]string{
		"en": "auto", "de-AT": "auto", "ja": "auto", "pl": "auto", "az": "auto", "und": "auto",
		"ar": "rtl", "ar-EG": "rtl", "he": "rtl", "fa": "rtl", "ur": "rtl", "yi": "rtl", "ps": "rtl", "dv": "rtl", "ckb": "rtl", "az-Arab": "rtl",
	} {
		page := renderOwn(t, v1alpha1.MailInvite, in(locale, "Acme"), ada, of{"text": "{{.Link}}"}).HTML
		if html := `<html lang="` + language.MustParse(locale).String() + `" dir="` + want + `">`; !strings.Contains(page, html) {
			t.Errorf("%s: want %s in\n%s", locale, html, page)
		}
		page = render(t, v1alpha1.MailInvite, in(locale, "אקמה"), ada).HTML
		if !strings.Contains(page, `<html lang="`+wordsFor(language.MustParse(locale)).tag.String()+`" dir="ltr">`) || !strings.Contains(page, "border-left:") {
			t.Errorf("%s: the built-in words do not run from the left:\n%s", locale, page)
		}
	}
}

func TestDates(t *testing.T) {
	east := time.FixedZone("east", 9*60*60)
	for locale, want := range map[string][2]string{
		"en": {"31 December 2025, 23:59 UTC", "1 March 2026, 00:05 UTC"},
		"de": {"31. Dezember 2025, 23:59 UTC", "1. März 2026, 00:05 UTC"},
		"fr": {"31 décembre 2025 à 23:59 UTC", "1er mars 2026 à 00:05 UTC"},
		"es": {"31 de diciembre de 2025, 23:59 UTC", "1 de marzo de 2026, 00:05 UTC"},
		"ja": {"2025-12-31 23:59 UTC", "2026-03-01 00:05 UTC"},
	} {
		tag := language.MustParse(locale)
		for i, at := range []time.Time{time.Date(2026, 1, 1, 8, 59, 59, 0, east), time.Date(2026, 3, 1, 9, 5, 0, 0, east)} {
			if got := wordsFor(tag).on(at, tag); got != want[i] {
				t.Errorf("in %s it is %q, want %q", locale, got, want[i])
			}
		}
	}
	if got := dataOf(languages[0], acme(""), Content{}).Expiry; got != "" {
		t.Errorf("no time at all is %q", got)
	}
}

func TestWrap(t *testing.T) {
	ten := strings.Repeat("123456789 ", 8) // ends in a blank
	url := "https://partners.example.com/" + strings.Repeat("x", 80)
	for name, test := range map[string]struct{ in, want string }{
		"nothing":                 {"", ""},
		"short":                   {"a b\n\n  c\n", "a b\n\n  c\n"},
		"no line end":             {"a b", "a b"},
		"76":                      {ten[:70] + "123456", ten[:70] + "123456"},
		"77":                      {ten[:70] + "1234567", ten[:69] + "\n1234567"},
		"a blank at 77":           {ten[:70] + "123456 7", ten[:70] + "123456\n7"},
		"two blanks at the break": {ten[:69] + "  1234567 x", ten[:69] + "\n1234567 x"},
		"many blanks":             {"a" + strings.Repeat(" ", 100) + "b", "a\nb"},
		"blanks at the end":       {"a  \n  \n" + ten[:70] + "123456  ", "a\n\n" + ten[:70] + "123456"},
		"two breaks":              {ten + ten + "1", ten[:69] + "\n" + ten[:69] + "\n123456789 123456789 1"},
		"line ends are kept":      {"a\n" + ten + "1\nb\n", "a\n" + ten[:69] + "\n123456789 1\nb\n"},
		"margin":                  {"  " + ten + "1", "  " + ten[:69] + "\n  123456789 1"},
		"wide margin":             {strings.Repeat(" ", 80) + "a b", strings.Repeat(" ", 80) + "a\n" + strings.Repeat(" ", 80) + "b"},
		"an address":              {url, url},
		"an address in words":     {"see " + url + " soon", "see\n" + url + "\nsoon"},
		"an address with margin":  {"  " + url, "  " + url},
		"characters, not bytes":   {strings.Repeat("é", 74) + " b c", strings.Repeat("é", 74) + " b\nc"},
		"of 76 characters":        {strings.Repeat("é", 74) + " b", strings.Repeat("é", 74) + " b"},
		"a script without blanks": {strings.Repeat("漢", 100), strings.Repeat("漢", 100)},
		"a blank that holds":      {ten[:70] + "12345\u00a0: x", ten[:69] + "\n12345\u00a0: x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wrap(test.in); got != test.want {
				t.Errorf("wrap(%q) = %q, want %q", test.in, got, test.want)
			}
			checkWrap(t, test.in)
		})
	}
}

func FuzzWrap(f *testing.F) {
	for _, text := range []string{"", strings.Repeat("a b  ", 40), "  " + strings.Repeat("é ", 90) + "\n\n" + strings.Repeat("漢", 80) + " x", strings.Repeat(" ", 90), "see " + link + strings.Repeat("/x", 50) + " now"} {
		f.Add(text)
	}
	f.Fuzz(checkWrap)
}

// checkWrap: nothing but blanks comes and goes, no line stays long that could be broken, and once is enough.
func checkWrap(t *testing.T, text string) {
	t.Helper()
	wrapped := wrap(text)
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' })
	}
	if diff := cmp.Diff(words(text), words(wrapped)); diff != "" {
		t.Errorf("the words differ (-want +got):\n%s", diff)
	}
	if strings.Count(wrapped, "\n\n") < strings.Count(text, "\n\n") || strings.HasSuffix(wrapped, "\n") != strings.HasSuffix(strings.TrimRight(text, " "), "\n") {
		t.Errorf("of %q came %q", text, wrapped)
	}
	for line := range strings.SplitSeq(wrapped, "\n") {
		if utf8.RuneCountInString(line) > 76 && len(words(line)) > 1 || strings.HasSuffix(line, " ") {
			t.Errorf("the line is too long, or ends in a blank: %q", line)
		}
	}
	if again := wrap(wrapped); again != wrapped {
		t.Errorf("wrapped twice it is %q, once %q", again, wrapped)
	}
}
