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
	// ConditionMailed tells whether the mails about a partnership, a team or a group left, with the reasons of Sent. It is
	// present once a mail was due.
	ConditionMailed = "Mailed"
	// ConditionMailReady tells whether the mail of a program can leave, as far as the latest mails tell.
	ConditionMailReady = "MailReady"
	// ConditionJoinLimited is present while the join link of a group answers everybody that there were too many requests.
	ConditionJoinLimited = "JoinLimited"
	// ConditionRemovalsRemembered is present only while it is False: join links will not refuse whoever is removed from the
	// program from now on.
	ConditionRemovalsRemembered = "RemovalsRemembered"
	// ConditionDefaultLinks is present only while it is False: default links of a partnership could not be made.
	ConditionDefaultLinks = "DefaultLinks"
	// ConditionLinksFollow tells whether every link of a partnership knows what it does once the partnership is deleted. It is
	// present while spec.onRemoval says something about that.
	ConditionLinksFollow = "LinksFollow"
	// ConditionSent tells whether the mail of an invite has left.
	ConditionSent = "Sent"
	// ConditionAccepted tells what the person answered to an invite.
	ConditionAccepted = "Accepted"
	// ConditionActive tells whether a partnership is in force.
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
	// ReasonGroupNotInProgram: False and Stalled, a PartnerGroup belongs to another Program.
	ReasonGroupNotInProgram = "GroupNotInProgram"
	// ReasonTeamNotFound: False, a PartnerTeam does not exist yet; the message names it.
	ReasonTeamNotFound = "TeamNotFound"
	// ReasonAwaitingAcceptance: False, a PartnerTeam or a Partnership does not exist yet, and an open invite makes it when the
	// person accepts; the message names it. Ready is True meanwhile, since nothing but a person's answer is waited for.
	ReasonAwaitingAcceptance = "AwaitingAcceptance"
	// ReasonPartnershipNotFound: False, a Partnership does not exist; the message names it.
	ReasonPartnershipNotFound = "PartnershipNotFound"
	// ReasonProgramMismatch: False and Stalled, the Partnership of a link is in another Program than the link says.
	ReasonProgramMismatch = "ProgramMismatch"
	// ReasonMemberNotFound: False, the member of a link does not belong to the partner; of a person that is Stalled.
	ReasonMemberNotFound = "MemberNotFound"
	// ReasonTemplateNotFound: False, a ConfigMap that a templateRef names does not exist yet; the message names it.
	ReasonTemplateNotFound = "TemplateNotFound"
	// ReasonTooManyPrograms: False and Stalled, an invite without programs would offer more than status can hold.
	ReasonTooManyPrograms = "TooManyPrograms"
)

// Reasons of JoinLimited.
const (
	// ReasonMaxPerHour: True, as many verification mails were asked for within an hour as join.maxPerHour of the group
	// allows; the message says until when.
	ReasonMaxPerHour = "MaxPerHour"
	// ReasonTooManyWaiting: True, a hundred verification mails wait to be sent, so no more can be asked for.
	ReasonTooManyWaiting = "TooManyWaiting"
)

// Reasons of Ready.
const (
	// ReasonReady: True, nothing is left to do.
	ReasonReady = "Ready"
	// ReasonSuspended: True, the program is suspended, as its spec says.
	ReasonSuspended = "Suspended"
	// ReasonDestinationMissing: False and Stalled, a link says no destination, and neither its group nor its program does.
	ReasonDestinationMissing = "DestinationMissing"
	// ReasonDestinationRefused: False and Stalled, a destination cannot be used, or is not on a host that the program
	// allows; the message says which hosts are.
	ReasonDestinationRefused = "DestinationRefused"
	// ReasonNameTaken: False and Stalled, every name that the partnership of an accepted invite could have is that of another
	// partner's; the message names them. Once one is free, the invite goes on by itself.
	ReasonNameTaken = "NameTaken"
	// ReasonOwnerInvalid: False and Stalled, no mail can be sent to the address of a team's owner.
	ReasonOwnerInvalid = "OwnerInvalid"
	// ReasonUnreadable: False and Stalled, the stored object holds a value that cannot be read, which the message names.
	// Until it is corrected the object gives nobody access, and nothing of it is sent.
	ReasonUnreadable = "Unreadable"
)

// Reasons of MailReady, besides Ready.
const (
	// ReasonTransportUnreachable: False, the mail server cannot be reached; mails wait until it can be.
	ReasonTransportUnreachable = "TransportUnreachable"
	// ReasonTransportRejected: False, the mail server refuses the operator's sign-in, or the sender of this namespace; mails
	// wait as Held, and it is found out from time to time whether that has ended.
	ReasonTransportRejected = "TransportRejected"
	// ReasonSignedIn: Unknown, the mail server could be signed in to again, and no mail was tried since.
	ReasonSignedIn = "SignedIn"
	// ReasonBrandInvalid: False, the ConfigMap partner-brand, or a template or Secret that it names, cannot be used, or it
	// claims a mail server, sender or host that the platform does not allow; mails wait as Held, and go out once it is
	// mended. The message names the key.
	ReasonBrandInvalid = "BrandInvalid"
)

// Reasons of RemovalsRemembered, and of DefaultLinks, besides NameTaken: something that is not the operator's has the names
// that it would take.
const (
	// ReasonTooMany: False, the programs of the namespace have had a million partners.
	ReasonTooMany = "TooMany"
	// ReasonWriteFailed: False, the API server refuses; the message says why. It is tried again.
	ReasonWriteFailed = "WriteFailed"
)

// Reasons of LinksFollow.
const (
	// ReasonLinksFollow: True, every link knows; deleting the partnership now does what it says.
	ReasonLinksFollow = "LinksFollow"
	// ReasonLinksBehind: False, a link does not know yet; it goes on by itself.
	ReasonLinksBehind = "LinksBehind"
)

// Reasons of Sent.
const (
	// ReasonSent: True, the mail server took the mail.
	ReasonSent = "Sent"
	// ReasonSending: False, the mail is being handed to the mail server.
	ReasonSending = "Sending"
	// ReasonTemporaryFailure: False and Reconciling, the mail server put the mail off, or cannot be reached; it is tried
	// again, and the message says why, and when if that is known.
	ReasonTemporaryFailure = "TemporaryFailure"
	// ReasonAddressRejected: False and Stalled, the mail server refused the recipient for good.
	ReasonAddressRejected = "AddressRejected"
	// ReasonContentRejected: False and Stalled, the mail server refused what this mail says for good, or three times while
	// it took others.
	ReasonContentRejected = "ContentRejected"
	// ReasonGaveUp: False and Stalled, the mail server put the mail off for a day.
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
	// ReasonPending: Unknown, the person has not answered yet. Of Active: False, the company has not approved yet.
	ReasonPending = "Pending"
	// ReasonDeclined: False, the person declined.
	ReasonDeclined = "Declined"
	// ReasonExpired: False, nobody answered in time. Of Active: False, spec.validUntil has passed.
	ReasonExpired = "Expired"
)

// Reasons of Accepted for an invite that was not sent because of what else there is.
const (
	// ReasonTooManyWrongAddresses: so many wrong addresses were typed on the page of the link that it is dead. A resend
	// makes a new one.
	ReasonTooManyWrongAddresses = "TooManyWrongAddresses"
	// ReasonAlreadyPartner: False, the person is an active partner in every program of the invite.
	ReasonAlreadyPartner = "AlreadyPartner"
	// ReasonPartnerRevoked: False, the person's access to a program of the invite was ended, by a revocation or by
	// validUntil; reinstate it instead.
	ReasonPartnerRevoked = "PartnerRevoked"
	// ReasonPartnerRejected: False, the company rejected the person in a program of the invite; approve them instead.
	ReasonPartnerRejected = "PartnerRejected"
	// ReasonApplicationPending: False, the person waits for the company's approval in a program of the invite.
	ReasonApplicationPending = "ApplicationPending"
	// ReasonTeamExists: False, a PartnerTeam of the name that the invite would create exists.
	ReasonTeamExists = "TeamExists"
	// ReasonDuplicateInvite: False, another open invite of the same address offers all that this one does.
	ReasonDuplicateInvite = "DuplicateInvite"
)

// Reasons of Reconciling, besides those of the condition in the way.
const (
	// ReasonCoolingDown: True, a resend waits for the program's resendCooldown to pass.
	ReasonCoolingDown = "CoolingDown"
)

// Reasons of Active, besides Pending, Expired, ProgramNotFound and TeamNotFound: nobody has access until those exist.
const (
	// ReasonActive: True, the partner has access.
	ReasonActive = "Active"
	// ReasonPortalAccessDisabled: True, the partnership is in force and counts, but the partner cannot sign in.
	ReasonPortalAccessDisabled = "PortalAccessDisabled"
	// ReasonDomainMatched: False, an applicant waits for the company's approval, and their mail address has the domain of
	// exactly one team; the message names it.
	ReasonDomainMatched = "DomainMatched"
	// ReasonJoiningTeam: False, the company sent an applicant on to a team; the message names it.
	ReasonJoiningTeam = "JoiningTeam"
	// ReasonInvited: False, the person has not accepted yet.
	ReasonInvited = "Invited"
	// ReasonProgramSuspended: False, the program is suspended.
	ReasonProgramSuspended = "ProgramSuspended"
	// ReasonRevoked: False, the company ended access.
	ReasonRevoked = "Revoked"
	// ReasonRejected: False, the company decided against the partner.
	ReasonRejected = "Rejected"
	// ReasonConflict: False, and Stalled, an older Partnership of the same partner in the same program counts.
	ReasonConflict = "Conflict"
)

// Reasons of Ready and Stalled of a partnership whose invitation cannot be made, besides those of a PartnerInvite.
const (
	// ReasonInviteNameTaken: False and Stalled, a PartnerInvite of somebody else has the name that the invitation needs.
	ReasonInviteNameTaken = "InviteNameTaken"
)
