package smtp

import (
	"context"
	"errors"
	"net"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// fault is what went wrong at a stage: an answer of the mail server, or whatever kept it from answering.
type fault struct {
	stage delivery.Stage
	err   error
}

// answer is what the mail server said; nil: it did not answer.
func (f *fault) answer() *textproto.Error {
	var answer *textproto.Error
	if errors.As(f.err, &answer) {
		return answer
	}
	return nil
}

// outcome is what a fault means.
func (f *fault) outcome() delivery.Outcome {
	if answer := f.answer(); answer != nil {
		return classify(f.stage, answer.Code, answer.Msg)
	}
	return withoutAnswer(f.stage, f.err)
}

// beforeMail tells the stages at which nothing that a brand chooses has been said.
func beforeMail(stage delivery.Stage) bool {
	switch stage {
	case delivery.StageConnect, delivery.StageGreeting, delivery.StageHello, delivery.StageTLS, delivery.StageSignIn:
		return true
	default:
		return false
	}
}

// classify judges an answer that refuses. Servers give most of their reasons at the recipient, whatever these are about,
// so the code alone tells too little: what counts is the stage, and the enhanced code if there is one.
func classify(stage delivery.Stage, code int, words string) delivery.Outcome {
	o := delivery.Outcome{Stage: stage, BeforeMail: beforeMail(stage), Code: code, Enhanced: enhancedCode(code, words)}
	o.Message = "the mail server " + answered(stage) + clean(withoutRepeats(code, words, o.Enhanced))
	switch permanent := code >= 500; {
	case o.BeforeMail && permanent:
		o.Class = delivery.Refused
	case o.BeforeMail:
		o.Class = delivery.Unreachable
	case !permanent:
		o.Class = delivery.Temporary
	case stage == delivery.StageSender, asksForSignIn(code), blames(o.Enhanced, theSender):
		o.Class = delivery.Refused
	case blames(o.Enhanced, theRecipient), o.Enhanced == "" && stage == delivery.StageRecipient && slices.Contains(mailboxCodes, code):
		o.Class = delivery.Recipient
	case blames(o.Enhanced, theContent):
		o.Class = delivery.Content
	case blames(o.Enhanced, theFullMailbox):
		o.Class = delivery.Temporary
	default:
		o.Class = delivery.Ambiguous
	}
	return o
}

// asksForSignIn tells the codes that ask for a sign-in or refuse it, at whatever stage they come.
func asksForSignIn(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// mailboxCodes are about the mailbox, if nothing more precise is said at the recipient.
var mailboxCodes = []int{550, 551, 553}

// The enhanced codes of RFC 3463 and its registry that say what a refusal is about. All others say too little: servers
// give 5.7.1 for an unknown sender, for spam and for a closed mailbox alike, and Postfix 5.1.0 for a sender that is none of its
// users.
var (
	theSender      = []string{"5.1.7", "5.1.8"}
	theRecipient   = []string{"5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.2.4"}
	theContent     = []string{"5.2.3", "5.3.4", "5.6."}
	theFullMailbox = []string{"5.2.2"}
)

// blames tells whether an enhanced code is one of these; one that ends with a point stands for all that begin so.
func blames(enhanced string, codes []string) bool {
	return slices.ContainsFunc(codes, func(code string) bool {
		return enhanced == code || strings.HasSuffix(code, ".") && strings.HasPrefix(enhanced, code)
	})
}

var enhancedAtBeginning = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})(?:[^.\d]|$)`)

// enhancedCode reads the enhanced code of an answer, such as 5.7.1. It counts at the beginning of the words only, where
// it cannot be a part of an IP address, if it is of the kind of the code, and if it says anything: x.0.0 does not. Whether
// the server announced to give any does not matter, since some give them without.
func enhancedCode(code int, words string) string {
	found := enhancedAtBeginning.FindStringSubmatch(words)
	if found == nil || int(found[1][0]-'0') != code/100 || found[2] == "0" && found[3] == "0" {
		return ""
	}
	return found[1] + "." + found[2] + "." + found[3]
}

// withoutAnswer judges what went wrong where the mail server did not answer. It is not refused: that could pass.
func withoutAnswer(stage delivery.Stage, err error) delivery.Outcome {
	o := delivery.Outcome{Stage: stage, BeforeMail: beforeMail(stage), Class: delivery.Temporary}
	if o.BeforeMail {
		o.Class = delivery.Unreachable
	}
	var peer *stranger
	switch {
	case errors.Is(err, errNotAllowed):
		o.Class, o.Message = delivery.NotAllowed, NotAllowed
		return o
	case errors.Is(err, context.Canceled): // the operator stops, which says nothing of the server
		o.Class, o.BeforeMail = delivery.Temporary, false
	case errors.As(err, &peer) && peer.refused, errors.Is(err, errNoSignIn), errors.Is(err, errSecretSignIn), errors.Is(err, errSignIn):
		o.Class = delivery.Refused
	}
	o.Slow = isTimeout(err) || errors.Is(err, errBusy)
	o.Message = "the mail server " + strings.TrimSpace(describe(stage, err))
	return o
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
