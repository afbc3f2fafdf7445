package partnership

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// nameTries is how many names are tried for an object before that is left to people.
const nameTries = 3

// PersonPrefix begins the name of everything that is named after a person.
const PersonPrefix = "partner"

// NewSalt returns a salt for names, 128 random bits.
func NewSalt() string { return strings.ToLower(rand.Text()) }

// Names returns the names that a Partnership can have, in the order in which they are tried: the first that is not
// another partner's. They are the same each time, so that the API server lets only one of two racing creations through.
// The salt is the one of the program.
func Names(spec v1alpha1.PartnershipSpec, salt string) []string {
	if spec.TeamRef != nil {
		name := TeamName(spec.TeamRef.Name, spec.ProgramRef.Name)
		if long := LongTeamName(spec.TeamRef.Name, spec.ProgramRef.Name); long != name {
			return []string{name, long}
		}
		return []string{name}
	}
	var email v1alpha1.EmailAddress
	if spec.Contact != nil {
		email = spec.Contact.Email
	}
	return SaltedNames(PersonPrefix, salt, address.Normalize(string(email)), spec.ProgramRef.Name)
}

// SaltedNames returns the names of something that is made of these parts, in the order in which they are tried. Without
// the salt nobody can compute them, so they tell nothing about the parts: neither do they show them, nor can a list of
// guesses be tried. Nor can anybody find parts of which two make one name.
func SaltedNames(prefix, salt string, parts ...string) []string {
	names := make([]string, 0, nameTries)
	for try := range nameTries {
		mac := hmac.New(sha256.New, []byte(salt))
		for _, part := range parts {
			mac.Write([]byte(part + "\x00"))
		}
		mac.Write([]byte{byte(try)})
		names = append(names, prefix+"-"+strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:10])))
	}
	return names
}

// TeamName is the name of the Partnership of a team in a program: both names, if there is room for them, else as much as
// there is and a part that tells them apart.
func TeamName(team, program string) string {
	if name := team + "-" + program; len(name) <= 63 {
		return name
	}
	return LongTeamName(team, program)
}

// LongTeamName is TeamName with the part that tells names apart in any case.
func LongTeamName(team, program string) string {
	const longest = 63 - 1 - 8
	name := team + "-" + program
	sum := sha256.Sum256([]byte(team + "\x00" + program))
	if len(name) > longest {
		name = strings.TrimRight(name[:longest], "-.")
	}
	return name + "-" + hex.EncodeToString(sum[:4])
}
