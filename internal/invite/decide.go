// Package invite holds the rules of a PartnerInvite's life. It is pure: what was observed and the time go in, what
// status should say and what to do come out.
//
// An invite waits until what it names exists, and while mail is held back. Then it is issued: its scope is frozen, its
// link gets a serial and an expiry. Issuing is a claim in status, written before the mail leaves; the outcome is
// written after. From then on a person answers, or the invite expires. A resend issues it anew.
package invite

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	grants "github.com/partner-operator/partner-operator/internal/grant"
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
	// TeamInvited: an open invite makes the team when the person accepts.
	TeamInvited bool
	// Partnerships are those of the person, or of the team, in the namespace.
	Partnerships []v1alpha1.Partnership
	// Teams are those that know the person; none if the invite is for a team.
	Teams []grants.Membership
	// Rivals are the other invites of the person, or of the team, in the namespace.
	Rivals []v1alpha1.PartnerInvite
	// Hold is what holds every invite back, also those with delivery Link. If nil, nothing does.
	Hold *delivery.Hold
	// Holds are what holds mail of each kind back: no mail server, an invalid brand, a mail server that takes no mail.
	Holds delivery.Holds
	// LinkHold is why the operator cannot write the Secret of an invite with delivery Link. If nil, it can.
	LinkHold *delivery.Hold
	// Quota says which program of ScopeFor has sent its mail.maxPerHour. If nil, none has.
	Quota *delivery.Hold
	// Template is what is wrong with the mail into the programs of ScopeFor. If nil, nothing is.
	Template *program.Unresolved
	// Keys are the IDs of the keys whose links work. There is at least one, and the first one signs new links.
	Keys []string
	// TakenBack are the mails whose refusal turned out to be about the sender or the operator.
	TakenBack []delivery.Key
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
	// ActionSend: the status is a claim of the mail in Send. Write it; only if that succeeds, send the mail, or write the
	// Secret with the link, and Record the outcome.
	ActionSend Action = "Send"
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
	delivery.LookAgain

	// Status is what status should say.
	Status v1alpha1.PartnerInviteStatus
	// Action is what to do.
	Action Action
	// Send is the mail that is claimed. If its Repeat is not 0, it is the same mail again, with RepeatID as its Message-ID.
	// If nil, no mail is claimed.
	Send *delivery.Key

	// resend is what a resend waits for.
	resend *delivery.Hold
	// refused is why an open invite cannot be accepted at the moment.
	refused *program.Unresolved
	// scope is what ScopeFor returns.
	scope []v1alpha1.ProgramGrant
}

// obstacle is why a person is not invited.
type obstacle struct{ reason, message string }

// Decide tells what should be done about an invite.
func Decide(in Input) Decision {
	d := Decision{Status: *in.Invite.Status.DeepCopy(), Action: ActionNone}
	specChanged := d.Status.ObservedGeneration != in.Invite.Generation
	nameWho(&d.Status, in.Invite)
	d.Status.ObservedGeneration = in.Invite.Generation
	d.followEnd(in.Invite.Spec.NotAfter)
	d.takeBack(in)

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
		d.resolve(in)
		_, d.refused = Answerable(in, d.Status.Serial)
		d.RequeueAfter = d.Status.ExpiryTime.Sub(in.Now)
		d.renewLink(in)
		d.repeat(in)
	case d.Status.Serial == 0:
		d.issueFirst(in)
	default:
		d.tryAgain(in, specChanged)
	}
	summarize(&d.Status, in.Now, d.resend, d.refused)
	if warning := Warning(in, d.Status); warning != "" {
		ready := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionReady)
		setter(&d.Status, in.Now).True(v1alpha1.ConditionReady, ready.Reason, ready.Message+"; "+warning)
	}
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

// followEnd takes over a notAfter that was changed. An earlier one cuts the expiry short. An invite whose mail certainly has
// not left has no other expiry, and one that was not issued has none.
func (d *Decision) followEnd(notAfter v1alpha1.Timestamp) {
	end, ok := notAfter.Time()
	switch {
	case d.Status.Serial == 0:
		d.Status.ExpiryTime = nil
	case neverLeft(d.Status):
		d.Status.ExpiryTime = endOf(notAfter)
	case ok && d.Status.ExpiryTime != nil && end.Before(d.Status.ExpiryTime.Time):
		d.Status.ExpiryTime = &metav1.Time{Time: end}
	}
}

// endOf returns the time of a notAfter, or nil if it is not set.
func endOf(notAfter v1alpha1.Timestamp) *metav1.Time {
	if end, ok := notAfter.Time(); ok {
		return &metav1.Time{Time: end}
	}
	return nil
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
		d.LookAt(d.Status.Acceptance.Time.Add(finishing), in.Now)
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
	d.repeat(in)
	if d.Status.SentTime == nil && d.Status.Serial > 0 {
		d.Status.NextAttemptTime = nil
		setter(&d.Status, in.Now).False(v1alpha1.ConditionSent, v1alpha1.ReasonTemporaryFailure, "the mail did not leave before the invite expired")
	}
}

// answeredUnsent settles what a process that died left open: whoever answered has the mail.
func (d *Decision) answeredUnsent(in Input) {
	d.repeat(in)
	if d.Status.Acceptance == nil || sentReason(d.Status) != v1alpha1.ReasonSending {
		return
	}
	if until := inFlight(d.Status); in.Now.Before(until) {
		d.LookAt(until, in.Now)
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
		unresolved = teamless
	}
	var refusal *obstacle
	if unresolved == nil {
		if scope, refusal = offer(in, scope); refusal == nil {
			unresolved = templateNotFound(in)
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
	if hold := d.held(in, scope); hold != nil {
		set.False(v1alpha1.ConditionSent, hold.Reason, hold.Message)
		d.LookAt(hold.Until, in.Now)
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
		if State(d.Status, in.Now) == v1alpha1.InviteExpired {
			d.expired(in)
		}
		return
	}
	scope, unresolved := d.resolve(in)
	if refusal := refusalOf(in, scope); len(scope) > 0 && refusal != nil {
		d.handled(in)
		d.refuse(in, refusal)
		return
	}
	hold := unresolved
	if hold == nil {
		hold = coolingDown(d.Status, in)
	}
	if hold == nil {
		hold = d.held(in, scope)
	}
	if hold != nil {
		d.resend = hold
		d.LookAt(hold.Until, in.Now)
		if isOpen(d.Status, in.Now) {
			_, d.refused = Answerable(in, d.Status.Serial)
			d.lookAtExpiry(in.Now)
		}
		return
	}
	d.handled(in)
	d.Status.Acceptance = nil
	d.Status.SentTime = nil
	setter(&d.Status, in.Now).Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person has not answered yet")
	d.issue(in)
}

// resolve resolves the scope of an issued invite again and notes the outcome. It returns what can be offered, and the hold
// of what has to exist before a mail can go out, or nil.
func (d *Decision) resolve(in Input) ([]v1alpha1.ProgramGrant, *delivery.Hold) {
	set := setter(&d.Status, in.Now)
	scope, missing := resolve(in)
	if teamless := noTeam(in); teamless != nil {
		set.False(v1alpha1.ConditionResolvedRefs, teamless.Reason, teamless.Message)
		return scope, &delivery.Hold{Reason: teamless.Reason, Message: teamless.Message}
	}
	if missing == nil {
		set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
		return scope, nil
	}
	set.False(v1alpha1.ConditionResolvedRefs, missing.Reason, missing.Message)
	if !missing.stops {
		return scope, nil
	}
	return scope, &delivery.Hold{Reason: missing.Reason, Message: missing.Message}
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

// issue gives the invite a new link and the time by which it has to be answered, and claims its mail.
func (d *Decision) issue(in Input) {
	d.dropRepeat()
	d.Status.Serial++
	d.Status.KeyID = in.Keys[0]
	d.Status.IssuedTime = &metav1.Time{Time: in.Now}
	d.Status.MessageID = delivery.MessageID(string(in.Invite.Mail()), string(in.Invite.UID), d.Status.Serial, in.MessageDomain)
	d.Status.WrongAddresses = 0
	d.setExpiry(in)
	m := v1alpha1.MailDelivery{Kind: in.Invite.Mail(), Serial: d.Status.Serial, State: v1alpha1.DeliveryPending}
	d.next(in, &m, nil)
}

// setExpiry sets until when the invite can be answered if its mail leaves now.
func (d *Decision) setExpiry(in Input) {
	expiry := in.Now.Add(Lifetime(in.Invite, Present(d.Status.Programs, in.Catalog), in.Catalog))
	if end, ok := in.Invite.Spec.NotAfter.Time(); ok && end.Before(expiry) {
		expiry = end
	}
	d.Status.ExpiryTime = &metav1.Time{Time: expiry}
}

// renewLink asks to sign a link that is kept in a Secret with the newest key, so that it outlives the one before. A link in
// a mail stays what it is.
func (d *Decision) renewLink(in Input) {
	if in.Invite.Spec.Delivery == v1alpha1.DeliveryLink && d.Status.KeyID != in.Keys[0] {
		d.Status.KeyID = in.Keys[0]
		d.Action = ActionRenewLink
	}
}

// send makes the decision send a mail that was claimed, with a key whose links work.
func (d *Decision) claims(in Input, key delivery.Key) {
	if !slices.Contains(in.Keys, d.Status.KeyID) { // links of the key before no longer work
		d.Status.KeyID = in.Keys[0]
	}
	d.Action, d.Send, d.RequeueAfter = ActionSend, &key, 0
}

// lookAtExpiry makes the decision look again when the invite expires.
func (d *Decision) lookAtExpiry(now time.Time) {
	if end := d.Status.ExpiryTime; end != nil {
		d.LookAt(end.Time, now)
	}
}

func sentReason(status v1alpha1.PartnerInviteStatus) string {
	return reasonOf(status, v1alpha1.ConditionSent)
}

func reasonOf(status v1alpha1.PartnerInviteStatus, conditionType string) string {
	if c := meta.FindStatusCondition(status.Conditions, conditionType); c != nil {
		return c.Reason
	}
	return ""
}
