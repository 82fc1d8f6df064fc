// Package supervise keeps the processes of a cluster running and finds those that outlived it.
package supervise

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 15 * time.Second
	// A process that lived this long has not failed at start: the next wait is short again.
	healthyAfter = 30 * time.Second
	stopTimeout  = 15 * time.Second
)

// Component is one supervised process.
type Component struct {
	Name string
	// Executable; empty is this program itself.
	Path string
	Args []string
	// Added to the environment of the supervisor.
	Env []string
	Dir string
}

// Supervisor starts components and restarts them when they end.
type Supervisor struct {
	dataDir, logDir string
	mutex           sync.Mutex
	running         []*process
}

type process struct {
	component Component
	cancel    context.CancelFunc
	done      chan struct{}
}

// New returns a supervisor whose processes carry the data directory as their mark.
func New(dataDir string) *Supervisor {
	return &Supervisor{dataDir: dataDir, logDir: filepath.Join(dataDir, "logs")}
}

// Start runs a component until Stop.
func (s *Supervisor) Start(component Component) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{component: component, cancel: cancel, done: make(chan struct{})}
	s.mutex.Lock()
	s.running = append(s.running, p)
	s.mutex.Unlock()
	go func() {
		defer close(p.done)
		s.keep(ctx, component)
	}()
}

// Stop ends all components, the last started first.
func (s *Supervisor) Stop() {
	s.mutex.Lock()
	running := s.running
	s.running = nil
	s.mutex.Unlock()
	for i := len(running) - 1; i >= 0; i-- {
		running[i].cancel()
		<-running[i].done
	}
}

func (s *Supervisor) keep(ctx context.Context, component Component) {
	output := &tail{to: &lumberjack.Logger{
		Filename: filepath.Join(s.logDir, component.Name+".log"), MaxSize: 20, MaxBackups: 1,
	}}
	backoff := minBackoff
	for ctx.Err() == nil {
		started := time.Now()
		err := s.runOnce(ctx, component, output)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > healthyAfter {
			backoff = minBackoff
		}
		log.Printf("%s ended (%v), restarting in %s; last line: %s", component.Name, err, backoff, output.last())
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (s *Supervisor) runOnce(ctx context.Context, component Component, output io.Writer) error {
	path := component.Path
	args := append([]string{filepath.Base(path)}, component.Args...)
	if path == "" {
		path = "/proc/self/exe"
		args = append([]string{"k3s", component.Name}, component.Args...)
	}
	command := exec.CommandContext(ctx, path)
	command.Args = args
	command.Env = append(Environment(s.dataDir), component.Env...)
	command.Dir = component.Dir
	command.Stdout, command.Stderr = output, output
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopTimeout
	// Own session: a Ctrl-C in a terminal reaches the supervisor alone, which then stops in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := startOnLastingThread(command); err != nil {
		return err
	}
	return command.Wait()
}

var (
	spawnOnce sync.Once
	spawn     = make(chan func())
)

// startOnLastingThread forks on a thread that lives as long as the process: the kernel sends the
// parent-death signal when the forking thread ends, not the process.
func startOnLastingThread(command *exec.Cmd) error {
	spawnOnce.Do(func() {
		go func() {
			runtime.LockOSThread()
			for task := range spawn {
				task()
			}
		}()
	})
	result := make(chan error)
	spawn <- func() { result <- command.Start() }
	return <-result
}

// tail passes output on and remembers its last line, which most often says why a process ended.
type tail struct {
	to    io.Writer
	mutex sync.Mutex
	line  string
}

func (t *tail) Write(text []byte) (int, error) {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	t.mutex.Lock()
	if line := lines[len(lines)-1]; line != "" {
		t.line = line[:min(len(line), 400)]
	}
	t.mutex.Unlock()
	return t.to.Write(text)
}

func (t *tail) last() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.line == "" {
		return "none"
	}
	return t.line
}

// Environment is that of a component: the caller's, marked with the data directory.
func Environment(dataDir string) []string {
	env := []string{}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "NOTIFY_SOCKET=") {
			env = append(env, entry)
		}
	}
	return append(env, fmt.Sprintf("%s=%s", mark, dataDir))
}
