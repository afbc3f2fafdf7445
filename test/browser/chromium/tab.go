package chromium

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of one person.
type Tab struct {
	portal string
	ctx    context.Context
	close  context.CancelFunc

	mutex     sync.Mutex
	faults    []string
	elsewhere []string
	pages     map[string]bool // addresses of pages that were asked for
}

// Scheme is whether a person likes pages light or dark.
type Scheme string

// The schemes.
const (
	Light Scheme = "light"
	Dark  Scheme = "dark"
)

// Close closes the tab and forgets its cookies.
func (t *Tab) Close() { t.close() }

// Do carries out actions, for which there is no method.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// Open opens an address, and tells the status code of the page that it led to.
func (t *Tab) Open(address string) (int, error) {
	code, err := t.Leads(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		var result page.NavigateResult
		if err := target.Call(ctx, page.Navigate.Method, page.NavigateParams{URL: address}, &result); err != nil {
			return err
		}
		if result.ErrorText != "" {
			return fmt.Errorf("%s", result.ErrorText)
		}
		return nil
	}))
	if err != nil {
		err = fmt.Errorf("open %s: %w", address, err)
	}
	return code, err
}

// Leads carries out an action that leads to another page, waits for it, and tells its status code.
func (t *Tab) Leads(action chromedp.Action[chromedp.Void]) (int, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, action)
	if err != nil || response == nil {
		return 0, err
	}
	return int(response.Status), nil
}

// Eval evaluates JavaScript in the page, which its policy cannot forbid, and gives the result.
func Eval[T any](t *Tab, script string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// quoted is a text as JavaScript writes it.
func quoted(text string) string {
	written, _ := json.Marshal(text) // a string always marshals
	return string(written)
}

// Text is what a person can read on the page.
func (t *Tab) Text() (string, error) { return Eval[string](t, `document.body.innerText`) }

// Title is the title of the page.
func (t *Tab) Title() (string, error) { return Eval[string](t, `document.title`) }

// URL is the address of the page.
func (t *Tab) URL() (string, error) { return Eval[string](t, `location.href`) }

// SetWidth makes the window so many CSS pixels wide.
func (t *Tab) SetWidth(pixels int64) error { return t.Do(chromedp.EmulateViewport(pixels, 800)) }

// SetScheme makes the person like pages light or dark.
func (t *Tab) SetScheme(scheme Scheme) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: string(scheme)}},
	})
	return err
}

// Picture is the whole page as a PNG.
func (t *Tab) Picture() ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}

// Cookies are those that the browser keeps for the portal.
func (t *Tab) Cookies() ([]*network.Cookie, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	found, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
	return found.Cookies, err
}

// own tells whether an address is the portal's, or stays within the browser.
func (t *Tab) own(address string) bool {
	for _, inside := range []string{t.portal + "/", "about:", "data:", "blob:", "chrome:", "chrome-error:"} {
		if strings.HasPrefix(address, inside) {
			return true
		}
	}
	return false
}
