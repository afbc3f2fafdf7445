package smtp

import (
	"context"
	"net/mail"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/internal/delivery"
	operatormail "github.com/partner-operator/partner-operator/internal/mail"
)

// The API lets addresses through that mail cannot reach. No try can change that, and no server needs to be asked.
func TestAnAddressThatMailCannotReachIsTheRecipients(t *testing.T) {
	channel := NewChannel(Config{Host: "mail.invalid", Port: 25, TLS: None})
	for _, to := range []string{"ada@a_b.example", "zoë@example.com", "root@localhost", ""} {
		t.Run(to, func(t *testing.T) {
			o := channel.Dispatch(context.Background(), messageTo(to))
			if o.Class != delivery.Recipient || o.BeforeMail || o.Code != 0 {
				t.Fatalf("got %+v", o)
			}
			if to != "" && strings.Contains(o.Message, to) || strings.Contains(o.Message, "server") {
				t.Errorf("the message is %q", o.Message)
			}
		})
	}
}

func messageTo(to string) operatormail.Message {
	return operatormail.Message{Kind: "revoked", ID: "revoked.uid.1@acme.example", To: to, From: &mail.Address{Address: "partners@acme.example"}}
}

func TestID(t *testing.T) {
	for want, config := range map[string]Config{
		"smtp:mail.example.com:587:":     {Host: "mail.example.com", Port: 587},
		"smtp:mail.example.com:587:acme": {Host: "mail.example.com", Port: 587, Username: "acme", Password: "s3cret"},
		"smtp:[::1]:25:":                 {Host: "::1", Port: 25},
		"smtp:mail.example.com:587:***":  {Host: "mail.example.com", Port: 587, Username: "ceo@acme.example"},
	} {
		if got := NewChannel(config).ID(); got != want {
			t.Errorf("ID = %s, want %s", got, want)
		}
	}
}

// All connections in use is no fault of the server's sign-in, and nothing that stays.
func TestAMailWhoseTurnDoesNotComeIsTriedAgain(t *testing.T) {
	channel := NewChannel(Config{Host: "127.0.0.1", Port: 1, TLS: None})
	channel.slots <- struct{}{}
	ended, end := context.WithCancel(context.Background())
	end()
	late, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	for ctx, want := range map[context.Context]delivery.Outcome{
		late:  {Class: delivery.Temporary, Stage: delivery.StageSender, Slow: true, Message: "the mail server is busy with other mail"},
		ended: {Class: delivery.Temporary, Stage: delivery.StageSender, Message: "the mail server was not waited for, since the operator stops"},
	} {
		if got := channel.Dispatch(ctx, messageTo("mara@partner.example")); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := channel.Probe(ctx); got != want {
			t.Errorf("the probe: got %+v, want %+v", got, want)
		}
	}
}
