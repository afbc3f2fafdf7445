package invite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Offered tells whether an invite that the person can answer offers a program.
func Offered(i *v1alpha1.PartnerInvite, programName string, now time.Time) bool {
	return i.DeletionTimestamp.IsZero() && State(i.Status, now) == v1alpha1.InviteSent &&
		slices.ContainsFunc(i.Status.Programs, func(grant v1alpha1.ProgramGrant) bool { return grant.Name == programName })
}

// Repeatable tells whether the mail of an invite can be sent once more, with the same link, because the person asks for
// it: it left by mail, can be answered, and its program's resendCooldown has passed since the last one.
func Repeatable(i *v1alpha1.PartnerInvite, catalog program.Catalog, partnerships []v1alpha1.Partnership, now time.Time) bool {
	status := i.Status
	if i.Spec.Delivery == v1alpha1.DeliveryLink || status.SentTime == nil || underWay(status.Repeat) {
		return false
	}
	if Answerable(i, status.Serial, catalog, partnerships, now) != Open {
		return false
	}
	last := status.SentTime.Time
	if repeat := status.Repeat; repeat != nil && repeat.LastAttemptTime != nil && repeat.LastAttemptTime.After(last) {
		last = repeat.LastAttemptTime.Time
	}
	return !now.Before(last.Add(cooldown(status.Programs, catalog))) && !now.Before(delivery.RepeatDue(last, status.Repeat != nil))
}

// AskRepeat notes that the person wants the mail once more. It must be written with the resourceVersion that was judged.
func AskRepeat(status *v1alpha1.PartnerInviteStatus) {
	repeat := &v1alpha1.MailDelivery{Kind: v1alpha1.MailInvite, Serial: 1, State: v1alpha1.DeliveryPending}
	if before := status.Repeat; before != nil {
		repeat.Serial = before.Serial + 1
	}
	status.Repeat = repeat
}

func underWay(repeat *v1alpha1.MailDelivery) bool {
	return repeat != nil && (repeat.State == v1alpha1.DeliveryPending || repeat.State == v1alpha1.DeliverySending)
}

// repeat decides about a mail that the person asked for once more. One that cannot leave now is dropped: they can ask
// again.
func (d *Decision) repeat(in Input) {
	repeat := d.Status.Repeat
	if !underWay(repeat) {
		return
	}
	verdict, due := delivery.NextTry(repeatTries(d.Status), in.Now)
	obstacle, _ := held(in, d.Status.Programs)
	switch {
	case verdict == delivery.Wait && repeat.State == v1alpha1.DeliverySending:
		d.lookAgain(due, in.Now)
	case verdict == delivery.GiveUp:
		repeat.State = v1alpha1.DeliveryFailed
	case obstacle != nil || Answerable(in.Invite, d.Status.Serial, in.Catalog, in.Partnerships, in.Now) != Open:
		repeat.State = v1alpha1.DeliverySkipped
	case verdict == delivery.Wait:
		d.lookAgain(due, in.Now)
	default:
		if !in.HoldsKey(d.Status.KeyID) { // the link of before is dead
			d.Status.KeyID = in.NewestKeyID
		}
		repeat.State = v1alpha1.DeliverySending
		repeat.Attempts++
		repeat.LastAttemptTime = &metav1.Time{Time: in.Now}
		if repeat.FirstAttemptTime == nil {
			repeat.FirstAttemptTime = &metav1.Time{Time: in.Now}
		}
		d.Action, d.RequeueAfter = ActionRepeat, 0
	}
}

// dropRepeat ends what the person asked for where a new link takes the place of the old one.
func (d *Decision) dropRepeat() {
	if underWay(d.Status.Repeat) {
		d.Status.Repeat.State = v1alpha1.DeliverySkipped
	}
}

// RepeatID is the Message-ID of a repeat: that of the invite's mail, with the number of the repeat, since a mailbox that
// has the first may hide another of the same.
func RepeatID(status v1alpha1.PartnerInviteStatus) string {
	id, domain, _ := strings.Cut(status.MessageID, "@")
	return fmt.Sprintf("%s-r%d@%s", id, status.Repeat.Serial, domain)
}

// Repeated records what came of the claim of a repeat: failure is nil if the mail server took the mail. It is false, and
// changes nothing, if the invite no longer speaks of it.
func Repeated(status *v1alpha1.PartnerInviteStatus, id string, failure *delivery.Failure) bool {
	repeat := status.Repeat
	switch {
	case repeat == nil || repeat.State != v1alpha1.DeliverySending || RepeatID(*status) != id:
		return false
	case failure == nil:
		repeat.State, repeat.Message = v1alpha1.DeliverySent, ""
	case failure.Permanent:
		repeat.State, repeat.Message = v1alpha1.DeliveryFailed, failure.Message
	default:
		repeat.State, repeat.Message = v1alpha1.DeliveryPending, failure.Message
	}
	return true
}

func repeatTries(status v1alpha1.PartnerInviteStatus) delivery.Tries {
	repeat := status.Repeat
	t := delivery.Tries{Attempts: repeat.Attempts, Claimed: repeat.State == v1alpha1.DeliverySending, Seed: RepeatID(status)}
	if repeat.FirstAttemptTime != nil {
		t.First = repeat.FirstAttemptTime.Time
	}
	if repeat.LastAttemptTime != nil {
		t.Last = repeat.LastAttemptTime.Time
	}
	return t
}
