package controller

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestWhatComesFirst(t *testing.T) {
	for name, test := range map[string]struct{ a, b, want time.Duration }{
		"the first":       {time.Second, time.Minute, time.Second},
		"the second":      {time.Minute, time.Second, time.Second},
		"no first":        {0, time.Minute, time.Minute},
		"no second":       {time.Minute, 0, time.Minute},
		"neither is ever": {0, 0, 0},
	} {
		if got := sooner(test.a, test.b); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// soon is a reconciler that wants to look again.
type soon struct{}

func (soon) Reconcile(context.Context, *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	return reconcile.Result{RequeueAfter: time.Minute}, nil
}

// What was told that it is its turn goes before others then, and not for as long as it is there.
func TestWhoseTurnItWasGoesBeforeOthersOnce(t *testing.T) {
	i := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada"}}
	looks := eachOf(base{Client: fakeCache(t).WithObjects(i).Build()}, "test", soon{})
	result, err := looks.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(i)})
	if err != nil || result.Priority == nil || *result.Priority != 0 || result.RequeueAfter != time.Minute {
		t.Errorf("it is looked at again as %+v, %v", result, err)
	}
}
