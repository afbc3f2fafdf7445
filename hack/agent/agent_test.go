package agent

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const anyPort = "127.0.0.1:0"

// start is a running agent and the test's access to it.
func start(t *testing.T) (*Agent, *Client) {
	t.Helper()
	a, err := Start(anyPort, anyPort)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, &Client{Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", a.ControlAddr())
	}}
}

func TestMailsAreListed(t *testing.T) {
	a, client := start(t)
	mail := "Subject: hello\r\nMessage-ID: <1@acme.test>\r\n\r\nhttp://partners.test/t/acme/invite/abc\r\n"
	for _, to := range []string{"ada@example.com", "bob@example.com"} {
		if err := smtp.SendMail(a.SMTPAddr(), nil, "acme@acme.test", []string{to}, []byte(mail)); err != nil {
			t.Fatal(err)
		}
	}
	for to, want := range map[string]int{"": 2, "Ada@example.com": 1, "eve@example.com": 0} {
		mails, err := client.Mails(t.Context(), to)
		if err != nil || len(mails) != want {
			t.Errorf("%q has %d mails (%v), want %d", to, len(mails), err, want)
		}
	}
	mails, err := client.Mails(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if got := mails[0]; got.MessageID != "<1@acme.test>" || len(got.Links) != 1 || got.Links[0] != "http://partners.test/t/acme/invite/abc" {
		t.Errorf("the mail is %+v", got)
	}
}

func TestTheRelayReachesWhatTheAgentReaches(t *testing.T) {
	_, client := start(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the page of "+r.Host)
	}))
	defer page.Close()
	browser := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return client.DialThrough(ctx, page.Listener.Addr().String())
	}}}
	response, err := browser.Get("http://partners.test/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || string(body) != "the page of partners.test" {
		t.Errorf("got %q, %v", body, err)
	}
	page.Close()
	if _, err := client.DialThrough(t.Context(), page.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "cannot reach "+page.Listener.Addr().String()) {
		t.Errorf("what is gone is reached: %v", err)
	}
}

func TestAProbeCountsWhatFails(t *testing.T) {
	_, client := start(t)
	var answers atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cookie, err := r.Cookie("session"); err != nil || cookie.Value != "ada" || r.Host != "partners.test" {
			t.Errorf("the probe asks as %v at %s", cookie, r.Host)
		}
		switch answers.Add(1) {
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		case 3:
			_, _ = io.WriteString(w, "another page")
		case 4:
			panic(http.ErrAbortHandler)
		default:
			_, _ = io.WriteString(w, "Acme Referral")
		}
	}))
	defer page.Close()
	probe := Probe{
		Name: "dashboard", Address: page.Listener.Addr().String(), URL: "http://partners.test/t/acme/", Cookie: "session=ada",
		Shows: "Acme Referral", PerSecond: 50,
	}
	if err := client.Probe(t.Context(), probe); err != nil {
		t.Fatal(err)
	}
	for answers.Load() < 8 {
		select {
		case <-t.Context().Done():
			t.Fatal("the probe does not ask")
		case <-time.After(10 * time.Millisecond):
		}
	}
	results, err := client.StopProbes(t.Context())
	if err != nil || len(results) != 1 {
		t.Fatalf("the results are %v, %v", results, err)
	}
	got := results[0]
	if got.Name != "dashboard" || got.Sent != int(answers.Load()) || got.Failed != 3 || len(got.Failures) != 3 || got.Slowest == 0 {
		t.Errorf("of %d answers, 3 of them bad, the result is %+v", answers.Load(), got)
	}
	for i, want := range []string{"the status is 502", `does not show "Acme Referral"`, "EOF"} {
		if i < len(got.Failures) && !strings.Contains(strings.Join(got.Failures, "\n"), want) {
			t.Errorf("no failure tells %q: %q", want, got.Failures)
		}
	}
	if results, err := client.Results(t.Context()); err != nil || len(results) != 0 {
		t.Errorf("a stopped probe has results: %v, %v", results, err)
	}
}

func TestAnAbsurdProbeIsRefused(t *testing.T) {
	_, client := start(t)
	for _, probe := range []Probe{{URL: "http://p.test/"}, {URL: "http://p.test/", PerSecond: 1000}, {URL: "http://p .test/", PerSecond: 1}} {
		if err := client.Probe(t.Context(), probe); err == nil || !strings.Contains(err.Error(), "422") {
			t.Errorf("%+v is taken: %v", probe, err)
		}
	}
}
