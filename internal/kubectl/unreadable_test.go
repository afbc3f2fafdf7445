package kubectl

import (
	"bytes"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// A partner whose end cannot be read must not be exported without an end.
func TestUnreadableIsTold(t *testing.T) {
	list := &v1alpha1.PartnershipList{Items: make([]v1alpha1.Partnership, 2)}
	for i, name := range []string{"ada", "eve"} {
		list.Items[i].Namespace, list.Items[i].Name = "acme", name
	}
	list.Items[1].UnreadableFields = []string{"spec.validUntil"}
	var out bytes.Buffer
	if err := warnUnreadable(&out, list); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "ada") || !strings.HasPrefix(got, "warning: acme/eve: spec.validUntil holds a value that cannot be read") {
		t.Errorf("the warnings are %q", got)
	}
	var left leftOut
	if left.leave(&list.Items[0]) || left.err() != nil {
		t.Error("one that can be read is left out")
	}
	if !left.leave(&list.Items[1]) || left.err() == nil || !strings.Contains(left.err().Error(), "acme/eve") {
		t.Errorf("one that cannot be read is exported, or it is not said: %v", left.err())
	}
}
