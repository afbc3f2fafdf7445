// Package cel checks the schemas and the CEL rules of the kinds against a real API server: what is accepted, what
// is refused, and that a refusal names the field and the remedy.
package cel

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/hack/cluster"
)

var (
	crdFolder = filepath.Join("..", "..", "config", "crd", "bases")

	// controlPlane and api are the same for all tests of the package; each object gets a name of its own.
	controlPlane *cluster.Cluster
	api          client.Client
	raw          *http.Client
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	controlPlane, err = cluster.Start(context.Background(), cluster.Options{CRDs: []string{crdFolder}})
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopErr := controlPlane.Stop(); err == nil {
			err = stopErr
		}
	}()
	api, err = client.New(controlPlane.Config, client.Options{})
	if err != nil {
		return 0, err
	}
	raw, err = rest.HTTPClientFor(controlPlane.Config)
	if err != nil {
		return 0, err
	}
	return m.Run(), nil
}
