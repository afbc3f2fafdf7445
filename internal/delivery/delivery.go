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

// Tries is what is known of the tries to deliver one mail.
type Tries struct {
	// Attempts counts them.
	Attempts int32
	// First and Last are when the first and the latest began.
	First, Last time.Time
	// Claimed: the latest has no outcome yet.
	Claimed bool
	// Seed spreads the waiting times of different mails: the Message-ID.
	Seed string
}

// Verdict is what to do about a mail.
type Verdict int

// The verdicts.
const (
	// Send: try now.
	Send Verdict = iota
	// Wait: not before the time that comes with it.
	Wait
	// GiveUp: no more tries.
	GiveUp
)

// NextTry decides about a mail that has not been delivered. With Wait comes the time of the next try.
func NextTry(tries Tries, now time.Time) (Verdict, time.Time) {
	if tries.Attempts == 0 {
		return Send, now
	}
	due := tries.Last.Add(InFlight)
	if !tries.Claimed {
		due = tries.Last.Add(Backoff(tries.Attempts, tries.Seed))
	}
	switch {
	case !tries.Claimed && due.Sub(tries.First) > GiveUpAfter:
		return GiveUp, now
	case now.Before(due):
		return Wait, due
	default:
		return Send, now
	}
}

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

// Failure is why a mail server did not take a mail. Its text holds no address.
type Failure struct {
	// Permanent: the recipient was refused for good, so no further try is made.
	Permanent bool
	// Cause is what is at fault, as far as that is known.
	Cause Cause
	// Message is what happened, for people.
	Message string
}

// Cause is what is at fault for a failure.
type Cause string

// The causes.
const (
	// Mail: this mail, or something unknown.
	CauseMail Cause = ""
	// Unreachable: the mail server cannot be reached, or breaks off.
	CauseUnreachable Cause = "Unreachable"
	// Refused: the mail server refuses the operator, its sign-in or its sender, and so every mail.
	CauseRefused Cause = "Refused"
	// NotAllowed: the platform does not allow the mail server, so it hears of no mail.
	CauseNotAllowed Cause = "NotAllowed"
)

func (f *Failure) Error() string { return f.Message }

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

// RepeatDue returns from when on a mail that was last sent at a time may be repeated because somebody asks for it.
func RepeatDue(last time.Time, repeatedBefore bool) time.Time {
	if repeatedBefore {
		return last.Add(laterRepeats)
	}
	return last.Add(firstRepeat)
}
