// Package invite holds the rules of a PartnerInvite's life. It is pure: what was observed and the time go in, what
// status should say and what to do come out.
//
// An invite waits until what it names exists. Then it is issued: its scope is frozen, its link gets a serial and an
// expiry. Issuing is a claim in status, written before the mail leaves; the outcome is written after. From then on a
// person answers, or the invite expires.
package invite

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Input is all that a decision about an invite depends on.
type Input struct {
	// Invite is the invite as observed.
	Invite *v1alpha1.PartnerInvite
	// Catalog is what exists in its namespace.
	Catalog program.Catalog
	// MailerConfigured: there is a mail server to send to.
	MailerConfigured bool
	// HoldsKey tells whether links of a key still work; NewestKeyID names the key for new links.
	HoldsKey    func(keyID string) bool
	NewestKeyID string
	// MessageDomain is what stands behind the @ of a Message-ID.
	MessageDomain string
	// Now is the time.
	Now time.Time
}

// Action is what to do beyond writing status.
type Action string

// The actions.
const (
	// ActionNone: write the status, if it differs.
	ActionNone Action = "None"
	// ActionSend: the status is a claim. Write it; only if that succeeds, send the mail and record the outcome.
	ActionSend Action = "Send"
	// ActionFinish: the person accepted, and the partnerships may not all exist yet.
	ActionFinish Action = "Finish"
)

// Decision is what should be.
type Decision struct {
	// Status is what status should say.
	Status v1alpha1.PartnerInviteStatus
	// Action is what to do.
	Action Action
	// RequeueAfter is when to look again even if nothing changes; 0: never.
	RequeueAfter time.Duration
}

// Decide tells what should be done about an invite.
func Decide(in Input) Decision {
	d := Decision{Status: *in.Invite.Status.DeepCopy(), Action: ActionNone}
	specChanged := d.Status.ObservedGeneration != in.Invite.Generation
	d.Status.ObservedGeneration = in.Invite.Generation

	switch {
	case d.Status.Acceptance != nil:
		if d.Status.Acceptance.Decision == v1alpha1.DecisionAccepted && len(d.Status.PartnershipRefs) == 0 {
			d.Action = ActionFinish
		}
		d.answeredUnsent(in)
	case Expired(d.Status, in.Now):
		if d.Status.SentTime == nil && State(d.Status, in.Now) == v1alpha1.InviteExpired {
			setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the mail did not leave before the invite expired")
		}
	case d.Status.SentTime != nil:
		d.RequeueAfter = d.Status.ExpiryTime.Sub(in.Now)
	default:
		d.deliver(in, specChanged)
	}
	Summarize(&d.Status, in.Now)
	return d
}

// answeredUnsent settles what a process that died left open: whoever answered has the mail.
func (d *Decision) answeredUnsent(in Input) {
	if sentReason(d.Status) != v1alpha1.ReasonSending {
		return
	}
	if due := Tries(d.Status).Last.Add(delivery.InFlight); in.Now.Before(due) {
		d.RequeueAfter = due.Sub(in.Now)
		return
	}
	d.Status.SentTime = d.Status.LastAttemptTime
	setter(&d.Status, in.Now).True(v1alpha1.ConditionSent, v1alpha1.ReasonSent, "the person answered, so the mail arrived")
}

// deliver decides about an invite whose mail has not left.
func (d *Decision) deliver(in Input, specChanged bool) {
	set := setter(&d.Status, in.Now)
	if _, err := address.Deliverable(string(in.Invite.Spec.Contact.Email)); err != nil {
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonAddressRejected, "contact.email "+err.Error()+"; create a new invite for the right address")
		return
	}
	if d.Status.Serial == 0 {
		scope, unresolved := Scope(in.Invite, in.Catalog)
		if unresolved != nil {
			set.False(v1alpha1.ConditionResolvedRefs, unresolved.Reason, unresolved.Message)
			set.Unknown(v1alpha1.ConditionSent, v1alpha1.ReasonPending, "nothing is sent before every reference is resolved")
			return
		}
		set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
		if !in.MailerConfigured {
			d.noMailer(in)
			return
		}
		d.Status.Programs = scope
		d.issue(in)
		d.claim(in)
		return
	}
	d.tryAgain(in, specChanged)
}

// noMailer notes that there is nowhere to send the mail to.
func (d *Decision) noMailer(in Input) {
	setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonMailerNotConfigured, "the operator runs without --smtp-url; set it and the invite is sent")
}

// tryAgain decides about an invite that was issued but whose mail has not left.
func (d *Decision) tryAgain(in Input, specChanged bool) {
	tries := Tries(d.Status)
	if specChanged && !tries.Claimed {
		tries.Attempts = 0
		d.Status.Attempts = 0
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the spec was changed; trying anew")
	}
	if sentReason(d.Status) == v1alpha1.ReasonAddressRejected || sentReason(d.Status) == v1alpha1.ReasonGaveUp {
		return
	}
	verdict, due := delivery.Next(tries, in.Now)
	switch {
	case verdict == delivery.GiveUp:
		message := fmt.Sprintf("given up after %d tries in a day; change the spec to try anew", d.Status.Attempts)
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonGaveUp, message)
	case verdict == delivery.Send && !in.MailerConfigured:
		d.noMailer(in)
		d.RequeueAfter = d.Status.ExpiryTime.Sub(in.Now)
	case verdict == delivery.Send:
		d.claim(in)
	default:
		d.RequeueAfter = max(min(due.Sub(in.Now), d.Status.ExpiryTime.Sub(in.Now)), time.Second)
	}
}

// issue gives the invite a link and the time by which it has to be answered.
func (d *Decision) issue(in Input) {
	d.Status.Serial++
	d.Status.KeyID = in.NewestKeyID
	d.Status.IssuedTime = &metav1.Time{Time: in.Now}
	d.Status.ExpiryTime = &metav1.Time{Time: in.Now.Add(Lifetime(in.Invite, d.Status.Programs, in.Catalog))}
	d.Status.MessageID = delivery.MessageID(string(v1alpha1.MailInvite), string(in.Invite.UID), d.Status.Serial, in.MessageDomain)
	d.Status.Attempts = 0
}

// claim announces a try in status, so that no other process makes it too.
func (d *Decision) claim(in Input) {
	if !in.HoldsKey(d.Status.KeyID) {
		d.Status.KeyID = in.NewestKeyID
	}
	d.Status.Attempts++
	if d.Status.Attempts == 1 {
		d.Status.FirstAttemptTime = &metav1.Time{Time: in.Now}
	}
	d.Status.LastAttemptTime = &metav1.Time{Time: in.Now}
	setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonSending, "handing the mail to the mail server")
	d.Action = ActionSend
}

// Tries is what status knows of the tries to deliver the invite's mail.
func Tries(status v1alpha1.PartnerInviteStatus) delivery.Tries {
	tries := delivery.Tries{Attempts: status.Attempts, Claimed: sentReason(status) == v1alpha1.ReasonSending, Seed: status.MessageID}
	if status.FirstAttemptTime != nil {
		tries.First = status.FirstAttemptTime.Time
	}
	if status.LastAttemptTime != nil {
		tries.Last = status.LastAttemptTime.Time
	}
	return tries
}

// Delivered records that the mail server took the mail of a claim.
func Delivered(status *v1alpha1.PartnerInviteStatus, now time.Time) {
	status.SentTime = &metav1.Time{Time: now}
	setter(status, now).True(v1alpha1.ConditionSent, v1alpha1.ReasonSent, "the mail server took the mail")
	Summarize(status, now)
}

// NotDelivered records why the mail server did not take the mail of a claim.
func NotDelivered(status *v1alpha1.PartnerInviteStatus, failure *delivery.Failure, now time.Time) {
	set := setter(status, now)
	if failure.Permanent {
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonAddressRejected, failure.Message+"; create a new invite for the right address, or change this one's spec to try again")
	} else {
		tries := Tries(*status)
		due := tries.Last.Add(delivery.Backoff(tries.Attempts, tries.Seed))
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, fmt.Sprintf("%s; next try at %s", failure.Message, due.UTC().Format(time.RFC3339)))
	}
	Summarize(status, now)
}

func sentReason(status v1alpha1.PartnerInviteStatus) string {
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSent); c != nil {
		return c.Reason
	}
	return ""
}
