package partnership

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// Enqueue notes that a mail is to be sent to these people of a team, or, if there are none, to the contact; or that it is
// not to be and never will be for this serial.
func Enqueue(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind, serial int64, send bool, to ...string) {
	state := v1alpha1.DeliverySkipped
	if send {
		state = v1alpha1.DeliveryPending
	}
	if len(to) == 0 {
		to = []string{""}
	}
	at := slices.IndexFunc(status.Mails, func(m v1alpha1.MailDelivery) bool { return m.Kind == kind })
	status.Mails = slices.DeleteFunc(status.Mails, func(m v1alpha1.MailDelivery) bool { return m.Kind == kind })
	if at < 0 {
		at = len(status.Mails)
	}
	for i, each := range to {
		status.Mails = slices.Insert(status.Mails, at+i, v1alpha1.MailDelivery{Kind: kind, To: each, Serial: serial, State: state})
	}
}

// Mail finds the newest mail of a kind to somebody; nil: there was none.
func Mail(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind, to string) *v1alpha1.MailDelivery {
	i := slices.IndexFunc(status.Mails, func(m v1alpha1.MailDelivery) bool { return m.Kind == kind && m.To == to })
	if i < 0 {
		return nil
	}
	return &status.Mails[i]
}

// Record notes what came of a claim: failure is nil if the mail server took the mail. It is false, and changes nothing,
// if a newer mail of the kind has taken its place.
func Record(status *v1alpha1.PartnershipStatus, kind v1alpha1.MailKind, to string, serial int64, failure *delivery.Failure) bool {
	mail := Mail(status, kind, to)
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

// Recipient is whom a mail about a partnership goes to: the contact, or somebody who leads the team; nil: nobody of the
// address is to be told any more.
func Recipient(in Input, to string) *v1alpha1.TeamOwner {
	if contact := in.Partnership.Spec.Contact; contact != nil {
		return &v1alpha1.TeamOwner{Email: contact.Email, FirstName: contact.FirstName, LastName: contact.LastName}
	}
	for i := range in.Leaders {
		if address.Equal(string(in.Leaders[i].Email), to) {
			return &in.Leaders[i]
		}
	}
	return nil
}

// tell notes a mail to the contact, or to each who leads the team.
func (d *Decision) tell(in Input, kind v1alpha1.MailKind, serial int64, send bool) {
	var to []string
	for _, leader := range in.Leaders {
		to = append(to, string(leader.Email))
	}
	Enqueue(&d.Status, kind, serial, send, to...)
}

// deliver claims the first mail that is due, drops those that no longer make sense, and notes when the next is due.
func (d *Decision) deliver(in Input) {
	for i := range d.Status.Mails {
		mail := &d.Status.Mails[i]
		if mail.State != v1alpha1.DeliveryPending && mail.State != v1alpha1.DeliverySending {
			continue
		}
		verdict, due := delivery.NextTry(tries(in, mail), in.Now)
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
	if Recipient(in, mail.To) == nil {
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
		return HasAccess(in.Partnership, in.Rivals, program, in.Now) && signin.StateOf(d.Status.SignIn, mail.Serial, in.Now) == signin.Open
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
	d.Send, d.SendTo = mail.Kind, mail.To
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
		Seed:     MessageID(in.Partnership, mail.Kind, mail.To, mail.Serial, ""),
	}
	if mail.FirstAttemptTime != nil {
		t.First = mail.FirstAttemptTime.Time
	}
	if mail.LastAttemptTime != nil {
		t.Last = mail.LastAttemptTime.Time
	}
	return t
}

// MessageID is the Message-ID of a mail, the same for every try. What several people of a team are told names a mark of
// the recipient, too.
func MessageID(p *v1alpha1.Partnership, kind v1alpha1.MailKind, to string, serial int64, domain string) string {
	about := string(p.UID)
	if to != "" {
		about += "-" + delivery.Mark(address.Normalize(to))
	}
	return delivery.MessageID(string(kind), about, serial, domain)
}

func nowSeconds(now time.Time) *metav1.Time { return &metav1.Time{Time: now} }
