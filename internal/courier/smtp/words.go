package smtp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// doing is what the mail server was doing at a stage of a mail.
func doing(stage delivery.Stage) string {
	switch stage {
	case delivery.StageSender:
		return "hearing the sender"
	case delivery.StageRecipient:
		return "hearing the recipient"
	default:
		return "taking the mail"
	}
}

// answered introduces the words of an answer.
func answered(stage delivery.Stage) string {
	if beforeMail(stage) {
		return "cannot be used: "
	}
	return "answered while " + doing(stage) + ": "
}

// describe says in one line without an address what kept a mail server from answering.
func describe(stage delivery.Stage, err error) string {
	var network *net.OpError
	var name *net.DNSError
	var peer *stranger
	var protocol textproto.ProtocolError
	switch {
	case isTimeout(err):
		return "did not answer in time"
	case errors.Is(err, context.Canceled):
		return "was not waited for, since the operator stops"
	case errors.Is(err, errBusy):
		return errBusy.Error()
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
	case isBroken(err) && beforeMail(stage):
		return "broke off the connection before it heard of the mail"
	case isBroken(err):
		return "broke off the connection while " + doing(stage)
	default:
		return "cannot be used: " + clean(err.Error())
	}
}

// isBroken tells that the other side, or the network, ended the connection.
func isBroken(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &network) && (network.Op == "read" || network.Op == "write")
}

// withoutRepeats is an answer in one text. Servers say the enhanced code again in each line.
func withoutRepeats(code int, words, enhanced string) string {
	if enhanced != "" {
		words = strings.ReplaceAll(words, "\n"+enhanced+" ", "\n")
	}
	return strconv.Itoa(code) + " " + words
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
