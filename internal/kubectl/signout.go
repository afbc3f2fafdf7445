package kubectl

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// SignOut asks for every session and every sign-in link of a partner to end.
func SignOut(ctx context.Context, d Desk, p *v1alpha1.Partnership) (Outcome, error) {
	return change(ctx, d, p, "signed out", func(p *v1alpha1.Partnership) { askSignOut(p, requestTime(d)) })
}

// SignOutOfTeam asks for every session and every sign-in link of a person of a team to end. Whom the annotation names
// already, and the operator has not seen to, it goes on naming.
func SignOutOfTeam(ctx context.Context, d Desk, t *v1alpha1.PartnerTeam, email string) (Outcome, error) {
	ask := func() client.Patch {
		before := t.DeepCopy()
		words := []string{requestTime(d)}
		if signin.SignOutWanted(t, t.Status.HandledSignOut, d.Now()) != nil {
			for _, other := range signin.Named(signin.SignOutText(t)) {
				if !address.Equal(other, email) {
					words = append(words, other)
				}
			}
		}
		askSignOut(t, strings.Join(append(words, address.Normalize(email)), " "))
		return client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	}
	patch := ask()
	outcome := Outcome{Object: t, Action: "signed out", Note: email}
	if d.DryRun == DryRunClient {
		return outcome, nil
	}
	options := []client.PatchOption{client.FieldOwner(FieldManager)}
	if d.DryRun == DryRunServer {
		options = append(options, client.DryRunAll)
	}
	err := d.Client.Patch(ctx, t, patch, options...)
	if apierrors.IsConflict(err) { // somebody does something in the portal
		err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			if err := d.Client.Get(ctx, client.ObjectKeyFromObject(t), t); err != nil {
				return err
			}
			patch := ask()
			return d.Client.Patch(ctx, t, patch, options...)
		})
	}
	return outcome, err
}

func requestTime(d Desk) string { return d.Now().UTC().Format(time.RFC3339Nano) }

func askSignOut(o client.Object, text string) {
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.SignOutAnnotation] = text
	o.SetAnnotations(annotations)
}

// signOutHandled tells that the operator has ended the sessions.
func signOutHandled(o client.Object, handled *v1alpha1.HandledSignOut) bool {
	return signin.SignOutWanted(o, handled, time.Time{}) == nil
}

// signOutOf is one object that a person is to be signed out of, or why there is none.
type signOutOf struct {
	kind, name string
	act        func() (Outcome, error)
	settled    func(timeout time.Duration) error
	err        error
}

// signOutsOf are all objects that a person can be signed in through.
func signOutsOf(ctx context.Context, d Desk, email string) (found []signOutOf, err error) {
	err = partnerships.each(ctx, d.Client, func(each *v1alpha1.Partnership) error {
		if address.Equal(partnerships.address(each), email) {
			p := each.DeepCopy()
			found = append(found, signOutOf{
				kind: partnerships.name, name: p.Name, act: func() (Outcome, error) { return SignOut(ctx, d, p) },
				settled: func(timeout time.Duration) error {
					return until(ctx, d.Client, p, func(p *v1alpha1.Partnership) (bool, error) { return signOutHandled(p, p.Status.HandledSignOut), nil }, timeout)
				},
			})
		}
		return nil
	}, client.InNamespace(d.Namespace))
	if err != nil {
		return nil, err
	}
	err = teams.each(ctx, d.Client, func(each *v1alpha1.PartnerTeam) error {
		if isIn(each, email) {
			t := each.DeepCopy()
			found = append(found, signOutOf{
				kind: teams.name, name: t.Name, act: func() (Outcome, error) { return SignOutOfTeam(ctx, d, t, email) },
				settled: func(timeout time.Duration) error {
					return until(ctx, d.Client, t, func(t *v1alpha1.PartnerTeam) (bool, error) { return signOutHandled(t, t.Status.HandledSignOut), nil }, timeout)
				},
			})
		}
		return nil
	}, client.InNamespace(d.Namespace))
	if err == nil && len(found) == 0 {
		found = []signOutOf{{kind: partnerships.name, name: email, err: fmt.Errorf("nobody with this address is a partner, or in a team, in namespace %q", d.Namespace)}}
	}
	return found, err
}

// signOutAll signs people out, tells about each object, and goes on past failures.
func signOutAll(ctx context.Context, d Desk, tell *teller, emails []string, wait bool, timeout time.Duration) error {
	var all []signOutOf
	for _, email := range emails {
		found, err := signOutsOf(ctx, d, email)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	failed := 0
	for _, of := range all {
		err := of.err
		var outcome Outcome
		if err == nil {
			outcome, err = of.act()
		}
		if err == nil && wait && d.DryRun == DryRunNone {
			err = of.settled(timeout)
		}
		if err == nil {
			err = tell.tell(outcome)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted at %s %q", of.kind, of.name)
		case len(all) == 1:
			return about(of.kind, of.name, err)
		default:
			tell.fail(of.kind, of.name, err)
			failed++
		}
	}
	if failed > 0 {
		return &Incomplete{failed, len(all)}
	}
	return nil
}

// isIn tells whether a team knows a person.
func isIn(t *v1alpha1.PartnerTeam, email string) bool {
	return address.Equal(teams.address(t), email) ||
		slices.ContainsFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool { return address.Equal(string(m.Email), email) })
}

func newSignOut(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	w := newWriting()
	var wait bool
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "signout EMAIL...",
		Short: "End every session of a person",
		Long: `End every session of people, as partners and in teams, on all devices, and their open sign-in links. They keep their
access and can sign in again; to end access, revoke. With plain kubectl: set the annotation
partner-operator.io/sign-out-requested-at of the Partnership to a new text, and of a PartnerTeam to the addresses.`,
		Example: `  kubectl partner signout ada@example.com --wait`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			for _, email := range args {
				if _, err := address.Deliverable(email); err != nil {
					return fmt.Errorf("say who, by the mail address: %q %w", email, err)
				}
			}
			d, tell, err := w.open(c, streams)
			if err != nil {
				return err
			}
			return signOutAll(command.Context(), d, tell, args, wait, timeout)
		},
	}
	command.Flags().BoolVar(&wait, "wait", false, "wait until the operator has carried it out")
	command.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait for each object")
	w.addFlags(command)
	command.ValidArgsFunction = completeAddresses(c)
	return command
}

// completeAddresses completes the addresses of partners, and of people in teams.
func completeAddresses(c cluster) cobra.CompletionFunc {
	return func(command *cobra.Command, _ []string, begun string) (found []string, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(contextOf(command), completing)
		defer cancel()
		d, err := c.desk()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		note := func(email string) {
			if email != "" && strings.HasPrefix(email, begun) && !slices.Contains(found, email) {
				found = append(found, email)
			}
		}
		_ = partnerships.each(ctx, d.Client, func(p *v1alpha1.Partnership) error {
			note(partnerships.address(p))
			return nil
		}, client.InNamespace(d.Namespace))
		_ = teams.each(ctx, d.Client, func(t *v1alpha1.PartnerTeam) error {
			note(teams.address(t))
			for _, m := range t.Status.Members {
				note(string(m.Email))
			}
			return nil
		}, client.InNamespace(d.Namespace))
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
