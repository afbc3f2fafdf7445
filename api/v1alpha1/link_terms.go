package v1alpha1

// WebAddress is a complete https address such as https://acme.example/summer?season=2026: no user, no blanks and no
// backslash. The host may be international.
// +kubebuilder:validation:MinLength=9
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^\\\\pZ\\\\pC/?#@\\\\\\\\]+([/?#][^\\\\pZ\\\\pC\\\\\\\\]*)?$')",message="must be a complete https address such as https://acme.example/summer, without a user, blanks or backslashes"
type WebAddress string

// HostName is the name of a host such as acme.example: no scheme, no port, no path, no wildcard. It may be international.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^[^\\\\pZ\\\\pC/?#@:*\\\\\\\\.]+([.][^\\\\pZ\\\\pC/?#@:*\\\\\\\\.]+)+$')",message="must be the name of a host such as acme.example, without scheme, port, path or wildcard; hosts below it are allowed, too"
type HostName string

// ProgramTerms are what partners of a program agree to.
type ProgramTerms struct {
	// url is where the terms can be read. An https address.
	// +required
	URL WebAddress `json:"url"`

	// version names this wording of the terms, such as 2026-01. A change asks every partner again.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Version LineOfText `json:"version"`
}

// ProgramLinks tells where the links lead that partners of a program share.
type ProgramLinks struct {
	// destination is where links lead that say nothing themselves, and whose group says nothing. It is followed live.
	// Unset: such links lead nowhere, and their condition Ready says so.
	// +optional
	Destination WebAddress `json:"destination,omitempty"`

	// allowedHosts are where a link's own destination can be: one of these hosts or one below it, on the usual port.
	// Unset: the hosts of the destinations of the program and of the group.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	AllowedHosts []HostName `json:"allowedHosts,omitempty"`

	// parameter is added to the destination to tell whose link was followed; its value is the link's name. One that is
	// there already is replaced, and while a link counts for nobody it is taken away. Unset: ref.
	// +optional
	// +kubebuilder:default=ref
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?$')",message="must be letters, digits, '-' and '_', beginning with a letter, such as ref"
	Parameter string `json:"parameter,omitempty"`

	// maxPerMember is how many links a partner, and in a team each member, can have before the portal makes no more.
	// What the company declares is not limited, but counts. 0: the portal makes none. Unset: 20.
	// +optional
	// +kubebuilder:default=20
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	MaxPerMember *int32 `json:"maxPerMember,omitempty"`
}

// LinkCreation tells whether partners can make links.
// +kubebuilder:validation:Enum=Enabled;Disabled
type LinkCreation string

// The kinds of link creation.
const (
	// LinkCreationEnabled: partners make links in the portal.
	LinkCreationEnabled LinkCreation = "Enabled"
	// LinkCreationDisabled: only the company makes links.
	LinkCreationDisabled LinkCreation = "Disabled"
)

// GroupLinks tells about the links of the partners in a group.
type GroupLinks struct {
	// destination is where links of this group's partners lead that say nothing themselves. It is followed live.
	// Unset: the program's.
	// +optional
	Destination WebAddress `json:"destination,omitempty"`

	// creation tells whether partners can make links in the portal. Disabled: only the company makes them; those that are
	// there go on. Unset: Enabled.
	// +optional
	// +kubebuilder:default=Enabled
	Creation LinkCreation `json:"creation,omitempty"`

	// defaults are links that each partner in this group gets, once: when the partnership is Active, when it moves here,
	// or when a default is added. One that is deleted is not made again, and taking a default away deletes none.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, (has(b.suffix) ? b.suffix : '') == (has(a.suffix) ? a.suffix : '')))",message="each suffix can stand once, and one default link can have none: take out what is there twice"
	Defaults []DefaultLink `json:"defaults,omitempty"`
}

// DefaultLinkPer tells who gets a default link where the partner is a team.
// +kubebuilder:validation:Enum=Member;Team
type DefaultLinkPer string

// Who gets a default link.
const (
	// DefaultLinkPerMember: each person who is in the team.
	DefaultLinkPerMember DefaultLinkPer = "Member"
	// DefaultLinkPerTeam: the team, for all of its people.
	DefaultLinkPerTeam DefaultLinkPer = "Team"
)

// DefaultLink is a link that each partner in a group gets.
type DefaultLink struct {
	// suffix ends the name of the link: <partnership>-<suffix>. It is unique in a group. If the name is somebody else's, a
	// few letters are put behind it. Unset or empty: the link has the name of the partnership.
	// +optional
	// +kubebuilder:validation:MaxLength=30
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$')",message="must be lower-case letters, digits and hyphens, such as summer, or empty"
	Suffix string `json:"suffix,omitempty"`

	// per tells who gets such a link where the partner is a team: Member, each person one of their own, so that it shows who
	// brought whom; Team, the team one for all. Unset: as Member, but in a team that shares one from before this was
	// told apart, only who joins since gets one of their own. It says nothing about a partner who is a person.
	// +optional
	Per DefaultLinkPer `json:"per,omitempty"`

	// destination is where the link leads. It is copied into the link when that is made. Unset: the link says nothing
	// itself, so that it follows the group and the program.
	// +optional
	Destination WebAddress `json:"destination,omitempty"`
}
