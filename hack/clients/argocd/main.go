// Command argocd is the two programs of Argo CD that sync an application, and the Redis that they share. Which of them it is
// depends on the name that it is called by. Argo CD's own command brings in the API server and the user interface, too.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	if err := run(filepath.Base(os.Args[0])); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string) error {
	switch name {
	case "argocd-application-controller":
		return controller.NewCommand().Execute()
	case "argocd-repo-server":
		return reposerver.NewCommand().Execute()
	case "argocd-redis":
		return serveRedis(os.Args[1])
	}
	return fmt.Errorf("%s is no program of Argo CD that was built here", name)
}

// serveRedis answers at the address until the process is ended.
func serveRedis(address string) error {
	if err := miniredis.NewMiniRedis().StartAddr(address); err != nil {
		return err
	}
	select {}
}
