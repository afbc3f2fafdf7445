package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// namespace is the tenant of the demo.
const namespace = "acme"

// settings is what the command line says.
type settings struct {
	root, binary string
	verbose      bool
}

// stage is everything that runs.
type stage struct {
	settings
	cluster  *cluster.Cluster
	inbox    *mailcatcher.Catcher
	operator *operator.Operator
	folder   string
}

// setUp starts the parts one after the other. If one fails, those before it are stopped.
func setUp(ctx context.Context, s settings) (*stage, error) {
	st := &stage{settings: s}
	for _, step := range []func(context.Context) error{st.startCluster, st.startInbox, st.makeNamespaces, st.startOperator} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, st.tearDown())
		}
	}
	return st, nil
}

func (st *stage) startCluster(ctx context.Context) (err error) {
	if st.folder, err = os.MkdirTemp("", "partner-operator-demo-"); err != nil {
		return err
	}
	st.cluster, err = cluster.Start(ctx, cluster.Options{
		CRDs:              []string{filepath.Join(st.root, "config/crd/bases")},
		ControllerManager: true,
		Dir:               st.folder,
	})
	return err
}

func (st *stage) startInbox(context.Context) (err error) {
	st.inbox, err = mailcatcher.Start(mailcatcher.Options{})
	return err
}

// makeNamespaces makes the tenant, and what the operator needs to run with no more rights than in production.
func (st *stage) makeNamespaces(ctx context.Context) error {
	return errors.Join(
		st.kubectl(ctx, nil, "create", "namespace", namespace),
		st.kubectl(ctx, nil, "apply", "-k", filepath.Join(st.root, "config/namespace")),
		st.kubectl(ctx, nil, "apply", "-k", filepath.Join(st.root, "config/rbac")),
	)
}

func (st *stage) startOperator(ctx context.Context) error {
	_, kubeconfig, err := st.cluster.ServiceAccountConfig(ctx, "partner-operator-system", "partner-operator")
	if err != nil {
		return err
	}
	options := operator.Options{
		Binary: filepath.Join(st.root, st.binary), Cluster: st.cluster, Kubeconfig: kubeconfig, SMTPAddr: st.inbox.SMTPAddr(),
		Args: []string{"--leader-elect"},
	}
	if st.verbose {
		options.Log = os.Stderr
	}
	st.operator, err = operator.Start(ctx, options)
	return err
}

func (st *stage) portal() string { return st.operator.Portal }

// applySamples applies the project's samples as a user would.
func (st *stage) applySamples(ctx context.Context) error {
	return st.kubectl(ctx, nil, "apply", "-n", namespace, "-k", filepath.Join(st.root, "config/samples"))
}

// kubectl runs one command. What it prints goes to output, or, if that is nil, nowhere unless it fails.
func (st *stage) kubectl(ctx context.Context, output *strings.Builder, args ...string) error {
	command := st.cluster.Kubectl(ctx, args...)
	printed, err := command.CombinedOutput()
	if output != nil {
		output.Write(printed)
	}
	if err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(printed)))
	}
	return nil
}

// explain prints what to open and what to type.
func (st *stage) explain() {
	ada := partnership.Name("ada@example.com", "referral")
	fmt.Printf(`
Everything runs. One invite is on its way to ada@example.com.

  Inbox   %s      open it, open the mail, follow the link, accept as ada@example.com
  Portal  %s/t/%s/      sign in as grace@example.com: the link is in the inbox

In another terminal:

  export KUBECONFIG=%s
  export PATH=%s:$PATH      (if you have no kubectl)
  kubectl config set-context --current --namespace %s

  kubectl get partners
  kubectl get pinvite -w
  kubectl describe pinvite ada

When Ada has accepted, end her access, see the page and the mail, and restore it:

  kubectl patch pship %s --type=merge -p '{"spec":{"revocation":{"reason":"The contract has ended."}}}'
  kubectl patch pship %s --type=merge -p '{"spec":{"revocation":null}}'

Ctrl-C stops everything and leaves nothing behind.
`, st.inbox.URL(), st.portal(), namespace, st.cluster.Kubeconfig, st.cluster.Assets, namespace, ada, ada)
}

// tearDown stops what runs, the last first.
func (st *stage) tearDown() error {
	var errs []error
	if st.operator != nil {
		errs = append(errs, st.operator.Stop())
	}
	if st.inbox != nil {
		errs = append(errs, st.inbox.Close())
	}
	if st.cluster != nil {
		errs = append(errs, st.cluster.Stop())
	}
	if st.folder != "" {
		errs = append(errs, os.RemoveAll(st.folder))
	}
	return errors.Join(errs...)
}
