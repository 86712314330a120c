package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// option is a text under `runtime: options:` of Pulumi.yaml.
func option(info *rpc.ProgramInfo, name string) string {
	return info.GetOptions().GetFields()[name].GetStringValue()
}

// interpreter is the project's: of its option `virtualenv`, of uv's .venv, of the active environment, else on PATH.
func interpreter(info *rpc.ProgramInfo) (string, error) {
	folder := option(info, "virtualenv")
	if folder == "" && option(info, "toolchain") == "uv" {
		folder = ".venv"
	}
	if folder == "" {
		folder = os.Getenv("VIRTUAL_ENV")
	}
	if folder == "" {
		python, err := exec.LookPath("python3")
		if err != nil {
			return "", fmt.Errorf("there is no python3 on PATH: set runtime.options.virtualenv in Pulumi.yaml")
		}
		return python, nil
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(info.GetRootDirectory(), folder)
	}
	python := filepath.Join(folder, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf("the virtual environment %s has no bin/python: create it, for instance with `uv sync`", folder)
	}
	return python, nil
}

// activated is the environment of a process, as after activating the interpreter's virtual environment.
func activated(python string) []string {
	bin := filepath.Dir(python)
	if _, err := os.Stat(filepath.Join(filepath.Dir(bin), "pyvenv.cfg")); err != nil {
		return os.Environ()
	}
	var environment []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if name != "PATH" && name != "VIRTUAL_ENV" && name != "PYTHONHOME" {
			environment = append(environment, variable)
		}
	}
	return append(environment,
		"VIRTUAL_ENV="+filepath.Dir(bin), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// executor is the SDK's script that runs a program inside a stack; it lies beside this host.
func executor() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	script := filepath.Join(filepath.Dir(self), "pulumi-language-python-exec")
	if _, err := os.Stat(script); err != nil {
		return "", fmt.Errorf("%s is missing: run `handrail engine install`", script)
	}
	return script, nil
}
