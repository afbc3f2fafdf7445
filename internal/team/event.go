package team

import (
	"fmt"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
)

// Transitions are the events of a change of a team's people, with masked addresses, and of its mails that failed.
func Transitions(before, after *v1alpha1.PartnerTeam) []event.Event {
	var events []event.Event
	for i := range after.Status.Members {
		is := &after.Status.Members[i]
		was := Member(before, string(is.Email))
		masked := address.Mask(string(is.Email))
		switch {
		case was == nil || was.State != is.State:
			if verb, note := told(was, is); note != "" {
				events = append(events, event.Normal("Member"+string(is.State), verb, masked+" "+note))
			}
		case LinkDead(is) && !LinkDead(was):
			events = append(events, event.Warning(v1alpha1.ReasonTooManyWrongAddresses, "Refuse",
				fmt.Sprintf("%d wrong addresses were typed on the page of the link for %s, so it is dead until the person is invited again", is.WrongAddresses, masked)))
		case was.Role != is.Role && is.Role == owner:
			events = append(events, event.Normal("HandedOver", "HandOver", masked+" owns the team now"))
		case was.Role != is.Role && was.Role != owner:
			events = append(events, event.Normal("RoleChanged", "ChangeRole", fmt.Sprintf("%s is %s now, and was %s", masked, is.Role, was.Role)))
		}
	}
	return append(events, delivery.Failures(before.Status.Mails, after.Status.Mails)...)
}

// told is what happened to a person who came into a state.
func told(was, m *v1alpha1.TeamMember) (action, note string) {
	switch m.State {
	case v1alpha1.MemberAwaitingApproval:
		return "Propose", "is proposed, and waits for approval"
	case v1alpha1.MemberInvited:
		return "Invite", "is invited"
	case v1alpha1.MemberActive:
		if m.Source == v1alpha1.MemberFromOwner && m.JoinedTime != nil && m.LastActiveTime == nil {
			return "", ""
		}
		return "Join", "joined"
	case v1alpha1.MemberRejected:
		return "Reject", "is rejected by the team"
	case v1alpha1.MemberDeclined:
		return "Decline", "declined"
	case v1alpha1.MemberRemoved:
		if was != nil && was.State != v1alpha1.MemberActive {
			return "Remove", "is not invited any more"
		}
		return "Remove", "is not in the team any more"
	default:
		return "", ""
	}
}
