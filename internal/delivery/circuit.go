package delivery

import "time"

// Try is one mail that asks to be handed over.
type Try struct {
	// Object names the object that it is about, and Key which mail of it.
	Object string
	Key    Key
	// Recipient is the address that it goes to, and Domain what stands behind its @.
	Recipient, Domain string
	// LastTry is when the try before this one began; the zero time: there was none.
	LastTry time.Time
}

// Answer tells whether a mail may be handed over.
type Answer string

// The answers.
const (
	// Granted: it may. Learn or Withdraw has to follow.
	Granted Answer = "Granted"
	// Busy: others go first. Ask again when one of them has an outcome.
	Busy Answer = "Busy"
	// Closed: not before the time that comes with it, or before somebody tells that it has ended.
	Closed Answer = "Closed"
)
