package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/manual"
)

// Verdict is how a check ended.
type Verdict string

// The verdicts.
const (
	// VerdictOK: it is as it should be.
	VerdictOK Verdict = "ok"
	// VerdictUnknown: it could not be found out from here.
	VerdictUnknown Verdict = "unknown"
	// VerdictWarning: it works, and somebody should look.
	VerdictWarning Verdict = "warning"
	// VerdictFailed: it does not work.
	VerdictFailed Verdict = "failed"
)

// Finding is what a check found.
type Finding struct {
	// Subject is what was looked at, Text is what was found and what to do.
	Subject string
	Verdict Verdict
	Text    string
}

// CheckOptions tell what to check with.
type CheckOptions struct {
	Installation
	// SMTPURL is the operator's --smtp-url; empty: as the Deployment says.
	SMTPURL string
	// Helo is the name to give in EHLO, and CAFile a file with certificates that may vouch for the mail server; empty: as the
	// operator does.
	Helo, CAFile string
	// HTTP asks the portal.
	HTTP *http.Client
}

// reachTimeout bounds looking at one thing outside of the cluster.
const reachTimeout = 10 * time.Second

// Check looks at the installation from where the person is, and changes nothing.
func Check(ctx context.Context, d Desk, kinds discovery.DiscoveryInterface, o CheckOptions) (found []Finding) {
	note := func(subject string, verdict Verdict, format string, args ...any) {
		found = append(found, Finding{subject, verdict, fmt.Sprintf(format, args...)})
	}
	if !checkKinds(kinds, note) {
		return found
	}
	inForce := checkPolicy(ctx, d, note)
	settings, err := o.Settings(ctx, d.Client)
	if err != nil {
		note("operator", VerdictUnknown, "its settings cannot be read: %v", err)
	} else {
		o.checkOperator(ctx, d, inForce, note)
	}
	o.checkKeys(ctx, d, note)
	o.checkRights(ctx, d, note)
	o.checkMail(ctx, d, settings, note)
	o.checkPortal(ctx, d, settings, note)
	checkPrograms(ctx, d, note)
	return found
}

type noting func(subject string, verdict Verdict, format string, args ...any)

// checkKinds asks the API server which kinds it has. Without them there is nothing else to look at.
func checkKinds(kinds discovery.DiscoveryInterface, note noting) bool {
	version, err := kinds.ServerVersion()
	if err != nil {
		note("cluster", VerdictFailed, "it cannot be reached: %v", err)
		return false
	}
	note("cluster", VerdictOK, "Kubernetes %s", version.GitVersion)
	served, err := kinds.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil {
		note("kinds", VerdictFailed, "%s is not served: %v; install the CRDs, see %s", v1alpha1.GroupVersion, err, manual.Page("install.md"))
		return false
	}
	missing := map[string]bool{"programs": true, "partnergroups": true, "partnerteams": true, "partnerinvites": true, "partnerships": true, "partnerlinks": true}
	for _, resource := range served.APIResources {
		delete(missing, resource.Name)
	}
	for name := range missing {
		note("kinds", VerdictFailed, "%s.%s is missing; install the CRDs of this version, see %s", name, v1alpha1.GroupVersion.Group, manual.Page("install.md#upgrade"))
	}
	if len(missing) == 0 {
		note("kinds", VerdictOK, "%s is served", v1alpha1.GroupVersion)
	}
	return true
}

func (o CheckOptions) checkOperator(ctx context.Context, d Desk, policy bool, note noting) {
	deployment, err := o.deployed(ctx, d.Client)
	if err != nil {
		note("operator", VerdictUnknown, "%v", err)
		return
	}
	ready, wanted := deployment.Status.ReadyReplicas, int32(1)
	if deployment.Spec.Replicas != nil {
		wanted = *deployment.Spec.Replicas
	}
	verdict := VerdictOK
	switch {
	case ready == 0:
		verdict = VerdictFailed
	case ready < wanted:
		verdict = VerdictWarning
	}
	image := deployment.Spec.Template.Spec.Containers[0].Image
	note("operator", verdict, "%d of %d replicas of %s are ready", ready, wanted, image)
	o.checkOperatorRights(ctx, d, deployment.Spec.Template.Spec.ServiceAccountName, policy, note)
}

// checkOperatorRights asks for what the operator cannot do without, if the person may ask that.
func (o CheckOptions) checkOperatorRights(ctx context.Context, d Desk, account string, policy bool, note noting) {
	user := "system:serviceaccount:" + o.Namespace + ":" + account
	const ours = "partner-operator.io"
	needs := []authorizationv1.ResourceAttributes{
		{Verb: "watch", Group: ours, Resource: "partnerinvites"},
		{Verb: "update", Group: ours, Resource: "partnerinvites", Subresource: "status"},
		{Verb: "create", Group: ours, Resource: "partnerships"},
		{Verb: "watch", Resource: "configmaps"},
		{Verb: "get", Resource: "secrets", Name: keyring.SecretName, Namespace: o.Namespace},
		{Verb: "get", Resource: "secrets", Name: keyring.MarksSecretName, Namespace: o.Namespace},
		{Verb: "watch", Resource: "configmaps", Namespace: o.Namespace},
	}
	if policy {
		needs = append(needs, operatorVerbs()...)
	}
	for _, r := range needs {
		if r.Namespace == "" {
			r.Namespace = d.Namespace
		}
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user, Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + o.Namespace, "system:authenticated"}, ResourceAttributes: &r,
		}}
		if err := d.Client.Create(ctx, review); err != nil {
			note("operator's rights", VerdictUnknown, "%v", err)
			return
		}
		if !review.Status.Allowed {
			note("operator's rights", VerdictFailed, "%s may not %s %s; install the roles of this version, see %s", user, r.Verb, strings.TrimSuffix(r.Resource+"/"+r.Subresource, "/"), manual.Page("install.md#upgrade"))
			return
		}
	}
	note("operator's rights", VerdictOK, "%s may do what it has to", user)
}

func (o CheckOptions) checkKeys(ctx context.Context, d Desk, note noting) {
	for _, of := range []struct{ what, secret string }{{"signing keys", keyring.SecretName}, {"keys for marks", keyring.MarksSecretName}} {
		var secret corev1.Secret
		err := d.Client.Get(ctx, client.ObjectKey{Namespace: o.Namespace, Name: of.secret}, &secret)
		switch {
		case apierrors.IsForbidden(err):
			note(of.what, VerdictUnknown, "you may not read them, and need not")
		case err != nil:
			note(of.what, VerdictFailed, "%v; the operator makes them at its first start", err)
		default:
			note(of.what, VerdictOK, "Secret %s holds %d", secret.Name, len(secret.Data))
		}
	}
}

func (o CheckOptions) checkRights(ctx context.Context, d Desk, note noting) {
	who, err := Whoami(ctx, d, o.Installation)
	if err != nil {
		note("your rights", VerdictUnknown, "%v", err)
		return
	}
	var lacking []string
	for _, use := range who.Uses {
		if !use.Allowed {
			lacking = append(lacking, use.Verbs)
		}
	}
	if len(lacking) > 0 {
		note("your rights", VerdictWarning, "%s may not: %s", who.User, strings.Join(lacking, "; "))
		return
	}
	note("your rights", VerdictOK, "%s may do everything", who.User)
}

// checkPortal opens the page on which partners ask for a link.
func (o CheckOptions) checkPortal(ctx context.Context, d Desk, settings map[string]string, note noting) {
	text := o.PortalURL
	if text == "" {
		text = settings["portal-url"]
	}
	if text == "" {
		note("portal", VerdictUnknown, "say where it is with --portal-url")
		return
	}
	base, err := link.ParseBase(text)
	if err != nil {
		note("portal", VerdictFailed, "--portal-url %v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base.Login(d.Namespace), nil)
	if err != nil {
		note("portal", VerdictFailed, "%v", err)
		return
	}
	response, err := o.HTTP.Do(request)
	if err != nil {
		note("portal", VerdictFailed, "%s cannot be reached from this machine: %v", base.Origin(), err)
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close()
	switch {
	case response.StatusCode != http.StatusOK:
		note("portal", VerdictFailed, "%s answers %s", base.Login(d.Namespace), response.Status)
	case !base.Secure():
		note("portal", VerdictWarning, "%s answers, without https", base.Origin())
	default:
		note("portal", VerdictOK, "%s answers", base.Origin())
	}
}

// checkPrograms looks whether the mail of the programs can leave.
func checkPrograms(ctx context.Context, d Desk, note noting) {
	count := 0
	err := programs.each(ctx, d.Client, func(p *v1alpha1.Program) error {
		count++
		for _, c := range p.Status.Conditions {
			if c.Type == v1alpha1.ConditionMailReady && c.Status == "False" {
				note("program "+p.Name, VerdictFailed, "%s: %s", c.Reason, c.Message)
			}
		}
		if p.Spec.Suspend {
			note("program "+p.Name, VerdictWarning, "it is suspended")
		}
		return nil
	}, client.InNamespace(d.Namespace))
	switch {
	case err != nil:
		note("programs", VerdictUnknown, "%v", err)
	case count == 0:
		note("programs", VerdictWarning, "there is none in namespace %q", d.Namespace)
	default:
		note("programs", VerdictOK, "%d in namespace %q", count, d.Namespace)
	}
}

func newCheck(c cluster, streams genericiooptions.IOStreams) *cobra.Command {
	var o CheckOptions
	command := &cobra.Command{
		Use:   "check",
		Short: "Look whether everything is installed, allowed and reachable",
		Long: `Look at the installation from here: the kinds, the operator and its rights, your rights, the signing keys, the mail server
(a conversation that ends before a mail), the portal, and the programs of the namespace. Nothing is changed and nothing
sent. It ends with 1 if something does not work. With plain kubectl: get deploy, auth can-i, and describe prog.`,
		Example: `  kubectl partner check -n acme
  kubectl partner check --smtp-url smtp://mail.example.com:587 --portal-url https://partners.example.com`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := c.config()
			if err != nil {
				return err
			}
			kinds, err := discovery.NewDiscoveryClientForConfig(config)
			if err != nil {
				return err
			}
			d, err := c.desk()
			if err != nil {
				return err
			}
			o.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			return showFindings(streams.Out, Check(command.Context(), d, kinds, o))
		},
	}
	o.addFlags(command)
	command.Flags().StringVar(&o.SMTPURL, "smtp-url", "", "mail server; unset: as the operator's Deployment says")
	command.Flags().StringVar(&o.Helo, "smtp-helo", "", "name to give to the mail server in EHLO; unset: the one that the operator gives")
	command.Flags().StringVar(&o.CAFile, "smtp-ca-file", "", "file with certificates that may vouch for the mail server; unset: those that the operator knows")
	return command
}

// showFindings writes a line for each, and is an error if something does not work.
func showFindings(w io.Writer, found []Finding) error {
	failed := 0
	rows := []column[Finding]{
		{"CHECK", false, func(f *Finding) string { return f.Subject }},
		{"RESULT", false, func(f *Finding) string { return string(f.Verdict) }},
		{"DETAIL", false, func(f *Finding) string { return oneLine(f.Text) }},
	}
	if err := table(w, found, rows, false); err != nil {
		return err
	}
	for _, f := range found {
		if f.Verdict == VerdictFailed {
			failed++
		}
	}
	if failed > 0 {
		return errors.New("something does not work; the lines above that say failed tell what to do")
	}
	return nil
}
