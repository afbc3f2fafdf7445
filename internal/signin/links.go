// Package signin holds the rules of signing in, for partners and for people of a team alike: how long a mailed link
// works, when one more is mailed, and which sessions count. It is pure: what status says and the time go in.
package signin

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	// DefaultLinkLifetime is how long a sign-in link works where nothing else is said.
	DefaultLinkLifetime = 15 * time.Minute
	// ShortestLinkLifetime is the least that can be said.
	ShortestLinkLifetime = time.Minute
	// LongestLinkLifetime is the most.
	LongestLinkLifetime = time.Hour
	// MaxOpen is how many links of one person are open at once.
	MaxOpen = 3
	// maxLinks is how many links status holds, those included that are dead and say so until their time is over.
	maxLinks = 8
)

// State tells whether a link works.
type State string

// The states of a link.
const (
	// Open: it works.
	Open State = "Open"
	// Gone: it, or another one that was open with it, was used; or it was withdrawn or never issued.
	Gone State = "Gone"
	// Expired: its time is over.
	Expired State = "Expired"
	// Dead: too many wrong addresses were typed on its page.
	Dead State = "Dead"
)

// StateOf tells whether the link of a number works.
func StateOf(s v1alpha1.PartnershipSignIn, serial int64, now time.Time) State {
	l := find(s, serial)
	switch {
	case l == nil:
		return Gone
	case !now.Before(expiry(*l)):
		return Expired
	case l.WrongAddresses.LinkDead():
		return Dead
	default:
		return Open
	}
}

// LifetimeOf is how long the link of a number works, from when it was asked for.
func LifetimeOf(s v1alpha1.PartnershipSignIn, serial int64) time.Duration {
	l := find(s, serial)
	if l == nil {
		return 0
	}
	return expiry(*l).Sub(l.RequestedTime.Time)
}

// Request issues one more link, if one is due, and leaves the older ones alone. It is false if none is: then a link with
// half of its time or more to go is in the mailbox already. It must be written with the resourceVersion that was judged.
func Request(a *v1alpha1.Access, lifetime time.Duration, now time.Time) bool {
	s := &a.SignIn
	open := slices.DeleteFunc(links(*s), func(l v1alpha1.SignInLink) bool { return !now.Before(expiry(l)) })
	dead := func(l v1alpha1.SignInLink) bool { return l.WrongAddresses.LinkDead() }
	if !due(slices.DeleteFunc(slices.Clone(open), dead), lifetime, now) {
		return false
	}
	if len(open) == maxLinks { // a dead one: of the others there are fewer
		at := slices.IndexFunc(open, dead)
		open = slices.Delete(open, at, at+1)
	}
	s.Serial++
	s.RequestedTime = seconds(now)
	s.Open = append(open, v1alpha1.SignInLink{Serial: s.Serial, RequestedTime: *seconds(now), ExpiryTime: seconds(now.Add(lifetime))})
	return true
}

// due tells whether one more link is mailed to somebody who has these open, the oldest first. The second one follows soon,
// for whoever did not get the first. The third one waits until the first is half over, so that the newest never gets older
// than half its life before there is room for another.
func due(open []v1alpha1.SignInLink, lifetime time.Duration, now time.Time) bool {
	older := func(l v1alpha1.SignInLink, age time.Duration) bool { return now.Sub(l.RequestedTime.Time) >= age }
	switch len(open) {
	case 0:
		return true
	case 1:
		return older(open[0], min(time.Minute, lifetime/MaxOpen))
	case 2:
		return older(open[0], lifetime/2) && older(open[1], lifetime/MaxOpen)
	default:
		return false
	}
}

// CountWrongAddress notes that an address was typed on the page of the link of a number that is not that of its person, and
// gives how many these are now. It must be written with the resourceVersion that was judged.
func CountWrongAddress(a *v1alpha1.Access, serial int64) v1alpha1.WrongAddresses {
	s := &a.SignIn
	s.Open = links(*s)
	i := slices.IndexFunc(s.Open, func(l v1alpha1.SignInLink) bool { return l.Serial == serial })
	if i < 0 {
		return 0
	}
	s.Open[i].WrongAddresses = s.Open[i].WrongAddresses.Next()
	return s.Open[i].WrongAddresses
}

// AskedBy tells whether a browser that asked at a time can have asked for the link of a number: it asked first. One that asks
// once it has the link of somebody else would find out by that whether an address is the right one.
func AskedBy(s v1alpha1.PartnershipSignIn, serial int64, asked time.Time) bool {
	l := find(s, serial)
	return l != nil && !asked.Truncate(time.Second).After(l.RequestedTime.Time)
}

// Use spends the open links: one was used, and the others end with it.
func Use(a *v1alpha1.Access, now time.Time) {
	a.SignIn.Serial++
	a.SignIn.LastTime = seconds(now)
	Seen(a, now)
	Withdraw(a)
}

// Withdraw ends the open links.
func Withdraw(a *v1alpha1.Access) {
	a.SignIn.RequestedTime, a.SignIn.Open = nil, nil
}

// links are those that were issued and not used, the oldest first. Before there was a list of them there was one at most:
// the one of the serial.
func links(s v1alpha1.PartnershipSignIn) []v1alpha1.SignInLink {
	if len(s.Open) == 0 && s.RequestedTime != nil {
		return []v1alpha1.SignInLink{{Serial: s.Serial, RequestedTime: *s.RequestedTime}}
	}
	return slices.Clone(s.Open)
}

func find(s v1alpha1.PartnershipSignIn, serial int64) *v1alpha1.SignInLink {
	all := links(s)
	i := slices.IndexFunc(all, func(l v1alpha1.SignInLink) bool { return l.Serial == serial })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func expiry(l v1alpha1.SignInLink) time.Time {
	if l.ExpiryTime == nil {
		return l.RequestedTime.Add(DefaultLinkLifetime)
	}
	return l.ExpiryTime.Time
}

func seconds(at time.Time) *metav1.Time { return &metav1.Time{Time: at} }
