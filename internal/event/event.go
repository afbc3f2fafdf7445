// Package event holds what the operator tells about one transition of an object, as a value. It is pure: the rules
// make events, and the controllers and the portal record them.
package event

import corev1 "k8s.io/api/core/v1"

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
	return Event{corev1.EventTypeNormal, reason, action, note}
}

// Warning is an event that somebody should look at.
func Warning(reason, action, note string) Event {
	return Event{corev1.EventTypeWarning, reason, action, note}
}
