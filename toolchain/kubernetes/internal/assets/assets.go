// Package assets unpacks the programs that a node needs beside Kubernetes (containerd, runc, CNI
// plugins, iptables) from the archive embedded in this binary.
package assets

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// archive is empty in the source tree; the recipe puts the real one in its place.
//
//go:embed node.tar.gz
var archive string

const complete = ".complete"

func name() (string, error) {
	hash := sha256.New()
	// The bare reader hands out pieces; a strings.Reader would write a copy of the whole at once.
	_, err := io.Copy(hash, struct{ io.Reader }{strings.NewReader(archive)})
	return hex.EncodeToString(hash.Sum(nil)), err
}

// forget gives the memory back that reading the archive took: it is a part of this program's file,
// which the kernel would keep mapped for as long as the process runs.
func forget() {
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.StringData(archive)))
	skip := (page - start%page) % page
	length := uintptr(len(archive))
	if whole := (length - min(skip, length)) / page * page; whole > 0 {
		bytes := unsafe.Slice(unsafe.StringData(archive), len(archive))
		_ = unix.Madvise(bytes[skip:skip+whole], unix.MADV_DONTNEED)
	}
}

// Existing is the directory of the programs of a data directory that has run a node.
func Existing(dataDir string) (string, error) {
	current, err := os.Readlink(filepath.Join(dataDir, "data/current"))
	if err != nil {
		return "", fmt.Errorf("data-dir: %s has not run a node yet", dataDir)
	}
	return filepath.Join(dataDir, "data", current, "bin"), nil
}

// Unpack leaves the programs in data/<checksum of the archive>/bin and returns that directory.
// It unpacks beside and renames, so that a directory of that name is always whole.
func Unpack(dataDir string) (string, error) {
	if len(archive) == 0 {
		return "", errors.New("this binary was built without containerd and the other programs of a node; only --disable-agent works")
	}
	defer forget()
	sum, err := name()
	if err != nil {
		return "", err
	}
	root := filepath.Join(dataDir, "data")
	target := filepath.Join(root, sum)
	if _, err := os.Stat(filepath.Join(target, complete)); err != nil {
		if err := unpackBeside(root, target); err != nil {
			return "", fmt.Errorf("%s: %w", target, err)
		}
	}
	if err := link(root, sum); err != nil {
		return "", err
	}
	return filepath.Join(target, "bin"), nil
}

func unpackBeside(root, target string) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(root, ".unpack-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := extract(strings.NewReader(archive), temporary); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temporary, complete), nil, 0o644); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return os.Rename(temporary, target)
}

// link points data/current at the programs in use, for ctr and killall.
func link(root, sum string) error {
	current := filepath.Join(root, "current")
	if old, err := os.Readlink(current); err == nil && old == sum {
		return nil
	}
	temporary := current + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(sum, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, current)
}

func extract(from io.Reader, target string) error {
	unzipped, err := gzip.NewReader(from)
	if err != nil {
		return err
	}
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			// The checksum stands at the very end, behind what the tar reader wants.
			_, err := io.Copy(io.Discard, unzipped)
			return err
		}
		if err != nil {
			return err
		}
		if err := extractEntry(reader, header, target); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func extractEntry(reader io.Reader, header *tar.Header, target string) error {
	path := filepath.Join(target, header.Name)
	if path != target && !strings.HasPrefix(path, target+string(filepath.Separator)) {
		return errors.New("leads out of the directory")
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o755)
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	case tar.TypeReg:
		return writeEntry(reader, path, header.FileInfo().Mode().Perm())
	}
	return fmt.Errorf("unexpected type %q", header.Typeflag)
}

func writeEntry(reader io.Reader, path string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, reader); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
