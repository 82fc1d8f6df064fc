package cleanup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"

	"plonk/toolchain/kubernetes/internal/assets"
	"plonk/toolchain/kubernetes/internal/node"
)

// inNetwork tells whether this process is in the namespace where the node put its rules. If not, the
// namespace is gone or its owner removes it with everything in it.
func inNetwork(record string) bool {
	own, err := os.Readlink("/proc/self/ns/net")
	return err == nil && own == record
}

// cleanNetwork removes the pod interfaces and the rules of kube-proxy, the CNI plugins and the node.
func cleanNetwork(dataDir string) error {
	if err := removeInterfaces(); err != nil {
		return err
	}
	bin, err := assets.Existing(dataDir)
	if err != nil {
		return nil // no node ever ran
	}
	for _, family := range []string{"iptables", "ip6tables"} {
		if err := cleanRules(bin, family); err != nil {
			return err
		}
	}
	return os.Remove(NetworkRecord(dataDir))
}

func removeInterfaces() error {
	bridge, err := netlink.LinkByName(node.Bridge)
	if err != nil {
		return nil // already gone
	}
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		if link.Attrs().MasterIndex == bridge.Attrs().Index {
			_ = netlink.LinkDel(link) // may go by itself with its pod
		}
	}
	return netlink.LinkDel(bridge)
}

func cleanRules(bin, family string) error {
	save := exec.Command(filepath.Join(bin, family+"-save"))
	save.Env = append(os.Environ(), node.Environment(bin)...)
	rules, err := save.Output()
	if err != nil {
		return nil // a kernel without this family has no rules of it
	}
	kept, removed := Filter(string(rules))
	if !removed {
		return nil
	}
	restore := exec.Command(filepath.Join(bin, family+"-restore"), "-w", "10")
	restore.Env = append(os.Environ(), node.Environment(bin)...)
	restore.Stdin = strings.NewReader(kept)
	if output, err := restore.CombinedOutput(); err != nil {
		return fmt.Errorf("%s-restore: %w: %s", family, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Filter drops the chains of the cluster, and the rules that are in them or lead to them.
func Filter(rules string) (kept string, removed bool) {
	lines := []string{}
	for _, line := range strings.SplitAfter(rules, "\n") {
		if mentions(line) {
			removed = true
			continue
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ""), removed
}

func mentions(line string) bool {
	for _, field := range strings.Fields(line) {
		name := strings.TrimPrefix(field, ":")
		for _, prefix := range []string{"KUBE-", "CNI-", "K3S-"} {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
	}
	return false
}
