package invite

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// is is a change of a partnership of the person.
type is func(*v1alpha1.Partnership)

func isPending(p *v1alpha1.Partnership)  { p.Spec.Onboarding = v1alpha1.OnboardingApproval }
func isInvited(p *v1alpha1.Partnership)  { p.Spec.Invitation = v1alpha1.InvitationSend }
func isClosed(p *v1alpha1.Partnership)   { p.Spec.PortalAccess = v1alpha1.PortalAccessDisabled }
func hasExpired(p *v1alpha1.Partnership) { p.Spec.ValidUntil = v1alpha1.NewTimestamp(start) }
func isRevoked(p *v1alpha1.Partnership)  { p.Spec.Revocation = &v1alpha1.Revocation{} }
func isApplication(p *v1alpha1.Partnership) {
	p.Spec.Source = v1alpha1.SourceJoinLink
}

func isApproved(p *v1alpha1.Partnership) {
	p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
}

func isRejected(p *v1alpha1.Partnership) {
	p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
}

func hasAccepted(p *v1alpha1.Partnership) {
	partnership.Accepted(p, "another", v1alpha1.OnboardingAutomatic, start)
}

func hasAcceptedForApproval(p *v1alpha1.Partnership) {
	partnership.Accepted(p, "another", v1alpha1.OnboardingApproval, start)
}

// has is a partnership of the person in a program.
func has(program string, traits ...is) step {
	return func(_ testing.TB, l *life) {
		p := partnershipIn(program)
		p.UID = "uid-of-the-partnership"
		for _, trait := range traits {
			trait(&p)
		}
		l.partnerships = []v1alpha1.Partnership{p}
	}
}

// madeForIt makes the invite one of the person's partnership.
func madeForIt(_ testing.TB, l *life) {
	owner := metav1.NewControllerRef(&l.partnerships[0], v1alpha1.GroupVersion.WithKind("Partnership"))
	l.invite.OwnerReferences = []metav1.OwnerReference{*owner}
}

// restored is the same after a restore, which leaves owners out.
func restored(_ testing.TB, l *life) {
	name := l.partnerships[0].Name
	l.invite.Name, l.invite.Labels = partnership.InvitationName(name), map[string]string{partnership.Label: name}
}

func TestOfferByTheStateOfThePartnership(t *testing.T) {
	sending := issued(ActionSend, v1alpha1.ReasonSending, 1, 0)
	const pending, revoked, rejected = v1alpha1.ReasonApplicationPending, v1alpha1.ReasonPartnerRevoked, v1alpha1.ReasonPartnerRejected
	partner := turnedAway(v1alpha1.ReasonAlreadyPartner)
	for name, test := range map[string]struct {
		happens []step
		want    standing
	}{
		"invited":                           {steps(has("referral", isInvited)), sending},
		"invited, to be approved":           {steps(has("referral", isInvited, isPending)), sending},
		"invited, the portal is closed":     {steps(has("referral", isInvited, isClosed)), heldBack(0)},
		"invited, the portal is opened":     {steps(has("referral", isInvited, isClosed), looksAgain, has("referral", isInvited)), sending},
		"accepted":                          {steps(has("referral", isInvited, hasAccepted)), partner},
		"the portal is closed":              {steps(has("referral", isClosed)), partner},
		"applied":                           {steps(has("referral", isApplication)), turnedAway(pending)},
		"applied and approved":              {steps(has("referral", isApplication, isApproved)), partner},
		"applied and rejected":              {steps(has("referral", isApplication, isRejected)), turnedAway(rejected)},
		"applied elsewhere":                 {steps(has("reseller", isApplication)), sending},
		"applied to one of two":             {steps(offersAll, has("reseller", isApplication)), turnedAway(pending)},
		"waits for approval":                {steps(has("referral", isPending)), turnedAway(pending)},
		"accepted, waits for approval":      {steps(has("referral", isInvited, hasAcceptedForApproval)), turnedAway(pending)},
		"applied, then approved":            {steps(has("referral", isApplication), looksAgain, has("referral", isApplication, isApproved)), turnedAway(pending)},
		"rejected":                          {steps(has("referral", isRejected)), turnedAway(rejected)},
		"rejected, then approved":           {steps(has("referral", isRejected), looksAgain, has("referral", isApproved), rename), turnedAway(rejected)},
		"expired":                           {steps(has("referral", hasExpired)), turnedAway(revoked)},
		"expires later":                     {steps(after(-time.Second), has("referral", hasExpired)), partner},
		"sent, then the portal is closed":   {steps(mailed(nil), has("referral", isInvited, isClosed)), shutOut(sent(week), v1alpha1.ReasonPortalAccessDisabled)},
		"retried, then the portal is shut":  {steps(mailed(busy), has("referral", isInvited, isClosed), after(72*time.Second)), with(heldBack(week-72*time.Second), func(s *standing) { s.Offers, s.Serial, s.Attempts = "referral", 1, 1 })},
		"retried, then revoked":             {steps(mailed(busy), isRevokedIn("referral"), after(72*time.Second)), with(heldBack(week-72*time.Second), func(s *standing) { s.Offers, s.Serial, s.Attempts = "referral", 1, 1 })},
		"its own partnership":               {steps(has("referral", isInvited), madeForIt), sending},
		"its own is revoked":                {steps(has("referral", isInvited, isRevoked), madeForIt), heldBack(0)},
		"its own is revoked, reinstated":    {steps(has("referral", isInvited, isRevoked), madeForIt, looksAgain, has("referral", isInvited)), sending},
		"its own has expired":               {steps(has("referral", isInvited, hasExpired), madeForIt), heldBack(0)},
		"its own is rejected":               {steps(has("referral", isInvited, isRejected), madeForIt), heldBack(0)},
		"its own is revoked, and another":   {steps(has("referral", isInvited, isRevoked), madeForIt, rival("zoe", older)), heldBack(0)},
		"its own is closed":                 {steps(has("referral", isInvited, isClosed), madeForIt), heldBack(0)},
		"its own was accepted otherwise":    {steps(has("referral", isInvited, hasAccepted), madeForIt), partner},
		"its own waits for approval":        {steps(has("referral", isInvited, hasAcceptedForApproval), madeForIt), turnedAway(pending)},
		"a resend, its own is revoked":      {steps(has("referral", isInvited), madeForIt, mailed(nil), after(time.Hour), has("referral", isInvited, isRevoked), annotates("a")), waitsToResend(shutOut(sent(0), v1alpha1.ReasonPartnerRevoked), v1alpha1.ReasonHeld, week-time.Hour)},
		"a resend, and it is to be decided": {steps(has("referral", isInvited), mailed(nil), after(time.Hour), has("referral", isInvited, hasAcceptedForApproval), annotates("a")), with(over(v1alpha1.InviteRefused, "False/ApplicationPending", "True/Sent", 1), func(s *standing) { s.Ready, s.Stalled, s.Handled = "False/ApplicationPending", pending, "a|" })},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}

// Of several partnerships of the person in a program the older one decides.
func TestTheOlderPartnershipDecides(t *testing.T) {
	for name, test := range map[string]struct {
		older, younger is
		want           standing
	}{
		"an active one, then a revoked one": {func(*v1alpha1.Partnership) {}, isRevoked, turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a revoked one, then an active one": {isRevoked, func(*v1alpha1.Partnership) {}, turnedAway(v1alpha1.ReasonPartnerRevoked)},
		"an invited one, then an active one": {
			isInvited, func(*v1alpha1.Partnership) {}, issued(ActionSend, v1alpha1.ReasonSending, 1, 0),
		},
	} {
		t.Run(name, func(t *testing.T) {
			judge(t, steps(func(_ testing.TB, l *life) {
				older, younger := partnershipIn("referral"), partnershipIn("referral")
				older.Name, younger.Name = "zoe", "abe"
				older.CreationTimestamp, younger.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour)), metav1.NewTime(start)
				test.older(&older)
				test.younger(&younger)
				l.partnerships = []v1alpha1.Partnership{younger, older}
			}), test.want)
		})
	}
}

func TestAnswerableByTheStateOfThePartnership(t *testing.T) {
	for name, test := range map[string]struct {
		happens step
		want    Openness
	}{
		"no partnership":                 {nil, Open},
		"invited":                        {has("referral", isInvited), Open},
		"invited, the portal is closed":  {has("referral", isInvited, isClosed), Refused},
		"invited, and revoked":           {has("referral", isInvited, isRevoked), Refused},
		"invited, and expired":           {has("referral", isInvited, hasExpired), Refused},
		"invited, and rejected":          {has("referral", isInvited, isRejected), Refused},
		"rejected":                       {has("referral", isRejected), Refused},
		"expired":                        {has("referral", hasExpired), Refused},
		"a partner":                      {has("referral"), Open},
		"a partner, closed":              {has("referral", isClosed), Open},
		"waits for approval":             {has("referral", isPending), Open},
		"its own":                        {func(t testing.TB, l *life) { has("referral", isInvited)(t, l); madeForIt(t, l) }, Open},
		"its own, revoked":               {func(t testing.TB, l *life) { has("referral", isInvited, isRevoked)(t, l); madeForIt(t, l) }, Refused},
		"its own is deleted":             {func(t testing.TB, l *life) { has("referral")(t, l); madeForIt(t, l); l.partnerships = nil }, Gone},
		"its own, restored":              {func(t testing.TB, l *life) { has("referral", isInvited)(t, l); restored(t, l) }, Open},
		"its own is deleted, restored":   {func(t testing.TB, l *life) { has("referral")(t, l); restored(t, l); l.partnerships = nil }, Gone},
		"its own is deleted, made again": {func(t testing.TB, l *life) { has("referral")(t, l); madeForIt(t, l); l.partnerships[0].UID = "another" }, Gone},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			mailed(nil)(t, l)
			if test.happens != nil {
				test.happens(t, l)
			}
			if got, _ := Answerable(Input{Invite: l.invite, Catalog: l.catalog, Partnerships: l.partnerships, Now: l.now}, 1); got != test.want {
				t.Errorf("Answerable = %s, want %s", got, test.want)
			}
		})
	}
}
