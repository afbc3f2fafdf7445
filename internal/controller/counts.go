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

// everywhere is the name that stands for all programs of the namespace.
const everywhere = ""

// counting asks to count again where an object came, went or changed its place. All finds what everywhere is.
func counting(of func(client.Object) places, all *mapper[string]) handler.EventHandler {
	ask := func(ctx context.Context, q requestQueue, object client.Object, names places) {
		for name := range names {
			if name != everywhere {
				q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: object.GetNamespace(), Name: name}}, settleTime)
				continue
			}
			lookUp[string]{all, q, object.GetNamespace()}.now(ctx, object.GetNamespace())
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q requestQueue) { ask(ctx, q, e.Object, of(e.Object)) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q requestQueue) { ask(ctx, q, e.Object, of(e.Object)) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q requestQueue) {
			before, after := of(e.ObjectOld), of(e.ObjectNew)
			if !maps.Equal(before, after) {
				ask(ctx, q, e.ObjectNew, before)
				ask(ctx, q, e.ObjectNew, after)
			}
		},
	}
}

// inProgram is where a partnership counts among programs.
func inProgram(object client.Object) places {
	p := object.(*v1alpha1.Partnership)
	return places{p.Spec.ProgramRef.Name: string(p.Status.State)}
}

// inGroup is where a partnership counts among groups.
func inGroup(object client.Object) places {
	p := object.(*v1alpha1.Partnership)
	if p.Status.Group == "" {
		return nil
	}
	return places{p.Status.Group: string(p.Status.State)}
}

// invitedInto is where an invite counts among programs: in all, if it names none and was not issued.
func invitedInto(object client.Object) places {
	i := object.(*v1alpha1.PartnerInvite)
	if i.ForTeammates() { // it invites into a team, and into no program
		return nil
	}
	into := places{}
	for _, grant := range i.Offers() {
		into[grant.Name] = string(i.Status.State)
	}
	if len(into) == 0 {
		into[everywhere] = string(i.Status.State)
	}
	return into
}
