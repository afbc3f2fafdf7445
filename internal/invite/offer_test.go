package invite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// partnershipIn is a partnership of the person.
func partnershipIn(program string) v1alpha1.Partnership {
	return v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Name: "ada-" + program},
		Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: program}},
	}
}

// hasPartnerships is what the person has, each with a change.
func hasPartnerships(change func(*v1alpha1.Partnership), programs ...string) step {
	return func(_ testing.TB, l *life) {
		l.partnerships = nil
		for _, name := range programs {
			p := partnershipIn(name)
			change(&p)
			l.partnerships = append(l.partnerships, p)
		}
	}
}

func isPartnerIn(programs ...string) step {
	return hasPartnerships(func(*v1alpha1.Partnership) {}, programs...)
}

func isRevokedIn(programs ...string) step {
	return hasPartnerships(func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} }, programs...)
}

func suspends(program string) step {
	return func(_ testing.TB, l *life) { l.catalog.Programs[program].Spec.Suspend = true }
}

func resumes(program string) step {
	return func(_ testing.TB, l *life) { l.catalog.Programs[program].Spec.Suspend = false }
}

// fullFor is how long referral may send no more.
func fullFor(d time.Duration) step { return func(_ testing.TB, l *life) { l.full = l.now.Add(d) } }

const holdMessage = "all mail is held back"

var (
	isNoPartner = isPartnerIn()
	holds       = step(func(_ testing.TB, l *life) { l.hold = holdMessage })
	releases    = step(func(_ testing.TB, l *life) { l.hold = "" })
	linkOnly    = edit(func(s *v1alpha1.PartnerInviteSpec) { s.Delivery = v1alpha1.DeliveryLink })
	byMail      = edit(func(s *v1alpha1.PartnerInviteSpec) { s.Delivery = v1alpha1.DeliveryEmail })
	unreachable = edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.Email = "ada@a_b.example" })
	noRival     = step(func(_ testing.TB, l *life) { l.rivals = nil })
)

// trait is what another invite of the person is like.
type trait func(*v1alpha1.PartnerInvite)

// rival adds another invite of the person, into referral and as old as this one, that nobody looked at yet.
func rival(name string, is ...trait) step {
	return func(_ testing.TB, l *life) {
		r := v1alpha1.PartnerInvite{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid-of-another", CreationTimestamp: l.invite.CreationTimestamp},
			Spec:       v1alpha1.PartnerInviteSpec{Contact: l.invite.Spec.Contact, Programs: []v1alpha1.ProgramGrant{grant("referral")}},
			Status:     v1alpha1.PartnerInviteStatus{ObservedGeneration: -1},
		}
		for _, trait := range is {
			trait(&r)
		}
		l.rivals = append(l.rivals, r)
	}
}

func older(r *v1alpha1.PartnerInvite) { r.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour)) }

func younger(r *v1alpha1.PartnerInvite) { r.CreationTimestamp = metav1.NewTime(start.Add(time.Hour)) }

func into(grants ...v1alpha1.ProgramGrant) trait {
	return func(r *v1alpha1.PartnerInvite) { r.Spec.Programs = grants }
}

func hasStatus(change func(*v1alpha1.PartnerInviteStatus)) trait {
	return func(r *v1alpha1.PartnerInvite) { change(&r.Status); Summarize(&r.Status, start) }
}

// wasIssued is a rival whose link was issued into programs; its mail is on its way.
func wasIssued(grants ...v1alpha1.ProgramGrant) trait {
	return hasStatus(func(s *v1alpha1.PartnerInviteStatus) {
		s.Serial, s.Programs = 1, grants
		s.ExpiryTime = &metav1.Time{Time: start.Add(week)}
		setter(s, start).False(v1alpha1.ConditionSent, v1alpha1.ReasonSending, "sending")
	})
}

func answered(decision v1alpha1.InviteDecision) trait {
	return func(r *v1alpha1.PartnerInvite) { Answer(&r.Status, decision, nil, start) }
}

func hasReason(conditionType, reason string) trait {
	return hasStatus(func(s *v1alpha1.PartnerInviteStatus) { setter(s, start).False(conditionType, reason, "text") })
}

// turnedAway is an invite that was not issued because of what else there is.
func turnedAway(reason string) standing {
	s := standing{
		Action: ActionNone, State: v1alpha1.InviteRefused, Ready: "False/" + reason, Refs: resolved, Sent: "False/" + reason,
		Accepted: "False/" + reason, Stalled: reason,
	}
	if reason == v1alpha1.ReasonAlreadyPartner {
		s.State, s.Ready, s.Stalled = v1alpha1.InviteAlreadyPartner, "True/"+reason, ""
	}
	return s
}

// heldBack is an invite that was not issued because mail is held back.
func heldBack(again time.Duration) standing {
	return standing{
		Action: ActionNone, State: v1alpha1.InviteHeld, Ready: "False/Held", Refs: resolved, Sent: "False/Held",
		Accepted: "Unknown/Pending", Reconciling: v1alpha1.ReasonHeld, Again: again,
	}
}

func TestOffer(t *testing.T) {
	sending := issued(ActionSend, v1alpha1.ReasonSending, 1, 0)
	offering := func(programs string) standing { return with(sending, func(s *standing) { s.Offers = programs }) }
	leaving := func(p *v1alpha1.Partnership) { p.DeletionTimestamp = &metav1.Time{Time: start} }
	duplicate := turnedAway(v1alpha1.ReasonDuplicateInvite)
	deleting := trait(func(r *v1alpha1.PartnerInvite) { r.DeletionTimestamp = &metav1.Time{Time: start} })
	itself := trait(func(r *v1alpha1.PartnerInvite) { r.UID = "uid" })
	ended := trait(func(r *v1alpha1.PartnerInvite) { r.Spec.NotAfter = v1alpha1.NewTimestamp(start.Add(-time.Hour)) })
	wasSent := hasStatus(func(s *v1alpha1.PartnerInviteStatus) {
		s.SentTime = &metav1.Time{Time: start}
		setter(s, start).True(v1alpha1.ConditionSent, v1alpha1.ReasonSent, "text")
	})
	for name, test := range map[string]struct {
		happens []step
		want    standing
	}{
		// What the person is a partner in.
		"a partner in its program":                 {steps(isPartnerIn("referral")), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner in all its programs":            {steps(offersAll, isPartnerIn("referral", "reseller")), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner in one of two":                  {steps(offersAll, isPartnerIn("referral")), offering("reseller")},
		"a partner in one of two, sent":            {steps(offersAll, isPartnerIn("referral"), mailed(nil), isNoPartner), with(sent(week), func(s *standing) { s.Offers = "reseller" })},
		"a partner in one of two, with groups":     {steps(offers(grantIn("referral", "gold"), grantIn("reseller", "silver")), isPartnerIn("reseller")), offering("referral/gold")},
		"a partner in another program":             {steps(isPartnerIn("reseller")), sending},
		"a partner who is being removed":           {steps(hasPartnerships(leaving, "referral")), sending},
		"a partner, and its program is suspended":  {steps(isPartnerIn("referral"), suspends("referral")), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner, and all mail is held":          {steps(isPartnerIn("referral"), holds), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner, and there is no mail server":   {steps(isPartnerIn("referral"), mailerGoes), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner, and its program is gone":       {steps(isPartnerIn("referral"), programGoes), waits(v1alpha1.ReasonProgramNotFound)},
		"a partner, and the invite offers a link":  {steps(isPartnerIn("referral"), linkOnly), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner after it was sent":              {steps(mailed(nil), isPartnerIn("referral")), sent(week)},
		"no partner any more, and nobody asks":     {steps(isPartnerIn("referral"), looksAgain, isNoPartner, rename), turnedAway(v1alpha1.ReasonAlreadyPartner)},
		"a partner in one, the other is suspended": {steps(offersAll, isPartnerIn("referral"), suspends("reseller")), heldBack(0)},
		"a partner in the one that is suspended":   {steps(offersAll, isPartnerIn("referral"), suspends("referral")), offering("reseller")},

		// What was revoked.
		"revoked in its program":                {steps(isRevokedIn("referral")), turnedAway(v1alpha1.ReasonPartnerRevoked)},
		"revoked in one of two":                 {steps(offersAll, isRevokedIn("reseller")), turnedAway(v1alpha1.ReasonPartnerRevoked)},
		"revoked in another program":            {steps(isRevokedIn("reseller")), sending},
		"revoked, and its program is suspended": {steps(isRevokedIn("referral"), suspends("referral")), turnedAway(v1alpha1.ReasonPartnerRevoked)},
		"revoked after it was sent":             {steps(mailed(nil), isRevokedIn("referral")), shutOut(sent(week), v1alpha1.ReasonPartnerRevoked)},
		"revoked in one, a partner in the other": {
			steps(offersAll, isRevokedIn("reseller"), func(_ testing.TB, l *life) { l.partnerships = append(l.partnerships, partnershipIn("referral")) }),
			turnedAway(v1alpha1.ReasonPartnerRevoked),
		},
		"reinstated, and nobody asks": {steps(isRevokedIn("referral"), looksAgain, isNoPartner, rename), turnedAway(v1alpha1.ReasonPartnerRevoked)},

		// Another invite of the same person.
		"an older one":                          {steps(rival("zoe", older)), duplicate},
		"a younger one":                         {steps(rival("aaa", younger)), sending},
		"one as old, of an earlier name":        {steps(rival("aaa")), duplicate},
		"one as old, of a later name":           {steps(rival("zoe")), sending},
		"a younger one that was issued":         {steps(rival("zoe", younger, wasIssued(grant("referral")))), duplicate},
		"a younger one that was sent":           {steps(rival("zoe", younger, wasIssued(grant("referral")), wasSent)), duplicate},
		"an older one that is held":             {steps(rival("zoe", older, hasReason(v1alpha1.ConditionSent, v1alpha1.ReasonHeld))), duplicate},
		"an older one that waits":               {steps(rival("zoe", older, hasReason(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonProgramNotFound))), duplicate},
		"itself":                                {steps(rival("aaa", older, itself)), sending},
		"an older one that is being deleted":    {steps(rival("zoe", older, deleting)), sending},
		"an older one that was declined":        {steps(rival("zoe", older, wasIssued(grant("referral")), wasSent, answered(v1alpha1.DecisionDeclined))), sending},
		"an older one that was accepted":        {steps(rival("zoe", older, wasIssued(grant("referral")), wasSent, answered(v1alpha1.DecisionAccepted))), sending},
		"an older one that expired":             {steps(rival("zoe", older, wasIssued(grant("referral")), wasSent), after(week)), sending},
		"an older one that failed":              {steps(rival("zoe", older, wasIssued(grant("referral")), hasReason(v1alpha1.ConditionSent, v1alpha1.ReasonAddressRejected))), sending},
		"an older one that was given up":        {steps(rival("zoe", older, wasIssued(grant("referral")), hasReason(v1alpha1.ConditionSent, v1alpha1.ReasonGaveUp))), sending},
		"an older one that was refused":         {steps(rival("zoe", older, hasReason(v1alpha1.ConditionAccepted, v1alpha1.ReasonPartnerRevoked))), sending},
		"an older one that is a duplicate":      {steps(rival("zoe", older, hasReason(v1alpha1.ConditionAccepted, v1alpha1.ReasonDuplicateInvite))), sending},
		"an older one of a partner":             {steps(rival("zoe", older, hasReason(v1alpha1.ConditionAccepted, v1alpha1.ReasonAlreadyPartner))), sending},
		"an older one into another program":     {steps(rival("zoe", older, into(grant("reseller")))), sending},
		"an older one into both":                {steps(rival("zoe", older, into(grant("reseller"), grant("referral")))), duplicate},
		"an older one into part":                {steps(offersAll, rival("zoe", older)), offering("referral reseller")},
		"an older one into any":                 {steps(rival("zoe", older, into())), duplicate},
		"an older one into any, this too":       {steps(offersAll, rival("zoe", older, into())), duplicate},
		"an older one into another group":       {steps(rival("zoe", older, into(grantIn("referral", "gold")))), duplicate},
		"an older one into any, issued to part": {steps(rival("zoe", older, into(), wasIssued(grant("reseller")))), sending},
		"an older one into what is left":        {steps(offersAll, isPartnerIn("reseller"), rival("zoe", older)), duplicate},
		"two older ones into half each":         {steps(offersAll, rival("yan", older), rival("zoe", older, into(grant("reseller")))), offering("referral reseller")},
		"a declined one and an open one":        {steps(rival("yan", older, wasIssued(grant("referral")), wasSent, answered(v1alpha1.DecisionDeclined)), rival("zoe", older)), duplicate},
		"an older one, and all mail is held":    {steps(rival("zoe", older), holds), duplicate},
		"an older one, and it is suspended":     {steps(rival("zoe", older), suspends("referral")), duplicate},
		"an older one after it was sent":        {steps(mailed(nil), rival("zoe", older)), sent(week)},
		"an older one between two tries":        {steps(mailed(busy), rival("zoe", older), after(72*time.Second)), issued(ActionSend, v1alpha1.ReasonSending, 2, 0)},
		"an older one, and a link is offered":   {steps(rival("zoe", older), linkOnly), duplicate},
		// One that can never be sent stands in nobody's way, whether or not the rules have looked at it yet.
		"an older one whose end has come, not judged yet": {steps(rival("zoe", older, ended)), sending},
		"an older one that is to be refused, not judged yet": {
			steps(rival("zoe", older, into(grant("referral"), grant("reseller"))), isRevokedIn("reseller")), sending,
		},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}

// Of two invites of one person that nobody has judged yet, whichever side is looked at first, one at least is sent; and
// if each offers what the other does, exactly one.
func TestOfTwoInvitesOneIsSent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	scopes := [][]v1alpha1.ProgramGrant{
		nil, {grant("referral")}, {grant("reseller")}, {grant("referral"), grant("reseller")}, {grant("reseller"), grant("referral")},
	}
	arbitrary := func(uid, name string) v1alpha1.PartnerInvite {
		i := *newLife().invite
		i.Name, i.UID = name, types.UID("uid-"+uid)
		i.CreationTimestamp = metav1.NewTime(start.Add(-time.Duration(random.IntN(2)) * time.Second))
		i.Spec.Programs = scopes[random.IntN(len(scopes))]
		if random.IntN(4) == 0 {
			i.Spec.Delivery = v1alpha1.DeliveryLink
		}
		return i
	}
	for round := range 2000 {
		names := []string{fmt.Sprint("a", random.IntN(9)), fmt.Sprint("b", random.IntN(9))}
		random.Shuffle(2, func(i, j int) { names[i], names[j] = names[j], names[i] })
		pair := []v1alpha1.PartnerInvite{arbitrary("1", names[0]), arbitrary("2", names[1])}
		partnerIn := steps(isNoPartner, isPartnerIn("referral"))[random.IntN(2)]
		sends := func(of int) bool {
			l := newLife()
			partnerIn(t, l)
			l.invite, l.rivals = pair[of].DeepCopy(), pair
			d := Decide(l.input())
			if d.Action != ActionSend && d.Status.State != v1alpha1.InviteAlreadyPartner && d.Status.State != v1alpha1.InviteRefused {
				t.Fatalf("it is %s", d.Status.State)
			}
			return d.Action == ActionSend
		}
		alone := func(of int) []string {
			l := newLife()
			partnerIn(t, l)
			l.invite = pair[of].DeepCopy()
			var offered []string
			for _, g := range Decide(l.input()).Status.Programs {
				offered = append(offered, g.Name)
			}
			slices.Sort(offered)
			return offered
		}
		first, second := alone(0), alone(1)
		winners := 0
		for of := range pair {
			if sends(of) {
				winners++
			}
		}
		same := len(first) > 0 && slices.Equal(first, second)
		if some := len(first)+len(second) > 0; some && winners == 0 || !some && winners > 0 || same && winners != 1 {
			t.Fatalf("round %d: %d are sent, of\n%s", round, winners, cmp.Diff(pair[0], pair[1]))
		}
	}
}

// Once one of two is issued, the other is not, in whatever order they were made.
func TestTheIssuedOfTwoGoesFirst(t *testing.T) {
	for name, age := range map[string]trait{"older": older, "younger": younger} {
		t.Run(name, func(t *testing.T) {
			a, b := newLife(), newLife()
			b.invite.Name, b.invite.UID = "bob", "uid-of-another"
			age(b.invite)
			mailed(nil)(t, a)
			b.rivals = []v1alpha1.PartnerInvite{*a.invite}
			b.decide(t)
			a.rivals = []v1alpha1.PartnerInvite{*b.invite}
			a.decide(t)
			if a.invite.Status.State != v1alpha1.InviteSent || b.invite.Status.State != v1alpha1.InviteRefused {
				t.Errorf("the issued one is %s, the other %s", a.invite.Status.State, b.invite.Status.State)
			}
		})
	}
}

func TestHeld(t *testing.T) {
	const due = 72 * time.Second
	firstBackoff := delivery.Backoff(1, messageID)
	hour := after(time.Hour)
	sending := issued(ActionSend, v1alpha1.ReasonSending, 1, 0)
	heldRetry := with(heldBack(week-due), func(s *standing) { s.Offers, s.Serial, s.Attempts = "referral", 1, 1 })
	hasExpired := over(v1alpha1.InviteExpired, "False/Expired", "True/Sent", 1)
	failedAndWaits := with(failed(v1alpha1.ReasonAddressRejected, 1), func(s *standing) { s.Reconciling, s.Stalled = v1alpha1.ReasonHeld, "" })
	link := func(s standing) standing {
		return with(s, func(s *standing) { s.Ready, s.Sent = "True/LinkReady", "True/LinkReady" })
	}
	for name, test := range map[string]struct {
		happens []step
		want    standing
	}{
		// Before the first issue.
		"its program is suspended":              {steps(suspends("referral")), heldBack(0)},
		"one of its programs is suspended":      {steps(offersAll, suspends("reseller")), heldBack(0)},
		"another program is suspended":          {steps(suspends("reseller")), sending},
		"its program is suspended no longer":    {steps(suspends("referral"), looksAgain, resumes("referral")), sending},
		"all mail is held":                      {steps(holds), heldBack(0)},
		"all mail is held no longer":            {steps(holds, looksAgain, releases), sending},
		"its program is full":                   {steps(fullFor(10 * time.Minute)), heldBack(10 * time.Minute)},
		"its program is full for a moment":      {steps(fullFor(time.Second)), heldBack(time.Second)},
		"one of its programs is full":           {steps(offersAll, fullFor(10*time.Minute)), heldBack(10 * time.Minute)},
		"another program is full":               {steps(offers(grant("reseller")), fullFor(10*time.Minute)), with(sending, func(s *standing) { s.Offers = "reseller" })},
		"its program is full no longer":         {steps(fullFor(10*time.Minute), looksAgain, after(10*time.Minute)), sending},
		"held, and no mail server":              {steps(holds, mailerGoes), heldBack(0)},
		"held, and no such program":             {steps(holds, programGoes), waits(v1alpha1.ReasonProgramNotFound)},
		"a program is made while it is held":    {steps(offersAll, holds, looksAgain, onceMore, releases), with(sending, func(s *standing) { s.Offers = "affiliate referral reseller" })},
		"held, and the address cannot be right": {steps(holds, unreachable), with(failed(v1alpha1.ReasonAddressRejected, 0), func(s *standing) { s.Refs, s.Offers, s.Serial = "", "", 0 })},
		"held by one thing after the other":     {steps(holds, looksAgain, suspends("referral"), releases, looksAgain, resumes("referral"), fullFor(time.Minute)), heldBack(time.Minute)},

		// Between two tries.
		"suspended between two tries":       {steps(mailed(busy), suspends("referral"), after(due)), heldRetry},
		"held between two tries":            {steps(mailed(busy), holds, after(due)), heldRetry},
		"full between two tries":            {steps(mailed(busy), after(due), fullFor(time.Minute)), with(heldRetry, func(s *standing) { s.Again = time.Minute })},
		"not due yet, and held":             {steps(mailed(busy), holds, after(10*time.Second)), with(heldRetry, func(s *standing) { s.Again = week - 10*time.Second })},
		"not due yet, and held no longer":   {steps(mailed(busy), holds, looksAgain, releases, after(10*time.Second)), issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 1, firstBackoff-10*time.Second)},
		"held between two tries, no longer": {steps(mailed(busy), holds, after(due), looksAgain, after(time.Hour), releases), issued(ActionSend, v1alpha1.ReasonSending, 2, 0)},
		"held for two days, no longer":      {steps(mailed(busy), holds, after(48*time.Hour), looksAgain, releases), issued(ActionSend, v1alpha1.ReasonSending, 2, 0)},
		"held till it expires":              {steps(mailed(busy), holds, after(due), looksAgain, after(week)), over(v1alpha1.InviteExpired, "False/Expired", "False/TemporaryFailure", 1)},
		"held, and the spec is changed":     {steps(mailed(busy), holds, after(due), looksAgain, rename), with(heldRetry, func(s *standing) { s.Attempts = 0 })},
		"the process died, and held":        {steps(looksAgain, holds, after(due)), heldRetry},
		"claimed, then held":                {steps(looksAgain, holds, after(20*time.Second)), issued(ActionNone, v1alpha1.ReasonSending, 1, 40*time.Second)},
		"refused for good, then held":       {steps(mailed(refused), holds), failed(v1alpha1.ReasonAddressRejected, 1)},

		// After it was sent.
		"sent, then suspended":    {steps(mailed(nil), suspends("referral")), shutOut(sent(week), v1alpha1.ReasonProgramSuspended)},
		"sent, then all is held":  {steps(mailed(nil), holds), sent(week)},
		"expires while suspended": {steps(mailed(nil), suspends("referral"), after(week)), hasExpired},

		// A resend.
		"a resend while suspended":           {steps(mailed(nil), hour, suspends("referral"), annotates("a")), waitsToResend(shutOut(sent(0), v1alpha1.ReasonProgramSuspended), v1alpha1.ReasonHeld, week-time.Hour)},
		"a resend while all is held":         {steps(mailed(nil), hour, holds, annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonHeld, week-time.Hour)},
		"a resend while full":                {steps(mailed(nil), hour, fullFor(10*time.Minute), annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonHeld, 10*time.Minute)},
		"a resend without a mail server":     {steps(mailed(nil), hour, mailerGoes, annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonMailerNotConfigured, week-time.Hour)},
		"a resend after it was suspended":    {steps(mailed(nil), hour, suspends("referral"), annotates("a"), looksAgain, resumes("referral")), anew(2, "a|")},
		"a resend after all was held":        {steps(mailed(nil), hour, holds, annotates("a"), looksAgain, releases), anew(2, "a|")},
		"a resend after it was full":         {steps(mailed(nil), hour, fullFor(10*time.Minute), annotates("a"), looksAgain, after(10*time.Minute)), anew(2, "a|")},
		"a mail server comes for a resend":   {steps(mailed(nil), hour, mailerGoes, annotates("a"), looksAgain, mailerComes), anew(2, "a|")},
		"a resend of a declined one, held":   {steps(mailed(nil), answers(v1alpha1.DecisionDeclined), hour, holds, annotates("a")), waitsToResend(over(v1alpha1.InviteDeclined, "False/Declined", "True/Sent", 1), v1alpha1.ReasonHeld, 0)},
		"a resend of an expired one, held":   {steps(mailed(nil), after(week), holds, annotates("a")), waitsToResend(hasExpired, v1alpha1.ReasonHeld, 0)},
		"it expires while its resend waits":  {steps(mailed(nil), hour, holds, annotates("a"), looksAgain, after(week)), waitsToResend(hasExpired, v1alpha1.ReasonHeld, 0)},
		"a resend of a failed one, held":     {steps(mailed(refused), holds, annotates("a")), failedAndWaits},
		"a resend of a failed one, released": {steps(mailed(refused), holds, annotates("a"), looksAgain, releases), anew(2, "a|")},
		"too early, and held":                {steps(mailed(nil), after(20*time.Second), holds, annotates("a")), waitsToResend(sent(0), v1alpha1.ReasonCoolingDown, 40*time.Second)},
		"too early, then held":               {steps(mailed(nil), holds, annotates("a"), looksAgain, hour), waitsToResend(sent(0), v1alpha1.ReasonHeld, week-time.Hour)},
		"a resend is taken back while held":  {steps(mailed(nil), hour, holds, annotates("a"), looksAgain, annotates("")), sent(week - time.Hour)},
		"accepted while its resend is held":  {steps(mailed(nil), hour, holds, annotates("a"), looksAgain, answers(v1alpha1.DecisionAccepted), finished), with(over(v1alpha1.InviteAccepted, "True/Accepted", "True/Sent", 1), func(s *standing) { s.Handled = "a|" })},

		// Without a mail.
		"a link, without a mail server":   {steps(linkOnly, mailerGoes), sending},
		"a link is ready":                 {steps(linkOnly, mailerGoes, mailed(nil)), link(sent(week))},
		"a link, and all is held":         {steps(linkOnly, holds), heldBack(0)},
		"a link, and suspended":           {steps(linkOnly, suspends("referral")), heldBack(0)},
		"a link after a mail":             {steps(mailed(nil), hour, mailerGoes, linkOnly, annotates("a"), mailed(nil)), link(sentAnew(2, "a|", week))},
		"a link later, and nobody asks":   {steps(mailed(nil), linkOnly), sent(week)},
		"a link, then a mail":             {steps(linkOnly, mailed(nil), hour, byMail, annotates("a"), mailed(nil)), sentAnew(2, "a|", week)},
		"a link, then a mail, no server":  {steps(linkOnly, mailerGoes, mailed(nil), hour, byMail, annotates("a")), waitsToResend(link(sent(0)), v1alpha1.ReasonMailerNotConfigured, week-time.Hour)},
		"no server, and a link will do":   {steps(mailerGoes, looksAgain, linkOnly), sending},
		"a link that is asked for anew":   {steps(linkOnly, mailerGoes, mailed(nil), hour, annotates("a")), anew(2, "a|")},
		"a link that expired":             {steps(linkOnly, mailed(nil), after(week)), with(link(hasExpired), func(s *standing) { s.Ready = "True/Expired" })},
		"a link whose Secret is occupied": {steps(linkOnly, mailed(busy)), issued(ActionNone, v1alpha1.ReasonTemporaryFailure, 1, firstBackoff)},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.happens, test.want) })
	}
}

// What was held loses nothing of its time, and what is issued later has all of it.
func TestTheClockOfAHeldInviteStandsStill(t *testing.T) {
	for name, test := range map[string]struct{ begins, ends step }{
		"suspended": {suspends("referral"), resumes("referral")},
		"held":      {holds, releases},
		"full":      {fullFor(2 * week), after(0)},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			test.begins(t, l)
			l.decide(t)
			if s := l.invite.Status; s.Serial != 0 || s.IssuedTime != nil || s.ExpiryTime != nil || s.FirstAttemptTime != nil || s.Programs != nil || s.MessageID != "" || s.KeyID != "" {
				t.Errorf("a held invite has %+v", s)
			}
			after(2*week)(t, l)
			test.ends(t, l)
			l.decide(t)
			if got := l.invite.Status.ExpiryTime; got == nil || !got.Time.Equal(start.Add(3*week)) {
				t.Errorf("it expires at %s", got)
			}
		})
	}
}
