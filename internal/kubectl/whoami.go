package kubectl

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/partner-operator/partner-operator/internal/keyring"
)

// right is something that the API server lets a person do, and what they need it for.
type right struct {
	verb, group, resource string
	namespace, name       string // empty: the tenant's namespace, any name
	use                   string
}

// rights are what the verbs need.
func rights(where Installation) []right {
	const ours = "partner-operator.io"
	return []right{
		{verb: "list", group: ours, resource: "partnerships", use: "list, describe, export"},
		{verb: "create", group: ours, resource: "partnerinvites", use: "invite"},
		{verb: "patch", group: ours, resource: "partnerinvites", use: "resend"},
		{verb: "delete", group: ours, resource: "partnerinvites", use: "cancel"},
		{verb: "patch", group: ours, resource: "partnerships", use: "approve, reject, revoke, reinstate, move, signout"},
		{verb: "delete", group: ours, resource: "partnerships", use: "remove"},
		{verb: "create", group: ours, resource: "partnerships", use: "import, team grant"},
		{verb: "create", group: ours, resource: "partnerteams", use: "team create, import of teams"},
		{verb: "patch", group: ours, resource: "partnerteams", use: "signout, of people in teams"},
		{verb: "get", resource: "secrets", use: "link, of invites with delivery Link"},
		{verb: "get", resource: "secrets", namespace: where.Namespace, name: keyring.SecretName, use: "link, of any invite"},
		{verb: "patch", resource: "secrets", namespace: where.Namespace, name: keyring.SecretName, use: "keys rotate"},
	}
}

// may asks whether the person may do it.
func may(ctx context.Context, d Desk, r right) (bool, error) {
	if r.namespace == "" {
		r.namespace = d.Namespace
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: r.namespace, Verb: r.verb, Group: r.group, Resource: r.resource, Name: r.name},
	}}
	err := d.Client.Create(ctx, review)
	return review.Status.Allowed, err
}

// Identity is who a person is to the API server, and what they may do.
type Identity struct {
	// User and Groups are theirs.
	User   string
	Groups []string
	// Uses are the verbs of the plugin, and whether they may use them.
	Uses []Use
	// Held are the verbs that the policies of config/policy ask for, and where they hold them.
	Held []PolicyVerb
}

// Use is something that the plugin does, and whether a person may.
type Use struct {
	// Verbs names it, Right is what it takes.
	Verbs, Right string
	// Allowed tells whether the person may.
	Allowed bool
}

// Whoami asks the API server.
func Whoami(ctx context.Context, d Desk, where Installation) (Identity, error) {
	review := &authenticationv1.SelfSubjectReview{}
	if err := d.Client.Create(ctx, review); err != nil {
		return Identity{}, err
	}
	who := Identity{User: review.Status.UserInfo.Username, Groups: review.Status.UserInfo.Groups}
	for _, r := range rights(where) {
		allowed, err := may(ctx, d, r)
		if err != nil {
			return who, err
		}
		who.Uses = append(who.Uses, Use{Verbs: r.use, Right: r.String(), Allowed: allowed})
	}
	var err error
	who.Held, err = heldVerbs(ctx, d)
	return who, err
}

func (r right) String() string {
	text := r.verb + " " + r.resource
	if r.name != "" {
		text += "/" + r.name
	}
	if r.namespace != "" {
		text += " in " + r.namespace
	}
	return text
}

func newWhoami(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var where Installation
	command := &cobra.Command{
		Use:   "whoami",
		Short: "Show who you are to the cluster, and what you may do",
		Long: `Show who you are to the API server, and which verbs you may use here. The last lines tell on which programs you hold what
the policies ask for, where they are installed. With plain kubectl: auth whoami and auth can-i, such as
auth can-i invite programs.partner-operator.io/referral.`,
		Example: `  kubectl partner whoami -n acme`,
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			d, err := c.desk()
			if err != nil {
				return err
			}
			who, err := Whoami(command.Context(), d, where)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(streams.Out, "User:       %s\nGroups:     %s\nNamespace:  %s\n\n", who.User, strings.Join(who.Groups, ", "), d.Namespace)
			return showRights(streams.Out, who)
		},
	}
	where.addFlags(command)
	return command
}

// showRights writes what somebody may do, and where they hold the verbs of the policies.
func showRights(w io.Writer, who Identity) error {
	uses := []column[Use]{
		{"VERBS", false, func(u *Use) string { return u.Verbs }},
		{"ALLOWED", false, func(u *Use) string { return yesNo(u.Allowed) }},
		{"NEEDS", false, func(u *Use) string { return u.Right }},
	}
	if err := table(w, who.Uses, uses, false); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(w)
	return table(w, who.Held, []column[PolicyVerb]{
		{"WITH THE POLICY", false, func(v *PolicyVerb) string { return v.Verb }},
		{"PROGRAMS", false, func(v *PolicyVerb) string { return v.where() }},
	}, false)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
