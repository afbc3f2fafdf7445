package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// operator is the running operator.
type operator struct {
	command *exec.Cmd
	log     *logTail
	ended   chan struct{}
	err     error
}

// startOperator runs the operator in a process group of its own, so that a Ctrl-C reaches the demo alone, which then
// stops the operator in order.
func startOperator(st *stage, args ...string) (*operator, error) {
	binary, err := filepath.Abs(filepath.Join(st.root, st.binary))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("%w (run make build)", err)
	}
	command, err := st.cluster.Command(binary, args...)
	if err != nil {
		return nil, err
	}
	o := &operator{command: command, log: &logTail{}, ended: make(chan struct{})}
	o.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	o.command.Stdout, o.command.Stderr = o.log, o.log
	if st.verbose {
		both := io.MultiWriter(o.log, os.Stderr)
		o.command.Stdout, o.command.Stderr = both, both
	}
	if err := o.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		o.err = o.command.Wait()
		close(o.ended)
	}()
	return o, nil
}

// ready waits until the operator says that it is.
func (o *operator) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-o.ended:
			return fmt.Errorf("the operator did not start: %s", o.log)
		case <-ctx.Done():
			return fmt.Errorf("the operator did not get ready: %s", o.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop asks the operator to end and waits for it.
func (o *operator) stop() error {
	_ = o.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-o.ended:
	case <-time.After(20 * time.Second):
		_ = o.command.Process.Kill()
		<-o.ended
		return errors.New("the operator did not end by itself in 20 seconds")
	}
	return nil
}

// logTail keeps the end of a log.
type logTail struct{ buffer bytes.Buffer }

func (l *logTail) Write(p []byte) (int, error) {
	const most = 1 << 20
	if l.buffer.Len() > most {
		l.buffer.Next(l.buffer.Len() - most/2)
	}
	return l.buffer.Write(p)
}

func (l *logTail) String() string { return l.buffer.String() }
