package partnership

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
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

// Record notes what came of a claim. It is false, and changes nothing, if the mail is not claimed any more, or a newer one of
// the kind has taken its place.
func Record(p *v1alpha1.Partnership, key delivery.Key, o delivery.Outcome, now time.Time) bool {
	mail := Mail(&p.Status, key.Kind, key.To)
	if mail == nil || delivery.KeyOf(mail) != key {
		return false
	}
	reason, recorded := delivery.Mail{MailDelivery: mail, ID: MessageID(p, key, "")}.Record(o)
	if recorded {
		mails := make([]delivery.Mail, 0, len(p.Status.Mails))
		for i := range p.Status.Mails {
			mails = append(mails, delivery.Mail{MailDelivery: &p.Status.Mails[i]})
		}
		delivery.SetRecorded(setter(p, &p.Status, now), mails, mail, reason)
	}
	return recorded
}

func setter(p *v1alpha1.Partnership, status *v1alpha1.PartnershipStatus, now time.Time) v1alpha1.ConditionSetter {
	return v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: p.Generation, Now: now}
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

// tryAnew tries mails that Failed anew: those whose refusal was taken back, and all if the company asks for it.
func (d *Decision) tryAnew(in Input) {
	delivery.RetryAll(d.Status.Mails, in.TakenBack)
	d.Status.HandledResend = delivery.Resend(in.Partnership.Annotations, d.Status.HandledResend, d.Status.Mails)
}

// deliver claims the first mail that is due, drops those that no longer make sense, and notes when the next is due.
func (d *Decision) deliver(in Input) {
	mails := make([]delivery.Mail, 0, len(d.Status.Mails))
	told := map[int]string{} // by whose mail the contact knows already
	tried := map[int]bool{}
	for i := range d.Status.Mails {
		m := &d.Status.Mails[i]
		told[i], tried[i] = d.toldBy(in, m), m.Attempts > 0
		mail := delivery.Mail{MailDelivery: m, ID: MessageID(in.Partnership, delivery.KeyOf(m), ""), Unwanted: told[i] != "" || !d.wanted(in, m)}
		if !mail.Unwanted {
			mail.Hold = d.hold(in, m)
		}
		mails = append(mails, mail)
	}
	claim, again := delivery.Next(mails, in.Now)
	if claim >= 0 {
		m := mails[claim].MailDelivery
		if !tried[claim] { // what may have left is sent again as it was
			m.About = followers(in, m)
		}
		d.Send = new(delivery.KeyOf(m))
	}
	d.LookAt(again, in.Now)
	before := in.Partnership.Status.Mails
	for i := range d.Status.Mails {
		was := Mail(&in.Partnership.Status, d.Status.Mails[i].Kind, d.Status.Mails[i].To)
		if m := &d.Status.Mails[i]; m.State == v1alpha1.DeliverySkipped && (was == nil || was.State != m.State || was.Serial != m.Serial) {
			m.Message = told[i]
		}
	}
	if !equality.Semantic.DeepEqual(before, d.Status.Mails) {
		delivery.SetMailed(setter(in.Partnership, &d.Status, in.Now), mails)
	}
}

// hold is what holds a mail back; nil: nothing does. It waits for the program: until it is not suspended any more, and, for
// all that only makes sense with it, until it exists.
func (d *Decision) hold(in Input, m *v1alpha1.MailDelivery) *delivery.Hold {
	name := in.Partnership.Spec.ProgramRef.Name
	switch hold := in.Holds[m.Kind]; {
	case hold != nil:
		return hold
	case suspended(in):
		return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: fmt.Sprintf("Program %q is suspended; the mail goes out when that ends", name)}
	case in.Catalog.Programs[name] == nil && m.Kind != v1alpha1.MailRevoked:
		return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: fmt.Sprintf("Program %q does not exist; the mail goes out when it does", name)}
	default:
		return d.holdTogether(in, m)
	}
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

// MessageID is the Message-ID of a mail, the same for every try. What several people of a team are told names a mark of
// the recipient, too.
func MessageID(p *v1alpha1.Partnership, key delivery.Key, domain string) string {
	about := string(p.UID)
	if key.To != "" {
		about += "-" + delivery.Mark(address.Normalize(key.To))
	}
	return delivery.RepeatID(delivery.MessageID(string(key.Kind), about, key.Serial, domain), key.Repeat)
}

func nowSeconds(now time.Time) *metav1.Time { return &metav1.Time{Time: now} }
