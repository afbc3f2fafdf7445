package team

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Open tells whether the portal is open to the people of a team: a partnership of the team gives access, or the team is
// in no program yet, so that its owner can bring it together. A team whose partnerships were ended, or wait for the
// company, is closed.
func Open(of []v1alpha1.Partnership, catalog program.Catalog, now time.Time) bool {
	for i := range of {
		p := &of[i]
		if partnership.HasAccess(p, of, catalog.Programs[p.Spec.ProgramRef.Name], now) {
			return true
		}
	}
	return len(of) == 0
}
