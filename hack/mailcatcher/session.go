package mailcatcher

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// errGone is returned once the connection is closed. Nobody reads it.
var errGone = &smtp.SMTPError{
	Code: serviceClosing, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Closing the connection",
}

// beginningBytes is how much of a mail is heard before the Body stage: less than any mail has.
const beginningBytes = 16

var errAuthenticationRequired = &smtp.SMTPError{
	Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required",
}

// session is one client's conversation. The SMTP server calls its methods one after the other.
type session struct {
	catcher *Catcher
	conn    *smtp.Conn
	stopped <-chan struct{}

	authenticated bool
	gone          bool // The connection is closed, but commands that the client sent ahead may still come.
	from          string
	to            []string
}

// Mail hears the sender of a mail.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.gone {
		return errGone
	}
	s.catcher.mailCommands.Add(1)
	if s.catcher.options.Username != "" && !s.authenticated {
		return errAuthenticationRequired
	}
	if err := s.follow(s.catcher.script.match(MailFrom, from)); err != nil {
		return err
	}
	s.from = from
	return nil
}

// Rcpt hears one recipient of a mail.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.gone {
		return errGone
	}
	if err := s.follow(s.catcher.script.match(Rcpt, s.from, to)); err != nil {
		return err
	}
	s.to = append(s.to, to)
	return nil
}

// Data receives a mail. What it returns is the answer to the final dot.
func (s *session) Data(reader io.Reader) error {
	if s.gone {
		return errGone
	}
	reader, err := s.hearBeginning(reader)
	if err != nil {
		return err
	}
	raw, err := readMail(reader)
	if err != nil {
		return err
	}
	rule := s.catcher.script.match(Data, s.from, s.to...)
	if !waitUnless(s.stopped, time.Duration(s.catcher.delay.Load())) {
		return s.hangUp()
	}
	if rule.AcceptThenDrop {
		s.catcher.inbox.add(s.from, s.to, raw)
		waitUnless(s.stopped, rule.Hang)
		return s.hangUp()
	}
	if err := s.follow(rule); err != nil {
		return err
	}
	s.catcher.inbox.add(s.from, s.to, raw)
	return nil
}

// hearBeginning reads the first bytes of a mail and carries out a rule of the Body stage. It returns a reader of the whole
// mail.
func (s *session) hearBeginning(reader io.Reader) (io.Reader, error) {
	beginning := make([]byte, beginningBytes)
	n, err := io.ReadFull(reader, beginning)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(beginning[:n]), reader), s.follow(s.catcher.script.match(Body, s.from, s.to...))
}

// Reset forgets the mail that was begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// follow carries out a rule. A nil error means that the conversation goes on as if there were no rule.
func (s *session) follow(rule Rule) error {
	if !waitUnless(s.stopped, rule.Hang) || rule.Drop {
		return s.hangUp()
	}
	if rule.Code == serviceClosing {
		sayFarewell(s.conn.Conn(), rule)
		return s.hangUp()
	}
	if rule.refuses() {
		return rule.answer()
	}
	return nil
}

// hangUp closes the connection. It leaves the session in place for the commands that the client sent ahead.
func (s *session) hangUp() error {
	s.gone = true
	_ = s.conn.Conn().Close() // The client may have closed it already.
	return errGone
}

var mailBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readMail reads into a buffer that is used again, so that each mail costs one allocation of its own size.
func readMail(reader io.Reader) ([]byte, error) {
	buffer := mailBuffers.Get().(*bytes.Buffer)
	defer mailBuffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(reader); err != nil {
		return nil, err
	}
	return bytes.Clone(buffer.Bytes()), nil
}
