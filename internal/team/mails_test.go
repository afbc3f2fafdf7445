package team

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

var noMailbox = delivery.Outcome{Class: delivery.Recipient, Message: "no such mailbox"}

// mailed is what the condition Mailed says; empty: it is not there.
func mailed(t *v1alpha1.PartnerTeam) string {
	c := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.ConditionMailed)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason + ": " + c.Message
}

// claim does what the controller does up to a claim; nil: there is none.
func claim(a *v1alpha1.PartnerTeam, now time.Time) *delivery.Key {
	d := Decide(Input{Team: a, Open: true, Now: now})
	a.Status = d.Status
	return d.Send
}

// An open invitation goes out again for whoever types the address: not at once, after a minute, and then every five, each
// time as another mail with the same link.
func TestAnInviteIsRepeated(t *testing.T) {
	a := agency(t)
	settle(t, a, later, taken)
	m := Member(a, invitedMail)
	serial, sent := m.Serial, m.SentTime.Time
	ids := map[string]bool{}
	var left []time.Duration
	for after := time.Duration(0); after < 20*time.Minute; after += time.Second {
		now := sent.Add(after)
		if RepeatInvite(a, Member(a, invitedMail), now) {
			if RepeatInvite(a, Member(a, invitedMail), now.Add(time.Hour)) {
				t.Error("it is repeated while it waits")
			}
			key := claim(a, now)
			if key == nil || key.Serial != serial || key.To != invitedMail || key.Kind != v1alpha1.MailTeammateInvite {
				t.Fatalf("the claim is %+v", key)
			}
			if RepeatInvite(a, Member(a, invitedMail), now.Add(time.Hour)) {
				t.Error("it is repeated while it is under way")
			}
			ids[MessageID(a, *key, "acme.example")] = true
			Record(a, *key, taken, now)
			left = append(left, after)
		}
	}
	want := []time.Duration{time.Minute, 6 * time.Minute, 11 * time.Minute, 16 * time.Minute}
	if diff := cmp.Diff(want, left); diff != "" || len(ids) != 4 {
		t.Errorf("%d Message-IDs; unexpected times (-want +got):\n%s", len(ids), diff)
	}
	if id := fmt.Sprintf("teammate-invite.%s-%s.%d-r4@acme.example", a.UID, delivery.Mark(invitedMail), serial); !ids[id] {
		t.Errorf("there is no %s in %v", id, ids)
	}
	must(t, Invite(a, ownerMail, Person{Email: invitedMail, Role: member}, sent.Add(time.Hour)))
	if m = Member(a, invitedMail); m.Repeat != 0 || m.Serial == serial || m.SentTime != nil {
		t.Errorf("invited anew it is %+v", m)
	}
}

// A repeat that fails does not let the next one come sooner.
func TestARepeatThatFailed(t *testing.T) {
	a := agency(t)
	settle(t, a, later, taken)
	now := Member(a, invitedMail).SentTime.Add(10 * time.Minute)
	RepeatInvite(a, Member(a, invitedMail), now)
	Record(a, *claim(a, now), noMailbox, now)
	if RepeatInvite(a, Member(a, invitedMail), now.Add(5*time.Minute-time.Second)) || !RepeatInvite(a, Member(a, invitedMail), now.Add(5*time.Minute)) {
		t.Error("the next one comes too soon, or never")
	}
	if n := len(a.Status.Mails); n != 1 || a.Status.Mails[0].Repeat != 2 {
		t.Errorf("the list is %+v", a.Status.Mails)
	}
}

func TestAnInviteThatCannotBeRepeated(t *testing.T) {
	for name, happens := range map[string]func(*testing.T, *v1alpha1.PartnerTeam){
		"it has not left": func(_ *testing.T, a *v1alpha1.PartnerTeam) { Member(a, invitedMail).SentTime = nil },
		"declined":        func(t *testing.T, a *v1alpha1.PartnerTeam) { must(t, Decline(a, Member(a, invitedMail).Serial, later)) },
		"expired":         func(_ *testing.T, a *v1alpha1.PartnerTeam) { Member(a, invitedMail).ExpiryTime = seconds(later) },
		"wrong addresses": func(_ *testing.T, a *v1alpha1.PartnerTeam) { Member(a, invitedMail).WrongAddresses = 10 },
	} {
		a := agency(t)
		settle(t, a, later, taken)
		happens(t, a)
		if RepeatInvite(a, Member(a, invitedMail), later.Add(time.Hour)) {
			t.Errorf("%s: it is repeated", name)
		}
	}
}

// A repeat is news, so that the controller that mails it is woken.
func TestNewsOfARepeat(t *testing.T) {
	a := agency(t)
	settle(t, a, later, taken)
	before := News(a)
	RepeatInvite(a, Member(a, invitedMail), later.Add(time.Hour))
	waits := News(a)
	settle(t, a, later.Add(time.Hour), taken)
	if before == waits || News(a) != waits {
		t.Errorf("the news are\n%s\n%s\n%s", before, waits, News(a))
	}
}

func TestWhatHoldsATeamsMailBack(t *testing.T) {
	a := agency(t)
	hold := &delivery.Hold{Reason: v1alpha1.ReasonMailerNotConfigured, Message: "there is no mail server"}
	in := Input{Team: a, Open: true, Now: later, Holds: delivery.Holds{v1alpha1.MailTeammateApproval: hold, v1alpha1.MailTeammateInvite: hold}}
	d := Decide(in)
	a.Status = d.Status
	for _, m := range d.Status.Mails {
		if m.State != v1alpha1.DeliveryPending || m.Message != hold.Message {
			t.Errorf("it is %+v", m)
		}
	}
	if got := mailed(a); d.Send != nil || len(d.Status.Mails) != 3 || got != "False/MailerNotConfigured: teammate-invite: there is no mail server" {
		t.Errorf("sent is %v; Mailed is %q", d.Send, got)
	}
	in.Now = later.Add(72 * time.Hour)
	if again := Decide(in); !cmp.Equal(a.Status, again.Status) || again.RequeueAfter != 0 {
		t.Errorf("it looks again after %s; status changes:\n%s", again.RequeueAfter, cmp.Diff(a.Status, again.Status))
	}
	if got := settle(t, a, in.Now, taken); len(got) != 3 || mailed(a) != "True/Sent: the mail server took every mail that was due" {
		t.Errorf("sent are %v; Mailed is %q", got, mailed(a))
	}
}

func TestAnOutageBurnsNoMailOfATeam(t *testing.T) {
	for _, class := range []delivery.Class{delivery.Refused, delivery.Unreachable} {
		a := agency(t)
		now := later
		for range 100 {
			now = now.Add(time.Hour)
			if key := claim(a, now); key == nil || !Record(a, *key, delivery.Outcome{Class: class, Message: "no"}, now) {
				t.Fatalf("%s: it is not tried, or not recorded", class)
			}
		}
		if got := settle(t, a, now.Add(time.Hour), taken); len(got) != 3 || len(a.Status.Mails) > 0 {
			t.Errorf("%s: sent are %v, the list is %+v", class, got, a.Status.Mails)
		}
	}
}

func TestTwoWritesForAMailOfATeam(t *testing.T) {
	for class, want := range map[delivery.Class]string{
		delivery.Accepted: "True/Sent", delivery.Recipient: "False/AddressRejected", delivery.Content: "False/ContentRejected",
		delivery.Temporary: "False/TemporaryFailure",
	} {
		a := agency(t)
		settle(t, a, later, taken)
		requests(a, memberMail)
		before := a.DeepCopy()
		key := claim(a, later)
		if got := mailed(a); got != "False/Sending: sign-in: the mail is being handed to the mail server" {
			t.Errorf("claimed: Mailed is %q", got)
		}
		Record(a, *key, delivery.Outcome{Class: class, Message: "no"}, later)
		if got := mailed(a); got[:min(len(got), len(want))] != want {
			t.Errorf("%s: Mailed is %q", class, got)
		}
		events := Transitions(before, a)
		if isFailed := class == delivery.Recipient || class == delivery.Content; isFailed != (len(events) == 1 && events[0].Reason == "MailFailed") {
			t.Errorf("%s: the events are %+v", class, events)
		}
		if again := Decide(Input{Team: a, Open: true, Now: later}); !cmp.Equal(a.Status, again.Status) {
			t.Errorf("%s: there is one more write:\n%s", class, cmp.Diff(a.Status, again.Status))
		}
	}
}

func TestFailedMailsOfATeamAreTriedAnew(t *testing.T) {
	a := agency(t)
	a.Generation = 1
	a.Annotations = map[string]string{v1alpha1.ResendAnnotation: "at creation"}
	a.Status.ObservedGeneration = -1
	settle(t, a, later, noMailbox)
	if got := settle(t, a, later, taken); len(got) > 0 || len(a.Status.Mails) != 3 {
		t.Errorf("what stands there at creation sends %v, the list is %+v", got, a.Status.Mails)
	}
	a.Annotations = nil
	settle(t, a, later, taken)
	a.Annotations = map[string]string{v1alpha1.ResendAnnotation: "at creation"}
	if got := settle(t, a, later, taken); len(got) > 0 {
		t.Errorf("put back it sends %v", got)
	}
	d := Decide(Input{Team: a, Open: true, Now: later, TakenBack: []delivery.Key{delivery.KeyOf(&a.Status.Mails[1])}})
	if d.Send == nil || *d.Send != delivery.KeyOf(&a.Status.Mails[1]) {
		t.Errorf("taken back, it sends %v", d.Send)
	}
	a.Annotations[v1alpha1.ResendAnnotation] = "now"
	if got := settle(t, a, later, taken); len(got) != 3 || len(a.Status.Mails) > 0 || mailed(a) != "True/Sent: the mail server took every mail that was due" {
		t.Errorf("it sends %v, the list is %+v; Mailed is %q", got, a.Status.Mails, mailed(a))
	}
}

// Mails that failed are kept as long as they say something, and not more of them than there is room for.
func TestFailedMailsAreBounded(t *testing.T) {
	a := agency(t)
	settle(t, a, later, taken)
	for i := range maxFailed + 7 {
		must(t, Invite(a, ownerMail, Person{Email: v1alpha1.EmailAddress(fmt.Sprintf("p%d@agency.example", i)), Role: member}, later))
		a.Status.Invitations = nil
		Record(a, *claim(a, later), noMailbox, later)
	}
	if n := len(a.Status.Mails); n != maxFailed || a.Status.Mails[0].To != "p7@agency.example" {
		t.Errorf("%d are kept, the first to %s", n, a.Status.Mails[0].To)
	}
	must(t, Remove(a, ownerMail, "p50@agency.example", later))
	claim(a, later)
	if n := len(a.Status.Mails); n != maxFailed-1 {
		t.Errorf("%d are kept once one is removed", n)
	}
}
