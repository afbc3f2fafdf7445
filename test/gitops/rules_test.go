package gitops

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	rules "github.com/partner-operator/partner-operator/internal/invite"
	partners "github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// byTheRules are the situations that the operator would come to too slowly, or not stay in, as its rules judge them.
func byTheRules(t *testing.T) (found []*unstructured.Unstructured) {
	t.Helper()
	now := time.Now()
	one := program.NewCatalog([]v1alpha1.Program{{ObjectMeta: metav1.ObjectMeta{Name: "referral"}}}, nil)
	sends := rules.Input{Catalog: one, Keys: []string{"key"}, Now: now}
	again := func(i *v1alpha1.PartnerInvite, in rules.Input) {
		in.Invite = i
		i.Status = rules.Decide(in).Status
	}
	record := func(i *v1alpha1.PartnerInvite, o delivery.Outcome, at time.Time) {
		if !rules.Record(i, delivery.Key{Kind: i.Mail(), Serial: i.Status.Serial}, o, at) {
			t.Fatalf("%s has no mail under way", i.Name)
		}
	}
	decide := func(name string, in rules.Input, programs ...v1alpha1.ProgramGrant) *v1alpha1.PartnerInvite {
		i := &v1alpha1.PartnerInvite{ObjectMeta: meta(name)}
		i.Spec.Contact.Email, i.Spec.Programs = "ada@example.com", programs
		again(i, in)
		return i
	}
	named := v1alpha1.ProgramGrant{Name: "referral"}

	gaveUp := decide("gave-up", sends, named)
	nextDay := sends
	nextDay.Now = now.Add(24 * time.Hour)
	for _, at := range []time.Time{now, nextDay.Now} {
		record(gaveUp, delivery.Outcome{Class: delivery.Temporary, Code: 451, Message: "451 busy"}, at)
		again(gaveUp, nextDay)
	}

	tooLong := decide("content-rejected", sends, named)
	record(tooLong, delivery.Outcome{Class: delivery.Content, Code: 552, Message: "552 too long"}, now)

	accepting := decide("accepting", sends, named)
	record(accepting, delivery.Outcome{Class: delivery.Accepted}, now)
	accepting.Status.Acceptance = &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionAccepted, Time: metav1.NewTime(now)}
	rules.Summarize(&accepting.Status, now)

	taken := program.Unresolved{Reason: v1alpha1.ReasonNameTaken, Message: "no"}
	namesTaken := &v1alpha1.PartnerInvite{ObjectMeta: meta("names-taken"), Spec: accepting.Spec, Status: *accepting.Status.DeepCopy()}
	rules.Obstruct(&namesTaken.Status, taken, now)

	for _, i := range []*v1alpha1.PartnerInvite{
		gaveUp, tooLong, accepting, namesTaken,
		decide("too-many-programs", rules.Input{Catalog: manyPrograms(501), Keys: []string{"key"}, Now: now}),
		decide("mailer-not-configured", rules.Input{Catalog: one, Keys: []string{"key"}, Holds: delivery.Holds{
			v1alpha1.MailInvite: {Reason: v1alpha1.ReasonMailerNotConfigured, Message: "no"},
		}, Now: now}, named),
	} {
		found = append(found, loose(t, "PartnerInvite", i))
	}
	for name, reason := range map[string]string{
		"transport-unreachable": v1alpha1.ReasonTransportUnreachable, "transport-rejected": v1alpha1.ReasonTransportRejected,
		"brand-invalid": v1alpha1.ReasonBrandInvalid, "signed-in": v1alpha1.ReasonSignedIn,
	} {
		p := &v1alpha1.Program{ObjectMeta: meta(name)}
		p.Status = program.Status(p, one, nil, program.MailHealth{Reason: reason, Message: "no"}, program.Counts{}, now)
		found = append(found, loose(t, "Program", p))
	}
	for _, reason := range []string{v1alpha1.ReasonNameTaken, v1alpha1.ReasonTooMany, v1alpha1.ReasonWriteFailed} {
		p := &v1alpha1.Program{ObjectMeta: meta("remembers-nobody-" + reason)}
		p.Status = program.Status(p, one, nil, program.MailHealth{}, program.Counts{}, now)
		program.SetRemembering(&p.Status, program.Forgetting{Reason: reason, Message: "no"}, now)
		found = append(found, loose(t, "Program", p))
	}
	linked := program.NewCatalog([]v1alpha1.Program{{ObjectMeta: metav1.ObjectMeta{Name: "referral"}}}, []v1alpha1.PartnerGroup{{
		ObjectMeta: metav1.ObjectMeta{Name: "gold"}, Spec: v1alpha1.PartnerGroupSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Links: v1alpha1.GroupLinks{Defaults: []v1alpha1.DefaultLink{{Suffix: "start"}}},
		},
	}})
	for _, reason := range []string{v1alpha1.ReasonNameTaken, v1alpha1.ReasonWriteFailed} {
		p := &v1alpha1.Partnership{ObjectMeta: meta("without-links-" + reason)}
		p.Spec.ProgramRef.Name, p.Spec.Contact = "referral", &v1alpha1.Contact{Email: "ada@example.com"}
		p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
		p.Status = partners.Decide(partners.Input{
			Partnership: p, Catalog: linked, Now: now,
			Unmade: map[partners.LinkKey]partners.LinkObstacle{{Suffix: "start"}: {Reason: reason, Message: "no"}},
		}).Status
		found = append(found, loose(t, "Partnership", p))
	}
	for _, behind := range []bool{false, true} {
		p := &v1alpha1.Partnership{ObjectMeta: meta("links-" + map[bool]string{false: v1alpha1.ReasonLinksFollow, true: v1alpha1.ReasonLinksBehind}[behind])}
		p.Spec.ProgramRef.Name, p.Spec.Contact = "referral", &v1alpha1.Contact{Email: "ada@example.com"}
		p.Spec.OnRemoval.Links, p.Generation = v1alpha1.LinkDeactivate, 1
		p.Status = partners.Decide(partners.Input{Partnership: p, Catalog: linked, Now: now, LinksBehind: behind}).Status
		found = append(found, loose(t, "Partnership", p))
	}
	for _, reason := range mailedReasons { // no tool waits for it
		p := &v1alpha1.Partnership{ObjectMeta: meta("mailed-" + reason)}
		p.Spec.ProgramRef.Name, p.Spec.Contact = "referral", &v1alpha1.Contact{Email: "ada@example.com"}
		p.Status = partners.Decide(partners.Input{Partnership: p, Catalog: one, Now: now}).Status
		set := v1alpha1.ConditionSetter{Conditions: &p.Status.Conditions, Generation: 1, Now: now}
		set.False(v1alpha1.ConditionMailed, reason, "no")
		found = append(found, loose(t, "Partnership", p))
	}
	return found
}

// mailedReasons are those of the condition Mailed.
var mailedReasons = []string{
	v1alpha1.ReasonSent, v1alpha1.ReasonSending, v1alpha1.ReasonHeld, v1alpha1.ReasonMailerNotConfigured, v1alpha1.ReasonTemporaryFailure,
	v1alpha1.ReasonAddressRejected, v1alpha1.ReasonContentRejected, v1alpha1.ReasonGaveUp,
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "acme", Name: name, UID: "9b2f0d1c-0000-4000-8000-000000000000", Generation: 1, ResourceVersion: "1"}
}

func manyPrograms(count int) program.Catalog {
	programs := make([]v1alpha1.Program, count)
	for i := range programs {
		programs[i].Name = fmt.Sprintf("program-%d", i)
	}
	return program.NewCatalog(programs, nil)
}

// loose is an object as tools read it.
func loose(t *testing.T, kind string, object client.Object) *unstructured.Unstructured {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	return u
}
