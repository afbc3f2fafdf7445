package mailcatcher

import (
	"net/smtp"
	"testing"
)

const username, password = "operator", "right"

// login is the client's side of AUTH LOGIN, which net/smtp lacks.
type login struct{ password string }

func (login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

func (l login) Next(challenge []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case string(challenge) == "Username:":
		return []byte(username), nil
	default:
		return []byte(l.password), nil
	}
}

func authentications(password string) map[string]smtp.Auth {
	return map[string]smtp.Auth{
		"PLAIN": smtp.PlainAuth("", username, password, "127.0.0.1"),
		"LOGIN": login{password},
	}
}

func TestTheRightPasswordIsAccepted(t *testing.T) {
	catcher := start(t, Options{Username: username, Password: password})
	for name, authentication := range authentications(password) {
		t.Run(name, func(t *testing.T) {
			client := connect(t, catcher)
			if err := client.Auth(authentication); err != nil {
				t.Fatal(err)
			}
			mustSend(t, client, simpleMail("hello"), recipient)
		})
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	catcher := start(t, Options{Username: username, Password: password})
	for name, authentication := range authentications("wrong") {
		t.Run(name, func(t *testing.T) {
			_ = wantCode(t, connect(t, catcher).Auth(authentication), 535)
		})
	}
}

func TestMailWithoutAPasswordIsRefused(t *testing.T) {
	catcher := start(t, Options{Username: username, Password: password})
	_ = wantCode(t, send(connect(t, catcher), simpleMail("hello"), recipient), 530)
}

func TestAuthIsNotOfferedWithoutAUsername(t *testing.T) {
	client := connect(t, start(t, Options{}))
	if offered, mechanisms := client.Extension("AUTH"); offered {
		t.Errorf("offers %s", mechanisms)
	}
}

func TestAnAuthRule(t *testing.T) {
	catcher := start(t, Options{Username: username, Password: password})
	right := smtp.PlainAuth("", username, password, "127.0.0.1")
	catcher.Script(
		Rule{Stage: Auth, Times: 1, Code: 454, Enhanced: "4.7.0", Text: "the directory is down"},
		Rule{Stage: Auth, Times: 1, Drop: true},
		Rule{Stage: Auth, Times: 1, Hang: hang},
	)
	_ = wantCode(t, connect(t, catcher).Auth(right), 454)
	wantHangUp(t, connect(t, catcher).Auth(right))
	client := connect(t, catcher)
	if err := client.Auth(right); err != nil {
		t.Fatal(err)
	}
	mustSend(t, client, simpleMail("hello"), recipient)
}
