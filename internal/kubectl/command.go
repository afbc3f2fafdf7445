// Package kubectl holds the verbs of kubectl partner. Each verb is a function of a client, and cobra is wiring around it.
package kubectl

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// FieldManager is the name under which the plugin writes. Flux undoes what managers have written whose names begin with
// kubectl.
const FieldManager = "partner-cli"

// Scheme knows the kinds that the plugin works with.
var Scheme = newScheme()

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	return scheme
}

// cluster is how a verb reaches the cluster: with the flags that kubectl has.
type cluster struct{ *genericclioptions.ConfigFlags }

// The groups of verbs in the help.
const (
	groupInviting = "inviting"
	groupPartners = "partners"
	groupLooking  = "looking"
	groupMany     = "many"
	groupRunning  = "running"
)

// NewCommand is kubectl partner.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	c := cluster{genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:   "kubectl-partner",
		Short: "Run partner programs",
		Long: `kubectl partner helps the people who run partner programs. Whatever it does can be done with plain kubectl, too.

It never asks anything. It ends with 0, with 1 if it failed, and with 2 if some of several objects or rows failed.`,
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
	completeWith(root, "namespace", completeNamespaces(c))
	for _, g := range []struct {
		id, title string
		verbs     []*cobra.Command
	}{
		{groupInviting, "Inviting:", []*cobra.Command{
			newInvite(c, streams), newPreview(c, streams), newResend(c, streams), newCancel(c, streams), newLink(c, streams),
		}},
		{groupPartners, "Partners and teams:", []*cobra.Command{
			newApprove(c, streams), newReject(c, streams), newRevoke(c, streams), newReinstate(c, streams), newMove(c, streams), newRemove(c, streams),
			newSignOut(c, streams), newTeam(c, streams),
			newForget(c, streams),
			newTeam(c, streams),
		}},
		{groupLooking, "Looking:", []*cobra.Command{newList(c, streams), newDescribe(c, streams)}},
		{groupMany, "Many at once:", []*cobra.Command{newImport(c, streams), newExport(c, streams)}},
		{groupRunning, "Running it:", []*cobra.Command{
			newCheck(c, streams), newKeys(c, streams), newWhoami(c, streams), newCompletion(streams),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, verb := range g.verbs {
			verb.GroupID = g.id
			root.AddCommand(verb)
		}
	}
	return root
}

// config is how the API server is reached.
func (c cluster) config() (*rest.Config, error) {
	config, err := c.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = FieldManager
	config.QPS = -1 // the API server says itself when it is enough
	return config, nil
}

// connect gives a client and the namespace that is asked for.
func (c cluster) connect() (client.Client, string, error) {
	namespace, _, err := c.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, "", err
	}
	config, err := c.config()
	if err != nil {
		return nil, "", err
	}
	made, err := client.New(config, client.Options{Scheme: Scheme})
	if err != nil {
		return nil, "", fmt.Errorf("the cluster cannot be reached: %w", err)
	}
	return made, namespace, nil
}

// desk is where a verb works.
func (c cluster) desk() (Desk, error) {
	made, namespace, err := c.connect()
	return Desk{Client: made, Namespace: namespace, DryRun: DryRunNone, Now: time.Now}, err
}
