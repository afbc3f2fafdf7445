package v1alpha1

// ProgramReference names a Program of the same namespace.
type ProgramReference struct {
	// name is the name of a Program in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// GroupReference names a PartnerGroup of the same namespace.
type GroupReference struct {
	// name is the name of a PartnerGroup in the same namespace. The group must belong to the program it is used with.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// TeamReference names a PartnerTeam of the same namespace.
type TeamReference struct {
	// name is the name of a PartnerTeam in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// TemplateLabel marks a ConfigMap as a template, with the value "true". What is wrong with a template is told to whoever
// may read the objects that name it, who may not be allowed to read ConfigMaps: only one that is marked is quoted.
const TemplateLabel = "partner-operator.io/template"

// TemplateReference names a ConfigMap of the same namespace that holds a mail.
type TemplateReference struct {
	// name is the name of a ConfigMap in the same namespace with the keys subject, and markdown, or text and html.
	// docs/mail.md tells what can stand there. While it does not exist, or cannot be used, nothing is sent with it:
	// TemplateNotFound or TemplateInvalid says why, and mending it is enough. With the label
	// partner-operator.io/template: "true" it also says what stands there.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// ProgramGrant is a Program, and the group in it, that an invite offers.
type ProgramGrant struct {
	// name is the name of a Program in the same namespace. While it does not exist the invite waits, with
	// ResolvedRefs=False and the name, and goes on by itself once the Program is created.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// groupRef names the group that the partner joins. It must belong to the program, else the invite waits with
	// ResolvedRefs=False/GroupNotInProgram. Unset: the program's defaultGroupRef, followed live.
	// +optional
	GroupRef *GroupReference `json:"groupRef,omitempty"`
}
