// Package chromium is a headless Chromium for the tests and the screenshots: a tab for each person, with cookies of its
// own, that keeps a record of what a page must not do.
package chromium

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// patience is how long one action may take on a busy machine.
const patience = 20 * time.Second

// ErrMissing tells that there is no Chromium on this machine.
var ErrMissing = errors.New("chromium is not on the PATH; install it with: apt-get install --no-install-recommends chromium")

// Find is the path of Chromium.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// Browser is a running Chromium.
type Browser struct {
	portal string
	ctx    context.Context
	stop   []context.CancelFunc
}

// Start runs a Chromium for people who use a portal, given by its origin. It reaches no other host.
func Start(ctx context.Context, portal string) (*Browser, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // which root cannot use, and which pages of our own need not
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("lang", "en"),
	)
	allocated, free := chromedp.NewExecAllocator(ctx, options...)
	running, stop := chromedp.NewContext(allocated)
	b := &Browser{portal: portal, ctx: running, stop: []context.CancelFunc{stop, free}}
	if err := chromedp.Do(running); err != nil {
		b.Stop()
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return b, nil
}

// Stop ends the browser.
func (b *Browser) Stop() {
	for _, stop := range b.stop {
		stop()
	}
}

// NewTab opens a tab for a person who was never here before. The address is where the person is, as a proxy in front of
// the portal would tell it; empty: not told.
func (b *Browser) NewTab(address string) (*Tab, error) {
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t := &Tab{portal: b.portal, ctx: ctx, close: closeTab, pages: map[string]bool{}}
	if err := t.prepare(address); err != nil {
		closeTab()
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	return t, nil
}

// prepare makes the tab note what happens, before anything does.
func (t *Tab) prepare(address string) error {
	if err := chromedp.Do(t.ctx); err != nil { // without a time limit, which would end the tab
		return err
	}
	if err := chromedp.Listen(t.ctx, t.note); err != nil {
		return err
	}
	if _, err := chromedp.Call(t.ctx, audits.Enable, struct{}{}); err != nil {
		return err
	}
	if _, err := chromedp.Call(t.ctx, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "https://*"}}}); err != nil {
		return err
	}
	if address != "" {
		headers := network.SetExtraHTTPHeadersParams{Headers: network.Headers{"X-Forwarded-For": address}}
		if _, err := chromedp.Call(t.ctx, network.SetExtraHTTPHeaders, headers); err != nil {
			return err
		}
	}
	// A page of a window in the background is focused, too: the tests use several at once.
	focused := true
	_, err := chromedp.Call(t.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: focused})
	return err
}
