package kubectl

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/internal/signin"
)

// deployment is one of the operator, with flags.
func deployment(name string, args ...string) client.Object {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "partner-operator-system", Name: name},
		Spec:       appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Args: args}}}}},
	}
}

func TestSessionLifetimeOfThePortal(t *testing.T) {
	for name, test := range map[string]struct {
		deployments []client.Object
		want        time.Duration
		known       bool
	}{
		"it says nothing":         {[]client.Object{deployment("partner-operator")}, signin.DefaultSessionLifetime, true},
		"it says so":              {[]client.Object{deployment("partner-operator", "--leader-elect", "--session-lifetime=12h")}, 12 * time.Hour, true},
		"the portal runs apart":   {[]client.Object{deployment("partner-operator-controllers"), deployment("partner-operator-portal", "--session-lifetime=8h")}, 8 * time.Hour, true},
		"it cannot be read":       {nil, signin.DefaultSessionLifetime, false},
		"what it says is no time": {[]client.Object{deployment("partner-operator", "--session-lifetime=long")}, signin.DefaultSessionLifetime, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithScheme(Scheme).WithObjects(test.deployments...).Build()
			got, known := Installation{Namespace: "partner-operator-system", Deployment: "partner-operator"}.sessionLifetime(t.Context(), c)
			if got != test.want || known != test.known {
				t.Errorf("%s, %v", got, known)
			}
		})
	}
}
