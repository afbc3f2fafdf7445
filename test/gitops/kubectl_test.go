package gitops

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
)

// What was applied is as the files say: kubectl writes nothing the second time, sees no difference, and can go over to
// server-side apply, with the samples and with each example of the documents.
func TestApplyingAgainWritesNothing(t *testing.T) {
	proxy, err := apiproxy.Start(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	texts := []string{kubectl(t, "", "kustomize", "../../config/samples")}
	for _, page := range pages(t) {
		for _, block := range example.FindAllStringSubmatch(readFile(t, page), -1) {
			texts = append(texts, block[1])
		}
	}
	count := 0
	for i, files := range apart(t, texts) {
		ns := fmt.Sprintf("settled-%d", i)
		tenant(t, ns)
		settles(t, proxy, ns, files)
		count += len(files)
	}
	if count < 30 {
		t.Errorf("there are only %d objects", count)
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(found) < 10 {
		t.Fatalf("the pages are %q: %v", found, err)
	}
	return append(found, "../../README.md")
}

// apart are our objects of some texts, so that no two of a name are together.
func apart(t *testing.T, texts []string) (groups [][]*unstructured.Unstructured) {
	t.Helper()
	met := map[string]int{}
	for _, text := range texts {
		if !strings.Contains(text, v1alpha1.GroupVersion.String()) {
			continue
		}
		for _, object := range objects(t, "", text) {
			if object.GetAPIVersion() != v1alpha1.GroupVersion.String() {
				continue
			}
			key := object.GetKind() + " " + object.GetName()
			if met[key] == len(groups) {
				groups = append(groups, nil)
			}
			groups[met[key]] = append(groups[met[key]], object)
			met[key]++
		}
	}
	return groups
}

// settles applies files twice, compares them with what there is, and goes over to server-side apply.
func settles(t *testing.T, proxy *apiproxy.Proxy, ns string, files []*unstructured.Unstructured) {
	t.Helper()
	text := textOf(t, ns, files)
	through := func(args ...string) (string, error) { return applies(t, proxy.Kubeconfig, text, args...) }
	if out, err := through("apply", "-f", "-"); err != nil {
		t.Fatalf("%s: apply: %v: %s", ns, err, out)
	}
	proxy.Forget()
	out, err := through("apply", "-f", "-")
	if err != nil {
		t.Fatalf("%s: apply: %v: %s", ns, err, out)
	}
	for line := range strings.Lines(out) {
		if !strings.HasSuffix(line, " unchanged\n") {
			t.Errorf("%s: the second time: %s", ns, line)
		}
	}
	if proxy.Writes() > 0 {
		t.Errorf("%s: the second time kubectl sends %v", ns, proxy.Seen())
	}
	seen(t, files)
	same(t, ns, through, "diff", "-f", "-")
	same(t, ns, through, "diff", "--server-side", "-f", "-")
	for range 2 {
		if out, err := through("apply", "--server-side", "-f", "-"); err != nil {
			t.Errorf("%s: server-side apply: %v: %s", ns, err, out)
		}
	}
	same(t, ns, through, "diff", "--server-side", "-f", "-")
}

// Whichever way the samples are applied, three times make what one makes: kubectl owns the same fields since the same time,
// and nothing has another generation. To go over to the other way is a write of who owns what, once.
func TestApplyingTheSamplesThreeTimes(t *testing.T) {
	onClient, onServer := []string{"apply", "-f", "-"}, []string{"apply", "--server-side", "-f", "-"}
	for name, test := range map[string]struct {
		ways [][]string
		// settled is the first way after which kubectl writes no more.
		settled int
	}{
		"client": {[][]string{onClient, onClient, onClient}, 0},
		"server": {[][]string{onServer, onServer, onServer}, 0},
		"mixed":  {[][]string{onClient, onServer, onServer}, 1},
	} {
		ns := "thrice-" + name
		tenant(t, ns)
		files := objects(t, "", kubectl(t, "", "kustomize", "../../config/samples"))
		text := textOf(t, ns, files)
		var owned []string
		for _, way := range test.ways {
			if out, err := applies(t, plane.Kubeconfig, text, way...); err != nil {
				t.Fatalf("%s: kubectl %s: %v: %s", name, strings.Join(way, " "), err, out)
			}
			owned = append(owned, ownedByKubectl(t, files))
		}
		for i := test.settled + 1; i < len(owned); i++ {
			if owned[i] != owned[test.settled] {
				t.Errorf("%s: kubectl writes the %dth time:\n%s\nafter\n%s", name, i+1, owned[i], owned[test.settled])
			}
		}
	}
}

// ownedByKubectl tells since when kubectl owns anything of objects, none of which may have changed since it was made.
func ownedByKubectl(t *testing.T, files []*unstructured.Unstructured) string {
	t.Helper()
	var all strings.Builder
	for _, file := range files {
		object := file.DeepCopy()
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(file), object); err != nil {
			t.Fatal(err)
		}
		if object.GetGeneration() > 1 {
			t.Errorf("%s %s has the generation %d", file.GetKind(), file.GetName(), object.GetGeneration())
		}
		for _, of := range object.GetManagedFields() {
			if strings.HasPrefix(of.Manager, "kubectl") {
				fmt.Fprintf(&all, "%s %s: %s %s since %v: %s\n", file.GetKind(), file.GetName(), of.Manager, of.Operation, of.Time, of.FieldsV1)
			}
		}
	}
	return all.String()
}

// same waits until kubectl sees no difference: while the operator writes a status, it can see one.
func same(t *testing.T, ns string, run func(args ...string) (string, error), args ...string) {
	t.Helper()
	eventually(t, ns+": "+strings.Join(args, " ")+" finds nothing", func() string {
		if out, err := run(args...); err != nil && differs(out) {
			return fmt.Sprintf("%v: %s", err, out)
		}
		return ""
	})
}

// differs tells whether kubectl says more than that it would write its own annotation differently: client-side apply notes
// that a file has no annotations, and server-side apply does not.
func differs(out string) bool {
	const noted = `{"apiVersion":"`
	changes := 0
	for line := range strings.Lines(out) {
		header := strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ ")
		if header || line[0] != '-' && line[0] != '+' {
			continue
		}
		changes++
		if !strings.HasPrefix(strings.TrimSpace(line[1:]), noted) {
			return true
		}
	}
	return changes == 0
}

// textOf is a text of some objects, which are in this namespace then.
func textOf(t *testing.T, ns string, files []*unstructured.Unstructured) string {
	t.Helper()
	var text strings.Builder
	for _, file := range files {
		file.SetNamespace(ns)
		one, err := yaml.Marshal(file.Object)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString("---\n" + string(one))
	}
	return text.String()
}

// applies runs plain kubectl with the access of a kubeconfig.
func applies(t *testing.T, kubeconfig, input string, args ...string) (string, error) {
	t.Helper()
	command := plane.Kubectl(t.Context(), args...)
	command.Env = append(command.Environ(), "KUBECONFIG="+kubeconfig)
	command.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

// before are definitions of the version before, which filled in a role and a suffix inside of lists.
var before = []string{"partnergroups", "partnerinvites"}

// install makes the kinds what the definitions in a folder say, and waits until the API server does as they say.
func install(t *testing.T, folder, role string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for _, name := range before {
		file := filepath.Join(folder, v1alpha1.GroupVersion.Group+"_"+name+".yaml")
		if out, err := plane.Kubectl(ctx, "replace", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	dry := client.NewDryRunClient(api)
	eventually(t, folder+" is in force", func() string {
		probes := objects(t, "default", beforeInvites("probe", "")+beforeGroups("probe"))
		for _, probe := range probes {
			if err := dry.Create(ctx, probe); err != nil {
				return err.Error()
			}
		}
		if got := roleOf(t, probes[0], 0); got != role {
			return fmt.Sprintf("the role is %q", got)
		}
		links, _, _ := unstructured.NestedSlice(probes[len(probes)-1].Object, "spec", "links", "defaults")
		if _, filled := links[0].(map[string]any)["suffix"]; filled != (role != "") {
			return fmt.Sprintf("the default links are %v", links)
		}
		return ""
	})
}

// beforeInvites are an invite of teammates and one of a new team, of whom the first member has a role, if it says one.
func beforeInvites(ns, role string) string {
	return strings.ReplaceAll(`
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: teammates}
spec: {teamRef: {name: agency}, members: [{email: carl@NS.example`+role+`}, {email: Cora@NS.example}]}
---
apiVersion: partner-operator.io/v1alpha1
kind: PartnerInvite
metadata: {name: workshop}
spec: {contact: {email: iris@NS.example}, team: {name: workshop, members: [{email: hal@NS.example`+role+`}, {email: ivy@NS.example}]}, programs: [{name: referral}]}
---`, "NS", ns)
}

func beforeGroups(ns string) string {
	return `
apiVersion: partner-operator.io/v1alpha1
kind: PartnerGroup
metadata: {name: silver}
spec: {displayName: Silver, programRef: {name: referral}, links: {defaults: [{destination: "https://acme.example/` + ns + `"}, {suffix: shop}]}}
`
}

func roleOf(t *testing.T, invite *unstructured.Unstructured, at int) string {
	t.Helper()
	members, _, err := unstructured.NestedSlice(invite.Object, "spec", "members")
	if err != nil || len(members) <= at {
		t.Fatalf("the members are %v: %v", members, err)
	}
	role, _ := members[at].(map[string]any)["role"].(string)
	return role
}

// What was stored when the API server filled in roles and suffixes means the same afterwards. The same files are taken,
// write each object once at most, and mail nobody.
func TestObjectsOfTheVersionBefore(t *testing.T) {
	install(t, "testdata/before", "Member")
	current := "../../config/crd/bases"
	t.Cleanup(func() { install(t, current, "") })
	ways := map[string][]string{"before-client": {"-f", "-"}, "before-server": {"--server-side", "-f", "-"}}
	files, texts, stored := map[string][]*unstructured.Unstructured{}, map[string]string{}, map[string]int64{}
	for ns, way := range ways {
		tenant(t, ns)
		files[ns] = objects(t, ns, programs+`
apiVersion: partner-operator.io/v1alpha1
kind: PartnerTeam
metadata: {name: agency}
spec: {displayName: Agency GmbH, owner: {email: olga@`+ns+`.example}}
---
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: ada}
spec: {programRef: {name: referral}, groupRef: {name: silver}, contact: {email: ada@`+ns+`.example}}
---`+beforeInvites(ns, ", role: Member")+beforeGroups(ns))
		texts[ns] = textOf(t, ns, files[ns])
		if out, err := applies(t, plane.Kubeconfig, texts[ns], append([]string{"apply"}, way...)...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	settled := func() {
		t.Helper()
		for ns := range ways {
			seen(t, files[ns])
			becomes(t, ns, "PartnerInvite", "teammates", "Sent")
			becomes(t, ns, "PartnerInvite", "workshop", "Sent")
			becomes(t, ns, "PartnerLink", "ada", "Active")
			becomes(t, ns, "PartnerLink", "ada-shop", "Active")
			mailed(t, "iris@"+ns+".example", v1alpha1.MailTeamInvite, 1)
			mailed(t, "olga@"+ns+".example", v1alpha1.MailTeammateApproval, 2)
		}
	}
	settled()
	mailsBefore := inbox.Count()
	for ns := range ways {
		for _, file := range files[ns] {
			stored[ns+file.GetKind()+file.GetName()] = live(t, ns, file.GetKind(), file.GetName()).GetGeneration()
		}
		if role := roleOf(t, live(t, ns, "PartnerInvite", "teammates"), 1); role != "Member" {
			t.Fatalf("what is stored has the role %q", role)
		}
	}

	install(t, current, "")
	for ns, way := range ways {
		for range 3 {
			if out, err := applies(t, plane.Kubeconfig, texts[ns], append([]string{"apply"}, way...)...); err != nil {
				t.Errorf("%s: %v: %s", ns, err, out)
			}
		}
		for _, file := range files[ns] {
			generation := live(t, ns, file.GetKind(), file.GetName()).GetGeneration()
			if more := generation - stored[ns+file.GetKind()+file.GetName()]; more > 1 {
				t.Errorf("%s: %s %s is written %d times", ns, file.GetKind(), file.GetName(), more)
			}
		}
		same(t, ns, func(args ...string) (string, error) { return applies(t, plane.Kubeconfig, texts[ns], args...) }, append([]string{"diff"}, way...)...)
	}
	settled()
	if after := inbox.Count(); after != mailsBefore {
		t.Errorf("%d mails are sent", after-mailsBefore)
	}
	for ns := range ways {
		if serial := invite(t, ns, "workshop").Status.Serial; serial != 1 {
			t.Errorf("%s: the invite has the serial %d", ns, serial)
		}
		links, err := list(t, ns, "PartnerLink")
		if err != nil || len(links) != 2 {
			t.Errorf("%s: there are %d links: %v", ns, len(links), err)
		}
	}
}

func list(t *testing.T, ns, kind string) ([]unstructured.Unstructured, error) {
	t.Helper()
	found := &unstructured.UnstructuredList{}
	found.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	err := api.List(t.Context(), found, client.InNamespace(ns))
	return found.Items, err
}
