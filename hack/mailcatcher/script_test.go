package mailcatcher

import (
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"testing"
	"time"
)

const hang = 150 * time.Millisecond

// begin goes as far as the text of a mail. Closing the writer sends the final dot and reads the answer.
func begin(t *testing.T, client *smtp.Client) io.WriteCloser {
	t.Helper()
	if err := client.Mail(sender); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt(recipient); err != nil {
		t.Fatal(err)
	}
	writer, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte(simpleMail("hello"))); err != nil {
		t.Fatal(err)
	}
	return writer
}

// greeting opens a connection and reads the first line of the server.
func greeting(t *testing.T, catcher *Catcher) error {
	t.Helper()
	conn, err := net.Dial("tcp", catcher.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, _, err = textproto.NewConn(conn).ReadResponse(220)
	return err
}

func TestARuleRefusesAtEachStage(t *testing.T) {
	for _, stage := range []Stage{MailFrom, Rcpt, Body, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Times: 2, Code: 451, Enhanced: "4.7.1", Text: "greylisted"})
			client := connect(t, catcher)
			for range 2 {
				answer := wantCode(t, send(client, simpleMail("hello"), recipient), 451)
				if answer.Msg != "4.7.1 greylisted" {
					t.Errorf("got %q", answer.Msg)
				}
				if err := client.Reset(); err != nil {
					t.Fatal(err)
				}
			}
			if catcher.Count() != 0 {
				t.Error("a refused mail was kept")
			}
			mustSend(t, client, simpleMail("hello"), recipient)
		})
	}
}

func TestARuleDropsTheConnectionAtEachStage(t *testing.T) {
	for _, stage := range []Stage{MailFrom, Rcpt, Body, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Drop: true, Times: 1})
			client := connect(t, catcher)
			wantHangUp(t, send(client, simpleMail("hello"), recipient))
			wantHangUp(t, client.Noop())
			if catcher.Count() != 0 {
				t.Error("the mail was kept")
			}
			mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
		})
	}
}

func TestARuleHangsAtEachStage(t *testing.T) {
	for _, stage := range []Stage{MailFrom, Rcpt, Body, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Hang: hang})
			client := connect(t, catcher)
			began := time.Now()
			mustSend(t, client, simpleMail("hello"), recipient)
			if took := time.Since(began); took < hang {
				t.Errorf("took %s, want at least %s", took, hang)
			}
			if catcher.Count() != 1 {
				t.Error("the mail was not kept")
			}
		})
	}
}

func TestTheConnectionClosesAfter421(t *testing.T) {
	for _, stage := range []Stage{MailFrom, Rcpt, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Code: 421, Text: "too\nbusy", Times: 1})
			client := connect(t, catcher)
			answer := wantCode(t, send(client, simpleMail("hello"), recipient), 421)
			if answer.Msg != "4.0.0 too\n4.0.0 busy" {
				t.Errorf("got %q", answer.Msg)
			}
			wantHangUp(t, client.Noop())
		})
	}
}

func TestABodyRuleDropsTheConnectionInTheMiddleOfAMail(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(Rule{Stage: Body, Drop: true})
	client := connect(t, catcher)
	_ = begin(t, client) // and no final dot
	if err := client.Text.W.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err := client.Text.ReadLine()
	wantHangUp(t, err)
	if catcher.Count() != 0 {
		t.Error("half a mail was kept")
	}
}

func TestHowOftenEachRuleApplied(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(Rule{Stage: Rcpt, Times: 1, Code: 451}, Rule{Stage: Body}, Rule{Stage: Auth, Code: 454})
	client := connect(t, catcher)
	_ = wantCode(t, send(client, simpleMail("hello"), recipient), 451)
	mustSend(t, client, simpleMail("hello"), recipient)
	mustSend(t, client, simpleMail("hello"), recipient)
	if applied := catcher.Applied(); !slices.Equal(applied, []int{1, 2, 0}) {
		t.Errorf("got %v", applied)
	}
}

func TestAConnectRule(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(
		Rule{Stage: Connect, Times: 1, Code: 421, Enhanced: "4.3.2", Text: "come back later"},
		Rule{Stage: Connect, Times: 1, Drop: true},
		Rule{Stage: Connect, Times: 1, Hang: hang},
	)
	if answer := wantCode(t, greeting(t, catcher), 421); answer.Msg != "4.3.2 come back later" {
		t.Errorf("got %q", answer.Msg)
	}
	wantHangUp(t, greeting(t, catcher))
	began := time.Now()
	if err := greeting(t, catcher); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < hang {
		t.Errorf("the greeting took %s, want at least %s", took, hang)
	}
	if err := greeting(t, catcher); err != nil {
		t.Fatal(err)
	}
	if catcher.Connections() != 4 {
		t.Errorf("got %d connections, want 4", catcher.Connections())
	}
}

func TestAConnectionThatHangsHoldsUpNobody(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(Rule{Stage: Connect, Times: 1, Hang: time.Hour})
	conn, err := net.Dial("tcp", catcher.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
}

func TestARuleForOneRecipient(t *testing.T) {
	for _, stage := range []Stage{Rcpt, Body, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Recipient: "MARA@partner.test", Code: 550, Text: "no such person"})
			client := connect(t, catcher)
			mustSend(t, client, simpleMail("hello"), "someone.else@partner.test")
			_ = wantCode(t, send(client, simpleMail("hello"), recipient), 550)
		})
	}
}

func TestARuleForOneDomain(t *testing.T) {
	for _, stage := range []Stage{Rcpt, Body, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Domain: "PARTNER.test", Code: 550, Text: "no such person"})
			client := connect(t, catcher)
			mustSend(t, client, simpleMail("hello"), "mara@sub.partner.test")
			mustSend(t, client, simpleMail("hello"), "mara@other.test")
			_ = wantCode(t, send(client, simpleMail("hello"), recipient), 550)
			catcher.Script(Rule{Stage: stage, Recipient: "someone.else@partner.test", Domain: "partner.test", Code: 550})
			if err := client.Reset(); err != nil {
				t.Fatal(err)
			}
			mustSend(t, client, simpleMail("hello"), recipient)
		})
	}
}

func TestARuleForOneSender(t *testing.T) {
	for _, stage := range []Stage{MailFrom, Rcpt, Body, Data} {
		t.Run(string(stage), func(t *testing.T) {
			catcher := start(t, Options{})
			catcher.Script(Rule{Stage: stage, Sender: "someone.else@company.test", Code: 550})
			client := connect(t, catcher)
			mustSend(t, client, simpleMail("hello"), recipient)
			catcher.Script(Rule{Stage: stage, Sender: "OFFICE@company.test", Code: 550})
			_ = wantCode(t, send(client, simpleMail("hello"), recipient), 550)
		})
	}
}

func TestAnEhloRule(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(
		Rule{Stage: Ehlo, Times: 2, Code: 550, Enhanced: "5.7.1", Text: "EHLO from unknown host refused"},
		Rule{Stage: Ehlo, Times: 1, Code: 421, Enhanced: "4.7.0", Text: "Try again later, closing connection. (EHLO)"},
		Rule{Stage: Ehlo, Times: 1, Drop: true},
		Rule{Stage: Ehlo, Times: 1, Hang: hang},
	)
	hello := func() error { return connect(t, catcher).Hello("client.test") } // HELO follows a refused EHLO
	if answer := wantCode(t, hello(), 550); answer.Msg != "5.7.1 EHLO from unknown host refused" {
		t.Errorf("got %q", answer.Msg)
	}
	client := connect(t, catcher)
	id, err := client.Text.Cmd("EHLO client.test")
	if err != nil {
		t.Fatal(err)
	}
	client.Text.StartResponse(id)
	_, _, err = client.Text.ReadResponse(250)
	client.Text.EndResponse(id)
	if answer := wantCode(t, err, 421); answer.Msg != "4.7.0 Try again later, closing connection. (EHLO)" {
		t.Errorf("got %q", answer.Msg)
	}
	_, err = client.Text.ReadLine()
	wantHangUp(t, err)
	wantHangUp(t, hello())
	began := time.Now()
	if err := hello(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < hang {
		t.Errorf("EHLO took %s, want at least %s", took, hang)
	}
	mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
}

func TestTheWordsOfAnAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		rule Rule
		want string
	}{
		"no enhanced status code given":    {Rule{Text: "no such person"}, "5.0.0 no such person"},
		"with one":                         {Rule{Enhanced: "5.1.10", Text: "no such person"}, "5.1.10 no such person"},
		"without any":                      {Rule{Enhanced: "-", Text: "no such person"}, "no such person"},
		"several lines":                    {Rule{Enhanced: "5.1.1", Text: "no such person\r\nask\nsomebody"}, "5.1.1 no such person\n5.1.1 ask\n5.1.1 somebody"},
		"several lines without a code":     {Rule{Enhanced: "-", Text: "no such person\nask"}, "no such person\nask"},
		"nothing but the code and no text": {Rule{Enhanced: "5.1.1"}, "5.1.1 "},
	} {
		for stage, code := range map[Stage]int{Rcpt: 550, Connect: 554} {
			t.Run(name+" at "+string(stage), func(t *testing.T) {
				catcher := start(t, Options{})
				rule := test.rule
				rule.Stage, rule.Code = stage, code
				catcher.Script(rule)
				var err error
				if stage == Connect {
					err = greeting(t, catcher)
				} else {
					err = send(connect(t, catcher), simpleMail("hello"), recipient)
				}
				if answer := wantCode(t, err, code); answer.Msg != test.want {
					t.Errorf("got %q, want %q", answer.Msg, test.want)
				}
			})
		}
	}
}

func TestWhatWasTriedIsCounted(t *testing.T) {
	catcher := start(t, Options{Username: username, Password: password})
	for _, with := range []string{"wrong", password} {
		if err := connect(t, catcher).Auth(login{with}); (err == nil) != (with == password) {
			t.Fatalf("signing in with %q: %v", with, err)
		}
	}
	_ = wantCode(t, connect(t, catcher).Mail(sender), 530)
	if catcher.Logins() != 2 || catcher.MailCommands() != 1 || catcher.Connections() != 3 {
		t.Errorf("counted %d sign-ins, %d MAIL commands and %d connections, want 2, 1 and 3", catcher.Logins(), catcher.MailCommands(), catcher.Connections())
	}
}

func TestTheFirstRuleThatFitsCounts(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(
		Rule{Stage: Data, Times: 1, Code: 451},
		Rule{Stage: Data, Times: 1, Code: 452},
		Rule{Stage: Data, Code: 250},
		Rule{Stage: Data, Code: 554},
	)
	client := connect(t, catcher)
	_ = wantCode(t, send(client, simpleMail("hello"), recipient), 451)
	_ = wantCode(t, send(client, simpleMail("hello"), recipient), 452)
	mustSend(t, client, simpleMail("hello"), recipient)
	catcher.Script(Rule{Stage: Data, Code: 554})
	_ = wantCode(t, send(client, simpleMail("hello"), recipient), 554)
	catcher.Script()
	mustSend(t, client, simpleMail("hello"), recipient)
}

func TestAcceptThenDropKeepsTheMail(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(Rule{Stage: Data, Times: 1, AcceptThenDrop: true})
	wantHangUp(t, send(connect(t, catcher), simpleMail("hello"), recipient))
	if catcher.Count() != 1 {
		t.Errorf("got %d mails, want 1", catcher.Count())
	}
}

func TestAcceptThenDropKeepsTheMailBeforeItHangs(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(Rule{Stage: Data, AcceptThenDrop: true, Hang: time.Hour})
	writer := begin(t, connect(t, catcher))
	answered := make(chan error)
	go func() { answered <- writer.Close() }()
	if err := catcher.WaitCount(within(t), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-answered:
		t.Fatalf("answered at once: %v", err)
	default:
	}
	if err := catcher.Pause(); err != nil {
		t.Fatal(err)
	}
	wantHangUp(t, <-answered)
	if catcher.Count() != 1 {
		t.Errorf("got %d mails, want 1", catcher.Count())
	}
}

func TestCommandsSentAheadAfterADropAreIgnored(t *testing.T) {
	catcher := start(t, Options{})
	catcher.Script(Rule{Stage: MailFrom, Times: 1, Drop: true}, Rule{Stage: Rcpt, Times: 1, Code: 550})
	client := connect(t, catcher)
	if err := client.Hello("test"); err != nil {
		t.Fatal(err)
	}
	ahead := "MAIL FROM:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nhello\r\n.\r\n"
	if _, err := client.Text.W.WriteString(ahead); err != nil {
		t.Fatal(err)
	}
	if err := client.Text.W.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err := client.Text.ReadLine()
	wantHangUp(t, err)
	_ = wantCode(t, send(connect(t, catcher), simpleMail("hello"), recipient), 550)
	if catcher.Count() != 0 {
		t.Error("a mail was kept")
	}
}
