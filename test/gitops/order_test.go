package gitops

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/ssa"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// ladder says what is made of what: an object may wait for what stands below it, and for nothing else.
var ladder = map[string]int{"ConfigMap": 0, "Program": 1, "PartnerGroup": 2, "PartnerTeam": 3, "Partnership": 4, "PartnerLink": 5, "PartnerInvite": 5}

// reference is a field that names another object, and what tools see in an object of which only that one is missing.
type reference struct {
	kind, path string
	// names is the kind that is named.
	names string
	// spec is that of an object whose reference is missing.
	spec string
	want status.Status
}

var references = []reference{
	{"Program", "spec.defaultGroupRef.name", "PartnerGroup", `{displayName: X, defaultGroupRef: {name: nowhere}}`, status.CurrentStatus},
	{"Program", "spec.invites.templateRef.name", "ConfigMap", `{displayName: X, invites: {templateRef: {name: nowhere}}}`, status.CurrentStatus},
	{"PartnerGroup", "spec.programRef.name", "Program", `{displayName: X, programRef: {name: nowhere}}`, status.InProgressStatus},
	{"PartnerGroup", "spec.invites.templateRef.name", "ConfigMap", `{displayName: X, programRef: {name: referral}, invites: {templateRef: {name: nowhere}}}`, status.CurrentStatus},
	{"PartnerInvite", "spec.programs[].name", "Program", `{contact: {email: a@circle.example}, programs: [{name: nowhere}]}`, status.InProgressStatus},
	{"PartnerInvite", "spec.programs[].groupRef.name", "PartnerGroup", `{contact: {email: b@circle.example}, programs: [{name: referral, groupRef: {name: nowhere}}]}`, status.InProgressStatus},
	{"PartnerInvite", "spec.teamRef.name", "PartnerTeam", `{teamRef: {name: nowhere}, members: [{email: c@circle.example}]}`, status.InProgressStatus},
	{"PartnerInvite", "spec.templateRef.name", "ConfigMap", `{contact: {email: d@circle.example}, programs: [{name: referral}], templateRef: {name: nowhere}}`, status.InProgressStatus},
	{"Partnership", "spec.programRef.name", "Program", `{programRef: {name: nowhere}, contact: {email: e@circle.example}}`, status.InProgressStatus},
	{"Partnership", "spec.groupRef.name", "PartnerGroup", `{programRef: {name: referral}, groupRef: {name: nowhere}, contact: {email: f@circle.example}}`, status.InProgressStatus},
	{"Partnership", "spec.teamRef.name", "PartnerTeam", `{programRef: {name: referral}, teamRef: {name: nowhere}}`, status.InProgressStatus},
	{"Partnership", "spec.approval.joinTeamRef.name", "PartnerTeam", `{programRef: {name: referral}, contact: {email: g@circle.example}, onboarding: Approval, approval: {decision: Approved, joinTeamRef: {name: nowhere}}}`, status.InProgressStatus},
	{"PartnerLink", "spec.partnershipRef.name", "Partnership", `{partnershipRef: {name: nowhere}}`, status.InProgressStatus},
	{"PartnerLink", "spec.programRef.name", "Program", `{partnershipRef: {name: lost}, programRef: {name: nowhere}}`, status.InProgressStatus},
}

// Nobody waits in a circle: every reference of the CRDs has a row above, tools see what the row says, and whoever waits
// waits for something further down the ladder.
func TestNobodyWaitsInACircle(t *testing.T) {
	for _, path := range referencePaths(t) {
		if !slices.ContainsFunc(references, func(r reference) bool { return r.kind+" "+r.path == path }) {
			t.Errorf("%s has no row: what do tools see while it is missing?", path)
		}
	}
	const ns = "circle"
	tenant(t, ns)
	settings := argoSettings(t)
	made := make([]*unstructured.Unstructured, len(references))
	create(t, objects(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: lost}
spec: {programRef: {name: nowhere}, contact: {email: lost@circle.example}}
`)...)
	for i, r := range references {
		text := fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: row-%d}, spec: %s}", v1alpha1.GroupVersion, r.kind, i, r.spec)
		made[i] = objects(t, ns, text)[0]
		create(t, made[i])
	}
	same := map[status.Status]string{status.CurrentStatus: "Healthy", status.InProgressStatus: "Progressing", status.FailedStatus: "Degraded"}
	for i, r := range references {
		if !strings.Contains(r.spec, "nowhere") || !slices.Contains(referencePaths(t), r.kind+" "+r.path) {
			t.Errorf("the row of %s %s is about no reference", r.kind, r.path)
		}
		eventually(t, fmt.Sprintf("%s whose %s is missing is %s", r.kind, r.path, r.want), func() string {
			is, health := seenAs(t, settings, made[i])
			return cmp.Or(unlessEqual(is, r.want), unlessEqual(health, same[r.want]))
		})
		if r.want != status.CurrentStatus && ladder[r.names] >= ladder[r.kind] {
			t.Errorf("%s waits by %s for a %s, which is not below it", r.kind, r.path, r.names)
		}
	}
}

// seenAs is what kstatus and Argo CD see in an object now.
func seenAs(t *testing.T, settings map[string]string, object *unstructured.Unstructured) (is status.Status, health string) {
	t.Helper()
	now := live(t, object.GetNamespace(), object.GetKind(), object.GetName())
	result, err := status.Compute(now)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status, argoHealth(t, settings, now).Status
}

// referencePaths are the references in the schemas of all kinds: fields that end in Ref.name, and the names of programs.
func referencePaths(t *testing.T) (paths []string) {
	t.Helper()
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil || len(files) != len(kinds) {
		t.Fatalf("%q %v", files, err)
	}
	for _, file := range files {
		var crd unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(readFile(t, file)), &crd.Object); err != nil {
			t.Fatal(err)
		}
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		spec, found, err := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec")
		if err != nil || !found {
			t.Fatalf("%s has no spec: %v", kind, err)
		}
		for _, path := range named("spec", spec) {
			paths = append(paths, kind+" "+path)
		}
	}
	if len(paths) < 14 {
		t.Fatalf("there are %d references: %q", len(paths), paths)
	}
	return paths
}

// named are the references of a schema below a path.
func named(path string, schema map[string]any) (paths []string) {
	if items, ok := schema["items"].(map[string]any); ok {
		paths = append(paths, named(path+"[]", items)...)
	}
	properties, _ := schema["properties"].(map[string]any)
	for _, field := range slices.Sorted(maps.Keys(properties)) {
		if field == "name" && (strings.HasSuffix(path, "Ref") || strings.HasSuffix(path, "programs[]")) {
			paths = append(paths, path+"."+field)
		}
		paths = append(paths, named(path+"."+field, properties[field].(map[string]any))...)
	}
	return paths
}

// create makes objects with Flux's engine, one after the other.
func create(t *testing.T, all ...*unstructured.Unstructured) {
	t.Helper()
	for _, object := range all {
		if _, err := flux().Apply(t.Context(), object.DeepCopy(), ssa.DefaultApplyOptions()); err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// healthy waits until kstatus and Argo CD see nothing to wait for in objects of ours.
func healthy(t *testing.T, settings map[string]string, all ...*unstructured.Unstructured) {
	t.Helper()
	for _, object := range all {
		if object.GetAPIVersion() != v1alpha1.GroupVersion.String() {
			continue
		}
		eventually(t, object.GetKind()+" "+object.GetName()+" is Current and Healthy", func() string {
			is, health := seenAs(t, settings, object)
			return cmp.Or(unlessEqual(is, status.CurrentStatus), unlessEqual(health, "Healthy"))
		})
	}
}

// invitedOnce waits until everybody of the invites has one mail, and nobody has two.
func invitedOnce(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	for _, object := range all {
		if address, found, _ := unstructured.NestedString(object.Object, "spec", "contact", "email"); found && object.GetKind() == "PartnerInvite" {
			eventually(t, "one mail to "+address, func() string { return unlessEqual(len(inbox.MessagesTo(address)), 1) })
		}
	}
}

var mailbox = regexp.MustCompile(`@([a-z]+\.[a-z]+)`)

// lastDay is until when an example lets its mail leave.
var lastDay = regexp.MustCompile(`notAfter: "\d{4}`)

// inNamespace are the objects of a text, with addresses that no other test has, and whenever the test runs.
func inNamespace(t *testing.T, ns, text string) []*unstructured.Unstructured {
	t.Helper()
	return objects(t, ns, lastDay.ReplaceAllString(mailbox.ReplaceAllString(text, "@"+ns+".$1"), `notAfter: "2099`))
}

// The example with waves is applied as its reader does: the next wave, or the next folder of a chain of Kustomizations that
// wait, only when tools see nothing to wait for in the one before.
func TestWavesOfTheDocument(t *testing.T) {
	const wave = "argocd.argoproj.io/sync-wave"
	settings := argoSettings(t)
	var text strings.Builder
	for _, block := range example.FindAllStringSubmatch(readFile(t, document), -1) {
		if strings.Contains(block[1], wave) {
			text.WriteString(block[1] + "\n---\n")
		}
	}
	for name, of := range map[string]func(*unstructured.Unstructured) string{
		"waves": func(o *unstructured.Unstructured) string { return o.GetAnnotations()[wave] },
		"folders": func(o *unstructured.Unstructured) string {
			return strconv.FormatBool(ladder[o.GetKind()] > ladder["PartnerGroup"])
		},
		"kinds": func(o *unstructured.Unstructured) string { return strconv.Itoa(ladder[o.GetKind()]) },
	} {
		t.Run(name, func(t *testing.T) {
			ns := "by-" + name
			tenant(t, ns)
			all := inNamespace(t, ns, text.String())
			steps := map[string][]*unstructured.Unstructured{}
			for _, object := range all {
				steps[of(object)] = append(steps[of(object)], object)
			}
			if len(steps) < 2 || len(all) < 5 {
				t.Fatalf("there are %d objects in %d steps", len(all), len(steps))
			}
			for _, step := range slices.Sorted(maps.Keys(steps)) {
				create(t, steps[step]...)
				healthy(t, settings, steps[step]...)
			}
			healthy(t, settings, all...)
			invitedOnce(t, all)
		})
	}
}

// A Program, its default group and their template come at once, in whatever order.
func TestAllOrdersAtOnce(t *testing.T) {
	const text = `
apiVersion: v1
kind: ConfigMap
metadata: {name: words}
data: {subject: Come, text: "Come: {{.Link}}"}
---
apiVersion: partner-operator.io/v1alpha1
kind: Program
metadata: {name: referral}
spec: {displayName: Acme Referral, defaultGroupRef: {name: standard}, invites: {templateRef: {name: words}}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerGroup
metadata: {name: standard}
spec: {displayName: Standard, programRef: {name: referral}, invites: {templateRef: {name: words}}}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: ada}
spec: {contact: {email: ada@example.com}, programs: [{name: referral}]}
`
	settings := argoSettings(t)
	for i, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		ns := fmt.Sprintf("order-%d", i)
		tenant(t, ns)
		all := inNamespace(t, ns, text)
		for _, at := range order {
			create(t, all[at])
		}
		create(t, all[3])
		healthy(t, settings, all...)
		invitedOnce(t, all)
	}
}

// Every order works in which nothing comes before what it is made of, though a tool waits for each object before it applies
// the next.
func TestSamplesInAnyOrder(t *testing.T) {
	settings := argoSettings(t)
	text := kubectl(t, "", "kustomize", "../../config/samples")
	for seed := range uint64(5) {
		ns := fmt.Sprintf("shuffled-%d", seed)
		tenant(t, ns)
		all := inNamespace(t, ns, text)
		random := rand.New(rand.NewPCG(seed, 0))
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		there := map[string]bool{}
		for rest := slices.Clone(all); len(rest) > 0; {
			next := slices.IndexFunc(rest, func(o *unstructured.Unstructured) bool {
				return !slices.ContainsFunc(madeOf(o, all), func(other string) bool { return !there[other] })
			})
			if next < 0 {
				t.Fatalf("%d samples wait for each other", len(rest))
			}
			object := rest[next]
			t.Logf("%s: %s %s", ns, object.GetKind(), object.GetName())
			create(t, object)
			healthy(t, settings, object)
			there[object.GetKind()+"/"+object.GetName()] = true
			rest = slices.Delete(rest, next, next+1)
		}
		healthy(t, settings, all...)
		invitedOnce(t, all)
	}
}

// madeOf are the objects that one of them waits for. An invite also waits for the text that its programs and groups name.
func madeOf(object *unstructured.Unstructured, all []*unstructured.Unstructured) (others []string) {
	for _, r := range references {
		if r.kind != object.GetKind() || r.want == status.CurrentStatus {
			continue
		}
		for _, name := range valuesAt(object.Object, strings.Split(r.path, ".")) {
			others = append(others, r.names+"/"+name)
		}
	}
	if object.GetKind() != "PartnerInvite" {
		return others
	}
	for _, other := range all {
		if slices.Contains(others, other.GetKind()+"/"+other.GetName()) {
			for _, name := range valuesAt(other.Object, []string{"spec", "invites", "templateRef", "name"}) {
				others = append(others, "ConfigMap/"+name)
			}
		}
	}
	return others
}

// valuesAt are the texts at a path of fields.
func valuesAt(value any, path []string) (found []string) {
	if len(path) == 0 {
		return []string{fmt.Sprint(value)}
	}
	field, isList := strings.CutSuffix(path[0], "[]")
	next, ok := value.(map[string]any)[field]
	if !ok {
		return nil
	}
	if !isList {
		return valuesAt(next, path[1:])
	}
	for _, item := range next.([]any) {
		found = append(found, valuesAt(item, path[1:])...)
	}
	return found
}
