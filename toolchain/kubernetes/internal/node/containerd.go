// Package node says how the processes of a node are started and prepares the machine for them.
package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/files"
	"plonk/toolchain/kubernetes/internal/supervise"
)

// Paths of a node below its data directory.
func containerdRoot(c *config.Config) string  { return c.Path("agent/containerd") }
func containerdState(c *config.Config) string { return c.Path("agent/state") }
func cniConfig(c *config.Config) string       { return c.Path("agent/cni/net.d") }
func registries(c *config.Config) string      { return c.Path("agent/registries") }

// Images of plonk.local exist only as preloaded archives. A pull of a missing one fails at once and not
// after many seconds of asking for the name.
const (
	preloadedOnly = "plonk.local"
	nowhere       = `server = "http://127.0.0.1:1"
[host."http://127.0.0.1:1"]
  capabilities = ["pull", "resolve"]
`
)

// Containerd writes its configuration and returns how to start it. bin holds the programs.
func Containerd(c *config.Config, bin string) (supervise.Component, error) {
	path := c.Path("agent/containerd.toml")
	text := containerdText(c, bin, snapshotter(c), !hasCapability(unix.CAP_SYS_RESOURCE))
	if err := files.Write(path, []byte(text), 0o600); err != nil {
		return supervise.Component{}, err
	}
	hosts := filepath.Join(registries(c), preloadedOnly, "hosts.toml")
	if err := files.Write(hosts, []byte(nowhere), 0o600); err != nil {
		return supervise.Component{}, err
	}
	return supervise.Component{
		Name: "containerd", Path: filepath.Join(bin, "containerd"), Args: []string{"--config", path},
		Env: Environment(bin),
	}, nil
}

// Environment lets programs find those beside them.
func Environment(bin string) []string {
	return []string{
		"PATH=" + bin + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"XTABLES_LIBDIR=" + filepath.Join(filepath.Dir(bin), "lib/xtables"),
	}
}

func containerdText(c *config.Config, bin, snapshotter string, restrictOOM bool) string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = %q
[plugins."io.containerd.internal.v1.opt"]
  path = %q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = %t
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = %q
        Root = %q
        SystemdCgroup = false
`, containerdRoot(c), containerdState(c), config.ContainerdSocket(c.DataDir), c.Path("agent/opt"),
		c.PauseImage, restrictOOM, bin, cniConfig(c), registries(c), snapshotter,
		filepath.Join(bin, "runc"), filepath.Join(containerdState(c), "runc"))
}

// snapshotter is overlayfs where the data directory can be the upper layer of one.
func snapshotter(c *config.Config) string {
	root, err := os.MkdirTemp(c.DataDir, ".overlay-*")
	if err != nil {
		return "native"
	}
	defer os.RemoveAll(root)
	options := []string{}
	for option, dir := range map[string]string{"lowerdir": "l", "upperdir": "u", "workdir": "w"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			return "native"
		}
		options = append(options, option+"="+filepath.Join(root, dir))
	}
	merged := filepath.Join(root, "m")
	if err := os.Mkdir(merged, 0o700); err != nil {
		return "native"
	}
	if err := unix.Mount("overlay", merged, "overlay", 0, strings.Join(options, ",")); err != nil {
		return "native"
	}
	if err := unix.Unmount(merged, unix.MNT_DETACH); err != nil {
		return "native"
	}
	return "overlayfs"
}

func hasCapability(capability int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[capability/32].Effective&(1<<(capability%32)) != 0
}
