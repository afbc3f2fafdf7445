package partnership

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// Enqueue notes that a mail is to be sent, or that it is not to be and never will be for this serial.
func Enqueue(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind, serial int64, send bool) {
	mail := v1alpha1.MailDelivery{Kind: kind, Serial: serial, State: v1alpha1.DeliverySkipped}
	if send {
		mail.State = v1alpha1.DeliveryPending
	}
	if before := Mail(status, kind); before != nil {
		*before = mail
		return
	}
	status.Mails = append(status.Mails, mail)
}

// Mail finds the newest mail of a kind; nil: there was none.
func Mail(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind) *v1alpha1.MailDelivery {
	i := slices.IndexFunc(status.Mails, func(m v1alpha1.MailDelivery) bool { return m.Kind == kind })
	if i < 0 {
		return nil
	}
	return &status.Mails[i]
}

// Record notes what came of a claim: failure is nil if the mail server took the mail. It is false, and changes nothing,
// if a newer mail of the kind has taken its place.
func Record(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind, serial int64, failure *delivery.Failure) bool {
	mail := Mail(status, kind)
	switch {
	case mail == nil || mail.Serial != serial || mail.State != v1alpha1.DeliverySending:
		return false
	case failure == nil:
		mail.State, mail.Message = v1alpha1.DeliverySent, ""
	case failure.Permanent:
		mail.State, mail.Message = v1alpha1.DeliveryFailed, failure.Message
	default:
		mail.State, mail.Message = v1alpha1.DeliveryPending, failure.Message
	}
	return true
}

// Recipient is whom mail about a partnership goes to; nothing: nobody can be told.
func Recipient(p *v1alpha1.Partnership, team *v1alpha1.PartnerTeam) v1alpha1.EmailAddress {
	switch {
	case p.Spec.Contact != nil:
		return p.Spec.Contact.Email
	case team != nil:
		return team.CurrentOwner().Email
	default:
		return ""
	}
}

// deliver claims the first mail that is due, drops those that no longer make sense, and notes when the next is due.
func (d *Decision) deliver(in Input) {
	for i := range d.Status.Mails {
		mail := &d.Status.Mails[i]
		if mail.State != v1alpha1.DeliveryPending && mail.State != v1alpha1.DeliverySending {
			continue
		}
		verdict, due := delivery.Next(tries(in, mail), in.Now)
		inFlight := mail.State == v1alpha1.DeliverySending && verdict == delivery.Wait
		if !inFlight && !d.wanted(in, mail) {
			mail.State = v1alpha1.DeliverySkipped
			continue
		}
		switch {
		case verdict == delivery.GiveUp:
			mail.State = v1alpha1.DeliveryFailed
		case verdict == delivery.Wait:
			d.lookAgain(due.Sub(in.Now))
		case in.MailerConfigured && !held(in, mail.Kind) && !d.waits(in, mail) && d.Send == "":
			d.claim(mail, in.Now)
		}
	}
}

// waits tells whether a mail has to wait for the program: until it is not suspended any more, and for all that only makes
// sense with it, until it exists.
func (d *Decision) waits(in Input, mail *v1alpha1.MailDelivery) bool {
	exists := in.Catalog.Programs[in.Partnership.Spec.ProgramRef.Name] != nil
	return suspended(in) || !exists && mail.Kind != v1alpha1.MailRevoked
}

// wanted tells whether a mail that has not been sent still makes sense.
func (d *Decision) wanted(in Input, mail *v1alpha1.MailDelivery) bool {
	if mail.Kind == v1alpha1.MailApplicationReceived {
		return in.HasStaff
	}
	if Recipient(in.Partnership, in.Team) == "" {
		return false
	}
	switch mail.Kind {
	case v1alpha1.MailRevoked:
		return d.Status.State == v1alpha1.PartnershipRevoked
	case v1alpha1.MailApproved:
		return d.Status.State == v1alpha1.PartnershipActive && in.Partnership.Spec.PortalAccess != v1alpha1.PortalAccessDisabled
	case v1alpha1.MailRejected:
		return d.Status.State == v1alpha1.PartnershipRejected && in.Partnership.Spec.PortalAccess != v1alpha1.PortalAccessDisabled
	case v1alpha1.MailSignIn:
		program := in.Catalog.Programs[in.Partnership.Spec.ProgramRef.Name]
		return HasAccess(in.Partnership, in.Rivals, program, in.Now) && SignInLink(in.Partnership, mail.Serial, in.Now) == LinkOpen
	default:
		return false
	}
}

func held(in Input, kind v1alpha1.MailKind) bool { return in.Holds != nil && in.Holds(kind) }

func (d *Decision) claim(mail *v1alpha1.MailDelivery, now time.Time) {
	mail.State = v1alpha1.DeliverySending
	mail.Attempts++
	mail.LastAttemptTime = nowSeconds(now)
	if mail.FirstAttemptTime == nil {
		mail.FirstAttemptTime = nowSeconds(now)
	}
	d.Send = mail.Kind
}

func (d *Decision) lookAgain(after time.Duration) {
	after = max(after, time.Second)
	if d.RequeueAfter == 0 || after < d.RequeueAfter {
		d.RequeueAfter = after
	}
}

func tries(in Input, mail *v1alpha1.MailDelivery) delivery.Tries {
	t := delivery.Tries{
		Attempts: mail.Attempts,
		Claimed:  mail.State == v1alpha1.DeliverySending,
		Seed:     delivery.MessageID(string(mail.Kind), string(in.Partnership.UID), mail.Serial, ""),
	}
	if mail.FirstAttemptTime != nil {
		t.First = mail.FirstAttemptTime.Time
	}
	if mail.LastAttemptTime != nil {
		t.Last = mail.LastAttemptTime.Time
	}
	return t
}

func nowSeconds(now time.Time) *metav1.Time { return &metav1.Time{Time: now} }

// nowMicro is not before now: the API server keeps microseconds, and what was signed in at this moment must not be later.
func nowMicro(now time.Time) *metav1.MicroTime {
	return &metav1.MicroTime{Time: now.Add(time.Microsecond - 1).Truncate(time.Microsecond)}
}
