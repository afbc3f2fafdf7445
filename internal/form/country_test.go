package form

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ISO 3166-1 has 249 codes; some of them are checked by name, as those whose names changed or are often got wrong.
func TestCountries(t *testing.T) {
	if len(Countries) != 249 {
		t.Errorf("there are %d countries", len(Countries))
	}
	codes := map[string]string{}
	for _, c := range Countries {
		if !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(c.Code) || c.Name == "" || c.Name != strings.TrimSpace(c.Name) {
			t.Errorf("%+v is no country", c)
		}
		if other, twice := codes[c.Code]; twice {
			t.Errorf("%s is both %s and %s", c.Code, c.Name, other)
		}
		codes[c.Code] = c.Name
	}
	for code, name := range map[string]string{"DE": "Germany", "GB": "United Kingdom", "CH": "Switzerland", "SZ": "Eswatini", "MK": "North Macedonia", "CZ": "Czechia", "TR": "Türkiye", "SS": "South Sudan", "KP": "North Korea", "KR": "South Korea"} {
		if codes[code] != name {
			t.Errorf("%s is %q, not %q", code, codes[code], name)
		}
	}
}

func TestCountriesAreInOrder(t *testing.T) {
	plain := strings.NewReplacer("Å", "A", "ô", "o", "ç", "c", "é", "e", "ã", "a", "í", "i", "ü", "u", "’", "")
	if !slices.IsSortedFunc(Countries, func(a, b Country) int {
		return strings.Compare(strings.ToLower(plain.Replace(a.Name)), strings.ToLower(plain.Replace(b.Name)))
	}) {
		t.Error("the countries are not sorted by name")
	}
}
