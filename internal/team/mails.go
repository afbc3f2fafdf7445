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

// maxFailed is how many mails that failed are kept for people to see; beyond that the oldest are forgotten.
const maxFailed = 100

// Enqueue notes that a mail is to be sent. It takes the place of an older one of its kind to the same person that is about
// the same, and of one that failed.
func Enqueue(t *v1alpha1.PartnerTeam, kind v1alpha1.MailKind, to string, serial int64) {
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool {
		replaced := kind != v1alpha1.MailTeammateApproval || m.Serial == serial
		return m.Kind == kind && address.Equal(m.To, to) && (replaced || m.State == v1alpha1.DeliveryFailed)
	})
	t.Status.Mails = append(t.Status.Mails, v1alpha1.MailDelivery{Kind: kind, To: to, Serial: serial, State: v1alpha1.DeliveryPending})
}

// find finds a mail on the list; nil: it is not there.
func find(t *v1alpha1.PartnerTeam, key delivery.Key) *v1alpha1.MailDelivery {
	for i := range t.Status.Mails {
		if m := &t.Status.Mails[i]; delivery.KeyOf(m) == key {
			return m
		}
	}
	return nil
}

// mailsOf are the mails on the list, with what was found out about them.
func mailsOf(in Input) []delivery.Mail {
	mails := make([]delivery.Mail, 0, len(in.Team.Status.Mails))
	for i := range in.Team.Status.Mails {
		m := &in.Team.Status.Mails[i]
		mails = append(mails, delivery.Mail{
			MailDelivery: m, ID: MessageID(in.Team, delivery.KeyOf(m), ""), Unwanted: !wanted(in, *m), Hold: in.Holds[m.Kind],
		})
	}
	return mails
}

// MessageID is the Message-ID of a mail, the same for every try. The same occasion is told to several people, so it names
// a mark of the recipient, too.
func MessageID(t *v1alpha1.PartnerTeam, key delivery.Key, domain string) string {
	about := string(t.UID) + "-" + delivery.Mark(address.Normalize(key.To))
	return delivery.RepeatID(delivery.MessageID(string(key.Kind), about, key.Serial, domain), key.Repeat)
}

// Record notes what came of a claim. A mail that was sent leaves the list; one that failed stays there for people to see. It
// is false, and changes nothing, if the list no longer claims it.
func Record(t *v1alpha1.PartnerTeam, key delivery.Key, o delivery.Outcome, now time.Time) bool {
	mail := find(t, key)
	if mail == nil {
		return false
	}
	mails := mailsOf(Input{Team: t, Now: now})
	reason, recorded := delivery.Mail{MailDelivery: mail, ID: MessageID(t, key, "")}.Record(o)
	if !recorded {
		return false
	}
	delivery.SetRecorded(setter(t, now), mails, mail, reason)
	if mail.State == v1alpha1.DeliverySent {
		if m := bySerial(t, key.Serial); m != nil && key.Kind == v1alpha1.MailTeammateInvite {
			m.SentTime = seconds(now)
		}
		t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool { return delivery.KeyOf(&m) == key })
	}
	forgetFailed(t)
	return true
}

// forgetFailed bounds how many mails that failed are kept.
func forgetFailed(t *v1alpha1.PartnerTeam) {
	over := -maxFailed
	for _, m := range t.Status.Mails {
		if m.State == v1alpha1.DeliveryFailed {
			over++
		}
	}
	t.Status.Mails = slices.DeleteFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool {
		if m.State != v1alpha1.DeliveryFailed || over <= 0 {
			return false
		}
		over--
		return true
	})
}

// worthSeeing tells whether a mail that failed still says something to people: whom it went to is still meant. That of a
// sign-in link says that the person gets none.
func worthSeeing(in Input, mail v1alpha1.MailDelivery) bool {
	return wanted(in, mail) || mail.Kind == v1alpha1.MailSignIn && IsActive(in.Team, mail.To)
}

// MailFailed tells whether the mail that invites a person could not be delivered.
func MailFailed(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember) bool {
	return slices.ContainsFunc(t.Status.Mails, func(mail v1alpha1.MailDelivery) bool {
		return mail.Kind == v1alpha1.MailTeammateInvite && mail.Serial == m.Serial && mail.State == v1alpha1.DeliveryFailed
	})
}

// RepeatInvite asks for the open invitation of a person to be mailed again, with the same link, under another Message-ID. It
// is false if there is none, it is under way, or it was mailed a moment ago.
func RepeatInvite(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember, now time.Time) bool {
	before := find(t, delivery.Key{Kind: v1alpha1.MailTeammateInvite, To: string(m.Email), Serial: m.Serial, Repeat: m.Repeat})
	if m.State != v1alpha1.MemberInvited || Expired(m, now) || LinkDead(m) || !delivery.MayRepeat(m.SentTime, before, m.Repeat > 0, 0, now) {
		return false
	}
	m.Repeat++
	Enqueue(t, v1alpha1.MailTeammateInvite, string(m.Email), m.Serial)
	t.Status.Mails[len(t.Status.Mails)-1].Repeat = m.Repeat
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
