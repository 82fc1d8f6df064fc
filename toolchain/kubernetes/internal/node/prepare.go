package node

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/files"
)

// Bridge is the interface that the pods of a node hang on.
const Bridge = "cni0"

// Prepare makes what a node needs from its machine: modules, cgroups, resolver and pod network.
func Prepare(c *config.Config) error {
	for _, module := range []string{"overlay", "br_netfilter", "nf_conntrack"} {
		// Built in, already loaded or not to be had in a container: what is missing shows later.
		_ = exec.Command("modprobe", "-q", module).Run()
	}
	if err := ensureCgroups(config.Identity(c.DataDir)); err != nil {
		return err
	}
	if err := writeResolvConf(c); err != nil {
		return err
	}
	path := filepath.Join(cniConfig(c), "10-k3s.conflist")
	if _, err := os.Stat(path); err != nil {
		return WriteNetwork(c, c.FirstPodCIDR())
	}
	return nil
}

// WriteNetwork writes the pod network of this node. Before the node is known the first part of the
// cluster's network is the right guess, as that is what the first node is given.
func WriteNetwork(c *config.Config, podCIDR string) error {
	network := map[string]any{
		"cniVersion": "1.0.0",
		"name":       config.Identity(c.DataDir),
		"plugins": []any{
			map[string]any{
				"type": "bridge", "bridge": Bridge, "isGateway": true, "isDefaultGateway": true,
				"ipMasq": true, "hairpinMode": true,
				"ipam": map[string]any{
					"type":    "host-local",
					"ranges":  []any{[]any{map[string]string{"subnet": podCIDR}}},
					"dataDir": c.Path("agent/cni/networks"),
				},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}},
		},
	}
	text, err := json.MarshalIndent(network, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(filepath.Join(cniConfig(c), "10-k3s.conflist"), text, 0o600)
}

func resolvConf(c *config.Config) string {
	if c.ResolvConf != "" {
		return c.ResolvConf
	}
	return c.Path("agent/resolv.conf")
}

// writeResolvConf copies the machine's resolver without loopback servers: from inside a pod those
// would be the pod itself.
func writeResolvConf(c *config.Config) error {
	if c.ResolvConf != "" {
		return nil
	}
	text, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	kept := []string{}
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		local := len(fields) > 1 && fields[0] == "nameserver" &&
			(strings.HasPrefix(fields[1], "127.") || fields[1] == "::1")
		if len(fields) > 1 && !local {
			kept = append(kept, strings.Join(fields, " "))
		}
	}
	return files.Write(resolvConf(c), []byte(strings.Join(kept, "\n")+"\n"), 0o644)
}

// HasNameservers tells whether the cluster's DNS has anybody to ask about other names.
func HasNameservers(c *config.Config) bool {
	text, err := os.ReadFile(resolvConf(c))
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "nameserver ") {
			return true
		}
	}
	return false
}
