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
	ValidUntil *metav1.Time `json:"validUntil,omitempty"`
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

// PartnershipAcceptance is how the contact of a partnership came to agree to it.
type PartnershipAcceptance struct {
	// time is when the person accepted.
	// +required
	Time metav1.Time `json:"time"`

	// inviteRef names the invite that was accepted. It stays here when the invite is deleted.
	// +required
	InviteRef InviteReference `json:"inviteRef"`

	// onboarding is the program's onboarding.invited at that time. A later change of the program moves nobody.
	// +optional
	Onboarding OnboardingPolicy `json:"onboarding,omitempty"`
}

// InviteReference names a PartnerInvite of the same namespace.
type InviteReference struct {
	// name is the name of a PartnerInvite in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// HandledApproval tells which decision was carried out last.
type HandledApproval struct {
	// serial counts the decisions about this partnership that differ from the one before.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial"`

	// decision is what was decided. It stays here when spec.approval is taken back, so that the same decision again
	// sends no second mail.
	// +required
	Decision ApprovalDecision `json:"decision"`

	// time is when it was carried out. A rejected person can apply again when the group's join.reapplyAfter has passed
	// since then. Unset: it is not known, and nobody can.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// Reapplication is an application of somebody whom the company had rejected.
type Reapplication struct {
	// serial counts the applications after the first.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial"`

	// time is when the person applied.
	// +required
	Time metav1.MicroTime `json:"time"`

	// groupRef names the group whose join link it was. Approve into it, or into another, with groupRef in the spec.
	// +required
	GroupRef GroupReference `json:"groupRef"`

	// fields are what the person entered. Those of the first application stay in spec.application.fields.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	Fields map[string]Answer `json:"fields,omitempty"`

	// approval is the rejection that stood then. As long as spec.approval says the same, the person waits for a new
	// decision.
	// +required
	Approval Approval `json:"approval"`

	// approvalSerial is the number of that rejection in handledApproval.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	ApprovalSerial int64 `json:"approvalSerial,omitempty"`
}

// TermsAcceptance tells which wording of a program's terms a partner accepted.
type TermsAcceptance struct {
	// version is the version of the terms that was accepted.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Version string `json:"version"`

	// acceptedBy is the address of the person who accepted them.
	// +required
	AcceptedBy EmailAddress `json:"acceptedBy"`

	// time is when that was.
	// +required
	Time metav1.Time `json:"time"`
}

// GroupMove is a change of the group in force.
type GroupMove struct {
	// from is the name of the group before. Unset: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	From string `json:"from,omitempty"`

	// to is the name of the group after. Unset: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	To string `json:"to,omitempty"`

	// time is when it was carried out.
	// +required
	Time metav1.Time `json:"time"`
}

// PartnershipStatus is what the operator observed and did.
type PartnershipStatus struct {
	// conditions are Ready, ResolvedRefs and Active, and Reconciling and Stalled only while they are True.
	// Active tells, with a reason, whether the partnership is in force.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state is where the partnership stands: Invited, Pending, Active, Revoked, Rejected, Expired or Conflict.
	// +optional
	State PartnershipState `json:"state,omitempty"`

	// group is the name of the group in force. Unset: none.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`

	// lastMove is the latest change of the group in force. Unset: there was none.
	// +optional
	LastMove *GroupMove `json:"lastMove,omitempty"`

	// inviteRef names the PartnerInvite that was made for invitation Send. It is made once: deleting it withdraws the
	// invitation.
	// +optional
	InviteRef *InviteReference `json:"inviteRef,omitempty"`

	// acceptance tells that the person accepted an invite into this partnership. Unset: it was not asked for, or has not
	// happened yet, or source tells it.
	// +optional
	Acceptance *PartnershipAcceptance `json:"acceptance,omitempty"`

	// handledApproval tells which decision of spec.approval was carried out last. Unset: none ever was.
	// +optional
	HandledApproval *HandledApproval `json:"handledApproval,omitempty"`

	// reapplication is the newest application of the person after a rejection. Unset: there was none.
	// +optional
	Reapplication *Reapplication `json:"reapplication,omitempty"`

	// portalAccess is Disabled once sessions were ended because of it. Unset: the portal is open, as far as this goes.
	// +optional
	PortalAccess PortalAccess `json:"portalAccess,omitempty"`

	// activatedTime is when the partnership first became Active.
	// +optional
	ActivatedTime *metav1.Time `json:"activatedTime,omitempty"`

	// revokedTime is when the revocation in force was carried out. Unset: none is in force.
	// +optional
	RevokedTime *metav1.Time `json:"revokedTime,omitempty"`

	// sessionsNotBefore kills sessions: one that was signed in at or before this time no longer counts here. It is
	// set by whatever ends access, and by signing out.
	// +optional
	SessionsNotBefore *metav1.MicroTime `json:"sessionsNotBefore,omitempty"`

	// signIn is what the portal knows of the partner's sign-in.
	// +optional
	SignIn PartnershipSignIn `json:"signIn,omitzero"`

	// handledRevocation tells which revocation was carried out last. Unset: none ever was.
	// +optional
	HandledRevocation *HandledRevocation `json:"handledRevocation,omitempty"`

	// terms tells which wording of the program's terms was accepted last. While that is another than the program's, the
	// portal asks for it and shows nothing else of the program. Unset: none was.
	// +optional
	Terms *TermsAcceptance `json:"terms,omitempty"`

	// defaultLinks are the suffixes of the default links that were made for the partnership. Each is made once.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=30
	DefaultLinks []string `json:"defaultLinks,omitempty"`

	// mails records the newest mail of each kind to the partner, for a team to each of its owner and admins: at most one
	// is sent for each serial and recipient.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=to
	// +kubebuilder:validation:MaxItems=64
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
