package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
)

// uninstalled removes the operator, and compares what is left with what docs/operations.md tells.
func (w *walker) uninstalled(ctx context.Context) (err error) {
	if w.tenantHad, err = w.has(ctx, tenant); err != nil {
		return err
	}
	if err := w.uninstall(ctx); err != nil {
		return err
	}
	byThemselves, err := w.has(ctx, agentNamespace)
	if err != nil {
		return err
	}
	err = until(ctx, func(ctx context.Context) error {
		left, err := w.has(ctx, w.namespace())
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(object string) bool {
			return slices.Contains(byThemselves, object) || w.mayStay(object)
		})
		if len(left) > 0 {
			return fmt.Errorf("uninstalling leaves %s", strings.Join(left, ", "))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for keys, without := range map[string]string{"secrets/partner-operator-keys": "all links are dead", "secrets/partner-operator-marks": "who was removed is forgotten"} {
		if left, err := w.has(ctx, w.namespace()); err != nil || !slices.Contains(left, keys) {
			return errors.Join(err, fmt.Errorf("uninstalling takes %s away, without which %s", keys, without))
		}
	}
	if err := w.onlyKindsStay(ctx); err != nil {
		return err
	}
	now, err := w.has(ctx, tenant)
	if err == nil && !slices.Equal(now, w.tenantHad) {
		err = fmt.Errorf("uninstalling changes what the company has, from\n%s\nto\n%s", strings.Join(w.tenantHad, "\n"), strings.Join(now, "\n"))
	}
	return err
}

// onlyKindsStay fails unless, of all that is in no namespace, the kinds are left, and nothing else of the operator.
func (w *walker) onlyKindsStay(ctx context.Context) error {
	kinds, err := w.kinds(ctx)
	if err != nil {
		return err
	}
	if len(kinds) != 6 {
		return fmt.Errorf("uninstalling leaves %d of 6 kinds", len(kinds))
	}
	left, err := w.has(ctx, "")
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(object string) bool {
		return !strings.Contains(object, "partner-operator") || object == "namespaces/"+w.namespace() ||
			strings.HasPrefix(object, "customresourcedefinitions.") || strings.HasPrefix(object, "apiservices.") // which go with the kinds
	})
	if len(left) > 0 {
		return fmt.Errorf("uninstalling leaves %s", strings.Join(left, ", "))
	}
	return nil
}

// has are the objects of a namespace, or those of none, of every kind there is but events and what nobody can list.
func (w *walker) has(ctx context.Context, namespace string) (all []string, err error) {
	lists, err := discovery.ServerPreferredResources(w.objects.Discovery())
	if err != nil && len(lists) == 0 {
		return nil, err // an API that is away for itself does not count
	}
	reader, err := metadata.NewForConfig(w.config)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, kind := range list.APIResources {
			if kind.Namespaced != (namespace != "") || kind.Kind == "Event" || !slices.Contains(kind.Verbs, "list") || !slices.Contains(kind.Verbs, "delete") {
				continue
			}
			resource := version.WithResource(kind.Name)
			objects, err := reader.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", resource.GroupResource(), err)
			}
			for _, object := range objects.Items {
				all = append(all, resource.GroupResource().String()+"/"+object.Name)
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

// installedAgain installs the operator once more: it goes on where it stopped.
func (w *walker) installedAgain(ctx context.Context) error {
	before, err := w.mailsTo(ctx, "")
	if err != nil {
		return err
	}
	if err := w.start(ctx); err != nil {
		return err
	}
	if err := until(ctx, w.seesProgram); err != nil {
		return fmt.Errorf("the session of before: %w", err)
	}
	got, err := w.somebody().Get(ctx, w.inviteLink)
	if err := errors.Join(err, got.Wants(http.StatusOK)); err == nil {
		return errors.New("the link that was used is good again")
	}
	// Whoever leads now has looked at all invites once it has mailed a new one, which is the last.
	late := &batch{walker: w, name: "again"}
	if err := late.invite(ctx); err != nil {
		return err
	}
	if err := until(ctx, func(ctx context.Context) error {
		if err := late.look(ctx); err != nil || len(late.waiting) == 0 {
			return err
		}
		return errors.New("a new invite is not mailed")
	}); err != nil {
		return err
	}
	after, err := w.mailsTo(ctx, "")
	if err == nil && len(after) != len(before)+1 {
		err = fmt.Errorf("%d mails went out, and not the one of the new invite alone", len(after)-len(before))
	}
	return err
}

// removed uninstalls again, and removes the kinds and the namespaces.
func (w *walker) removed(ctx context.Context) error {
	if err := w.uninstall(ctx); err != nil {
		return err
	}
	return w.cleanUpBut(ctx, agentNamespace)
}
