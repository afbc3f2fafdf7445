package chromium

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Faults are what pages did that they must not, since the last Forget: violations of their policy, errors and warnings in the console,
// issues that the browser found, and requests to other hosts.
func (t *Tab) Faults() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.faults)
}

// Elsewhere are the addresses of other hosts that were asked for since the last Forget. They are answered with a page
// that says so.
func (t *Tab) Elsewhere() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.elsewhere)
}

// Forget begins the record anew.
func (t *Tab) Forget() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.faults, t.elsewhere = nil, nil
}

func (t *Tab) fault(kind, what string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.faults = append(t.faults, kind+": "+what)
}

// note is called with each event of the tab.
func (t *Tab) note(event any) {
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		t.noteRequest(event.Request.URL, event.Type == network.ResourceTypeDocument)
	case *log.EventEntryAdded:
		t.noteEntry(event.Entry)
	case *runtime.EventExceptionThrown:
		t.fault("exception", event.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		t.fault("console", string(event.Type))
	case *audits.EventIssueAdded:
		details, _ := json.Marshal(event.Issue.Details) // what the browser sent always marshals
		t.fault("issue", string(event.Issue.Code)+" "+string(details))
	case *fetch.EventRequestPaused:
		go t.answer(event.RequestID, event.ResourceType)
	}
}

func (t *Tab) noteRequest(address string, isPage bool) {
	if !t.own(address) {
		t.fault("request to another host", address)
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if isPage {
		t.pages[address] = true
	}
	if !t.own(address) {
		t.elsewhere = append(t.elsewhere, address)
	}
}

// noteEntry notes what the browser logs, but for the status code of a page itself, which is what it is meant to be.
func (t *Tab) noteEntry(entry *log.Entry) {
	t.mutex.Lock()
	isPage := t.pages[entry.URL]
	t.mutex.Unlock()
	if entry.Source == log.EntrySourceNetwork && isPage && strings.Contains(entry.Text, "status of") {
		return
	}
	t.fault(string(entry.Source)+" "+string(entry.Level), entry.Text+" "+entry.URL)
}

// answer stands in for another host, with a page or a picture.
func (t *Tab) answer(request fetch.RequestID, wanted network.ResourceType) {
	kind, body := "text/html; charset=utf-8", `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,"><p>Another host.`
	if wanted == network.ResourceTypeImage {
		kind, body = "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="60"><rect width="240" height="60" rx="12" fill="#7a1f3d"/></svg>`
	}
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	_, _ = chromedp.Call(ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{ // the tab is gone if this fails
		RequestID: request, ResponseCode: 200, Body: []byte(body), ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: kind}},
	})
}
