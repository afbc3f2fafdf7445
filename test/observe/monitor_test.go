package observe

import (
	"path/filepath"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// The ServiceMonitor finds the Service, and that the port of the pods, and what it reads keeps the tenant's namespace.
func TestServiceMonitor(t *testing.T) {
	var monitor monitoringv1.ServiceMonitor
	var service corev1.Service
	var deployment appsv1.Deployment
	decode(t, filepath.Join(folder, "service_monitor.yaml"), &monitor)
	decode(t, root+"/config/metrics/service.yaml", &service)
	decode(t, root+"/config/manager/deployment.yaml", &deployment)
	if monitor.Namespace != service.Namespace || !labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) {
		t.Error("it does not find the Service")
	}
	if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(deployment.Spec.Template.Labels)) {
		t.Error("the Service does not find the pods")
	}
	endpoint, port := monitor.Spec.Endpoints[0], service.Spec.Ports[0]
	if endpoint.Port != port.Name || service.Name != "partner-operator-metrics" {
		t.Errorf("it reads the port %s of the Service %s, whose port is %s", endpoint.Port, service.Name, port.Name)
	}
	served := false
	for _, p := range deployment.Spec.Template.Spec.Containers[0].Ports {
		served = served || p.Name == port.TargetPort.String() && p.ContainerPort == 8443
	}
	if !served {
		t.Errorf("the pods have no port %s", port.TargetPort.String())
	}
	token := endpoint.BearerTokenFile //nolint:staticcheck // what replaces it takes a Secret, and the token of the ServiceAccount is none
	if endpoint.Scheme == nil || endpoint.Scheme.String() != "https" || token == "" || !endpoint.HonorLabels {
		t.Errorf("it reads %v with the token %q, and honours labels: %t", endpoint.Scheme, token, endpoint.HonorLabels)
	}
}
