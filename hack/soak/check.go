package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

const (
	// refusedWithin is how soon everybody must be refused whose access ended.
	refusedWithin = 2 * time.Second
	// unrecorded is how long after a mail arrived its record may be outstanding, so that a fault makes it come again.
	unrecorded = 10 * time.Second
)

// The rules.
const (
	ruleLost      = "lost"
	ruleTwice     = "twice"
	ruleGranted   = "granted"
	ruleForeign   = "another's"
	ruleDead      = "a dead link lives"
	ruleDashboard = "the dashboard differs from the objects"
	ruleIgnored   = "the company's wish is ignored"
	ruleUnsettled = "does not settle"
)

// observed is what there was of a tenant in the end.
type observed struct {
	Invites      []v1alpha1.PartnerInvite
	Partnerships []v1alpha1.Partnership
	Teams        []v1alpha1.PartnerTeam
	Links        []v1alpha1.PartnerLink
	Groups       []v1alpha1.PartnerGroup
	Events       []eventsv1.Event
	Mails        []mailcatcher.Message
	Told         []telling // in the order in which they were taken
	Faults       []fault
}

// check compares what was done and answered with what there is. It gives each broken invariant, and how many mails were
// repeats that the contract allows.
func check(j *journal, is observed) (found []finding, repeats int) {
	c := &checker{said: j, is: is, mails: mailbox(is.Mails)}
	for _, rule := range []func(){
		c.invites, c.acceptances, c.linksOfInvites, c.companies, c.notices, c.repeated, c.counted, c.seconds, c.events, c.told, c.looked, c.teams, c.shared,
	} {
		rule()
	}
	return append(c.found, j.Wrong...), c.repeats
}

type checker struct {
	said    *journal
	is      observed
	mails   map[string][]mailcatcher.Message // by Message-ID, without brackets
	found   []finding
	repeats int
}

func (c *checker) breaks(rule, format string, args ...any) {
	c.found = append(c.found, finding{rule, c.said.Tenant + ": " + fmt.Sprintf(format, args...)})
}

// mailbox sorts mails by their Message-IDs.
func mailbox(all []mailcatcher.Message) map[string][]mailcatcher.Message {
	by := map[string][]mailcatcher.Message{}
	for _, mail := range all {
		id := strings.Trim(mail.MessageID, "<>")
		by[id] = append(by[id], mail)
	}
	return by
}

func (c *checker) invite(name string) *v1alpha1.PartnerInvite {
	at := slices.IndexFunc(c.is.Invites, func(i v1alpha1.PartnerInvite) bool { return i.Name == name })
	if at < 0 {
		return nil
	}
	return &c.is.Invites[at]
}

func (c *checker) partnership(name string) *v1alpha1.Partnership {
	at := slices.IndexFunc(c.is.Partnerships, func(p v1alpha1.Partnership) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &c.is.Partnerships[at]
}

// sorted are the names of a map in order, so that two runs say the same.
func sorted[T any](of map[string]T) []string { return slices.Sorted(maps.Keys(of)) }

// triedLater is how many tries of a mail failed after which the next is too far off to be waited for: 4 minutes and more.
const triedLater = 3

// later tells whether an invite's mail waits for a try that is too far off.
func later(i *v1alpha1.PartnerInvite) bool {
	return i.Status.State == v1alpha1.InvitePending && i.Status.NextAttemptTime != nil && i.Status.Attempts >= triedLater
}

// mailLater tells the same of another mail.
func mailLater(state v1alpha1.DeliveryState, attempts int32) bool {
	return state == v1alpha1.DeliveryPending && attempts >= triedLater
}

// invites: each invite that was applied and not withdrawn has its mail, or says why not.
func (c *checker) invites() {
	for _, name := range sorted(c.said.Invites) {
		asked, is := c.said.Invites[name], c.invite(name)
		switch {
		case asked.Deleted && is != nil && is.DeletionTimestamp == nil:
			c.breaks(ruleIgnored, "invite %s was deleted and is there", name)
		case asked.Deleted:
		case is == nil:
			c.breaks(ruleLost, "invite %s was applied and is not there", name)
		case later(is):
		case is.Status.State == v1alpha1.InviteFailed && !c.rejected():
			c.breaks(ruleLost, "invite %s is Failed, and no address was refused", name)
		case is.Status.State == v1alpha1.InvitePending || is.Status.State == v1alpha1.InviteHeld || is.Status.State == "":
			c.breaks(ruleLost, "invite %s is %q for ever", name, is.Status.State)
		case is.Status.State == v1alpha1.InviteFailed, is.Status.State == v1alpha1.InviteAlreadyPartner, is.Status.State == v1alpha1.InviteRefused:
		case asked.Mates || asked.Link:
		case is.Status.State == v1alpha1.InviteExpired && meta.IsStatusConditionFalse(is.Status.Conditions, v1alpha1.ConditionSent):
			// Its mail could not leave in the minute that it had, and it says so.
		case len(c.mails[is.Status.MessageID]) == 0:
			c.breaks(ruleLost, "invite %s is %s, and its mail %s never arrived", name, is.Status.State, is.Status.MessageID)
		}
	}
}

// rejected tells whether an address may have been refused at any time.
func (c *checker) rejected() bool {
	return slices.ContainsFunc(c.is.Faults, func(f fault) bool { return f.Rejects })
}

// acceptances: what was answered with success is so, and counts once.
func (c *checker) acceptances() {
	for _, name := range sorted(c.said.Invites) {
		asked, is := c.said.Invites[name], c.invite(name)
		accepted := 0
		for _, link := range sorted(asked.Accepted) {
			times := asked.Accepted[link]
			accepted += times
			if times > 1 {
				c.breaks(ruleTwice, "invite %s: %d browsers were told that they accepted by one link", name, times)
			}
			if times > 0 && asked.Declined[link] > 0 {
				c.breaks(ruleTwice, "invite %s: one link was accepted and declined", name)
			}
		}
		if is == nil || accepted == 0 {
			continue
		}
		if is.Status.Acceptance == nil || is.Status.Acceptance.Decision != v1alpha1.DecisionAccepted {
			c.breaks(ruleLost, "invite %s was accepted and does not say so", name)
		}
		if len(is.Status.PartnershipRefs) < len(is.Status.Programs) {
			c.breaks(ruleLost, "invite %s was accepted into %d programs and names %d partnerships", name, len(is.Status.Programs), len(is.Status.PartnershipRefs))
		}
	}
	for _, name := range sorted(c.said.Partners) {
		if p := c.said.Partners[name]; p.Granted && !p.Deleted && c.partnership(name) == nil {
			c.breaks(ruleLost, "the partnership %s was accepted and is not there", name)
		}
	}
}

// linksOfInvites: a link that was answered, replaced or withdrawn is dead.
func (c *checker) linksOfInvites() {
	for _, o := range c.said.Opened {
		is := c.invite(o.Invite)
		alive := is != nil && is.Status.MessageID == o.MessageID
		switch {
		case alive && is.Status.ExpiryTime != nil && (is.Status.State == v1alpha1.InviteSent || is.Status.State == v1alpha1.InviteExpired):
			alive = o.At.Before(is.Status.ExpiryTime.Time)
		case alive && later(is): // its mail arrived, though the answer of the mail server was lost
			alive = o.Code == 200
		case alive:
			alive = is.Status.State == v1alpha1.InviteSent
		}
		if !alive && o.Code == 200 {
			c.breaks(ruleDead, "that of %s in the mail %s", o.Invite, o.MessageID)
		}
		if alive && o.Code != 200 && o.Code != 403 { // it is refused, and not spent, while the person is revoked elsewhere
			c.breaks(ruleLost, "the link of invite %s in the mail %s answers %d", o.Invite, o.MessageID, o.Code)
		}
	}
}

// companies: what the company said of a partnership is so, and nothing else gives access.
func (c *checker) companies() {
	for _, name := range sorted(c.said.Partners) {
		asked, is := c.said.Partners[name], c.partnership(name)
		switch {
		case is == nil:
		case asked.Deleted:
			c.breaks(ruleGranted, "the partnership %s was deleted and is %s", name, is.Status.State)
		case asked.Revoked && is.Status.State != v1alpha1.PartnershipRevoked:
			c.breaks(ruleGranted, "the partnership %s was revoked and is %s", name, is.Status.State)
		case asked.Decision == string(v1alpha1.ApprovalRejected) && !asked.Revoked && is.Status.State != v1alpha1.PartnershipRejected:
			c.breaks(ruleGranted, "the partnership %s was rejected and is %s", name, is.Status.State)
		case asked.Decision == string(v1alpha1.ApprovalApproved) && !asked.Revoked && is.Status.State != v1alpha1.PartnershipActive:
			c.breaks(ruleIgnored, "the partnership %s was approved and is %s", name, is.Status.State)
		case asked.Group != "" && is.Status.Group != asked.Group:
			c.breaks(ruleIgnored, "the partnership %s was moved to %s and is in %q", name, asked.Group, is.Status.Group)
		}
	}
	for _, is := range c.is.Partnerships {
		if p := c.said.Partners[is.Name]; p == nil {
			c.breaks(ruleGranted, "nobody asked for the partnership %s, which is %s", is.Name, is.Status.State)
		}
	}
}

// notices: who is revoked, approved or rejected was told.
func (c *checker) notices() {
	for _, name := range sorted(c.said.Partners) {
		asked, is := c.said.Partners[name], c.partnership(name)
		if is == nil || asked.Deleted {
			continue
		}
		for _, due := range []struct {
			kind v1alpha1.MailKind
			is   bool
		}{
			{v1alpha1.MailRevoked, asked.Revoked},
			{v1alpha1.MailApproved, asked.Decision == string(v1alpha1.ApprovalApproved) && !asked.Revoked},
			{v1alpha1.MailRejected, asked.Decision == string(v1alpha1.ApprovalRejected) && !asked.Revoked},
		} {
			failed := slices.ContainsFunc(is.Status.Mails, func(m v1alpha1.MailDelivery) bool {
				dropped := m.State == v1alpha1.DeliverySkipped && asked.Revocations > 0 // it had not left when access ended
				elsewhere := m.State == v1alpha1.DeliverySkipped && strings.HasPrefix(m.Message, "told with ")
				return m.Kind == due.kind && (dropped || elsewhere || mailLater(m.State, m.Attempts) || m.State == v1alpha1.DeliveryFailed && c.rejected())
			})
			if due.is && !failed && len(c.about(due.kind, string(is.UID))) == 0 {
				c.breaks(ruleLost, "the partnership %s got no mail %q", name, due.kind)
			}
		}
	}
}

// about are the Message-IDs of a kind about an object, or of that and of one person.
func (c *checker) about(kind v1alpha1.MailKind, uid string) []string {
	var ids []string
	for _, id := range sorted(c.mails) {
		if rest, ok := strings.CutPrefix(id, string(kind)+"."+uid); ok && (rest[0] == '.' || rest[0] == '-') {
			ids = append(ids, id)
		}
	}
	return ids
}

// repeated: a mail comes once, and again only after a fault that hid whether it had been taken; then it is the same mail.
func (c *checker) repeated() {
	for _, id := range sorted(c.mails) {
		same := c.mails[id]
		for n := 1; n < len(same); n++ {
			before := same[n-1].Received
			switch {
			case !slices.Equal(same[n].Links, same[0].Links):
				c.breaks(ruleTwice, "the mail %s came again with another link", id)
			case !anyFault(c.is.Faults, before.Add(-time.Second), before.Add(unrecorded), func(f fault) bool { return f.Repeats }):
				c.breaks(ruleTwice, "the mail %s came again after %s, and no fault explains it", id, same[n].Received.Sub(before).Round(time.Second))
			default:
				c.repeats++
			}
		}
	}
}

// counted: there are no more mails than there were occasions.
func (c *checker) counted() {
	for _, i := range c.is.Invites {
		asked := c.said.Invites[i.Name]
		if asked == nil {
			continue
		}
		serials := len(c.about(i.Mail(), string(i.UID))) - c.repeatsAskedFor(&i)
		if most := 1 + asked.Resends; serials > most {
			c.breaks(ruleTwice, "invite %s was mailed %d times, for %d occasions", i.Name, serials, most)
		}
	}
	for _, p := range c.is.Partnerships {
		asked := c.said.Partners[p.Name]
		if asked == nil || asked.Team != "" { // a team's mails go to its owner and its admins
			continue
		}
		for kind, most := range map[v1alpha1.MailKind]int{
			v1alpha1.MailRevoked: asked.Revocations, v1alpha1.MailApproved: asked.Approved, v1alpha1.MailRejected: asked.Rejected,
			v1alpha1.MailSignIn: c.said.SignIns[asked.Address],
		} {
			if mails := len(c.about(kind, string(p.UID))); mails > most {
				c.breaks(ruleTwice, "the partnership %s was mailed %q %d times, for %d occasions", p.Name, kind, mails, most)
			}
		}
	}
	perPerson := map[string]map[string]bool{}
	for id, same := range c.mails {
		if same[0].Kind == string(v1alpha1.MailVerifyAddress) {
			to := same[0].To[0]
			if perPerson[to] == nil {
				perPerson[to] = map[string]bool{}
			}
			perPerson[to][id] = true
		}
	}
	for _, to := range sorted(perPerson) {
		if len(perPerson[to]) > c.said.Joins[to] {
			c.breaks(ruleTwice, "%s was asked %d times to verify the address, for %d occasions", to, len(perPerson[to]), c.said.Joins[to])
		}
	}
}

// repeatsAskedFor counts the mails of an invite that the person asked for by asking for a sign-in link.
func (c *checker) repeatsAskedFor(i *v1alpha1.PartnerInvite) (times int) {
	for _, id := range c.about(i.Mail(), string(i.UID)) {
		if before, _, _ := strings.Cut(id, "@"); strings.Contains(before[strings.LastIndex(before, "."):], "-r") {
			times++
		}
	}
	return min(times, c.said.SignIns[c.said.Invites[i.Name].Address])
}

// seconds: nobody is twice a partner in one program.
func (c *checker) seconds() {
	first := map[string]string{}
	for _, p := range c.is.Partnerships {
		who := ""
		if p.Spec.Contact != nil {
			who = strings.ToLower(string(p.Spec.Contact.Email))
		} else if p.Spec.TeamRef != nil {
			who = "team " + p.Spec.TeamRef.Name
		}
		key := who + " in " + p.Spec.ProgramRef.Name
		if before, twice := first[key]; twice {
			c.breaks(ruleTwice, "%s has the partnerships %s and %s", key, before, p.Name)
		}
		first[key] = p.Name
	}
}

// events: no transition is told twice.
func (c *checker) events() {
	told, when := map[string]int{}, map[string][]string{}
	for _, e := range c.is.Events {
		times := 1
		if e.Series != nil {
			times = int(e.Series.Count)
		}
		key := e.Regarding.Kind + " " + e.Regarding.Name + " " + string(e.Regarding.UID) + " " + e.Reason
		told[key] += times
		when[key] = append(when[key], fmt.Sprintf("%d× at %s by %s", times, e.EventTime.Format("15:04:05.000"), e.ReportingInstance))
	}
	most := func(kind, name string, uid any, reason string, most int) {
		key := fmt.Sprintf("%s %s %s %s", kind, name, uid, reason)
		if times := told[key]; times > most {
			c.breaks(ruleTwice, "the event %s of %s %s came %d times, for %d occasions: %s", reason, kind, name, times, most, strings.Join(when[key], ", "))
		}
	}
	for _, i := range c.is.Invites {
		if asked := c.said.Invites[i.Name]; asked != nil {
			most("PartnerInvite", i.Name, i.UID, "Sent", 1+asked.Resends)
			most("PartnerInvite", i.Name, i.UID, "Accepted", 1)
			most("PartnerInvite", i.Name, i.UID, "Declined", 1+asked.Resends)
		}
	}
	for _, p := range c.is.Partnerships {
		if asked := c.said.Partners[p.Name]; asked != nil {
			most("Partnership", p.Name, p.UID, "Revoked", asked.Revocations)
			most("Partnership", p.Name, p.UID, "Reinstated", asked.Revocations)
			most("Partnership", p.Name, p.UID, "Approved", asked.Approved)
			most("Partnership", p.Name, p.UID, "Rejected", asked.Rejected)
			most("Partnership", p.Name, p.UID, "Activated", 1)
		}
	}
}

// unsettled are what the operator has yet to do, in words.
func unsettled(is observed) (left []string) {
	pending := func(state v1alpha1.DeliveryState, attempts int32) bool {
		return (state == v1alpha1.DeliveryPending || state == v1alpha1.DeliverySending) && !mailLater(state, attempts)
	}
	retries := func(conditions []metav1.Condition) bool {
		return meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReconciling)
	}
	for _, i := range is.Invites {
		if later(&i) {
			continue
		}
		waits := i.Status.State == v1alpha1.InvitePending || i.Status.State == v1alpha1.InviteHeld || i.Status.State == ""
		if waits || retries(i.Status.Conditions) || i.Status.ObservedGeneration != i.Generation || i.Status.Repeat != nil && pending(i.Status.Repeat.State, i.Status.Repeat.Attempts) {
			left = append(left, fmt.Sprintf("invite %s/%s is %q", i.Namespace, i.Name, i.Status.State))
		}
	}
	for _, p := range is.Partnerships {
		if slices.ContainsFunc(p.Status.Mails, func(m v1alpha1.MailDelivery) bool { return mailLater(m.State, m.Attempts) }) {
			continue
		}
		mails := slices.ContainsFunc(p.Status.Mails, func(m v1alpha1.MailDelivery) bool { return pending(m.State, m.Attempts) })
		if mails || retries(p.Status.Conditions) || p.Status.ObservedGeneration != p.Generation || p.DeletionTimestamp != nil {
			left = append(left, fmt.Sprintf("partnership %s/%s is %q, mails %v", p.Namespace, p.Name, p.Status.State, p.Status.Mails))
		}
	}
	for _, t := range is.Teams {
		if slices.ContainsFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool { return mailLater(m.State, m.Attempts) }) {
			continue
		}
		mails := slices.ContainsFunc(t.Status.Mails, func(m v1alpha1.MailDelivery) bool { return pending(m.State, m.Attempts) })
		if mails || retries(t.Status.Conditions) || t.Status.ObservedGeneration != t.Generation {
			left = append(left, fmt.Sprintf("team %s/%s, mails %v", t.Namespace, t.Name, t.Status.Mails))
		}
	}
	for _, g := range is.Groups {
		if slices.ContainsFunc(g.Status.Verifications, func(v v1alpha1.AddressVerification) bool { return pending(v.State, v.Attempts) }) {
			left = append(left, fmt.Sprintf("group %s/%s has verifications to mail", g.Namespace, g.Name))
		}
	}
	for _, event := range untold(is) {
		left = append(left, "other systems wait for "+event)
	}
	return left
}
