package address

import (
	"strings"
	"testing"
)

func TestDeliverable(t *testing.T) {
	for name, test := range map[string]struct{ in, want, wantError string }{
		"plain":                        {in: "ada@example.com", want: "ada@example.com"},
		"case is kept":                 {in: "Ada.L@Example.com", want: "Ada.L@example.com"},
		"tag":                          {in: "ada+partners@example.com", want: "ada+partners@example.com"},
		"apostrophe":                   {in: "o'neil@example.com", want: "o'neil@example.com"},
		"international domain":         {in: "zoe@bücher.example", want: "zoe@xn--bcher-kva.example"},
		"local part of 64":             {in: strings.Repeat("a", 64) + "@example.com", want: strings.Repeat("a", 64) + "@example.com"},
		"local part of 65":             {in: strings.Repeat("a", 65) + "@example.com", wantError: "more than 64"},
		"bare host":                    {in: "root@localhost", wantError: "no full domain"},
		"no at":                        {in: "example.com", wantError: "name@domain"},
		"no domain":                    {in: "ada@", wantError: "name@domain"},
		"no local part":                {in: "@example.com", wantError: "name@domain"},
		"display name":                 {in: "Ada <ada@example.com>", wantError: "not ASCII"},
		"international local part":     {in: "zoë@example.com", wantError: "not ASCII"},
		"host with a leading dash":     {in: "ada@-bad.example", wantError: "valid host name"},
		"underscore in the domain":     {in: "ada@a_b.example", wantError: "valid host name"},
		"address literal":              {in: "ada@[127.0.0.1]", wantError: "valid host name"},
		"two ats":                      {in: "a@b@example.com", wantError: "plain address"},
		"two dots in a row":            {in: "a..b@example.com", wantError: "plain address"},
		"header injection":             {in: "ada\r\nBcc: x@example.com", wantError: "not ASCII"},
		"zero width joiner in a label": {in: "ada@ex\u200dample.com", wantError: "valid host name"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Deliverable(test.in)
			if got != test.want {
				t.Errorf("Deliverable(%q) = %q, want %q", test.in, got, test.want)
			}
			if (err != nil) != (test.wantError != "") || err != nil && !strings.Contains(err.Error(), test.wantError) {
				t.Errorf("Deliverable(%q) error = %v, want one with %q", test.in, err, test.wantError)
			}
			if err != nil && strings.Contains(err.Error(), test.in) {
				t.Errorf("the error tells the address: %v", err)
			}
		})
	}
}

func TestEqual(t *testing.T) {
	for name, test := range map[string]struct {
		a, b string
		want bool
	}{
		"case":                 {"Ada@Example.COM", "ada@example.com", true},
		"blanks around":        {" ada@example.com\n", "ada@example.com", true},
		"international domain": {"zoe@BÜCHER.example", "zoe@xn--bcher-kva.example", true},
		"tag":                  {"ada+x@example.com", "ada@example.com", false},
		"dots":                 {"a.da@example.com", "ada@example.com", false},
		"other domain":         {"ada@example.org", "ada@example.com", false},
		"nothing and nothing":  {"", "", true},
		"nothing and one":      {"", "ada@example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Equal(test.a, test.b); got != test.want {
				t.Errorf("Equal(%q, %q) = %v", test.a, test.b, got)
			}
		})
	}
}

func TestMaskAndHint(t *testing.T) {
	for in, want := range map[string]string{
		"ada@example.com": "a***@example.com",
		"a@b.example":     "a***@b.example",
		"nonsense":        "***",
		"":                "***",
		"@example.com":    "***",
	} {
		if got := Hint(in); got != want {
			t.Errorf("Hint(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"ada@example.com": "***", "a@b.example": "***", "nonsense": "***", "": ""} {
		if got := Mask(in); got != want {
			t.Errorf("Mask(%q) = %q, want %q", in, got, want)
		}
	}
}
