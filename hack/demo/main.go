// Command demo runs the whole system on this machine: a control plane, a mail catcher that stands in for the mail
// server, and the operator, all on loopback. With -once it walks the main job by itself and ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	once := flag.Bool("once", false, "walk the main job unattended, print each step, and end")
	verbose := flag.Bool("v", false, "show the log of the operator")
	binary := flag.String("operator", "bin/partner-operator", "the operator to run")
	root := flag.String("root", ".", "the folder of the project")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, settings{root: *root, binary: *binary, verbose: *verbose}, *once); err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
}

// run starts everything, lets a person or the walk use it, and leaves nothing behind.
func run(ctx context.Context, s settings, once bool) (err error) {
	fmt.Println("Starting a control plane, a mail catcher and the operator ...")
	st, err := setUp(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Stop()) }()
	if once {
		return walk(ctx, st)
	}
	if err := st.applySamples(ctx); err != nil {
		return err
	}
	st.explain()
	select {
	case <-ctx.Done():
		fmt.Println("\nStopping ...")
		return nil
	case <-st.Operator.Ended():
		return fmt.Errorf("the operator ended: %w", st.Operator.Err())
	}
}
