package link

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The marks of the partners of the table, by the newest key.
var markOf = map[string][]string{"ada": {"mark-of-ada", "older-mark-of-ada"}, "eve": {"mark-of-eve", "older-mark-of-eve"}}

// story is what happens to a link and its partnership, moment by moment.
type story struct {
	Ground

	controller bool // whether the link controller runs
	born       int
}

func newStory() *story {
	s := &story{Ground: ground(), controller: true}
	s.Link.CreationTimestamp = metav1.Time{Time: now}
	s.Partnership.UID, s.Marks = "first", markOf["ada"]
	s.look()
	return s
}

// look lets a minute pass, and the controller look.
func (s *story) look() {
	s.Now = s.Now.Add(time.Minute)
	if s.controller {
		s.settle()
	}
}

// changed changes the partnership.
func (s *story) changed(change func(*v1alpha1.PartnershipSpec)) {
	p := s.Partnership.DeepCopy()
	change(&p.Spec)
	s.Partnership = p
	s.look()
}

// deleted deletes it, which the controller sees if it runs.
func (s *story) deleted() {
	if s.controller {
		s.Link.Status = Removed(s.Ground, "")
	}
	s.Partnership = nil
	s.look()
}

// created puts a partnership under the old name, of whom and how they came.
func (s *story) created(who string, source v1alpha1.PartnershipSource, invitation v1alpha1.PartnershipInvitation) {
	p := ground().Partnership
	s.born++
	p.UID, s.Marks = types.UID(fmt.Sprint("born-", s.born)), markOf[who]
	p.Spec.Source, p.Spec.Invitation = source, invitation
	p.Spec.Contact = &v1alpha1.Contact{Email: v1alpha1.EmailAddress(who + "@example.com")}
	s.Partnership = p
	s.look()
}

func onRemoval(links v1alpha1.LinkEffect) func(*v1alpha1.PartnershipSpec) {
	return func(s *v1alpha1.PartnershipSpec) { s.OnRemoval.Links = links }
}

func revocation(links v1alpha1.LinkEffect) func(*v1alpha1.PartnershipSpec) {
	return func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{Links: links} }
}

// The states in which a partnership is not in force and not revoked.
var idle = map[string]func(*v1alpha1.PartnershipSpec){
	"Invited": func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend },
	"Pending": func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingApproval },
	"Rejected": func(s *v1alpha1.PartnershipSpec) {
		s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
	},
	"Expired": func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = v1alpha1.NewTimestamp(now) },
}

const (
	keep       = v1alpha1.LinkKeep
	redirect   = v1alpha1.LinkRedirect
	deactivate = v1alpha1.LinkDeactivate
)

var effects = []v1alpha1.LinkEffect{keep, redirect, deactivate}

// stateOf is what a link with an effect does.
var stateOf = map[v1alpha1.LinkEffect]v1alpha1.LinkState{keep: activeLink, redirect: nobodys, deactivate: dead}

// stricter is written by hand, as the table is.
func stricter(a, b v1alpha1.LinkEffect) v1alpha1.LinkEffect {
	order := map[v1alpha1.LinkEffect]int{keep: 0, redirect: 1, deactivate: 2}
	if order[a] > order[b] {
		return a
	}
	return b
}

// TestTable is the table of docs/links.md, which says what a share link does, row by row.
func TestTable(t *testing.T) {
	const declared = v1alpha1.SourceAdmin
	rows := map[string]bool{}
	check := func(row, how string, want v1alpha1.LinkState, tell func(*story)) {
		t.Helper()
		rows[row] = true
		t.Run(row+"/"+how, func(t *testing.T) {
			s := newStory()
			tell(s)
			if got, _ := s.Answer(); got != want {
				t.Errorf("the link is %s, want %s", got, want)
			}
			s.controller = true
			s.look()
			if got, _ := s.Answer(); got != want || s.Link.Status.State != want {
				t.Errorf("once looked at the link is %s, and says %s, want %s", got, s.Link.Status.State, want)
			}
			before := s.Link.Status
			s.look()
			if !equality.Semantic.DeepEqual(s.Link.Status, before) {
				t.Errorf("it does not settle: %+v, then %+v", before, s.Link.Status)
			}
		})
	}
	// removed tells of a removal with each effect, seen or not by a controller that runs before and after.
	removed := func(row string, want func(v1alpha1.LinkEffect) v1alpha1.LinkEffect, then func(*story)) {
		for _, links := range effects {
			for how, runs := range map[string]bool{"seen": true, "unseen": false} {
				check(row, how+" with "+string(links), stateOf[want(links)], func(s *story) {
					s.changed(onRemoval(links))
					s.controller = runs
					s.deleted()
					s.controller = true
					s.look()
					then(s)
				})
			}
		}
	}
	same := func(links v1alpha1.LinkEffect) v1alpha1.LinkEffect { return links }
	atMostRedirect := func(links v1alpha1.LinkEffect) v1alpha1.LinkEffect { return stricter(links, redirect) }
	nothing := func(*story) {}

	check("Active", "as it is", activeLink, nothing)
	for name, state := range idle {
		check("Invited, Pending, Rejected, Expired or Conflict", name, nobodys, func(s *story) { s.changed(state) })
		for _, links := range effects {
			check("deleted while Invited, Pending, Rejected, Expired or Conflict", name+" with "+string(links), stateOf[atMostRedirect(links)], func(s *story) {
				s.changed(onRemoval(links))
				s.changed(state)
				s.deleted()
			})
		}
	}
	check("Invited, Pending, Rejected, Expired or Conflict", "Conflict", nobodys, func(s *story) { s.inConflict() })
	check("deleted while Invited, Pending, Rejected, Expired or Conflict", "Conflict", nobodys, func(s *story) {
		s.changed(onRemoval(keep))
		s.inConflict()
		s.deleted()
	})
	check("Active, the program is suspended", "suspended", nobodys, func(s *story) { s.program().Spec.Suspend = true })
	check("the program is deleted", "deleted", nobodys, func(s *story) { s.end() })
	check("of a member who is not in the team", "never was", nobodys, func(s *story) { s.ofTeam("eve@agency.example"); s.look() })
	for _, links := range effects {
		check("deleted, of a member who was not in the team", string(links), stateOf[atMostRedirect(links)], func(s *story) {
			s.ofTeam("eve@agency.example")
			s.changed(onRemoval(links))
			s.deleted()
		})
		check("Revoked", string(links), stateOf[links], func(s *story) { s.changed(revocation(links)) })
		for _, after := range effects {
			check("deleted while Revoked", string(links)+" and "+string(after), stateOf[stricter(links, after)], func(s *story) {
				s.changed(onRemoval(after))
				s.changed(revocation(links))
				s.deleted()
			})
		}
	}
	check("reinstated, extended, the program or the member back", "reinstated", activeLink, func(s *story) {
		s.changed(revocation(deactivate))
		s.changed(func(p *v1alpha1.PartnershipSpec) { p.Revocation = nil })
	})
	check("reinstated, extended, the program or the member back", "extended", activeLink, func(s *story) {
		s.changed(idle["Expired"])
		s.changed(func(p *v1alpha1.PartnershipSpec) { p.ValidUntil = "" })
	})
	check("reinstated, extended, the program or the member back", "the program", activeLink, func(s *story) {
		s.program().Spec.Suspend = true
		s.look()
		s.program().Spec.Suspend = false
	})
	check("reinstated, extended, the program or the member back", "the member", activeLink, func(s *story) {
		s.ofTeam("eve@agency.example")
		s.look()
		s.Team.Status.Members[2].State = v1alpha1.MemberActive
	})
	removed("deleted while Active", same, nothing)
	check("deleted while Active", "said in the last moment", dead, func(s *story) {
		p := s.Partnership.DeepCopy()
		p.Spec.OnRemoval.Links = deactivate
		s.Partnership = p
		s.deleted()
	})
	check("deleted while Active", "before the link was ever looked at", dead, func(s *story) {
		s.Link.Status = v1alpha1.PartnerLinkStatus{}
		p := s.Partnership.DeepCopy()
		p.Spec.OnRemoval.Links = deactivate
		s.Partnership = p
		s.deleted()
	})
	for _, source := range []v1alpha1.PartnershipSource{v1alpha1.SourceInvite, v1alpha1.SourceJoinLink} {
		removed("deleted, then the partner came by a new invite or application", atMostRedirect, func(s *story) { s.created("ada", source, "") })
	}
	removed("deleted, then the partner came by a new invite or application", atMostRedirect, func(s *story) {
		s.created("ada", declared, v1alpha1.InvitationSend)
	})
	removed("deleted, then the partner came by a new invite or application", atMostRedirect, func(s *story) {
		s.created("ada", v1alpha1.SourceInvite, "")
		s.deleted() // and gone again
	})
	back := func(v1alpha1.LinkEffect) v1alpha1.LinkEffect { return keep }
	removed("deleted, then the company declared the same partner again", back, func(s *story) { s.created("ada", declared, v1alpha1.InvitationNone) })
	removed("deleted, then the company declared the same partner again", back, func(s *story) {
		s.created("ada", declared, v1alpha1.InvitationNone)
		s.changed(func(p *v1alpha1.PartnershipSpec) { p.Invitation = v1alpha1.InvitationSend }) // later: it is theirs by now
		s.changed(func(p *v1alpha1.PartnershipSpec) { p.Invitation = "" })
	})
	for _, source := range []v1alpha1.PartnershipSource{declared, v1alpha1.SourceInvite} {
		removed("another partner under the old name", atMostRedirect, func(s *story) { s.created("eve", source, "") })
	}
	check("another partner under the old name", "at once", nobodys, func(s *story) {
		s.controller = false
		s.Partnership = nil
		s.created("eve", declared, "")
	})
	check("restored with its status, or from an export", "with status, before its partnership", activeLink, func(s *story) {
		s.restore()
		p := s.Partnership
		s.Partnership = nil
		s.look()
		s.look()
		s.Partnership = p
	})
	check("restored with its status, or from an export", "with status, after its partnership", activeLink, func(s *story) { s.restore() })
	check("restored with its status, or from an export", "without status", activeLink, func(s *story) {
		s.restore()
		s.Link.Status = v1alpha1.PartnerLinkStatus{}
	})
	check("restored with its status, or from an export", "and deleted after that", dead, func(s *story) {
		s.restore()
		s.look()
		s.changed(onRemoval(deactivate))
		s.controller = false
		s.deleted()
		s.controller = true
		s.look()
		s.created("ada", v1alpha1.SourceInvite, "")
	})
	check("restored without its status and its partnership, or not there yet", "restored", dead, func(s *story) {
		s.Link.Status = v1alpha1.PartnerLinkStatus{}
		s.Partnership = nil
	})
	check("in another program than `spec.programRef` says", "mismatched", nobodys, func(s *story) { s.says("reseller"); s.look() })

	page, err := os.ReadFile("../../docs/links.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## What a link does\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || strings.Contains(line, "---") || strings.Contains(cells[1], "the partnership") {
			continue
		}
		row := strings.TrimSpace(cells[1])
		if !rows[row] {
			t.Errorf("docs/links.md has a row that is not tested: %s", row)
		}
		delete(rows, row)
	}
	for row := range rows {
		t.Errorf("docs/links.md lacks the row: %s", row)
	}
}

// inConflict lets an older partnership of the same partner in the same program be there.
func (s *story) inConflict() {
	older := *s.Partnership.DeepCopy()
	older.Name = "a"
	s.Rivals = []v1alpha1.Partnership{older}
	s.look()
}

// restore puts link and partnership back from a backup: other objects, with the status of before.
func (s *story) restore() {
	s.changed(func(p *v1alpha1.PartnershipSpec) { p.Source = v1alpha1.SourceInvite })
	s.Now = s.Now.Add(time.Hour)
	l, p := s.Link.DeepCopy(), s.Partnership.DeepCopy()
	l.CreationTimestamp, p.UID = metav1.Time{Time: s.Now}, "restored"
	s.Link, s.Partnership = l, p
}

// What is settled is not written for its sake: links of the version before stay as they are.
func TestLinksOfBefore(t *testing.T) {
	for name, tell := range map[string]func(*story){
		"of an active partner":  func(*story) {},
		"of a deleted one":      func(s *story) { s.Partnership = nil },
		"of one who is revoked": func(s *story) { s.changed(revocation(redirect)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory()
			tell(s)
			s.look()
			old := s.Link.DeepCopy()
			old.Status.PartnershipUID, old.Status.PartnerMark, old.Status.RemovedTime = "", "", nil
			s.Link = old
			if status := Decide(s.Ground, old.Status.URL); !equality.Semantic.DeepEqual(status, old.Status) {
				t.Errorf("it is written: %+v, and was %+v", status, old.Status)
			}
			if s.Partnership == nil {
				return
			}
			s.deleted()
			s.created("ada", v1alpha1.SourceInvite, "")
			if got, _ := s.Answer(); got != nobodys {
				t.Errorf("after a removal and a new invite it is %s", got)
			}
		})
	}
}

// A mark by a key that is about to be retired is replaced, else nothing would tell whose the link was.
func TestMarkFollowsTheKeys(t *testing.T) {
	s := newStory()
	s.Marks = append([]string{"newest-mark-of-ada"}, s.Marks...)
	s.look()
	if got := s.Link.Status.PartnerMark; got != "newest-mark-of-ada" {
		t.Errorf("the mark is %q", got)
	}
}

func TestFollows(t *testing.T) {
	s := newStory()
	if !Follows(s.Link, s.Partnership, s.Marks, s.Now) {
		t.Error("what was looked at does not follow")
	}
	p := s.Partnership.DeepCopy()
	p.Spec.OnRemoval.Links = deactivate
	if Follows(s.Link, p, s.Marks, s.Now) {
		t.Error("it follows before it was looked at")
	}
	s.changed(onRemoval(deactivate))
	if !Follows(s.Link, s.Partnership, s.Marks, s.Now) {
		t.Error("it does not follow once it was looked at")
	}
	if fresh := (&v1alpha1.PartnerLink{Spec: s.Link.Spec}); Follows(fresh, p, s.Marks, s.Now) {
		t.Error("a link that nobody has looked at follows")
	}
}
