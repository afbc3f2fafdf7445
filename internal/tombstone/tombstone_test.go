package tombstone

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
)

// apiServer counts what is read and written, and can be away.
type apiServer struct {
	client.Client
	reads, writes int
	away          bool
	refuses       error // what it answers to a new page; nil: it takes it
}

func (a *apiServer) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	a.reads++
	return a.Client.Get(ctx, key, object, options...)
}

func (a *apiServer) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if a.writes++; a.away {
		return errors.New("the API server is away")
	}
	if a.refuses != nil {
		return a.refuses
	}
	return a.Client.Create(ctx, object, options...)
}

func (a *apiServer) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if a.writes++; a.away {
		return errors.New("the API server is away")
	}
	return a.Client.Patch(ctx, object, patch, options...)
}

func programOf(uid string) *v1alpha1.Program {
	return &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral", UID: types.UID(uid)}}
}

func dig(t *testing.T) (*Digger, *apiServer) {
	t.Helper()
	cluster := fake.NewClientBuilder().Build()
	keys, err := mint.Load(t.Context(), cluster, "system", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := &apiServer{Client: cluster}
	return &Digger{Yard: &Yard{Cache: cluster, Live: server, Keys: keys}, Writer: server}, server
}

func (d *Digger) must(t *testing.T, p *v1alpha1.Program, address string, want bool) {
	t.Helper()
	if got, err := d.Has(t.Context(), p, address); err != nil || got != want {
		t.Errorf("%s in %s: %v, %v, want %v", address, p.UID, got, err, want)
	}
}

func (d *Digger) mustNote(t *testing.T, p *v1alpha1.Program, address string) {
	t.Helper()
	if err := d.Note(t.Context(), p, address); err != nil {
		t.Fatal(err)
	}
}

func TestAnAddressIsRememberedInItsProgramAlone(t *testing.T) {
	d, server := dig(t)
	one, other := programOf("11111111-a"), programOf("22222222-b")
	d.must(t, one, "ada@example.com", false)
	d.mustNote(t, one, "ada@example.com")
	d.mustNote(t, one, "grace@example.com")
	d.flush(t.Context())
	d.must(t, one, "ADA@example.com", true)
	d.must(t, one, "grace@example.com", true)
	d.must(t, one, "joan@example.com", false)
	d.must(t, other, "ada@example.com", false)
	d.mustNote(t, one, "ada@example.com")
	d.flush(t.Context())
	if server.writes != 1 {
		t.Errorf("%d writes for two addresses, one of them twice", server.writes)
	}
	var pages corev1.ConfigMapList
	if err := server.List(t.Context(), &pages); err != nil || len(pages.Items) != 1 {
		t.Fatalf("%d pages, %v", len(pages.Items), err)
	}
	if page := fmt.Sprintf("%+v", pages.Items[0]); strings.Contains(page, "example") || pages.Items[0].OwnerReferences[0].UID != one.UID {
		t.Errorf("the page holds an address, or is not the program's: %s", page)
	}
}

func TestManyAreAFewWritesAndPages(t *testing.T) {
	d, server := dig(t)
	p := programOf("11111111-a")
	const many = 2*perPage + 10
	for n := range many {
		d.mustNote(t, p, fmt.Sprintf("p%d@example.com", n))
	}
	d.flush(t.Context())
	d.mustNote(t, p, "late@example.com")
	d.flush(t.Context())
	if server.writes != 4 {
		t.Errorf("%d writes", server.writes)
	}
	for n := 0; n < many; n += 999 {
		d.must(t, p, fmt.Sprintf("p%d@example.com", n), true)
	}
	d.must(t, p, "late@example.com", true)
	if server.reads > 8 {
		t.Errorf("%d reads of 3 pages", server.reads)
	}
}

func TestWhatCannotBeWrittenStaysNoted(t *testing.T) {
	d, server := dig(t)
	p := programOf("11111111-a")
	d.mustNote(t, p, "ada@example.com")
	server.away = true
	d.flush(t.Context())
	d.mustNote(t, p, "grace@example.com")
	d.flush(t.Context())
	server.away = false
	d.flush(t.Context())
	d.must(t, p, "ada@example.com", true)
	d.must(t, p, "grace@example.com", true)
}

func TestATenantThatIsGoneNeedsNoTombstones(t *testing.T) {
	resource := func(name string) schema.GroupResource { return schema.GroupResource{Resource: name} }
	going := apierrors.NewForbidden(resource("configmaps"), "page", errors.New("it is being terminated"))
	going.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, test := range map[string]struct {
		answer error
		writes int // in two flushes
	}{
		"the namespace is going":    {going, 1},
		"the namespace is gone":     {apierrors.NewNotFound(resource("namespaces"), "acme"), 1},
		"something else is missing": {apierrors.NewNotFound(resource("configmaps"), "page"), 2},
		"it is forbidden":           {apierrors.NewForbidden(resource("configmaps"), "page", errors.New("no role")), 2},
	} {
		t.Run(name, func(t *testing.T) {
			d, server := dig(t)
			d.mustNote(t, programOf("11111111-a"), "ada@example.com")
			server.refuses = test.answer
			d.flush(t.Context())
			d.flush(t.Context())
			if server.writes != test.writes {
				t.Errorf("it was written %d times, not %d", server.writes, test.writes)
			}
		})
	}
}
