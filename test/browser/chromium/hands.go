package chromium

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// spot is where something is in the window.
type spot struct {
	X, Y float64
	// Problem says why it cannot be clicked; empty: it can.
	Problem string
}

// find finds what a person sees by its words, among buttons, links and what unfolds; or a field by its label or name; which of the two goes first is up to whoever looks.
const find = `((words, fieldFirst) => {
	const said = e => (e.ariaLabel || e.textContent).trim().replace(/\s+/g, ' ');
	const all = [...document.querySelectorAll('button, a, summary')].filter(e => e.checkVisibility());
	const labels = [...document.querySelectorAll('label')].filter(e => e.checkVisibility());
	const fields = [...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter(e => e.checkVisibility());
	const pressed = all.find(e => said(e) === words) || all.find(e => said(e).startsWith(words));
	const field = fields.find(e => e.name === words) || labels.find(e => said(e).startsWith(words))?.control;
	return fieldFirst ? field || pressed : pressed || field;
})`

// spotOf brings something into the window and tells where it is.
func (t *Tab) spotOf(words string, fieldFirst bool) (spot, error) {
	found, err := Eval[spot](t, `(() => {
		const e = `+find+fmt.Sprintf(`(%s, %t)`, quoted(words), fieldFirst)+`;
		if (!e) return {Problem: 'is not on the page: ' + document.body.innerText.slice(0, 300)};
		e.scrollIntoView({block: 'center', behavior: 'instant'});
		const r = e.getClientRects()[0], x = r.left + r.width / 2, y = r.top + r.height / 2;
		const top = document.elementFromPoint(x, y);
		return {X: x, Y: y, Problem: top && (e.contains(top) || top.contains(e)) ? '' : 'is covered by ' + top?.outerHTML};
	})()`)
	if err == nil && found.Problem != "" {
		err = errors.New(found.Problem)
	}
	if err != nil {
		err = fmt.Errorf("%q %w", words, err)
	}
	return found, err
}

// Click clicks a button, a link or what unfolds, given by how its words begin.
func (t *Tab) Click(words string) error {
	return t.click(words, false)
}

// Tick clicks a box to tick, given by its label or name.
func (t *Tab) Tick(field string) error { return t.click(field, true) }

func (t *Tab) click(words string, fieldFirst bool) error {
	at, err := t.spotOf(words, fieldFirst)
	if err != nil {
		return err
	}
	return t.Do(chromedp.MouseClickXY(at.X, at.Y))
}

// Follow clicks what leads to another page, waits for it, and tells its status code.
func (t *Tab) Follow(words string) (int, error) {
	at, err := t.spotOf(words, false)
	if err != nil {
		return 0, err
	}
	code, err := t.Leads(chromedp.MouseClickXY(at.X, at.Y))
	if err != nil {
		err = fmt.Errorf("click %q: %w", words, err)
	}
	return code, err
}

// Type puts a text into a field, in place of what stands there, as a keyboard with suggestions does.
func (t *Tab) Type(field, text string) error {
	if err := t.click(field, true); err != nil {
		return err
	}
	if _, err := Eval[bool](t, `document.activeElement.select?.(), true`); err != nil {
		return err
	}
	return t.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if text == "" {
			return nil
		}
		return target.Call(ctx, input.InsertText.Method, input.InsertTextParams{Text: text}, nil)
	}))
}

// Choose chooses an option of a field by its words.
func (t *Tab) Choose(field, option string) error {
	found, err := Eval[bool](t, `(() => {
		const e = `+find+`(`+quoted(field)+`, true), o = [...e.options].find(o => o.text === `+quoted(option)+`);
		if (o) { e.value = o.value; e.dispatchEvent(new Event('change', {bubbles: true})); }
		return !!o;
	})()`)
	if err == nil && !found {
		err = errors.New("there is no such option")
	}
	if err != nil {
		err = fmt.Errorf("choose %q in %q: %w", option, field, err)
	}
	return err
}
