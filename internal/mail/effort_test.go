package mail

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// mostTimesProse is how many times as long as plain words of its length a text may take that is accepted.
const mostTimesProse = 100

const prose = "We would love to have you in our partner program, which pays well and on time. "

// filled is as much of a text, over and over, as there is room for behind a start.
func filled(length int, start, text string) string {
	return start + strings.Repeat(text, max(length-len(start), 0)/len(text))
}

// timeOf is how long the processor is busy with something, at best.
func timeOf(work func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := time.Hour
	for range 4 {
		begun := processorTime()
		work()
		best = min(best, processorTime()-begun)
	}
	return best
}

// checkTime fails if a text is accepted and takes much longer than prose of its length.
func checkTime(t *testing.T, read func(text string) error, text string) {
	t.Helper()
	var err error
	took := timeOf(func() { err = read(text) })
	words := timeOf(func() { _ = read(filled(len(text), "{{.Link}}", prose)) })
	if most := mostTimesProse * words; err == nil && took > most {
		t.Errorf("%d bytes such as %.60q take %v, words %v", len(text), text, took, words)
	}
}

func readMarkdown(text string) error {
	_, err := markdown(keyMarkdown, text)
	return err
}

// slow are texts that a parser without bounds reads in a time that grows with the square of their length, or worse.
var slow = map[string]string{
	"addresses left open":          filled(longestMarkdown, "", "[a]("),
	"pictures left open":           filled(longestMarkdown, "", "![a]("),
	"brackets and addresses":       filled(longestMarkdown, "", "[]("),
	"quotations in each other":     filled(longestMarkdown, "", ">"),
	"quotations with blanks":       filled(longestMarkdown, "", "> "),
	"emphasis of two kinds":        filled(longestMarkdown, "", "*a_"),
	"emphasis that ends only":      filled(longestMarkdown, "", "a* "),
	"code of different lengths":    codes(longestMarkdown),
	"lists in each other":          filled(longestMarkdown, "", "+ "),
	"numbers in each other":        filled(longestMarkdown, "", "1. "),
	"lists and quotations":         filled(longestMarkdown, "", "- > "),
	"blank lines in deep lists":    filled(longestMarkdown, strings.Repeat("- ", 500)+"a\n", "\n"),
	"titles left open":             filled(longestMarkdown, "", "[a]: b\n(\n"),
	"a long address, often":        filled(longestMarkdown, "[a]: "+strings.Repeat("x", 10000)+"\n\n", "[a] "),
	"a long title, often":          filled(longestMarkdown, "[a]: b \""+strings.Repeat("x", 10000)+"\"\n\n", "![a] "),
	"brackets in each other":       filled(longestMarkdown, "", strings.Repeat("[", 400)+"a"+strings.Repeat("]", 400)+" "),
	"pictures in each other":       strings.Repeat("![a", 5000) + strings.Repeat("](b)", 4000),
	"brackets after known names":   filled(longestMarkdown, "[a]: b\n\n", "[a](b \""),
	"references left open":         filled(longestMarkdown, "[a]: b\n\n", "[a]["),
	"tags left open":               filled(longestMarkdown, "", "<a b "),
	"lists by indentation":         stairs(longestMarkdown),
	"a tab behind each quotation":  filled(longestMarkdown, "", ">\t"),
	"everything within quotations": filled(longestMarkdown, "", "> > > > > [a](*b_`c\n"),
}

func codes(length int) string {
	var text strings.Builder
	for n := 1; text.Len()+n+1 < length; n++ {
		text.WriteString(strings.Repeat("`", n) + "a")
	}
	return text.String()
}

func stairs(length int) string {
	var text strings.Builder
	for n := 0; text.Len()+2*n+3 < length/2; n++ {
		text.WriteString(strings.Repeat("  ", n) + "- a\n")
	}
	return filled(length, text.String(), "\n")
}

func TestMarkdownThatTakesLongIsRefused(t *testing.T) {
	accepted := map[string]bool{ // not slow with the bounds that there are anyway
		"code of different lengths": true, "tags left open": true, "emphasis that ends only": true,
	}
	for name, text := range slow {
		t.Run(name, func(t *testing.T) {
			template, err := ParseTemplate(v1alpha1.MailRevoked, of{"markdown": text})
			if accepted[name] {
				checkTime(t, readMarkdown, text)
				return
			}
			if err == nil || template != nil || !strings.HasPrefix(err.Error(), "markdown:") || !strings.Contains(err.Error(), "has more marks than can be read in reasonable time; close or escape") {
				t.Fatalf("the error is %.300v", err)
			}
			if Bare(err) != err.Error() {
				t.Errorf("without the words of the template it is %s", Bare(err))
			}
		})
	}
}

// It says which line to look at.
func TestMarkdownThatTakesLongIsFound(t *testing.T) {
	for want, text := range map[string]string{
		"markdown:1: ": slow["addresses left open"],
		"markdown:3: ": "{{.Link}}\n\n" + slow["addresses left open"][:30000],
		"markdown:5: ": "{{.Link}}\n\n# Hello\n\n" + slow["quotations in each other"][:30000] + "\n\nBye",
	} {
		if _, err := ParseTemplate(v1alpha1.MailInvite, of{"markdown": text}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	_, err := Render(v1alpha1.MailInvite, acme("Acme"), Content{Link: link, Message: "Hello\n\n" + filled(8000, "", "[a](")}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "spec.message.body:3: has more marks") {
		t.Errorf("the error about the words of an invite is %v", err)
	}
}

// ordinary is what people write; a text of any length that is made of it is accepted.
var ordinary = map[string]string{
	"words":                "We would love to have you. ",
	"a paragraph":          strings.Repeat(prose, 5) + "\n\n",
	"lines":                "We would love to have you.\n",
	"links":                "See [our terms](https://acme.example/terms) for that. ",
	"links with titles":    "See [our terms](https://acme.example/terms \"the terms\") for that.\n",
	"a list":               "- one thing\n- another *thing*\n",
	"a list of links":      "- [one](https://acme.example/1) is **good**\n",
	"nested lists":         "- a\n  - b\n    - c\n      1. d\n",
	"numbers":              "1. one\n2. two\n",
	"emphasis":             "This is **very** _important_, and ***this*** is more. ",
	"emphasis, everywhere": "**a** word ",
	"stars":                "2 * 3 * 4 and snake_case_words and 5 * 6. ",
	"code":                 "Run `kubectl get` and ``a`b``. ",
	"a fence":              "```\n[a](b *c* _d\n```\n\n",
	"quotations":           "> Somebody said:\n>\n> > that\n\n",
	"headings":             "# Title\n\nText\n\nOther\n---\n\n",
	"brackets":             "We [the company] say [sic] so. ",
	"references":           "See [it][a] and [a].\n\n[a]: https://acme.example/a\n\n",
	"definitions":          "[some]: https://acme.example/a \"a title\"\n",
	"tags and entities":    "a <b>bold</b> word &amp; <https://acme.example>\n",
	"pictures":             "![logo](https://acme.example/logo.png) and text. ",
	"not Latin":            "Добро пожаловать в **нашу** программу. ",
	"comparisons":          "1 < 2 and 3 > 2 & more. ",
	"a line of dashes":     "one\n\n- - -\n\n",
	"table-like":           "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
}

func TestOrdinaryMarkdownIsAccepted(t *testing.T) {
	for name, text := range ordinary {
		t.Run(name, func(t *testing.T) {
			for _, length := range []int{1000, 8000, longestMarkdown - 100} {
				if err := readMarkdown(filled(length, "Hello\n\n", text)); err != nil {
					t.Errorf("%d bytes: %v", length, err)
				}
			}
			if _, err := ParseTemplate(v1alpha1.MailInvite, of{"markdown": filled(longestMarkdown-100, "{{.Link}}\n\n", text)}); err != nil {
				t.Error(err)
			}
		})
	}
}

// marks are what Markdown is made of, and what is known to be slow to read.
var marks = []string{
	"[", "](", "]", "a", "![", "*", "_", "`", "``", "<", ">", "<a ", "<!--", "<?", "<![CDATA[", "&", "\\", "\n", "\n\n", "- ", "1. ", "> ", "  ", "(", ")", "\"", ":", "#", "**", "]:", "=", "|",
	"~~~\n", "<b>", "\t", "]: a\n", "a \"", "[a]: b\n", "[a]", "(\n", "&amp;", "<a b='", "https://", "**a**", "![a](b)", "- a\n", "    ", "---\n", "[x]: y (\n",
}

func TestNoAcceptedMarkdownTakesLong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) // the same texts each time
	starts := []string{"", "", "[a]: " + strings.Repeat("x", 400) + "\n\n", strings.Repeat("- ", 10) + "a\n", strings.Repeat("> ", 10) + "a\n"}
	for range 150 {
		var text strings.Builder
		for range 1 + random.IntN(4) {
			text.WriteString(marks[random.IntN(len(marks))])
		}
		checkTime(t, readMarkdown, filled([]int{1000, 8000, longestMarkdown}[random.IntN(3)], starts[random.IntN(len(starts))], text.String()))
	}
	for _, text := range slow {
		checkTime(t, readMarkdown, text)
	}
}

func FuzzMarkdownTime(f *testing.F) {
	for _, text := range slow {
		f.Add(text[:min(len(text), 20)], text[len(text)-10:])
	}
	for _, text := range ordinary {
		f.Add("", text)
	}
	f.Fuzz(func(t *testing.T, start, text string) {
		if text != "" && len(start)+len(text) <= longestMarkdown {
			checkTime(t, readMarkdown, filled(longestMarkdown, start, text))
		}
	})
}

// Nested pictures are one description.
func TestPicturesInEachOther(t *testing.T) {
	got, err := markdown(keyMarkdown, "see ![a ![b *c*](x) d](y) here")
	if want := "<p>see a b c d here</p>\n"; err != nil || string(got) != want {
		t.Errorf("it is %q, %v, want %q", got, err, want)
	}
}

func readTemplate(key string) func(string) error {
	return func(text string) error {
		data := of{key: text}
		if key == keyHTML {
			data[keyText] = "x"
		}
		_, err := ParseTemplate(v1alpha1.MailRevoked, data)
		return err
	}
}

func TestPagesAndActionsThatTakeLongAreRefused(t *testing.T) {
	const most = longestTemplate
	for name, test := range map[string]struct{ key, text, want string }{
		"brackets that begin nothing": {keyHTML, filled(most, "\n", "<"), "html:2: has more than 200 < that begin no tag; write &lt;"},
		"ends of nothing":             {keyHTML, filled(most, "", "</"), "html:1: has more than 200 < that begin no tag"},
		"brackets in a script":        {keyHTML, filled(most, "<script>", "'</a"), "html:1: has more than 200 < within script; leave it out"},
		"brackets in a style":         {keyHTML, filled(most, "<p>\n<sTyle media='x'>", "\"</"), "html:2: has more than 200 < within style"},
		"brackets in a text area":     {keyHTML, filled(most, "<textarea>", "<"), "html:1: has more than 200 < within textarea"},
		"behind an end that is none":  {keyHTML, filled(most, "<script></script'", "'</a"), "html:1: has more than 200 < within script"},
		"a style that is none":        {keyHTML, filled(most, "<style->", "'</a"), "html:1: has more than 200 < within style"},
		"backslashes":                 {keyHTML, filled(most, "<style>", `'\`), "html:1: has more than 200 backslashes"},
		"many actions":                {keyText, filled(most, "", "{{1}}"), "text:1:"},
		"many in a range":             {keyText, "x{{range .Programs}}" + filled(6000, "", "{{.Name}}") + "{{end}}", "text:1:"},
		"a long pipe in a range":      {keyHTML, "x{{range .Programs}}{{1" + filled(6000, "", "|not") + "}}{{end}}", "html:1:"},
		"conditions in each other":    {keyText, strings.Repeat("{{if 1}}", 4000) + "x" + strings.Repeat("{{end}}", 4000), "text:1:"},
		"else after else":             {keyText, "{{if 1}}x" + filled(most-100, "", "{{else if 1}}") + "{{end}}", "text:1:"},
		"many variables":              {keyText, "x" + variables(200), "text has more than 100 variables"},
		"variables of each other":     {keyText, "x" + variables(50), "text assigns variables to each other in too many steps"},
	} {
		t.Run(name, func(t *testing.T) {
			err := readTemplate(test.key)(test.text)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || len(err.Error()) > 400 {
				t.Fatalf("the error is %v, want %s", err, test.want)
			}
			if strings.HasSuffix(test.want, ":1:") && !strings.Contains(err.Error(), "the actions up to here are more than a mail may have; make them fewer, above all within range") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// variables is a template in which what the last variable is comes to the first in as many steps as there are variables.
func variables(count int) string {
	var text strings.Builder
	for n := range count {
		text.WriteString("{{$x" + strconv.Itoa(n) + " := 1}}")
	}
	for n := range count - 1 {
		fmt.Fprintf(&text, "{{$x%d = $x%d}}", n, n+1)
	}
	return text.String() + fmt.Sprintf("{{$x%d = .Programs}}", count-1)
}

func TestOrdinaryPagesAreAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"rows":             `<tr><td style="color:#123456;padding:8px"><a href="{{$.Link}}">{{$.FirstName}}</a> &lt; b</td></tr>` + "\n",
		"for one reader":   "<!--[if mso]><v:rect/><![endif]--><p>x</p>" + strings.Repeat("<p>words</p>\n", 30),
		"a list":           "{{range .Programs}}<li>{{.Name}}{{with .Group}}, as {{.}}{{end}}: {{.Description}}</li>{{end}}\n" + strings.Repeat("<p>words</p>\n", 400),
		"a style, at once": "<style>p { color: red } a > b { content: \"\\201C\" }</style>" + strings.Repeat("<p>words</p>\n", 100),
	} {
		if err := readTemplate(keyHTML)(filled(longestTemplate, "", text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoAcceptedPageTakesLong(t *testing.T) {
	tokens := []string{
		"<", "</", ">", "\"", "'", "`", "/", "<a ", "=", "<script>", "</script>", "<style>", "url(", "//", "/*", "*/", "<!--", "-->", "${", "}", "{", "\\", "\n", "a", "&", "{{1}}", "{{.More}}", "{{if 1}}{{end}}",
		"{{/**/}}", "<a href=", "<a onclick='", "<a style='", "<textarea>", "</scrip", "x = {{.More}};", "{{if 1}}{{else}}{{end}}",
	}
	starts := []string{"", "<script>", "<style>", "<a href='", "<a onclick='", "<textarea>", "<script>`", "<style>'"}
	ends := []string{"", "</script>", "'}</style>", "'>", "'>", "</textarea>", "`</script>", "'</style>"}
	random := rand.New(rand.NewPCG(3, 4)) // the same texts each time
	for range 100 {
		at := random.IntN(len(starts))
		text := filled(longestTemplate/2, starts[at], tokens[random.IntN(len(tokens))]+tokens[random.IntN(len(tokens))])
		checkTime(t, readTemplate(keyHTML), text+ends[at]+"x")
	}
}
