package v1alpha1

// CurrentOwner is who owns the team now: the first owner, until status tells otherwise.
func (t *PartnerTeam) CurrentOwner() TeamOwner {
	if t.Status.Owner != nil {
		return *t.Status.Owner
	}
	return t.Spec.Owner
}
