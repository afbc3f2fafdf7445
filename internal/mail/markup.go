package mail

import (
	"fmt"
	"slices"
	"strings"
)

// mostOddMarks is how many of each of the marks that checkMarkup counts a page may have.
const mostOddMarks = 200

// rawElements are those whose content is no HTML.
var rawElements = []string{"script", "style", "textarea", "title"}

// checkMarkup refuses a page that html/template takes long to read: the time grows with the square of what it has of
// angle brackets that begin no tag, of those within a script or style, and of backslashes.
func checkMarkup(key, page string) error {
	stray, within, backslashes, raw := 0, 0, 0, ""
	for i := range len(page) {
		rest := page[i+1:]
		switch {
		case page[i] == '\\':
			backslashes++
		case page[i] != '<':
		case raw != "" && hasTag(rest, "/"+raw, "> \t\n\f/"):
			raw = ""
		case raw != "":
			within++
		case strings.HasPrefix(rest, "!--"):
		case !beginsTag(rest):
			stray++
		default:
			begins := func(name string) bool { return hasTag(rest, name, "") }
			if at := slices.IndexFunc(rawElements, begins); at >= 0 {
				raw = rawElements[at]
			}
		}
		var what string
		switch {
		case stray > mostOddMarks:
			what = "< that begin no tag; write &lt;"
		case within > mostOddMarks:
			what = "< within " + raw + "; leave it out"
		case backslashes > mostOddMarks:
			what = "backslashes; leave them out"
		default:
			continue
		}
		return fmt.Errorf("%s:%d: has more than %d %s", key, 1+strings.Count(page[:i], "\n"), mostOddMarks, what)
	}
	return nil
}

// beginsTag reports whether a text behind a < makes that the begin of a tag, or of the end of an element.
func beginsTag(text string) bool {
	text = strings.TrimPrefix(text, "/")
	return text != "" && isLetter(text[0])
}

// hasTag reports whether a text behind a < begins with the name of a tag, and one of some characters behind it; empty:
// anything but a letter.
func hasTag(text, name, ends string) bool {
	if len(text) <= len(name) || !strings.EqualFold(text[:len(name)], name) {
		return false
	}
	next := text[len(name)]
	return ends == "" && !isLetter(next) || ends != "" && strings.IndexByte(ends, next) >= 0
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
