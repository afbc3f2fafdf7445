package kubectl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/token"
)

// Link is the link of an invite, as it was mailed. It can be had by who may read the Secret in which it stands, with
// delivery Link, or else by who may read the signing keys.
func Link(ctx context.Context, d Desk, i *v1alpha1.PartnerInvite, where Installation) (string, error) {
	switch i.Status.State {
	case v1alpha1.InviteSent:
		if i.Status.WrongAddresses.LinkDead() {
			return "", fmt.Errorf("has a dead link, since %d wrong addresses were typed on its page; kubectl partner resend %s makes a new one", i.Status.WrongAddresses, i.Name)
		}
	case v1alpha1.InviteExpired, v1alpha1.InviteDeclined, v1alpha1.InviteFailed:
		return "", fmt.Errorf("is %s, and its link is dead; kubectl partner resend %s makes a new one", i.Status.State, i.Name)
	case v1alpha1.InviteAccepted:
		return "", errors.New("has been accepted, and its link is used up")
	default:
		return "", fmt.Errorf("has no link yet: %s", reasonAgainst(i.Status))
	}
	if i.Spec.Delivery == v1alpha1.DeliveryLink {
		url, err := deliveredLink(ctx, d.Client, i)
		if err == nil || !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
			return url, err
		}
	}
	return derivedLink(ctx, d.Client, i, where)
}

// deliveredLink reads the Secret that the operator put the link into.
func deliveredLink(ctx context.Context, c client.Reader, i *v1alpha1.PartnerInvite) (string, error) {
	var secret corev1.Secret
	if err := c.Get(ctx, client.ObjectKey{Namespace: i.Namespace, Name: i.Name + "-link"}, &secret); err != nil {
		return "", err
	}
	if !metav1.IsControlledBy(&secret, i) || len(secret.Data["url"]) == 0 {
		return "", fmt.Errorf("has the Secret %q, which holds no link of it", secret.Name)
	}
	return string(secret.Data["url"]), nil
}

// derivedLink makes the link again from the signing keys, as the operator does when it mails it.
func derivedLink(ctx context.Context, c client.Reader, i *v1alpha1.PartnerInvite, where Installation) (string, error) {
	var secret corev1.Secret
	err := c.Get(ctx, client.ObjectKey{Namespace: where.Namespace, Name: keyring.SecretName}, &secret)
	if apierrors.IsForbidden(err) {
		return "", fmt.Errorf("its link can be had only by who may read Secret %q in namespace %q; or let the invite have delivery Link", keyring.SecretName, where.Namespace)
	}
	if err != nil {
		return "", err
	}
	keys, err := token.NewKeyring(secret.Data)
	if err != nil {
		return "", err
	}
	portal, err := where.portal(ctx, c)
	if err != nil {
		return "", err
	}
	book := &brandbook.Book{Cache: c, Live: c, Default: brand.Brand{}}
	company, err := book.Brand(ctx, i.Namespace)
	if err != nil {
		return "", err
	}
	if company.Host != "" {
		if portal, err = portal.WithHost(company.Host); err != nil {
			return "", err
		}
	}
	var team *v1alpha1.PartnerTeam
	if i.Spec.TeamRef != nil {
		team = &v1alpha1.PartnerTeam{}
		if err := c.Get(ctx, client.ObjectKey{Namespace: i.Namespace, Name: i.Spec.TeamRef.Name}, team); err != nil {
			return "", err
		}
	}
	text, err := keys.Sign(token.PurposeInvite, i.Status.KeyID, token.Subject{
		Namespace: i.Namespace, UID: string(i.UID), Serial: i.Status.Serial, Address: string(invite.Recipient(i, team).Email),
	})
	if errors.Is(err, token.ErrUnknownKey) {
		return "", fmt.Errorf("was signed with a key that has been retired; kubectl partner resend %s makes a new link", i.Name)
	}
	if err != nil {
		return "", err
	}
	return portal.Invite(i.Namespace, text), nil
}

// portal is where the portal is.
func (w Installation) portal(ctx context.Context, c client.Reader) (link.Base, error) {
	text := w.PortalURL
	if text == "" {
		settings, err := w.Settings(ctx, c)
		if err != nil {
			return link.Base{}, fmt.Errorf("where the portal is cannot be found out; say it with --portal-url: %w", err)
		}
		text = settings["portal-url"]
	}
	base, err := link.ParseBase(text)
	if err != nil {
		return base, fmt.Errorf("--portal-url %w", err)
	}
	return base, nil
}

func newLink(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var where Installation
	command := &cobra.Command{
		Use:   "link (NAME | EMAIL)",
		Short: "Print the link of an invite",
		Long: `Print the link of an invite that is Sent, to hand it over by another way than mail. The link stays the same; whoever has it
and knows the address can accept, so treat it as a password.

It can be had by who may read the Secret NAME-link of an invite with delivery Link, or the Secret partner-operator-keys of
the operator. With plain kubectl, with delivery Link: read the key url of the Secret NAME-link.`,
		Example:           `  kubectl partner link grace@example.com`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeNames(c, invites),
		RunE: func(command *cobra.Command, args []string) error {
			d, err := c.desk()
			if err != nil {
				return err
			}
			i, err := single(command.Context(), d, invites, args[0])
			if err != nil {
				return err
			}
			url, err := Link(command.Context(), d, i, where)
			if err != nil {
				return about("PartnerInvite", i.Name, err)
			}
			_, err = fmt.Fprintln(streams.Out, url)
			return err
		},
	}
	where.addFlags(command)
	return command
}

// single finds the one object that a name or an address means.
func single[T client.Object](ctx context.Context, d Desk, kind kindOf[T], name string) (object T, err error) {
	found, err := find(ctx, d, kind, Selection{Names: []string{name}})
	switch {
	case err != nil:
		return object, err
	case len(found) > 1:
		names := make([]string, len(found))
		for i, t := range found {
			names[i] = t.name
		}
		return object, fmt.Errorf("there are several for %s; give one of the names: %s", name, strings.Join(names, ", "))
	case found[0].err != nil:
		return object, about(kind.name, found[0].name, found[0].err)
	}
	return found[0].object, nil
}
