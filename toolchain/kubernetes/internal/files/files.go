// Package files writes files so that a reader or a crash never sees half of one.
package files

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Write replaces a file at once and makes its directory (0700) where it is missing. A file that is
// already the same is left alone, so that nobody who watches it is woken.
func Write(path string, content []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return os.Chmod(path, mode)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(content); err != nil {
		temporary.Close()
		return err
	}
	if err := finish(temporary, mode); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(temporary.Name(), path)
}

func finish(file *os.File, mode os.FileMode) error {
	defer file.Close()
	if err := file.Chmod(mode); err != nil {
		return err
	}
	return file.Sync()
}
