package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// failure tells what an error of sending means. Only an answer of 500 or above to the recipient or the content is
// permanent; a refused sender or sign-in is a fault of the transport, and a broken connection may heal.
func failure(err error) *delivery.Failure {
	if errors.Is(err, errNotAllowed) {
		return &delivery.Failure{Cause: delivery.CauseNotAllowed, Message: NotAllowed}
	}
	f := &delivery.Failure{Message: "the mail server " + strings.TrimSpace(describe(err))}
	code := responseCode(err)
	switch {
	case refusesUs(err, code):
		f.Cause = delivery.CauseRefused
	case code >= 500:
		f.Permanent = reason(err, gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose)
	case code == 0:
		f.Cause = delivery.CauseUnreachable
	}
	return f
}

// refusesUs tells that the server refuses the operator itself, which would go on for every other mail: its sign-in, or
// for good its sender.
func refusesUs(err error, code int) bool {
	if faultOfTransport(code) || code >= 500 && reason(err, gomail.ErrSMTPMailFrom) {
		return true
	}
	if errors.Is(err, gomail.ErrNoSupportedAuthDiscovered) {
		return true
	}
	var send *gomail.SendError
	var peer *stranger
	switch {
	case errors.As(err, &send):
		return false
	case errors.As(err, &peer):
		return peer.refused
	}
	found := answered.FindStringSubmatch(err.Error()) // before any mail: an answer to the greeting or the sign-in
	return found != nil && found[1][0] == '5'
}

// describe says what happened in one line without an address.
func describe(err error) string {
	var send *gomail.SendError
	var network *net.OpError
	var name *net.DNSError
	var peer *stranger
	var protocol textproto.ProtocolError
	switch {
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "did not answer in time"
	case errors.Is(err, context.Canceled):
		return "was not waited for, since the operator stops"
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered):
		return "offers no way to sign in that keeps the password secret on this connection; use tls=starttls or tls=implicit"
	case errors.As(err, &send) && send.ErrorCode() == 0:
		return "broke off the connection while " + stage(send)
	case errors.As(err, &send):
		return fmt.Sprintf("answered while %s: %s", stage(send), clean(answer(err)))
	case errors.As(err, &peer):
		return peer.text
	case errors.As(err, &name): // its own words tell where names are looked up
		if name.IsNotFound {
			return "cannot be reached: no such host"
		}
		return "cannot be reached: its name could not be looked up"
	case errors.Is(err, errTalkative):
		return errTalkative.Error()
	case errors.As(err, &protocol): // its own words quote what was said, and that was no answer
		return "does not answer as a mail server does; check its port and tls"
	case errors.As(err, &network) && network.Op == "dial":
		return "cannot be reached: " + clean(network.Err.Error())
	case errors.Is(err, io.EOF) || network != nil && (network.Op == "read" || network.Op == "write"):
		return "broke off the connection before it heard of the mail"
	default:
		return "cannot be used: " + clean(answer(err))
	}
}

func stage(err *gomail.SendError) string {
	switch err.Reason {
	case gomail.ErrSMTPMailFrom:
		return "hearing the sender"
	case gomail.ErrSMTPRcptTo:
		return "hearing the recipient"
	case gomail.ErrSMTPDataClose:
		return "taking the mail"
	default:
		return "hearing the mail"
	}
}

// answered is an answer of a server as package textproto prints it: the code, and the words as a Go string.
var answered = regexp.MustCompile(`\b([2-5]\d\d) ("(?:[^"\\]|\\.)*")`)

// answer is what the server said, out of the text that the libraries make around it, or else that text.
func answer(err error) string {
	if found := answered.FindStringSubmatch(err.Error()); found != nil {
		if words, err := strconv.Unquote(found[2]); err == nil {
			return found[1] + " " + words
		}
	}
	return err.Error()
}

var addresses = regexp.MustCompile(`[^\s<>"(),;:]+@[^\s<>"'(),;:]+`)

// clean makes a text of a server fit for status: one line, not endless, addresses masked.
func clean(text string) string {
	const longest = 300
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	text = addresses.ReplaceAllStringFunc(text, address.Mask)
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// without takes out of a text what servers quote of an address besides the whole: the part before the @, and the domain.
func without(text, email string) string {
	local, domain, _ := strings.Cut(email, "@")
	for _, part := range []string{domain, local} {
		if part != "" {
			text = regexp.MustCompile(`(?i)(^|[^\pL\pN])`+regexp.QuoteMeta(part)+`($|[^\pL\pN])`).ReplaceAllString(text, "${1}***${2}")
		}
	}
	return text
}

// faultOfTransport tells the codes that ask for a sign-in or refuse it, at whatever stage they come.
func faultOfTransport(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}

// closing is the answer after which a server closes the connection.
const closing = 421

// diedWhileIdle tells that a kept connection turned out to be closed before anything of the mail was heard.
func diedWhileIdle(err error) bool {
	code := responseCode(err)
	return (code == 0 || code == closing) && reason(err, gomail.ErrSMTPMailFrom, gomail.ErrConnCheck)
}

// reusable tells that the server is ready for the next mail after this error. After a refused DATA it is not: it still
// holds the sender and the recipient.
func reusable(err error) bool {
	code := responseCode(err)
	return code != 0 && code != closing && !reason(err, gomail.ErrSMTPData)
}

func responseCode(err error) int {
	var send *gomail.SendError
	if errors.As(err, &send) {
		return send.ErrorCode()
	}
	return 0
}

func reason(err error, reasons ...gomail.SendErrReason) bool {
	var send *gomail.SendError
	if !errors.As(err, &send) {
		return false
	}
	for _, r := range reasons {
		if send.Reason == r {
			return true
		}
	}
	return false
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
