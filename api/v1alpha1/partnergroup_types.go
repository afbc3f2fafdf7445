package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PartnerGroup divides the partners of one program, for example into Standard and Gold.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pgroup,categories=partners
// +kubebuilder:selectablefield:JSONPath=`.spec.programRef.name`
// +kubebuilder:printcolumn:name="Program",type=string,JSONPath=`.spec.programRef.name`
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.partnerships.active`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PartnerGroup struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec PartnerGroupSpec `json:"spec"`

	// status is what the operator observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status PartnerGroupStatus `json:"status,omitzero"`
}

// PartnerGroupSpec is the company's wish for one group.
// +kubebuilder:validation:XValidation:rule="self.programRef.name == oldSelf.programRef.name",fieldPath=".programRef",message="programRef is immutable: create a group in the other program and move the partners"
type PartnerGroupSpec struct {
	// programRef names the program that the group divides. Immutable. While the program does not exist, the group
	// has no effect and ResolvedRefs=False says so.
	// +required
	ProgramRef ProgramReference `json:"programRef"`

	// displayName is the name that partners read.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName"`

	// join holds how people come into this group and what they are asked.
	// +optional
	Join GroupJoin `json:"join,omitzero"`

	// links tells about the links of the partners in this group; what is unset here comes from the program.
	// +optional
	Links GroupLinks `json:"links,omitzero"`

	// invites holds the defaults of the invites into this group; what is unset here comes from the program.
	// +optional
	Invites GroupInvites `json:"invites,omitzero"`
}

// GroupJoin holds how people come into a group and what they are asked.
type GroupJoin struct {
	// fields are the application form. A PartnerInvite with form: Require asks for them before it can be accepted, and
	// the answers go into spec.application.fields of the partnership. A change counts for whoever has not accepted yet;
	// answers that were given stay as they are. Unset: nothing is asked.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=30
	Fields []FormField `json:"fields,omitempty"`
}

// GroupInvites holds the defaults of the invites into a group.
type GroupInvites struct {
	// expiresAfter is how long an invite into this group can be answered: a duration from 1m to 8760h.
	// Unset: the program's.
	// +optional
	ExpiresAfter InviteLifetime `json:"expiresAfter,omitempty"`

	// templateRef names the mail of the invites into this group. Unset: the program's.
	// +optional
	TemplateRef *TemplateReference `json:"templateRef,omitempty"`
}

// PartnerGroupStatus is what the operator observed of a group.
type PartnerGroupStatus struct {
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

	// partnerships tells how many partnerships whose group in force this is stand where. Unset: not counted yet.
	// +optional
	Partnerships *PartnershipCounts `json:"partnerships,omitempty"`
}

// PartnerGroupList is a list of groups.
//
// +kubebuilder:object:root=true
type PartnerGroupList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the groups.
	// +required
	Items []PartnerGroup `json:"items"`
}
