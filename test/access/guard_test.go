package access

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	verbs "github.com/partner-operator/partner-operator/internal/kubectl"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// The operator's own account writes nothing in namespaces of tenants but links and marks, even if somebody bound it to more.
func TestTheOperatorsAccountWritesItsOwnAlone(t *testing.T) {
	access, _, err := scene.Cluster.ServiceAccountConfig(t.Context(), operatorNamespace, "partner-operator")
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(access, client.Options{Scheme: verbs.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	operator := client.NewDryRunClient(c)

	secret := func(namespace, name string, of corev1.SecretType) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: of, Data: map[string][]byte{"url": []byte("https://partners.example.com")}}
	}
	marks := func(name string, labels map[string]string) *corev1.ConfigMap {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: acme, Name: name, Labels: labels}}
	}
	const link, bootstrap = "partner-operator.io/link", "bootstrap.kubernetes.io/token"
	labelled := map[string]string{tombstone.Label: "uid"}

	// By its own roles it writes no Secret of any tenant, and none of the cluster's.
	for _, namespace := range []string{acme, "kube-system"} {
		err := operator.Create(t.Context(), secret(namespace, "new", link))
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "cannot create resource") {
			t.Errorf("by its own roles it makes a Secret in %s: %v", namespace, err)
		}
	}

	more := metav1.ObjectMeta{Name: "more-than-it-has"}
	role := &rbacv1.ClusterRole{ObjectMeta: more, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets", "configmaps"}, Verbs: []string{"create", "update", "patch"}}}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: more, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: more.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: operatorNamespace, Name: "partner-operator"}},
	}
	there := []client.Object{
		secret(acme, "guarded-link", link), secret(acme, "guarded-other", corev1.SecretTypeOpaque),
		marks("guarded-marks", labelled), marks("guarded-brand", nil),
	}
	create(t, append(there, role, binding)...)
	t.Cleanup(func() {
		for _, object := range append(there, role, binding) {
			if err := api.Delete(t.Context(), object); client.IgnoreNotFound(err) != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		}
	})
	eventually(t, "the account has more rights", func() bool { return operator.Create(t.Context(), secret(acme, "new", link)) == nil })

	patch := func(object client.Object) error {
		return operator.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"partner-operator.io/tombstones":"uid"}},"data":{"a":"b"}}`)))
	}
	for what, try := range map[string]struct {
		may bool
		do  func() error
	}{
		"make the Secret of a link":     {true, func() error { return operator.Create(t.Context(), secret(acme, "new", link)) }},
		"replace the Secret of a link":  {true, func() error { return operator.Update(t.Context(), secret(acme, "guarded-link", link)) }},
		"make a Secret of another type": {false, func() error { return operator.Create(t.Context(), secret(acme, "new", corev1.SecretTypeOpaque)) }},
		"make a Secret of no type":      {false, func() error { return operator.Create(t.Context(), secret(acme, "new", "")) }},
		"replace a Secret of another type": {false, func() error {
			return operator.Update(t.Context(), secret(acme, "guarded-other", corev1.SecretTypeOpaque))
		}},
		"replace a Secret of another type by a link": {false, func() error { return operator.Update(t.Context(), secret(acme, "guarded-other", link)) }},
		"replace a link by a Secret of another type": {false, func() error {
			return operator.Update(t.Context(), secret(acme, "guarded-link", corev1.SecretTypeOpaque))
		}},
		"make a bootstrap token": {false, func() error {
			return operator.Create(t.Context(), secret("kube-system", "bootstrap-token-abcdef", bootstrap))
		}},
		"make the Secret of a link in kube-system": {false, func() error { return operator.Create(t.Context(), secret("kube-system", "new", link)) }},
		"make marks":                                 {true, func() error { return operator.Create(t.Context(), marks("new", labelled)) }},
		"add marks":                                  {true, func() error { return patch(marks("guarded-marks", nil)) }},
		"make a ConfigMap without the label":         {false, func() error { return operator.Create(t.Context(), marks("new", nil)) }},
		"change a ConfigMap without the label":       {false, func() error { return operator.Update(t.Context(), marks("guarded-brand", nil)) }},
		"put the label on a ConfigMap and change it": {false, func() error { return patch(marks("guarded-brand", nil)) }},
		"take the label off":                         {false, func() error { return operator.Update(t.Context(), marks("guarded-marks", nil)) }},
	} {
		switch err := try.do(); {
		case !try.may && apierrors.IsInvalid(err) && strings.Contains(err.Error(), "type: Invalid value"): // nobody changes that
		case try.may && err != nil:
			t.Errorf("it may not %s: %v", what, err)
		case !try.may && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'partner-operator-own-")):
			t.Errorf("it is not kept from %s: %v", what, err)
		}
	}
	// Others write what they like.
	for _, object := range []client.Object{secret(acme, "theirs", corev1.SecretTypeOpaque), marks("theirs", nil)} {
		if err := api.Create(t.Context(), object, client.DryRunAll); err != nil {
			t.Error(err)
		}
	}
}
