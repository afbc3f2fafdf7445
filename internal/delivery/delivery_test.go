package delivery

import (
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

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
