package metrics

import (
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Who asks for metrics is looked up at the API server, and so is whether they may. Both are asked of the whole cluster.
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// That is what they need to be let in.
// +kubebuilder:rbac:urls=/metrics,verbs=get,roleName=partner-operator-metrics-reader

// Serve tells a manager to serve metrics on an address; 0: nowhere. Securely is over https, to whom the API server lets.
func Serve(address string, securely bool) metricsserver.Options {
	served := metricsserver.Options{BindAddress: address, SecureServing: securely}
	if securely {
		served.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	return served
}
