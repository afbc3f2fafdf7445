package docs

import (
	"regexp"
	"strings"
)

// command is what a person types, and what the page shows that it prints.
type command struct {
	text string
	// shown are the lines after it; nil: the page does not show what it prints.
	shown []string
}

// commands are those of a block. One with prompts holds commands and what they print; one without is a single script. What
// begins with make is left out, unless keep says that it is to be run.
func commands(block string, keep func(string) bool) (found []command) {
	if !strings.HasPrefix(block, "$ ") && !strings.Contains(block, "\n$ ") {
		var script strings.Builder
		for line := range strings.Lines(block) {
			if !strings.HasPrefix(line, "make ") || keep(line) {
				script.WriteString(line)
			}
		}
		if strings.TrimSpace(script.String()) == "" {
			return nil
		}
		return []command{{text: script.String()}}
	}
	goesOn, leftOut := false, false
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		typed, prompt := strings.CutPrefix(line, "$ ")
		switch last := len(found) - 1; {
		case prompt:
			if leftOut = strings.HasPrefix(typed, "make ") && !keep(typed); !leftOut {
				found = append(found, command{text: typed, shown: []string{}})
			}
		case last < 0 || leftOut:
			continue
		case goesOn:
			found[last].text += "\n" + line
		default:
			found[last].shown = append(found[last].shown, line)
		}
		goesOn = strings.HasSuffix(line, `\`) && (prompt || goesOn)
	}
	return found
}

// fails tells whether the page shows that the command ends with an error.
func (c command) fails() bool {
	for _, line := range c.shown {
		if strings.HasPrefix(line, "error:") || strings.HasPrefix(line, "Error ") || strings.HasPrefix(line, "The ") && strings.Contains(line, " is invalid: ") {
			return true
		}
	}
	return false
}

// reads tells whether a command changes nothing, so that it can be run until what it prints is there.
func (c command) reads() bool {
	return regexp.MustCompile(`^kubectl (-n \S+ )?(get|describe|explain|auth|kustomize|partner (list|describe|export|preview|whoami|check|link)) `).MatchString(c.text) &&
		!strings.ContainsAny(c.text, "|>;&")
}

// changing are the parts of what is printed that are different each time, and blanks that depend on them.
var changing = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`(?m)(^| )(\d+[smhdy]){1,2}$`), "${1}AGE"},
	{regexp.MustCompile(`[ \t]+`), " "},
}

func plain(text string) string {
	for _, each := range changing {
		text = each.what.ReplaceAllString(text, each.with)
	}
	return strings.TrimSpace(text)
}

// matches tells whether what was printed is what a page shows. Times, ages and blanks are not compared; … stands for any text
// within a line, and on a line of its own for any lines.
func matches(shown []string, printed string) bool {
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for _, line := range shown {
		if strings.TrimSpace(line) == "…" {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(plain(line)), "…", `.*`) + `\n`)
	}
	pattern.WriteString(`$`)
	var lines strings.Builder
	for line := range strings.Lines(strings.TrimRight(printed, "\n")) {
		lines.WriteString(plain(line) + "\n")
	}
	return regexp.MustCompile(pattern.String()).MatchString(lines.String())
}
