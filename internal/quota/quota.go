// Package quota tells which mails count toward mail.maxPerHour of a program: invites, the repeats of their mails and
// verification mails, which somebody can have sent to any number of addresses and which wait where the hour is full; and
// what partners and the staff are told of decisions, which counts and never waits. It is pure.
package quota

import (
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/join"
)

// always are the kinds of mail that count and never wait.
var always = []v1alpha1.MailKind{v1alpha1.MailApproved, v1alpha1.MailRejected, v1alpha1.MailRevoked, v1alpha1.MailApplicationReceived}

// Always tells whether mails of a kind count toward the hour of a program, and leave also where it is full.
func Always(kind v1alpha1.MailKind) bool { return slices.Contains(always, kind) }

// Sent tells when the mails left that count, by the name of the program, as far as the invites, groups and partnerships of
// a namespace tell. A verification mail that waited counts from when it was asked for.
func Sent(invites []v1alpha1.PartnerInvite, groups []v1alpha1.PartnerGroup, partnerships []v1alpha1.Partnership) map[string][]time.Time {
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
	told := programs(partnerships)
	for i := range partnerships {
		for _, m := range partnerships[i].Status.Mails {
			if m.LastAttemptTime == nil || !Always(m.Kind) {
				continue
			}
			for _, grant := range Scope(partnerships[i].Spec.ProgramRef.Name, m.About, told) {
				sent[grant.Name] = append(sent[grant.Name], m.LastAttemptTime.Time)
			}
		}
	}
	return sent
}

// programs are those that partnerships are in, by the name of the partnership.
func programs(partnerships []v1alpha1.Partnership) map[string]string {
	of := map[string]string{}
	for i := range partnerships {
		of[partnerships[i].Name] = partnerships[i].Spec.ProgramRef.Name
	}
	return of
}

// Scope are the programs that a mail about a partnership counts for: that of the partnership, and those of others that it
// tells of, each once. A partnership that is not among those whose programs are known is left out.
func Scope(program string, about []string, programs map[string]string) []v1alpha1.ProgramGrant {
	names := []string{program}
	for _, other := range about {
		if name := programs[other]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var scope []v1alpha1.ProgramGrant
	for _, name := range names {
		scope = append(scope, v1alpha1.ProgramGrant{Name: name})
	}
	return scope
}
