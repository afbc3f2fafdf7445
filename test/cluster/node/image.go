//go:build linux

package node

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// image is the image on the node.
type image struct {
	name   string // in full
	config v1.Config
	files  string // the folder with its files
}

// unpackImage reads an OCI archive with one image, which is for this machine.
func unpackImage(archive, folder string) (*image, error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, fmt.Errorf("%w (run make image-archive)", err)
	}
	defer func() { _ = file.Close() }()
	blobs, files := filepath.Join(folder, "archive"), filepath.Join(folder, "image")
	if err := unpack(file, blobs); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", archive, err)
	}
	index, err := layout.Path(blobs).ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		return nil, errors.Join(fmt.Errorf("%s does not hold one image", archive), err)
	}
	found, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		return nil, err
	}
	config, err := found.ConfigFile()
	if err != nil {
		return nil, err
	}
	content := mutate.Extract(found)
	defer func() { _ = content.Close() }()
	full, err := fullName(manifest.Manifests[0].Annotations["io.containerd.image.name"])
	return &image{full, config.Config, files}, errors.Join(err, unpack(content, files))
}

// unpack writes the plain files of an archive into a folder.
func unpack(from io.Reader, folder string) error {
	r := tar.NewReader(from)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("%s leads out of the archive", header.Name)
		}
		to := filepath.Join(folder, header.Name)
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(to, 0o755)
		case tar.TypeReg:
			err = writeFrom(r, to, header.FileInfo().Mode().Perm())
		default:
			err = fmt.Errorf("%s is no plain file", header.Name)
		}
		if err != nil {
			return err
		}
	}
}

func writeFrom(from io.Reader, to string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}

// copyTo makes the files of the image another folder, as names of the same files: nobody changes them.
func (i *image) copyTo(folder string) error {
	return filepath.WalkDir(i.files, func(file string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(i.files, file)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(folder, relative), 0o755)
		}
		return os.Link(file, filepath.Join(folder, relative))
	})
}

// is tells whether this is the image of that name.
func (i *image) is(wanted string) bool {
	full, err := fullName(wanted)
	return err == nil && full == i.name
}

func fullName(short string) (string, error) {
	reference, err := name.ParseReference(short)
	if err != nil {
		return "", err
	}
	return reference.Name(), nil
}

// user is who the image's program runs as.
func (i *image) user() (user, group uint32, err error) {
	first, second, _ := strings.Cut(i.config.User, ":")
	ids := [2]uint64{}
	for at, text := range []string{first, second} {
		if text == "" {
			continue
		}
		if ids[at], err = strconv.ParseUint(text, 10, 32); err != nil {
			return 0, 0, fmt.Errorf("the image's user %q is no number", i.config.User)
		}
	}
	return uint32(ids[0]), uint32(ids[1]), nil
}
