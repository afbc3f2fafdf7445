package mail

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Content is what the built-in templates can say. What a kind does not use stays empty.
type Content struct {
	// FirstName is the recipient's; empty: the mail greets without a name.
	FirstName string
	// Company is who writes: the name of the sender.
	Company string
	// Programs are what an invite offers, or what a revocation is about.
	Programs []ProgramLine
	// Subject and Message are the company's own words, Message in Markdown; empty: the built-in ones.
	Subject, Message string
	// Link is the address to open.
	Link string
	// ExpiryTime is when the link stops working.
	ExpiryTime time.Time
	// Minutes is for how long a sign-in link works.
	Minutes int
	// Reason is why access ended, in the words of the company; empty: not told.
	Reason string
}

// ProgramLine is one program in a mail.
type ProgramLine struct {
	// Name and Description are the program's.
	Name, Description string
	// Group is the name of the group in it; empty: none.
	Group string
}

// Expiry is the end of the link's life, for people.
func (c Content) Expiry() string { return c.ExpiryTime.UTC().Format("2 January 2006, 15:04 UTC") }

// Lead names the first program and how many more there are.
func (c Content) Lead() string {
	switch more := len(c.Programs) - 1; {
	case more < 0:
		return "our partner program"
	case more == 0:
		return c.Programs[0].Name
	case more == 1:
		return c.Programs[0].Name + " and one more program"
	default:
		return fmt.Sprintf("%s and %d more programs", c.Programs[0].Name, more)
	}
}

//go:embed templates
var files embed.FS

// The templates are parsed once; executing them is safe from many goroutines.
var (
	texts = texttemplate.Must(texttemplate.New("texts").Funcs(texttemplate.FuncMap{"indent": indent}).ParseFS(files, "templates/*.txt"))
	pages = htmltemplate.Must(htmltemplate.ParseFS(files, "templates/*.html"))
)

// indent sets every line of a text in by two blanks.
func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// Render makes the subject and the two bodies of a mail.
func Render(kind v1alpha1.MailKind, content Content) (Message, error) {
	var subject, text, html bytes.Buffer
	if err := texts.ExecuteTemplate(&subject, string(kind)+".subject", content); err != nil {
		return Message{}, fmt.Errorf("rendering the subject of %s: %w", kind, err)
	}
	if err := texts.ExecuteTemplate(&text, string(kind)+".txt", content); err != nil {
		return Message{}, fmt.Errorf("rendering the text of %s: %w", kind, err)
	}
	if content.Subject != "" {
		subject.Reset()
		subject.WriteString(content.Subject)
	}
	if err := pages.ExecuteTemplate(&html, string(kind)+".html", content); err != nil {
		return Message{}, fmt.Errorf("rendering the page of %s: %w", kind, err)
	}
	return Message{
		Kind:     kind,
		FromName: headerText(content.Company),
		Subject:  headerText(subject.String()),
		Text:     text.String(),
		HTML:     html.String(),
	}, nil
}
