package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// layout is one way to lay the operator out, which kustomize and the chart both know.
type layout struct {
	name string
	// folder is what kustomize builds, and values say the same to the chart.
	folder, values string
	// parts are the names of the Deployments, in the order in which they can start; the last has the portal.
	parts []string
}

var layouts = []layout{
	{"default", "config/default", "{}", []string{"partner-operator"}},
	{"namespaced", "config/overlays/namespaced", "namespaces: [acme]", []string{"partner-operator"}},
	{"split", "config/overlays/split", "portal: {separate: true}", []string{"partner-operator-controllers", "partner-operator-portal"}},
}

// settings are what who installs the operator says to it.
type settings struct{ portalURL, smtpURL, mailFrom string }

// passwordSecret is the Secret with the password for the mail server, as config/manager has it.
const passwordSecret = "partner-operator-smtp"

// byChart says the settings to the chart.
func (s settings) byChart(t *testing.T) string {
	t.Helper()
	return toYAML(t, map[string]any{
		"portal":  map[string]any{"url": s.portalURL},
		"smtp":    map[string]any{"url": s.smtpURL, "existingSecret": passwordSecret},
		"mail":    map[string]any{"from": s.mailFrom},
		"manager": map[string]any{"image": map[string]any{"tag": "latest"}},
	})
}

// byKustomize says the settings to kustomize, in an overlay such as users write.
func (s settings) byKustomize(t *testing.T, base string) []*unstructured.Unstructured {
	t.Helper()
	return buildText(t, toYAML(t, map[string]any{
		"apiVersion": "kustomize.config.k8s.io/v1beta1",
		"kind":       "Kustomization",
		"resources":  []string{"PROJECT/" + base},
		"configMapGenerator": []any{map[string]any{
			"name": "partner-operator-environment", "namespace": operatorNamespace, "behavior": "merge",
			"literals": []string{
				"PARTNER_OPERATOR_PORTAL_URL=" + s.portalURL,
				"PARTNER_OPERATOR_SMTP_URL=" + s.smtpURL,
				"PARTNER_OPERATOR_SMTP_PASSWORD_FILE=/etc/partner-operator/smtp/password",
				"PARTNER_OPERATOR_MAIL_FROM=" + s.mailFrom,
			},
		}},
	}))
}

// buildText builds a kustomization in which PROJECT stands for the folder of the project.
func buildText(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	project, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if project, err = filepath.Rel(dir, project); err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "PROJECT/", project+"/")
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := build(dir)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func toYAML(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
