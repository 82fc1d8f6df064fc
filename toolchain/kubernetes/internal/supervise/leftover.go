package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mark is the environment variable that tells to which data directory a process belongs. It is
// found again after the supervisor was killed, and can not be mistaken as a process id can.
const mark = "PLONK_K3S_SUPERVISED"

// Shims keep pods running while containerd is away, and are therefore spared by a restart.
const shim = "containerd-shim"

// Leftovers lists the processes that carry the mark of a data directory.
func Leftovers(dataDir string, withShims bool) []int {
	entry := []byte(mark + "=" + dataDir)
	found := []int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		environment, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !contains(environment, entry) {
			continue
		}
		if withShims || !isShim(dir) {
			found = append(found, pid)
		}
	}
	return found
}

func contains(environment, entry []byte) bool {
	for _, variable := range bytes.Split(environment, []byte{0}) {
		if bytes.Equal(variable, entry) {
			return true
		}
	}
	return false
}

func isShim(dir string) bool {
	arguments, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	return err == nil && strings.Contains(filepath.Base(strings.SplitN(string(arguments), "\x00", 2)[0]), shim)
}

// Shims lists the containerd shims of a data directory.
func Shims(dataDir string) []int {
	found := []int{}
	for _, pid := range Leftovers(dataDir, true) {
		if isShim(fmt.Sprintf("/proc/%d", pid)) {
			found = append(found, pid)
		}
	}
	return found
}

// EndLeftovers kills what Leftovers lists and waits until it is gone, at most ten seconds.
func EndLeftovers(dataDir string, withShims bool) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		pids := Leftovers(dataDir, withShims)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v: still running after SIGKILL", pids)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("process %d: %w", pid, err)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Lock is held by the one supervisor of a data directory; the kernel frees it when that dies.
type Lock struct{ file *os.File }

// Acquire takes the lock, or says which process holds it.
func Acquire(dataDir string) (*Lock, error) {
	file, err := os.OpenFile(filepath.Join(dataDir, "k3s.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		return nil, fmt.Errorf("data-dir: %s is in use by process %d", dataDir, readPid(file))
	}
	if err := file.Truncate(0); err != nil {
		return nil, err
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, err
	}
	return &Lock{file}, nil
}

// Release frees the lock.
func (l *Lock) Release() { l.file.Close() }

// Holder is the process that holds the lock, or 0.
func Holder(dataDir string) int {
	file, err := os.Open(filepath.Join(dataDir, "k3s.lock"))
	if err != nil {
		return 0
	}
	defer file.Close()
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		return 0
	}
	return readPid(file)
}

func readPid(file *os.File) int {
	text := make([]byte, 16)
	n, _ := file.ReadAt(text, 0)
	pid, _ := strconv.Atoi(string(text[:n]))
	return pid
}
