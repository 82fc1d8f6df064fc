package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Below the data directory the longest socket is kubelet's pod-resources one, which it makes under a
// name with ten more digits; the kernel takes 107 bytes.
const maxDataDir = 107 - len("/kubelet/pod-resources/kubelet.sock1234567890")

var parts = []string{"coredns", "local-storage", "servicelb", "traefik", "metrics-server"}

var backends = []string{"vxlan", "host-gw", "wireguard-native"}

var componentArg = regexp.MustCompile(`^(--)?[a-z][a-z0-9-]*(=.*)?$`)

// complete fills in what was left out and names the first field that makes no sense.
func (c *Config) complete() error {
	checks := []func() error{
		c.checkPlaces, c.checkParts, c.completeNetwork, c.completeNode, c.checkArgs,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkPlaces() error {
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return fmt.Errorf("data-dir: %w", err)
	}
	// Symbolic links are resolved so that mounts below it are found by the name the kernel shows.
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	c.DataDir = dir
	if len(dir) > maxDataDir {
		return fmt.Errorf("data-dir: expected at most %d bytes (socket paths), got %d: %s", maxDataDir, len(dir), dir)
	}
	if c.Kubeconfig, err = filepath.Abs(c.Kubeconfig); err != nil {
		return fmt.Errorf("write-kubeconfig: %w", err)
	}
	if mode, err := strconv.ParseUint(c.KubeconfigMode, 8, 32); err != nil || mode > 0o777 {
		return fmt.Errorf("write-kubeconfig-mode: expected an octal mode, got %q", c.KubeconfigMode)
	}
	if c.HTTPSPort < 1 || c.HTTPSPort > 65535 {
		return fmt.Errorf("https-listen-port: expected 1 to 65535, got %d", c.HTTPSPort)
	}
	return nil
}

func (c *Config) checkParts() error {
	for _, part := range c.Disable {
		if !slices.Contains(parts, part) {
			return fmt.Errorf("disable: expected one of %s, got %q", strings.Join(parts, ", "), part)
		}
	}
	if !slices.Contains(backends, c.FlannelBackend) {
		return fmt.Errorf("flannel-backend: expected one of %s, got %q", strings.Join(backends, ", "), c.FlannelBackend)
	}
	return nil
}

func (c *Config) completeNetwork() error {
	cluster, err := network("cluster-cidr", c.ClusterCIDR, 24)
	if err != nil {
		return err
	}
	service, err := network("service-cidr", c.ServiceCIDR, 28)
	if err != nil {
		return err
	}
	if cluster.Overlaps(service) {
		return fmt.Errorf("service-cidr: must not overlap cluster-cidr (%s), got %s", cluster, service)
	}
	if c.ClusterDNS == "" {
		c.ClusterDNS = nth(service, 10).String()
	}
	if dns, err := netip.ParseAddr(c.ClusterDNS); err != nil || !service.Contains(dns) {
		return fmt.Errorf("cluster-dns: expected an address in service-cidr (%s), got %q", service, c.ClusterDNS)
	}
	if bind, err := netip.ParseAddr(c.BindAddress); err != nil || !bind.Is4() {
		return fmt.Errorf("bind-address: expected an IPv4 address, got %q", c.BindAddress)
	}
	if errs := validation.IsDNS1123Subdomain(c.ClusterDomain); len(errs) > 0 {
		return fmt.Errorf("cluster-domain: expected a domain, got %q", c.ClusterDomain)
	}
	return nil
}

func (c *Config) completeNode() error {
	if c.NodeName == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("node-name: %w", err)
		}
		c.NodeName = strings.ToLower(name)
	}
	if errs := validation.IsDNS1123Subdomain(c.NodeName); len(errs) > 0 {
		return fmt.Errorf("node-name: expected a DNS name, got %q", c.NodeName)
	}
	if c.NodeIP == "" {
		ip, err := utilnet.ChooseHostInterface()
		switch {
		case err == nil && ip.To4() != nil:
			c.NodeIP = ip.String()
		case c.DisableAgent:
			c.NodeIP = "127.0.0.1"
		default:
			return fmt.Errorf("node-ip: expected an IPv4 address, as this machine has no default route to take it from")
		}
		return nil
	}
	if ip, err := netip.ParseAddr(c.NodeIP); err != nil || !ip.Is4() {
		return fmt.Errorf("node-ip: expected an IPv4 address, got %q", c.NodeIP)
	}
	if net.ParseIP(c.NodeIP).IsLoopback() && !c.DisableAgent {
		return fmt.Errorf("node-ip: expected an address that pods can reach, got %s", c.NodeIP)
	}
	return nil
}

func (c *Config) checkArgs() error {
	lists := map[string][]string{
		"kubelet-arg": c.KubeletArgs, "kube-apiserver-arg": c.APIServerArgs,
		"kube-controller-manager-arg": c.ControllerManagerArgs,
	}
	for name, list := range lists {
		for _, arg := range list {
			if !componentArg.MatchString(arg) {
				return fmt.Errorf("%s: expected name=value, got %q", name, arg)
			}
		}
	}
	for _, label := range c.NodeLabels {
		if key, value, found := strings.Cut(label, "="); !found ||
			len(validation.IsQualifiedName(key)) > 0 || len(validation.IsValidLabelValue(value)) > 0 {
			return fmt.Errorf("node-label: expected key=value, got %q", label)
		}
	}
	for _, taint := range c.NodeTaints {
		if _, effect, found := strings.Cut(taint, ":"); !found ||
			!slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, effect) {
			return fmt.Errorf("node-taint: expected key=value:effect, got %q", taint)
		}
	}
	return nil
}

func network(field, text string, maxBits int) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() || prefix.Masked() != prefix || prefix.Bits() > maxBits {
		return prefix, fmt.Errorf("%s: expected an IPv4 network of at most /%d, got %q", field, maxBits, text)
	}
	return prefix, nil
}

func nth(prefix netip.Prefix, n int) netip.Addr {
	address := prefix.Addr()
	for range n {
		address = address.Next()
	}
	return address
}

// APIServiceIP is the cluster's own address of the API server, the first of the service network.
func (c *Config) APIServiceIP() string {
	return nth(netip.MustParsePrefix(c.ServiceCIDR), 1).String()
}

// FirstPodCIDR is the part of the pod network that the first node of a cluster is given.
func (c *Config) FirstPodCIDR() string {
	return netip.PrefixFrom(netip.MustParsePrefix(c.ClusterCIDR).Addr(), 24).String()
}

// LocalURL is where the components of this machine reach the API server.
func (c *Config) LocalURL() string {
	host := c.BindAddress
	if host == "0.0.0.0" {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("https://%s:%d", host, c.HTTPSPort)
}

// PublicURL is the address that goes into the administrator's kubeconfig.
func (c *Config) PublicURL() string {
	if c.BindAddress != "0.0.0.0" {
		return c.LocalURL()
	}
	return fmt.Sprintf("https://%s:%d", c.NodeIP, c.HTTPSPort)
}

// Identity is a short name of the data directory for what can not live inside it: cgroups.
func Identity(dataDir string) string {
	sum := sha256.Sum256([]byte(dataDir))
	return "k3s-" + hex.EncodeToString(sum[:5])
}

// ComponentArgs turns name=value into the flags of a component.
func ComponentArgs(args []string) []string {
	flags := make([]string, 0, len(args))
	for _, arg := range args {
		flags = append(flags, "--"+strings.TrimPrefix(arg, "--"))
	}
	return flags
}
