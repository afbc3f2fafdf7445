package mailcatcher

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Stage is a point of the SMTP conversation at which a Rule can step in.
type Stage string

const (
	// Connect is a new connection, before the greeting. An answer stands in place of the greeting, and after any the server
	// closes the connection.
	Connect Stage = "Connect"

	// Ehlo is the name that a client gives, at EHLO and at HELO, and again after STARTTLS.
	Ehlo Stage = "Ehlo"

	// Auth is a user name and a password, right or wrong. It needs Options with a Username.
	Auth Stage = "Auth"

	// MailFrom is the sender of a mail.
	MailFrom Stage = "MailFrom"

	// Rcpt is one recipient of a mail.
	Rcpt Stage = "Rcpt"

	// Body is a mail of which the server has heard the beginning, long before its final dot. Only 421 is said at once;
	// another answer comes after the final dot, as SMTP has it.
	Body Stage = "Body"

	// Data is a whole mail, after its final dot.
	Data Stage = "Data"
)

// serviceClosing is the one answer after which a server closes the connection.
const serviceClosing = 421

// Rule makes the server answer in a scripted way. Of several rules that fit, the first one counts.
type Rule struct {
	// Stage is when the rule applies.
	Stage Stage

	// Sender limits the stages MailFrom, Rcpt, Body and Data to mail from this envelope sender, compared without case.
	// Empty means any.
	Sender string

	// Recipient limits the stages Rcpt, Body and Data to mail for this address, compared without case. Empty means any.
	Recipient string

	// Domain limits the stages Rcpt, Body and Data to mail for addresses of this domain, compared without case. Empty
	// means any.
	Domain string

	// Times is how often the rule applies. Zero means always.
	Times int

	// Code is the answer, such as 451 or 550. After 421 the server closes the connection. Below 400, for example when
	// only Hang is set, the conversation goes on as if there were no rule.
	Code int

	// Enhanced is the enhanced status code of the answer, such as "4.7.1". Default: x.0.0, after the Code. "-" means none.
	Enhanced string

	// Text is the text of the answer. Line breaks make it an answer of several lines, each with the enhanced status code.
	Text string

	// Drop closes the connection instead of answering. At Data the mail is lost, which the client cannot know.
	Drop bool

	// AcceptThenDrop, at Data, keeps the mail and closes the connection instead of answering, which looks the same to
	// the client. With Hang, the mail is there at once and the connection closes later.
	AcceptThenDrop bool

	// Hang is how long the server waits before it answers or closes the connection.
	Hang time.Duration
}

func (r Rule) refuses() bool { return r.Code >= 400 }

// about tells whether the server has heard the sender of a mail at a stage, or its recipients, too.
func (s Stage) about() (sender, recipients bool) {
	recipients = s == Rcpt || s == Body || s == Data
	return recipients || s == MailFrom, recipients
}

func (r Rule) fits(stage Stage, sender string, recipients []string) bool {
	if r.Stage != stage {
		return false
	}
	hasSender, hasRecipients := stage.about()
	if hasSender && r.Sender != "" && !strings.EqualFold(sender, r.Sender) {
		return false
	}
	return !hasRecipients || slices.ContainsFunc(recipients, r.fitsRecipient)
}

func (r Rule) fitsRecipient(recipient string) bool {
	domain := recipient[strings.LastIndex(recipient, "@")+1:]
	return (r.Recipient == "" || strings.EqualFold(recipient, r.Recipient)) && (r.Domain == "" || strings.EqualFold(domain, r.Domain))
}

// noEnhanced is how a Rule asks for an answer without an enhanced status code.
const noEnhanced = "-"

// lines are the lines of the answer, without its code.
func (r Rule) lines() []string {
	enhanced := r.Enhanced + " "
	switch r.Enhanced {
	case noEnhanced:
		enhanced = ""
	case "":
		enhanced = fmt.Sprintf("%d.0.0 ", r.Code/100)
	}
	lines := strings.Split(strings.ReplaceAll(r.Text, "\r", ""), "\n")
	for i := range lines {
		lines[i] = enhanced + lines[i]
	}
	return lines
}

// answer is for the stages at which the SMTP server writes the answer.
func (r Rule) answer() *smtp.SMTPError {
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: smtp.NoEnhancedCode, Message: strings.Join(r.lines(), "\n")}
}

// farewell is for answers after which the connection closes, which the catcher writes itself.
func (r Rule) farewell() string {
	var text strings.Builder
	lines := r.lines()
	for i, line := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		fmt.Fprintf(&text, "%d%s%s\r\n", r.Code, separator, line)
	}
	return text.String()
}

// script is the rules of a Catcher and how often each applied.
type script struct {
	mu    sync.Mutex
	rules []Rule
	used  []int
}

func (s *script) replace(rules []Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = slices.Clone(rules)
	s.used = make([]int, len(rules))
}

// applied tells how often each rule applied, in their order.
func (s *script) applied() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.used)
}

// match returns the rule for what happens now and counts it, or no rule, the zero value.
func (s *script) match(stage Stage, sender string, recipients ...string) Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, rule := range s.rules {
		if rule.Times > 0 && s.used[i] >= rule.Times || !rule.fits(stage, sender, recipients) {
			continue
		}
		s.used[i]++
		return rule
	}
	return Rule{}
}
