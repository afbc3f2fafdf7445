package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// PartnerInviteReconciler issues, mails and expires invites, and finishes what the portal could not.
type PartnerInviteReconciler struct {
	base
	post        *post
	accept      *accept.Step
	brake       *brake
	links       *linkRights
	concurrency int
	// people makes the claims for invites of one person take turns.
	people keylock.Keys
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites,verbs=get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerinvites/status,verbs=update
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

func (r *PartnerInviteReconciler) setup(mgr ctrl.Manager) error {
	// Without the predicate the event of each of our own writes would wake a reconcile on a stale copy.
	answered := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.PartnerInvite), e.ObjectNew.(*v1alpha1.PartnerInvite)
		return (before.Status.Acceptance == nil) != (after.Status.Acceptance == nil) || before.Status.Renewal == nil && after.Status.Renewal != nil ||
			repeats(before) != repeats(after)
	}}
	// Those that a new or changed program, group, template or brand may let go on, oldest first.
	waiting := enqueue(r.base, client.Object.GetNamespace, within(r.Client, lookup.WaitingInvites))
	return newController(mgr, "partnerinvite", "PartnerInvite", r.concurrency).
		For(&v1alpha1.PartnerInvite{}, builder.WithPredicates(predicate.Or[client.Object](specChanged, predicate.AnnotationChangedPredicate{}, answered))).
		Watches(&v1alpha1.Program{}, waiting, builder.WithPredicates(specChanged)).
		Watches(&v1alpha1.PartnerGroup{}, waiting, builder.WithPredicates(specChanged)).
		Watches(&v1alpha1.Partnership{}, enqueue(r.base, rivalryOf, r.heldBy), builder.WithPredicates(specEdited)).
		Watches(&v1alpha1.PartnerTeam{}, enqueue(r.base, client.ObjectKeyFromObject, byName(r.Client, lookup.InvitesOfTeam)), builder.WithPredicates(peopleTurned)).
		WatchesMetadata(&corev1.ConfigMap{}, waiting, r.post.mattering()).
		WatchesRawSource(onKeys(r.base, r.post.keys, keyring.SecretName, r.keptLinks)).
		WatchesRawSource(r.post.routes.follow(waiting)).
		Complete(eachOf(r.base, r))
}

// keptLinks are the invites whose links are kept in Secrets.
func (r *PartnerInviteReconciler) keptLinks(ctx context.Context) ([]reconcile.Request, error) {
	var list v1alpha1.PartnerInviteList
	err := r.List(ctx, &list, client.UnsafeDisableDeepCopy)
	list.Items = slices.DeleteFunc(list.Items, func(i v1alpha1.PartnerInvite) bool { return i.Spec.Delivery != v1alpha1.DeliveryLink })
	return requestsFor(list.Items), err
}

// Reconcile does what is due for one invite.
func (r *PartnerInviteReconciler) Reconcile(ctx context.Context, i *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	if !i.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	if i.ForTeammates() {
		return r.reconcileTeammates(ctx, i)
	}
	in, style, err := r.observe(ctx, i)
	if err != nil {
		return reconcile.Result{}, err
	}
	d := invite.Decide(in)
	if style.err != nil {
		return reconcile.Result{}, style.err
	}
	before := i.Status
	switch {
	case d.Action == invite.ActionSend:
		return r.send(ctx, in, style)
	case d.Action == invite.ActionRepeat:
		return r.repeat(ctx, in, style)
	case d.Action == invite.ActionFinish:
		return r.finish(ctx, i)
	case d.Action == invite.ActionRenewLink:
		err = r.renewLink(ctx, i, d.Status, style)
	case !equality.Semantic.DeepEqual(before, d.Status):
		after := i.DeepCopy()
		after.Status = d.Status
		if err = r.Status().Update(ctx, after); err == nil {
			r.tell(ctx, before, after)
		}
	}
	return resultOf(d.RequeueAfter, err)
}

// renewLink signs the link that is kept in a Secret with the newest key. The one of before works as long as its key is there.
func (r *PartnerInviteReconciler) renewLink(ctx context.Context, i *v1alpha1.PartnerInvite, status v1alpha1.PartnerInviteStatus, style *style) error {
	after := i.DeepCopy()
	after.Status = status
	url, err := r.link(after, style.team, style.portal)
	if err == nil {
		err = r.writeLink(ctx, after, url)
	}
	if err == nil {
		err = r.Status().Update(ctx, after)
	}
	return err
}

// saltAgain is how soon it is looked again for the salt of a program, which another controller is about to write.
const saltAgain = time.Second

// obstructedAgain is how often it is tried whether what is in the way of an accepted invite is gone.
const obstructedAgain = time.Minute

// finish carries out an answer of which whoever took it left something open. What the cache does not know of that would be
// done again: a partnership that was made and deleted since would come back.
func (r *PartnerInviteReconciler) finish(ctx context.Context, i *v1alpha1.PartnerInvite) (reconcile.Result, error) {
	now := &v1alpha1.PartnerInvite{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(i), now); err != nil {
		return resultOf(0, client.IgnoreNotFound(err))
	}
	if now.UID != i.UID || now.Status.Acceptance == nil || len(now.Status.PartnershipRefs) > 0 {
		return reconcile.Result{}, nil
	}
	err := r.accept.Finish(ctx, now)
	var obstacle *accept.Obstacle
	switch {
	case errors.Is(err, lookup.ErrNoNameSalt):
		return reconcile.Result{RequeueAfter: saltAgain}, nil
	case !errors.As(err, &obstacle):
		return resultOf(0, err)
	}
	before := *now.Status.DeepCopy()
	now.Status.ObservedGeneration = now.Generation
	invite.Obstruct(&now.Status, obstacle.Unresolved, r.now())
	if equality.Semantic.DeepEqual(before, now.Status) {
		return reconcile.Result{RequeueAfter: obstructedAgain}, nil
	}
	if err = r.Status().Update(ctx, now); err == nil {
		r.tell(ctx, before, now)
	}
	return resultOf(obstructedAgain, err)
}

func (r *PartnerInviteReconciler) observe(ctx context.Context, i *v1alpha1.PartnerInvite) (invite.Input, *style, error) {
	tenant, err := r.post.tenant(ctx, i.Namespace)
	if err != nil {
		return invite.Input{}, nil, err
	}
	keys := r.post.keys.Current()
	in := invite.Input{
		Invite:           i,
		MailerConfigured: tenant.configured(),
		Hold:             r.post.hold(),
		HoldsKey:         keys.Holds,
		NewestKeyID:      keys.NewestKeyID(),
		MessageDomain:    tenant.MessageDomain(),
		Now:              r.now(),
	}
	if in.Refused = tenant.held(); in.Refused == "" {
		in.Refused, in.RefusedUntil = tenant.transport.refused()
	}
	in.LinkRefused, in.LinkRefusedUntil = r.links.refused(i.Namespace)
	if in.Catalog, err = lookup.Catalog(ctx, r.Client, i.Namespace); err != nil {
		return in, nil, err
	}
	if i.TeamName() != "" {
		if in.Team, err = lookup.Team(ctx, r.Client, i.Namespace, i.TeamName()); err != nil {
			return in, nil, err
		}
	}
	style := &style{tenant: tenant, book: r.post.book, catalog: in.Catalog, invite: i, team: in.Team}
	in.Template = func(scope []v1alpha1.ProgramGrant) *program.Unresolved { return style.problem(ctx, scope) }
	in.Brake = r.brake.until(ctx, i.Namespace, in.Catalog)
	if i.Spec.Team == nil { // a team that does not exist is a partner in nothing
		if in.Partnerships, err = lookup.PartnershipsFor(ctx, r.Client, i); err != nil {
			return in, nil, err
		}
	}
	in.Rivals, err = lookup.RivalsOf(ctx, r.Client, i)
	return in, style, err
}

// appliedTogether is how young an invite is for which a brand or a program may have been applied a moment before it.
const appliedTogether = 10 * time.Second

// send makes a claim and carries it out. The claim is of the moment that the rate lets the mail leave: one that was made
// before the wait could look like that of a dead process.
func (r *PartnerInviteReconciler) send(ctx context.Context, in invite.Input, style *style) (reconcile.Result, error) {
	i := in.Invite
	if i.Spec.Delivery == v1alpha1.DeliveryLink {
		if may, err := r.mayWriteLink(ctx, i); err != nil || !may {
			return reconcile.Result{RequeueAfter: retrySoon}, err
		}
	} else if err := style.transport.sender.Ready(ctx); err != nil {
		return reconcile.Result{}, err
	}
	in.Now = r.now()
	if in.Now.Sub(i.CreationTimestamp.Time) < appliedTogether {
		if same, err := r.confirm(ctx, i, in.Catalog); err != nil || !same {
			return reconcile.Result{RequeueAfter: retrySoon}, err
		}
	}
	d := invite.Decide(in)
	if d.Action != invite.ActionSend {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	claimed := i.DeepCopy()
	claimed.Status = d.Status
	giveBack, taken := r.place(ctx, claimed, in.Catalog)
	if !taken {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	if claimed.Spec.Delivery != v1alpha1.DeliveryLink && !style.transport.try() {
		giveBack()
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	send, err := r.sending(ctx, claimed, style)
	if err != nil {
		giveBack()
		return resultOf(retrySoon, err)
	}
	before, id, left := i.Status, d.Status.MessageID, false
	err = dispatch(ctx, r.post, claimOf[*v1alpha1.PartnerInvite]{
		object: claimed,
		claim:  func(ctx context.Context) error { return r.claim(ctx, in, claimed) },
		send: func(ctx context.Context) error {
			left = true
			return send(ctx)
		},
		record: func(i *v1alpha1.PartnerInvite, failure *delivery.Failure) bool {
			outdated := i.Status.MessageID != id || i.Status.SentTime != nil
			if outdated || i.Status.Acceptance != nil { // whoever wrote that has told of it
				before = *i.Status.DeepCopy()
			}
			if outdated {
				return false
			}
			if failure == nil {
				invite.Delivered(&i.Status, i.Spec.Delivery, r.now())
			} else {
				invite.NotDelivered(&i.Status, failure, r.now())
			}
			return true
		},
	})
	if !left {
		giveBack()
	}
	if err != nil {
		return resultOf(retrySoon, err)
	}
	r.tell(ctx, before, claimed)
	in.Invite = claimed
	next := invite.Decide(in)
	if next.Action != invite.ActionNone { // what was observed before the mail may not hold any more
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, nil
}

// confirm asks the API server whether the caches knew all that was applied before an invite and decides what it says: the
// brand, and which programs there are, if it offers all of them and is issued for the first time.
func (r *PartnerInviteReconciler) confirm(ctx context.Context, i *v1alpha1.PartnerInvite, catalog program.Catalog) (bool, error) {
	if same, err := r.post.book.Confirm(ctx, i.Namespace); err != nil || !same {
		return false, err
	}
	if len(i.Spec.Programs) > 0 || len(i.Status.Programs) > 0 {
		return true, nil
	}
	return lookup.KnowsPrograms(ctx, r.live, i.Namespace, catalog)
}

// place takes a place under the brakes of the programs for a mail. What is no mail needs none.
func (r *PartnerInviteReconciler) place(ctx context.Context, claimed *v1alpha1.PartnerInvite, catalog program.Catalog) (giveBack func(), taken bool) {
	if claimed.Spec.Delivery == v1alpha1.DeliveryLink {
		return func() {}, true
	}
	return r.brake.take(ctx, claimed.Namespace, claimed.Status.Programs, catalog)
}

// claim writes a claim unless another invite of the same person, as the API server has it now, goes first. Who claims for
// one person takes turns. The others are looked for anew: one may have come since the decision, and have been issued a
// moment ago, which the cache need not have seen yet.
func (r *PartnerInviteReconciler) claim(ctx context.Context, in invite.Input, claimed *v1alpha1.PartnerInvite) error {
	defer r.people.Lock(claimed.Namespace + "/" + claimed.TeamName() + "/" + address.Normalize(string(claimed.Spec.Contact.Email)))()
	rivals, err := lookup.RivalsOf(ctx, r.Client, claimed)
	if err != nil {
		return err
	}
	fresh := make([]v1alpha1.PartnerInvite, 0, len(rivals))
	for i := range rivals {
		if rivals[i].UID == claimed.UID {
			continue
		}
		rival := v1alpha1.PartnerInvite{}
		err := r.live.Get(ctx, client.ObjectKeyFromObject(&rivals[i]), &rival)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil {
			fresh = append(fresh, rival)
		}
	}
	in.Rivals = fresh
	in.Brake = nil // the place is taken, by this claim
	if again := invite.Decide(in); again.Action != invite.ActionSend || again.Status.Serial != claimed.Status.Serial {
		return errLost
	}
	return r.Status().Update(ctx, claimed)
}

// sending is what a claim is about: a mail, or the Secret with the link.
func (r *PartnerInviteReconciler) sending(ctx context.Context, claimed *v1alpha1.PartnerInvite, style *style) (func(context.Context) error, error) {
	url, err := r.link(claimed, style.team, style.portal)
	if claimed.Spec.Delivery == v1alpha1.DeliveryLink || err != nil {
		return func(ctx context.Context) error { return r.writeLink(ctx, claimed, url) }, err
	}
	message, err := style.message(ctx, claimed, url)
	return style.transport.mail(message), err
}

// link is the address of an invite's page. It is made here whenever it is needed, and nowhere kept.
func (r *PartnerInviteReconciler) link(i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam, portal link.Base) (string, error) {
	text, err := r.post.keys.Current().Sign(token.PurposeInvite, i.Status.KeyID, token.Subject{
		Namespace: i.Namespace,
		UID:       string(i.UID),
		Serial:    i.Status.Serial,
		Address:   string(invite.Recipient(i, of).Email),
	})
	return portal.Invite(i.Namespace, text), err
}

func (r *PartnerInviteReconciler) tell(ctx context.Context, before v1alpha1.PartnerInviteStatus, after *v1alpha1.PartnerInvite) {
	masked := address.Mask(string(after.Spec.Contact.Email))
	if after.Spec.TeamRef != nil {
		masked = "team " + after.Spec.TeamRef.Name
	}
	if e, ok := invite.Transition(before, after.Status, masked); ok {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
	if r.post.mode == MailLog && before.State != v1alpha1.InviteHeld && after.Status.State == v1alpha1.InviteHeld {
		log.FromContext(ctx).Info("Would be sent with --mail-mode=send", "mail", after.Mail(), "address", masked)
	}
}
