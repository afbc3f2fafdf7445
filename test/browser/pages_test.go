package browser

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/partner-operator/partner-operator/test/browser/axe"
	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

// Every page can be reached, does nothing that its policy forbids, asks no other host for anything, needs no scrolling
// sideways on a small phone, and has no fault that axe-core calls serious, light or dark.
func TestPages(t *testing.T) {
	script, err := axe.Script(t.Context())
	if err != nil {
		fmt.Fprintf(os.Stderr, "NOT TESTED: the accessibility of the pages by axe-core, for it cannot be had: %v\n", err)
	}
	lesser := &remarks{pages: map[string][]string{}}
	t.Cleanup(lesser.print)
	for _, p := range All {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			v := visit(t, p.Name)
			if err := v.Reach(p); err != nil {
				t.Fatal(err)
			}
			for _, fault := range v.Tab.Faults() {
				t.Error(fault)
			}
			hearsOfErrors(t, v)
			fits(t, v.Tab)
			for _, scheme := range []chromium.Scheme{chromium.Light, chromium.Dark} {
				if err := v.Tab.SetScheme(scheme); err != nil {
					t.Fatal(err)
				}
				tabsThrough(t, v.Tab)
				if script != "" {
					judge(t, v.Tab, scheme, script, lesser)
				}
			}
		})
	}
}

// hearsOfErrors makes sure that what sums up the errors of a form gets the focus, so that it is read out and seen first.
func hearsOfErrors(t *testing.T, v *Visit) {
	err := v.until("what sums up the errors has the focus", func() (bool, error) {
		return chromium.Eval[bool](v.Tab, `!document.querySelector('.problem') || document.activeElement === document.querySelector('.problem')`)
	})
	if err != nil {
		t.Error(err)
	}
}

// tabsThrough makes sure that pressing Tab leads to everything that can be used, from the top down, that one sees where
// the focus is, and that one can skip the head of the page.
func tabsThrough(t *testing.T, tab *chromium.Tab) {
	if err := tab.SetWidth(1024); err != nil {
		t.Fatal(err)
	}
	stops, err := tab.Stops()
	if err != nil {
		t.Fatal(err)
	}
	usable, err := chromium.Eval[int](tab, `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')].filter(e => e.checkVisibility()).length`)
	if err != nil {
		t.Fatal(err)
	}
	if len(stops) != usable {
		t.Errorf("pressing Tab leads to %d of %d: %+v", len(stops), usable, stops)
	}
	if stops[0].Words != "Skip to the content" {
		t.Errorf("first comes %q", stops[0].Words)
	}
	for n, stop := range stops {
		if stop.Ring < 2 || stop.Contrast < 3 || !stop.InView {
			t.Errorf("one does not see that the focus is on %+v", stop)
		}
		if n > 1 && stop.Top < stops[n-1].Top && stop.Bottom <= stops[n-1].Top && stop.Left <= stops[n-1].Left {
			t.Errorf("%q comes after %q, which is further down", stop.Words, stops[n-1].Words)
		}
	}
}

// fits makes sure that a page is as wide as the window, also with text of twice the size.
func fits(t *testing.T, tab *chromium.Tab) {
	for _, size := range []struct {
		width int64
		text  string
	}{{320, "100%"}, {640, "200%"}, {320, "150%"}} {
		if err := tab.SetWidth(size.width); err != nil {
			t.Fatal(err)
		}
		beyond, err := chromium.Eval[[]string](tab, fmt.Sprintf(`(() => {
			document.documentElement.style.fontSize = %q;
			const out = document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]
				.filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 100));
			document.documentElement.style.fontSize = '';
			return out;
		})()`, size.text))
		if err != nil {
			t.Fatal(err)
		}
		if len(beyond) > 0 {
			t.Errorf("with %d pixels and text of %s one has to scroll sideways: %s", size.width, size.text, strings.Join(beyond, "\n"))
		}
	}
}

// judge lets axe-core judge the page, which is shown in a scheme of colours.
func judge(t *testing.T, tab *chromium.Tab, scheme chromium.Scheme, script string, lesser *remarks) {
	findings, err := axe.Judge(tab, script)
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range findings {
		if finding.Bad() {
			t.Errorf("%s: %s", scheme, finding)
		} else {
			lesser.add(t, finding)
		}
	}
}

// remarks are findings that fail no test, with the pages that they are about.
type remarks struct {
	mutex sync.Mutex
	pages map[string][]string
}

func (r *remarks) add(t *testing.T, of axe.Finding) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	name := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	if of := of.String(); !slices.Contains(r.pages[of], name) {
		r.pages[of] = append(r.pages[of], name)
	}
}

func (r *remarks) print() {
	for finding, where := range r.pages {
		fmt.Printf("%s\n\ton %s\n", finding, strings.Join(where, ", "))
	}
}
