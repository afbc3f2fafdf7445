package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// linkSecretType is the type of the Secrets that hold links, and of no other. The API server never changes the type of a
// Secret, and refuses to write one of another type in its place.
const linkSecretType = "partner-operator.io/link"

// The operator makes Secrets for links and replaces them; it reads none. With patch it could: its answer is the object.
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create;update

// writeLink puts the link of an invite with delivery Link into its Secret, which goes with the invite. A Secret of that
// name that is not for a link is left alone.
func (r *PartnerInviteReconciler) writeLink(ctx context.Context, i *v1alpha1.PartnerInvite, url string) error {
	owner := metav1.NewControllerRef(i, v1alpha1.GroupVersion.WithKind("PartnerInvite"))
	owner.BlockOwnerDeletion = nil // it would take the right to change the invite's finalizers
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       i.Namespace,
			Name:            i.Name + "-link",
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Type: linkSecretType,
		Data: map[string][]byte{"url": []byte(url)},
	}
	err := r.Create(ctx, secret)
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	err = r.Update(ctx, secret)
	if apierrors.IsInvalid(err) {
		return &delivery.Failure{Message: fmt.Sprintf("Secret %q exists and is not for a link; remove it", secret.Name)}
	}
	return err
}
