package kubectl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var programs = kindOf[*v1alpha1.Program]{
	name: "Program", plural: "programs", short: "prog", fresh: func() *v1alpha1.Program { return &v1alpha1.Program{} },
	each: func(ctx context.Context, c client.Reader, visit func(*v1alpha1.Program) error, options ...client.ListOption) error {
		var page v1alpha1.ProgramList
		return eachPage(ctx, c, &page, func() error { return visitAll(page.Items, visit) }, options...)
	},
}

var groups = kindOf[*v1alpha1.PartnerGroup]{
	name: "PartnerGroup", plural: "partnergroups", short: "pgroup", fresh: func() *v1alpha1.PartnerGroup { return &v1alpha1.PartnerGroup{} },
	each: func(ctx context.Context, c client.Reader, visit func(*v1alpha1.PartnerGroup) error, options ...client.ListOption) error {
		var page v1alpha1.PartnerGroupList
		return eachPage(ctx, c, &page, func() error { return visitAll(page.Items, visit) }, options...)
	},
}

// completing bounds what a Tab may take.
const completing = 3 * time.Second

// completeNames completes the names of objects. What cannot be had is not completed, and nothing is said about it.
func completeNames[T client.Object](c cluster, kind kindOf[T]) cobra.CompletionFunc {
	return func(command *cobra.Command, _ []string, begun string) (names []string, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(contextOf(command), completing)
		defer cancel()
		d, err := c.desk()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		_ = kind.each(ctx, d.Client, func(object T) error {
			if strings.HasPrefix(object.GetName(), begun) {
				names = append(names, object.GetName())
			}
			return nil
		}, client.InNamespace(d.Namespace))
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func completeNamespaces(c cluster) cobra.CompletionFunc {
	return func(command *cobra.Command, _ []string, begun string) (names []string, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(contextOf(command), completing)
		defer cancel()
		d, err := c.desk()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var all corev1.NamespaceList
		if err := d.Client.List(ctx, &all); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, namespace := range all.Items {
			if strings.HasPrefix(namespace.Name, begun) {
				names = append(names, namespace.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func contextOf(command *cobra.Command) context.Context {
	if ctx := command.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// complete completes a flag with fixed words.
func complete(command *cobra.Command, flag string, words ...string) {
	completeWith(command, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func completeWith(command *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := command.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // only for a flag that there is not
	}
}

// kubectlCompletion is what kubectl runs to complete the words of a plugin.
const kubectlCompletion = `#!/bin/sh
# kubectl runs this to complete kubectl partner; put it on the PATH as kubectl_complete-partner.
exec kubectl-partner __complete "$@"
`

func newCompletion(streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:   "completion (kubectl | bash | zsh | fish | powershell)",
		Short: "Print what completes the words of kubectl partner",
		Long: `Print a script that completes names, programs and flags with the Tab key. For kubectl partner it is the one for kubectl,
which goes on the PATH beside the plugin; kubectl's own completion must be set up. The others complete kubectl-partner.`,
		Example: `  kubectl partner completion kubectl > ~/.local/bin/kubectl_complete-partner
  chmod +x ~/.local/bin/kubectl_complete-partner`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"kubectl", "bash", "zsh", "fish", "powershell"},
		RunE: func(command *cobra.Command, args []string) error {
			switch root := command.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(streams.Out, true)
			case "zsh":
				return root.GenZshCompletion(streams.Out)
			case "fish":
				return root.GenFishCompletion(streams.Out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(streams.Out)
			default:
				_, err := fmt.Fprint(streams.Out, kubectlCompletion)
				return err
			}
		},
	}
}
