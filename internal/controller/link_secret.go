package controller

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// linkSecretType is the type of the Secrets that hold links, and of no other. The API server never changes the type of a
// Secret, and refuses to write one of another type in its place.
const linkSecretType = "partner-operator.io/link"

// linkRole is the ClusterRole by which a namespace lets the operator write the Secrets of links. Nothing binds it in the
// whole cluster: with that one could make a Secret of any type, in any namespace.
const linkRole = "partner-operator-links"

// The operator makes Secrets for links and replaces them; it reads none. With patch it could: its answer is the object.
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create;update,roleName=partner-operator-links

// askAgain is how often the operator looks whether a namespace lets it write Secrets by now.
const askAgain = 10 * time.Second

// linkRights knows which namespaces do not let the operator write the Secrets of links.
type linkRights struct {
	now func() time.Time

	mutex  sync.Mutex
	denied map[string]denial // by namespace
}

// denial is why Secrets cannot be written, and until when that is believed.
type denial struct {
	message string
	until   time.Time
}

// hold is why no link can be written in a namespace, and until when that is believed; nil: one can, or it is not known.
func (l *linkRights) hold(namespace string) *delivery.Hold {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if found := l.denied[namespace]; l.now().Before(found.until) {
		return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: found.message, Until: found.until}
	}
	return nil
}

// forbidden finds who may not do something in what RBAC says.
var forbidden = regexp.MustCompile(`User "([^"]*)" cannot (?:create|update) resource "secrets"`)

// learn draws the conclusion of a try to write, and returns why it failed for want of a right; empty: it did not.
func (l *linkRights) learn(namespace string, err error) string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	who := []string{}
	if apierrors.IsForbidden(err) {
		who = forbidden.FindStringSubmatch(err.Error())
	}
	if len(who) == 0 {
		delete(l.denied, namespace)
		return ""
	}
	subject := "--user=" + who[1]
	if account, is := strings.CutPrefix(who[1], "system:serviceaccount:"); is {
		subject = "--serviceaccount=" + account
	}
	message := fmt.Sprintf("the operator may not write the Secret for the link; let it, and this goes on by itself: "+
		"kubectl -n %s create rolebinding %s --clusterrole=%s %s", namespace, linkRole, linkRole, subject)
	if l.denied == nil {
		l.denied = map[string]denial{}
	}
	l.denied[namespace] = denial{message, l.now().Add(askAgain)}
	return message
}

// mayWriteLink asks the API server whether the Secret of an invite's link could be written, so that no link is issued in
// vain: it would expire while it waits.
func (r *PartnerInviteReconciler) mayWriteLink(ctx context.Context, i *v1alpha1.PartnerInvite) (bool, error) {
	if r.links.hold(i.Namespace) != nil { // another invite has asked a moment ago
		return false, nil
	}
	err := r.Create(ctx, linkSecret(i, ""), client.DryRunAll)
	if r.links.learn(i.Namespace, err) != "" {
		return false, nil
	}
	if apierrors.IsForbidden(err) || apierrors.IsAlreadyExists(err) { // writing it tells what is wrong
		err = nil
	}
	return err == nil, err
}

// writeLink puts the link of an invite with delivery Link into its Secret, which goes with the invite. A Secret of that
// name that is not for a link is left alone.
func (r *PartnerInviteReconciler) writeLink(ctx context.Context, i *v1alpha1.PartnerInvite, url string) error {
	secret := linkSecret(i, url)
	err := r.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		err = r.Update(ctx, secret)
	}
	if message := r.links.learn(i.Namespace, err); message != "" {
		return errors.New(message)
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) && strings.Contains(err.Error(), linkSecretType) { // by config/rbac/guard
		return fmt.Errorf("Secret %q exists and is not for a link; remove it", secret.Name)
	}
	return err
}

// linkSecret is the Secret for the link of an invite.
func linkSecret(i *v1alpha1.PartnerInvite, url string) *corev1.Secret {
	owner := metav1.NewControllerRef(i, v1alpha1.GroupVersion.WithKind("PartnerInvite"))
	owner.BlockOwnerDeletion = nil // it would take the right to change the invite's finalizers
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       i.Namespace,
			Name:            i.Name + "-link",
			OwnerReferences: []metav1.OwnerReference{*owner},
		},
		Type: linkSecretType,
		Data: map[string][]byte{"url": []byte(url)},
	}
}
