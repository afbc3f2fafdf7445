// Package event holds what the operator tells about one transition of an object, as a value. It is pure: the rules
// make events, and the controllers and the portal record them.
package event

import (
	"slices"
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

// ActionSend is the action of sending something, or failing to.
const ActionSend = "Send"

// Normal is an event that needs nobody.
func Normal(reason, action, note string) Event {
	return Event{corev1.EventTypeNormal, reason, action, bounded(note)}
}

// Warning is an event that somebody should look at.
func Warning(reason, action, note string) Event {
	return Event{corev1.EventTypeWarning, reason, action, bounded(note)}
}

// Together makes one of the events that differ in their notes alone, where the first of them stood. They are about one write
// of one object, and a cluster keeps the note of the first such event and counts the others.
func Together(events []Event) []Event {
	var together []Event
	for _, e := range events {
		at := slices.IndexFunc(together, func(other Event) bool {
			return other.Type == e.Type && other.Reason == e.Reason && other.Action == e.Action
		})
		if at < 0 {
			together = append(together, e)
		} else {
			together[at].Note = bounded(together[at].Note + "; " + e.Note)
		}
	}
	return together
}

// bounded cuts a note to what the API server takes.
func bounded(note string) string {
	const most = 1000
	if len(note) <= most {
		return note
	}
	return strings.ToValidUTF8(note[:most], "") + "…"
}
