package gitops

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

var update = flag.Bool("update", false, "write the table of situations into docs/gitops.md")

const document = "../../docs/gitops.md"

// situation is an object of testdata/situations.yaml, or of the rules where the operator would take too long, and where
// it is to come to.
type situation struct {
	kind, name string
	// state is status.state; empty: the kind has none.
	state string
	// reason is that of Stalled, else of Reconciling, else of what the kind is about: Active, or Ready.
	reason string
	// note is more about it; empty: nothing.
	note string
}

var situations = []situation{
	{kind: "Program", name: "referral", reason: "Ready"},
	{kind: "Program", name: "suspended", reason: "Suspended"},
	{kind: "Program", name: "group-not-found", reason: "GroupNotFound"},
	{kind: "Program", name: "group-not-in-program", reason: "GroupNotInProgram"},
	{kind: "Program", name: "template-not-found", reason: "TemplateNotFound"},
	{kind: "Program", name: "template-invalid", reason: "TemplateInvalid"},
	{kind: "Program", name: "transport-unreachable", reason: "Ready", note: "`MailReady` is False, whatever its reason"},
	{kind: "Program", name: "signed-in", reason: "Ready"},
	{kind: "Program", name: "transport-rejected", reason: "Ready", note: "`MailReady` is False, whatever its reason"},
	{kind: "Program", name: "brand-invalid", reason: "Ready", note: "`MailReady` is False, whatever its reason"},

	{kind: "Program", name: "remembers-nobody-NameTaken", reason: "Ready", note: "`RemovalsRemembered` is False, whatever its reason"},
	{kind: "Program", name: "remembers-nobody-TooMany", reason: "Ready", note: "`RemovalsRemembered` is False, whatever its reason"},
	{kind: "Program", name: "remembers-nobody-WriteFailed", reason: "Ready", note: "`RemovalsRemembered` is False, whatever its reason"},

	{kind: "PartnerGroup", name: "standard", reason: "Ready"},
	{kind: "PartnerGroup", name: "program-not-found", reason: "ProgramNotFound"},
	{kind: "PartnerGroup", name: "template-not-found", reason: "TemplateNotFound"},
	{kind: "PartnerGroup", name: "template-invalid", reason: "TemplateInvalid"},

	{kind: "PartnerTeam", name: "agency", reason: "Ready"},
	{kind: "PartnerTeam", name: "owner-invalid", reason: "OwnerInvalid"},

	{kind: "PartnerInvite", name: "program-not-found", state: "Pending", reason: "ProgramNotFound"},
	{kind: "PartnerInvite", name: "group-not-found", state: "Pending", reason: "GroupNotFound"},
	{kind: "PartnerInvite", name: "team-not-found", state: "Pending", reason: "TeamNotFound"},
	{kind: "PartnerInvite", name: "awaiting-team", state: "Pending", reason: "AwaitingAcceptance"},
	{kind: "PartnerInvite", name: "template-not-found", state: "Pending", reason: "TemplateNotFound"},
	{kind: "PartnerInvite", name: "group-not-in-program", state: "Pending", reason: "GroupNotInProgram"},
	{kind: "PartnerInvite", name: "too-many-programs", state: "Pending", reason: "TooManyPrograms"},
	{kind: "PartnerInvite", name: "template-invalid", state: "Pending", reason: "TemplateInvalid"},
	{kind: "PartnerInvite", name: "mailer-not-configured", state: "Pending", reason: "MailerNotConfigured"},
	{kind: "PartnerInvite", name: "sending", state: "Pending", reason: "Sending"},
	{kind: "PartnerInvite", name: "temporary-failure", state: "Pending", reason: "TemporaryFailure"},
	{kind: "PartnerInvite", name: "held", state: "Held", reason: "Held"},
	{kind: "PartnerInvite", name: "sent", state: "Sent", reason: "Sent"},
	{kind: "PartnerInvite", name: "announcing", state: "Sent", reason: "Sent"},
	{kind: "PartnerInvite", name: "link-ready", state: "Sent", reason: "LinkReady"},
	{kind: "PartnerInvite", name: "into-paused", state: "Sent", reason: "ProgramSuspended"},
	{kind: "PartnerInvite", name: "without-access-invitation", state: "Sent", reason: "PortalAccessDisabled"},
	{kind: "PartnerInvite", name: "damaged", state: "Sent", reason: "Unreadable"},
	{kind: "PartnerInvite", name: "dead-link", state: "Sent", reason: "TooManyWrongAddresses"},
	{kind: "PartnerInvite", name: "teammates", state: "Sent", reason: "Sent", note: "of teammates"},
	{kind: "PartnerInvite", name: "cooling-down", state: "Sent", reason: "CoolingDown"},
	{kind: "PartnerInvite", name: "accepting", state: "Accepted", reason: "Accepted", note: "the partnership is being made"},
	{kind: "PartnerInvite", name: "accepted", state: "Accepted", reason: "Accepted"},
	{kind: "PartnerInvite", name: "names-taken", state: "Accepted", reason: "NameTaken"},
	{kind: "PartnerInvite", name: "declined", state: "Declined", reason: "Declined"},
	{kind: "PartnerInvite", name: "expired", state: "Expired", reason: "Expired"},
	{kind: "PartnerInvite", name: "too-late", state: "Expired", reason: "Expired"},
	{kind: "PartnerInvite", name: "address-rejected", state: "Failed", reason: "AddressRejected"},
	{kind: "PartnerInvite", name: "content-rejected", state: "Failed", reason: "ContentRejected"},
	{kind: "PartnerInvite", name: "gave-up", state: "Failed", reason: "GaveUp"},
	{kind: "PartnerInvite", name: "already-partner", state: "AlreadyPartner", reason: "AlreadyPartner"},
	{kind: "PartnerInvite", name: "partner-revoked", state: "Refused", reason: "PartnerRevoked"},
	{kind: "PartnerInvite", name: "partner-rejected", state: "Refused", reason: "PartnerRejected"},
	{kind: "PartnerInvite", name: "application-pending", state: "Refused", reason: "ApplicationPending"},
	{kind: "PartnerInvite", name: "team-exists", state: "Refused", reason: "TeamExists"},
	{kind: "PartnerInvite", name: "duplicate", state: "Refused", reason: "DuplicateInvite"},

	{kind: "Partnership", name: "active", state: "Active", reason: "Active"},
	{kind: "Partnership", name: "team", state: "Active", reason: "Active"},
	{kind: "Partnership", name: "in-reseller", state: "Active", reason: "Active"},
	{kind: "Partnership", name: "without-links-NameTaken", state: "Active", reason: "Active", note: "`DefaultLinks` is False, whatever its reason"},
	{kind: "Partnership", name: "without-links-WriteFailed", state: "Active", reason: "Active", note: "`DefaultLinks` is False, whatever its reason"},
	{kind: "Partnership", name: "links-LinksFollow", state: "Active", reason: "Active", note: "`LinksFollow`, whatever it says"},
	{kind: "Partnership", name: "links-LinksBehind", state: "Active", reason: "Active", note: "`LinksFollow`, whatever it says"},
	{kind: "Partnership", name: "without-portal", state: "Active", reason: "PortalAccessDisabled"},
	{kind: "Partnership", name: "program-suspended", state: "Active", reason: "ProgramSuspended"},
	{kind: "Partnership", name: "program-not-found", state: "Active", reason: "ProgramNotFound"},
	{kind: "Partnership", name: "team-not-found", state: "Active", reason: "TeamNotFound"},
	{kind: "Partnership", name: "awaiting-team", state: "Active", reason: "AwaitingAcceptance"},
	{kind: "Partnership", name: "group-not-found", state: "Active", reason: "GroupNotFound"},
	{kind: "Partnership", name: "group-not-in-program", state: "Active", reason: "GroupNotInProgram"},
	{kind: "Partnership", name: "invited", state: "Invited", reason: "Invited"},
	{kind: "Partnership", name: "unreachable", state: "Invited", reason: "AddressRejected", note: "or what else its invite is Stalled by"},
	{kind: "Partnership", name: "taken", state: "Invited", reason: "InviteNameTaken"},
	{kind: "Partnership", name: "pending", state: "Pending", reason: "Pending"},
	{kind: "Partnership", name: "domain-matched", state: "Pending", reason: "DomainMatched"},
	{kind: "Partnership", name: "joining-team", state: "Pending", reason: "JoiningTeam"},
	{kind: "Partnership", name: "revoked", state: "Revoked", reason: "Revoked"},
	{kind: "Partnership", name: "deactivated", state: "Revoked", reason: "Revoked"},
	{kind: "Partnership", name: "rejected", state: "Rejected", reason: "Rejected"},
	{kind: "Partnership", name: "expired", state: "Expired", reason: "Expired"},
	{kind: "Partnership", name: "unreadable", state: "Expired", reason: "Unreadable"},
	{kind: "Partnership", name: "conflict", state: "Conflict", reason: "Conflict"},

	{kind: "PartnerLink", name: "active", state: "Active", reason: "Active"},
	{kind: "PartnerLink", name: "unattributed", state: "Unattributed", reason: "Unattributed"},
	{kind: "PartnerLink", name: "partnership-removed", state: "Unattributed", reason: "Unattributed"},
	{kind: "PartnerLink", name: "not-in-the-team", state: "Unattributed", reason: "Unattributed"},
	{kind: "PartnerLink", name: "not-the-contact", state: "Unattributed", reason: "MemberNotFound", note: "of a person"},
	{kind: "PartnerLink", name: "team-not-found", state: "Unattributed", reason: "TeamNotFound"},
	{kind: "PartnerLink", name: "program-mismatch", state: "Deactivated", reason: "ProgramMismatch", note: "Unattributed, where the program that it says allows the destination"},
	{kind: "PartnerLink", name: "deactivated", state: "Deactivated", reason: "Deactivated"},
	{kind: "PartnerLink", name: "partnership-not-found", state: "Deactivated", reason: "PartnershipNotFound"},
	{kind: "PartnerLink", name: "awaiting-partnership", state: "Deactivated", reason: "AwaitingAcceptance"},
	{kind: "PartnerLink", name: "program-not-found", state: "Deactivated", reason: "ProgramNotFound", note: "Unattributed, once it led anywhere"},
	{kind: "PartnerLink", name: "destination-missing", state: "Deactivated", reason: "DestinationMissing"},
	{kind: "PartnerLink", name: "destination-refused", state: "Deactivated", reason: "DestinationRefused"},
}

func init() {
	for _, reason := range mailedReasons {
		situations = append(situations, situation{kind: "Partnership", name: "mailed-" + reason, state: "Active", reason: "Active"})
	}
}

// The operator brings every situation about; kstatus, by which Flux judges, and our Lua, by which Argo CD does, see the
// same in it, and so does the document.
func TestSituations(t *testing.T) {
	const ns = "situations"
	tenant(t, ns)
	found := bringAbout(t, ns)
	for key, object := range found {
		if !slices.ContainsFunc(situations, func(s situation) bool { return s.kind+"/"+s.name == key }) {
			t.Errorf("the table has no row for %s, which is %s", key, reasonOf(object))
		}
	}
	customizations := argoSettings(t)
	rows := [][]string{fresh(t, ns, customizations)}
	for _, s := range situations {
		object := found[s.kind+"/"+s.name]
		row := append([]string{s.kind, cmp.Or(s.state, "-"), "`" + s.reason + "`" + prefixed(", ", s.note)}, judged(t, customizations, object)...)
		if !slices.ContainsFunc(rows, func(before []string) bool { return slices.Equal(before, row) }) {
			rows = append(rows, row)
		}
	}
	compare(t, "situations", table([]string{"kind", "state", "reason", "kstatus, Flux", "Argo CD", "buttons"}, rows))
	sawEveryReason(t, found)
}

// fresh is the row of an object that the operator has not seen yet, of whatever kind.
func fresh(t *testing.T, ns string, customizations map[string]string) []string {
	t.Helper()
	var row []string
	for _, made := range applied(t, ns, "new-") {
		now := append([]string{"every kind", "-", "just applied, or changed and not seen yet"}, judged(t, customizations, made)...)
		if now[5] = ""; row != nil && !slices.Equal(row, now) {
			t.Errorf("a new %s is %v, and not %v as others", made.GetKind(), now, row)
		}
		row = now
	}
	changed := live(t, ns, "Program", "referral")
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"description":"Changed."}}`))
	if err := api.Patch(t.Context(), changed, patch); err != nil {
		t.Fatal(err)
	}
	if now := judged(t, customizations, changed); !slices.Equal(now[:2], row[3:5]) {
		t.Errorf("what has changed is %v, and not %v", now, row)
	}
	return row
}

// applied makes one object of each kind, and gives what the API server answers.
func applied(t *testing.T, ns, prefix string) (made []*unstructured.Unstructured) {
	t.Helper()
	kinds := map[string]bool{}
	for _, object := range objects(t, ns, readFile(t, "testdata/situations.yaml")) {
		if kinds[object.GetKind()] || object.GetKind() == "ConfigMap" {
			continue
		}
		kinds[object.GetKind()] = true
		object.SetName(prefix + object.GetName())
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		made = append(made, object)
	}
	if len(made) != 6 {
		t.Fatalf("there are %d kinds", len(made))
	}
	return made
}

// judged is what kstatus and Argo CD make of an object, and which buttons Argo CD offers.
func judged(t *testing.T, customizations map[string]string, object *unstructured.Unstructured) []string {
	t.Helper()
	result, err := status.Compute(object)
	if err != nil {
		t.Fatal(err)
	}
	health := argoHealth(t, customizations, object)
	same := map[status.Status]string{status.CurrentStatus: "Healthy", status.InProgressStatus: "Progressing", status.FailedStatus: "Degraded"}
	if health.Status != same[result.Status] {
		t.Errorf("%s %s is %s to kstatus and %s to Argo CD", object.GetKind(), object.GetName(), result.Status, health.Status)
	}
	if health.Message == "" {
		t.Errorf("%s %s: Argo CD does not tell why it is %s", object.GetKind(), object.GetName(), health.Status)
	}
	var buttons []string
	for _, action := range argoActions(t, customizations, object) {
		if !action.Disabled {
			buttons = append(buttons, action.Name)
		}
	}
	slices.Sort(buttons)
	return []string{string(result.Status), health.Status, strings.Join(buttons, ", ")}
}

// reasonOf is the reason that a row of the table has.
func reasonOf(object *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, wanted := range []string{"Stalled", "Reconciling", "Active", "Ready"} {
		for _, c := range conditions {
			if condition := c.(map[string]any); condition["type"] == wanted {
				return condition["reason"].(string)
			}
		}
	}
	return ""
}

// bringAbout makes all objects and lets people act, until each is where it is to come to.
func bringAbout(t *testing.T, ns string) map[string]*unstructured.Unstructured {
	t.Helper()
	inbox.Script(
		mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: "address-rejected@example.com", Code: 550},
		mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: "unreachable@example.com", Code: 550},
		mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: "temporary-failure@example.com", Code: 451},
		mailcatcher.Rule{Stage: mailcatcher.Data, Recipient: "sending@example.com", Hang: 8 * time.Second},
	)
	t.Cleanup(func() { inbox.Script() })
	applySituations(t, ns)
	damage := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"sessionsNotBefore":"2027-01-01T00:00:00Z"}}`))
	if err := api.Status().Patch(t.Context(), live(t, ns, "Partnership", "unreadable"), damage); err != nil {
		t.Fatal(err)
	}
	answers(t, "accepted@example.com", "accept")
	answers(t, "declined@example.com", "decline")
	for range v1alpha1.MaxWrongAddresses {
		guesses(t, "dead-link@example.com")
	}
	shutOpenInvites(t, ns)
	mailed(t, "cooling-down@example.com", v1alpha1.MailInvite, 1)
	kubectl(t, "", "annotate", "pinvite", "cooling-down", "-n", ns, v1alpha1.ResendAnnotation+"=once")
	eventually(t, "the link knows its partnership", func() string {
		l := get(t, ns, "partnership-removed", &v1alpha1.PartnerLink{})
		return unlessEqual(string(l.Status.OnRemoval.Links), "Redirect")
	})
	kubectl(t, "", "delete", "pship", "will-be-removed", "-n", ns)

	found := map[string]*unstructured.Unstructured{}
	for _, object := range byTheRules(t) {
		found[object.GetKind()+"/"+object.GetName()] = object
	}
	eventually(t, "every situation", func() (missing string) {
		for _, s := range situations {
			key := s.kind + "/" + s.name
			object := found[key]
			if object == nil {
				object = live(t, ns, s.kind, s.name)
			}
			state, _, _ := unstructured.NestedString(object.Object, "status", "state")
			seen, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
			if state == s.state && reasonOf(object) == s.reason && seen == object.GetGeneration() {
				found[key] = object // some do not stay so
			} else {
				missing = fmt.Sprintf("%s is %s/%s and not %s/%s", key, state, reasonOf(object), s.state, s.reason)
			}
		}
		return missing
	})
	return found
}

// shutOpenInvites lets something come between invites that were sent and their answers.
func shutOpenInvites(t *testing.T, ns string) {
	t.Helper()
	invites := map[string]string{"into-paused": "paused", "damaged": "referral"}
	create(t, objects(t, ns, "{apiVersion: partner-operator.io/v1alpha1, kind: Program, metadata: {name: paused}, spec: {displayName: Paused}}")...)
	for name, in := range invites {
		create(t, objects(t, ns, fmt.Sprintf("{apiVersion: partner-operator.io/v1alpha1, kind: PartnerInvite, metadata: {name: %s}, spec: {contact: {email: %s@example.com}, programs: [{name: %s}]}}", name, name, in))...)
	}
	create(t, objects(t, ns, "{apiVersion: partner-operator.io/v1alpha1, kind: Partnership, metadata: {name: without-access}, spec: {programRef: {name: referral}, contact: {email: without-access@example.com}, invitation: Send}}")...)
	mailed(t, "without-access@example.com", v1alpha1.MailInvite, 1)
	for name := range invites {
		mailed(t, name+"@example.com", v1alpha1.MailInvite, 1)
	}
	kubectl(t, "", "patch", "program", "paused", "-n", ns, "--type=merge", "-p", `{"spec":{"suspend":true}}`)
	kubectl(t, "", "patch", "pship", "without-access", "-n", ns, "--type=merge", "-p", `{"spec":{"portalAccess":"Disabled"}}`)
	damage := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"lastAttemptTime":"2027-01-01t00:00:00z"}}`))
	if err := api.Status().Patch(t.Context(), live(t, ns, "PartnerInvite", "damaged"), damage); err != nil {
		t.Fatal(err)
	}
}

// applySituations applies the file, kind by kind as it stands there: each waits until the operator has seen the ones
// before.
func applySituations(t *testing.T, ns string) {
	t.Helper()
	strict := client.WithFieldValidation(api, metav1.FieldValidationStrict)
	all := objects(t, ns, readFile(t, "testdata/situations.yaml"))
	for i, object := range all {
		if i > 0 && all[i-1].GetKind() != object.GetKind() {
			seen(t, all[:i])
		}
		if err := strict.Create(t.Context(), object); err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	soon := v1alpha1.NewTimestamp(time.Now().Add(3 * time.Second))
	if err := strict.Create(t.Context(), &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "expired"}, Spec: v1alpha1.PartnerInviteSpec{
		Contact: v1alpha1.Contact{Email: "expired@example.org"}, Programs: []v1alpha1.ProgramGrant{{Name: "referral"}}, NotAfter: soon,
	}}); err != nil {
		t.Fatal(err)
	}
	mailed(t, "expired@example.org", v1alpha1.MailInvite, 1)
}

// seen waits until the operator has seen objects of ours.
func seen(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range all {
		if object.GetAPIVersion() != v1alpha1.GroupVersion.String() {
			continue
		}
		eventually(t, object.GetKind()+" "+object.GetName()+" is seen", func() string {
			now := live(t, object.GetNamespace(), object.GetKind(), object.GetName())
			generation, _, _ := unstructured.NestedInt64(now.Object, "status", "observedGeneration")
			return unlessEqual(generation, now.GetGeneration())
		})
	}
}

// reasonRow is a row of the tables of conditions and reasons in the document of a kind.
var reasonRow = regexp.MustCompile("(?m)^\\|[^|]*\\| `(\\w+)` \\| (?:True|False|Unknown)")

// sawEveryReason compares what came about with what the documents of the kinds tell.
func sawEveryReason(t *testing.T, found map[string]*unstructured.Unstructured) {
	t.Helper()
	for kind, page := range map[string]string{"Program": "programs", "PartnerInvite": "invites", "Partnership": "partnerships", "PartnerLink": "links"} {
		saw := map[string]bool{}
		for _, object := range found {
			conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
			for _, c := range conditions {
				if object.GetKind() == kind {
					saw[c.(map[string]any)["reason"].(string)] = true
				}
			}
		}
		reasons := reasonRow.FindAllStringSubmatch(readFile(t, "../../docs/"+page+".md"), -1)
		if len(reasons) < 6 {
			t.Errorf("docs/%s.md tells %d reasons", page, len(reasons))
		}
		for _, reason := range reasons {
			if !saw[reason[1]] {
				t.Errorf("no %s came about with the reason %s, of which docs/%s.md tells", kind, reason[1], page)
			}
		}
	}
}

// table is a table of Markdown.
func table(head []string, rows [][]string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		text.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return text.String()
}

// compare compares a part of the document with what it should be, or writes it.
func compare(t *testing.T, name, want string) {
	t.Helper()
	text := readFile(t, document)
	begin, end := "<!-- table of "+name+": begin -->\n", "<!-- table of "+name+": end -->"
	before, rest, found := strings.Cut(text, begin)
	got, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("docs/gitops.md has no %q", begin+end)
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(got, want); diff != "" {
		t.Errorf("docs/gitops.md says something else; look, and run the test with -update: %s", diff)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unlessEqual tells what something is; empty: what it is to be.
func unlessEqual[T comparable](got, want T) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("it is %v, and not %v", got, want)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
