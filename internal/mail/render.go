package mail

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
)

// view is what the built-in templates show: the data, and how it looks.
type view struct {
	Data
	// Message is the company's own words for this one mail; Body is them, or those of its template, as HTML.
	Message string
	Body    template.HTML
	// Listed: the mail is about several programs. ReasonEach: they do not have one reason, so each tells its own.
	Listed, ReasonEach bool
	// Title, Language and Direction are the page's; Start is the side on which its lines begin.
	Title, Language, Direction, Start string
	// Accent is the colour of buttons, OnAccent of the text on them, Ink of links.
	Accent, OnAccent, Ink string
}

// Render makes a mail of a company. Its own template is used unless it is nil, or the content has a message of its own.
// An error says why that template cannot be used; without one there is none for the kinds that exist.
func Render(kind v1alpha1.MailKind, company brand.Brand, content Content, own *Template) (Message, error) {
	words := wordsFor(company.Locale)
	data := dataOf(words, company, content)
	subject, err := words.text(string(kind)+".subject", view{Data: data})
	if err != nil {
		return Message{}, fmt.Errorf("rendering the subject of %s: %w", kind, err)
	}
	message := Message{Kind: kind, From: headerName(company.From), ReplyTo: headerName(company.ReplyTo), Subject: headerText(subject)}
	ofMail := headerText(content.Subject)
	if ofMail != "" {
		message.Subject = ofMail
	}
	if own != nil && content.Message == "" {
		err = own.render(&message, words, company, data, ofMail == "")
	} else {
		err = builtIn(&message, words, company, data, content.Message)
	}
	return message, err
}

// dataOf is what templates can say.
func dataOf(words *words, company brand.Brand, content Content) Data {
	reason := strings.TrimSpace(content.Reason)
	if reason == "" && len(content.Programs) > 0 {
		reason = strings.TrimSpace(content.Programs[0].Reason)
	}
	data := Data{
		FirstName: content.FirstName, LastName: content.LastName, Company: company.DisplayName, Programs: content.Programs,
		More: max(len(content.Programs)-1, 0), Link: content.Link, Minutes: content.Minutes, Reason: reason,
		Team: content.Team, Teammate: content.Teammate,
		CustomFields: content.CustomFields, Applicant: content.Applicant, Partnership: content.Partnership, Waits: content.Waits,
	}
	if !content.ExpiryTime.IsZero() {
		data.Expiry = words.on(content.ExpiryTime, company.Locale)
	}
	data.Lead, _ = words.text("lead", view{Data: data}) // every language has it
	return data
}

// builtIn makes the two bodies in the built-in words, around the company's own message if there is one.
func builtIn(m *Message, words *words, company brand.Brand, data Data, message string) error {
	v := viewOf(m.Subject, words, company, data)
	v.Message = strings.TrimSpace(message)
	v.Listed = len(data.Programs) > 1
	v.ReasonEach = slices.ContainsFunc(data.Programs, func(p ProgramLine) bool {
		return strings.TrimSpace(p.Reason) != strings.TrimSpace(data.Programs[0].Reason)
	})
	var err error
	if v.Body, err = markdown(keyMessage, message); err != nil {
		return err
	}
	if m.Text, err = words.text(string(m.Kind)+".txt", v); err != nil {
		return fmt.Errorf("rendering the text of %s: %w", m.Kind, err)
	}
	m.Text = wrap(m.Text)
	if m.HTML, err = words.page(string(m.Kind)+".html", v); err != nil {
		return fmt.Errorf("rendering the page of %s: %w", m.Kind, err)
	}
	return nil
}

func viewOf(title string, words *words, company brand.Brand, data Data) view {
	return view{
		Data: data, Title: headerText(title), Language: words.tag.String(), Direction: "ltr", Start: "left",
		Accent: company.Accent.String(), OnAccent: company.Accent.Text().String(), Ink: company.Accent.Ink().String(),
	}
}

func (w *words) text(name string, v view) (string, error) {
	var text bytes.Buffer
	err := w.texts.ExecuteTemplate(&text, name, v)
	return text.String(), err
}

func (w *words) page(name string, v view) (string, error) {
	var page bytes.Buffer
	err := w.pages.ExecuteTemplate(&page, name, v)
	return page.String(), err
}
