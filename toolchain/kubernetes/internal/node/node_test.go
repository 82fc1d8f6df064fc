package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plonk/toolchain/kubernetes/internal/config"
)

// shortTempDir is a directory whose name does not repeat the test's: sockets lie below it.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "k")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newConfig(t *testing.T, args ...string) *config.Config {
	t.Helper()
	c, err := config.Parse(append([]string{"--data-dir", shortTempDir(t), "--node-ip", "198.18.7.11", "--node-name", "n1"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContainerdKeepsEverythingBelowTheDataDirectory(t *testing.T) {
	c := newConfig(t)
	text := containerdText(c, "/b", "overlayfs", true)
	for _, want := range []string{
		`root = "` + c.DataDir + `/agent/containerd"`,
		`state = "` + c.DataDir + `/agent/state"`,
		`address = "` + c.DataDir + `/agent/containerd.sock"`,
		`path = "` + c.DataDir + `/agent/opt"`,
		`conf_dir = "` + c.DataDir + `/agent/cni/net.d"`,
		`Root = "` + c.DataDir + `/agent/state/runc"`,
		`BinaryName = "/b/runc"`, `sandbox_image = "plonk.local/pause:3.10"`, `restrict_oom_score_adj = true`,
		`netns_mounts_under_state_dir = true`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %s", want)
		}
	}
	if strings.Contains(text, "%!") {
		t.Error("a value is missing")
	}
}

func TestKubeletOfEachDataDirectoryHasItsOwnCgroup(t *testing.T) {
	roots := map[any]bool{}
	for range 2 {
		roots[kubeletConfiguration(newConfig(t))["cgroupRoot"]] = true
	}
	if len(roots) != 2 {
		t.Errorf("got %v", roots)
	}
}

func TestKubeletArgumentsOfTheUserComeLast(t *testing.T) {
	c := newConfig(t, "--kubelet-arg", "max-pods=20", "--node-label", "a=b", "--node-taint", "c=d:NoSchedule")
	component, err := Kubelet(c, "/b")
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Join(component.Args, " ")
	want := "--node-ip=198.18.7.11 --node-labels=a=b --register-with-taints=c=d:NoSchedule --max-pods=20"
	if !strings.HasSuffix(line, want) {
		t.Errorf("got %s", line)
	}
}

func TestNetworkIsTheFirstPartOfTheClustersUnlessTheNodeWasGivenAnother(t *testing.T) {
	c := newConfig(t, "--cluster-cidr", "10.60.0.0/16")
	for _, subnet := range []string{c.FirstPodCIDR(), "10.60.9.0/24"} {
		if err := WriteNetwork(c, subnet); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(cniConfig(c), "10-k3s.conflist"))
		if err != nil {
			t.Fatal(err)
		}
		var network struct {
			Plugins []struct {
				IPAM struct {
					DataDir string
					Ranges  [][]struct{ Subnet string }
				}
			}
		}
		if err := json.Unmarshal(text, &network); err != nil {
			t.Fatal(err)
		}
		ipam := network.Plugins[0].IPAM
		if ipam.Ranges[0][0].Subnet != subnet || !strings.HasPrefix(ipam.DataDir, c.DataDir) {
			t.Errorf("got %+v, want %s", ipam, subnet)
		}
	}
}

func TestResolverIsTheUsersFileOrTheMachinesWithoutLoopback(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	for text, want := range map[string]bool{"search a\n": false, "nameserver 192.0.2.1\n": true} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := HasNameservers(newConfig(t, "--resolv-conf", path)); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
	c := newConfig(t)
	if err := writeResolvConf(c); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(resolvConf(c))
	if err != nil || strings.Contains(string(text), "nameserver 127.") || strings.Contains(string(text), "nameserver ::1") {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestArchives(t *testing.T) {
	for name, want := range map[string]bool{
		"a.tar": true, "a.tar.gz": true, "a.tgz": true, "a.tar.zst": true, "a.txt": false, ".a.tar": false, "a.tar.part": false,
	} {
		if got := isArchive(name); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
}
