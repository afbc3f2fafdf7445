package team

import (
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// Kind tells why a change is refused.
type Kind string

// The kinds of refusals.
const (
	// NotAllowed: the person may not do that.
	NotAllowed Kind = "NotAllowed"
	// Wrong: what was asked for makes no sense.
	Wrong Kind = "Wrong"
	// TooLate: somebody else was faster, or it is so already.
	TooLate Kind = "TooLate"
	// Gone: the link is used, replaced or was never issued.
	Gone Kind = "Gone"
	// HasExpired: the time of the link is over.
	HasExpired Kind = "HasExpired"
	// Dead: too many wrong addresses were typed on the page of the link.
	Dead Kind = "Dead"
	// TooMany: it can be done later.
	TooMany Kind = "TooMany"
)

// Refusal is why a change does not happen; Text says it to the person who asked, without an address.
type Refusal struct {
	Kind Kind
	Text string
}

func (r *Refusal) Error() string { return r.Text }

// Each change is judged on a copy of the team as it is, and must be written with the resourceVersion of that: of two at
// once, the second is judged anew. A change that is refused leaves the team as it was.

// may tells whether the person who asks may do something.
func may(t *v1alpha1.PartnerTeam, by string, action Action) error {
	switch {
	case Can(t, by, action):
		return nil
	case !IsActive(t, by):
		return &Refusal{NotAllowed, "You are not in this team any more."}
	case action == Leave:
		return &Refusal{NotAllowed, "The owner cannot leave the team. Hand it over first."}
	default:
		return &Refusal{NotAllowed, "Your role does not allow that. Please ask the owner or an admin of the team."}
	}
}

// Invite invites a person into the team, for somebody in it. Whoever is invited already gets a new link, and the old one
// is dead; whoever waits for approval is approved by that.
func Invite(t *v1alpha1.PartnerTeam, by string, p Person, now time.Time) error {
	if err := may(t, by, InvitePeople); err != nil {
		return err
	}
	if _, err := address.Deliverable(string(p.Email)); err != nil {
		return &Refusal{Wrong, "Please type a whole mail address, such as ada@example.com."}
	}
	if !assignable(p.Role) {
		return &Refusal{Wrong, "Please choose a role."}
	}
	m := Member(t, string(p.Email))
	if m != nil && m.State == v1alpha1.MemberActive {
		return &Refusal{TooLate, "This person is in the team already."}
	}
	if err := overQuota(t, string(p.Email), now); err != nil {
		return err
	}
	if m == nil {
		if !room(t) {
			return &Refusal{TooLate, "The team has no room for more people."}
		}
		t.Status.Members = append(t.Status.Members, v1alpha1.TeamMember{Email: p.Email})
		m = &t.Status.Members[len(t.Status.Members)-1]
	}
	if m.State != v1alpha1.MemberInvited && m.State != v1alpha1.MemberAwaitingApproval {
		m.Source, m.InviteRef, m.PartnershipRef, m.FirstName, m.LastName = v1alpha1.MemberFromTeam, nil, nil, p.FirstName, p.LastName
		m.ExpiresAfter, m.InviteSerial = "", 0
	}
	m.Role = p.Role
	invite(t, m, now)
	noteInvitation(t, p.Email, now)
	touch(t, by, now)
	return nil
}

// invite gives a person a link to join.
func invite(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember, now time.Time) {
	m.State, m.Serial, m.Repeat, m.WrongAddresses = v1alpha1.MemberInvited, nextSerial(t), 0, 0
	m.InvitedTime, m.SentTime, m.EndedTime = seconds(now), nil, nil
	lifetime, set := m.ExpiresAfter.Duration()
	if !set {
		lifetime = MemberLinkLifetime
	}
	m.ExpiryTime = seconds(now.Add(lifetime))
	Enqueue(t, v1alpha1.MailTeammateInvite, string(m.Email), m.Serial)
	count(t)
}

// Approve invites a person whom the company proposed.
func Approve(t *v1alpha1.PartnerTeam, by, email string, now time.Time) error {
	m, err := awaiting(t, by, email)
	if err != nil {
		return err
	}
	invite(t, m, now)
	touch(t, by, now)
	return nil
}

// Reject decides against a person whom the company proposed, who is not mailed.
func Reject(t *v1alpha1.PartnerTeam, by, email string, now time.Time) error {
	m, err := awaiting(t, by, email)
	if err != nil {
		return err
	}
	m.State, m.EndedTime = v1alpha1.MemberRejected, seconds(now)
	touch(t, by, now)
	count(t)
	return nil
}

func awaiting(t *v1alpha1.PartnerTeam, by, email string) (*v1alpha1.TeamMember, error) {
	if err := may(t, by, InvitePeople); err != nil {
		return nil, err
	}
	m := Member(t, email)
	if m == nil {
		return nil, notThere()
	}
	if m.State != v1alpha1.MemberAwaitingApproval {
		return nil, &Refusal{TooLate, "This was decided already."}
	}
	return m, nil
}

// Join makes a person who was invited a member.
func Join(t *v1alpha1.PartnerTeam, serial int64, now time.Time) error {
	m, err := invited(t, serial, now)
	if err != nil {
		return err
	}
	m.State, m.JoinedTime, m.EndedTime, m.OwnLinks = v1alpha1.MemberActive, seconds(now), nil, true
	signin.Seen(&m.Access, now)
	// An earlier membership may have been forgotten: what was signed in then must not open what is granted now.
	signin.EndAll(&m.Access, now)
	count(t)
	return nil
}

// CountWrongAddress notes that an address was typed on the page of a link to join that is not the invited one.
func CountWrongAddress(t *v1alpha1.PartnerTeam, serial int64, now time.Time) error {
	m, err := invited(t, serial, now)
	if err != nil {
		return err
	}
	m.WrongAddresses = m.WrongAddresses.Next()
	return nil
}

// Decline records that a person who was invited does not want to.
func Decline(t *v1alpha1.PartnerTeam, serial int64, now time.Time) error {
	m, err := invited(t, serial, now)
	if err != nil {
		return err
	}
	m.State, m.EndedTime = v1alpha1.MemberDeclined, seconds(now)
	count(t)
	return nil
}

func invited(t *v1alpha1.PartnerTeam, serial int64, now time.Time) (*v1alpha1.TeamMember, error) {
	m := InvitedBySerial(t, serial)
	switch {
	case m == nil:
		return nil, &Refusal{Gone, "This link does not work."}
	case Expired(m, now):
		return nil, &Refusal{HasExpired, "This invitation has expired."}
	case LinkDead(m):
		return nil, &Refusal{Dead, "Too many wrong addresses were typed."}
	default:
		return m, nil
	}
}

// ChangeRole gives a person another role. Nobody changes their own, and the owner's changes only by handing over.
func ChangeRole(t *v1alpha1.PartnerTeam, by, email string, role v1alpha1.TeamRole, now time.Time) error {
	if err := may(t, by, ChangeRoles); err != nil {
		return err
	}
	m := Member(t, email)
	switch {
	case m == nil:
		return notThere()
	case address.Equal(by, email):
		return &Refusal{NotAllowed, "Nobody can change their own role."}
	case m.Role == owner && m.State == v1alpha1.MemberActive:
		return &Refusal{NotAllowed, "The owner stays the owner, unless they hand the team over."}
	case !assignable(role):
		return &Refusal{Wrong, "Please choose a role."}
	case over(m.State):
		return &Refusal{TooLate, "This person is not in the team any more."}
	}
	m.Role = role
	touch(t, by, now)
	return nil
}

// Remove takes a person out of the team, or takes an invitation back. Their sessions are dead.
func Remove(t *v1alpha1.PartnerTeam, by, email string, now time.Time) error {
	if err := may(t, by, RemovePeople); err != nil {
		return err
	}
	m := Member(t, email)
	switch {
	case m == nil:
		return notThere()
	case address.Equal(by, email):
		return &Refusal{NotAllowed, "To go yourself, leave the team."}
	case m.Role == owner && m.State == v1alpha1.MemberActive:
		return &Refusal{NotAllowed, "The owner cannot be removed."}
	case over(m.State):
		return &Refusal{TooLate, "This person is not in the team any more."}
	}
	end(t, m, now)
	touch(t, by, now)
	return nil
}

// LeaveTeam lets a person go by themselves.
func LeaveTeam(t *v1alpha1.PartnerTeam, by string, now time.Time) error {
	if err := may(t, by, Leave); err != nil {
		return err
	}
	end(t, Member(t, by), now)
	return nil
}

// end takes a person out.
func end(t *v1alpha1.PartnerTeam, m *v1alpha1.TeamMember, now time.Time) {
	m.State, m.EndedTime = v1alpha1.MemberRemoved, seconds(now)
	signin.EndAll(&m.Access, now)
	signin.Withdraw(&m.Access)
	count(t)
}

// signOut ends every session and every sign-in link of those whom the company asks to be signed out, or of everybody if it
// names nobody, where that was not carried out.
func signOut(t *v1alpha1.PartnerTeam, now time.Time) {
	wanted := signin.SignOutWanted(t, t.Status.HandledSignOut, now)
	if wanted == nil {
		return
	}
	t.Status.HandledSignOut = wanted
	named := signin.Named(wanted.Annotation)
	for i := range t.Status.Members {
		m := &t.Status.Members[i]
		if len(named) == 0 || slices.ContainsFunc(named, func(email string) bool { return address.Equal(email, string(m.Email)) }) {
			signin.EndAll(&m.Access, now)
			signin.Withdraw(&m.Access)
		}
	}
}

// HandOverTo makes another person the owner; the owner before becomes an admin.
func HandOverTo(t *v1alpha1.PartnerTeam, by, email string, now time.Time) error {
	if err := may(t, by, HandOver); err != nil {
		return err
	}
	next := Member(t, email)
	switch {
	case next == nil:
		return notThere()
	case address.Equal(by, email):
		return &Refusal{Wrong, "You own the team already."}
	case next.State != v1alpha1.MemberActive:
		return &Refusal{TooLate, "Only somebody who is in the team can own it."}
	}
	Member(t, by).Role, next.Role = admin, owner
	t.Status.Owner = &v1alpha1.TeamOwner{Email: next.Email, FirstName: next.FirstName.Copied(), LastName: next.LastName.Copied()}
	touch(t, by, now)
	return nil
}

// touch notes that a person did something.
func touch(t *v1alpha1.PartnerTeam, by string, now time.Time) {
	if m := Member(t, by); m != nil {
		signin.Seen(&m.Access, now)
	}
}

// assignable tells whether a role can be given.
func assignable(role v1alpha1.TeamRole) bool {
	return role == admin || role == member || role == finance
}

func notThere() *Refusal { return &Refusal{Wrong, "There is nobody of this address in the team."} }
