package cloudevent

import (
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// data tells of an object, beyond what tells every object apart. It has no kind if nothing is told of that kind.
func data(object metav1.Object) Data {
	switch of := object.(type) {
	case *v1alpha1.PartnerInvite:
		return ofInvite(of)
	case *v1alpha1.Partnership:
		return ofPartnership(of)
	case *v1alpha1.PartnerLink:
		return ofLink(of)
	case *v1alpha1.PartnerTeam:
		return Data{Kind: "PartnerTeam", Team: of.Name}
	case *v1alpha1.Program:
		return Data{Kind: "Program", Program: of.Name}
	default:
		return Data{}
	}
}

func ofInvite(i *v1alpha1.PartnerInvite) Data {
	d := Data{
		Kind: "PartnerInvite", State: string(i.Status.State), Serial: i.Status.Serial, Programs: i.Status.Programs,
		Address: address.Mask(string(i.Spec.Contact.Email)), Team: i.TeamName(), CustomFields: i.Spec.CustomFields,
	}
	if len(d.Programs) == 0 {
		d.Programs = i.Spec.Programs
	}
	switch i.Status.State {
	case v1alpha1.InviteSent, v1alpha1.InviteFailed:
		d.Reason = reason(i.Status.Conditions, v1alpha1.ConditionSent)
	default:
		d.Reason = reason(i.Status.Conditions, v1alpha1.ConditionAccepted)
	}
	return d
}

func ofPartnership(p *v1alpha1.Partnership) Data {
	d := Data{
		Kind: "Partnership", State: string(p.Status.State), Reason: reason(p.Status.Conditions, v1alpha1.ConditionActive),
		Program: p.Spec.ProgramRef.Name, Group: p.Status.Group, CustomFields: p.Spec.CustomFields,
		Origin: string(p.Spec.Source), Invite: p.Labels[v1alpha1.InviteLabel],
	}
	if p.Spec.Contact != nil {
		d.Address = address.Mask(string(p.Spec.Contact.Email))
	}
	if p.Spec.TeamRef != nil {
		d.Team = p.Spec.TeamRef.Name
	}
	if accepted := p.Status.Acceptance; accepted != nil {
		d.Invite = accepted.InviteRef.Name
	}
	return d
}

func ofLink(l *v1alpha1.PartnerLink) Data {
	d := Data{
		Kind: "PartnerLink", State: string(l.Status.State), Reason: reason(l.Status.Conditions, v1alpha1.ConditionReady),
		Program: l.Status.Program, Group: l.Status.Group, Partnership: l.Spec.PartnershipRef.Name, URL: l.Status.URL,
	}
	if l.Spec.Member != nil {
		d.Address = address.Mask(string(l.Spec.Member.Email))
	}
	return d
}

func reason(conditions []metav1.Condition, conditionType string) string {
	if c := meta.FindStatusCondition(conditions, conditionType); c != nil {
		return c.Reason
	}
	return ""
}

// second is a time as it stands in an ID.
func second(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
