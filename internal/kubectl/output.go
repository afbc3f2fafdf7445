package kubectl

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Incomplete tells that some of several objects or rows failed. Each was told about.
type Incomplete struct {
	// Failed and All count them.
	Failed, All int
}

func (i *Incomplete) Error() string { return fmt.Sprintf("%d of %d failed", i.Failed, i.All) }

// ExitCode is what the process ends with: 0, 1 for a failure, 2 if some of several failed.
func ExitCode(err error) int {
	var incomplete *Incomplete
	switch {
	case err == nil:
		return 0
	case errors.As(err, &incomplete):
		return 2
	default:
		return 1
	}
}

// writing are the flags of every verb that writes.
type writing struct {
	dryRun string
	print  *genericclioptions.PrintFlags
}

func newWriting() *writing {
	return &writing{print: genericclioptions.NewPrintFlags("").WithTypeSetter(Scheme)}
}

func (w *writing) addFlags(command *cobra.Command) {
	w.print.AddFlags(command)
	command.Flags().StringVar(&w.dryRun, "dry-run", "none", "none; client: only show what would be sent; server: let the API server judge it and keep nothing")
	command.Flags().Lookup("dry-run").NoOptDefVal = "client"
	complete(command, "dry-run", "none", "client", "server")
	for _, name := range []string{"allow-missing-template-keys", "show-managed-fields", "template"} {
		command.Flags().Lookup(name).Hidden = true // as rarely needed as with kubectl, and they work
	}
}

func (w *writing) mode() (DryRun, error) {
	switch mode := DryRun(w.dryRun); mode {
	case DryRunNone, DryRunClient, DryRunServer:
		return mode, nil
	default:
		return "", fmt.Errorf("--dry-run can be none, client or server, not %q", w.dryRun)
	}
}

// teller tells what became of each object: a line, or the object as -o says. Data goes to the output; what is only for
// people goes beside it.
type teller struct {
	genericiooptions.IOStreams
	printer printers.ResourcePrinter // nil: lines
	plain   bool                     // what is printed is for Git
	dryRun  DryRun
}

func (w *writing) teller(streams genericiooptions.IOStreams, mode DryRun) (*teller, error) {
	t := &teller{IOStreams: streams, dryRun: mode, plain: mode == DryRunClient && *w.print.OutputFormat != "name"}
	if *w.print.OutputFormat == "" {
		return t, nil
	}
	var err error
	t.printer, err = w.print.ToPrinter()
	return t, err
}

// tell tells about one object.
func (t *teller) tell(o Outcome) error {
	if t.printer == nil {
		note := ""
		if o.Note != "" {
			note = ": " + o.Note
		}
		_, err := fmt.Fprintf(t.Out, "%s %s%s%s\n", nameOf(o.Object), o.Action, note, dryRunSuffix(t.dryRun))
		return err
	}
	return t.printer.PrintObj(t.printable(o.Object), t.Out)
}

// printable is the object, or its manifest where it is meant for Git.
func (t *teller) printable(object client.Object) runtime.Object {
	if t.plain {
		if clean, err := manifest(object, Scheme); err == nil {
			return clean
		}
	}
	return object
}

// fail tells that one object failed, and goes on.
func (t *teller) fail(kind, name string, err error) {
	_, _ = fmt.Fprintf(t.ErrOut, "error: %s\n", about(kind, name, err))
}

// about says which object an error is about. What the API server says against its fields, or one of our policies against
// the request, is said without more words.
func about(kind, name string, err error) error {
	if reason := policyRefusal(err); reason != "" {
		return fmt.Errorf("%s %q: %s", kind, name, reason)
	}
	var refused apierrors.APIStatus
	if apierrors.IsInvalid(err) && errors.As(err, &refused) && refused.Status().Details != nil {
		var causes []string
		for _, cause := range refused.Status().Details.Causes {
			causes = append(causes, cause.Field+": "+cause.Message)
		}
		if len(causes) > 0 {
			return fmt.Errorf("%s %q: %s", kind, name, strings.Join(causes, "; "))
		}
	}
	return fmt.Errorf("%s %q: %w", kind, name, err)
}

// warn tells people what they should know.
func (t *teller) warn(format string, args ...any) { warn(t.ErrOut, format, args...) }

func warn(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, "warning: "+format+"\n", args...)
}

// nameOf is an object as kubectl names it: partnership.partner-operator.io/ada.
func nameOf(object client.Object) string {
	gvk, err := apiutil.GVKForObject(object, Scheme)
	if err != nil {
		return object.GetName()
	}
	return strings.ToLower(gvk.Kind) + "." + gvk.Group + "/" + object.GetName()
}
