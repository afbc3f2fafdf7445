package kubectl

import (
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The marks that GitOps tools leave on what they manage.
const (
	argoTracking    = "argocd.argoproj.io/tracking-id"
	argoInstance    = "app.kubernetes.io/instance"
	fluxKustomize   = "kustomize.toolkit.fluxcd.io/"
	fluxHelmRelease = "helm.toolkit.fluxcd.io/"
)

// managedBy names the GitOps tool that keeps an object as it is in Git; empty: none does.
func managedBy(object client.Object) string {
	marks := object.GetLabels()
	if id := object.GetAnnotations()[argoTracking]; tracks(id, object) {
		app, _, _ := strings.Cut(id, ":")
		return "Argo CD, application " + app
	}
	if app := marks[argoInstance]; app != "" && appliedByArgo(object) {
		return "Argo CD, application " + app
	}
	if name := marks[fluxKustomize+"name"]; name != "" {
		return "Flux, Kustomization " + marks[fluxKustomize+"namespace"] + "/" + name
	}
	if name := marks[fluxHelmRelease+"name"]; name != "" {
		return "Flux, HelmRelease " + marks[fluxHelmRelease+"namespace"] + "/" + name
	}
	return ""
}

// tracks tells whether a tracking id is that of the object itself: Argo CD ignores one that was copied from another.
func tracks(id string, object client.Object) bool {
	_, of, found := strings.Cut(id, ":")
	return found && strings.HasPrefix(of, v1alpha1.GroupVersion.Group+"/") && strings.HasSuffix(of, "/"+object.GetName())
}

// appliedByArgo tells whether Argo CD wrote the object: others set the label, too.
func appliedByArgo(object client.Object) bool {
	for _, entry := range object.GetManagedFields() {
		if strings.HasPrefix(entry.Manager, "argocd-") {
			return true
		}
	}
	return false
}
