package team

import (
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// maxMails is how many mails wait at most before more are noted, so that the list has an end. Mails that somebody waits
// for have room beyond.
const maxMails = 250

// Enqueue notes that a mail is to be sent. It takes the place of an older one of its kind to the same person that is about
// the same, and of one that failed.
func Enqueue(t *v1alpha1.PartnerTeam, kind v1alpha1.MailKind, to string, serial int64) {
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool {
		replaced := kind != v1alpha1.MailTeammateApproval || m.Serial == serial
		return m.Kind == kind && address.Equal(m.To, to) && (replaced || m.State == v1alpha1.DeliveryFailed)
	})
	t.Status.Mails = append(t.Status.Mails, v1alpha1.MailDelivery{Kind: kind, To: to, Serial: serial, State: v1alpha1.DeliveryPending})
}

// Key names one mail of a team.
type Key struct {
	Kind   v1alpha1.MailKind
	To     string
	Serial int64
}

// KeyOf is the key of a mail.
func KeyOf(m v1alpha1.MailDelivery) Key { return Key{m.Kind, m.To, m.Serial} }

func find(t *v1alpha1.PartnerTeam, key Key) int {
	return slices.IndexFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool { return KeyOf(m) == key })
}

// Record notes what came of a claim: failure is nil if the mail server took the mail, which leaves the list then. Of mails
// that were refused for good the list keeps those that invite, for people to see. It is false, and changes nothing, if the list no longer claims it.
func Record(t *v1alpha1.PartnerTeam, key Key, failure *delivery.Failure, now time.Time) bool {
	i := find(t, key)
	if i < 0 || t.Status.Mails[i].State != v1alpha1.DeliverySending {
		return false
	}
	mail := &t.Status.Mails[i]
	switch {
	case failure == nil:
		if m := bySerial(t, key.Serial); m != nil && key.Kind == v1alpha1.MailTeammateInvite {
			m.SentTime = seconds(now)
		}
		t.Status.Mails = slices.Delete(t.Status.Mails, i, i+1)
	case failure.Permanent && key.Kind == v1alpha1.MailTeammateInvite:
		mail.State, mail.Message = v1alpha1.DeliveryFailed, failure.Message
	case failure.Permanent:
		t.Status.Mails = slices.Delete(t.Status.Mails, i, i+1)
	default:
		mail.State, mail.Message = v1alpha1.DeliveryPending, failure.Message
	}
	return true
}

// MailFailed tells whether the mail that invites a person could not be delivered.
func MailFailed(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember) bool {
	return slices.ContainsFunc(t.Status.Mails, func(mail v1alpha1.MailDelivery) bool {
		return mail.Kind == v1alpha1.MailTeammateInvite && mail.Serial == m.Serial && mail.State == v1alpha1.DeliveryFailed
	})
}

// RequestSignIn issues one more sign-in link for a person and asks for its mail, if one is due; else it changes nothing, and
// is false.
func RequestSignIn(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember, lifetime time.Duration, now time.Time) bool {
	if !signin.Request(&m.SignIn, lifetime, now) {
		return false
	}
	Enqueue(t, v1alpha1.MailSignIn, string(m.Email), m.SignIn.Serial)
	return true
}

// UseSignIn spends the open sign-in links of a person.
func UseSignIn(m *v1alpha1.TeamMember, now time.Time) {
	signin.Use(&m.SignIn, now)
	m.LastActiveTime = seconds(now)
}

// RepeatInvite asks for the open invitation of a person to be mailed again, with the same link. It is false if there is
// none, or it was mailed a moment ago.
func RepeatInvite(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember, now time.Time) bool {
	if m.State != v1alpha1.MemberInvited || Expired(m, now) || LinkDead(m) || m.SentTime == nil || now.Before(delivery.RepeatDue(m.SentTime.Time, true)) {
		return false
	}
	m.SentTime = nil
	Enqueue(t, v1alpha1.MailTeammateInvite, string(m.Email), m.Serial)
	return true
}

// wanted tells whether a mail that has not been sent still makes sense.
func wanted(in Input, mail v1alpha1.MailDelivery) bool {
	switch mail.Kind {
	case v1alpha1.MailTeammateApproval:
		return AwaitingBySerial(in.Team, mail.Serial) != nil && Can(in.Team, mail.To, InvitePeople)
	case v1alpha1.MailTeammateInvite:
		m := InvitedBySerial(in.Team, mail.Serial)
		return m != nil && !Expired(m, in.Now) && !LinkDead(m) && address.Equal(string(m.Email), mail.To)
	case v1alpha1.MailSignIn:
		m := Member(in.Team, mail.To)
		return m != nil && m.State == v1alpha1.MemberActive && in.Open && signin.StateOf(m.SignIn, mail.Serial, in.Now) == signin.Open
	default:
		return false
	}
}
