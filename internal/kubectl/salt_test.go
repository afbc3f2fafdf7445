package kubectl

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// salted is a program with a salt.
func salted(name, salt string) v1alpha1.Program {
	return v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name}, Status: v1alpha1.ProgramStatus{NameSalt: salt}}
}

func catalogOf(programs ...v1alpha1.Program) program.Catalog {
	return program.NewCatalog(programs, nil)
}

// janes is an invite of Jane into programs.
func janes(programs ...string) v1alpha1.PartnerInviteSpec {
	spec := v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "Jane.Roe@bigcorp.example"}}
	for _, name := range programs {
		spec.Programs = append(spec.Programs, v1alpha1.ProgramGrant{Name: name})
	}
	return spec
}

func TestSaltOf(t *testing.T) {
	catalog := catalogOf(salted("referral", "one"), salted("affiliate", "two"), salted("new", ""))
	all := newSalts(catalog, "", false)
	for want, programs := range map[string][]string{"one": {"referral"}, "two": {"referral", "affiliate"}} {
		if got := all.of(programs...); got != want {
			t.Errorf("the salt of %v is %q", programs, got)
		}
	}
	if all.of() != "two" {
		t.Errorf("the salt of all is %q", all.of())
	}
	for _, name := range []string{"new", "missing"} {
		got := all.of(name)
		if len(got) != 26 || all.of(name) != got || newSalts(catalog, "", false).of(name) == got {
			t.Errorf("the salt of program %s is %q", name, got)
		}
	}
	if got := newSalts(catalog, "given", false).of("referral"); got != "given" {
		t.Errorf("the salt is %q", got)
	}
	if offline := newSalts(program.Catalog{}, "", true); !offline.unsalted || offline.of("referral") != "" {
		t.Error("offline there is a salt that nobody gave")
	}
}

func TestInviteNamesGiveNothingAway(t *testing.T) {
	salts := newSalts(catalogOf(salted("referral", "one"), salted("reseller", "two")), "", false)
	forTeam := v1alpha1.PartnerInviteSpec{TeamRef: &v1alpha1.TeamReference{Name: strings.Repeat("agency-", 8) + "of-us"}, Members: []v1alpha1.ProposedMember{{Email: "carl@agency.example"}}}
	forms := map[string]*regexp.Regexp{}
	for name, spec := range map[string]v1alpha1.PartnerInviteSpec{
		"partner": janes("referral"), "all": janes(), "team": forTeam,
	} {
		forms[name] = regexp.MustCompile(`^partner-[a-z2-7]{16}$`)
		if spec.TeamRef != nil {
			forms[name] = regexp.MustCompile(`^agency-.*[a-z]-[a-z2-7]{16}$`)
		}
		for _, got := range inviteNames(spec, salts) {
			if !forms[name].MatchString(got) || len(validation.IsDNS1123Label(got)) > 0 || !madeName.MatchString(got) || strings.Contains(got, "carl") {
				t.Errorf("%s: the name is %q", name, got)
			}
		}
	}
	one, other := janes("reseller", "referral"), janes("referral", "reseller")
	other.Contact.Email = "jane.roe@BIGCORP.example"
	if diff := cmp.Diff(inviteNames(one, salts), inviteNames(other, salts)); diff != "" {
		t.Errorf("case and order make another name:\n%s", diff)
	}
	if inviteNames(janes("referral"), salts)[0] == inviteNames(janes("reseller"), salts)[0] {
		t.Error("two programs make one name")
	}
}

// deskWith is a desk at a cluster of these objects.
func deskWith(objects ...client.Object) Desk {
	return Desk{Client: fake.NewClientBuilder().WithScheme(Scheme).WithObjects(objects...).Build(), Namespace: "acme"}
}

// inviteAs is an invite as the API server keeps it.
func inviteAs(name string, spec v1alpha1.PartnerInviteSpec) *v1alpha1.PartnerInvite {
	spec.Delivery = v1alpha1.DeliveryEmail
	if spec.Form == "" {
		spec.Form = v1alpha1.FormSkip
	}
	return &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name}, Spec: spec}
}

// An invite that an older version made, or that was made with another salt, is found, and none is made beside it. One that
// somebody named themselves, or that is about something else, is another.
func TestInviteAgain(t *testing.T) {
	salts := newSalts(catalogOf(salted("referral", "one")), "", false)
	names := inviteNames(janes("referral"), salts)
	otherForm, another := janes("referral"), janes("referral", "reseller")
	otherForm.Form = v1alpha1.FormRequire
	owned := inviteAs("partner-aaaaaaaaaaaaaaaa", janes("referral"))
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Partnership", Name: "jane", UID: "uid"}}
	for name, test := range map[string]struct {
		there       []client.Object
		action, as  string
		err         string
		countsAfter int
	}{
		"nothing is there":               {nil, "created", names[0], "", 1},
		"this very one":                  {[]client.Object{inviteAs(names[0], janes("referral"))}, "unchanged", names[0], "", 1},
		"of the version before":          {[]client.Object{inviteAs("jane-roe-ffc54235", janes("referral"))}, "unchanged", "jane-roe-ffc54235", "", 1},
		"of another salt":                {[]client.Object{inviteAs("partner-aaaaaaaaaaaaaaaa", janes("referral"))}, "unchanged", "partner-aaaaaaaaaaaaaaaa", "", 1},
		"of the same, with another form": {[]client.Object{inviteAs("jane-roe-ffc54235", otherForm)}, "", "", "jane-roe-ffc54235 exists and says something else", 1},
		"of a name of one's own":         {[]client.Object{inviteAs("jane", janes("referral"))}, "created", names[0], "", 2},
		"of other programs":              {[]client.Object{inviteAs("jane-roe-ffc54235", another)}, "created", names[0], "", 2},
		"one for a partnership":          {[]client.Object{owned}, "created", names[0], "", 2},
		"another's under its name":       {[]client.Object{inviteAs(names[0], another)}, "created", names[1], "", 2},
		"others' under two":              {[]client.Object{inviteAs(names[0], another), inviteAs(names[1], another)}, "created", names[2], "", 3},
		"others' under all":              {[]client.Object{inviteAs(names[0], another), inviteAs(names[1], another), inviteAs(names[2], another)}, "", "", "--name", 3},
	} {
		t.Run(name, func(t *testing.T) {
			d, i := deskWith(test.there...), &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme"}, Spec: janes("referral")}
			like, err := invitesLike(t.Context(), d, []*v1alpha1.PartnerInvite{i})
			if err != nil {
				t.Fatal(err)
			}
			got, err := Invite(t.Context(), d, i, names, like[strings.Join(aboutOf(i.Spec), "\n")])
			switch {
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("the error is %v", err)
			case test.err == "" && (err != nil || got.Action != test.action || got.Object.GetName() != test.as):
				t.Errorf("the outcome is %+v, %v", got, err)
			}
			var all v1alpha1.PartnerInviteList
			if err := d.Client.List(t.Context(), &all); err != nil || len(all.Items) != test.countsAfter {
				t.Errorf("there are %d invites, %v", len(all.Items), err)
			}
		})
	}
}

func TestAnImportTakesAnotherNameIfOneIsTaken(t *testing.T) {
	referral := salted("referral", "one")
	p := &planner{desk: deskWith(&referral), there: &existing{salts: newSalts(catalogOf(referral), "", false), partners: map[partnerKey]knownPartner{}}}
	wish := func(email string) *v1alpha1.Partnership {
		return &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: "acme"}, Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)},
		}}
	}
	var names []string
	for range 4 {
		m := &plan{}
		if err := p.have(t.Context(), m, wish("jane@bigcorp.example")); err != nil {
			t.Fatal(err)
		}
		if len(names) == 3 {
			if m.result.Result != RowFailed || !strings.Contains(m.result.Reason, names[0]) || !strings.Contains(m.result.Reason, "another name") {
				t.Errorf("with all names taken the row is %+v", m.result)
			}
			break
		}
		if m.result.Result != RowCreated || slices.Contains(names, m.result.Objects[0]) {
			t.Fatalf("the row is %+v", m.result)
		}
		names = append(names, m.result.Objects[0])
		there := m.result.made[0].(*v1alpha1.Partnership)
		there.Spec.Contact.Email = "vera@example.com" // somebody else gets the name
		if err := p.desk.Client.Update(t.Context(), there); err != nil {
			t.Fatal(err)
		}
	}
}
