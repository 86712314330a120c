package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
)

// host answers the engine. Cancelling ctx ends every program and plugin that it started.
type host struct {
	rpc.UnimplementedLanguageRuntimeServer
	engine string
	ctx    context.Context
	cancel context.CancelFunc
}

func (h *host) Handshake(_ context.Context, r *rpc.LanguageHandshakeRequest) (*rpc.LanguageHandshakeResponse, error) {
	h.engine = r.EngineAddress
	return &rpc.LanguageHandshakeResponse{}, nil
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*rpc.PluginInfo, error) {
	return &rpc.PluginInfo{Version: version}, nil
}

// GetRequiredPackages names none: the engine loads a plugin when a program first asks for it, in the version it asks for.
func (h *host) GetRequiredPackages(
	context.Context, *rpc.GetRequiredPackagesRequest,
) (*rpc.GetRequiredPackagesResponse, error) {
	return &rpc.GetRequiredPackagesResponse{}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// InstallDependencies installs nothing, and says what to do where something is missing.
func (h *host) InstallDependencies(
	r *rpc.InstallDependenciesRequest, s grpc.ServerStreamingServer[rpc.InstallDependenciesResponse],
) error {
	python, err := interpreter(r.Info)
	if err != nil {
		return err
	}
	note := fmt.Sprintf("using %s as it is; its packages are installed by the project's own tool, as `uv sync`\n", python)
	return s.Send(&rpc.InstallDependenciesResponse{Stdout: []byte(note)})
}

// RuntimeOptionsPrompts asks nothing more in `pulumi new`.
func (h *host) RuntimeOptionsPrompts(context.Context, *rpc.RuntimeOptionsRequest) (*rpc.RuntimeOptionsResponse, error) {
	return &rpc.RuntimeOptionsResponse{}, nil
}

// Template leaves a template as it is.
func (h *host) Template(context.Context, *rpc.TemplateRequest) (*rpc.TemplateResponse, error) {
	return &rpc.TemplateResponse{}, nil
}

func (h *host) About(ctx context.Context, r *rpc.AboutRequest) (*rpc.AboutResponse, error) {
	python, err := interpreter(r.Info)
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, python, "-c", "import platform; print(platform.python_version())").Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not run: %w", python, err)
	}
	return &rpc.AboutResponse{Executable: python, Version: strings.TrimSpace(string(out))}, nil
}

// The installed distributions as JSON; without an argument only those that no other one requires.
const listDistributions = `
import importlib.metadata, json, re, sys
name = lambda text: re.sub(r"[-_.]+", "-", text).lower()
found = list(importlib.metadata.distributions())
inner = {name(re.split(r"[^\w.-]", line)[0]) for d in found for line in d.requires or ()} if not sys.argv[1:] else ()
print(json.dumps([{"name": d.name, "version": d.version} for d in found if name(d.name) not in inner]))
`

func (h *host) GetProgramDependencies(
	ctx context.Context, r *rpc.GetProgramDependenciesRequest,
) (*rpc.GetProgramDependenciesResponse, error) {
	python, err := interpreter(r.Info)
	if err != nil {
		return nil, err
	}
	args := []string{"-c", listDistributions}
	if r.TransitiveDependencies {
		args = append(args, "all")
	}
	out, err := exec.CommandContext(ctx, python, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s does not list its packages: %w", python, err)
	}
	response := &rpc.GetProgramDependenciesResponse{}
	return response, json.Unmarshal(out, &response.Dependencies)
}
