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
func Counts(notBefore *metav1.MicroTime, s v1alpha1.PartnershipSignIn, signedIn time.Time) bool {
	if notBefore != nil && !signedIn.After(notBefore.Time) {
		return false
	}
	return !ended(s, signedIn)
}

func ended(s v1alpha1.PartnershipSignIn, signedIn time.Time) bool {
	return slices.ContainsFunc(s.EndedSessions, func(at metav1.MicroTime) bool { return at.Time.Equal(Moment(signedIn).Time) })
}

// End ends the session that was signed in at a time, and no other. It is false if that counts no more anyway.
func End(notBefore **metav1.MicroTime, s *v1alpha1.PartnershipSignIn, signedIn time.Time) bool {
	if !Counts(*notBefore, *s, signedIn) {
		return false
	}
	s.EndedSessions = append(s.EndedSessions, *Moment(signedIn))
	slices.SortFunc(s.EndedSessions, func(a, b metav1.MicroTime) int { return a.Compare(b.Time) })
	if len(s.EndedSessions) > maxEnded { // there is no end of them; so all go that are as old as the oldest
		*notBefore = s.EndedSessions[0].DeepCopy()
	}
	forget(*notBefore, s)
	return true
}

// EndAll is what ends every session that was signed in up to now.
func EndAll(notBefore **metav1.MicroTime, s *v1alpha1.PartnershipSignIn, now time.Time) {
	*notBefore = Moment(now)
	forget(*notBefore, s)
}

// forget drops what need not be remembered one by one, since all sessions of the time have ended.
func forget(notBefore *metav1.MicroTime, s *v1alpha1.PartnershipSignIn) {
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
