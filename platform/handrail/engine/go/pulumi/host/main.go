// A Pulumi language host for Python: it starts programs, policy packs and component plugins with the project's own
// interpreter. The vendor's own host is not published as a Go module, so it cannot be built the way the engine is.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	rpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// How often the host asks whether its engine still lives: an engine that was killed must not leave programs running.
const healthInterval = 15 * time.Second

var version string // set by -ldflags

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &host{ctx: ctx, cancel: cancel}
	for _, argument := range os.Args[1:] {
		if !strings.HasPrefix(argument, "-") {
			h.engine = argument // the engine passes its address last
		}
	}
	if h.engine != "" {
		if err := rpcutil.Healthcheck(ctx, h.engine, healthInterval, cancel); err != nil {
			cmdutil.Exit(err)
		}
	}
	stop := make(chan bool)
	go func() {
		<-ctx.Done()
		close(stop)
	}()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(server *grpc.Server) error {
			rpc.RegisterLanguageRuntimeServer(server, h)
			return nil
		},
	})
	if err != nil {
		cmdutil.Exit(err)
	}
	fmt.Println(handle.Port) // the engine reads the port from the first line
	if err := <-handle.Done; err != nil {
		cmdutil.Exit(err)
	}
}
