package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Partnership is one partner, a person or a team, in one Program. It alone decides access: whoever has none sees
// nothing of the program.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pship,categories=partners
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.programRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.groupRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.teamRef.name`
// +kubebuilder:printcolumn:name="Program",type=string,JSONPath=`.spec.programRef.name`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.status.group`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Name",type=string,priority=1,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Email",type=string,priority=1,JSONPath=`.spec.contact.email`
// +kubebuilder:printcolumn:name="Team",type=string,priority=1,JSONPath=`.spec.teamRef.name`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Partnership struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec PartnershipSpec `json:"spec"`

	// status is what the operator observed and did.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status PartnershipStatus `json:"status,omitzero"`
}

// PartnershipSource tells how a partnership came about.
// +kubebuilder:validation:Enum=Admin;Invite;JoinLink;Network;Import
type PartnershipSource string

// The sources of a partnership.
const (
	// SourceAdmin: the company declared it.
	SourceAdmin PartnershipSource = "Admin"
	// SourceInvite: a person accepted a PartnerInvite.
	SourceInvite PartnershipSource = "Invite"
	// SourceJoinLink: a person applied by a join link.
	SourceJoinLink PartnershipSource = "JoinLink"
	// SourceNetwork: it came from a partner network.
	SourceNetwork PartnershipSource = "Network"
	// SourceImport: it was imported from a file.
	SourceImport PartnershipSource = "Import"
)

// PartnershipSpec is the company's wish for one partner in one program.
// +kubebuilder:validation:XValidation:rule="has(self.contact) != has(self.teamRef)",message="set exactly one of contact (a person) and teamRef (a team)"
// +kubebuilder:validation:XValidation:rule="self.programRef.name == oldSelf.programRef.name",fieldPath=".programRef",message="programRef is immutable: create a Partnership in the other program"
// +kubebuilder:validation:XValidation:rule="has(self.contact) == has(oldSelf.contact) && (!has(self.contact) || self.contact.email == oldSelf.contact.email)",fieldPath=".contact",message="contact.email is immutable: a different address is a different partner, so create a new Partnership"
// +kubebuilder:validation:XValidation:rule="has(self.teamRef) == has(oldSelf.teamRef) && (!has(self.teamRef) || self.teamRef.name == oldSelf.teamRef.name)",fieldPath=".teamRef",message="teamRef is immutable: create a new Partnership for the other team"
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",fieldPath=".source",message="source is immutable: it tells how the partnership came about"
type PartnershipSpec struct {
	// programRef names the program. Immutable. While it does not exist, access is refused and ResolvedRefs=False
	// says so; creating it again restores the partnership.
	// +required
	ProgramRef ProgramReference `json:"programRef"`

	// groupRef names the group; change it to move the partner, with effect on the next request. The group must
	// belong to the program, else the group in force stays and ResolvedRefs=False/GroupNotInProgram says why.
	// Unset, or while the group does not exist: the program's defaultGroupRef. status.group shows the result.
	// +optional
	GroupRef *GroupReference `json:"groupRef,omitempty"`

	// displayName is the partner's name as the company reads it. Unset: the contact's name or the team's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName,omitempty"`

	// contact is the person. Exactly one of contact and teamRef is set; the email is immutable.
	// +optional
	Contact *Contact `json:"contact,omitempty"`

	// teamRef names the team that is the partner. Exactly one of contact and teamRef is set; immutable. While the
	// team does not exist, ResolvedRefs=False/TeamNotFound says so.
	// +optional
	TeamRef *TeamReference `json:"teamRef,omitempty"`

	// source tells how the partnership came about: Admin (declared by the company), Invite, JoinLink, Network or
	// Import. Immutable. Unset: Admin.
	// +optional
	// +kubebuilder:default=Admin
	Source PartnershipSource `json:"source,omitempty"`

	// application is what the partner entered into the application form of the group. It decides nothing, and the company
	// may correct it. Unset: nothing was asked.
	// +optional
	Application Application `json:"application,omitzero"`

	// customFields are facts of the company's own, such as region: EMEA, for people and for other systems. They decide
	// nothing, and the partner does not see them. A partnership that comes from an invite begins with those of the
	// invite.
	// +optional
	CustomFields CustomFields `json:"customFields,omitempty"`

	// revocation ends access while it is present: sessions die on the next request, sign-in sends nothing. Removing
	// it reinstates the partner silently in the exact earlier state; sessions from before stay dead.
	// +optional
	Revocation *Revocation `json:"revocation,omitempty"`
}

// Revocation ends a partner's access while it is present.
type Revocation struct {
	// reason is mailed to the partner, if notify is true, and shown in status. Up to 500 characters of plain text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Reason string `json:"reason,omitempty"`

	// notify tells whether the partner gets one mail about it. What stands here when the revocation is first seen
	// decides: setting it to true later sends nothing. A partnership that is created revoked sends no mail.
	// Unset: true.
	// +optional
	// +kubebuilder:default=true
	Notify *bool `json:"notify,omitempty"`
}

// PartnershipState is where a partnership stands.
// +kubebuilder:validation:Enum=Active;Revoked
type PartnershipState string

// The states of a partnership.
const (
	// PartnershipActive: the partner has access, as long as the program exists.
	PartnershipActive PartnershipState = "Active"
	// PartnershipRevoked: the company ended access; removing spec.revocation restores it.
	PartnershipRevoked PartnershipState = "Revoked"
)

// PartnershipSignIn is what the portal knows of the partner's sign-in.
type PartnershipSignIn struct {
	// serial counts sign-in links and their use: only a link of this serial works, and using it counts on.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial,omitempty"`

	// requestedTime is when the open link was asked for. Unset: no link is open.
	// +optional
	RequestedTime *metav1.Time `json:"requestedTime,omitempty"`

	// lastTime is when the partner last signed in with a link.
	// +optional
	LastTime *metav1.Time `json:"lastTime,omitempty"`
}

// HandledRevocation tells which revocation was carried out last.
type HandledRevocation struct {
	// serial counts the revocations of this partnership; reinstating does not count.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial"`
}

// PartnershipStatus is what the operator observed and did.
type PartnershipStatus struct {
	// conditions are Ready, ResolvedRefs and Active, and Reconciling and Stalled only while they are True.
	// Active tells, with a reason, whether the partner has access.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state is where the partnership stands: Active or Revoked.
	// +optional
	State PartnershipState `json:"state,omitempty"`

	// group is the name of the group in force. Unset: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`

	// activatedTime is when the partnership first became Active.
	// +optional
	ActivatedTime *metav1.Time `json:"activatedTime,omitempty"`

	// revokedTime is when the revocation in force was carried out. Unset: none is in force.
	// +optional
	RevokedTime *metav1.Time `json:"revokedTime,omitempty"`

	// sessionsNotBefore kills sessions: one that was signed in at or before this time no longer counts here. It is
	// set by a revocation and by signing out.
	// +optional
	SessionsNotBefore *metav1.MicroTime `json:"sessionsNotBefore,omitempty"`

	// signIn is what the portal knows of the partner's sign-in.
	// +optional
	SignIn PartnershipSignIn `json:"signIn,omitzero"`

	// handledRevocation tells which revocation was carried out last. Unset: none ever was.
	// +optional
	HandledRevocation *HandledRevocation `json:"handledRevocation,omitempty"`

	// mails records the newest mail of each kind to the partner: at most one is sent for each serial.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MaxItems=16
	Mails []MailDelivery `json:"mails,omitempty"`
}

// PartnershipList is a list of partnerships.
//
// +kubebuilder:object:root=true
type PartnershipList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the partnerships.
	// +required
	Items []Partnership `json:"items"`
}
