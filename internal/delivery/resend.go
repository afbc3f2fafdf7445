package delivery

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// maxResendText is how long the text of the annotation is that status keeps whole.
const maxResendText = 256

// ResendText is what status keeps of the annotation that asks for failed mails to be tried anew; empty: it is not there. A
// text that is too long for status, or that a status cannot hold, is told by a mark.
func ResendText(annotations map[string]string) string {
	text := annotations[v1alpha1.ResendAnnotation]
	if len(text) > maxResendText || !utf8.ValidString(text) {
		return Mark(text)
	}
	return text
}

// Resend tries the mails that Failed anew if the annotation asks for it with a text that was not handled, and gives what
// is handled now. A text that is taken away stays handled, so that putting it back sends nothing. What is there when the
// object is new finds no mail that failed.
func Resend(annotations map[string]string, handled string, mails []v1alpha1.MailDelivery) string {
	text := ResendText(annotations)
	if text == "" || text == handled {
		return handled
	}
	for i := range mails {
		Retry(&mails[i])
	}
	return text
}

// RetryAll tries the mails of these keys anew, whose refusal was taken back.
func RetryAll(mails []v1alpha1.MailDelivery, takenBack []Key) {
	for i := range mails {
		for _, key := range takenBack {
			if KeyOf(&mails[i]) == key {
				Retry(&mails[i])
			}
		}
	}
}

// RepeatID is the Message-ID of a mail that was asked for once more so many times: with the number, since a mailbox that has
// the first may hide another of the same.
func RepeatID(id string, repeat int64) string {
	if repeat == 0 {
		return id
	}
	before, domain, _ := strings.Cut(id, "@")
	return fmt.Sprintf("%s-r%d@%s", before, repeat, domain)
}
