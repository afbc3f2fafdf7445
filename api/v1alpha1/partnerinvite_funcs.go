package v1alpha1

// Offers is what the invite offers: what was frozen when it was issued, else what it names. Empty: every program.
func (i *PartnerInvite) Offers() []ProgramGrant {
	if i.Status.Serial > 0 {
		return i.Status.Programs
	}
	return i.Spec.Programs
}
