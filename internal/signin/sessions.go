package signin

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// DefaultSessionLifetime is how long somebody stays signed in where nothing else is said.
const DefaultSessionLifetime = 30 * 24 * time.Hour

// maxEnded is how many sessions status remembers one by one that ended before their time.
const maxEnded = 16

// Counts tells whether a session that was signed in at a time counts: neither all of its time have ended, nor it alone.
func Counts(a *v1alpha1.Access, signedIn time.Time) bool {
	if a.SessionsNotBefore != nil && !signedIn.After(a.SessionsNotBefore.Time) {
		return false
	}
	return !slices.ContainsFunc(a.SignIn.EndedSessions, func(at metav1.MicroTime) bool { return at.Time.Equal(Moment(signedIn).Time) })
}

// End ends the session that was signed in at a time, and no other. It is false if that counts no more anyway.
func End(a *v1alpha1.Access, signedIn time.Time) bool {
	if !Counts(a, signedIn) {
		return false
	}
	s := &a.SignIn
	s.EndedSessions = append(s.EndedSessions, *Moment(signedIn))
	slices.SortFunc(s.EndedSessions, func(a, b metav1.MicroTime) int { return a.Compare(b.Time) })
	if len(s.EndedSessions) > maxEnded { // there is no end of them; so all go that are as old as the oldest
		a.SessionsNotBefore = s.EndedSessions[0].DeepCopy()
	}
	forget(a)
	return true
}

// EndAll is what ends every session that was signed in up to now.
func EndAll(a *v1alpha1.Access, now time.Time) {
	a.SessionsNotBefore = Moment(now)
	forget(a)
}

// seenAgain is how long it is not noted anew that somebody is there.
const seenAgain = 24 * time.Hour

// Seen notes that a person is there: a session begins, or they did something. It is false, and changes nothing, if that was
// noted within the last day.
func Seen(a *v1alpha1.Access, now time.Time) bool {
	if a.LastActiveTime != nil && now.Sub(a.LastActiveTime.Time) < seenAgain {
		return false
	}
	a.LastActiveTime = seconds(now)
	return true
}

// forget drops what need not be remembered one by one, since all sessions of the time have ended.
func forget(a *v1alpha1.Access) {
	notBefore, s := a.SessionsNotBefore, &a.SignIn
	s.EndedSessions = slices.DeleteFunc(s.EndedSessions, func(at metav1.MicroTime) bool {
		return notBefore != nil && !at.After(notBefore.Time)
	})
	if len(s.EndedSessions) == 0 {
		s.EndedSessions = nil
	}
}

// Moment is not before a time: the API server keeps microseconds, and what was signed in then must not be later.
func Moment(at time.Time) *metav1.MicroTime {
	return &metav1.MicroTime{Time: at.Add(time.Microsecond - 1).Truncate(time.Microsecond)}
}
