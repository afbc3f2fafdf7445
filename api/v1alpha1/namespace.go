package v1alpha1

// Annotations of a Namespace, which tenants cannot write, with what its brand may claim. Where one is set, nothing else may
// be claimed; with --require-sender-domains nothing may be where it is not.
const (
	// SenderDomainsAnnotation lists the domains that mailFrom of the brand may be of over the operator's mail server,
	// separated by commas: acme.example,mail.acme.example.
	SenderDomainsAnnotation = "partner-operator.io/sender-domains"
	// PortalHostsAnnotation lists the hosts that host of the brand may be, separated by commas, with a port where it
	// matters: partners.acme.example,portal.acme.example:8443.
	PortalHostsAnnotation = "partner-operator.io/portal-hosts"
)
