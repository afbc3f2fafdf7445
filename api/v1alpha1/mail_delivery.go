package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MailKind tells what a mail is about.
// +kubebuilder:validation:Enum=invite;team-invite;teammate-approval;teammate-invite;sign-in;approved;rejected;revoked;verify-address;application-received
type MailKind string

// The kinds of mail.
const (
	// MailInvite invites a person.
	MailInvite MailKind = "invite"
	// MailTeamInvite invites a person to own a new team, or a team into further programs.
	MailTeamInvite MailKind = "team-invite"
	// MailTeammateApproval asks the owner or an admin of a team to approve a person whom the company proposes for it.
	MailTeammateApproval MailKind = "teammate-approval"
	// MailTeammateInvite invites a person into a team.
	MailTeammateInvite MailKind = "teammate-invite"
	// MailSignIn carries a sign-in link that somebody asked for in the portal.
	MailSignIn MailKind = "sign-in"
	// MailApproved welcomes a partner whom the company approved.
	MailApproved MailKind = "approved"
	// MailRejected tells a person that the company decided against them, with the note.
	MailRejected MailKind = "rejected"
	// MailRevoked tells a partner that access has ended, with the reason.
	MailRevoked MailKind = "revoked"
	// MailVerifyAddress lets an applicant show that they read the mail of an address.
	MailVerifyAddress MailKind = "verify-address"
	// MailApplicationReceived tells the company's staff that somebody applied by a join link.
	MailApplicationReceived MailKind = "application-received"
)

// MailKinds are all kinds of mail there are.
var MailKinds = []MailKind{
	MailInvite, MailTeamInvite, MailTeammateApproval, MailTeammateInvite, MailSignIn, MailApproved, MailRejected, MailRevoked,
	MailVerifyAddress, MailApplicationReceived,
}

// DeliveryState is where a mail stands.
// +kubebuilder:validation:Enum=Pending;Sending;Sent;Skipped;Failed
type DeliveryState string

// The states of a mail.
const (
	// DeliveryPending: to be sent, or to be tried again.
	DeliveryPending DeliveryState = "Pending"
	// DeliverySending: claimed; being handed to the mail server now.
	DeliverySending DeliveryState = "Sending"
	// DeliverySent: the mail server took it.
	DeliverySent DeliveryState = "Sent"
	// DeliverySkipped: not to be sent, for example because notify is false.
	DeliverySkipped DeliveryState = "Skipped"
	// DeliveryFailed: given up; message says why.
	DeliveryFailed DeliveryState = "Failed"
)

// MailCause is what a mail that was not taken waits for, where that is nothing of its own.
// +kubebuilder:validation:Enum=Refused;Unreachable
type MailCause string

// The causes.
const (
	// MailRefused: the mail server refuses the operator's sign-in or the sender. Such a try does not count.
	MailRefused MailCause = "Refused"
	// MailUnreachable: the mail server cannot be reached.
	MailUnreachable MailCause = "Unreachable"
)

// MailDelivery records one mail. It is claimed here before it is sent, so that nothing sends it twice.
type MailDelivery struct {
	// kind tells what the mail is about.
	// +required
	Kind MailKind `json:"kind"`

	// to is the address that it goes to, of those who are told for a team. Unset: the contact's.
	// +optional
	// +default=""
	// +kubebuilder:validation:MaxLength=254
	To string `json:"to"`

	// serial is the number of the occasion; one mail is sent for each.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial"`

	// state is where the mail stands.
	// +required
	State DeliveryState `json:"state"`

	// attempts counts the tries to hand it to the mail server, but for those in which that refused the operator or the
	// sender.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	Attempts int32 `json:"attempts,omitempty"`

	// firstAttemptTime is when the first of these tries began, but for those in which the mail server could not be reached.
	// +optional
	FirstAttemptTime *metav1.Time `json:"firstAttemptTime,omitempty"`

	// lastAttemptTime is when the latest of these tries began.
	// +optional
	LastAttemptTime *metav1.Time `json:"lastAttemptTime,omitempty"`

	// message says why the latest try failed, without any address.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// cause is what the mail waits for after the latest try. Unset: that try was its own, or there was none.
	// +optional
	Cause MailCause `json:"cause,omitempty"`

	// repeat counts how often this mail was asked for once more, with the same link. Unset: never.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Repeat int64 `json:"repeat,omitempty"`

	// about names the other partnerships of the same person that this mail tells of, too. Unset: none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=500
	// +kubebuilder:validation:items:MaxLength=253
	About []string `json:"about,omitempty"`
}
