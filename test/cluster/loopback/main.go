//go:build linux

// Command loopback runs a program, such as the end-to-end walk, with KUBECONFIG set to a cluster on this machine alone: a
// control plane, and a node that runs pods as processes of this machine. All of it is in a network of its own, and none of
// it outlives the command.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/test/cluster/node"
)

// notHere is the exit code where the system lets nobody make networks.
const notHere = 77

func main() {
	archive := flag.String("archive", "dist/partner-operator.tar", "the image on the node, an OCI archive")
	output := flag.String("log", "", "the file for what the control plane and the node log; empty: none")
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "Usage: loopback [-archive FILE] [-log FILE] PROGRAM ARGUMENT...")
		flag.PrintDefaults()
	}
	flag.Parse()
	inside, code, err := node.Enter()
	if inside {
		code, err = run(*archive, *output, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "loopback: "+err.Error())
		code = 1
	}
	if errors.Is(err, node.ErrNoNamespaces) {
		code = notHere
	}
	os.Exit(code)
}

// run runs the program in a cluster, and gives its exit code.
func run(archive, output string, program []string) (code int, err error) {
	if len(program) == 0 {
		return 0, errors.New("no program is given")
	}
	log.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var to io.Writer
	if output != "" {
		file, err := os.Create(output)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = file
	}
	kubeconfig, end, err := start(ctx, archive, to)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, end()) }()
	command := exec.CommandContext(ctx, program[0], program[1:]...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) } // It is let to clean up.
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	err = command.Run()
	if exit := (&exec.ExitError{}); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// start starts the cluster. What it gives ends it.
func start(ctx context.Context, archive string, output io.Writer) (kubeconfig string, end func() error, err error) {
	network, err := node.NewNetwork()
	if err != nil {
		return "", nil, err
	}
	plane, err := cluster.Start(ctx, cluster.Options{
		ControllerManager: true, Workloads: true, Address: network.Address(), Output: output,
	})
	if err != nil {
		return "", nil, err
	}
	folder := filepath.Join(filepath.Dir(plane.Kubeconfig), "node") // which goes with the cluster, however that ends
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", nil, errors.Join(err, plane.Stop())
	}
	running, err := node.Start(ctx, node.Options{Config: plane.Config, Network: network, Image: archive, Folder: folder, Log: output})
	if err != nil {
		return "", nil, errors.Join(err, plane.Stop())
	}
	return plane.Kubeconfig, func() error {
		running.Stop()
		return plane.Stop()
	}, nil
}
