package mail

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Whichever way a value comes to be printed, one that is more than a text is not.
func TestWhatIsMoreThanATextIsNotPrinted(t *testing.T) {
	for name, text := range map[string]string{
		"a variable of all":              "{{$x := .}}{{$x}}",
		"of the root":                    "{{$x := $}}{{$x}}",
		"by another variable":            "{{$x := .}}{{$y := $x}}{{$y}}",
		"one assigned":                   "{{$x := 1}}{{$x = .}}{{$x}}",
		"one assigned in a branch":       "{{$x := 1}}{{if .Link}}{{$x = .Programs}}{{end}}{{$x}}",
		"one assigned in an else":        "{{$x := 1}}{{if .Link}}{{else}}{{$x = .Programs}}{{end}}{{$x}}",
		"one assigned after it is used":  "{{$x := 1}}{{$y := 1}}{{range .Programs}}{{$y}}{{$y = $x}}{{$x = .}}{{end}}",
		"never reached":                  "{{if eq .Minutes 99}}{{$x := .}}{{$x}}{{end}}",
		"a with of all":                  "{{with $}}{{.}}{{end}}",
		"a with of the programs":         "{{with .Programs}}{{.}}{{end}}",
		"a with of a variable":           "{{with $x := .}}{{$x}}{{end}}",
		"an if of a variable":            "{{if $x := .}}{{$x}}{{end}}",
		"an else of a with":              "{{with .Reason}}{{else}}{{.}}{{end}}",
		"a with in a range":              "{{range .Programs}}{{with .}}{{.}}{{end}}{{end}}",
		"a program":                      "{{range .Programs}}{{.}}{{end}}",
		"a program by its variable":      "{{range $p := .Programs}}{{$p}}{{end}}",
		"a program, not its number":      "{{range $i, $p := .Programs}}{{$i}}{{$p}}{{end}}",
		"or of all":                      "{{or .}}",
		"or of a text, or all":           "{{or .Reason .}}",
		"and of all":                     "{{and .Link .}}",
		"the first program":              "{{index .Programs 0}}",
		"all under no index":             "{{index .Programs}}",
		"a slice of programs":            "{{slice .Programs 0 1}}",
		"a program of a slice":           "{{index (slice .Programs 0 1) 0}}",
		"a pipe of all":                  "{{. | or}}",
		"a pipe of programs":             "{{.Programs | or}}",
		"a pipe of custom fields":        "{{.CustomFields | and 1}}",
		"parentheses":                    "{{(.)}}",
		"programs in parentheses":        "{{((.Programs))}}",
		"programs of a variable":         "{{$x := .}}{{$x.Programs}}",
		"custom fields of parentheses":   "{{(or $ .).CustomFields}}",
		"custom fields":                  "{{.CustomFields}}",
		"a program of custom data":       "{{$p := index .Programs 0}}{{or $p 1}}",
		"a variable of the outer branch": "{{$x := .}}{{if 1}}{{$x := 1}}{{$x}}{{end}}{{$x}}",
	} {
		t.Run(name, func(t *testing.T) {
			for _, key := range []string{keyText, keyMarkdown, keyHTML, keySubject} {
				data := of{keyText: "{{.Link}}", key: "{{.Link}}\n" + text}
				if key == keyMarkdown {
					delete(data, keyText)
				}
				_, err := ParseTemplate(v1alpha1.MailInvite, data)
				if err == nil || !strings.HasPrefix(err.Error(), key+":2:") || !strings.Contains(err.Error(), "is more than a text; write a part of it") {
					t.Errorf("%s: the error is %v", key, err)
				}
			}
		})
	}
}

func TestWhatIsATextIsPrinted(t *testing.T) {
	for name, text := range map[string]string{
		"a program's name":             "{{(index .Programs 0).Name}}",
		"that of a variable":           "{{$p := index .Programs 0}}{{$p.Name}}{{with $p.Group}}{{.}}{{end}}",
		"a custom field":               "{{.CustomFields.region}}{{index .CustomFields `company-size`}}",
		"how many programs":            "{{len .Programs}} {{.Programs | len}}",
		"one text or the other":        "{{or .FirstName `partner`}} {{.FirstName | or .LastName}}",
		"whether there are programs":   "{{not .Programs}}",
		"a part of a text":             "{{slice .Company 0 1}}",
		"a program's number":           "{{range $i, $p := .Programs}}{{$i}}{{$p.Name}}{{end}}",
		"a text within a with":         "{{with .FirstName}}{{.}}{{end}}{{with $x := .Company}}{{$x}}{{.}}{{end}}",
		"a variable of an inner name":  "{{$x := .Company}}{{if 1}}{{$x := .}}{{$x.Link}}{{end}}{{$x}}",
		"a variable over a range":      "{{$first := ``}}{{range .Programs}}{{if not $first}}{{$first = .Name}}{{end}}{{end}}{{$first}}",
		"a condition on what is more":  "{{if .Programs}}{{with .CustomFields}}x{{end}}{{end}}",
		"what is more, kept and asked": "{{$all := .}}{{$all.Company}}",
	} {
		if _, err := ParseTemplate(v1alpha1.MailInvite, of{"text": "{{.Link}}" + text}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// checkNothingWhole makes a mail of whatever is accepted: lists, maps and structs are printed with brackets, which no
// text of the data has.
func checkNothingWhole(t *testing.T, actions string) {
	t.Helper()
	template, err := ParseTemplate(v1alpha1.MailInvite, of{"text": "{{.Link}}" + actions})
	if err != nil {
		return
	}
	for _, content := range append([]Content{ada, {Link: link}}, samples...) {
		content.Link, content.CustomFields = link, of{"region": "EU"}
		message, err := Render(v1alpha1.MailInvite, acme("Acme"), content, template)
		if err == nil && (strings.ContainsAny(message.Text, "[{") || strings.Contains(message.Text, "map[")) {
			t.Errorf("%s prints %s", actions, message.Text)
		}
	}
}

var pipelines = []string{
	"{{", "}}", "{{end}}", "{{else}}", "{{if ", "{{with ", "{{range ", "{{range $p := ", "{{with $x := ", "{{$x := ", "{{$x = ", "{{$y := ", "$x", "$y", "$p", "$", ".", ".Programs", "$.Programs", ".CustomFields", ".Name", ".Link",
	"$x.Programs", "(", ")", " | ", "or ", "and ", "index ", "slice ", "not ", "len ", "0 ", "1 ", " ", "`region`",
}

func TestNothingWholeIsPrinted(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6)) // the same templates each time
	value := func() string {
		of := []string{".", "$", "$x", "$y", ".Programs", "$.Programs", ".CustomFields", ".Link", "$.Link", "1", "(index .Programs 0)", "(or $x .Link)", "(slice .Programs 0 1)", "(and $y $)", "(. | or)"}
		return of[random.IntN(len(of))]
	}
	var step func(depth int) string
	step = func(depth int) string {
		kinds := 8
		if depth > 2 {
			kinds = 5
		}
		switch random.IntN(kinds) {
		case 0:
			return "{{" + value() + "}}"
		case 1:
			return "{{$x = " + value() + "}}"
		case 2:
			return "{{$y = " + value() + "}}"
		case 3:
			return "{{or " + value() + " " + value() + "}}"
		case 4:
			return "{{$x := " + value() + "}}"
		case 5:
			return "{{with " + value() + "}}" + step(depth+1) + step(depth+1) + "{{end}}"
		case 6:
			return "{{range $.Programs}}" + step(depth+1) + step(depth+1) + "{{end}}"
		default:
			return "{{if " + value() + "}}" + step(depth+1) + "{{else}}" + step(depth+1) + "{{end}}"
		}
	}
	for range 5000 {
		checkNothingWhole(t, "{{$x := 1}}{{$y := 1}}"+step(0)+step(0)+step(0)+"{{$x}}")
	}
}

func FuzzNothingWholeIsPrinted(f *testing.F) {
	for _, part := range pipelines {
		f.Add("{{$x := .}}" + part + "}}")
	}
	f.Fuzz(func(t *testing.T, actions string) {
		var plain strings.Builder // brackets outside of actions say nothing
		for rest := actions; rest != ""; {
			text, action, found := strings.Cut(rest, "{{")
			plain.WriteString(strings.Map(func(r rune) rune {
				if strings.ContainsRune("[{", r) {
					return -1
				}
				return r
			}, text))
			if !found {
				break
			}
			action, rest, _ = strings.Cut(action, "}}")
			if strings.ContainsAny(action, "[{\"`'") {
				return
			}
			plain.WriteString("{{" + action + "}}")
		}
		checkNothingWhole(t, plain.String())
	})
}

// An error is short, however long the word is that it quotes.
func TestErrorsOfTemplatesAreShort(t *testing.T) {
	long := strings.Repeat("x", 40000)
	for _, text := range []string{"{{" + long + "}}", "{{.Link}}{{$" + long + "}}", "{{.Link}}{{." + long + "}}", "{{.Link}}{{or . `" + long + "`}}", "{{define `" + long + "`}}{{end}}"} {
		if _, err := ParseTemplate(v1alpha1.MailInvite, of{"text": text}); err == nil || len(err.Error()) > 400 {
			t.Errorf("the error has %d bytes: %.100v", len(err.Error()), err)
		}
	}
}

// A template that somebody may name and not read is told of without a word of it.
func TestBareErrorsQuoteNothing(t *testing.T) {
	const secret = "swordfish"
	for name, test := range map[string]struct {
		data of
		want string
	}{
		"a key":                    {of{secret: "x"}, "has a key that no template has; it can have subject, and markdown, or text and html"},
		"a key, and one of ours":   {of{"text": "{{.Link}}", secret: strings.Repeat("x", longestTemplate+1)}, "has a key that no template has;"},
		"a name":                   {of{"text": "{{.Link}}\n\n{{." + secret + "}}"}, "text:3: cannot be used"},
		"a function":               {of{"text": "{{.Link}}\n{{" + secret + " 1}}"}, "text:2: cannot be used"},
		"a variable":               {of{"subject": "{{$" + secret + "}}"}, "subject:1: cannot be used"},
		"a define":                 {of{"text": "{{define `" + secret + "`}}{{end}}"}, "text cannot be used"},
		"syntax":                   {of{"markdown": "{{.Link}}\n{{if `" + secret}, "markdown:2: cannot be used"},
		"all of the data":          {of{"text": "{{.Link}}{{or . `" + secret + "`}}"}, "text:1: cannot be used"},
		"a comparison":             {of{"text": "{{.Link}}{{eq `" + secret + "` 1}}"}, "text:1: cannot be used"},
		"markup":                   {of{"text": "{{.Link}}", "html": "{{.Link}}<a " + secret + "='"}, "html cannot be used"},
		"a context":                {of{"text": "{{.Link}}", "html": "{{.Link}}\n<a {{if .FirstName}}" + secret + "=\"{{end}}"}, "html:2: cannot be used"},
		"no link":                  {of{"text": secret}, "the link does not come out;"},
		"nothing":                  {of{}, "is empty;"},
		"too much of one thing":    {of{"markdown": "{{.Link}} " + secret + filled(30000, "", "[a](")}, "markdown:1: has more marks"},
		"too long":                 {of{"text": strings.Repeat(secret, 10000)}, "text is longer than"},
		"an index that is not one": {of{"text": "{{.Link}}{{index .CustomFields 1 `" + secret + "`}}"}, "text:1: cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTemplate(v1alpha1.MailInvite, test.data)
			if err == nil || !strings.HasPrefix(Bare(err), test.want) || strings.Contains(Bare(err), secret) {
				t.Errorf("of %v it tells %s, want %s", err, Bare(err), test.want)
			}
		})
	}
}
