// Command partner-operator runs the controllers and the portal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	// The image holds the operator and nothing else. What the system trusts goes before these.
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
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/controller"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/portal"
	"github.com/partner-operator/partner-operator/internal/tombstone"
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

	listener, err := net.Listen("tcp", o.portalAddress)
	if err != nil {
		return fmt.Errorf("--portal-bind-address: %w", err)
	}
	mgr, err := newManager(restConfig, o)
	if err != nil {
		return err
	}
	live, err := client.New(restConfig, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient()})
	if err != nil {
		return err
	}
	keys, err := keyring.Load(ctx, live, o.operatorNamespace, time.Now())
	if err != nil {
		return err
	}
	if err := keys.Follow(ctx, mgr.GetCache()); err != nil {
		return err
	}
	finish, err := assemble(ctx, mgr, keys, listener, o)
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
		return nil, fmt.Errorf("the kinds of %s are not installed, run make install or apply config/crd: %w", v1alpha1.GroupVersion, err)
	}
	return restConfig, nil
}

// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=partner-operator-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=partner-operator-system,resources=leases,resourceNames=partner-operator,verbs=get;update
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

func newManager(restConfig *rest.Config, o options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	grace := gracePeriod
	served := metricsserver.Options{BindAddress: o.metricsAddress, SecureServing: o.metricsSecure}
	if o.metricsSecure {
		served.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       served,
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "partner-operator",
		LeaderElectionNamespace:       o.operatorNamespace,
		LeaderElectionReleaseOnCancel: true, // nothing is done after Start but to finish what is claimed
		GracefulShutdownTimeout:       &grace,
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Secret{}:    keyring.CacheOptions(o.operatorNamespace),
				&corev1.ConfigMap{}: brandbook.CacheOptions(),
			},
		},
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	return mgr, nil
}

// assemble adds the controllers, the portal and the probes to the manager. What it gives finishes what the controllers
// have under way.
func assemble(
	ctx context.Context, mgr ctrl.Manager, keys *keyring.Keyring, listener net.Listener, o options,
) (finish func(context.Context), err error) {
	if err := lookup.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	if err := (metrics.Objects{Cache: mgr.GetCache()}).Register(); err != nil {
		return nil, fmt.Errorf("adding metrics: %w", err)
	}
	step := &accept.Step{Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Events: mgr.GetEventRecorder("partner-operator"), Now: time.Now}
	book := &brandbook.Book{Cache: mgr.GetCache(), Live: mgr.GetAPIReader(), Default: brand.Default(o.mailFrom)}
	yard := &tombstone.Yard{Cache: mgr.GetCache(), Live: mgr.GetAPIReader(), Keys: keys}
	controllers := controller.Options{
		Tombstones: yard,

		Keys: keys, Book: book, Portal: o.portal, MailMode: o.mailMode, MailRate: o.mailRate, Accept: step, Concurrency: o.concurrency, Now: time.Now,
	}
	if o.useSMTP {
		controllers.SMTP = &o.smtp
	}
	if finish, err = controller.Setup(mgr, controllers); err != nil {
		return nil, err
	}
	pages := portal.New(portal.Options{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Keys: keys, Accept: step, Base: o.portal, Book: book, Tombstones: yard,
		TrustedProxies: o.trustedProxies, ClientRate: o.clientRate, AddressRate: o.addressRate, Now: time.Now,
	})
	if err := pages.AddTo(mgr, listener); err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("process", func(*http.Request) error { return nil }); err != nil {
		return nil, err
	}
	return finish, mgr.AddReadyzCheck("caches", func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("the caches are being filled")
		}
		return nil
	})
}
