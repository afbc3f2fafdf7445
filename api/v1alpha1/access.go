package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Access is what the portal knows of a person to whom it gives access: by a partnership of their own, or as a member of a
// team.
type Access struct {
	// sessionsNotBefore kills sessions: one that was signed in at or before this time no longer counts here. It is
	// set by whatever ends access, by joining a team, and by signing out.
	// +optional
	SessionsNotBefore *metav1.MicroTime `json:"sessionsNotBefore,omitempty"`

	// signIn is what the portal knows of the person's sign-in.
	// +optional
	SignIn PartnershipSignIn `json:"signIn,omitzero"`

	// lastActiveTime is when the person was last seen in the portal: a session began, or they did something. It is moved
	// once a day at most. Unset: never, or not since a version that writes this.
	// +optional
	LastActiveTime *metav1.Time `json:"lastActiveTime,omitempty"`
}
