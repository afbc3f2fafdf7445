package lookup

import (
	"context"
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func pship(name, uid, email string, revoked bool) *v1alpha1.Partnership {
	p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(uid)}}
	p.Spec.Contact = &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)}
	if revoked {
		p.Spec.Revocation = &v1alpha1.Revocation{}
	}
	return p
}

func known(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConfirm(t *testing.T) {
	scheme := known(t)
	cached := fake.NewClientBuilder().WithScheme(scheme).WithIndex(&v1alpha1.Partnership{}, byAddress, func(o client.Object) []string {
		return []string{string(o.(*v1alpha1.Partnership).Spec.Contact.Email)}
	}).WithObjects(pship("same", "1", "ada@example.com", false), pship("revoked", "2", "ada@example.com", false),
		pship("deleted", "3", "ada@example.com", false), pship("made-anew", "4", "ada@example.com", false)).Build()
	var away error
	live := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).WithObjects(pship("same", "1", "ada@example.com", false),
		pship("revoked", "2", "ada@example.com", true), pship("made-anew", "5", "ada@example.com", false)).Build(), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
			return errors.Join(away, c.Get(ctx, key, o, options...))
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			return errors.Join(away, c.List(ctx, list, options...))
		},
	})
	broken := false
	c := Confirm(cached, live, func() bool { return broken })
	found := func() (names []string) {
		t.Helper()
		of, err := PartnershipsOf(t.Context(), c, "acme", "ada@example.com")
		if err != nil {
			return []string{"error"}
		}
		for _, p := range of {
			if p.Spec.Revocation == nil {
				names = append(names, p.Name)
			}
		}
		slices.Sort(names)
		return names
	}
	if got, want := found(), []string{"deleted", "made-anew", "revoked", "same"}; !slices.Equal(got, want) {
		t.Errorf("while all is well: %v, want what the cache says, %v", got, want)
	}
	away = errors.New("the API server is away")
	if got := found(); len(got) != 4 {
		t.Errorf("while all is well the API server is asked: %v", got)
	}
	broken = true
	if got := found(); !slices.Equal(got, []string{"error"}) {
		t.Errorf("while nobody can tell: %v, want an error", got)
	}
	away = nil
	if got, want := found(), []string{"same"}; !slices.Equal(got, want) {
		t.Errorf("while a watch is broken: %v, want what is so, %v", got, want)
	}
	var all v1alpha1.PartnershipList
	if err := c.List(t.Context(), &all, client.InNamespace("acme")); err != nil || len(all.Items) != 3 {
		t.Errorf("all are %d, %v", len(all.Items), err)
	}
	var one v1alpha1.Partnership
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "revoked"}, &one); err != nil || one.Spec.Revocation == nil {
		t.Errorf("one is %+v, %v", one.Spec, err)
	}
}

func TestKeepUnreadable(t *testing.T) {
	p := pship("ada", "1", "ada@example.com", false)
	c := KeepUnreadable(fake.NewClientBuilder().WithScheme(known(t)).WithStatusSubresource(p).WithObjects(p).Build())
	read := &v1alpha1.Partnership{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), read); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Update(t.Context(), read), c.Status().Update(t.Context(), read)); err != nil {
		t.Errorf("one that can be read: %v", err)
	}
	read.UnreadableFields = []string{"spec.validUntil"}
	if c.Update(t.Context(), read) == nil || c.Status().Update(t.Context(), read) == nil {
		t.Error("one that cannot be read is written")
	}
}
