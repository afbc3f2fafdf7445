package form

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// The most characters that an answer may have.
const (
	MaxText     = 200
	MaxLongText = 4000
	MaxURL      = 2000
	MaxEmail    = 254
	MaxPhone    = 32
)

// MaxTotal is how many bytes all answers together may have, with the names of their fields. It is more than 30 long
// answers in ASCII need, and far less than what an object can hold.
const MaxTotal = 128 << 10

// Ticked is the answer to a checkbox, and the value that its input posts.
const Ticked v1alpha1.Answer = "yes"

// Check judges what was submitted for some fields. It gives the answers as they are to be kept, and for each field whose
// answer will not do a sentence that tells the person what to do. The answers count only if there is no problem. What
// was submitted for no field is left out, and so is what was left empty.
func Check(fields []v1alpha1.FormField, submitted map[string][]string) (answers map[string]v1alpha1.Answer, problems map[string]string) {
	answers, problems = map[string]v1alpha1.Answer{}, map[string]string{}
	for _, field := range fields {
		name := string(field.Name)
		switch answer, problem := check(field, submitted[name]); {
		case problem != "":
			problems[name] = problem
		case answer != "":
			answers[name] = v1alpha1.Answer(answer)
		}
	}
	if name, over := excess(answers); over {
		delete(answers, name)
		problems[name] = "Your answers are too long altogether. Please shorten this one."
	}
	return answers, problems
}

// check judges what was submitted for one field.
func check(field v1alpha1.FormField, values []string) (answer, problem string) {
	if len(values) > 1 {
		return "", "Please give one answer."
	}
	if len(values) == 1 {
		answer = tidy(field.Type, values[0])
	}
	switch {
	case answer == "" && field.Required:
		return "", missing(field.Type)
	case answer == "":
		return "", ""
	case field.Type == v1alpha1.FieldSelect && slices.Contains(field.Options, v1alpha1.LineOfText(answer)):
		return judge(field, answer)
	case !utf8.ValidString(answer) || strings.ContainsFunc(answer, forbidden(field.Type)):
		return "", illegible(field.Type)
	default:
		return judge(field, answer)
	}
}

// tidy takes away what people do not mean: blanks around an answer, and the carriage returns that browsers put into
// lines.
func tidy(fieldType v1alpha1.FormFieldType, text string) string {
	if fieldType == v1alpha1.FieldLongText {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	return strings.TrimSpace(text)
}

// forbidden tells which characters an answer must not have: those that control how it is shown, line breaks among them
// unless the answer may have lines.
func forbidden(fieldType v1alpha1.FormFieldType) func(rune) bool {
	return func(r rune) bool {
		if fieldType == v1alpha1.FieldLongText && (r == '\n' || r == '\t') {
			return false
		}
		return v1alpha1.IsControl(r)
	}
}

func illegible(fieldType v1alpha1.FormFieldType) string {
	if fieldType == v1alpha1.FieldLongText {
		return "This has characters that cannot be shown. Please type it as plain text."
	}
	return "This has line breaks or characters that cannot be shown. Please type one line of plain text."
}

// missing tells that an answer is required.
func missing(fieldType v1alpha1.FormFieldType) string {
	switch fieldType {
	case v1alpha1.FieldCheckbox:
		return "Please tick this box."
	case v1alpha1.FieldSelect, v1alpha1.FieldCountry:
		return "Please choose one."
	default:
		return "Please fill this in."
	}
}

// judge decides about an answer that is there and legible.
func judge(field v1alpha1.FormField, text string) (answer, problem string) {
	switch field.Type {
	case v1alpha1.FieldLongText:
		return fit(text, MaxLongText)
	case v1alpha1.FieldEmail:
		_, err := address.Deliverable(text)
		return answerIf(text, err == nil && utf8.RuneCountInString(text) <= MaxEmail, "Please type a whole mail address, such as ada@example.com.")
	case v1alpha1.FieldURL:
		if answer, problem = fit(text, MaxURL); problem != "" {
			return answer, problem
		}
		return answerIf(text, isWebAddress(text), "Please type a whole web address, such as https://example.com.")
	case v1alpha1.FieldPhone:
		return answerIf(text, isPhone(text), "Please type a phone number, such as +49 30 1234567.")
	case v1alpha1.FieldSelect:
		return answerIf(text, slices.Contains(field.Options, v1alpha1.LineOfText(text)), "Please choose one of the options.")
	case v1alpha1.FieldCountry:
		return answerIf(text, isCountry(text), "Please choose a country from the list.")
	case v1alpha1.FieldCheckbox:
		// «on» is what browsers post for a checkbox without a value.
		return answerIf(string(Ticked), text == string(Ticked) || text == "on", "Please tick this box or leave it empty.")
	default:
		return fit(text, MaxText)
	}
}

// answerIf is an answer if it is good, and otherwise what to do about it.
func answerIf(text string, good bool, otherwise string) (answer, problem string) {
	if good {
		return text, ""
	}
	return "", otherwise
}

func fit(text string, most int) (answer, problem string) {
	count := utf8.RuneCountInString(text)
	return answerIf(text, count <= most, fmt.Sprintf("Please shorten this to %d characters; it has %d.", most, count))
}

// isWebAddress tells whether a text is an address of the web: http or https, with a full host name, and no password.
func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.ContainsFunc(text, unicode.IsSpace) {
		return false
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return true
	}
	host, err := idna.Lookup.ToASCII(u.Hostname())
	return err == nil && strings.Contains(strings.Trim(host, "."), ".")
}

// isPhone tells whether a text may be a phone number: 5 to 15 digits as E.164 has them, in whatever groups people write.
func isPhone(text string) bool {
	digits := 0
	for i, r := range text {
		switch {
		case '0' <= r && r <= '9':
			digits++
		case r == '+' && i == 0, strings.ContainsRune("()./", r), unicode.In(r, unicode.Zs, unicode.Pd):
		default:
			return false
		}
	}
	return 5 <= digits && digits <= 15 && utf8.RuneCountInString(text) <= MaxPhone
}

// excess tells whether the answers are too long altogether, and which one is the longest.
func excess(answers map[string]v1alpha1.Answer) (longest string, over bool) {
	total := 0
	for name, answer := range answers {
		total += len(name) + len(answer)
		if len(answer) > len(answers[longest]) || len(answer) == len(answers[longest]) && name < longest {
			longest = name
		}
	}
	return longest, total > MaxTotal
}
