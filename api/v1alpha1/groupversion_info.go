// Package v1alpha1 holds the kinds of partner-operator.io/v1alpha1.
//
// People write wishes in spec, the portal writes facts in status, and the controllers write consequences. The field
// comments are the user documentation: `kubectl explain partnerinvite.spec` prints them.
//
// +kubebuilder:object:generate=true
// +groupName=partner-operator.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of all kinds in this package.
var GroupVersion = schema.GroupVersion{Group: "partner-operator.io", Version: "v1alpha1"}

// AddToScheme adds the kinds of this package to a scheme.
var AddToScheme = schemeBuilder.AddToScheme

var schemeBuilder = runtime.NewSchemeBuilder(func(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Program{}, &ProgramList{},
		&PartnerGroup{}, &PartnerGroupList{},
		&PartnerTeam{}, &PartnerTeamList{},
		&PartnerInvite{}, &PartnerInviteList{},
		&Partnership{}, &PartnershipList{},
		&PartnerLink{}, &PartnerLinkList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
})
