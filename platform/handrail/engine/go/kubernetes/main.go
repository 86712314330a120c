// The Kubernetes provider, out of the module that Pulumi publishes. The module lacks the command's two embedded files:
// the build copies them out of the module's own folder, and sets the version to what was really built.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

var version string // set by -ldflags

func main() { provider.Serve("kubernetes", version, schema, mapping) }
