// The programs that people and tests run beside the operator: a control plane on loopback, a mail catcher, the demo.
module github.com/partner-operator/partner-operator/hack

go 1.26.0

require (
	github.com/emersion/go-smtp v0.25.0
	github.com/partner-operator/partner-operator v0.0.0
	k8s.io/api v0.37.1
	k8s.io/apimachinery v0.37.1
	k8s.io/client-go v0.37.1
	sigs.k8s.io/controller-runtime v0.25.2
)

replace github.com/partner-operator/partner-operator => ../
