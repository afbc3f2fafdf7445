package kubectl

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// bulk is a verb that does the same to each of the objects that were selected.
type bulk[T client.Object] struct {
	kind kindOf[T]
	// act does it to one object.
	act func(ctx context.Context, d Desk, object T) (Outcome, error)
	// settled tells that the operator has drawn the consequence; an error: it never will. nil: there is nothing to wait for.
	settled func(object T) (bool, error)
	// inGit is what to do instead where Git holds the object; empty: the verb changes nothing that stands in Git.
	inGit string

	selection Selection
	writing   *writing
	wait      bool
	timeout   time.Duration
}

// commitInstead is what to do where Git holds an object that a verb changes.
const commitInstead = "the same command with --dry-run=client -o yaml prints the manifest to commit instead"

// addFlags adds the flags of a bulk verb.
func (b *bulk[T]) addFlags(command *cobra.Command, c cluster) {
	flags := command.Flags()
	flags.StringVarP(&b.selection.Selector, "selector", "l", "", "label selector: all objects that match")
	flags.StringSliceVarP(&b.selection.Files, "filename", "f", nil, "files with manifests, or with names line by line; - is the standard input")
	flags.StringVar(&b.selection.Program, "program", "", "of those found by an address or -l only what is about this program")
	if b.settled != nil {
		flags.BoolVar(&b.wait, "wait", false, "wait until the operator has carried it out")
		flags.DurationVar(&b.timeout, "timeout", 30*time.Second, "how long to wait for each object")
	}
	b.writing.addFlags(command)
	command.ValidArgsFunction = completeNames(c, b.kind)
	completeWith(command, "program", completeNames(c, programs))
}

// run does it to each object, tells about each, and goes on past failures.
func (b *bulk[T]) run(ctx context.Context, c cluster, streams genericiooptions.IOStreams, args []string) error {
	b.selection.Names, b.selection.Input = args, streams.In
	if err := b.selection.validate(b.kind.plural); err != nil {
		return err
	}
	d, tell, err := b.writing.open(c, streams)
	if err != nil {
		return err
	}
	found, err := find(ctx, d, b.kind, b.selection)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err := fmt.Fprintf(streams.ErrOut, "No %s found in namespace %q.\n", b.kind.plural, d.Namespace)
		return err
	}
	failed := 0
	for _, t := range found {
		if err := b.one(ctx, d, tell, t); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("interrupted at %s %q", b.kind.name, t.name)
			}
			if len(found) == 1 && !b.selection.several() {
				return about(b.kind.name, t.name, err)
			}
			tell.fail(b.kind.name, t.name, err)
			failed++
		}
	}
	if failed > 0 {
		return &Incomplete{failed, len(found)}
	}
	return nil
}

// one does it to one object.
func (b *bulk[T]) one(ctx context.Context, d Desk, tell *teller, t target[T]) error {
	if t.err != nil {
		return t.err
	}
	tool := ""
	if b.inGit != "" {
		tool = managedBy(t.object)
	}
	outcome, err := b.act(ctx, d, t.object)
	if err != nil {
		return err
	}
	if tool != "" && outcome.Action != unchanged && d.DryRun != DryRunClient {
		tell.warn("%s %q is kept by %s, which may undo this; %s", b.kind.name, t.name, tool, b.inGit)
	}
	if b.wait && d.DryRun == DryRunNone && outcome.Action != unchanged {
		if err := until(ctx, d.Client, t.object, b.settled, b.timeout); err != nil {
			return err
		}
	}
	return tell.tell(outcome)
}

// until waits for an object.
func until[T client.Object](ctx context.Context, c client.Reader, object T, settled func(T) (bool, error), timeout time.Duration) error {
	const often = 200 * time.Millisecond
	err := wait.PollUntilContextTimeout(ctx, often, timeout, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, err
		}
		return settled(object)
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return fmt.Errorf("it is done, but the operator has not carried it out within %s; is it running? kubectl partner check tells", timeout)
	}
	return err
}

// open gives what a verb that writes works with.
func (w *writing) open(c cluster, streams genericiooptions.IOStreams) (Desk, *teller, error) {
	mode, err := w.mode()
	if err != nil {
		return Desk{}, nil, err
	}
	tell, err := w.teller(streams, mode)
	if err != nil {
		return Desk{}, nil, err
	}
	d, err := c.desk()
	d.DryRun = mode
	return d, tell, err
}

// offline gives what a verb that makes something new works with: with --dry-run=client it needs no cluster.
func (w *writing) offline(c cluster, streams genericiooptions.IOStreams) (Desk, *teller, error) {
	if mode, err := w.mode(); err != nil || mode != DryRunClient {
		if err != nil {
			return Desk{}, nil, err
		}
		return w.open(c, streams)
	}
	tell, err := w.teller(streams, DryRunClient)
	if err != nil {
		return Desk{}, nil, err
	}
	namespace, _, err := c.ToRawKubeConfigLoader().Namespace()
	return Desk{Namespace: namespace, DryRun: DryRunClient, Now: time.Now}, tell, err
}
