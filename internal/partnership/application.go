package partnership

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// stale is how old an application is, when its partnership is created, that was not sent a moment ago: it comes from a
// backup, and is no news.
const stale = 10 * time.Minute

// applications counts how often the person applied by a join link.
func applications(p *v1alpha1.Partnership) int64 {
	count := int64(0)
	if p.Spec.Application.SubmittedTime != "" {
		count++
	}
	if again := p.Status.Reapplication; again != nil {
		count += again.Serial
	}
	return count
}

// tellStaff notes that the company's staff is to be told of an application, once for each.
func (d *Decision) tellStaff(in Input) {
	p, count := in.Partnership, applications(in.Partnership)
	before := Mail(&d.Status, v1alpha1.MailApplicationReceived, "")
	if count == 0 || before != nil && before.Serial >= count {
		return
	}
	submitted, _ := p.Spec.Application.SubmittedTime.Time()
	news := p.Status.Reapplication != nil || isNew(p) && p.CreationTimestamp.Sub(submitted) < stale
	Enqueue(&d.Status, v1alpha1.MailApplicationReceived, count, news && in.HasStaff)
}
