package cluster

import (
	"bytes"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// guardScript runs a program so that it cannot outlive the process that started it.
//
//go:embed guard.sh
var guardScript []byte

// guard starts the programs of a control plane through a script that ends them once this process is gone.
type guard struct {
	folder   string
	lifeline *os.File
}

// newGuard prepares folder to start programs of assets. Should this process end without a Stop, the programs end, and
// everything in discard goes.
func newGuard(folder, assets, discard string) (*guard, error) {
	lifeline := filepath.Join(folder, "lifeline")
	err := errors.Join(
		os.MkdirAll(folder, 0o700),
		os.Symlink(assets, filepath.Join(folder, "assets")),
		os.Symlink(discard, filepath.Join(folder, "discard")),
		syscall.Mkfifo(lifeline, 0o600),
	)
	if err != nil {
		return nil, err
	}
	// Opening for writing alone would wait for a reader. No child inherits the file: Go closes it on exec.
	file, err := os.OpenFile(lifeline, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &guard{folder: folder, lifeline: file}, nil
}

// program is the path to start instead of the program called name.
func (g *guard) program(name string) (string, error) {
	path := filepath.Join(g.folder, name)
	return path, os.WriteFile(path, guardScript, 0o700)
}

// idFile is where the guard of a program writes the process id.
func (g *guard) idFile(name string) string { return filepath.Join(g.folder, name+".pid") }

// release ends the guards, and with them any program that still runs.
func (g *guard) release() error { return g.lifeline.Close() }

// other is the path to start instead of a program that is not one of assets.
func (g *guard) other(program string) (string, error) {
	script := bytes.Replace(guardScript, []byte("program=$here/assets/${0##*/}"), []byte("program='"+strings.ReplaceAll(program, "'", `'\''`)+"'"), 1)
	script = bytes.Replace(script, []byte("GOGC=${GOGC:-400} "), nil, 1)
	path := filepath.Join(g.folder, "other-"+filepath.Base(program))
	return path, os.WriteFile(path, script, 0o700)
}
