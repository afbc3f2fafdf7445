package link

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// longestName is how long the name of a link that is made here can be.
const longestName = 63

var chosenName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// ChosenName is the name of a link as a person typed it, or tells what is wrong with it, in a sentence without a subject.
func ChosenName(typed string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(typed))
	switch {
	case name == "":
		return "", errors.New("is missing; choose a short text, such as ada-summer")
	case len(name) > longestName:
		return "", errors.New("is too long; 63 characters are the most")
	case !chosenName.MatchString(name):
		return "", errors.New("can hold letters from a to z, digits and hyphens between them, such as ada-summer")
	default:
		return name, nil
	}
}

// DefaultName is the name of a partnership's default link of a suffix, and another for the case that this one is somebody
// else's. Both are the same each time, so that of two who make the link only one succeeds.
func DefaultName(partnership, suffix string) (name, other string) {
	name = partnership
	if suffix != "" {
		name += "-" + suffix
	}
	sum := sha256.Sum256([]byte(partnership + "\x00" + suffix))
	other = numbered(name, sum)
	if len(name) > longestName {
		return other, numbered(name, sha256.Sum256(append(sum[:], 2)))
	}
	return name, other
}

// OwnName is a name for a default link where an earlier partnership has left links behind that have the others: it is of
// one partnership, and not of its name.
func OwnName(partnership string, uid types.UID, suffix string) string {
	name, _ := DefaultName(partnership, suffix)
	return numbered(name, sha256.Sum256([]byte(partnership+"\x00"+suffix+"\x00"+string(uid))))
}

// numbered puts a few letters of a hash behind a name, so that it is short enough.
func numbered(name string, sum [sha256.Size]byte) string {
	tail := "-" + hex.EncodeToString(sum[:4])
	return strings.TrimRight(name[:min(len(name), longestName-len(tail))], "-.") + tail
}

// SourceLabel tells on a link that the operator made, what for.
const SourceLabel = "partner-operator.io/link-source"

// The sources of links.
const (
	// SourceDefault: it is a default link of a group.
	SourceDefault = "default"
	// SourcePortal: a partner made it in the portal.
	SourcePortal = "portal"
)
