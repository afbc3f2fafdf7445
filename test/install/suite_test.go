// Package install installs the operator with what Helm and kustomize render, into a real API server, and runs it as its
// pods would.
package install

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/cluster"
)

const (
	root  = "../.."
	chart = root + "/charts/partner-operator"
	// operatorNamespace is where all is installed, as config/namespace has it.
	operatorNamespace = "partner-operator-system"
)

var (
	scheme = runtime.NewScheme()
	plane  *cluster.Cluster
	api    client.Client
	// kubeVersion is that of the API server.
	kubeVersion *common.KubeVersion
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // Helm's
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run starts a control plane that knows nothing of the operator yet, but the kinds of others that the chart speaks of.
func run(m *testing.M) (code int, err error) {
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme, gatewayv1.Install, monitoringv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return 0, err
		}
	}
	gateways, err := gatewayKinds()
	if err != nil {
		return 0, err
	}
	if plane, err = cluster.Start(context.Background(), cluster.Options{CRDs: []string{"testdata/crds", gateways}}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, plane.Stop()) }()
	if api, err = client.New(plane.Config, client.Options{Scheme: scheme}); err != nil {
		return 0, err
	}
	versions, err := discovery.NewDiscoveryClientForConfig(plane.Config)
	if err != nil {
		return 0, err
	}
	version, err := versions.ServerVersion()
	if err != nil {
		return 0, err
	}
	kubeVersion = &common.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor}
	if err := prepare(context.Background()); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// prepare makes what is there before the operator is: its namespace, with restricted pods enforced, and what values name.
func prepare(ctx context.Context) error {
	namespace, err := kustomize("config/namespace")
	if err != nil {
		return err
	}
	text, err := os.ReadFile("testdata/cluster.yaml")
	if err != nil {
		return err
	}
	others, err := parse(text)
	if err != nil {
		return err
	}
	for _, object := range slices.Concat(namespace, others) {
		if err := api.Create(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// gatewayKinds is the file with the HTTPRoute in the module of the Gateway API.
func gatewayKinds() (string, error) {
	dir, err := moduleDir("sigs.k8s.io/gateway-api")
	return filepath.Join(dir, "config", "crd", "standard", "gateway.networking.k8s.io_httproutes.yaml"), err
}

// folder is a folder of the project.
func folder(path string) string { return filepath.Join(root, path) }
