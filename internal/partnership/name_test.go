package partnership

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestName(t *testing.T) {
	long := strings.Repeat("a", 64)
	for name, test := range map[string]struct{ email, readable string }{
		"plain":                              {"ada@example.com", "ada"},
		"capitals":                           {"Ada.Lovelace@example.com", "ada-lovelace"},
		"a tag":                              {"ada+partners@example.com", "ada-partners"},
		"an apostrophe":                      {"o'neil@example.com", "o-neil"},
		"digits only":                        {"007@example.com", "007"},
		"nothing that a name can take":       {"+_+@example.com", "partner"},
		"odd characters at both ends":        {"_ada_@example.com", "ada"},
		"many odd characters in a row":       {"a!#$%&*+/=?^_{|}~b@example.com", "a-b"},
		"as long as a local part gets":       {long + "@example.com", long[:54]},
		"a dash where it is cut":             {long[:53] + ".b@example.com", long[:53]},
		"dashes where it is cut":             {long[:52] + "--bcd@example.com", long[:52] + "-b"},
		"an international domain":            {"zoe@bücher.example", "zoe"},
		"one character":                      {"a@example.com", "a"},
		"an address that the API would stop": {"nonsense", "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Name(test.email, "referral")
			if problems := validation.IsDNS1123Label(got); len(problems) > 0 {
				t.Errorf("%q is no name: %v", got, problems)
			}
			if want := test.readable + "-"; !strings.HasPrefix(got, want) || len(got) != len(want)+8 {
				t.Errorf("%q is not %s and eight digits", got, want)
			}
			if upper := Name(strings.ToUpper(test.email), "referral"); upper != got {
				t.Errorf("in capitals the name is %q, not %q", upper, got)
			}
			if other := Name(test.email, "reseller"); other == got {
				t.Errorf("%q is the name in both programs", got)
			}
		})
	}
}

func TestNameTellsMailboxesApart(t *testing.T) {
	seen := map[string]string{}
	for _, email := range []string{
		"a.da@example.com", "a-da@example.com", "a_da@example.com", "ada@example.com", "ada@example.org", "ada+x@example.com",
		strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 63) + "b@example.com", "+@example.com", "_@example.com",
	} {
		name := Name(email, "referral")
		if before, found := seen[name]; found {
			t.Errorf("%s and %s have one name", before, email)
		}
		seen[name] = email
	}
}

func TestNameIsTheSameHoweverTheAddressIsWritten(t *testing.T) {
	want := Name("zoe@xn--bcher-kva.example", "referral")
	for _, email := range []string{"zoe@bücher.example", "ZOE@BÜCHER.example", " zoe@bücher.example "} {
		if got := Name(email, "referral"); got != want {
			t.Errorf("Name(%q) = %q, want %q", email, got, want)
		}
	}
	// It stands in clusters: a name that changes makes a second partnership of the same person.
	if got := Name("ada@example.com", "referral"); got != "ada-c6bf09a9" {
		t.Errorf("the name of a partnership that exists has changed to %q", got)
	}
}
