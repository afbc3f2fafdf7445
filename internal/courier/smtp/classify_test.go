package smtp

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// answers are what mail servers say, by what it means. Those that stand in quotes in their documentation or in reports of
// other projects are literal.
var answers = []struct {
	stage    delivery.Stage
	code     int
	words    string
	want     delivery.Class
	enhanced string
	says     string // as far as it is not the words themselves
}{
	// Up to signing in it is the server's, and would have come to everybody.
	{stage: delivery.StageGreeting, code: 421, words: "come back later", want: delivery.Unreachable},
	{stage: delivery.StageGreeting, code: 554, words: "no service here", want: delivery.Refused},
	{stage: delivery.StageGreeting, code: 250, words: "what?", want: delivery.Unreachable},
	{stage: delivery.StageHello, code: 421, words: "4.7.0 Try again later, closing connection. (EHLO)", want: delivery.Unreachable, enhanced: "4.7.0"},
	{stage: delivery.StageHello, code: 550, words: "5.7.1 EHLO from unknown host refused", want: delivery.Refused, enhanced: "5.7.1"},
	{stage: delivery.StageHello, code: 550, words: "5.1.1 nobody", want: delivery.Refused, enhanced: "5.1.1"},
	{stage: delivery.StageTLS, code: 454, words: "4.7.0 TLS not available due to local problem", want: delivery.Unreachable, enhanced: "4.7.0"},
	{stage: delivery.StageTLS, code: 554, words: "5.7.3 Unable to initialize security subsystem", want: delivery.Refused, enhanced: "5.7.3"},
	{stage: delivery.StageSignIn, code: 535, words: "5.7.139 Authentication unsuccessful, basic authentication is disabled.", want: delivery.Refused, enhanced: "5.7.139"},
	{stage: delivery.StageSignIn, code: 504, words: "5.7.4 Unrecognized authentication type", want: delivery.Refused, enhanced: "5.7.4"},
	{stage: delivery.StageSignIn, code: 454, words: "4.7.0 Temporary authentication failure", want: delivery.Unreachable, enhanced: "4.7.0"},

	// At the sender.
	{stage: delivery.StageSender, code: 550, words: "5.7.1 sender not allowed", want: delivery.Refused, enhanced: "5.7.1"},
	{stage: delivery.StageSender, code: 550, words: "sender not allowed", want: delivery.Refused},
	{stage: delivery.StageSender, code: 550, words: "5.1.1 nobody", want: delivery.Refused, enhanced: "5.1.1"},
	{stage: delivery.StageSender, code: 552, words: "5.3.4 Message size exceeds", want: delivery.Refused, enhanced: "5.3.4"},
	{stage: delivery.StageSender, code: 530, words: "5.7.0 Must issue a STARTTLS command first", want: delivery.Refused, enhanced: "5.7.0"},
	{stage: delivery.StageSender, code: 451, words: "4.7.1 later", want: delivery.Temporary, enhanced: "4.7.1"},
	{stage: delivery.StageSender, code: 421, words: "4.3.2 going down", want: delivery.Temporary, enhanced: "4.3.2"},

	// At the recipient, of us.
	{stage: delivery.StageRecipient, code: 530, words: "5.7.0 Authentication required", want: delivery.Refused, enhanced: "5.7.0"},
	{stage: delivery.StageRecipient, code: 530, words: "5.1.1 Authentication required", want: delivery.Refused, enhanced: "5.1.1"},
	{stage: delivery.StageRecipient, code: 534, words: "no", want: delivery.Refused},
	{stage: delivery.StageRecipient, code: 535, words: "no", want: delivery.Refused},
	{stage: delivery.StageRecipient, code: 538, words: "no", want: delivery.Refused},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.8 Sender address rejected: Domain not found", want: delivery.Refused, enhanced: "5.1.8"},
	{stage: delivery.StageRecipient, code: 553, words: "5.1.7 bad sender", want: delivery.Refused, enhanced: "5.1.7"},

	// At the recipient, of somebody.
	{stage: delivery.StageRecipient, code: 554, words: "5.7.1 Relay access denied", want: delivery.Ambiguous, enhanced: "5.7.1"},
	{stage: delivery.StageRecipient, code: 550, words: "5.7.1 Relaying denied", want: delivery.Ambiguous, enhanced: "5.7.1"},
	{stage: delivery.StageRecipient, code: 504, words: "5.5.2 Helo command rejected: need fully-qualified hostname", want: delivery.Ambiguous, enhanced: "5.5.2"},
	{stage: delivery.StageRecipient, code: 554, words: "5.7.1 Service unavailable; Client host blocked using zen.spamhaus.org", want: delivery.Ambiguous, enhanced: "5.7.1"},
	{stage: delivery.StageRecipient, code: 554, words: "Client host [4.31.198.44] blocked", want: delivery.Ambiguous},
	{stage: delivery.StageRecipient, code: 552, words: "mailbox full", want: delivery.Ambiguous},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.9 what?", want: delivery.Ambiguous, enhanced: "5.1.9"},
	{stage: delivery.StageRecipient, code: 550, words: "5.60.0 what?", want: delivery.Ambiguous, enhanced: "5.60.0"},

	// At the recipient, of the recipient.
	{stage: delivery.StageRecipient, code: 550, words: "5.1.1 The email account does not exist", want: delivery.Recipient, enhanced: "5.1.1"},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.1 The email account\n5.1.1 does not\n5.1.1 exist", want: delivery.Recipient, enhanced: "5.1.1", says: "550 5.1.1 The email account does not exist"},
	{stage: delivery.StageRecipient, code: 551, words: "5.1.6 User has moved", want: delivery.Recipient, enhanced: "5.1.6"},
	{stage: delivery.StageRecipient, code: 550, words: "5.2.1 The mailbox is disabled", want: delivery.Recipient, enhanced: "5.2.1"},
	{stage: delivery.StageRecipient, code: 556, words: "5.1.10 Recipient address has a null MX", want: delivery.Recipient, enhanced: "5.1.10"},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.0 Address rejected.", want: delivery.Ambiguous, enhanced: "5.1.0"},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.0 <a@b.example>: Sender address rejected: User unknown", want: delivery.Ambiguous, enhanced: "5.1.0", says: "550 5.1.0 <***>: Sender address rejected: User unknown"},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.2 bad host", want: delivery.Recipient, enhanced: "5.1.2"},
	{stage: delivery.StageRecipient, code: 501, words: "5.1.3 bad syntax", want: delivery.Recipient, enhanced: "5.1.3"},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.4 two of that name", want: delivery.Recipient, enhanced: "5.1.4"},
	{stage: delivery.StageRecipient, code: 550, words: "5.2.4 list expansion", want: delivery.Recipient, enhanced: "5.2.4"},
	{stage: delivery.StageRecipient, code: 550, words: "5.1.1", want: delivery.Recipient, enhanced: "5.1.1"},
	{stage: delivery.StageRecipient, code: 550, words: "no such user", want: delivery.Recipient},
	{stage: delivery.StageRecipient, code: 551, words: "not here", want: delivery.Recipient},
	{stage: delivery.StageRecipient, code: 553, words: "no", want: delivery.Recipient},
	{stage: delivery.StageRecipient, code: 550, words: "5.0.0 no such user", want: delivery.Recipient},
	{stage: delivery.StageRecipient, code: 550, words: "4.1.1 no such user", want: delivery.Recipient},
	{stage: delivery.StageRecipient, code: 550, words: "no such user, 5.7.1", want: delivery.Recipient},
	{stage: delivery.StageRecipient, code: 550, words: "5.31.198.44 does not know him", want: delivery.Recipient},

	// At the recipient, for now.
	{stage: delivery.StageRecipient, code: 552, words: "5.2.2 Mailbox full", want: delivery.Temporary, enhanced: "5.2.2"},
	{stage: delivery.StageRecipient, code: 450, words: "4.2.0 Greylisted", want: delivery.Temporary, enhanced: "4.2.0"},
	{stage: delivery.StageRecipient, code: 451, words: "4.1.1 try again", want: delivery.Temporary, enhanced: "4.1.1"},
	{stage: delivery.StageRecipient, code: 452, words: "4.2.2 The mailbox is out of storage space", want: delivery.Temporary, enhanced: "4.2.2"},
	{stage: delivery.StageRecipient, code: 454, words: "Throttling failure: Maximum sending rate exceeded", want: delivery.Temporary},
	{stage: delivery.StageRecipient, code: 421, words: "4.7.28 Gmail has detected an unusual rate", want: delivery.Temporary, enhanced: "4.7.28"},

	// At the mail.
	{stage: delivery.StageContent, code: 550, words: "5.7.60 SMTP; Client does not have permissions to send as this sender", want: delivery.Ambiguous, enhanced: "5.7.60"},
	{stage: delivery.StageContent, code: 554, words: "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", want: delivery.Ambiguous, enhanced: "5.2.0"},
	{stage: delivery.StageContent, code: 554, words: "5.7.1 rejected as spam", want: delivery.Ambiguous, enhanced: "5.7.1"},
	{stage: delivery.StageContent, code: 550, words: "no", want: delivery.Ambiguous},
	{stage: delivery.StageContent, code: 552, words: "5.3.4 Message size exceeds fixed limit", want: delivery.Content, enhanced: "5.3.4"},
	{stage: delivery.StageContent, code: 552, words: "5.2.3 Message too big for this mailbox", want: delivery.Content, enhanced: "5.2.3"},
	{stage: delivery.StageContent, code: 554, words: "5.6.0 Message contains bare LF", want: delivery.Content, enhanced: "5.6.0"},
	{stage: delivery.StageContent, code: 550, words: "5.1.1 nobody after all", want: delivery.Recipient, enhanced: "5.1.1"},
	{stage: delivery.StageContent, code: 552, words: "5.2.2 Mailbox full", want: delivery.Temporary, enhanced: "5.2.2"},
	{stage: delivery.StageContent, code: 530, words: "5.7.0 Authentication required", want: delivery.Refused, enhanced: "5.7.0"},
	{stage: delivery.StageContent, code: 550, words: "5.1.8 Access denied, bad outbound sender", want: delivery.Refused, enhanced: "5.1.8"},
	{stage: delivery.StageContent, code: 452, words: "4.3.1 the disk is full", want: delivery.Temporary, enhanced: "4.3.1"},
	{stage: delivery.StageContent, code: 250, words: "what?", want: delivery.Temporary},
}

var allBeforeMail = []delivery.Stage{delivery.StageConnect, delivery.StageGreeting, delivery.StageHello, delivery.StageTLS, delivery.StageSignIn}

func TestClassify(t *testing.T) {
	for _, test := range answers {
		t.Run(fmt.Sprintf("%s %d %s", test.stage, test.code, test.words), func(t *testing.T) {
			got := classify(test.stage, test.code, test.words)
			if got.Class != test.want {
				t.Errorf("class = %s, want %s", got.Class, test.want)
			}
			if want := slices.Contains(allBeforeMail, test.stage); got.BeforeMail != want {
				t.Errorf("before the mail is %t, want %t", got.BeforeMail, want)
			}
			if got.Stage != test.stage || got.Code != test.code || got.Enhanced != test.enhanced || got.Slow {
				t.Errorf("got %+v, want the enhanced code %q", got, test.enhanced)
			}
			says := test.says
			if says == "" {
				says = fmt.Sprintf("%d %s", test.code, test.words)
			}
			if !strings.HasPrefix(got.Message, "the mail server ") || !strings.HasSuffix(got.Message, ": "+says) {
				t.Errorf("it says %q, want %q", got.Message, says)
			}
		})
	}
}

func TestTheStageIsTold(t *testing.T) {
	for stage, want := range map[delivery.Stage]string{
		delivery.StageHello:     "the mail server cannot be used: 550 no",
		delivery.StageSignIn:    "the mail server cannot be used: 550 no",
		delivery.StageSender:    "the mail server answered while hearing the sender: 550 no",
		delivery.StageRecipient: "the mail server answered while hearing the recipient: 550 no",
		delivery.StageContent:   "the mail server answered while taking the mail: 550 no",
	} {
		if got := classify(stage, 550, "no").Message; got != want {
			t.Errorf("at %s: %q, want %q", stage, got, want)
		}
	}
}

func TestWithoutAnAnswerNothingIsRefusedForGood(t *testing.T) {
	for _, stage := range allBeforeMail {
		if o := withoutAnswer(stage, io.EOF); o.Class != delivery.Unreachable || !o.BeforeMail {
			t.Errorf("at %s: %+v", stage, o)
		}
	}
	for _, stage := range []delivery.Stage{delivery.StageSender, delivery.StageRecipient, delivery.StageContent} {
		if o := withoutAnswer(stage, io.EOF); o.Class != delivery.Temporary || o.BeforeMail {
			t.Errorf("at %s: %+v", stage, o)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, each := range answers {
		f.Add(string(each.stage), each.code, each.words)
	}
	f.Add("recipient", 550, "5.1.1 <ada@example.com>: nobody\nask bob@example.org or 'eve@example.net'")
	stages := append(slices.Clone(allBeforeMail), delivery.StageSender, delivery.StageRecipient, delivery.StageContent)
	f.Fuzz(func(t *testing.T, stage string, code int, words string) {
		at := delivery.Stage(stage)
		if !slices.Contains(stages, at) || code < 100 || code > 999 {
			return // no server is heard like that
		}
		o := classify(at, code, words)
		if o.Class == delivery.Recipient && at != delivery.StageRecipient && at != delivery.StageContent {
			t.Errorf("a recipient is blamed at %s: %+v", at, o)
		}
		if o.Class == delivery.Accepted || o.Class == delivery.NotAllowed || o.Class == "" {
			t.Errorf("got %+v", o)
		}
		if o.BeforeMail != slices.Contains(allBeforeMail, at) {
			t.Errorf("at %s: %+v", at, o)
		}
		if found := addresses.FindString(o.Message); found != "" && !strings.HasPrefix(found, "***") {
			t.Errorf("an address stands in %q", o.Message)
		}
		if strings.ContainsAny(o.Message, "\r\n\x00") || len([]rune(o.Message)) > 400 {
			t.Errorf("it is not one short line: %q", o.Message)
		}
	})
}
