package cleanup

import (
	"os"
	"path/filepath"
	"testing"

	"plonk/toolchain/kubernetes/internal/supervise"
)

func TestFilterKeepsTheRulesOfOthers(t *testing.T) {
	const rules = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [7:420]
:DOCKER - [0:0]
:KUBE-FORWARD - [0:0]
:K3S-REJECT - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -m comment --comment "about KUBELET" -j ACCEPT
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -j DOCKER
-A FORWARD -j K3S-REJECT
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A K3S-REJECT -d 10.43.0.0/16 -j REJECT
COMMIT
*nat
:CNI-HOSTPORT-DNAT - [0:0]
-A CNI-HOSTPORT-DNAT -p tcp -j ACCEPT
COMMIT
`
	const want = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [7:420]
:DOCKER - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -m comment --comment "about KUBELET" -j ACCEPT
-A FORWARD -j DOCKER
COMMIT
*nat
COMMIT
`
	got, removed := Filter(rules)
	if got != want || !removed {
		t.Errorf("got %q, removed %t", got, removed)
	}
	if again, removed := Filter(got); again != got || removed {
		t.Errorf("second time: got %q, removed %t", again, removed)
	}
}

func TestKillAllOfADirectoryThatNeverRanFindsNothingToDo(t *testing.T) {
	for range 2 {
		if err := Run([]string{"--data-dir", filepath.Join(t.TempDir(), "missing")}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKillAllKeepsData(t *testing.T) {
	dir := t.TempDir()
	lock, err := supervise.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
	kept := filepath.Join(dir, "storage/x")
	state := filepath.Join(dir, "agent/state/x")
	for _, path := range []string{kept, state} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := Run([]string{"--data-dir", dir}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("%s: expected to be gone, got %v", state, err)
	}
}

func TestRunRefusesArguments(t *testing.T) {
	if err := Run([]string{"stray"}); err == nil || err.Error() != `arguments: expected only flags, got "stray"` {
		t.Errorf("got %v", err)
	}
}
