// Command k3s is upstream Kubernetes as one binary that speaks the part of k3s's command line and
// config.yaml that Plonk uses. It runs each component as a process of its own from the same file,
// so that they share their text pages and one that dies takes nothing else with it.
package main

import (
	"fmt"
	"os"

	"plonk/toolchain/kubernetes/internal/cleanup"
	"plonk/toolchain/kubernetes/internal/components"
	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/server"
	"plonk/toolchain/kubernetes/internal/version"
)

const usage = `Usage: k3s COMMAND [flags]

Commands:
  server    run the control plane and, unless --disable-agent, a node
  kubectl   talk to the cluster
  ctr       talk to the embedded containerd
  killall   stop everything that belongs to a data directory and undo its mounts and cgroups

Flags:
  --version   print the version
`

func main() {
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	os.Exit(run(os.Args[1], os.Args[2:]))
}

// run executes one subcommand and returns the exit code of the process.
func run(command string, args []string) int {
	switch command {
	case "server":
		return report(server.Run(args))
	case "killall":
		return report(cleanup.Run(args))
	case "ctr":
		return report(components.Ctr(args))
	case "kubectl":
		return components.Kubectl(args)
	case "agent":
		return report(fmt.Errorf("agent: joining further nodes is not supported by this build, only server is"))
	case "--version", "-v", "version":
		fmt.Println("k3s version " + version.Kubernetes())
		return 0
	case "--help", "-h", "help":
		fmt.Print(usage)
		return 0
	}
	if code, known := components.Run(command, args); known {
		return code
	}
	return report(fmt.Errorf("%s: unknown command, see k3s --help", command))
}

func report(err error) int {
	if err == nil || config.IsHelp(err) {
		return 0
	}
	fmt.Fprintln(os.Stderr, "k3s: "+err.Error())
	return 1
}
