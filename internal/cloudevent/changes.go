package cloudevent

import (
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// TypePrefix is what the type of every event begins with.
const TypePrefix = "io.partner-operator."

// Observer makes the events of one installation.
type Observer struct {
	// Portal is the public address of the portal.
	Portal string
}

// fact is something that happened to an object, and that is told once.
type fact struct {
	// transition is the last part of the type.
	transition string
	// occasion tells apart the times that the same happens to an object; empty: it happens once.
	occasion string
	// noted is when it was written down; zero: the object does not tell.
	noted time.Time
	// tell adds to what is said of the object; nil: nothing.
	tell func(*Data)
}

func (f fact) key() string { return f.transition + "/" + f.occasion }

// Changes are the events of an object that was observed as it was before, and is as it is now: nil if it was not there
// before, or is gone. An object that comes with a history tells of what its status still shows. Any other kind has none.
func (o Observer) Changes(before, after metav1.Object, now time.Time) []Event {
	if after == nil {
		if before == nil || !followed(before) {
			return nil
		}
		return []Event{o.event(before, fact{transition: "removed", noted: now})}
	}
	known := map[string]bool{}
	if before != nil {
		for _, f := range facts(before, saltOf(after)) {
			known[f.key()] = true
		}
	}
	var events []Event
	for _, f := range append(facts(after, saltOf(after)), turns(before, after)...) {
		if known[f.key()] {
			continue
		}
		if f.noted.IsZero() {
			if before == nil {
				continue // nobody knows when it was
			}
			f.noted = now
		}
		events = append(events, o.event(after, f))
	}
	return events
}

// followed tells whether an object is of a kind that events tell about.
func followed(object metav1.Object) bool { return data(object).Kind != "" }

func (o Observer) event(of metav1.Object, f fact) Event {
	d := data(of)
	d.APIVersion = v1alpha1.GroupVersion.String()
	d.Namespace, d.Name, d.UID = of.GetNamespace(), of.GetName(), string(of.GetUID())
	if f.tell != nil {
		f.tell(&d)
	}
	kind := strings.ToLower(d.Kind)
	id := d.UID + "." + f.transition
	if f.occasion != "" {
		id += "." + f.occasion
	}
	return Event{
		SpecVersion: "1.0", ID: id, Source: o.Portal + "/t/" + d.Namespace, Type: TypePrefix + kind + "." + f.transition,
		Subject: kind + "s/" + d.Name, Time: f.noted, DataContentType: "application/json", Data: d,
	}
}

// saltOf is what the IDs of a team's people are made with.
func saltOf(object metav1.Object) string {
	if of, ok := object.(*v1alpha1.PartnerTeam); ok {
		return of.Status.MemberSalt
	}
	return ""
}

// facts are what the object itself tells to have happened to it. The salt is that of now: that a team has got one is not
// that something happened to its people.
func facts(object metav1.Object, salt string) []fact {
	switch of := object.(type) {
	case *v1alpha1.PartnerInvite:
		return issued(of)
	case *v1alpha1.Partnership:
		return append(standing(of), moved(of)...)
	case *v1alpha1.PartnerLink:
		return entered(string(of.Status.State), of.Status.StateTime)
	case *v1alpha1.PartnerTeam:
		return append([]fact{created(of)}, people(of, salt)...)
	case *v1alpha1.Program:
		return []fact{created(of)}
	default:
		return nil
	}
}

// turns are what only the difference between two versions tells.
func turns(before, after metav1.Object) []fact {
	if before == nil {
		return nil
	}
	switch of := after.(type) {
	case *v1alpha1.PartnerTeam:
		return roles(before.(*v1alpha1.PartnerTeam), of)
	case *v1alpha1.Program:
		if was := before.(*v1alpha1.Program); was.Spec.Suspend != of.Spec.Suspend {
			transition := "resumed"
			if of.Spec.Suspend {
				transition = "suspended"
			}
			return []fact{{transition: transition, occasion: of.ResourceVersion}}
		}
	}
	return nil
}

// invites are the states of an invite that others need to know of. In the other ones nothing has happened yet.
var invites = map[v1alpha1.InviteState]bool{
	v1alpha1.InviteSent: true, v1alpha1.InviteAccepted: true, v1alpha1.InviteDeclined: true, v1alpha1.InviteExpired: true,
	v1alpha1.InviteFailed: true, v1alpha1.InviteAlreadyPartner: true, v1alpha1.InviteRefused: true,
}

// entered is that an object came into a state. Without a time, as before there were times, it is not told.
func entered(state string, since *metav1.Time) []fact {
	if state == "" || since == nil {
		return nil
	}
	return []fact{{transition: strings.ToLower(state), occasion: second(since.Time), noted: since.Time}}
}

// issued is that an invite came into a state, with one of its links.
func issued(i *v1alpha1.PartnerInvite) []fact {
	if !invites[i.Status.State] {
		return nil
	}
	told := entered(string(i.Status.State), i.Status.StateTime)
	for n := range told {
		told[n].occasion = strconv.FormatInt(i.Status.Serial, 10) + "-" + told[n].occasion
	}
	return told
}

// standing is that a partnership came into its state. Active is told once the partner has had access, which begins later
// while the program or the team is missing.
func standing(p *v1alpha1.Partnership) []fact {
	told := entered(string(p.Status.State), p.Status.StateTime)
	if p.Status.State != v1alpha1.PartnershipActive {
		return told
	}
	began := p.Status.ActivatedTime
	if began == nil {
		return nil
	}
	for n := range told {
		if told[n].noted.Before(began.Time) {
			told[n].noted = began.Time
		}
	}
	return told
}

func created(object metav1.Object) fact {
	return fact{transition: "created", noted: object.GetCreationTimestamp().Time}
}

func moved(p *v1alpha1.Partnership) []fact {
	move := p.Status.LastMove
	if move == nil {
		return nil
	}
	return []fact{{transition: "moved", occasion: second(move.Time.Time), noted: move.Time.Time, tell: func(d *Data) {
		d.Group, d.PreviousGroup = move.To, move.From
	}}}
}
