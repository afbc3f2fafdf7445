package audit

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
)

// watched is a trail whose lines can be read.
func watched(lines *[]string) *Trail {
	return New(funcr.New(func(prefix, args string) { *lines = append(*lines, prefix+" "+args) }, funcr.Options{}), time.Now)
}

func TestEachRequestIsALine(t *testing.T) {
	var lines []string
	trail := watched(&lines)
	trail.Note(Entry{
		Action: "SignIn", Outcome: "wrong_input", Reason: WrongAddress, Namespace: "acme", Kind: "Partnership", Name: "ada-referral",
		Route: "POST /t/{ns}/signin/{token}", Client: "203.0.113.7",
	})
	trail.Note(Entry{Action: "SignOut", Outcome: Done, Route: "POST /t/{ns}/signout"})
	want := []string{
		`audit "level"=0 "msg"="Portal request" "action"="SignIn" "outcome"="wrong_input" "reason"="WrongAddress" "namespace"="acme" "kind"="Partnership" "name"="ada-referral" "route"="POST /t/{ns}/signin/{token}" "client"="203.0.113.7"`,
		`audit "level"=0 "msg"="Portal request" "action"="SignOut" "outcome"="done" "route"="POST /t/{ns}/signout"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestOutcome(t *testing.T) {
	for code, want := range map[int]string{
		http.StatusOK: Done, http.StatusSeeOther: Done, http.StatusForbidden: Refused, http.StatusNotFound: "unknown", http.StatusGone: "expired",
		http.StatusConflict: "conflict", http.StatusUnprocessableEntity: "wrong_input", http.StatusBadRequest: "wrong_input",
		http.StatusTooManyRequests: "limited", http.StatusServiceUnavailable: "error", http.StatusInternalServerError: "error",
	} {
		if got := Outcome(code); got != want {
			t.Errorf("%d is %s", code, got)
		}
	}
}

// A flood is a line a second at most, and one that sums up the rest, even if nothing follows. It hides nothing else.
func TestAFloodIsSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		trail := watched(&lines)
		flood := func(count int) {
			for range count {
				trail.Note(Entry{Action: "OpenInvite", Outcome: "unknown", Reason: BadToken, Namespace: "acme", Route: "GET /t/{ns}/invite/{token}"})
			}
		}
		like := func(text string) (found int) {
			for _, line := range lines {
				if strings.Contains(line, text) {
					found++
				}
			}
			return found
		}
		flood(5000)
		if len(lines) != MaxPerMinute {
			t.Fatalf("%d lines", len(lines))
		}
		for i, other := range []Entry{
			{Outcome: "unknown", Reason: BadToken, Namespace: "globex"},
			{Outcome: "unknown", Reason: DeadLink, Namespace: "acme"},
			{Outcome: Refused, Reason: BadToken, Namespace: "acme"},
			{Action: "SignIn", Outcome: Done, Namespace: "acme"},
		} {
			if trail.Note(other); len(lines) != MaxPerMinute+i+1 {
				t.Errorf("%+v is hidden", other)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := lines[len(lines)-1]; !strings.Contains(got, `"msg"="Portal requests were left out" "count"=4940 "outcome"="unknown" "reason"="BadToken" "namespace"="acme"`) {
			t.Errorf("the last line is %s", got)
		}
		flood(100)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if like(`"msg"="Portal request" `) != 2*MaxPerMinute+4 || like("were left out") != 2 || like(`"count"=40 `) != 1 {
			t.Errorf("%d lines: %s", len(lines), lines[len(lines)-1])
		}
	})
}

// Whoever asks for links in numbers does not hide who signed in.
func TestWhatIsDoneCountsByAction(t *testing.T) {
	var lines []string
	trail := watched(&lines)
	for range 2 * MaxPerMinute {
		trail.Note(Entry{Action: "AskToSignIn", Outcome: Done, Namespace: "acme"})
	}
	trail.Note(Entry{Action: "SignIn", Outcome: Done, Namespace: "acme"})
	trail.Flush()
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, `"SignIn"`) }) {
		t.Error("it is hidden")
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, fmt.Sprintf(`"count"=%d "action"="AskToSignIn"`, MaxPerMinute)) {
		t.Errorf("the last line is %s", last)
	}
}
