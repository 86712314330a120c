//go:build tools

// Package pulumi holds the versions that the Pulumi command line and the Python language host are built from.
package pulumi

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
