package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// failure tells what an error of sending means. Only an answer of 500 or above to the recipient or the content is
// permanent; a refused sender or sign-in is a fault of the transport, and a broken connection may heal.
func failure(err error) *delivery.Failure {
	f := &delivery.Failure{Message: "the mail server " + strings.TrimSpace(describe(err))}
	if code := responseCode(err); code >= 500 && !faultOfTransport(code) {
		f.Permanent = reason(err, gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose)
	}
	return f
}

// describe says what happened in one line without an address.
func describe(err error) string {
	var send *gomail.SendError
	var dial *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return fmt.Sprintf("did not answer within %s", delivery.SendTimeout)
	case errors.As(err, &send) && send.ErrorCode() == 0:
		return "broke off the connection while " + stage(send)
	case errors.As(err, &send):
		return fmt.Sprintf("answered while %s: %s", stage(send), clean(answer(send)))
	case errors.As(err, &dial) && dial.Op == "dial":
		return "cannot be reached: " + clean(dial.Err.Error())
	default:
		return "cannot be used: " + clean(err.Error())
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

// answer is what the server said, out of the text that the library makes around it.
func answer(err *gomail.SendError) string {
	text := err.Error()
	text = strings.TrimPrefix(text, err.Reason.String()+":")
	if cut := strings.Index(text, ", affected "); cut >= 0 {
		text = text[:cut]
	}
	return text
}

var addresses = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`)

// clean makes a text of a server fit for status: one line, not endless, addresses masked.
func clean(text string) string {
	const longest = 300
	text = strings.Join(strings.Fields(text), " ")
	text = addresses.ReplaceAllStringFunc(text, address.Mask)
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// faultOfTransport tells the codes that ask for a sign-in or refuse it, at whatever stage they come.
func faultOfTransport(code int) bool {
	return code == 530 || code == 534 || code == 535 || code == 538
}

// diedWhileIdle tells that a kept connection turned out to be closed before anything of the mail was said.
func diedWhileIdle(err error) bool {
	return responseCode(err) == 0 && reason(err, gomail.ErrSMTPMailFrom, gomail.ErrConnCheck)
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
