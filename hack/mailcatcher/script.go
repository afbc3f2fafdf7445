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
	// Connect is a new connection, before the greeting.
	Connect Stage = "Connect"

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

	// Recipient limits the stages Rcpt, Body and Data to mail for this address, compared without case. Empty means any.
	Recipient string

	// Times is how often the rule applies. Zero means always.
	Times int

	// Code is the answer, such as 451 or 550. After 421 the server closes the connection. Below 400, for example when
	// only Hang is set, the conversation goes on as if there were no rule.
	Code int

	// Enhanced is the enhanced status code of the answer, such as "4.7.1". Default: x.0.0, after the Code.
	Enhanced string

	// Text is the text of the answer.
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

func (r Rule) fits(stage Stage, recipients []string) bool {
	if r.Stage != stage {
		return false
	}
	if r.Recipient == "" || stage != Rcpt && stage != Body && stage != Data {
		return true
	}
	return slices.ContainsFunc(recipients, func(recipient string) bool {
		return strings.EqualFold(recipient, r.Recipient)
	})
}

func (r Rule) enhancedCode() smtp.EnhancedCode {
	var code smtp.EnhancedCode
	if n, err := fmt.Sscanf(r.Enhanced, "%d.%d.%d", &code[0], &code[1], &code[2]); err != nil || n != len(code) {
		return smtp.EnhancedCode{r.Code / 100, 0, 0}
	}
	return code
}

// answer is for the stages at which the SMTP server writes the answer.
func (r Rule) answer() *smtp.SMTPError {
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: r.enhancedCode(), Message: r.Text}
}

// line is for answers after which the connection closes, which the catcher writes itself.
func (r Rule) line() string {
	enhanced := r.enhancedCode()
	text := strings.NewReplacer("\r", " ", "\n", " ").Replace(r.Text)
	return fmt.Sprintf("%d %d.%d.%d %s", r.Code, enhanced[0], enhanced[1], enhanced[2], text)
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
func (s *script) match(stage Stage, recipients ...string) Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, rule := range s.rules {
		if rule.Times > 0 && s.used[i] >= rule.Times || !rule.fits(stage, recipients) {
			continue
		}
		s.used[i]++
		return rule
	}
	return Rule{}
}
