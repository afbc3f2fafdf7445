package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/program"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// hour is a brake over time: invites are mailed, and time passes.
type hour struct {
	*brake
	t       *testing.T
	catalog program.Catalog
	clock   time.Time
}

// newHourOf is a brake of a process that starts with what a cache holds, in a namespace with the programs two and three,
// whose names are how many mails they may send, and any, which has no limit.
func newHourOf(t *testing.T, cache client.Reader) *hour {
	h := &hour{t: t, clock: start}
	h.catalog = program.NewCatalog([]v1alpha1.Program{programOf("two", new(int32(2))), programOf("three", new(int32(3))), programOf("any", nil)}, nil)
	h.brake = newBrake(cache, func() time.Time { return h.clock })
	return h
}

// indexes hands the indexes of the cache to a fake client.
type indexes struct{ *fake.ClientBuilder }

func (i indexes) IndexField(_ context.Context, o client.Object, name string, values client.IndexerFunc) error {
	i.WithIndex(o, name, values)
	return nil
}

func fakeCache(t *testing.T) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.PartnerInvite{})
	if err := lookup.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	return builder
}

func programOf(name string, maxPerHour *int32) v1alpha1.Program {
	return v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ProgramSpec{Mail: v1alpha1.ProgramMail{MaxPerHour: maxPerHour}}}
}

func grants(programs ...string) []v1alpha1.ProgramGrant {
	var scope []v1alpha1.ProgramGrant
	for _, name := range programs {
		scope = append(scope, v1alpha1.ProgramGrant{Name: name})
	}
	return scope
}

// takes asks for a place, and checks whether there is one.
func (h *hour) takes(want bool, programs ...string) (giveBack func()) {
	h.t.Helper()
	giveBack, taken := h.take(h.t.Context(), "acme", grants(programs...), h.catalog)
	if taken != want || (giveBack != nil) != want {
		h.t.Errorf("at %s a place of %v is taken: %v", h.clock.Format(time.TimeOnly), programs, taken)
	}
	if !taken {
		return func() {}
	}
	return giveBack
}

// What was sent cannot be counted: a program with a limit sends nothing until it can be, says why, and the metric counts it.
func TestTheBrakeHoldsWhileItCannotCount(t *testing.T) {
	broken := errors.New("the cache is not ready")
	h := newHourOf(t, fakeCache(t).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if broken != nil {
				return broken
			}
			return c.List(ctx, list, o...)
		},
	}).Build())
	i := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid"},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("two")},
	}
	in := invite.Input{
		Invite: i, Catalog: h.catalog, MailerConfigured: true, Brake: h.until(t.Context(), "acme", h.catalog),
		HoldsKey: func(string) bool { return true }, NewestKeyID: "key-1", Now: h.clock,
	}
	d := invite.Decide(in)
	if d.Action != invite.ActionNone || d.Status.State != v1alpha1.InviteHeld || d.RequeueAfter != 10*time.Second {
		t.Errorf("the invite is %s, to be looked at after %s, and the action is %s", d.Status.State, d.RequeueAfter, d.Action)
	}
	broken = nil
	if d := invite.Decide(in); d.Action != invite.ActionSend {
		t.Errorf("once they can be counted, the action is %s", d.Action)
	}
}

// Who has taken a place claims it: the place that was taken is not in its own way.
func TestTheLastPlaceIsClaimed(t *testing.T) {
	for name, most := range map[string]int32{"of one": 1, "of two": 2, "of three": 3} {
		t.Run(name, func(t *testing.T) {
			i := &v1alpha1.PartnerInvite{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid"},
				Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("few")},
			}
			c := fakeCache(t).WithObjects(i).Build()
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(i), i); err != nil {
				t.Fatal(err)
			}
			h := newHourOf(t, c)
			p := programOf("few", new(most))
			h.catalog.Programs["few"] = &p
			for range most - 1 {
				h.takes(true, "few")
			}
			r := &PartnerInviteReconciler{base: base{Client: c, live: c, now: h.now}, brake: h.brake}
			in := invite.Input{
				Invite: i, Catalog: h.catalog, MailerConfigured: true, Brake: h.until(t.Context(), "acme", h.catalog),
				HoldsKey: func(string) bool { return true }, NewestKeyID: "key-1", Now: h.clock,
			}
			d := invite.Decide(in)
			if d.Action != invite.ActionSend {
				t.Fatalf("the action is %s", d.Action)
			}
			h.takes(true, "few")
			claimed := i.DeepCopy()
			claimed.Status = d.Status
			if err := r.claim(t.Context(), in, claimed); err != nil {
				t.Errorf("the claim is refused: %v", err)
			}
			h.takes(false, "few")
		})
	}
}
