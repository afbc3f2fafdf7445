package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// VerificationReconciler mails the links by which applicants show that an address is theirs.
type VerificationReconciler struct {
	base
	post        *post
	brake       *brake
	concurrency int
	// tenants take turns to send: an address gets so many mails from all groups of a namespace together.
	tenants keylock.Keys
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnergroups,verbs=get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnergroups/status,verbs=update

func (r *VerificationReconciler) setup(mgr ctrl.Manager) error {
	asked := predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return len(e.Object.(*v1alpha1.PartnerGroup).Status.Verifications) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.PartnerGroup), e.ObjectNew.(*v1alpha1.PartnerGroup)
			return before.Status.VerificationSerial != after.Status.VerificationSerial
		},
	}
	return newController(mgr, "verification", "PartnerGroup", r.concurrency).
		For(&v1alpha1.PartnerGroup{}, builder.WithPredicates(asked)).
		Complete(eachOf(r.base, r))
}

// Reconcile sends the next verification mail of a group, or drops what would come too late.
func (r *VerificationReconciler) Reconcile(ctx context.Context, g *v1alpha1.PartnerGroup) (reconcile.Result, error) {
	if !g.DeletionTimestamp.IsZero() || len(g.Status.Verifications) == 0 {
		return reconcile.Result{}, nil
	}
	tenant, err := r.post.tenant(ctx, g.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	catalog, err := lookup.Catalog(ctx, r.Client, g.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	outbox := join.Outbox{
		Group: g, Program: catalog.Programs[g.Spec.ProgramRef.Name],
		Held:  r.post.holds(tenant)(v1alpha1.MailVerifyAddress) || tenant.transport == nil,
		Marks: r.marks(g), Elsewhere: sentElsewhere(g, catalog.Groups), Now: r.now(),
	}
	_, outbox.HeldUntil = r.brake.until(ctx, g.Namespace, catalog)(scopeOf(g))
	d := join.Post(outbox)
	if d.Send != 0 {
		return r.send(ctx, outbox, tenant, catalog)
	}
	if !equality.Semantic.DeepEqual(g.Status, d.Status) {
		g = g.DeepCopy()
		g.Status = d.Status
		err = r.Status().Update(ctx, g)
	}
	return resultOf(d.RequeueAfter, err)
}

// scopeOf is the program that the mails of a group are about.
func scopeOf(g *v1alpha1.PartnerGroup) []v1alpha1.ProgramGrant {
	return []v1alpha1.ProgramGrant{{Name: g.Spec.ProgramRef.Name}}
}

// marks stand for the addresses that the mails of a group wait for.
func (r *VerificationReconciler) marks(g *v1alpha1.PartnerGroup) map[int64][]string {
	keys, marks := r.post.keys.Current(), map[int64][]string{}
	for _, v := range g.Status.Verifications {
		if email, ok := keys.Unseal(token.PurposeApplicant, join.SealContext(g), v.SealedAddress); ok {
			marks[v.Serial] = keys.Marks(join.RecipientPlace(g.Namespace), string(email))
		}
	}
	return marks
}

// sentElsewhere tells to whom the other groups of a namespace sent mails.
func sentElsewhere(g *v1alpha1.PartnerGroup, groups map[string]*v1alpha1.PartnerGroup) (sent []v1alpha1.VerificationRecipients) {
	for name, other := range groups {
		if name != g.Name {
			sent = append(sent, other.Status.VerificationRecipients...)
		}
	}
	return sent
}

// claim writes a claim unless the address has got enough mails by now, from any group of the namespace as the API server
// has it: the cache may be behind what this process has just written.
func (r *VerificationReconciler) claim(ctx context.Context, outbox join.Outbox, claimed *v1alpha1.PartnerGroup, serial int64) error {
	defer r.tenants.Lock(claimed.Namespace)()
	var groups v1alpha1.PartnerGroupList
	if err := r.live.List(ctx, &groups, client.InNamespace(claimed.Namespace)); err != nil {
		return err
	}
	outbox.Elsewhere = sentElsewhere(claimed, program.NewCatalog(nil, groups.Items).Groups)
	if join.Post(outbox).Send != serial {
		return errLost
	}
	return r.Status().Update(ctx, claimed)
}

// send makes a claim of the moment that the rate lets the mail leave, carries it out, and looks again at once: others may
// wait.
func (r *VerificationReconciler) send(ctx context.Context, outbox join.Outbox, tenant tenant, catalog program.Catalog) (reconcile.Result, error) {
	if err := tenant.transport.sender.Ready(ctx); err != nil {
		return reconcile.Result{}, err
	}
	outbox.Now = r.now()
	d := join.Post(outbox)
	if d.Send == 0 {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	claimed := outbox.Group.DeepCopy()
	claimed.Status = d.Status
	message, err := r.message(ctx, claimed, d.Send, tenant, catalog)
	if err != nil {
		return reconcile.Result{}, err
	}
	giveBack, taken := r.brake.take(ctx, claimed.Namespace, scopeOf(claimed), catalog)
	if !taken {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	send, left := tenant.transport.mail(message), false
	if message.To == "" { // the key that sealed the address is gone, so it can never be sent
		send = func(context.Context) error {
			return &delivery.Failure{Permanent: true, Message: "the signing key is gone"}
		}
	}
	err = dispatch(ctx, r.post, claimOf[*v1alpha1.PartnerGroup]{
		object: claimed,
		claim:  func(ctx context.Context) error { return r.claim(ctx, outbox, claimed, d.Send) },
		send: func(ctx context.Context) error {
			left = true
			return send(ctx)
		},
		record: func(g *v1alpha1.PartnerGroup, failure *delivery.Failure) bool {
			return join.Record(&g.Status, d.Send, failure)
		},
	})
	if !left {
		giveBack()
	}
	if err != nil {
		return resultOf(retrySoon, err)
	}
	if len(claimed.Status.Verifications) == 0 {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{RequeueAfter: retrySoon}, nil
}

// message is the mail of a claim. The address and the link stand nowhere else.
func (r *VerificationReconciler) message(ctx context.Context, g *v1alpha1.PartnerGroup, serial int64, tenant tenant, catalog program.Catalog) (mail.Message, error) {
	v := join.Find(&g.Status, serial)
	keys := r.post.keys.Current()
	email, ok := keys.Unseal(token.PurposeApplicant, join.SealContext(g), v.SealedAddress)
	if !ok {
		log.FromContext(ctx).Info("The address of an applicant cannot be read any more, its mail is dropped", "serial", serial)
		return mail.Message{}, nil
	}
	text, err := keys.SignVerification(g.Namespace, token.Verification{
		Group: string(g.UID), Serial: serial, JoinLink: v.JoinLinkSerial, Time: v.RequestedTime.Time, Address: string(email),
	})
	if err != nil {
		return mail.Message{}, err
	}
	const kind = v1alpha1.MailVerifyAddress
	content := mail.Content{
		Programs:   []mail.ProgramLine{mail.Line(catalog, g.Spec.ProgramRef.Name, &v1alpha1.GroupReference{Name: g.Name})},
		Link:       tenant.portal.Apply(g.Namespace, text),
		ExpiryTime: v.RequestedTime.Add(join.VerificationLifetime),
	}
	message, err := mail.Render(kind, tenant.Brand, content, tenant.templates[kind])
	if err != nil && tenant.templates[kind] != nil { // only what this one mail says makes it unusable
		message, err = mail.Render(kind, tenant.Brand, content, nil)
	}
	message.ID = delivery.MessageID(string(kind), string(g.UID), serial, tenant.MessageDomain())
	message.To = string(email)
	return message, err
}
