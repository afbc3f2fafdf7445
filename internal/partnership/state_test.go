package partnership

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// A manifest without a status, as a backup may give it back, is judged by what it says itself.
func TestStateWithoutStatus(t *testing.T) {
	past, future := v1alpha1.NewTimestamp(start.Add(-time.Second)), v1alpha1.NewTimestamp(start.Add(time.Second))
	approved, rejected := &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}, &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
	const send, approval, automatic = v1alpha1.InvitationSend, v1alpha1.OnboardingApproval, v1alpha1.OnboardingAutomatic
	const invite, joinLink = v1alpha1.SourceInvite, v1alpha1.SourceJoinLink
	type spec = v1alpha1.PartnershipSpec
	for name, test := range map[string]struct {
		spec spec
		want v1alpha1.PartnershipState
	}{
		"a grant of the company":             {spec{}, v1alpha1.PartnershipActive},
		"an import":                          {spec{Source: v1alpha1.SourceImport}, v1alpha1.PartnershipActive},
		"from a network":                     {spec{Source: v1alpha1.SourceNetwork}, v1alpha1.PartnershipActive},
		"from an invite":                     {spec{Source: invite, Onboarding: automatic}, v1alpha1.PartnershipActive},
		"from an invite, of an old backup":   {spec{Source: invite}, v1alpha1.PartnershipActive},
		"from an invite, unapproved":         {spec{Source: invite, Onboarding: approval}, v1alpha1.PartnershipPending},
		"from an invite, approved":           {spec{Source: invite, Onboarding: approval, Approval: approved}, v1alpha1.PartnershipActive},
		"from an invite, rejected":           {spec{Source: invite, Onboarding: approval, Approval: rejected}, v1alpha1.PartnershipRejected},
		"from an invite, and to be invited":  {spec{Source: invite, Invitation: send}, v1alpha1.PartnershipActive},
		"an application":                     {spec{Source: joinLink}, v1alpha1.PartnershipPending},
		"an application, approved":           {spec{Source: joinLink, Approval: approved}, v1alpha1.PartnershipActive},
		"an application that needs none":     {spec{Source: joinLink, Onboarding: automatic}, v1alpha1.PartnershipActive},
		"an application, and to be invited":  {spec{Source: joinLink, Invitation: send}, v1alpha1.PartnershipPending},
		"a proposal":                         {spec{Onboarding: approval}, v1alpha1.PartnershipPending},
		"approved, which nobody asked for":   {spec{Approval: approved}, v1alpha1.PartnershipActive},
		"rejected, which nobody asked for":   {spec{Approval: rejected}, v1alpha1.PartnershipRejected},
		"to be invited":                      {spec{Invitation: send}, v1alpha1.PartnershipInvited},
		"to be invited, approved in advance": {spec{Invitation: send, Approval: approved}, v1alpha1.PartnershipInvited},
		"to be invited, then approved":       {spec{Invitation: send, Onboarding: approval}, v1alpha1.PartnershipInvited},
		"to be invited, rejected":            {spec{Invitation: send, Approval: rejected}, v1alpha1.PartnershipRejected},
		"revoked":                            {spec{Revocation: &v1alpha1.Revocation{}}, v1alpha1.PartnershipRevoked},
		"revoked and expired":                {spec{Revocation: &v1alpha1.Revocation{}, ValidUntil: past}, v1alpha1.PartnershipRevoked},
		"revoked and rejected":               {spec{Revocation: &v1alpha1.Revocation{}, Approval: rejected}, v1alpha1.PartnershipRevoked},
		"its end has come":                   {spec{ValidUntil: past}, v1alpha1.PartnershipExpired},
		"its end comes now":                  {spec{ValidUntil: v1alpha1.NewTimestamp(start)}, v1alpha1.PartnershipExpired},
		"its end is to come":                 {spec{ValidUntil: future}, v1alpha1.PartnershipActive},
		"its end cannot be read":             {spec{ValidUntil: "2027-01-01t00:00:00z"}, v1alpha1.PartnershipExpired},
		"expired and rejected":               {spec{ValidUntil: past, Approval: rejected}, v1alpha1.PartnershipExpired},
		"expired and to be invited":          {spec{ValidUntil: past, Invitation: send}, v1alpha1.PartnershipExpired},
		"the portal is closed":               {spec{PortalAccess: v1alpha1.PortalAccessDisabled}, v1alpha1.PartnershipActive},
		"the portal is closed, no invite":    {spec{PortalAccess: v1alpha1.PortalAccessDisabled, Invitation: v1alpha1.InvitationNone}, v1alpha1.PartnershipActive},
		"the portal is closed, to invite":    {spec{PortalAccess: v1alpha1.PortalAccessDisabled, Invitation: send}, v1alpha1.PartnershipInvited},
	} {
		t.Run(name, func(t *testing.T) {
			if got := State(&v1alpha1.Partnership{Spec: test.spec}, nil, start); got != test.want {
				t.Errorf("State = %s, want %s", got, test.want)
			}
		})
	}
}

// What the program says when the person accepts counts for who was invited, and never moves who was granted access.
func TestAccepted(t *testing.T) {
	const automatic, approval = v1alpha1.OnboardingAutomatic, v1alpha1.OnboardingApproval
	type spec = v1alpha1.PartnershipSpec
	for name, test := range map[string]struct {
		spec     spec
		policy   v1alpha1.OnboardingPolicy
		recorded bool
		want     v1alpha1.PartnershipState
	}{
		"invited":                                 {spec{Invitation: v1alpha1.InvitationSend}, automatic, true, v1alpha1.PartnershipActive},
		"invited, to be approved":                 {spec{Invitation: v1alpha1.InvitationSend}, approval, true, v1alpha1.PartnershipPending},
		"invited, it says that it needs it":       {spec{Invitation: v1alpha1.InvitationSend, Onboarding: approval}, automatic, true, v1alpha1.PartnershipPending},
		"invited, it says that it needs it not":   {spec{Invitation: v1alpha1.InvitationSend, Onboarding: automatic}, approval, true, v1alpha1.PartnershipActive},
		"granted":                                 {spec{}, automatic, true, v1alpha1.PartnershipActive},
		"granted, and the program wants approval": {spec{}, approval, true, v1alpha1.PartnershipActive},
		"it came from an invite":                  {spec{Source: v1alpha1.SourceInvite}, approval, false, v1alpha1.PartnershipActive},
		"it came from an application":             {spec{Source: v1alpha1.SourceJoinLink}, automatic, false, v1alpha1.PartnershipPending},
		"revoked":                                 {spec{Invitation: v1alpha1.InvitationSend, Revocation: &v1alpha1.Revocation{}}, automatic, true, v1alpha1.PartnershipRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{Spec: test.spec}
			if got := Accepted(p, "ada", test.policy, start); got != test.recorded {
				t.Errorf("Accepted = %v", got)
			}
			if got := State(p, nil, start); got != test.want {
				t.Errorf("State = %s, want %s", got, test.want)
			}
			if Accepted(p, "another", automatic, start.Add(time.Hour)) {
				t.Error("a second acceptance counts")
			}
			if a := p.Status.Acceptance; test.recorded && (a.InviteRef.Name != "ada" || !a.Time.Time.Equal(start)) {
				t.Errorf("recorded is %+v", a)
			}
		})
	}
}

// partnershipOf is one that was created so long after the start.
func partnershipOf(name, program, email, team string, created time.Duration) v1alpha1.Partnership {
	p := v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(start.Add(created))},
		Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: program}},
	}
	if email != "" {
		p.Spec.Contact = &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)}
	}
	if team != "" {
		p.Spec.TeamRef = &v1alpha1.TeamReference{Name: team}
	}
	return p
}

func TestOlder(t *testing.T) {
	const ada, referral = "ada@example.com", "referral"
	deleted := partnershipOf("b", referral, ada, "", -time.Hour)
	deleted.DeletionTimestamp = &metav1.Time{Time: start}
	revoked := partnershipOf("b", referral, ada, "", -time.Hour)
	revoked.Spec.Revocation = &v1alpha1.Revocation{}
	for name, test := range map[string]struct {
		rivals []v1alpha1.Partnership
		want   string // empty: it counts itself
	}{
		"alone":                           {nil, ""},
		"an older one":                    {[]v1alpha1.Partnership{partnershipOf("z", referral, ada, "", -time.Hour)}, "z"},
		"an older one in another case":    {[]v1alpha1.Partnership{partnershipOf("z", referral, "ADA@Example.COM", "", -time.Hour)}, "z"},
		"an older one that is revoked":    {[]v1alpha1.Partnership{revoked}, "b"},
		"an older one that is deleted":    {[]v1alpha1.Partnership{deleted}, ""},
		"a younger one":                   {[]v1alpha1.Partnership{partnershipOf("a", referral, ada, "", time.Hour)}, ""},
		"one as old, of an earlier name":  {[]v1alpha1.Partnership{partnershipOf("a", referral, ada, "", 0)}, "a"},
		"one as old, of a later name":     {[]v1alpha1.Partnership{partnershipOf("z", referral, ada, "", 0)}, ""},
		"an older one in another program": {[]v1alpha1.Partnership{partnershipOf("z", "reseller", ada, "", -time.Hour)}, ""},
		"an older one of somebody else":   {[]v1alpha1.Partnership{partnershipOf("z", referral, "bob@example.com", "", -time.Hour)}, ""},
		"an older one of a team":          {[]v1alpha1.Partnership{partnershipOf("z", referral, "", "agency", -time.Hour)}, ""},
		"two older ones": {[]v1alpha1.Partnership{
			partnershipOf("y", referral, ada, "", -time.Hour), partnershipOf("z", referral, ada, "", -2*time.Hour),
		}, "z"},
	} {
		t.Run(name, func(t *testing.T) {
			p := partnershipOf("m", referral, ada, "", 0)
			got := ""
			if older := Older(&p, append(slices.Clone(test.rivals), p)); older != nil {
				got = older.Name
			}
			if got != test.want {
				t.Errorf("Older = %q, want %q", got, test.want)
			}
		})
	}
	team, same, other := partnershipOf("m", referral, "", "agency", 0), partnershipOf("a", referral, "", "agency", 0), partnershipOf("a", referral, "", "studio", 0)
	if Older(&team, []v1alpha1.Partnership{same}) == nil || Older(&team, []v1alpha1.Partnership{other}) != nil {
		t.Error("teams are not told apart")
	}
}

// Of several partnerships of one partner exactly one counts, whoever asks.
func TestOneOfSeveralCounts(t *testing.T) {
	all := []v1alpha1.Partnership{
		partnershipOf("c", "referral", "ada@example.com", "", 0), partnershipOf("a", "referral", "Ada@example.com", "", time.Second),
		partnershipOf("b", "referral", "ada@example.com", "", 0), partnershipOf("d", "reseller", "ada@example.com", "", -time.Hour),
	}
	var counting []string
	for i := range all {
		if Older(&all[i], all) == nil {
			counting = append(counting, all[i].Name)
		}
	}
	if !slices.Equal(counting, []string{"b", "d"}) {
		t.Errorf("%v count", counting)
	}
	if got := InProgram(all, "referral"); got == nil || got.Name != "b" {
		t.Errorf("in the program there is %v", got)
	}
	all[2].DeletionTimestamp = &metav1.Time{Time: start}
	if got := InProgram(all, "referral"); got == nil || got.Name != "c" {
		t.Errorf("once the oldest is being deleted there is %v", got)
	}
	if InProgram(all, "affiliate") != nil {
		t.Error("it finds one in another program")
	}
}

func TestShut(t *testing.T) {
	invited := v1alpha1.PartnershipSpec{Invitation: v1alpha1.InvitationSend}
	with := func(change func(*v1alpha1.PartnershipSpec)) v1alpha1.PartnershipSpec {
		spec := *invited.DeepCopy()
		change(&spec)
		return spec
	}
	for name, test := range map[string]struct {
		spec v1alpha1.PartnershipSpec
		want bool
	}{
		"active":                       {v1alpha1.PartnershipSpec{}, false},
		"active, the portal is closed": {v1alpha1.PartnershipSpec{PortalAccess: v1alpha1.PortalAccessDisabled}, false},
		"pending":                      {v1alpha1.PartnershipSpec{Onboarding: v1alpha1.OnboardingApproval}, false},
		"invited":                      {invited, false},
		"invited, the portal is closed": {with(func(s *v1alpha1.PartnershipSpec) {
			s.PortalAccess = v1alpha1.PortalAccessDisabled
		}), true},
		"invited and revoked": {with(func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{} }), true},
		"invited and rejected": {with(func(s *v1alpha1.PartnershipSpec) {
			s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
		}), true},
		"invited and expired": {with(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = v1alpha1.NewTimestamp(start) }), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Shut(&v1alpha1.Partnership{Spec: test.spec}, start); got != test.want {
				t.Errorf("Shut = %v", got)
			}
		})
	}
}
