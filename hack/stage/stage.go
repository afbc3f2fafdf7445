// Package stage runs the whole system on loopback, for the demo and the browser tests: a control plane, a mail catcher
// that stands in for the mail server, and the operator with no more rights than in production.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// Options tell what to run.
type Options struct {
	// Root is the folder of the project.
	Root string
	// Binary is the path of the operator, below Root unless it is absolute; empty: bin/partner-operator.
	Binary string
	// Args are further flags of the operator.
	Args []string
	// Controllers are further ones of kube-controller-manager to run, by their names.
	Controllers []string
	// Log also gets what the operator logs; nil: nobody.
	Log io.Writer
	// Proxy puts a proxy between the operator and the API server, which can break what the operator asks for.
	Proxy bool
}

// Stage is everything that runs.
type Stage struct {
	Cluster  *cluster.Cluster
	Inbox    *mailcatcher.Catcher
	Operator *operator.Operator
	// Proxy stands before the API server; nil: none was asked for.
	Proxy *apiproxy.Proxy

	options Options
	folder  string
	portal  string // where the portal listens; empty: anywhere
}

// Start starts the parts one after the other. If one fails, those before it are stopped.
func Start(ctx context.Context, o Options) (*Stage, error) {
	s := &Stage{options: o}
	for _, step := range []func(context.Context) error{s.startCluster, s.startInbox, s.allow, s.startOperator} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

func (s *Stage) startCluster(ctx context.Context) (err error) {
	if s.folder, err = os.MkdirTemp("", "partner-operator-stage-"); err != nil {
		return err
	}
	s.Cluster, err = cluster.Start(ctx, cluster.Options{
		CRDs:              []string{s.path("config/crd/bases")},
		ControllerManager: true,
		Controllers:       s.options.Controllers,
		Dir:               s.folder,
	})
	return err
}

func (s *Stage) startInbox(context.Context) (err error) {
	s.Inbox, err = mailcatcher.Start(mailcatcher.Options{})
	return err
}

// allow makes the operator's ServiceAccount and its rights.
func (s *Stage) allow(ctx context.Context) error {
	for _, folder := range []string{"config/namespace", "config/rbac"} {
		if _, err := s.Kubectl(ctx, "apply", "-k", s.path(folder)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) startOperator(ctx context.Context) error {
	account, kubeconfig, err := s.Cluster.ServiceAccountConfig(ctx, "partner-operator-system", "partner-operator")
	if err != nil {
		return err
	}
	if s.options.Proxy {
		if s.Proxy, err = apiproxy.Start(account); err != nil {
			return err
		}
		kubeconfig = s.Proxy.Kubeconfig
	}
	binary := s.options.Binary
	if binary == "" {
		binary = "bin/partner-operator"
	}
	s.Operator, err = operator.Start(ctx, operator.Options{
		Binary: s.path(binary), Cluster: s.Cluster, Kubeconfig: kubeconfig, SMTPAddr: s.Inbox.SMTPAddr(), PortalAddress: s.portal,
		Args: s.options.Args, Log: s.options.Log,
	})
	return err
}

// Restart stops the operator and starts it again with these flags instead of those before. Its rights are made anew, in
// case somebody took them away, and its portal answers where it did.
func (s *Stage) Restart(ctx context.Context, args ...string) error {
	s.options.Args, s.portal = args, strings.TrimPrefix(s.Portal(), "http://")
	if err := s.Operator.Stop(); err != nil {
		return err
	}
	if s.Proxy != nil {
		if err := s.Proxy.Close(); err != nil {
			return err
		}
	}
	if err := s.allow(ctx); err != nil {
		return err
	}
	return s.startOperator(ctx)
}

// path is where a file of the project is.
func (s *Stage) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(s.options.Root, file)
}

// Portal is the base of the portal.
func (s *Stage) Portal() string { return s.Operator.Portal }

// Kubectl runs one command, and gives what it printed.
func (s *Stage) Kubectl(ctx context.Context, args ...string) (string, error) {
	printed, err := s.Cluster.Kubectl(ctx, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(printed)))
	}
	return string(printed), err
}

// Stop stops what runs, the last first.
func (s *Stage) Stop() error {
	var errs []error
	if s.Operator != nil {
		errs = append(errs, s.Operator.Stop())
	}
	if s.Proxy != nil {
		errs = append(errs, s.Proxy.Close())
	}
	if s.Inbox != nil {
		errs = append(errs, s.Inbox.Close())
	}
	if s.Cluster != nil {
		errs = append(errs, s.Cluster.Stop())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}
