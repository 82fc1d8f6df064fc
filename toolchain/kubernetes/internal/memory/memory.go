// Package memory keeps the processes of a cluster small.
package memory

import (
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// A component collects garbage seldom while it starts, when much is allocated and time matters, and
// keeps a small heap once it has settled.
const (
	settledAfter     = 20 * time.Second
	settledGCPercent = 40
	releaseInterval  = 5 * time.Minute
)

// Save keeps this process small. It returns at once.
func Save() {
	// Huge pages would round every small heap of a component up by megabytes.
	_ = unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0)
	go func() {
		time.Sleep(settledAfter)
		debug.SetGCPercent(settledGCPercent)
		for {
			debug.FreeOSMemory()
			time.Sleep(releaseInterval)
		}
	}()
}
