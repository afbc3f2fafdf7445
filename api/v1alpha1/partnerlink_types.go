package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PartnerLink is a link that a partner shares. Its name is the public text: /r/<namespace>/<name> leads to the
// destination and tells whose link it was. Deleting it kills it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=plink,categories=partners
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.partnershipRef.name`
// +kubebuilder:printcolumn:name="Partnership",type=string,JSONPath=`.spec.partnershipRef.name`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Destination",type=string,priority=1,JSONPath=`.status.destination`
// +kubebuilder:printcolumn:name="Program",type=string,priority=1,JSONPath=`.status.program`
// +kubebuilder:printcolumn:name="Member",type=string,priority=1,JSONPath=`.spec.member.email`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PartnerLink struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the partner, or the company, wishes.
	// +required
	Spec PartnerLinkSpec `json:"spec"`

	// status is what the operator observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status PartnerLinkStatus `json:"status,omitzero"`

	// Unreadable lists the fields that could not be read. It is not stored.
	Unreadable `json:"-"`
}

// PartnerLinkSpec is the wish for one link.
// +kubebuilder:validation:XValidation:rule="self.partnershipRef.name == oldSelf.partnershipRef.name",fieldPath=".partnershipRef",message="partnershipRef is immutable: what was shared counts for the partner who shared it, so create a new PartnerLink"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.programRef) || has(self.programRef) && self.programRef.name == oldSelf.programRef.name",fieldPath=".programRef",message="programRef is immutable once it is set: create a new PartnerLink"
// +kubebuilder:validation:XValidation:rule="has(self.member) == has(oldSelf.member) && (!has(self.member) || self.member.email.lowerAscii() == oldSelf.member.email.lowerAscii())",fieldPath=".member",message="member.email is immutable: what was shared counts for the member who shared it, so create a new PartnerLink"
type PartnerLinkSpec struct {
	// partnershipRef names the partnership that the link counts for. Immutable. While it does not exist, and never did,
	// the link leads nowhere and ResolvedRefs=False says so. Once it is deleted, its spec.onRemoval decides, or what the
	// link did before if that is stricter. Declaring the same partner again under that name gives the link back;
	// a partner who comes by a new invite or application starts without it, and so does another partner.
	// +required
	PartnershipRef PartnershipReference `json:"partnershipRef"`

	// programRef names the program of the partnership, for whoever may make links of that program only: the policies of
	// config/policy cannot see the partnership, so they ask for a verb on this program, and on all programs if it is unset.
	// Immutable once it is set. The program of another partnership than partnershipRef names: the link counts for nobody,
	// and ResolvedRefs=False/ProgramMismatch says so. Unset: the partnership's program, whichever that is.
	// +optional
	ProgramRef *ProgramReference `json:"programRef,omitempty"`

	// member is the person in a team whose link it is. Immutable. Without a team it can only be the contact, in whatever
	// case. Somebody else: the link counts for nobody, and ResolvedRefs=False/MemberNotFound says so. Unset: the partner
	// as a whole.
	// +optional
	Member *LinkMember `json:"member,omitempty"`

	// destination is where the link leads. It must be on one of the hosts that the program allows, else the link leads
	// nowhere and Ready=False/DestinationRefused says so. Unset: the group's, else the program's, followed live.
	// +optional
	Destination WebAddress `json:"destination,omitempty"`
}

// LinkMember is the person whose link it is.
type LinkMember struct {
	// email is the address of the person.
	// +required
	Email EmailAddress `json:"email"`
}

// LinkState is what a link does.
// +kubebuilder:validation:Enum=Active;Unattributed;Deactivated
type LinkState string

// The states of a link.
const (
	// LinkActive: it leads to its destination, and counts for the partner.
	LinkActive LinkState = "Active"
	// LinkUnattributed: it leads to its destination, and counts for nobody.
	LinkUnattributed LinkState = "Unattributed"
	// LinkDeactivated: it is not found.
	LinkDeactivated LinkState = "Deactivated"
)

// PartnerLinkStatus is what the operator observed of a link.
type PartnerLinkStatus struct {
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

	// state is what the link does: Active, Unattributed or Deactivated. The redirect itself asks the rules on each
	// request, so it can be ahead of this.
	// +optional
	State LinkState `json:"state,omitempty"`

	// stateTime is when the link came into this state, for the latest time.
	// +optional
	StateTime *metav1.Time `json:"stateTime,omitempty"`

	// url is what the partner shares.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	URL string `json:"url,omitempty"`

	// destination is where the link leads, without the program's parameter. While the program does not exist, it leads
	// where it led before. Unset: nowhere.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Destination string `json:"destination,omitempty"`

	// program is the name of the program that the link follows: what spec.programRef says, else what the partnership says,
	// or said when it was deleted. Unset: the partnership was never seen.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Program string `json:"program,omitempty"`

	// group is the name of the group that the link follows: the partnership's group in force, or that when it was
	// deleted. Unset: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`

	// onRemoval is what the link does once the partnership is deleted: what the partnership's onRemoval says, or what the
	// link does now if that is stricter. It is kept here, so that deleting need not wait for anything. Unset: the
	// partnership was never seen.
	// +optional
	OnRemoval Removal `json:"onRemoval,omitzero"`

	// partnershipUID is the UID of the partnership that the link belongs to, or belonged to when it was deleted. Unset: the
	// link was last changed before a version that writes this, or the partnership was never seen.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PartnershipUID string `json:"partnershipUID,omitempty"`

	// partnerMark stands for the partner of that partnership, a person or a team: a hash that takes a key of the operator to
	// make. With it another partner under the name of the partnership is told apart. Unset: as partnershipUID.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PartnerMark string `json:"partnerMark,omitempty"`

	// removedTime is when the partnership was seen to be deleted. Unset: it is there, or was never seen.
	// +optional
	RemovedTime *metav1.Time `json:"removedTime,omitempty"`
}

// PartnerLinkList is a list of links.
//
// +kubebuilder:object:root=true
type PartnerLinkList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the links.
	// +required
	Items []PartnerLink `json:"items"`
}
