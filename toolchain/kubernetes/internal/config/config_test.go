package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// parse runs Parse with a configuration file of the given text and a node address.
func parse(t *testing.T, text string, args ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Parse(append([]string{"--config", path}, args...))
}

func TestFileAndFlagsTogether(t *testing.T) {
	c, err := parse(t, `
data-dir: /tmp/plonk
node-ip: 198.18.7.11
node-name: n1
tls-san: [a.example, 203.0.113.7]
disable: traefik,servicelb
https-listen-port: 7443
disable-agent: true
kubelet-arg:
  - max-pods=20
  - eviction-hard=a<1%,b<2%
`, "--node-name", "n2", "--disable", "coredns", "--node-label=a=b", "--node-label=c=d")
	if err != nil {
		t.Fatal(err)
	}
	if c.NodeName != "n2" {
		t.Errorf("node-name: a flag wins over the file, got %q", c.NodeName)
	}
	if want := []string{"coredns"}; !reflect.DeepEqual(c.Disable, want) {
		t.Errorf("disable: got %v, want %v", c.Disable, want)
	}
	if want := []string{"a.example", "203.0.113.7"}; !reflect.DeepEqual(c.TLSSans, want) {
		t.Errorf("tls-san: got %v, want %v", c.TLSSans, want)
	}
	if want := []string{"max-pods=20", "eviction-hard=a<1%,b<2%"}; !reflect.DeepEqual(c.KubeletArgs, want) {
		t.Errorf("kubelet-arg: got %v, want %v", c.KubeletArgs, want)
	}
	if want := []string{"a=b", "c=d"}; !reflect.DeepEqual(c.NodeLabels, want) {
		t.Errorf("node-label: got %v, want %v", c.NodeLabels, want)
	}
	if c.HTTPSPort != 7443 || !c.DisableAgent || c.DataDir != "/tmp/plonk" {
		t.Errorf("got port %d, agent disabled %t, data in %s", c.HTTPSPort, c.DisableAgent, c.DataDir)
	}
}

func TestDefaults(t *testing.T) {
	c, err := parse(t, "node-ip: 198.18.7.11\nservice-cidr: 10.96.0.0/12\n")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.ClusterDNS, c.APIServiceIP(), c.FirstPodCIDR(), c.LocalURL(), c.PublicURL(), c.PauseImage, c.ClusterDomain}
	want := []string{
		"10.96.0.10", "10.96.0.1", "10.42.0.0/24", "https://127.0.0.1:6443", "https://198.18.7.11:6443",
		"plonk.local/pause:3.10", "cluster.local",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRefusals(t *testing.T) {
	const node = "node-ip: 198.18.7.11\n"
	long := "/" + strings.Repeat("a", 80)
	cases := map[string]struct{ text, want string }{
		"unknown key":       {node + "datadir: /x\n", "datadir: unknown key"},
		"config in a file":  {node + "config: /x\n", "config: unknown key"},
		"repeated key":      {node + "token: a\ntoken: b\n", `key "token" already set`},
		"list for a value":  {node + "node-name: [a]\n", "node-name: expected one value, got a list"},
		"map for a value":   {node + "node-name: {a: b}\n", "node-name: expected a value or a list of values"},
		"word for a number": {node + "https-listen-port: many\n", "https-listen-port"},
		"port":              {node + "https-listen-port: 65536\n", "https-listen-port: expected 1 to 65535, got 65536"},
		"node address":      {"node-ip: n1\n", `node-ip: expected an IPv4 address, got "n1"`},
		"IPv6":              {"node-ip: '::1'\n", `node-ip: expected an IPv4 address, got "::1"`},
		"loopback node":     {"node-ip: 127.0.0.1\n", "node-ip: expected an address that pods can reach, got 127.0.0.1"},
		"node name":         {node + "node-name: N_1\n", `node-name: expected a DNS name, got "N_1"`},
		"part":              {node + "disable: [dns]\n", "disable: expected one of coredns, local-storage, servicelb, traefik, metrics-server, got \"dns\""},
		"host bits":         {node + "cluster-cidr: 10.42.0.1/16\n", `cluster-cidr: expected an IPv4 network of at most /24, got "10.42.0.1/16"`},
		"overlap":           {node + "service-cidr: 10.42.8.0/24\n", "service-cidr: must not overlap cluster-cidr (10.42.0.0/16), got 10.42.8.0/24"},
		"dns outside":       {node + "cluster-dns: 10.42.0.10\n", `cluster-dns: expected an address in service-cidr (10.43.0.0/16), got "10.42.0.10"`},
		"mode":              {node + "write-kubeconfig-mode: '0999'\n", `write-kubeconfig-mode: expected an octal mode, got "0999"`},
		"label":             {node + "node-label: [a]\n", `node-label: expected key=value, got "a"`},
		"taint":             {node + "node-taint: ['a=b:Never']\n", `node-taint: expected key=value:effect, got "a=b:Never"`},
		"kubelet flag":      {node + "kubelet-arg: ['max pods']\n", `kubelet-arg: expected name=value, got "max pods"`},
		"backend":           {node + "flannel-backend: none\n", `flannel-backend: expected one of vxlan, host-gw, wireguard-native, got "none"`},
		"long directory":    {node + "data-dir: " + long + "\n", "data-dir: expected at most 62 bytes (socket paths), got 81"},
		"not YAML":          {"node-ip: [\n", "config.yaml: "},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestUnknownFlagAndArgumentAreNamed(t *testing.T) {
	for arg, want := range map[string]string{
		"--cluster-init": "unknown flag: --cluster-init",
		"stray":          `arguments: expected only flags, got "stray"`,
	} {
		if _, err := parse(t, "node-ip: 198.18.7.11\n", arg); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", arg, err, want)
		}
	}
}

func TestMissingFileIsRefusedOnlyWhenNamed(t *testing.T) {
	if _, err := Parse([]string{"--config", "/nonexistent/config.yaml"}); err == nil || !strings.HasPrefix(err.Error(), "config: ") {
		t.Errorf("got %v", err)
	}
}

func TestDataDirectoryIsKnownByItsRealName(t *testing.T) {
	root := t.TempDir()
	if err := os.Symlink(root, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	c, err := parse(t, "node-ip: 198.18.7.11\n", "--data-dir", filepath.Join(root, "link"))
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != root {
		t.Errorf("got %s, want %s", c.DataDir, root)
	}
}

func TestComponentArgs(t *testing.T) {
	got := ComponentArgs([]string{"v=2", "--max-pods=3"})
	if want := []string{"--v=2", "--max-pods=3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add("node-ip: 198.18.7.11\ndisable: [traefik]\n")
	f.Add("? [a]\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse(t, text)
		if (c == nil) == (err == nil) {
			t.Errorf("got %v and %v", c, err)
		}
	})
}
