package form

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// question is a field "q" of a type.
func question(fieldType v1alpha1.FormFieldType) v1alpha1.FormField {
	f := field("q", fieldType, "Question")
	if fieldType == v1alpha1.FieldSelect {
		f.Options = []v1alpha1.LineOfText{"1 to 10", "more"}
	}
	return f
}

var types = []v1alpha1.FormFieldType{
	v1alpha1.FieldText, v1alpha1.FieldLongText, v1alpha1.FieldEmail, v1alpha1.FieldURL, v1alpha1.FieldPhone,
	v1alpha1.FieldSelect, v1alpha1.FieldCheckbox, v1alpha1.FieldCountry,
}

// TestCheckKeeps has, for each type, what is kept of what was submitted.
func TestCheckKeeps(t *testing.T) {
	long := strings.Repeat("ü", MaxLongText)
	for fieldType, answers := range map[v1alpha1.FormFieldType]map[string]v1alpha1.Answer{
		v1alpha1.FieldText: {
			"Agency GmbH": "Agency GmbH", " \t Agency\u00a0 \n": "Agency", "<b>&\"": "<b>&\"", "👩‍💻 عدة": "👩‍💻 عدة", strings.Repeat("ü", MaxText): v1alpha1.Answer(strings.Repeat("ü", MaxText)),
		},
		v1alpha1.FieldLongText: {
			"One\r\nTwo\rThree\n": "One\nTwo\nThree", "\tindented\n\n\tagain": "indented\n\n\tagain", long: v1alpha1.Answer(long), long + "\r\n": v1alpha1.Answer(long),
		},
		v1alpha1.FieldEmail: {" ada@example.com ": "ada@example.com", "Zoe+x@Bücher.example": "Zoe+x@Bücher.example"},
		v1alpha1.FieldURL: {
			"https://example.com": "https://example.com", "http://example.com:8080/a?b=c#d": "http://example.com:8080/a?b=c#d", "HTTPS://Example.com": "HTTPS://Example.com",
			"https://bücher.example/ü": "https://bücher.example/ü", "https://192.0.2.1/": "https://192.0.2.1/", "https://[2001:db8::1]/": "https://[2001:db8::1]/",
			"https://example.com/" + strings.Repeat("a", MaxURL-20): v1alpha1.Answer("https://example.com/" + strings.Repeat("a", MaxURL-20)),
		},
		v1alpha1.FieldPhone: {
			"+49 30 1234567": "+49 30 1234567", "(030) 123-45.67/8": "(030) 123-45.67/8", "00493012345": "00493012345", "12345": "12345", "+123456789012345": "+123456789012345", "+49\u00a030\u20111234": "+49\u00a030\u20111234",
		},
		v1alpha1.FieldSelect:   {"1 to 10": "1 to 10", " more ": "more"},
		v1alpha1.FieldCheckbox: {"yes": "yes", "on": "yes"},
		v1alpha1.FieldCountry:  {"DE": "DE", " ZW ": "ZW"},
	} {
		for submitted, want := range answers {
			t.Run(fmt.Sprintf("%s %.40q", fieldType, submitted), func(t *testing.T) {
				got, problems := Check([]v1alpha1.FormField{question(fieldType)}, map[string][]string{"q": {submitted}})
				if diff := cmp.Diff(map[string]v1alpha1.Answer{"q": want}, got); diff != "" || len(problems) > 0 {
					t.Errorf("unexpected (-want +got):\n%s\nproblems: %v", diff, problems)
				}
			})
		}
	}
}

// TestCheckRefuses has, for each type, what will not do, and a part of what the person is told.
func TestCheckRefuses(t *testing.T) {
	const (
		unshown = "characters that cannot be shown"
		mail    = "a whole mail address"
		web     = "a whole web address, such as https://"
		phone   = "a phone number, such as +49"
	)
	for fieldType, refused := range map[v1alpha1.FormFieldType]map[string]string{
		v1alpha1.FieldText: {
			"One\nTwo": "one line of plain text", "One\rTwo": unshown, "One\tTwo": unshown, "a\x00b": unshown, "a\x1b[31m": unshown, "a\u0085b": unshown, "a\u2028b": unshown, "a\x7f": unshown,
			"a\xff": unshown, "\xc3(": unshown, strings.Repeat("x", MaxText+1): "to 200 characters; it has 201",
		},
		v1alpha1.FieldLongText: {
			"a\x00b": unshown, "a\vb": unshown, "a\u2029b": unshown, "a\xff": unshown, strings.Repeat("ü", MaxLongText+1): "to 4000 characters; it has 4001",
		},
		v1alpha1.FieldEmail: {
			"ada": mail, "ada@localhost": mail, "Ada <ada@example.com>": mail, "a b@example.com": mail, "ada@example.com, eve@example.com": mail, "zoë@example.com": mail,
			"ada@example.com\r\nBcc: eve@example.com": unshown, strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 100) + "example": mail,
		},
		v1alpha1.FieldURL: {
			"example.com": web, "www.example.com/a": web, "ftp://example.com": web, "javascript:alert(1)": web, "javascript://example.com/%0aalert(1)": web, "data:text/html,x": web, "mailto:ada@example.com": web,
			"https://": web, "https:///path": web, "https:example.com": web, "https://localhost": web, "https://exam ple.com": web, "https://example.com/a b": web, "//example.com": web, "not a url": web, "https://.": web,
			"https://ada:secret@example.com": web, "https://ada@example.com": web, "https://exa_mple.com": web, "https://example.com/%zz": web, "https://example.com:port": web,
			"https://example.com/\u2028a": unshown, "https://example.com/" + strings.Repeat("a", MaxURL): "to 2000 characters",
		},
		v1alpha1.FieldPhone: {
			"call me": phone, "1234": phone, "+1234567890123456": phone, "030-12x45": phone, "++491234567": phone, "49+1234567": phone, "+": phone, "()": phone, "１２３４５６": phone, "1 2 3 4 5" + strings.Repeat(" ", 30) + "6": phone,
		},
		v1alpha1.FieldSelect:   {"1 TO 10": "one of the options", "other": "one of the options", "more\n1 to 10": unshown},
		v1alpha1.FieldCheckbox: {"no": "tick this box or leave it empty", "true": "tick this box", "YES": "tick this box"},
		v1alpha1.FieldCountry:  {"de": "from the list", "XX": "from the list", "DEU": "from the list", "Germany": "from the list", "EU": "from the list"},
	} {
		for submitted, want := range refused {
			t.Run(fmt.Sprintf("%s %.40q", fieldType, submitted), func(t *testing.T) {
				answers, problems := Check([]v1alpha1.FormField{question(fieldType)}, map[string][]string{"q": {submitted}})
				if len(answers) > 0 || !strings.Contains(problems["q"], want) {
					t.Errorf("answers %v, problems %q, want %q", answers, problems, want)
				}
				if problem := problems["q"]; !strings.HasSuffix(problem, ".") || !strings.Contains(problem, "Please ") {
					t.Errorf("%q tells nobody what to do", problem)
				}
			})
		}
	}
}

func TestCheckOfWhatIsMissing(t *testing.T) {
	wants := map[v1alpha1.FormFieldType]string{
		v1alpha1.FieldCheckbox: "Please tick this box.", v1alpha1.FieldSelect: "Please choose one.", v1alpha1.FieldCountry: "Please choose one.",
	}
	for _, fieldType := range types {
		for what, submitted := range map[string]map[string][]string{"not posted": {}, "empty": {"q": {""}}, "blank": {"q": {" \r\n\t\u00a0"}}, "no value": {"q": {}}} {
			t.Run(string(fieldType)+" "+what, func(t *testing.T) {
				if answers, problems := Check([]v1alpha1.FormField{question(fieldType)}, submitted); len(answers)+len(problems) > 0 {
					t.Errorf("not required: answers %v, problems %v", answers, problems)
				}
				want := wants[fieldType]
				if want == "" {
					want = "Please fill this in."
				}
				answers, problems := Check([]v1alpha1.FormField{required(question(fieldType))}, submitted)
				if diff := cmp.Diff(map[string]string{"q": want}, problems); diff != "" || len(answers) > 0 {
					t.Errorf("required: unexpected (-want +got):\n%s\nanswers: %v", diff, answers)
				}
			})
		}
	}
}

func TestCheckOfSeveralFields(t *testing.T) {
	fields := []v1alpha1.FormField{required(field("company", v1alpha1.FieldText, "Company")), field("website", v1alpha1.FieldURL, "Website"), field("vat-id", v1alpha1.FieldText, "VAT")}
	for name, test := range map[string]struct {
		submitted map[string][]string
		answers   map[string]v1alpha1.Answer
		problems  map[string]string
	}{
		"what nobody asks is dropped": {
			submitted: map[string][]string{"company": {"Agency"}, "email": {"ada@example.com"}, "admin": {"true"}, "Company": {"x"}},
			answers:   map[string]v1alpha1.Answer{"company": "Agency"}, problems: map[string]string{},
		},
		"each problem is told, and what is right is kept": {
			submitted: map[string][]string{"company": {" "}, "website": {"agency"}, "vat-id": {"DE1"}},
			answers:   map[string]v1alpha1.Answer{"vat-id": "DE1"},
			problems: map[string]string{
				"company": "Please fill this in.",
				"website": "Please type a whole web address, such as https://example.com.",
			},
		},
		"two answers to one question": {
			submitted: map[string][]string{"company": {"Agency", "Agency"}},
			answers:   map[string]v1alpha1.Answer{}, problems: map[string]string{"company": "Please give one answer."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			answers, problems := Check(fields, test.submitted)
			if diff := cmp.Diff(test.answers, answers); diff != "" {
				t.Errorf("unexpected answers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.problems, problems); diff != "" {
				t.Errorf("unexpected problems (-want +got):\n%s", diff)
			}
		})
	}
}

// All answers together are bounded, and 30 long ones in ASCII fit.
func TestCheckBoundsTheTotal(t *testing.T) {
	var fields []v1alpha1.FormField
	ascii, wide := map[string][]string{}, map[string][]string{}
	for n := range 30 {
		name := fmt.Sprintf("q-%02d", n)
		fields = append(fields, field(name, v1alpha1.FieldLongText, ""))
		ascii[name] = []string{strings.Repeat("x", MaxLongText)}
		wide[name] = []string{strings.Repeat("語", MaxLongText-n)}
	}
	if answers, problems := Check(fields, ascii); len(problems) > 0 || len(answers) != 30 {
		t.Errorf("%d long answers are kept, problems: %v", len(answers), problems)
	}
	_, problems := Check(fields, wide)
	if diff := cmp.Diff(map[string]string{"q-00": "Your answers are too long altogether. Please shorten this one."}, problems); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// FuzzCheck posts anything at a form that has all types.
func FuzzCheck(f *testing.F) {
	var fields []v1alpha1.FormField
	known := map[string]v1alpha1.FormField{}
	for _, fieldType := range types {
		asked := question(fieldType)
		asked.Name = v1alpha1.FormFieldName(strings.ToLower(string(fieldType)))
		asked.Required = fieldType == v1alpha1.FieldText
		fields = append(fields, asked)
		known[string(asked.Name)] = asked
	}
	for _, seed := range []string{
		"", "text=Agency&longtext=a%0D%0Ab&email=ada@example.com&url=https://example.com&phone=%2B49301234&select=more&checkbox=on&country=DE",
		"text=%ff&url=javascript:alert(1)&longtext=%00&email=a%0Ab@c.d", "text=a&text=b&admin=true", "text=%E2%80%A8x%C2%85&phone=%EF%BC%91",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		submitted, _ := url.ParseQuery(query)
		answers, problems := Check(fields, submitted)
		for name, answer := range answers {
			text := string(answer)
			switch asked, ok := known[name]; {
			case !ok:
				t.Errorf("the answer %q is to no question", name)
			case problems[name] != "":
				t.Errorf("%s is both answered and a problem", name)
			case text == "" || text != strings.TrimSpace(text) || !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxLongText:
				t.Errorf("%s is kept as %q", name, text)
			case strings.ContainsFunc(text, unicode.IsControl) && asked.Type != v1alpha1.FieldLongText:
				t.Errorf("%s keeps a control character: %q", name, text)
			}
		}
		if answers["text"] == "" && problems["text"] == "" {
			t.Error("the required field is neither answered nor a problem")
		}
		again := map[string][]string{}
		for name, answer := range answers {
			again[name] = []string{string(answer)}
		}
		kept, refused := Check(fields, again)
		if diff := cmp.Diff(answers, kept); diff != "" || answers["text"] != "" && len(refused) > 0 {
			t.Errorf("what is kept is not what is kept of it (-first +second):\n%s\nproblems: %v", diff, refused)
		}
	})
}
