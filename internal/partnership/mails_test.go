package partnership

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

func TestEnqueue(t *testing.T) {
	var status v1alpha1.PartnershipStatus
	Enqueue(&status, v1alpha1.MailRevoked, 1, true)
	Enqueue(&status, v1alpha1.MailSignIn, 1, true)
	Mail(&status, v1alpha1.MailRevoked, "").Attempts = 5
	Mail(&status, v1alpha1.MailRevoked, "").Message = "the mail server is busy"
	Enqueue(&status, v1alpha1.MailRevoked, 2, false)
	want := []v1alpha1.MailDelivery{
		{Kind: v1alpha1.MailRevoked, Serial: 2, State: v1alpha1.DeliverySkipped},
		{Kind: v1alpha1.MailSignIn, Serial: 1, State: v1alpha1.DeliveryPending},
	}
	if diff := cmp.Diff(want, status.Mails); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if Mail(&status, v1alpha1.MailInvite, "") != nil {
		t.Error("a mail is found that nobody asked for")
	}
}

func TestRecord(t *testing.T) {
	const kind = v1alpha1.MailRevoked
	taken := delivery.Outcome{Class: delivery.Accepted}
	permanent := delivery.Outcome{Class: delivery.Recipient, Message: "nobody of that name"}
	temporary := delivery.Outcome{Class: delivery.Temporary, Message: "busy"}
	tried := &metav1.Time{Time: start}
	sending := v1alpha1.MailDelivery{Kind: kind, Serial: 2, State: v1alpha1.DeliverySending, Message: "from the try before", FirstAttemptTime: tried, LastAttemptTime: tried}
	for name, test := range map[string]struct {
		kind    v1alpha1.MailKind
		serial  int64
		state   v1alpha1.DeliveryState // as it is now; empty: claimed
		outcome delivery.Outcome
		want    v1alpha1.DeliveryState
		message string
		changed bool
	}{
		"taken":                          {kind, 2, "", taken, v1alpha1.DeliverySent, "", true},
		"refused for good":               {kind, 2, "", permanent, v1alpha1.DeliveryFailed, "nobody of that name", true},
		"refused for now":                {kind, 2, "", temporary, v1alpha1.DeliveryPending, "busy", true},
		"of a mail that was replaced":    {kind, 1, "", taken, v1alpha1.DeliverySending, "from the try before", false},
		"of a kind that is not there":    {v1alpha1.MailSignIn, 2, "", taken, v1alpha1.DeliverySending, "from the try before", false},
		"of a mail that has left":        {kind, 2, v1alpha1.DeliverySent, temporary, v1alpha1.DeliverySent, "from the try before", false},
		"of a mail that was dropped":     {kind, 2, v1alpha1.DeliverySkipped, permanent, v1alpha1.DeliverySkipped, "from the try before", false},
		"of a mail that is not claimed":  {kind, 2, v1alpha1.DeliveryPending, taken, v1alpha1.DeliveryPending, "from the try before", false},
		"of a mail that was given up":    {kind, 2, v1alpha1.DeliveryFailed, taken, v1alpha1.DeliveryFailed, "from the try before", false},
		"of a mail that is to come yet":  {kind, 3, "", taken, v1alpha1.DeliverySending, "from the try before", false},
		"refused for now, and the other": {v1alpha1.MailInvite, 2, "", temporary, v1alpha1.DeliverySending, "from the try before", false},
	} {
		t.Run(name, func(t *testing.T) {
			mail := sending
			if test.state != "" {
				mail.State = test.state
			}
			p := &v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{Mails: []v1alpha1.MailDelivery{mail}}}
			if changed := Record(p, delivery.Key{Kind: test.kind, Serial: test.serial}, test.outcome, start); changed != test.changed {
				t.Errorf("Record = %v", changed)
			}
			mail.State, mail.Message = test.want, test.message
			if diff := cmp.Diff([]v1alpha1.MailDelivery{mail}, p.Status.Mails); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecipient(t *testing.T) {
	person := v1alpha1.PartnershipSpec{Contact: &v1alpha1.Contact{Email: "ada@example.com"}}
	agency := v1alpha1.PartnershipSpec{TeamRef: &v1alpha1.TeamReference{Name: "agency"}}
	leaders := []v1alpha1.TeamOwner{{Email: "owner@agency.example"}, {Email: "Admin@agency.example"}}
	for name, test := range map[string]struct {
		spec    v1alpha1.PartnershipSpec
		leaders []v1alpha1.TeamOwner
		to      string
		want    v1alpha1.EmailAddress
	}{
		"a person":                         {person, nil, "", "ada@example.com"},
		"a person, whatever teams are":     {person, leaders, "", "ada@example.com"},
		"the owner of a team":              {agency, leaders, "owner@agency.example", "owner@agency.example"},
		"an admin of a team":               {agency, leaders, "admin@agency.example", "Admin@agency.example"},
		"an admin who is none any more":    {agency, leaders, "past@agency.example", ""},
		"a team that does not exist":       {agency, nil, "owner@agency.example", ""},
		"a team without anybody to tell":   {agency, nil, "", ""},
		"neither, which the API rules out": {v1alpha1.PartnershipSpec{}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got v1alpha1.EmailAddress
			if r := Recipient(Input{Partnership: &v1alpha1.Partnership{Spec: test.spec}, Leaders: test.leaders}, test.to); r != nil {
				got = r.Email
			}
			if got != test.want {
				t.Errorf("Recipient = %q, want %q", got, test.want)
			}
		})
	}
}

func TestEnqueueForATeam(t *testing.T) {
	var status v1alpha1.PartnershipStatus
	Enqueue(&status, v1alpha1.MailRevoked, 1, true, "owner@agency.example", "admin@agency.example")
	Enqueue(&status, v1alpha1.MailSignIn, 1, true)
	Enqueue(&status, v1alpha1.MailRevoked, 2, true, "next@agency.example")
	want := []v1alpha1.MailDelivery{
		{Kind: v1alpha1.MailRevoked, To: "next@agency.example", Serial: 2, State: v1alpha1.DeliveryPending},
		{Kind: v1alpha1.MailSignIn, Serial: 1, State: v1alpha1.DeliveryPending},
	}
	if diff := cmp.Diff(want, status.Mails); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// What a team is told goes to each who leads it once, with a Message-ID of its own.
func TestATeamIsToldOnceEach(t *testing.T) {
	l := newLife()
	isTeam(l)
	teamComes(l)
	l.admins = []v1alpha1.TeamOwner{{Email: "admin@agency.example"}}
	l.settle(t)
	l.partnership.Spec.Revocation = &v1alpha1.Revocation{}
	l.partnership.Generation++
	l.settle(t)
	l.settle(t)
	if diff := cmp.Diff([]string{"revoked/1", "revoked/1"}, l.handedOver); diff != "" {
		t.Errorf("unexpected mails (-want +got):\n%s", diff)
	}
	var to []string
	ids := map[string]bool{}
	for _, mail := range l.partnership.Status.Mails {
		to = append(to, mail.To)
		ids[MessageID(l.partnership, delivery.KeyOf(&mail), "acme.example")] = true
	}
	if diff := cmp.Diff([]string{"owner@agency.example", "admin@agency.example"}, to); diff != "" || len(ids) != 2 {
		t.Errorf("%d Message-IDs, unexpected recipients (-want +got):\n%s", len(ids), diff)
	}
}
