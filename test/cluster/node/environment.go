//go:build linux

package node

import (
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// environment is that of the container's process; later words go over earlier ones.
func (c *container) environment() ([]string, error) {
	api, err := url.Parse(c.pod.node.Config.Host)
	if err != nil {
		return nil, err
	}
	// Its own address and not that of the Service kubernetes, for which the API server here has no certificate.
	words := []string{"PATH=/", "KUBERNETES_SERVICE_HOST=" + api.Hostname(), "KUBERNETES_SERVICE_PORT=" + api.Port()}
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef == nil {
			return nil, fmt.Errorf("%s has variables of what this node does not know", c.Name)
		}
		content, err := c.pod.configMap(from.ConfigMapRef.Name)
		if err != nil {
			return nil, err
		}
		for key, value := range content {
			words = append(words, from.Prefix+key+"="+string(value))
		}
	}
	for _, variable := range c.Env {
		value, has, err := c.pod.value(variable)
		if err != nil {
			return nil, err
		}
		if has {
			words = append(words, variable.Name+"="+value)
		}
	}
	return words, nil
}

// value is that of a variable, which an optional one may not have.
func (p *pod) value(variable corev1.EnvVar) (value string, has bool, err error) {
	switch from := variable.ValueFrom; {
	case from == nil:
		return variable.Value, true, nil
	case from.FieldRef != nil:
		value, err = p.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.SecretKeyRef != nil:
		content, err := p.secret(from.SecretKeyRef.Name, from.SecretKeyRef.Optional)
		key, has := content[from.SecretKeyRef.Key]
		if err == nil && !has && !ptr.Deref(from.SecretKeyRef.Optional, false) {
			err = fmt.Errorf("the Secret %s has no %s", from.SecretKeyRef.Name, from.SecretKeyRef.Key)
		}
		return string(key), has, err
	}
	return "", false, fmt.Errorf("the variable %s is of what this node does not know", variable.Name)
}

// field is what the pod may know of itself.
func (p *pod) field(path string) (string, error) {
	values := map[string]string{"metadata.name": p.name, "metadata.namespace": p.namespace, "status.podIP": p.sandbox.ip}
	value, found := values[path]
	if !found {
		return "", fmt.Errorf("the field %s is not known here", path)
	}
	return value, nil
}
