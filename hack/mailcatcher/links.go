package mailcatcher

import (
	"regexp"
	"strings"
)

var linkPattern = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"]+`)

// findLinks returns the addresses in a text without the punctuation of the sentences around them.
func findLinks(text string) []string {
	links := []string{}
	for _, match := range linkPattern.FindAllString(text, -1) {
		links = append(links, trimSentence(match))
	}
	return links
}

// trimSentence removes what ends a sentence, and closing brackets that the address did not open.
func trimSentence(link string) string {
	for {
		trimmed := strings.TrimRight(link, ".,;:!?'*")
		for _, brackets := range []string{"()", "[]"} {
			if strings.HasSuffix(trimmed, brackets[1:]) &&
				strings.Count(trimmed, brackets[1:]) > strings.Count(trimmed, brackets[:1]) {
				trimmed = trimmed[:len(trimmed)-1]
			}
		}
		if trimmed == link {
			return link
		}
		link = trimmed
	}
}
