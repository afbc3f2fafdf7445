package kubectl

import (
	"context"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/manual"
)

// policyPrefix begins the names of the policies of config/policy.
const policyPrefix = "partner-operator-"

// policyVerbs are what they ask for, on Programs.
var policyVerbs = []string{"invite", "approve", "revoke"}

// policyRefusal is what one of these policies says against a request; empty: none of them refused it.
func policyRefusal(err error) string {
	_, said, found := strings.Cut(err.Error(), "ValidatingAdmissionPolicy '"+policyPrefix)
	if !found || !apierrors.IsForbidden(err) {
		return ""
	}
	_, reason, _ := strings.Cut(said, " denied request: ")
	return reason
}

// PolicyVerb is a verb that the policies ask for, and where a person holds it.
type PolicyVerb struct {
	// Verb is invite, approve or revoke.
	Verb string
	// Everywhere tells that it is held on all Programs, also those that do not exist yet.
	Everywhere bool
	// Programs are those on which it is held, if it is not held on all.
	Programs []string
}

// heldVerbs asks on which programs the person holds the verbs.
func heldVerbs(ctx context.Context, d Desk) ([]PolicyVerb, error) {
	var held []PolicyVerb
	var names []string
	for _, verb := range policyVerbs {
		h := PolicyVerb{Verb: verb}
		right := right{verb: verb, group: v1alpha1.GroupVersion.Group, resource: "programs"}
		var err error
		if h.Everywhere, err = may(ctx, d, right); err != nil {
			return nil, err
		}
		if !h.Everywhere && names == nil {
			if names, err = programNames(ctx, d); err != nil {
				return nil, err
			}
		}
		for i := 0; i < len(names) && !h.Everywhere; i++ {
			right.name = names[i]
			allowed, err := may(ctx, d, right)
			if err != nil {
				return nil, err
			}
			if allowed {
				h.Programs = append(h.Programs, right.name)
			}
		}
		held = append(held, h)
	}
	return held, nil
}

// programNames are the programs that the person can see.
func programNames(ctx context.Context, d Desk) ([]string, error) {
	names := []string{}
	err := programs.each(ctx, d.Client, func(p *v1alpha1.Program) error {
		names = append(names, p.Name)
		return nil
	}, client.InNamespace(d.Namespace))
	if apierrors.IsForbidden(err) {
		err = nil
	}
	return names, err
}

func (v PolicyVerb) where() string {
	switch {
	case v.Everywhere:
		return "all"
	case len(v.Programs) == 0:
		return "none"
	default:
		return strings.Join(v.Programs, ", ")
	}
}

// checkPolicy looks whether the policies are installed, and in force.
func checkPolicy(ctx context.Context, d Desk, note noting) (inForce bool) {
	const name, subject = policyPrefix + "partnerships", "policy"
	err := d.Client.Get(ctx, client.ObjectKey{Name: name}, &admissionv1.ValidatingAdmissionPolicy{})
	if err == nil {
		err = d.Client.Get(ctx, client.ObjectKey{Name: name}, &admissionv1.ValidatingAdmissionPolicyBinding{})
		if apierrors.IsNotFound(err) {
			note(subject, VerdictWarning, "the policies are installed without their bindings, so they judge nothing; see %s", manual.Page("access.md"))
			return false
		}
	}
	switch {
	case apierrors.IsNotFound(err):
		note(subject, VerdictOK, "the policies are not installed; who may write the kinds may invite, approve and revoke")
	case apierrors.IsForbidden(err):
		note(subject, VerdictUnknown, "you may not see whether the policies are installed, and need not")
	case err != nil:
		note(subject, VerdictUnknown, "%v", err)
	default:
		note(subject, VerdictOK, "the policies ask for the verbs invite, approve and revoke; kubectl partner whoami shows yours")
		return true
	}
	return false
}

// operatorVerbs are the rights that the operator needs with the policies in force.
func operatorVerbs() []authorizationv1.ResourceAttributes {
	ours := v1alpha1.GroupVersion.Group
	return []authorizationv1.ResourceAttributes{
		{Verb: "invite", Group: ours, Resource: "programs"},
		{Verb: "approve", Group: ours, Resource: "programs"},
	}
}
