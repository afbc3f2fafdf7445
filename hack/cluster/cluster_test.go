package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestCluster(t *testing.T) {
	c, err := Start(t.Context(), Options{
		Dir:               filepath.Join(t.TempDir(), "made"),
		CRDs:              []string{filepath.Join("..", "..", "config", "crd", "bases")},
		ControllerManager: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })

	t.Run("a ServiceAccount may do only what a role grants", func(t *testing.T) { checkRoles(t, c) })
	t.Run("a user may do only what a role grants", func(t *testing.T) { checkUser(t, c) })
	t.Run("what is owned goes with its owner", func(t *testing.T) { checkGarbage(t, c) })
	t.Run("kubectl reaches the CRDs", func(t *testing.T) { checkKubectl(t, c) })
	t.Run("what is restarted has the same port, data and access", func(t *testing.T) { checkRestart(t, c) })
	t.Run("only this user can read the kubeconfig", func(t *testing.T) { checkMode(t, c) })
	t.Run("Stop leaves no process and no folder", func(t *testing.T) { checkStop(t, c) })
}

func TestAFolderInUseIsRefused(t *testing.T) {
	dir, assets := filepath.Join(t.TempDir(), "used"), t.TempDir()
	for _, name := range []string{"etcd", "kube-apiserver"} {
		if err := os.WriteFile(filepath.Join(assets, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "controlplane"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Assets: assets, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another control plane uses the folder") {
		t.Errorf("started in a folder in use: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "controlplane")); err != nil {
		t.Errorf("removed what another control plane made: %v", err)
	}
}

func checkRoles(t *testing.T, c *Cluster) {
	admin := connect(t, c.Config)
	create(t, admin, &corev1.ServiceAccount{ObjectMeta: named("operator")})
	config, kubeconfig, err := c.ServiceAccountConfig(t.Context(), "default", "operator")
	if err != nil {
		t.Fatal(err)
	}
	account := connect(t, config)
	list := func() error { return account.List(t.Context(), &corev1.SecretList{}, client.InNamespace("default")) }
	if err := list(); !apierrors.IsForbidden(err) {
		t.Fatalf("listed Secrets without a role: %v", err)
	}
	create(t, admin, &rbacv1.Role{ObjectMeta: named("operator"), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list"}},
	}})
	create(t, admin, &rbacv1.RoleBinding{
		ObjectMeta: named("operator"),
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "operator"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: "operator"}},
	})
	eventually(t, "list Secrets with a role", func() bool { return list() == nil })

	kubectl := c.Kubectl(t.Context(), "auth", "whoami", "--kubeconfig="+kubeconfig)
	out, err := kubectl.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "system:serviceaccount:default:operator") {
		t.Errorf("kubectl auth whoami: %v\n%s", err, out)
	}
}

func checkUser(t *testing.T, c *Cluster) {
	config, kubeconfig, err := c.AddUser("ada", "partners")
	if err != nil {
		t.Fatal(err)
	}
	err = connect(t, config).List(t.Context(), &corev1.SecretList{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `"ada"`) {
		t.Errorf("listed Secrets without a role, or as somebody else: %v", err)
	}
	out, err := c.Kubectl(t.Context(), "auth", "whoami", "--kubeconfig="+kubeconfig).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "partners") {
		t.Errorf("kubectl auth whoami: %v\n%s", err, out)
	}
}

func checkGarbage(t *testing.T, c *Cluster) {
	admin := connect(t, c.Config)
	owner := &corev1.ConfigMap{ObjectMeta: named("owner")}
	create(t, admin, owner)
	owned := &corev1.Secret{ObjectMeta: named("owned")}
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.UID}}
	create(t, admin, owned)
	if err := admin.Delete(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	eventually(t, "collect the Secret", func() bool {
		return apierrors.IsNotFound(admin.Get(t.Context(), client.ObjectKeyFromObject(owned), &corev1.Secret{}))
	})
}

func checkKubectl(t *testing.T, c *Cluster) {
	out, err := c.Kubectl(t.Context(), "get", "partners").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No resources found") {
		t.Errorf("kubectl get partners: %v\n%s", err, out)
	}
}

// checkRestart crashes each program: whoever was connected goes on, with what there was before.
func checkRestart(t *testing.T, c *Cluster) {
	admin := connect(t, c.Config)
	config, _, err := c.AddUser("grace", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	user := connect(t, config)
	kept := &corev1.ConfigMap{ObjectMeta: named("kept")}
	create(t, admin, kept)
	for _, program := range []Program{APIServer, Etcd} {
		t.Run(string(program), func(t *testing.T) {
			read := func(c client.Client) error {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				return c.Get(ctx, client.ObjectKeyFromObject(kept), &corev1.ConfigMap{})
			}
			before, err := c.guard.processOf(string(program))
			if err != nil {
				t.Fatal(err)
			}
			away := false
			if err := c.Restart(t.Context(), program, func() { away = read(admin) != nil }); err != nil {
				t.Fatal(err)
			}
			if !away {
				t.Error("it was not away in the meantime")
			}
			if after, err := c.guard.processOf(string(program)); err != nil || after == before {
				t.Errorf("it is the same process: %d, %v", after, err)
			}
			for name, client := range map[string]client.Client{"the administrator": admin, "a user": user, "who comes anew": connect(t, c.Config)} {
				if err := read(client); err != nil {
					t.Errorf("%s cannot read what there was: %v", name, err)
				}
			}
			checkGarbage(t, c)
		})
	}
}

func checkMode(t *testing.T, c *Cluster) {
	info, err := os.Stat(c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode of the kubeconfig is %v", info.Mode())
	}
}

func checkStop(t *testing.T, c *Cluster) {
	dir := filepath.Dir(c.Kubeconfig)
	if running := processes(t, dir); len(running) < 3 {
		t.Fatalf("this test cannot see the control plane's processes, only %q", running)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end every process", func() bool { return len(processes(t, dir)) == 0 })
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there", dir)
	}
	if err := c.Stop(); err != nil {
		t.Errorf("a second Stop fails: %v", err)
	}
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "default", Name: name} }

func connect(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func create(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// eventually fails the test unless it comes true within 30 seconds.
func eventually(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !isTrue() {
		select {
		case <-ctx.Done():
			t.Fatalf("it did not %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
