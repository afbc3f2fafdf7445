package partnership

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/partner-operator/partner-operator/internal/address"
)

// NewSalt returns a salt for names and IDs, 128 random bits.
func NewSalt() string { return strings.ToLower(rand.Text()) }

// Name is the name of the Partnership of a person in a program: a readable part, and a part that is the same whatever
// the case of the address, so that the API server lets only one of two racing creations through.
func Name(email, program string) string {
	sum := sha256.Sum256([]byte(address.Normalize(email) + "\x00" + program))
	suffix := hex.EncodeToString(sum[:4])
	const longest = 63 - 1 - 8
	slug := slug(address.LocalPart(email))
	if len(slug) > longest {
		slug = strings.TrimRight(slug[:longest], "-")
	}
	return slug + "-" + suffix
}

// slug is what a name of Kubernetes can take of a text. The readable part tells only the part before the @.
func slug(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "partner"
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
