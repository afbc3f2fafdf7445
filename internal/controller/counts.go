package controller

import (
	"context"
	"maps"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// settleTime is how long after a change it is counted again, together with all that changed meanwhile: however many
// partnerships change, a program and a group are written once in that time.
const settleTime = 3 * time.Second

// places are the names of the programs or groups in whose counts an object stands, with what it counts as there.
type places map[string]string

// counting asks to count again where an object came, went or changed its place.
func counting(of func(context.Context, client.Object) places) handler.EventHandler {
	ask := func(q queue, object client.Object, names places) {
		for name := range names {
			q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: object.GetNamespace(), Name: name}}, settleTime)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { ask(q, e.Object, of(ctx, e.Object)) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { ask(q, e.Object, of(ctx, e.Object)) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			before, after := of(ctx, e.ObjectOld), of(ctx, e.ObjectNew)
			if !maps.Equal(before, after) {
				ask(q, e.ObjectNew, before)
				ask(q, e.ObjectNew, after)
			}
		},
	}
}

// inProgram is where a partnership counts among programs.
func inProgram(_ context.Context, object client.Object) places {
	p := object.(*v1alpha1.Partnership)
	return places{p.Spec.ProgramRef.Name: string(p.Status.State)}
}

// inGroup is where a partnership counts among groups.
func inGroup(_ context.Context, object client.Object) places {
	p := object.(*v1alpha1.Partnership)
	if p.Status.Group == "" {
		return nil
	}
	return places{p.Status.Group: string(p.Status.State)}
}

// invitedInto is where an invite counts among programs: in all, if it names none and was not issued.
func (r *ProgramReconciler) invitedInto(ctx context.Context, object client.Object) places {
	i := object.(*v1alpha1.PartnerInvite)
	if i.ForTeammates() { // it invites into a team, and into no program
		return nil
	}
	state := string(i.Status.State)
	into := places{}
	for _, grant := range i.Offers() {
		into[grant.Name] = state
	}
	if len(into) > 0 {
		return into
	}
	var programs v1alpha1.ProgramList
	if err := r.List(ctx, &programs, client.InNamespace(i.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	for _, p := range programs.Items {
		into[p.Name] = state
	}
	return into
}
