package install

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var example = settings{"https://partners.example.com", "smtp://acme@mail.example.com:587", "Example Partners <partners@example.com>"}

// Whoever installs with the chart gets what whoever installs with kustomize gets.
func TestChartAndKustomizeInstallTheSame(t *testing.T) {
	for _, lay := range layouts {
		t.Run(lay.name, func(t *testing.T) {
			chart := mustTemplate(t, lay.values, example.byChart(t), "crd: {enabled: false}")
			kustomization := example.byKustomize(t, lay.folder)
			for what, view := range map[string]func(*testing.T, []*unstructured.Unstructured) map[string]any{
				"rights": rights, "pods": pods, "services": specs("Service"), "disruption budgets": specs("PodDisruptionBudget"),
				"network policies": specs("NetworkPolicy"),
				"guards":           specs("ValidatingAdmissionPolicy"), "guards in force": specs("ValidatingAdmissionPolicyBinding"),
			} {
				if diff := cmp.Diff(view(t, kustomization), view(t, chart)); diff != "" {
					t.Errorf("%s: the chart has +, kustomize has -: %s", what, diff)
				}
			}
		})
	}
}

func TestChartAndKustomizeHaveTheSameOptions(t *testing.T) {
	for _, test := range []struct {
		folder, values string
		view           func(*testing.T, []*unstructured.Unstructured) map[string]any
	}{
		{"config/network-policy", "", specs("NetworkPolicy")},
		{"config/policy", "{policy: {enabled: true}, rbac: {create: false}}", specs("ValidatingAdmissionPolicy")},
		{"config/policy", "{policy: {enabled: true}, rbac: {create: false}}", specs("ValidatingAdmissionPolicyBinding")},
		{"config/policy", "policy: {enabled: true}", func(t *testing.T, objects []*unstructured.Unstructured) map[string]any {
			return rights(t, slices.DeleteFunc(objects, func(object *unstructured.Unstructured) bool { return object.GetName() != "partner-garbage-collector" }))
		}},
		{"config/rbac/people", "rbac: {create: false}", rights},
		{"config/rbac/people", "rbac: {create: false}", aggregated},
		{"config/prometheus", "prometheus: {serviceMonitor: {enabled: true}}", specs("ServiceMonitor")},
		{"config/prometheus", "prometheus: {rules: {enabled: true}}", specs("PrometheusRule")},
		{"config/prometheus", "prometheus: {dashboard: {enabled: true}}", dashboards},
	} {
		chart := test.view(t, mustTemplate(t, required, test.values))
		if diff := cmp.Diff(test.view(t, mustKustomize(t, test.folder)), chart); diff != "" {
			t.Errorf("%s: the chart has +, kustomize has -: %s", test.folder, diff)
		}
		if len(chart) == 0 {
			t.Errorf("%s: there is nothing to compare", test.folder)
		}
	}
}

// The kubelet notes each probe that fails as a Warning, so none comes before the process can listen.
func TestProbesWaitForTheStart(t *testing.T) {
	for _, lay := range layouts {
		objects := append(mustTemplate(t, lay.values, example.byChart(t), withoutKinds), example.byKustomize(t, lay.folder)...)
		for _, object := range only(objects, "Deployment") {
			container := as[appsv1.Deployment](t, object).Spec.Template.Spec.Containers[0]
			for name, probe := range map[string]*corev1.Probe{"liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
				if probe == nil || probe.InitialDelaySeconds < 2 {
					t.Errorf("%s, %s: the %s probe does not wait: %v", lay.name, object.GetName(), name, probe)
				}
			}
			if container.StartupProbe != nil {
				t.Errorf("%s, %s: a startup probe is noted, too", lay.name, object.GetName())
			}
		}
	}
}

// aggregated are the roles that others take up.
func aggregated(_ *testing.T, objects []*unstructured.Unstructured) map[string]any {
	found := map[string]any{}
	for _, role := range only(objects, "ClusterRole") {
		for label := range role.GetLabels() {
			if into, is := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); is {
				found[into] = role.GetName()
			}
		}
	}
	return found
}

// dashboards are what Grafana finds.
func dashboards(t *testing.T, objects []*unstructured.Unstructured) map[string]any {
	t.Helper()
	found := map[string]any{}
	for _, object := range only(objects, "ConfigMap") {
		for name, text := range as[corev1.ConfigMap](t, object).Data {
			found[object.GetName()+"/"+name+" for "+object.GetLabels()["grafana_dashboard"]] = strings.TrimSpace(text)
		}
	}
	return found
}

// The kinds of the chart are the generated ones, and stay when the chart goes.
func TestChartHasTheGeneratedKinds(t *testing.T) {
	kinds := func(objects []*unstructured.Unstructured) map[string]apiextensionsv1.CustomResourceDefinitionSpec {
		found := map[string]apiextensionsv1.CustomResourceDefinitionSpec{}
		for _, object := range only(objects, "CustomResourceDefinition") {
			found[object.GetName()] = as[apiextensionsv1.CustomResourceDefinition](t, object).Spec
		}
		return found
	}
	chart := mustTemplate(t, required)
	if diff := cmp.Diff(kinds(mustKustomize(t, "config/crd")), kinds(chart)); diff != "" {
		t.Errorf("the chart has +, config/crd has -; run make manifests: %s", diff)
	}
	for _, object := range only(chart, "CustomResourceDefinition") {
		if object.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
			t.Errorf("%s would go with the chart, and all partners with it", object.GetName())
		}
	}
	for _, object := range only(mustTemplate(t, required, "crd: {keep: false}"), "CustomResourceDefinition") {
		if object.GetAnnotations()["helm.sh/resource-policy"] != "" {
			t.Errorf("%s would stay", object.GetName())
		}
	}
}

// rights are the rules that each account has, by where: a namespace, or everywhere. Roles that nobody has are under their
// own names.
func rights(t *testing.T, objects []*unstructured.Unstructured) map[string]any {
	t.Helper()
	roles, unbound := map[string][]rbacv1.PolicyRule{}, map[string]bool{}
	for _, object := range only(objects, "Role", "ClusterRole") {
		key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
		roles[key] = as[rbacv1.ClusterRole](t, object).Rules
		unbound[key] = true
	}
	granted := map[string]any{}
	for _, object := range only(objects, "RoleBinding", "ClusterRoleBinding") {
		binding := as[rbacv1.RoleBinding](t, object)
		key := binding.RoleRef.Kind + " /" + binding.RoleRef.Name
		if binding.RoleRef.Kind == "Role" {
			key = "Role " + binding.Namespace + "/" + binding.RoleRef.Name
		}
		if len(roles[key]) == 0 {
			t.Errorf("%s %s names %s, which grants nothing", object.GetKind(), object.GetName(), key)
		}
		delete(unbound, key)
		for _, subject := range binding.Subjects {
			who := subject.Kind + " " + subject.Namespace + "/" + subject.Name + " by " + object.GetKind() + " " + binding.Namespace + "/" + binding.Name
			granted[who] = roles[key]
		}
	}
	for key := range unbound {
		granted[key] = roles[key]
	}
	return granted
}

// pods are the pods of each Deployment, what they are told by settings, and how many there are.
func pods(t *testing.T, objects []*unstructured.Unstructured) map[string]any {
	t.Helper()
	found := map[string]any{}
	for _, object := range only(objects, "Deployment") {
		deployment := as[appsv1.Deployment](t, object)
		pod := &deployment.Spec.Template.Spec
		told := map[string]string{}
		for name, value := range settingsOf(t, deployment, objects) {
			if value != "" {
				told[name] = value
			}
		}
		container := &pod.Containers[0]
		container.Args, container.Env, container.EnvFrom = nil, nil, nil
		for i := range pod.Volumes {
			// kustomize cannot know whether there is a password.
			pod.Volumes[i].Secret.Optional = nil
		}
		withoutInstance(deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Labels)
		found[object.GetName()] = map[string]any{"deployment": deployment.Spec, "settings": told}
	}
	return found
}

// settingsOf are the flags of the operator as a Deployment sets them.
func settingsOf(t *testing.T, deployment *appsv1.Deployment, objects []*unstructured.Unstructured) map[string]string {
	t.Helper()
	container := deployment.Spec.Template.Spec.Containers[0]
	told := map[string]string{}
	set := func(variable, value string) {
		told[strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "PARTNER_OPERATOR_"), "_", "-"))] = value
	}
	for _, source := range container.EnvFrom {
		for _, object := range only(objects, "ConfigMap") {
			if object.GetName() == source.ConfigMapRef.Name {
				for variable, value := range as[corev1.ConfigMap](t, object).Data {
					set(variable, value)
				}
			}
		}
	}
	for _, variable := range container.Env {
		value := variable.Value
		if variable.ValueFrom != nil && variable.ValueFrom.FieldRef != nil {
			value = "field " + variable.ValueFrom.FieldRef.FieldPath
		}
		set(variable.Name, value)
	}
	for _, arg := range container.Args {
		name, value, found := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		if !found {
			value = "true"
		}
		told[name] = value
	}
	return told
}

// specs are the specs of a kind by name.
func specs(kind string) func(*testing.T, []*unstructured.Unstructured) map[string]any {
	return func(t *testing.T, objects []*unstructured.Unstructured) map[string]any {
		t.Helper()
		found := map[string]any{}
		for _, object := range only(objects, kind) {
			spec := object.DeepCopy().Object["spec"].(map[string]any)
			for _, path := range [][]string{{"selector"}, {"selector", "matchLabels"}, {"podSelector", "matchLabels"}} {
				unstructured.RemoveNestedField(spec, slices.Concat(path, []string{"app.kubernetes.io/instance"})...)
			}
			if kind == "Service" && spec["type"] == "ClusterIP" {
				delete(spec, "type") // the default
			}
			found[object.GetName()] = spec
		}
		if len(found) == 0 {
			t.Errorf("there is no %s", kind)
		}
		return found
	}
}

// withoutInstance takes away the label by which Helm tells releases apart.
func withoutInstance(all ...map[string]string) {
	for _, labels := range all {
		delete(labels, "app.kubernetes.io/instance")
	}
}
