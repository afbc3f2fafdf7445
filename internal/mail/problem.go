package mail

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// quotingError is an error about a template that may quote it.
type quotingError struct{ text, bare string }

func (e *quotingError) Error() string { return e.text }

// Bare is an error about a template without a word of it: what it says names the keys that templates have, and the line.
func Bare(err error) string {
	var quoting *quotingError
	if errors.As(err, &quoting) {
		return quoting.bare
	}
	return err.Error()
}

// longestProblem is how much of an error people read, in characters; it may quote a word as long as the template.
const longestProblem = 300

var (
	// noise is what a library's error says of its own states and of the program's types.
	noise       = regexp.MustCompile(`^template: |^html/template:| executing "\w+" at <.*?>:|: \{state.*|reflect: `)
	missingName = regexp.MustCompile(`can't evaluate field (\w+) in type \S+`)
	// lineOfError is where an error says that it is, such as text:3:14.
	lineOfError = regexp.MustCompile(`^\w+:(\d+)`)
)

// tidy leaves out of an error about a key what tells a user nothing.
func tidy(key string, err error) error {
	if err == nil {
		return nil
	}
	text := noise.ReplaceAllString(strings.Join(strings.Fields(err.Error()), " "), "")
	text = missingName.ReplaceAllString(text, "there is no .$1 here")
	if runes := []rune(text); len(runes) > longestProblem {
		text = string(runes[:longestProblem-1]) + "…"
	}
	bare := key + " cannot be used"
	if found := lineOfError.FindStringSubmatch(text); found != nil {
		bare = fmt.Sprintf("%s:%s: cannot be used", key, found[1])
	}
	return &quotingError{text: text, bare: bare}
}
