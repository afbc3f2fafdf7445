package install

import (
	"os"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// block is the first block of a language behind a heading of a page, that begins with this.
func block(t *testing.T, page, heading, language, begins string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut("\n"+string(text), "\n"+heading+"\n")
	for _, each := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(section, -1) {
		if found && strings.HasPrefix(each[1], begins) {
			return each[1]
		}
	}
	t.Fatalf("%s has no such block behind %q", page, heading)
	return ""
}

// The values that the README of the chart shows say what it says.
func TestValuesOfTheReadme(t *testing.T) {
	objects := mustTemplate(t, block(t, readme, "# partner-operator", "yaml", "portal:"))
	admit(t, objects)
	told := settingsOf(t, as[appsv1.Deployment](t, only(objects, "Deployment")[0]), objects)
	for name, want := range map[string]string{
		"portal-url": "https://partners.example.com", "smtp-url": "smtp://acme@mail.example.com:587",
		"smtp-password-file": "/etc/partner-operator/smtp/password", "mail-from": "Acme Partners <partners@example.com>",
	} {
		if told[name] != want {
			t.Errorf("--%s is %q, not %q", name, told[name], want)
		}
	}
}

// The overlay that the page shows installs everything with what it says.
func TestOverlayOfThePage(t *testing.T) {
	text := block(t, folder("docs/install.md"), "## With kustomize", "yaml", "apiVersion: kustomize")
	objects := buildText(t, strings.ReplaceAll(text, "- partner-operator/", "- PROJECT/"))
	deployment := as[appsv1.Deployment](t, only(objects, "Deployment")[0])
	if image := deployment.Spec.Template.Spec.Containers[0].Image; image != "registry.example.com/partner-operator:dev" {
		t.Errorf("the image is %s", image)
	}
	told := settingsOf(t, deployment, objects)
	if told["portal-url"] != "https://partners.acme.example" || told["smtp-password-file"] == "" {
		t.Errorf("it says %v", told)
	}
	if kinds := only(objects, "CustomResourceDefinition", "Namespace"); len(kinds) != 7 {
		t.Errorf("there are %d kinds and namespaces", len(kinds))
	}
	admit(t, objects)
}

// bringKeys makes the signing keys as the README of the chart says, and gives their names.
func bringKeys(t *testing.T) []string {
	t.Helper()
	script := block(t, readme, "## Keys", "console", "head")
	shell := plane.Kubectl(t.Context())
	shell.Path, shell.Args, shell.Dir = "/bin/sh", []string{"sh", "-ec", script}, t.TempDir()
	shell.Env = append(shell.Env, "PATH="+plane.Assets+string(os.PathListSeparator)+os.Getenv("PATH"))
	if said, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return keyNames(t)
}

// keyNames are the names of the signing keys.
func keyNames(t *testing.T) (names []string) {
	t.Helper()
	secret := &corev1.Secret{}
	read(t, "partner-operator-keys", secret)
	for name := range secret.Data {
		names = append(names, name)
	}
	return names
}
