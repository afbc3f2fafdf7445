package main

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// refuse fails on a cluster where the operator is in use, unless it was forced: in the end the test removes the kinds, and
// all partners with them. What an earlier run of the test left does not count.
func (s *site) refuse(ctx context.Context) error {
	if s.force {
		return nil
	}
	kinds, err := s.kinds(ctx)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if kind.Labels[e2eLabel] == "" {
			return fmt.Errorf("the cluster has the kinds of partner-operator already (%s, since %s): the test would remove them, and all programs, invites and partners with them. Use another cluster, or E2E_FORCE=1 if none of it is needed",
				kind.Name, kind.CreationTimestamp.UTC().Format("2006-01-02"))
		}
	}
	for what, object := range map[string]client.Object{
		"namespace": &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: kustomizeNamespace}},
		"role":      &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: operatorName}},
		"binding":   &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: operatorName}},
	} {
		err := s.api.Get(ctx, client.ObjectKeyFromObject(object), object)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil && object.GetLabels()[e2eLabel] == "" {
			return fmt.Errorf("the cluster has the %s %s already, which the test would remove. Use another cluster, or E2E_FORCE=1 if it is not needed", what, object.GetName())
		}
	}
	return nil
}

// kinds are the CRDs of ours in the cluster.
func (s *site) kinds(ctx context.Context) (ours []apiextensionsv1.CustomResourceDefinition, err error) {
	var all apiextensionsv1.CustomResourceDefinitionList
	if err := s.api.List(ctx, &all); err != nil {
		return nil, err
	}
	for _, kind := range all.Items {
		if kind.Spec.Group == v1alpha1.GroupVersion.Group {
			ours = append(ours, kind)
		}
	}
	return ours, nil
}

// cleanUp removes all that the test made, in this run or an earlier one, and waits until it is gone.
func (s *site) cleanUp(ctx context.Context) error { return s.cleanUpBut(ctx, "") }

// cleanUpBut is cleanUp but for one namespace.
func (s *site) cleanUpBut(ctx context.Context, namespace string) error {
	return until(ctx, func(ctx context.Context) error {
		left, err := s.made(ctx)
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(object client.Object) bool { return namespace != "" && object.GetName() == namespace })
		for _, object := range left {
			if object.GetDeletionTimestamp() != nil {
				continue
			}
			if err := s.api.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
				return err
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("%T %s is still there, and %d others", left[0], left[0].GetName(), len(left)-1)
		}
		return nil
	})
}

// made is what there is of the test in the cluster, apart from what is in its namespaces.
func (s *site) made(ctx context.Context) (all []client.Object, err error) {
	ours := client.HasLabels{e2eLabel}
	var namespaces corev1.NamespaceList
	var roles rbacv1.ClusterRoleList
	var bindings rbacv1.ClusterRoleBindingList
	for _, list := range []client.ObjectList{&namespaces, &roles, &bindings} {
		if err := s.api.List(ctx, list, ours); err != nil {
			return nil, err
		}
	}
	kinds, err := s.kinds(ctx)
	for i := range namespaces.Items {
		all = append(all, &namespaces.Items[i])
	}
	for i := range bindings.Items {
		all = append(all, &bindings.Items[i])
	}
	for i := range roles.Items {
		all = append(all, &roles.Items[i])
	}
	for i := range kinds {
		if s.force || kinds[i].Labels[e2eLabel] != "" {
			all = append(all, &kinds[i])
		}
	}
	return all, err
}
