// Package kubectl holds the verbs of kubectl partner. Each verb is a function of a client, and cobra is wiring around it.
package kubectl

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// FieldManager is the name under which the plugin writes.
const FieldManager = "partner-cli"

// cluster is how a verb reaches the cluster: with the flags that kubectl has.
type cluster struct{ *genericclioptions.ConfigFlags }

// NewCommand is kubectl partner.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	c := cluster{genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:           "kubectl-partner",
		Short:         "Run partner programs",
		Long:          "kubectl partner helps the people who run partner programs. Whatever it does can be done with plain kubectl, too.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl partner"},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	c.AddFlags(root.PersistentFlags())
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = f.Name != "namespace" && f.Name != "context" && f.Name != "kubeconfig" // as kubectl does; they all work
	})
	root.AddCommand(newPreview(c, streams))
	return root
}

// connect gives a client and the namespace that is asked for.
func (c cluster) connect() (client.Client, string, error) {
	namespace, _, err := c.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, "", err
	}
	config, err := c.ToRESTConfig()
	if err != nil {
		return nil, "", err
	}
	config.UserAgent = FieldManager
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, "", err
		}
	}
	made, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, "", fmt.Errorf("the cluster cannot be reached: %w", err)
	}
	return made, namespace, nil
}
