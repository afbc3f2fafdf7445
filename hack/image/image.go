package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/partner-operator/partner-operator/hack/agent"
)

const (
	// entrypoint is where the operator stands in the image.
	entrypoint = "/partner-operator"
	// user is who it runs as, by number, so that nodes can tell that it is not root.
	user = "65532:65532"
)

// content is what the image holds for one platform.
type content struct {
	// operator is the path of the operator here, and agent that of the end-to-end test's agent; empty: without it.
	operator, agent string
	platform        v1.Platform
}

// build makes the image of some binaries. It holds them alone, and is the same whenever and wherever it is made of them.
// The agent is a layer of its own, so that the operator's is the same with and without it.
func build(c content) (v1.Image, error) {
	layers := []v1.Layer{}
	for _, file := range []struct{ from, to string }{{c.operator, entrypoint}, {c.agent, agent.Path}} {
		if file.from == "" {
			continue
		}
		layer, err := layerOf(file.from, file.to)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(image, layers...)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant = c.platform.OS, c.platform.Architecture, c.platform.Variant
	file.Config.User = user
	file.Config.Entrypoint = []string{entrypoint}
	file.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}, "8081/tcp": {}, "8443/tcp": {}}
	file.Config.Labels = map[string]string{
		"org.opencontainers.image.title":    "partner-operator",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	return mutate.ConfigFile(image, file)
}

// layerOf is a layer with one program, which everybody may run and nobody change.
func layerOf(binary, to string) (v1.Layer, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if folder := path.Dir(to); folder != "/" {
		header := &tar.Header{Name: folder[1:] + "/", Mode: 0o555, ModTime: time.Unix(0, 0), Typeflag: tar.TypeDir}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	header := &tar.Header{Name: to[1:], Mode: 0o555, Size: int64(len(program)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression))
}

// archive writes an OCI archive under a name. With several platforms the name leads to an index of them.
func archive(to, name string, contents []content) error {
	folder, err := os.MkdirTemp("", "partner-operator-image")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	at, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	// Containerd and podman read the name of an image from the one annotation, docker and skopeo from the other.
	names := layout.WithAnnotations(map[string]string{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name})
	all := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, c := range contents {
		image, err := build(c)
		if err != nil {
			return fmt.Errorf("the image for %s: %w", c.platform, err)
		}
		if len(contents) == 1 {
			return errors.Join(at.AppendImage(image, names, layout.WithPlatform(c.platform)), pack(folder, to))
		}
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &c.platform}})
	}
	return errors.Join(at.AppendIndex(all, names), pack(folder, to))
}

// pack writes the files of a folder into an archive, in the order of their names and without any time.
func pack(folder, to string) (err error) {
	var files []string
	err = filepath.WalkDir(folder, func(file string, entry os.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(files)
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := tar.NewWriter(out)
	for _, file := range files {
		bytes, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, file)
		if err != nil {
			return err
		}
		header := &tar.Header{Name: filepath.ToSlash(name), Mode: 0o444, Size: int64(len(bytes)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(bytes); err != nil {
			return err
		}
	}
	return w.Close()
}
