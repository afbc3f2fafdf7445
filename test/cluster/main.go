// Command cluster walks the main job on a real cluster, the one that KUBECONFIG names. It installs the operator by
// kustomize and by Helm in turn, is invited, accepts and is revoked through the Service, deletes the leader, replaces the
// pods under load, uninstalls, and leaves nothing behind.
//
// Of the cluster it assumes that the operator's image is on the nodes, and nothing else: no registry, no load balancer, no
// DNS. Whoever KUBECONFIG is may do everything there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// settings is what the command line says.
type settings struct {
	root, image, ways string
	force, keep       bool
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", ".", "the folder of the project")
	flag.StringVar(&s.image, "image", "partner-operator:latest", "the operator's image, as it is called on the nodes")
	flag.StringVar(&s.ways, "ways", "kustomize,helm", "how to install, in turn")
	flag.BoolVar(&s.force, "force", false, "also use a cluster that has the kinds, and remove them with all that there is of them")
	flag.BoolVar(&s.keep, "keep", false, "if a step fails, leave all as it is then; the next run cleans up")
	flag.Parse()
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) (err error) {
	began := time.Now()
	ways, err := s.chosen()
	if err != nil {
		return err
	}
	at, err := connect(ctx, s)
	if err != nil {
		return err
	}
	if err := at.refuse(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil && s.keep {
			fmt.Println("\nAll is left as it is; the next run cleans up.")
			return
		}
		// Also after Ctrl-C.
		err = errors.Join(err, at.step(context.WithoutCancel(ctx), "clean up", at.cleanUp))
	}()
	if err := at.step(ctx, "clean up what an earlier run left", at.cleanUp); err != nil {
		return err
	}
	if err := at.step(ctx, "the agent runs from the image, under the restricted profile", at.startAgent); err != nil {
		return err
	}
	defer at.hangUp()
	for _, w := range ways {
		if err := walk(ctx, at, w(at)); err != nil {
			return err
		}
	}
	fmt.Printf("\nThe main job works on this cluster, in %s.\n%s", took(began), strings.Join(at.figures, ""))
	return nil
}

// chosen are the ways to install that were asked for.
func (s settings) chosen() (ways []func(*site) way, err error) {
	for name := range strings.SplitSeq(s.ways, ",") {
		switch name {
		case "kustomize":
			ways = append(ways, byKustomize)
		case "helm":
			ways = append(ways, byHelm)
		default:
			return nil, fmt.Errorf("-ways holds %q, and can hold kustomize and helm", name)
		}
	}
	return ways, nil
}

// step carries out one step and tells how it went.
func (s *site) step(ctx context.Context, name string, do func(context.Context) error) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := do(ctx); err != nil {
		fmt.Printf("FAIL  %7s  %s\n", took(began), name)
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Printf("ok    %7s  %s\n", took(began), name)
	return nil
}

func took(since time.Time) string { return rounded(time.Since(since)) }

func rounded(d time.Duration) string { return d.Round(time.Millisecond).String() }
