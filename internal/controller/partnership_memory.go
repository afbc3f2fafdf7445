package controller

import (
	"context"
	"errors"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/team"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// rewriteAfter is when marks that somebody erased are written anew. Whoever erases that of a person has deleted their
// partnership, which has to be known by then.
const rewriteAfter = 2 * time.Second

// tombstonePage is whose marks a ConfigMap holds: those of a program, by its UID.
type tombstonePage struct{ namespace, program string }

func pageOf(configMap client.Object) tombstonePage {
	labels := configMap.GetLabels()
	return tombstonePage{labels[tombstone.NamespaceLabel], labels[tombstone.Label]}
}

// rewriting looks at the partnerships of a program when somebody has erased marks of it: those who are there are noted anew.
func (r *PartnershipReconciler) rewriting() handler.EventHandler {
	m := &mapper[tombstonePage]{retries: r.retries, find: r.remembered, after: rewriteAfter}
	look := func(ctx context.Context, before, after client.Object, q requestQueue) {
		if tombstone.Lost(before, after) {
			lookUp[tombstonePage]{m, q, pageOf(before)}.now(ctx, pageOf(before).namespace)
		}
	}
	return handler.Funcs{
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q requestQueue) { look(ctx, e.ObjectOld, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q requestQueue) { look(ctx, e.Object, nil, q) },
	}
}

// remembered are the partnerships of the program of a page.
func (r *PartnershipReconciler) remembered(ctx context.Context, page tombstonePage) ([]reconcile.Request, error) {
	var programs v1alpha1.ProgramList
	if err := r.List(ctx, &programs, client.InNamespace(page.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	for i := range programs.Items {
		if p := &programs.Items[i]; string(p.UID) == page.program {
			found, err := lookup.PartnershipsIn(ctx, r.Client, p.Namespace, p.Name)
			return requestsFor(found), err
		}
	}
	return nil, nil
}

// remember notes whose partnership it is, and who is in its team, for the time after its removal. Nothing waits for that to
// be written.
func (r *PartnershipReconciler) remember(ctx context.Context, p *v1alpha1.Partnership) error {
	var of v1alpha1.Program
	if err := r.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Spec.ProgramRef.Name}, &of); err != nil {
		return client.IgnoreNotFound(err)
	}
	if err := r.tombstones.Note(ctx, &of, whose(p)); err != nil || !p.DeletionTimestamp.IsZero() {
		return err
	}
	t, err := r.team(ctx, p.Namespace, p.Spec.TeamRef)
	if err != nil || t == nil || !t.DeletionTimestamp.IsZero() {
		return err
	}
	var failed []error
	for _, email := range team.Addresses(t) {
		if grant.InTeam(p, team.Member(t, email), r.now()) {
			failed = append(failed, r.tombstones.NoteMember(ctx, &of, email))
		} else {
			failed = append(failed, r.release(ctx, &of, email))
		}
	}
	return errors.Join(failed...)
}

// release notes that somebody left, if they were noted to be in a team of a program and none says otherwise.
func (r *PartnershipReconciler) release(ctx context.Context, of *v1alpha1.Program, email string) error {
	noted, err := r.tombstones.HadMember(ctx, of, email)
	if err != nil || !noted {
		return err
	}
	teams, err := lookup.Memberships(ctx, r.Client, of.Namespace, email)
	if err != nil || !grant.Left(grant.Past{Program: of.Name, Address: email, Teams: teams, Now: r.now()}) {
		return err
	}
	return r.tombstones.ReleaseMember(ctx, of, email)
}

// whose is the partner of a partnership in one text. That of a team is no address, so it is nobody's.
func whose(p *v1alpha1.Partnership) string {
	if p.Spec.Contact != nil {
		return string(p.Spec.Contact.Email)
	}
	return "team " + p.Spec.TeamRef.Name
}
