//go:build linux

package node

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// mount writes the files of the container's volumes where it sees them. They stay as they are then.
func (c *container) mount(root string) error {
	for _, mount := range c.VolumeMounts {
		at := slices.IndexFunc(c.pod.object.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		if at < 0 || mount.SubPath != "" {
			return fmt.Errorf("the volume %s is none that this node knows", mount.Name)
		}
		folder := filepath.Join(root, mount.MountPath)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		files, err := c.pod.files(&c.pod.object.Spec.Volumes[at])
		if err != nil {
			return fmt.Errorf("the volume %s: %w", mount.Name, err)
		}
		for name, content := range files {
			if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755), os.WriteFile(filepath.Join(folder, name), content, 0o444)); err != nil {
				return err
			}
		}
	}
	hosts := "127.0.0.1 localhost\n" + c.pod.sandbox.ip + " " + c.pod.name + "\n"
	return errors.Join(os.MkdirAll(filepath.Join(root, "etc"), 0o755), os.WriteFile(filepath.Join(root, "etc", "hosts"), []byte(hosts), 0o444))
}

// files are the files of a volume.
func (p *pod) files(volume *corev1.Volume) (map[string][]byte, error) {
	sources := []corev1.VolumeProjection{}
	switch {
	case volume.EmptyDir != nil:
	case volume.Secret != nil:
		sources = append(sources, corev1.VolumeProjection{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: volume.Secret.SecretName}, Optional: volume.Secret.Optional,
		}})
	case volume.Projected != nil:
		sources = volume.Projected.Sources
	default:
		return nil, errors.New("it is of a kind that this node does not know")
	}
	files := map[string][]byte{}
	for _, source := range sources {
		if err := p.project(source, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// project adds the files of one source: all of it, whatever parts of it are asked for.
func (p *pod) project(source corev1.VolumeProjection, files map[string][]byte) (err error) {
	var content map[string][]byte
	switch {
	case source.Secret != nil:
		content, err = p.secret(source.Secret.Name, source.Secret.Optional)
	case source.ConfigMap != nil:
		content, err = p.configMap(source.ConfigMap.Name)
	case source.DownwardAPI != nil:
		for _, item := range source.DownwardAPI.Items {
			value, fieldErr := p.field(item.FieldRef.FieldPath)
			err = errors.Join(err, fieldErr)
			files[item.Path] = []byte(value)
		}
	case source.ServiceAccountToken != nil:
		var token string
		token, err = p.token(source.ServiceAccountToken)
		files[source.ServiceAccountToken.Path] = []byte(token)
	}
	maps.Copy(files, content)
	return err
}

func (p *pod) configMap(name string) (map[string][]byte, error) {
	object := &corev1.ConfigMap{}
	err := p.node.api.Get(p.node.ctx, client.ObjectKey{Namespace: p.namespace, Name: name}, object)
	content := map[string][]byte{}
	for key, value := range object.Data {
		content[key] = []byte(value)
	}
	return content, err
}

// secret is the content of a Secret, which there may not be if it is optional.
func (p *pod) secret(name string, optional *bool) (map[string][]byte, error) {
	object := &corev1.Secret{}
	err := p.node.api.Get(p.node.ctx, client.ObjectKey{Namespace: p.namespace, Name: name}, object)
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		err = nil
	}
	return object.Data, err
}

// token is a token of the pod's ServiceAccount that is good as long as the pod.
func (p *pod) token(wanted *corev1.ServiceAccountTokenProjection) (string, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: wanted.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.name, UID: p.object.UID},
	}}
	account := &corev1.ServiceAccount{}
	account.Namespace, account.Name = p.namespace, p.object.Spec.ServiceAccountName
	err := p.node.api.SubResource("token").Create(p.node.ctx, account, request)
	return request.Status.Token, err
}
