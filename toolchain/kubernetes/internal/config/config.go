// Package config is the part of k3s's server flags and config.yaml that Plonk uses.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// Defaults of k3s's documentation.
const (
	DefaultConfigFile = "/etc/rancher/k3s/config.yaml"
	DefaultDataDir    = "/var/lib/rancher/k3s"
	DefaultKubeconfig = "/etc/rancher/k3s/k3s.yaml"
	DefaultPauseImage = "plonk.local/pause:3.10"
)

// Config is a checked configuration of `k3s server`.
type Config struct {
	ConfigFile, DataDir                string
	NodeIP, NodeName, Token            string
	TLSSans, Disable                   []string
	ClusterCIDR, ServiceCIDR           string
	ClusterDNS, ClusterDomain          string
	NodeLabels, NodeTaints             []string
	KubeletArgs, APIServerArgs         []string
	ControllerManagerArgs              []string
	Kubeconfig, KubeconfigMode         string
	HTTPSPort                          int
	BindAddress, PauseImage            string
	ResolvConf                         string
	FlannelBackend                     string
	DisableAgent, DisableScheduler     bool
	DisableControllerManager           bool
	DisableNetworkPolicy, DisableCloud bool
}

// IsHelp tells whether the error only says that the usage was printed.
func IsHelp(err error) bool { return errors.Is(err, pflag.ErrHelp) }

// Parse reads the flags and the configuration file; a flag wins over the file.
func Parse(args []string) (*Config, error) {
	c := &Config{}
	flags := c.flags()
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("arguments: expected only flags, got %q", flags.Arg(0))
	}
	if err := readFile(c.ConfigFile, flags); err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("k3s server", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVarP(&c.ConfigFile, "config", "c", DefaultConfigFile, "configuration file whose keys are the names of these flags")
	f.StringVarP(&c.DataDir, "data-dir", "d", DefaultDataDir, "directory that holds all state")
	f.StringVarP(&c.NodeIP, "node-ip", "i", "", "IPv4 address of this node (default: the one of the default route)")
	f.StringVar(&c.NodeName, "node-name", "", "name of this node (default: the host name)")
	f.StringVarP(&c.Token, "token", "t", "", "shared secret with which nodes join (default: generated)")
	f.StringSliceVar(&c.TLSSans, "tls-san", nil, "further names or addresses in the certificate of the API server")
	f.StringSliceVar(&c.Disable, "disable", nil, "bundled parts to leave out: coredns, local-storage, servicelb, traefik, metrics-server")
	f.StringVar(&c.ClusterCIDR, "cluster-cidr", "10.42.0.0/16", "addresses of pods")
	f.StringVar(&c.ServiceCIDR, "service-cidr", "10.43.0.0/16", "addresses of services")
	f.StringVar(&c.ClusterDNS, "cluster-dns", "", "address of the cluster's DNS (default: the tenth of --service-cidr)")
	f.StringVar(&c.ClusterDomain, "cluster-domain", "cluster.local", "domain of the cluster")
	f.StringArrayVar(&c.NodeLabels, "node-label", nil, "label of the node, key=value")
	f.StringArrayVar(&c.NodeTaints, "node-taint", nil, "taint of the node, key=value:effect")
	f.StringArrayVar(&c.KubeletArgs, "kubelet-arg", nil, "further flag of kubelet, name=value")
	f.StringArrayVar(&c.APIServerArgs, "kube-apiserver-arg", nil, "further flag of kube-apiserver, name=value")
	f.StringArrayVar(&c.ControllerManagerArgs, "kube-controller-manager-arg", nil, "further flag of kube-controller-manager, name=value")
	f.StringVarP(&c.Kubeconfig, "write-kubeconfig", "o", DefaultKubeconfig, "where to write the administrator's kubeconfig")
	f.StringVar(&c.KubeconfigMode, "write-kubeconfig-mode", "0600", "mode of that file")
	f.IntVar(&c.HTTPSPort, "https-listen-port", 6443, "port of the API server")
	f.StringVar(&c.BindAddress, "bind-address", "0.0.0.0", "address of the API server")
	f.StringVar(&c.PauseImage, "pause-image", DefaultPauseImage, "image of the pod sandbox")
	f.StringVar(&c.ResolvConf, "resolv-conf", "", "resolver configuration of the node (default: the machine's without loopback servers)")
	f.StringVar(&c.FlannelBackend, "flannel-backend", "vxlan", "accepted for k3s's sake, a single node needs none")
	f.BoolVar(&c.DisableAgent, "disable-agent", false, "run the control plane only")
	f.BoolVar(&c.DisableScheduler, "disable-scheduler", false, "leave out kube-scheduler")
	f.BoolVar(&c.DisableControllerManager, "disable-controller-manager", false, "leave out kube-controller-manager")
	f.BoolVar(&c.DisableNetworkPolicy, "disable-network-policy", false, "accepted: this build enforces none")
	f.BoolVar(&c.DisableCloud, "disable-cloud-controller", false, "accepted: this build has none")
	return f
}

// readFile sets every flag that the file names and the command line left alone.
func readFile(path string, flags *pflag.FlagSet) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !flags.Changed("config") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	given := map[string]bool{}
	flags.Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	for key, value := range values {
		flag := flags.Lookup(key)
		if flag == nil || key == "config" {
			return fmt.Errorf("%s: %s: unknown key", path, key)
		}
		if given[key] {
			continue
		}
		if err := set(flags, flag, value); err != nil {
			return fmt.Errorf("%s: %s: %w", path, key, err)
		}
	}
	return nil
}

func set(flags *pflag.FlagSet, flag *pflag.Flag, value any) error {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		if _, list := flag.Value.(pflag.SliceValue); !list {
			return fmt.Errorf("expected one value, got a list")
		}
		for _, item := range value {
			if err := set(flags, flag, item); err != nil {
				return err
			}
		}
		return nil
	case string, bool, int64, float64:
		return flags.Set(flag.Name, fmt.Sprint(value))
	default:
		return fmt.Errorf("expected a value or a list of values, got %T", value)
	}
}

// Disabled tells whether a bundled part is left out.
func (c *Config) Disabled(part string) bool {
	for _, name := range c.Disable {
		if name == part {
			return true
		}
	}
	return false
}

// Path is a path below the data directory.
func (c *Config) Path(elements ...string) string {
	return filepath.Join(append([]string{c.DataDir}, elements...)...)
}

// ContainerdSocket is where the node's containerd listens.
func ContainerdSocket(dataDir string) string {
	return filepath.Join(dataDir, "agent/containerd.sock")
}
