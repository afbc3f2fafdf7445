package controller

import (
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/courier"
)

// Otherwise three applications and a wrong notifyStaff would hold all mail of the brand.
func TestNoticesToTheStaffGoToOneMailboxWhoeverApplied(t *testing.T) {
	tenant := &courier.Tenant{Brand: brand.Brand{NotifyStaff: []string{"staff@acme.example", "bob@acme.example"}}}
	ada := &v1alpha1.TeamOwner{Email: "ada@example.com"}
	for kind, want := range map[v1alpha1.MailKind]string{
		v1alpha1.MailApplicationReceived: "staff@acme.example",
		v1alpha1.MailApproved:            "ada@example.com",
	} {
		if got := mailbox(kind, ada, tenant); got != want {
			t.Errorf("%s goes to %s, want %s", kind, got, want)
		}
	}
}
