package v1alpha1

import (
	"strings"
	"unicode"
)

// IsControl reports whether a character controls how a text is shown instead of being shown: control characters, line
// breaks, and those that turn the direction of what follows. No line of text that people or the company write has one.
// Joiners are shown, by what they do to the letters beside them.
func IsControl(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) || unicode.Is(turning, r)
}

// turning are the embeddings, overrides and isolates of the Unicode Bidirectional Algorithm.
var turning = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x202a, Hi: 0x202e, Stride: 1}, {Lo: 0x2066, Hi: 0x2069, Stride: 1}}}

// Copied is a line as another object can have it. One that was written before a character was refused may still hold it,
// and keeps it; a copy is without.
func (l LineOfText) Copied() LineOfText {
	shown := strings.Map(func(r rune) rune {
		if IsControl(r) {
			return -1
		}
		return r
	}, string(l))
	return LineOfText(strings.TrimSpace(shown))
}

// Copied is a contact as another object can have it; nil: there is none.
func (c *Contact) Copied() *Contact {
	if c == nil {
		return nil
	}
	return &Contact{Email: c.Email, FirstName: c.FirstName.Copied(), LastName: c.LastName.Copied(), JobTitle: c.JobTitle.Copied(), Phone: c.Phone.Copied()}
}
