package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

const (
	bail        = 32              // the exit code of a program that has already told its user what is wrong
	gracePeriod = 5 * time.Second // what a cancelled program has to end in
)

// Run runs a program inside a stack.
func (h *host) Run(ctx context.Context, r *rpc.RunRequest) (*rpc.RunResponse, error) {
	python, err := interpreter(r.Info)
	if err != nil {
		return &rpc.RunResponse{Error: err.Error()}, nil
	}
	script, err := executor()
	if err != nil {
		return &rpc.RunResponse{Error: err.Error()}, nil
	}
	config, err := configuration(r)
	if err != nil {
		return nil, err
	}
	if checker := option(r.Info, "typechecker"); checker != "" {
		fmt.Fprintf(os.Stderr, "the type checker %s is not run by this language host: run it in the pipeline\n", checker)
	}
	args := []string{
		"-u", script,
		"--monitor", r.MonitorAddress, "--engine", h.engine,
		"--project", r.Project, "--stack", r.Stack, "--organization", r.Organization,
		"--pwd", r.Pwd, "--root_directory", r.Info.GetRootDirectory(),
		"--dry_run", fmt.Sprint(r.DryRun), "--parallel", fmt.Sprint(r.Parallel),
		filepath.Join(r.Info.GetProgramDirectory(), r.Info.GetEntryPoint()),
	}
	cmd, release := h.command(ctx, python, append(args, r.Args...), config)
	defer release()
	cmd.Dir = r.Pwd
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	code, err := run(cmd)
	switch {
	case err != nil:
		return nil, err
	case code == bail:
		return &rpc.RunResponse{Bail: true}, nil
	case code != 0:
		return &rpc.RunResponse{Error: fmt.Sprintf("the program ended with exit code %d", code)}, nil
	}
	return &rpc.RunResponse{}, nil
}

// RunPlugin runs a policy pack or a component plugin for as long as the engine needs it.
func (h *host) RunPlugin(r *rpc.RunPluginRequest, s grpc.ServerStreamingServer[rpc.RunPluginResponse]) error {
	python, err := interpreter(r.Info)
	if err != nil {
		return err
	}
	args := append([]string{"-u", filepath.Join(r.Info.GetProgramDirectory(), r.Info.GetEntryPoint())}, r.Args...)
	if r.Kind == "analyzer" { // a policy pack
		args = append(append([]string{"-u", "-m", "pulumi.policy"}, r.Args...), r.Info.GetProgramDirectory())
	}
	cmd, release := h.command(s.Context(), python, args, r.Env)
	defer release()
	cmd.Dir = r.Pwd
	var sending sync.Mutex // a stream takes one message at a time
	output := func(message func([]byte) *rpc.RunPluginResponse) sender {
		return func(text []byte) error {
			sending.Lock()
			defer sending.Unlock()
			return s.Send(message(text))
		}
	}
	cmd.Stdout = output(func(text []byte) *rpc.RunPluginResponse {
		return &rpc.RunPluginResponse{Output: &rpc.RunPluginResponse_Stdout{Stdout: text}}
	})
	cmd.Stderr = output(func(text []byte) *rpc.RunPluginResponse {
		return &rpc.RunPluginResponse{Output: &rpc.RunPluginResponse_Stderr{Stderr: text}}
	})
	code, err := run(cmd)
	if err != nil {
		return err
	}
	return s.Send(&rpc.RunPluginResponse{Output: &rpc.RunPluginResponse_Exitcode{Exitcode: int32(code)}})
}

// command prepares a command that ends with its request, with Cancel, and with the engine.
func (h *host) command(
	ctx context.Context, python string, args, more []string,
) (cmd *exec.Cmd, release func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(h.ctx, cancel)
	cmd = exec.CommandContext(ctx, python, args...)
	cmd.Env = append(activated(python), more...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = gracePeriod
	return cmd, func() {
		stop()
		cancel()
	}
}

// run waits for a command; a non-zero exit code is an answer, not an error.
func run(cmd *exec.Cmd) (int, error) {
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// configuration hands a stack's config to the SDK, which reads it as JSON and fails on null.
func configuration(r *rpc.RunRequest) ([]string, error) {
	values, secrets := r.Config, r.ConfigSecretKeys
	if values == nil {
		values = map[string]string{}
	}
	if secrets == nil {
		secrets = []string{}
	}
	valuesJSON, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	secretsJSON, err := json.Marshal(secrets)
	return []string{"PULUMI_CONFIG=" + string(valuesJSON), "PULUMI_CONFIG_SECRET_KEYS=" + string(secretsJSON)}, err
}

type sender func([]byte) error

func (send sender) Write(text []byte) (int, error) { return len(text), send(append([]byte(nil), text...)) }
