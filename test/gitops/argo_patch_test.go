package gitops

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// The commands of the page add our settings to the argocd-cm that is there and take them away again. However it was made,
// and whenever its owner makes it so again, the owner's settings are what the owner says, and ours stay.
func TestArgoSettingsArePatched(t *testing.T) {
	ours := argoSettings(t)
	var patch corev1.ConfigMap
	if err := yaml.UnmarshalStrict([]byte(readFile(t, "../../config/argocd/remove.yaml")), &patch); err != nil {
		t.Fatal(err)
	}
	if removed := slices.Sorted(maps.Keys(patch.Data)); !slices.Equal(removed, slices.Sorted(maps.Keys(ours))) {
		t.Errorf("remove.yaml takes away %q", removed)
	}

	byKubectl := func(args ...string) func(*testing.T, *corev1.ConfigMap) {
		return func(t *testing.T, settings *corev1.ConfigMap) {
			t.Helper()
			kubectl(t, asText(t, settings), append(args, "-f", "-")...)
		}
	}
	update := func(t *testing.T, settings *corev1.ConfigMap) {
		t.Helper()
		there := get(t, settings.Namespace, settings.Name, &corev1.ConfigMap{})
		there.Data["url"] = settings.Data["url"]
		if err := api.Update(t.Context(), there); err != nil {
			t.Fatal(err)
		}
	}
	for name, owner := range map[string]struct {
		makes, makesAgain func(*testing.T, *corev1.ConfigMap)
	}{
		"apply":                     {byKubectl("apply"), byKubectl("apply")},
		"server-side-apply":         {byKubectl("apply", "--server-side"), byKubectl("apply", "--server-side")},
		"server-side-apply-by-name": {byKubectl("apply", "--server-side", "--field-manager=platform"), byKubectl("apply", "--server-side", "--field-manager=platform")},
		"create":                    {byKubectl("create"), update},
		"api": {func(t *testing.T, settings *corev1.ConfigMap) {
			t.Helper()
			if err := api.Create(t.Context(), settings.DeepCopy()); err != nil {
				t.Fatal(err)
			}
		}, update},
		"helm": {byHelm, byHelm},
	} {
		t.Run(name, func(t *testing.T) {
			settings := &corev1.ConfigMap{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "argocd-" + name, Name: "argocd-cm",
					Labels:      map[string]string{"app.kubernetes.io/part-of": "argocd", "team": "platform"},
					Annotations: map[string]string{"example.com/owner": "platform"},
				},
				Data: map[string]string{"url": "https://argocd.example.com", "oidc.config": "name: SSO", "admin.enabled": "false"},
			}
			tenant(t, settings.Namespace)
			add, remove := argoCommands(t)
			check := func(after string, added bool) {
				t.Helper()
				want := maps.Clone(settings.Data)
				if added {
					maps.Copy(want, ours)
				}
				got := get(t, settings.Namespace, settings.Name, &corev1.ConfigMap{})
				delete(got.Annotations, corev1.LastAppliedConfigAnnotation)
				if !maps.Equal(got.Data, want) {
					t.Errorf("after %s it has %q", after, slices.Sorted(maps.Keys(got.Data)))
				}
				if !maps.Equal(got.Labels, settings.Labels) || !maps.Equal(got.Annotations, settings.Annotations) {
					t.Errorf("after %s it has the labels %v and the annotations %v", after, got.Labels, got.Annotations)
				}
			}

			owner.makes(t, settings)
			shell(t, settings.Namespace, add)
			check("adding", true)
			shell(t, settings.Namespace, add)
			check("adding again", true)
			settings.Data["url"] = "https://argocd.acme.example"
			owner.makesAgain(t, settings)
			check("the owner's change", true)
			shell(t, settings.Namespace, remove)
			check("removing", false)
			shell(t, settings.Namespace, remove)
			check("removing again", false)
			settings.Data["url"] = "https://argocd.example.com"
			owner.makesAgain(t, settings)
			check("the owner's second change", false)
		})
	}
}

// byHelm writes an object as Helm 4 does.
func byHelm(t *testing.T, settings *corev1.ConfigMap) {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(settings)
	if err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(fields, "metadata", "creationTimestamp")
	object := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: fields})
	if err := api.Apply(t.Context(), object, client.FieldOwner("helm"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
}

func asText(t *testing.T, object any) string {
	t.Helper()
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// argoCommands are those of the page.
func argoCommands(t *testing.T) (add, remove string) {
	t.Helper()
	found := regexp.MustCompile("(?m)^```console\n(kubectl .* argocd-cm .*)\n(kubectl .* argocd-cm .*)\n```$").FindStringSubmatch(readFile(t, document))
	if found == nil {
		t.Fatal("the page does not say how to add our settings, and how to take them away")
	}
	return found[1], found[2]
}

// shell runs a command of a page as in a clone of the project, but in another namespace than argocd.
func shell(t *testing.T, ns, text string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(text, "-n argocd ", "-n "+ns+" "))
	command.Dir = filepath.Join("..", "..")
	command.Env = append(plane.Kubectl(t.Context()).Environ(), "PATH="+plane.Assets+string(os.PathListSeparator)+os.Getenv("PATH"))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", text, err, out)
	}
}
