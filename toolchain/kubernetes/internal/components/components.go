// Package components runs the Kubernetes programs that are linked into this binary, one a process.
package components

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // metrics of client-go in every component
	_ "k8s.io/component-base/metrics/prometheus/version"  // kubernetes_build_info in every component
	"k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"plonk/toolchain/kubernetes/internal/assets"
	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/memory"
)

var commands = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllermanager.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

// Run executes a component by name; known is false when there is none of that name.
func Run(name string, args []string) (code int, known bool) {
	if name == "etcd" {
		memory.Save()
		if err := runEtcd(args); err != nil {
			fmt.Fprintln(os.Stderr, "etcd: "+err.Error())
			return 1, true
		}
		return 0, true
	}
	create, known := commands[name]
	if !known {
		return 0, false
	}
	memory.Save()
	os.Args = append([]string{name}, args...)
	return cli.Run(create()), true
}

// Kubectl is the upstream kubectl; without KUBECONFIG it uses the file that the server writes.
func Kubectl(args []string) int {
	if os.Getenv("KUBECONFIG") == "" {
		if _, err := os.Stat(config.DefaultKubeconfig); err == nil {
			os.Setenv("KUBECONFIG", config.DefaultKubeconfig)
		}
	}
	os.Args = append([]string{"kubectl"}, args...)
	return cli.Run(cmd.NewDefaultKubectlCommand())
}

// Ctr becomes the embedded containerd's ctr with the socket and namespace of the cluster. The data
// directory is K3S_DATA_DIR or the default one; it has to have run a node before.
func Ctr(args []string) error {
	dataDir := os.Getenv("K3S_DATA_DIR")
	if dataDir == "" {
		dataDir = config.DefaultDataDir
	}
	bin, err := assets.Existing(dataDir)
	if err != nil {
		return err
	}
	env := append(os.Environ(),
		"CONTAINERD_ADDRESS="+config.ContainerdSocket(dataDir), "CONTAINERD_NAMESPACE=k8s.io")
	path := filepath.Join(bin, "ctr")
	return unix.Exec(path, append([]string{"ctr"}, args...), env)
}
