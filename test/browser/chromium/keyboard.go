package chromium

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Keys that have no letter.
const (
	KeyTab   = kb.Tab
	KeyEnter = kb.Enter
	KeySpace = " "
)

// Keys presses the keys of a keyboard, one after the other.
func (t *Tab) Keys(keys string) error { return t.Do(press(keys)) }

// Enter presses Enter where it leads to another page, waits for that, and tells its status code.
func (t *Tab) Enter() (int, error) { return t.Leads(press(KeyEnter)) }

// press presses keys. Unlike chromedp it leaves it to the browser what a key types, as with a real keyboard: Enter that
// follows a link must not also be typed into what the link leads to.
func press(keys string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, key := range keys {
			events := kb.Encode(key)
			down, up := events[0], events[len(events)-1]
			if len(events) == 3 {
				down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
			}
			for _, each := range []*input.DispatchKeyEventParams{down, up} {
				if err := target.Call(ctx, input.DispatchKeyEvent.Method, each, nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Stop is what has the focus.
type Stop struct {
	// ID tells stops of a page apart; 0: nothing has the focus.
	ID int
	// Words are the words on it, or its label, and Element is what HTML calls it.
	Words, Element string
	// Ring is how thick the line around it is, in pixels, and Contrast that of the line to what it is painted on.
	Ring, Contrast float64
	// InView: it can be seen without scrolling, or the first lines of it.
	InView bool
	// Left, Top and Bottom are where it is on the page.
	Left, Top, Bottom float64
}

// Focus tells what has the focus.
func (t *Tab) Focus() (Stop, error) {
	return Eval[Stop](t, `(() => {
		const e = document.activeElement;
		if (!e || e === document.body || e === document.documentElement) return {};
		e.dataset.stop ??= (window.stops = (window.stops ?? 0) + 1);
		const style = getComputedStyle(e), r = e.getBoundingClientRect();
		const parts = color => (color.match(/[\d.]+/g) ?? []).map(Number);
		const light = color => {
			const [r, g, b] = parts(color).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
			return .2126 * r + .7152 * g + .0722 * b;
		};
		let paper = e.parentElement;
		while (paper && parts(getComputedStyle(paper).backgroundColor)[3] === 0) paper = paper.parentElement;
		const [a, b] = [light(style.outlineColor), light(paper ? getComputedStyle(paper).backgroundColor : 'rgb(255, 255, 255)')].sort((a, b) => a - b);
		return {
			ID: +e.dataset.stop, Element: e.localName,
			Words: (e.labels?.[0] ?? e).textContent.trim().replace(/\s+/g, ' ') || e.name || e.localName,
			Ring: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth), Contrast: (b + .05) / (a + .05),
			InView: r.top > -1 && r.left > -1 && Math.min(r.bottom, r.top + 60) < innerHeight + 1 && r.right < innerWidth + 1 && r.width > 1 && e.checkVisibility(),
			Left: r.left + scrollX, Top: r.top + scrollY, Bottom: r.bottom + scrollY,
		};
	})()`)
}

// TabTo presses Tab until something has the focus whose words begin so.
func (t *Tab) TabTo(words string) error {
	const most = 60
	var passed []string
	for range most {
		if err := t.Keys(KeyTab); err != nil {
			return err
		}
		at, err := t.Focus()
		if err != nil {
			return err
		}
		if at.ID != 0 && strings.HasPrefix(at.Words, words) {
			return nil
		}
		passed = append(passed, at.Words)
	}
	return fmt.Errorf("pressing Tab does not lead to %q, but to %q", words, passed)
}

// Stops presses Tab until it leads back to where it led before, and gives all stops in their order, from the top.
func (t *Tab) Stops() ([]Stop, error) {
	const most = 150
	var stops []Stop
	top := 0
	for range most {
		if err := t.Keys(KeyTab); err != nil {
			return nil, err
		}
		at, err := t.Focus()
		switch {
		case err != nil:
			return nil, err
		case at.ID == 0: // between the last and the first
			top = len(stops)
		case len(stops) > 0 && at.ID == stops[0].ID:
			return append(stops[top:len(stops):len(stops)], stops[:top]...), nil
		default:
			stops = append(stops, at)
		}
	}
	return nil, errors.New("pressing Tab leads on and on")
}
