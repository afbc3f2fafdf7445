package controller

import ctrl "sigs.k8s.io/controller-runtime"

// leaseName is the name of the Lease that the leader holds.
const leaseName = "partner-operator"

// +kubebuilder:rbac:groups="",namespace=partner-operator-system,resources=events,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=partner-operator-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=partner-operator-system,resources=leases,resourceNames=partner-operator,verbs=get;update

// Lead makes one replica at a time run the controllers: the one that holds a Lease in the operator's namespace.
func Lead(o *ctrl.Options, namespace string) {
	o.LeaderElection = true
	o.LeaderElectionID = leaseName
	o.LeaderElectionNamespace = namespace
	o.LeaderElectionReleaseOnCancel = true // nothing is done after the manager's Start but to finish what is claimed
}
