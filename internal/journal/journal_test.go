package journal

import (
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

func TestEachEventIsALine(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	var lines []string
	recorded := events.NewFakeRecorder(8)
	r := &Journal{EventRecorder: recorded, log: funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{}), scheme: scheme}
	ada := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada"}}
	r.Eventf(ada, nil, "Normal", "Accepted", "Accept", "%s accepted", "***")
	r.Eventf(ada, nil, "Normal", "Sent", event.ActionSend, "Mailed invite 1 to %s", "***")
	r.Eventf(&metav1.Status{}, nil, "Warning", "Strange", "Look", "100%% strange")
	want := []string{
		`"level"=0 "msg"="Accepted" "type"="Normal" "note"="*** accepted" "kind"="PartnerInvite" "namespace"="acme" "name"="ada"`,
		`"level"=0 "msg"="Strange" "type"="Warning" "note"="100% strange"`,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if got := len(recorded.Events); got != 3 {
		t.Errorf("%d events are recorded", got)
	}
}
