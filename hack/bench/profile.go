package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/hack/operator"
)

// profiled is for how long it is noted what an operator computes.
const profiled = 4 * time.Second

// profiling is a flag that makes an operator serve its profiles, if they are wanted.
func (p *place) profiling() (flags []string, err error) {
	if p.profile == "" {
		return nil, nil
	}
	p.profiles, err = operator.FreeAddress()
	return []string{"--pprof-bind-address=" + p.profiles}, err
}

// profileNow asks the operator that was started last for what it computes from now on, and then for where it waits and
// what it allocated. The profiles are in their folder when finish returns. Nothing happens if they are not wanted.
func (p *place) profileNow(ctx context.Context, name string) (finish func() error) {
	if p.profile == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		var errs []error
		for _, each := range []struct{ kind, query string }{
			{"profile", fmt.Sprintf("?seconds=%d", int(profiled.Seconds()))}, {"mutex", ""}, {"block", ""}, {"allocs", ""},
		} {
			file := filepath.Join(p.profile, strings.NewReplacer(", ", "-", " ", "-").Replace(name)+"."+each.kind+".pprof")
			errs = append(errs, fetch(ctx, "http://"+p.profiles+"/debug/pprof/"+each.kind+each.query, file))
		}
		done <- errors.Join(errs...)
	}()
	return func() error { return <-done }
}

// fetch writes what an address gives into a file.
func fetch(ctx context.Context, address, name string) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, response.Body)
	return errors.Join(err, file.Close())
}
