// Command image writes the operator's image as an OCI archive, without a container engine: what `kind load
// image-archive`, `ctr images import`, `podman load` and `skopeo copy oci-archive:` take.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// example is an argument.
const example = "linux/amd64=bin/partner-operator"

func main() {
	name := flag.String("name", "partner-operator:latest", "the name of the image")
	to := flag.String("to", "dist/partner-operator.tar", "the file to write")
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "Usage: image [-name NAME] [-to FILE] PLATFORM=OPERATOR[,AGENT]..., such as "+example)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*name, *to, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "image: "+err.Error())
		os.Exit(1)
	}
}

func run(name, to string, args []string) error {
	if len(args) == 0 {
		return errors.New("no binary is given, such as " + example)
	}
	var contents []content
	for _, arg := range args {
		platform, paths, found := strings.Cut(arg, "=")
		parsed, err := v1.ParsePlatform(platform)
		if !found || err != nil || parsed.OS == "" || parsed.Architecture == "" {
			return fmt.Errorf("%q is not of the form %s", arg, example)
		}
		operator, agent, _ := strings.Cut(paths, ",")
		contents = append(contents, content{operator, agent, *parsed})
	}
	full := fullName(name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := archive(to, full, contents); err != nil {
		return err
	}
	fmt.Printf("%s holds %s\n", to, full)
	return nil
}

// fullName is the name as nodes look it up: what names no registry is of docker.io, and what has no tag is latest.
func fullName(name string) string {
	first, _, several := strings.Cut(name, "/")
	switch {
	case !several:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(first, ".:") && first != "localhost":
		name = "docker.io/" + name
	}
	if last := name[strings.LastIndex(name, "/"):]; !strings.ContainsAny(last, ":@") {
		name += ":latest"
	}
	return name
}
