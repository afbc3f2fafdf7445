package partnership

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const salt = "mfrggzdfmztwq2lknnwg23tpob"

// person is what makes the name of a partnership of a person.
func person(email, program string) v1alpha1.PartnershipSpec {
	return v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: program}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)},
	}
}

func TestNamesGiveNothingAway(t *testing.T) {
	form := regexp.MustCompile(`^partner-[a-z2-7]{16}$`)
	for _, email := range []string{
		"jane.roe@bigcorp.example", "Ada.Lovelace@example.com", "ada+partners@example.com", "o'neil@example.com", "007@example.com",
		"+_+@example.com", strings.Repeat("a", 64) + "@example.com", "zoe@bücher.example", "a@example.com", "nonsense", "",
	} {
		names := Names(person(email, "referral"), salt)
		for _, name := range names {
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 || !form.MatchString(name) {
				t.Errorf("%q is no name of the form: %v", name, problems)
			}
		}
		if len(names) != 3 || names[0] == names[1] || names[1] == names[2] || names[0] == names[2] {
			t.Errorf("the names to try are %v", names)
		}
		if upper := Names(person(strings.ToUpper(" "+email), "referral"), salt); !slices.Equal(upper, names) {
			t.Errorf("in capitals the names are %v, not %v", upper, names)
		}
		for _, others := range [][]string{
			Names(person(email, "reseller"), salt), Names(person(email, "referral"), NewSalt()), Names(person(email, "referral"), ""),
			Names(person("x"+email, "referral"), salt),
		} {
			if slices.ContainsFunc(others, func(name string) bool { return slices.Contains(names, name) }) {
				t.Errorf("%v and %v have a name in common", names, others)
			}
		}
	}
}

// Who knows the address, the program and how names are made, and not the salt, finds nothing by trying.
func TestNamesCannotBeFoundByTrying(t *testing.T) {
	name := Names(person("ada@example.com", "referral"), salt)[0]
	bits := strings.TrimPrefix(name, "partner-")
	for _, email := range []string{"ada@example.org", "ada@example.net", "ada@example.com"} {
		sum := sha256.Sum256([]byte(email + "\x00referral"))
		if strings.Contains(bits, hex.EncodeToString(sum[:4])) || slices.Contains(Names(person(email, "referral"), ""), name) {
			t.Errorf("%s is found to be of %s", name, email)
		}
	}
}

func TestNamesTellMailboxesApart(t *testing.T) {
	seen := map[string]string{}
	for _, email := range []string{
		"a.da@example.com", "a-da@example.com", "a_da@example.com", "ada@example.com", "ada@example.org", "ada+x@example.com",
		strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 63) + "b@example.com", "+@example.com", "_@example.com",
		"vera@h89928.example", "vera@h153797.example", // of which the first 32 bits of a hash are the same
	} {
		name := Names(person(email, "referral"), salt)[0]
		if before, found := seen[name]; found {
			t.Errorf("%s and %s have one name", before, email)
		}
		seen[name] = email
	}
}

func TestNamesAreTheSameHoweverTheAddressIsWritten(t *testing.T) {
	want := Names(person("zoe@xn--bcher-kva.example", "referral"), salt)
	for _, email := range []string{"zoe@bücher.example", "ZOE@BÜCHER.example", " zoe@bücher.example "} {
		if got := Names(person(email, "referral"), salt); !slices.Equal(got, want) {
			t.Errorf("Names(%q) = %q, want %q", email, got, want)
		}
	}
	// They stand in clusters and in Git: a name that changes makes a second object of the same person.
	if got := Names(person("ada@example.com", "referral"), salt)[0]; got != "partner-jbk5omhdqeq7h2b4" {
		t.Errorf("the name of a partnership that exists has changed to %q", got)
	}
}

func TestPartsOfANameAreKeptApart(t *testing.T) {
	if slices.Equal(SaltedNames("partner", salt, "ab", "c"), SaltedNames("partner", salt, "a", "bc")) {
		t.Error("other parts make the same names")
	}
}

func TestNewSalt(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-7]{26}$`)
	if one, other := NewSalt(), NewSalt(); one == other || !form.MatchString(one) {
		t.Errorf("the salts are %q and %q", one, other)
	}
}

func TestTheNamesOfATeamAreReadable(t *testing.T) {
	spec := v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, TeamRef: &v1alpha1.TeamReference{Name: "agency"}}
	if got := Names(spec, salt); len(got) != 2 || got[0] != "agency-referral" || got[1] != LongTeamName("agency", "referral") {
		t.Errorf("the names are %v", got)
	}
	spec.TeamRef.Name = strings.Repeat("a", 60)
	if got := Names(spec, salt); len(got) != 1 {
		t.Errorf("the names are %v", got)
	}
}
