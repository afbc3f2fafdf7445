package kubectl

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/signin"
)

// Installation is where the operator runs.
type Installation struct {
	// Namespace is the operator's own.
	Namespace string
	// Deployment is its name, to which -controllers is added if the parts of the operator run apart.
	Deployment string
	// PortalURL is its --portal-url; empty: as the Deployment says.
	PortalURL string
}

func (w *Installation) addFlags(command *cobra.Command) {
	command.Flags().StringVar(&w.Namespace, "operator-namespace", "partner-operator-system", "namespace of the operator")
	command.Flags().StringVar(&w.Deployment, "deployment", "partner-operator", "name of the operator's Deployment, without -controllers where the parts run apart")
	command.Flags().StringVar(&w.PortalURL, "portal-url", "", "public address of the portal; unset: as the operator's Deployment says")
}

// environmentPrefix begins the variables by which the operator is configured.
const environmentPrefix = "PARTNER_OPERATOR_"

// Settings are the flags of the operator as its Deployment sets them, by arguments, variables and ConfigMaps: portal-url
// and so on.
func (w Installation) Settings(ctx context.Context, c client.Reader) (map[string]string, error) {
	return w.settings(ctx, c, "-controllers")
}

// settings are those of one part where the parts run apart.
func (w Installation) settings(ctx context.Context, c client.Reader, part string) (map[string]string, error) {
	deployment, err := w.deployedPart(ctx, c, part)
	if err != nil {
		return nil, err
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	settings := map[string]string{}
	set := func(variable, value string) {
		if name, ours := strings.CutPrefix(variable, environmentPrefix); ours {
			settings[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = value
		}
	}
	for _, source := range container.EnvFrom {
		if source.ConfigMapRef == nil {
			continue
		}
		var config corev1.ConfigMap
		if err := c.Get(ctx, client.ObjectKey{Namespace: w.Namespace, Name: source.ConfigMapRef.Name}, &config); err != nil {
			return nil, err
		}
		for variable, value := range config.Data {
			set(source.Prefix+variable, value)
		}
	}
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			set(variable.Name, variable.Value)
		}
	}
	for _, argument := range container.Args {
		if name, value, found := strings.Cut(strings.TrimLeft(argument, "-"), "="); found {
			settings[name] = value
		}
	}
	return settings, nil
}

// deployed is the operator's Deployment, that of the controllers where the portal runs apart.
func (w Installation) deployed(ctx context.Context, c client.Reader) (*appsv1.Deployment, error) {
	return w.deployedPart(ctx, c, "-controllers")
}

// sessionLifetime is how long somebody stays signed in to the portal, and whether the portal's Deployment could be asked.
func (w Installation) sessionLifetime(ctx context.Context, c client.Reader) (time.Duration, bool) {
	settings, err := w.settings(ctx, c, "-portal")
	if err != nil {
		return signin.DefaultSessionLifetime, false
	}
	text, said := settings["session-lifetime"]
	if !said {
		return signin.DefaultSessionLifetime, true
	}
	lifetime, err := time.ParseDuration(text)
	if err != nil {
		return signin.DefaultSessionLifetime, false
	}
	return lifetime, true
}

// deployedPart is the operator's Deployment, or that of one of its parts where they run apart.
func (w Installation) deployedPart(ctx context.Context, c client.Reader, part string) (*appsv1.Deployment, error) {
	var deployment appsv1.Deployment
	key := client.ObjectKey{Namespace: w.Namespace, Name: w.Deployment}
	err := c.Get(ctx, key, &deployment)
	if apierrors.IsNotFound(err) {
		key.Name += part
		if apart := c.Get(ctx, key, &deployment); !apierrors.IsNotFound(apart) {
			err = apart
		}
	}
	if err != nil {
		return nil, err
	}
	if len(deployment.Spec.Template.Spec.Containers) == 0 {
		return nil, fmt.Errorf("Deployment %q has no container", key.Name)
	}
	return &deployment, nil
}
