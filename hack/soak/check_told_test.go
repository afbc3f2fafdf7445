package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/internal/cloudevent"
)

func TestTold(t *testing.T) {
	event := func(id string, when float64, body string) telling {
		return telling{at(when), cloudevent.Event{ID: id, Type: "io.partner-operator.partnership.active", Subject: "partnerships/" + ship}, body}
	}
	active := event("p1.active.1767268820", 21, `{"address":"***"}`)
	again := active
	again.At = at(50)
	for name, test := range map[string]struct {
		told   []telling
		faults []fault
		rule   string // of the one finding; empty: none
		says   string
	}{
		"it was told":                     {[]telling{active}, nil, "", ""},
		"it was not":                      {nil, nil, ruleLost, "partnership.active of partnerships/ada-referral (p1.active.1767268820)"},
		"what is past was told":           {[]telling{event("p1.active.1767268800", 1, ""), active}, nil, "", ""},
		"it was told twice":               {[]telling{active, again}, nil, ruleTwice, "again after 29s"},
		"it was told twice after a fault": {[]telling{active, again}, []fault{{Retells: true, From: at(-5), To: at(-4)}}, "", ""},
		"it was told twice long after a fault": {
			[]telling{active, again}, []fault{{Retells: true, From: at(-20), To: at(-15)}}, ruleTwice, "no fault explains it",
		},
		"it was told twice, and what went wrong is no reason": {
			[]telling{active, again}, []fault{{From: at(0), To: at(60)}}, ruleTwice, "no fault explains it",
		},
		"an address": {[]telling{event(active.ID, 21, `{"address":"ada@soak-1.example"}`)}, nil, ruleForeign, "an address"},
	} {
		t.Run(name, func(t *testing.T) {
			j, is := lived()
			is.Partnerships[0].Status.StateTime, is.Partnerships[0].Status.ActivatedTime = &metav1.Time{Time: at(20)}, &metav1.Time{Time: at(20)}
			is.Told, is.Faults = test.told, test.faults
			found, _ := check(j, *is)
			if (len(found) == 0) != (test.rule == "") || len(found) > 1 {
				t.Fatalf("found %v", found)
			}
			if len(found) == 1 && (found[0].Rule != test.rule || !strings.Contains(found[0].What, test.says)) {
				t.Errorf("found %v", found)
			}
			if left := unsettled(*is); (len(left) > 0) != (test.rule == ruleLost) {
				t.Errorf("left are %v", left)
			}
		})
	}
}

func TestListener(t *testing.T) {
	l, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.server.Close() })
	client := &http.Client{Timeout: 200 * time.Millisecond}
	post := func(body string) int {
		response, err := client.Post(l.url, cloudevent.ContentType, strings.NewReader(body))
		if err != nil {
			return 0
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	const event = `{"id": "1", "data": {"namespace": "soak-1"}}`
	for ails, want := range map[ailment]struct{ code, taken int }{healthy: {204, 1}, refuses: {503, 0}, forgetful: {0, 1}, silent: {0, 0}} {
		l.ails, l.told = ails, nil
		if code := post(event); code != want.code || len(l.of("soak-1")) != want.taken || len(l.of("soak-2")) > 0 {
			t.Errorf("ailment %d: %d, and %d were taken", ails, code, len(l.of("soak-1")))
		}
	}
	if l.ails = healthy; post("no event") != 204 || len(l.wrong) != 1 {
		t.Errorf("what is no event is not noted: %v", l.wrong)
	}
}
