package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// measureImport imports a file, beside a client that creates as many partnerships by as many at once, and imports it
// again.
func measureImport(ctx context.Context, s settings, r *report) error {
	const rows, parallel = 10_000, 8
	p, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	ns, err := p.tenant(ctx)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("email,first_name,program\n")
	for n := range rows {
		fmt.Fprintf(&text, "%s,Ada,referral\n", address(ns, n))
	}
	file := filepath.Join(filepath.Dir(p.plane.Kubeconfig), "partners.csv")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return err
	}
	first, peak, err := p.importFile(ctx, ns, file)
	if err != nil {
		return err
	}
	second, _, err := p.importFile(ctx, ns, file)
	if err != nil {
		return err
	}
	other, err := p.tenant(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := each(ctx, rows, parallel, func(ctx context.Context, n int) error { return p.api.Create(ctx, partner(other, n)) }); err != nil {
		return err
	}
	bare := time.Since(began)
	r.compare(fmt.Sprintf("importing %d rows", rows), []float64{rows / first.Seconds()}, "rows/s", "bare client, creates/s", []float64{rows / bare.Seconds()})
	r.add("  peak memory", peak, "MiB")
	r.add("the same file again", second.Seconds(), "s")
	return nil
}

// importFile runs the plugin, and gives how long it took and its peak memory in MiB.
func (p *place) importFile(ctx context.Context, ns, file string) (time.Duration, float64, error) {
	command := exec.CommandContext(ctx, filepath.Join(p.root, "bin/kubectl-partner"), "import", file, "-n", ns, "--kubeconfig="+p.plane.Kubeconfig, "--send-invites=false", "-o", "report")
	began := time.Now()
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, out[max(0, len(out)-1000):])
	}
	peak := 0.0
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = float64(usage.Maxrss) / 1024 // KiB on Linux
	}
	return time.Since(began), peak, nil
}
