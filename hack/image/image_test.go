package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/partner-operator/partner-operator/hack/agent"
)

func TestFullName(t *testing.T) {
	for name, want := range map[string]string{
		"partner-operator":                        "docker.io/library/partner-operator:latest",
		"partner-operator:dev":                    "docker.io/library/partner-operator:dev",
		"acme/partner-operator":                   "docker.io/acme/partner-operator:latest",
		"registry.example.com/partner-operator:1": "registry.example.com/partner-operator:1",
		"localhost/partner-operator":              "localhost/partner-operator:latest",
		"registry:5000/partner-operator":          "registry:5000/partner-operator:latest",
	} {
		if got := fullName(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestMistakesAreTold(t *testing.T) {
	for _, args := range [][]string{nil, {"bin/partner-operator"}, {"linux=bin/partner-operator"}, {"linux/amd64=" + filepath.Join(t.TempDir(), "missing")}} {
		if err := run("partner-operator", filepath.Join(t.TempDir(), "image.tar"), args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// built is a program of a module, for this machine.
func built(t *testing.T, module, program string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, program)
	command.Dir = module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// unpacked is an archive as a folder.
func unpacked(t *testing.T, archive string) layout.Path {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	folder := t.TempDir()
	extract(t, file, folder)
	return layout.Path(folder)
}

func extract(t *testing.T, from io.Reader, folder string) {
	t.Helper()
	r := tar.NewReader(from)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsLocal(header.Name) || header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeDir {
			t.Fatalf("%s is no plain file of the archive", header.Name)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		to := filepath.Join(folder, header.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, header.FileInfo().Mode())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(out, r); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func only[T any](t *testing.T, all []T) T {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("there are %d: %v", len(all), all)
	}
	return all[0]
}

// imageIn is the one image in an archive.
func imageIn(t *testing.T, archive string) v1.Image {
	t.Helper()
	index, err := unpacked(t, archive).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	described := only(t, manifest.Manifests)
	if name := described.Annotations["io.containerd.image.name"]; name != "docker.io/library/partner-operator:test" {
		t.Errorf("nodes know it as %q", name)
	}
	image, err := index.Image(described.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// The smoke test: what the archive holds runs as a node would run it, as somebody who is not root, with nothing around it.
func TestTheImageRuns(t *testing.T) {
	to := filepath.Join(t.TempDir(), "image.tar")
	programs := built(t, "../..", "./cmd") + "," + built(t, "..", "./agent/cmd")
	if err := run("partner-operator:test", to, []string{"linux/" + runtime.GOARCH + "=" + programs}); err != nil {
		t.Fatal(err)
	}
	image := imageIn(t, to)
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.Config.User != "65532:65532" || file.OS != "linux" || file.Architecture != runtime.GOARCH {
		t.Errorf("it runs as %q on %s/%s", file.Config.User, file.OS, file.Architecture)
	}
	root := t.TempDir()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		extract(t, content, root)
		if err := content.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	command := smoke(t, root, only(t, file.Config.Entrypoint), "--help")
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--portal-url") {
		t.Errorf("it ends with %v: %s", err, out)
	}
	out, err = smoke(t, root, only(t, file.Config.Entrypoint), "--portal-url=https://p.example", "--kubeconfig=/nowhere").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "partner-operator: ") || strings.Count(strings.TrimSpace(string(out)), "\n") > 0 {
		t.Errorf("without an API server it ends with %v: %s", err, out)
	}
	out, err = smoke(t, root, agent.Path, "-smtp=nowhere").CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), "agent: listen for mail") {
		t.Errorf("the agent, without an address, ends with %v: %s", err, out)
	}
}

func TestTheOperatorIsTheSameWithoutTheAgent(t *testing.T) {
	folder := t.TempDir()
	operator, agent := filepath.Join(folder, "operator"), filepath.Join(folder, "agent")
	if err := errors.Join(os.WriteFile(operator, []byte("operator"), 0o600), os.WriteFile(agent, []byte("agent"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var first []string
	for programs, want := range map[string]int{operator: 1, operator + "," + agent: 2} {
		to := filepath.Join(t.TempDir(), "image.tar")
		if err := run("partner-operator:test", to, []string{"linux/amd64=" + programs}); err != nil {
			t.Fatal(err)
		}
		layers, err := imageIn(t, to).Layers()
		if err != nil || len(layers) != want {
			t.Fatalf("%s is %d layers, want %d: %v", programs, len(layers), want, err)
		}
		digest, err := layers[0].Digest()
		if err != nil {
			t.Fatal(err)
		}
		first = append(first, digest.String())
	}
	if first[0] != first[1] {
		t.Errorf("the operator's layers are %q", first)
	}
}

// smoke is a command in a root of its own, as the image's user. Only root can make such; others run it where it is.
func smoke(t *testing.T, root, entry string, args ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("WARNING: this is not run by root, so the image runs without a root folder and a user of its own.")
		return exec.Command(filepath.Join(root, entry), args...)
	}
	parents(t, root)
	command := exec.Command(entry, args...)
	command.Dir, command.Env = "/", []string{"PATH=/"}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return command
}

// parents lets the image's user pass through the test's folders.
func parents(t *testing.T, folder string) {
	t.Helper()
	for ; folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		info, err := os.Stat(folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(folder, info.Mode()|fs.FileMode(0o011)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheImageIsTheSameWhenMadeAgain(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "partner-operator")
	if err := os.WriteFile(binary, bytes.Repeat([]byte("operator"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	var before []byte
	for range 2 {
		to := filepath.Join(t.TempDir(), "image.tar")
		if err := run("partner-operator:test", to, []string{"linux/amd64=" + binary, "linux/arm64=" + binary}); err != nil {
			t.Fatal(err)
		}
		made, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && !bytes.Equal(before, made) {
			t.Error("it is another")
		}
		before = made
	}
}

func TestTheImageOfSeveralPlatformsIsAnIndex(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "partner-operator")
	if err := os.WriteFile(binary, []byte("operator"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "image.tar")
	if err := run("partner-operator:test", to, []string{"linux/amd64=" + binary, "linux/arm64/v8=" + binary}); err != nil {
		t.Fatal(err)
	}
	outer, err := unpacked(t, to).ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := outer.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	inner, err := outer.ImageIndex(only(t, manifest.Manifests).Digest)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err = inner.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, image := range manifest.Manifests {
		platforms = append(platforms, image.Platform.String())
	}
	if got := strings.Join(platforms, " "); got != "linux/amd64 linux/arm64/v8" {
		t.Errorf("it is for %s", got)
	}
}
