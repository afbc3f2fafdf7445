package join

import (
	"math"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
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
	// Held: mail is held back, or there is no mail server.
	Held bool
	// HeldUntil is when the program may send another mail; the zero time: now.
	HeldUntil time.Time
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
	// Status is what status should say.
	Status v1alpha1.PartnerGroupStatus
	// Send is the number of the request whose mail is claimed in Status: write that, and only if it succeeds send the
	// mail and record the outcome. 0: none.
	Send int64
	// RequeueAfter is when to look again even if nothing changes; 0: never.
	RequeueAfter time.Duration
}

// lookAgain is how often it is asked whether mail is still held back.
const lookAgain = 15 * time.Second

// Post decides about the verification mails of a group that have not left: the first that is due is claimed, and those
// that would come too late, lead to nothing, or go to an address that got enough of them today, are dropped.
func Post(o Outbox) Posting {
	d := Posting{Status: *o.Group.Status.DeepCopy()}
	d.Status.Verifications = nil
	for _, v := range o.Group.Status.DeepCopy().Verifications {
		verdict, due := delivery.NextTry(tries(o.Group, v), o.Now)
		inFlight := v.State == v1alpha1.DeliverySending && verdict == delivery.Wait
		switch {
		case inFlight, verdict == delivery.Wait && wanted(o, v):
			d.after(due.Sub(o.Now))
		case verdict != delivery.Send || !wanted(o, v):
			continue
		case o.Held || o.Program.Spec.Suspend:
			d.after(lookAgain)
		case o.Now.Before(o.HeldUntil):
			d.after(min(o.HeldUntil.Sub(o.Now), lookAgain)) // the company may allow more
		case d.Send != 0:
			d.after(time.Second)
		default:
			if marks := o.Marks[v.Serial]; v.FirstAttemptTime == nil && len(marks) > 0 {
				noteRecipient(&d.Status, marks[0], v.RequestedTime.Time, o.Now)
			}
			claim(&v, o.Now)
			d.Send = v.Serial
		}
		d.Status.Verifications = append(d.Status.Verifications, v)
	}
	return d
}

// wanted tells whether the link of a mail would still lead somewhere, and whoever gets it has not had enough of them. One
// that was tried before is noted among those already.
func wanted(o Outbox, v v1alpha1.AddressVerification) bool {
	if v.FirstAttemptTime == nil && enough(o.Marks[v.Serial], slices.Concat(o.Group.Status.VerificationRecipients, o.Elsewhere), o.Now) {
		return false
	}
	return o.Program != nil && Works(o.Group, v.JoinLinkSerial) && o.Now.Before(v.RequestedTime.Add(VerificationLifetime))
}

func claim(v *v1alpha1.AddressVerification, now time.Time) {
	v.State = v1alpha1.DeliverySending
	v.Attempts++
	v.LastAttemptTime = &metav1.Time{Time: now}
	if v.FirstAttemptTime == nil {
		v.FirstAttemptTime = &metav1.Time{Time: now}
	}
}

// after asks to look again after a while, if that is sooner than what was asked for so far.
func (d *Posting) after(wait time.Duration) {
	wait = max(wait, time.Second)
	if d.RequeueAfter == 0 || wait < d.RequeueAfter {
		d.RequeueAfter = wait
	}
}

func tries(g *v1alpha1.PartnerGroup, v v1alpha1.AddressVerification) delivery.Tries {
	t := delivery.Tries{
		Attempts: v.Attempts, Claimed: v.State == v1alpha1.DeliverySending,
		Seed: delivery.MessageID(string(v.Kind), string(g.UID), v.Serial, ""),
	}
	if v.FirstAttemptTime != nil {
		t.First = v.FirstAttemptTime.Time
	}
	if v.LastAttemptTime != nil {
		t.Last = v.LastAttemptTime.Time
	}
	return t
}

// Find is the request of a number; nil: its mail has left, or was dropped.
func Find(status *v1alpha1.PartnerGroupStatus, serial int64) *v1alpha1.AddressVerification {
	i := slices.IndexFunc(status.Verifications, func(v v1alpha1.AddressVerification) bool { return v.Serial == serial })
	if i < 0 {
		return nil
	}
	return &status.Verifications[i]
}

// Record notes what came of a claim: failure is nil if the mail server took the mail. What is settled is forgotten. It is
// false, and changes nothing, if the request is no longer there.
func Record(status *v1alpha1.PartnerGroupStatus, serial int64, failure *delivery.Failure) bool {
	v := Find(status, serial)
	switch {
	case v == nil || v.State != v1alpha1.DeliverySending:
		return false
	case failure == nil || failure.Permanent:
		status.Verifications = slices.DeleteFunc(status.Verifications, func(v v1alpha1.AddressVerification) bool { return v.Serial == serial })
		if len(status.Verifications) == 0 {
			status.Verifications = nil
		}
	default:
		v.State, v.Message = v1alpha1.DeliveryPending, failure.Message
	}
	return true
}
