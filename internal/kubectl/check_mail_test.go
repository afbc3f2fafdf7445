package kubectl

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/internal/courier/smtp"
)

func TestCheckGreetsAsTheOperatorDoes(t *testing.T) {
	for name, test := range map[string]struct {
		options  CheckOptions
		settings map[string]string
		want     string
		fails    bool
	}{
		"nothing is known":             {},
		"by the flag of the command":   {options: CheckOptions{Helo: "here.example"}, settings: map[string]string{"smtp-helo": "operator.example"}, want: "here.example"},
		"by the flag of the operator":  {settings: map[string]string{"smtp-helo": "operator.example", "portal-url": "https://partners.example"}, want: "operator.example"},
		"by the portal":                {settings: map[string]string{"portal-url": "https://partners.example:8443", "mail-from": "a@acme.example"}, want: "partners.example"},
		"by the portal of the command": {options: CheckOptions{Installation: Installation{PortalURL: "https://partners.example"}}, want: "partners.example"},
		"by the sender":                {settings: map[string]string{"portal-url": "http://localhost:8080", "mail-from": "Acme <a@acme.example>"}, want: "acme.example"},
		"a name that is none":          {options: CheckOptions{Helo: "two words"}, want: "two words", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			var config smtp.Config
			if err := test.options.identify(&config, test.settings); (err != nil) != test.fails {
				t.Errorf("got %v", err)
			}
			if config.Helo != test.want {
				t.Errorf("the name is %q, want %q", config.Helo, test.want)
			}
		})
	}
}

// The password and the certificates come from the Secrets that the operator's pod mounts.
func TestCheckTrustsAsTheOperatorDoes(t *testing.T) {
	const namespace = "partner-operator-system"
	secret := func(name string, data map[string][]byte) client.Object {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
	}
	mount := func(mounts map[string]string) client.Object {
		found := deployment("partner-operator").(*appsv1.Deployment)
		pod := &found.Spec.Template.Spec
		for folder, name := range mounts {
			pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name}}})
			pod.Containers[0].VolumeMounts = append(pod.Containers[0].VolumeMounts, corev1.VolumeMount{Name: name, MountPath: folder})
		}
		return found
	}
	user := smtp.Config{Username: "acme"}
	settings := map[string]string{"smtp-password-file": "/etc/smtp/pw", "smtp-ca-file": "/etc/ca/root.pem"}
	for name, test := range map[string]struct {
		objects  []client.Object
		options  CheckOptions
		config   smtp.Config
		settings map[string]string
		want     smtp.Config
		without  string
	}{
		"nothing to know": {},
		"as kustomize installs it": {
			objects:  []client.Object{deployment("partner-operator"), secret("partner-operator-smtp", map[string][]byte{"password": []byte("s3cret\n"), "ca.crt": []byte("CA")})},
			config:   user,
			settings: map[string]string{"smtp-password-file": "/etc/partner-operator/smtp/password", "smtp-ca-file": "/etc/partner-operator/smtp/ca.crt"},
			want:     smtp.Config{Username: "acme", Password: "s3cret", CA: []byte("CA")},
		},
		"from two Secrets": {
			objects: []client.Object{
				mount(map[string]string{"/etc/smtp": "mail", "/etc/ca": "ca"}),
				secret("mail", map[string][]byte{"pw": []byte("s3cret")}), secret("ca", map[string][]byte{"root.pem": []byte("CA")}),
			},
			config: user, settings: settings, want: smtp.Config{Username: "acme", Password: "s3cret", CA: []byte("CA")},
		},
		"a file of the command": {
			options: CheckOptions{CAFile: "ca.pem"}, config: smtp.Config{CAFile: "ca.pem"}, settings: settings, want: smtp.Config{CAFile: "ca.pem"},
		},
		"neither can be read": {
			objects: []client.Object{mount(map[string]string{"/etc/smtp": "mail", "/etc/ca": "ca"})}, config: user, settings: settings,
			without: ", but signing in could not be tried: Secret mail cannot be read, without the certificates of --smtp-ca-file: Secret ca cannot be read; name a copy of them with --smtp-ca-file",
		},
		"the key is not there": {
			objects: []client.Object{deployment("partner-operator"), secret("partner-operator-smtp", nil)}, config: user,
			without: ", but signing in could not be tried: Secret partner-operator-smtp cannot be read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.options
			o.Installation = Installation{Namespace: namespace, Deployment: "partner-operator"}
			d := Desk{Client: fake.NewClientBuilder().WithScheme(Scheme).WithObjects(test.objects...).Build()}
			without := o.trust(t.Context(), d, &test.config, test.settings)
			if without != test.without {
				t.Errorf("it goes without %q, want %q", without, test.without)
			}
			if diff := cmp.Diff(test.want, test.config, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(smtp.Config{})); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}
