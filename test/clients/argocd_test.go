package clients

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// argoScenes is what happens to one application of Argo CD, in the namespace acme.
type argoScenes struct {
	*world
	git *repository
}

// A company keeps its partners in Git, and Argo CD's own programs keep the cluster as Git says.
func TestArgoCD(t *testing.T) {
	programs := argoPrograms(t)
	s := &argoScenes{git: startGit(t), world: newWorld(t)}
	startArgoCD(t, s.world, programs)
	s.walk(t, "Argo CD", []scene{
		{"A1 the waves of the page", s.waves, []string{"invite ada@example.com", "invite hal@example.com", "team-invite iris@workshop.example", "teammate-approval olga@agency.example"}},
		{"A3 refreshes change nothing", s.refreshes, nil},
		{"A4 the plugin revokes whom Git does not", s.revokes, []string{"revoked grace@example.com"}},
		{"A5 the plugin reinstates whom Git revokes", s.reinstates, []string{"revoked gus@example.com"}},
		{"A6 pruning", s.prunes, []string{"sign-in grace@example.com"}},
		{"A7 a second invite", s.invitesAgain, []string{"team-invite iris@workshop.example"}},
		{"A8 server-side apply", s.appliesOnServer, nil},
		{"A9 server-side diff", s.comparesOnServer, nil},
		{"A10 a misspelt field", s.misspells, []string{"invite carla@example.com"}},
		{"A11 a template comes later", s.templateComesLater, []string{"invite dora@example.com"}},
	})
}

// gold is a group with a link that has no suffix.
const gold = `
apiVersion: v1
kind: ConfigMap
metadata: {name: partner-brand}
data: {displayName: Acme Partners, locale: en}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerGroup
metadata: {name: gold, annotations: {argocd.argoproj.io/sync-wave: "1"}}
spec: {displayName: Gold, programRef: {name: referral}, links: {defaults: [{destination: "https://acme.example/gold"}, {suffix: shop}]}}
`

const grace = `
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: grace, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {programRef: {name: referral}, groupRef: {name: gold}, contact: {email: grace@example.com}}
`

const people = `
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: hal, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {programRef: {name: referral}, contact: {email: hal@example.com}, invitation: Send}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: gus, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {programRef: {name: referral}, contact: {email: gus@example.com}, revocation: {reason: Never again.}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: workshop, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec:
  contact: {email: iris@workshop.example}
  team: {name: workshop, displayName: Workshop Ltd, members: [{email: hal@workshop.example, role: Admin}, {email: ivy@workshop.example}]}
  programs: [{name: referral}]
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: teammates, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {teamRef: {name: agency}, members: [{email: carl@agency.example}]}
`

// waves lets the Application of the page sync the waves of the page, with some people more.
func (s *argoScenes) waves(t *testing.T) {
	var all []string
	for _, block := range s.blocks(t, "argocd.argoproj.io/sync-wave") {
		for _, one := range strings.Split(block, "---\n") {
			if name := regexp.MustCompile(`(?m)^kind: PartnerInvite`); name.MatchString(one) {
				s.git.files["acme/ada.yaml"] = regexp.MustCompile(`notAfter: "\d{4}`).ReplaceAllString(one, `notAfter: "2099`)
				continue
			}
			all = append(all, one)
		}
	}
	s.git.files["acme/waves.yaml"] = strings.Join(all, "---\n")
	if len(all) < 4 || s.git.files["acme/ada.yaml"] == "" {
		t.Fatalf("the page has no waves: %q", all)
	}
	s.git.files["acme/gold.yaml"], s.git.files["acme/grace.yaml"], s.git.files["acme/people.yaml"] = gold, grace, people
	commit := s.git.commit(t)
	s.kubectl(t, s.application(t), "apply", "-f", "-")
	s.synced(t, "acme", commit, "Healthy")
	s.becomes(t, "PartnerInvite", "ada", "Sent")
	s.becomes(t, "Partnership", "grace", "Active")
	s.becomes(t, "Partnership", "hal", "Invited")
	s.becomes(t, "Partnership", "gus", "Revoked")
}

func (s *argoScenes) refreshes(t *testing.T) {
	before := s.versions(t)
	eventually(t, "a refresh changes nothing", func() string { // what the sync caused may still be under way before
		last := before
		s.refresh(t, "acme", "normal")
		before = s.versions(t)
		return unlessEqual(before, last)
	})
	for _, how := range []string{"normal", "hard", "normal"} {
		s.refresh(t, "acme", how)
		s.synced(t, "acme", "", "Healthy")
	}
	if after := s.versions(t); !maps.Equal(after, before) {
		t.Errorf("the objects have the versions %v, not %v", after, before)
	}
}

// revokes sets a field of which Git says nothing.
func (s *argoScenes) revokes(t *testing.T) {
	s.kubectl(t, "", "partner", "revoke", "grace", "-n", "acme", "--reason=Over.")
	s.becomes(t, "Partnership", "grace", "Revoked")
	s.refresh(t, "acme", "hard")
	s.synced(t, "acme", "", "Healthy")
	s.becomes(t, "Partnership", "grace", "Revoked")
}

// reinstates lifts what Git says, and is warned.
func (s *argoScenes) reinstates(t *testing.T) {
	generation := s.live(t, "Partnership", "gus").GetGeneration()
	said := s.kubectl(t, "", "partner", "reinstate", "gus", "-n", "acme")
	if !strings.Contains(said, "is kept by Argo CD, application acme-partners") {
		t.Errorf("nothing warns of Argo CD: %s", said)
	}
	eventually(t, "Argo CD revokes again", func() string {
		gus := s.live(t, "Partnership", "gus")
		_, revoked, _ := unstructured.NestedMap(gus.Object, "spec", "revocation")
		if gus.GetGeneration() < generation+2 || !revoked {
			return fmt.Sprintf("generation %d, revoked %t", gus.GetGeneration(), revoked)
		}
		return ""
	})
	s.becomes(t, "Partnership", "gus", "Revoked")
	s.synced(t, "acme", "", "Healthy")
}

// prunes an open invite, and a partner who is signed in.
func (s *argoScenes) prunes(t *testing.T) {
	s.kubectl(t, "", "partner", "reinstate", "grace", "-n", "acme")
	s.becomes(t, "Partnership", "grace", "Active")
	s.person = browser.NewPerson()
	if _, err := s.person.Post(t.Context(), s.portal+"/t/acme/login", url.Values{"email": {"grace@example.com"}}); err != nil {
		t.Fatal(err)
	}
	if page, err := s.person.Post(t.Context(), s.linkTo(t, "grace@example.com", v1alpha1.MailSignIn), nil); err != nil || page.Code >= http.StatusBadRequest {
		t.Fatalf("grace signs in: %v %d", err, page.Code)
	}
	s.opens(t, s.portal+"/t/acme/", http.StatusOK)

	link := s.linkTo(t, "ada@example.com", v1alpha1.MailInvite)
	s.opens(t, link, http.StatusOK)
	delete(s.git.files, "acme/ada.yaml")
	delete(s.git.files, "acme/grace.yaml")
	s.publishes(t, "Healthy")
	s.gone(t, "PartnerInvite", "ada")
	s.gone(t, "Partnership", "grace")
	s.opens(t, link, http.StatusNotFound)
	s.opens(t, s.portal+"/t/acme/", http.StatusSeeOther)
}

// invitesAgain asks the same person for the same, in another spelling, and another one for something else.
func (s *argoScenes) invitesAgain(t *testing.T) {
	s.git.files["acme/again.yaml"] = `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: hal-again, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {contact: {email: HAL@example.com}, programs: [{name: referral}]}
`
	s.git.files["acme/second.yaml"] = `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: second, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {contact: {email: IRIS@workshop.example}, team: {name: second, displayName: Second Workshop}, programs: [{name: referral}]}
`
	s.publishes(t, "Degraded")
	s.becomes(t, "PartnerInvite", "hal-again", "Refused")
	s.becomes(t, "PartnerInvite", "second", "Sent")
	if reason := reasonOf(s.live(t, "PartnerInvite", "hal-again"), "Stalled"); reason != v1alpha1.ReasonDuplicateInvite {
		t.Errorf("the second invite is refused by %s", reason)
	}
	delete(s.git.files, "acme/again.yaml")
	s.publishes(t, "Healthy")
	s.gone(t, "PartnerInvite", "hal-again")
}

// appliesOnServer goes from server-side apply, as on the page, to the plain one and back.
func (s *argoScenes) appliesOnServer(t *testing.T) {
	s.change(t, plainApply)
	s.git.files["acme/gold.yaml"] = strings.Replace(gold, "displayName: Gold", "displayName: Golden", 1)
	s.publishes(t, "Healthy")
	s.syncsAll(t)
	s.change(t, serverSideApply)
	s.git.files["acme/gold.yaml"] = gold
	s.git.files["acme/people.yaml"] = strings.Replace(people, ", revocation: {reason: Never again.}", "", 1)
	s.publishes(t, "Healthy")
	s.becomes(t, "Partnership", "gus", "Active")
	s.revokedByBoth(t)
	s.syncsAll(t)
	before := s.versions(t)
	s.syncsAll(t)
	if after := s.versions(t); !maps.Equal(after, before) {
		t.Errorf("a second sync writes: %v, not %v", after, before)
	}
}

// revokedByBoth lets a person set what Git says then, too. What Git says no more stays as the person set it.
func (s *argoScenes) revokedByBoth(t *testing.T) {
	t.Helper()
	s.kubectl(t, "", "partner", "revoke", "gus", "-n", "acme", "--reason=Never again.", "--notify=false")
	s.becomes(t, "Partnership", "gus", "Revoked")
	free := s.git.files["acme/people.yaml"]
	s.git.files["acme/people.yaml"] = strings.Replace(people, "{reason: Never again.}", "{reason: Never again., notify: false}", 1)
	s.publishes(t, "Healthy")
	s.git.files["acme/people.yaml"] = free
	s.publishes(t, "Healthy")
	s.becomes(t, "Partnership", "gus", "Revoked")
	s.kubectl(t, "", "partner", "reinstate", "gus", "-n", "acme")
	s.becomes(t, "Partnership", "gus", "Active")
	s.refresh(t, "acme", "hard")
	s.synced(t, "acme", "", "Healthy")
	s.becomes(t, "Partnership", "gus", "Active")
}

// comparesOnServer compares by what the API server would make of each file, with either apply.
func (s *argoScenes) comparesOnServer(t *testing.T) {
	s.change(t, `{"metadata":{"annotations":{"argocd.argoproj.io/compare-options":"ServerSideDiff=true"}}}`)
	for _, options := range []string{plainApply, serverSideApply} {
		s.change(t, options)
		s.git.files["acme/gold.yaml"] += "---\n" // a commit that changes nothing, so that nothing is known of it before
		s.publishes(t, "Healthy")
		if all, _, _ := unstructured.NestedSlice(s.app(t, "acme").Object, "status", "conditions"); len(all) > 0 {
			t.Errorf("the application has the conditions %v", all)
		}
		s.refusesField(t)
	}
}

// refusesField commits a misspelt field of what is there, of which the application says the name, and takes it back.
// Nothing of the commit is applied.
func (s *argoScenes) refusesField(t *testing.T) {
	t.Helper()
	right, before := s.git.files["acme/waves.yaml"], s.versions(t)
	s.git.files["acme/waves.yaml"] = strings.Replace(right, "displayName: Acme Referral", "displayNam: Acme Referral", 1)
	s.git.files["acme/brand-new.yaml"] = `{apiVersion: v1, kind: ConfigMap, metadata: {name: brand-new}}`
	s.git.commit(t)
	s.refresh(t, "acme", "normal")
	eventually(t, "the application says which field", func() string {
		conditions, _, _ := unstructured.NestedSlice(s.app(t, "acme").Object, "status", "conditions")
		if text := fmt.Sprint(conditions); !strings.Contains(text, "ComparisonError") || !strings.Contains(text, ".spec.displayNam: field not declared in schema") {
			return text
		}
		return ""
	})
	s.refresh(t, "acme", "hard")
	key := client.ObjectKey{Namespace: "acme", Name: "brand-new"}
	if err := s.api.Get(t.Context(), key, &corev1.ConfigMap{}); !apierrors.IsNotFound(err) {
		t.Errorf("the commit is applied in part: %v", err)
	}
	if after := s.versions(t); !maps.Equal(after, before) {
		t.Errorf("the commit is applied in part: %v, not %v", after, before)
	}
	s.git.files["acme/waves.yaml"] = right
	delete(s.git.files, "acme/brand-new.yaml")
	s.publishes(t, "Healthy")
}

const erin = `
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: erin, annotations: {argocd.argoproj.io/sync-wave: "3"}}
spec: {programRef: {name: referral}, contact: {email: erin@example.com}, revocation: {reason: Never again.}}
`

// misspells a field of what is there, then one of what is new, and last one of what is new with the plain apply.
func (s *argoScenes) misspells(t *testing.T) {
	s.change(t, `{"metadata":{"annotations":{"argocd.argoproj.io/compare-options":null}}}`)
	s.refusesField(t)

	s.git.files["acme/carla.yaml"] = `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: carla, annotations: {argocd.argoproj.io/sync-wave: "0"}}
spec: {contact: {email: carla@example.com}, programs: [{name: referral}]}
`
	s.git.files["acme/erin.yaml"] = strings.Replace(erin, "revocation", "revokation", 1)
	s.git.commit(t)
	s.refresh(t, "acme", "normal")
	eventually(t, "the sync says which field", func() string {
		message, _, _ := unstructured.NestedString(s.app(t, "acme").Object, "status", "operationState", "message")
		if !strings.Contains(message, "acme/erin") || !strings.Contains(message, ".spec.revokation: field not declared in schema") {
			return message
		}
		return ""
	})
	s.gone(t, "Partnership", "erin")
	s.git.files["acme/erin.yaml"] = erin
	s.change(t, `{"status":{"operationState":{"phase":"Terminating"}}}`) // as argocd app terminate-op does: Argo CD would try five times first
	s.publishes(t, "Healthy")
	s.becomes(t, "PartnerInvite", "carla", "Sent")
	s.becomes(t, "Partnership", "erin", "Revoked")

	s.change(t, plainApply)
	s.git.files["acme/fay.yaml"] = strings.NewReplacer("erin", "fay", "revocation", "revokation").Replace(erin)
	commit := s.git.commit(t)
	s.refresh(t, "acme", "normal")
	eventually(t, "the plain apply drops the field", func() string {
		status, _ := s.app(t, "acme").Object["status"].(map[string]any)
		phase, _, _ := unstructured.NestedString(status, "operationState", "phase")
		revision, _, _ := unstructured.NestedString(status, "operationState", "syncResult", "revision")
		sync, _, _ := unstructured.NestedString(status, "sync", "status")
		return unlessEqual([]string{revision, phase, sync}, []string{commit, "Succeeded", "OutOfSync"})
	})
	s.becomes(t, "Partnership", "fay", "Active")
	delete(s.git.files, "acme/fay.yaml")
	s.publishes(t, "Healthy")
}

// templateComesLater has a program whose text comes with a later commit: the first is synced, and the second is looked at.
func (s *argoScenes) templateComesLater(t *testing.T) {
	s.git.files["late/program.yaml"] = `
apiVersion: partner-operator.io/v1alpha1
kind: Program
metadata: {name: referral, annotations: {argocd.argoproj.io/sync-wave: "0"}}
spec: {displayName: Late Referral, invites: {templateRef: {name: words}}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: dora, annotations: {argocd.argoproj.io/sync-wave: "1"}}
spec: {contact: {email: dora@example.com}, programs: [{name: referral}]}
`
	commit := s.git.commit(t)
	s.kubectl(t, strings.NewReplacer(
		"acme-partners", "late-partners", "path: acme", "path: late", "namespace: acme", "namespace: late", "project: partners", "project: late", "name: partners", "name: late",
	).Replace(s.application(t)), "apply", "-f", "-")
	s.synced(t, "late", commit, "Progressing") // by the invite, in the last wave
	eventually(t, "the sync is over", func() string {
		phase, _, _ := unstructured.NestedString(s.app(t, "late").Object, "status", "operationState", "phase")
		return unlessEqual(phase, "Succeeded")
	})
	s.git.files["late/words.yaml"] = `
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {subject: Come, text: "Come: {{.Link}}"}
`
	commit = s.git.commit(t)
	s.refresh(t, "late", "normal")
	s.synced(t, "late", commit, "Healthy")
	s.linkTo(t, "dora@example.com", v1alpha1.MailInvite)
}

const page = root + "/docs/gitops.md"

var example = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// blocks are the examples of the page in which something stands.
func (s *world) blocks(t *testing.T, text string) (found []string) {
	t.Helper()
	all, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range example.FindAllStringSubmatch(string(all), -1) {
		if strings.Contains(block[1], text) {
			found = append(found, block[1])
		}
	}
	return found
}

// application is the Application of the page, with its AppProject, of the repository here.
func (s *argoScenes) application(t *testing.T) string {
	t.Helper()
	found := s.blocks(t, "kind: Application\n")
	if len(found) != 1 {
		t.Fatalf("the page has %d applications", len(found))
	}
	return strings.ReplaceAll(found[0], "https://git.example.com/acme/partners.git", s.git.url)
}

// app is the Application of a namespace.
func (s *argoScenes) app(t *testing.T, ns string) *unstructured.Unstructured {
	t.Helper()
	app := &unstructured.Unstructured{}
	app.SetGroupVersionKind(schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"})
	app.SetNamespace("argocd")
	app.SetName(ns + "-partners")
	s.get(t, app)
	return app
}

// change patches the Application of acme.
func (s *argoScenes) change(t *testing.T, patch string) {
	t.Helper()
	if err := s.api.Patch(t.Context(), s.app(t, "acme"), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

const (
	plainApply      = `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true"]}}}`
	serverSideApply = `{"spec":{"syncPolicy":{"syncOptions":["CreateNamespace=true","ServerSideApply=true"]}}}`
)

const refreshAnnotation = "argocd.argoproj.io/refresh"

// refresh lets Argo CD look at Git and the cluster now.
func (s *argoScenes) refresh(t *testing.T, ns, how string) {
	t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, refreshAnnotation, how)
	if err := s.api.Patch(t.Context(), s.app(t, ns), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a refresh", func() string { return unlessEqual(s.app(t, ns).GetAnnotations()[refreshAnnotation], "") })
}

// publishes commits the files, and waits until acme is as they say.
func (s *argoScenes) publishes(t *testing.T, health string) {
	t.Helper()
	commit := s.git.commit(t)
	s.refresh(t, "acme", "normal")
	s.synced(t, "acme", commit, health)
}

// synced waits until an application is as Git says, at this commit, and has this health.
func (s *argoScenes) synced(t *testing.T, ns, commit, health string) {
	t.Helper()
	eventually(t, ns+" is Synced and "+health, func() string {
		status, _ := s.app(t, ns).Object["status"].(map[string]any)
		sync, _, _ := unstructured.NestedString(status, "sync", "status")
		revision, _, _ := unstructured.NestedString(status, "sync", "revision")
		is, _, _ := unstructured.NestedString(status, "health", "status")
		if sync == "Synced" && is == health && (commit == "" || revision == commit) {
			return ""
		}
		message, _, _ := unstructured.NestedString(status, "operationState", "message")
		return fmt.Sprintf("%s, %s at %s: %s %v", sync, is, revision, message, status["conditions"])
	})
}

// syncsAll asks for a sync of all that is in Git, as the button does.
func (s *argoScenes) syncsAll(t *testing.T) {
	t.Helper()
	eventually(t, "no operation is running", func() string {
		_, running, _ := unstructured.NestedMap(s.app(t, "acme").Object, "operation")
		return unlessEqual(running, false)
	})
	before, _, _ := unstructured.NestedString(s.app(t, "acme").Object, "status", "operationState", "startedAt")
	options, _, _ := unstructured.NestedSlice(s.app(t, "acme").Object, "spec", "syncPolicy", "syncOptions")
	asked, err := json.Marshal(map[string]any{"operation": map[string]any{
		"initiatedBy": map[string]any{"username": "acme"}, "sync": map[string]any{"syncOptions": options, "syncStrategy": map[string]any{"apply": map[string]any{}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.change(t, string(asked))
	eventually(t, "the sync", func() string {
		state, _, _ := unstructured.NestedMap(s.app(t, "acme").Object, "status", "operationState")
		if state["phase"] == "Succeeded" && state["startedAt"] != before {
			return ""
		}
		return fmt.Sprintf("%v: %v", state["phase"], state["message"])
	})
	s.synced(t, "acme", "", "Healthy")
}

func (s *world) live(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()
	object := ours(kind, name)
	s.get(t, object)
	return object
}

func ours(kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	object.SetNamespace("acme")
	object.SetName(name)
	return object
}

// becomes waits until the operator has seen the latest spec of an object, and its state is this.
func (s *world) becomes(t *testing.T, kind, name, state string) {
	t.Helper()
	eventually(t, kind+" "+name+" is "+state, func() string {
		object := s.live(t, kind, name)
		is, _, _ := unstructured.NestedString(object.Object, "status", "state")
		seen, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
		if is == state && seen == object.GetGeneration() {
			return ""
		}
		return fmt.Sprintf("it is %q, of generation %d of %d", is, seen, object.GetGeneration())
	})
}

func (s *world) gone(t *testing.T, kind, name string) {
	t.Helper()
	eventually(t, kind+" "+name+" is gone", func() string {
		if err := s.api.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: name}, ours(kind, name)); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("%v", err)
		}
		return ""
	})
}

// opens waits until Grace's browser gets this answer.
func (s *world) opens(t *testing.T, address string, code int) {
	t.Helper()
	eventually(t, address+" answers", func() string {
		page, err := s.person.Get(t.Context(), address)
		if err != nil {
			return err.Error()
		}
		return unlessEqual(page.Code, code)
	})
}

// linkTo waits for a mail, and gives the link in the first.
func (s *world) linkTo(t *testing.T, address string, kind v1alpha1.MailKind) (link string) {
	t.Helper()
	eventually(t, "a mail to "+address, func() string {
		for _, mail := range s.inbox.MessagesTo(address) {
			if mail.Kind == string(kind) && len(mail.Links) > 0 {
				link = mail.Links[0]
				return ""
			}
		}
		return "there is none"
	})
	return link
}

func reasonOf(object *unstructured.Unstructured, condition string) string {
	all, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, one := range all {
		if is, _ := one.(map[string]any); is["type"] == condition {
			return fmt.Sprint(is["reason"])
		}
	}
	return ""
}

func unlessEqual[T any](got, want T) string {
	if is, should := fmt.Sprint(got), fmt.Sprint(want); is != should {
		return fmt.Sprintf("%s, not %s", is, should)
	}
	return ""
}
