// Package quota tells which mails count toward mail.maxPerHour of a program: those to people who are no partners yet, that
// somebody can have sent to any number of addresses. Those are invites, the repeats of their mails, and verification mails.
// It is pure.
package quota

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/join"
)

// Sent tells when the mails left that count, by the name of the program, as far as the invites and groups of a namespace
// tell. A verification mail that waited counts from when it was asked for.
func Sent(invites []v1alpha1.PartnerInvite, groups []v1alpha1.PartnerGroup) map[string][]time.Time {
	sent := map[string][]time.Time{}
	for i := range invites {
		status := &invites[i].Status
		for _, grant := range status.Programs {
			if at := status.LastAttemptTime; at != nil {
				sent[grant.Name] = append(sent[grant.Name], at.Time)
			}
			if status.Repeat != nil && status.Repeat.LastAttemptTime != nil {
				sent[grant.Name] = append(sent[grant.Name], status.Repeat.LastAttemptTime.Time)
			}
		}
	}
	for i := range groups {
		name := groups[i].Spec.ProgramRef.Name
		sent[name] = append(sent[name], join.SentTimes(&groups[i].Status)...)
	}
	return sent
}
