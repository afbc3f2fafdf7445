package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PartnershipSignIn is what the portal knows of a person's sign-in.
type PartnershipSignIn struct {
	// serial counts sign-in links and their use. The newest link has this number.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial,omitempty"`

	// requestedTime is when the newest open link was asked for. Unset: no link is open.
	// +optional
	RequestedTime *metav1.Time `json:"requestedTime,omitempty"`

	// open are the links that were issued and not used, three at most. Each works once and until its own time; using one
	// ends the others.
	// +optional
	// +listType=map
	// +listMapKey=serial
	// +kubebuilder:validation:MaxItems=8
	Open []SignInLink `json:"open,omitempty"`

	// lastTime is when the person last signed in with a link.
	// +optional
	LastTime *metav1.Time `json:"lastTime,omitempty"`

	// endedSessions are the times at which single sessions were signed in that have ended since, because their browser
	// signed in again. sessionsNotBefore ends all of before.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	EndedSessions []metav1.MicroTime `json:"endedSessions,omitempty"`
}

// SignInLink is a sign-in link that was issued and not used.
type SignInLink struct {
	// serial is the number of the link.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Serial int64 `json:"serial"`

	// requestedTime is when it was asked for.
	// +required
	RequestedTime metav1.Time `json:"requestedTime"`

	// expiryTime is when it stops working. Unset: 15 minutes after requestedTime.
	// +optional
	ExpiryTime *metav1.Time `json:"expiryTime,omitempty"`

	// wrongAddresses counts the wrong addresses that were typed on its page. With 10 it is dead; another one can be asked
	// for.
	// +optional
	WrongAddresses WrongAddresses `json:"wrongAddresses,omitempty"`
}

// SignOutAnnotation asks for every session, and every sign-in link, of a partner to end; any new text does. On a
// PartnerTeam the text names the people by their addresses, with blanks between them; one without an address is about all
// people of the team.
const SignOutAnnotation = "partner-operator.io/sign-out-requested-at"

// HandledSignOut tells which request to end sessions was carried out last.
type HandledSignOut struct {
	// annotation is the text of the annotation partner-operator.io/sign-out-requested-at that was carried out.
	// +required
	// +kubebuilder:validation:MaxLength=4096
	Annotation string `json:"annotation"`

	// time is when it was carried out.
	// +required
	Time metav1.Time `json:"time"`
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

// MemberLinks are the default links that were made for a person of a team.
type MemberLinks struct {
	// member stands for the person in the names of the links: a hash that takes a key of the operator to make.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Member string `json:"member"`

	// suffixes are those of the links.
	// +required
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=30
	Suffixes []string `json:"suffixes"`
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
	// conditions are Ready, ResolvedRefs and Active, DefaultLinks only while it is False, LinksFollow only while
	// spec.onRemoval says something about links, and Reconciling and Stalled only while they are True.
	// Active tells, with a reason, whether the partnership is in force. Mailed is there once a mail was due, and tells whether
	// the mails left.
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

	// stateTime is when the partnership came into this state, for the latest time.
	// +optional
	StateTime *metav1.Time `json:"stateTime,omitempty"`

	// displayName says who it is, for lists: spec.displayName, else the name of the contact or the team, else the masked
	// address, cut to 24 characters. Unset: it was last changed before a version that writes this.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	DisplayName string `json:"displayName,omitempty"`

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

	// activatedTime is when the partner first had access.
	// +optional
	ActivatedTime *metav1.Time `json:"activatedTime,omitempty"`

	// revokedTime is when the revocation in force was carried out. Unset: none is in force.
	// +optional
	RevokedTime *metav1.Time `json:"revokedTime,omitempty"`

	Access `json:",inline"`

	// handledSignOut tells which request to end every session of the partner was carried out last. Unset: none ever was.
	// +optional
	HandledSignOut *HandledSignOut `json:"handledSignOut,omitempty"`

	// handledResend is the text of the annotation partner-operator.io/resend-requested-at that failed mails were last tried anew for.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	HandledResend string `json:"handledResend,omitempty"`

	// handledRevocation tells which revocation was carried out last. Unset: none ever was.
	// +optional
	HandledRevocation *HandledRevocation `json:"handledRevocation,omitempty"`

	// terms tells which wording of the program's terms was accepted last. While that is another than the program's, the
	// portal asks for it and shows nothing else of the program. Unset: none was.
	// +optional
	Terms *TermsAcceptance `json:"terms,omitempty"`

	// defaultLinks are the suffixes of the default links that were made for the partnership as a whole. Each is made once.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=30
	DefaultLinks []string `json:"defaultLinks,omitempty"`

	// memberLinks are the default links that were made for people of the team. Each is made once, also for who leaves and
	// joins again.
	// +optional
	// +listType=map
	// +listMapKey=member
	// +kubebuilder:validation:MaxItems=400
	MemberLinks []MemberLinks `json:"memberLinks,omitempty"`

	// mails records the newest mail of each kind to the partner, for a team to each of its owner and admins: at most one
	// is sent for each serial and recipient.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=to
	// +kubebuilder:validation:MaxItems=64
	Mails []MailDelivery `json:"mails,omitempty"`
}
