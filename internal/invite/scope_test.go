package invite

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

func TestScope(t *testing.T) {
	deleted := metav1.NewTime(start)
	leaving := programOf("affiliate")
	leaving.DeletionTimestamp = &deleted
	catalog := program.NewCatalog(
		[]v1alpha1.Program{programOf("referral"), programOf("reseller"), leaving},
		[]v1alpha1.PartnerGroup{groupOf("gold", "referral"), groupOf("silver", "reseller")},
	)
	many := func(count int) program.Catalog {
		c := program.NewCatalog(nil, nil)
		for i := range count {
			p := programOf(fmt.Sprintf("p%03d", i))
			c.Programs[p.Name] = &p
		}
		return c
	}
	for name, test := range map[string]struct {
		named   []v1alpha1.ProgramGrant
		catalog program.Catalog
		want    []v1alpha1.ProgramGrant
		reason  string
	}{
		"the programs that it names":    {named: []v1alpha1.ProgramGrant{grant("reseller"), grantIn("referral", "gold")}, want: []v1alpha1.ProgramGrant{grant("reseller"), grantIn("referral", "gold")}},
		"all there are, by name":        {want: []v1alpha1.ProgramGrant{grant("referral"), grant("reseller")}},
		"one that does not exist":       {named: []v1alpha1.ProgramGrant{grant("referral"), grant("cosell")}, reason: v1alpha1.ReasonProgramNotFound},
		"a group that does not exist":   {named: []v1alpha1.ProgramGrant{grantIn("referral", "platinum")}, reason: v1alpha1.ReasonGroupNotFound},
		"a group of another program":    {named: []v1alpha1.ProgramGrant{grant("reseller"), grantIn("referral", "silver")}, reason: v1alpha1.ReasonGroupNotInProgram},
		"none there are":                {catalog: many(0), reason: v1alpha1.ReasonProgramNotFound},
		"the only one is being deleted": {catalog: program.NewCatalog([]v1alpha1.Program{leaving}, nil), reason: v1alpha1.ReasonProgramNotFound},
		"one more than it can hold":     {catalog: many(maxScope + 1), reason: v1alpha1.ReasonTooManyPrograms},
	} {
		t.Run(name, func(t *testing.T) {
			c := catalog
			if test.catalog.Programs != nil {
				c = test.catalog
			}
			got, unresolved := Scope(&v1alpha1.PartnerInvite{Spec: v1alpha1.PartnerInviteSpec{Programs: test.named}}, c)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			switch {
			case (unresolved != nil) != (test.reason != ""):
				t.Errorf("unresolved = %+v", unresolved)
			case unresolved != nil && unresolved.Reason != test.reason:
				t.Errorf("the reason is %s, want %s", unresolved.Reason, test.reason)
			}
		})
	}
	if got, unresolved := Scope(&v1alpha1.PartnerInvite{}, many(maxScope)); len(got) != maxScope || unresolved != nil {
		t.Errorf("of as many as it can hold it offers %d: %+v", len(got), unresolved)
	}
}

func TestLifetime(t *testing.T) {
	referral, reseller, gold, standard := programOf("referral"), programOf("reseller"), groupOf("gold", "referral"), groupOf("standard", "referral")
	referral.Spec.Invites.ExpiresAfter = "48h"
	gold.Spec.Invites.ExpiresAfter = "72h"
	standard.Spec.Invites.ExpiresAfter = "2h30m"
	withDefault := referral
	withDefault.Spec.DefaultGroupRef = &v1alpha1.GroupReference{Name: "standard"}
	groups := []v1alpha1.PartnerGroup{gold, standard, groupOf("plain", "referral"), groupOf("silver", "reseller")}
	plain := program.NewCatalog([]v1alpha1.Program{referral, reseller}, groups)
	for name, test := range map[string]struct {
		own     v1alpha1.InviteLifetime
		scope   []v1alpha1.ProgramGrant
		catalog program.Catalog
		want    time.Duration
	}{
		"its own":                             {"1m", []v1alpha1.ProgramGrant{grantIn("referral", "gold")}, plain, time.Minute},
		"its own, longer than all others":     {"8760h", []v1alpha1.ProgramGrant{grant("referral")}, plain, 8760 * time.Hour},
		"its group's":                         {"", []v1alpha1.ProgramGrant{grantIn("referral", "gold")}, plain, 72 * time.Hour},
		"its program's":                       {"", []v1alpha1.ProgramGrant{grant("referral")}, plain, 48 * time.Hour},
		"its program's, as its group is mute": {"", []v1alpha1.ProgramGrant{grantIn("referral", "plain")}, plain, 48 * time.Hour},
		"neither says":                        {"", []v1alpha1.ProgramGrant{grantIn("reseller", "silver")}, plain, week},
		"the shortest of several":             {"", []v1alpha1.ProgramGrant{grant("reseller"), grant("referral")}, plain, 48 * time.Hour},
		"the shortest, from a group":          {"", []v1alpha1.ProgramGrant{grantIn("referral", "gold"), grant("reseller")}, plain, 72 * time.Hour},
		"the default group's":                 {"", []v1alpha1.ProgramGrant{grant("referral")}, program.NewCatalog([]v1alpha1.Program{withDefault}, groups), 150 * time.Minute},
		"its group goes before the default":   {"", []v1alpha1.ProgramGrant{grantIn("referral", "gold")}, program.NewCatalog([]v1alpha1.Program{withDefault}, groups), 72 * time.Hour},
		"its program is gone":                 {"", []v1alpha1.ProgramGrant{grant("cosell")}, plain, week},
	} {
		t.Run(name, func(t *testing.T) {
			invite := &v1alpha1.PartnerInvite{Spec: v1alpha1.PartnerInviteSpec{ExpiresAfter: test.own}}
			if got := Lifetime(invite, test.scope, test.catalog); got != test.want {
				t.Errorf("Lifetime = %s, want %s", got, test.want)
			}
		})
	}
}

func TestExpiryIsCountedFromTheIssue(t *testing.T) {
	l := newLife()
	l.catalog.Programs["referral"].Spec.Invites.ExpiresAfter = "48h"
	programGoes(t, l)
	looksAgain(t, l)
	after(time.Hour)(t, l)
	programComes(t, l)
	l.catalog.Programs["referral"].Spec.Invites.ExpiresAfter = "24h"
	mailed(busy)(t, l)
	l.catalog.Programs["referral"].Spec.Invites.ExpiresAfter = "96h"
	after(2*time.Hour)(t, l)
	mailed(nil)(t, l)
	if got, want := l.invite.Status.ExpiryTime.Time, start.Add(25*time.Hour); !got.Equal(want) {
		t.Errorf("it expires at %s, want %s", got, want)
	}
}
