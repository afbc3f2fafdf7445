package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const managerName = "kube-controller-manager"

// managerControllers are what a namespace with partners needs.
var managerControllers = []string{
	"garbage-collector-controller",
	"namespace-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
}

// workloadControllers are what an operator needs that runs in pods.
var workloadControllers = []string{
	"deployment-controller",
	"disruption-controller",
	"endpointslice-controller",
	"replicaset-controller",
}

// controllerManager is a running kube-controller-manager.
type controllerManager struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once it ended
}

// startControllerManager starts kube-controller-manager, if asked for, and waits until it has made the default
// ServiceAccount.
func (c *Cluster) startControllerManager(ctx context.Context, o Options) error {
	if !o.ControllerManager {
		return nil
	}
	program, err := c.guard.program(managerName)
	if err != nil {
		return err
	}
	rootCA := filepath.Join(c.state, "ca.crt")
	if err := os.WriteFile(rootCA, c.Config.CAData, 0o600); err != nil {
		return err
	}
	controllers := managerControllers
	if o.Workloads {
		controllers = slices.Concat(controllers, workloadControllers)
	}
	cmd := exec.Command(program,
		"--kubeconfig="+c.Kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--controllers="+strings.Join(slices.Concat(controllers, o.Controllers), ","),
		"--use-service-account-credentials", // each controller is a user of its own, as in most clusters
		"--service-account-private-key-file="+filepath.Join(c.state, "certs", "sa-signer.key"),
		"--root-ca-file="+rootCA,
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
	cmd.Stdout, cmd.Stderr = o.Output, o.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C in a terminal is for the owner alone
	if err := cmd.Start(); err != nil {
		return err
	}
	manager := &controllerManager{cmd: cmd, exited: make(chan struct{})}
	c.later(manager.stop)
	go func() {
		defer close(manager.exited)
		_ = cmd.Wait()
	}()
	return manager.waitUntilReady(ctx, c)
}

func (m *controllerManager) waitUntilReady(ctx context.Context, c *Cluster) error {
	reader, err := client.New(c.Config, client.Options{})
	if err != nil {
		return err
	}
	key := client.ObjectKey{Namespace: "default", Name: "default"}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		select {
		case <-m.exited:
			return false, fmt.Errorf("it ended (%v); Options.Output shows why", m.cmd.ProcessState)
		default:
			return reader.Get(ctx, key, &corev1.ServiceAccount{}) == nil, nil
		}
	})
	if err != nil {
		return fmt.Errorf("wait for %s to make the default ServiceAccount: %w", managerName, err)
	}
	return nil
}

// stop asks it to end, and after 10 seconds no longer asks.
func (m *controllerManager) stop() error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-m.exited:
	case <-time.After(10 * time.Second):
		_ = m.cmd.Process.Kill()
		<-m.exited
	}
	return nil
}
