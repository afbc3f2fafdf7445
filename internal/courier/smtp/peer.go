package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
)

// maxSaid is how much a mail server may say before it is answered. The longest that one has to say is the certificates
// of a handshake.
const maxSaid = 256 << 10

var errTalkative = errors.New("said more than a mail server says")

// peer is a connection to what should be a mail server.
type peer struct {
	net.Conn
	said       int // bytes since it was last answered
	hasGreeted bool
}

// Read bounds what the mail server says: the library keeps all of an answer, however long it is.
func (p *peer) Read(b []byte) (int, error) {
	if p.said >= maxSaid {
		return 0, errTalkative
	}
	n, err := p.Conn.Read(b[:min(len(b), maxSaid-p.said)])
	p.said += n
	return n, err
}

func (p *peer) Write(b []byte) (int, error) {
	p.said = 0
	return p.Conn.Write(b)
}

// greeted reports whether it said 220, as a mail server does.
func (p *peer) greeted() bool { return p != nil && p.hasGreeted }

// stranger is what went wrong with something that did not greet as a mail server. It holds no word of it.
type stranger struct {
	text string
	// refused: it greeted as a mail server does that takes nothing from us.
	refused bool
}

func (s *stranger) Error() string { return s.text }

// unheard takes out of an error what a stranger said, in a greeting or in a certificate. What the operating system says
// of the connection stays, but for a name that leads nowhere.
func unheard(err error) error {
	var network *net.OpError
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var answer *textproto.Error
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return errNotAllowed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), isTimeout(err), errors.As(err, &network) && network.Op == "dial":
		return err
	case errors.As(err, &certificate):
		return &stranger{text: "has a certificate that is not trusted, or not for its name"}
	case errors.As(err, &answer):
		return &stranger{text: "does not greet with 220", refused: answer.Code >= 500}
	case errors.Is(err, io.EOF):
		return &stranger{text: "broke off the connection before it greeted"}
	default:
		return &stranger{text: "does not greet as a mail server does; check its port and tls"}
	}
}
