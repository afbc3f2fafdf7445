package v1alpha1

// PartnershipCounts tells how many partnerships stand where. They are counted again a few seconds after a change.
type PartnershipCounts struct {
	// invited wait for the person to accept.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Invited int32 `json:"invited"`

	// pending wait for the company's approval.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Pending int32 `json:"pending"`

	// active have access, as long as the program is there and not suspended.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Active int32 `json:"active"`

	// revoked are those whose access the company ended.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Revoked int32 `json:"revoked"`

	// rejected are those whom the company did not approve.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Rejected int32 `json:"rejected"`

	// expired are those whose validUntil has passed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Expired int32 `json:"expired"`

	// conflict are those that do not count because an older one is for the same partner.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Conflict int32 `json:"conflict"`
}

// InviteCounts tells how many invites into a program stand where. They are counted again a few seconds after a change.
type InviteCounts struct {
	// pending have not been mailed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Pending int32 `json:"pending"`

	// held could be mailed, but mail is held back.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Held int32 `json:"held"`

	// sent have been mailed and not answered.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Sent int32 `json:"sent"`

	// accepted made somebody a partner.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Accepted int32 `json:"accepted"`

	// declined were answered with no.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Declined int32 `json:"declined"`

	// expired were not answered in time.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Expired int32 `json:"expired"`

	// failed cannot be delivered.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Failed int32 `json:"failed"`

	// alreadyPartner were not sent, since the person is a partner in every program of theirs.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	AlreadyPartner int32 `json:"alreadyPartner"`

	// refused were not sent because of what else there is.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Refused int32 `json:"refused"`
}
