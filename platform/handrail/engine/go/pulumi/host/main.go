// A Pulumi language host for Python: it starts programs, policy packs and component plugins with the project's own
// interpreter. The vendor's own host is no Go module, so that it cannot be had from the module proxy.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The exit code of a program that has already told its user what is wrong.
const bail = 32

var version string // set by -ldflags

type host struct {
	rpc.UnimplementedLanguageRuntimeServer
	engine string
}

func (h *host) Handshake(_ context.Context, r *rpc.LanguageHandshakeRequest) (*rpc.LanguageHandshakeResponse, error) {
	h.engine = r.EngineAddress
	return &rpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*rpc.PluginInfo, error) {
	return &rpc.PluginInfo{Version: version}, nil
}

// Plugins are loaded when a program first asks for them.
func (h *host) GetRequiredPackages(context.Context, *rpc.GetRequiredPackagesRequest) (*rpc.GetRequiredPackagesResponse, error) {
	return &rpc.GetRequiredPackagesResponse{}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (h *host) About(_ context.Context, r *rpc.AboutRequest) (*rpc.AboutResponse, error) {
	python, err := interpreter(r.Info)
	return &rpc.AboutResponse{Executable: python}, err
}

func (h *host) InstallDependencies(_ *rpc.InstallDependenciesRequest, s grpc.ServerStreamingServer[rpc.InstallDependenciesResponse]) error {
	return s.Send(&rpc.InstallDependenciesResponse{Stdout: []byte("nothing installed: dependencies are the project's own (uv sync)\n")})
}

// The interpreter of the project: its option `virtualenv`, else an active environment, else the one on PATH.
func interpreter(info *rpc.ProgramInfo) (string, error) {
	folder := info.GetOptions().GetFields()["virtualenv"].GetStringValue()
	if folder == "" {
		folder = os.Getenv("VIRTUAL_ENV")
	}
	if folder == "" {
		return exec.LookPath("python3")
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(info.GetRootDirectory(), folder)
	}
	python := filepath.Join(folder, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return "", fmt.Errorf("the project's virtual environment %s has no bin/python: create it, for instance with `uv sync`", folder)
	}
	return python, nil
}

// The script that runs a program inside a stack; it lies beside this host.
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

func (h *host) Run(ctx context.Context, r *rpc.RunRequest) (*rpc.RunResponse, error) {
	python, err := interpreter(r.Info)
	if err != nil {
		return &rpc.RunResponse{Error: err.Error()}, nil
	}
	script, err := executor()
	if err != nil {
		return &rpc.RunResponse{Error: err.Error()}, nil
	}
	// the SDK reads these as JSON and fails on null
	config, keys := r.Config, r.ConfigSecretKeys
	if config == nil {
		config = map[string]string{}
	}
	if keys == nil {
		keys = []string{}
	}
	configJSON, _ := json.Marshal(config)
	keysJSON, _ := json.Marshal(keys)
	args := []string{
		"-u", script,
		"--monitor", r.MonitorAddress, "--engine", h.engine,
		"--project", r.Project, "--stack", r.Stack, "--organization", r.Organization,
		"--pwd", r.Pwd, "--root_directory", r.Info.GetRootDirectory(),
		"--dry_run", fmt.Sprint(r.DryRun), "--parallel", fmt.Sprint(r.Parallel),
		filepath.Join(r.Info.GetProgramDirectory(), r.Info.GetEntryPoint()),
	}
	cmd := exec.CommandContext(ctx, python, append(args, r.Args...)...)
	cmd.Dir = r.Pwd
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "PULUMI_CONFIG="+string(configJSON), "PULUMI_CONFIG_SECRET_KEYS="+string(keysJSON))
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

func (h *host) RunPlugin(r *rpc.RunPluginRequest, s grpc.ServerStreamingServer[rpc.RunPluginResponse]) error {
	python, err := interpreter(r.Info)
	if err != nil {
		return err
	}
	args := append([]string{"-u", filepath.Join(r.Info.GetProgramDirectory(), r.Info.GetEntryPoint())}, r.Args...)
	if r.Kind == "analyzer" { // a policy pack
		args = append(append([]string{"-u", "-m", "pulumi.policy"}, r.Args...), r.Info.GetProgramDirectory())
	}
	cmd := exec.CommandContext(s.Context(), python, args...)
	cmd.Dir = r.Pwd
	cmd.Env = append(os.Environ(), r.Env...)
	cmd.Stdout = sender(func(p []byte) error {
		return s.Send(&rpc.RunPluginResponse{Output: &rpc.RunPluginResponse_Stdout{Stdout: p}})
	})
	cmd.Stderr = sender(func(p []byte) error {
		return s.Send(&rpc.RunPluginResponse{Output: &rpc.RunPluginResponse_Stderr{Stderr: p}})
	})
	code, err := run(cmd)
	if err != nil {
		return err
	}
	return s.Send(&rpc.RunPluginResponse{Output: &rpc.RunPluginResponse_Exitcode{Exitcode: int32(code)}})
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

type sender func([]byte) error

func (send sender) Write(p []byte) (int, error) { return len(p), send(append([]byte(nil), p...)) }

func main() {
	h := &host{}
	for _, argument := range os.Args[1:] {
		if !strings.HasPrefix(argument, "-") {
			h.engine = argument
		}
	}
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Init: func(server *grpc.Server) error {
		rpc.RegisterLanguageRuntimeServer(server, h)
		return nil
	}})
	if err != nil {
		cmdutil.Exit(err)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		cmdutil.Exit(err)
	}
}
