package docs

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write into the pages what their commands print, where a page shows something else")

// patience is how long a command may take, or something that is given.
const patience = 30 * time.Second

// session is a shell in a folder of its own with a copy of what a clone of the project has for clusters, at the namespace
// of the pages.
type session struct {
	*world
	t   *testing.T
	dir string
	env []string
	// ran counts the commands.
	ran int
	// patience is how long what a command prints may take to come.
	patience time.Duration
}

// inCluster are the targets that need no more than kubectl.
var inCluster = regexp.MustCompile(`^make (?:install|uninstall|deploy|undeploy)\b`)

func newSession(t *testing.T, w *world) *session {
	t.Helper()
	s := &session{world: w, t: t, dir: t.TempDir(), patience: patience / 3}
	for _, each := range []string{"config", "charts", "Makefile"} {
		from := filepath.Join(root, each)
		info, err := os.Stat(from)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err == nil && info.IsDir():
			err = os.CopyFS(filepath.Join(s.dir, each), os.DirFS(from))
		case err == nil:
			err = copyFile(filepath.Join(s.dir, each), from)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	kubeconfig := filepath.Join(s.dir, ".kube", "config")
	if err := os.Mkdir(filepath.Dir(kubeconfig), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(kubeconfig, w.Cluster.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	bin, err := filepath.Abs(filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	path := strings.Join([]string{bin, w.Cluster.Assets, os.Getenv("PATH")}, string(os.PathListSeparator))
	// A make that runs the tests tells a make in a page that it is below it, which prints more then.
	s.env = append(w.Cluster.Kubectl(t.Context()).Environ(), "MAKEFLAGS=", "MAKELEVEL=", "MFLAGS=", "KUBECONFIG="+kubeconfig, "HOME="+s.dir, "PATH="+path)
	if printed, err := s.shell("kubectl config set-context --current --namespace=" + namespace); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	return s
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// shell runs a command, and gives what it prints.
func (s *session) shell(text string) (string, error) { return s.shellWith("-e", text) }

func (s *session) shellWith(option, text string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", option, "-c", text)
	shell.Dir, shell.Env = s.dir, s.env
	shell.WaitDelay = time.Second // for what a killed shell leaves behind
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	err := shell.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("it did not end within %s", patience)
	}
	return out.String(), err
}

// walk does what a page says, in order, and tells what is wrong. After a command that fails it does not go on.
func (s *session) walk(p *page) (found []string) {
	for _, each := range p.steps {
		var err error
		switch {
		case each.given != "":
			if err = s.give(s.t.Context(), each.given); err != nil {
				err = fmt.Errorf("given: %s: %w", each.given, err)
			}
		case each.file != "":
			err = os.WriteFile(filepath.Join(s.dir, each.file), []byte(each.text), 0o600)
		case each.isShell() && each.notRun == "":
			err = s.walkBlock(p, each)
		}
		if err != nil {
			return []string{problem(p, each.line, "%v", err)}
		}
	}
	for _, each := range p.spans {
		if looked.MatchString(each.text) {
			if _, err := s.do(command{text: each.text}); err != nil {
				found = append(found, problem(p, each.line, "%v", err))
			}
		}
	}
	return found
}

// walkBlock runs the commands of a block. With -update it writes what they print into the page where that differs.
func (s *session) walkBlock(p *page, block step) error {
	for _, c := range commands(block.text, inCluster.MatchString) {
		if strings.Contains(c.text, "make un") {
			s.changed, s.removed = true, true
		}
		printed, err := s.do(c)
		if err != nil && *update && printed != "" {
			err = show(p, c, printed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// show writes what a command prints into the page, in place of what stands there.
func show(p *page, c command, printed string) error {
	file := filepath.Join(root, p.file)
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	typed := "$ " + c.text + "\n"
	before := typed + strings.Join(append(slices.Clone(c.shown), ""), "\n")
	after := typed + strings.TrimRight(printed, "\n") + "\n"
	for _, next := range []string{"$ ", "```"} { // the same command may stand there twice
		if strings.Contains(string(content), before+next) {
			return os.WriteFile(file, []byte(strings.Replace(string(content), before+next, after+next, 1)), 0o600)
		}
	}
	return fmt.Errorf("%s: %q is not there any more", p.file, before)
}

// looked are commands in the text of a page that have to work at its end. Words in capitals are placeholders.
var looked = regexp.MustCompile(`^kubectl (?:get|explain) [^A-Z]*$`)

// do runs a command. The error tells what is wrong with how it ends, or with what it prints, which is given then.
func (s *session) do(c command) (printed string, wrong error) {
	s.settle(s.t.Context())
	s.ran++
	for deadline := time.Now().Add(s.patience); ; time.Sleep(100 * time.Millisecond) {
		option := "-e"
		if c.shown == nil {
			option = "-ex" // tells where a script stopped
		}
		text, err := s.shellWith(option, c.text)
		printed, wrong = "", nil
		switch {
		case err != nil && !c.fails():
			wrong = fmt.Errorf("%s\n%w\n%s", c.text, err, text)
		case err == nil && c.fails():
			wrong = fmt.Errorf("%s\nshould have failed, and printed\n%s", c.text, text)
		case c.shown != nil && !matches(c.shown, text):
			printed, wrong = text, fmt.Errorf("%s\nprints\n%s\nand the page shows\n%s", c.text, text, strings.Join(c.shown, "\n"))
		}
		if wrong == nil || !c.reads() || time.Now().After(deadline) {
			return printed, wrong
		}
	}
}

// elsewhere are the pages whose commands another test runs.
var elsewhere = map[string]string{"docs/kubectl.md": "../kubectl/sessions_test.go"}

// Every command of every page is run, as written and in order, or the page says why not.
func TestCommands(t *testing.T) {
	w := theWorld(t)
	ran, left := 0, 0
	for _, p := range projectPages(t) {
		if test := elsewhere[p.file]; test != "" {
			if _, err := os.Stat(test); err != nil {
				t.Errorf("%s: %v", p.file, err)
			}
			continue
		}
		for _, s := range p.steps {
			if s.notRun != "" {
				left++
			}
		}
		if !slices.ContainsFunc(p.steps, func(s step) bool { return s.isShell() || s.given != "" }) && !slices.ContainsFunc(p.spans, func(s span) bool { return looked.MatchString(s.text) }) {
			continue
		}
		t.Run(p.file, func(t *testing.T) {
			if err := w.sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := newSession(t, w)
			for _, wrong := range s.walk(p) {
				t.Error(wrong)
			}
			ran += s.ran
		})
	}
	t.Logf("%d commands and scripts ran; %d blocks say why they are not run", ran, left)
}
