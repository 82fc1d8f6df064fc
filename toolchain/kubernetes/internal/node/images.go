package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"plonk/toolchain/kubernetes/internal/config"
	"plonk/toolchain/kubernetes/internal/files"
)

// Importer brings the image archives of agent/images into containerd.
type Importer struct {
	config *config.Config
	bin    string
	// What was imported, by file name; kept beside containerd's own data, with which it goes.
	done   map[string]string
	record string
}

// NewImporter reads what earlier runs imported.
func NewImporter(c *config.Config, bin string) *Importer {
	i := &Importer{
		config: c, bin: bin, done: map[string]string{},
		record: filepath.Join(containerdRoot(c), "imported.json"),
	}
	if text, err := os.ReadFile(i.record); err == nil {
		_ = json.Unmarshal(text, &i.done) // unreadable: everything is imported again
	}
	return i
}

// Import imports every archive that is new or has changed. An archive that fails is tried again
// next time and does not keep the others back.
func (i *Importer) Import(ctx context.Context) {
	dir := i.config.Path("agent/images")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	sort.Slice(entries, func(a, b int) bool { return entries[a].Name() < entries[b].Name() })
	for _, entry := range entries {
		if !isArchive(entry.Name()) || ctx.Err() != nil {
			continue
		}
		if err := i.importOne(ctx, filepath.Join(dir, entry.Name())); err != nil {
			log.Printf("images: %s: %v", entry.Name(), err)
		}
	}
}

func isArchive(name string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
		if strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") {
			return true
		}
	}
	return false
}

func (i *Importer) importOne(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	name, state := filepath.Base(path), fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
	if i.done[name] == state {
		return nil
	}
	// A file that is still being copied is left for the next round.
	if time.Since(info.ModTime()) < 2*time.Second && !wasThereAtStart(info) {
		return nil
	}
	started := time.Now()
	command := exec.CommandContext(ctx, filepath.Join(i.bin, "ctr"), "--address",
		config.ContainerdSocket(i.config.DataDir), "--namespace", "k8s.io", "images", "import", path)
	command.Env = append(os.Environ(), Environment(i.bin)...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(output)))
	}
	log.Printf("images: imported %s in %s", name, time.Since(started).Round(time.Millisecond))
	i.done[name] = state
	text, err := json.Marshal(i.done)
	if err != nil {
		return err
	}
	return files.Write(i.record, text, 0o600)
}

var processStarted = time.Now()

func wasThereAtStart(info os.FileInfo) bool { return info.ModTime().Before(processStarted) }

// Watch imports what appears later.
func (i *Importer) Watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
			i.Import(ctx)
		}
	}
}
