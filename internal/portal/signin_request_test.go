package portal

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestASignInRequestThatWasCarriedOut(t *testing.T) {
	asked := time.Date(2026, 1, 1, 12, 0, 0, 700_000_000, time.UTC)
	at := func(seconds int) *metav1.Time {
		return &metav1.Time{Time: asked.Truncate(time.Second).Add(time.Duration(seconds) * time.Second)}
	}
	for name, test := range map[string]struct {
		failed int
		is     v1alpha1.PartnershipSignIn
		want   bool
	}{
		"the first try":                          {0, v1alpha1.PartnershipSignIn{RequestedTime: at(0)}, false},
		"the first try of who just signed in":    {0, v1alpha1.PartnershipSignIn{LastTime: at(0)}, false},
		"again, and nothing came of it":          {1, v1alpha1.PartnershipSignIn{}, false},
		"again, with an older link":              {1, v1alpha1.PartnershipSignIn{RequestedTime: at(-1), LastTime: at(-60)}, false},
		"again, and a link is there":             {1, v1alpha1.PartnershipSignIn{RequestedTime: at(0)}, true},
		"again, and the link is used":            {1, v1alpha1.PartnershipSignIn{LastTime: at(1)}, true},
		"again, after a link was asked for anew": {2, v1alpha1.PartnershipSignIn{RequestedTime: at(5)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (signInRequest{asked: asked, failed: test.failed}).carriedOut(test.is); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
