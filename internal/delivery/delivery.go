// Package delivery holds the rules of handing one mail to a mail server: when to try, when to try again, when to give
// up. It is pure; the state it decides on lives in the status of the object that the mail is about, so it survives
// restarts and a person can see it.
//
// A try is claimed in status before the mail leaves, and its outcome is recorded after. A claim without an outcome
// means that a process died in between, or is at it right now. After InFlight it can only be the former, and the same
// mail, with the same link and Message-ID, is tried again.
package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	// SendTimeout is the longest that one try may take.
	SendTimeout = 45 * time.Second
	// InFlight is how long a claim without an outcome is left alone. It exceeds SendTimeout by more than clocks differ.
	InFlight = time.Minute
	// GiveUpAfter is how long after the first try the last one is made.
	GiveUpAfter = 24 * time.Hour

	firstBackoff = time.Minute
	lastBackoff  = time.Hour
)

// Backoff is the time from the beginning of a failed try to the next: one minute after the first, then twice as long
// each time up to an hour, each up to a fifth longer, so that mails that failed together do not come back together.
func Backoff(attempts int32, seed string) time.Duration {
	return backoff(firstBackoff, lastBackoff, attempts, seed)
}

// backoff is the time to wait after a number of failures in a row: first, then twice as long each time up to last, each up
// to a fifth longer.
func backoff(first, last time.Duration, failures int32, seed string) time.Duration {
	wait := min(first<<min(max(failures-1, 0), 20), last)
	spread := fnv.New32a()
	_, _ = fmt.Fprintf(spread, "%s#%d", seed, failures) // a hash takes everything
	return wait + wait/5*time.Duration(spread.Sum32()%1000)/1000
}

// MessageID is the Message-ID of a mail: the same for every try, so that a repeated mail can be recognised.
func MessageID(kind, uid string, serial int64, domain string) string {
	return fmt.Sprintf("%s.%s.%d@%s", kind, uid, serial, domain)
}

// Mark is a short text that stands for another, for an ID that tells people apart and names none.
func Mark(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// Anybody can ask for a mail to be sent once more to an address that has it already. So repeats are spaced also where the
// company lets itself resend sooner: the first one comes soon, for whoever did not get the mail, and the others are at
// most 288 a day.
const (
	firstRepeat  = time.Minute
	laterRepeats = 5 * time.Minute
)

// MayRepeat reports whether a mail may be sent once more, with the same link, because somebody asks for it: it left, no
// repeat of it is under way, and since the last one there was as long a time as there has to be, cooldown at least. Before
// is the newest repeat; nil: its mail is not known any more, or there was none, which again says.
func MayRepeat(sent *metav1.Time, before *v1alpha1.MailDelivery, again bool, cooldown time.Duration, now time.Time) bool {
	if sent == nil {
		return false
	}
	last := sent.Time
	if before != nil {
		if before.State == v1alpha1.DeliveryPending || before.State == v1alpha1.DeliverySending {
			return false
		}
		if tried := before.LastAttemptTime; tried != nil && tried.After(last) {
			last = tried.Time
		}
	}
	pause := firstRepeat
	if again {
		pause = laterRepeats
	}
	return !now.Before(last.Add(max(pause, cooldown)))
}
