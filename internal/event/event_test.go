package event

import "testing"

func TestTypes(t *testing.T) {
	if got, want := Normal("Sent", "Send", "Mailed"), (Event{"Normal", "Sent", "Send", "Mailed"}); got != want {
		t.Errorf("Normal = %+v", got)
	}
	if got, want := Warning("GaveUp", "Send", "Given up"), (Event{"Warning", "GaveUp", "Send", "Given up"}); got != want {
		t.Errorf("Warning = %+v", got)
	}
}
