package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ForgetMembersAnnotation asks the operator to take people out of status.members of a team, whatever their state: their
// serials, with commas. It names no address, and the current owner stays. kubectl partner forget sets it, and takes it
// away once that is done.
const ForgetMembersAnnotation = "partner-operator.io/forget-members"

// PartnerTeam is a company or an agency that is a partner as a whole. A team joins a program by a Partnership with
// teamRef.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pteam,categories=partners
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Owner",type=string,JSONPath=`.status.owner.email`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.activeMembers`
// +kubebuilder:printcolumn:name="Waiting",type=integer,JSONPath=`.status.waitingApprovals`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PartnerTeam struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec PartnerTeamSpec `json:"spec"`

	// status is what the operator observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status PartnerTeamStatus `json:"status,omitzero"`

	// Unreadable lists the fields that could not be read. It is not stored.
	Unreadable `json:"-"`
}

// PartnerTeamSpec is the company's wish for one team.
// +kubebuilder:validation:XValidation:rule="self.owner.email.lowerAscii() == oldSelf.owner.email.lowerAscii()",fieldPath=".owner",message="owner.email is immutable: it names the first owner, and only the owner can hand the team over"
type PartnerTeamSpec struct {
	// displayName is the name that the team's members and the company read.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName"`

	// owner is the first owner of the team; status.owner tells who owns it now. The email is immutable: the company
	// cannot take a team from its owner.
	// +required
	Owner TeamOwner `json:"owner"`
}

// PartnerTeamStatus is what the operator observed of a team.
type PartnerTeamStatus struct {
	// conditions are Ready, and Reconciling and Stalled only while they are True. Ready=False/OwnerInvalid: the
	// owner's address is not one that mail can be sent to. Mailed is there once a mail was due, and tells whether the mails left.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// owner is the owner now. Only the owner can hand the team over, in the portal.
	// +optional
	Owner *TeamOwner `json:"owner,omitempty"`

	// activeMembers counts the people in the team, the owner included.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=200
	ActiveMembers int32 `json:"activeMembers"`

	// waitingApprovals counts the people who wait for the owner or an admin to approve them.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=200
	WaitingApprovals int32 `json:"waitingApprovals"`

	// memberSalt is random text that the IDs of members are made with that events tell to other systems. The operator writes
	// it once, with the first thing that happens to the people of the team. It is no credential. Unset: nothing has happened
	// yet, or not since a version without it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	MemberSalt string `json:"memberSalt,omitempty"`

	// members are the people of the team, those on the way into it, and, as long as there is room, those who are not in
	// it any more. The owner is one of them.
	// +optional
	// +listType=map
	// +listMapKey=email
	// +kubebuilder:validation:MaxItems=200
	Members []TeamMember `json:"members,omitempty"`

	// invitations are those that the owner and the admins sent within the last day, the oldest first, also to people who
	// are not in the team any more. A team sends 20 an hour and 50 a day, of them three to the same address.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Invitations []TeamInvitation `json:"invitations,omitempty"`

	// lastSerial is the highest number that was given to an occasion for links.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	LastSerial int64 `json:"lastSerial,omitempty"`

	// handledResend is the text of the annotation partner-operator.io/resend-requested-at that failed mails were last tried anew for.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	HandledResend string `json:"handledResend,omitempty"`

	// handledSignOut tells which request to end sessions of the team's people was carried out last. Unset: none ever was.
	// +optional
	HandledSignOut *HandledSignOut `json:"handledSignOut,omitempty"`

	// mails are those to people of the team that have not left, or failed.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=to
	// +listMapKey=serial
	// +kubebuilder:validation:MaxItems=700
	// +kubebuilder:validation:items:XValidation:rule="size(self.to) >= 3",message="to is required"
	Mails []MailDelivery `json:"mails,omitempty"`
}

// PartnerTeamList is a list of teams.
//
// +kubebuilder:object:root=true
type PartnerTeamList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the teams.
	// +required
	Items []PartnerTeam `json:"items"`
}
