package accept

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

const (
	namespace = "acme"
	ada       = "ada@example.com"
)

var (
	start   = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	entered = map[string]v1alpha1.Answer{"website": "https://agency.example", "company": "Agency", "vat-id": "DE1"}
	facts   = v1alpha1.CustomFields{"region": "EMEA"}
)

// indexes hands the indexes of the cache to a fake client.
type indexes struct{ *fake.ClientBuilder }

func (i indexes) IndexField(_ context.Context, o client.Object, name string, values client.IndexerFunc) error {
	i.WithIndex(o, name, values)
	return nil
}

// newStep is a step in a namespace with the programs referral, whose group gold asks for website and company and whose
// default group for company, and reseller, whose default group asks for company and vat-id.
func newStep(t *testing.T, faults interceptor.Funcs, objects ...client.Object) *Step {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.PartnerInvite{}, &v1alpha1.Partnership{}, &v1alpha1.PartnerTeam{}).WithInterceptorFuncs(faults)
	if err := lookup.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	c := builder.WithObjects(
		programOf("referral", "standard"), programOf("reseller", "silver"),
		groupOf("standard", "referral", "company"), groupOf("gold", "referral", "website", "company"), groupOf("silver", "reseller", "company", "vat-id"),
	).WithObjects(objects...).Build()
	return &Step{Client: c, Live: c, Events: events.NewFakeRecorder(64), Now: func() time.Time { return start }}
}

func programOf(name, defaultGroup string) *v1alpha1.Program {
	return &v1alpha1.Program{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.ProgramSpec{DefaultGroupRef: &v1alpha1.GroupReference{Name: defaultGroup}},
		Status:     v1alpha1.ProgramStatus{NameSalt: nameSalt},
	}
}

func groupOf(name, programName string, asks ...v1alpha1.FormFieldName) *v1alpha1.PartnerGroup {
	g := &v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: programName}},
	}
	for _, name := range asks {
		g.Spec.Join.Fields = append(g.Spec.Join.Fields, v1alpha1.FormField{Name: name, Type: v1alpha1.FieldText})
	}
	return g
}

// invitation is an open invite of Ada into referral, group gold, and into reseller.
func invitation() *v1alpha1.PartnerInvite {
	return &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ada", UID: "ada-uid"},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: ada}, Form: v1alpha1.FormRequire, CustomFields: facts},
		Status: v1alpha1.PartnerInviteStatus{
			Serial:     1,
			SentTime:   &metav1.Time{Time: start.Add(-time.Hour)},
			ExpiryTime: &metav1.Time{Time: start.Add(time.Hour)},
			Programs:   []v1alpha1.ProgramGrant{{Name: "referral", GroupRef: &v1alpha1.GroupReference{Name: "gold"}}, {Name: "reseller"}},
		},
	}
}

// acceptedInvitation is one whose answer a process recorded before it died.
func acceptedInvitation() *v1alpha1.PartnerInvite {
	i := invitation()
	i.Status.Acceptance = &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionAccepted, Time: metav1.NewTime(start), Fields: entered}
	return i
}

func (s *Step) answer(t *testing.T, fields map[string]v1alpha1.Answer) (*v1alpha1.PartnerInvite, error) {
	t.Helper()
	return s.Answer(t.Context(), client.ObjectKeyFromObject(invitation()), "ada-uid", 1, Reply{Decision: v1alpha1.DecisionAccepted, Fields: fields})
}

func stored[T client.Object](t *testing.T, s *Step, name string, object T) T {
	t.Helper()
	if err := s.Live.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
	return object
}

// applications are what each partnership of Ada says was entered, by program.
func applications(t *testing.T, s *Step) map[string]map[string]v1alpha1.Answer {
	t.Helper()
	var list v1alpha1.PartnershipList
	if err := s.Live.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]v1alpha1.Answer{}
	for _, p := range list.Items {
		found[p.Spec.ProgramRef.Name] = p.Spec.Application.Fields
	}
	return found
}

// toEachItsOwn is how what Ada entered is shared out.
var toEachItsOwn = map[string]map[string]v1alpha1.Answer{
	"referral": {"website": "https://agency.example", "company": "Agency"},
	"reseller": {"company": "Agency", "vat-id": "DE1"},
}

func TestAnswerSharesTheFormOut(t *testing.T) {
	s := newStep(t, interceptor.Funcs{}, invitation())
	answered, err := s.answer(t, entered)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(toEachItsOwn, applications(t, s)); diff != "" {
		t.Errorf("unexpected applications (-want +got):\n%s", diff)
	}
	for _, ref := range answered.Status.PartnershipRefs {
		if diff := cmp.Diff(facts, stored(t, s, ref.Name, &v1alpha1.Partnership{}).Spec.CustomFields); diff != "" {
			t.Errorf("unexpected custom fields (-want +got):\n%s", diff)
		}
	}
	recorded := stored(t, s, "ada", &v1alpha1.PartnerInvite{})
	if diff := cmp.Diff(entered, recorded.Status.Acceptance.Fields); diff != "" {
		t.Errorf("the invite keeps (-want +got):\n%s", diff)
	}
	if len(recorded.Status.PartnershipRefs) != 2 {
		t.Errorf("the invite names %v", recorded.Status.PartnershipRefs)
	}
}

func TestAnswerWithoutAFormLeavesNoApplication(t *testing.T) {
	s := newStep(t, interceptor.Funcs{}, invitation())
	if _, err := s.answer(t, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]map[string]v1alpha1.Answer{"referral": nil, "reseller": nil}, applications(t, s)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// The answer and the form are one write, so that a process that dies after it loses nothing.
func TestFinishAfterEachStepThatCanFail(t *testing.T) {
	for failing := range 3 {
		t.Run(fmt.Sprintf("write %d", failing), func(t *testing.T) {
			writes, broken := 0, true
			fails := func() bool {
				writes++
				return broken && writes > failing+1 // the first write is the answer
			}
			died := errors.New("the process died")
			s := newStep(t, interceptor.Funcs{
				Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
					if fails() {
						return died
					}
					return c.Create(ctx, o, opts...)
				},
				SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
					if fails() {
						return died
					}
					return c.SubResource(sub).Update(ctx, o, opts...)
				},
			}, invitation())
			if _, err := s.answer(t, entered); !errors.Is(err, died) {
				t.Fatalf("the answer gives %v", err)
			}
			if n := len(applications(t, s)); n != failing {
				t.Fatalf("%d partnerships exist", n)
			}
			broken = false
			left := stored(t, s, "ada", &v1alpha1.PartnerInvite{})
			if diff := cmp.Diff(entered, left.Status.Acceptance.Fields); diff != "" {
				t.Fatalf("what was entered is lost (-want +got):\n%s", diff)
			}
			if err := s.Finish(t.Context(), left.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(toEachItsOwn, applications(t, s)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			done := stored(t, s, "ada", &v1alpha1.PartnerInvite{})
			if err := s.Finish(t.Context(), done.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			if again := stored(t, s, "ada", &v1alpha1.PartnerInvite{}); again.ResourceVersion != done.ResourceVersion {
				t.Error("finishing again writes again")
			}
		})
	}
}

// Until it is noted that the partnerships were made, one that the company deletes would be made again.
func TestTheRecordOfWhatWasMadeIsTriedAgain(t *testing.T) {
	writes := 0
	s := newStep(t, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			writes++
			err := c.SubResource(sub).Update(ctx, o, opts...)
			switch writes {
			case 2: // the first is the answer
				return errors.New("the answer of the API server was lost")
			case 3:
				t.Error("what was written is written again")
			}
			return err
		},
	}, invitation())
	if _, err := s.answer(t, entered); err != nil {
		t.Fatal(err)
	}
	if refs := stored(t, s, "ada", &v1alpha1.PartnerInvite{}).Status.PartnershipRefs; len(refs) != 2 {
		t.Errorf("the invite names %v", refs)
	}
}

func TestFinishLeavesPartnershipsThatExistAlone(t *testing.T) {
	there := &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: namesOf(ada, "referral")[0]},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef:   v1alpha1.ProgramReference{Name: "referral"},
			Contact:      &v1alpha1.Contact{Email: ada},
			Application:  v1alpha1.Application{Fields: map[string]v1alpha1.Answer{"company": "Before"}},
			CustomFields: v1alpha1.CustomFields{"region": "APAC"},
		},
	}
	s := newStep(t, interceptor.Funcs{}, acceptedInvitation(), there)
	if err := s.Finish(t.Context(), stored(t, s, "ada", &v1alpha1.PartnerInvite{})); err != nil {
		t.Fatal(err)
	}
	after := stored(t, s, there.Name, &v1alpha1.Partnership{})
	if diff := cmp.Diff(there.Spec, after.Spec); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// A group that is gone leaves the partner in the default group, and with the answers to what that asks.
func TestFinishFollowsTheGroupInForce(t *testing.T) {
	s := newStep(t, interceptor.Funcs{}, acceptedInvitation())
	if err := s.Client.Delete(t.Context(), groupOf("gold", "referral")); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(t.Context(), stored(t, s, "ada", &v1alpha1.PartnerInvite{})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]v1alpha1.Answer{"company": "Agency"}, applications(t, s)["referral"]); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// Of many replies at once one counts, with what was entered in it.
func TestAnswerKeepsTheFormOfTheReplyThatCounts(t *testing.T) {
	s := newStep(t, interceptor.Funcs{}, invitation())
	other := &Step{Client: s.Client, Live: s.Live, Events: s.Events, Now: s.Now} // another process, with turns of its own
	var all sync.WaitGroup
	won := make([]bool, 12)
	for n := range won {
		all.Go(func() {
			company := map[string]v1alpha1.Answer{"company": v1alpha1.Answer(fmt.Sprintf("Agency %d", n))}
			_, err := []*Step{s, other}[n%2].answer(t, company)
			var refusal *Refusal
			if err != nil && !errors.As(err, &refusal) {
				t.Errorf("reply %d: %v", n, err)
			}
			won[n] = err == nil
		})
	}
	all.Wait()
	winner, winners := 0, 0
	for n, first := range won {
		if first {
			winner = n
			winners++
		}
	}
	if winners != 1 {
		t.Fatalf("%d replies count", winners)
	}
	want := v1alpha1.Answer(fmt.Sprintf("Agency %d", winner))
	if got := stored(t, s, "ada", &v1alpha1.PartnerInvite{}).Status.Acceptance.Fields["company"]; got != want {
		t.Errorf("the invite keeps %q, want %q", got, want)
	}
	for programName, fields := range applications(t, s) {
		if fields["company"] != want {
			t.Errorf("the partnership in %s has %q, want %q", programName, fields["company"], want)
		}
	}
}
