package partnership

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Who was removed and is granted access anew signs in anew.
func TestASessionFromBeforeARemovalDoesNotCount(t *testing.T) {
	created := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	before, after := created.Add(-time.Hour), created.Add(time.Hour)
	for name, test := range map[string]struct {
		returning bool
		signedIn  time.Time
		unseen    bool // as long as the rules have not seen it
		seen      bool // once they have
	}{
		"a partner elsewhere gets one more program": {signedIn: before, unseen: false, seen: true},
		"one who was removed comes back":            {returning: true, signedIn: before, unseen: false, seen: false},
		"and signs in":                              {returning: true, signedIn: after, unseen: true, seen: true},
		"somebody new signs in":                     {signedIn: after, unseen: true, seen: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Name: "ada", CreationTimestamp: metav1.NewTime(created), Generation: 1}}
			p.Spec.Contact = &v1alpha1.Contact{Email: "ada@example.com"}
			if got := SessionCounts(p, test.signedIn); got != test.unseen {
				t.Errorf("before the rules have seen it: %v", got)
			}
			p.Status = Decide(Input{Partnership: p, Returning: test.returning, Now: created.Add(time.Second)}).Status
			if got := SessionCounts(p, test.signedIn); got != test.seen {
				t.Errorf("after that: %v", got)
			}
			settled := Decide(Input{Partnership: p, Returning: true, Now: created.Add(time.Minute)}).Status
			if got, want := settled.SessionsNotBefore, p.Status.SessionsNotBefore; (got == nil) != (want == nil) || got != nil && !got.Equal(want) {
				t.Errorf("once seen, it changes again: %v, before %v", got, want)
			}
		})
	}
}
