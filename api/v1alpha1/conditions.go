package v1alpha1

// Condition types. Every kind has Ready; Reconciling and Stalled are present only while they are True.
const (
	// ConditionReady is True once the operator has done its part, also while a person has yet to answer. While False,
	// its reason is that of the condition in the way.
	ConditionReady = "Ready"
	// ConditionResolvedRefs tells whether everything that the spec names exists and fits together.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionReconciling is present while the operator waits or tries again by itself.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present while nothing will happen until somebody changes something.
	ConditionStalled = "Stalled"
	// ConditionMailReady tells whether the mail of a program can leave, as far as the latest mails tell.
	ConditionMailReady = "MailReady"
	// ConditionSent tells whether the mail of an invite has left.
	ConditionSent = "Sent"
	// ConditionAccepted tells what the person answered to an invite.
	ConditionAccepted = "Accepted"
	// ConditionActive tells whether a partner has access.
	ConditionActive = "Active"
)

// Reasons of ResolvedRefs, and of Ready, Reconciling and Stalled while a reference is in the way.
const (
	// ReasonResolvedRefs: True, everything that the spec names exists.
	ReasonResolvedRefs = "ResolvedRefs"
	// ReasonProgramNotFound: False, a Program does not exist yet; the message names it.
	ReasonProgramNotFound = "ProgramNotFound"
	// ReasonGroupNotFound: False, a PartnerGroup does not exist yet; the message names it.
	ReasonGroupNotFound = "GroupNotFound"
	// ReasonGroupNotInProgram: False, a PartnerGroup belongs to another Program.
	ReasonGroupNotInProgram = "GroupNotInProgram"
	// ReasonTeamNotFound: False, a PartnerTeam does not exist yet; the message names it.
	ReasonTeamNotFound = "TeamNotFound"
	// ReasonTemplateNotFound: False, a ConfigMap that a templateRef names does not exist yet; the message names it.
	ReasonTemplateNotFound = "TemplateNotFound"
	// ReasonTooManyPrograms: False and Stalled, an invite without programs would offer more than status can hold.
	ReasonTooManyPrograms = "TooManyPrograms"
)

// Reasons of Ready.
const (
	// ReasonReady: True, nothing is left to do.
	ReasonReady = "Ready"
	// ReasonOwnerInvalid: False and Stalled, no mail can be sent to the address of a team's owner.
	ReasonOwnerInvalid = "OwnerInvalid"
)

// Reasons of MailReady, besides Ready.
const (
	// ReasonTransportUnreachable: False, the mail server cannot be reached or breaks off; mails are tried again.
	ReasonTransportUnreachable = "TransportUnreachable"
	// ReasonTransportRejected: False, the mail server refuses the operator's sign-in or sender; mails wait as Held, and
	// one at a time tries again.
	ReasonTransportRejected = "TransportRejected"
	// ReasonBrandInvalid: False, the ConfigMap partner-brand, or a template or Secret that it names, cannot be used; mails
	// wait as Held, and go out once it is mended. The message names the key.
	ReasonBrandInvalid = "BrandInvalid"
)

// Reasons of Sent.
const (
	// ReasonSent: True, the mail server took the mail.
	ReasonSent = "Sent"
	// ReasonSending: False, the mail is being handed to the mail server.
	ReasonSending = "Sending"
	// ReasonTemporaryFailure: False and Reconciling, the mail server did not take the mail; it is tried again, and the
	// message says why and when.
	ReasonTemporaryFailure = "TemporaryFailure"
	// ReasonAddressRejected: False and Stalled, the mail server refused the recipient for good.
	ReasonAddressRejected = "AddressRejected"
	// ReasonGaveUp: False and Stalled, the mail server did not take the mail for a day.
	ReasonGaveUp = "GaveUp"
	// ReasonHeld: False and Reconciling, mail is held back: by a suspended program, by its maxPerHour, by the
	// operator's --mail-mode, by a brand that cannot be used, or by a mail server that refuses the operator; the message
	// says which.
	ReasonHeld = "Held"
	// ReasonLinkReady: True, the link stands in its Secret, and no mail is sent.
	ReasonLinkReady = "LinkReady"
	// ReasonTemplateInvalid: False and Stalled, the mail's template cannot be used; the message says why. Mending it is
	// enough.
	ReasonTemplateInvalid = "TemplateInvalid"
	// ReasonMailerNotConfigured: False and Reconciling, the operator runs without --smtp-url.
	ReasonMailerNotConfigured = "MailerNotConfigured"
)

// Reasons of Accepted.
const (
	// ReasonAccepted: True, the person accepted.
	ReasonAccepted = "Accepted"
	// ReasonPending: Unknown, the person has not answered yet.
	ReasonPending = "Pending"
	// ReasonDeclined: False, the person declined.
	ReasonDeclined = "Declined"
	// ReasonExpired: False, nobody answered in time.
	ReasonExpired = "Expired"
)

// Reasons of Accepted for an invite that was not sent because of what else there is.
const (
	// ReasonAlreadyPartner: False, the person is an active partner in every program of the invite.
	ReasonAlreadyPartner = "AlreadyPartner"
	// ReasonPartnerRevoked: False, the person's access to a program of the invite is revoked; reinstate it instead.
	ReasonPartnerRevoked = "PartnerRevoked"
	// ReasonDuplicateInvite: False, another open invite of the same address offers all that this one does.
	ReasonDuplicateInvite = "DuplicateInvite"
)

// Reasons of Reconciling, besides those of the condition in the way.
const (
	// ReasonCoolingDown: True, a resend waits for the program's resendCooldown to pass.
	ReasonCoolingDown = "CoolingDown"
)

// Reasons of Active, besides ProgramNotFound and TeamNotFound: nobody has access until they exist.
const (
	// ReasonActive: True, the partner has access.
	ReasonActive = "Active"
	// ReasonProgramSuspended: False, the program is suspended.
	ReasonProgramSuspended = "ProgramSuspended"
	// ReasonRevoked: False, the company ended access.
	ReasonRevoked = "Revoked"
)
