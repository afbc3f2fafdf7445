package gitops

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What waits for somebody to accept is healthy for as long as they can. Once nobody is asked any more it waits for an
// object, and says so: the invite that made the team is looked at whenever it comes, ends or goes.
func TestWhatAwaitsAcceptanceFollowsTheInvite(t *testing.T) {
	const ns = "awaiting"
	tenant(t, ns)
	settings := argoSettings(t)
	create(t, objects(t, ns, programs)...)
	waiting := objects(t, ns, `
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: of-the-team}
spec: {programRef: {name: referral}, teamRef: {name: studio}}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: joining}
spec: {programRef: {name: referral}, contact: {email: nick@awaiting.example}, onboarding: Approval, approval: {decision: Approved, joinTeamRef: {name: studio}}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: teammates}
spec: {teamRef: {name: studio}, members: [{email: carl@awaiting.example}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerLink
metadata: {name: shared}
spec: {partnershipRef: {name: studio-referral}}
`)
	invite := objects(t, ns, `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: studio}
spec: {contact: {email: sue@awaiting.example}, team: {name: studio}, programs: [{name: referral}]}
`)[0]
	create(t, waiting...)
	all := func(want status.Status, health string) {
		t.Helper()
		for _, object := range waiting {
			eventually(t, object.GetKind()+" "+object.GetName()+" is "+want.String(), func() string {
				is, healthIs := seenAs(t, settings, object)
				if missing := unlessEqual(is, want); missing != "" {
					return missing
				}
				return unlessEqual(healthIs, health)
			})
		}
	}
	all(status.InProgressStatus, "Progressing")
	create(t, invite)
	all(status.CurrentStatus, "Healthy")
	if err := api.Delete(t.Context(), &unstructured.Unstructured{Object: invite.Object}); err != nil {
		t.Fatal(err)
	}
	all(status.InProgressStatus, "Progressing")
}
