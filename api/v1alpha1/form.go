package v1alpha1

// FormFieldName names a field of a form: lower-case letters, digits and hyphens, beginning with a letter.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="must be lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen, such as company-size"
// +kubebuilder:validation:XValidation:rule="!(self in ['email', 'approve'])",message="the names email and approve belong to the page itself; choose another, such as billing-email"
type FormFieldName string

// FormFieldType is what can be entered into a field of a form.
// +kubebuilder:validation:Enum=Text;LongText;Email;URL;Phone;Select;Checkbox;Country
type FormFieldType string

// The types of form fields.
const (
	// FieldText: one line of up to 200 characters.
	FieldText FormFieldType = "Text"
	// FieldLongText: lines of up to 4000 characters altogether.
	FieldLongText FormFieldType = "LongText"
	// FieldEmail: one plain mail address.
	FieldEmail FormFieldType = "Email"
	// FieldURL: a web address that begins with https:// or http://.
	FieldURL FormFieldType = "URL"
	// FieldPhone: a phone number of 5 to 15 digits.
	FieldPhone FormFieldType = "Phone"
	// FieldSelect: one of the field's options.
	FieldSelect FormFieldType = "Select"
	// FieldCheckbox: yes, or no answer.
	FieldCheckbox FormFieldType = "Checkbox"
	// FieldCountry: the two letters of a country by ISO 3166-1, such as DE.
	FieldCountry FormFieldType = "Country"
)

// FormField is one field of an application form.
// +kubebuilder:validation:XValidation:rule="self.type != 'Select' || has(self.options)",fieldPath=".options",message="a field of type Select needs options; list them, or choose another type"
// +kubebuilder:validation:XValidation:rule="self.type == 'Select' || !has(self.options)",fieldPath=".options",message="only a field of type Select has options; remove them, or make the type Select"
type FormField struct {
	// name is the key of the answer, in spec.application.fields of the partnership. Groups that use the same name ask
	// the same question: a person who is invited into several is asked once. It is unique in a form and cannot be email
	// or approve, which the page itself uses. A name that HTML knows for autocomplete, such as organization or
	// postal-code, lets browsers fill the field in.
	// +required
	Name FormFieldName `json:"name"`

	// label is the question, as the person reads it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	Label LineOfText `json:"label"`

	// type is what can be entered: Text (one line, up to 200 characters), LongText (up to 4000), Email, URL (https or
	// http), Phone, Select (one of options), Checkbox (the answer is yes, or there is none) or Country (the answer is the
	// two letters of ISO 3166-1).
	// +required
	Type FormFieldType `json:"type"`

	// required tells whether the person has to answer; a Checkbox has to be ticked then. Unset: false.
	// +optional
	Required bool `json:"required,omitempty"`

	// options are what can be chosen from, for the type Select only, which needs them. The one that is chosen is the
	// answer, as it is written here.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=50
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	Options []LineOfText `json:"options,omitempty"`
}

// Answer is what a person entered into one field of a form.
// +kubebuilder:validation:MaxLength=4000
type Answer string

// Application is what a partner entered into an application form.
type Application struct {
	// fields are the answers, by the names of the fields. What was left empty is not here.
	// +optional
	// +kubebuilder:validation:MaxProperties=100
	// +kubebuilder:validation:XValidation:rule="self.all(name, name.size() <= 63 && name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$'))",message="a name must be that of a form's field: up to 63 lower-case letters, digits and hyphens, beginning with a letter"
	Fields map[string]Answer `json:"fields,omitempty"`

	// submittedTime is when the person applied by a join link. Unset: it came about otherwise.
	// +optional
	SubmittedTime Timestamp `json:"submittedTime,omitempty"`

	// matchingTeams are the PartnerTeams whose owner had the domain of the applicant's mail address at that time, where
	// the program's onboarding.domainMatching is Enabled. With exactly one the applicant waits for the company.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	MatchingTeams []TeamReference `json:"matchingTeams,omitempty"`
}

// CustomFields are facts of the company's own about a partner, such as region: EMEA. They decide nothing.
// +kubebuilder:validation:MaxProperties=50
// +kubebuilder:validation:XValidation:rule="self.all(name, name.size() <= 63 && name.matches('^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$'))",message="a name must be up to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
type CustomFields map[string]CustomFieldValue

// CustomFieldValue is one fact of the company's own.
// +kubebuilder:validation:MaxLength=1024
type CustomFieldValue string
