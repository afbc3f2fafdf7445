package controller

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/quota"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/token"
)

// mailDue sends the mail that is due, and looks again: another may be due. It is late if others go first for long.
func (r *PartnershipReconciler) mailDue(
	ctx context.Context, in partnership.Input, key delivery.Key, tenant *courier.Tenant, heard func(),
) (_ reconcile.Result, isLate bool, err error) {
	before, claimed := in.Partnership.Status, in.Partnership.DeepCopy()
	recipient := partnership.Recipient(in, key.To)
	if recipient == nil {
		return reconcile.Result{RequeueAfter: retrySoon}, false, nil
	}
	job := courier.Job[*v1alpha1.Partnership]{
		Controller: partnershipController, Object: claimed, Tenant: tenant, Heard: heard,
		Key: key, Recipient: mailbox(key.Kind, recipient, tenant), LastTry: lastTry(partnership.Mail(&before, key.Kind, key.To)),
		Scope: scopeOfMail(in, key), AlwaysLeaves: quota.Always(key.Kind),
		Claim: func(ctx context.Context, write func(context.Context) error) (courier.Parcel, error) {
			in.Now = r.now()
			d := partnership.Decide(in)
			if d.Send == nil || *d.Send != key {
				return courier.Parcel{}, courier.ErrLost
			}
			claimed.Status = d.Status
			in.Partnership = claimed
			mails, err := r.mails(in, key, tenant)
			if err != nil {
				return courier.Parcel{}, err
			}
			return courier.Parcel{Mails: mails}, write(ctx)
		},
		Record: func(p *v1alpha1.Partnership, o delivery.Outcome) bool { return partnership.Record(p, key, o, r.now()) },
	}
	if !job.AlwaysLeaves { // a limit to sign-in mails would lock the owner of the address out
		job.Scope = nil
	}
	result, err := courier.Send(ctx, r.courier, job)
	if err != nil || !result.Sent {
		again, err := resultOf(result.Again, err)
		return again, result.IsLate, err
	}
	r.tell(before, claimed)
	in.Partnership, in.TakenBack, in.Now = claimed, nil, r.now()
	next := partnership.Decide(in)
	if next.Send != nil {
		return reconcile.Result{RequeueAfter: retrySoon}, false, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, false, nil
}

// mailbox is the address by which refusals are told apart. The staff is told of many applicants at the same address: that
// it is refused each time must not look as if many were.
func mailbox(kind v1alpha1.MailKind, to *v1alpha1.TeamOwner, tenant *courier.Tenant) string {
	if kind == v1alpha1.MailApplicationReceived && len(tenant.NotifyStaff) > 0 {
		return tenant.NotifyStaff[0]
	}
	return string(to.Email)
}

// scopeOfMail are the programs that a mail about a partnership counts for: those that it tells of.
func scopeOfMail(in partnership.Input, key delivery.Key) []v1alpha1.ProgramGrant {
	programs, about := map[string]string{}, []string(nil)
	for i := range in.Others {
		programs[in.Others[i].Name] = in.Others[i].Spec.ProgramRef.Name
	}
	status := partnership.Decide(in).Status
	if m := partnership.Mail(&status, key.Kind, key.To); m != nil {
		about = m.About
	}
	return quota.Scope(in.Partnership.Spec.ProgramRef.Name, about, programs)
}

// mails are what a claim is about: a mail to the partner, or one to each of the company's staff.
func (r *PartnershipReconciler) mails(in partnership.Input, key delivery.Key, tenant *courier.Tenant) ([]mail.Message, error) {
	message, err := r.message(in, key, tenant)
	if err != nil || key.Kind != v1alpha1.MailApplicationReceived {
		return []mail.Message{message}, err
	}
	mails := make([]mail.Message, 0, len(tenant.NotifyStaff))
	for _, person := range tenant.NotifyStaff {
		message.To = person
		mails = append(mails, message)
	}
	return mails, nil
}

// message is the mail of a claim. A link is made here and nowhere kept.
func (r *PartnershipReconciler) message(in partnership.Input, key delivery.Key, tenant *courier.Tenant) (mail.Message, error) {
	p := in.Partnership
	recipient := partnership.Recipient(in, key.To)
	if recipient == nil {
		return mail.Message{}, courier.ErrLost
	}
	to := string(recipient.Email)
	content := mail.Content{FirstName: string(recipient.FirstName), LastName: string(recipient.LastName)}
	if in.Team != nil {
		content.Team = string(in.Team.Spec.DisplayName)
	}
	switch key.Kind {
	case v1alpha1.MailApproved, v1alpha1.MailRejected, v1alpha1.MailRevoked:
		told := partnership.Told(in, key)
		for _, each := range told {
			line := mail.Line(in.Catalog, each.Spec.ProgramRef.Name, nil)
			if key.Kind == v1alpha1.MailApproved {
				line = mail.Line(in.Catalog, each.Spec.ProgramRef.Name, groupRef(each.Status.Group))
			}
			line.Reason = partnership.Reason(each, key.Kind)
			content.Programs = append(content.Programs, line)
		}
		if key.Kind == v1alpha1.MailApproved {
			content.Link = tenant.Portal.Login(p.Namespace)
		}
	case v1alpha1.MailApplicationReceived:
		content = applicationContent(in)
	case v1alpha1.MailSignIn:
		text, err := r.keys.Current().Sign(token.PurposeSignIn, "", token.Subject{Namespace: p.Namespace, UID: string(p.UID), Serial: key.Serial, Address: to})
		if err != nil {
			return mail.Message{}, err
		}
		content.Link, content.Minutes = tenant.Portal.SignIn(p.Namespace, text), int(signin.LifetimeOf(p.Status.SignIn, key.Serial).Minutes())
	default:
		return mail.Message{}, fmt.Errorf("%q is no mail to a partner", key.Kind)
	}
	return tenant.Render(key.Kind, content, partnership.MessageID(p, key, tenant.MessageDomain()), to)
}

// groupRef names a group that may be none.
func groupRef(name string) *v1alpha1.GroupReference {
	if name == "" {
		return nil
	}
	return &v1alpha1.GroupReference{Name: name}
}
