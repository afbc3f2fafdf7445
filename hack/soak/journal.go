package main

import (
	"slices"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// journal is what was done in one tenant, and what people were answered. It knows nothing of the operator's objects but
// their names: what it says was asked for or answered over HTTP.
type journal struct {
	mutex    sync.Mutex
	Tenant   string
	Salts    map[string]string      // of the names in a program
	Invites  map[string]*invitation // by name
	Partners map[string]*partner    // by the name of the Partnership
	Teams    map[string]*team       // by name
	Links    map[string]*shared     // by name
	SignIns  map[string]int         // requests for a sign-in link, by address
	Joins    map[string]int         // requests to verify an address, by address
	Ended    []ending
	Looks    []look
	Opened   []opened
	Followed []followed
	Wrong    []finding // what a person saw that nobody may see
}

func newJournal(tenant string) *journal {
	return &journal{
		Tenant: tenant, Invites: map[string]*invitation{}, Partners: map[string]*partner{}, Teams: map[string]*team{},
		Salts: map[string]string{}, Links: map[string]*shared{}, SignIns: map[string]int{}, Joins: map[string]int{},
	}
}

// note changes the journal.
func (j *journal) note(change func(j *journal)) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	change(j)
}

// nameOf is the name that the Partnership of somebody gets.
func (j *journal) nameOf(address, program string) string {
	return partnership.Names(v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: program}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(address)},
	}, j.Salts[program])[0]
}

// invitation is an invite that was applied.
type invitation struct {
	Address string
	Team    string // the new team, or that of the teammates
	Mates   bool   // it is about teammates of an existing team, and has no mail of its own
	Link    bool   // delivered by link
	Resends int    // how often a new link was asked for
	Deleted bool
	// Accepted counts the answers of success to browsers of their own, by link; Declined likewise.
	Accepted, Declined map[string]int
}

// partner is a Partnership that somebody was told they have, or that the company changed.
type partner struct {
	Address, Team, Program string
	// Granted: somebody was answered that they are a partner, or that they are considered.
	Granted                         bool
	Revocations, Approved, Rejected int
	Revoked                         bool
	// Decision is the company's last one; empty: none.
	Decision string
	Group    string // where it was moved last; empty: it was not
	Deleted  bool
}

// team is who was answered that they are in a team.
type team struct {
	Owner  string
	Joined map[string]bool // false: removed
	// People are all that were ever proposed or invited.
	People map[string]bool
}

// shared is a share link.
type shared struct {
	Partnership string
	// Tried: somebody asked to delete it. Deleted: and was answered that it is.
	Tried, Deleted bool
}

// ending is that access ended for somebody: for all of a Partnership, or for one person in it.
type ending struct {
	Partnership string
	Address     string // empty: everybody's
	// At is when the API server had acknowledged it, and Until when it was asked to be undone; zero: it was not.
	At, Until time.Time
	// Seen: the operator had said that it ended before it was undone, so that older sessions are dead.
	Seen bool
}

// look is what the dashboard showed somebody.
type look struct {
	Address, Replica string
	// Asked and Answered frame the request; Session is when the browser's session began.
	Asked, Answered, Session time.Time
	Code                     int
	// Shown are the names of the Partnerships on the page.
	Shown []string
	// Final: nothing was changing any more. Fresh: with a session that has just begun.
	Final, Fresh bool
}

// opened is what came of opening a link in the end.
type opened struct {
	Invite, MessageID string
	Code              int
	At                time.Time
}

// followed is where a share link led in the end.
type followed struct {
	Link     string
	Code     int
	Location string
}

// ask notes a Partnership that somebody is about to ask for. One that was removed before may begin anew.
func (j *journal) ask(name string, is partner) {
	if before := j.Partners[name]; before != nil && !before.Deleted {
		return
	}
	j.Partners[name] = &is
	for n := range j.Ended {
		if e := &j.Ended[n]; e.Partnership == name && e.Until.IsZero() {
			e.Until = time.Now()
		}
	}
}

// deadline is when access must have ended everywhere: within two seconds, or later where the replicas could not hear.
func (e ending) deadline(faults []fault) time.Time {
	end := e.At.Add(refusedWithin)
	for changed := true; changed; {
		changed = false
		for _, f := range faults {
			if f.Deafens == 0 || f.From.After(end) || f.To.Add(f.Deafens).Before(e.At) {
				continue
			}
			if later := f.To.Add(f.Deafens); later.After(end) {
				end, changed = later, true
			}
		}
	}
	return end
}

// sees tells whether a Partnership may be shown to somebody at all, whatever its state.
func (j *journal) sees(name, who string) bool {
	p := j.Partners[name]
	if p == nil {
		return false
	}
	if p.Team == "" {
		return address.Equal(p.Address, who)
	}
	t := j.Teams[p.Team]
	return t != nil && (address.Equal(t.Owner, who) || t.People[who])
}

// fault is something that went wrong on purpose.
type fault struct {
	Name string
	// From and To frame it.
	From, To time.Time
	// Repeats: a mail that was handed over at this time may come again.
	Repeats bool
	// Rejects: an address may have been refused for good.
	Rejects bool
	// Deafens: caches may be behind while it lasts, and so long after it; 0: they are not.
	Deafens time.Duration
	// Ends: replicas may end by it.
	Ends bool
	// Retells: other systems may be told again of what happened about that time.
	Retells bool
}

// touches tells whether a fault lasted at some time of a span.
func (f fault) touches(from, to time.Time) bool { return !f.From.After(to) && !f.To.Before(from) }

func anyFault(faults []fault, from, to time.Time, is func(fault) bool) bool {
	return slices.ContainsFunc(faults, func(f fault) bool { return is(f) && f.touches(from, to) })
}

// finding is an invariant that was broken.
type finding struct{ Rule, What string }

func (f finding) String() string { return f.Rule + ": " + f.What }
