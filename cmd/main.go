// Command partner-operator runs the controllers and the portal.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"time"

	// The image holds no certificates of authorities. What the system trusts goes before these.
	_ "golang.org/x/crypto/x509roots/fallback"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/controller"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/journal"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/manual"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/watch"
)

func main() {
	o, err := parseOptions(os.Args[1:], os.LookupEnv, os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "partner-operator: "+strings.Join(strings.Fields(err.Error()), " "))
		os.Exit(1)
	}
}

// run runs the operator until the context ends. Its errors tell one thing and what to do.
func run(ctx context.Context, o options) error {
	// Until then nothing is logged: what is wrong with the start is told by the error alone.
	restConfig, err := connect(o)
	if err != nil {
		return err
	}
	logger := zap.New(zap.UseFlagOptions(&o.log))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	limit := limitMemory(memoryLimits, os.LookupEnv)
	logger.Info("Starting", "controllers", o.runControllers, "portal", o.runPortal, "namespaces", cmp.Or(strings.Join(o.namespaces, ","), "all"), "memoryLimit", limit)

	watches := watch.Follow(restConfig, time.Now)
	mgr, err := newManager(ctx, restConfig, o)
	if err != nil {
		return err
	}
	events, err := journal.Open(mgr)
	if err != nil {
		return err
	}
	defer closeJournal(events)
	finish, err := assemble(ctx, mgr, watches, events, o)
	if err != nil {
		return err
	}
	err = mgr.Start(ctx)
	if ctx.Err() == nil {
		// The manager waits for what is under way when it is told to stop, but not when it lost the lease. Claims keep
		// whoever leads next from sending the same mails.
		ending, cancel := context.WithTimeout(ctx, gracePeriod)
		defer cancel()
		finish(ending)
	}
	return err
}

// gracePeriod is how long the end may take: a mail that is claimed is handed over and recorded first.
const gracePeriod = delivery.SendTimeout + 15*time.Second

// closeJournal lets events that are on their way reach the API server. They are a service, so it is not waited for long.
func closeJournal(events *journal.Journal) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	events.Close(ctx)
}

// connect finds the API server and asks whether it is there and knows our kinds, so that what is wrong is said at once
// and in one line.
func connect(o options) (*rest.Config, error) {
	if o.kubeconfig != "" {
		if err := flag.Set(config.KubeconfigFlagName, o.kubeconfig); err != nil {
			return nil, err
		}
	}
	restConfig, err := config.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("how to reach the API server is not known, set --kubeconfig: %w", err)
	}
	restConfig.UserAgent = "partner-operator"
	probe := rest.CopyConfig(restConfig)
	probe.Timeout = 10 * time.Second
	discoverer, err := discovery.NewDiscoveryClientForConfig(probe)
	if err != nil {
		return nil, fmt.Errorf("the API server cannot be reached: %w", err)
	}
	if _, err := discoverer.ServerVersion(); err != nil {
		return nil, fmt.Errorf("the API server at %s cannot be reached: %w", restConfig.Host, err)
	}
	if _, err := discoverer.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String()); err != nil {
		return nil, fmt.Errorf("the CRDs of %s are not installed; install them, see %s: %w", v1alpha1.GroupVersion, manual.Page("install.md"), err)
	}
	return restConfig, nil
}

// profile lets profiles tell where goroutines wait for each other, at a cost that is not noticed.
func profile() {
	goruntime.SetMutexProfileFraction(100)
	goruntime.SetBlockProfileRate(int(time.Millisecond))
}

func newManager(ctx context.Context, restConfig *rest.Config, o options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	grace := gracePeriod
	if o.pprofAddress != "" {
		profile()
	}
	options := ctrl.Options{
		Scheme:                  scheme,
		Metrics:                 metrics.Serve(o.metricsAddress, o.metricsSecure),
		HealthProbeBindAddress:  o.probeAddress,
		PprofBindAddress:        o.pprofAddress,
		Logger:                  untilStopped(ctx, ctrl.Log),
		GracefulShutdownTimeout: &grace,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Secret{}:    keyring.CacheOptions(o.operatorNamespace, keyring.SecretName),
				&corev1.ConfigMap{}: brandbook.CacheOptions(),
			},
		},
		NewCache: func(config *rest.Config, options cache.Options) (cache.Cache, error) {
			made, err := cache.New(config, options)
			return lookup.Within(made, o.namespaces), err
		},
		NewClient: func(config *rest.Config, options client.Options) (client.Client, error) {
			made, err := client.New(config, options)
			return lookup.KeepUnreadable(made), err
		},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	}
	for _, namespace := range o.namespaces {
		if options.Cache.DefaultNamespaces == nil {
			options.Cache.DefaultNamespaces = map[string]cache.Config{}
		}
		options.Cache.DefaultNamespaces[namespace] = cache.Config{}
	}
	if o.leaderElect && o.runControllers {
		controller.Lead(&options, o.operatorNamespace)
	}
	mgr, err := ctrl.NewManager(restConfig, options)
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	return mgr, nil
}
