package mail

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"golang.org/x/text/language"
)

//go:embed templates
var files embed.FS

// words are the built-in mails in one language. The templates are parsed once; executing them is safe from many
// goroutines.
type words struct {
	tag   language.Tag
	texts *texttemplate.Template
	pages *htmltemplate.Template
	// months are their names, and date puts day, month, year and time in order.
	months []string
	date   func(at time.Time, month string) string
}

// languages are those that the built-in mails speak, the one for all others first.
var languages = []*words{
	read("en", "January February March April May June July August September October November December", func(at time.Time, month string) string {
		return fmt.Sprintf("%d %s %d, %s", at.Day(), month, at.Year(), at.Format("15:04 UTC"))
	}),
	read("de", "Januar Februar März April Mai Juni Juli August September Oktober November Dezember", func(at time.Time, month string) string {
		return fmt.Sprintf("%d. %s %d, %s", at.Day(), month, at.Year(), at.Format("15:04 UTC"))
	}),
	read("fr", "janvier février mars avril mai juin juillet août septembre octobre novembre décembre", func(at time.Time, month string) string {
		day := strconv.Itoa(at.Day())
		if at.Day() == 1 {
			day = "1er"
		}
		return fmt.Sprintf("%s %s %d à %s", day, month, at.Year(), at.Format("15:04 UTC"))
	}),
	read("es", "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre", func(at time.Time, month string) string {
		return fmt.Sprintf("%d de %s de %d, %s", at.Day(), month, at.Year(), at.Format("15:04 UTC"))
	}),
}

func read(tag, months string, date func(time.Time, string) string) *words {
	file := "templates/words." + tag + ".tmpl"
	if _, err := fs.Stat(files, file); err != nil {
		panic(err)
	}
	return &words{
		tag:    language.MustParse(tag),
		texts:  texttemplate.Must(texttemplate.New("texts").Funcs(texttemplate.FuncMap{"indent": indent, "trim": strings.TrimSpace}).ParseFS(files, file, "templates/*.txt")),
		pages:  htmltemplate.Must(htmltemplate.New("pages").Funcs(htmltemplate.FuncMap{"trim": strings.TrimSpace}).ParseFS(files, file, "templates/*.html")),
		months: strings.Fields(months),
		date:   date,
	}
}

// wordsFor are the words in a language, or in English where there are none.
func wordsFor(tag language.Tag) *words {
	base, _ := tag.Base() // the regions share their words, and no language gets those of a neighbour
	for _, each := range languages {
		if each.tag.String() == base.String() {
			return each
		}
	}
	return languages[0]
}

// on is a time for people who read a language: in its own words where there are some, else in figures.
func (w *words) on(at time.Time, tag language.Tag) string {
	at = at.UTC()
	if base, _ := tag.Base(); base.String() != w.tag.String() {
		return at.Format("2006-01-02 15:04 UTC")
	}
	return w.date(at, w.months[at.Month()-1])
}

// rightToLeft tells the direction of a language's script.
func rightToLeft(tag language.Tag) bool {
	script, _ := tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm":
		return true
	default:
		return false
	}
}

// indent sets every line of a text in by two blanks.
func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// wrap breaks lines at blanks, so that none is much longer than people like to read; an address stays whole. The parts of
// a line begin where it does, unless that makes several times as much of it.
func wrap(text string) string {
	const width = 76
	var wrapped strings.Builder
	for line := range strings.Lines(text) {
		rest := strings.TrimRight(line, " \n")
		begun := wrapped.Len()
		margin := rest[:len(rest)-len(strings.TrimLeft(rest, " "))]
		for {
			at := breakAt(rest, len(margin), width)
			if at < 0 {
				break
			}
			wrapped.WriteString(strings.TrimRight(rest[:at], " ") + "\n")
			if wrapped.Len()-begun > 4*len(line) {
				margin = ""
			}
			rest = margin + strings.TrimLeft(rest[at:], " ")
		}
		wrapped.WriteString(rest)
		if strings.HasSuffix(line, "\n") {
			wrapped.WriteByte('\n')
		}
	}
	return wrapped.String()
}

// breakAt is the last blank of a line that is longer than the width and has one before it, behind the margin, else the
// first one after it; below 0: the line stays as it is.
func breakAt(line string, margin, width int) int {
	at, column := -1, 0
	for i, r := range line {
		if r == ' ' && i > margin {
			if column > width && at >= 0 {
				return at
			}
			at = i
			if column > width {
				return at
			}
		}
		column++
	}
	if column > width {
		return at
	}
	return -1
}
