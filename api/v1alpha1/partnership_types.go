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
// +kubebuilder:selectablefield:JSONPath=`.spec.contact.email`
// +kubebuilder:printcolumn:name="Partner",type=string,JSONPath=`.status.displayName`
// +kubebuilder:printcolumn:name="Program",type=string,JSONPath=`.spec.programRef.name`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.status.group`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Name",type=string,priority=1,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Email",type=string,priority=1,JSONPath=`.spec.contact.email`
// +kubebuilder:printcolumn:name="Stage",type=string,priority=1,JSONPath=`.spec.stage`
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

	// Unreadable lists the fields that could not be read. It is not stored.
	Unreadable `json:"-"`
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
// +kubebuilder:validation:XValidation:rule="has(self.contact) == has(oldSelf.contact) && (!has(self.contact) || self.contact.email.lowerAscii() == oldSelf.contact.email.lowerAscii())",fieldPath=".contact",message="contact.email is immutable: a different address is a different partner, so create a new Partnership"
// +kubebuilder:validation:XValidation:rule="has(self.teamRef) == has(oldSelf.teamRef) && (!has(self.teamRef) || self.teamRef.name == oldSelf.teamRef.name)",fieldPath=".teamRef",message="teamRef is immutable: create a new Partnership for the other team"
// +kubebuilder:validation:XValidation:rule="self.source == oldSelf.source",fieldPath=".source",message="source is immutable: it tells how the partnership came about"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.invitation) || oldSelf.invitation != 'Send' || (has(self.invitation) && self.invitation == 'Send')",fieldPath=".invitation",message="Send cannot be taken back, since only the person can accept: to end the invitation, set revocation or delete the Partnership"
// +kubebuilder:validation:XValidation:rule="has(self.onboarding) == has(oldSelf.onboarding) && (!has(self.onboarding) || self.onboarding == oldSelf.onboarding)",fieldPath=".onboarding",message="onboarding is immutable: decide with spec.approval"
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

	// invitation tells whether the operator invites the contact. Send: it makes the PartnerInvite <name>-invitation,
	// which goes with the partnership, and the partnership is Invited, without access, until the person accepts; then
	// onboarding decides. With teamRef the team's owner is invited, and the owner or an admin accepts. Send cannot be taken
	// back, and has no effect where the person agreed before (source Invite or JoinLink). Unset: None, the partner is not
	// asked.
	// +optional
	// +kubebuilder:default=None
	Invitation PartnershipInvitation `json:"invitation,omitempty"`

	// onboarding tells whether the company still has to approve: with Approval the partnership is Pending until
	// spec.approval. Immutable, so that a later change of the program's policy moves nobody. The operator sets it where
	// it makes a partnership. Unset: Approval with source JoinLink; with invitation Send what the program's
	// onboarding.invited says when the person accepts, as status.acceptance shows; else Automatic.
	// +optional
	Onboarding OnboardingPolicy `json:"onboarding,omitempty"`

	// portalAccess tells whether the partner can use the portal. Disabled: the partnership exists and counts, but there
	// is no sign-in, and no mail but that about a revocation; an invitation waits until it is Enabled. Sessions from
	// before stay dead. Unset: Enabled.
	// +optional
	// +kubebuilder:default=Enabled
	PortalAccess PortalAccess `json:"portalAccess,omitempty"`

	// stage is free text for people, such as Prospect; it decides nothing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Stage LineOfText `json:"stage,omitempty"`

	// approval is the company's decision about a partnership that waits as Pending. To approve into another group, set
	// groupRef in the same change. Each new decision is mailed once; one that stands here when the partnership is
	// created is not. Unset: none yet, or it was taken back.
	// +optional
	Approval *Approval `json:"approval,omitempty"`

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

	// onRemoval tells what deleting the partnership does.
	// +optional
	OnRemoval Removal `json:"onRemoval,omitzero"`

	// validUntil ends the partnership by itself, like a silent revocation: the state is Expired, sessions die, and no
	// mail is sent. Extending or removing it restores the partner silently. Unset: no end.
	// +optional
	ValidUntil Timestamp `json:"validUntil,omitempty"`
}

// PartnershipInvitation tells whether the operator invites the contact of a partnership.
// +kubebuilder:validation:Enum=None;Send
type PartnershipInvitation string

// The ways to come to a partner.
const (
	// InvitationNone: the person is not asked.
	InvitationNone PartnershipInvitation = "None"
	// InvitationSend: the operator invites the person, who becomes a partner only by accepting.
	InvitationSend PartnershipInvitation = "Send"
)

// PortalAccess tells whether a partner can use the portal.
// +kubebuilder:validation:Enum=Enabled;Disabled
type PortalAccess string

// The kinds of portal access.
const (
	// PortalAccessEnabled: the partner can sign in.
	PortalAccessEnabled PortalAccess = "Enabled"
	// PortalAccessDisabled: the partner cannot, and gets no mail but that about a revocation.
	PortalAccessDisabled PortalAccess = "Disabled"
)

// ApprovalDecision is what the company decided about a partner.
// +kubebuilder:validation:Enum=Approved;Rejected
type ApprovalDecision string

// The decisions about a partner.
const (
	// ApprovalApproved: the partner is welcome.
	ApprovalApproved ApprovalDecision = "Approved"
	// ApprovalRejected: the partner is not. Approving later is possible.
	ApprovalRejected ApprovalDecision = "Rejected"
)

// Approval is the company's decision about a partner.
// +kubebuilder:validation:XValidation:rule="!has(self.joinTeamRef) || self.decision == 'Approved'",fieldPath=".joinTeamRef",message="joinTeamRef goes with the decision Approved: approve the applicant into the team, or leave joinTeamRef out"
type Approval struct {
	// decision is Approved or Rejected.
	// +required
	Decision ApprovalDecision `json:"decision"`

	// note is mailed with a rejection, and shown in status. With an approval it is for people and is not mailed. Up to
	// 500 characters of plain text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Note string `json:"note,omitempty"`

	// joinTeamRef names a PartnerTeam that the applicant is to join instead of being a partner in their own right. The
	// partnership then stays Pending, with the reason JoiningTeam, and gives no access; the team decides about its
	// members. Leaving it out later makes them a partner in their own right. Only with the decision Approved. While the
	// team does not exist, ResolvedRefs=False/TeamNotFound says so. Unset: a partner in their own right.
	// +optional
	JoinTeamRef *TeamReference `json:"joinTeamRef,omitempty"`
}

// LinkEffect tells what a shared link of a partner does.
// +kubebuilder:validation:Enum=Keep;Redirect;Deactivate
type LinkEffect string

// The effects of a shared link.
const (
	// LinkKeep: it leads to its destination, and counts for the partner.
	LinkKeep LinkEffect = "Keep"
	// LinkRedirect: it leads to its destination, and counts for nobody.
	LinkRedirect LinkEffect = "Redirect"
	// LinkDeactivate: it is not found.
	LinkDeactivate LinkEffect = "Deactivate"
)

// Removal tells what deleting a partnership does.
type Removal struct {
	// links tells what becomes of the links that the partner has shared: Keep, Redirect (they work, and count for
	// nobody) or Deactivate (not found). Unset: Redirect.
	// +optional
	// +kubebuilder:default=Redirect
	Links LinkEffect `json:"links,omitempty"`
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

	// links tells what becomes of the links that the partner has shared, while the revocation lasts: Keep (they work and
	// earn), Redirect (they work, and count for nobody) or Deactivate (not found). Unset: Redirect.
	// +optional
	// +kubebuilder:default=Redirect
	Links LinkEffect `json:"links,omitempty"`
}

// PartnershipState is where a partnership stands.
// +kubebuilder:validation:Enum=Invited;Pending;Active;Revoked;Rejected;Expired;Conflict
type PartnershipState string

// The states of a partnership. Only Active gives access.
const (
	// PartnershipInvited: the person has not accepted yet.
	PartnershipInvited PartnershipState = "Invited"
	// PartnershipPending: the company has not approved yet.
	PartnershipPending PartnershipState = "Pending"
	// PartnershipActive: the partner has access, as long as the program exists and portalAccess is Enabled.
	PartnershipActive PartnershipState = "Active"
	// PartnershipRevoked: the company ended access; removing spec.revocation restores the state of before.
	PartnershipRevoked PartnershipState = "Revoked"
	// PartnershipRejected: the company decided against the partner; approving is still possible.
	PartnershipRejected PartnershipState = "Rejected"
	// PartnershipExpired: spec.validUntil has passed; extending it restores the state of before.
	PartnershipExpired PartnershipState = "Expired"
	// PartnershipConflict: an older Partnership of the same partner in the same program counts; this one has no effect
	// until that is deleted.
	PartnershipConflict PartnershipState = "Conflict"
)

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
