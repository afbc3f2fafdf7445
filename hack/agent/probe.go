package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// answerTimeout is when a request that got no answer counts as failed: who waits for a page has left by then.
	answerTimeout = 10 * time.Second
	// toldFailures bounds how many failures a Result tells about.
	toldFailures = 10
	maxRate      = 100
)

// Probe is a page that is asked for again and again.
type Probe struct {
	// Name is what its Result is called.
	Name string `json:"name"`
	// Address is the host:port to connect to, whatever host the URL names.
	Address string `json:"address"`
	// URL is the page.
	URL string `json:"url"`
	// Cookie is what the browser has for it; empty: nothing.
	Cookie string `json:"cookie,omitempty"`
	// Shows is a text that the page must hold; without it, or without the status 200, the request failed.
	Shows string `json:"shows"`
	// PerSecond is how many requests are begun in a second, 1 to 100, however long the answers take.
	PerSecond int `json:"perSecond"`
	// KeepConnections uses connections again, as a load balancer does. Otherwise each request makes a new one.
	KeepConnections bool `json:"keepConnections,omitempty"`
}

// Result is what came of a Probe.
type Result struct {
	Name string `json:"name"`
	// Sent is how many requests were begun, and Failed how many of them did not get the page in 10 seconds.
	Sent   int `json:"sent"`
	Failed int `json:"failed"`
	// Slowest is how long the slowest page took.
	Slowest time.Duration `json:"slowest"`
	// Failures tells the first ten failures, each with its time.
	Failures []string `json:"failures,omitempty"`
}

// prober carries out a Probe.
type prober struct {
	Probe
	client  *http.Client
	stop    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	result Result
}

func startProber(probe Probe) (*prober, error) {
	if probe.PerSecond < 1 || probe.PerSecond > maxRate {
		return nil, fmt.Errorf("perSecond is %d, and can be 1 to %d", probe.PerSecond, maxRate)
	}
	if _, err := http.NewRequest(http.MethodGet, probe.URL, nil); err != nil {
		return nil, err
	}
	p := &prober{Probe: probe, result: Result{Name: probe.Name}}
	p.client = &http.Client{
		Timeout:       answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives:   !probe.KeepConnections,
			MaxIdleConnsPerHost: probe.PerSecond,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, probe.Address)
			},
		},
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.running.Go(func() { p.run(ctx) })
	return p, nil
}

// run begins requests at the rate that was asked for.
func (p *prober) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second / time.Duration(p.PerSecond))
	defer ticker.Stop()
	for {
		p.running.Go(p.ask)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ask makes one request and counts it.
func (p *prober) ask() {
	p.mu.Lock()
	p.result.Sent++
	p.mu.Unlock()
	began := time.Now()
	err := p.get()
	took := time.Since(began)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.result.Slowest = max(p.result.Slowest, took)
		return
	}
	p.result.Failed++
	if len(p.result.Failures) < toldFailures {
		p.result.Failures = append(p.result.Failures, began.UTC().Format("15:04:05.000 ")+err.Error())
	}
}

func (p *prober) get() error {
	request, err := http.NewRequest(http.MethodGet, p.URL, nil)
	if err != nil {
		return err
	}
	if p.Cookie != "" {
		request.Header.Set("Cookie", p.Cookie)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %d", response.StatusCode)
	}
	if !strings.Contains(string(body), p.Shows) {
		return fmt.Errorf("the page does not show %q", p.Shows)
	}
	return nil
}

func (p *prober) read() Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	result := p.result
	result.Failures = append([]string(nil), p.result.Failures...)
	return result
}

// end begins no more requests, waits for those under way, and tells the result.
func (p *prober) end() Result {
	p.stop()
	p.running.Wait()
	p.client.CloseIdleConnections()
	return p.read()
}
