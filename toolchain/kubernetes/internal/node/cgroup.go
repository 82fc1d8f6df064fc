package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupMount = "/sys/fs/cgroup"

// Cgroups lists the directories of a cgroup in all hierarchies, whether they exist or not.
func Cgroups(name string) []string {
	if unified() {
		return []string{filepath.Join(cgroupMount, name)}
	}
	found := []string{}
	entries, _ := os.ReadDir(cgroupMount)
	for _, entry := range entries {
		dir := filepath.Join(cgroupMount, entry.Name())
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil && entry.Type() != os.ModeSymlink {
			found = append(found, filepath.Join(dir, name))
		}
	}
	return found
}

func unified() bool {
	var stat unix.Statfs_t
	return unix.Statfs(cgroupMount, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC
}

// ensureCgroups makes the cgroup below which kubelet puts pods.
func ensureCgroups(name string) error {
	for _, dir := range Cgroups(name) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
		if unified() {
			if err := delegate(); err != nil {
				return fmt.Errorf("cgroup: %w", err)
			}
			continue
		}
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			inherit(dir, file)
		}
	}
	return nil
}

// inherit fills in what a new cpuset of cgroup v1 leaves empty, without which nothing can run in it.
func inherit(dir, file string) {
	value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
	own, ownErr := os.ReadFile(filepath.Join(dir, file))
	if err == nil && ownErr == nil && strings.TrimSpace(string(own)) == "" {
		_ = os.WriteFile(filepath.Join(dir, file), value, 0o644)
	}
}

// delegate turns on the controllers that pods need below the root of cgroup v2. In a container the
// root of its namespace may hold processes, which the kernel forbids: they are moved beside.
func delegate() error {
	available, err := os.ReadFile(filepath.Join(cgroupMount, "cgroup.controllers"))
	if err != nil {
		return err
	}
	control := filepath.Join(cgroupMount, "cgroup.subtree_control")
	wanted := "+" + strings.Join(strings.Fields(string(available)), " +")
	err = os.WriteFile(control, []byte(wanted), 0o644)
	if err == nil {
		return nil
	}
	aside := filepath.Join(cgroupMount, "init")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return err
	}
	processes, readErr := os.ReadFile(filepath.Join(cgroupMount, "cgroup.procs"))
	if readErr != nil {
		return readErr
	}
	for _, pid := range strings.Fields(string(processes)) {
		// Kernel threads and processes that ended meanwhile can not be moved.
		_ = os.WriteFile(filepath.Join(aside, "cgroup.procs"), []byte(pid), 0o644)
	}
	return os.WriteFile(control, []byte(wanted), 0o644)
}
