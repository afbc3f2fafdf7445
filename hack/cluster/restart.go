package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
)

// Program is a program of the control plane that can be restarted.
type Program string

// The programs.
const (
	APIServer Program = "kube-apiserver"
	Etcd      Program = "etcd"
)

// Restart kills a program, as a crash would, and starts it again on the same ports and data: every access and token
// stays good. Between the two it calls meanwhile, unless that is nil. It returns when the API server is ready. Do not
// call it at the same time as Stop.
func (c *Cluster) Restart(ctx context.Context, program Program, meanwhile func()) error {
	err := c.crash(program)
	if err == nil {
		if meanwhile != nil {
			meanwhile()
		}
		err = errors.Join(c.startAgain(program), c.waitUntilReady(ctx))
	}
	if err != nil {
		return fmt.Errorf("restart %s: %w", program, err)
	}
	return nil
}

// crash kills a program and waits until it has ended. A program that ended by itself is no crash.
func (c *Cluster) crash(program Program) error {
	id, err := c.guard.processOf(string(program))
	if err != nil {
		return err
	}
	if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
		return err
	}
	if program == Etcd {
		return c.env.ControlPlane.Etcd.Stop()
	}
	return c.env.ControlPlane.APIServer.Stop()
}

// startAgain tries more than once: its port is free for everybody in the meantime, and somebody may hold it for a moment.
func (c *Cluster) startAgain(program Program) (err error) {
	for range 3 {
		if program == Etcd {
			err = c.env.ControlPlane.Etcd.Start()
		} else {
			err = c.env.ControlPlane.APIServer.Start()
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// waitUntilReady waits until the API server says that it and its etcd are.
func (c *Cluster) waitUntilReady(ctx context.Context) error {
	client, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Config.Host+"/readyz", nil)
		if err != nil {
			return false, err
		}
		response, err := client.Do(request)
		if err != nil {
			return false, nil // it is not there yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("wait for the API server: %w", err)
	}
	return nil
}

// processOf is the process id of a program that the guard started. It is no other program's, even if that one has ended,
// as long as the guard is there.
func (g *guard) processOf(name string) (int, error) {
	text, err := os.ReadFile(g.idFile(name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}
