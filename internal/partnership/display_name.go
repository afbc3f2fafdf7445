package partnership

import (
	"cmp"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// longestDisplayName is how much of a name has room in a list on a terminal.
const longestDisplayName = 24

// DisplayName tells in a list of objects who an object is about, whose name does not.
func DisplayName(chosen v1alpha1.LineOfText, contact *v1alpha1.Contact, team string) string {
	name := cmp.Or(string(chosen), team)
	if name == "" && contact != nil {
		name = cmp.Or(strings.TrimSpace(string(contact.FirstName)+" "+string(contact.LastName)), address.Hint(string(contact.Email)))
	}
	if letters := []rune(name); len(letters) > longestDisplayName {
		return strings.TrimRight(string(letters[:longestDisplayName-1]), " ") + "…"
	}
	return name
}
