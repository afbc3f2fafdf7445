package axe

import (
	"fmt"
	"strings"

	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

// Finding is what is wrong with a page.
type Finding struct {
	// Rule is the name of the rule, Impact how bad it is to break it, and Help what to do.
	Rule, Impact, Help string
	// Where are the elements.
	Where []string
}

// Bad tells whether people cannot use the page because of it.
func (f Finding) Bad() bool { return f.Impact == "serious" || f.Impact == "critical" }

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s (%s): %s", f.Impact, f.Help, f.Rule, strings.Join(f.Where, "; "))
}

// Judge lets the script judge the page of a tab. The policy of the page does not stop what the browser itself is told to
// evaluate.
func Judge(tab *chromium.Tab, script string) ([]Finding, error) {
	if _, err := chromium.Eval[bool](tab, `window.axe ? true : (() => {`+script+`; return true})()`); err != nil {
		return nil, err
	}
	return chromium.Eval[[]Finding](tab, `axe.run(document, {resultTypes: ['violations'], preload: false}).then(found => found.violations.map(v => ({
		Rule: v.id, Impact: v.impact, Help: v.help, Where: v.nodes.map(n => n.html.slice(0, 200) + ' ' + (n.any[0]?.message ?? '')),
	})))`)
}
