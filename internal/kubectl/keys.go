package kubectl

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/manual"
	"github.com/partner-operator/partner-operator/internal/token"
)

// Rotation is what rotating the keys led to.
type Rotation struct {
	// Added is the name of the new key, Older are those of the keys that only verify from now on.
	Added string
	Older []string
	// OpenLinks counts the invites whose links were signed with older keys, and LastExpiry is when the last of them
	// expires. Unknown: not all namespaces can be read.
	OpenLinks  int
	LastExpiry time.Time
	Unknown    bool
	// KeptLinks counts those of them that are kept in Secrets, which get links by the new key.
	KeptLinks int
	// JoinLinks are the groups whose status.joinURL changes, as namespace/name.
	JoinLinks []string
	// Remembers: the keys for marks are there, so that nobody who was removed is forgotten with an older key. RemembersUnknown:
	// they cannot be read.
	Remembers, RemembersUnknown bool
	// Sessions is when the last session of before ends, and SessionsUnknown tells that the portal's --session-lifetime
	// cannot be read, so that it may be another time.
	Sessions        time.Time
	SessionsUnknown bool
}

// RotateKeys adds a signing key. It signs at once; links and sessions that older keys signed go on working.
func RotateKeys(ctx context.Context, d Desk, where Installation) (Rotation, error) {
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: where.Namespace, Name: keyring.SecretName}
	if err := d.Client.Get(ctx, key, &secret); apierrors.IsNotFound(err) {
		return Rotation{}, fmt.Errorf("Secret %q does not exist in namespace %q; the operator makes it at its first start", key.Name, key.Namespace)
	} else if err != nil {
		return Rotation{}, err
	}
	if _, err := token.NewKeyring(secret.Data); err != nil {
		return Rotation{}, about("Secret", key.Name, err)
	}
	lifetime, known := where.sessionLifetime(ctx, d.Client)
	rotation := Rotation{
		Older: slices.Sorted(maps.Keys(secret.Data)), Added: token.KeyName(d.Now()), Sessions: d.Now().Add(lifetime), SessionsUnknown: !known,
	}
	if newest := rotation.Older[len(rotation.Older)-1]; bytes.Compare([]byte(newest), []byte(rotation.Added)) >= 0 {
		return Rotation{}, fmt.Errorf("key %q is as new as one made now, which would not sign; try again in a second, or mend the clock", newest)
	}
	if d.DryRun != DryRunClient {
		before := secret.DeepCopy()
		secret.Data[rotation.Added] = token.NewKey()
		options := []client.PatchOption{client.FieldOwner(FieldManager)}
		if d.DryRun == DryRunServer {
			options = append(options, client.DryRunAll)
		}
		// With the lock two rotations at once cannot be judged by what the other has not seen.
		if err := d.Client.Patch(ctx, &secret, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), options...); err != nil {
			return Rotation{}, err
		}
	}
	rotation.count(ctx, d)
	rotation.lookForMarks(ctx, d, where)
	return rotation, nil
}

// count looks how long links that are out there work.
func (r *Rotation) count(ctx context.Context, d Desk) {
	err := invites.each(ctx, d.Client, func(i *v1alpha1.PartnerInvite) error {
		end := i.Status.ExpiryTime
		if i.Status.State == v1alpha1.InviteSent && end != nil {
			if r.OpenLinks++; end.After(r.LastExpiry) {
				r.LastExpiry = end.Time
			}
			if i.Spec.Delivery == v1alpha1.DeliveryLink {
				r.KeptLinks++
			}
		}
		return nil
	})
	r.Unknown = err != nil
	err = groups.each(ctx, d.Client, func(g *v1alpha1.PartnerGroup) error {
		if g.Status.JoinURL != "" {
			r.JoinLinks = append(r.JoinLinks, g.Namespace+"/"+g.Name)
		}
		return nil
	})
	r.Unknown = r.Unknown || err != nil
}

// lookForMarks looks whether who was a partner is remembered without the signing keys.
func (r *Rotation) lookForMarks(ctx context.Context, d Desk, where Installation) {
	err := d.Client.Get(ctx, client.ObjectKey{Namespace: where.Namespace, Name: keyring.MarksSecretName}, &corev1.Secret{})
	r.Remembers, r.RemembersUnknown = err == nil, client.IgnoreNotFound(err) != nil
}

// mostJoinLinks is how many join links are named.
const mostJoinLinks = 20

// explain tells a person what follows.
func (r Rotation) explain(w io.Writer, where Installation, mode DryRun) error {
	lines := []string{fmt.Sprintf("Key %s signs from now on%s.", r.Added, dryRunSuffix(mode))}
	switch {
	case r.Unknown:
		lines = append(lines, "Links of before go on working until each expires; how many there are cannot be read.")
	case r.OpenLinks == 0:
		lines = append(lines, "No invite is open that an older key has signed.")
	default:
		lines = append(lines, fmt.Sprintf("%d open invites of before go on working, the last until %s.", r.OpenLinks, r.LastExpiry.UTC().Format(time.RFC3339)))
	}
	if r.KeptLinks > 0 {
		lines = append(lines, fmt.Sprintf("%d of them are in Secrets, which hold a link by the new key within seconds.", r.KeptLinks))
	}
	if len(r.JoinLinks) > 0 {
		lines = append(lines, fmt.Sprintf("%d join links change. Publish those that status.joinURL shows within seconds; those of before work as long as the older keys:", len(r.JoinLinks)))
		for i, group := range r.JoinLinks {
			if i == mostJoinLinks {
				lines = append(lines, fmt.Sprintf("  and %d more", len(r.JoinLinks)-i))
				break
			}
			namespace, name, _ := strings.Cut(group, "/")
			lines = append(lines, fmt.Sprintf("  kubectl -n %s get pgroup %s -o jsonpath={.status.joinURL}", namespace, name))
		}
	}
	switch {
	case r.RemembersUnknown:
		lines = append(lines, fmt.Sprintf("Whether who was removed stays known without the older keys cannot be read: keep them unless Secret %s is there.", keyring.MarksSecretName))
	case !r.Remembers:
		lines = append(lines, fmt.Sprintf("Keep the older keys until the operator has made Secret %s: before that, who was removed is known by them alone.", keyring.MarksSecretName))
	default:
		lines = append(lines, fmt.Sprintf("Who was a partner stays known, by the keys in Secret %s.", keyring.MarksSecretName))
	}
	signedIn := "Who is signed in stays so, at most until " + r.Sessions.UTC().Format(time.RFC3339)
	if r.SessionsUnknown {
		signedIn += "; the portal's --session-lifetime cannot be read, and this is with the default"
	}
	lines = append(lines, signedIn+".", "After that the older keys can go:")
	for _, name := range r.Older {
		lines = append(lines, fmt.Sprintf("  kubectl -n %s patch secret %s --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/%s\"}]'", where.Namespace, keyring.SecretName, name))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

func newKeys(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	keys := &cobra.Command{
		Use:   "keys",
		Short: "Rotate the keys that sign links and sessions",
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	var where Installation
	w := newWriting()
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Add a signing key",
		Long: `Add a key to the Secret partner-operator-keys. It signs at once, everywhere; what older keys signed goes on working until
they are removed, and it says from when on that harms nobody, and which join links change. With plain kubectl: patch the Secret, as
` + manual.Page("operations.md#the-signing-keys") + ` shows.`,
		Example: `  kubectl partner keys rotate`,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			d, _, err := w.open(c, streams)
			if err != nil {
				return err
			}
			rotation, err := RotateKeys(command.Context(), d, where)
			if err != nil {
				return err
			}
			return rotation.explain(streams.Out, where, d.DryRun)
		},
	}
	where.addFlags(rotate)
	rotate.Flags().StringVar(&w.dryRun, "dry-run", "none", "none; client: only show what would be done; server: let the API server judge it and keep nothing")
	rotate.Flags().Lookup("dry-run").NoOptDefVal = "client"
	complete(rotate, "dry-run", "none", "client", "server")
	keys.AddCommand(rotate)
	return keys
}
