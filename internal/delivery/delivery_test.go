package delivery

import (
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestNextTry(t *testing.T) {
	after := func(d time.Duration) time.Time { return start.Add(d) }
	for name, test := range map[string]struct {
		tries   Tries
		now     time.Time
		want    Verdict
		earlier time.Duration // Wait: the next try is not before start plus this
		later   time.Duration // and not after start plus this
	}{
		"never tried":                    {Tries{}, start, Send, 0, 0},
		"claimed a moment ago":           {Tries{Attempts: 1, First: start, Last: start, Claimed: true}, after(time.Second), Wait, InFlight, InFlight},
		"claimed by a process that died": {Tries{Attempts: 1, First: start, Last: start, Claimed: true}, after(InFlight), Send, 0, 0},
		"failed a moment ago":            {Tries{Attempts: 1, First: start, Last: start}, after(time.Second), Wait, time.Minute, 72 * time.Second},
		"failed long enough ago":         {Tries{Attempts: 1, First: start, Last: start}, after(72 * time.Second), Send, 0, 0},
		"failed for the fourth time":     {Tries{Attempts: 4, First: start, Last: start}, after(time.Second), Wait, 8 * time.Minute, 10 * time.Minute},
		"last try before the day ends":   {Tries{Attempts: 30, First: start, Last: after(22 * time.Hour)}, after(23*time.Hour + 20*time.Minute), Send, 0, 0},
		"the next try is past the day":   {Tries{Attempts: 30, First: start, Last: after(23*time.Hour + 30*time.Minute)}, after(23*time.Hour + 31*time.Minute), GiveUp, 0, 0},
		"died in the last try":           {Tries{Attempts: 30, First: start, Last: after(24 * time.Hour), Claimed: true}, after(25 * time.Hour), Send, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			verdict, at := NextTry(test.tries, test.now)
			if verdict != test.want {
				t.Fatalf("verdict %v at %v, want %v", verdict, at, test.want)
			}
			if verdict == Wait && (at.Before(after(test.earlier)) || at.After(after(test.later))) {
				t.Errorf("waits until %v", at.Sub(start))
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
	for i, minutes := range want {
		for _, seed := range []string{"a", "b", "c", "invite.1@example.com"} {
			got := Backoff(int32(i+1), seed)
			low := minutes * time.Minute
			if got < low || got > low+low/5 {
				t.Errorf("after try %d: %v, want %v to a fifth more", i+1, got, low)
			}
			if got != Backoff(int32(i+1), seed) {
				t.Error("the same try gives another time")
			}
		}
	}
	if Backoff(1, "a") == Backoff(1, "b") && Backoff(1, "b") == Backoff(1, "c") {
		t.Error("all mails come back together")
	}
	if got := Backoff(1<<30, "a"); got < time.Hour || got > 72*time.Minute {
		t.Errorf("after very many tries: %v", got)
	}
}

func TestMessageID(t *testing.T) {
	if got := MessageID("invite", "u", 3, "acme.example"); got != "invite.u.3@acme.example" {
		t.Error(got)
	}
}
