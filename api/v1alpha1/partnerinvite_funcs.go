package v1alpha1

// Offers is what the invite offers: what was frozen when it was issued, else what it names. Empty: every program, or,
// for teammates, none.
func (i *PartnerInvite) Offers() []ProgramGrant {
	if i.Status.Serial > 0 {
		return i.Status.Programs
	}
	return i.Spec.Programs
}

// ForTeammates tells whether the invite proposes teammates to an existing team; it offers no program then.
func (i *PartnerInvite) ForTeammates() bool { return i.Spec.TeamRef != nil && len(i.Spec.Members) > 0 }

// ForTeam tells whether who accepts does so for a team, a new or an existing one.
func (i *PartnerInvite) ForTeam() bool { return i.TeamName() != "" && !i.ForTeammates() }

// TeamName is the name of the team that the invite is about, a new or an existing one. Empty: of none.
func (i *PartnerInvite) TeamName() string {
	switch {
	case i.Spec.Team != nil:
		return i.Spec.Team.Name
	case i.Spec.TeamRef != nil:
		return i.Spec.TeamRef.Name
	default:
		return ""
	}
}

// Mail is the kind of the invite's own mail.
func (i *PartnerInvite) Mail() MailKind {
	if i.ForTeam() {
		return MailTeamInvite
	}
	return MailInvite
}
