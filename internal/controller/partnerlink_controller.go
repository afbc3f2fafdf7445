package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/team"
)

// PartnerLinkReconciler tells what links do, where they lead and what to share. The redirect itself does not wait for it.
type PartnerLinkReconciler struct {
	base
	concurrency int
	// removals are the partnerships that were deleted while this process looked.
	removals removals
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerlinks/status,verbs=update

func (r *PartnerLinkReconciler) setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(specChanged)
	turned := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.Partnership), e.ObjectNew.(*v1alpha1.Partnership)
		return before.Status.State != after.Status.State || before.Status.Group != after.Status.Group
	}}
	return newController(mgr, "partnerlink", "PartnerLink", r.concurrency).
		For(&v1alpha1.PartnerLink{}, changed).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.LinksOf)), builder.WithPredicates(predicate.Or[client.Object](specChanged, turned), staysThere)).
		Watches(&v1alpha1.Partnership{}, r.removing()).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, ownershipOf, r.ofMember), changed).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, r.sharedIn), builder.WithPredicates(peopleTurned)).
		Watches(&v1alpha1.Program{}, enqueue(r.base, client.ObjectKeyFromObject, r.following), changed).
		Watches(&v1alpha1.PartnerGroup{}, enqueue(r.base, programOfGroup, r.following), changed).
		Watches(&v1alpha1.PartnerInvite{}, enqueue(r.base, partnershipsOfInvite, r.awaiting), builder.WithPredicates(teamInviteTurned)).
		WatchesMetadata(&corev1.ConfigMap{}, enqueue(r.base, client.Object.GetNamespace, r.all), r.mattering()).
		WatchesRawSource(onKeys(r.base, r.keys, keyring.MarksSecretName, func(ctx context.Context) ([]reconcile.Request, error) { return r.all(ctx, metav1.NamespaceAll) })).
		Complete(eachOf(r.base, "partnerlink", r))
}

// staysThere lets everything through but that an object is gone.
var staysThere = predicate.Funcs{DeleteFunc: func(event.DeleteEvent) bool { return false }}

// removing looks at the links of a partnership that was deleted, and hands them what it said last.
func (r *PartnerLinkReconciler) removing() handler.EventHandler {
	m := &mapper[removal]{retries: r.retries, find: r.leftBy}
	return handler.Funcs{DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q requestQueue) {
		gone := e.Object.(*v1alpha1.Partnership)
		lookUp[removal]{m, q, removal{gone}}.now(ctx, gone.Namespace)
	}}
}

// leftBy finds the links of a partnership that is gone.
func (r *PartnerLinkReconciler) leftBy(ctx context.Context, gone removal) ([]reconcile.Request, error) {
	links, err := lookup.LinksOf(ctx, r.Client, gone.Namespace, gone.Name)
	requests := requestsFor(links)
	for _, request := range requests {
		r.removals.add(request.NamespacedName, gone, r.now())
	}
	return requests, err
}

// removal is a partnership that was deleted, as it was last seen.
type removal struct{ *v1alpha1.Partnership }

// removals are the removals that links have yet to follow, in their order. It is safe for use from many goroutines.
type removals struct {
	mutex sync.Mutex
	of    map[client.ObjectKey]pendingRemovals
}

type pendingRemovals struct {
	removals []removal
	since    time.Time
}

// removalsKept is how long a link has to follow. It takes longer only if it is gone itself.
const removalsKept = time.Hour

func (r *removals) add(link client.ObjectKey, gone removal, now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.of == nil {
		r.of = map[client.ObjectKey]pendingRemovals{}
	}
	maps.DeleteFunc(r.of, func(_ client.ObjectKey, p pendingRemovals) bool { return now.Sub(p.since) > removalsKept })
	r.of[link] = pendingRemovals{append(slices.Clone(r.of[link].removals), gone), now}
}

func (r *removals) pending(link client.ObjectKey) []removal {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.of[link].removals
}

// done forgets the first removals of a link.
func (r *removals) done(link client.ObjectKey, count int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if left := r.of[link]; len(left.removals) > count {
		r.of[link] = pendingRemovals{left.removals[count:], left.since}
	} else {
		delete(r.of, link)
	}
}

// ownership says whose own a partnership is, and in which program.
type ownership struct{ namespace, email, program string }

func ownershipOf(o client.Object) ownership {
	p := o.(*v1alpha1.Partnership)
	of := ownership{namespace: p.Namespace, program: p.Spec.ProgramRef.Name}
	if p.Spec.Contact != nil {
		of.email = string(p.Spec.Contact.Email)
	}
	return of
}

// ofMember finds the links of the teams of a person in a program: their own partnership in it may shut it to them.
func (r *PartnerLinkReconciler) ofMember(ctx context.Context, of ownership) ([]reconcile.Request, error) {
	if of.email == "" {
		return nil, nil
	}
	teams, err := lookup.TeamsOf(ctx, r.Client, of.namespace, of.email)
	if err != nil {
		return nil, err
	}
	var requests []reconcile.Request
	for i := range teams {
		in, err := lookup.PartnershipsOfTeam(ctx, r.Client, of.namespace, teams[i].Name)
		if err != nil {
			return nil, err
		}
		in = slices.DeleteFunc(in, func(p v1alpha1.Partnership) bool { return p.Spec.ProgramRef.Name != of.program })
		shared, err := r.sharedBy(ctx, in)
		if err != nil {
			return nil, err
		}
		requests = append(requests, shared...)
	}
	return requests, nil
}

// sharedIn finds the links of a team.
func (r *PartnerLinkReconciler) sharedIn(ctx context.Context, team client.ObjectKey) ([]reconcile.Request, error) {
	partnerships, err := lookup.PartnershipsOfTeam(ctx, r.Client, team.Namespace, team.Name)
	if err != nil {
		return nil, err
	}
	return r.sharedBy(ctx, partnerships)
}

// following finds the links of a program: of its partnerships, and of those that were removed.
func (r *PartnerLinkReconciler) following(ctx context.Context, program client.ObjectKey) ([]reconcile.Request, error) {
	left, err := lookup.LinksInto(ctx, r.Client, program.Namespace, program.Name)
	if err != nil {
		return nil, err
	}
	partnerships, err := lookup.PartnershipsIn(ctx, r.Client, program.Namespace, program.Name)
	if err != nil {
		return nil, err
	}
	shared, err := r.sharedBy(ctx, partnerships)
	return append(requestsFor(left), shared...), err
}

// sharedBy finds the links of partnerships.
func (r *PartnerLinkReconciler) sharedBy(ctx context.Context, partnerships []v1alpha1.Partnership) ([]reconcile.Request, error) {
	var requests []reconcile.Request
	for i := range partnerships {
		links, err := lookup.LinksOf(ctx, r.Client, partnerships[i].Namespace, partnerships[i].Name)
		if err != nil {
			return nil, err
		}
		requests = append(requests, requestsFor(links)...)
	}
	return requests, nil
}

// all finds the links of a ConfigMap's namespace: its brand may give the portal another host.
func (r *PartnerLinkReconciler) all(ctx context.Context, namespace string) ([]reconcile.Request, error) {
	var links v1alpha1.PartnerLinkList
	err := r.List(ctx, &links, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)
	return requestsFor(links.Items), err
}

// Reconcile writes the status of one link.
func (r *PartnerLinkReconciler) Reconcile(ctx context.Context, l *v1alpha1.PartnerLink) (reconcile.Result, error) {
	if !l.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	tenant, err := r.courier.Tenant(ctx, l.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	before, url := l.Status, tenant.Portal.Share(l.Namespace, l.Name)
	gone := r.removals.pending(client.ObjectKeyFromObject(l))
	for _, each := range gone {
		ground, err := r.ground(ctx, l, each.Partnership)
		if err != nil {
			return reconcile.Result{}, err
		}
		l.Status = link.Removed(ground, url)
	}
	there, err := lookup.Partnership(ctx, r.Client, l.Namespace, l.Spec.PartnershipRef.Name)
	if err != nil {
		return reconcile.Result{}, err
	}
	ground, err := r.ground(ctx, l, there)
	if err != nil {
		return reconcile.Result{}, err
	}
	l.Status = link.Decide(ground, url)
	if !equality.Semantic.DeepEqual(before, l.Status) {
		after := l.Status
		if err = r.Status().Update(ctx, l); err != nil {
			return resultOf(0, err)
		}
		if e, changed := link.Transition(before, after); changed {
			r.events.Eventf(l, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
		}
	}
	r.removals.done(client.ObjectKeyFromObject(l), len(gone))
	return reconcile.Result{}, nil
}

// ground gathers what a link depends on, with a partnership that may be gone by now; nil: there is none.
func (r *PartnerLinkReconciler) ground(ctx context.Context, l *v1alpha1.PartnerLink, p *v1alpha1.Partnership) (link.Ground, error) {
	ground, err := lookup.GroundWith(ctx, r.Client, r.keys.Marker(), l, p)
	if p != nil {
		ground.Marks = link.Marks(r.keys.Marker(), p)
	}
	ground.Portal, ground.Now = r.courier.Host(), r.now()
	if p == nil && err == nil {
		ground.IsInvited, err = lookup.PartnershipInvited(ctx, r.Client, l.Namespace, l.Spec.PartnershipRef.Name, ground.Now)
	}
	return ground, err
}

// linkFollowed lets through that a link knows something else about the time after the removal of its partnership, or is gone.
var linkFollowed = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.(*v1alpha1.PartnerLink).Status.OnRemoval != e.ObjectNew.(*v1alpha1.PartnerLink).Status.OnRemoval
	},
}

// partnershipOfLink is the key of the partnership that a link names.
func partnershipOfLink(l client.Object) client.ObjectKey {
	return client.ObjectKey{Namespace: l.GetNamespace(), Name: l.(*v1alpha1.PartnerLink).Spec.PartnershipRef.Name}
}

// awaitingLinks finds a partnership if it tells whether its links follow.
func (r *PartnershipReconciler) awaitingLinks(ctx context.Context, key client.ObjectKey) ([]reconcile.Request, error) {
	p, err := lookup.Partnership(ctx, r.Client, key.Namespace, key.Name)
	if err != nil || p == nil || p.Spec.OnRemoval.Links == "" {
		return nil, err
	}
	return []reconcile.Request{{NamespacedName: key}}, nil
}

// linksBehind tells whether a link does not know yet what a partnership says about its removal.
func (r *PartnershipReconciler) linksBehind(ctx context.Context, p *v1alpha1.Partnership) (bool, error) {
	if p.Spec.OnRemoval.Links == "" {
		return false, nil
	}
	links, err := lookup.LinksOf(ctx, r.Client, p.Namespace, p.Name)
	marks := link.Marks(r.keys.Marker(), p)
	return slices.ContainsFunc(links, func(l v1alpha1.PartnerLink) bool {
		return l.DeletionTimestamp.IsZero() && !link.Follows(&l, p, marks, r.now())
	}), err
}

// The operator makes the default links of groups.
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerlinks,verbs=create;get

// makeLinks makes default links of a partnership, and tells which it could not make. To make one that is there already does
// nothing.
func (r *PartnershipReconciler) makeLinks(
	ctx context.Context, p *v1alpha1.Partnership, wanted []partnership.WantedLink,
) map[partnership.LinkKey]partnership.LinkObstacle {
	unmade := map[partnership.LinkKey]partnership.LinkObstacle{}
	for _, each := range wanted {
		of := p.Name
		if each.Sharer != nil {
			of += "-" + each.Key().Member
		}
		name, other := link.DefaultName(of, each.Suffix)
		took, err := r.makeLink(ctx, p, name, each)
		if err == nil && took != linkMade {
			first := took
			if took, err = r.makeLink(ctx, p, other, each); err == nil && took != linkMade && (first == linkLeft || took == linkLeft) {
				took, err = r.makeLink(ctx, p, link.OwnName(of, p.UID, each.Suffix), each)
			}
		}
		switch {
		case err != nil:
			unmade[each.Key()] = partnership.LinkObstacle{
				Reason: v1alpha1.ReasonWriteFailed, Message: fmt.Sprintf("PartnerLink %q, a default link, cannot be made: %s; it is tried again", name, err),
			}
		case took != linkMade:
			unmade[each.Key()] = partnership.LinkObstacle{
				Reason:  v1alpha1.ReasonNameTaken,
				Message: fmt.Sprintf("PartnerLinks %q and %q, whose names a default link would have, are not of this partnership; delete one of them", name, other),
			}
		}
	}
	return unmade
}

// linkName is what became of a name for a link.
type linkName int

const (
	// linkMade: there is a link of the partnership that has it.
	linkMade linkName = iota
	// linkTaken: somebody else's link has it.
	linkTaken
	// linkLeft: a link has it that an earlier partnership of the same name left behind.
	linkLeft
)

// makeLink makes a link, unless there is one of that name.
func (r *PartnershipReconciler) makeLink(ctx context.Context, p *v1alpha1.Partnership, name string, wanted partnership.WantedLink) (linkName, error) {
	made := &v1alpha1.PartnerLink{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: name, Labels: map[string]string{link.SourceLabel: link.SourceDefault}},
		Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: p.Name}, Destination: wanted.Destination},
	}
	if wanted.Sharer != nil {
		made.Spec.Member = &v1alpha1.LinkMember{Email: wanted.Sharer.Email}
	}
	err := r.Create(ctx, made)
	if !apierrors.IsAlreadyExists(err) {
		return linkMade, err
	}
	there := &v1alpha1.PartnerLink{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(made), there); err != nil {
		return linkTaken, err // gone again: the next look makes it
	}
	switch {
	case there.Spec.PartnershipRef != made.Spec.PartnershipRef || !sameMember(there.Spec.Member, made.Spec.Member):
		return linkTaken, nil
	case link.Belongs(there, p, link.Marks(r.keys.Marker(), p)):
		return linkMade, nil
	default:
		return linkLeft, nil
	}
}

// sameMember tells whether two links are of the same person of a team, or of the team as a whole.
func sameMember(a, b *v1alpha1.LinkMember) bool {
	if a == nil || b == nil {
		return a == b
	}
	return address.Equal(string(a.Email), string(b.Email))
}

// sharers are the people of a team, as those who get default links of a partnership.
func (r *PartnershipReconciler) sharers(p *v1alpha1.Partnership, of *v1alpha1.PartnerTeam) []partnership.Sharer {
	var sharers []partnership.Sharer
	if of == nil {
		return nil
	}
	for _, m := range of.Status.Members {
		if team.IsActive(of, string(m.Email)) {
			sharers = append(sharers, partnership.Sharer{Email: m.Email, Names: link.SharerNames(r.keys.Marker(), p, string(m.Email)), Joined: m.OwnLinks})
		}
	}
	return sharers
}
