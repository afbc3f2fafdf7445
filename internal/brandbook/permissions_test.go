package brandbook

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// namespaces reads Namespaces, counts that, and can fail.
type namespaces struct {
	client.Reader
	reads int
	fails error
}

func (n *namespaces) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	n.reads++
	if n.fails != nil {
		return n.fails
	}
	return n.Reader.Get(ctx, key, object, options...)
}

func TestPermissionsOfABrand(t *testing.T) {
	acme := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "acme", Annotations: map[string]string{v1alpha1.SenderDomainsAnnotation: "acme.example"}}}
	c := cluster(acme, configMap("partner-brand", map[string]string{"mailFrom": "ceo@globex.example"}))
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	server := &namespaces{Reader: c}
	book, _ := open(c, c)
	book.Permissions = &Permissions{Live: server, Now: func() time.Time { return now }}
	expect := func(when, problem string, reads int) {
		t.Helper()
		found, err := book.Brand(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if (found.Problem != nil) != (problem != "") || found.Problem != nil && !strings.Contains(found.Problem.Error(), problem) {
			t.Errorf("%s: the problem is %v, want %q", when, found.Problem, problem)
		}
		if sender := found.From.Address; (sender == "no-reply@operator.example") != (problem != "") {
			t.Errorf("%s: the sender is %s", when, sender)
		}
		if server.reads != reads {
			t.Errorf("%s: the Namespace was read %d times, want %d", when, server.reads, reads)
		}
	}
	reconsider := func(when string, want ...string) {
		t.Helper()
		if got := book.Permissions.Reconsider(t.Context()); !slices.Equal(got, want) {
			t.Errorf("%s: %v changed", when, got)
		}
	}
	annotate := func(domains string) {
		t.Helper()
		acme.Annotations[v1alpha1.SenderDomainsAnnotation] = domains
		if err := c.Update(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
	}
	const claim = `ConfigMap "partner-brand": mailFrom is of the domain globex.example`

	expect("not listed", claim, 1)
	expect("not listed, and known", claim, 1)
	reconsider("as before")
	annotate("acme.example,globex.example")
	server.reads = 0
	reconsider("listed", "acme")
	expect("listed", "", 1)
	reconsider("nothing is lacking")
	annotate("")
	now = now.Add(freshPermission)
	server.fails = errors.New("the API server is away")
	expect("what was permitted before counts", "", 2)
	now = now.Add(freshPermission)
	server.fails = nil
	expect("taken away", claim, 3)
}

// A brand that claims nothing costs no read.
func TestPermissionsAreReadForClaimsAlone(t *testing.T) {
	c := cluster(configMap("partner-brand", map[string]string{"displayName": "Acme", "smtpSecret": "smtp", "mailFrom": "ceo@acme.example"}))
	server := &namespaces{Reader: c}
	book, _ := open(c, c)
	book.Permissions = &Permissions{Live: server, Required: true, Now: time.Now}
	if found, err := book.Brand(t.Context(), "acme"); err != nil || found.Problem != nil || server.reads != 0 {
		t.Errorf("%v, %v, %d reads", found.Problem, err, server.reads)
	}
}

// An operator that was given no right to read Namespaces goes on as before, unless permissions are required.
func TestPermissionsThatCannotBeRead(t *testing.T) {
	c := cluster(configMap("partner-brand", map[string]string{"host": "partners.acme.example"}))
	for required, want := range map[bool]string{false: "", true: "host is partners.acme.example"} {
		book, _ := open(c, c)
		forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "acme", errors.New("no"))
		book.Permissions = &Permissions{Live: &namespaces{Reader: c, fails: forbidden}, Required: required, Now: time.Now}
		found, err := book.Brand(t.Context(), "acme")
		if err != nil || (found.Problem != nil) != (want != "") || found.Problem != nil && !strings.Contains(found.Problem.Error(), want) {
			t.Errorf("required %t: %v, %v", required, found.Problem, err)
		}
	}
	book, _ := open(c, c)
	book.Permissions = &Permissions{Live: &namespaces{Reader: c, fails: errors.New("away")}, Now: time.Now}
	if _, err := book.Brand(t.Context(), "acme"); err == nil {
		t.Error("with the API server away it is taken for permitted")
	}
}
