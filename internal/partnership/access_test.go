package partnership

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/signin"
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
		"sessions of before do not decide it":  {v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{Access: v1alpha1.Access{SessionsNotBefore: &metav1.MicroTime{Time: start}}}}, exists, true},
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
			p := &v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{Access: v1alpha1.Access{SessionsNotBefore: test.notBefore}}}
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
			signin.EndAll(&p.Status.Access, now)
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

// The company signs a partner out: sessions and links of before are dead, on every replica that reads the status, and the
// same text does it once.
func TestSignOut(t *testing.T) {
	l := newLife()
	l.settle(t)
	session := l.now
	requestSignIn(l)
	after(time.Second)(l)
	signsOut("2026-01-01T12:00:00Z")(l)
	l.settle(t)
	status := l.partnership.Status
	if SessionCounts(l.partnership, session) || signin.StateOf(status.SignIn, 1, l.now) != signin.Gone {
		t.Error("a session, or a link, of before works")
	}
	if status.HandledSignOut == nil || status.HandledSignOut.Annotation != "2026-01-01T12:00:00Z" || !status.HandledSignOut.Time.Time.Equal(l.now) {
		t.Errorf("what was carried out is %+v", status.HandledSignOut)
	}
	again := l.now.Add(time.Second)
	for name, happens := range map[string]step{"nothing": func(*life) {}, "the text is taken away, and comes back": func(l *life) {
		l.partnership.Annotations = nil
		l.settle(t)
		signsOut("2026-01-01T12:00:00Z")(l)
	}} {
		after(time.Minute)(l)
		happens(l)
		l.settle(t)
		if !SessionCounts(l.partnership, again) {
			t.Errorf("%s: a session of after that ended", name)
		}
	}
	signsOut("once more")(l)
	l.settle(t)
	if SessionCounts(l.partnership, again) {
		t.Error("another text ends nothing")
	}
}

// When a partnership was made by accepting or applying, the first status says that the person was there, with no write of
// its own; so does the write that records an acceptance.
func TestWhoAcceptsWasThere(t *testing.T) {
	accepted := &metav1.Time{Time: start.Add(-time.Minute)}
	for name, test := range map[string]struct {
		change func(*life, *Input)
		want   *metav1.Time
	}{
		"granted":           {func(*life, *Input) {}, nil},
		"made by an invite": {func(_ *life, in *Input) { in.AcceptedTime = accepted }, accepted},
		"made by an application": {func(l *life, _ *Input) {
			l.partnership.Spec.Application.SubmittedTime = v1alpha1.NewMicroTimestamp(accepted.Time)
		}, accepted},
		"known from before": {func(l *life, in *Input) {
			l.partnership.Status.LastActiveTime, in.AcceptedTime = &metav1.Time{Time: start}, accepted
		}, &metav1.Time{Time: start}},
		"seen by the rules before": {func(l *life, in *Input) {
			l.partnership.Status.State, in.AcceptedTime = v1alpha1.PartnershipActive, accepted
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			in := Input{Partnership: l.partnership, Catalog: l.catalog, Now: start}
			test.change(l, &in)
			if got := Decide(in).Status.LastActiveTime; !got.Equal(test.want) {
				t.Errorf("it says %v, want %v", got, test.want)
			}
		})
	}
	p := newLife().partnership
	p.Spec.Invitation = v1alpha1.InvitationSend
	if !Accepted(p, "ada", v1alpha1.OnboardingAutomatic, start) || p.Status.LastActiveTime == nil {
		t.Error("accepting a declared partnership is not noted")
	}
}
