package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// ownerVariable turns this test binary into a process that starts a cluster and waits to be killed.
const ownerVariable = "CLUSTER_TEST_OWNER"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	if os.Getenv(ownerVariable) != "" {
		own()
	}
	os.Exit(m.Run())
}

// own starts a cluster, prints its folder and never stops it. It ends at the end of its input, in a panic.
func own() {
	c, err := Start(context.Background(), Options{ControllerManager: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(filepath.Dir(c.Kubeconfig))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	panic("the owner ends without Stop")
}

func TestNothingOutlivesItsOwner(t *testing.T) {
	endings := map[string]func(t *testing.T, o *owner){
		"killed":   func(t *testing.T, o *owner) { o.kill(t) },
		"panicked": func(t *testing.T, o *owner) { o.panic(t) },
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := startOwner(t)
			if running := processes(t, o.dir); len(running) < 3 {
				t.Fatalf("this test cannot see the control plane's processes, only %q", running)
			}
			end(t, o)
			eventually(t, "end every process", func() bool { return len(processes(t, o.dir)) == 0 })
			eventually(t, "remove the folder", func() bool {
				_, err := os.Stat(o.dir)
				return errors.Is(err, os.ErrNotExist)
			})
		})
	}
}

// owner is another process that owns a cluster.
type owner struct {
	cmd   *exec.Cmd
	input interface{ Close() error }
	dir   string
}

func startOwner(t *testing.T) *owner {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), ownerVariable+"=1")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the owner started no cluster: %v", err)
	}
	return &owner{cmd: cmd, input: input, dir: strings.TrimSpace(dir)}
}

func (o *owner) kill(t *testing.T) {
	t.Helper()
	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = o.cmd.Wait()
}

func (o *owner) panic(t *testing.T) {
	t.Helper()
	if err := o.input.Close(); err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Wait(); err == nil {
		t.Fatal("the owner did not panic")
	}
}

// processes are the command lines that mention folder, as those of a control plane do, and of its guards.
func processes(t *testing.T, folder string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-Aww", "-o", "args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, folder+"/") {
			found = append(found, line)
		}
	}
	return found
}
