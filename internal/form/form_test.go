package form

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

func programOf(name, defaultGroup string) v1alpha1.Program {
	p := v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if defaultGroup != "" {
		p.Spec.DefaultGroupRef = &v1alpha1.GroupReference{Name: defaultGroup}
	}
	return p
}

func groupOf(name, programName string, fields ...v1alpha1.FormField) v1alpha1.PartnerGroup {
	return v1alpha1.PartnerGroup{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: programName}, Join: v1alpha1.GroupJoin{Fields: fields}},
	}
}

func grant(programName, group string) v1alpha1.ProgramGrant {
	g := v1alpha1.ProgramGrant{Name: programName}
	if group != "" {
		g.GroupRef = &v1alpha1.GroupReference{Name: group}
	}
	return g
}

// a field of a type, labelled with the group that asks.
func field(name string, fieldType v1alpha1.FormFieldType, label string) v1alpha1.FormField {
	return v1alpha1.FormField{Name: v1alpha1.FormFieldName(name), Type: fieldType, Label: v1alpha1.LineOfText(label)}
}

func required(f v1alpha1.FormField) v1alpha1.FormField {
	f.Required = true
	return f
}

func TestAsked(t *testing.T) {
	const text, address = v1alpha1.FieldText, v1alpha1.FieldURL
	catalog := program.NewCatalog(
		[]v1alpha1.Program{programOf("referral", "standard"), programOf("reseller", ""), programOf("affiliate", "")},
		[]v1alpha1.PartnerGroup{
			groupOf("standard", "referral", field("company", text, "standard")),
			groupOf("gold", "referral", field("website", address, "gold"), field("company", text, "gold")),
			groupOf("silver", "reseller", required(field("company", text, "silver")), field("vat-id", text, "silver"), field("website", text, "silver")),
			groupOf("plain", "reseller"),
			groupOf("strict", "affiliate", required(field("company", text, "strict"))),
			groupOf("lost", "gone", field("lost", text, "lost")),
		},
	)
	for name, test := range map[string]struct {
		skip  []v1alpha1.InviteForm // unset: the form is required
		scope []v1alpha1.ProgramGrant
		want  []v1alpha1.FormField
	}{
		"nothing, if the form is skipped":    {skip: []v1alpha1.InviteForm{v1alpha1.FormSkip, ""}, scope: []v1alpha1.ProgramGrant{grant("referral", "gold")}},
		"nothing, in a group without a form": {scope: []v1alpha1.ProgramGrant{grant("reseller", "plain")}},
		"nothing, without a group":           {scope: []v1alpha1.ProgramGrant{grant("reseller", "")}},
		"what the group asks": {
			scope: []v1alpha1.ProgramGrant{grant("referral", "gold")},
			want:  []v1alpha1.FormField{field("website", address, "gold"), field("company", text, "gold")},
		},
		"what the default group asks": {
			scope: []v1alpha1.ProgramGrant{grant("referral", "")},
			want:  []v1alpha1.FormField{field("company", text, "standard")},
		},
		"what the default group asks, while the group does not exist": {
			scope: []v1alpha1.ProgramGrant{grant("referral", "platinum")},
			want:  []v1alpha1.FormField{field("company", text, "standard")},
		},
		"a name once, as the first has it, and required if the other requires it": {
			scope: []v1alpha1.ProgramGrant{grant("referral", "gold"), grant("reseller", "silver")},
			want:  []v1alpha1.FormField{field("website", address, "gold"), required(field("company", text, "gold")), field("vat-id", text, "silver")},
		},
		"in the order of the programs": {
			scope: []v1alpha1.ProgramGrant{grant("reseller", "silver"), grant("referral", "gold")},
			want:  []v1alpha1.FormField{required(field("company", text, "silver")), field("vat-id", text, "silver"), field("website", text, "silver")},
		},
		"nothing for a program that is gone": {
			scope: []v1alpha1.ProgramGrant{grant("gone", "lost"), grant("affiliate", "strict")},
			want:  []v1alpha1.FormField{required(field("company", text, "strict"))},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ways := test.skip
			if ways == nil {
				ways = []v1alpha1.InviteForm{v1alpha1.FormRequire}
			}
			for _, form := range ways {
				i := &v1alpha1.PartnerInvite{Spec: v1alpha1.PartnerInviteSpec{Form: form}, Status: v1alpha1.PartnerInviteStatus{Programs: test.scope}}
				if diff := cmp.Diff(test.want, Asked(i, catalog)); diff != "" {
					t.Errorf("with form %q unexpected (-want +got):\n%s", form, diff)
				}
			}
		})
	}
	if catalog.Groups["gold"].Spec.Join.Fields[1].Required {
		t.Error("the group in the catalog was changed")
	}
}

func TestSelect(t *testing.T) {
	fields := []v1alpha1.FormField{field("website", v1alpha1.FieldURL, ""), field("company", v1alpha1.FieldText, "")}
	for name, test := range map[string]struct{ given, want map[string]v1alpha1.Answer }{
		"nothing given":            {},
		"nothing of it asked":      {given: map[string]v1alpha1.Answer{"vat-id": "1"}},
		"only what is asked":       {given: map[string]v1alpha1.Answer{"vat-id": "1", "company": "Agency"}, want: map[string]v1alpha1.Answer{"company": "Agency"}},
		"all that is asked":        {given: map[string]v1alpha1.Answer{"website": "https://a.example", "company": "Agency"}, want: map[string]v1alpha1.Answer{"website": "https://a.example", "company": "Agency"}},
		"an empty answer is given": {given: map[string]v1alpha1.Answer{"company": ""}, want: map[string]v1alpha1.Answer{"company": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Select(fields, test.given)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}
