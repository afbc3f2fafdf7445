package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// tokenLifetime is how long a token of ServiceAccountConfig lasts: longer than any suite.
const tokenLifetime int64 = 24 * 60 * 60

// Kubectl is a kubectl command with an administrator's access. It reads and writes nothing of the user's own kubectl.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Assets, "kubectl"), args...)
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+c.Kubeconfig,
		"KUBECACHEDIR="+filepath.Join(c.state, "kubectl-cache"),
		"KUBERC=off",
	)
	return cmd
}

// Command is a command that, like the control plane, cannot outlive this process. Start it before Stop.
func (c *Cluster) Command(program string, args ...string) (*exec.Cmd, error) {
	guarded, err := c.guard.other(program)
	if err != nil {
		return nil, err
	}
	return exec.Command(guarded, args...), nil
}

// AddUser is the access of a user of that name, in those groups, and the path of a kubeconfig with the same access, which
// Stop removes. What the user may do is up to RBAC.
func (c *Cluster) AddUser(name string, groups ...string) (*rest.Config, string, error) {
	user, err := c.env.AddUser(envtest.User{Name: name, Groups: groups}, nil)
	if err != nil {
		return nil, "", fmt.Errorf("add the user %s: %w", name, err)
	}
	config := unlimited(user.Config())
	path := filepath.Join(c.state, name+".kubeconfig")
	return config, path, writeKubeconfig(path, config)
}

// ServiceAccountConfig is the access of an existing ServiceAccount, and the path of a kubeconfig with the same access,
// which Stop removes.
func (c *Cluster) ServiceAccountConfig(ctx context.Context, namespace, name string) (*rest.Config, string, error) {
	admin, err := client.New(c.Config, client.Options{})
	if err != nil {
		return nil, "", err
	}
	lifetime := tokenLifetime
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}
	if err := admin.SubResource("token").Create(ctx, account, request); err != nil {
		return nil, "", fmt.Errorf("request a token of the ServiceAccount %s/%s: %w", namespace, name, err)
	}
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = request.Status.Token
	path := filepath.Join(c.state, fmt.Sprintf("%s.%s.kubeconfig", namespace, name))
	return config, path, writeKubeconfig(path, config)
}

func (c *Cluster) writeKubeconfig(context.Context, Options) error {
	c.later(func() error { return os.Remove(c.Kubeconfig) })
	return writeKubeconfig(c.Kubeconfig, c.Config)
}

// writeKubeconfig writes a kubeconfig that only this user can read, also in place of one that others could.
func writeKubeconfig(path string, config *rest.Config) error {
	const name = "partner-operator"
	file := clientcmdapi.NewConfig()
	file.Clusters[name] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData,
		ClientKeyData:         config.KeyData,
		Token:                 config.BearerToken,
	}
	file.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	file.CurrentContext = name
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return clientcmd.WriteToFile(*file, path)
}
