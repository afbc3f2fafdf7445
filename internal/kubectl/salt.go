package kubectl

import (
	"context"
	"maps"
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// nameSaltUsage tells what --name-salt is for.
const nameSaltUsage = "salt for the names of what is made; unset: status.nameSalt of the program, and none with --dry-run=client"

// unsaltedWarning is what people are told whose objects get names that others can compute.
const unsaltedWarning = "names are made without a salt, so whoever knows an address can find its objects by their names; " +
	"--name-salt takes that of a program"

// salts are what names of people are made with, by program.
type salts struct {
	// unsalted: there is none.
	unsalted bool

	given string
	mutex sync.Mutex
	known map[string]string
}

// newSalts are those of the programs there are, or the one that was given. Offline nobody knows the programs.
func newSalts(catalog program.Catalog, given string, offline bool) *salts {
	s := &salts{unsalted: offline && given == "", given: given, known: map[string]string{}}
	for name, p := range catalog.Programs {
		s.known[name] = p.Status.NameSalt
	}
	return s
}

// findSalts asks for the programs.
func findSalts(ctx context.Context, d Desk, given string) (*salts, error) {
	var all v1alpha1.ProgramList
	if d.Client != nil && given == "" {
		if err := d.Client.List(ctx, &all, client.InNamespace(d.Namespace)); err != nil {
			return nil, err
		}
	}
	return newSalts(program.NewCatalog(all.Items, nil), given, d.Client == nil), nil
}

// of is the salt for what is about these programs, which is that of the first by name; about none of them is about all.
// One that the operator has not written yet, or whose program does not exist yet, is made up: what there is is found by
// its address, so that need not be the same the next time.
func (s *salts) of(programs ...string) string {
	switch {
	case s.given != "":
		return s.given
	case s.unsalted:
		return ""
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(programs) == 0 {
		programs = slices.Collect(maps.Keys(s.known))
	}
	first := ""
	if len(programs) > 0 {
		first = slices.Min(programs)
	}
	if s.known[first] == "" {
		s.known[first] = partnership.NewSalt()
	}
	return s.known[first]
}
