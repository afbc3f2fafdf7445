package partnership

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestHasAccess(t *testing.T) {
	exists := &v1alpha1.Program{}
	suspended := &v1alpha1.Program{Spec: v1alpha1.ProgramSpec{Suspend: true}}
	deleted := metav1.NewTime(start)
	for name, test := range map[string]struct {
		partnership v1alpha1.Partnership
		program     *v1alpha1.Program
		want        bool
	}{
		"a partnership":                        {v1alpha1.Partnership{}, exists, true},
		"its program does not exist":           {v1alpha1.Partnership{}, nil, false},
		"revoked, seen by no controller yet":   {v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{Revocation: &v1alpha1.Revocation{}}}, exists, false},
		"reinstated, seen by no controller":    {v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipRevoked}}, exists, true},
		"being deleted":                        {v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}}, exists, false},
		"revoked and its program is deleted":   {v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{Revocation: &v1alpha1.Revocation{}}}, nil, false},
		"its program is about to be deleted":   {v1alpha1.Partnership{}, &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}}, true},
		"its program is suspended":             {v1alpha1.Partnership{}, suspended, false},
		"revoked and its program is suspended": {v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{Revocation: &v1alpha1.Revocation{}}}, suspended, false},
		"sessions of before do not decide it":  {v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{SessionsNotBefore: &metav1.MicroTime{Time: start}}}, exists, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := HasAccess(&test.partnership, nil, test.program, start); got != test.want {
				t.Errorf("HasAccess = %v", got)
			}
		})
	}
}

// Whether a partnership stands does not depend on its program, nor on what a controller has seen.
func TestStands(t *testing.T) {
	deleted := metav1.NewTime(start)
	for name, test := range map[string]struct {
		partnership v1alpha1.Partnership
		want        bool
	}{
		"a partnership":                      {v1alpha1.Partnership{}, true},
		"revoked, seen by no controller yet": {v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{Revocation: &v1alpha1.Revocation{}}}, false},
		"reinstated, seen by no controller":  {v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipRevoked}}, true},
		"being deleted":                      {v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Stands(&test.partnership, nil, start); got != test.want {
				t.Errorf("Stands = %v", got)
			}
		})
	}
}

func TestSessionCounts(t *testing.T) {
	ended := &metav1.MicroTime{Time: start}
	for name, test := range map[string]struct {
		notBefore *metav1.MicroTime
		signedIn  time.Time
		want      bool
	}{
		"nothing ever ended sessions": {nil, start, true},
		"signed in before the end":    {ended, start.Add(-time.Hour), false},
		"signed in just before it":    {ended, start.Add(-time.Microsecond), false},
		"signed in at the same time":  {ended, start, false},
		"the same time elsewhere":     {ended, start.In(time.FixedZone("east", 9*60*60)), false},
		"signed in just after it":     {ended, start.Add(time.Microsecond), true},
		"signed in after it":          {ended, start.Add(time.Hour), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{SessionsNotBefore: test.notBefore}}
			if got := SessionCounts(p, test.signedIn); got != test.want {
				t.Errorf("SessionCounts = %v", got)
			}
		})
	}
}

// The API server keeps microseconds, a session keeps nanoseconds.
func TestEndSessionsEndsThoseOfTheSameMoment(t *testing.T) {
	for name, now := range map[string]time.Time{
		"a whole second":                 start,
		"a whole microsecond":            start.Add(123456 * time.Microsecond),
		"a part of a microsecond":        start.Add(123456789 * time.Nanosecond),
		"the last part of a microsecond": start.Add(999999999 * time.Nanosecond),
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{}
			EndSessions(&p.Status, now)
			p.Status = stored(t, p.Status)
			if SessionCounts(p, now) {
				t.Error("a session that was signed in at that moment lives on")
			}
			if !SessionCounts(p, now.Add(time.Millisecond)) {
				t.Error("a session that was signed in after that is dead")
			}
		})
	}
}

func TestARevocationEndsSessionsForGood(t *testing.T) {
	l := newLife()
	l.settle(t)
	signedIn := l.now.Add(time.Minute)
	if !SessionCounts(l.partnership, signedIn) {
		t.Error("a session of an active partner does not count")
	}
	for _, happens := range []step{after(time.Hour), revoke("", nil), after(time.Hour), reinstate} {
		happens(l)
		l.settle(t)
	}
	if SessionCounts(l.partnership, signedIn) {
		t.Error("a session from before the revocation counts again")
	}
	if !SessionCounts(l.partnership, l.now) {
		t.Error("a session from after the reinstatement does not count")
	}
}

func TestSignInLink(t *testing.T) {
	requested := metav1.NewTime(start)
	asked := v1alpha1.PartnershipSignIn{Serial: 3, RequestedTime: &requested}
	used := v1alpha1.PartnershipSignIn{Serial: 4, LastTime: &requested}
	for name, test := range map[string]struct {
		signIn v1alpha1.PartnershipSignIn
		serial int64
		now    time.Time
		want   LinkState
	}{
		"asked for":                 {asked, 3, start, LinkOpen},
		"nearly too old":            {asked, 3, start.Add(SignInLifetime - time.Nanosecond), LinkOpen},
		"as old as it can get":      {asked, 3, start.Add(SignInLifetime), LinkExpired},
		"much too old":              {asked, 3, start.Add(24 * time.Hour), LinkExpired},
		"replaced by a newer one":   {asked, 2, start, LinkGone},
		"not issued yet":            {asked, 4, start, LinkGone},
		"used":                      {used, 3, start, LinkGone},
		"the number after its use":  {used, 4, start, LinkGone},
		"nobody ever asked for one": {v1alpha1.PartnershipSignIn{}, 0, start, LinkGone},
		"too old and replaced":      {asked, 2, start.Add(time.Hour), LinkGone},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{SignIn: test.signIn}}
			if got := SignInLink(p, test.serial, test.now); got != test.want {
				t.Errorf("SignInLink = %s, want %s", got, test.want)
			}
		})
	}
}

func TestASignInLinkWorksOnce(t *testing.T) {
	p := &v1alpha1.Partnership{}
	var issued []int64
	only := func(when string, open ...int64) {
		t.Helper()
		for _, serial := range append(issued, 0, p.Status.SignIn.Serial, p.Status.SignIn.Serial+1) {
			want := len(open) > 0 && serial == open[0]
			if got := SignInLink(p, serial, start.Add(time.Minute)) == LinkOpen; got != want {
				t.Errorf("%s: link %d is open: %v", when, serial, got)
			}
		}
	}
	ask := func() int64 {
		RequestSignIn(&p.Status, start)
		p.Status = stored(t, p.Status)
		issued = append(issued, p.Status.SignIn.Serial)
		return p.Status.SignIn.Serial
	}
	only("before any")
	first := ask()
	only("after the first request", first)
	second := ask()
	only("after the second request", second)
	UseSignIn(&p.Status, start.Add(time.Minute))
	only("after its use")
	if got := p.Status.SignIn.LastTime; got == nil || !got.Time.Equal(start.Add(time.Minute)) {
		t.Errorf("lastTime = %s", got)
	}
	third := ask()
	only("after one more request", third)
	if p.Status.SignIn.LastTime == nil {
		t.Error("a request forgets when the partner last signed in")
	}
	if mails := p.Status.Mails; len(mails) != 1 || mails[0].Serial != third || mails[0].State != v1alpha1.DeliveryPending {
		t.Errorf("the mails on record are %+v", mails)
	}
}
