package controller

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// The operator makes Secrets for links and writes those that it made; it reads none.
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create;patch

// writeLink puts the link of an invite with delivery Link into its Secret, which goes with the invite. A Secret of that
// name that is not this invite's is left alone.
func (r *PartnerInviteReconciler) writeLink(ctx context.Context, i *v1alpha1.PartnerInvite, url string) error {
	owner := metav1.NewControllerRef(i, v1alpha1.GroupVersion.WithKind("PartnerInvite"))
	owner.BlockOwnerDeletion = nil // it would take the right to change the invite's finalizers
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       i.Namespace,
			Name:            i.Name + "-link",
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Type: "partner-operator.io/link",
		Data: map[string][]byte{"url": []byte(url)},
	}
	err := r.Create(ctx, secret)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/ownerReferences/0/uid", "value": i.UID},
		{"op": "replace", "path": "/data", "value": secret.Data},
	})
	if err != nil {
		return err
	}
	err = r.Patch(ctx, secret, client.RawPatch(types.JSONPatchType, patch))
	if apierrors.IsInvalid(err) {
		return &delivery.Failure{Message: fmt.Sprintf("Secret %q exists and is not of this invite; remove it", secret.Name)}
	}
	return err
}
