package controller

import (
	"context"

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
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/keylock"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// verificationController is the name of the controller.
const verificationController = "verification"

// VerificationReconciler mails the links by which applicants show that an address is theirs.
type VerificationReconciler struct {
	base
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
	// Those with a mail that has not left, which a mended brand or a program that goes on may let go on.
	waiting := enqueue(r.base, client.Object.GetNamespace, within(r.Client, lookup.GroupsWithMail))
	return newController(mgr, verificationController, "PartnerGroup", r.courier.Workers()).
		For(&v1alpha1.PartnerGroup{}, builder.WithPredicates(asked)).
		Watches(&v1alpha1.Program{}, waiting, builder.WithPredicates(specChanged)).
		WatchesMetadata(&corev1.ConfigMap{}, waiting, r.mattering()).
		WatchesRawSource(r.mailNews.follow(waiting)).
		WatchesRawSource(r.courier.Turns(verificationController)).
		Complete(eachOf(r.base, verificationController, r))
}

// Reconcile sends the next verification mail of a group, or drops what would come too late.
func (r *VerificationReconciler) Reconcile(ctx context.Context, g *v1alpha1.PartnerGroup) (reconcile.Result, error) {
	_, heard := r.courier.TakenBack(verificationController, g)
	heard() // what failed is forgotten: whoever typed the address can ask again
	if !g.DeletionTimestamp.IsZero() || len(g.Status.Verifications) == 0 {
		return reconcile.Result{}, nil
	}
	tenant, err := r.courier.Tenant(ctx, g.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	catalog, err := lookup.Catalog(ctx, r.Client, g.Namespace)
	if err != nil {
		return reconcile.Result{}, err
	}
	outbox := join.Outbox{
		Group: g, Program: catalog.Programs[g.Spec.ProgramRef.Name], Hold: tenant.Holds[v1alpha1.MailVerifyAddress],
		Marks: r.marks(g), Elsewhere: sentElsewhere(g, catalog.Groups), Now: r.now(),
	}
	if outbox.Hold == nil {
		outbox.Hold = r.courier.Quota().Full(ctx, g.Namespace, scopeOf(g.Spec.ProgramRef), catalog)
	}
	d := join.Post(outbox)
	if d.Send != nil {
		return r.mailDue(ctx, outbox, *d.Send, tenant, catalog)
	}
	if !equality.Semantic.DeepEqual(g.Status, d.Status) {
		after := g.DeepCopy()
		after.Status = d.Status
		err = r.Status().Update(ctx, after)
	}
	return resultOf(d.RequeueAfter, err)
}

// scopeOf is the one program that a mail is about.
func scopeOf(program v1alpha1.ProgramReference) []v1alpha1.ProgramGrant {
	return []v1alpha1.ProgramGrant{{Name: program.Name}}
}

// marks stand for the addresses that the mails of a group wait for.
func (r *VerificationReconciler) marks(g *v1alpha1.PartnerGroup) map[int64][]string {
	keys, marks := r.keys.Current(), map[int64][]string{}
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

// confirm looks anew to whom the other groups of the namespace sent mails, as the API server has it: the cache may be
// behind what this process has just written.
func (r *VerificationReconciler) confirm(ctx context.Context, outbox *join.Outbox) error {
	g := outbox.Group
	var groups v1alpha1.PartnerGroupList
	if err := r.live.List(ctx, &groups, client.InNamespace(g.Namespace)); err != nil {
		return err
	}
	outbox.Elsewhere, outbox.Now = sentElsewhere(g, program.NewCatalog(nil, groups.Items).Groups), r.now()
	return nil
}

// mailDue sends the mail that is due, and looks again at once: others may wait.
func (r *VerificationReconciler) mailDue(
	ctx context.Context, outbox join.Outbox, key delivery.Key, tenant *courier.Tenant, catalog program.Catalog,
) (reconcile.Result, error) {
	before, claimed := outbox.Group.Status, outbox.Group.DeepCopy()
	v := join.Find(&before, key.Serial)
	email, known := r.keys.Current().Unseal(token.PurposeApplicant, join.SealContext(claimed), v.SealedAddress)
	job := courier.Job[*v1alpha1.PartnerGroup]{
		Controller: verificationController, Object: claimed, Tenant: tenant,
		Key: key, Recipient: string(email), LastTry: lastTry(&v.MailDelivery), Scope: scopeOf(claimed.Spec.ProgramRef), Catalog: catalog,
		Claim: func(ctx context.Context, write func(context.Context) error) (courier.Parcel, error) {
			defer r.tenants.Lock(claimed.Namespace)()
			if err := r.confirm(ctx, &outbox); err != nil {
				return courier.Parcel{}, err
			}
			d := join.Post(outbox)
			if d.Send == nil || *d.Send != key {
				return courier.Parcel{}, courier.ErrLost
			}
			claimed.Status = d.Status
			if !known {
				return courier.Parcel{Other: addressIsGone}, write(ctx)
			}
			message, err := r.message(claimed, key, string(email), tenant, catalog)
			if err != nil {
				return courier.Parcel{}, err
			}
			return courier.Parcel{Mails: []mail.Message{message}}, write(ctx)
		},
		Record: func(g *v1alpha1.PartnerGroup, o delivery.Outcome) bool { return join.Record(g, key, o, r.now()) },
	}
	if !known { // it can never be sent
		job.Tenant, job.Scope = nil, nil
	}
	result, err := courier.Send(ctx, r.courier, job)
	if err != nil || !result.Sent {
		return resultOf(result.Again, err)
	}
	r.tell(key, before, claimed)
	if len(claimed.Status.Verifications) == 0 {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{RequeueAfter: retrySoon}, nil
}

// addressIsGone drops a mail whose address cannot be read any more, since the key that sealed it is gone.
func addressIsGone(ctx context.Context) delivery.Outcome {
	log.FromContext(ctx).Info("The address of an applicant cannot be read any more, its mail is dropped")
	return delivery.Outcome{Class: delivery.Recipient, Message: "the signing key is gone"}
}

func (r *VerificationReconciler) tell(key delivery.Key, before v1alpha1.PartnerGroupStatus, after *v1alpha1.PartnerGroup) {
	for _, e := range join.Transitions(key, &before, &after.Status) {
		r.events.Eventf(after, nil, e.Type, e.Reason, e.Action, "%s", e.Note)
	}
}

// message is the mail of a claim. The address and the link stand nowhere else.
func (r *VerificationReconciler) message(
	g *v1alpha1.PartnerGroup, key delivery.Key, email string, tenant *courier.Tenant, catalog program.Catalog,
) (mail.Message, error) {
	v := join.Find(&g.Status, key.Serial)
	text, err := r.keys.Current().SignVerification(g.Namespace, token.Verification{
		Group: string(g.UID), Serial: key.Serial, JoinLink: v.JoinLinkSerial, Time: v.RequestedTime.Time, Address: email,
	})
	if err != nil {
		return mail.Message{}, err
	}
	content := mail.Content{
		Programs:   []mail.ProgramLine{mail.Line(catalog, g.Spec.ProgramRef.Name, &v1alpha1.GroupReference{Name: g.Name})},
		Link:       tenant.Portal.Apply(g.Namespace, text),
		ExpiryTime: v.RequestedTime.Add(join.VerificationLifetime),
	}
	return tenant.Render(key.Kind, content, join.MessageID(g, key, tenant.MessageDomain()), email)
}
