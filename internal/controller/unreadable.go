package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// decoded is an object that may hold values that could not be read.
type decoded interface {
	client.Object
	IsReadable() bool
	Problem() string
}

// reportUnreadable says in the conditions of an object which of its fields cannot be read. Everything else of it is written
// back as it is stored: what Go cannot read must not be lost.
func (b base) reportUnreadable(ctx context.Context, o decoded) error {
	stored, err := b.stored(ctx, o)
	if err != nil || stored == nil {
		return err
	}
	before := stored.DeepCopy()
	conditions := conditionsOf(stored)
	set := v1alpha1.ConditionSetter{Conditions: &conditions, Generation: stored.GetGeneration(), Now: b.now()}
	set.False(v1alpha1.ConditionReady, v1alpha1.ReasonUnreadable, o.Problem())
	set.True(v1alpha1.ConditionStalled, v1alpha1.ReasonUnreadable, o.Problem())
	set.Remove(v1alpha1.ConditionReconciling)
	status, _ := stored.Object["status"].(map[string]any)
	if status == nil {
		status = map[string]any{}
	}
	if _, ok := o.(*v1alpha1.Partnership); ok { // it must not say Active while nobody gets in
		set.False(v1alpha1.ConditionActive, v1alpha1.ReasonUnreadable, o.Problem())
		status["state"] = string(v1alpha1.PartnershipExpired)
	}
	status["observedGeneration"] = stored.GetGeneration()
	if status["conditions"], err = asMaps(conditions); err != nil {
		return err
	}
	stored.Object["status"] = status
	if equality.Semantic.DeepEqual(before.Object, stored.Object) {
		return nil
	}
	log.FromContext(ctx).Info("Object cannot be read", "problem", o.Problem())
	return b.Status().Update(ctx, stored)
}

// stored is an object as the API server has it. It is nil if there is no such object any more.
func (b base) stored(ctx context.Context, o client.Object) (*unstructured.Unstructured, error) {
	kind, err := apiutil.GVKForObject(o, b.Scheme())
	if err != nil {
		return nil, err
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	// By name in a list, since the operator may list every kind and get only some.
	err = b.live.List(ctx, list, client.InNamespace(o.GetNamespace()), client.MatchingFields{metav1.ObjectNameField: o.GetName()})
	if err != nil || len(list.Items) == 0 || list.Items[0].GetUID() != o.GetUID() {
		return nil, err
	}
	return &list.Items[0], nil
}

// conditionsOf are the conditions of an object that can be read.
func conditionsOf(o *unstructured.Unstructured) (found []metav1.Condition) {
	items, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range items {
		var c metav1.Condition
		fields, ok := item.(map[string]any)
		if ok && runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &c) == nil {
			meta.SetStatusCondition(&found, c)
		}
	}
	return found
}

// asMaps are conditions as an unstructured object holds them.
func asMaps(conditions []metav1.Condition) ([]any, error) {
	items := make([]any, 0, len(conditions))
	for i := range conditions {
		item, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&conditions[i])
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// specChanged lets through that an object came or went, that somebody changed its spec, and that it cannot be read any more
// or can be read again, which an edit of its status may bring about.
var specChanged = predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(decoded)
	after, okAfter := e.ObjectNew.(decoded)
	return ok && okAfter && before.Problem() != after.Problem()
}})
