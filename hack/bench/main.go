// Command bench measures the operator on this machine. Each figure stands beside what it is compared with, measured in the
// same run: on a busy machine the ratios hold, the rates do not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// settings are what a person asks for.
type settings struct {
	root, json string
	// profile is the folder for profiles of the operator; empty: none are made.
	profile string
	// only and part choose measurements, and of those with several rows the rows.
	only, part *regexp.Regexp
	full       bool
}

// measurement measures one thing.
type measurement struct {
	name, what string
	run        func(context.Context, settings, *report) error
}

var measurements = []measurement{
	{"invites", "invites from apply to sent, beside a client that only does the same writes and sends", measureInvites},
	{"concurrency", "the same with other numbers of workers", measureConcurrency},
	{"cost", "what one invite asks of the API server, and accepting it", measureCost},
	{"portal", "pages, beside a handler that gives the same bytes, or a client that does the same writes", measurePortal},
	{"redirect", "shared links, beside a bare redirect", measureRedirects},
	{"settled", "many partners: revoking one, starting again, doing nothing", measureSettled},
	{"memory", "what a cached object of each kind takes", measureMemory},
	{"import", "kubectl partner import, beside a client that only creates", measureImport},
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == bareCommand {
		serveBare(os.Args[2])
		return
	}
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	s := settings{}
	only := flag.String("only", ".", "`pattern` of the measurements to make, and behind a slash of their rows, as in invites/2000.*50ms: "+names())
	flag.StringVar(&s.root, "root", ".", "`folder` of the project")
	flag.StringVar(&s.json, "json", "dist/bench.json", "`file` for the figures")
	flag.StringVar(&s.profile, "profile", "", "`folder` for profiles of the operator; unset: none, and nothing is slowed down by them")
	flag.BoolVar(&s.full, "full", false, "also the sizes that take long: 50 000 partners")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	name, part, _ := strings.Cut(*only, "/")
	if s.only, err = regexp.Compile(name); err == nil {
		s.part, err = regexp.Compile(part)
	}
	if err == nil {
		err = run(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func names() string {
	var all []string
	for _, m := range measurements {
		all = append(all, m.name)
	}
	return strings.Join(all, ", ")
}

func run(ctx context.Context, s settings) error {
	r := newReport()
	for _, m := range measurements {
		if !s.only.MatchString(m.name) {
			continue
		}
		r.begin(m.name, m.what)
		began := time.Now()
		if err := m.run(ctx, s, r); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Printf("(%s)\n", time.Since(began).Round(time.Second))
	}
	if len(r.Figures) == 0 {
		return errors.New("-only fits none of " + names())
	}
	if err := os.MkdirAll(filepath.Dir(s.json), 0o755); err != nil {
		return err
	}
	return r.write(s.json)
}
