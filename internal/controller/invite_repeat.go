package controller

import (
	"context"
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
)

// repeats counts how often the person asked for the mail of an invite once more.
func repeats(i *v1alpha1.PartnerInvite) int64 {
	if i.Status.Repeat == nil {
		return 0
	}
	return i.Status.Repeat.Serial
}

// unusableTemplate is how often it is asked whether a template can be used again, for a mail that a person waits for.
const unusableTemplate = 15 * time.Second

// repeat sends the mail of an invite once more, with the same link, because the person asked for it.
func (r *PartnerInviteReconciler) repeat(ctx context.Context, in invite.Input, style *style) (reconcile.Result, error) {
	if err := style.transport.sender.Ready(ctx); err != nil {
		return reconcile.Result{}, err
	}
	in.Now = r.now()
	d := invite.Decide(in)
	if d.Action != invite.ActionRepeat {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	claimed := in.Invite.DeepCopy()
	claimed.Status = d.Status
	url, err := r.link(claimed, style.team, style.portal)
	if err != nil {
		return reconcile.Result{}, err
	}
	message, err := style.message(ctx, claimed, url)
	if errors.Is(err, errLost) {
		return reconcile.Result{RequeueAfter: unusableTemplate}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	message.ID = invite.RepeatID(claimed.Status)
	giveBack, taken := r.place(ctx, claimed, in.Catalog)
	if !taken {
		_, until := in.Brake(claimed.Status.Programs)
		return reconcile.Result{RequeueAfter: max(retrySoon, until.Sub(in.Now))}, nil
	}
	left := false
	err = dispatch(ctx, r.post, claimOf[*v1alpha1.PartnerInvite]{
		object: claimed,
		send: func(ctx context.Context) error {
			left = true
			return style.transport.mail(message)(ctx)
		},
		record: func(i *v1alpha1.PartnerInvite, failure *delivery.Failure) bool {
			return invite.Repeated(&i.Status, message.ID, failure)
		},
	})
	if !left {
		giveBack()
	}
	if err != nil {
		return resultOf(retrySoon, err)
	}
	in.Invite, in.Now = claimed, r.now()
	next := invite.Decide(in)
	if next.Action != invite.ActionNone {
		return reconcile.Result{RequeueAfter: retrySoon}, nil
	}
	return reconcile.Result{RequeueAfter: next.RequeueAfter}, nil
}
