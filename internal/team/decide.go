package team

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// Input is all that a decision about a team depends on.
type Input struct {
	// Team is the team as observed.
	Team *v1alpha1.PartnerTeam
	// Open: its people can sign in.
	Open bool
	// Holds are what holds mail of a kind back.
	Holds delivery.Holds
	// TakenBack are the mails whose refusal turned out not to be theirs: they are tried anew.
	TakenBack []delivery.Key
	// Now is the time.
	Now time.Time
}

// Decision is what should be.
type Decision struct {
	delivery.LookAgain

	// Status is what status should say.
	Status v1alpha1.PartnerTeamStatus
	// Send names the mail to send. It is claimed in Status: write that, and only if it succeeds send the mail and record
	// the outcome. Nil: none.
	Send *delivery.Key
}

// Decide tells what should be done about a team.
func Decide(in Input) Decision {
	in.Team = in.Team.DeepCopy()
	t := in.Team
	t.Status.ObservedGeneration = t.Generation
	Founded(t, in.Now)
	signOut(t, in.Now)
	forget(t)
	ask(t, in.Now)
	delivery.RetryAll(t.Status.Mails, in.TakenBack)
	t.Status.HandledResend = delivery.Resend(t.Annotations, t.Status.HandledResend, t.Status.Mails)
	d := Decision{}
	d.deliver(in)
	summarize(t, in.Now)
	d.Status = t.Status
	return d
}

// ask notes the mails that ask the owner and the admins about people whom the company proposes, as far as there is room:
// the others follow once those have left.
func ask(t *v1alpha1.PartnerTeam, now time.Time) {
	leaders := Leaders(t)
	for i := range t.Status.Members {
		m := &t.Status.Members[i]
		if m.State != v1alpha1.MemberAwaitingApproval || m.AskedTime != nil || waitingMails(t)+len(leaders) > maxMails {
			continue
		}
		m.AskedTime = seconds(now)
		for _, leader := range leaders {
			Enqueue(t, v1alpha1.MailTeammateApproval, string(leader.Email), m.Serial)
		}
	}
}

// waitingMails counts the mails on the list that will leave.
func waitingMails(t *v1alpha1.PartnerTeam) (waiting int) {
	for _, mail := range t.Status.Mails {
		if mail.State != v1alpha1.DeliveryFailed {
			waiting++
		}
	}
	return waiting
}

// deliver claims the first mail that is due, forgets those that no longer make sense, and notes when the next is due.
func (d *Decision) deliver(in Input) {
	t := in.Team
	before := slices.Clone(t.Status.Mails)
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool {
		return m.State == v1alpha1.DeliveryFailed && !worthSeeing(in, m)
	})
	mails := mailsOf(in)
	claim, again := delivery.Next(mails, in.Now)
	if claim >= 0 {
		d.Send = new(delivery.KeyOf(mails[claim].MailDelivery))
	}
	d.LookAt(again, in.Now)
	if !equality.Semantic.DeepEqual(before, t.Status.Mails) {
		delivery.SetMailed(setter(t, in.Now), mails)
	}
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool { return m.State == v1alpha1.DeliverySkipped })
}

func setter(t *v1alpha1.PartnerTeam, now time.Time) v1alpha1.ConditionSetter {
	return v1alpha1.ConditionSetter{Conditions: &t.Status.Conditions, Generation: t.Generation, Now: now}
}

// summarize sets the conditions. The owner that the spec names is the first owner; once there is one, the spec no longer
// decides.
func summarize(t *v1alpha1.PartnerTeam, now time.Time) {
	set := setter(t, now)
	if _, err := address.Deliverable(string(t.Status.Owner.Email)); err != nil {
		message := "owner.email " + err.Error() + "; create the team again with an address that mail can reach"
		set.False(v1alpha1.ConditionReady, v1alpha1.ReasonOwnerInvalid, message)
		set.True(v1alpha1.ConditionStalled, v1alpha1.ReasonOwnerInvalid, message)
		return
	}
	set.True(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "the team can be a partner")
	set.Remove(v1alpha1.ConditionStalled)
}

// News is a text that changes when the people of a team do, or something is to be mailed to them, and stays when only the
// sending of mails goes on.
func News(t *v1alpha1.PartnerTeam) string {
	var news strings.Builder
	for _, m := range t.Status.Members {
		news.WriteString(strings.Join([]string{
			string(m.Email), string(m.Role), string(m.State), strconv.FormatInt(m.Serial, 10), strconv.FormatInt(m.SignIn.Serial, 10),
			strconv.FormatInt(m.Repeat, 10),
		}, " "))
		if m.State == v1alpha1.MemberInvited && (m.SentTime == nil) {
			news.WriteString(" to be mailed")
		}
		if m.State == v1alpha1.MemberInvited && MailFailed(t, &m) {
			news.WriteString(" failed")
		}
		news.WriteString("\n")
	}
	return news.String()
}
