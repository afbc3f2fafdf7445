package controller

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

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
