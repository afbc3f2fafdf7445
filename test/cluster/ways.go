package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	"helm.sh/helm/v4/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	// operatorName is the name of the operator's Deployment, and of its Lease.
	operatorName = "partner-operator"
	// serviceName is the name of the portal's Service.
	serviceName = "partner-operator-portal"

	kustomizeNamespace = "partner-operator-system"
	helmNamespace      = "partner-e2e-helm"
)

// values is what the operator is told.
type values struct {
	portal, smtp, from string
	concurrency        int
}

// way is a way to install the operator.
type way interface {
	name() string
	// namespace is where the operator is.
	namespace() string
	// install installs the operator, or changes it to other values.
	install(context.Context, values) error
	// uninstall removes it as people are told to. The kinds and their objects stay.
	uninstall(context.Context) error
	// mayStay tells whether an object of the operator's namespace may be there after that.
	mayStay(object string) bool
}

// kustomized installs the operator as make deploy does.
type kustomized struct {
	*site
	last values
}

func byKustomize(s *site) way { return &kustomized{site: s} }

func (k *kustomized) name() string      { return "kustomize" }
func (k *kustomized) namespace() string { return kustomizeNamespace }

func (k *kustomized) install(ctx context.Context, v values) error {
	k.last = v
	for _, folder := range []string{"config/crd", "config/namespace", "config/default"} {
		objects, err := k.build(folder, v)
		if err != nil {
			return err
		}
		if err := k.apply(ctx, objects...); err != nil {
			return err
		}
		if folder == "config/crd" {
			if err := until(ctx, k.served); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *kustomized) uninstall(ctx context.Context) error {
	objects, err := k.build("config/default", k.last)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if err := k.api.Delete(ctx, object, client.PropagationPolicy("Foreground")); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// mayStay: what the operator made, and the settings of before, whose names kustomize forgets.
func (k *kustomized) mayStay(object string) bool {
	return operatorMade(object) || strings.HasPrefix(object, "configmaps/partner-operator-environment-")
}

// operatorMade tells whether an object is one that the operator makes in its namespace, and that outlives it.
func operatorMade(object string) bool {
	return object == "secrets/partner-operator-keys" || object == "secrets/partner-operator-marks" ||
		strings.HasPrefix(object, "configmaps/partner-tombstones-") || object == "leases.coordination.k8s.io/"+operatorName
}

// build renders a folder of a copy of config in which the settings are edited, as people do.
func (k *kustomized) build(folder string, v values) (objects []client.Object, err error) {
	copied, err := os.MkdirTemp("", "partner-operator-config")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(copied)) }()
	config := filepath.Join(copied, "config")
	if err := os.CopyFS(config, os.DirFS(filepath.Join(k.root, "config"))); err != nil {
		return nil, err
	}
	settings, err := filepath.Glob(filepath.Join(config, "*", "operator.env"))
	if err != nil || len(settings) != 1 {
		return nil, fmt.Errorf("config holds %d files operator.env", len(settings))
	}
	environment := fmt.Sprintf("PARTNER_OPERATOR_PORTAL_URL=%s\nPARTNER_OPERATOR_SMTP_URL=%s\nPARTNER_OPERATOR_MAIL_FROM=%s\nPARTNER_OPERATOR_CONCURRENCY=%d\n",
		v.portal, v.smtp, v.from, v.concurrency)
	if err := os.WriteFile(settings[0], []byte(environment), 0o600); err != nil {
		return nil, err
	}
	return render(filepath.Join(copied, folder), func(text string) string {
		return strings.ReplaceAll(text, "image: partner-operator:latest", "image: "+k.image)
	})
}

// render gives the objects of a folder with a kustomization, of which the text may be changed first; nil: not.
func render(folder string, change func(string) string) (objects []client.Object, err error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		object, err := parse(string(text), change)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// parse reads one object.
func parse(text string, change func(string) string) (client.Object, error) {
	if change != nil {
		text = change(text)
	}
	object := &unstructured.Unstructured{}
	return object, yaml.Unmarshal([]byte(text), object)
}

// helmed installs the operator with the chart.
type helmed struct{ *site }

func byHelm(s *site) way { return &helmed{s} }

func (h *helmed) name() string      { return "Helm" }
func (h *helmed) namespace() string { return helmNamespace }

func (h *helmed) mayStay(object string) bool { return operatorMade(object) }

// install does what helm upgrade --install does.
func (h *helmed) install(ctx context.Context, v values) error {
	if err := h.apply(ctx, namespace(helmNamespace)); err != nil {
		return err
	}
	chart, err := loader.LoadDir(filepath.Join(h.root, "charts", "partner-operator"))
	if err != nil {
		return err
	}
	config, err := h.configuration()
	if err != nil {
		return err
	}
	repository, tag, err := imageParts(h.image)
	if err != nil {
		return err
	}
	values := map[string]any{
		"commonLabels": map[string]any{e2eLabel: "true"},
		"portal":       map[string]any{"url": v.portal},
		"smtp":         map[string]any{"url": v.smtp},
		"mail":         map[string]any{"from": v.from},
		"manager": map[string]any{
			"image": map[string]any{"repository": repository, "tag": tag},
			"args":  []any{fmt.Sprintf("--concurrency=%d", v.concurrency)},
		},
	}
	_, err = action.NewGet(config).Run(operatorName)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		install := action.NewInstall(config)
		install.ReleaseName, install.Namespace, install.WaitStrategy = operatorName, helmNamespace, kube.HookOnlyStrategy
		_, err = install.RunWithContext(ctx, chart, values)
	} else if err == nil {
		upgrade := action.NewUpgrade(config)
		upgrade.Namespace, upgrade.WaitStrategy = helmNamespace, kube.HookOnlyStrategy
		_, err = upgrade.RunWithContext(ctx, operatorName, chart, values)
	}
	if err != nil {
		return err
	}
	return until(ctx, h.served)
}

// uninstall does what helm uninstall does.
func (h *helmed) uninstall(ctx context.Context) error {
	config, err := h.configuration()
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(config)
	uninstall.WaitStrategy, uninstall.Timeout = kube.HookOnlyStrategy, patience
	if deadline, ok := ctx.Deadline(); ok {
		uninstall.Timeout = time.Until(deadline)
	}
	_, err = uninstall.Run(operatorName)
	return err
}

func (h *helmed) configuration() (*action.Configuration, error) {
	flags := genericclioptions.NewConfigFlags(true)
	flags.WrapConfigFn = func(*rest.Config) *rest.Config { return rest.CopyConfig(h.config) }
	flags.Namespace = ptr.To(helmNamespace)
	// What the API server knew a moment ago, before the kinds came, is asked again.
	flags.CacheDir = ptr.To(filepath.Join(os.TempDir(), fmt.Sprintf("partner-operator-e2e-%d", time.Now().UnixNano())))
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	return config, config.Init(flags, helmNamespace, "secret")
}

// imageParts takes an image's name apart, into what the chart calls repository and tag.
func imageParts(image string) (repository, tag string, err error) {
	at := strings.LastIndex(image, ":")
	if strings.Contains(image, "@") || at <= strings.LastIndex(image, "/") {
		return "", "", fmt.Errorf("IMG is %q: name the image with a tag, as in partner-operator:latest", image)
	}
	return image[:at], image[at+1:], nil
}

// served fails until the API server knows all kinds.
func (s *site) served(ctx context.Context) error {
	kinds, err := s.kinds(ctx)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		for _, condition := range kind.Status.Conditions {
			if condition.Type == "Established" && condition.Status != "True" {
				return fmt.Errorf("%s is not established: %s", kind.Name, condition.Message)
			}
		}
		if len(kind.Status.Conditions) == 0 {
			return fmt.Errorf("%s is not established", kind.Name)
		}
	}
	if len(kinds) == 0 {
		return errors.New("there are no kinds")
	}
	return s.api.List(ctx, &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "partner-operator.io/v1alpha1", "kind": "PartnerLinkList"}})
}
