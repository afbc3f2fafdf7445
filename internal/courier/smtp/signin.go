package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	gosmtp "github.com/wneessen/go-mail/smtp"
)

var (
	errNoSignIn     = errors.New("it does not support SMTP AUTH, so nobody can sign in to it; leave out the user, or check its port")
	errSecretSignIn = errors.New("it offers no way to sign in that keeps the password secret on this connection; use tls=starttls or tls=implicit")
	// errSignIn is for a sign-in that fails on this side, such as a server that does not know the password itself.
	errSignIn = errors.New("the sign-in failed")
)

// mechanism is a way to sign in.
type mechanism struct {
	name string
	// needsTLS: without, it would tell the password, or it is bound to the TLS connection.
	needsTLS bool
	auth     func(user, password, host string, state *tls.ConnectionState) gosmtp.Auth
}

// mechanisms are the ways to sign in, the best one first.
var mechanisms = []mechanism{
	{"SCRAM-SHA-256-PLUS", true, func(user, password, _ string, state *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.ScramSHA256PlusAuth(user, password, state)
	}},
	{"SCRAM-SHA-256", false, func(user, password, _ string, _ *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.ScramSHA256Auth(user, password)
	}},
	{"SCRAM-SHA-1-PLUS", true, func(user, password, _ string, state *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.ScramSHA1PlusAuth(user, password, state)
	}},
	{"SCRAM-SHA-1", false, func(user, password, _ string, _ *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.ScramSHA1Auth(user, password)
	}},
	{"NTLM", false, func(user, password, _ string, _ *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.NTLMAuth(user, password, "")
	}},
	{"CRAM-MD5", false, func(user, password, _ string, _ *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.CRAMMD5Auth(user, password)
	}},
	{"PLAIN", true, func(user, password, host string, _ *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.PlainAuth("", user, password, host, false)
	}},
	{"LOGIN", true, func(user, password, host string, _ *tls.ConnectionState) gosmtp.Auth {
		return gosmtp.LoginAuth(user, password, host, false)
	}},
}

// signIn signs in by the best of the mechanisms that the server offers.
func signIn(client *gosmtp.Client, config Config, password string) error {
	offered, list := client.Extension("AUTH")
	if !offered {
		return errNoSignIn
	}
	state, isProtected := client.TLSConnectionState()
	names := strings.Fields(list)
	for _, each := range mechanisms {
		if slices.Contains(names, each.name) && (isProtected || !each.needsTLS) {
			return signInFault(client.Auth(each.auth(config.Username, password, config.Host, &state)))
		}
	}
	return errSecretSignIn
}

// signInFault tells a sign-in that failed on this side from an answer and from a broken connection.
func signInFault(err error) error {
	f := fault{err: err}
	if err == nil || f.answer() != nil || isBroken(err) || isTimeout(err) || errors.Is(err, errTalkative) {
		return err
	}
	return fmt.Errorf("%w: %w", errSignIn, err)
}
