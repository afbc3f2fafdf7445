package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/token"
)

// counted counts the status writes.
type counted struct {
	client.Client
	mutex  sync.Mutex
	writes int
}

func (c *counted) Status() client.SubResourceWriter { return &countedStatus{c.Client.Status(), c} }

type countedStatus struct {
	client.SubResourceWriter
	of *counted
}

func (c *countedStatus) Update(ctx context.Context, o client.Object, opts ...client.SubResourceUpdateOption) error {
	c.of.mutex.Lock()
	c.of.writes++
	c.of.mutex.Unlock()
	return c.SubResourceWriter.Update(ctx, o, opts...)
}

// counting counts the status writes of a portal from now on.
func (o *open) counting() *counted {
	c := &counted{Client: o.Client}
	o.Client, o.Accept.Client = c, c
	return c
}

// guess types addresses, each a wrong one, and gives the codes of the answers.
func (o *open) guess(actions []string, count int) (codes []int) {
	o.t.Helper()
	for i := range count {
		codes = append(codes, o.post(actions[i%len(actions)], "email", fmt.Sprintf("guess-%d@example.com", i)).code)
	}
	return codes
}

func isAll(codes []int, want int) bool {
	for _, code := range codes {
		if code != want {
			return false
		}
	}
	return true
}

// Ten wrong addresses, from whichever client and on whichever form, kill the link of an invite, also for the right one.
func TestWrongAddressesKillTheLink(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	counted := o.counting()
	if codes := o.guess([]string{"accept", "decline"}, 9); !isAll(codes, http.StatusUnprocessableEntity) {
		t.Fatalf("nine wrong addresses are answered %v", codes)
	}
	if got := o.invite().Status.WrongAddresses; got != 9 || counted.writes != 9 {
		t.Fatalf("%d are counted, in %d writes", got, counted.writes)
	}
	tenth := o.post("accept", "email", "guess-10@example.com")
	if tenth.code != http.StatusUnprocessableEntity || !strings.Contains(tenth.text, "Too many addresses") || !strings.Contains(tenth.text, `action="`+o.path+`/renew"`) {
		t.Errorf("the tenth is answered %d: %s", tenth.code, tenth.text)
	}
	counted.writes = 0
	for what, got := range map[string]answer{
		"the page":                    o.get(),
		"the right address":           o.post("accept", "email", nobodyElse),
		"declining":                   o.post("decline"),
		"declining, by the right one": o.post("decline", "email", nobodyElse),
		"one more":                    o.post("accept", "email", "guess-11@example.com"),
	} {
		if got.code != http.StatusGone || !strings.Contains(got.text, "Too many addresses") || strings.Contains(got.text, nobodyElse) {
			t.Errorf("%s is answered %d: %s", what, got.code, got.text)
		}
	}
	i := o.invite()
	if counted.writes != 0 || i.Status.WrongAddresses != v1alpha1.MaxWrongAddresses || i.Status.Acceptance != nil {
		t.Errorf("a dead link costs %d writes; the status is %+v", counted.writes, i.Status)
	}

	if got := o.post("renew"); got.code != http.StatusSeeOther {
		t.Errorf("asking for a new link is answered %d: %s", got.code, got.text)
	}
	if i = o.invite(); i.Status.Renewal == nil || i.Status.Renewal.Serial != 1 {
		t.Errorf("nobody asks for a new link: %+v", i.Status)
	}
	i.Status.Serial, i.Status.WrongAddresses, i.Status.Renewal = 2, 0, nil // as the controller does
	o.must(o.Client.Status().Update(t.Context(), i))
	if got := o.post("accept", "email", nobodyElse); got.code != http.StatusNotFound {
		t.Errorf("the old link is answered %d", got.code)
	}
	text, err := o.Keys.Current().Sign(token.PurposeInvite, "", token.Subject{Namespace: "acme", UID: inviteUID, Serial: 2, Address: nobodyElse})
	o.must(err)
	o.path = invitePath("acme", text)
	if got := o.post("accept", "email", nobodyElse); got.code != http.StatusSeeOther {
		t.Errorf("the new link is answered %d: %s", got.code, got.text)
	}
}

// Whoever types their address wrong a few times accepts all the same, and what cannot be an address is not counted.
func TestMistakesHarmNobody(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	for _, typed := range []string{"", "ada", "ada.example.com", "", "ada at example.com", "a", "b", "c", "d", "e", "f"} {
		if got := o.post("accept", "email", typed); got.code != http.StatusUnprocessableEntity {
			t.Fatalf("%q is answered %d", typed, got.code)
		}
	}
	if got := o.invite().Status.WrongAddresses; got != 0 {
		t.Fatalf("%d are counted", got)
	}
	if codes := o.guess([]string{"accept"}, 3); !isAll(codes, http.StatusUnprocessableEntity) {
		t.Errorf("the mistakes are answered %v", codes)
	}
	if got := o.post("accept", "email", " "+strings.ToUpper(nobodyElse)); got.code != http.StatusSeeOther {
		t.Errorf("the right address is answered %d: %s", got.code, got.text)
	}
}

// Of many at once each is counted, and no more than ten are told that they were wrong.
func TestWrongAddressesAtOnce(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	codes := make([]int, 40)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			codes[i] = o.raw(http.MethodPost, o.path+"/accept", url.Values{"email": {fmt.Sprintf("guess-%d@example.com", i)}}).Code
		})
	}
	all.Wait()
	wrong := 0
	for _, code := range codes {
		switch code {
		case http.StatusUnprocessableEntity:
			wrong++
		case http.StatusGone:
		default:
			t.Errorf("a wrong address is answered %d", code)
		}
	}
	if wrong != 10 || o.invite().Status.WrongAddresses != v1alpha1.MaxWrongAddresses {
		t.Errorf("%d were told that they were wrong; the status is %+v", wrong, o.invite().Status)
	}
}

// The same for the link of a teammate.
func TestWrongAddressesKillTheLinkOfATeammate(t *testing.T) {
	o, tokens := withEveryLink(t)
	o.path = "/t/acme/member/" + tokens["member/"]
	counted := o.counting()
	person := func() v1alpha1.TeamMember {
		crew := &v1alpha1.PartnerTeam{}
		o.must(o.Live.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "crew"}, crew))
		return crew.Status.Members[1]
	}
	if codes := o.guess([]string{"accept", "decline"}, 9); !isAll(codes, http.StatusUnprocessableEntity) {
		t.Fatalf("nine wrong addresses are answered %v", codes)
	}
	if got := person().WrongAddresses; got != 9 || counted.writes != 9 {
		t.Fatalf("%d are counted, in %d writes", got, counted.writes)
	}
	for _, typed := range []string{"", "ada"} {
		if got := o.post("accept", "email", typed); got.code != http.StatusUnprocessableEntity {
			t.Errorf("%q is answered %d", typed, got.code)
		}
	}
	counted.writes = 0
	if got := o.post("accept", "email", "guess-10@example.com"); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.text, "invite you again") {
		t.Errorf("the tenth is answered %d: %s", got.code, got.text)
	}
	for i, got := range []answer{
		o.get(), o.post("accept", "email", nobodyElse), o.post("decline"),
		o.post("decline", "email", nobodyElse), o.post("accept", "email", "guess-11@example.com"),
	} {
		if got.code != http.StatusGone || !strings.Contains(got.text, "Too many addresses") || !strings.Contains(got.text, "invite you again") {
			t.Errorf("answer %d is %d: %s", i+1, got.code, got.text)
		}
	}
	if m := person(); counted.writes != 1 || m.WrongAddresses != v1alpha1.MaxWrongAddresses || m.State != v1alpha1.MemberInvited {
		t.Errorf("the end costs %d writes, and the person is %+v", counted.writes, m)
	}
}

// Who types the address of somebody in the team that may not answer is told whom to ask; it is a guess as well.
func TestTheAddressOfAMemberIsAGuess(t *testing.T) {
	o, _ := withEveryLink(t)
	crew := &v1alpha1.PartnerTeam{}
	o.must(o.Live.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "crew"}, crew))
	crew.Status.Members = append(crew.Status.Members, v1alpha1.TeamMember{
		Email: "mary@example.com", Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromTeam,
	})
	o.must(o.Client.Status().Update(t.Context(), crew))
	i := o.invite().DeepCopy()
	i.Name, i.UID, i.ResourceVersion = "for-crew", teamUID, ""
	i.Spec.Contact, i.Spec.TeamRef = v1alpha1.Contact{}, &v1alpha1.TeamReference{Name: "crew"}
	status := *i.Status.DeepCopy()
	o.must(o.Client.Create(t.Context(), i))
	i.Status = status
	o.must(o.Client.Status().Update(t.Context(), i))
	text, err := o.Keys.Current().Sign(token.PurposeInvite, "", token.Subject{Namespace: "acme", UID: teamUID, Serial: 1, Address: ownerOfTeam})
	o.must(err)
	o.path = invitePath("acme", text)
	for n := range v1alpha1.MaxWrongAddresses - 1 {
		if got := o.post("accept", "email", "mary@example.com"); got.code != http.StatusForbidden || !strings.Contains(got.text, "Please ask one of them") {
			t.Fatalf("time %d is answered %d: %s", n+1, got.code, got.text)
		}
	}
	if got := o.post("accept", "email", "mary@example.com"); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.text, "Too many addresses") {
		t.Errorf("the last one is answered %d: %s", got.code, got.text)
	}
	if got := o.post("accept", "email", ownerOfTeam); got.code != http.StatusGone {
		t.Errorf("the owner is answered %d", got.code)
	}
}
