package mail

import (
	"mime"
	"net/mail"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHeaderText(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"plain":                  {"Acme invites you", "Acme invites you"},
		"nothing":                {"", ""},
		"only blanks":            {" \t\r\n", ""},
		"blanks around":          {"  Acme ", "Acme"},
		"a header behind it":     {"Acme\r\nBcc: all@example.com", "Acme Bcc: all@example.com"},
		"a carriage return":      {"Acme\rBcc: x", "Acme Bcc: x"},
		"a line feed":            {"Acme\nBcc: x", "Acme Bcc: x"},
		"a tab":                  {"Acme\tInc", "Acme Inc"},
		"control characters":     {"A\x00c\x07m\x1be\x7f", "A c m e"},
		"controls of Latin-1":    {"A\u0085c\u009bme", "A c me"},
		"separators of Unicode":  {"A\u2028c\u2029me", "A c me"},
		"many in a row":          {"Acme \r\n\r\n  Inc", "Acme Inc"},
		"an encoded word":        {"=?utf-8?q?=0D=0ABcc:x?=", "= ?utf-8?q?=0D=0ABcc:x?="},
		"several, overlapping":   {"=?=?utf-8?b?eA==?= =?", "= ?= ?utf-8?b?eA== ?= = ?"},
		"one broken up":          {"=\x00?utf-8?q?x?=", "= ?utf-8?q?x?="},
		"not Latin":              {"アクメ أكمي", "アクメ أكمي"},
		"as long as it gets":     {strings.Repeat("é", 200), strings.Repeat("é", 200)},
		"longer":                 {strings.Repeat("é", 201), strings.Repeat("é", 199) + "…"},
		"longer by blanks alone": {strings.Repeat("é", 200) + "   ", strings.Repeat("é", 200)},
	} {
		t.Run(name, func(t *testing.T) {
			got := headerText(test.in)
			if got != test.want {
				t.Errorf("headerText = %q, want %q", got, test.want)
			}
			if utf8.RuneCountInString(got) > 200 {
				t.Errorf("it has %d characters", utf8.RuneCountInString(got))
			}
		})
	}
}

// asHeader is how a text goes out: as the library encodes it, or with the name of a person.
func asHeader(t *testing.T, text string) {
	t.Helper()
	want := headerText(text)
	decoder := &mime.WordDecoder{}
	for _, encoder := range []mime.WordEncoder{mime.QEncoding, mime.BEncoding} {
		if got, err := decoder.DecodeHeader(encoder.Encode("UTF-8", want)); err != nil || got != want {
			t.Errorf("%q goes out as %q, %v", text, got, err)
		}
	}
	if want == "" {
		return
	}
	name := headerName(&mail.Address{Name: text, Address: "ada@example.com"})
	header := name.String()
	parsed, err := mail.ParseAddress(header)
	if err != nil || *parsed != *name {
		t.Errorf("the name %q goes out as %q: %v, %v", text, header, parsed, err)
	}
	// some mail programs decode words within quotation marks, too
	decoded, err := decoder.DecodeHeader(header)
	if err != nil || strings.ContainsAny(decoded, "\r\n") || strings.HasPrefix(header, `"`) && decoded != header {
		t.Errorf("the name %q goes out as %q, which some read as %q, %v", text, header, decoded, err)
	}
}

var headers = []string{
	"Acme", "=?utf-8?q?=0D=0ABcc:_all@example.com?=", "=?UTF-8?B?DQpCY2M6IHg=?=", "Acme =?utf-8?q?a?= Inc", "=?iso-8859-1?q?=A1?=", "Zoë =?utf-8?q?a?=", "=?", "?=", "=?=?utf-8?q?a?=?=", "=\x07?utf-8?q?a?=",
	"=\r\n?utf-8?q?a?=", strings.Repeat("é", 197) + "=?utf-8?q?a?=", "a=?utf-8?q?a?=b", "= ?utf-8?q?a?=", `"=?utf-8?q?a?="`, "=\u200b?utf-8?q?a?=",
}

func TestNoHeaderDecodesToAnotherText(t *testing.T) {
	for _, text := range headers {
		asHeader(t, text)
	}
}

func FuzzHeader(f *testing.F) {
	for _, text := range headers {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) {
			asHeader(t, text)
		}
	})
}
