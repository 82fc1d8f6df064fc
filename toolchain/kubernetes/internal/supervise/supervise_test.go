package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// This test binary is the supervised program, and a supervisor to kill, when it is told so.
func TestMain(m *testing.M) {
	switch os.Getenv("SUPERVISE_TEST") {
	case "supervisor":
		dir := os.Getenv("SUPERVISE_DIR")
		lock, err := Acquire(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer lock.Release()
		New(dir).Start(sleeper(dir, "child"))
		time.Sleep(time.Minute)
		return
	}
	os.Exit(m.Run())
}

// sleeper writes its process id to a file and waits.
func sleeper(dir, name string) Component {
	script := fmt.Sprintf("echo $$ >> %s; trap 'echo %s >> %s; exit 0' TERM; while :; do sleep 0.05; done",
		filepath.Join(dir, name), name, filepath.Join(dir, "stopped"))
	return Component{Name: name, Path: "/bin/sh", Args: []string{"-c", script}}
}

func lines(path string) []string {
	text, _ := os.ReadFile(path)
	return strings.Fields(string(text))
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("did not happen within ten seconds: %s", what)
}

func alive(pid string) bool {
	number, err := strconv.Atoi(pid)
	return err == nil && syscall.Kill(number, 0) == nil
}

func TestKilledComponentIsRestarted(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	s.Start(sleeper(dir, "a"))
	defer s.Stop()
	eventually(t, "first start", func() bool { return len(lines(filepath.Join(dir, "a"))) == 1 })
	pid, _ := strconv.Atoi(lines(filepath.Join(dir, "a"))[0])
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "second start", func() bool { return len(lines(filepath.Join(dir, "a"))) == 2 })
}

func TestStopEndsTheLastStartedFirst(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	for _, name := range []string{"a", "b", "c"} {
		s.Start(sleeper(dir, name))
		eventually(t, name, func() bool { return len(lines(filepath.Join(dir, name))) == 1 })
	}
	s.Stop()
	if got := strings.Join(lines(filepath.Join(dir, "stopped")), " "); got != "c b a" {
		t.Errorf("got %q, want %q", got, "c b a")
	}
	if left := Leftovers(dir, true); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestOutputGoesToALogFile(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	s.Start(Component{Name: "talker", Path: "/bin/sh", Args: []string{"-c", "echo out; echo err >&2; sleep 60"}})
	defer s.Stop()
	eventually(t, "log", func() bool { return len(lines(filepath.Join(dir, "logs/talker.log"))) == 2 })
}

func TestChildrenDieWithAKilledSupervisor(t *testing.T) {
	dir := t.TempDir()
	command := exec.Command("/proc/self/exe")
	command.Env = append(os.Environ(), "SUPERVISE_TEST=supervisor", "SUPERVISE_DIR="+dir)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "child", func() bool { return len(lines(filepath.Join(dir, "child"))) == 1 })
	if got := Holder(dir); got != command.Process.Pid {
		t.Errorf("holder: got %d, want %d", got, command.Process.Pid)
	}
	if _, err := Acquire(dir); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", command.Process.Pid)) {
		t.Errorf("second supervisor: got %v", err)
	}
	child := lines(filepath.Join(dir, "child"))[0]
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	eventually(t, "end of the child", func() bool { return !alive(child) })
	if got := Holder(dir); got != 0 {
		t.Errorf("holder: got %d, want none", got)
	}
	lock, err := Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
}

func TestLeftoversAreFoundByDirectoryAndShimsAreSpared(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	start := func(dataDir, name string) *exec.Cmd {
		command := exec.Command("/bin/sleep", "60")
		command.Args[0] = name
		command.Env = Environment(dataDir)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		go func() { _ = command.Wait() }()
		return command
	}
	plain, shim, foreign := start(dir, "sleep"), start(dir, "/x/containerd-shim-runc-v2"), start(other, "sleep")
	defer foreign.Process.Kill()
	eventually(t, "both", func() bool { return len(Leftovers(dir, true)) == 2 && len(Shims(dir)) == 1 })
	if err := EndLeftovers(dir, false); err != nil {
		t.Fatal(err)
	}
	if alive(strconv.Itoa(plain.Process.Pid)) || !alive(strconv.Itoa(shim.Process.Pid)) {
		t.Error("expected the shim alone to live")
	}
	if err := EndLeftovers(dir, true); err != nil {
		t.Fatal(err)
	}
	if alive(strconv.Itoa(shim.Process.Pid)) || !alive(strconv.Itoa(foreign.Process.Pid)) {
		t.Error("expected the other directory's process alone to live")
	}
}

func TestEnvironmentKeepsTheNotificationSocketFromComponents(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/x")
	for _, entry := range Environment("/d") {
		if strings.HasPrefix(entry, "NOTIFY_SOCKET=") {
			t.Errorf("got %s", entry)
		}
	}
}
