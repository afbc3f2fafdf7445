package mailcatcher

import (
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// AuthMechanisms returns what the server offers.
func (s *session) AuthMechanisms() []string {
	if s.catcher.options.Username == "" {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth begins one attempt to log in.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if s.gone {
		return nil, errGone
	}
	s.catcher.logins.Add(1)
	if s.catcher.options.Username == "" {
		return nil, smtp.ErrAuthUnsupported
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error {
			return s.logIn(username, password)
		}), nil
	case sasl.Login:
		return &loginServer{logIn: s.logIn}, nil
	default:
		return nil, smtp.ErrAuthUnknownMechanism
	}
}

func (s *session) logIn(username, password string) error {
	if err := s.follow(s.catcher.script.match(Auth, "")); err != nil {
		return err
	}
	if username != s.catcher.options.Username || password != s.catcher.options.Password {
		return smtp.ErrAuthFailed
	}
	s.authenticated = true
	return nil
}

// loginServer asks for the user name and the password one after the other, as the old mechanism LOGIN does.
type loginServer struct {
	logIn    func(username, password string) error
	username []byte
}

// Next hears one reply of the client.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.username == nil:
		l.username = response
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.logIn(string(l.username), string(response))
	}
}
