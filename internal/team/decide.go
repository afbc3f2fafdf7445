package team

import (
	"slices"
	"strconv"
	"strings"
	"time"

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
	// MailerConfigured: there is a mail server to send to.
	MailerConfigured bool
	// Holds tells whether mail of a kind is held back; nil: none is.
	Holds func(kind v1alpha1.MailKind) bool
	// Now is the time.
	Now time.Time
}

// Decision is what should be.
type Decision struct {
	// Status is what status should say.
	Status v1alpha1.PartnerTeamStatus
	// Send names the mail to send. It is claimed in Status: write that, and only if it succeeds send the mail and record
	// the outcome. Nil: none.
	Send *Key
	// RequeueAfter is when to look again even if nothing changes; 0: never.
	RequeueAfter time.Duration
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

// deliver claims the first mail that is due, drops those that no longer make sense, and notes when the next is due.
func (d *Decision) deliver(in Input) {
	t := in.Team
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(mail v1alpha1.MailDelivery) bool {
		verdict, _ := delivery.NextTry(tries(t, mail), in.Now)
		inFlight := mail.State == v1alpha1.DeliverySending && verdict == delivery.Wait
		useless := mail.State == v1alpha1.DeliveryFailed && mail.Kind != v1alpha1.MailTeammateInvite
		return !inFlight && (useless || !wanted(in, mail))
	})
	for i := range t.Status.Mails {
		mail := &t.Status.Mails[i]
		if mail.State != v1alpha1.DeliveryPending && mail.State != v1alpha1.DeliverySending {
			continue
		}
		verdict, due := delivery.NextTry(tries(t, *mail), in.Now)
		switch {
		case verdict == delivery.GiveUp:
			mail.State, mail.Message = v1alpha1.DeliveryFailed, "the mail server took nothing for a day"
		case verdict == delivery.Wait:
			d.lookAgain(due.Sub(in.Now))
		case in.MailerConfigured && (in.Holds == nil || !in.Holds(mail.Kind)) && d.Send == nil:
			d.claim(mail, in.Now)
		}
	}
}

func (d *Decision) claim(mail *v1alpha1.MailDelivery, now time.Time) {
	mail.State = v1alpha1.DeliverySending
	mail.Attempts++
	mail.LastAttemptTime = seconds(now)
	if mail.FirstAttemptTime == nil {
		mail.FirstAttemptTime = seconds(now)
	}
	key := KeyOf(*mail)
	d.Send = &key
}

func (d *Decision) lookAgain(after time.Duration) {
	after = max(after, time.Second)
	if d.RequeueAfter == 0 || after < d.RequeueAfter {
		d.RequeueAfter = after
	}
}

// MessageID is the Message-ID of a mail, the same for every try. The same occasion is told to several people, so it names
// a mark of the recipient, too.
func MessageID(t *v1alpha1.PartnerTeam, key Key, domain string) string {
	return delivery.MessageID(string(key.Kind), string(t.UID)+"-"+delivery.Mark(address.Normalize(key.To)), key.Serial, domain)
}

func tries(t *v1alpha1.PartnerTeam, mail v1alpha1.MailDelivery) delivery.Tries {
	tries := delivery.Tries{
		Attempts: mail.Attempts, Claimed: mail.State == v1alpha1.DeliverySending, Seed: MessageID(t, KeyOf(mail), ""),
	}
	if mail.FirstAttemptTime != nil {
		tries.First = mail.FirstAttemptTime.Time
	}
	if mail.LastAttemptTime != nil {
		tries.Last = mail.LastAttemptTime.Time
	}
	return tries
}

// summarize sets the conditions. The owner that the spec names is the first owner; once there is one, the spec no longer
// decides.
func summarize(t *v1alpha1.PartnerTeam, now time.Time) {
	set := v1alpha1.ConditionSetter{Conditions: &t.Status.Conditions, Generation: t.Generation, Now: now}
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
