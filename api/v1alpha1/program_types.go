package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Program is what a company offers to partners: a referral program, a reseller program. Partners join it by
// invitation and see nothing of the programs they were not granted.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=prog,categories=partners
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Default Group",type=string,priority=1,JSONPath=`.spec.defaultGroupRef.name`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Program struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec ProgramSpec `json:"spec"`

	// status is what the operator observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ProgramStatus `json:"status,omitzero"`
}

// ProgramSpec is the company's wish for one program.
type ProgramSpec struct {
	// displayName is the name that partners read in mail and on pages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName"`

	// description is shown to people who are invited, below the name. Plain text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	Description string `json:"description,omitempty"`

	// defaultGroupRef names the group of every partner whose grant names none, followed live: a change moves them.
	// It must belong to this program, else ResolvedRefs=False says so and those partners are in no group.
	// Unset: partners without a group of their own are in no group.
	// +optional
	DefaultGroupRef *GroupReference `json:"defaultGroupRef,omitempty"`

	// invites holds the defaults of the invites into this program.
	// +optional
	// +kubebuilder:default:={}
	Invites ProgramInvites `json:"invites,omitzero"`
}

// ProgramInvites holds the defaults of the invites into a program.
type ProgramInvites struct {
	// expiresAfter is how long an invite can be answered, counted from when it was issued: a duration from 1m to
	// 8760h. An invite's own expiresAfter goes first, then its group's, then this. An invite into several programs
	// takes the shortest. A change counts for invites that are issued after it. Unset: 168h, seven days.
	// +optional
	// +kubebuilder:default="168h"
	ExpiresAfter InviteLifetime `json:"expiresAfter,omitempty"`
}

// ProgramStatus is what the operator observed of a program.
type ProgramStatus struct {
	// conditions are Ready and ResolvedRefs, and Reconciling and Stalled only while they are True.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}

// ProgramList is a list of programs.
//
// +kubebuilder:object:root=true
type ProgramList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the programs.
	// +required
	Items []Program `json:"items"`
}
