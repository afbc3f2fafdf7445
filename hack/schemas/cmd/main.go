// Command schemas writes the CRDs as JSON schemas, in the layout in which kubeconform looks for them.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/partner-operator/partner-operator/hack/schemas"
)

func main() {
	crds := flag.String("crds", "config/crd/bases", "the folder of the CRDs")
	to := flag.String("to", "dist/schemas", "the folder to write to")
	flag.Parse()
	if err := schemas.Write(*crds, *to); err != nil {
		fmt.Fprintln(os.Stderr, "schemas: "+err.Error())
		os.Exit(1)
	}
	fmt.Printf("%s holds the schemas: kubeconform -strict -schema-location default -schema-location '%s/%s'\n", *to, *to, schemas.Location)
}
