package cloudevent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// people are where the people of a team stand: each of its occasions has a number of its own for every person.
func people(t *v1alpha1.PartnerTeam, salt string) []fact {
	told := make([]fact, 0, len(t.Status.Members))
	for i := range t.Status.Members {
		m := &t.Status.Members[i]
		told = append(told, fact{
			transition: "member" + strings.ToLower(string(m.State)), occasion: memberID(salt, m) + "-" + strconv.FormatInt(m.Serial, 10), noted: since(m),
			tell: func(d *Data) { d.Member = memberOf(salt, m) },
		})
	}
	return told
}

// since is when a person came into their state; zero: the team does not tell.
func since(m *v1alpha1.TeamMember) time.Time {
	var at *metav1.Time
	switch m.State {
	case v1alpha1.MemberInvited:
		at = m.InvitedTime
	case v1alpha1.MemberActive:
		at = m.JoinedTime
	case v1alpha1.MemberRejected, v1alpha1.MemberDeclined, v1alpha1.MemberRemoved:
		at = m.EndedTime
	case v1alpha1.MemberAwaitingApproval:
	}
	if at == nil {
		return time.Time{}
	}
	return at.Time
}

// roles are the changes of what people may do. Who hands a team over gets another role by that, which is not told apart.
func roles(before, after *v1alpha1.PartnerTeam) []fact {
	known := map[string]*v1alpha1.TeamMember{}
	for i := range before.Status.Members {
		known[address.Normalize(string(before.Status.Members[i].Email))] = &before.Status.Members[i]
	}
	salt := after.Status.MemberSalt
	var told []fact
	for i := range after.Status.Members {
		is := &after.Status.Members[i]
		was := known[address.Normalize(string(is.Email))]
		if was == nil || was.Role == is.Role || was.State != is.State {
			continue
		}
		f := fact{transition: "rolechanged", occasion: memberID(salt, is) + "-" + after.ResourceVersion, tell: func(d *Data) {
			d.Member = memberOf(salt, is)
			d.Member.PreviousRole = string(was.Role)
		}}
		switch {
		case is.Role == v1alpha1.RoleOwner:
			f.transition = "handedover"
		case was.Role == v1alpha1.RoleOwner:
			continue
		}
		told = append(told, f)
	}
	return told
}

func memberOf(salt string, m *v1alpha1.TeamMember) *Member {
	return &Member{ID: memberID(salt, m), Address: address.Mask(string(m.Email)), Role: string(m.Role), State: string(m.State)}
}

// memberID tells the people of a team apart without their addresses, which nobody can find without the salt either.
func memberID(salt string, m *v1alpha1.TeamMember) string {
	if salt == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(address.Normalize(string(m.Email))))
	return hex.EncodeToString(mac.Sum(nil)[:10])
}
