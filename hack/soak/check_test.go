package main

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

const (
	ada   = "ada@soak-1.example"
	bob   = "bob@soak-1.example"
	ship  = "ada-referral"
	first = "invite.i1.1@acme.example"
)

func meta1(name, uid string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "soak-1", Name: name, UID: types.UID(uid)}
}

func mailed(id, to string, when time.Time, link string) mailcatcher.Message {
	kind, _, _ := strings.Cut(id, ".")
	return mailcatcher.Message{MessageID: "<" + id + ">", Kind: kind, To: []string{to}, Received: when, Links: []string{link}}
}

// lived is a tenant in which all is well: Ada accepted, was revoked and reinstated, and shares a link; her team has Bob.
func lived() (*journal, *observed) {
	j := newJournal("soak-1")
	j.Invites["ada-1"] = &invitation{Address: ada, Accepted: map[string]int{"link": 1}, Declined: map[string]int{}}
	j.Partners[ship] = &partner{Address: ada, Program: "referral", Granted: true, Revocations: 1, Group: "gold"}
	j.Partners["studio-referral"] = &partner{Team: "studio", Program: "referral", Granted: true}
	j.Teams["studio"] = &team{Owner: ada, Joined: map[string]bool{ada: true, bob: true}, People: map[string]bool{bob: true}}
	j.Links["ada-link"] = &shared{Partnership: ship}
	j.SignIns[ada], j.Joins[bob] = 1, 1
	j.Ended = []ending{{Partnership: ship, At: at(10), Until: at(20), Seen: true}}
	j.Looks = []look{
		{Address: ada, Asked: at(5), Answered: at(5.1), Session: at(1), Code: 200, Shown: []string{ship}},
		{Address: ada, Asked: at(10.5), Answered: at(10.6), Session: at(1), Code: 200, Shown: []string{ship}},
		{Address: ada, Asked: at(30), Answered: at(30.1), Session: at(25), Code: 200, Shown: []string{ship, "studio-referral"}, Final: true, Fresh: true},
	}
	j.Opened = []opened{{"ada-1", first, 404, at(40)}}
	j.Followed = []followed{{"ada-link", 302, "https://acme.example/start?ref=ada-link"}}
	is := &observed{
		Invites: []v1alpha1.PartnerInvite{{ObjectMeta: meta1("ada-1", "i1"), Status: v1alpha1.PartnerInviteStatus{
			State: v1alpha1.InviteAccepted, MessageID: first, Programs: []v1alpha1.ProgramGrant{{Name: "referral"}},
			Acceptance:      &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionAccepted},
			PartnershipRefs: []v1alpha1.PartnershipReference{{Name: ship}},
		}}},
		Partnerships: []v1alpha1.Partnership{
			{ObjectMeta: meta1(ship, "p1"), Spec: v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: ada}},
				Status: v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipActive, Group: "gold"}},
			{ObjectMeta: meta1("studio-referral", "p2"), Spec: v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, TeamRef: &v1alpha1.TeamReference{Name: "studio"}},
				Status: v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipActive}},
		},
		Teams: []v1alpha1.PartnerTeam{{ObjectMeta: meta1("studio", "t1"), Status: v1alpha1.PartnerTeamStatus{Members: []v1alpha1.TeamMember{
			{Email: ada, State: v1alpha1.MemberActive}, {Email: bob, State: v1alpha1.MemberActive},
		}}}},
		Links: []v1alpha1.PartnerLink{{ObjectMeta: meta1("ada-link", "l1"), Status: v1alpha1.PartnerLinkStatus{State: v1alpha1.LinkActive}}},
		Mails: []mailcatcher.Message{mailed(first, ada, at(1), "link"), mailed("revoked.p1.1@acme.example", ada, at(11), "portal"), mailed("sign-in.p1.1@acme.example", ada, at(24), "signin")},
		Events: []eventsv1.Event{
			{Regarding: corev1.ObjectReference{Kind: "PartnerInvite", Name: "ada-1", UID: "i1"}, Reason: "Accepted"},
			{Regarding: corev1.ObjectReference{Kind: "Partnership", Name: ship, UID: "p1"}, Reason: "Revoked"},
		},
	}
	return j, is
}

// neverRevoked takes the revocation out of the tenant's life.
func neverRevoked(j *journal, is *observed) {
	j.Partners[ship].Revocations, j.Ended = 0, nil
	is.Mails, is.Events = append(is.Mails[:1:1], is.Mails[2:]...), is.Events[:1]
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		breaks func(j *journal, is *observed)
		rule   string // of the one finding; empty: none
		says   string
	}{
		"all is well": {func(*journal, *observed) {}, "", ""},
		"an invite is gone": {func(j *journal, _ *observed) {
			j.Invites["bob-1"] = &invitation{Address: bob}
		}, ruleLost, "bob-1 was applied"},
		"an invite that was deleted is there": {func(j *journal, _ *observed) { j.Invites["ada-1"].Deleted = true }, ruleIgnored, "ada-1 was deleted"},
		"a mail never came":                   {func(_ *journal, is *observed) { is.Mails = is.Mails[1:] }, ruleLost, "never arrived"},
		"an invite failed for no reason": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Accepted, is.Invites[0].Status.State = nil, v1alpha1.InviteFailed
		}, ruleLost, "Failed"},
		"an invite failed since its address was refused": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Accepted, is.Invites[0].Status.State = nil, v1alpha1.InviteFailed
			is.Faults = []fault{{Rejects: true, From: at(1), To: at(2)}}
		}, "", ""},
		"an invite waits for ever": {func(_ *journal, is *observed) { is.Invites[0].Status.State = v1alpha1.InvitePending }, ruleLost, "for ever"},
		"an invite expired before its mail could leave, and says so": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Accepted, is.Mails, is.Invites[0].Status.State = nil, is.Mails[1:], v1alpha1.InviteExpired
			is.Invites[0].Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSent, Status: metav1.ConditionFalse}}
		}, "", ""},
		"an invite expired without a mail, and says nothing": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Accepted, is.Mails, is.Invites[0].Status.State = nil, is.Mails[1:], v1alpha1.InviteExpired
		}, ruleLost, "never arrived"},
		"an invite waits for its fourth try": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Accepted, j.Opened[0].Code = nil, 200
			is.Invites[0].Status.State, is.Invites[0].Status.Attempts, is.Invites[0].Status.NextAttemptTime = v1alpha1.InvitePending, 3, &metav1.Time{Time: at(99)}
		}, "", ""},
		"an acceptance is lost": {func(_ *journal, is *observed) { is.Invites[0].Status.Acceptance = nil }, ruleLost, "does not say so"},
		"an acceptance made nothing": {func(_ *journal, is *observed) {
			is.Invites[0].Status.PartnershipRefs = nil
		}, ruleLost, "names 0 partnerships"},
		"a partnership is gone": {func(j *journal, is *observed) {
			is.Partnerships, j.Looks, j.Links = is.Partnerships[1:], nil, nil
		}, ruleLost, "is not there"},
		"two accepted by one link":       {func(j *journal, _ *observed) { j.Invites["ada-1"].Accepted["link"] = 2 }, ruleTwice, "2 browsers"},
		"one link accepted and declined": {func(j *journal, _ *observed) { j.Invites["ada-1"].Declined["link"] = 1 }, ruleTwice, "accepted and declined"},
		"a used link lives":              {func(j *journal, _ *observed) { j.Opened[0].Code = 200 }, ruleDead, "ada-1"},
		"an open link is dead": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Accepted, is.Invites[0].Status.State = nil, v1alpha1.InviteSent
		}, ruleLost, "answers 404"},
		"a link is opened before it expires": {func(j *journal, is *observed) {
			j.Opened[0].Code, j.Invites["ada-1"].Accepted = 200, nil
			is.Invites[0].Status.State, is.Invites[0].Status.ExpiryTime = v1alpha1.InviteExpired, &metav1.Time{Time: at(41)}
		}, "", ""},
		"a link is opened after it has expired": {func(j *journal, is *observed) {
			j.Opened[0].Code, j.Invites["ada-1"].Accepted = 200, nil
			is.Invites[0].Status.State, is.Invites[0].Status.ExpiryTime = v1alpha1.InviteExpired, &metav1.Time{Time: at(39)}
		}, ruleDead, "ada-1"},
		"a shared link is not found": {func(j *journal, _ *observed) { j.Followed[0] = followed{"ada-link", 404, ""} }, ruleDashboard, "leads to 404"},
		"a shared link counts for nobody": {func(j *journal, _ *observed) {
			j.Followed[0].Location = "https://acme.example/start"
		}, ruleDashboard, "leads to 302 https://acme.example/start"},
		"a deleted link leads on": {func(j *journal, is *observed) {
			j.Links["ada-link"].Tried, j.Links["ada-link"].Deleted, is.Links = true, true, nil
		}, ruleDead, "ada-link"},
		"a link was deleted, and the answer was lost": {func(j *journal, is *observed) {
			j.Links["ada-link"].Tried, is.Links, j.Followed = true, nil, nil
		}, "", ""},
		"a revoked partnership is active": {func(j *journal, _ *observed) { j.Partners[ship].Revoked = true }, ruleGranted, "was revoked and is Active"},
		"a deleted partnership is there":  {func(j *journal, _ *observed) { j.Partners[ship].Deleted = true }, ruleGranted, "was deleted and is Active"},
		"who was approved was not told": {func(j *journal, _ *observed) {
			j.Partners[ship].Decision, j.Partners[ship].Approved = "Approved", 1
		}, ruleLost, `got no mail "approved"`},
		"who was approved was revoked before they could be told": {func(j *journal, is *observed) {
			j.Partners[ship].Decision, j.Partners[ship].Approved, j.Partners[ship].Revocations = "Approved", 1, 1
			is.Partnerships[0].Status.Mails = []v1alpha1.MailDelivery{{Kind: v1alpha1.MailApproved, State: v1alpha1.DeliverySkipped}}
		}, "", ""},
		"who was approved was told with another partnership": {func(j *journal, is *observed) {
			neverRevoked(j, is)
			j.Partners[ship].Decision, j.Partners[ship].Approved = "Approved", 1
			is.Partnerships[0].Status.Mails = []v1alpha1.MailDelivery{{Kind: v1alpha1.MailApproved, State: v1alpha1.DeliverySkipped, Message: `told with Partnership "ada-2"`}}
		}, "", ""},
		"who was approved was skipped": {func(j *journal, is *observed) {
			neverRevoked(j, is)
			j.Partners[ship].Decision, j.Partners[ship].Approved = "Approved", 1
			is.Partnerships[0].Status.Mails = []v1alpha1.MailDelivery{{Kind: v1alpha1.MailApproved, State: v1alpha1.DeliverySkipped}}
		}, ruleLost, `got no mail "approved"`},
		"a rejected partnership is active": {func(j *journal, is *observed) {
			j.Partners[ship].Decision, j.Partners[ship].Rejected = "Rejected", 1
			is.Mails = append(is.Mails, mailed("rejected.p1.1@acme.example", ada, at(12), ""))
		}, ruleGranted, "was rejected and is Active"},
		"an approved partnership is not active": {func(j *journal, is *observed) {
			j.Partners[ship].Decision, j.Partners[ship].Approved = "Approved", 1
			is.Partnerships[0].Status.State, is.Links[0].Status.State = v1alpha1.PartnershipPending, v1alpha1.LinkUnattributed
			is.Mails = append(is.Mails, mailed("approved.p1.1@acme.example", ada, at(12), ""))
			j.Looks, j.Followed = nil, nil
		}, ruleIgnored, "was approved and is Pending"},
		"a move is ignored":                {func(j *journal, _ *observed) { j.Partners[ship].Group = "silver" }, ruleIgnored, "silver"},
		"a partnership that nobody wanted": {func(j *journal, _ *observed) { delete(j.Partners, "studio-referral"); j.Looks = nil }, ruleGranted, "nobody asked"},
		"nobody was told of an approval": {func(j *journal, _ *observed) {
			j.Partners[ship].Decision = "Approved"
		}, ruleLost, `no mail "approved"`},
		"a mail came twice": {func(_ *journal, is *observed) { is.Mails = append(is.Mails, mailed(first, ada, at(70), "link")) }, ruleTwice, "no fault explains it"},
		"a mail came twice after a fault": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed(first, ada, at(70), "link"))
			is.Faults = []fault{{Repeats: true, From: at(0), To: at(3)}}
		}, "", ""},
		"a mail came twice long after a fault": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed(first, ada, at(70), "link"))
			is.Faults = []fault{{Repeats: true, From: at(30), To: at(33)}}
		}, ruleTwice, "no fault explains it"},
		"a repeat has another link": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed(first, ada, at(70), "other"))
			is.Faults = []fault{{Repeats: true, From: at(0), To: at(3)}}
		}, ruleTwice, "another link"},
		"a second serial that nobody asked for": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed("invite.i1.2@acme.example", ada, at(9), "link2"))
		}, ruleTwice, "mailed 2 times"},
		"a second serial that was asked for": {func(j *journal, is *observed) {
			j.Invites["ada-1"].Resends = 1
			is.Mails = append(is.Mails, mailed("invite.i1.2@acme.example", ada, at(9), "link2"))
		}, "", ""},
		"the mail that the person asked for again": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed("invite.i1.1-r1@acme.example", ada, at(9), "link"))
		}, "", ""},
		"a second mail about a revocation": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed("revoked.p1.2@acme.example", ada, at(15), ""))
		}, ruleTwice, `"revoked" 2 times`},
		"a sign-in mail that nobody asked for": {func(j *journal, _ *observed) { j.SignIns[ada] = 0 }, ruleTwice, `"sign-in" 1 times`},
		"a verification that nobody asked for": {func(_ *journal, is *observed) {
			is.Mails = append(is.Mails, mailed("verify-address.g1.1@acme.example", bob, at(1), "a"), mailed("verify-address.g1.2@acme.example", bob, at(2), "b"))
		}, ruleTwice, "verify the address"},
		"a second partnership": {func(j *journal, is *observed) {
			second := is.Partnerships[0].DeepCopy()
			second.Name, second.UID, second.Status = "ada-again", "p9", v1alpha1.PartnershipStatus{State: v1alpha1.PartnershipConflict}
			is.Partnerships = append(is.Partnerships, *second)
			j.Partners["ada-again"] = &partner{Address: ada}
		}, ruleTwice, "ada-referral and ada-again"},
		"an event twice":        {func(_ *journal, is *observed) { is.Events = append(is.Events, is.Events[0]) }, ruleTwice, "event Accepted"},
		"an event twice in one": {func(_ *journal, is *observed) { is.Events[1].Series = &eventsv1.EventSeries{Count: 2} }, ruleTwice, "event Revoked"},
		"shown after a revocation": {func(j *journal, _ *observed) {
			j.Looks[1].Asked, j.Looks[1].Answered = at(12.5), at(12.6)
		}, ruleGranted, "was shown the partnership ada-referral"},
		"shown after a revocation that could not be heard of": {func(j *journal, is *observed) {
			j.Looks[1].Asked, j.Looks[1].Answered = at(12.5), at(12.6)
			is.Faults = []fault{{Deafens: 2 * time.Second, From: at(9), To: at(11)}}
		}, "", ""},
		"shown long after a fault": {func(j *journal, is *observed) {
			j.Looks[1].Asked, j.Looks[1].Answered = at(12.5), at(12.6)
			is.Faults = []fault{{Deafens: time.Second, From: at(2), To: at(8)}}
		}, ruleGranted, "was shown the partnership ada-referral"},
		"shown to a session from before": {func(j *journal, _ *observed) { j.Looks[2].Session = at(1) }, ruleGranted, "session from before"},
		"another's partnership is shown": {func(j *journal, _ *observed) {
			j.Looks = append(j.Looks, look{Address: bob, Asked: at(5), Answered: at(5), Session: at(1), Code: 200, Shown: []string{ship}})
		}, ruleForeign, "bob"},
		"the dashboard shows too much": {func(j *journal, is *observed) {
			is.Partnerships[0].Status.State, is.Links[0].Status.State = v1alpha1.PartnershipExpired, v1alpha1.LinkUnattributed
			j.Followed = nil
		}, ruleDashboard, "gives no access"},
		"the dashboard shows too little": {func(j *journal, _ *observed) { j.Looks[2].Shown = []string{ship} }, ruleDashboard, "and has"},
		"the dashboard is an error":      {func(j *journal, _ *observed) { j.Looks[2].Code, j.Looks[2].Shown = 404, nil }, ruleDashboard, "404"},
		"a team is gone": {func(j *journal, is *observed) {
			is.Teams, j.Looks = nil, nil
		}, ruleLost, "the team studio"},
		"a teammate is gone": {func(_ *journal, is *observed) { is.Teams[0].Status.Members = is.Teams[0].Status.Members[:1] }, ruleLost, "bob"},
		"a teammate is in it twice": {func(_ *journal, is *observed) {
			is.Teams[0].Status.Members = append(is.Teams[0].Status.Members, is.Teams[0].Status.Members[1])
		}, ruleTwice, "2 times"},
		"who was removed is in it": {func(j *journal, _ *observed) { j.Teams["studio"].Joined[bob] = false }, ruleGranted, "was removed"},
		"a link is gone":           {func(_ *journal, is *observed) { is.Links = nil }, ruleLost, "ada-link"},
		"a deleted link is there":  {func(j *journal, _ *observed) { j.Links["ada-link"].Deleted = true }, ruleIgnored, "ada-link"},
		"a link counts for nobody": {func(j *journal, is *observed) { is.Links[0].Status.State, j.Followed = v1alpha1.LinkUnattributed, nil }, ruleDashboard, "ada-link"},
		"what a person saw":        {func(j *journal, _ *observed) { j.Wrong = []finding{{ruleForeign, "seen"}} }, ruleForeign, "seen"},
	} {
		t.Run(name, func(t *testing.T) {
			j, is := lived()
			test.breaks(j, is)
			found, _ := check(j, *is)
			switch {
			case test.rule == "" && len(found) > 0:
				t.Errorf("found %v", found)
			case test.rule != "" && (len(found) != 1 || found[0].Rule != test.rule || !strings.Contains(found[0].What, test.says)):
				t.Errorf("found %v, want one of %q that says %q", found, test.rule, test.says)
			}
		})
	}
}

func TestUnsettled(t *testing.T) {
	for name, breaks := range map[string]func(is *observed){
		"an invite is pending":      func(is *observed) { is.Invites[0].Status.State = v1alpha1.InvitePending },
		"an invite is not observed": func(is *observed) { is.Invites[0].Generation = 2 },
		"a mail waits": func(is *observed) {
			is.Partnerships[0].Status.Mails = []v1alpha1.MailDelivery{{State: v1alpha1.DeliveryPending}}
		},
		"a partnership goes": func(is *observed) { is.Partnerships[0].DeletionTimestamp = &metav1.Time{Time: noon} },
		"a team's mail waits": func(is *observed) {
			is.Teams[0].Status.Mails = []v1alpha1.MailDelivery{{State: v1alpha1.DeliverySending}}
		},
		"an address is to be verified": func(is *observed) {
			is.Groups = []v1alpha1.PartnerGroup{{Status: v1alpha1.PartnerGroupStatus{Verifications: []v1alpha1.AddressVerification{{MailDelivery: v1alpha1.MailDelivery{State: v1alpha1.DeliveryPending}}}}}}
		},
		"an invite is tried again": func(is *observed) {
			is.Invites[0].Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, is := lived()
			if left := unsettled(*is); len(left) > 0 {
				t.Fatalf("all is settled, and it says %v", left)
			}
			breaks(is)
			if left := unsettled(*is); len(left) != 1 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

func TestGrown(t *testing.T) {
	lived := func(length time.Duration, of func(part float64) sample) life {
		l := life{Replica: "A"}
		for n := range 100 {
			s := of(float64(n) / 100)
			s.At = noon.Add(length * time.Duration(n) / 100)
			l.Samples = append(l.Samples, s)
		}
		return l
	}
	for name, test := range map[string]struct {
		life life
		says string
	}{
		"level":            {lived(time.Hour, func(float64) sample { return sample{Goroutines: 300, Heap: 20 << 20} }), ""},
		"filling at first": {lived(time.Hour, func(part float64) sample { return sample{Heap: min(part, 0.25) * 400 * (1 << 20)} }), ""},
		"goroutines leak":  {lived(time.Minute, func(part float64) sample { return sample{Goroutines: 300 + 300*part} }), "goroutines"},
		"becomes the leader": {lived(time.Minute, func(part float64) sample {
			return map[bool]sample{false: {Goroutines: 130}, true: {Goroutines: 330, Leads: true}}[part > 0.5]
		}), ""},
		"leaks after it leads": {lived(4*time.Minute, func(part float64) sample {
			return map[bool]sample{false: {Goroutines: 130}, true: {Goroutines: 330 + 2000*part, Leads: true}}[part > 0.5]
		}), "goroutines"},
		"memory leaks":          {lived(time.Hour, func(part float64) sample { return sample{Heap: (20 + 100*part) * (1 << 20)} }), "heap MiB"},
		"memory of a young one": {lived(time.Minute, func(part float64) sample { return sample{Heap: (20 + 100*part) * (1 << 20)} }), ""},
		"RSS grows":             {lived(time.Hour, func(part float64) sample { return sample{RSS: (50 + 300*part) * (1 << 20)} }), "RSS"},
		"descriptors leak":      {lived(time.Minute, func(part float64) sample { return sample{Descriptors: 20 + 100*part} }), "descriptors"},
		"the queue grows":       {lived(time.Minute, func(part float64) sample { return sample{Queue: 100 * part} }), "queue"},
		"series leak":           {lived(time.Hour, func(part float64) sample { return sample{Lines: 800 + 2000*part} }), "lines"},
		"too young":             {lived(20*time.Second, func(part float64) sample { return sample{Goroutines: 300 + 900*part} }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, _ := grown([]life{test.life})
			if (len(found) == 0) != (test.says == "") || len(found) > 0 && !strings.Contains(found[0].What, test.says) {
				t.Errorf("found %v", found)
			}
		})
	}
}

func TestWhoHangsIsNotJudged(t *testing.T) {
	l := life{Replica: "A"}
	for n := range 60 {
		if n < 10 || n > 35 {
			l.Samples = append(l.Samples, sample{At: at(float64(n)), Goroutines: 300})
		}
	}
	if found, _ := grown([]life{l}); len(found) > 0 {
		t.Error(found)
	}
}

func TestLeveled(t *testing.T) {
	counts := func(of func(n int) int) (all []count) {
		for n := range 100 {
			all = append(all, count{at(float64(n)), of(n)})
		}
		return all
	}
	if found := leveled(counts(func(n int) int { return 300 + n%50 }), noon); len(found) > 0 {
		t.Error(found)
	}
	if found := leveled(counts(func(n int) int { return 10 * n }), noon); len(found) != 1 {
		t.Error("growth is not found")
	}
	if found := leveled(counts(func(n int) int { return 10 * n }), at(95)); len(found) > 0 {
		t.Error(found)
	}
}

func TestLog(t *testing.T) {
	book := &logbook{}
	_, _ = book.Write([]byte(`{"level":"info","msg":"Sent"}` + "\n" + `{"level":"error","msg":"Reconciler error","error":"it went`))
	_, _ = book.Write([]byte(` away"}` + "\npanic: runtime error\nWARNING: DATA RACE\n"))
	all := book.all()
	if len(all) != 3 || all[0].Message != "Reconciler error" || all[0].Error != "it went away" || !all[1].Fatal || !all[2].Fatal {
		t.Fatalf("%+v", all)
	}
	if found, lines := explained("A", all, nil); len(found) != 3 || len(lines) != 1 {
		t.Errorf("found %v, %v", found, lines)
	}
	now := time.Now()
	if found, _ := explained("A", all[:1], []fault{{From: now.Add(-time.Minute), To: now.Add(-30 * time.Second)}}); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

func TestReadSample(t *testing.T) {
	got, err := readSample(strings.NewReader(`# HELP go_goroutines Number
go_goroutines 12
process_open_fds 9
process_resident_memory_bytes 5e+07
go_memstats_heap_alloc_bytes 1000
workqueue_depth{controller="a",name="a"} 2
workqueue_depth{controller="b",name="b"} 3
leader_election_master_status{name="partner-operator"} 1
`), noon)
	want := sample{At: noon, Goroutines: 12, Descriptors: 9, RSS: 5e7, Heap: 1000, Queue: 5, Lines: 7, Leads: true}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
