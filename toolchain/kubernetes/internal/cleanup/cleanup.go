// Package cleanup undoes what a cluster left on its machine outside the data directory.
package cleanup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/node"
	"plonk/toolchain/kubernetes/internal/supervise"
)

const stopTimeout = 30 * time.Second

// NetworkRecord is the file that names the network namespace of the node.
func NetworkRecord(dataDir string) string { return filepath.Join(dataDir, "agent/network") }

// Run is `k3s killall`: it stops the cluster of a data directory, its pods included, and leaves no
// process, mount, cgroup, interface or rule. The data itself stays. A second run finds nothing to do.
func Run(args []string) error {
	dataDir := config.DefaultDataDir
	flags := pflag.NewFlagSet("k3s killall", pflag.ContinueOnError)
	flags.StringVarP(&dataDir, "data-dir", "d", dataDir, "data directory of the cluster")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("arguments: expected only flags, got %q", flags.Arg(0))
	}
	absolute, err := filepath.Abs(dataDir)
	if err != nil {
		return err
	}
	if resolved, err := filepath.EvalSymlinks(absolute); err == nil {
		absolute = resolved
	}
	return killAll(absolute)
}

func killAll(dataDir string) error {
	if err := stopServer(dataDir); err != nil {
		return err
	}
	network, networkErr := os.ReadFile(NetworkRecord(dataDir))
	steps := []func() error{
		func() error { return supervise.EndLeftovers(dataDir, true) },
		func() error { return endCgroups(config.Identity(dataDir)) },
		func() error { return unmountBelow(dataDir) },
		func() error { return removeCgroups(config.Identity(dataDir)) },
		func() error { return removeOutside(dataDir) },
		func() error { return os.RemoveAll(filepath.Join(dataDir, "agent/state")) },
	}
	if networkErr == nil && inNetwork(string(network)) {
		steps = append(steps, func() error { return cleanNetwork(dataDir) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Stale removes what a reboot or killed pods left, where no pod runs any more: containerd would take
// its old state for living pods.
func Stale(dataDir string) error {
	if len(supervise.Shims(dataDir)) > 0 {
		return nil
	}
	if err := endCgroups(config.Identity(dataDir)); err != nil {
		return err
	}
	state := filepath.Join(dataDir, "agent/state")
	if err := unmountBelow(state); err != nil {
		return err
	}
	// The state names the sockets, so they go first.
	if err := removeOutside(dataDir); err != nil {
		return err
	}
	return os.RemoveAll(state)
}

// stopServer asks the supervisor to stop and insists after a while.
func stopServer(dataDir string) error {
	signal, deadline := syscall.SIGTERM, time.Now().Add(stopTimeout)
	for sent := false; ; {
		pid := supervise.Holder(dataDir)
		if pid == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			if signal == syscall.SIGKILL {
				return fmt.Errorf("process %d: still running after SIGKILL", pid)
			}
			signal, sent, deadline = syscall.SIGKILL, false, time.Now().Add(stopTimeout)
		}
		if !sent {
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d: %w", pid, err)
			}
			sent = true
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// unmountBelow unmounts everything at and below a directory, the deepest first.
func unmountBelow(dir string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return err
	}
	sort.Slice(mounts, func(a, b int) bool { return mounts[a].ID > mounts[b].ID })
	sort.SliceStable(mounts, func(a, b int) bool {
		return strings.Count(mounts[a].Mountpoint, "/") > strings.Count(mounts[b].Mountpoint, "/")
	})
	for _, mount := range mounts {
		err := unix.Unmount(mount.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unmount %s: %w", mount.Mountpoint, err)
		}
	}
	return nil
}

// removeOutside removes the few files that containerd and kubelet keep at fixed places.
func removeOutside(dataDir string) error {
	sockets, _ := filepath.Glob(filepath.Join(dataDir, "agent/state/io.containerd.runtime.v2.task/k8s.io/*/address"))
	for _, file := range sockets {
		if address, err := os.ReadFile(file); err == nil {
			removeQuietly(strings.TrimPrefix(strings.TrimSpace(string(address)), "unix://"))
		}
	}
	links, _ := filepath.Glob("/var/log/containers/*.log")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dataDir+"/") {
			removeQuietly(link)
		}
	}
	removeNetworkResults(config.Identity(dataDir))
	// Only what is empty goes: another containerd of the machine may use the same places.
	for _, dir := range []string{
		"/run/containerd/s", "/run/containerd/runc/k8s.io", "/run/containerd/runc", "/run/containerd", "/var/log/containers", "/var/lib/cni/results", "/var/lib/cni",
	} {
		removeQuietly(dir)
	}
	return nil
}

// removeNetworkResults removes what libcni remembers of our pods: NETWORK-POD-INTERFACE, and the same
// for the loopback interface, whose network has the same name on every cluster.
func removeNetworkResults(network string) {
	results, _ := filepath.Glob("/var/lib/cni/results/" + network + "-*-eth0")
	for _, result := range results {
		pod := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(result), network+"-"), "-eth0")
		removeQuietly(filepath.Join(filepath.Dir(result), "cni-loopback-"+pod+"-lo"))
		removeQuietly(result)
	}
}

func removeQuietly(path string) { _ = os.Remove(path) }

// endCgroups kills the processes of all pods.
func endCgroups(name string) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		pids := members(name)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("cgroup %s: processes %v still running after SIGKILL", name, pids)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d: %w", pid, err)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func members(name string) []int {
	found := map[int]bool{}
	for _, root := range node.Cgroups(name) {
		walk(root, func(dir string) {
			text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			for _, field := range strings.Fields(string(text)) {
				var pid int
				if _, err := fmt.Sscan(field, &pid); err == nil && pid > 1 {
					found[pid] = true
				}
			}
		})
	}
	pids := make([]int, 0, len(found))
	for pid := range found {
		pids = append(pids, pid)
	}
	return pids
}

// removeCgroups removes the cgroup of all pods, leaves first. The kernel may need a moment after
// the last process has ended.
func removeCgroups(name string) error {
	var failure error
	for range 40 {
		failure = nil
		for _, root := range node.Cgroups(name) {
			dirs := []string{}
			walk(root, func(dir string) { dirs = append(dirs, dir) })
			for i := len(dirs) - 1; i >= 0; i-- {
				if err := os.Remove(dirs[i]); err != nil && !errors.Is(err, os.ErrNotExist) {
					failure = err
				}
			}
		}
		if failure == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return failure
}

// walk visits a directory before those in it.
func walk(dir string, visit func(string)) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	visit(dir)
	for _, entry := range entries {
		if entry.IsDir() {
			walk(filepath.Join(dir, entry.Name()), visit)
		}
	}
}
