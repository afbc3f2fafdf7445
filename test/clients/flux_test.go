package clients

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/machine"
)

// fluxScenes is what happens to two Kustomizations of Flux, in the namespace acme.
type fluxScenes struct {
	*world
	// files are what the next commit holds, by path, and served is what the source hands out.
	files map[string]string
	// archives serves the commits by name.
	archives map[string][]byte
	url      string
	commits  int
}

// A company keeps its partners in Git, and the kustomize-controller of Flux keeps the cluster as Git says. The source is an
// ExternalArtifact, which stands for Flux's source-controller.
func TestFlux(t *testing.T) {
	program := clientProgram(t, "kustomize-controller")
	s := &fluxScenes{world: newWorld(t), files: map[string]string{}, archives: map[string][]byte{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(s.archives[filepath.Base(r.URL.Path)]) }))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.startFlux(t, program)
	s.walk(t, "Flux", []scene{
		{"F1 bootstrap", s.bootstraps, []string{
			"invite ada@example.com", "invite bob@example.com", "invite hal@example.com", "team-invite iris@workshop.example", "teammate-approval olga@agency.example",
		}},
		{"F2 reconciling changes nothing", s.reconcilesAgain, nil},
		{"F3 one commit moves, approves, resends", s.commitsAll, []string{"approved ivy@example.com", "invite bob@example.com"}},
		{"F4 ada accepts", s.accepts, nil},
		{"F5 the plugin revokes and reinstates", s.revokes, []string{"revoked grace@example.com"}},
		{"F6 kubectl patch is undone", s.patches, []string{"revoked grace@example.com"}},
		{"F7 another address, another case", s.respells, nil},
		{"F8 bad input, mended", s.badInput, []string{"invite carla@example.com"}},
		{"F9 Git revokes", s.gitRevokes, []string{"revoked grace@example.com", "revoked grace@example.com"}},
		{"F10 pruning", s.prunesAll, nil},
		{"F11 git revert", s.reverts, []string{"invite carla@example.com"}},
		{"F12 suspend, resume, cancel", s.suspends, []string{"invite carla@example.com"}},
		{"F13 a second invite, a missing program", s.secondInvite, nil},
	})
}

// startFlux runs the controller beside the control plane, with the kinds of Flux's own modules.
func (s *fluxScenes) startFlux(t *testing.T, program string) {
	t.Helper()
	controller := moduleOf(t, "kustomize-controller", "github.com/fluxcd/kustomize-controller")
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/fluxcd/source-controller@v1.9.0").Output()
	var source struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &source)
	}
	if err != nil {
		machine.Lacks(t, "Flux", "the kinds of its sources cannot be had: ", err)
	}
	for _, module := range []string{controller, source.Dir} {
		s.kubectl(t, "", "apply", "--server-side", "-f", filepath.Join(module, "config/crd/bases"))
	}
	eventually(t, "the kinds of Flux", func() string {
		if out, err := s.plane.Kubectl(t.Context(), "get", "kustomizations.kustomize.toolkit.fluxcd.io,externalartifacts.source.toolkit.fluxcd.io", "-A").CombinedOutput(); err != nil {
			return string(out)
		}
		return ""
	})
	s.kubectl(t, "", "create", "namespace", "flux-system")
	env := []string{"KUBECONFIG=" + s.plane.Kubeconfig, "RUNTIME_NAMESPACE=flux-system", "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	startProgram(t, s.plane, env, program, "--feature-gates=ExternalArtifact=true", "--requeue-dependency=1s", "--no-remote-bases",
		"--metrics-addr="+freeAddress(t), "--health-addr="+freeAddress(t))
}

// kustomizations are those of the page, of the source here.
func (s *fluxScenes) kustomizations(t *testing.T) string {
	t.Helper()
	found := s.blocks(t, "name: acme-programs")
	if len(found) != 1 {
		t.Fatalf("the page has %d examples of Kustomizations", len(found))
	}
	_, text, _ := strings.Cut(found[0], "---\n")
	text = strings.NewReplacer(
		"kind: GitRepository, name: partners", "kind: ExternalArtifact, name: partners", "  dependsOn: [{name: partner-operator}]\n", "", "timeout: 2m", "timeout: 30s",
	).Replace(text)
	return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: ExternalArtifact\nmetadata: {name: partners, namespace: flux-system}\nspec: {}\n---\n" + text
}

// manifest is one of ours in the form of Git.
func manifest(kind, name, spec string) string {
	return fmt.Sprintf("apiVersion: partner-operator.io/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", kind, name, spec)
}

const (
	graceSpec = "{programRef: {name: referral}, groupRef: {name: gold}, contact: {email: grace@example.com}}"
	bobSpec   = "{contact: {email: Bob@Example.com}, programs: [{name: referral}]}"
	carlaSpec = "{contact: {email: carla@example.com}, programs: [{name: referral}]}"
)

// bootstraps applies programs and partners for the first time, the second after the first.
func (s *fluxScenes) bootstraps(t *testing.T) {
	s.kubectl(t, "", "create", "namespace", "acme")
	s.files = map[string]string{
		"acme/programs/brand.yaml":    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: partner-brand}\ndata: {displayName: Acme Partners, locale: en}\n",
		"acme/programs/referral.yaml": manifest("Program", "referral", "{displayName: Acme Referral, defaultGroupRef: {name: standard}, invites: {resendCooldown: 0s}, links: {destination: \"https://acme.example/\"}}"),
		"acme/programs/reseller.yaml": manifest("Program", "reseller", "{displayName: Acme Reseller, onboarding: {invited: Approval}}"),
		"acme/programs/standard.yaml": manifest("PartnerGroup", "standard", "{displayName: Standard, programRef: {name: referral}}"),
		"acme/programs/gold.yaml":     manifest("PartnerGroup", "gold", "{displayName: Gold, programRef: {name: referral}, links: {defaults: [{suffix: start}]}}"),
		"acme/partners/agency.yaml":   manifest("PartnerTeam", "agency", "{displayName: Agency GmbH, owner: {email: olga@agency.example}}"),
		"acme/partners/agency-r.yaml": manifest("Partnership", "agency-referral", "{programRef: {name: referral}, teamRef: {name: agency}}"),
		"acme/partners/ada.yaml":      manifest("PartnerInvite", "ada", "{contact: {email: ada@example.com}, programs: [{name: referral}]}"),
		"acme/partners/bob.yaml":      manifest("PartnerInvite", "bob", bobSpec),
		"acme/partners/workshop.yaml": manifest("PartnerInvite", "workshop", "{contact: {email: iris@workshop.example}, team: {name: workshop, members: [{email: hal@workshop.example, role: Admin}, {email: ivy@workshop.example}]}, programs: [{name: referral}]}"),
		"acme/partners/carl.yaml":     manifest("PartnerInvite", "carl", "{teamRef: {name: agency}, members: [{email: carl@agency.example}]}"),
		"acme/partners/grace.yaml":    manifest("Partnership", "grace", graceSpec),
		"acme/partners/hal.yaml":      manifest("Partnership", "hal", "{programRef: {name: referral}, contact: {email: hal@example.com}, invitation: Send}"),
		"acme/partners/ivy.yaml":      manifest("Partnership", "ivy", "{programRef: {name: reseller}, contact: {email: ivy@example.com}, onboarding: Approval}"),
	}
	s.kubectl(t, s.kustomizations(t), "apply", "-f", "-")
	s.publishes(t)
	s.state(t, "acme-programs", "True", "")
	s.state(t, "acme-partners", "True", "")
	s.becomes(t, "Partnership", "grace", "Active")
	s.becomes(t, "Partnership", "hal", "Invited")
	s.becomes(t, "Partnership", "ivy", "Pending")
}

func (s *fluxScenes) reconcilesAgain(t *testing.T) {
	before := s.settled(t)
	for range 3 {
		s.reconciles(t)
	}
	if after := s.versions(t); !maps.Equal(after, before) {
		t.Errorf("the objects have the versions %v, not %v", after, before)
	}
}

func (s *fluxScenes) commitsAll(t *testing.T) {
	s.files["acme/partners/hal.yaml"] = manifest("Partnership", "hal", "{programRef: {name: referral}, groupRef: {name: gold}, contact: {email: hal@example.com}, invitation: Send}")
	s.files["acme/partners/ivy.yaml"] = manifest("Partnership", "ivy", "{programRef: {name: reseller}, contact: {email: ivy@example.com}, onboarding: Approval, approval: {decision: Approved}}")
	s.files["acme/partners/bob.yaml"] = manifest("PartnerInvite", "bob", strings.Replace(bobSpec, "{contact", "{resendToken: \"2\", contact", 1))
	s.publishes(t)
	s.state(t, "acme-partners", "True", "")
	s.becomes(t, "Partnership", "ivy", "Active")
	eventually(t, "hal is in gold and bob was sent a second link", func() string {
		group, _, _ := unstructured.NestedString(s.live(t, "Partnership", "hal").Object, "status", "group")
		serial, _, _ := unstructured.NestedInt64(s.live(t, "PartnerInvite", "bob").Object, "status", "serial")
		return unlessEqual(fmt.Sprint(group, serial), "gold2")
	})
}

// accepts makes a Partnership that Git does not know.
func (s *fluxScenes) accepts(t *testing.T) {
	s.person = browser.NewPerson()
	link := s.linkTo(t, "ada@example.com", v1alpha1.MailInvite)
	if page, err := s.person.Post(t.Context(), link+"/accept", url.Values{"email": {"ada@example.com"}}); err != nil || page.Code >= http.StatusBadRequest {
		t.Fatalf("ada accepts: %v %d", err, page.Code)
	}
	s.becomes(t, "PartnerInvite", "ada", "Accepted")
	s.reconciles(t)
	s.opens(t, s.portal+"/t/acme/", http.StatusOK)
}

func (s *fluxScenes) revokes(t *testing.T) {
	s.kubectl(t, "", "partner", "revoke", "grace", "-n", "acme", "--reason=Over.")
	s.becomes(t, "Partnership", "grace", "Revoked")
	s.reconciles(t)
	s.becomes(t, "Partnership", "grace", "Revoked")
	s.kubectl(t, "", "partner", "reinstate", "grace", "-n", "acme")
	s.becomes(t, "Partnership", "grace", "Active")
	s.reconciles(t)
	s.becomes(t, "Partnership", "grace", "Active")
}

// patches revokes as a manager whom Flux takes for a person who works around Git.
func (s *fluxScenes) patches(t *testing.T) {
	s.kubectl(t, "", "patch", "pship", "grace", "-n", "acme", "--type=merge", "-p", `{"spec":{"revocation":{"reason":"Over."}}}`)
	s.becomes(t, "Partnership", "grace", "Revoked")
	eventually(t, "the mail has left", func() string { return unlessEqual(len(s.mails()), len(s.told)+1) })
	s.reconciles(t)
	s.becomes(t, "Partnership", "grace", "Active")
}

func (s *fluxScenes) respells(t *testing.T) {
	before := s.settled(t)
	right := s.files["acme/partners/bob.yaml"]
	s.files["acme/partners/bob.yaml"] = strings.Replace(right, "Bob@Example.com", "robert@example.com", 1)
	s.files["acme/partners/zoe.yaml"] = manifest("Partnership", "zoe", "{programRef: {name: referral}, contact: {email: zoe@example.com}}")
	s.publishes(t)
	s.state(t, "acme-partners", "False", "immutable")
	if after := s.versions(t); !maps.Equal(after, before) {
		t.Errorf("the commit is applied in part: %v, not %v", after, before)
	}
	delete(s.files, "acme/partners/zoe.yaml")
	s.files["acme/partners/bob.yaml"] = strings.Replace(right, "Bob@Example.com", "bob@example.com", 1)
	s.publishes(t)
	s.state(t, "acme-partners", "True", "")
}

func (s *fluxScenes) badInput(t *testing.T) {
	before := s.settled(t)
	s.files["acme/partners/carla.yaml"] = manifest("PartnerInvite", "carla", carlaSpec)
	s.files["acme/partners/dora.yaml"] = manifest("PartnerInvite", "dora", `{contact: {email: "dora at example.com"}, expiresAfter: 3 days, programs: [{name: referral}]}`)
	s.files["acme/partners/erin.yaml"] = manifest("Partnership", "erin", "{programRef: {name: referral}, contact: {email: erin@example.com}, revokation: {reason: Never again.}}")
	s.publishes(t)
	s.state(t, "acme-partners", "False", "dora")
	if after := s.versions(t); !maps.Equal(after, before) {
		t.Errorf("the commit is applied in part: %v, not %v", after, before)
	}
	delete(s.files, "acme/partners/dora.yaml")
	s.publishes(t)
	s.state(t, "acme-partners", "False", "revokation")
	s.files["acme/partners/erin.yaml"] = strings.Replace(s.files["acme/partners/erin.yaml"], "revokation", "revocation", 1)
	s.publishes(t)
	s.state(t, "acme-partners", "True", "")
	s.becomes(t, "Partnership", "erin", "Revoked")
}

func (s *fluxScenes) gitRevokes(t *testing.T) {
	s.files["acme/partners/grace.yaml"] = manifest("Partnership", "grace", strings.Replace(graceSpec, "{programRef: {name: referral}, g", "{revocation: {reason: Over.}, programRef: {name: referral}, g", 1))
	s.publishes(t)
	s.becomes(t, "Partnership", "grace", "Revoked")
	eventually(t, "the mail has left", func() string { return unlessEqual(len(s.mails()), len(s.told)+1) })
	said := s.kubectl(t, "", "partner", "reinstate", "grace", "-n", "acme")
	if !strings.Contains(said, "Flux") {
		t.Errorf("nothing warns of Flux: %s", said)
	}
	s.becomes(t, "Partnership", "grace", "Active")
	s.reconciles(t)
	s.becomes(t, "Partnership", "grace", "Revoked")
	eventually(t, "the mail has left", func() string { return unlessEqual(len(s.mails()), len(s.told)+2) })
	s.files["acme/partners/grace.yaml"] = manifest("Partnership", "grace", graceSpec)
	s.publishes(t)
	s.becomes(t, "Partnership", "grace", "Active")
}

func (s *fluxScenes) prunesAll(t *testing.T) {
	link := s.linkTo(t, "carla@example.com", v1alpha1.MailInvite)
	s.opens(t, link, http.StatusOK)
	kept := maps.Clone(s.files)
	for _, name := range []string{"ada", "carla", "grace"} {
		delete(s.files, "acme/partners/"+name+".yaml")
	}
	s.publishes(t)
	s.gone(t, "PartnerInvite", "ada")
	s.gone(t, "PartnerInvite", "carla")
	s.gone(t, "Partnership", "grace")
	s.opens(t, link, http.StatusNotFound)
	s.opens(t, s.portal+"/t/acme/", http.StatusOK) // ada is still in
	s.files = kept
}

func (s *fluxScenes) reverts(t *testing.T) {
	s.publishes(t)
	s.state(t, "acme-partners", "True", "")
	s.becomes(t, "PartnerInvite", "ada", "AlreadyPartner")
	s.becomes(t, "PartnerInvite", "carla", "Sent")
	s.becomes(t, "Partnership", "grace", "Active")
}

func (s *fluxScenes) suspends(t *testing.T) {
	for _, suspended := range []string{"true", "false"} {
		s.kubectl(t, "", "patch", "kustomization.kustomize.toolkit.fluxcd.io", "acme-partners", "-n", "flux-system", "--type=merge", "-p", `{"spec":{"suspend":`+suspended+`}}`)
	}
	s.reconciles(t)
	s.state(t, "acme-partners", "True", "")
	if said := s.kubectl(t, "", "partner", "cancel", "carla", "-n", "acme"); !strings.Contains(said, "Flux") {
		t.Errorf("nothing warns of Flux: %s", said)
	}
	s.gone(t, "PartnerInvite", "carla")
	s.reconciles(t)
	s.becomes(t, "PartnerInvite", "carla", "Sent")
}

func (s *fluxScenes) secondInvite(t *testing.T) {
	s.kubectl(t, "", "patch", "kustomization.kustomize.toolkit.fluxcd.io", "acme-partners", "-n", "flux-system", "--type=merge", "-p", `{"spec":{"wait":true,"healthChecks":null}}`)
	s.files["acme/partners/again.yaml"] = manifest("PartnerInvite", "again", "{contact: {email: CARLA@example.com}, programs: [{name: referral}]}")
	s.publishes(t)
	s.state(t, "acme-partners", "False", "again")
	s.becomes(t, "PartnerInvite", "again", "Refused")
	s.files["acme/partners/again.yaml"] = manifest("PartnerInvite", "elsewhere", "{contact: {email: dan@example.com}, programs: [{name: nowhere}]}")
	s.publishes(t)
	s.state(t, "acme-partners", "False", "elsewhere")
	delete(s.files, "acme/partners/again.yaml")
	s.publishes(t)
	s.state(t, "acme-partners", "True", "")
}

// publishes makes the files the newest revision of the source, and waits until both Kustomizations have tried it.
func (s *fluxScenes) publishes(t *testing.T) {
	t.Helper()
	s.commits++
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, path := range slices.Sorted(maps.Keys(s.files)) {
		if err := archive.WriteHeader(&tar.Header{Name: path, Mode: 0o600, Size: int64(len(s.files[path]))}); err != nil {
			t.Fatal(err)
		}
		_, _ = archive.Write([]byte(s.files[path]))
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%d.tar.gz", s.commits)
	s.archives[name] = packed.Bytes()
	now := time.Now().UTC().Format(time.RFC3339)
	revision := fmt.Sprintf("main@sha1:%040x", s.commits)
	status, err := json.Marshal(map[string]any{"status": map[string]any{
		"artifact": map[string]any{
			"path": name, "url": s.url + "/" + name, "revision": revision, "digest": fmt.Sprintf("sha256:%x", sha256.Sum256(packed.Bytes())),
			"size": packed.Len(), "lastUpdateTime": now,
		},
		"conditions": []map[string]any{{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "lastTransitionTime": now, "observedGeneration": 1}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	source := flux("source.toolkit.fluxcd.io", "ExternalArtifact", "partners")
	if err := s.api.Status().Patch(t.Context(), source, client.RawPatch("application/merge-patch+json", status)); err != nil {
		t.Fatal(err)
	}
	for _, of := range []string{"acme-programs", "acme-partners"} {
		eventually(t, of+" has tried "+revision, func() string {
			tried, _, _ := unstructured.NestedString(s.kustomization(t, of).Object, "status", "lastAttemptedRevision")
			return unlessEqual(tried, revision)
		})
	}
	s.reconciles(t) // one that has tried waits for health, and has not said yet what came of it
}

// reconciles lets both Kustomizations look at Git and the cluster now, and waits until they have.
func (s *fluxScenes) reconciles(t *testing.T) {
	t.Helper()
	for _, of := range []string{"acme-programs", "acme-partners"} {
		asked := time.Now().Format(time.RFC3339Nano)
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":%q}}}`, asked)
		if err := s.api.Patch(t.Context(), s.kustomization(t, of), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			t.Fatal(err)
		}
		eventually(t, of+" reconciles", func() string {
			handled, _, _ := unstructured.NestedString(s.kustomization(t, of).Object, "status", "lastHandledReconcileAt")
			return unlessEqual(handled, asked)
		})
	}
}

// state waits until the condition Ready of a Kustomization has a status, with a message that holds a text.
func (s *fluxScenes) state(t *testing.T, name, status, text string) {
	t.Helper()
	eventually(t, name+" is "+status, func() string {
		all, _, _ := unstructured.NestedSlice(s.kustomization(t, name).Object, "status", "conditions")
		for _, one := range all {
			if is, _ := one.(map[string]any); is["type"] == "Ready" && is["status"] == status && strings.Contains(fmt.Sprint(is["message"]), text) {
				return ""
			}
		}
		return fmt.Sprint(all)
	})
}

func (s *fluxScenes) kustomization(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	object := flux("kustomize.toolkit.fluxcd.io", "Kustomization", name)
	s.get(t, object)
	return object
}

func flux(group, kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind})
	object.SetNamespace("flux-system")
	object.SetName(name)
	return object
}
