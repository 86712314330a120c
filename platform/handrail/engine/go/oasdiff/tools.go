//go:build tools

// Package oasdiff holds what is built here: oasdiff, which tells what a change of an OpenAPI document breaks.
package oasdiff

import _ "github.com/oasdiff/oasdiff"
