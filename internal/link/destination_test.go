package link

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDestination(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a host alone":                      {"https://acme.example", "https://acme.example/"},
		"a path":                            {"https://acme.example/summer", "https://acme.example/summer"},
		"a query without a path":            {"https://acme.example?x=1", "https://acme.example/?x=1"},
		"a query, and a fragment":           {"https://acme.example/a?x=1&y=%20#top", "https://acme.example/a?x=1&y=%20#top"},
		"a port of its own":                 {"https://acme.example:8443/", "https://acme.example:8443/"},
		"the usual port":                    {"https://acme.example:443/", "https://acme.example/"},
		"the usual port, with zeros":        {"https://acme.example:00443/", "https://acme.example/"},
		"an empty port":                     {"https://acme.example:/", "https://acme.example/"},
		"capital letters in the host":       {"https://ACME.example/Summer", "https://acme.example/Summer"},
		"an international host":             {"https://bücher.example/", "https://xn--bcher-kva.example/"},
		"full-width letters":                {"https://ａcme.example/", "https://acme.example/"},
		"an international path":             {"https://acme.example/sömmer", "https://acme.example/s%C3%B6mmer"},
		"an international query":            {"https://acme.example/?q=sömmer", "https://acme.example/?q=s%C3%B6mmer"},
		"escapes stay as they are":          {"https://acme.example/a%2Fb%2e?x=%2F", "https://acme.example/a%2Fb%2e?x=%2F"},
		"two slashes in the path":           {"https://acme.example//evil.example", "https://acme.example//evil.example"},
		"an at sign in the path":            {"https://acme.example/@evil.example", "https://acme.example/@evil.example"},
		"an address in the query":           {"https://acme.example/?to=https://evil.example", "https://acme.example/?to=https://evil.example"},
		"quotes and brackets in the query":  {`https://acme.example/?a="<b>`, "https://acme.example/?a=%22%3Cb%3E"},
		"a look-alike, which is another":    {"https://аcme.example/", "https://xn--cme-5cd.example/"},
		"plain http":                        {"http://acme.example/", "begin with https://"},
		"a script":                          {"javascript:alert(1)", "begin with https://"},
		"a script that looks like one":      {"javascript://acme.example/%0aalert(1)", "begin with https://"},
		"data":                              {"data:text/html,x", "begin with https://"},
		"a relative one":                    {"/summer", "begin with https://"},
		"a scheme-relative one":             {"//acme.example/", "begin with https://"},
		"slashes the other way":             {`https:\\evil.example\acme.example`, "begin with https://"},
		"a backslash in the host":           {`https://evil.example\@acme.example/`, "backslashes"},
		"a backslash in the path":           {`https://acme.example/\evil.example`, "backslashes"},
		"a scheme without slashes":          {"https:acme.example", "begin with https://"},
		"three slashes":                     {"https:///acme.example", "complete address"},
		"no host":                           {"https://", "complete address"},
		"no host, but a port":               {"https://:443/", "complete address"},
		"a user":                            {"https://acme.example@evil.example/", "user"},
		"a user and a password":             {"https://acme.example:443@evil.example/", "user"},
		"an empty user":                     {"https://@acme.example/", "user"},
		"a blank":                           {"https://acme.example/a b", "blanks"},
		"a blank before":                    {" https://acme.example/", "begin with https://"},
		"a line break":                      {"https://acme.example/\r\nSet-Cookie: a=b", "blanks"},
		"a tab in the host":                 {"https://ac\tme.example/", "blanks"},
		"a null":                            {"https://acme.example/\x00", "invisible"},
		"a zero-width space":                {"https://acme.exam\u200bple/", "invisible"},
		"letters that turn round":           {"https://acme.example/\u202egpj", "invisible"},
		"a soft hyphen":                     {"https://ac\u00adme.example/", "invisible"},
		"broken letters":                    {"https://acme.example/\xff", "invisible"},
		"a dot at the end of the host":      {"https://acme.example./", "valid name"},
		"an ideographic dot at the end":     {"https://acme.example。/", "valid name"},
		"an address of IPv6":                {"https://[::1]/", "valid name"},
		"a host with an escaped dot":        {"https://acme%2eexample/", "complete address"},
		"a host with an escaped slash":      {"https://acme.example%2f.evil.example/", "complete address"},
		"an underscore in the host":         {"https://a_cme.example/", "valid name"},
		"an empty label":                    {"https://acme..example/", "valid name"},
		"a slash that is a letter of IDNA":  {"https://evil.example⁄.acme.example/", "https://evil.xn--example-7d7c.acme.example/"},
		"a port that is a word":             {"https://acme.example:https/", "complete address"},
		"a port that is too high":           {"https://acme.example:65536/", "port"},
		"port zero":                         {"https://acme.example:0/", "port"},
		"a broken escape":                   {"https://acme.example/%zz", "complete address"},
		"too long":                          {"https://acme.example/" + strings.Repeat("x", 2048), "too long"},
		"a question mark made of two bytes": {"https://acme.example？evil.example/", "valid name"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDestination(test.text)
			if err != nil {
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("refused, since it %s; want %q", err, test.want)
				}
				return
			}
			if diff := cmp.Diff(test.want, d.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDestinationOn(t *testing.T) {
	hosts := []string{"acme.example", "Bücher.example", "not a host"}
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"the host":                 {"https://acme.example/x", true},
		"one below it":             {"https://shop.acme.example/", true},
		"far below it":             {"https://a.b.c.acme.example/", true},
		"in capital letters":       {"https://ACME.EXAMPLE/", true},
		"full-width":               {"https://ａcme.example/", true},
		"an international one":     {"https://bücher.example/", true},
		"the same in ASCII":        {"https://xn--bcher-kva.example/", true},
		"the usual port":           {"https://acme.example:443/", true},
		"another port":             {"https://acme.example:8443/", false},
		"one that ends alike":      {"https://evilacme.example/", false},
		"one that begins alike":    {"https://acme.example.evil.example/", false},
		"one above":                {"https://example/", false},
		"a look-alike":             {"https://аcme.example/", false},
		"the host in the path":     {"https://evil.example/acme.example", false},
		"the host in the query":    {"https://evil.example?.acme.example", false},
		"the host in the fragment": {"https://evil.example#.acme.example", false},
		"another":                  {"https://evil.example/", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDestination(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.On(hosts); got != test.want {
				t.Errorf("On = %v", got)
			}
		})
	}
	if d, _ := ParseDestination("https://acme.example/"); d.On(nil) || d.On([]string{"", ".", "example."}) {
		t.Error("a destination is on no host at all")
	}
}

func TestDestinationParameter(t *testing.T) {
	for name, test := range map[string]struct{ text, with, without string }{
		"no query":                   {"https://a.example/", "https://a.example/?ref=ada", "https://a.example/"},
		"a query":                    {"https://a.example/?x=1", "https://a.example/?x=1&ref=ada", "https://a.example/?x=1"},
		"a fragment":                 {"https://a.example/#top", "https://a.example/?ref=ada#top", "https://a.example/#top"},
		"both":                       {"https://a.example/?x=1#a?b", "https://a.example/?x=1&ref=ada#a?b", "https://a.example/?x=1#a?b"},
		"there already":              {"https://a.example/?ref=eve", "https://a.example/?ref=ada", "https://a.example/"},
		"there twice, between":       {"https://a.example/?ref=eve&x=1&ref=bob&y=2", "https://a.example/?x=1&y=2&ref=ada", "https://a.example/?x=1&y=2"},
		"there, without a value":     {"https://a.example/?ref&x", "https://a.example/?x&ref=ada", "https://a.example/?x"},
		"there, escaped":             {"https://a.example/?%72ef=eve", "https://a.example/?ref=ada", "https://a.example/"},
		"there, in capital letters":  {"https://a.example/?Ref=eve", "https://a.example/?ref=ada", "https://a.example/"},
		"there, behind a semicolon":  {"https://a.example/?x=1;ref=eve&y=2", "https://a.example/?y=2&ref=ada", "https://a.example/?y=2"},
		"one of another name":        {"https://a.example/?xref=eve&referrer=x", "https://a.example/?xref=eve&referrer=x&ref=ada", "https://a.example/?xref=eve&referrer=x"},
		"odd parts are left alone":   {"https://a.example/?&&a=b=c&%zz=1&=", "https://a.example/?&&a=b=c&%zz=1&=&ref=ada", "https://a.example/?&&a=b=c&%zz=1&="},
		"an empty query":             {"https://a.example/?", "https://a.example/?ref=ada", "https://a.example/"},
		"a name that is in the path": {"https://a.example/ref=x", "https://a.example/ref=x?ref=ada", "https://a.example/ref=x"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDestination(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.with, d.With("ref", "ada").String()); diff != "" {
				t.Error("with: " + diff)
			}
			if diff := cmp.Diff(test.without, d.Without("ref").String()); diff != "" {
				t.Error("without: " + diff)
			}
		})
	}
}

// Whatever is parsed and allowed leads to the allowed host, as the parser of addresses reads it, and fits into a header.
func FuzzDestination(f *testing.F) {
	for _, seed := range []string{
		"https://acme.example/summer?x=1#top", "https://shop.acme.example:443", "https://acme.example@evil.example", "https://ａcme.example/",
		`https://acme.example\.evil.example`, "https://acme.example/?ref=1;ref=2", "https://acme.example%2f@evil.example/", "https://acme.example/sömmer?ö#ü",
		"javascript:alert(1)", "//acme.example", "https://acme.example/%zz", "https://acme.example?\"<>'`{}|^",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDestination(text)
		if err != nil || !d.On([]string{"acme.example"}) {
			return
		}
		for _, made := range []string{d.String(), d.With("ref", "ada").String(), d.Without("ref").String()} {
			read, err := url.Parse(made)
			if err != nil {
				t.Fatalf("%q became %q: %v", text, made, err)
			}
			if read.Scheme != "https" || read.User != nil || read.Port() != "" || read.Host != "acme.example" && !strings.HasSuffix(read.Host, ".acme.example") {
				t.Errorf("%q leads to %q", text, made)
			}
			if strings.ContainsFunc(made, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }) {
				t.Errorf("%q holds what no header should: %q", text, made)
			}
			again, err := ParseDestination(made)
			if len(made) <= maxDestination && (err != nil || again.String() != made) {
				t.Errorf("%q is read again as %q, %v", made, again, err)
			}
		}
		if read, _ := url.Parse(d.With("ref", "ada").String()); read.Query().Get("ref") != "ada" || len(read.Query()["ref"]) != 1 {
			t.Errorf("%q does not carry the parameter once: %s", text, read)
		}
	})
}

func TestChosenName(t *testing.T) {
	for name, test := range map[string]struct{ typed, want, wrong string }{
		"a name":                {"ada-summer", "ada-summer", ""},
		"one letter":            {"a", "a", ""},
		"with blanks around":    {"  ada ", "ada", ""},
		"in capital letters":    {"Ada-Summer", "ada-summer", ""},
		"the longest":           {strings.Repeat("a", 63), strings.Repeat("a", 63), ""},
		"too long":              {strings.Repeat("a", 64), "", "too long"},
		"nothing":               {" ", "", "missing"},
		"a blank within":        {"ada summer", "", "letters from a to z"},
		"a hyphen at the end":   {"ada-", "", "letters from a to z"},
		"a hyphen at the start": {"-ada", "", "letters from a to z"},
		"a dot":                 {"ada.summer", "", "letters from a to z"},
		"a slash":               {"ada/../eve", "", "letters from a to z"},
		"a letter of elsewhere": {"аda", "", "letters from a to z"},
		"a line break at end":   {"ada\nx", "", "letters from a to z"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ChosenName(test.typed)
			if got != test.want || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("ChosenName = %q, %v", got, err)
			}
		})
	}
}

func TestDefaultName(t *testing.T) {
	long := strings.Repeat("partnership-", 10) + "x"
	seen := map[string]bool{}
	for name, test := range map[string]struct{ partnership, suffix, want string }{
		"without a suffix":             {"ada-1234abcd", "", "ada-1234abcd"},
		"with one":                     {"ada-1234abcd", "summer", "ada-1234abcd-summer"},
		"of a long name":               {long, "", ""},
		"of a long name with a suffix": {long, "summer", ""},
	} {
		t.Run(name, func(t *testing.T) {
			first, other := DefaultName(test.partnership, test.suffix)
			if test.want != "" && first != test.want {
				t.Errorf("the name is %q", first)
			}
			again, otherAgain := DefaultName(test.partnership, test.suffix)
			if first != again || other != otherAgain {
				t.Error("it is another name the second time")
			}
			for _, made := range []string{first, other} {
				if got, err := ChosenName(made); got != made || err != nil {
					t.Errorf("%q is no name: %v", made, err)
				}
				if seen[made] {
					t.Errorf("%q is made twice", made)
				}
				seen[made] = true
			}
		})
	}
}
