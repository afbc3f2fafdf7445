package install

import (
	"net/http"
	"slices"
	"strconv"
	"testing"

	"helm.sh/helm/v4/pkg/action"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/browser"
)

// One release goes through all layouts, each by an upgrade to a newer version, and does the main job in each. Partners,
// their sessions and the links that were mailed outlive the upgrades, and also that the chart goes and comes back.
func TestHelm(t *testing.T) {
	site := newSite(t)
	brought := bringKeys(t)
	release := helm{t}
	release.install(site.byChart(t), layouts[0].values)
	visitor := browser.NewPerson()
	for i, lay := range layouts {
		version := "0.2." + strconv.Itoa(i)
		if i > 0 {
			release.upgrade(version, site.byChart(t), lay.values)
			wantsVersion(t, lay.parts, version)
		}
		pods := site.start(t, lay)
		if i == 0 {
			site.accept(t, visitor, "helm-visitor")
			invite(t, tenant, "helm-late")
			mailTo(t, site.inbox, "helm-late@example.com", "invite")
		} else {
			wants(t, must(t)(visitor.Get(t.Context(), site.dashboard())), http.StatusOK, "Acme Referral")
		}
		if i == len(layouts)-1 {
			site.accept(t, browser.NewPerson(), "helm-late")
		}
		site.check(t, "helm", lay, pods)
	}
	made := mustTemplate(t, site.byChart(t), layouts[len(layouts)-1].values)
	release.uninstall()
	wantsGone(t, made)
	if keys := keyNames(t); !slices.Equal(keys, brought) {
		t.Errorf("the signing keys are %v, and %v were brought", keys, brought)
	}

	release.install(site.byChart(t), layouts[0].values)
	pods := site.start(t, layouts[0])
	wants(t, must(t)(visitor.Get(t.Context(), site.dashboard())), http.StatusOK, "Acme Referral")
	for _, pod := range pods {
		if err := pod.Stop(); err != nil {
			t.Error(err)
		}
	}
	release.uninstall()
}

// helm does to the API server what helm on the command line does.
type helm struct{ *testing.T }

func (h helm) configuration() *action.Configuration {
	h.Helper()
	settings := cli.New()
	settings.KubeConfig = plane.Kubeconfig
	settings.SetNamespace(operatorNamespace)
	configuration := action.NewConfiguration()
	if err := configuration.Init(settings.RESTClientGetter(), operatorNamespace, "secret"); err != nil {
		h.Fatal(err)
	}
	return configuration
}

func (h helm) install(texts ...string) {
	h.Helper()
	if err := h.tryInstall(action.NewInstall(h.configuration()), texts...); err != nil {
		h.Fatal(err)
	}
}

// tryInstall installs the chart as it is, with flags.
func (h helm) tryInstall(install *action.Install, texts ...string) error {
	h.Helper()
	// There is nobody who runs pods.
	install.ReleaseName, install.Namespace, install.WaitStrategy = "partner-operator", operatorNamespace, kube.HookOnlyStrategy
	given, err := values(texts...)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if h.Failed() {
			_, _ = action.NewUninstall(h.configuration()).Run(install.ReleaseName)
		}
	})
	_, err = install.RunWithContext(h.Context(), load(h.T), given)
	return err
}

func (h helm) upgrade(version string, texts ...string) {
	h.Helper()
	next := load(h.T)
	next.Metadata.Version, next.Metadata.AppVersion = version, version
	err := h.tryUpgrade(action.NewUpgrade(h.configuration()), next, append(texts, "manager: {image: {tag: v"+version+"}}")...)
	if err != nil {
		h.Fatal(err)
	}
}

// tryUpgrade upgrades to a chart, with flags.
func (h helm) tryUpgrade(upgrade *action.Upgrade, next *helmchart.Chart, texts ...string) error {
	h.Helper()
	upgrade.Namespace, upgrade.WaitStrategy = operatorNamespace, kube.HookOnlyStrategy
	given, err := values(texts...)
	if err != nil {
		h.Fatal(err)
	}
	_, err = upgrade.RunWithContext(h.Context(), "partner-operator", next, given)
	return err
}

func (h helm) uninstall() {
	h.Helper()
	uninstall := action.NewUninstall(h.configuration())
	uninstall.WaitStrategy = kube.HookOnlyStrategy
	if _, err := uninstall.Run("partner-operator"); err != nil {
		h.Fatal(err)
	}
}

// wantsVersion holds the images of Deployments against a version.
func wantsVersion(t *testing.T, names []string, version string) {
	t.Helper()
	for _, name := range names {
		deployment := &appsv1.Deployment{}
		read(t, name, deployment)
		if image := deployment.Spec.Template.Spec.Containers[0].Image; image != "partner-operator:v"+version {
			t.Errorf("Deployment %s has the image %s", name, image)
		}
	}
}

// wantsGone tells that nothing of what was made is left, but the kinds.
func wantsGone(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range objects {
		found := object.DeepCopy()
		err := api.Get(t.Context(), client.ObjectKeyFromObject(object), found)
		switch {
		case object.GetKind() == "CustomResourceDefinition" && (err != nil || found.GetDeletionTimestamp() != nil):
			t.Errorf("%s is gone, and all partners with it (%v)", object.GetName(), err)
		case object.GetKind() != "CustomResourceDefinition" && !apierrors.IsNotFound(err):
			t.Errorf("%s %s/%s is left (%v)", object.GetKind(), object.GetNamespace(), object.GetName(), err)
		}
	}
}
