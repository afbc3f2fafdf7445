package partnership

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestInvitationName(t *testing.T) {
	long := strings.Repeat("a", 253)
	for name, want := range map[string]string{
		"ada-1a2b3c4d":                   "ada-1a2b3c4d-invitation",
		long[:242]:                       long[:242] + "-invitation",
		"x.y":                            "x.y-invitation",
		long[:232] + "." + long[:20]:     "",
		strings.Repeat("b", 253):         "",
		strings.Repeat("b", 252) + "a.b": "",
	} {
		got := InvitationName(name)
		if want != "" && got != want {
			t.Errorf("InvitationName(%q) = %q, want %q", name, got, want)
		}
		if problems := validation.IsDNS1123Subdomain(got); len(problems) > 0 {
			t.Errorf("InvitationName of %d characters is no name: %v", len(name), problems)
		}
	}
	if InvitationName(strings.Repeat("b", 252)) == InvitationName(strings.Repeat("b", 253)) {
		t.Error("two long names share an invite")
	}
}

func TestNewInvitation(t *testing.T) {
	p := newLife().partnership
	p.Namespace, p.Spec.DisplayName = "acme", "Ada L"
	p.Spec.Contact.FirstName = "Ada"
	p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
	p.Labels = map[string]string{"app.kubernetes.io/instance": "argo"}
	p.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
	controls := true
	want := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "acme", Name: "ada-invitation", Labels: map[string]string{Label: "ada"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "partner-operator.io/v1alpha1", Kind: "Partnership", Name: "ada", UID: "uid", Controller: &controls}},
		},
		Spec: v1alpha1.PartnerInviteSpec{
			Contact:     v1alpha1.Contact{Email: "ada@example.com", FirstName: "Ada"},
			DisplayName: "Ada L",
			Programs:    []v1alpha1.ProgramGrant{{Name: "referral", GroupRef: &v1alpha1.GroupReference{Name: "gold"}}},
		},
	}
	got := NewInvitation(p)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if !Invites(got, p) || !MadeForPartnership(got) {
		t.Error("it is not known as that of the partnership")
	}
	again := p.DeepCopy()
	again.UID = "uid-of-the-next"
	if Invites(got, again) || !MadeForPartnership(got) {
		t.Error("it is taken for that of a partnership that was created again")
	}
	restored := got.DeepCopy()
	restored.OwnerReferences = nil
	if !Invites(restored, p) || !Invites(restored, again) || !MadeForPartnership(restored) {
		t.Error("after a restore it is not known any more")
	}
	other := again.DeepCopy()
	other.Name = "eve"
	if Invites(restored, other) {
		t.Error("after a restore it is taken for that of another partnership")
	}
	restored.Name = "made-by-hand"
	if Invites(restored, p) || MadeForPartnership(restored) {
		t.Error("an invite that only has the label is taken for one of a partnership")
	}
	if MadeForPartnership(&v1alpha1.PartnerInvite{}) {
		t.Error("an invite of nobody is taken for one of a partnership")
	}
	p.Name = strings.Repeat("a", 64)
	if NewInvitation(p).Labels != nil {
		t.Error("the label is too long")
	}
}

var (
	leftOver    = step(func(l *life) { l.leftOver = true })
	removed     = step(func(l *life) { l.leftOver = false })
	nameTaken   = step(func(l *life) { l.inviteTaken = `PartnerInvite "ada-invitation" exists` })
	nameFree    = step(func(l *life) { l.inviteTaken = "" })
	inviteGoes  = step(func(l *life) { l.invite = nil })
	inviteState = func(state v1alpha1.InviteState) step { return func(l *life) { l.invite.Status.State = state } }
	inviteStuck = func(reason string) step {
		return func(l *life) {
			l.invite.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: reason, Message: "550 no such user"}}
		}
	}
)

func TestDecideInvitation(t *testing.T) {
	invited := standingIn(v1alpha1.PartnershipInvited, "", "")
	stuck := func(reason string) standing {
		s := invited
		s.Ready, s.Stalled = "False/"+reason, reason
		return s
	}
	waiting := func(reason, group string) standing {
		s := unresolved(reason, group)
		s.State, s.Active = v1alpha1.PartnershipInvited, "False/Invited"
		return s
	}
	steps := func(s ...step) []step { return s }
	for name, test := range map[string]struct {
		created, then []step
		invites       int
		message       string // what Active says
		want          standing
	}{
		"new":                       {steps(invites), nil, 1, `PartnerInvite "ada-invitation" tells`, invited},
		"looked at again":           {steps(invites), steps(after(week)), 1, `PartnerInvite "ada-invitation" tells`, invited},
		"its group does not exist":  {steps(invites, moveTo("platinum")), nil, 0, "not invited yet", waiting(v1alpha1.ReasonGroupNotFound, "standard")},
		"its group comes to exist":  {steps(invites, goldGoes, moveTo("gold")), steps(goldComes), 1, "tells how", inGroup(invited, "gold")},
		"its program is suspended":  {steps(invites, suspends), nil, 1, "tells how", invited},
		"all mail is held":          {steps(invites, holds), nil, 1, "tells how", invited},
		"the portal is closed":      {steps(invites, closes), nil, 0, "once it is Enabled", invited},
		"the portal is opened":      {steps(invites, closes), steps(opens), 1, "tells how", invited},
		"opened, and not to invite": {steps(closes), steps(opens), 0, "the partner has access", standingIn(v1alpha1.PartnershipActive, "", "")},
		"opened after accepting":    {steps(invites), steps(accepts, closes, opens), 1, "the partner has access", standingIn(v1alpha1.PartnershipActive, "", "")},
		"closed and opened again":   {steps(invites), steps(closes, opens), 1, "tells how", invited},
		"revoked":                   {steps(invites, silently), nil, 0, "ended access", revoked("revoked/1 Skipped", "")},
		"revoked and reinstated":    {steps(invites, silently), steps(reinstate), 1, "tells how", standingIn(v1alpha1.PartnershipInvited, "revoked/1 Skipped", "")},
		"in conflict, then not":     {steps(invites, olderComes), steps(olderGoes), 1, "tells how", invited},
		"accepted":                  {steps(invites), steps(accepts), 1, "the partner has access", standingIn(v1alpha1.PartnershipActive, "", "")},
		"invited later":             {nil, steps(invites), 1, "tells how", invited},
		"from an invite":            {steps(invites, func(l *life) { l.partnership.Spec.Source = v1alpha1.SourceInvite }), nil, 0, "the partner has access", standingIn(v1alpha1.PartnershipActive, "", "")},

		"the invite is deleted":       {steps(invites), steps(inviteGoes, after(time.Hour)), 1, "was deleted, which withdrew", invited},
		"the name is taken":           {steps(invites, nameTaken), nil, 0, "not invited yet", stuck(v1alpha1.ReasonInviteNameTaken)},
		"the name is taken no more":   {steps(invites, nameTaken), steps(nameFree), 1, "tells how", invited},
		"the one before is not gone":  {steps(invites, leftOver), nil, 0, "not invited yet", invited},
		"the one before is gone":      {steps(invites, leftOver), steps(removed), 1, "tells how", invited},
		"the invite cannot be sent":   {steps(invites), steps(inviteStuck(v1alpha1.ReasonAddressRejected)), 1, "could not be invited", stuck(v1alpha1.ReasonAddressRejected)},
		"it cannot be, and is mended": {steps(invites), steps(inviteStuck(v1alpha1.ReasonGaveUp), func(l *life) { l.invite.Status.Conditions = nil }), 1, "tells how", invited},
		"the person declines":         {steps(invites), steps(inviteState(v1alpha1.InviteDeclined)), 1, "declined", invited},
		"the person does not answer":  {steps(invites), steps(inviteState(v1alpha1.InviteExpired)), 1, "in time", invited},
	} {
		t.Run(name, func(t *testing.T) {
			l := judge(t, test.created, test.then, test.want)
			if l.invited != test.invites {
				t.Errorf("%d invites were made, want %d", l.invited, test.invites)
			}
			if got := meta.FindStatusCondition(l.partnership.Status.Conditions, v1alpha1.ConditionActive).Message; !strings.Contains(got, test.message) {
				t.Errorf("Active says %q, want %q", got, test.message)
			}
		})
	}
}

// What a partnership tells about its invite is looked at only when it changes.
func TestInviteNews(t *testing.T) {
	l := newLife()
	invites(l)
	l.settle(t)
	news := func(happens step) string {
		happens(l)
		return InviteNews(l.invite)
	}
	none := news(func(*life) {})
	for _, state := range []v1alpha1.InviteState{v1alpha1.InvitePending, v1alpha1.InviteHeld, v1alpha1.InviteSent, v1alpha1.InviteAccepted} {
		if got := news(inviteState(state)); got != none {
			t.Errorf("%s is told as %q", state, got)
		}
	}
	told := map[string]bool{none: true, news(inviteState(v1alpha1.InviteDeclined)): true, news(inviteState(v1alpha1.InviteExpired)): true, news(inviteStuck("GaveUp")): true}
	if len(told) != 4 {
		t.Errorf("not told apart: %v", told)
	}
}
