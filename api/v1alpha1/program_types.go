package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Program is what a company offers to partners: a referral program, a reseller program. Partners join it by
// invitation and see nothing of the programs they were not granted.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=prog,categories=partners
// +kubebuilder:printcolumn:name="Display Name",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Active",type=integer,JSONPath=`.status.partnerships.active`
// +kubebuilder:printcolumn:name="Pending",type=integer,JSONPath=`.status.partnerships.pending`
// +kubebuilder:printcolumn:name="Invited",type=integer,priority=1,JSONPath=`.status.invites.sent`
// +kubebuilder:printcolumn:name="Default Group",type=string,priority=1,JSONPath=`.spec.defaultGroupRef.name`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Program struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the company wishes.
	// +required
	Spec ProgramSpec `json:"spec"`

	// status is what the operator observed.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status ProgramStatus `json:"status,omitzero"`

	// Unreadable lists the fields that could not be read. It is not stored.
	Unreadable `json:"-"`
}

// ProgramSpec is the company's wish for one program.
type ProgramSpec struct {
	// displayName is the name that partners read in mail and on pages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName LineOfText `json:"displayName"`

	// description is shown to people who are invited, below the name. Plain text.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2000
	Description string `json:"description,omitempty"`

	// defaultGroupRef names the group of every partner whose grant names none, followed live: a change moves them.
	// It must belong to this program, else ResolvedRefs=False says so and those partners are in no group.
	// Unset: partners without a group of their own are in no group.
	// +optional
	DefaultGroupRef *GroupReference `json:"defaultGroupRef,omitempty"`

	// suspend stops the program while it is true: no mail about it, no acceptance, no access. Invites into it are Held
	// and go out, oldest first, when it ends; links are refused and not spent; everything else is as it was before.
	// Unset: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// onboarding tells whom the company has to approve before they are partners.
	// +optional
	// +kubebuilder:default:={}
	Onboarding ProgramOnboarding `json:"onboarding,omitzero"`

	// terms are what each partner accepts in the portal before anything of the program is shown; status.terms of the
	// partnership tells who did. A change of their version asks again. Unset: nothing is to be accepted.
	// +optional
	Terms *ProgramTerms `json:"terms,omitempty"`

	// links tells where the links lead that partners share.
	// +optional
	Links ProgramLinks `json:"links,omitzero"`

	// invites holds the defaults of the invites into this program.
	// +optional
	// +kubebuilder:default:={}
	Invites ProgramInvites `json:"invites,omitzero"`

	// mail limits the mail of this program.
	// +optional
	Mail ProgramMail `json:"mail,omitzero"`
}

// OnboardingPolicy tells what it takes to be a partner, once the person wants to.
// +kubebuilder:validation:Enum=Automatic;Approval
type OnboardingPolicy string

// The policies of onboarding.
const (
	// OnboardingAutomatic: nothing more.
	OnboardingAutomatic OnboardingPolicy = "Automatic"
	// OnboardingApproval: the company has to approve.
	OnboardingApproval OnboardingPolicy = "Approval"
)

// ProgramOnboarding tells whom the company has to approve.
type ProgramOnboarding struct {
	// invited is what accepting an invite leads to: with Automatic an Active partnership, with Approval one that is
	// Pending until its spec.approval. What stands here when the person accepts counts; a change moves nobody who
	// accepted before. Unset: Automatic.
	// +optional
	// +kubebuilder:default=Automatic
	Invited OnboardingPolicy `json:"invited,omitempty"`

	// applicants is what applying by the join link of a group leads to, where the group's join.approval is Inherit: with
	// Approval a partnership that is Pending until its spec.approval, with Automatic one that is Active. What stands here
	// when the person applies counts; a change moves nobody who applied before. Unset: Approval.
	// +optional
	// +kubebuilder:default=Approval
	Applicants OnboardingPolicy `json:"applicants,omitempty"`

	// domainMatching tells whether applicants are compared with the teams there are: with Enabled, somebody whose mail
	// address has the domain of exactly one team's owner waits as Pending with the reason DomainMatched and the name of
	// the team, whatever applicants says. Domains of public mail providers never count. With several such teams it is as
	// without matching, and they are named. Unset: Disabled.
	// +optional
	// +kubebuilder:default=Disabled
	DomainMatching DomainMatching `json:"domainMatching,omitempty"`
}

// DomainMatching tells whether applicants are compared with the teams there are.
// +kubebuilder:validation:Enum=Disabled;Enabled
type DomainMatching string

// The ways to match domains.
const (
	// DomainMatchingDisabled: they are not.
	DomainMatchingDisabled DomainMatching = "Disabled"
	// DomainMatchingEnabled: they are.
	DomainMatchingEnabled DomainMatching = "Enabled"
)

// ProgramInvites holds the defaults of the invites into a program.
type ProgramInvites struct {
	// expiresAfter is how long an invite can be answered, counted from the try that sends it: a duration from 1m to
	// 8760h. An invite's own expiresAfter goes first, then its group's, then this. An invite into several programs
	// takes the shortest. A change counts for invites that are issued after it. Unset: 168h, seven days.
	// +optional
	// +kubebuilder:default="168h"
	ExpiresAfter InviteLifetime `json:"expiresAfter,omitempty"`

	// resendCooldown is how long after a mail the next one for the same invite can leave; a resend that is asked for
	// earlier waits. A duration up to 24h, or 0. An invite into several programs takes the longest. Unset: 1m.
	// +optional
	// +kubebuilder:default="1m"
	ResendCooldown Cooldown `json:"resendCooldown,omitempty"`

	// templateRef names the mail of the invites into this program. An invite's own templateRef goes first, then its
	// group's, then this, then the one of the brand; of several programs the first that has one. Unset: the brand's,
	// else the built-in one.
	// +optional
	TemplateRef *TemplateReference `json:"templateRef,omitempty"`
}

// ProgramMail limits the mail of a program.
type ProgramMail struct {
	// maxPerHour is a brake against a mistake: how many mails about this program leave within an hour. Invites, the repeats
	// of their mails and the verification mails of join links count, and so does what people are told of decisions: approved,
	// rejected, revoked and application-received, which always leave. Once that many have left, invites are Held, never
	// dropped, and go out as the hour passes, oldest first; verification mails wait for a day at most, which is how long
	// their links work. Unset: any number.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	MaxPerHour *int32 `json:"maxPerHour,omitempty"`
}

// ProgramStatus is what the operator observed of a program.
type ProgramStatus struct {
	// conditions are Ready and ResolvedRefs, MailReady once mail was tried, RemovalsRemembered only
	// while it is False, and Reconciling and Stalled only while they are True.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the conditions speak of; -1 before the first.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// nameSalt is random text that the names of this program's invites and partnerships are made with. The operator writes
	// it once, and never changes it. It is no credential: whoever may read Programs may read the addresses beside them. But
	// whoever sees only a name, in a link, an event or a log, cannot find out whose it is. Unset: the operator has not seen
	// the program yet.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	NameSalt string `json:"nameSalt,omitempty"`

	// groups is how many PartnerGroups the program has.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Groups int32 `json:"groups,omitempty"`

	// partnerships tells how many partnerships of the program stand where. Unset: not counted yet.
	// +optional
	Partnerships *PartnershipCounts `json:"partnerships,omitempty"`

	// invites tells how many invites into the program stand where. Unset: not counted yet.
	// +optional
	Invites *InviteCounts `json:"invites,omitempty"`
}

// ProgramList is a list of programs.
//
// +kubebuilder:object:root=true
type ProgramList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitzero"`

	// items are the programs.
	// +required
	Items []Program `json:"items"`
}
