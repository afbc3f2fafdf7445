// Package axe judges with axe-core how well people can use a page who do not see it, or not well, or use no mouse.
//
// axe-core is no part of the project: it is fetched from the npm registry when the tests first need it, checked against
// the sum below, and kept in the user's cache.
package axe

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	version = "4.14.1"
	// sum is the SHA-512 of the package of that version, as the registry publishes it.
	sum = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="

	publicRegistry = "https://registry.npmjs.org"
	// most is the most bytes that the package may have.
	most = 16 << 20
)

// Script is axe-core.
func Script(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	kept := filepath.Join(cache, "partner-operator", "axe-core-"+version+".tgz")
	archive, err := os.ReadFile(kept)
	if err == nil && genuine(archive) {
		return unpack(archive)
	}
	if archive, err = fetch(ctx); err != nil {
		return "", err
	}
	if !genuine(archive) {
		return "", fmt.Errorf("axe-core %s of the registry is not what it was", version)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(kept), 0o755), os.WriteFile(kept, archive, 0o644)); err != nil {
		return "", err
	}
	return unpack(archive)
}

func genuine(archive []byte) bool {
	found := sha512.Sum512(archive)
	return base64.StdEncoding.EncodeToString(found[:]) == sum
}

func fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, registry(ctx)+"/axe-core/-/axe-core-"+version+".tgz", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the registry answered %s", response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, most))
}

// registry is the npm registry that this machine is set up to use.
func registry(ctx context.Context) string {
	for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
		if set := os.Getenv(name); set != "" {
			return strings.TrimSuffix(set, "/")
		}
	}
	if told, err := exec.CommandContext(ctx, "npm", "config", "get", "registry").Output(); err == nil && strings.HasPrefix(string(told), "http") {
		return strings.TrimSuffix(strings.TrimSpace(string(told)), "/")
	}
	return publicRegistry
}

// unpack finds the script in the package.
func unpack(archive []byte) (string, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "", err
	}
	files := tar.NewReader(unzipped)
	for {
		file, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("find axe.min.js in the package: %w", err)
		}
		if file.Name == "package/axe.min.js" {
			script, err := io.ReadAll(io.LimitReader(files, most))
			return string(script), err
		}
	}
}
