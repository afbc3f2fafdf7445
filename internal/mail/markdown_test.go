package mail

import (
	"html"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestMarkdown(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"words":             {"Dear Ada", "<p>Dear Ada</p>"},
		"two paragraphs":    {"one\n\ntwo", "<p>one</p>\n<p>two</p>"},
		"strong and a link": {"**now** at [us](https://acme.example/a?b=1&c=2)", `<p><strong>now</strong> at <a href="https://acme.example/a?b=1&amp;c=2">us</a></p>`},
		"html":              {"a <script>alert(1)</script> b", "<p>a <!-- raw HTML omitted -->alert(1)<!-- raw HTML omitted --> b</p>"},
		"a script as link":  {"[x](javascript:alert(1))", `<p><a href="">x</a></p>`},
		"a data link":       {"[x](data:text/html,hi)", `<p><a href="">x</a></p>`},
		"an image":          {"see ![our *logo*](https://track.example/pixel.gif) here", "<p>see our logo here</p>"},
		"a linked image":    {"[![logo](https://track.example/p.gif)](https://acme.example)", `<p><a href="https://acme.example">logo</a></p>`},
		"angle brackets":    {"1 < 2 & 3 > 2", "<p>1 &lt; 2 &amp; 3 &gt; 2</p>"},
		"from the right":    {"שלום", "<p>שלום</p>"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := markdown(keyMarkdown, test.source)
			if err != nil || strings.TrimSpace(string(got)) != test.want {
				t.Errorf("markdown(%q) = %q, %v, want %q", test.source, got, err, test.want)
			}
		})
	}
}

func TestOwnWordsReplaceTheBuiltInOnes(t *testing.T) {
	message, err := Render(v1alpha1.MailInvite, acme("Acme"), Content{
		FirstName: "Ada", Programs: []ProgramLine{{Name: "Referral"}}, Link: "https://p.example/t/a/invite/x",
		Subject: "Come\r\nBcc: x", Message: "We **want** you.\n\n![x](https://track.example/p.gif)",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if message.Subject != "Come Bcc: x" {
		t.Errorf("the subject is %q", message.Subject)
	}
	for part, text := range map[string]string{"text": message.Text, "page": message.HTML} {
		for _, wanted := range []string{"want", "Referral", "https://p.example/t/a/invite/x"} {
			if !strings.Contains(text, wanted) {
				t.Errorf("the %s lacks %q", part, wanted)
			}
		}
		if strings.Contains(text, "you are invited") || strings.Contains(text, "invites you to become a partner:") {
			t.Errorf("the %s has the built-in words, too", part)
		}
	}
	if strings.Contains(message.HTML, "track.example") || strings.Contains(message.HTML, "<img") {
		t.Error("the page loads an image")
	}
}

// fill sets every text within a value, at any depth, and gives how many there are.
func fill(value reflect.Value, text string) (texts int) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(text)
		return 1
	case reflect.Struct:
		for i := range value.NumField() {
			texts += fill(value.Field(i), text)
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		texts = fill(value.Index(0), text)
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		entry := reflect.New(value.Type().Elem()).Elem()
		texts = fill(entry, text)
		value.SetMapIndex(reflect.ValueOf("field"), entry)
	default:
		if !slices.Contains([]reflect.Kind{reflect.Int, reflect.Bool}, value.Kind()) {
			panic("a template can say a " + value.Kind().String())
		}
	}
	return texts
}

// sayings are how a template says every text there is in the data.
func sayings(of reflect.Type, path string) (all []string) {
	for field := range of.Fields() {
		switch name := path + "." + field.Name; field.Type.Kind() {
		case reflect.String:
			all = append(all, "{{"+name+"}}")
		case reflect.Slice:
			all = append(all, "{{range "+name+"}}"+strings.Join(sayings(field.Type.Elem(), ""), "\n\n")+"{{end}}")
		case reflect.Map:
			all = append(all, "{{"+name+".field}}")
		default:
		}
	}
	return all
}

// Every text of the data comes out literally, but for the link.
func TestEveryTextOfTheDataIsLiteralInMarkdown(t *testing.T) {
	const nasty = "*a*@evil.example <b>x</b> [y](https://evil.example) `z` _w_ # 1."
	var data Data
	texts := fill(reflect.ValueOf(&data).Elem(), nasty)
	data.Link = link
	template, err := parseText(keyMarkdown, strings.Join(sayings(reflect.TypeFor[Data](), ""), "\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	message := Message{}
	own := &Template{kind: v1alpha1.MailApplicationReceived, markdown: template}
	if err := own.bodies(&message, languages[0], acme("Acme"), data); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(html.UnescapeString(inside(t, message.HTML)), nasty); got != texts-1 || texts < 10 {
		t.Errorf("of %d texts %d come out literally in\n%s", texts-1, got, inside(t, message.HTML))
	}
	if got := strings.Count(message.HTML, `<a href="`+link+`"`); got != 1 || strings.Count(message.HTML, "<a ") != 1 {
		t.Errorf("there are %d links in\n%s", got, inside(t, message.HTML))
	}
}
