package mail

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Content is what a mail is about. What a kind does not use stays empty.
type Content struct {
	// FirstName and LastName are the recipient's; empty: the mail greets without a name.
	FirstName, LastName string
	// Programs are what an invite offers, or what a revocation is about.
	Programs []ProgramLine
	// Subject and Message are the company's own words for this one mail, Message in Markdown; empty: those of the
	// template.
	Subject, Message string
	// Link is the address to open.
	Link string
	// ExpiryTime is when the link stops working.
	ExpiryTime time.Time
	// Minutes is for how long a sign-in link works.
	Minutes int
	// Reason is why access ended or was not given, in the words of the company; empty: that of the first program.
	Reason string
	// Team is the name of the team that a mail is about, and Teammate whom it asks to approve for that.
	Team, Teammate string
	// CustomFields are facts of the company's own about the recipient.
	CustomFields map[string]string
	// Applicant is the address of somebody who applied, Partnership the name of the object that holds the application.
	Applicant, Partnership string
	// Waits: the application waits for the company's approval.
	Waits bool
}

// ProgramLine is one program in a mail.
type ProgramLine struct {
	// Name and Description are the program's.
	Name, Description string
	// Group is the name of the group in it; empty: none.
	Group string
	// Reason is why access to it ended or was not given, in the words of the company; empty: not told.
	Reason string
}

// Line is how a program, and the group in it that a partner would be in, are called in a mail.
func Line(catalog program.Catalog, name string, group *v1alpha1.GroupReference) ProgramLine {
	line := ProgramLine{Name: name}
	if p := catalog.Programs[name]; p != nil {
		line.Name, line.Description = string(p.Spec.DisplayName), p.Spec.Description
	}
	if inForce, _ := catalog.GroupInForce(name, group, ""); inForce != "" {
		line.Group = string(catalog.Groups[inForce].Spec.DisplayName)
	}
	return line
}

// Data is what templates can say: docs/mail.md documents it.
type Data struct {
	// FirstName and LastName are the recipient's; either can be empty.
	FirstName, LastName string
	// Company is the name of the brand; empty: none is known.
	Company string
	// Programs are what the mail is about.
	Programs []ProgramLine
	// More is how many programs there are besides the first.
	More int
	// Lead names the first program, and how many more there are, in the language of the brand.
	Lead string
	// Link is the address to open; empty in a mail that has none.
	Link string
	// Expiry is until when the link works, in the language of the brand.
	Expiry string
	// Minutes is for how long a sign-in link works.
	Minutes int
	// Reason is why access ended or was not given, in the words of the company; empty: not told. Where the programs have
	// reasons of their own it is that of the first.
	Reason string
	// Team is the name of the team that a mail is about; empty: none.
	Team string
	// Teammate is the address of the person whom a mail asks to approve, with the name if it is known.
	Teammate string
	// CustomFields are those of the invite; one that it lacks is empty.
	CustomFields map[string]string
	// Applicant is the address of somebody who applied, Partnership the name of the object that holds the application.
	Applicant, Partnership string
	// Waits: the application waits for the company's approval.
	Waits bool
}

// HasLink tells whether mails of a kind lead to a page.
func HasLink(kind v1alpha1.MailKind) bool {
	return kind != v1alpha1.MailRevoked && kind != v1alpha1.MailRejected && kind != v1alpha1.MailApplicationReceived
}

// Awaited tells whether somebody waits in front of a page for a mail of this kind. It is not held up by a template of
// the company that cannot be used, and says what it has to in the built-in words.
func Awaited(kind v1alpha1.MailKind) bool {
	return kind == v1alpha1.MailSignIn || kind == v1alpha1.MailVerifyAddress
}
