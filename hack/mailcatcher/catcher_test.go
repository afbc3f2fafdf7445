package mailcatcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	sender    = "office@company.test"
	recipient = "mara@partner.test"

	// patience ends a test that would otherwise hang. No test waits that long when it passes.
	patience = 20 * time.Second
)

// start starts a catcher that ends with the test.
func start(t testing.TB, options Options) *Catcher {
	t.Helper()
	catcher, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := catcher.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return catcher
}

// connect opens an SMTP conversation that ends with the test.
func connect(t testing.TB, catcher *Catcher) *smtp.Client {
	t.Helper()
	conn, err := net.Dial("tcp", catcher.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	return converse(t, conn)
}

func converse(t testing.TB, conn net.Conn) *smtp.Client {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// send sends one mail in an open conversation. An error is the server's refusal or a broken connection.
func send(client *smtp.Client, mail string, recipients ...string) error {
	if err := client.Mail(sender); err != nil {
		return fmt.Errorf("MAIL: %w", err)
	}
	for _, to := range recipients {
		if err := client.Rcpt(to); err != nil {
			return fmt.Errorf("RCPT: %w", err)
		}
	}
	writer, err := client.Data()
	if err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	if _, err := writer.Write([]byte(mail)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("final dot: %w", err)
	}
	return nil
}

func mustSend(t testing.TB, client *smtp.Client, mail string, recipients ...string) {
	t.Helper()
	if err := send(client, mail, recipients...); err != nil {
		t.Fatal(err)
	}
}

// simpleMail is a mail with a subject and one line.
func simpleMail(subject string) string {
	return strings.Join([]string{"Subject: " + subject, "", "Hello", ""}, "\r\n")
}

// wantCode fails the test unless the error is an answer of the server with this code.
func wantCode(t *testing.T, err error, code int) *textproto.Error {
	t.Helper()
	var answer *textproto.Error
	if !errors.As(err, &answer) || answer.Code != code {
		t.Fatalf("got %v, want an answer with code %d", err, code)
	}
	return answer
}

// wantHangUp fails the test unless the error is a broken connection rather than an answer or a timeout.
func wantHangUp(t *testing.T, err error) {
	t.Helper()
	var answer *textproto.Error
	var network net.Error
	if err == nil || errors.As(err, &answer) || errors.As(err, &network) && network.Timeout() {
		t.Fatalf("got %v, want a closed connection", err)
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestMessagesAreKeptInOrderOfArrival(t *testing.T) {
	catcher := start(t, Options{})
	client := connect(t, catcher)
	mustSend(t, client, simpleMail("one"), recipient)
	mustSend(t, client, simpleMail("two"), "Someone.Else@partner.test", recipient)

	messages := catcher.Messages()
	if len(messages) != 2 || messages[0].Subject != "one" || messages[1].Subject != "two" {
		t.Fatalf("got %+v", messages)
	}
	if messages[0].ID != 1 || messages[1].ID != 2 {
		t.Errorf("got IDs %d and %d", messages[0].ID, messages[1].ID)
	}
	if messages[1].From != sender || len(messages[1].To) != 2 || messages[1].To[1] != recipient {
		t.Errorf("got envelope %q to %q", messages[1].From, messages[1].To)
	}
	if found := catcher.MessagesTo("someone.else@PARTNER.test"); len(found) != 1 || found[0].ID != 2 {
		t.Errorf("got %+v", found)
	}
	if catcher.Connections() != 1 {
		t.Errorf("got %d connections, want 1", catcher.Connections())
	}
}

func TestResetForgetsTheMailsButNotTheIDs(t *testing.T) {
	catcher := start(t, Options{})
	client := connect(t, catcher)
	mustSend(t, client, simpleMail("one"), recipient)
	catcher.Reset()
	if catcher.Count() != 0 {
		t.Fatalf("got %d mails after the reset", catcher.Count())
	}
	mustSend(t, client, simpleMail("two"), recipient)
	if messages := catcher.Messages(); len(messages) != 1 || messages[0].ID != 2 {
		t.Errorf("got %+v", messages)
	}
}

func TestTheOldestIsDroppedBeyondTheLimit(t *testing.T) {
	catcher := start(t, Options{MaxMessages: 2})
	client := connect(t, catcher)
	for _, subject := range []string{"one", "two", "three"} {
		mustSend(t, client, simpleMail(subject), recipient)
	}
	if messages := catcher.Messages(); len(messages) != 2 || messages[0].Subject != "two" {
		t.Errorf("got %+v", messages)
	}
	if _, ok := catcher.inbox.find(1); ok {
		t.Error("the dropped mail is still found")
	}
	if letter, ok := catcher.inbox.find(3); !ok || letter.message().Subject != "three" {
		t.Error("the newest mail is not found")
	}
}

func TestATooLargeMailIsRefused(t *testing.T) {
	catcher := start(t, Options{})
	line := strings.Repeat("x", 998) + "\r\n"
	err := send(connect(t, catcher), simpleMail("large")+strings.Repeat(line, maxMessageBytes/1000+1), recipient)
	_ = wantCode(t, err, 552)
	if catcher.Count() != 0 {
		t.Error("the mail was kept")
	}
}

func TestWaitSeesMailThatArrivesLater(t *testing.T) {
	catcher := start(t, Options{})
	waited := make(chan error)
	go func() {
		waited <- catcher.Wait(within(t), func(messages []Message) bool {
			return len(messages) == 2 && messages[1].Subject == "two"
		})
	}()
	client := connect(t, catcher)
	mustSend(t, client, simpleMail("one"), recipient)
	mustSend(t, client, simpleMail("two"), recipient)
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if err := catcher.WaitCount(within(t), 2); err != nil {
		t.Fatal(err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	catcher := start(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := catcher.WaitCount(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheDelayDoesNotSerialiseSessions(t *testing.T) {
	const sessions, delay = 10, 300 * time.Millisecond
	catcher := start(t, Options{Delay: delay})
	clients := make([]*smtp.Client, sessions)
	for i := range clients {
		clients[i] = connect(t, catcher)
	}
	began := time.Now()
	var sending sync.WaitGroup
	for _, client := range clients {
		sending.Go(func() {
			if err := send(client, simpleMail("slow"), recipient); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	if took := time.Since(began); took < delay || took > sessions*delay/2 {
		t.Errorf("%d mails took %s", sessions, took)
	}
	if catcher.Count() != sessions {
		t.Errorf("got %d mails", catcher.Count())
	}

	catcher.SetDelay(0)
	began = time.Now()
	mustSend(t, clients[0], simpleMail("fast"), recipient)
	if took := time.Since(began); took >= delay {
		t.Errorf("without a delay a mail took %s", took)
	}
}

func TestPauseRefusesConnectionsAndResumeListensAgain(t *testing.T) {
	catcher := start(t, Options{})
	address := catcher.SMTPAddr()
	client := connect(t, catcher)
	mustSend(t, client, simpleMail("before"), recipient)

	for range 3 {
		if err := catcher.Pause(); err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			t.Fatal("a paused server accepted a connection")
		}
		wantHangUp(t, client.Noop())
		if err := catcher.Resume(); err != nil {
			t.Fatal(err)
		}
		client = connect(t, catcher)
		mustSend(t, client, simpleMail("after"), recipient)
	}
	if catcher.SMTPAddr() != address || catcher.Count() != 4 {
		t.Errorf("got %d mails at %s, want 4 at %s", catcher.Count(), catcher.SMTPAddr(), address)
	}
}

func TestPauseInterruptsAMailThatWaits(t *testing.T) {
	catcher := start(t, Options{Delay: time.Hour})
	client := connect(t, catcher)
	writer := begin(t, client)
	answered := make(chan error)
	go func() { answered <- writer.Close() }()
	if err := catcher.Pause(); err != nil {
		t.Fatal(err)
	}
	wantHangUp(t, <-answered)
	if catcher.Count() != 0 {
		t.Error("the mail was kept")
	}
}

func TestPauseAndResumeTwiceDoNothing(t *testing.T) {
	catcher := start(t, Options{})
	for _, step := range []func() error{catcher.Resume, catcher.Pause, catcher.Pause, catcher.Resume, catcher.Resume} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
}

func TestAClosedCatcherStaysClosed(t *testing.T) {
	catcher := start(t, Options{})
	mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
	if err := catcher.Close(); err != nil {
		t.Fatal(err)
	}
	if err := catcher.Resume(); !errors.Is(err, ErrClosed) {
		t.Errorf("resume: got %v", err)
	}
	if err := catcher.Pause(); !errors.Is(err, ErrClosed) {
		t.Errorf("pause: got %v", err)
	}
	if len(catcher.Messages()) != 1 {
		t.Error("the mail is gone")
	}
}

func TestStartNamesAnAddressThatIsTaken(t *testing.T) {
	catcher := start(t, Options{})
	for _, options := range []Options{
		{SMTPAddress: catcher.SMTPAddr()},
		{HTTPAddress: strings.TrimPrefix(catcher.URL(), "http://")},
	} {
		if _, err := Start(options); err == nil {
			t.Errorf("%+v: no error", options)
		}
	}
}
