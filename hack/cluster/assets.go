package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

const assetsVariable = "KUBEBUILDER_ASSETS"

// findAssets is the folder with the control plane's programs: the given one, else the one that the environment names,
// else the one that hack/controlplane/build.sh filled.
func findAssets(given string, needed ...string) (string, error) {
	folder := given
	if folder == "" {
		folder = os.Getenv(assetsVariable)
	}
	if folder == "" {
		built, err := builtAssets()
		if err != nil {
			return "", err
		}
		folder = built
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for _, name := range needed {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return "", fmt.Errorf("%s holds no executable %s: run make controlplane (about 4 minutes, once), "+
				"or let %s name a folder that has one", folder, name, assetsVariable)
		}
	}
	return folder, nil
}

// builtAssets is the folder in the user's cache that hack/controlplane/build.sh fills.
func builtAssets() (string, error) {
	recipe, err := recipeFile()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(recipe)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("kubernetes-%s-etcd-%s",
		requiredVersion(text, "k8s.io/kubernetes"), requiredVersion(text, "go.etcd.io/etcd/server/v3"))
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "partner-operator", "controlplane", name), nil
}

// recipeFile is the go.mod that pins the control plane's version, looked for from the working directory upwards.
func recipeFile() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		recipe := filepath.Join(folder, "hack", "controlplane", "go.mod")
		if _, err := os.Stat(recipe); err == nil {
			return recipe, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("no hack/controlplane/go.mod here or above: start in the repository, or let %s name a "+
				"folder with etcd and kube-apiserver", assetsVariable)
		}
		folder = filepath.Dir(folder)
	}
}

// requiredVersion is the version at which a go.mod requires module.
func requiredVersion(gomod []byte, module string) string {
	line := regexp.MustCompile(`(?m)^\s*(?:require\s+)?` + regexp.QuoteMeta(module) + `\s+(v\S+)`)
	if match := line.FindSubmatch(gomod); match != nil {
		return string(match[1])
	}
	return ""
}
