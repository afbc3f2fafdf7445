package program

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// programOf is a program whose default group has this name; nothing: it has none.
func programOf(name, defaultGroup string) v1alpha1.Program {
	p := v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1}}
	if defaultGroup != "" {
		p.Spec.DefaultGroupRef = &v1alpha1.GroupReference{Name: defaultGroup}
	}
	return p
}

func groupOf(name, of string) v1alpha1.PartnerGroup {
	return v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1},
		Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: of}},
	}
}

// catalogWith is two programs with groups; the default group of referral is the given one.
func catalogWith(defaultGroup string) Catalog {
	return NewCatalog(
		[]v1alpha1.Program{programOf("referral", defaultGroup), programOf("reseller", "")},
		[]v1alpha1.PartnerGroup{groupOf("standard", "referral"), groupOf("gold", "referral"), groupOf("bronze", "referral"), groupOf("silver", "reseller")},
	)
}

func reasonOf(u *Unresolved) string {
	if u == nil {
		return ""
	}
	return u.Reason
}

func TestNewCatalogTellsObjectsApart(t *testing.T) {
	c := catalogWith("standard")
	for name, p := range c.Programs {
		if p.Name != name {
			t.Errorf("Program %s stands under %s", p.Name, name)
		}
	}
	for name, g := range c.Groups {
		if g.Name != name {
			t.Errorf("PartnerGroup %s stands under %s", g.Name, name)
		}
	}
	if len(c.Programs) != 2 || len(c.Groups) != 4 {
		t.Errorf("%d programs and %d groups", len(c.Programs), len(c.Groups))
	}
}

func TestGrant(t *testing.T) {
	for name, test := range map[string]struct {
		program, group string
		reason         string
		says           []string
	}{
		"a program":                               {"referral", "", "", nil},
		"a program and a group of it":             {"referral", "gold", "", nil},
		"no such program":                         {"affiliate", "", v1alpha1.ReasonProgramNotFound, []string{`Program "affiliate"`}},
		"no such group":                           {"referral", "platinum", v1alpha1.ReasonGroupNotFound, []string{`PartnerGroup "platinum"`}},
		"a group of another program":              {"referral", "silver", v1alpha1.ReasonGroupNotInProgram, []string{`"silver" belongs to Program "reseller"`, `a group of "referral"`}},
		"no such program, whatever the group":     {"affiliate", "gold", v1alpha1.ReasonProgramNotFound, []string{`Program "affiliate"`}},
		"no such program, and no such group":      {"affiliate", "platinum", v1alpha1.ReasonProgramNotFound, []string{`Program "affiliate"`}},
		"a group whose name is that of a program": {"referral", "reseller", v1alpha1.ReasonGroupNotFound, []string{`PartnerGroup "reseller"`}},
	} {
		t.Run(name, func(t *testing.T) {
			grant := v1alpha1.ProgramGrant{Name: test.program}
			if test.group != "" {
				grant.GroupRef = &v1alpha1.GroupReference{Name: test.group}
			}
			got := catalogWith("standard").Grant(grant)
			if reasonOf(got) != test.reason {
				t.Fatalf("Grant = %+v, want the reason %q", got, test.reason)
			}
			for _, want := range test.says {
				if !strings.Contains(got.Message, want) {
					t.Errorf("%q does not say %q", got.Message, want)
				}
			}
		})
	}
}

func TestDefaultGroup(t *testing.T) {
	for name, test := range map[string]struct{ program, defaultGroup, want string }{
		"set":                    {"referral", "standard", "standard"},
		"unset":                  {"referral", "", ""},
		"it does not exist":      {"referral", "platinum", ""},
		"it is of another":       {"referral", "silver", ""},
		"of another program":     {"reseller", "standard", ""},
		"of no existing program": {"affiliate", "standard", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := catalogWith(test.defaultGroup).DefaultGroup(test.program); got != test.want {
				t.Errorf("DefaultGroup = %q, want %q", got, test.want)
			}
		})
	}
}

// Every combination of what is wished, what the default is, and what is in force so far.
func TestGroupInForce(t *testing.T) {
	const notFound, notInProgram = v1alpha1.ReasonGroupNotFound, v1alpha1.ReasonGroupNotInProgram
	const none = ""
	for name, test := range map[string]struct {
		wished, defaultGroup string
		// The group in force, if so far it was none, bronze, one that was deleted, and one of another program.
		fromNone, fromBronze, fromDeleted, fromForeign string
		reason                                         string
	}{
		"nothing wished, a default":                    {none, "standard", "standard", "standard", "standard", "standard", ""},
		"nothing wished, no default":                   {none, none, none, none, none, none, ""},
		"nothing wished, the default is missing":       {none, "platinum", none, "bronze", none, none, ""},
		"nothing wished, the default is of another":    {none, "silver", none, "bronze", none, none, ""},
		"one that exists, a default":                   {"gold", "standard", "gold", "gold", "gold", "gold", ""},
		"one that exists, no default":                  {"gold", none, "gold", "gold", "gold", "gold", ""},
		"one that exists, the default is missing":      {"gold", "platinum", "gold", "gold", "gold", "gold", ""},
		"one that exists, the default is of another":   {"gold", "silver", "gold", "gold", "gold", "gold", ""},
		"one that is missing, a default":               {"platinum", "standard", "standard", "bronze", "standard", "standard", notFound},
		"one that is missing, no default":              {"platinum", none, none, "bronze", none, none, notFound},
		"one that is missing, so is the default":       {"platinum", "platinum", none, "bronze", none, none, notFound},
		"one that is missing, default of another":      {"platinum", "silver", none, "bronze", none, none, notFound},
		"one of another program, a default":            {"silver", "standard", "standard", "bronze", "standard", "standard", notInProgram},
		"one of another program, no default":           {"silver", none, none, "bronze", none, none, notInProgram},
		"one of another program, default missing":      {"silver", "platinum", none, "bronze", none, none, notInProgram},
		"one of another program, so is the default":    {"silver", "silver", none, "bronze", none, none, notInProgram},
		"the one that is in force":                     {"bronze", "standard", "bronze", "bronze", "bronze", "bronze", ""},
		"the one that is missing was in force so far":  {"deleted", "standard", "standard", "bronze", "standard", "standard", notFound},
		"the one that is the default, of this program": {"standard", "standard", "standard", "standard", "standard", "standard", ""},
	} {
		for soFar, want := range map[string]string{none: test.fromNone, "bronze": test.fromBronze, "deleted": test.fromDeleted, "silver": test.fromForeign} {
			t.Run(name+", so far "+soFar, func(t *testing.T) {
				var wished *v1alpha1.GroupReference
				if test.wished != none {
					wished = &v1alpha1.GroupReference{Name: test.wished}
				}
				got, unresolved := catalogWith(test.defaultGroup).GroupInForce("referral", wished, soFar)
				if got != want {
					t.Errorf("the group in force is %q, want %q", got, want)
				}
				if reasonOf(unresolved) != test.reason {
					t.Errorf("unresolved = %+v, want the reason %q", unresolved, test.reason)
				}
			})
		}
	}
}
