// The suites that run against a real API server, apart from the product so that its own go.mod stays small.
module github.com/partner-operator/partner-operator/test

go 1.26.0

require (
	github.com/onsi/ginkgo/v2 v2.34.0
	github.com/onsi/gomega v1.44.0
	github.com/partner-operator/partner-operator v0.0.0
	github.com/partner-operator/partner-operator/hack v0.0.0
	k8s.io/api v0.37.1
	k8s.io/apimachinery v0.37.1
	k8s.io/client-go v0.37.1
	sigs.k8s.io/controller-runtime v0.25.2
)

replace (
	github.com/partner-operator/partner-operator => ../
	github.com/partner-operator/partner-operator/hack => ../hack
)
