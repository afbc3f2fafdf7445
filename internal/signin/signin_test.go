package signin

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// stored is a status as the API server gives it back: in whole seconds.
func stored(t *testing.T, s v1alpha1.Access) v1alpha1.Access {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back v1alpha1.Access
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func at(after time.Duration) *metav1.Time { return &metav1.Time{Time: start.Add(after)} }

func TestStateOf(t *testing.T) {
	open := v1alpha1.PartnershipSignIn{Serial: 9, RequestedTime: at(4 * time.Minute), Open: []v1alpha1.SignInLink{
		{Serial: 7, RequestedTime: *at(0), ExpiryTime: at(10 * time.Minute)},
		{Serial: 9, RequestedTime: *at(4 * time.Minute), ExpiryTime: at(14 * time.Minute)},
	}}
	before := v1alpha1.PartnershipSignIn{Serial: 3, RequestedTime: at(0)}
	bare := v1alpha1.PartnershipSignIn{Serial: 3, Open: []v1alpha1.SignInLink{{Serial: 3, RequestedTime: *at(0)}}}
	used := v1alpha1.PartnershipSignIn{Serial: 4, LastTime: at(0)}
	for name, test := range map[string]struct {
		is     v1alpha1.PartnershipSignIn
		serial int64
		after  time.Duration
		want   State
	}{
		"the newest":                                {open, 9, 5 * time.Minute, Open},
		"an older one":                              {open, 7, 5 * time.Minute, Open},
		"an older one, nearly too old":              {open, 7, 10*time.Minute - time.Nanosecond, Open},
		"an older one, too old":                     {open, 7, 10 * time.Minute, Expired},
		"the newest, when the older one is":         {open, 9, 10 * time.Minute, Open},
		"one between them":                          {open, 8, 5 * time.Minute, Gone},
		"one that is to come":                       {open, 10, 5 * time.Minute, Gone},
		"of the version before":                     {before, 3, 0, Open},
		"of the version before, nearly too old":     {before, 3, 15*time.Minute - time.Nanosecond, Open},
		"of the version before, too old":            {before, 3, 15 * time.Minute, Expired},
		"of the version before, an earlier one":     {before, 2, 0, Gone},
		"without a time of its own":                 {bare, 3, 15*time.Minute - time.Nanosecond, Open},
		"without a time of its own, too old":        {bare, 3, 15 * time.Minute, Expired},
		"used":                                      {used, 3, 0, Gone},
		"the number after its use":                  {used, 4, 0, Gone},
		"where nobody ever asked":                   {v1alpha1.PartnershipSignIn{}, 0, 0, Gone},
		"of a link that was withdrawn and not used": {v1alpha1.PartnershipSignIn{Serial: 3}, 3, 0, Gone},
	} {
		t.Run(name, func(t *testing.T) {
			if got := StateOf(test.is, test.serial, start.Add(test.after)); got != test.want {
				t.Errorf("StateOf = %s, want %s", got, test.want)
			}
		})
	}
}

// What happens to somebody who asks at these times.
func TestRequest(t *testing.T) {
	const m = time.Minute
	for name, test := range map[string]struct {
		lifetime time.Duration
		asks     []time.Duration
		mailed   []time.Duration
	}{
		"twice in a moment":           {15 * m, []time.Duration{0, time.Second}, []time.Duration{0}},
		"again within the minute":     {15 * m, []time.Duration{0, m - time.Second}, []time.Duration{0}},
		"again after a minute":        {15 * m, []time.Duration{0, m}, []time.Duration{0, m}},
		"three, five minutes apart":   {15 * m, []time.Duration{0, 5 * m, 10 * m}, []time.Duration{0, 5 * m, 10 * m}},
		"a third one too soon":        {15 * m, []time.Duration{0, m, 7*m + 29*time.Second}, []time.Duration{0, m}},
		"a third one in time":         {15 * m, []time.Duration{0, m, 7*m + 30*time.Second}, []time.Duration{0, m, 7*m + 30*time.Second}},
		"never a fourth":              {15 * m, []time.Duration{0, 5 * m, 10 * m, 15*m - time.Second}, []time.Duration{0, 5 * m, 10 * m}},
		"a fourth once one is over":   {15 * m, []time.Duration{0, 5 * m, 10 * m, 15 * m}, []time.Duration{0, 5 * m, 10 * m, 15 * m}},
		"once all are over":           {15 * m, []time.Duration{0, time.Hour}, []time.Duration{0, time.Hour}},
		"of a minute, a double click": {m, []time.Duration{0, 19 * time.Second}, []time.Duration{0}},
		"of a minute":                 {m, []time.Duration{0, 20 * time.Second, 40 * time.Second, 59 * time.Second, m}, []time.Duration{0, 20 * time.Second, 40 * time.Second, m}},
	} {
		t.Run(name, func(t *testing.T) {
			var s v1alpha1.Access
			var mailed []time.Duration
			for _, ask := range test.asks {
				before := stored(t, s)
				if Request(&s, test.lifetime, start.Add(ask)) {
					mailed = append(mailed, ask)
				} else if fmt.Sprint(stored(t, s)) != fmt.Sprint(before) {
					t.Errorf("a request at %s that is not due changes something", ask)
				}
				s = stored(t, s)
			}
			if fmt.Sprint(mailed) != fmt.Sprint(test.mailed) {
				t.Errorf("mails at %v, want %v", mailed, test.mailed)
			}
		})
	}
}

// The link of the version before counts as one that is open.
func TestRequestLeavesTheLinkOfTheVersionBefore(t *testing.T) {
	s := v1alpha1.Access{SignIn: v1alpha1.PartnershipSignIn{Serial: 3, RequestedTime: at(0)}}
	if Request(&s, DefaultLinkLifetime, start.Add(time.Second)) {
		t.Error("a second mail a second later")
	}
	if !Request(&s, DefaultLinkLifetime, start.Add(5*time.Minute)) {
		t.Error("no second mail five minutes later")
	}
	s = stored(t, s)
	now := start.Add(6 * time.Minute)
	if StateOf(s.SignIn, 3, now) != Open || StateOf(s.SignIn, 4, now) != Open {
		t.Errorf("of the two links one is dead: %+v", s)
	}
	if s.SignIn.Serial != 4 || !s.SignIn.RequestedTime.Time.Equal(start.Add(5*time.Minute)) {
		t.Error("the version before would not know the newest link")
	}
	Use(&s, now)
	for serial := range int64(6) {
		if StateOf(s.SignIn, serial, now) != Gone {
			t.Errorf("after one was used, link %d is %s", serial, StateOf(s.SignIn, serial, now))
		}
	}
	if s.SignIn.LastTime == nil || !s.SignIn.LastTime.Time.Equal(now) {
		t.Error("the sign-in is not noted")
	}
}

// A stranger asks for somebody's address again and again, for a day. Whatever is mailed works until its own end, there is
// always a link with half of its time to go, and the mails are bounded.
func TestAStrangerAsksAgainAndAgain(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Minute, 2 * time.Minute, 10 * time.Minute, 15 * time.Minute, time.Hour} {
		for _, every := range []time.Duration{time.Second, 7 * time.Second, 20 * time.Second, time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprint(lifetime, " every ", every), func(t *testing.T) {
				var s v1alpha1.Access
				ends := map[int64]time.Time{}
				var newest time.Time
				soon := 0
				for after := time.Duration(0); after < 24*time.Hour; after += every {
					now := start.Add(after)
					if Request(&s, lifetime, now) {
						newest, ends[s.SignIn.Serial] = now, now.Add(lifetime)
						if after <= 20*time.Minute {
							soon++
						}
					}
					if left := newest.Add(lifetime).Sub(now); left < lifetime/2-every {
						t.Fatalf("after %s the newest link has %s to go", after, left)
					}
					open := 0
					for serial, end := range ends {
						switch got := StateOf(s.SignIn, serial, now); {
						case now.Before(end) && got != Open:
							t.Fatalf("after %s link %d is %s, and would last until %s", after, serial, got, end)
						case !now.Before(end):
							delete(ends, serial)
						default:
							open++
						}
					}
					if open > MaxOpen || open == 0 {
						t.Fatalf("after %s %d links are open", after, open)
					}
				}
				if most := MaxOpen * int(24*time.Hour/lifetime); int(s.SignIn.Serial) > most {
					t.Errorf("%d mails in a day, at most %d are expected", s.SignIn.Serial, most)
				}
				if lifetime == 15*time.Minute && soon > 6 {
					t.Errorf("%d mails in twenty minutes", soon)
				}
			})
		}
	}
}

func TestLifetimeOf(t *testing.T) {
	s := v1alpha1.Access{}
	Request(&s, 2*time.Minute, start.Add(700*time.Millisecond))
	if got := LifetimeOf(stored(t, s).SignIn, 1); got != 2*time.Minute {
		t.Errorf("it works for %s", got)
	}
	if got := LifetimeOf(v1alpha1.PartnershipSignIn{Serial: 1, RequestedTime: at(0)}, 1); got != DefaultLinkLifetime {
		t.Errorf("that of the version before works for %s", got)
	}
	if got := LifetimeOf(v1alpha1.PartnershipSignIn{}, 1); got != 0 {
		t.Errorf("one that is not there works for %s", got)
	}
}

func TestEndEndsOneSession(t *testing.T) {
	var s v1alpha1.Access
	here, there := start.Add(1234567*time.Nanosecond), start.Add(time.Hour)
	if !End(&s, here) || End(&s, here) {
		t.Error("a session does not end once")
	}
	s = stored(t, s)
	for name, test := range map[string]struct {
		signedIn time.Time
		want     bool
	}{
		"the one that ended": {here, false}, "the same, elsewhere": {here.In(time.FixedZone("east", 9*60*60)), false},
		"one from before": {here.Add(-time.Second), true}, "another": {there, true},
	} {
		if got := Counts(&s, test.signedIn); got != test.want {
			t.Errorf("%s counts: %v", name, got)
		}
	}
	EndAll(&s, there)
	if Counts(&s, there) || len(s.SignIn.EndedSessions) > 0 {
		t.Error("after all have ended one counts, or is remembered by itself")
	}
}

// However many sessions end one by one, none of them counts again, and the list has an end.
func TestEndedSessionsAreBounded(t *testing.T) {
	var s v1alpha1.Access
	for i := range 100 {
		End(&s, start.Add(time.Duration(i)*time.Hour))
	}
	for i := range 100 {
		if Counts(&s, start.Add(time.Duration(i)*time.Hour)) {
			t.Errorf("session %d counts again", i)
		}
	}
	if len(s.SignIn.EndedSessions) > maxEnded {
		t.Errorf("%d sessions are remembered", len(s.SignIn.EndedSessions))
	}
	if !Counts(&s, start.Add(1000*time.Hour)) {
		t.Error("a session counts no more that never ended")
	}
}

func TestSignOutText(t *testing.T) {
	o := &metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.SignOutAnnotation: strings.Repeat("é", 5000)}}
	handled := SignOutWanted(o, nil, start)
	if handled == nil || len([]rune(handled.Annotation)) != maxText {
		t.Fatal("a text that is too long for status is not cut")
	}
	if SignOutWanted(o, handled, start) != nil {
		t.Error("it is carried out again and again")
	}
	if SignOutWanted(&metav1.ObjectMeta{}, nil, start) != nil {
		t.Error("no text asks for something")
	}
}

// That somebody is there is noted once a day, whichever way.
func TestSeen(t *testing.T) {
	for name, test := range map[string]struct {
		last *metav1.Time
		want bool
	}{
		"never": {nil, true}, "a moment ago": {at(-time.Second), false}, "nearly a day ago": {at(-24*time.Hour + time.Second), false},
		"a day ago": {at(-24 * time.Hour), true}, "by a clock that is ahead": {at(time.Minute), false},
	} {
		a := v1alpha1.Access{LastActiveTime: test.last}
		if got := Seen(&a, start); got != test.want || got != (a.LastActiveTime != test.last) {
			t.Errorf("%s: Seen = %v, and it says %v", name, got, a.LastActiveTime)
		}
	}
	used := v1alpha1.Access{}
	if Use(&used, start); used.LastActiveTime == nil {
		t.Error("signing in is not noted")
	}
}
