package link

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseBase(t *testing.T) {
	const notAnAddress, notAHost = "must be an address", "must be a host without a path"
	for name, test := range map[string]struct {
		text         string
		origin, host string
		secure       bool
		wantError    string
	}{
		"https":                      {text: "https://partners.example.com", origin: "https://partners.example.com", host: "partners.example.com", secure: true},
		"http":                       {text: "http://partners.example.com", origin: "http://partners.example.com", host: "partners.example.com"},
		"a slash at the end":         {text: "https://partners.example.com/", origin: "https://partners.example.com", host: "partners.example.com", secure: true},
		"a port":                     {text: "https://partners.example.com:8443", origin: "https://partners.example.com:8443", host: "partners.example.com", secure: true},
		"localhost":                  {text: "http://localhost:8080", origin: "http://localhost:8080", host: "localhost"},
		"an IPv4 address":            {text: "http://127.0.0.1:8080", origin: "http://127.0.0.1:8080", host: "127.0.0.1"},
		"an IPv6 address":            {text: "http://[::1]", origin: "http://[::1]", host: "::1"},
		"an IPv6 address and a port": {text: "https://[2001:db8::1]:8443/", origin: "https://[2001:db8::1]:8443", host: "2001:db8::1", secure: true},
		"the scheme in capitals":     {text: "HTTPS://partners.example.com", origin: "https://partners.example.com", host: "partners.example.com", secure: true},
		"an empty query":             {text: "https://partners.example.com?", origin: "https://partners.example.com", host: "partners.example.com", secure: true},
		"nothing":                    {text: "", wantError: notAnAddress},
		"no scheme":                  {text: "partners.example.com", wantError: notAnAddress},
		"no scheme and a port":       {text: "partners.example.com:8443", wantError: notAnAddress},
		"only slashes for a scheme":  {text: "//partners.example.com", wantError: notAnAddress},
		"another scheme":             {text: "ftp://partners.example.com", wantError: notAnAddress},
		"a script":                   {text: "javascript:alert(1)", wantError: notAnAddress},
		"no host":                    {text: "https://", wantError: notAnAddress},
		"a port and no host":         {text: "https://:8443", wantError: notAnAddress},
		"a path and no host":         {text: "https:///partners", wantError: notAnAddress},
		"a port that is none":        {text: "https://partners.example.com:https", wantError: notAnAddress},
		"a blank in the host":        {text: "https://partners example.com", wantError: notAnAddress},
		"a line break":               {text: "https://partners.example.com\n", wantError: notAnAddress},
		"half of an IPv6 address":    {text: "https://[::1", wantError: notAnAddress},
		"a path":                     {text: "https://example.com/partners", wantError: notAHost},
		"a path and a slash":         {text: "https://example.com/partners/", wantError: notAHost},
		"a query":                    {text: "https://example.com?a=b", wantError: notAHost},
		"a fragment":                 {text: "https://example.com/#top", wantError: notAHost},
		"a user":                     {text: "https://ada@example.com", wantError: notAHost},
		"a user and a password":      {text: "https://ada:secret@example.com", wantError: notAHost},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := ParseBase(test.text)
			if test.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantError) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
					t.Errorf("error = %v, want one with %q", err, test.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if base.Origin() != test.origin || base.Host() != test.host || base.Secure() != test.secure {
				t.Errorf("origin %q, host %q, secure %v", base.Origin(), base.Host(), base.Secure())
			}
		})
	}
}

// A browser names the origin in small letters, in ASCII and without the port of the scheme, and only an equal text is
// trusted behind a proxy.
func TestOriginIsWhatABrowserCallsIt(t *testing.T) {
	for text, want := range map[string]string{
		"https://Partners.Example.com":     "https://partners.example.com",
		"https://partners.example.com:443": "https://partners.example.com",
		"http://partners.example.com:80":   "http://partners.example.com",
		"http://partners.example.com:443":  "http://partners.example.com:443",
		"https://partners.example.com:":    "https://partners.example.com",
		"https://bücher.example":           "https://xn--bcher-kva.example",
		"https://[2001:DB8::1]:443":        "https://[2001:db8::1]",
		"https://[2001:db8:0:0::01]:8443":  "https://[2001:db8::1]:8443",
	} {
		t.Run(text, func(t *testing.T) {
			base, err := ParseBase(text)
			if err != nil {
				t.Fatal(err)
			}
			if base.Origin() != want {
				t.Errorf("the origin is %q, want %q", base.Origin(), want)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	for _, origin := range []string{"https://partners.example.com", "http://[::1]:8080"} {
		base, err := ParseBase(origin + "/")
		if err != nil {
			t.Fatal(err)
		}
		for what, test := range map[string]struct{ got, want string }{
			"an invite": {base.Invite("acme", "A-b_9"), origin + "/t/acme/invite/A-b_9"},
			"a sign-in": {base.SignIn("acme", "A-b_9"), origin + "/t/acme/signin/A-b_9"},
			"the login": {base.Login("acme"), origin + "/t/acme/login"},
		} {
			if test.got != test.want {
				t.Errorf("the link of %s is %q, want %q", what, test.got, test.want)
			}
			if parsed, err := url.Parse(test.got); err != nil || parsed.Host == "" {
				t.Errorf("%q is no address: %v", test.got, err)
			}
		}
	}
}
