// Package cluster starts a real Kubernetes control plane on loopback: etcd and kube-apiserver with RBAC, and
// kube-controller-manager if asked for. Suites, the demo and the benchmarks use it.
//
// Nothing of it outlives the process that started it, however that process ends. It needs a Unix system with sh.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// patience is how long one program may take to start; envtest's 20 s are too few for a busy machine.
const patience = time.Minute

// Options tell how to start a Cluster. The zero value starts etcd and kube-apiserver without any CRD.
type Options struct {
	// Assets is the folder with the programs. Unset: KUBEBUILDER_ASSETS, else what hack/controlplane/build.sh built.
	Assets string

	// CRDs are the files, and folders of files, with CustomResourceDefinitions to install. Each must exist.
	CRDs []string

	// ControllerManager also runs kube-controller-manager, for garbage collection, namespaces and service accounts.
	ControllerManager bool

	// Controllers are further controllers of it to run, by their names, such as clusterrole-aggregation-controller.
	Controllers []string

	// Workloads, with ControllerManager, also runs the controllers of Deployments and Services, and gives pods the
	// tokens of their ServiceAccounts. Running the pods is somebody else's business.
	Workloads bool

	// Address is the address of this machine that the API server listens on. Unset: a loopback address.
	Address string

	// Dir is where the kubeconfig and the data go, for one cluster at a time. Unset: a temporary folder.
	Dir string

	// Output is where the logs of the control plane go. Unset: nowhere.
	Output io.Writer
}

// Cluster is a running control plane.
type Cluster struct {
	// Config is an administrator's access, without a client-side rate limit. Copy it before a change.
	Config *rest.Config

	// Kubeconfig is the path of a file with the same access.
	Kubeconfig string

	// Assets is the folder with the programs.
	Assets string

	state string // the folder for everything but the kubeconfig
	guard *guard
	env   *envtest.Environment

	cleanup []func() error // in the order of creation
	stop    func() error
}

// Start starts a control plane and waits until it serves. The context bounds the start alone: Stop ends the cluster.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c := &Cluster{}
	c.stop = sync.OnceValue(c.stopAll)
	o.Output = sharedOutput(o.Output)
	if err := c.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start a control plane: %w", err), c.Stop())
	}
	return c, nil
}

// Stop ends all programs and removes what Start created. It may be called again, to no effect.
func (c *Cluster) Stop() error { return c.stop() }

func (c *Cluster) start(ctx context.Context, o Options) error {
	steps := []func(context.Context, Options) error{
		c.findAssets, c.makeFolders, c.startAPIServer, c.writeKubeconfig, c.startControllerManager,
	}
	for _, step := range steps {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := step(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) findAssets(_ context.Context, o Options) (err error) {
	needed := []string{"etcd", "kube-apiserver"}
	if o.ControllerManager {
		needed = append(needed, managerName)
	}
	c.Assets, err = findAssets(o.Assets, needed...)
	return err
}

// makeFolders creates the folders, and the guard that empties them should this process be killed.
func (c *Cluster) makeFolders(_ context.Context, o Options) error {
	dir, discard, err := c.makeDir(o.Dir)
	if err != nil {
		return err
	}
	c.Kubeconfig = filepath.Join(dir, "kubeconfig")
	c.state = filepath.Join(dir, "controlplane")
	if err := os.Mkdir(c.state, 0o700); err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s exists: another control plane uses the folder; if none does, remove it", c.state)
		}
		return err
	}
	c.later(func() error { return os.RemoveAll(c.state) })
	if discard == "" {
		discard = c.state
	}
	c.guard, err = newGuard(filepath.Join(c.state, "guard"), c.Assets, discard)
	return err
}

// makeDir creates the folder that was asked for, or a temporary one, which a killed process discards as a whole.
func (c *Cluster) makeDir(asked string) (dir, discard string, err error) {
	if asked == "" {
		dir, err = os.MkdirTemp("", "controlplane-")
		c.later(func() error { return os.RemoveAll(dir) })
		return dir, dir, err
	}
	dir, err = filepath.Abs(asked)
	if err != nil {
		return "", "", err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		c.later(func() error { return removeIfEmpty(dir) })
	}
	return dir, "", os.MkdirAll(dir, 0o700)
}

func (c *Cluster) startAPIServer(_ context.Context, o Options) error {
	etcd, err := c.guard.program("etcd")
	if err != nil {
		return err
	}
	apiServer, err := c.guard.program("kube-apiserver")
	if err != nil {
		return err
	}
	certs, data := filepath.Join(c.state, "certs"), filepath.Join(c.state, "etcd")
	if err := errors.Join(os.Mkdir(certs, 0o700), os.Mkdir(data, 0o700)); err != nil {
		return err
	}
	server := &envtest.APIServer{Path: apiServer, CertDir: certs, Out: o.Output, Err: o.Output}
	if err := o.configure(server); err != nil {
		return err
	}
	elsewhere := false
	c.env = &envtest.Environment{
		UseExistingCluster:       &elsewhere,
		CRDDirectoryPaths:        o.CRDs,
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: patience,
		ControlPlane: envtest.ControlPlane{
			APIServer:   server,
			Etcd:        &envtest.Etcd{Path: etcd, DataDir: data, Out: o.Output, Err: o.Output},
			KubectlPath: filepath.Join(c.Assets, "kubectl"),
		},
	}
	c.later(c.env.Stop)
	config, err := c.env.Start()
	if err != nil {
		return err
	}
	c.Config = unlimited(config)
	return nil
}

// configure says what is not as envtest has it.
func (o Options) configure(server *envtest.APIServer) error {
	if o.Workloads {
		server.Configure().Disable("disable-admission-plugins") // envtest disables ServiceAccount, for want of tokens
	}
	if o.Address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(o.Address, "0"))
	if err != nil {
		return err
	}
	server.Address = o.Address
	_, server.Port, err = net.SplitHostPort(listener.Addr().String())
	return errors.Join(err, listener.Close())
}

// unlimited is a copy of config without a client-side rate limit, and with a host that a path can be appended to.
func unlimited(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = -1, 0
	config.Host = strings.TrimSuffix(config.Host, "/")
	return config
}

func (c *Cluster) later(undo func() error) { c.cleanup = append(c.cleanup, undo) }

// stopAll undoes what start did, the latest first. The guard goes last: it kills what did not end by itself.
func (c *Cluster) stopAll() error {
	var errs []error
	for i := len(c.cleanup) - 1; i >= 0; i-- {
		errs = append(errs, c.cleanup[i]())
	}
	if c.guard != nil {
		errs = append(errs, c.guard.release())
	}
	return errors.Join(errs...)
}

// removeIfEmpty removes a folder unless somebody put something into it.
func removeIfEmpty(folder string) error {
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		return err
	}
	return os.Remove(folder)
}
