package kubectl

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress is a bar on a terminal. Anywhere else it is silent.
type progress struct {
	out               io.Writer // nil: no terminal
	all, done, failed int
	drawn             bool
	next              time.Time
}

func newProgress(out io.Writer) *progress {
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return &progress{out: out}
	}
	return &progress{}
}

func (p *progress) begin(all int) { p.all = all }

// step counts one on, and draws now and then.
func (p *progress) step(failed bool) {
	if p.done++; failed {
		p.failed++
	}
	const often = 100 * time.Millisecond
	if now := time.Now(); p.out != nil && (now.After(p.next) || p.done == p.all) {
		p.next = now.Add(often)
		_, _ = io.WriteString(p.out, "\r\x1b[K"+p.bar())
		p.drawn = true
	}
}

// hide takes the bar away, so that something else can be written.
func (p *progress) hide() {
	if p.drawn {
		_, _ = io.WriteString(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

func (p *progress) bar() string {
	const width = 30
	full := width * p.done / max(p.all, 1)
	text := fmt.Sprintf("[%s%s] %d/%d", strings.Repeat("=", full), strings.Repeat(" ", width-full), p.done, p.all)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	return text
}
