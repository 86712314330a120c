//go:build tools

// Package yaml holds what is built here: Pulumi's own YAML language host.
package yaml

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
