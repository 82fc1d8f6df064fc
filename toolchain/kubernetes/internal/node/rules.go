package node

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"plonk/toolchain/kubernetes/internal/config"
)

// chain holds the rules of the node itself, beside those of kube-proxy and the CNI plugins.
const chain = "K3S-REJECT"

// ChooseIptables links iptables to the backend that works on this kernel, nf_tables before legacy.
func ChooseIptables(bin string) error {
	backend := ""
	for _, candidate := range []string{"xtables-nft-multi", "xtables-legacy-multi"} {
		command := exec.Command(filepath.Join(bin, candidate), "iptables", "-t", "nat", "-S")
		command.Env = append(os.Environ(), Environment(bin)...)
		if command.Run() == nil {
			backend = candidate
			break
		}
	}
	if backend == "" {
		return fmt.Errorf("iptables: neither the nf_tables nor the legacy backend works on this kernel")
	}
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, suffix := range []string{"", "-save", "-restore"} {
			if err := relink(backend, filepath.Join(bin, family+suffix)); err != nil {
				return err
			}
		}
	}
	return nil
}

func relink(target, path string) error {
	if old, err := os.Readlink(path); err == nil && old == target {
		return nil
	}
	if err := os.Remove(path + ".new"); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.Symlink(target, path+".new"); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// KeepRules rejects what is still addressed to a service or to no existing pod after kube-proxy had its say:
// such traffic would leave the machine by its default route and hang instead of failing at once.
func KeepRules(ctx context.Context, c *config.Config, bin string) {
	for {
		if err := ensureRules(c, bin); err != nil {
			log.Printf("iptables: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(30 * time.Second):
		}
	}
}

func ensureRules(c *config.Config, bin string) error {
	iptables := func(args ...string) error {
		command := exec.Command(filepath.Join(bin, "iptables"), append([]string{"-w", "10"}, args...)...)
		command.Env = append(os.Environ(), Environment(bin)...)
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %s", strings.Join(args, " "), strings.TrimSpace(string(output)))
		}
		return nil
	}
	if iptables("-n", "-L", chain) != nil {
		if err := iptables("-N", chain); err != nil {
			return err
		}
	}
	rules := [][]string{
		{chain, "-d", c.ServiceCIDR, "-j", "REJECT"},
		{chain, "-d", c.ClusterCIDR, "!", "-o", Bridge, "-j", "REJECT"},
		{"OUTPUT", "-j", chain},
		{"FORWARD", "-j", chain},
	}
	for _, rule := range rules {
		if iptables(append([]string{"-C"}, rule...)...) == nil {
			continue
		}
		if err := iptables(append([]string{"-A"}, rule...)...); err != nil {
			return err
		}
	}
	return nil
}
