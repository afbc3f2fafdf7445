package join

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
)

// SealContext is what an address is sealed for while it waits: it opens for this group alone.
func SealContext(g *v1alpha1.PartnerGroup) string { return g.Namespace + "/" + string(g.UID) }

// Request asks for a verification mail to an address, which is sealed. It is false, whatever the address, while LimitOf the
// group says so. It must be written with the resourceVersion that was judged.
func Request(g *v1alpha1.PartnerGroup, sealed string, now time.Time) bool {
	status := &g.Status
	if LimitOf(g, now).Reason != "" || status.VerificationSerial >= math.MaxInt32 {
		return false
	}
	countRequest(status, now)
	status.VerificationSerial++
	status.Verifications = append(status.Verifications, v1alpha1.AddressVerification{
		MailDelivery: v1alpha1.MailDelivery{
			Kind: v1alpha1.MailVerifyAddress, Serial: status.VerificationSerial, State: v1alpha1.DeliveryPending,
		},
		SealedAddress: sealed, JoinLinkSerial: status.JoinLink.Serial, RequestedTime: metav1.MicroTime{Time: now.Truncate(time.Microsecond)},
	})
	return true
}

// Outbox is all that a decision about the verification mails of a group depends on.
type Outbox struct {
	// Group is the group as observed.
	Group *v1alpha1.PartnerGroup
	// Program is the one that it divides; nil: it does not exist.
	Program *v1alpha1.Program
	// Hold is what holds these mails back; nil: nothing does.
	Hold *delivery.Hold
	// Marks stand for the addresses that mails wait for, by the number of the request: one for each signing key, the newest
	// first. None: the address cannot be read.
	Marks map[int64][]string
	// Elsewhere is to whom the other groups of the namespace sent such mails.
	Elsewhere []v1alpha1.VerificationRecipients
	// Now is the time.
	Now time.Time
}

// Posting is what should be done about the verification mails of a group.
type Posting struct {
	delivery.LookAgain

	// Status is what status should say.
	Status v1alpha1.PartnerGroupStatus
	// Send names the mail to send; its serial is the number of the request. It is claimed in Status: write that, and only if
	// it succeeds send the mail and record the outcome. Nil: none.
	Send *delivery.Key
}

// Post decides about the verification mails of a group that have not left: the first that is due is claimed, and those
// that would come too late, lead to nothing, or go to an address that got enough of them today, are dropped.
func Post(o Outbox) Posting {
	d := Posting{Status: *o.Group.Status.DeepCopy()}
	mails := mailsOf(o, &d.Status)
	first := map[int64]bool{}
	for _, v := range d.Status.Verifications {
		first[v.Serial] = v.LastAttemptTime == nil
	}
	claim, at := delivery.Next(mails, o.Now)
	d.LookAt(at, o.Now)
	if claim >= 0 {
		d.Send = new(delivery.KeyOf(mails[claim].MailDelivery))
		if marks := o.Marks[d.Send.Serial]; first[d.Send.Serial] && len(marks) > 0 {
			noteRecipient(&d.Status, marks[0], Find(&d.Status, d.Send.Serial).RequestedTime.Time, o.Now)
		}
	}
	if !equality.Semantic.DeepEqual(o.Group.Status.Verifications, d.Status.Verifications) {
		delivery.SetMailed(setter(o.Group, &d.Status, o.Now), mails)
	}
	d.Status.Verifications = slices.DeleteFunc(d.Status.Verifications, settled)
	if len(d.Status.Verifications) == 0 {
		d.Status.Verifications = nil
	}
	for _, v := range d.Status.Verifications {
		if d.Send != nil && v.Serial == d.Send.Serial {
			continue
		}
		d.LookAt(v.RequestedTime.Add(VerificationLifetime), o.Now)
	}
	return d
}

// mailsOf are the mails that wait, with what was found out about them.
func mailsOf(o Outbox, status *v1alpha1.PartnerGroupStatus) []delivery.Mail {
	hold := o.Hold
	if hold == nil && o.Program != nil && o.Program.Spec.Suspend {
		hold = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: fmt.Sprintf("Program %q is suspended; the mail goes out when that ends", o.Program.Name)}
	}
	mails := make([]delivery.Mail, 0, len(status.Verifications))
	for i := range status.Verifications {
		v := &status.Verifications[i]
		mails = append(mails, delivery.Mail{
			MailDelivery: &v.MailDelivery, ID: MessageID(o.Group, delivery.KeyOf(&v.MailDelivery), ""), Unwanted: !wanted(o, *v), Hold: hold,
		})
	}
	return mails
}

// MessageID is the Message-ID of a mail, the same for every try.
func MessageID(g *v1alpha1.PartnerGroup, key delivery.Key, domain string) string {
	return delivery.MessageID(string(key.Kind), string(g.UID), key.Serial, domain)
}

func setter(g *v1alpha1.PartnerGroup, status *v1alpha1.PartnerGroupStatus, now time.Time) v1alpha1.ConditionSetter {
	return v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: g.Generation, Now: now}
}

// settled tells whether nothing is left to do about a request. Nobody is to find out about one that failed: whoever typed
// the address can ask again.
func settled(v v1alpha1.AddressVerification) bool {
	return v.State != v1alpha1.DeliveryPending && v.State != v1alpha1.DeliverySending
}

// wanted tells whether the link of a mail would still lead somewhere, and whoever gets it has not had enough of them. One
// that was tried before is noted among those already.
func wanted(o Outbox, v v1alpha1.AddressVerification) bool {
	if v.LastAttemptTime == nil && enough(o.Marks[v.Serial], slices.Concat(o.Group.Status.VerificationRecipients, o.Elsewhere), o.Now) {
		return false
	}
	return o.Program != nil && Works(o.Group, v.JoinLinkSerial) && o.Now.Before(v.RequestedTime.Add(VerificationLifetime))
}

// Find is the request of a number; nil: its mail has left, or was dropped.
func Find(status *v1alpha1.PartnerGroupStatus, serial int64) *v1alpha1.AddressVerification {
	i := slices.IndexFunc(status.Verifications, func(v v1alpha1.AddressVerification) bool { return v.Serial == serial })
	if i < 0 {
		return nil
	}
	return &status.Verifications[i]
}

// Record notes what came of a claim. What is settled is forgotten. It is false, and changes nothing, if the mail is not
// claimed any more.
func Record(g *v1alpha1.PartnerGroup, key delivery.Key, o delivery.Outcome, now time.Time) bool {
	status := &g.Status
	v := Find(status, key.Serial)
	if v == nil || delivery.KeyOf(&v.MailDelivery) != key {
		return false
	}
	reason, recorded := delivery.Mail{MailDelivery: &v.MailDelivery, ID: MessageID(g, key, "")}.Record(o)
	if !recorded {
		return false
	}
	delivery.SetRecorded(setter(g, status, now), mailsOf(Outbox{Group: g, Now: now}, status), &v.MailDelivery, reason)
	status.Verifications = slices.DeleteFunc(status.Verifications, settled)
	if len(status.Verifications) == 0 {
		status.Verifications = nil
	}
	return true
}

// Transitions are the events of what came of a claim: one for a mail that failed, which status does not list any more.
func Transitions(key delivery.Key, before, after *v1alpha1.PartnerGroupStatus) []event.Event {
	c := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionMailed)
	gone := Find(before, key.Serial) != nil && Find(after, key.Serial) == nil
	if !gone || c == nil || c.Status != metav1.ConditionFalse {
		return nil
	}
	switch c.Reason {
	case v1alpha1.ReasonAddressRejected, v1alpha1.ReasonContentRejected, v1alpha1.ReasonGaveUp:
		return []event.Event{delivery.MailFailed(key.Kind, strings.TrimPrefix(c.Message, string(key.Kind)+": "))}
	default:
		return nil
	}
}
