package invite

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

// asked is what a resend of an invite is asked with now. Texts that are longer than status can hold are cut.
func asked(i *v1alpha1.PartnerInvite) *v1alpha1.HandledResend {
	annotation := i.Annotations[v1alpha1.ResendAnnotation]
	if runes := []rune(annotation); len(runes) > 256 {
		annotation = string(runes[:256])
	}
	handled := v1alpha1.HandledResend{Annotation: annotation, Token: i.Spec.ResendToken}
	if before := i.Status.HandledResend; before != nil {
		// A text that is taken away stays handled, so that putting it back sends nothing.
		if handled.Annotation == "" {
			handled.Annotation = before.Annotation
		}
		if handled.Token == "" {
			handled.Token = before.Token
		}
	}
	if handled == (v1alpha1.HandledResend{}) {
		return nil
	}
	return &handled
}

// resendAsked tells whether a text asks for a resend that was not seen to.
func resendAsked(i *v1alpha1.PartnerInvite) bool {
	now, before := asked(i), i.Status.HandledResend
	if now == nil {
		return false
	}
	return before == nil || *now != *before
}

// resendWanted tells whether an invite is to be issued anew: the company asks for it, or the person, of an expired one.
// An invite that was never judged is issued anyway, and what stands there then counts as handled.
func resendWanted(i *v1alpha1.PartnerInvite, now time.Time) bool {
	judged := i.Status.Serial > 0 || State(i.Status, now) == v1alpha1.InviteAlreadyPartner || State(i.Status, now) == v1alpha1.InviteRefused
	if judged && resendAsked(i) {
		return true
	}
	return renewable(i, now) && i.Status.Renewal != nil && i.Status.Renewal.Serial == i.Status.Serial
}

// renewable tells whether the person can ask for a new link in place of this one: it has expired, or too many wrong
// addresses were typed on its page, and nothing else ends it. The new one goes to the invited address, whoever asks.
func renewable(i *v1alpha1.PartnerInvite, now time.Time) bool {
	if i.Spec.NotAfter.HasPassed(now) {
		return false
	}
	state := State(i.Status, now)
	return i.Status.Serial > 0 && (state == v1alpha1.InviteExpired || state == v1alpha1.InviteSent && i.Status.WrongAddresses.LinkDead())
}

// Renew notes the person's wish for a new link. It must be written with the resourceVersion that was judged.
func Renew(status *v1alpha1.PartnerInviteStatus, now time.Time) {
	status.Renewal = &v1alpha1.InviteRenewal{Serial: status.Serial, Time: metav1.NewTime(now)}
}

// coolingDown returns the hold of a resend whose previous mail is too recent or is being sent, or nil.
func coolingDown(status v1alpha1.PartnerInviteStatus, in Input) *delivery.Hold {
	if until := inFlight(status); in.Now.Before(until) {
		return &delivery.Hold{Reason: v1alpha1.ReasonCoolingDown, Message: "the mail before is being sent; the resend waits for its outcome", Until: until}
	}
	if status.SentTime == nil {
		return nil
	}
	return tooRecent(status.SentTime.Add(cooldown(status.Programs, in.Catalog)), in.Now)
}

// tooRecent returns the hold of a resend that is due at a time, or nil if that has come.
func tooRecent(due, now time.Time) *delivery.Hold {
	if !now.Before(due) {
		return nil
	}
	return &delivery.Hold{
		Reason:  v1alpha1.ReasonCoolingDown,
		Message: "the resend waits until " + due.UTC().Format(time.RFC3339) + ", when the resendCooldown of the program has passed",
		Until:   due,
	}
}

// cooldown is the longest resendCooldown of the programs of a scope.
func cooldown(scope []v1alpha1.ProgramGrant, catalog program.Catalog) time.Duration {
	var longest time.Duration
	for _, grant := range scope {
		own := v1alpha1.DefaultCooldown
		if p := catalog.Programs[grant.Name]; p != nil {
			own = p.Spec.Invites.ResendCooldown.Duration()
		}
		longest = max(longest, own)
	}
	return longest
}
