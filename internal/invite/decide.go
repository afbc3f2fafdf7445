// Package invite holds the rules of a PartnerInvite's life. It is pure: what was observed and the time go in, what
// status should say and what to do come out.
//
// An invite waits until what it names exists, and while mail is held back. Then it is issued: its scope is frozen, its
// link gets a serial and an expiry. Issuing is a claim in status, written before the mail leaves; the outcome is
// written after. From then on a person answers, or the invite expires. A resend issues it anew.
package invite

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Input is all that a decision about an invite depends on.
type Input struct {
	// Invite is the invite as observed.
	Invite *v1alpha1.PartnerInvite
	// Catalog is what exists in its namespace.
	Catalog program.Catalog
	// Team is the team that the invite names, a new or an existing one; nil: it names none, or there is none of the name.
	Team *v1alpha1.PartnerTeam
	// Partnerships are those of the person, or of the team, in the namespace.
	Partnerships []v1alpha1.Partnership
	// Rivals are the other invites of the person, or of the team, in the namespace.
	Rivals []v1alpha1.PartnerInvite
	// MailerConfigured: there is a mail server to send to.
	MailerConfigured bool
	// Refused says why the mail server takes no mail at all, and until when nothing is tried; empty: it may.
	Refused      string
	RefusedUntil time.Time
	// LinkRefused says why no Secret for a link can be written, and until when that is believed; empty: one can.
	LinkRefused      string
	LinkRefusedUntil time.Time
	// Hold says why the operator holds all mail back; empty: it does not.
	Hold string
	// Brake says why the programs of a scope may send no more, and until when; the zero time: they may. Nil: no brake.
	Brake func(scope []v1alpha1.ProgramGrant) (why string, until time.Time)
	// Template tells what is wrong with the mail of a scope; nil: nothing. A nil Template is the same.
	Template func(scope []v1alpha1.ProgramGrant) *program.Unresolved
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
	// ActionSend: the status is a claim. Write it; only if that succeeds, send the mail, or write the Secret, and record
	// the outcome.
	ActionSend Action = "Send"
	// ActionRepeat: the status is a claim of the same mail once more, which the person asked for. Write it; only if that
	// succeeds, send the mail with RepeatID and record the outcome.
	ActionRepeat Action = "Repeat"
	// ActionRenewLink: the link in the Secret was signed with an older key. Write the Secret with the key that the status
	// names, and then the status.
	ActionRenewLink Action = "RenewLink"
	// ActionPropose: the people of the invite are to be put before the team.
	ActionPropose Action = "Propose"
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

	// resend is what a resend waits for.
	resend *obstacle
}

// obstacle is what something waits for.
type obstacle struct{ reason, message string }

// Decide tells what should be done about an invite.
func Decide(in Input) Decision {
	d := Decision{Status: *in.Invite.Status.DeepCopy(), Action: ActionNone}
	specChanged := d.Status.ObservedGeneration != in.Invite.Generation
	nameWho(&d.Status, in.Invite)
	d.Status.ObservedGeneration = in.Invite.Generation
	d.followEnd(in.Invite.Spec.NotAfter)

	switch state := State(d.Status, in.Now); {
	case state == v1alpha1.InviteAccepted:
		d.accepted(in)
	case resendWanted(in.Invite, in.Now):
		d.issueAnew(in)
	case state == v1alpha1.InviteDeclined, state == v1alpha1.InviteAlreadyPartner, state == v1alpha1.InviteRefused:
		d.answeredUnsent(in)
	case state == v1alpha1.InviteExpired:
		d.expired(in)
	case d.Status.SentTime != nil:
		d.RequeueAfter = d.Status.ExpiryTime.Sub(in.Now)
		d.renewLink(in)
		d.repeat(in)
	case d.Status.Serial == 0:
		d.issueFirst(in)
	default:
		d.tryAgain(in, specChanged)
	}
	summarize(&d.Status, in.Now, d.resend)
	return d
}

// nameWho notes whom the invite is for, with what else is written about its spec.
func nameWho(status *v1alpha1.PartnerInviteStatus, i *v1alpha1.PartnerInvite) {
	if status.ObservedGeneration == i.Generation {
		return
	}
	team := ""
	if i.Spec.TeamRef != nil {
		team = i.Spec.TeamRef.Name
	}
	status.DisplayName = partnership.DisplayName(i.Spec.DisplayName, &i.Spec.Contact, team)
}

// followEnd takes over a notAfter that was changed: an earlier one cuts the expiry short, and an invite that was not
// issued has none but that.
func (d *Decision) followEnd(notAfter v1alpha1.Timestamp) {
	end, ok := notAfter.Time()
	switch {
	case d.Status.Serial == 0:
		d.Status.ExpiryTime = nil
	case ok && d.Status.ExpiryTime != nil && end.Before(d.Status.ExpiryTime.Time):
		d.Status.ExpiryTime = &metav1.Time{Time: end}
	}
}

// finishing is how long whoever took an answer has to carry it out, before others think that it died. A portal needs a
// fraction of a second; two at once would only get into each other's way.
const finishing = 2 * time.Second

// accepted settles what an acceptance left open. A resend of an accepted invite does nothing.
func (d *Decision) accepted(in Input) {
	switch since := in.Now.Sub(d.Status.Acceptance.Time.Time); {
	case len(d.Status.PartnershipRefs) > 0:
		Mirror(&d.Status, in.Invite, in.Team, in.Now)
	case since >= 0 && since < finishing: // a clock that is ahead would make it wait for long
		d.lookAgain(d.Status.Acceptance.Time.Add(finishing), in.Now)
	default:
		d.Action = ActionFinish
	}
	if resendAsked(in.Invite) {
		d.Status.HandledResend = asked(in.Invite)
	}
	d.answeredUnsent(in)
}

// expired notes what a person is told about a mail that never left.
func (d *Decision) expired(in Input) {
	if d.Status.SentTime == nil && d.Status.Serial > 0 {
		d.Status.NextAttemptTime = nil
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the mail did not leave before the invite expired")
	}
}

// answeredUnsent settles what a process that died left open: whoever answered has the mail.
func (d *Decision) answeredUnsent(in Input) {
	if d.Status.Acceptance == nil || sentReason(d.Status) != v1alpha1.ReasonSending {
		return
	}
	if due := Tries(d.Status).Last.Add(delivery.InFlight); in.Now.Before(due) {
		d.lookAgain(due, in.Now)
		return
	}
	d.Status.SentTime = d.Status.LastAttemptTime
	setter(&d.Status, in.Now).True(v1alpha1.ConditionSent, v1alpha1.ReasonSent, "the person answered, so the mail arrived")
}

// issueFirst decides about an invite that was never issued.
func (d *Decision) issueFirst(in Input) {
	set := setter(&d.Status, in.Now)
	if d.unreachable(in) {
		return
	}
	if end, ok := in.Invite.Spec.NotAfter.Time(); ok {
		if !in.Now.Before(end) {
			d.Status.ExpiryTime = &metav1.Time{Time: end}
			set.False(v1alpha1.ConditionSent, v1alpha1.ReasonExpired, "notAfter had passed before anything was sent")
			return
		}
		d.RequeueAfter = end.Sub(in.Now)
	}
	scope, unresolved := Scope(in.Invite, in.Catalog)
	if teamless := noTeam(in); teamless != nil {
		unresolved = &program.Unresolved{Reason: teamless.reason, Message: teamless.message}
	}
	var refusal *obstacle
	if unresolved == nil {
		if scope, refusal = offer(in, scope); refusal == nil {
			unresolved = templateNotFound(in, scope)
		}
	}
	if unresolved != nil {
		set.False(v1alpha1.ConditionResolvedRefs, unresolved.Reason, unresolved.Message)
		set.Unknown(v1alpha1.ConditionSent, v1alpha1.ReasonPending, "nothing is sent before every reference is resolved")
		return
	}
	set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	if refusal != nil {
		d.Status.HandledResend = asked(in.Invite)
		d.refuse(in, refusal)
		return
	}
	if obstacle, until := held(in, scope); obstacle != nil {
		set.False(v1alpha1.ConditionSent, obstacle.reason, obstacle.message)
		d.lookAgain(until, in.Now)
		return
	}
	d.Status.Programs = scope
	d.Status.HandledResend = asked(in.Invite)
	d.issue(in)
}

// issueAnew carries out a resend or a renewal, or notes what it waits for. Until then the old link works as before.
func (d *Decision) issueAnew(in Input) {
	if d.Status.Serial == 0 { // it was refused before it was issued
		d.Status.HandledResend = asked(in.Invite)
		setter(&d.Status, in.Now).Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not been asked yet")
		d.issueFirst(in)
		return
	}
	if in.Invite.Spec.NotAfter.HasPassed(in.Now) {
		d.handled(in)
		return
	}
	if refusal := refusalOf(in, d.Status.Programs); refusal != nil {
		d.handled(in)
		d.refuse(in, refusal)
		return
	}
	obstacle, until := coolingDown(d.Status, in)
	if obstacle == nil {
		obstacle, until = held(in, d.Status.Programs)
	}
	if obstacle != nil {
		d.resend = obstacle
		d.lookAgain(until, in.Now)
		if isOpen(d.Status, in.Now) {
			d.lookAgain(d.Status.ExpiryTime.Time, in.Now)
		}
		return
	}
	d.handled(in)
	d.Status.Acceptance = nil
	d.Status.SentTime = nil
	setter(&d.Status, in.Now).Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not answered yet")
	d.issue(in)
}

// handled notes that a resend or renewal was seen to.
func (d *Decision) handled(in Input) {
	d.Status.HandledResend = asked(in.Invite)
	d.Status.Renewal = nil
}

// unreachable tells whether no mail can ever reach the address, and notes it.
func (d *Decision) unreachable(in Input) bool {
	to := Recipient(in.Invite, in.Team).Email
	if to == "" { // the team does not exist yet
		return false
	}
	_, err := address.Deliverable(string(to))
	if err != nil {
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonAddressRejected, "contact.email "+err.Error()+"; create a new invite for the right address")
	}
	return err != nil
}

func (d *Decision) refuse(in Input, why *obstacle) {
	set := setter(&d.Status, in.Now)
	set.False(v1alpha1.ConditionAccepted, why.reason, why.message)
	if d.Status.SentTime == nil {
		set.False(v1alpha1.ConditionSent, why.reason, "nothing was sent: "+why.message)
	}
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
	verdict, due := delivery.NextTry(tries, in.Now)
	if verdict == delivery.GiveUp {
		d.Status.NextAttemptTime = nil
		message := fmt.Sprintf("given up after %d tries in a day; change the spec or ask for a resend to try anew", d.Status.Attempts)
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonGaveUp, message)
		return
	}
	d.lookAgain(d.Status.ExpiryTime.Time, in.Now)
	if verdict == delivery.Wait {
		d.lookAgain(due, in.Now)
		return
	}
	if obstacle, until := held(in, d.Status.Programs); obstacle != nil {
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, obstacle.reason, obstacle.message)
		d.lookAgain(until, in.Now)
		return
	}
	d.claim(in)
}

// issue gives the invite a new link and the time by which it has to be answered, and claims its mail.
func (d *Decision) issue(in Input) {
	d.dropRepeat()
	d.Status.Serial++
	d.Status.KeyID = in.NewestKeyID
	d.Status.IssuedTime = &metav1.Time{Time: in.Now}
	expiry := in.Now.Add(Lifetime(in.Invite, d.Status.Programs, in.Catalog))
	if end, ok := in.Invite.Spec.NotAfter.Time(); ok && end.Before(expiry) {
		expiry = end
	}
	d.Status.ExpiryTime = &metav1.Time{Time: expiry}
	d.Status.MessageID = delivery.MessageID(string(in.Invite.Mail()), string(in.Invite.UID), d.Status.Serial, in.MessageDomain)
	d.Status.Attempts = 0
	d.Status.WrongAddresses = 0
	d.claim(in)
}

// renewLink asks to sign a link that is kept in a Secret with the newest key, so that it outlives the one before. A link in
// a mail stays what it is.
func (d *Decision) renewLink(in Input) {
	if in.Invite.Spec.Delivery == v1alpha1.DeliveryLink && d.Status.KeyID != in.NewestKeyID {
		d.Status.KeyID = in.NewestKeyID
		d.Action = ActionRenewLink
	}
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
	d.Status.NextAttemptTime = nil
	setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonSending, "handing the mail to the mail server")
	d.Action = ActionSend
	d.RequeueAfter = 0
}

// lookAgain asks to look at a time, if that is before what was asked for so far; the zero time asks for nothing.
func (d *Decision) lookAgain(at, now time.Time) {
	if at.IsZero() {
		return
	}
	after := max(at.Sub(now), time.Second)
	if d.RequeueAfter == 0 || after < d.RequeueAfter {
		d.RequeueAfter = after
	}
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

// Delivered records that the mail server took the mail of a claim, or that the Secret holds the link.
func Delivered(status *v1alpha1.PartnerInviteStatus, how v1alpha1.InviteDelivery, now time.Time) {
	status.SentTime = &metav1.Time{Time: now}
	status.NextAttemptTime = nil
	if how == v1alpha1.DeliveryLink {
		setter(status, now).True(v1alpha1.ConditionSent, v1alpha1.ReasonLinkReady, "the link stands in the Secret; no mail is sent")
	} else {
		setter(status, now).True(v1alpha1.ConditionSent, v1alpha1.ReasonSent, "the mail server took the mail")
	}
	Summarize(status, now)
}

// NotDelivered records why the mail server did not take the mail of a claim.
func NotDelivered(status *v1alpha1.PartnerInviteStatus, failure *delivery.Failure, now time.Time) {
	set := setter(status, now)
	switch {
	case failure.Cause == delivery.CauseRefused, failure.Cause == delivery.CauseNotAllowed:
		// It says nothing about this mail, so this was none of its tries.
		status.Attempts = 0
		message := refusedMessage(failure.Message)
		if failure.Cause == delivery.CauseNotAllowed {
			message = HeldUntilMended(failure.Message)
		}
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonHeld, message)
	case failure.Permanent:
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonAddressRejected, failure.Message+"; create a new invite for the right address, or change this one's spec to try again")
	default:
		tries := Tries(*status)
		due := tries.Last.Add(delivery.Backoff(tries.Attempts, tries.Seed))
		status.NextAttemptTime = &metav1.Time{Time: due}
		set.False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, fmt.Sprintf("%s; next try at %s", failure.Message, due.UTC().Format(time.RFC3339)))
	}
	Summarize(status, now)
}

// refusedMessage says that it is not the invite's fault.
func refusedMessage(answer string) string {
	return answer + "; the mail goes out once the mail server takes it"
}

// HeldUntilMended says that mail waits for the brand to be mended, because of a fault.
func HeldUntilMended(fault string) string { return fault + "; the mail goes out once that is mended" }

func sentReason(status v1alpha1.PartnerInviteStatus) string {
	return reasonOf(status, v1alpha1.ConditionSent)
}

func reasonOf(status v1alpha1.PartnerInviteStatus, conditionType string) string {
	if c := meta.FindStatusCondition(status.Conditions, conditionType); c != nil {
		return c.Reason
	}
	return ""
}
