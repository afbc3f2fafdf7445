package v1alpha1

import "time"

// A moment in a spec is a string and not a metav1.Time, whose format date-time the API server takes more of than Go can read.

// Timestamp is a moment in RFC 3339, such as 2027-01-01T00:00:00Z, with an offset or a fraction of a second if need be.
// +kubebuilder:validation:MinLength=20
// +kubebuilder:validation:MaxLength=40
// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$') && timestamp(self) >= timestamp('0001-01-01T00:00:00Z')",message="must be a time such as 2027-01-01T00:00:00Z: with a capital T, and with a capital Z or an offset such as +02:00"
type Timestamp string

// NewTimestamp returns the timestamp of a time.
func NewTimestamp(t time.Time) Timestamp { return Timestamp(t.UTC().Format(time.RFC3339Nano)) }

// NewMicroTimestamp returns the timestamp of a time in whole microseconds, always with six digits: releases that read the
// field as a MicroTime can read no others.
func NewMicroTimestamp(t time.Time) Timestamp {
	return Timestamp(t.UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
}

// Time returns the moment. It returns false if none is set, and if the text is not a moment.
func (t Timestamp) Time() (time.Time, bool) {
	moment, err := time.Parse(time.RFC3339, string(t))
	return moment, err == nil
}

// IsReadable reports whether the timestamp is unset or a moment.
func (t Timestamp) IsReadable() bool {
	_, ok := t.Time()
	return ok || t == ""
}

// HasPassed reports whether the moment has come. One that is not set never does; one that cannot be read has, so that
// what it ends is not kept by a typing error.
func (t Timestamp) HasPassed(now time.Time) bool {
	moment, ok := t.Time()
	return t != "" && (!ok || !now.Before(moment))
}

// Equal reports whether two timestamps are the same moment, however they are written.
func (t Timestamp) Equal(other Timestamp) bool {
	a, ok := t.Time()
	b, okOther := other.Time()
	return ok && okOther && a.Equal(b) || t == other
}
