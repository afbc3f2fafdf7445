package mail

import (
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
