package address

import (
	"strings"
	"testing"
)

func TestParseSender(t *testing.T) {
	for name, test := range map[string]struct {
		text, name, address string
		fails               bool
	}{
		"a plain address":            {text: "partners@acme.example", address: "partners@acme.example"},
		"a name":                     {text: "Acme Partners <partners@acme.example>", name: "Acme Partners", address: "partners@acme.example"},
		"a quoted name":              {text: `"Acme, Inc." <partners@acme.example>`, name: "Acme, Inc.", address: "partners@acme.example"},
		"a name that is not Latin":   {text: "アクメ <partners@acme.example>", name: "アクメ", address: "partners@acme.example"},
		"an encoded name":            {text: "=?utf-8?q?Caf=C3=A9?= <partners@acme.example>", name: "Café", address: "partners@acme.example"},
		"only angle brackets":        {text: "<partners@acme.example>", address: "partners@acme.example"},
		"a host without dots":        {text: "no-reply@localhost", address: "no-reply@localhost"},
		"an international domain":    {text: "Bücher <partners@bücher.example>", name: "Bücher", address: "partners@xn--bcher-kva.example"},
		"a group":                    {text: "Acme: partners@acme.example;", address: "partners@acme.example"},
		"not ASCII before the @":     {text: "zoë@acme.example", fails: true},
		"a quoted local part":        {text: `"a b"@acme.example`, fails: true},
		"a quoted @":                 {text: `"a@b"@acme.example`, fails: true},
		"too long before the @":      {text: strings.Repeat("a", 65) + "@acme.example", fails: true},
		"too long":                   {text: "a@" + strings.Repeat("acme.", 50) + "example", fails: true},
		"nothing":                    {text: "", fails: true},
		"a name alone":               {text: "Acme Partners", fails: true},
		"a host alone":               {text: "acme.example", fails: true},
		"nothing after the @":        {text: "partners@", fails: true},
		"two addresses":              {text: "a@acme.example, b@acme.example", fails: true},
		"no end of the address":      {text: "Acme <partners@acme.example", fails: true},
		"another header behind it":   {text: "Acme <partners@acme.example>\r\nBcc: all@acme.example", fails: true},
		"a folded line":              {text: "Acme\r\n <partners@acme.example>", fails: true},
		"a line break in the name":   {text: "\"Acme\nPartners\" <partners@acme.example>", fails: true},
		"a control character":        {text: "Ac\x07me <partners@acme.example>", fails: true},
		"an encoded break in a name": {text: "=?utf-8?q?Acme=0D=0ABcc:_x?= <partners@acme.example>", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			from, err := ParseSender(test.text)
			switch {
			case test.fails && err == nil:
				t.Errorf("ParseSender = %+v", from)
			case test.fails && strings.ContainsAny(err.Error(), "\r\n\x07"):
				t.Errorf("the error is not one line: %q", err)
			case test.fails:
			case err != nil:
				t.Error(err)
			case from.Name != test.name || from.Address != test.address:
				t.Errorf("ParseSender = %q %q, want %q %q", from.Name, from.Address, test.name, test.address)
			}
		})
	}
}
