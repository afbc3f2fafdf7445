package invite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// Offered tells whether an invite that the person can answer offers a program.
func Offered(i *v1alpha1.PartnerInvite, programName string, now time.Time) bool {
	return i.DeletionTimestamp.IsZero() && State(i.Status, now) == v1alpha1.InviteSent &&
		slices.ContainsFunc(i.Status.Programs, func(grant v1alpha1.ProgramGrant) bool { return grant.Name == programName })
}

// Repeatable tells whether the mail of an invite can be sent once more, with the same link, because the person asks for
// it: it left by mail, can be answered, and its program's resendCooldown has passed since the last one.
func Repeatable(in Input) bool {
	status := in.Invite.Status
	openness, _ := Answerable(in, status.Serial)
	return in.Invite.Spec.Delivery != v1alpha1.DeliveryLink && openness == Open &&
		delivery.MayRepeat(status.SentTime, status.Repeat, status.Repeat != nil, cooldown(status.Programs, in.Catalog), in.Now)
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

// repeat decides about a mail that the person asked for again. It is skipped if the invite can no longer be answered with
// its link.
func (d *Decision) repeat(in Input) {
	repeat := d.Status.Repeat
	if repeat == nil {
		return
	}
	key := repeatKey(in.Invite.Mail(), d.Status)
	if slices.Contains(in.TakenBack, key) {
		delivery.Retry(repeat)
	}
	if !underWay(repeat) {
		return
	}
	openness, _ := Answerable(in, d.Status.Serial)
	claim, again := delivery.Next([]delivery.Mail{{
		MailDelivery: repeat,
		ID:           RepeatID(d.Status),
		Unwanted:     openness != Open,
		Hold:         d.held(in, Present(d.Status.Programs, in.Catalog)),
	}}, in.Now)
	repeat.Message = truncate(repeat.Message)
	d.LookAt(again, in.Now)
	if claim >= 0 {
		d.claims(in, key)
	}
}

// repeatKey returns the key of the mail that the person asked for again.
func repeatKey(kind v1alpha1.MailKind, status v1alpha1.PartnerInviteStatus) delivery.Key {
	return delivery.Key{Kind: kind, Serial: status.Serial, Repeat: status.Repeat.Serial}
}

// maxMessage is the maximum number of characters in the message of a MailDelivery.
const maxMessage = 1024

// truncate shortens a message to what status can hold.
func truncate(message string) string {
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage-1]) + "…"
	}
	return message
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
