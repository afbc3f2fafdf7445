package team

import (
	"fmt"
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// How many people the owner and the admins of a team can invite together, whatever became of those they invited. Whom the
// company proposed does not count: approving them is theirs, and happens once for each.
const (
	MaxInvitesPerHour = 20
	MaxInvitesPerDay  = 50
	// MaxInvitesPerAddress is how often the same person can be invited within a day. A link lives longer than that.
	MaxInvitesPerAddress = 3

	day = 24 * time.Hour
)

// overQuota tells why the team cannot send another invitation now, to an address; nil: it can.
func overQuota(t *v1alpha1.PartnerTeam, to string, now time.Time) error {
	var all, toThem []time.Time
	for _, i := range t.Status.Invitations {
		all = append(all, i.Time.Time)
		if address.Equal(string(i.To), to) {
			toThem = append(toThem, i.Time.Time)
		}
	}
	for _, limit := range []struct {
		most   int
		sent   []time.Time
		within time.Duration
		text   string
	}{
		{MaxInvitesPerAddress, toThem, day, "This person was invited %d times within a day, and the newest mail has a link that works. You can invite them again after %s."},
		{MaxInvitesPerHour, all, time.Hour, "Your team has invited %d people within an hour, which is as many as it can. You can go on after %s."},
		{MaxInvitesPerDay, all, day, "Your team has invited %d people within a day, which is as many as it can. You can go on after %s."},
	} {
		if len(limit.sent) < limit.most {
			continue
		}
		if until := limit.sent[len(limit.sent)-limit.most].Add(limit.within); now.Before(until) {
			return &Refusal{TooMany, fmt.Sprintf(limit.text, limit.most, until.UTC().Format("2 January, 15:04 UTC"))}
		}
	}
	return nil
}

// noteInvitation notes that the team sent an invitation, and forgets those that count no more.
func noteInvitation(t *v1alpha1.PartnerTeam, to v1alpha1.EmailAddress, now time.Time) {
	sent := slices.DeleteFunc(t.Status.Invitations, func(i v1alpha1.TeamInvitation) bool { return !now.Before(i.Time.Add(day)) })
	sent = append(sent, v1alpha1.TeamInvitation{Time: *seconds(now), To: to})
	slices.SortStableFunc(sent, func(a, b v1alpha1.TeamInvitation) int { return a.Time.Compare(b.Time.Time) }) // clocks differ
	t.Status.Invitations = sent[max(0, len(sent)-MaxInvitesPerDay):]
}
