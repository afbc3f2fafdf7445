package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/partner-operator/partner-operator/hack/stage"
)

// namespace is the tenant of the demo.
const namespace = "acme"

// settings is what the command line says.
type settings struct {
	root, binary string
	verbose      bool
}

// setting is everything that runs, and the tenant of the demo in it.
type setting struct {
	settings
	*stage.Stage
}

// setUp starts everything, and makes the tenant.
func setUp(ctx context.Context, s settings) (*setting, error) {
	options := stage.Options{Root: s.root, Binary: s.binary, Args: []string{"--leader-elect"}}
	if s.verbose {
		options.Log = os.Stderr
	}
	running, err := stage.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	st := &setting{s, running}
	if err := st.kubectl(ctx, nil, "create", "namespace", namespace); err != nil {
		return nil, errors.Join(err, st.Stop())
	}
	return st, nil
}

// applySamples applies the project's samples as a user would.
func (st *setting) applySamples(ctx context.Context) error {
	return st.kubectl(ctx, nil, "apply", "-n", namespace, "-k", filepath.Join(st.root, "config/samples"))
}

// kubectl runs one command. What it prints goes to output, or, if that is nil, nowhere unless it fails.
func (st *setting) kubectl(ctx context.Context, output *strings.Builder, args ...string) error {
	printed, err := st.Kubectl(ctx, args...)
	if output != nil {
		output.WriteString(printed)
	}
	return err
}

// explain prints what to open and what to type.
func (st *setting) explain() {
	fmt.Printf(`
Everything runs. Two invites are on their way: to ada@example.com, and to iris@workshop.example for a team.

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

  ada=$(kubectl get pship -l partner-operator.io/invite=ada -o name)
  kubectl patch $ada --type=merge -p '{"spec":{"revocation":{"reason":"The contract has ended."}}}'
  kubectl patch $ada --type=merge -p '{"spec":{"revocation":null}}'

Ctrl-C stops everything and leaves nothing behind.
`, st.Inbox.URL(), st.Portal(), namespace, st.Cluster.Kubeconfig, st.Cluster.Assets, namespace)
}
