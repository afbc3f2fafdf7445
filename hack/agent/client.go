package agent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// Client is the test's access to an agent.
type Client struct {
	// Dial connects to the agent's ControlPort.
	Dial func(context.Context) (net.Conn, error)
}

// Mails are the mails that arrived for an address, the oldest first; for all if it is empty.
func (c *Client) Mails(ctx context.Context, to string) ([]mailcatcher.Message, error) {
	var mails []mailcatcher.Message
	return mails, c.do(ctx, http.MethodGet, "/mails?to="+url.QueryEscape(to), nil, &mails)
}

// Probe starts a probe, which goes on until StopProbes.
func (c *Client) Probe(ctx context.Context, probe Probe) error {
	return c.do(ctx, http.MethodPost, "/probes", probe, nil)
}

// Results are those of the probes so far, in the order in which they were started.
func (c *Client) Results(ctx context.Context) ([]Result, error) {
	var results []Result
	return results, c.do(ctx, http.MethodGet, "/probes", nil, &results)
}

// StopProbes ends all probes and tells their results.
func (c *Client) StopProbes(ctx context.Context) ([]Result, error) {
	var results []Result
	return results, c.do(ctx, http.MethodDelete, "/probes", nil, &results)
}

// DialThrough connects to a host:port as from the agent's pod.
func (c *Client) DialThrough(ctx context.Context, address string) (net.Conn, error) {
	conn, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	reader := bufio.NewReader(conn)
	if err := connect(conn, reader, address); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &relayed{conn, reader}, nil
}

func connect(conn net.Conn, reader *bufio.Reader, address string) error {
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		return err
	}
	response, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("ask the agent for %s: %w", address, err)
	}
	if response.StatusCode == http.StatusOK {
		return nil
	}
	told, err := io.ReadAll(io.LimitReader(response.Body, maxControlBody))
	return errors.Join(fmt.Errorf("the agent cannot reach %s: %s", address, strings.TrimSpace(string(told))), err, response.Body.Close())
}

// relayed is a connection of which the beginning may have been read already.
type relayed struct {
	net.Conn
	reader *bufio.Reader
}

// Read reads what was read already, and then what comes.
func (r *relayed) Read(p []byte) (int, error) { return r.reader.Read(p) }

func (c *Client) do(ctx context.Context, method, path string, content, into any) error {
	body, err := json.Marshal(content)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Dial(ctx) }}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("talk to the agent: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		told, err := io.ReadAll(io.LimitReader(response.Body, maxControlBody))
		return errors.Join(fmt.Errorf("the agent answers %d: %s", response.StatusCode, strings.TrimSpace(string(told))), err)
	}
	if into != nil {
		err = json.NewDecoder(response.Body).Decode(into)
	}
	_, restErr := io.Copy(io.Discard, response.Body)
	return errors.Join(err, restErr)
}
