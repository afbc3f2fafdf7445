package v1alpha1

// EmailAddress is one plain mail address such as ada@example.com: no display name, no blanks, no bare host and no IP
// address. The local part is ASCII, up to 64 characters, without =?; the domain may be international. Addresses are compared without regard to case
// and stored as written.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=254
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9.!#$%&*+/=?^_{|}~\\'-]{1,64}@[^@\\\\pZ\\\\pC<>()\"\\\\[\\\\],;:\\\\\\\\/]+[.。．｡][^@\\\\pZ\\\\pC<>()\"\\\\[\\\\],;:\\\\\\\\/.。．｡]*[^@\\\\pZ\\\\pC<>()\"\\\\[\\\\],;:\\\\\\\\/.。．｡\\\\p{Nd}\\\\p{No}\\\\p{Mn}][^@\\\\pZ\\\\pC<>()\"\\\\[\\\\],;:\\\\\\\\/.。．｡]*$') && !self.contains('=?')",message="must be one plain mail address such as ada@example.com: no display name, no blanks, and a full domain"
type EmailAddress string

// LineOfText is one line of text: no line breaks or other control characters, none that turn the direction of what
// follows, and no blanks at its ends. IsControl has the same rule.
// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\x{202A}-\\\\x{202E}\\\\x{2066}-\\\\x{2069}\\\\p{Cc}\\\\pZ]([^\\\\x{202A}-\\\\x{202E}\\\\x{2066}-\\\\x{2069}\\\\p{Cc}\\\\p{Zl}\\\\p{Zp}]*[^\\\\x{202A}-\\\\x{202E}\\\\x{2066}-\\\\x{2069}\\\\p{Cc}\\\\pZ])?$')",message="must be one line of text without blanks at its ends"
type LineOfText string

// Contact is the person that a partner is.
type Contact struct {
	// email is where mail goes and what the person types to accept. Immutable but for its case: a different address is a
	// different partner, so create a new object for it.
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

	// jobTitle is kept for people; it decides nothing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	JobTitle LineOfText `json:"jobTitle,omitempty"`

	// phone is kept for people; it decides nothing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Phone LineOfText `json:"phone,omitempty"`
}

// TeamOwner is a person who owns a team.
type TeamOwner struct {
	// email is the address of the owner.
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
}
