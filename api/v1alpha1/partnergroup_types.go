package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PartnerGroup divides the partners of one program, for example into Standard and Gold.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pgroup,categories=partners
// +kubebuilder:selectablefield:JSONPath=`.spec.programRef.name`
// +kubebuilder:printcolumn:name="Program",type=string,JSONPath=`.spec.programRef.name`
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.partnerships.active`
// +kubebuilder:printcolumn:name="Join",type=string,priority=1,JSONPath=`.spec.join.mode`
// +kubebuilder:printcolumn:name="Join Link",type=string,priority=1,JSONPath=`.status.joinURL`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PartnerGroup struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec PartnerGroupSpec `json:"spec"`

	// status is what the operator observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status PartnerGroupStatus `json:"status,omitzero"`

	// Unreadable lists the fields that could not be read. It is not stored.
	Unreadable `json:"-"`
}

// PartnerGroupSpec is the company's wish for one group.
// +kubebuilder:validation:XValidation:rule="self.programRef.name == oldSelf.programRef.name",fieldPath=".programRef",message="programRef is immutable: create a group in the other program and move the partners"
type PartnerGroupSpec struct {
	// programRef names the program that the group divides. Immutable. While the program does not exist, the group
	// has no effect and ResolvedRefs=False says so.
	// +required
	ProgramRef ProgramReference `json:"programRef"`

	// displayName is the name that partners read.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName"`

	// join holds how people come into this group and what they are asked.
	// +optional
	Join GroupJoin `json:"join,omitzero"`

	// links tells about the links of the partners in this group; what is unset here comes from the program.
	// +optional
	Links GroupLinks `json:"links,omitzero"`

	// invites holds the defaults of the invites into this group; what is unset here comes from the program.
	// +optional
	Invites GroupInvites `json:"invites,omitzero"`
}

// JoinMode tells whether a group has a join link.
// +kubebuilder:validation:Enum=Closed;Open;Form
type JoinMode string

// The modes of joining.
const (
	// JoinClosed: there is no join link.
	JoinClosed JoinMode = "Closed"
	// JoinOpen: whoever has the join link can apply, and is asked for nothing but a mail address.
	JoinOpen JoinMode = "Open"
	// JoinForm: whoever has the join link can apply, and fills in the application form.
	JoinForm JoinMode = "Form"
)

// JoinApproval tells whether the company has to approve those who apply by a join link.
// +kubebuilder:validation:Enum=Inherit;Required;Automatic
type JoinApproval string

// The ways to approve applicants.
const (
	// JoinApprovalInherit: as the program's onboarding.applicants says.
	JoinApprovalInherit JoinApproval = "Inherit"
	// JoinApprovalRequired: they wait until the company approves.
	JoinApprovalRequired JoinApproval = "Required"
	// JoinApprovalAutomatic: they are partners at once.
	JoinApprovalAutomatic JoinApproval = "Automatic"
)

// Domain is the part of a mail address after the @, such as example.com.
// +kubebuilder:validation:MinLength=4
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[^@\\\\pZ\\\\pC<>()\"\\\\[\\\\],;:\\\\\\\\/.*]+(\\\\.[^@\\\\pZ\\\\pC<>()\"\\\\[\\\\],;:\\\\\\\\/.*]+)+$')",message="must be the full domain of mail addresses, such as example.com, without @ and without *"
type Domain string

// ReapplyWait is how long to wait before applying again: a duration in hours, minutes and seconds from 1s to 87600h, such
// as 720h for thirty days.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$') && duration(self) >= duration('1s') && duration(self) <= duration('87600h')",message="must be a duration from 1s to 87600h in hours, minutes and seconds, such as 720h for thirty days; leave it out to let nobody apply again"
type ReapplyWait string

// GroupJoin holds how people come into a group and what they are asked.
type GroupJoin struct {
	// mode tells whether there is a join link, which anybody who has it can apply with: Closed, there is none; Open, it
	// asks for a mail address alone; Form, it also asks for fields. status.joinURL is the link. Closing it kills the link
	// until it is opened again. Unset: Closed.
	// +optional
	// +kubebuilder:default=Closed
	Mode JoinMode `json:"mode,omitempty"`

	// approval tells what applying leads to: Required, a partnership that is Pending until its spec.approval; Automatic,
	// one that is Active; Inherit, what onboarding.applicants of the program says. What stands here when the person
	// applies counts; a change moves nobody who applied before. Unset: Inherit.
	// +optional
	// +kubebuilder:default=Inherit
	Approval JoinApproval `json:"approval,omitempty"`

	// eligibleDomains are the domains whose mail addresses can apply; one below a listed one is not meant. Unset: any.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	EligibleDomains []Domain `json:"eligibleDomains,omitempty"`

	// reapplyAfter is how long after a rejection the same address can apply to the program again: a duration from 1s to
	// 87600h. Such an application waits for approval, whatever approval says. Unset: never.
	// +optional
	ReapplyAfter ReapplyWait `json:"reapplyAfter,omitempty"`

	// maxPerHour is how many verification mails can be asked for with the join links of the group within an hour, by
	// everybody together. Once they are, the join link answers everybody 429, whatever address they type, and the condition
	// JoinLimited says so and until when; invites go on. Unset: 100.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxPerHour *int32 `json:"maxPerHour,omitempty"`

	// rotation is any text. Changing it makes a new join link and kills the old one at once, also for whoever has not
	// sent the application yet; going back to an earlier text does not bring an earlier link back.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Rotation string `json:"rotation,omitempty"`

	// fields are the application form. The join link asks for them in the mode Form, and a PartnerInvite with form:
	// Require before it can be accepted, in any mode; the answers go into spec.application.fields of the partnership. A change counts for whoever has not accepted yet;
	// answers that were given stay as they are. Unset: nothing is asked.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=30
	Fields []FormField `json:"fields,omitempty"`
}

// GroupInvites holds the defaults of the invites into a group.
type GroupInvites struct {
	// expiresAfter is how long an invite into this group can be answered: a duration from 1m to 8760h.
	// Unset: the program's.
	// +optional
	ExpiresAfter InviteLifetime `json:"expiresAfter,omitempty"`

	// templateRef names the mail of the invites into this group. Unset: the program's.
	// +optional
	TemplateRef *TemplateReference `json:"templateRef,omitempty"`
}

// PartnerGroupStatus is what the operator observed of a group.
type PartnerGroupStatus struct {
	// conditions are Ready and ResolvedRefs, and Reconciling, Stalled and JoinLimited only while they are True.
	// JoinLimited: no verification mail can be asked for at the moment; the message says until when. Mailed is there
	// once such a mail was due, and tells whether they left.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// joinURL is the join link: whoever has it can apply. Unset: spec.join.mode is Closed, or the program does not exist.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	JoinURL string `json:"joinURL,omitempty"`

	// joinLink counts the join links. Unset: there was none yet.
	// +optional
	JoinLink JoinLink `json:"joinLink,omitzero"`

	// verificationSerial counts the verification mails that were asked for.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	VerificationSerial int64 `json:"verificationSerial,omitempty"`

	// verifications are the applicants whose verification mail has not left yet. One that has left is no longer here.
	// +optional
	// +listType=map
	// +listMapKey=serial
	// +kubebuilder:validation:MaxItems=100
	Verifications []AddressVerification `json:"verifications,omitempty"`

	// verificationRequests count the verification mails that were asked for within the last hour, in steps of five minutes,
	// the oldest first. They count against spec.join.maxPerHour.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	VerificationRequests []VerificationRequests `json:"verificationRequests,omitempty"`

	// verificationRecipients tell, as keyed hashes, to whom verification mails were sent within the last day, the oldest
	// first. An address gets three a day at most from all groups of a namespace.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=48
	VerificationRecipients []VerificationRecipients `json:"verificationRecipients,omitempty"`

	// partnerships tells how many partnerships whose group in force this is stand where. Unset: not counted yet.
	// +optional
	Partnerships *PartnershipCounts `json:"partnerships,omitempty"`
}

// JoinLink tells which join link works.
type JoinLink struct {
	// serial is the number of the link that works; those of earlier numbers are dead.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial,omitempty"`

	// rotation is the text of spec.join.rotation that the link was made for. While the spec says another, no link works.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Rotation string `json:"rotation,omitempty"`
}

// AddressVerification is an applicant whose verification mail has not left yet.
type AddressVerification struct {
	// MailDelivery is where the mail stands; its serial is the number of the request.
	MailDelivery `json:",inline"`

	// sealedAddress is where it goes to, encrypted so that only the operator can read it.
	// +required
	// +kubebuilder:validation:MaxLength=512
	SealedAddress string `json:"sealedAddress"`

	// joinLinkSerial is the number of the join link that it was asked for with. It goes with that link.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	JoinLinkSerial int64 `json:"joinLinkSerial"`

	// requestedTime is when it was asked for. The link in the mail works for a day from then.
	// +required
	RequestedTime metav1.MicroTime `json:"requestedTime"`
}

// VerificationRequests count the verification mails that were asked for within five minutes.
type VerificationRequests struct {
	// startTime is when the first of them was asked for.
	// +required
	StartTime metav1.Time `json:"startTime"`

	// count is how many there were.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	Count int32 `json:"count"`
}

// VerificationRecipients tell to whom verification mails were sent that were asked for within an hour.
type VerificationRecipients struct {
	// startTime is when the first of them was asked for.
	// +required
	StartTime metav1.Time `json:"startTime"`

	// marks are ten characters for each mail: eight of a hash of the address, which takes a signing key to make, and two
	// for the second after startTime at which it was asked for.
	// +required
	// +kubebuilder:validation:MaxLength=16380
	Marks string `json:"marks"`
}

// PartnerGroupList is a list of groups.
//
// +kubebuilder:object:root=true
type PartnerGroupList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the groups.
	// +required
	Items []PartnerGroup `json:"items"`
}
