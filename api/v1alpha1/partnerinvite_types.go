package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PartnerInvite invites a person to become a partner. The operator issues a link, mails it once, and records the
// answer. An invite is never deleted by the operator: accepted, declined and expired are states.
//
// Deleting an invite kills its link. Deleting an accepted invite has no effect on the partner. Deleting one of teammates
// withdraws those who have not joined.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pinvite,categories=partners
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.contact.email`
// +kubebuilder:printcolumn:name="Partner",type=string,JSONPath=`.status.displayName`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Expires",type=string,priority=1,JSONPath=`.status.expiryTime`
// +kubebuilder:printcolumn:name="Email",type=string,priority=1,JSONPath=`.spec.contact.email`
// +kubebuilder:printcolumn:name="Team",type=string,priority=1,JSONPath=`.status.teamRef.name`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PartnerInvite struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec PartnerInviteSpec `json:"spec"`

	// status is what the operator did and what the person answered.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status PartnerInviteStatus `json:"status,omitzero"`

	// Unreadable lists the fields that could not be read. It is not stored.
	Unreadable `json:"-"`
}

// PartnerInviteSpec is the company's wish for one invite. It has one of four shapes: contact alone invites a partner;
// contact and team invite the owner of a new team; teamRef and members propose teammates for an existing team; teamRef and
// programs offer an existing team further programs.
// +kubebuilder:validation:XValidation:rule="has(self.contact) != has(self.teamRef)",message="set exactly one of contact (a partner, or with team the owner of a new team) and teamRef (an existing team, with members or programs)"
// +kubebuilder:validation:XValidation:rule="!has(self.teamRef) || has(self.members) != has(self.programs)",fieldPath=".teamRef",message="set with teamRef exactly one of members (teammates for the team) and programs (further programs for it)"
// +kubebuilder:validation:XValidation:rule="!has(self.members) || has(self.teamRef)",fieldPath=".members",message="members are teammates for an existing team: set teamRef with them; those of a new team stand in team.members"
// +kubebuilder:validation:XValidation:rule="!has(self.team) || has(self.contact)",fieldPath=".team",message="team makes a new team that contact owns: set contact with it, or leave team out to invite into an existing one"
// +kubebuilder:validation:XValidation:rule="!has(self.team) || !has(self.contact) || !has(self.team.members) || self.team.members.all(m, m.email.lowerAscii() != self.contact.email.lowerAscii())",fieldPath=".team.members",message="contact owns the new team and cannot be one of its proposed members: take that address out of team.members"
// +kubebuilder:validation:XValidation:rule="!has(self.members) || ((!has(self.delivery) || self.delivery == 'Email') && (!has(self.form) || self.form == 'Skip') && !has(self.displayName) && !has(self.customFields) && !has(self.message) && !has(self.templateRef) && !has(self.notAfter))",fieldPath=".members",message="an invite of teammates asks the team: leave out delivery, form, displayName, customFields, message, templateRef and notAfter"
// +kubebuilder:validation:XValidation:rule="has(self.contact) == has(oldSelf.contact) && (!has(self.contact) || self.contact.email.lowerAscii() == oldSelf.contact.email.lowerAscii())",fieldPath=".contact",message="contact.email is immutable: a different address is a different invite, so create a new one"
// +kubebuilder:validation:XValidation:rule="has(self.team) == has(oldSelf.team) && (!has(self.team) || self.team.name == oldSelf.team.name && has(self.team.displayName) == has(oldSelf.team.displayName) && (!has(self.team.displayName) || self.team.displayName == oldSelf.team.displayName) && has(self.team.members) == has(oldSelf.team.members) && (!has(self.team.members) || self.team.members.map(m, [m.email.lowerAscii(), m.?role.orValue('Member'), m.?firstName.orValue(\"\"), m.?lastName.orValue(\"\")]) == oldSelf.team.members.map(m, [m.email.lowerAscii(), m.?role.orValue('Member'), m.?firstName.orValue(\"\"), m.?lastName.orValue(\"\")])))",fieldPath=".team",message="team is immutable, also against setting it later: create a new invite for another team"
// +kubebuilder:validation:XValidation:rule="has(self.teamRef) == has(oldSelf.teamRef) && (!has(self.teamRef) || self.teamRef.name == oldSelf.teamRef.name)",fieldPath=".teamRef",message="teamRef is immutable, also against setting it later: create a new invite for another team"
// +kubebuilder:validation:XValidation:rule="has(self.members) == has(oldSelf.members) && (!has(self.members) || self.members.map(m, [m.email.lowerAscii(), m.?role.orValue('Member'), m.?firstName.orValue(\"\"), m.?lastName.orValue(\"\")]) == oldSelf.members.map(m, [m.email.lowerAscii(), m.?role.orValue('Member'), m.?firstName.orValue(\"\"), m.?lastName.orValue(\"\")]))",fieldPath=".members",message="members is immutable, also against setting it later: create a new invite for other people"
// +kubebuilder:validation:XValidation:rule="has(self.programs) == has(oldSelf.programs) && (!has(self.programs) || self.programs == oldSelf.programs)",fieldPath=".programs",message="programs is immutable, also against setting it later: create a new invite for other programs"
type PartnerInviteSpec struct {
	// contact is the person who is invited; with team, as the owner of that. Exactly one of contact and teamRef is set.
	// The email is immutable.
	// +optional
	Contact Contact `json:"contact,omitzero"`

	// team is a new team, which comes into being when contact accepts. Immutable. Unset: none.
	// +optional
	Team *NewTeam `json:"team,omitempty"`

	// teamRef names an existing team. With programs, its owner gets the mail, and the owner or an admin accepts for the
	// team. With members, the owner and the admins are asked to approve these teammates. Immutable. While the team does
	// not exist, ResolvedRefs=False/TeamNotFound says so, and the invite waits for it.
	// +optional
	TeamRef *TeamReference `json:"teamRef,omitempty"`

	// members are teammates for the team of teamRef, from 1 to 50. Immutable. One who is named twice, in whatever case,
	// counts once. status.members tells what became of each. Unset: none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	Members []ProposedMember `json:"members,omitempty"`

	// displayName is the partner's name as the company reads it. Unset: the contact's name, else none.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName,omitempty"`

	// programs are the programs, and groups, that the invite offers. Immutable. Unset: every Program that exists in
	// the namespace when the invite is issued; one created later is not offered. status.programs shows the result.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:XValidation:rule="size(self) > 0",message="must name at least one Program; leave programs out to offer every Program that exists"
	Programs []ProgramGrant `json:"programs,omitempty"`

	// expiresAfter is how long the invite can be answered, counted from the try that sends it: a duration from 1m to
	// 8760h. With members it is how long each link to join works, from the moment the team approves the person. Unset: the
	// group's, else the program's; of several the shortest; with members 7 days.
	// +optional
	ExpiresAfter InviteLifetime `json:"expiresAfter,omitempty"`

	// notAfter is an absolute end: from then on nothing is sent, and the link does not work, whatever expiresAfter says.
	// An old manifest that is applied again later sends nothing. Unset: no such end.
	// +optional
	NotAfter Timestamp `json:"notAfter,omitempty"`

	// delivery tells how the link reaches the person: Email, or Link for no mail at all; then the link stands in the
	// Secret <name of the invite>-link under the key url, which goes with the invite. A change counts from the next
	// resend. Unset: Email.
	// +optional
	// +kubebuilder:default=Email
	Delivery InviteDelivery `json:"delivery,omitempty"`

	// form tells whether the person fills in the application form of the groups offered before accepting: Skip, nothing
	// is asked, or Require. The fields are those of spec.join.fields of each group, a name that several use once; with no
	// such fields Require asks nothing either. A change counts until the person accepts. Unset: Skip.
	// +optional
	// +kubebuilder:default=Skip
	Form InviteForm `json:"form,omitempty"`

	// customFields are facts of the company's own, such as region: EMEA. They are copied into the partnerships when the
	// person accepts and decide nothing; a change after that reaches no partnership. The person does not see
	// them, unless a template of the mail shows them.
	// +optional
	CustomFields CustomFields `json:"customFields,omitempty"`

	// message is this invite's own text in place of the words of the built-in mail; a body goes before any template. The
	// programs, the link and its expiry follow it in any case. A change counts from the next resend. Unset: the words of
	// the template.
	// +optional
	Message InviteMessage `json:"message,omitzero"`

	// templateRef names the mail of this invite. A change counts from the next resend. Unset: the group's, else the
	// program's, else the brand's, else the built-in one.
	// +optional
	TemplateRef *TemplateReference `json:"templateRef,omitempty"`

	// resendToken is any text. A new one sends the invite again, with a new link and a fresh expiry; the old link is
	// dead. What stands here when the invite is first issued, or taking it away, sends nothing. An accepted invite is
	// not sent again. The annotation partner-operator.io/resend-requested-at does the same without a change of the spec.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ResendToken string `json:"resendToken,omitempty"`
}

// InviteMessage is the text of an invite's mail.
type InviteMessage struct {
	// subject is the subject of the mail. Unset: it names who invites to what.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Subject LineOfText `json:"subject,omitempty"`

	// body is written in Markdown. HTML in it is left out, and an image is shown as its description, since mails load
	// nothing from elsewhere. Unset: the built-in words.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=8000
	Body string `json:"body,omitempty"`
}

// ResendAnnotation asks for an invite to be sent again, and on a Partnership or a PartnerTeam for the mails that failed to be
// tried anew; any new text does.
const ResendAnnotation = "partner-operator.io/resend-requested-at"

// InviteLabel is the label of a partnership or team that came from an invite; its value is the invite's name, if it fits.
const InviteLabel = "partner-operator.io/invite"

// InviteDelivery tells how a link reaches the person.
// +kubebuilder:validation:Enum=Email;Link
type InviteDelivery string

// The ways of delivery.
const (
	// DeliveryEmail: the operator mails the link.
	DeliveryEmail InviteDelivery = "Email"
	// DeliveryLink: no mail; the link stands in a Secret.
	DeliveryLink InviteDelivery = "Link"
)

// InviteForm tells whether an invite asks for the application form.
// +kubebuilder:validation:Enum=Skip;Require
type InviteForm string

// The ways to deal with the application form.
const (
	// FormSkip: the person is asked for nothing but the invited address.
	FormSkip InviteForm = "Skip"
	// FormRequire: the person fills in the form before accepting.
	FormRequire InviteForm = "Require"
)

// InviteState is where an invite stands.
// +kubebuilder:validation:Enum=Pending;Held;Sent;Accepted;Declined;Expired;Failed;AlreadyPartner;Refused
type InviteState string

// The states of an invite.
const (
	// InvitePending: no mail has left yet. The Ready condition says what the invite waits for.
	InvitePending InviteState = "Pending"
	// InviteHeld: it could be mailed, but mail is held back; the condition Sent says by what. It goes out by itself.
	InviteHeld InviteState = "Held"
	// InviteSent: the mail server took the mail, and the person has yet to answer.
	InviteSent InviteState = "Sent"
	// InviteAccepted: the person accepted, and is a partner.
	InviteAccepted InviteState = "Accepted"
	// InviteDeclined: the person declined.
	InviteDeclined InviteState = "Declined"
	// InviteExpired: nobody answered in time. The link no longer works.
	InviteExpired InviteState = "Expired"
	// InviteFailed: the mail cannot be delivered. Nothing more happens until the spec is changed or a resend is asked for.
	InviteFailed InviteState = "Failed"
	// InviteAlreadyPartner: the person is a partner in every program of the invite, so nothing was sent.
	InviteAlreadyPartner InviteState = "AlreadyPartner"
	// InviteRefused: nothing was sent; the condition Accepted says why.
	InviteRefused InviteState = "Refused"
)

// HandledResend is what a resend was last asked with.
type HandledResend struct {
	// annotation is the text of the annotation partner-operator.io/resend-requested-at.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Annotation string `json:"annotation,omitempty"`

	// token is the text of spec.resendToken.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Token string `json:"token,omitempty"`
}

// InviteRenewal is a person's wish for a new link in place of an expired one.
type InviteRenewal struct {
	// serial is the number of the expired link.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial"`

	// time is when it was asked for.
	// +required
	Time metav1.Time `json:"time"`
}

// InviteDecision is a person's answer to an invite.
// +kubebuilder:validation:Enum=Accepted;Declined
type InviteDecision string

// The answers to an invite.
const (
	// DecisionAccepted: the person became a partner.
	DecisionAccepted InviteDecision = "Accepted"
	// DecisionDeclined: the person does not want to.
	DecisionDeclined InviteDecision = "Declined"
)

// InviteAcceptance is a person's answer to an invite.
type InviteAcceptance struct {
	// decision is the answer.
	// +required
	Decision InviteDecision `json:"decision"`

	// time is when it was given.
	// +required
	Time metav1.Time `json:"time"`

	// fields are what the person entered into the form, by the names of the fields, whichever group asked. They are
	// written together with the answer, and copied into the partnerships. Unset: nothing was asked or entered.
	// +optional
	// +kubebuilder:validation:MaxProperties=15000
	Fields map[string]Answer `json:"fields,omitempty"`
}

// PartnershipReference names a Partnership of the same namespace.
type PartnershipReference struct {
	// name is the name of a Partnership in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// PartnerInviteStatus is what the operator did and what the person answered.
type PartnerInviteStatus struct {
	// conditions are Ready, ResolvedRefs, Sent and Accepted, and Reconciling and Stalled only while they are True.
	// Ready is True once the operator has done its part, also while the person has yet to answer.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state is where the invite stands: Pending, Held, Sent, Accepted, Declined, Expired, Failed, AlreadyPartner or
	// Refused.
	// +optional
	State InviteState `json:"state,omitempty"`

	// stateTime is when the invite came into this state.
	// +optional
	StateTime *metav1.Time `json:"stateTime,omitempty"`

	// displayName says who it is, for lists: spec.displayName, else the name of the contact or the team, else the masked
	// address, cut to 24 characters. Unset: it was last changed before a version that writes this.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	DisplayName string `json:"displayName,omitempty"`

	// programs is what the invite offers, frozen when it was first issued.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=500
	Programs []ProgramGrant `json:"programs,omitempty"`

	// serial counts the links issued: 0 before the first. Only the newest link works.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial,omitempty"`

	// keyID names the signing key of the link. It is not a secret.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	KeyID string `json:"keyID,omitempty"`

	// issuedTime is when the link was issued.
	// +optional
	IssuedTime *metav1.Time `json:"issuedTime,omitempty"`

	// sentTime is when the mail server took the mail.
	// +optional
	SentTime *metav1.Time `json:"sentTime,omitempty"`

	// expiryTime is when the link stops working. While it is certain that no mail has left, it is notAfter, or unset.
	// +optional
	ExpiryTime *metav1.Time `json:"expiryTime,omitempty"`

	// wrongAddresses counts the wrong addresses that were typed on the page of the newest link. With 10 the link is dead
	// until a resend.
	// +optional
	WrongAddresses WrongAddresses `json:"wrongAddresses,omitempty"`

	// attempts counts the tries to hand this mail to the mail server, but for those in which that refused the operator or
	// the sender.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	Attempts int32 `json:"attempts,omitempty"`

	// firstAttemptTime is when the first of these tries began, but for those in which the mail server could not be reached.
	// A change of the spec after a failure begins anew.
	// +optional
	FirstAttemptTime *metav1.Time `json:"firstAttemptTime,omitempty"`

	// lastAttemptTime is when the latest of these tries began.
	// +optional
	LastAttemptTime *metav1.Time `json:"lastAttemptTime,omitempty"`

	// nextAttemptTime is when the next try is due after one that failed. Unset: none is.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`

	// cause is what the mail waits for after the latest try. Unset: that try was its own, or there was none.
	// +optional
	Cause MailCause `json:"cause,omitempty"`

	// messageID is the Message-ID of the mail, the same on each attempt, so that a repeated mail can be recognised.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	MessageID string `json:"messageID,omitempty"`

	// acceptance is the person's answer. Unset: none yet.
	// +optional
	Acceptance *InviteAcceptance `json:"acceptance,omitempty"`

	// handledResend is what the latest resend was asked with; only a text that differs sends again. What stood there
	// when the invite was first issued counts as handled.
	// +optional
	HandledResend *HandledResend `json:"handledResend,omitempty"`

	// renewal is the person's latest wish for a new link, made on the page of an expired one.
	// +optional
	Renewal *InviteRenewal `json:"renewal,omitempty"`

	// repeat is the newest time that the person asked where partners sign in, and was sent the same mail with the same link
	// again. Its serial counts these times; it does not count the links. Unset: never.
	// +optional
	Repeat *MailDelivery `json:"repeat,omitempty"`

	// teamRef names the team that came from accepting, or that the teammates were proposed to. Unset: none yet.
	// +optional
	TeamRef *TeamReference `json:"teamRef,omitempty"`

	// members tells what became of each person whom the invite proposes for a team.
	// +optional
	// +listType=map
	// +listMapKey=email
	// +kubebuilder:validation:MaxItems=50
	Members []InviteMember `json:"members,omitempty"`

	// partnershipRefs name the partnerships that came from accepting. They stay here when a partnership is deleted.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=500
	PartnershipRefs []PartnershipReference `json:"partnershipRefs,omitempty"`
}

// PartnerInviteList is a list of invites.
//
// +kubebuilder:object:root=true
type PartnerInviteList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the invites.
	// +required
	Items []PartnerInvite `json:"items"`
}
