package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/agent"
)

const (
	// patience is how long a step may take on a busy cluster; pods may have to wait for each other to go.
	patience     = 5 * time.Minute
	pollInterval = 200 * time.Millisecond

	// e2eLabel marks everything that the test makes, so that it removes nothing else.
	e2eLabel = "partner-operator.io/e2e"
	// fieldManager is who the test is to the API server.
	fieldManager = "partner-operator-e2e"

	agentNamespace = "partner-e2e-agent"
	tenant         = "partner-e2e-acme"
)

// site is the cluster, and the test's accesses to it.
type site struct {
	settings
	config  *rest.Config
	api     client.Client
	objects kubernetes.Interface // for logs

	agent    *agent.Client
	forward  *forwarder
	mailHost string // the host:port of the agent's mail server within the cluster

	figures []string
}

// connect finds the cluster that KUBECONFIG names. Nobody's current cluster is taken by mistake.
func connect(ctx context.Context, s settings) (*site, error) {
	file := os.Getenv(clientcmd.RecommendedConfigPathEnvVar)
	if file == "" {
		return nil, errors.New("KUBECONFIG is not set: let it name the file that leads to the cluster, such as what «kind get kubeconfig» prints; the test installs the operator there, and removes it")
	}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, fmt.Errorf("KUBECONFIG=%s leads to no cluster: there is no such file, or it names no current context", file)
	}
	if err != nil {
		return nil, fmt.Errorf("KUBECONFIG=%s leads to no cluster: %w", file, err)
	}
	config.QPS, config.Burst = -1, 0
	config.UserAgent, config.WarningHandler = fieldManager, rest.NoWarnings{}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	probe := rest.CopyConfig(config)
	probe.Timeout = 10 * time.Second
	discoverer, err := discovery.NewDiscoveryClientForConfig(probe)
	if err != nil {
		return nil, err
	}
	version, err := discoverer.ServerVersion()
	if err != nil {
		return nil, fmt.Errorf("the API server at %s cannot be reached: %w", config.Host, err)
	}
	fmt.Printf("The cluster at %s, Kubernetes %s, and the image %s\n", config.Host, version.GitVersion, s.image)
	at := &site{settings: s, config: config}
	if at.objects, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	at.api, err = client.New(config, client.Options{Scheme: scheme})
	return at, errors.Join(err, ctx.Err())
}

// hopeless is an error that waiting does not mend.
type hopeless struct{ error }

// Unwrap is the error.
func (h hopeless) Unwrap() error { return h.error }

// until asks again and again until check is content, finds it hopeless, or the time is over. Then it tells what check
// said last.
func until(ctx context.Context, check func(context.Context) error) error {
	var last error
	for {
		err := check(ctx)
		if err == nil || errors.As(err, &hopeless{}) {
			return err
		}
		if ctx.Err() == nil || last == nil {
			last = err // later ones say only that the time is over
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("interrupted: %w", last)
			}
			return fmt.Errorf("the time is over: %w", last)
		case <-time.After(pollInterval):
		}
	}
}

// apply writes objects as the test's wish, marked as its own. It may be called again.
func (s *site) apply(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return err
		}
		wish := &unstructured.Unstructured{Object: content}
		if kinds, _, err := s.api.Scheme().ObjectKinds(object); wish.GetKind() == "" && err == nil {
			wish.SetGroupVersionKind(kinds[0])
		}
		labels := wish.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[e2eLabel] = "true"
		wish.SetLabels(labels)
		wish.SetManagedFields(nil)
		unstructured.RemoveNestedField(wish.Object, "metadata", "creationTimestamp")
		unstructured.RemoveNestedField(wish.Object, "status")
		err = s.api.Apply(ctx, client.ApplyConfigurationFromUnstructured(wish), client.FieldOwner(fieldManager), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", wish.GetKind(), wish.GetName(), err)
		}
	}
	return nil
}

// namespace is a namespace that lets in only pods that satisfy the restricted profile.
func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted",
	}}}
}

// enforces fails unless a namespace turns away a pod that does not satisfy the restricted profile.
func (s *site) enforces(ctx context.Context, namespace string) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "not-restricted"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "root", Image: s.image}}},
	}
	err := s.api.Create(ctx, pod, client.DryRunAll)
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "PodSecurity") {
		return nil
	}
	return fmt.Errorf("a pod that could run as root is not turned away in %s: %w", namespace, err)
}
