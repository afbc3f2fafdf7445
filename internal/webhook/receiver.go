package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/partner-operator/partner-operator/internal/cloudevent"
)

// Receiver is where events go. Its address may hold a secret, so nothing prints it.
type Receiver struct {
	address string
	plain   bool
	client  *http.Client
}

// ParseURL makes a receiver of its address. No error tells any of the address.
func ParseURL(text string) (*Receiver, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return nil, errors.New("must be an address such as https://crm.example.com/hooks/partners")
	case u.User != nil:
		return nil, errors.New("must not hold a user or a password; use a receiver that knows the operator by a secret path, and set the whole address by an environment variable from a Secret")
	case u.Fragment != "":
		return nil, errors.New("must not have a fragment, which begins with #: it is never sent")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost = workers, workers
	transport.MaxResponseHeaderBytes = 64 << 10
	return &Receiver{address: u.String(), plain: u.Scheme == "http", client: &http.Client{
		Transport: transport,
		// Another address was not configured, and may be anybody's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Plain tells whether events go there without TLS.
func (r *Receiver) Plain() bool { return r.plain }

// String hides the address.
func (r *Receiver) String() string { return "the receiver of events" }

// GoString hides the address.
func (r *Receiver) GoString() string { return r.String() }

// refused is that the receiver does not want this event, so that it makes no sense to try again.
type refused struct{ code int }

func (r *refused) Error() string {
	return fmt.Sprintf("the receiver refuses the event with %d", r.code)
}

// unwell is that the receiver answers, and takes nothing now.
type unwell struct {
	code int
	// after is when it wants to be asked again; 0: it does not say.
	after time.Duration
}

func (u *unwell) Error() string { return fmt.Sprintf("the receiver answers %d", u.code) }

// send hands over one event. Its error tells nothing of the address beyond the host.
func (r *Receiver) send(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address of the receiver cannot be used")
	}
	request.Header.Set("Content-Type", cloudevent.ContentType)
	request.Header.Set("User-Agent", "partner-operator")
	response, err := r.client.Do(request)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			err = wrapped.Err // without the address
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return &refused{code}
	default:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // a date is as good as nothing
		return &unwell{code: code, after: time.Duration(max(0, min(seconds, 3600))) * time.Second}
	}
}
