package join

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// Application is what a person with a verified address sends.
type Application struct {
	// Group is what they apply to, Program the one that it divides.
	Group   *v1alpha1.PartnerGroup
	Program *v1alpha1.Program
	// Email is the verified address, as it was typed.
	Email string
	// Fields are the answers, as package form lets them pass.
	Fields map[string]v1alpha1.Answer
	// Teams are those of the namespace.
	Teams []v1alpha1.PartnerTeam
	// Now is the time.
	Now time.Time
}

// Policy tells what an application leads to, given the teams that match its address.
func Policy(g *v1alpha1.PartnerGroup, p *v1alpha1.Program, matching []v1alpha1.TeamReference) v1alpha1.OnboardingPolicy {
	switch {
	case len(matching) == 1:
		return v1alpha1.OnboardingApproval
	case g.Spec.Join.Approval == v1alpha1.JoinApprovalAutomatic:
		return v1alpha1.OnboardingAutomatic
	case g.Spec.Join.Approval == v1alpha1.JoinApprovalRequired:
		return v1alpha1.OnboardingApproval
	default:
		return cmp.Or(p.Spec.Onboarding.Applicants, v1alpha1.OnboardingApproval)
	}
}

// NewPartnership is what an application makes, without a name. It says itself whether it has to be approved, so that
// neither a later change of the policy nor the loss of its status decides that.
func NewPartnership(a Application) *v1alpha1.Partnership {
	matching := matches(a)
	return &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.Group.Namespace},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: a.Group.Spec.ProgramRef,
			GroupRef:   &v1alpha1.GroupReference{Name: a.Group.Name},
			Contact:    &v1alpha1.Contact{Email: v1alpha1.EmailAddress(a.Email)},
			Source:     v1alpha1.SourceJoinLink,
			Onboarding: Policy(a.Group, a.Program, matching),
			Application: v1alpha1.Application{
				Fields: a.Fields, SubmittedTime: v1alpha1.NewMicroTimestamp(a.Now), MatchingTeams: matching,
			},
		},
	}
}

// Reapply notes in a rejected partnership that the person applies again. It waits for the company, whatever the policy
// says: what a reviewer decided only a reviewer turns round. It must be written with the resourceVersion that was judged.
func Reapply(p *v1alpha1.Partnership, a Application) {
	again := &v1alpha1.Reapplication{
		Serial: 1, Time: metav1.MicroTime{Time: a.Now.Truncate(time.Microsecond)}, GroupRef: v1alpha1.GroupReference{Name: a.Group.Name},
		Fields: a.Fields, Approval: *p.Spec.Approval,
	}
	if before := p.Status.Reapplication; before != nil {
		again.Serial = before.Serial + 1
	}
	if handled := p.Status.HandledApproval; handled != nil {
		again.ApprovalSerial = handled.Serial
	}
	p.Status.Reapplication = again
	signin.Seen(&p.Status.Access, a.Now)
}

// mostMatches is how many teams an application names at most.
const mostMatches = 20

// matches are the teams whose owner has the domain of the applicant, by name; none where that is not asked for, or the
// domain is one of a public mail provider.
func matches(a Application) []v1alpha1.TeamReference {
	domain := domainOf(a.Email)
	if a.Program.Spec.Onboarding.DomainMatching != v1alpha1.DomainMatchingEnabled || publicDomains[domain] {
		return nil
	}
	var found []v1alpha1.TeamReference
	for i := range a.Teams {
		team := &a.Teams[i]
		if team.DeletionTimestamp.IsZero() && domainOf(string(team.CurrentOwner().Email)) == domain {
			found = append(found, v1alpha1.TeamReference{Name: team.Name})
		}
	}
	slices.SortFunc(found, func(a, b v1alpha1.TeamReference) int { return cmp.Compare(a.Name, b.Name) })
	return found[:min(len(found), mostMatches)]
}

// publicDomains are those where anybody can have an address.
var publicDomains = func() map[string]bool {
	all := map[string]bool{}
	for _, domain := range []string{
		"126.com", "163.com", "aim.com", "alice.it", "aol.com", "aol.de", "arcor.de", "att.net", "bigpond.com", "bluewin.ch", "bol.com.br",
		"btinternet.com", "comcast.net", "daum.net", "duck.com", "email.com", "email.cz", "email.de", "fastmail.com", "fastmail.fm", "foxmail.com",
		"free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hanmail.net", "hey.com",
		"hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "hushmail.com", "icloud.com", "inbox.lv",
		"inbox.ru", "laposte.net", "libero.it", "list.ru", "live.co.uk", "live.com", "live.de", "live.fr", "live.nl", "mac.com", "mail.com",
		"mail.de", "mail.ru", "mailbox.org", "me.com", "msn.com", "naver.com", "o2.pl", "onet.pl", "online.de", "orange.fr", "outlook.com",
		"outlook.de", "outlook.es", "outlook.fr", "pm.me", "posteo.de", "posteo.net", "proton.me", "protonmail.ch", "protonmail.com", "qq.com",
		"rediffmail.com", "rocketmail.com", "runbox.com", "sbcglobal.net", "seznam.cz", "sfr.fr", "sina.com", "sky.com", "t-online.de",
		"telenet.be", "terra.com.br", "tiscali.it", "tuta.com", "tuta.io", "tutanota.com", "tutanota.de", "uol.com.br", "verizon.net",
		"virgilio.it", "vodafone.de", "wanadoo.fr", "web.de", "wp.pl", "yahoo.ca", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com",
		"yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yandex.com", "yandex.ru", "yeah.net", "ymail.com", "zoho.com",
	} {
		all[domain] = true
	}
	return all
}()
