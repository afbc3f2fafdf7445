package v1alpha1

import "time"

// InviteLifetime is how long an invite can be answered: a duration in hours, minutes and seconds from 1m to 8760h,
// such as 168h for seven days.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,4}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?$') && duration(self) >= duration('1m') && duration(self) <= duration('8760h')",message="must be a duration from 1m to 8760h in hours, minutes and seconds, such as 168h for seven days"
type InviteLifetime string

// Cooldown is how long to wait between two mails: a duration in hours, minutes and seconds up to 24h, or 0.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:XValidation:rule="self == '0' || self.matches('^([0-9]{1,2}h)?([0-9]{1,4}m)?([0-9]{1,6}s)?$') && duration(self) <= duration('24h')",message="must be a duration up to 24h in hours, minutes and seconds, such as 1m, or 0 for none"
type Cooldown string

// DefaultCooldown counts where a program does not say otherwise.
const DefaultCooldown = time.Minute

// Duration is the cool-down; DefaultCooldown if none is set.
func (c Cooldown) Duration() time.Duration {
	d, err := time.ParseDuration(string(c))
	if err != nil {
		return DefaultCooldown
	}
	return d
}

// DefaultInviteLifetime counts where neither the invite nor its group nor its program says otherwise.
const DefaultInviteLifetime = 7 * 24 * time.Hour

// Duration is the lifetime, and false if none is set. Only a value that the schema would refuse also gives false.
func (l InviteLifetime) Duration() (time.Duration, bool) {
	d, err := time.ParseDuration(string(l))
	return d, err == nil && d > 0
}
