package main

import (
	"regexp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/internal/cloudevent"
)

// untold are the events that should have been taken and were not: one for each thing that the objects still show.
func untold(is observed) (ids []string) {
	taken := map[string]bool{}
	for _, each := range is.Told {
		taken[each.ID] = true
	}
	expect := func(of metav1.Object) {
		for _, e := range (cloudevent.Observer{}).Changes(nil, of, time.Time{}) {
			if !taken[e.ID] {
				ids = append(ids, e.Type+" of "+e.Subject+" ("+e.ID+")")
			}
		}
	}
	for n := range is.Invites {
		expect(&is.Invites[n])
	}
	for n := range is.Partnerships {
		expect(&is.Partnerships[n])
	}
	for n := range is.Teams {
		expect(&is.Teams[n])
	}
	for n := range is.Links {
		expect(&is.Links[n])
	}
	return ids
}

// retold is how long before a process ended what it told may be told again: it had yet to write down how far it was.
const retold = 30 * time.Second

// wholeAddress is one that is not masked.
var wholeAddress = regexp.MustCompile(`[a-z0-9]@soak-`)

// told: other systems are told of everything, of nothing again without a reason, and of nobody's address.
func (c *checker) told() {
	for _, event := range untold(c.is) {
		c.breaks(ruleLost, "other systems were not told: %s", event)
	}
	last := map[string]time.Time{}
	for _, each := range c.is.Told {
		if before, again := last[each.ID]; again && !anyFault(c.is.Faults, before.Add(-retold), each.At, func(f fault) bool { return f.Retells }) {
			c.breaks(ruleTwice, "other systems were told %s of %s again after %s, and no fault explains it", each.Type, each.Subject, each.At.Sub(before).Round(time.Second))
		}
		last[each.ID] = each.At
		if found := wholeAddress.FindString(each.Body); found != "" {
			c.breaks(ruleForeign, "other systems were told an address in %s of %s", each.Type, each.Subject)
		}
	}
}
