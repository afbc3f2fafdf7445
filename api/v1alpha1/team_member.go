package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TeamRole is what a person may do in a team. docs/teams.md has the table.
// +kubebuilder:validation:Enum=Owner;Admin;Member;Finance
type TeamRole string

// The roles in a team.
const (
	// RoleOwner: everything, and the only one who can hand the team over. A team has exactly one.
	RoleOwner TeamRole = "Owner"
	// RoleAdmin: manages the people, and joins programs.
	RoleAdmin TeamRole = "Admin"
	// RoleMember: works with the programs, with links of their own.
	RoleMember TeamRole = "Member"
	// RoleFinance: sees and withdraws commissions.
	RoleFinance TeamRole = "Finance"
)

// ProposedRole is the role that is proposed for a teammate. Nobody can be proposed as the owner.
// +kubebuilder:validation:Enum=Admin;Member;Finance
type ProposedRole string

// TeamMemberState is where a person stands in a team.
// +kubebuilder:validation:Enum=AwaitingApproval;Rejected;Invited;Active;Declined;Removed
type TeamMemberState string

// The states of a member. Only Active gives access.
const (
	// MemberAwaitingApproval: the company proposed the person; the owner or an admin has yet to approve.
	MemberAwaitingApproval TeamMemberState = "AwaitingApproval"
	// MemberRejected: the owner or an admin decided against the person, who was not mailed.
	MemberRejected TeamMemberState = "Rejected"
	// MemberInvited: the person is mailed a link, and has yet to accept.
	MemberInvited TeamMemberState = "Invited"
	// MemberActive: the person is in the team.
	MemberActive TeamMemberState = "Active"
	// MemberDeclined: the person does not want to.
	MemberDeclined TeamMemberState = "Declined"
	// MemberRemoved: the person left, or was taken out.
	MemberRemoved TeamMemberState = "Removed"
)

// TeamMemberSource tells who brought a person into a team.
// +kubebuilder:validation:Enum=Owner;Company;Team
type TeamMemberSource string

// The sources of a member.
const (
	// MemberFromOwner: the first owner.
	MemberFromOwner TeamMemberSource = "Owner"
	// MemberFromCompany: a PartnerInvite of the company.
	MemberFromCompany TeamMemberSource = "Company"
	// MemberFromTeam: the owner or an admin, in the portal.
	MemberFromTeam TeamMemberSource = "Team"
)

// TeamMember is a person in a team, or on the way into or out of it. All of it is fact: people write it in the portal.
type TeamMember struct {
	// email is the person's address. It is there once, whatever its case.
	// +required
	Email EmailAddress `json:"email"`

	// firstName is used in greetings. Unset: mail greets without a name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	FirstName LineOfText `json:"firstName,omitempty"`

	// lastName completes the name shown to the company.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	LastName LineOfText `json:"lastName,omitempty"`

	// role is Owner, Admin, Member or Finance. Only people of the team change it, in the portal.
	// +required
	Role TeamRole `json:"role"`

	// state is AwaitingApproval, Rejected, Invited, Active, Declined or Removed. Only Active gives access.
	// +required
	State TeamMemberState `json:"state"`

	// source tells who brought the person in: Owner (the first owner), Company or Team.
	// +required
	Source TeamMemberSource `json:"source"`

	// inviteRef names the PartnerInvite that proposed the person. With its uid, deleting that invite withdraws what was not
	// accepted. Unset: none did.
	// +optional
	InviteRef *ProposalReference `json:"inviteRef,omitempty"`

	// partnershipRef names the Partnership of an applicant whom the company sent on to the team. Unset: none was.
	// +optional
	PartnershipRef *PartnershipReference `json:"partnershipRef,omitempty"`

	// serial is the number, within the team, of the latest occasion for which links were issued about this person: to
	// approve, or to join. Links of other numbers are dead.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial,omitempty"`

	// approvalSerial is the number of the occasion for which the owner and the admins were last asked about this person. It
	// stays after the decision, so that their links still say what became of it. Unset: nobody was asked.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	ApprovalSerial int64 `json:"approvalSerial,omitempty"`

	// expiresAfter is how long the link to join works, as the PartnerInvite says that proposed the person. Unset: 7 days.
	// +optional
	ExpiresAfter InviteLifetime `json:"expiresAfter,omitempty"`

	// inviteSerial is the serial of the PartnerInvite for which the person was last proposed. Unset: the first.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	InviteSerial int64 `json:"inviteSerial,omitempty"`

	// wrongAddresses counts the wrong addresses that were typed on the page of the link to join. With 10 the link is dead
	// until the person is invited again.
	// +optional
	WrongAddresses WrongAddresses `json:"wrongAddresses,omitempty"`

	// askedTime is when the mails were noted that ask the owner and the admins to approve.
	// +optional
	AskedTime *metav1.Time `json:"askedTime,omitempty"`

	// invitedTime is when the person was invited, for the latest time.
	// +optional
	InvitedTime *metav1.Time `json:"invitedTime,omitempty"`

	// sentTime is when the mail server took the mail of that. Unset: it has not left.
	// +optional
	SentTime *metav1.Time `json:"sentTime,omitempty"`

	// repeat counts how often that mail was asked for once more, with the same link. Unset: never.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Repeat int64 `json:"repeat,omitempty"`

	// expiryTime is when the link in that mail stops working; the person can be invited again then.
	// +optional
	ExpiryTime *metav1.Time `json:"expiryTime,omitempty"`

	// joinedTime is when the person became Active, for the latest time.
	// +optional
	JoinedTime *metav1.Time `json:"joinedTime,omitempty"`

	// endedTime is when the person was rejected, declined, left or was removed, for the latest time.
	// +optional
	EndedTime *metav1.Time `json:"endedTime,omitempty"`

	// ownLinks tells that the person came since each member of a team gets default links of their own. Unset: they came
	// before, and share those of the team where it has them.
	// +optional
	OwnLinks bool `json:"ownLinks,omitempty"`

	Access `json:",inline"`
}

// ProposalReference names the PartnerInvite of the same namespace that proposed a person.
type ProposalReference struct {
	// name is the name of a PartnerInvite in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// uid is the UID of that PartnerInvite. Unset: whichever has the name.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// TeamInvitation is an invitation that the owner or an admin of a team sent.
type TeamInvitation struct {
	// time is when.
	// +required
	Time metav1.Time `json:"time"`

	// to is whom they invited.
	// +required
	To EmailAddress `json:"to"`
}

// ProposedMember is a person whom the company proposes for a team.
type ProposedMember struct {
	// email is where mail goes once the person is approved.
	// +required
	Email EmailAddress `json:"email"`

	// firstName is used in greetings. Unset: mail greets without a name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	FirstName LineOfText `json:"firstName,omitempty"`

	// lastName completes the name shown to the company.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	LastName LineOfText `json:"lastName,omitempty"`

	// role is what is proposed to the owner, who can change it later: Admin, Member or Finance. Unset: Member.
	// +optional
	Role ProposedRole `json:"role,omitempty"`
}

// NewTeam is a team that the contact of an invite is to own.
type NewTeam struct {
	// name is the name of the PartnerTeam that accepting creates, and the first part of the names of its partnerships. If
	// a PartnerTeam of that name exists, the invite is refused with TeamExists.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Name string `json:"name"`

	// displayName is the name of the team that people read. Unset: its name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName,omitempty"`

	// members are people proposed for the team, up to 50. The owner approves or strikes each; who is approved is invited
	// then. One who is named twice, in whatever case, counts once.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Members []ProposedMember `json:"members,omitempty"`
}

// InviteMember is what became of a person whom an invite proposes for a team.
type InviteMember struct {
	// email is the person's address, as the invite writes it.
	// +required
	Email EmailAddress `json:"email"`

	// state is where the person stands in the team: AwaitingApproval, Rejected, Invited, Active, Declined or Removed.
	// Unset: the person is not in the team through this invite; reason says why.
	// +optional
	State TeamMemberState `json:"state,omitempty"`

	// reason says more in one word: Approved, Struck, Expired, AlreadyMember, AlreadyInvited, AddressInvalid, TeamFull,
	// MailFailed, TeamDeclined or NotInTeam. Unset: there is nothing more to say.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
}

// Reasons of a person in status.members of an invite.
const (
	// MemberReasonApproved: the owner approved the person, who is being invited.
	MemberReasonApproved = "Approved"
	// MemberReasonStruck: the owner struck the person when accepting for the team.
	MemberReasonStruck = "Struck"
	// MemberReasonExpired: the person did not answer in time; somebody of the team, or a new invite, can invite again.
	MemberReasonExpired = "Expired"
	// MemberReasonAlreadyMember: the person was in the team already.
	MemberReasonAlreadyMember = "AlreadyMember"
	// MemberReasonAlreadyInvited: the person was invited or proposed already; that goes on.
	MemberReasonAlreadyInvited = "AlreadyInvited"
	// MemberReasonAddressInvalid: no mail can be sent to the address.
	MemberReasonAddressInvalid = "AddressInvalid"
	// MemberReasonTeamFull: the team has 200 people; somebody has to leave first.
	MemberReasonTeamFull = "TeamFull"
	// MemberReasonMailFailed: the mail to the person could not be delivered.
	MemberReasonMailFailed = "MailFailed"
	// MemberReasonTeamDeclined: the team said no to the person, so the resend asked nobody.
	MemberReasonTeamDeclined = "TeamDeclined"
	// MemberReasonNotInTeam: the person is not in the team any more, so the resend asked nobody; a new invite can.
	MemberReasonNotInTeam = "NotInTeam"
)
