package install

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/operator"
)

// patience is how long a step may take on a busy machine.
const patience = 30 * time.Second

// pod runs the operator as a pod of an installed Deployment would: with its arguments and variables, its volumes and its
// ServiceAccount. Only the addresses where it listens are those of this machine, as its volumes are.
type pod struct {
	*operator.Operator
	metrics string
}

func (s site) startPod(t *testing.T, name, portalAddress string) pod {
	t.Helper()
	deployment := &appsv1.Deployment{}
	read(t, name, deployment)
	spec := deployment.Spec.Template.Spec
	user := "system:serviceaccount:" + operatorNamespace + ":" + spec.ServiceAccountName
	waitUntilAllowed(t, user)
	_, kubeconfig, err := plane.ServiceAccountConfig(t.Context(), operatorNamespace, spec.ServiceAccountName)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := operator.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	running, err := operator.Start(t.Context(), operator.Options{
		Binary: folder("bin/partner-operator"), Cluster: plane, Kubeconfig: kubeconfig, PortalAddress: portalAddress,
		Env: append(environment(t, spec), "SSL_CERT_FILE="+s.authorities), Args: append(spec.Containers[0].Args, "--metrics-bind-address="+metrics),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			running.Kill()
			t.Logf("the log of %s: %s", name, running.Log())
		}
	})
	return pod{running, "https://" + metrics + "/metrics"}
}

// environment is what a kubelet would make of the variables and volumes of a pod.
func environment(t *testing.T, spec corev1.PodSpec) (all []string) {
	t.Helper()
	container := spec.Containers[0]
	files := mounts(t, spec)
	for _, source := range container.EnvFrom {
		config := &corev1.ConfigMap{}
		read(t, source.ConfigMapRef.Name, config)
		for name, value := range config.Data {
			all = append(all, name+"="+files.Replace(value))
		}
	}
	for _, variable := range container.Env {
		value := variable.Value
		switch from := variable.ValueFrom; {
		case from == nil:
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
			value = operatorNamespace
		case from.SecretKeyRef != nil:
			secret := &corev1.Secret{}
			err := api.Get(t.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: from.SecretKeyRef.Name}, secret)
			content, has := secret.Data[from.SecretKeyRef.Key]
			if !has && from.SecretKeyRef.Optional != nil && *from.SecretKeyRef.Optional {
				continue
			}
			if err != nil || !has {
				t.Fatalf("%s has no value: %v", variable.Name, err)
			}
			value = string(content)
		default:
			t.Fatalf("what is %v?", from)
		}
		all = append(all, variable.Name+"="+files.Replace(value))
	}
	return all
}

// mounts puts the Secrets of a pod's volumes into folders of this machine, and tells where each path is here.
func mounts(t *testing.T, spec corev1.PodSpec) *strings.Replacer {
	t.Helper()
	var paths []string
	for _, mount := range spec.Containers[0].VolumeMounts {
		dir := t.TempDir()
		paths = append(paths, mount.MountPath+"/", dir+"/")
		for _, volume := range spec.Volumes {
			if volume.Name != mount.Name {
				continue
			}
			secret := &corev1.Secret{}
			read(t, volume.Secret.SecretName, secret)
			for name, content := range secret.Data {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return strings.NewReplacer(paths...)
}

// read gets an object of the operator's namespace.
func read(t *testing.T, name string, object client.Object) {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: name}, object); err != nil {
		t.Fatal(err)
	}
}

// waitUntilAllowed waits until the API server has heard of the rights that were just given.
func waitUntilAllowed(t *testing.T, user string) {
	t.Helper()
	for _, resource := range []authorizationv1.ResourceAttributes{
		{Namespace: operatorNamespace, Verb: "get", Resource: "secrets", Name: "partner-operator-keys"},
		{Namespace: operatorNamespace, Verb: "get", Resource: "secrets", Name: "partner-operator-marks"},
		{Namespace: tenant, Verb: "watch", Group: "partner-operator.io", Resource: "programs"},
	} {
		eventually(t, user+" may "+resource.Verb+" "+resource.Resource, func() (bool, error) { return may(t, user, resource) })
	}
}

// isLocked tells that an account has no right in a namespace.
func isLocked(t *testing.T, namespace, account string) {
	t.Helper()
	user := "system:serviceaccount:" + operatorNamespace + ":" + account
	for _, resource := range []authorizationv1.ResourceAttributes{
		{Namespace: namespace, Verb: "list", Group: "partner-operator.io", Resource: "programs"},
		{Namespace: namespace, Verb: "get", Resource: "configmaps"},
		{Namespace: namespace, Verb: "create", Resource: "secrets"},
	} {
		if allowed, err := may(t, user, resource); allowed || err != nil {
			t.Errorf("%s may %s %s in %s (%v)", account, resource.Verb, resource.Resource, namespace, err)
		}
	}
}

func may(t *testing.T, user string, resource authorizationv1.ResourceAttributes) (bool, error) {
	t.Helper()
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &resource}}
	err := api.Create(t.Context(), review)
	return review.Status.Allowed, err
}

// eventually waits for what should be so soon.
func eventually(t *testing.T, what string, is func() (bool, error)) {
	t.Helper()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		so, err := is()
		if so && err == nil {
			return
		}
		last = err
	}
	t.Fatalf("not so: %s (%v)", what, last)
}

// checkMetrics reads the metrics of a pod as Prometheus would, and as somebody who may not.
func checkMetrics(t *testing.T, url string) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "prometheus"}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "partner-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: operatorNamespace, Name: "prometheus"}},
	}
	for _, object := range []client.Object{account, binding} {
		if err := client.IgnoreAlreadyExists(api.Create(t.Context(), object)); err != nil {
			t.Fatal(err)
		}
	}
	config, _, err := plane.ServiceAccountConfig(t.Context(), operatorNamespace, account.Name)
	if err != nil {
		t.Fatal(err)
	}
	// The certificate is made by the operator for itself.
	caller := http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // see above
	for token, want := range map[string]int{config.BearerToken: http.StatusOK, "": http.StatusUnauthorized} {
		eventually(t, "who reads metrics gets what is due", func() (bool, error) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				return false, err
			}
			if token != "" {
				request.Header.Set("Authorization", "Bearer "+token)
			}
			response, err := caller.Do(request)
			if err != nil {
				return false, err
			}
			defer func() { _ = response.Body.Close() }()
			return response.StatusCode == want, nil
		})
	}
}
