// Package operator runs the operator's binary, for the demo and the suites.
package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/partner-operator/partner-operator/hack/cluster"
)

// Options tell how to run the operator.
type Options struct {
	// Binary is the path of the operator.
	Binary string
	// Cluster is where it runs beside; it ends with that, or with this process, at the latest.
	Cluster *cluster.Cluster
	// Kubeconfig is its access to the API server.
	Kubeconfig string
	// SMTPAddr is the mail server without TLS; empty: none.
	SMTPAddr string
	// PortalAddress is where the portal listens on loopback; empty: on a free port.
	PortalAddress string
	// Args are further flags; they go over the usual ones.
	Args []string
	// Env is the operator's whole environment, as a manifest would have it, in place of this process's and of the usual
	// flags about the portal's address and mail; nil: not so.
	Env []string
	// Log also gets what it logs; nil: nobody.
	Log io.Writer
}

// Operator is a running operator.
type Operator struct {
	// Portal is the base of its portal.
	Portal string

	probes  string
	command *exec.Cmd
	log     *logTail
	ended   chan struct{}
	err     error
}

// Start runs the operator and waits until it is ready. It runs in a process group of its own, so that a Ctrl-C in a
// terminal reaches only who started it.
func Start(ctx context.Context, options Options) (*Operator, error) {
	portal := options.PortalAddress
	if portal == "" {
		var err error
		if portal, err = FreeAddress(); err != nil {
			return nil, err
		}
	}
	probes, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	o := &Operator{Portal: "http://" + portal, probes: "http://" + probes, log: &logTail{also: options.Log}, ended: make(chan struct{})}
	args := []string{
		"--kubeconfig=" + options.Kubeconfig,
		"--portal-bind-address=" + portal,
		"--health-probe-bind-address=" + probes,
		"--metrics-bind-address=0",
	}
	if options.Env == nil {
		// Tenants have mail catchers on loopback.
		args = append(args, "--portal-url="+o.Portal, "--mail-from=Acme Partners <partners@acme.example>", "--brand-smtp-hosts=127.0.0.0/8")
	}
	if options.SMTPAddr != "" {
		args = append(args, "--smtp-url=smtp://"+options.SMTPAddr+"?tls=none")
	}
	if err := o.run(options, append(args, options.Args...)); err != nil {
		return nil, err
	}
	if err := o.ready(ctx); err != nil {
		return nil, errors.Join(err, o.Stop())
	}
	return o, nil
}

func (o *Operator) run(options Options, args []string) error {
	binary, err := filepath.Abs(options.Binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w (run make build)", err)
	}
	if o.command, err = options.Cluster.Command(binary, args...); err != nil {
		return err
	}
	if options.Env != nil {
		// What guards it looks for programs.
		o.command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, options.Env...)
	}
	o.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	o.command.Stdout, o.command.Stderr = o.log, o.log
	if err := o.command.Start(); err != nil {
		return err
	}
	go func() {
		o.err = o.command.Wait()
		close(o.ended)
	}()
	return nil
}

// ready waits until the operator says that it is.
func (o *Operator) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.probes+"/readyz", nil); err != nil {
			return err
		} else if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-o.ended:
			return fmt.Errorf("the operator did not start: %s", o.Log())
		case <-ctx.Done():
			return fmt.Errorf("the operator did not get ready: %s", o.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// PID is the number of its process.
func (o *Operator) PID() int { return o.command.Process.Pid }

// Ended is closed when the operator has ended; Err tells how.
func (o *Operator) Ended() <-chan struct{} { return o.ended }

// Err is how the operator ended.
func (o *Operator) Err() error { return o.err }

// Log is what the operator logged, the end of it if that is very long.
func (o *Operator) Log() string { return o.log.String() }

// Stop asks the operator to end, and waits until it has. It is an error if the operator, built to look for them, has
// found a data race.
func (o *Operator) Stop() error {
	_ = o.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-o.ended:
		if _, report, found := strings.Cut(o.Log(), "WARNING: DATA RACE"); found {
			report, _, _ = strings.Cut(report, "==================")
			return fmt.Errorf("the operator has a data race:%s", report)
		}
		return nil
	case <-time.After(30 * time.Second):
		o.Kill()
		return errors.New("the operator did not end by itself in 30 seconds")
	}
}

// Kill ends the operator at once, as a power cut would.
func (o *Operator) Kill() {
	_ = o.command.Process.Kill()
	<-o.ended
}

// Pause stops the operator's clock, as a machine that hangs would, until Continue.
func (o *Operator) Pause() error { return o.command.Process.Signal(syscall.SIGSTOP) }

// Continue lets a paused operator go on, which does not know how long it was away.
func (o *Operator) Continue() error { return o.command.Process.Signal(syscall.SIGCONT) }

// FreeAddress is a loopback address that nobody listens on.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// logTail keeps the end of a log.
type logTail struct {
	also   io.Writer
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (l *logTail) Write(p []byte) (int, error) {
	const most = 16 << 20
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.buffer.Len() > most {
		l.buffer.Next(l.buffer.Len() - most/2)
	}
	if l.also != nil {
		_, _ = l.also.Write(p)
	}
	return l.buffer.Write(p)
}

func (l *logTail) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.TrimSpace(l.buffer.String())
}
