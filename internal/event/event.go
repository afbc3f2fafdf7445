// Package event holds what the operator tells about one transition of an object, as a value. It is pure: the rules
// make events, and the controllers and the portal record them.
package event

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Event is told once per transition, never per retry. It holds no address and no secret.
type Event struct {
	// Type is Normal, or Warning where somebody should look.
	Type string
	// Reason is one CamelCase word for machines.
	Reason string
	// Action is what the operator or the person did, one CamelCase word.
	Action string
	// Note is one sentence for people.
	Note string
}

// Normal is an event that needs nobody.
func Normal(reason, action, note string) Event {
	return Event{corev1.EventTypeNormal, reason, action, bounded(note)}
}

// Warning is an event that somebody should look at.
func Warning(reason, action, note string) Event {
	return Event{corev1.EventTypeWarning, reason, action, bounded(note)}
}

// bounded cuts a note to what the API server takes.
func bounded(note string) string {
	const most = 1000
	if len(note) <= most {
		return note
	}
	return strings.ToValidUTF8(note[:most], "") + "…"
}
